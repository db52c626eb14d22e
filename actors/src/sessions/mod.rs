//! Routes frames by session to computations, and starts computations when their links are there.
//!
//! A network name belongs to one computation of one set of members at a time: whoever asks under a
//! name gets a [`Ticket`] for it, and a second request under the same name ends both, because
//! nobody could tell which belongs to which at the other nodes. One after the other, computations
//! under a name are numbered, at each node by itself, and matched by number: see [`matching`].
//!
//! Proposals that come before our own client has asked wait here, bounded. All other frames need
//! a session: no peer goes past its proposal without ours. Proposals that call us as a helper are
//! answered without a client: see [`helping`]; and so is what two nodes make ahead: see [`ahead`].

mod ahead;
mod cancelling;
mod declining;
mod early;
mod helping;
mod linking;
mod looking;
mod matching;
mod numbers;
mod planning;
mod running;
mod stopping;
mod ticket;
mod workers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient, ResponseFuture};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::{Profile, Rules};
use cloister_protocols::machine::Part;
use cloister_protocols::pairwise::Stores;
use cloister_protocols::session::{AuditHead, MemberId, Origin};
use cloister_protocols::wire::SessionId;
use tokio::sync::oneshot;

use self::ahead::{Ahead, Pace};
pub use self::ahead::{MadeAhead, OWN_NETWORK};
pub use self::cancelling::Cancel;
pub use self::declining::Decline;
use self::declining::Declined;
use self::early::Early;
pub use self::linking::Connect;
pub use self::looking::{LinkState, LookAtLinks, ProbeMember};
use self::matching::End;
use self::numbers::{Group, Numbers};
use self::running::{Cause, Running};
pub use self::stopping::{Close, Shutdown};
use self::ticket::{GiveBack, Key, Names};
pub use self::ticket::{LONGEST_NAME, Reserve, Ticket};
use self::workers::Workers;
use crate::computation::{Abort, Computation, Conclusion, Deliver, Ended};
use crate::links::{Content, Inbound, LinkUp, PeerLink};
use crate::log::Log;
use crate::progress::Reporter;
use crate::vocabulary::consortium::{Consortium, member_id};
use crate::vocabulary::failure::Failure;
use crate::vocabulary::settings::{Committee, Limits, Pairwise};

/// Requests of more words than this are computed on a worker's thread: masking and hashing them
/// would hold up the links.
const SMALL_WORDS: usize = 32 << 10;

/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_millis(250);

/// The actor.
pub struct Sessions {
    consortium: Arc<Consortium>,
    me: usize,
    boot: [u8; 16],
    profile: Profile,
    deadline: Duration,
    limits: Limits,
    committee: Committee,
    /// What was made ahead with others; nothing in it outlives the connection that it was made over.
    stores: Stores,
    ahead: Ahead,
    log: Log,
    links: BTreeMap<usize, Link>,
    names: Names,
    waiting: Vec<Waiting>,
    /// What we will not take part in, and since when; the others do not know it yet.
    declined: Vec<Declined>,
    running: HashMap<SessionId, Running>,
    early: Early,
    numbers: Numbers,
    just_ended: HashMap<Key, End>,
    workers: Workers,
    /// Nothing new is begun.
    closing: bool,
}

/// What a node's sessions need to know.
pub struct Surroundings {
    /// All members.
    pub consortium: Arc<Consortium>,
    /// Which of them this node is.
    pub me: usize,
    /// The random name of this run of the node.
    pub boot: [u8; 16],
    /// Whose disclosure rules hold here.
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
    /// Who computes under which name.
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

/// Asks how many computations are under way and how many wait for links; what is made ahead does not
/// count.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Load;

struct Link {
    address: Addr<PeerLink>,
    up: Option<LinkUp>,
    last_boot: Option<[u8; 16]>,
    problem: String,
    /// Since when it is up or down, in milliseconds since 1970.
    since: u64,
    /// How often it could not be made since it was up last.
    attempts: u64,
    pace: Pace,
}

/// A request whose links are not all there.
struct Waiting {
    launch: Launch,
    reply: oneshot::Sender<Conclusion>,
}

impl Sessions {
    /// Sessions without links: [`Connect`] brings those.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        let Surroundings { consortium, me, boot, profile, deadline, .. } = surroundings;
        let Surroundings { limits, committee, pairwise, log, .. } = surroundings;
        Self {
            consortium,
            me,
            boot,
            profile,
            deadline,
            limits,
            committee,
            stores: Stores::bounded(pairwise.stock_bytes()),
            ahead: Ahead::new(pairwise.ahead),
            log,
            links: BTreeMap::new(),
            names: Names::default(),
            waiting: Vec::new(),
            declined: Vec::new(),
            running: HashMap::new(),
            early: Early::default(),
            numbers: Numbers::default(),
            just_ended: HashMap::new(),
            workers: Workers::default(),
            closing: false,
        }
    }

