//! Matching of proposals to this node's runs, and the end of runs that will not meet.
//!
//! All parties name a session by network name, members, the members' boots, and the number of the
//! run. A peer's proposal may have another number, or other members under the same name. Then the
//! two will never meet. The first node to notice says so at once, on both sides, so that neither
//! waits for its deadline:
//!
//! - A peer is ahead of a run of this node that it has not answered. This node's run ends, and its
//!   next one takes the peer's number.
//! - A peer is behind. It is told this node's number, ends its own run, and takes that number next.
//! - The peer names other members under the same name. Both end.
//!
//! The notice of a run's end may come just before this node's own client asks for it: see
//! [`super::ends`].

use cloister_protocols::machine::Part;
use cloister_protocols::session::{MemberId, Spec};
use cloister_protocols::wire::SessionId;

use super::ahead::OWN_NETWORK;
use super::ends::End;
use super::run::same_members;
use super::{Effect, Group, Run, RunId, Table, key};
use crate::computation::{Abort, PeerStopped};
use crate::sessions::LONGEST_NAME;
use crate::vocabulary::code::Code;
use crate::vocabulary::failure::{Failure, StopNotice};

impl Table {
    /// Keeps a proposal for an unknown session until this node's client asks, unless it shows that
    /// the clients disagree.
    ///
    /// If the proposal names this node as helper, none of its clients will ask: see
    /// [`super::helper`].
    pub(super) fn keep_early(&mut self, position: usize, session: SessionId, part: Part) {
        let Some(spec) = (self.node.peek)(&part.body, &self.roster) else { return };
        if spec.network == OWN_NETWORK {
            return self.asked_ahead(position, session, part, spec);
        }
        let will_meet = self.compare(position, session, &spec);
        let call = self.is_call(position, &spec);
        let length = part.body.len();
        if call && (!will_meet || self.decline_if_too_much(position, session, length, &spec)) {
            return;
        }
        if !self.pending.keep(position, session, part, spec, call, self.now) {
            tracing::debug!(peer = %self.name(position), %session, "early frame dropped");
        }
        if call {
            self.answer(position, session);
        }
    }

    /// Returns the highest number that a waiting proposal has for a run that is about to begin.
    ///
    /// # Errors
    /// If one of them wants to compute with other members under the same name.
    pub(super) fn early_of_others(
        &mut self,
        network: &str,
        members: &[usize],
    ) -> Result<u64, Failure> {
        let mut ahead = 0;
        for (position, session, spec) in self.pending.under(network) {
            if !members.contains(&position) || !self.names_us(&spec) {
                continue;
            }
            if !self.is_of(&spec, members) {
                let failure = self.other_members(position, &spec);
                self.stop_session(position, session, &spec, 0, &failure);
                // Its sender has been told, and must not end the next request too.
                self.pending.forget(position, session);
                return Err(failure);
            }
            ahead = ahead.max(spec.run);
        }
        Ok(ahead)
    }

    /// Tells all members of a run that could not begin that it has ended, so that they do not wait
    /// for this node.
    pub(super) fn tell_all(
        &mut self,
        network: &str,
        members: &[usize],
        group: &Group,
        failure: &Failure,
    ) {
        let number = self.counters.next(group, 0);
        let ids: Vec<MemberId> = members.iter().filter_map(|p| self.member(*p)).collect();
        let notice = failure.to_notice(network, number, ids, number.saturating_add(1));
        for position in members.iter().copied().filter(|position| *position != self.node.me) {
            let (session, notice) = (group.session(number), notice.clone());
            self.effects.push(Effect::Stop { position, session, notice });
        }
    }

    /// Tells the senders of proposals that wait under a lower number to begin again with `number`.
    pub(super) fn stop_those_behind(&mut self, network: &str, members: &[usize], number: u64) {
        for (position, session, spec) in self.pending.under(network) {
            if members.contains(&position) && self.is_of(&spec, members) && spec.run < number {
                let failure = self.other_run(position, number, spec.run);
                self.stop_session(position, session, &spec, number, &failure);
                self.pending.forget(position, session);
            }
        }
    }

