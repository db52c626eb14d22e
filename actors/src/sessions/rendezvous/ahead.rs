//! Preprocessing of correlations for computations on shares between two nodes alone: when, and with
//! which member.
//!
//! No client asks for it, and no client hears of it or of its failure. Of two nodes the one earlier
//! in the consortium file leads. It proposes when it has too few correlations with the other, and
//! little else to do. The other answers as helpers answer calls if it has too few correlations,
//! too. Otherwise it declines.
//!
//! These runs have a network name that clients cannot use, numbers of their own, and none of the
//! room of clients' computations.

use std::time::{Duration, Instant};

use cloister_protocols::catalogue::preparation;
use cloister_protocols::computation::{Input, Request};
use cloister_protocols::machine::Part;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{Member, MemberId, Roles, Spec};
use cloister_protocols::wire::SessionId;

use super::{Cause, Effect, Origin, Table};
use crate::vocabulary::failure::Failure;

/// The network name of two nodes in preprocessing. No client can use it.
pub const OWN_NETWORK: &str = "cloister:ahead";

/// The number of computations under way beyond which a node begins no preprocessing.
const FEW: usize = 2;

/// The most preprocessing runs of a node at once, the one that it leads included. Each takes memory
/// and a processor.
const MOST_AT_ONCE: usize = 4;

/// The first pause after a failure; it doubles with each that follows, up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The preprocessing of this node.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// A run that it leads is under way.
    leads: bool,
    /// The position of the member that it led last.
    last: usize,
}

/// The backoff of preprocessing with one peer, in this run of the peer's node.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// The number of the first run that has not begun.
    next_run: u64,
    /// The number of failures in a row.
    failures: u32,
    /// The end of the pause after a failure.
    rests_until: Option<Instant>,
}

impl Table {
    /// Begins preprocessing with one of these members, if there is one to lead and little else to
    /// do.
    pub(super) fn make_ahead(&mut self, wanted: &[usize]) {
        let busy = self.count_under_way(|cause| cause != Cause::Ahead) > FEW;
        if !self.node.ahead || self.ahead.leads || busy || self.is_full_of_ahead() {
            return;
        }
        // Members take turns, so that one that uses up much keeps no other from its own.
        let mut by_turns: Vec<usize> = wanted.to_vec();
        by_turns.sort_by_key(|position| (*position <= self.ahead.last, *position));
        if let Some(position) = by_turns.into_iter().find(|position| self.is_to_be_led(*position)) {
            self.ahead.last = position;
            self.lead(position);
        }
    }

    fn is_to_be_led(&self, position: usize) -> bool {
        let me = self.node.me;
        let rested = self.links.get(&position).is_some_and(|link| !link.backoff.rests(self.now));
        me < position
            && rested
            && self.is_up(position)
            && self.is_free(OWN_NETWORK, &[me, position])
    }

    fn is_full_of_ahead(&self) -> bool {
        self.count_under_way(|cause| cause == Cause::Ahead) >= MOST_AT_ONCE
    }

    fn lead(&mut self, position: usize) {
        let Some((request, link)) = part().zip(self.links.get_mut(&position)) else { return };
        let number = link.backoff.begin_next();
        self.ahead.leads = self.begin_ahead(vec![self.node.me, position], request, number);
    }

    pub(super) fn has_led(&mut self, position: usize, made: bool) {
        self.ahead.leads = false;
        if let Some(link) = self.links.get_mut(&position) {
            link.backoff.note(made, self.now);
        }
    }

    /// Answers a proposal of preprocessing, or keeps it.
    pub(super) fn asked_ahead(
        &mut self,
        position: usize,
        session: SessionId,
        part: Part,
        spec: Spec,
    ) {
        if self.pending.is_closed(session) {
            return;
        }
        let mut waiting = self.pending.under(OWN_NETWORK).into_iter();
        let waits_already = waiting.any(|(other, _, _)| other == position);
        if waits_already || self.our_part(position, &spec).is_none() {
            self.decline_ahead(position, session, &spec);
        } else if self.pending.keep(position, session, part, spec, false, self.now) {
            self.ask_ahead(position, session);
        }
    }

    /// Asks about the proposals that have waited for the end of another between the same two.
    pub(super) fn ask_ahead_again(&mut self) {
        for (position, session, _) in self.pending.under(OWN_NETWORK) {
            self.ask_ahead(position, session);
        }
    }

    /// Asks about a proposal that waits, unless another between the same two has not ended yet.
    fn ask_ahead(&mut self, position: usize, session: SessionId) {
        if self.is_free(OWN_NETWORK, &[position, self.node.me]) {
            self.effects.push(Effect::AskAhead { position, session });
        }
    }

    /// Answers a proposal that waits.
    pub(super) fn follow(&mut self, position: usize, session: SessionId, wanted: bool) {
        let members = vec![position, self.node.me];
        let Some(spec) = self.pending.spec(position, session).cloned() else { return };
        if !self.is_free(OWN_NETWORK, &members) {
            return;
        }
        let agreeable = self.group(OWN_NETWORK, &members).session(spec.run) == session
            && wanted
            && self.is_up(position)
            && !self.is_full_of_ahead();
        let request = self.our_part(position, &spec).filter(|_| agreeable);
        let link = self.links.get_mut(&position);
        let begun = link.is_some_and(|link| request.is_some() && link.backoff.begin(spec.run));
        match request.filter(|_| begun) {
            // Only the leader tries again, and needs to know the end.
            Some(request) => {
                let _begun = self.begin_ahead(members, request, spec.run);
            }
            None => self.decline_ahead(position, session, &spec),
        }
    }

