//! Making ahead what computations on shares between two nodes alone use up.
//!
//! No client asks for it, and none hears of it or of its failure. Of two nodes the one earlier in the
//! consortium file leads: it proposes when the two have computed together in this way over the
//! connection that they have, its stock is below its bound, and it has little else to do. The other
//! answers such a proposal as helpers answer calls, if its own stock is below its bound, and declines
//! it otherwise.
//!
//! These computations have a network name that clients cannot use, numbers of their own, and none of
//! the room of clients' computations. They use nobody's data and open nothing: so their rules ask
//! nothing, whatever the node's profile, and nothing of them is in the audit log.

use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use cloister_protocols::catalogue::preparation;
use cloister_protocols::computation::{Input, Request};
use cloister_protocols::disclosure::Profile;
use cloister_protocols::machine::Part;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{AuditHead, Origin, Spec};
use cloister_protocols::wire::SessionId;
use tokio::sync::oneshot;

use super::{Cause, Launch, Reserve, Sessions, Terms, Ticket, Waiting};
use crate::computation::Conclusion;
use crate::progress::Reporter;
use crate::vocabulary::failure::Failure;

/// The name of the network of two nodes that make something ahead. No client can use it.
pub const OWN_NETWORK: &str = "cloister:ahead";

/// With more computations than this under way, a node begins to make nothing ahead.
const FEW: usize = 2;

/// How often at once a node makes something ahead, the one that it leads included: each takes memory
/// and a processor.
const MOST_AT_ONCE: usize = 4;

/// The first pause after a failure; it doubles with each that follows, up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Asks how many bytes of what was made ahead are kept.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct MadeAhead;

/// What a node is doing to make something ahead.
pub(super) struct Ahead {
    /// Whether it makes anything ahead at all.
    on: bool,
    /// Whether something that it leads is under way.
    leads: bool,
    /// Whom it led last.
    last: usize,
}

/// How making ahead goes on with one peer, in this run of the peer's node.
#[derive(Default)]
pub(super) struct Pace {
    /// The first run that has not begun.
    next_run: u64,
    /// How many in a row have failed.
    failures: u32,
    /// Until when there is none, after a failure.
    rests_until: Option<Instant>,
}

impl Sessions {
    /// Begins to make something ahead, if there is a peer to lead that it is wanted with, and little
    /// else to do.
    pub(super) fn make_ahead(&mut self, context: &mut Context<Self>) {
        if !self.ahead.on || self.ahead.leads || self.wanted() > FEW || self.is_full_of_ahead() {
            return;
        }
        // By turns, so that one that uses up much keeps no other from its own.
        let after = self.links.range(self.ahead.last.saturating_add(1)..);
        let up_to = self.links.range(..=self.ahead.last);
        let mut all = after.chain(up_to).map(|(position, _)| *position);
        if let Some(position) = all.find(|position| self.is_to_be_led(*position)) {
            self.ahead.last = position;
            self.lead(position, context);
        }
    }

    fn is_to_be_led(&self, position: usize) -> bool {
        let rests = |link: &super::Link| link.pace.rests(Instant::now());
        self.me < position
            && self.links.get(&position).is_some_and(|link| !rests(link))
            && self.wants_more(position)
            && self.names.is_free(OWN_NETWORK, &[self.me, position])
    }

    /// Whether there is a connection over which more is to be made ahead.
    fn wants_more(&self, position: usize) -> bool {
        let up = self.links.get(&position).and_then(|link| link.up.as_ref());
        self.ahead.on && up.is_some_and(|up| self.stores.wants(&up.binding))
    }

    fn is_full_of_ahead(&self) -> bool {
        let ahead = self.running.values().filter(|running| running.cause == Cause::Ahead);
        ahead.count() >= MOST_AT_ONCE
    }

    fn lead(&mut self, position: usize, context: &mut Context<Self>) {
        let Some((request, link)) = part().zip(self.links.get_mut(&position)) else { return };
        let run = link.pace.begin_next();
        let Some(ticket) = self.own_ticket(vec![self.me, position], context) else { return };
        self.ahead.leads = true;
        let ended = self.begin_ahead(ticket, request, run, context);
        let ended = async { ended.await.is_ok_and(|conclusion| conclusion.result.is_ok()) };
        context.spawn(ended.into_actor(self).map(move |made, sessions, context| {
            sessions.has_led(position, made);
            sessions.make_ahead(context);
        }));
    }

