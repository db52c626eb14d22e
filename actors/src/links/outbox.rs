//! The queue of frames for one link. Sessions take turns, a part each, so that a long message of
//! one does not hold up the short ones of others. Control frames go first.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use cloister_protocols::machine::Outgoing;
use cloister_protocols::wire::{Frame, Header, SessionId};
use tokio::sync::Notify;

/// The most control frames. More are answers to a peer that asks without end.
const MOST_CONTROL: usize = 1_024;

/// The bytes that a session that has ended may still send. Its proposal, for instance, shows the
/// peer where the two disagree. More would be a waste.
const LAST_WORDS: usize = 64 << 10;

/// The most stop notices of ended sessions that may wait: a peer can provoke them and not read.
const MOST_STOPS: usize = 1_024;

/// A queue of frames with one reader.
#[derive(Default)]
pub(super) struct Outbox {
    queues: RefCell<Queues>,
    filled: Notify,
}

#[derive(Default)]
struct Queues {
    control: VecDeque<Frame>,
    turns: VecDeque<SessionId>,
    sessions: BTreeMap<SessionId, VecDeque<Sending>>,
    /// The number of waiting stop notices.
    stops: usize,
}

/// A message of a session that waits.
enum Sending {
    /// A message, and the number of its next part.
    Message(Outgoing, usize),
    /// The notice that the session has ended.
    Stop(Bytes),
}

impl Outbox {
    /// Queues a protocol message.
    pub(super) fn message(&self, session: SessionId, message: Outgoing) {
        self.queues.borrow_mut().push(session, Sending::Message(message, 0));
        self.filled.notify_one();
    }

    /// Queues the notice that a session has ended, behind its waiting messages if these are short.
    /// No further notices are sent to a peer that provokes many and reads none.
    pub(super) fn stop(&self, session: SessionId, notice: Bytes) {
        let mut queues = self.queues.borrow_mut();
        if queues.stops >= MOST_STOPS {
            return;
        }
        if queues.waiting(&session) > LAST_WORDS {
            queues.forget(&session);
        }
        queues.push(session, Sending::Stop(notice));
        queues.stops += 1;
        self.filled.notify_one();
    }

    /// Queues a frame that goes before all messages. Returns false if the peer provokes too many.
    #[must_use]
    pub(super) fn control(&self, header: Header, body: Bytes) -> bool {
        let mut queues = self.queues.borrow_mut();
        if queues.control.len() >= MOST_CONTROL {
            return false;
        }
        queues.control.push_back(Frame { header, body });
        self.filled.notify_one();
        true
    }

    /// Returns the next frame, if there is one.
    pub(super) fn pop(&self) -> Option<Frame> {
        let mut queues = self.queues.borrow_mut();
        queues.control.pop_front().or_else(|| queues.next_turn())
    }

    /// Returns when there may be a frame to pop.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}

impl Queues {
    fn push(&mut self, session: SessionId, sending: Sending) {
        let queue = self.sessions.entry(session).or_default();
        if queue.is_empty() {
            self.turns.push_back(session);
        }
        queue.push_back(sending);
    }

    fn next_turn(&mut self) -> Option<Frame> {
        let session = self.turns.pop_front()?;
        let queue = self.sessions.get_mut(&session)?;
        let (frame, whole) = queue.front_mut()?.next(session);
        if whole && matches!(queue.pop_front(), Some(Sending::Stop(_))) {
            self.stops = self.stops.saturating_sub(1);
        }
        if queue.is_empty() {
            self.sessions.remove(&session);
        } else {
            self.turns.push_back(session);
        }
        Some(frame)
    }

    fn waiting(&self, session: &SessionId) -> usize {
        let queue = self.sessions.get(session).into_iter().flatten();
        queue.map(Sending::bytes).sum()
    }

    fn forget(&mut self, session: &SessionId) {
        let gone = self.sessions.remove(session).unwrap_or_default();
        let stops = gone.iter().filter(|sending| matches!(sending, Sending::Stop(_))).count();
        self.stops = self.stops.saturating_sub(stops);
        self.turns.retain(|turn| turn != session);
    }
}

impl Sending {
    /// Returns the next frame, and whether it is the last.
    fn next(&mut self, session: SessionId) -> (Frame, bool) {
        match self {
            Self::Message(message, next) => {
                let part = message.part(*next);
                *next += 1;
                let header = Header::Part(session, part.header);
                (Frame { header, body: part.body }, part.header.last)
            }
            Self::Stop(notice) => {
                let header = Header::Stop(session);
                (Frame { header, body: std::mem::take(notice) }, true)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message(message, _) => message.body.len(),
            Self::Stop(notice) => notice.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cloister_protocols::party::Party;
    use cloister_protocols::wire::MAX_PART;

    use super::*;

    fn message(bytes: usize) -> Outgoing {
        let to = Party::new(1).unwrap();
        Outgoing { to, sequence: 0, tag: [0; 16], body: Bytes::from(vec![0; bytes]) }
    }

    fn sessions(outbox: &Outbox) -> Vec<u8> {
        std::iter::from_fn(|| outbox.pop())
            .map(|frame| match frame.header {
                Header::Part(session, _) => session.0[0],
                Header::Stop(session) => 100 + session.0[0],
                _ => 0,
            })
            .collect()
    }

    #[test]
    fn sessions_take_turns_and_control_goes_first() {
        let outbox = Outbox::default();
        outbox.message(SessionId([1; 16]), message(3 * MAX_PART));
        outbox.message(SessionId([2; 16]), message(8));
        assert!(outbox.control(Header::Ping, Bytes::new()));
        assert_eq!(sessions(&outbox), [0, 1, 2, 1, 1]);
    }

    #[test]
    fn a_session_that_has_ended_says_little_more() {
        let outbox = Outbox::default();
        outbox.message(SessionId([1; 16]), message(3 * MAX_PART));
        outbox.message(SessionId([2; 16]), message(8));
        outbox.stop(SessionId([1; 16]), Bytes::new());
        outbox.stop(SessionId([2; 16]), Bytes::new());
        assert_eq!(sessions(&outbox), [2, 101, 102]);
    }

    #[test]
    fn control_frames_are_bounded() {
        let outbox = Outbox::default();
        let taken = (0..2 * MOST_CONTROL).filter(|_| outbox.control(Header::Pong, Bytes::new()));
        assert_eq!(taken.count(), MOST_CONTROL);
    }

    #[test]
    fn stops_that_nobody_reads_are_bounded_and_make_room_when_read() {
        let outbox = Outbox::default();
        let session = |number: usize| SessionId((number as u128).to_le_bytes());
        for number in 0..2 * MOST_STOPS {
            outbox.stop(session(number), Bytes::new());
        }
        let read = std::iter::from_fn(|| outbox.pop()).count();
        assert_eq!(read, MOST_STOPS);
        outbox.stop(session(0), Bytes::new());
        assert!(outbox.pop().is_some() && outbox.pop().is_none());
    }
}
