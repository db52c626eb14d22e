//! Routes frames by session to computations, and starts computations when their links are there.
//!
//! A pure table decides which run begins when, and the end of proposals that do not meet: see
//! [`rendezvous`]. This actor gives it events and applies its effects. It starts computations,
//! delivers parts, and sends stop notices to the links.

mod ahead;
mod helper;
mod links;
mod planning;
mod rendezvous;
mod reservation;
mod running;
mod status;
mod stopping;
mod witness;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::Rules;
use cloister_protocols::pairwise::CorrelationStore;
use cloister_protocols::session::{AuditHead, Origin, peek};
use tokio::sync::oneshot;
use uuid::Uuid;

pub use self::ahead::MadeAhead;
pub use self::links::Connect;
use self::links::Link;
pub use self::rendezvous::OWN_NETWORK;
use self::rendezvous::{Effect, Event, NodeFacts, RunId, Table};
use self::reservation::GiveBack;
pub use self::reservation::{LONGEST_NAME, Reservation, Reserve};
use self::running::Running;
pub use self::status::{LinkState, LookAtLinks, ProbeMember};
pub use self::stopping::{Close, Shutdown};
use self::workers::Workers;
use crate::computation::{Abort, Conclusion};
use crate::links::{Content, Inbound, PeerLink};
use crate::log::Log;
use crate::progress::Reporter;
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::settings::{Committee, Limits, NodeThresholds, Pairwise};
use crate::vocabulary::turns::Turn;

/// The interval of the search for expired entries.
const SWEEP: Duration = Duration::from_millis(250);

/// The actor.
pub struct Sessions {
    consortium: Arc<Consortium>,
    me: usize,
    thresholds: NodeThresholds,
    deadline: Duration,
    committee: Committee,
    /// The correlations made with other members. None outlives the connection over which it was
    /// made.
    stores: CorrelationStore,
    makes_ahead: bool,
    log: Log,
    table: Table,
    links: BTreeMap<usize, Link>,
    /// The requests of clients that have not begun.
    requests: BTreeMap<RunId, Waiting>,
    computations: BTreeMap<RunId, Running>,
    workers: Workers,
}

/// The session configuration: settings of a node that its sessions need.
pub struct Config {
    /// All members.
    pub consortium: Arc<Consortium>,
    /// The position of this node's member among them.
    pub me: usize,
    /// The random name of this run of the node.
    pub boot: [u8; 16],
    /// The disclosure profile of this node, with its thresholds.
    pub thresholds: NodeThresholds,
    /// The longest time that a computation may take.
    pub deadline: Duration,
    /// The bounds of the node.
    pub limits: Limits,
    /// The committees that this node serves in.
    pub committee: Committee,
    /// The preprocessing that this node does with other members.
    pub pairwise: Pairwise,
    /// The node's audit log.
    pub log: Log,
}

/// The request for the joint computation that a reservation was reserved for.
#[derive(Message)]
#[rtype(result = "Conclusion")]
pub struct Launch {
    /// The members, and the network name under which they compute.
    pub reservation: Reservation,
    /// This party's input and parameters.
    pub request: Request,
    /// The disclosure rules, the origin of the data, and the records behind it.
    pub terms: Terms,
    /// The turn of its question, if members compare it with others about its source.
    pub turn: Option<Arc<Turn>>,
    /// The time of the client's request.
    pub started: Instant,
    /// The reporter through which clients see the progress.
    pub reporter: Reporter,
    /// The time of encoding its data, if the report is to have a trace.
    pub trace: Option<Duration>,
}

/// The terms that this party proposes when the members agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The disclosure rules of this party for this computation.
    pub rules: Rules,
    /// The origin of its data.
    pub origin: Origin,
    /// The head of its audit chain.
    pub audit: AuditHead,
    /// Its data are of a dataset with rules, whose memory must not be older than it was.
    pub remembers: bool,
}

/// The end of a reserved run before it has begun: this node will not take part.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decline {
    /// The reservation.
    pub reservation: Reservation,
    /// The reason, if the other members are to be told it.
    pub failure: Option<Failure>,
}

/// The command to end the computation of this name, if it waits for links or runs. One that is
/// reading its data learns of it from its [`crate::progress::Reporter`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Cancel(pub Uuid);

/// The question for the number of computations under way or waiting for links. Preprocessing does
/// not count.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Load;

/// A request that is ready to begin.
struct Waiting {
    launch: Launch,
    reply: oneshot::Sender<Conclusion>,
}

impl Sessions {
    /// Creates sessions without links: [`Connect`] brings those.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let Config { consortium, me, boot, thresholds, deadline, .. } = config;
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
            thresholds,
            deadline,
            committee,
            stores: CorrelationStore::bounded(pairwise.stock_bytes()),
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
                // The mailbox of a computation that has just begun is never full. Were it full, the
                // part would come late and not never.
                actix::spawn(delivery);
            }
        }
    }

    /// Applies one effect. Returns the delivery of a part for which a mailbox has no room yet.
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
            Effect::Word(run, stopped) => self.abort(run, Abort::Stopped(stopped)),
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
        // The reservation goes first, so that the client can ask again as soon as it reads the answer.
        drop(launch);
        // The client may have gone.
        let _ = reply.send(failure.into());
    }

    /// Returns the number of losses of the state. One that cannot be read now differs from the one that
    /// is compared with it later, or there was none.
    fn losses(&self) -> u64 {
        self.log.vault().losses().unwrap_or_default()
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
    type Result = Result<Reservation, Failure>;

    fn handle(&mut self, reserve: Reserve, context: &mut Self::Context) -> Self::Result {
        let mut effects = self.table.on(Instant::now(), Event::Reserve(reserve.clone()));
        // The answer is the last effect.
        let answer = effects.pop();
        self.apply(effects, context);
        match answer {
            Some(Effect::Grant(run)) => {
                let give_back = context.address().recipient();
                Ok(Reservation::new(run, reserve, self.losses(), give_back))
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
        let (run, since) = (launch.reservation.run(), launch.started);
        let cancelled = launch.reporter.is_cancelled();
        self.requests.insert(run, Waiting { launch, reply });
        self.on(Event::Launch { run, since, cancelled }, context);
        // A computation that was lost may have told members something.
        let lost = |_| Conclusion::of_begun(Failure::Stopping, None);
        Box::pin(async move { result.await.unwrap_or_else(lost) })
    }
}

impl Handler<Decline> for Sessions {
    type Result = ();

    fn handle(&mut self, decline: Decline, context: &mut Self::Context) {
        let Decline { reservation, failure } = decline;
        self.on(Event::Decline { run: reservation.run(), failure }, context);
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
