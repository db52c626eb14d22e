//! Links that come and go, and the effects on waiting and running computations.

use super::ahead::Backoff;
use super::{Group, Run, RunId, Table};
use crate::computation::Abort;
use crate::vocabulary::failure::Failure;

/// The link to a member, as far as it decides which runs begin.
#[derive(Debug, Default)]
pub(super) struct Link {
    up: bool,
    /// The last known run of the member's node.
    pub(super) last_boot: Option<[u8; 16]>,
    /// The reason why it is down.
    problem: String,
    pub(super) backoff: Backoff,
}

impl Table {
    pub(super) fn link_up(&mut self, position: usize, boot: [u8; 16]) {
        let link = self.links.entry(position).or_default();
        link.up = true;
        link.problem.clear();
        if link.last_boot.replace(boot) != Some(boot) {
            link.backoff = Backoff::default();
        }
        // Before the runs that wait: one may have been asked for again under the same name since.
        self.tell_declined();
        for run in self.waiting() {
            self.start_or_wait(run);
        }
        self.answer_all(self.pending.calls());
    }

    pub(super) fn link_down(&mut self, position: usize, reason: &str) {
        let link = self.links.entry(position).or_default();
        reason.clone_into(&mut link.problem);
        if !std::mem::replace(&mut link.up, false) {
            return;
        }
        self.pending.forget_all(position);
        for run in self.running() {
            let party = self.runs.get(&run).and_then(|entry| entry.party(position));
            if let Some(party) = party {
                self.interrupt(run, Abort::LinkLost { party, reason: reason.to_owned() });
            }
        }
        for run in self.waiting() {
            self.tell_missing(run);
        }
    }

    /// Returns the runs that were not told to end.
    fn running(&self) -> Vec<RunId> {
        let running = self.runs.iter();
        let running = running.filter(|(_, entry)| matches!(entry.state, Run::Running(_)));
        running.map(|(run, _)| *run).collect()
    }

    /// Returns the members among these whose link is down.
    pub(super) fn missing(&self, members: &[usize]) -> Vec<usize> {
        let others = members.iter().copied().filter(|position| *position != self.node.me);
        others.filter(|position| !self.is_up(*position)).collect()
    }

    pub(super) fn is_up(&self, position: usize) -> bool {
        self.links.get(&position).is_some_and(|link| link.up)
    }

    /// Returns the reason why a link is down.
    pub(in crate::sessions) fn problem(&self, position: usize) -> String {
        self.links.get(&position).map_or_else(String::new, |link| link.problem.clone())
    }

    pub(super) fn lacks_boots(&self, members: &[usize]) -> bool {
        members.iter().any(|position| *position != self.node.me && self.boot(*position).is_none())
    }

    fn boot(&self, position: usize) -> Option<[u8; 16]> {
        self.links.get(&position).and_then(|link| link.last_boot)
    }

    /// Returns the group of these members, each in its node's last known run.
    pub(super) fn group(&self, network: &str, members: &[usize]) -> Group {
        let mut known = Vec::with_capacity(members.len());
        for position in members {
            if let Some(member) = self.member(*position) {
                known.push((member, self.boot(*position).unwrap_or(self.node.boot)));
            }
        }
        Group::new(network, known.into_iter())
    }

    /// Returns the failure of a run whose links were not up in time.
    pub(super) fn never_connected(&self, members: &[usize]) -> Failure {
        let missing = self.missing(members);
        let first = missing.first().and_then(|position| self.links.get(position));
        let problem = first.map(|link| link.problem.clone());
        Failure::Deadline {
            detail: problem.filter(|problem| !problem.is_empty()),
            parties: missing.iter().map(|position| self.name(*position)).collect(),
            awaited: "a connection".into(),
            milliseconds: u64::try_from(self.node.deadline.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
