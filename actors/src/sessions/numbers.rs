//! Which computation of its members under a network name this is.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use cloister_protocols::session::MemberId;
use cloister_protocols::wire::SessionId;

/// How long a network name is remembered after its last computation.
const LONGEST_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Network names that are remembered; beyond it the ones longest unused are forgotten.
const MOST_GROUPS: usize = 100_000;

/// Runs ahead of ours that peers may have ended.
const MOST_SKIPPED: usize = 1_024;

/// Members under a network name, each in one run of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group([u8; 32]);

/// The numbers given out.
#[derive(Default)]
pub(super) struct Numbers {
    groups: HashMap<Group, Counter>,
}

struct Counter {
    next: u64,
    skipped: BTreeSet<u64>,
    last_used: Instant,
}

impl Group {
    /// The group of these members, whatever their order.
    pub(super) fn new(
        network: String,
        members: impl Iterator<Item = (MemberId, [u8; 16])>,
    ) -> Self {
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

    /// The session of this run.
    pub(super) fn session(&self, run: u64) -> SessionId {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 session id");
        hasher.update(&self.0);
        hasher.update(&run.to_le_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        SessionId(id)
    }
}

impl Numbers {
    /// The number of the next run.
    pub(super) fn next(&mut self, group: &Group) -> u64 {
        let counter = self.counter(group);
        while counter.skipped.remove(&counter.next) {
            counter.next += 1;
        }
        let run = counter.next;
        counter.next += 1;
        run
    }

    /// A peer has ended this run before we began it.
    pub(super) fn skip(&mut self, group: &Group, run: u64) {
        let counter = self.counter(group);
        if run >= counter.next && counter.skipped.len() < MOST_SKIPPED {
            counter.skipped.insert(run);
        }
    }

    /// Forgets what was not used for long.
    pub(super) fn expire(&mut self, now: Instant) {
        let age = |counter: &Counter| now.saturating_duration_since(counter.last_used);
        self.groups
            .retain(|_, counter| age(counter) < LONGEST_MEMORY);
        if self.groups.len() > MOST_GROUPS {
            let mut ages: Vec<Duration> = self.groups.values().map(age).collect();
            let (_, limit, _) = ages.select_nth_unstable(MOST_GROUPS / 2);
            let limit = *limit;
            self.groups.retain(|_, counter| age(counter) <= limit);
        }
    }

    fn counter(&mut self, group: &Group) -> &mut Counter {
        let now = Instant::now();
        let fresh = || Counter {
            next: 0,
            skipped: BTreeSet::new(),
            last_used: now,
        };
        let counter = self.groups.entry(*group).or_insert_with(fresh);
        counter.last_used = now;
        counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, boot: u8) -> (MemberId, [u8; 16]) {
        let fingerprint = *blake3::hash(name.as_bytes()).as_bytes();
        (
            MemberId {
                name: name.into(),
                fingerprint,
            },
            [boot; 16],
        )
    }

    fn group(members: [(MemberId, [u8; 16]); 2]) -> Group {
        Group::new("study".into(), members.into_iter())
    }

    #[test]
    fn the_same_members_in_any_order_are_one_group_until_one_restarts() {
        let ab = group([member("a", 1), member("b", 2)]);
        assert_eq!(ab, group([member("b", 2), member("a", 1)]));
        assert_ne!(ab, group([member("a", 1), member("b", 3)]));
        assert_ne!(ab.session(0), ab.session(1));
    }

    #[test]
    fn runs_are_numbered_and_those_that_a_peer_ended_are_skipped() {
        let (mut numbers, ab) = (Numbers::default(), group([member("a", 1), member("b", 2)]));
        assert_eq!(numbers.next(&ab), 0);
        numbers.skip(&ab, 0);
        numbers.skip(&ab, 1);
        numbers.skip(&ab, 2);
        assert_eq!([numbers.next(&ab), numbers.next(&ab)], [3, 4]);
    }
}
