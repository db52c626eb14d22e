//! Pending proposals, which came before this node's own client asked for the computation. They are
//! bounded for each peer, in number and in bytes. Beside them: the sessions that have ended, whose
//! late frames are thrown away.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use cloister_protocols::machine::Part;
use cloister_protocols::session::Spec;
use cloister_protocols::wire::SessionId;

/// The most proposals that may wait from one peer.
const MOST_PARTS: usize = 8_192;

/// The most bytes that may wait from one peer.
const MOST_BYTES: usize = 16 << 20;

/// The longest time that a proposal waits. Its sender tells when it gives up; this is for senders
/// that don't.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The most proposals of one peer that may wait for this node's help.
pub(super) const MOST_CALLS: usize = 64;

/// The most ended sessions that are remembered, and the time for which: frames under way come soon.
const MOST_CLOSED: usize = 16_384;
const LATE: Duration = Duration::from_secs(10 * 60);

/// Proposals that wait for this node's client.
#[derive(Debug, Default)]
pub(super) struct Pending {
    parts: HashMap<SessionId, Vec<Kept>>,
    networks: HashMap<String, HashSet<SessionId>>,
    usage: BTreeMap<usize, Usage>,
    closed: HashSet<SessionId>,
    closing_order: VecDeque<(Instant, SessionId)>,
}

#[derive(Debug)]
struct Kept {
    position: usize,
    part: Part,
    spec: Spec,
    /// The proposal names this node as helper, so that no client needs to ask.
    call: bool,
    since: Instant,
}

#[derive(Debug, Default)]
struct Usage {
    parts: usize,
    bytes: usize,
    calls: usize,
}

impl Pending {
    /// Keeps the proposal of the peer at `position`, with its `spec`; `call` if it names this node
    /// as helper. Returns false where there is no room, or where it is no proposal.
    pub(super) fn keep(
        &mut self,
        position: usize,
        session: SessionId,
        part: Part,
        spec: Spec,
        call: bool,
        now: Instant,
    ) -> bool {
        if self.closed.contains(&session) {
            return true;
        }
        let first = part.header.sequence == 0 && part.header.part == 0 && part.header.last;
        let usage = self.usage.entry(position).or_default();
        let bytes = usage.bytes + part.body.len();
        if !first || usage.parts >= MOST_PARTS || bytes > MOST_BYTES {
            return false;
        }
        let kept = self.parts.entry(session).or_default();
        if kept.iter().any(|kept| kept.position == position) {
            return false;
        }
        usage.parts += 1;
        usage.calls += usize::from(call);
        usage.bytes = bytes;
        self.networks.entry(spec.network.clone()).or_default().insert(session);
        kept.push(Kept { position, part, spec, call, since: now });
        true
    }

    /// Returns the proposals that wait under a network name: their senders, sessions and specs.
    pub(super) fn under(&self, network: &str) -> Vec<(usize, SessionId, Spec)> {
        let mut found = Vec::new();
        for session in self.networks.get(network).into_iter().flatten() {
            for kept in self.parts.get(session).into_iter().flatten() {
                found.push((kept.position, *session, kept.spec.clone()));
            }
        }
        found
    }

    /// Returns whether the peer has as many calls waiting as it may have.
    pub(super) fn is_full_of_calls(&self, position: usize) -> bool {
        self.usage.get(&position).is_some_and(|usage| usage.calls >= MOST_CALLS)
    }

    /// Returns the calls that wait under a network name: their senders and sessions.
    pub(super) fn calls_under(&self, network: &str) -> Vec<(usize, SessionId)> {
        let sessions = self.networks.get(network).into_iter().flatten();
        sessions.flat_map(|session| self.calls_to(*session)).collect()
    }

    /// Returns all calls that wait.
    pub(super) fn calls(&self) -> Vec<(usize, SessionId)> {
        self.parts.keys().flat_map(|session| self.calls_to(*session)).collect()
    }

    /// Returns the spec in the proposal of this peer for this session, if one waits.
    pub(super) fn spec(&self, position: usize, session: SessionId) -> Option<&Spec> {
        let kept = self.parts.get(&session)?.iter().find(|kept| kept.position == position)?;
        Some(&kept.spec)
    }

    /// Takes the proposals that wait for `session`.
    pub(super) fn take(&mut self, session: SessionId) -> Vec<(usize, Part)> {
        let kept = self.parts.remove(&session).unwrap_or_default();
        kept.iter().for_each(|kept| self.discount(session, kept));
        kept.into_iter().map(|kept| (kept.position, kept.part)).collect()
    }

    /// Forgets the proposal of one peer for one session.
    pub(super) fn forget(&mut self, position: usize, session: SessionId) {
        let Some(kept) = self.parts.get_mut(&session) else { return };
        let gone: Vec<Kept> = kept.extract_if(.., |kept| kept.position == position).collect();
        if kept.is_empty() {
            self.parts.remove(&session);
        }
        gone.iter().for_each(|kept| self.discount(session, kept));
    }

    /// Forgets all proposals of one peer.
    pub(super) fn forget_all(&mut self, position: usize) {
        self.forget_where(|kept| kept.position == position);
    }