    fn launch(&mut self, waiting: Waiting, context: &mut Context<Self>) {
        let own = self.running.values().filter(|running| running.cause == Cause::Client).count();
        let under_way = own + self.waiting.len();
        if self.closing {
            return self.give_up(waiting, Failure::Stopping);
        }
        let refusal = if self.names.has_clashed(&waiting.launch.ticket) {
            Some(waiting.launch.ticket.clash())
        } else if under_way >= self.limits.computations {
            Some(Failure::Busy { limit: self.limits.computations })
        } else if waiting.launch.reporter.is_cancelled() {
            return self.cancel_waiting(waiting);
        } else {
            None
        };
        if let Some(failure) = refusal {
            waiting.refuse(failure);
        } else if self.missing(waiting.launch.ticket.members()).is_empty() {
            self.start(waiting, context);
        } else {
            self.wait_for_links(waiting);
        }
    }

    fn wait_for_links(&mut self, waiting: Waiting) {
        self.tell_missing(&waiting);
        self.waiting.push(waiting);
    }

    /// Tells whoever looks for whose links a request waits.
    fn tell_missing(&self, waiting: &Waiting) {
        let missing = self.missing(waiting.launch.ticket.members());
        let members = waiting.launch.ticket.members().iter().enumerate();
        let indices = members.filter(|(_, member)| missing.contains(member));
        waiting.launch.reporter.connecting(indices.map(|(index, _)| index).collect());
    }

    /// The members among these whose link is down.
    fn missing(&self, members: &[usize]) -> Vec<usize> {
        let down = |position: &usize| {
            *position != self.me && self.links.get(position).is_none_or(|link| link.up.is_none())
        };
        members.iter().copied().filter(down).collect()
    }

    fn start(&mut self, waiting: Waiting, context: &mut Context<Self>) {
        let members = waiting.launch.ticket.members().to_vec();
        let network = waiting.launch.ticket.network().to_owned();
        let group = self.group(&network, &members);
        if let Some(failure) = self.shared_end(&network, &members, &group) {
            return waiting.refuse(failure);
        }
        let ahead = match self.early_of_others(&network, &members) {
            Ok(ahead) => ahead,
            Err(failure) => {
                self.tell_all(&network, &members, &group, &failure);
                return waiting.refuse(failure);
            }
        };
        let run = self.numbers.next(&group, ahead);
        self.stop_those_behind(&network, &members, run);
        self.begin(waiting, (group, run), Cause::Client, context);
    }

    /// Begins what has all its links, as this run of its group.
    fn begin(
        &mut self,
        waiting: Waiting,
        (group, run): (Group, u64),
        cause: Cause,
        context: &mut Context<Self>,
    ) {
        let session = group.session(run);
        let members = waiting.launch.ticket.members().to_vec();
        let network = waiting.launch.ticket.network().to_owned();
        waiting.launch.reporter.has_run(run);
        let id = waiting.launch.reporter.id();
        let small = waiting.launch.request.words() <= SMALL_WORDS;
        let quiet = cause == Cause::Ahead;
        let Some(plan) = self.plan(waiting, (session, run), quiet, context) else { return };
        let address = match self.workers.next(small) {
            None => Computation::new(plan).start(),
            Some(worker) => Computation::start_in_arbiter(&worker, move |_| Computation::new(plan)),
        };
        let bindings = self.link_bindings(&members);
        let (heard, ending) = (BTreeSet::new(), false);
        let running =
            Running { id, address, network, members, bindings, group, run, cause, heard, ending };
        self.running.insert(session, running);
        self.deliver_early(session);
    }

    /// The group of these members, each in its node's last known run.
    fn group(&self, network: &str, members: &[usize]) -> Group {
        let boot = |position: &usize| {
            self.links.get(position).and_then(|link| link.last_boot).unwrap_or(self.boot)
        };
        let member = |position: &usize| Some((self.member(*position)?, boot(position)));
        Group::new(network, members.iter().filter_map(member))
    }

    fn member(&self, position: usize) -> Option<MemberId> {
        self.consortium.members().get(position).map(member_id)
    }

    fn name(&self, position: usize) -> String {
        self.consortium.members().get(position).map_or_else(String::new, |m| m.name.clone())
    }

    fn deliver_early(&mut self, session: SessionId) {
        let Some(running) = self.running.get_mut(&session) else { return };
        for (position, part) in self.early.take(session) {
            let Some(from) = running.party(position) else { continue };
            running.heard.insert(position);
            // One proposal a party: nothing to bound, and the computation has just been started.
            running.address.do_send(Deliver { from, part });
        }
    }

