//! The meeting of the parties of a computation. It decides which proposal belongs to which of this
//! node's runs, and when a run begins. It tells the members of runs that do not begin.
//!
//! [`Table`] is pure: events go in, effects come out. It reads no clock, sends nothing, and starts
//! nothing; [`super::Sessions`] applies its effects.
//!
//! A network name belongs to one run of one set of members at a time. A second request under the
//! same name ends both, because other nodes could not tell which belongs to which. Successive runs
//! under a name are numbered, at each node by itself, and matched by number: see [`proposals`].
//!
//! Proposals that come before this node's client has asked are kept in [`pending`], bounded.
//! Proposals that call this node as helper need no client: see [`helper`]. Neither does
//! preprocessing between two nodes: see [`ahead`].

mod ahead;
mod declining;
mod ends;
mod helper;
#[cfg(test)]
mod helper_tests;
mod links;
#[cfg(test)]
mod notice_tests;
mod pending;
mod proposals;
mod run;
mod run_counters;
#[cfg(test)]
mod schedule_tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cloister_protocols::computation::Request;
use cloister_protocols::machine::Part;
use cloister_protocols::session::{MemberId, Roster, Spec};
use cloister_protocols::wire::SessionId;

use self::ahead::Ahead;
pub use self::ahead::OWN_NETWORK;
use self::ends::Ends;
use self::links::Link;
use self::pending::Pending;
pub(super) use self::run::{Cause, RunId};
use self::run::{Course, Entry, Interrupted, Key, Run, key};
use self::run_counters::{Group, RunCounters};
use super::reservation::Reserve;
use crate::computation::{Abort, Deliver, PeerStopped};
use crate::vocabulary::consortium::{Consortium, member_id, roster};
use crate::vocabulary::failure::{Failure, StopNotice};

/// An event.
pub(super) enum Event {
    /// A client's request for a name.
    Reserve(Reserve),
    /// A reserved run that is ready to begin.
    Launch {
        /// The run.
        run: RunId,
        /// The time of its client's request.
        since: Instant,
        /// The client no longer wants it.
        cancelled: bool,
    },
    /// A reserved run in which this node takes no part.
    Decline {
        /// The run.
        run: RunId,
        /// The reason, if the other members are to be told it.
        failure: Option<Failure>,
    },
    /// A run that its client no longer wants.
    Cancel(RunId),
    /// The end of a run or of its reservation.
    Over(RunId),
    /// A link that is up.
    LinkUp {
        /// The member's position.
        position: usize,
        /// The random name of this run of its node.
        boot: [u8; 16],
    },
    /// A link that is down, or could not be made.
    LinkDown {
        /// The member's position.
        position: usize,
        /// The reason.
        reason: String,
    },
    /// Part of a message.
    Part {
        /// The sender's position.
        position: usize,
        /// The session.
        session: SessionId,
        /// The part.
        part: Part,
    },
    /// A member's notice that it has ended a session.
    Stop {
        /// The sender's position.
        position: usize,
        /// The session.
        session: SessionId,
        /// The reason, encoded.
        notice: Bytes,
    },
    /// Too few correlations with these members. Preprocessing begins if there is little else to do.
    MakeAhead(Vec<usize>),
    /// The answer to [`Effect::AskAhead`].
    FollowAhead {
        /// The position of the member that proposes.
        position: usize,
        /// The session that it proposes.
        session: SessionId,
        /// There is room for more correlations.
        wanted: bool,
    },
    /// The end of a preprocessing run that this node led.
    LedAhead {
        /// The other member's position.
        position: usize,
        /// The correlations were made.
        made: bool,
    },
    /// The members' changed fingerprints, and nothing else of them.
    Renewed(Arc<Consortium>),
    /// The passing of time.
    Tick,
    /// The order to begin nothing new.
    Close,
    /// The stop of the node.
    Shutdown,
}

/// An effect, which the actor applies.
pub(super) enum Effect {
    /// The grant of a name, under this run.
    Grant(RunId),
    /// The refusal of a name.
    Deny(Failure),
    /// An end before the begin, for the client of a run.
    Refuse {
        /// The run.
        run: RunId,
        /// The reason.
        failure: Failure,
    },
    /// The links that a run waits for, for its observers, by index among its members.
    AwaitLinks {
        /// The run.
        run: RunId,
        /// The members.
        missing: Vec<usize>,
    },
    /// The begin of a computation.
    Begin {
        /// The run.
        run: RunId,
        /// Its session.
        session: SessionId,
        /// The number under its network name.
        number: u64,
        /// The origin.
        origin: Origin,
    },
    /// Part of a message for a computation.
    Deliver(RunId, Deliver),
    /// The order to a computation to end.
    Abort(RunId, Abort),
    /// The word of a member whose time was up, for a computation that then ends by itself.
    Word(RunId, PeerStopped),
    /// The notice to a member that a session has ended.
    Stop {
        /// The member's position.
        position: usize,
        /// The session.
        session: SessionId,
        /// The reason.
        notice: StopNotice,
    },
    /// The question whether there is room for the correlations that a member proposes to make.
    AskAhead {
        /// The member's position.
        position: usize,
        /// The session.
        session: SessionId,
    },
}

