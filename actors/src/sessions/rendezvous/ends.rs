//! Ends of runs that peers told of before this node's client asked for them.
//!
//! Clients ask at almost the same time, so word of a run's end may come just before the own client
//! asks for it. Within [`MOMENT`] that request shares the end; later ones begin the next run. A notice
//! may come again over a new connection, when it has had its effect.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use cloister_protocols::wire::SessionId;

use super::run::Key;
use super::run_counters::Group;
use crate::vocabulary::failure::Failure;

/// The time after word of a run's end within which a request for it shares the end.
const MOMENT: Duration = Duration::from_secs(2);

/// The most ends of one peer that are remembered, of which each holds a notice, and the most sessions
/// of which it is known that the peer has told their end: more than it sends again.
const MOST_OF_ONE: usize = 256;

/// The most sessions of which it is known that this node has ended them.
const MOST_OWN: usize = 1_024;

/// The ends, by the names of their runs.
#[derive(Debug, Default)]
pub(super) struct Ends {
    by_name: HashMap<Key, End>,
    of_peer: BTreeMap<usize, usize>,
    /// The sessions of which each peer has told the end, the oldest first.
    heard: BTreeMap<usize, VecDeque<SessionId>>,
    /// The sessions that this node has ended by itself, with their members, the oldest first.
    own: VecDeque<(SessionId, Vec<usize>)>,
}

/// The end of a run.
#[derive(Debug)]
pub(super) struct End {
    /// The position of the peer that told of it.
    pub(super) position: usize,
    /// The time at which it told.
    pub(super) since: Instant,
    /// The group of the run, if it was known.
    pub(super) group: Option<Group>,
    /// The number of the run.
    pub(super) number: u64,
    /// The reason, which a client that asks within a moment is told.
    pub(super) failure: Failure,
}

impl Ends {
    /// Notes that a peer has told of the end of this session. Returns false if it had before, so that
    /// each notice has one effect.
    pub(super) fn is_news(&mut self, position: usize, session: SessionId) -> bool {
        let heard = self.heard.entry(position).or_default();
        if heard.contains(&session) {
            return false;
        }
        heard.push_back(session);
        if heard.len() > MOST_OF_ONE {
            heard.pop_front();
        }
        true
    }

    /// Remembers a session that this node has ended by itself.
    pub(super) fn has_ended(&mut self, session: SessionId, members: Vec<usize>) {
        self.own.push_back((session, members));
        if self.own.len() > MOST_OWN {
            self.own.pop_front();
        }
    }

    /// Returns whether this node has ended this session of the member at `position` by itself.
    pub(super) fn is_own(&self, session: SessionId, position: usize) -> bool {
        self.own.iter().any(|(ended, members)| *ended == session && members.contains(&position))
    }

    /// Remembers the end of a run under this name, in place of an earlier one. A peer that tells of
    /// too many is not listened to.
    pub(super) fn keep(&mut self, name: Key, end: End) {
        if self.count(end.position) >= MOST_OF_ONE {
            return;
        }
        self.remove(&name);
        *self.of_peer.entry(end.position).or_default() += 1;
        self.by_name.insert(name, end);
    }

    /// Takes the end of the last run under this name, if it was told within the moment.
    pub(super) fn take(&mut self, name: &Key, now: Instant) -> Option<End> {
        self.remove(name).filter(|end| end.is_fresh(now))
    }

    /// Forgets ends that are no longer shared.
    pub(super) fn expire(&mut self, now: Instant) {
        let old = self.by_name.extract_if(|_, end| !end.is_fresh(now));
        old.for_each(|(_, end)| discount(&mut self.of_peer, end.position));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.of_peer.is_empty()
    }

    fn remove(&mut self, name: &Key) -> Option<End> {
        let end = self.by_name.remove(name)?;
        discount(&mut self.of_peer, end.position);
        Some(end)
    }

    fn count(&self, position: usize) -> usize {
        self.of_peer.get(&position).copied().unwrap_or(0)
    }
}

impl End {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < MOMENT
    }
}

fn discount(of_peer: &mut BTreeMap<usize, usize>, position: usize) {
    match of_peer.get_mut(&position) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(of_peer.remove(&position)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::run::key;
    use super::*;

    fn end(position: usize, since: Instant) -> End {
        End { position, since, group: None, number: 0, failure: Failure::Stopping }
    }

    #[test]
    fn an_end_is_shared_once_and_for_a_moment() {
        let (mut ends, now, name) = (Ends::default(), Instant::now(), key("study", &[0, 1]));
        ends.keep(name.clone(), end(1, now));
        assert!(ends.take(&key("study", &[0, 2]), now).is_none());
        assert!(ends.take(&name, now).is_some() && ends.take(&name, now).is_none());
        ends.keep(name.clone(), end(1, now));
        assert!(ends.take(&name, now + MOMENT).is_none());
        assert!(ends.is_empty());
    }

    #[test]
    fn a_peer_that_tells_of_too_many_takes_no_room_from_others() {
        let (mut ends, now) = (Ends::default(), Instant::now());
        for number in 0..10 * MOST_OF_ONE {
            ends.keep(key(&number.to_string(), &[0, 1]), end(1, now));
        }
        assert_eq!(ends.by_name.len(), MOST_OF_ONE);
        let name = key("study", &[0, 2]);
        ends.keep(name.clone(), end(2, now));
        assert!(ends.take(&name, now).is_some());
        ends.expire(now + MOMENT);
        assert!(ends.is_empty());
    }
}
