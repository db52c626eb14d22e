//! Routes frames by session to computations, and starts computations when their links are there.
//!
//! Computations of the same members under one network name are numbered in the order in which
//! their clients ask for them, at each node by itself, and matched by number. A run that a peer
//! has ended before our client asked for it is skipped. Numbers start anew when a member's node
//! does.
//!
//! Proposals that come before our own client has asked wait here, bounded. All other frames need
//! a session: no peer goes past its proposal without ours.

mod early;
mod numbers;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use actix_rt::Arbiter;
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::machine::{Part, Setting};
use cloister_protocols::party::{Parties, Party};
use cloister_protocols::session::{MemberId, Offer, Spec};
use cloister_protocols::wire::{self, SessionId};
use tokio::sync::{oneshot, watch};

use self::early::Early;
use self::numbers::{Group, Numbers};
use crate::computation::{Abort, Computation, Deliver, Ended, Lifecycle, PeerStopped, Plan, Route};
use crate::consortium::Consortium;
use crate::failure::{Failure, StopNotice};
use crate::label::Report;
use crate::links::{Content, Inbound, LinkDown, LinkUp, PeerLink};
use crate::settings::Limits;

/// Requests of more words than this are computed on a thread of their own: masking and hashing
/// them would hold up the links for longer than starting a thread takes.
const OWN_THREAD_WORDS: usize = 32 << 10;

/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// The actor.
pub struct Sessions {
    consortium: Arc<Consortium>,
    me: usize,
    boot: [u8; 16],
    profile: Profile,
    deadline: Duration,
    limits: Limits,
    links: BTreeMap<usize, Link>,
    waiting: Vec<Waiting>,
    running: HashMap<SessionId, Running>,
    early: Early,
    numbers: Numbers,
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
}

/// Asks for a joint computation.
#[derive(Message)]
#[rtype(result = "Result<Arc<Report>, Failure>")]
pub struct Launch {
    /// The members, by position in the consortium file, in the agreed order.
    pub members: Vec<usize>,
    /// The name that the clients gave to their network.
    pub network: String,
    /// What this party brings.
    pub request: Request,
    /// When the client asked.
    pub started: Instant,
    /// Where others can see how far it is.
    pub progress: watch::Sender<Lifecycle>,
}

/// Gives the sessions the links.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect(pub BTreeMap<usize, Addr<PeerLink>>);

/// Asks how many computations are under way and how many wait for links.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Load;

/// Ends all computations: the node is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shutdown;

struct Link {
    address: Addr<PeerLink>,
    up: Option<LinkUp>,
    problem: String,
}

/// A request whose links are not all there.
struct Waiting {
    launch: Launch,
    reply: oneshot::Sender<Result<Arc<Report>, Failure>>,
}

struct Running {
    address: Addr<Computation>,
    network: String,
    members: Vec<usize>,
}