/// The origin of a computation that begins.
pub(super) enum Origin {
    /// This node's client, whose request waits under the run.
    Client,
    /// The call of another member.
    Call {
        /// The member's position.
        position: usize,
        /// The members of the computation.
        members: Vec<usize>,
        /// The spec that the member proposes.
        spec: Box<Spec>,
        /// This node's part in it.
        request: Box<Request>,
    },
    /// This node and another, for preprocessing.
    Ahead {
        /// The two members, the one that leads first.
        members: Vec<usize>,
        /// This node's part in it.
        request: Box<Request>,
    },
}

/// The facts of a node that decide which runs begin.
pub(super) struct NodeFacts {
    /// All members.
    pub(super) consortium: Arc<Consortium>,
    /// This node's position among them.
    pub(super) me: usize,
    /// The random name of this run of the node.
    pub(super) boot: [u8; 16],
    /// The longest time for which a request waits for links.
    pub(super) deadline: Duration,
    /// The most computations under way.
    pub(super) computations: usize,
    /// This node computes as helper for others.
    pub(super) help: bool,
    /// This node does preprocessing.
    pub(super) ahead: bool,
    /// Reads the spec in a proposal.
    pub(super) peek: fn(&[u8], &Roster) -> Option<Spec>,
}

/// All runs that this node knows of.
pub(super) struct Table {
    node: NodeFacts,
    /// All members, as proposals name them.
    roster: Roster,
    links: BTreeMap<usize, Link>,
    runs: BTreeMap<RunId, Entry>,
    /// The runs that hold their names.
    holders: HashMap<Key, RunId>,
    /// The runs whose computations are under way.
    sessions: HashMap<SessionId, RunId>,
    pending: Pending,
    ends: Ends,
    counters: RunCounters,
    ahead: Ahead,
    /// Nothing new begins.
    closing: bool,
    made: u64,
    now: Instant,
    effects: Vec<Effect>,
}

impl Table {
    /// Creates a table without runs, links or proposals.
    pub(super) fn new(node: NodeFacts, now: Instant) -> Self {
        Self {
            roster: roster(&node.consortium),
            node,
            links: BTreeMap::new(),
            runs: BTreeMap::new(),
            holders: HashMap::new(),
            sessions: HashMap::new(),
            pending: Pending::default(),
            ends: Ends::default(),
            counters: RunCounters::default(),
            ahead: Ahead::default(),
            closing: false,
            made: 0,
            now,
            effects: Vec::new(),
        }
    }

    /// Takes note of an event at this time, and returns the effects in order.
    pub(super) fn on(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        self.now = now;
        match event {
            Event::Reserve(reserve) => self.reserve(reserve),
            Event::Launch { run, since, cancelled } => self.launch(run, since, cancelled),
            Event::Decline { run, failure } => self.decline(run, failure),
            Event::Cancel(run) => self.cancel(run),
            Event::Over(run) => self.over(run),
            Event::LinkUp { position, boot } => self.link_up(position, boot),
            Event::LinkDown { position, reason } => self.link_down(position, &reason),
            Event::Part { position, session, part } => self.part(position, session, part),
            Event::Stop { position, session, notice } => self.stopped(position, session, &notice),
            Event::MakeAhead(wanted) => self.make_ahead(&wanted),
            Event::FollowAhead { position, session, wanted } => {
                self.follow(position, session, wanted);
            }
            Event::LedAhead { position, made } => self.has_led(position, made),
            Event::Renewed(consortium) => {
                self.roster = roster(&consortium);
                self.node.consortium = consortium;
            }
            Event::Tick => self.tick(),
            Event::Close => self.close(),
            Event::Shutdown => self.shut_down(),
        }
        std::mem::take(&mut self.effects)
    }

    /// Returns all members, as proposals name them.
    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Counts the computations of clients and helpers that are under way or wait for links.
    pub(super) fn load(&self) -> usize {
        self.count_waiting() + self.count_under_way(|cause| cause != Cause::Ahead)
    }

