//! Runs: the subject and the state of each.

use std::collections::BTreeSet;
use std::time::Instant;

use cloister_protocols::party::Party;
use cloister_protocols::wire::SessionId;

use super::run_counters::Group;
use crate::vocabulary::failure::Failure;

/// The name of a run at this node, from its reservation to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::sessions) struct RunId(pub(super) u64);

/// A network name, and the members in no order. It belongs to one run at a time.
pub(super) type Key = (String, Vec<usize>);

/// A run with its subject.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) network: String,
    /// The members by position in the consortium file, in the agreed order.
    pub(super) members: Vec<usize>,
    pub(super) cause: Cause,
    pub(super) state: Run,
}

/// The life of a run. It never moves back.
#[derive(Debug)]
pub(super) enum Run {
    /// The name is taken. The client's data are being decided on and read.
    Reserved,
    /// The client has asked for the run, and links to its members are missing.
    WaitingForLinks {
        /// The time of the client's request.
        since: Instant,
    },
    /// The computation is under way.
    Running(Course),
    /// The run was told to end and has not ended yet.
    Interrupted(Interrupted),
    /// This node does not take part, and not all members have been told.
    Declined {
        /// The begin of this state.
        since: Instant,
        /// The reason, as the members are told.
        failure: Failure,
    },
}

/// The moment at which a run was told to end.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// Before it began: its client is told the reason when it asks for the reserved run.
    Before(Failure),
    /// While its computation was under way. The computation has been told.
    During(Course),
}

/// The computation of a run.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) session: SessionId,
    pub(super) group: Group,
    pub(super) number: u64,
    /// The members from which a message has come, by position.
    pub(super) heard: BTreeSet<usize>,
    /// The members that said whom they waited for when their time was up, by position.
    pub(super) parted: BTreeSet<usize>,
}

/// The asker of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sessions) enum Cause {
    /// This node's own client.
    Client,
    /// The member at this position, whose proposal called this node to help.
    Call(usize),
    /// This node and another, for preprocessing.
    Ahead,
}

impl Entry {
    /// Returns the name that the run holds.
    pub(super) fn key(&self) -> Key {
        key(&self.network, &self.members)
    }

    /// Returns whether the run holds its name: no other can begin under it.
    pub(super) fn holds_name(&self) -> bool {
        !matches!(self.state, Run::Declined { .. })
    }

    /// Returns the computation, if it has begun.
    pub(super) fn course(&self) -> Option<&Course> {
        match &self.state {
            Run::Running(course) | Run::Interrupted(Interrupted::During(course)) => Some(course),
            _ => None,
        }
    }

    /// Notes that a message has come from the member at `position`.
    pub(super) fn note_heard(&mut self, position: usize) {
        if let Run::Running(course) | Run::Interrupted(Interrupted::During(course)) =
            &mut self.state
        {
            course.heard.insert(position);
        }
    }

    /// Notes that the time of the member at `position` is up. Returns true once for each.
    pub(super) fn note_parted(&mut self, position: usize) -> bool {
        match &mut self.state {
            Run::Running(course) | Run::Interrupted(Interrupted::During(course)) => {
                course.parted.insert(position)
            }
            _ => false,
        }
    }

    /// Returns the party of the member at `position`.
    pub(super) fn party(&self, position: usize) -> Option<Party> {
        self.members.iter().position(|member| *member == position).and_then(Party::new)
    }
}

/// Returns the name of a network with these members.
pub(super) fn key(network: &str, members: &[usize]) -> Key {
    (network.to_owned(), sorted(members))
}

/// Returns whether these are the same members, in any order.
pub(super) fn same_members(one: &[usize], other: &[usize]) -> bool {
    sorted(one) == sorted(other)
}

fn sorted(members: &[usize]) -> Vec<usize> {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    sorted
}