impl Sessions {
    /// Sessions without links: [`Connect`] brings those.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        let Surroundings {
            consortium,
            me,
            boot,
            profile,
            deadline,
            limits,
        } = surroundings;
        Self {
            consortium,
            me,
            boot,
            profile,
            deadline,
            limits,
            links: BTreeMap::new(),
            waiting: Vec::new(),
            running: HashMap::new(),
            early: Early::default(),
            numbers: Numbers::default(),
        }
    }

    fn launch(&mut self, waiting: Waiting, context: &mut Context<Self>) {
        let under_way = self.running.len() + self.waiting.len();
        if under_way >= self.limits.computations {
            let busy = Failure::Busy {
                limit: self.limits.computations,
            };
            // The client may have gone.
            let _ = waiting.reply.send(Err(busy));
            return;
        }
        if self.missing(&waiting.launch.members).is_empty() {
            self.start(waiting, context);
        } else {
            self.waiting.push(waiting);
            context.run_later(self.deadline, |sessions, _| sessions.expire_waiting());
        }
    }

    /// The members among these whose link is down.
    fn missing(&self, members: &[usize]) -> Vec<usize> {
        let down = |position: &usize| {
            *position != self.me
                && self
                    .links
                    .get(position)
                    .is_none_or(|link| link.up.is_none())
        };
        members.iter().copied().filter(down).collect()
    }

    fn start(&mut self, waiting: Waiting, context: &mut Context<Self>) {
        let Waiting { launch, reply } = waiting;
        let group = self.group(&launch);
        let run = self.numbers.next(&group);
        let session = group.session(run);
        let own_thread = launch.request.words() > OWN_THREAD_WORDS;
        let running = (launch.network.clone(), launch.members.clone());
        let Some(plan) = self.plan(launch, reply, session, run, own_thread, context) else {
            return;
        };
        let address = if own_thread {
            let arbiter = Arbiter::new();
            Computation::start_in_arbiter(&arbiter.handle(), move |_| Computation::new(plan))
        } else {
            Computation::new(plan).start()
        };
        let (network, members) = running;
        self.running.insert(
            session,
            Running {
                address,
                network,
                members,
            },
        );
        self.deliver_early(session);
    }

    fn group(&self, launch: &Launch) -> Group {
        let boot = |position: usize| match self.links.get(&position).and_then(|l| l.up.as_ref()) {
            Some(up) => up.boot,
            None => self.boot,
        };
        let member = |position: &usize| Some((self.member(*position)?, boot(*position)));
        Group::new(
            launch.network.clone(),
            launch.members.iter().filter_map(member),
        )
    }

    fn member(&self, position: usize) -> Option<MemberId> {
        self.consortium
            .members()
            .get(position)
            .map(crate::consortium::Member::id)
    }

    fn plan(
        &self,
        launch: Launch,
        reply: oneshot::Sender<Result<Arc<Report>, Failure>>,
        session: SessionId,
        run: u64,
        own_thread: bool,
        context: &Context<Self>,
    ) -> Option<Plan> {
        let Launch {
            members,
            network,
            request,
            started,
            progress,
        } = launch;
        let ids: Vec<MemberId> = members.iter().filter_map(|p| self.member(*p)).collect();
        let names = ids.iter().map(|member| member.name.clone()).collect();
        let mine = members.iter().position(|position| *position == self.me)?;
        let parties = Parties::new(members.len(), mine)?;
        let spec = Spec {
            function: request.function().name.to_owned(),
            parameters: request.parameters(),
            shape: request.shape(),
            members: ids,
            suite: request.suite().to_owned(),
            network,
            run,
        };
        let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
        Some(Plan {
            offer: Offer {
                spec,
                rules: self.profile.rules(),
                deadline_ms,
            },
            setting: Setting {
                parties,
                session,
                link_bindings: self.link_bindings(&members),
                limit: request.inbox_bytes(members.len()),
            },
            request,
            routes: self.routes(&members),
            members: names,
            profile: self.profile.name(),
            started,
            reply,
            progress,
            ended: context.address().recipient(),
            own_thread,
        })
    }

    fn link_bindings(&self, members: &[usize]) -> Vec<[u8; 32]> {
        let up = |position: &usize| self.links.get(position).and_then(|link| link.up.as_ref());
        members
            .iter()
            .map(|position| up(position).map_or([0; 32], |up| up.binding))
            .collect()
    }

    fn routes(&self, members: &[usize]) -> Vec<(Party, Route)> {
        let route = |(index, position): (usize, &usize)| {
            let link = self.links.get(position)?;
            let epoch = link.up.as_ref()?.epoch;
            let (party, address) = (Party::new(index)?, &link.address);
            let (link, stop) = (address.clone().recipient(), address.clone().recipient());
            Some((party, Route { link, stop, epoch }))
        };
        members.iter().enumerate().filter_map(route).collect()
    }

    fn deliver_early(&mut self, session: SessionId) {
        let Some(running) = self.running.get(&session) else {
            return;
        };
        for (position, part) in self.early.take(session) {
            let Some(from) = running.party(position) else {
                continue;
            };
            // One proposal a party: nothing to bound, and the computation has just been started.
            running.address.do_send(Deliver { from, part });
        }
    }

    fn expire_waiting(&mut self) {
        let deadline = self.deadline;
        let expired = |waiting: &mut Waiting| waiting.launch.started.elapsed() >= deadline;
        let gone: Vec<Waiting> = self.waiting.extract_if(.., expired).collect();
        for Waiting { launch, reply } in gone {
            // The client may have gone.
            let _ = reply.send(Err(self.never_connected(&launch.members)));
        }
    }

    fn never_connected(&self, members: &[usize]) -> Failure {
        let missing = self.missing(members);
        let problem = |position| self.links.get(position).map(|link| link.problem.clone());
        Failure::Deadline {
            detail: missing
                .first()
                .and_then(problem)
                .filter(|problem| !problem.is_empty()),
            parties: missing
                .iter()
                .map(|position| self.name(*position))
                .collect(),
            awaited: "a connection".into(),
            milliseconds: u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn name(&self, position: usize) -> String {
        self.consortium
            .members()
            .get(position)
            .map_or_else(String::new, |m| m.name.clone())
    }

    /// A proposal came for a session that we have not: keep it until our client asks, unless it
    /// shows that the clients disagree on who computes.
    fn keep_early(&mut self, position: usize, session: SessionId, part: Part) {
        if let Some(theirs) = cloister_protocols::session::peek(&part.body) {
            self.compare_members(position, &theirs);
        }
        if !self.early.keep(position, session, part) {
            tracing::warn!(peer = %self.name(position), %session, "early frame dropped");
        }
    }

    fn compare_members(&self, position: usize, theirs: &Spec) {
        let mine = self.member(self.me);
        let names_us = theirs
            .members
            .iter()
            .any(|member| Some(member) == mine.as_ref());
        if !names_us {
            return;
        }
        let same_network = |running: &&Running| {
            running.network == theirs.network && running.members.contains(&position)
        };
        for running in self.running.values().filter(same_network) {
            let ours: Option<Vec<MemberId>> = running
                .members
                .iter()
                .map(|position| self.member(*position))
                .collect();
            let Some(mut ours) = ours else { continue };
            let mut proposed = theirs.members.clone();
            ours.sort();
            proposed.sort();
            if ours != proposed {
                let names: Vec<String> = theirs.members.iter().map(MemberId::to_string).collect();
                let party = self.name(position);
                let failure = Failure::OtherMembers {
                    party,
                    theirs: names.join(", "),
                };
                // One message a computation, which ends it.
                running.address.do_send(Abort::Because(failure));
            }
        }
    }

    fn stopped(&mut self, position: usize, session: SessionId, notice: &[u8]) {
        let Ok(notice) = wire::decode::<StopNotice>(notice) else {
            tracing::warn!(peer = %self.name(position), %session, "a senseless reason to stop");
            return;
        };
        self.early.forget(position, session);
        if let Some(running) = self.running.get(&session) {
            if let Some(from) = running.party(position) {
                // One message a party and computation, which ends it.
                running.address.do_send(PeerStopped { from, notice });
            }
            return;
        }
        self.skip_run(position, session, &notice);
    }

    /// A peer has ended a run that our client has not asked for yet: the next request gets the
    /// next number, as it does there.
    fn skip_run(&mut self, position: usize, session: SessionId, notice: &StopNotice) {
        let known = |member: &MemberId| {
            (0..self.consortium.members().len()).find(|p| self.member(*p).as_ref() == Some(member))
        };
        let Some(members) = notice
            .members
            .iter()
            .map(known)
            .collect::<Option<Vec<usize>>>()
        else {
            return;
        };
        let concerned = members.contains(&position) && members.contains(&self.me);
        if !concerned || !self.missing(&members).is_empty() {
            return;
        }
        let boots = members
            .iter()
            .filter_map(|p| Some((self.member(*p)?, self.boot_of(*p))));
        let group = Group::new(notice.network.clone(), boots);
        if group.session(notice.run) == session {
            self.numbers.skip(&group, notice.run);
        }
    }

    fn boot_of(&self, position: usize) -> [u8; 16] {
        let up = self.links.get(&position).and_then(|link| link.up.as_ref());
        up.map_or(self.boot, |up| up.boot)
    }
}

impl Running {
    fn party(&self, position: usize) -> Option<Party> {
        self.members
            .iter()
            .position(|member| *member == position)
            .and_then(Party::new)
    }
}

impl Actor for Sessions {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SWEEP, |sessions, _| {
            sessions.early.expire(Instant::now());
            sessions.numbers.expire(Instant::now());
        });
    }
}