    fn count_waiting(&self) -> usize {
        self.waiting().len()
    }

    fn reserve(&mut self, reserve: Reserve) {
        let Reserve { members, network, .. } = reserve;
        if network == OWN_NETWORK {
            return self.effects.push(Effect::Deny(Failure::OwnName { network }));
        }
        match self.claim(network, members, Cause::Client) {
            Ok(run) => self.effects.push(Effect::Grant(run)),
            Err(holder) => {
                let failure = self.clash(holder);
                self.effects.push(Effect::Deny(failure));
            }
        }
    }

    /// Takes a name for a run, if no other holds it. Otherwise returns the holder.
    fn claim(
        &mut self,
        network: String,
        members: Vec<usize>,
        cause: Cause,
    ) -> Result<RunId, RunId> {
        let name = key(&network, &members);
        if let Some(holder) = self.holders.get(&name) {
            return Err(*holder);
        }
        let run = self.next_id();
        self.holders.insert(name, run);
        self.runs.insert(run, Entry { network, members, cause, state: Run::Reserved });
        Ok(run)
    }

    fn next_id(&mut self) -> RunId {
        self.made += 1;
        RunId(self.made)
    }

    /// Ends the holder of a name that another request has come under.
    fn clash(&mut self, holder: RunId) -> Failure {
        let network = self.runs.get(&holder).map_or_else(String::new, |run| run.network.clone());
        let failure = Failure::Overlap { network };
        self.end(holder, failure.clone());
        failure
    }