    /// Takes a peer's notice that it has ended a session.
    pub(super) fn stopped(&mut self, position: usize, session: SessionId, notice: &[u8]) {
        let notice = StopNotice::decoded(notice).filter(|it| it.network.len() <= LONGEST_NAME);
        let Some(mut notice) = notice else {
            tracing::debug!(peer = %self.name(position), %session, "a senseless reason to stop");
            return;
        };
        self.pending.forget(position, session);
        if notice.network != OWN_NETWORK && self.ends.is_news(position, session) {
            self.take_number(position, session, &notice);
            // Without a word of this node the member might name it. A failure it was told before, and
            // the first word counts.
            if notice.is_of_deadline() && !notice.finished && self.ends.is_own(session, position) {
                let notice = notice.answer_of_finished();
                return self.effects.push(Effect::Stop { position, session, notice });
            }
        }
        let Some(run) = self.sessions.get(&session).copied() else { return };
        let Some(entry) = self.runs.get(&run) else { return };
        let Some(from) = entry.party(position) else { return };
        self.check_about(&mut notice, &entry.members);
        let notice = Box::new(notice);
        if notice.is_of_deadline() {
            // All members' words are of use, not the first one's alone.
            let entry = self.runs.get_mut(&run);
            if entry.is_some_and(|entry| entry.note_parted(position)) {
                self.effects.push(Effect::Word(run, PeerStopped { from, notice }));
            }
            return;
        }
        self.interrupt(run, Abort::Stopped(PeerStopped { from, notice }));
    }

    /// Takes the members out of a notice that it is about, and that it says to have ended first, if
    /// they are none of the computation. Then the failure is about the sender. It is about this node
    /// only if its own rules decided, which all members find out at the same time. A node that runs has
    /// not ended first.
    fn check_about(&self, notice: &mut StopNotice, members: &[usize]) {
        let by_rules = notice.code == Code::RefusedByDisclosureRules.text();
        let is_of = |name: &String, with_us: bool| {
            let mut possible =
                members.iter().filter(|position| with_us || **position != self.node.me);
            possible.any(|position| self.name(*position) == *name)
        };
        notice.about.take_if(|about| !is_of(about, by_rules));
        notice.ended_by.take_if(|first| !is_of(first, false));
    }

    /// Compares a proposal with this node's runs that still wait for its sender. Returns false if
    /// the sender was told that its session ends.
    fn compare(&mut self, position: usize, session: SessionId, theirs: &Spec) -> bool {
        if !self.names_us(theirs) {
            return true;
        }
        let Some((run, group, number)) = self.waits_for(position, &theirs.network) else {
            return true;
        };
        let same_members = self.runs.get(&run).is_some_and(|run| self.is_of(theirs, &run.members));
        if !same_members {
            let failure = self.other_members(position, theirs);
            self.stop_session(position, session, theirs, 0, &failure);
            self.interrupt(run, Abort::Because(failure));
            return false;
        }
        let failure = self.other_run(position, number, theirs.run);
        if theirs.run > number {
            self.counters.hint(position, &group, theirs.run);
            self.interrupt(run, Abort::Because(failure));
            return true;
        }
        self.stop_session(position, session, theirs, number, &failure);
        false
    }

    /// Returns the run under this name that has heard nothing yet of the member at `position`.
    fn waits_for(&self, position: usize, network: &str) -> Option<(RunId, Group, u64)> {
        for (run, entry) in &self.runs {
            let Run::Running(course) = &entry.state else { continue };
            let concerned = entry.network == network && entry.members.contains(&position);
            if concerned && !course.heard.contains(&position) {
                return Some((*run, course.group, course.number));
            }
        }
        None
    }

