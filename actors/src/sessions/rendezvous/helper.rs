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

use std::collections::BTreeSet;

use cloister_protocols::computation::Request;
use cloister_protocols::fault::InputError;
use cloister_protocols::session::{MemberId, Spec};
use cloister_protocols::wire::SessionId;

use super::pending::MOST_CALLS;
use super::{Cause, Effect, Origin, Table};
use crate::sessions::LONGEST_NAME;
use crate::vocabulary::failure::Failure;

/// The most computations under way in which this node helps at the call of one member. Their
/// parties might never come, and each then lasts until the deadline.
const MOST_HELPED: usize = 64;

/// The longest proposal in bytes that is taken for a call. All but very long lists in parameters are
/// shorter.
const LONGEST_CALL: usize = 64 << 10;

impl Table {
    /// Returns whether the member at `position` brings data and names this node as helper.
    pub(super) fn is_call(&self, position: usize, spec: &Spec) -> bool {
        let brings_data = |member: &MemberId| {
            let role = spec.members.iter().find(|other| other.id == *member).map(|it| it.role);
            role.map(|role| role.input)
        };
        let (me, caller) = (self.member(self.node.me), self.member(position));
        me.as_ref().and_then(brings_data) == Some(false)
            && caller.as_ref().and_then(brings_data) == Some(true)
    }

    /// Declines a call that is too long, or for which there is no room to wait. Returns whether it
    /// did.
    pub(super) fn decline_if_too_much(
        &mut self,
        position: usize,
        session: SessionId,
        length: usize,
        spec: &Spec,
    ) -> bool {
        let next = spec.run.saturating_add(1);
        if let Some(reason) = excess(length, spec) {
            let failure = self.impossible(reason);
            // Its name and its members may be what is too long.
            let notice = failure.to_notice("", spec.run, Vec::new(), next);
            self.effects.push(Effect::Stop { position, session, notice });
            return true;
        }
        if self.pending.is_full_of_calls(position) {
            let failure = Failure::Busy { limit: MOST_CALLS };
            self.stop_session(position, session, spec, next, &failure);
            return true;
        }
        false
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
        let next = spec.run.saturating_add(1);
        let Some(members) = self.exact_members(&spec) else {
            let reason = "one is named twice, or not as this node knows it";
            let failure = self.impossible(InputError::Roles { reason });
            return self.decline_call(position, session, &spec, next, &failure);
        };
        if !self.is_free(&spec.network, &members) {
            return;
        }
        match self.consent(position, &spec) {
            Err(failure) => self.decline_call(position, session, &spec, next, &failure),
            Ok(request) if self.missing(&members).is_empty() => {
                self.help(position, session, spec, members, request);
            }
            Ok(_) => {}
        }
    }

    /// Returns this node's part in a call, if it takes it.
    fn consent(&self, position: usize, spec: &Spec) -> Result<Request, Failure> {
        if self.closing {
            return Err(Failure::Stopping);
        }
        if !self.node.help {
            return Err(Failure::HelpRefused { member: self.name(self.node.me) });
        }
        if self.count_under_way(|cause| cause == Cause::Call(position)) >= MOST_HELPED {
            return Err(Failure::Busy { limit: MOST_HELPED });
        }
        // Bounds the memory that other members can take. Computations of this node's own clients are
        // counted apart.
        let limit = (self.node.computations / 4).max(1);
        if self.count_under_way(|cause| matches!(cause, Cause::Call(_))) >= limit {
            return Err(Failure::Busy { limit });
        }
        Request::to_help(spec).map_err(|reason| self.impossible(reason))
    }

    fn impossible(&self, reason: InputError) -> Failure {
        Failure::HelpImpossible { member: self.name(self.node.me), reason }
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
            tracing::debug!(peer = %self.name(position), %session, "a call to another session");
            return;
        }
        let number = spec.run;
        let first = self.counters.first_to_come(&group);
        if number < first || !self.counters.is_near(&group, number) {
            let failure = self.other_run(position, first, number);
            return self.decline_call(position, session, &spec, first, &failure);
        }
        let id = self
            .claim(spec.network.clone(), members.clone(), Cause::Call(position))
            .expect("the name was found free in this turn");
        // For a client of this node that asks under this name later. It is a hint and no number of
        // this node's own. Those stay until many other groups were used, and a peer could fill the
        // memory with them.
        self.counters.hint(position, &group, number.saturating_add(1));
        let request = Box::new(request);
        let origin = Origin::Call { position, members, spec: Box::new(spec), request };
        self.begin(id, group, number, origin);
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
        let different: BTreeSet<usize> = positions.iter().copied().collect();
        let known = positions.iter().filter_map(|position| self.member(*position));
        let exact = different.len() == positions.len() && known.eq(spec.ids().cloned());
        exact.then_some(positions)
    }
}

/// Finds the size of a call that is beyond its limit.
fn excess(length: usize, spec: &Spec) -> Option<InputError> {
    let name = spec.network.len();
    let sizes = [
        ("bytes of the proposal", length, LONGEST_CALL),
        ("bytes of the network name", name, LONGEST_NAME),
    ];
    let (what, actual, limit) = sizes.into_iter().find(|(_, actual, limit)| actual > limit)?;
    Some(InputError::TooMuch { what, actual, limit })
}