impl Handler<Connect> for Sessions {
    type Result = ();

    fn handle(&mut self, Connect(links): Connect, _: &mut Self::Context) {
        let link = |address| Link {
            address,
            up: None,
            problem: "not connected yet".into(),
        };
        self.links.extend(
            links
                .into_iter()
                .map(|(position, address)| (position, link(address))),
        );
    }
}

impl Handler<Launch> for Sessions {
    type Result = ResponseFuture<Result<Arc<Report>, Failure>>;

    fn handle(&mut self, launch: Launch, context: &mut Self::Context) -> Self::Result {
        let (reply, result) = oneshot::channel();
        self.launch(Waiting { launch, reply }, context);
        Box::pin(async { result.await.unwrap_or(Err(Failure::Stopping)) })
    }
}

impl Handler<LinkUp> for Sessions {
    type Result = ();

    fn handle(&mut self, up: LinkUp, context: &mut Self::Context) {
        if let Some(link) = self.links.get_mut(&up.position) {
            link.problem.clear();
            link.up = Some(up);
        }
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting {
            if self.missing(&waiting.launch.members).is_empty() {
                self.start(waiting, context);
            } else {
                self.waiting.push(waiting);
            }
        }
    }
}

impl Handler<LinkDown> for Sessions {
    type Result = ();