    /// Forgets proposals that have waited for too long, and sessions that ended long ago.
    pub(super) fn expire(&mut self, now: Instant) {
        let age = |since: Instant| now.saturating_duration_since(since);
        if !self.parts.is_empty() {
            self.forget_where(|kept| age(kept.since) >= LONGEST_WAIT);
        }
        while self.closing_order.len() > MOST_CLOSED
            || self.closing_order.front().is_some_and(|(closed, _)| age(*closed) >= LATE)
        {
            let Some((_, session)) = self.closing_order.pop_front() else { return };
            self.closed.remove(&session);
        }
    }

    /// Returns whether the session has ended.
    pub(super) fn is_closed(&self, session: SessionId) -> bool {
        self.closed.contains(&session)
    }

    /// Throws frames for `session` away from now on.
    pub(super) fn close(&mut self, session: SessionId, now: Instant) {
        if self.closed.insert(session) {
            self.closing_order.push_back((now, session));
        }
    }

    fn calls_to(&self, session: SessionId) -> impl Iterator<Item = (usize, SessionId)> {
        let kept = self.parts.get(&session).into_iter().flatten();
        kept.filter(|kept| kept.call).map(move |kept| (kept.position, session))
    }

    fn forget_where(&mut self, forget: impl Fn(&Kept) -> bool) {
        let mut gone = Vec::new();
        for (session, kept) in &mut self.parts {
            gone.extend(kept.extract_if(.., |kept| forget(kept)).map(|kept| (*session, kept)));
        }
        self.parts.retain(|_, kept| !kept.is_empty());
        gone.iter().for_each(|(session, kept)| self.discount(*session, kept));
    }

    fn discount(&mut self, session: SessionId, kept: &Kept) {
        if let Some(usage) = self.usage.get_mut(&kept.position) {
            usage.parts = usage.parts.saturating_sub(1);
            usage.calls = usage.calls.saturating_sub(usize::from(kept.call));
            usage.bytes = usage.bytes.saturating_sub(kept.part.body.len());
        }
        if self.parts.contains_key(&session) {
            return;
        }
        if let Some(sessions) = self.networks.get_mut(&kept.spec.network) {
            sessions.remove(&session);
            if sessions.is_empty() {
                self.networks.remove(&kept.spec.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cloister_protocols::wire::PartHeader;

    use super::*;

    const ONE: SessionId = SessionId([1; 16]);

    fn spec() -> Spec {
        Spec {
            function: String::new(),
            parameters: BTreeMap::new(),
            shape: BTreeMap::new(),
            members: Vec::new(),
            suite: String::new(),
            network: "study".into(),
            run: 0,
        }
    }

    fn now() -> Instant {
        Instant::now()
    }

    fn proposal(bytes: usize) -> Part {
        let header = PartHeader { sequence: 0, part: 0, last: true, tag: [0; 16] };
        Part { header, body: Bytes::from(vec![0; bytes]) }
    }

    #[test]
    fn a_proposal_waits_for_its_session_and_is_given_out_once() {
        let mut pending = Pending::default();
        assert!(pending.keep(2, ONE, proposal(8), spec(), false, now()));
        assert!(
            !pending.keep(2, ONE, proposal(8), spec(), false, now()),
            "a second one of the same peer"
        );
        assert_eq!(pending.take(ONE), vec![(2, proposal(8))]);
        assert!(pending.take(ONE).is_empty());
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let mut pending = Pending::default();
        let session = |n: u8| SessionId([n; 16]);
        let half = MOST_BYTES / 2;
        assert!(pending.keep(1, session(1), proposal(half), spec(), false, now()));
        assert!(pending.keep(1, session(2), proposal(half), spec(), false, now()));
        assert!(!pending.keep(1, session(3), proposal(1), spec(), false, now()));
        assert!(
            pending.keep(2, session(3), proposal(1), spec(), false, now()),
            "another peer has room of its own"
        );
        pending.forget(1, session(1));
        assert!(pending.keep(1, session(3), proposal(half), spec(), false, now()));
        assert_eq!(pending.under("study").len(), 3);
        pending.forget_all(1);
        assert_eq!(pending.usage[&1].bytes, 0);
        pending.forget_all(2);
        assert!(pending.networks.is_empty());
    }

    #[test]
    fn only_proposals_wait_and_nothing_for_ended_sessions() {
        let mut pending = Pending::default();
        let mut later = proposal(8);
        later.header.sequence = 1;
        assert!(!pending.keep(1, ONE, later, spec(), false, now()));
        pending.close(ONE, now());
        assert!(pending.keep(1, ONE, proposal(8), spec(), false, now()));
        assert!(pending.take(ONE).is_empty());
    }

    #[test]
    fn calls_are_counted_and_found_until_they_are_forgotten() {
        let mut pending = Pending::default();
        for n in 0..MOST_CALLS {
            assert!(!pending.is_full_of_calls(1));
            let session = SessionId([u8::try_from(n).unwrap(); 16]);
            assert!(pending.keep(1, session, proposal(8), spec(), true, now()));
        }
        assert!(pending.keep(2, ONE, proposal(8), spec(), false, now()));
        assert!(pending.is_full_of_calls(1) && !pending.is_full_of_calls(2));
        assert_eq!(pending.calls().len(), MOST_CALLS);
        assert!(pending.calls_under("study").contains(&(1, ONE)));
        assert!(pending.spec(1, ONE).is_some() && pending.spec(3, ONE).is_none());
        pending.forget(1, ONE);
        assert!(!pending.is_full_of_calls(1));
        assert!(!pending.calls_under("study").iter().any(|(_, session)| *session == ONE));
    }
}