    /// Ends a run of this node's client, or has its computation end.
    fn end(&mut self, run: RunId, failure: Failure) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        match &entry.state {
            Run::Reserved => entry.state = Run::Interrupted(Interrupted::Before(failure)),
            Run::WaitingForLinks { .. } => self.refuse(run, failure),
            Run::Running(_) => self.interrupt(run, Abort::Because(failure)),
            Run::Interrupted(_) | Run::Declined { .. } => {}
        }
    }

    /// Tells a computation once that it cannot go on.
    fn interrupt(&mut self, run: RunId, abort: Abort) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        if !matches!(entry.state, Run::Running(_)) {
            return;
        }
        if let Run::Running(course) = std::mem::replace(&mut entry.state, Run::Reserved) {
            entry.state = Run::Interrupted(Interrupted::During(course));
            self.effects.push(Effect::Abort(run, abort));
        }
    }

    fn launch(&mut self, run: RunId, since: Instant, cancelled: bool) {
        let interrupted = match self.runs.get(&run).map(|entry| &entry.state) {
            Some(Run::Reserved) => None,
            Some(Run::Interrupted(Interrupted::Before(failure))) => Some(failure.clone()),
            _ => return self.effects.push(Effect::Refuse { run, failure: Failure::Broken }),
        };
        if self.closing {
            return self.give_up(run, Failure::Stopping);
        }
        if let Some(failure) = interrupted {
            return self.refuse(run, failure);
        }
        let limit = self.node.computations;
        let under_way = self.count_under_way(|cause| cause == Cause::Client);
        if under_way + self.count_waiting() >= limit {
            return self.refuse(run, Failure::Busy { limit });
        }
        if cancelled {
            return self.give_up(run, self.cancelled());
        }
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.state = Run::WaitingForLinks { since };
        }
        self.start_or_wait(run);
    }

    /// Starts a run that waits, if its links are all up.
    fn start_or_wait(&mut self, run: RunId) {
        let Some(entry) = self.runs.get(&run) else { return };
        if self.missing(&entry.members).is_empty() {
            self.start(run);
        } else {
            self.tell_missing(run);
        }
    }

    fn tell_missing(&mut self, run: RunId) {
        let Some(entry) = self.runs.get(&run) else { return };
        let missing = self.missing(&entry.members);
        let members = entry.members.iter().enumerate();
        let missing = members.filter(|(_, member)| missing.contains(member));
        let missing = missing.map(|(index, _)| index).collect();
        self.effects.push(Effect::AwaitLinks { run, missing });
    }

    fn start(&mut self, run: RunId) {
        let Some(entry) = self.runs.get(&run) else { return };
        let (network, members) = (entry.network.clone(), entry.members.clone());
        let group = self.group(&network, &members);
        if let Some(failure) = self.shared_end(&network, &members, &group) {
            return self.refuse(run, failure);
        }
        let ahead = match self.early_of_others(&network, &members) {
            Ok(ahead) => ahead,
            Err(failure) => {
                self.tell_all(&network, &members, &group, &failure);
                return self.refuse(run, failure);
            }
        };
        let number = self.counters.next(&group, ahead);
        self.stop_those_behind(&network, &members, number);
        self.begin(run, group, number, Origin::Client);
    }

    /// Begins a run that has all its links, under this number of its group.
    fn begin(&mut self, run: RunId, group: Group, number: u64, origin: Origin) {
        let session = group.session(number);
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.state = Run::Running(Course {
            session,
            group,
            number,
            heard: Default::default(),
            parted: Default::default(),
        });
        self.sessions.insert(session, run);
        self.effects.push(Effect::Begin { run, session, number, origin });
        for (position, part) in self.pending.take(session) {
            self.deliver(run, position, part);
        }
    }

    fn deliver(&mut self, run: RunId, position: usize, part: Part) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        let Some(from) = entry.party(position) else { return };
        entry.note_heard(position);
        self.effects.push(Effect::Deliver(run, Deliver { from, part }));
    }

    fn part(&mut self, position: usize, session: SessionId, part: Part) {
        match self.sessions.get(&session).copied() {
            Some(run) => self.deliver(run, position, part),
            None => self.keep_early(position, session, part),
        }
    }

    /// Ends a run that has not begun, and tells its client.
    fn refuse(&mut self, run: RunId, failure: Failure) {
        self.effects.push(Effect::Refuse { run, failure });
        self.remove(run);
    }

    fn cancel(&mut self, run: RunId) {
        let Some(entry) = self.runs.get(&run) else { return };
        let failure = self.cancelled();
        match entry.state {
            Run::WaitingForLinks { .. } => self.give_up(run, failure),
            Run::Running(_) => self.interrupt(run, Abort::Because(failure)),
            // A reserved run learns of it by itself.
            _ => {}
        }
    }

    fn cancelled(&self) -> Failure {
        Failure::Cancelled { member: self.name(self.node.me) }
    }

    /// Removes a run that is over, or whose reservation was given back.
    fn over(&mut self, run: RunId) {
        if self.runs.get(&run).is_some_and(Entry::holds_name) {
            self.remove(run);
        }
    }

    /// Forgets a run, and answers calls that wait for its name.
    fn remove(&mut self, run: RunId) {
        let Some(entry) = self.runs.remove(&run) else { return };
        if let Run::Running(course) = &entry.state
            && entry.cause != Cause::Ahead
        {
            self.ends.has_ended(course.session, entry.members.clone());
        }
        if let Some(course) = entry.course() {
            self.sessions.remove(&course.session);
            self.pending.close(course.session, self.now);
        }
        if entry.holds_name() {
            self.free(&entry.key());
        }
    }

    /// Gives a name back, and answers calls that wait for it.
    fn free(&mut self, name: &Key) {
        self.holders.remove(name);
        let (network, _) = name;
        if network == OWN_NETWORK {
            self.ask_ahead_again();
        } else {
            self.answer_all(self.pending.calls_under(network));
        }
    }

    /// Returns whether no run holds the network name with these members.
    fn is_free(&self, network: &str, members: &[usize]) -> bool {
        !self.holders.contains_key(&key(network, members))
    }

    fn tick(&mut self) {
        self.expire_waiting();
        self.tell_declined();
        self.pending.expire(self.now);
        self.counters.bound();
        self.ends.expire(self.now);
    }

    fn expire_waiting(&mut self) {
        for run in self.waiting() {
            let Some(entry) = self.runs.get(&run) else { continue };
            let Run::WaitingForLinks { since } = entry.state else { continue };
            if self.has_timed_out(since) {
                let failure = self.never_connected(&entry.members);
                self.refuse(run, failure);
            }
        }
    }

    /// Returns the runs that wait for links, in the order in which they were reserved.
    fn waiting(&self) -> Vec<RunId> {
        let waiting = self.runs.iter();
        let waiting = waiting.filter(|(_, run)| matches!(run.state, Run::WaitingForLinks { .. }));
        waiting.map(|(run, _)| *run).collect()
    }

    fn close(&mut self) {
        self.closing = true;
        for run in self.waiting() {
            self.give_up(run, Failure::Stopping);
        }
    }

    fn shut_down(&mut self) {
        self.closing = true;
        for run in self.runs.keys().copied().collect::<Vec<_>>() {
            self.end(run, Failure::Stopping);
        }
    }

    fn member(&self, position: usize) -> Option<MemberId> {
        self.node.consortium.members().get(position).map(member_id)
    }

    fn name(&self, position: usize) -> String {
        let member = self.node.consortium.members().get(position);
        member.map_or_else(String::new, |member| member.name.clone())
    }
}
