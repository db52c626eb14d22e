//! Which proposal belongs to which of our computations, and what to do where they do not meet.
//!
//! All parties name a session by network name, members, the members' boots, and the number of the
//! run. Where a peer's proposal has another number, or other members under the same name, the two
//! will never meet; so whoever notices says so at once, on both sides, instead of letting both
//! wait for their deadlines:
//!
//! - a peer that is ahead of a computation of ours that it has not answered: ours ends, and our
//!   next one takes the peer's number;
//! - a peer that is behind: it is told our number, ends its own, and takes ours next;
//! - other members under the same name: both end.
//!
//! Clients ask at almost the same time, so word of a run's end may come just before our own client
//! asks for it. Within [`MOMENT`] that request shares the end; later ones begin the next run.

use std::time::{Duration, Instant};

use actix::Context;
use cloister_protocols::machine::Part;
use cloister_protocols::session::{MemberId, Spec, peek};
use cloister_protocols::wire::{self, SessionId};

use super::Sessions;
use super::ahead::OWN_NETWORK;
use super::numbers::Group;
use super::ticket::{key, same_members};
use crate::computation::{Abort, PeerStopped};
use crate::links::SendStop;
use crate::vocabulary::failure::{Failure, StopNotice};

/// How long after word of a run's end a request for it shares the end.
const MOMENT: Duration = Duration::from_secs(2);

/// Ends that are remembered for so long.
const MOST_JUST_ENDED: usize = 4_096;

/// The end of a run that we had not begun.
pub(super) struct End {
    since: Instant,
    /// Of which group, if that was known.
    group: Option<Group>,
    run: u64,
    failure: Failure,
}

impl Sessions {
    /// A proposal came for a session that we have not: keeps it until our client asks, unless it
    /// shows that the clients disagree.
    ///
    /// Where it names us as helper, no client of ours will ask: see [`super::helping`].
    pub(super) fn keep_early(
        &mut self,
        position: usize,
        session: SessionId,
        part: Part,
        context: &mut Context<Self>,
    ) {
        let Some(spec) = peek(&part.body) else { return };
        if spec.network == OWN_NETWORK {
            return self.asked_ahead(position, session, (part, spec), context);
        }
        let will_meet = self.compare(position, session, &spec);
        let call = self.is_call(position, &spec);
        if call && Self::is_too_long(&part.body, &spec) {
            tracing::debug!(peer = %self.name(position), %session, "a call that is too long");
            return;
        }
        if call && (!will_meet || self.is_one_too_many(position, session, &spec)) {
            return;
        }
        if !self.early.keep(position, session, part, spec, call) {
            tracing::debug!(peer = %self.name(position), %session, "early frame dropped");
        }
        if call {
            self.answer(position, session, context);
        }
    }

    /// What the peers' waiting proposals say to a computation that we are about to begin: the
    /// highest number that one of them has for it.
    pub(super) fn early_of_others(
        &mut self,
        network: &str,
        members: &[usize],
    ) -> Result<u64, Failure> {
        let mut ahead = 0;
        for (position, session, spec) in self.early.under(network) {
            if !members.contains(&position) || !self.names_us(&spec) {
                continue;
            }
            if !self.is_of(&spec, members) {
                let failure = self.other_members(position, &spec);
                self.stop_session(position, session, &spec, 0, &failure);
                return Err(failure);
            }
            ahead = ahead.max(spec.run);
        }
        Ok(ahead)
    }

    /// Tells all members of a computation that we could not even begin that it has ended, so that
    /// they do not wait for us.
    pub(super) fn tell_all(
        &mut self,
        network: &str,
        members: &[usize],
        group: &Group,
        failure: &Failure,
    ) {
        let run = self.numbers.next(group, 0);
        let ids: Vec<MemberId> = members.iter().filter_map(|p| self.member(*p)).collect();
        let notice = failure.to_notice((network, run, &ids), run.saturating_add(1));
        for position in members {
            self.send_stop(*position, group.session(run), &notice);
        }
    }

    /// Tells those whose proposals wait under a lower number than `run` to begin again with it.
    pub(super) fn stop_those_behind(&mut self, network: &str, members: &[usize], run: u64) {
        for (position, session, spec) in self.early.under(network) {
            if members.contains(&position) && self.is_of(&spec, members) && spec.run < run {
                let failure = self.other_run(position, run, spec.run);
                self.stop_session(position, session, &spec, run, &failure);
                self.early.forget(position, session);
            }
        }
    }

    /// A peer has ended a session.
    pub(super) fn stopped(&mut self, position: usize, session: SessionId, notice: &[u8]) {
        let Ok(notice) = wire::decode::<StopNotice>(notice) else {
            tracing::debug!(peer = %self.name(position), %session, "a senseless reason to stop");
            return;
        };
        self.early.forget(position, session);
        if notice.network != OWN_NETWORK {
            self.take_number(position, session, &notice);
        }
        let Some(running) = self.running.get_mut(&session) else { return };
        let Some(from) = running.party(position) else { return };
        running.end(Abort::Stopped(PeerStopped { from, notice: Box::new(notice) }));
    }