    fn handle(&mut self, LinkDown { position, reason }: LinkDown, _: &mut Self::Context) {
        let Some(link) = self.links.get_mut(&position) else {
            return;
        };
        link.problem.clone_from(&reason);
        if link.up.take().is_none() {
            return;
        }
        self.early.forget_all(position);
        for running in self.running.values() {
            if let Some(party) = running.party(position) {
                // One message a computation, which ends it.
                running.address.do_send(Abort::LinkLost {
                    party,
                    reason: reason.clone(),
                });
            }
        }
    }
}

impl Handler<Inbound> for Sessions {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, inbound: Inbound, _: &mut Self::Context) -> Self::Result {
        let Inbound {
            position,
            session,
            content,
        } = inbound;
        let part = match content {
            Content::Part(part) => part,
            Content::Stop(notice) => {
                self.stopped(position, session, &notice);
                return Box::pin(std::future::ready(()));
            }
        };
        let Some(running) = self.running.get(&session) else {
            self.keep_early(position, session, part);
            return Box::pin(std::future::ready(()));
        };
        let Some(from) = running.party(position) else {
            return Box::pin(std::future::ready(()));
        };
        match running.address.try_send(Deliver { from, part }) {
            Ok(()) | Err(actix::dev::SendError::Closed(_)) => Box::pin(std::future::ready(())),
            // Its mailbox is full: the link waits, and with it the sender.
            Err(actix::dev::SendError::Full(deliver)) => {
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

    fn handle(&mut self, ended: Ended, _: &mut Self::Context) {
        self.running.remove(&ended.session);
        self.early.close(ended.session);
    }
}

impl Handler<Load> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: Load, _: &mut Self::Context) -> usize {
        self.running.len() + self.waiting.len()
    }
}

impl Handler<Shutdown> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Shutdown, context: &mut Self::Context) {
        for running in self.running.values() {
            // One message a computation, which ends it.
            running.address.do_send(Abort::Because(Failure::Stopping));
        }
        self.waiting.clear();
        context.stop();
    }
}
