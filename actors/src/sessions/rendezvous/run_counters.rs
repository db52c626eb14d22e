//! Counters of the runs of each group of members under a network name.
//!
//! Numbers given out are never forgotten by age: all members would have to forget at the same
//! moment. Numbers that peers tell are kept apart and bounded for each peer, so that none can make
//! this node forget those of others.

use std::collections::{BTreeMap, HashMap, VecDeque};

use cloister_protocols::session::MemberId;
use cloister_protocols::wire::SessionId;

/// The most groups whose numbers are remembered. Beyond it the ones longest unused are forgotten.
const MOST_GROUPS: usize = 100_000;

/// The most hints of one peer that are remembered.
const MOST_HINTS: usize = 1_024;

/// The most runs by which a peer may be ahead of this node. Without a bound a peer could use the
/// numbers up, and later runs would have one session id.
const FARTHEST: u64 = 1 << 32;

/// Members under a network name, each in one run of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group([u8; 32]);

/// The numbers given out, and those that peers tell.
#[derive(Debug, Default)]
pub(super) struct RunCounters {
    groups: HashMap<Group, Counter>,
    hints: BTreeMap<usize, Hints>,
    uses: u64,
}

#[derive(Debug)]
struct Counter {
    next: u64,
    last_use: u64,
}

#[derive(Debug, Default)]
struct Hints {
    runs: HashMap<Group, u64>,
    order: VecDeque<Group>,
}