    /// Takes the sender's number from the notice for the next run of its group.
    fn take_number(&mut self, position: usize, session: SessionId, notice: &StopNotice) {
        let Some(members) = self.positions(notice.members.iter()) else { return };
        if !members.contains(&position) || !members.contains(&self.node.me) {
            return;
        }
        let group = self.group(&notice.network, &members);
        let known = group.session(notice.run) == session;
        if known {
            self.counters.hint(position, &group, notice.next_run);
        }
        // Where a link was never up, the boots are not known, and neither is the group. Then the
        // names decide. A peer can end nothing in this way but runs with itself.
        let to_come = if known {
            self.counters.is_to_come(&group, notice.run) && !self.has_begun(session)
        } else {
            self.lacks_boots(&members)
        };
        if to_come {
            self.share_end(position, &members, known.then_some(group), notice);
        }
    }

    /// Ends requests for the run that a peer has ended: those that wait, and those that come within
    /// a moment.
    fn share_end(
        &mut self,
        position: usize,
        members: &[usize],
        group: Option<Group>,
        notice: &StopNotice,
    ) {
        let mut notice = notice.clone();
        self.check_about(&mut notice, members);
        let name = key(&notice.network, members);
        let number = notice.run;
        let failure = Failure::Stopped { party: self.name(position), notice: Box::new(notice) };
        let holder = self.holders.get(&name).copied();
        let waiting = holder.filter(|run| {
            let entry = self.runs.get(run);
            entry.is_some_and(|entry| matches!(entry.state, Run::WaitingForLinks { .. }))
        });
        if let Some(run) = waiting {
            return self.refuse(run, failure);
        }
        self.ends.keep(name, End { position, since: self.now, group, number, failure });
    }

    /// Returns whether this session runs, or has run. The counters do not tell where this node
    /// helped.
    fn has_begun(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session) || self.pending.is_closed(session)
    }

    /// Returns the end of a run that a peer has just told, if this node had not begun it.
    pub(super) fn shared_end(
        &mut self,
        network: &str,
        members: &[usize],
        ours: &Group,
    ) -> Option<Failure> {
        let End { group, number, failure, .. } =
            self.ends.take(&key(network, members), self.now)?;
        // If a member's node has restarted since, that run would not have been this one.
        if group.is_some_and(|group| group != *ours) {
            return None;
        }
        if group.is_some() {
            // Another member may tell of the same end when the client asks for the next run
            // already.
            self.counters.pass(ours, number);
        }
        Some(failure)
    }

    pub(super) fn positions<'a>(
        &self,
        members: impl ExactSizeIterator<Item = &'a MemberId>,
    ) -> Option<Vec<usize>> {
        if members.len() > self.node.consortium.members().len() {
            return None;
        }
        members.map(|member| self.node.consortium.position(&member.name)).collect()
    }

    fn names_us(&self, spec: &Spec) -> bool {
        self.member(self.node.me).is_some_and(|me| spec.ids().any(|member| *member == me))
    }

    fn is_of(&self, spec: &Spec, members: &[usize]) -> bool {
        self.positions(spec.ids()).is_some_and(|theirs| same_members(&theirs, members))
    }

    fn other_members(&self, position: usize, theirs: &Spec) -> Failure {
        let names: Vec<String> = theirs.ids().map(MemberId::to_string).collect();
        Failure::OtherMembers { party: self.name(position), theirs: names.join(", ") }
    }

    pub(super) fn other_run(&self, position: usize, ours: u64, theirs: u64) -> Failure {
        Failure::OtherRun { party: self.name(position), ours, theirs }
    }

    /// Tells a peer that its session will not meet a run of this node.
    pub(super) fn stop_session(
        &mut self,
        position: usize,
        session: SessionId,
        theirs: &Spec,
        next_run: u64,
        failure: &Failure,
    ) {
        let members = theirs.ids().cloned().collect();
        let notice = failure.to_notice(&theirs.network, theirs.run, members, next_run);
        self.effects.push(Effect::Stop { position, session, notice });
    }
}
