//! Runs that this node's client has asked for and that this node takes no part in. Its policy or
//! its data forbid it, or the client no longer wants it. The other members hear of it at once, or
//! when they are connected.

use std::time::Instant;

use super::{Effect, Run, RunId, Table};
use crate::vocabulary::failure::Failure;

impl Table {
    /// Ends a run before it has begun, and tells its client and the other members.
    pub(super) fn give_up(&mut self, run: RunId, failure: Failure) {
        self.effects.push(Effect::Refuse { run, failure: failure.clone() });
        self.decline(run, Some(failure));
    }

    /// Ends a run before it has begun. Its name is free at once, so that the client can ask again
    /// as soon as it reads the answer.
    pub(super) fn decline(&mut self, run: RunId, failure: Option<Failure>) {
        let Some(entry) = self.runs.get(&run) else { return };
        if !entry.holds_name() || entry.course().is_some() {
            return;
        }
        let member = self.name(self.node.me);
        let failure = failure.unwrap_or(Failure::Declined { member });
        let connected = self.missing(&entry.members).is_empty();
        // The number of remembered runs is bounded by that of computations under way. Members of
        // further ones wait for their deadlines.
        if !connected && self.count_declined() >= self.node.computations {
            return self.remove(run);
        }
        let name = entry.key();
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.state = Run::Declined { since: self.now, failure };
        }
        self.tell_if_connected(run);
        self.free(&name);
    }

    fn count_declined(&self) -> usize {
        let declined = self.runs.values();
        declined.filter(|entry| matches!(entry.state, Run::Declined { .. })).count()
    }

    /// Tells the other members of declined runs, so that they need not wait until their deadlines.
    pub(super) fn tell_declined(&mut self) {
        let declined = self.runs.iter();
        let declined = declined.filter(|(_, entry)| matches!(entry.state, Run::Declined { .. }));
        for run in declined.map(|(run, _)| *run).collect::<Vec<_>>() {
            self.tell_if_connected(run);
        }
    }

    /// Tells the members of a declined run, if all are connected or the time is up.
    fn tell_if_connected(&mut self, run: RunId) {
        let Some(entry) = self.runs.get(&run) else { return };
        let Run::Declined { since, failure } = &entry.state else { return };
        if !self.missing(&entry.members).is_empty() && !self.has_timed_out(*since) {
            return;
        }
        let (network, members) = (entry.network.clone(), entry.members.clone());
        let failure = failure.clone();
        self.runs.remove(&run);
        let group = self.group(&network, &members);
        self.tell_all(&network, &members, &group, &failure);
    }

    /// Returns whether the time of a computation that began then is up.
    pub(super) fn has_timed_out(&self, since: Instant) -> bool {
        self.now.saturating_duration_since(since) >= self.node.deadline
    }
}