    fn has_led(&mut self, position: usize, made: bool) {
        self.ahead.leads = false;
        if let Some(link) = self.links.get_mut(&position) {
            link.pace.note(made, Instant::now());
        }
    }

    /// A proposal came under the name that is ours and no client's.
    pub(super) fn asked_ahead(
        &mut self,
        position: usize,
        session: SessionId,
        (part, spec): (Part, Spec),
        context: &mut Context<Self>,
    ) {
        if self.early.is_closed(session) {
            return;
        }
        let mut waiting = self.early.under(OWN_NETWORK).into_iter();
        let waits_already = waiting.any(|(other, _, _)| other == position);
        if waits_already || self.our_part(position, &spec).is_none() {
            self.decline_ahead(position, session, &spec);
        } else if self.early.keep(position, session, part, spec, false) {
            self.follow(position, session, context);
        }
    }

    /// Answers the proposals that have waited for the end of another between the same two.
    pub(super) fn follow_all(&mut self, context: &mut Context<Self>) {
        for (position, session, _) in self.early.under(OWN_NETWORK) {
            self.follow(position, session, context);
        }
    }

    /// Answers a proposal that waits, unless another between the same two has not ended yet.
    fn follow(&mut self, position: usize, session: SessionId, context: &mut Context<Self>) {
        let members = vec![position, self.me];
        let Some(spec) = self.early.spec(position, session).cloned() else { return };
        if !self.names.is_free(OWN_NETWORK, &members) {
            return;
        }
        let agreeable = self.group(OWN_NETWORK, &members).session(spec.run) == session
            && self.wants_more(position)
            && !self.is_full_of_ahead();
        let request = self.our_part(position, &spec).filter(|_| agreeable);
        let link = self.links.get_mut(&position);
        let begun = link.is_some_and(|link| request.is_some() && link.pace.begin(spec.run));
        let Some(request) = request.filter(|_| begun) else {
            return self.decline_ahead(position, session, &spec);
        };
        if let Some(ticket) = self.own_ticket(members, context) {
            // Only who leads tries again, and needs to know how it ended.
            let _ended = self.begin_ahead(ticket, request, spec.run, context);
        }
    }

    /// Our part in what the member at `position` proposes, if it is just what the two of us may make
    /// ahead, and the other one leads.
    fn our_part(&self, position: usize, theirs: &Spec) -> Option<Request> {
        let request = part()?;
        let members = [position, self.me];
        let due = self.spec(&request, (&members, 0), (OWN_NETWORK, theirs.run));
        (position < self.me && due == *theirs).then_some(request)
    }

    fn own_ticket(&mut self, members: Vec<usize>, context: &Context<Self>) -> Option<Ticket> {
        let reserve = Reserve { members, helpers: 0, network: OWN_NETWORK.to_owned() };
        self.names.reserve(reserve, context.address().recipient()).ok()
    }

    fn begin_ahead(
        &mut self,
        ticket: Ticket,
        request: Request,
        run: u64,
        context: &mut Context<Self>,
    ) -> oneshot::Receiver<Conclusion> {
        let reporter = Reporter::unobserved();
        let (reply, ended) = oneshot::channel();
        // Of no data, with no entry in the log before it.
        let (rules, audit) = (Profile::Teaching.rules(), AuditHead::default());
        let terms = Terms { rules, origin: Origin::None, audit };
        let group = self.group(OWN_NETWORK, ticket.members());
        let started = Instant::now();
        let launch = Launch { ticket, request, terms, started, reporter, trace: None };
        self.begin(Waiting { launch, reply }, (group, run), Cause::Ahead, context);
        ended
    }

    fn decline_ahead(&mut self, position: usize, session: SessionId, spec: &Spec) {
        let peer = self.name(position);
        tracing::debug!(%peer, %session, "nothing is made ahead");
        let failure = Failure::NothingAhead { member: self.name(self.me) };
        self.stop_session(position, session, spec, spec.run.saturating_add(1), &failure);
        self.early.forget(position, session);
    }
}

/// What either node brings: nothing.
fn part() -> Option<Request> {
    let (parameters, nothing) = (Parameters::default(), Input::Numbers(Vec::new()));
    Request::new(preparation(), &parameters, nothing, 0, 2).ok()
}