impl Group {
    /// Creates the group of these members, whatever their order.
    pub(super) fn new(network: &str, members: impl Iterator<Item = (MemberId, [u8; 16])>) -> Self {
        let mut members: Vec<_> = members.collect();
        members.sort();
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 group");
        hasher.update(&(network.len() as u64).to_le_bytes());
        hasher.update(network.as_bytes());
        for (member, boot) in members {
            hasher.update(&member.fingerprint);
            hasher.update(&boot);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// Returns the session of this run.
    pub(super) fn session(&self, run: u64) -> SessionId {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 session id");
        hasher.update(&self.0);
        hasher.update(&run.to_le_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        SessionId(id)
    }
}

impl RunCounters {
    /// Returns the number of this node's next run: at least `ahead`, and at least the numbers that
    /// peers told, unless they are too far away.
    pub(super) fn next(&mut self, group: &Group, ahead: u64) -> u64 {
        let ahead = if self.is_near(group, ahead) { ahead } else { 0 };
        let told = self.hints.values_mut().filter_map(|hints| hints.take(group)).max();
        self.uses += 1;
        let counter = self.groups.entry(*group).or_insert(Counter { next: 0, last_use: 0 });
        let run = counter.next.max(ahead).max(told.unwrap_or_default());
        *counter = Counter { next: run.saturating_add(1), last_use: self.uses };
        run
    }

    /// Counts this run as begun, unless it is too far away: it has ended before this node could begin
    /// it.
    pub(super) fn pass(&mut self, group: &Group, run: u64) {
        if !self.is_near(group, run) {
            return;
        }
        self.uses += 1;
        let counter = self.groups.entry(*group).or_insert(Counter { next: 0, last_use: 0 });
        let next = counter.next.max(run.saturating_add(1));
        *counter = Counter { next, last_use: self.uses };
    }

    /// Returns whether this node has not begun this run yet.
    pub(super) fn is_to_come(&self, group: &Group, run: u64) -> bool {
        self.first_to_come(group) <= run
    }

    /// Returns the number of the first run that this node has not begun.
    pub(super) fn first_to_come(&self, group: &Group) -> u64 {
        self.groups.get(group).map_or(0, |counter| counter.next)
    }

    /// Returns whether this node can come to this run.
    pub(super) fn is_near(&self, group: &Group, run: u64) -> bool {
        run <= self.first_to_come(group).saturating_add(FARTHEST)
    }

    /// Notes that the peer at `position` names this run as the group's next, unless it is too far
    /// away.
    pub(super) fn hint(&mut self, position: usize, group: &Group, run: u64) {
        if self.is_near(group, run) {
            self.hints.entry(position).or_default().put(*group, run);
        }
    }

    /// Forgets the groups longest unused, if there are too many.
    pub(super) fn bound(&mut self) {
        if self.groups.len() <= MOST_GROUPS {
            return;
        }
        let mut uses: Vec<u64> = self.groups.values().map(|counter| counter.last_use).collect();
        let (_, oldest_kept, _) = uses.select_nth_unstable(MOST_GROUPS / 4);
        let oldest_kept = *oldest_kept;
        self.groups.retain(|_, counter| counter.last_use >= oldest_kept);
    }
}

impl Hints {
    fn put(&mut self, group: Group, run: u64) {
        if self.runs.insert(group, run).is_none() {
            self.order.push_back(group);
        }
        if self.order.len() > MOST_HINTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.runs.remove(&oldest);
        }
    }

    fn take(&mut self, group: &Group) -> Option<u64> {
        let run = self.runs.remove(group)?;
        self.order.retain(|other| other != group);
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, boot: u8) -> (MemberId, [u8; 16]) {
        let fingerprint = *blake3::hash(name.as_bytes()).as_bytes();
        (MemberId { name: name.into(), fingerprint }, [boot; 16])
    }

    fn group(members: [(MemberId, [u8; 16]); 2]) -> Group {
        Group::new("study", members.into_iter())
    }

    #[test]
    fn the_same_members_in_any_order_are_one_group_until_one_restarts() {
        let ab = group([member("a", 1), member("b", 2)]);
        assert_eq!(ab, group([member("b", 2), member("a", 1)]));
        assert_ne!(ab, group([member("a", 1), member("b", 3)]));
        assert_ne!(ab.session(0), ab.session(1));
    }

    #[test]
    fn runs_are_numbered_and_never_behind_what_a_peer_said() {
        let (mut counters, ab) = (RunCounters::default(), group([member("a", 1), member("b", 2)]));
        assert_eq!(counters.next(&ab, 0), 0);
        counters.hint(1, &ab, 3);
        assert_eq!([counters.next(&ab, 0), counters.next(&ab, 0)], [3, 4]);
        counters.hint(1, &ab, 2);
        assert_eq!([counters.next(&ab, 0), counters.next(&ab, 9)], [5, 9]);
    }

    #[test]
    fn a_run_that_ended_before_we_began_is_not_to_come_twice() {
        let (mut counters, ab) = (RunCounters::default(), group([member("a", 1), member("b", 2)]));
        assert!(counters.is_to_come(&ab, 4));
        counters.pass(&ab, 4);
        assert!(!counters.is_to_come(&ab, 4) && counters.is_to_come(&ab, 5));
        counters.pass(&ab, 2);
        assert_eq!(counters.next(&ab, 0), 5);
    }

    #[test]
    fn no_peer_uses_the_numbers_up() {
        let (mut counters, ab) = (RunCounters::default(), group([member("a", 1), member("b", 2)]));
        for far in [u64::MAX, FARTHEST + 3] {
            counters.hint(1, &ab, far);
            counters.pass(&ab, far);
            let next = counters.first_to_come(&ab);
            assert_eq!(counters.next(&ab, far), next);
        }
        let farthest = counters.first_to_come(&ab) + FARTHEST;
        assert!(counters.is_near(&ab, farthest) && !counters.is_near(&ab, farthest + 1));
        counters.hint(1, &ab, farthest);
        assert_eq!(counters.next(&ab, 0), farthest);
    }

    #[test]
    fn one_peer_cannot_make_us_forget() {
        let (mut counters, ab) = (RunCounters::default(), group([member("a", 1), member("b", 2)]));
        counters.hint(1, &ab, 7);
        for index in 0..10_000u32 {
            let other = Group::new(&index.to_string(), std::iter::empty());
            counters.hint(2, &other, 1);
        }
        counters.bound();
        assert_eq!(counters.hints[&2].runs.len(), MOST_HINTS);
        assert_eq!(counters.next(&ab, 0), 7);
    }
}