    /// Returns this node's part in a proposal of the member at `position`. There is one only if the
    /// proposal is exactly a preprocessing run of the two, led by the other.
    fn our_part(&self, position: usize, theirs: &Spec) -> Option<Request> {
        let request = part()?;
        let members = [position, self.node.me];
        let due = self.spec(&request, &members, OWN_NETWORK, theirs.run)?;
        (position < self.node.me && due == *theirs).then_some(request)
    }

    /// Makes the spec that this node proposes: the request, its members with the helpers at the
    /// end, and the run of the network.
    pub(in crate::sessions) fn spec(
        &self,
        request: &Request,
        members: &[usize],
        network: &str,
        run: u64,
    ) -> Option<Spec> {
        let ids: Vec<MemberId> = members.iter().filter_map(|p| self.member(*p)).collect();
        Some(Spec {
            function: request.function().name.to_owned(),
            parameters: request.parameters(),
            shape: request.shape(),
            members: Member::with_roles(ids, request.roles())?,
            suite: request.suite().name().to_owned(),
            network: network.to_owned(),
            run,
        })
    }

    /// Begins a preprocessing run. Returns false where another has not ended yet.
    fn begin_ahead(&mut self, members: Vec<usize>, request: Request, number: u64) -> bool {
        let group = self.group(OWN_NETWORK, &members);
        let claimed = self.claim(OWN_NETWORK.to_owned(), members.clone(), Cause::Ahead);
        let Ok(run) = claimed else { return false };
        let origin = Origin::Ahead { members, request: Box::new(request) };
        self.begin(run, group, number, origin);
        true
    }

    fn decline_ahead(&mut self, position: usize, session: SessionId, spec: &Spec) {
        let peer = self.name(position);
        tracing::debug!(%peer, %session, "nothing is preprocessed");
        let failure = Failure::NothingAhead { member: self.name(self.node.me) };
        self.stop_session(position, session, spec, spec.run.saturating_add(1), &failure);
        self.pending.forget(position, session);
    }
}

/// Makes the request of either node, without input.
fn part() -> Option<Request> {
    let (parameters, nothing) = (Parameters::default(), Input::Numbers(Vec::new()));
    Request::new(preparation(), &parameters, nothing, 0, &Roles::of_parties(2).ok()?).ok()
}

impl Backoff {
    /// Returns the number of the run that this node begins.
    fn begin_next(&mut self) -> u64 {
        let run = self.next_run;
        self.next_run = run.saturating_add(1);
        run
    }

    /// Begins this run of the peer's, if it and those after it were not begun before.
    fn begin(&mut self, run: u64) -> bool {
        let new = run >= self.next_run;
        self.next_run = self.next_run.max(run.saturating_add(1));
        new
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Notes the end of a run that this node led.
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

#[cfg(test)]
mod tests {
    use cloister_protocols::session::{Role, peek};

    use super::super::NodeFacts;
    use super::super::schedule_tests::consortium;
    use super::*;

    /// Creates the table of the second of three members.
    fn table() -> Table {
        let node = NodeFacts {
            consortium: consortium(3),
            me: 1,
            boot: [0; 16],
            deadline: Duration::from_secs(1),
            computations: 8,
            help: false,
            ahead: true,
            peek,
        };
        Table::new(node, Instant::now())
    }

    #[test]
    fn only_what_the_leader_of_two_may_propose_is_taken_part_in() {
        let table = table();
        let spec =
            |members: &[usize]| table.spec(&part().unwrap(), members, OWN_NETWORK, 7).unwrap();
        let due = spec(&[0, 1]);
        assert!(table.our_part(0, &due).is_some());
        assert!(table.our_part(2, &due).is_none(), "of another member");
        assert!(table.our_part(2, &spec(&[2, 1])).is_none(), "of one that we lead");
        let members = |change: fn(&mut Vec<Member>)| {
            let mut spec = due.clone();
            change(&mut spec.members);
            spec
        };
        let parameters = [("size".into(), "1".into())];
        let malformed = [
            spec(&[1, 0]),
            spec(&[0, 2]),
            members(|members| members.push(members[0].clone())),
            members(|members| members[1].role = Role::HELPER),
            members(|members| members[1].role.output = false),
            members(|members| drop(members.pop())),
            Spec { function: "SecureSum".into(), ..due.clone() },
            Spec { parameters: parameters.into(), ..due.clone() },
            Spec { shape: [("columns".into(), 1)].into(), ..due.clone() },
            Spec { suite: "masked".into(), ..due.clone() },
            Spec { network: "of a client".into(), ..due.clone() },
        ];
        for spec in malformed {
            assert!(table.our_part(0, &spec).is_none(), "{spec:?}");
        }
    }

    #[test]
    fn runs_begin_once_whoever_numbers_them() {
        let (mut leader, mut follower) = (Backoff::default(), Backoff::default());
        let runs = [leader.begin_next(), leader.begin_next()];
        assert_eq!(runs, [0, 1]);
        assert_eq!(
            [0, 0, 5, 1, u64::MAX].map(|run| follower.begin(run)),
            [true, false, true, false, true]
        );
    }

    #[test]
    fn failures_are_waited_out_for_longer_and_longer() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..40 {
            backoff.note(false, now);
            pauses.push(backoff.rests_until.unwrap().duration_since(now).as_secs());
        }
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert!(pauses[9..].iter().all(|pause| *pause == 300));
        assert!(backoff.rests(now) && !backoff.rests(now + LONGEST_PAUSE));
        backoff.note(true, now);
        assert!(!backoff.rests(now));
    }
}