    /// Compares a proposal with the computations of ours that still wait for its sender. Says no if
    /// its sender was told that its session ends.
    fn compare(&mut self, position: usize, session: SessionId, theirs: &Spec) -> bool {
        if !self.names_us(theirs) {
            return true;
        }
        let waits = |running: &super::Running| {
            let concerns = running.network == theirs.network && running.members.contains(&position);
            concerns && !running.heard.contains(&position) && !running.ending
        };
        let ours = self.running.iter().find(|(_, running)| waits(running)).map(|(id, _)| *id);
        let Some(running) = ours.and_then(|id| self.running.get(&id)) else { return true };
        let (run, group) = (running.run, running.group);
        if !self.is_of(theirs, &running.members) {
            let failure = self.other_members(position, theirs);
            self.stop_session(position, session, theirs, 0, &failure);
            self.end(ours, failure);
            false
        } else if theirs.run > run {
            self.numbers.hint(position, &group, theirs.run);
            let failure = self.other_run(position, run, theirs.run);
            self.end(ours, failure);
            true
        } else {
            let failure = self.other_run(position, run, theirs.run);
            self.stop_session(position, session, theirs, run, &failure);
            false
        }
    }

    fn end(&mut self, session: Option<SessionId>, failure: Failure) {
        if let Some(running) = session.and_then(|session| self.running.get_mut(&session)) {
            running.end(Abort::Because(failure));
        }
    }

    /// Our next computation in the group of this notice takes the number that its sender says.
    fn take_number(&mut self, position: usize, session: SessionId, notice: &StopNotice) {
        let Some(members) = self.positions(&notice.members) else { return };
        if !members.contains(&position) || !members.contains(&self.me) {
            return;
        }
        let group = self.group(&notice.network, &members);
        let known = group.session(notice.run) == session;
        if known {
            self.numbers.hint(position, &group, notice.next_run);
        }
        // Where a link was never up, the boots are not known, and with them the group: then the
        // names decide. A peer can so end nothing but computations with itself.
        let to_come = match known {
            true => self.numbers.is_to_come(&group, notice.run) && !self.has_begun(session),
            false => self.lacks_boots(&members),
        };
        if to_come {
            self.share_end(position, &members, known.then_some(group), notice);
        }
    }

    /// Requests for the run that a peer has ended, which wait or come in a moment, end with it.
    fn share_end(
        &mut self,
        position: usize,
        members: &[usize],
        group: Option<Group>,
        notice: &StopNotice,
    ) {
        let failure =
            Failure::Stopped { party: self.name(position), notice: Box::new(notice.clone()) };
        if !self.refuse_waiting(&notice.network, members, &failure)
            && self.just_ended.len() < MOST_JUST_ENDED
        {
            let name = key(&notice.network, members);
            let (since, run) = (Instant::now(), notice.run);
            self.just_ended.insert(name, End { since, group, run, failure });
        }
    }

    /// Whether this session runs, or has run. The numbers do not tell where we helped.
    fn has_begun(&self, session: SessionId) -> bool {
        self.running.contains_key(&session) || self.early.is_closed(session)
    }

    fn lacks_boots(&self, members: &[usize]) -> bool {
        let lacks = |position: &usize| {
            *position != self.me
                && self.links.get(position).is_none_or(|link| link.last_boot.is_none())
        };
        members.iter().any(lacks)
    }

    /// The end of a run that a peer told us of just now, if we had not begun it.
    pub(super) fn shared_end(
        &mut self,
        network: &str,
        members: &[usize],
        ours: &Group,
    ) -> Option<Failure> {
        let End { since, group, run, failure } = self.just_ended.remove(&key(network, members))?;
        // If a member's node has restarted since, that run would not have been this one.
        let same = group.is_none_or(|group| group == *ours);
        if !same || since.elapsed() >= MOMENT {
            return None;
        }
        if group.is_some() {
            // Another member may tell of the same end, when our client asks for the next run already.
            self.numbers.pass(ours, run);
        }
        Some(failure)
    }

    /// Forgets ends that are no longer shared.
    pub(super) fn expire_ends(&mut self) {
        self.just_ended.retain(|_, end| end.since.elapsed() < MOMENT);
    }

    pub(super) fn positions(&self, members: &[MemberId]) -> Option<Vec<usize>> {
        if members.len() > self.consortium.members().len() {
            return None;
        }
        members.iter().map(|member| self.consortium.position(&member.name)).collect()
    }

    fn names_us(&self, spec: &Spec) -> bool {
        self.member(self.me).is_some_and(|me| spec.members.contains(&me))
    }

    fn is_of(&self, spec: &Spec, members: &[usize]) -> bool {
        self.positions(&spec.members).is_some_and(|theirs| same_members(&theirs, members))
    }

    fn other_members(&self, position: usize, theirs: &Spec) -> Failure {
        let names: Vec<String> = theirs.members.iter().map(MemberId::to_string).collect();
        Failure::OtherMembers { party: self.name(position), theirs: names.join(", ") }
    }

    pub(super) fn other_run(&self, position: usize, ours: u64, theirs: u64) -> Failure {
        Failure::OtherRun { party: self.name(position), ours, theirs }
    }

    /// Tells a peer that its session will not meet ours.
    pub(super) fn stop_session(
        &self,
        position: usize,
        session: SessionId,
        theirs: &Spec,
        next_run: u64,
        failure: &Failure,
    ) {
        let notice = failure.to_notice((&theirs.network, theirs.run, &theirs.members), next_run);
        self.send_stop(position, session, &notice);
    }

    fn send_stop(&self, position: usize, session: SessionId, notice: &StopNotice) {
        let Some(link) = self.links.get(&position) else { return };
        let Some(notice) = notice.encoded() else { return };
        // One small message for each message of the peer's that does not fit, and the link keeps a
        // bounded number of them.
        link.address.do_send(SendStop { session, notice });
    }
}