impl Ahead {
    pub(super) fn new(on: bool) -> Self {
        Self { on, leads: false, last: 0 }
    }
}

impl Pace {
    /// The number of the run that we begin.
    fn begin_next(&mut self) -> u64 {
        let run = self.next_run;
        self.next_run = run.saturating_add(1);
        run
    }

    /// Begins this run of the other's, if it and those after it were not begun before.
    fn begin(&mut self, run: u64) -> bool {
        let new = run >= self.next_run;
        self.next_run = self.next_run.max(run.saturating_add(1));
        new
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// One that we led has ended.
    fn note(&mut self, made: bool, now: Instant) {
        if made {
            (self.failures, self.rests_until) = (0, None);
            return;
        }
        let doubled = 2_u32.saturating_pow(self.failures);
        let pause = SHORTEST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = now.checked_add(pause);
    }
}

impl Handler<MadeAhead> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: MadeAhead, _: &mut Self::Context) -> usize {
        self.stores.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloister_certs::Fingerprint;
    use cloister_vault::Vault;

    use super::super::Surroundings;
    use super::*;
    use crate::log::Log;
    use crate::vocabulary::consortium::{Consortium, Member};
    use crate::vocabulary::settings::{Committee, Limits, Pairwise};

    /// The sessions of the second of three members.
    fn sessions(folder: &tempfile::TempDir) -> Sessions {
        let member = |index: u8| Member {
            name: format!("p{index}"),
            api: format!("http://h{index}:80"),
            peer: format!("h{index}:81"),
            fingerprints: vec![Fingerprint::from_bytes([index; 32])],
        };
        Sessions::new(Surroundings {
            consortium: Arc::new(Consortium::new((0..3).map(member).collect()).unwrap()),
            me: 1,
            boot: [0; 16],
            profile: Profile::Production,
            deadline: Duration::from_secs(1),
            limits: Limits::default(),
            committee: Committee::default(),
            pairwise: Pairwise::default(),
            log: Log::new(Vault::open(folder.path()).unwrap()),
        })
    }

    #[test]
    fn only_what_the_leader_of_two_may_propose_is_taken_part_in() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = sessions(&folder);
        let spec = |members: &[usize], helpers| {
            sessions.spec(&part().unwrap(), (members, helpers), (OWN_NETWORK, 7))
        };
        let due = spec(&[0, 1], 0);
        assert!(sessions.our_part(0, &due).is_some());
        assert!(sessions.our_part(2, &due).is_none(), "of another member");
        assert!(sessions.our_part(2, &spec(&[2, 1], 0)).is_none(), "of one that we lead");
        let parameters = [("size".into(), "1".into())];
        let malformed = [
            spec(&[1, 0], 0),
            spec(&[0, 1, 2], 0),
            spec(&[0, 1, 2], 1),
            spec(&[0, 2], 0),
            spec(&[0, 1], 1),
            spec(&[0], 0),
            Spec { function: "SecureSum".into(), ..due.clone() },
            Spec { parameters: parameters.into(), ..due.clone() },
            Spec { shape: [("columns".into(), 1)].into(), ..due.clone() },
            Spec { suite: "masked".into(), ..due.clone() },
            Spec { network: "of a client".into(), ..due },
        ];
        for spec in malformed {
            assert!(sessions.our_part(0, &spec).is_none(), "{spec:?}");
        }
    }

    #[test]
    fn runs_begin_once_whoever_numbers_them() {
        let (mut leader, mut follower) = (Pace::default(), Pace::default());
        let runs = [leader.begin_next(), leader.begin_next()];
        assert_eq!(runs, [0, 1]);
        assert_eq!(
            [0, 0, 5, 1, u64::MAX].map(|run| follower.begin(run)),
            [true, false, true, false, true]
        );
    }

    #[test]
    fn failures_are_waited_out_for_longer_and_longer() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..40 {
            pace.note(false, now);
            pauses.push(pace.rests_until.unwrap().duration_since(now).as_secs());
        }
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert!(pauses[9..].iter().all(|pause| *pause == 300));
        assert!(pace.rests(now) && !pace.rests(now + LONGEST_PAUSE));
        pace.note(true, now);
        assert!(!pace.rests(now));
    }
}
