//! Computations that call this node as helper: it computes on shares, without data of its own.
//!
//! No client asks for them. They begin by a proposal in which a member that brings data names this
//! node among the helpers. So a helper's proposal alone starts no computation: helpers cannot keep
//! each other busy. If this node's settings allow it, it takes part as the proposal says, in its
//! very session. If the parties' proposals differ, the agreement finds out, as it does among
//! parties.
//!
//! A call that cannot be answered yet waits as any pending proposal does, and ends with it: when
//! its sender stops or is lost. It waits for links, and for its name. Another run of the same
//! members may hold the name, or a request of this node's own client, with which it may then
//! disagree.
//!
//! A call is declined to its sender alone. Each party's proposal is a call, so that each party
//! hears of it from this node, and from the others that heard it. No member can have this node stop
//! sessions that the member takes no part in.

use cloister_protocols::computation::Request;
use cloister_protocols::session::{MemberId, Spec};
use cloister_protocols::wire::SessionId;

use super::pending::MOST_CALLS;
use super::{Cause, Origin, Table};
use crate::sessions::LONGEST_NAME;
use crate::vocabulary::failure::Failure;

/// The most computations under way in which this node helps at the call of one member. Their
/// parties might never come, and each then lasts until the deadline.
const MOST_HELPED: usize = 64;

/// The longest proposal in bytes that is taken for a call: a thousand probabilities and 256 members
/// take less.
const LONGEST_CALL: usize = 64 << 10;

impl Table {
    /// Returns whether the member at `position`, which brings data, calls this node as helper.
    pub(super) fn is_call(&self, position: usize, spec: &Spec) -> bool {
        let brings_data = |member: &MemberId| {
            let role = spec.members.iter().find(|other| other.id == *member).map(|it| it.role);
            role.map(|role| role.input)
        };
        let (me, caller) = (self.member(self.node.me), self.member(position));
        me.as_ref().and_then(brings_data) == Some(false)
            && caller.as_ref().and_then(brings_data) == Some(true)
    }

    /// Returns whether a call is longer than any that an honest node makes. It is not even
    /// declined: this node's proposal, and its notices to others, would be as long.
    pub(super) fn is_too_long(proposal: &[u8], spec: &Spec) -> bool {
        proposal.len() > LONGEST_CALL || spec.network.len() > LONGEST_NAME
    }

    /// Declines a call for which there is no room to wait. Returns whether it did.
    pub(super) fn is_one_too_many(
        &mut self,
        position: usize,
        session: SessionId,
        spec: &Spec,
    ) -> bool {
        let full = self.pending.is_full_of_calls(position);
        if full {
            let failure = Failure::Busy { limit: MOST_CALLS };
            self.stop_session(position, session, spec, spec.run.saturating_add(1), &failure);
        }
        full
    }

    /// Answers those of these calls that can be answered.
    pub(super) fn answer_all(&mut self, calls: Vec<(usize, SessionId)>) {
        for (position, session) in calls {
            self.answer(position, session);
        }
    }

    /// Answers a call that waits, if its name is free and its links are up.
    pub(super) fn answer(&mut self, position: usize, session: SessionId) {
        let Some(spec) = self.pending.spec(position, session).cloned() else { return };
        let Some(members) = self.exact_members(&spec) else { return };
        if !self.is_free(&spec.network, &members) {
            return;
        }
        match self.consent(position, &spec) {
            Err(failure) => {
                let next = spec.run.saturating_add(1);
                self.decline_call(position, session, &spec, next, &failure);
            }
            Ok(request) if self.missing(&members).is_empty() => {
                self.help(position, session, spec, members, request);
            }
            Ok(_) => {}
        }
    }

    /// Returns this node's part in a call, if it takes it.
    fn consent(&self, position: usize, spec: &Spec) -> Result<Request, Failure> {
        let member = self.name(self.node.me);
        if self.closing {
            return Err(Failure::Stopping);
        }
        if !self.node.help {
            return Err(Failure::HelpRefused { member });
        }
        if self.count_under_way(|cause| cause == Cause::Call(position)) >= MOST_HELPED {
            return Err(Failure::Busy { limit: MOST_HELPED });
        }
        // This node's own clients have room for their computations, whatever other members ask for.
        let limit = (self.node.computations / 4).max(1);
        if self.count_under_way(|cause| matches!(cause, Cause::Call(_))) >= limit {
            return Err(Failure::Busy { limit });
        }
        Request::to_help(spec).map_err(|reason| Failure::HelpImpossible { member, reason })
    }

    /// Counts the computations with such a cause that are under way.
    pub(super) fn count_under_way(&self, counts: impl Fn(Cause) -> bool) -> usize {
        let under_way = self.runs.values().filter(|entry| entry.course().is_some());
        under_way.filter(|entry| counts(entry.cause)).count()
    }

    fn help(
        &mut self,
        position: usize,
        session: SessionId,
        spec: Spec,
        members: Vec<usize>,
        request: Request,
    ) {
        let group = self.group(&spec.network, &members);
        if group.session(spec.run) != session {
            // The caller knows a member by another run of its node than this node does. One of the
            // two is about to lose that link and find it again, or the caller lies.
            return;
        }
        let first = self.counters.first_to_come(&group);
        if spec.run < first {
            let failure = self.other_run(position, first, spec.run);
            return self.decline_call(position, session, &spec, first, &failure);
        }
        // For a client of this node that asks under this name later. It is a hint and no number of
        // this node's own. Those are remembered for ever, and a peer could fill the memory with
        // them.
        self.counters.hint(position, &group, spec.run.saturating_add(1));
        let claimed = self.claim(spec.network.clone(), members.clone(), Cause::Call(position));
        let Ok(run) = claimed else { return };
        let (number, request) = (spec.run, Box::new(request));
        let origin = Origin::Call { position, members, spec: Box::new(spec), request };
        self.begin(run, group, number, origin);
    }

    fn decline_call(
        &mut self,
        position: usize,
        session: SessionId,
        spec: &Spec,
        next_run: u64,
        failure: &Failure,
    ) {
        let (peer, code) = (self.name(position), failure.code().text());
        // Peers can cause this line as often as they like.
        tracing::debug!(%peer, %session, code, "a call for help was declined");
        self.stop_session(position, session, spec, next_run, failure);
        self.pending.forget(position, session);
    }

    /// Returns the positions of a spec's members, if this node knows each with the same
    /// fingerprint, and each is there once.
    fn exact_members(&self, spec: &Spec) -> Option<Vec<usize>> {
        let positions = self.positions(spec.ids())?;
        for (index, (position, member)) in positions.iter().zip(spec.ids()).enumerate() {
            let repeated = positions.iter().take(index).any(|before| before == position);
            if repeated || self.member(*position).as_ref() != Some(member) {
                return None;
            }
        }
        Some(positions)
    }
}