    fn expire_waiting(&mut self) {
        let deadline = self.deadline;
        let expired = |waiting: &mut Waiting| waiting.launch.started.elapsed() >= deadline;
        let gone: Vec<Waiting> = self.waiting.extract_if(.., expired).collect();
        for waiting in gone {
            let failure = self.never_connected(waiting.launch.ticket.members());
            waiting.refuse(failure);
        }
    }

    fn never_connected(&self, members: &[usize]) -> Failure {
        let missing = self.missing(members);
        let problem = |position| self.links.get(position).map(|link| link.problem.clone());
        Failure::Deadline {
            detail: missing.first().and_then(problem).filter(|problem| !problem.is_empty()),
            parties: missing.iter().map(|position| self.name(*position)).collect(),
            awaited: "a connection".into(),
            milliseconds: u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Ends what waits for links under this name; says whether there was any.
    fn refuse_waiting(&mut self, network: &str, members: &[usize], failure: &Failure) -> bool {
        let same = |waiting: &mut Waiting| waiting.launch.ticket.is_for(network, members);
        let gone: Vec<Waiting> = self.waiting.extract_if(.., same).collect();
        let any = !gone.is_empty();
        gone.into_iter().for_each(|waiting| waiting.refuse(failure.clone()));
        any
    }

    /// Ends whatever is under way under the name of this ticket's network.
    fn clash(&mut self, network: &str, members: &[usize], failure: &Failure) {
        self.refuse_waiting(network, members, failure);
        for running in self.running.values_mut() {
            if running.network == network && ticket::same_members(&running.members, members) {
                running.end(Abort::Because(failure.clone()));
            }
        }
    }
}

impl Waiting {
    fn refuse(self, failure: Failure) {
        // The ticket goes first, so that the client can ask again as soon as it hears.
        drop(self.launch);
        // The client may have gone.
        let _ = self.reply.send(failure.into());
    }
}

impl Actor for Sessions {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SWEEP, |sessions, context| {
            sessions.expire_waiting();
            sessions.tell_declined();
            sessions.early.expire(Instant::now());
            sessions.numbers.bound();
            sessions.expire_ends();
            sessions.make_ahead(context);
        });
    }
}

impl Handler<Reserve> for Sessions {
    type Result = Result<Ticket, Failure>;

    fn handle(&mut self, reserve: Reserve, context: &mut Self::Context) -> Self::Result {
        if reserve.network == OWN_NETWORK {
            return Err(Failure::OwnName { network: reserve.network });
        }
        let give_back: Recipient<GiveBack> = context.address().recipient();
        let (network, members) = (reserve.network.clone(), reserve.members.clone());
        let ticket = self.names.reserve(reserve, give_back);
        if let Err(failure) = &ticket {
            self.clash(&network, &members, failure);
        }
        ticket
    }
}

impl Handler<GiveBack> for Sessions {
    type Result = ();

    fn handle(&mut self, give_back: GiveBack, context: &mut Self::Context) {
        self.names.give_back(&give_back);
        if give_back.network() == OWN_NETWORK {
            return self.follow_all(context);
        }
        self.answer_all(self.early.calls_under(give_back.network()), context);
    }
}

impl Handler<Launch> for Sessions {
    type Result = ResponseFuture<Conclusion>;

    fn handle(&mut self, launch: Launch, context: &mut Self::Context) -> Self::Result {
        let (reply, result) = oneshot::channel();
        self.launch(Waiting { launch, reply }, context);
        Box::pin(async { result.await.unwrap_or_else(|_| Failure::Stopping.into()) })
    }
}

impl Handler<Inbound> for Sessions {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, inbound: Inbound, context: &mut Self::Context) -> Self::Result {
        let Inbound { position, session, content } = inbound;
        let done = || Box::pin(std::future::ready(()));
        let part: Part = match content {
            Content::Part(part) => part,
            Content::Stop(notice) => {
                self.stopped(position, session, &notice);
                return done();
            }
        };
        let Some(running) = self.running.get_mut(&session) else {
            self.keep_early(position, session, part, context);
            return done();
        };
        let Some(from) = running.party(position) else { return done() };
        running.heard.insert(position);
        match running.address.try_send(Deliver { from, part }) {
            Ok(()) | Err(SendError::Closed(_)) => done(),
            // Its mailbox is full: the link waits, and with it the sender.
            Err(SendError::Full(deliver)) => {
                let delivered = running.address.send(deliver);
                Box::pin(async {
                    // A computation that has ended takes nothing more.
                    let _ = delivered.await;
                })
            }
        }
    }
}

impl Handler<Ended> for Sessions {
    type Result = ();

    fn handle(&mut self, ended: Ended, context: &mut Self::Context) {
        if let Some(running) = self.running.remove(&ended.session) {
            self.forget_what_is_lost(&running);
        }
        self.early.close(ended.session);
        self.make_ahead(context);
    }
}

impl Handler<Load> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: Load, _: &mut Self::Context) -> usize {
        self.wanted() + self.waiting.len()
    }
}
