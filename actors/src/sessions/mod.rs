//! Routes frames by session to computations, and starts computations when their links are there.
//!
//! Which run begins when, and what becomes of proposals that do not meet, is decided by a pure table:
//! see [`rendezvous`]. This actor gives it what happens as events and applies its effects: it starts
//! computations, delivers parts, and sends words to the links.

mod ahead;
mod helper;
mod links;
mod planning;
mod rendezvous;
mod running;
mod status;
mod stopping;
mod ticket;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::{Profile, Rules};
use cloister_protocols::pairwise::Stores;
use cloister_protocols::session::{AuditHead, Origin, peek};
use tokio::sync::oneshot;
use uuid::Uuid;

pub use self::ahead::MadeAhead;
pub use self::links::Connect;
use self::links::Link;
pub use self::rendezvous::OWN_NETWORK;
use self::rendezvous::{Effect, Event, NodeFacts, RunId, Table};
use self::running::Running;
pub use self::status::{LinkState, LookAtLinks, ProbeMember};
pub use self::stopping::{Close, Shutdown};
use self::ticket::GiveBack;
pub use self::ticket::{LONGEST_NAME, Reserve, Ticket};
use self::workers::Workers;
use crate::computation::Conclusion;
use crate::links::{Content, Inbound, PeerLink};
use crate::log::Log;
use crate::progress::Reporter;
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::settings::{Committee, Limits, Pairwise};

/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_millis(250);

/// The actor.
pub struct Sessions {
    consortium: Arc<Consortium>,
    me: usize,
    profile: Profile,
    deadline: Duration,
    committee: Committee,
    /// What was made ahead with others; nothing in it outlives the connection that it was made over.
    stores: Stores,
    makes_ahead: bool,
    log: Log,
    table: Table,
    links: BTreeMap<usize, Link>,
    /// The requests of clients that have not begun.
    requests: BTreeMap<RunId, Waiting>,
    computations: BTreeMap<RunId, Running>,
    workers: Workers,
}

/// Settings of a node that its sessions need.
pub struct Config {
    /// All members.
    pub consortium: Arc<Consortium>,
    /// The position of this node's member among them.
    pub me: usize,
    /// The random name of this run of the node.
    pub boot: [u8; 16],
    /// The disclosure profile of this node.
    pub profile: Profile,
    /// How long a computation may take.
    pub deadline: Duration,
    /// Bounds.
    pub limits: Limits,
    /// For whom this node computes on shares.
    pub committee: Committee,
    /// What this node makes ahead with others.
    pub pairwise: Pairwise,
    /// The node's audit log.
    pub log: Log,
}

/// Asks for the joint computation that a ticket was reserved for.
#[derive(Message)]
#[rtype(result = "Conclusion")]
pub struct Launch {
    /// The members, and the name under which they compute.
    pub ticket: Ticket,
    /// What this party brings.
    pub request: Request,
    /// Under which rules, from where, and with which records behind it.
    pub terms: Terms,
    /// When the client asked.
    pub started: Instant,
    /// Where others can see how far it is.
    pub reporter: Reporter,
    /// How long its data took to be encoded, if the report is to say what took how long.
    pub trace: Option<Duration>,
}

/// What this party says of itself when the members agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its disclosure rules for this computation.
    pub rules: Rules,
    /// Where its data come from.
    pub origin: Origin,
    /// The head of its audit chain.
    pub audit: AuditHead,
}

/// Ends what a ticket was reserved for before it has begun: this node will not take part.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decline {
    /// What was reserved.
    pub ticket: Ticket,
    /// Why there will be none, if the other members are to hear more than that.
    pub failure: Option<Failure>,
}

/// Ends the computation of this name, if it waits for links or runs. One that has not come so far finds
/// out for itself, from its [`crate::progress::Reporter`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Cancel(pub Uuid);

/// Asks how many computations are under way and how many wait for links; what is made ahead does not
/// count.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Load;

/// A request that is ready to begin.
struct Waiting {
    launch: Launch,
    reply: oneshot::Sender<Conclusion>,
}

impl Sessions {
    /// Sessions without links: [`Connect`] brings those.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let Config { consortium, me, boot, profile, deadline, .. } = config;
        let Config { limits, committee, pairwise, log, .. } = config;
        let node = NodeFacts {
            consortium: Arc::clone(&consortium),
            me,
            boot,
            deadline,
            computations: limits.computations,
            help: committee.help,
            ahead: pairwise.ahead,
            peek,
        };
        Self {
            consortium,
            me,
            profile,
            deadline,
            committee,
            stores: Stores::bounded(pairwise.stock_bytes()),
            makes_ahead: pairwise.ahead,
            log,
            table: Table::new(node, Instant::now()),
            links: BTreeMap::new(),
            requests: BTreeMap::new(),
            computations: BTreeMap::new(),
            workers: Workers::default(),
        }
    }

    /// Gives the table an event and applies its effects.
    fn on(&mut self, event: Event, context: &mut Context<Self>) {
        let effects = self.table.on(Instant::now(), event);
        self.apply(effects, context);
    }

    fn apply(&mut self, effects: Vec<Effect>, context: &mut Context<Self>) {
        for effect in effects {
            if let Some(delivery) = self.apply_one(effect, context) {
                // The mailbox of a computation that has just begun is never full; were it, the part
                // would come late and not never.
                actix::spawn(delivery);
            }
        }
    }

    /// Applies one effect. Gives back the delivery of a part for which a mailbox has no room yet.
    fn apply_one(
        &mut self,
        effect: Effect,
        context: &mut Context<Self>,
    ) -> Option<running::Delivery> {
        match effect {
            Effect::Refuse { run, failure } => self.refuse(run, failure),
            Effect::AwaitLinks { run, missing } => {
                if let Some(waiting) = self.requests.get(&run) {
                    waiting.launch.reporter.connecting(missing);
                }
            }
            Effect::Begin { run, session, number, origin } => {
                if let Some((waiting, cause)) = self.request(run, number, origin, context) {
                    self.begin(run, session, number, waiting, cause);
                }
            }
            Effect::Deliver(run, deliver) => return self.deliver(run, deliver),
            Effect::Abort(run, abort) => self.abort(run, abort),
            Effect::Stop { position, session, notice } => {
                self.send_stop(position, session, &notice);
            }
            Effect::AskAhead { position, session } => {
                let wanted = self.wants_more(position);
                self.on(Event::FollowAhead { position, session, wanted }, context);
            }
            // Answers to a reservation, which its handler has taken.
            Effect::Grant(_) | Effect::Deny(_) => {}
        }
        None
    }

    /// Tells the client of a request that it has ended before it began.
    fn refuse(&mut self, run: RunId, failure: Failure) {
        let Some(Waiting { launch, reply }) = self.requests.remove(&run) else { return };
        // The ticket goes first, so that the client can ask again as soon as it hears.
        drop(launch);
        // The client may have gone.
        let _ = reply.send(failure.into());
    }

    fn name(&self, position: usize) -> String {
        let member = self.consortium.members().get(position);
        member.map_or_else(String::new, |member| member.name.clone())
    }
}

impl Actor for Sessions {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SWEEP, |sessions, context| {
            sessions.on(Event::Tick, context);
            sessions.make_ahead(context);
        });
    }
}

impl Handler<Reserve> for Sessions {
    type Result = Result<Ticket, Failure>;

    fn handle(&mut self, reserve: Reserve, context: &mut Self::Context) -> Self::Result {
        let mut effects = self.table.on(Instant::now(), Event::Reserve(reserve.clone()));
        // The answer comes after what else is to be done.
        let answer = effects.pop();
        self.apply(effects, context);
        match answer {
            Some(Effect::Grant(run)) => {
                Ok(Ticket::new(run, reserve, context.address().recipient()))
            }
            Some(Effect::Deny(failure)) => Err(failure),
            _ => Err(Failure::Broken),
        }
    }
}

impl Handler<GiveBack> for Sessions {
    type Result = ();

    fn handle(&mut self, GiveBack(run): GiveBack, context: &mut Self::Context) {
        if let Some(running) = self.computations.remove(&run) {
            self.forget_what_is_lost(&running);
        }
        self.on(Event::Over(run), context);
        self.make_ahead(context);
    }
}

impl Handler<Launch> for Sessions {
    type Result = ResponseFuture<Conclusion>;

    fn handle(&mut self, launch: Launch, context: &mut Self::Context) -> Self::Result {
        let (reply, result) = oneshot::channel();
        let (run, since) = (launch.ticket.run(), launch.started);
        let cancelled = launch.reporter.is_cancelled();
        self.requests.insert(run, Waiting { launch, reply });
        self.on(Event::Launch { run, since, cancelled }, context);
        Box::pin(async { result.await.unwrap_or_else(|_| Failure::Stopping.into()) })
    }
}

impl Handler<Decline> for Sessions {
    type Result = ();

    fn handle(&mut self, decline: Decline, context: &mut Self::Context) {
        let Decline { ticket, failure } = decline;
        self.on(Event::Decline { run: ticket.run(), failure }, context);
    }
}

impl Handler<Cancel> for Sessions {
    type Result = ();

    fn handle(&mut self, Cancel(id): Cancel, context: &mut Self::Context) {
        let waiting = self.requests.iter().filter(|(_, it)| it.launch.reporter.id() == id);
        let running = self.computations.iter().filter(|(_, running)| running.id == id);
        let runs: Vec<RunId> =
            waiting.map(|(run, _)| *run).chain(running.map(|(run, _)| *run)).collect();
        for run in runs {
            self.on(Event::Cancel(run), context);
        }
    }
}

impl Handler<Inbound> for Sessions {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, inbound: Inbound, context: &mut Self::Context) -> Self::Result {
        let Inbound { position, session, content } = inbound;
        let event = match content {
            Content::Part(part) => Event::Part { position, session, part },
            Content::Stop(notice) => Event::Stop { position, session, notice },
        };
        let effects = self.table.on(Instant::now(), event);
        let mut waiting = Vec::new();
        for effect in effects {
            waiting.extend(self.apply_one(effect, context));
        }
        // While a mailbox is full the link waits, and with it the sender.
        Box::pin(async {
            for delivery in waiting {
                delivery.await;
            }
        })
    }
}

impl Handler<Load> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: Load, _: &mut Self::Context) -> usize {
        self.table.load()
    }
}
