//! The bytes in flight in one direction, passed from the reading thread to the writing thread when
//! they are due. Their number is bounded. Nothing here touches a socket.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::clock::{Waker, spin_until};
use crate::shape::Shape;

/// An arrival at the end of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cargo {
    Bytes(Vec<u8>),
    /// The end of the direction.
    End(Ending),
}

/// The end of the sender's side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The sender finished sending.
    Finished,
    /// The connection broke.
    Broken,
}

/// One direction of a link.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// Notified when there is something to deliver, or the line is closed.
    filled: Condvar,
    /// Notified when there is room again, or the line is closed.
    drained: Condvar,
}

#[derive(Default)]
struct State {
    /// The arrivals and their times, in order.
    in_flight: VecDeque<(Instant, Cargo)>,
    held: usize,
    /// The bytes below which the thread that waits for room is woken.
    resume_at: Option<usize>,
    closed: bool,
}

impl Line {
    /// Waits until the line may hold more. Returns `false` if the line is closed.
    pub(crate) fn wait_for_room(&self, shape: &Shape) -> bool {
        let mut state = self.lock();
        if state.held >= shape.most_held() {
            state.resume_at = Some(shape.resumed_at());
        }
        let state = self
            .drained
            .wait_while(state, |state| !state.closed && state.resume_at.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Puts an arrival on the line, which is due no earlier than those before.
    pub(crate) fn put(&self, due: Instant, cargo: Cargo) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.held += cargo.length();
        state.in_flight.push_back((due, cargo));
        // If something was there before, the other side waits until that is due.
        if state.in_flight.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Takes the next arrival when it is due, or returns `None` if the line is closed.
    pub(crate) fn take(&self, waker: &mut Waker) -> Option<Cargo> {
        let (due, cargo) = self.take_early(waker)?;
        spin_until(due);
        Some(cargo)
    }

    /// Closes the line. Everything in flight is lost.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.in_flight.clear();
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Takes the next arrival early enough for the thread to spin until it is due.
    fn take_early(&self, waker: &mut Waker) -> Option<(Instant, Cargo)> {
        let mut state = self.lock();
        while !state.closed {
            let Some((due, _)) = state.in_flight.front() else {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let early = waker.before(*due);
            let left = early.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.pop(&mut state);
            }
            let (woken, result) =
                self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            if result.timed_out() {
                waker.learn(early);
            }
            state = woken;
        }
        None
    }

    fn pop(&self, state: &mut State) -> Option<(Instant, Cargo)> {
        let next = state.in_flight.pop_front()?;
        state.held -= next.1.length();
        if state.resume_at.is_some_and(|bound| state.held <= bound) {
            state.resume_at = None;
            self.drained.notify_one();
        }
        Some(next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cargo {
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_put_is_taken_in_order_and_not_before_it_is_due() {
        let (line, mut waker) = (Line::default(), Waker::default());
        let now = Instant::now();
        for number in 1..4 {
            line.put(now + MS * number.into(), Cargo::Bytes(vec![number]));
        }
        for number in 1..4 {
            assert_eq!(line.take(&mut waker), Some(Cargo::Bytes(vec![number])));
            assert!(now.elapsed() >= MS * number.into());
        }
    }

    #[test]
    fn a_line_holds_no_more_than_it_may_and_one_piece() {
        let shape = Shape { delay: MS, bandwidth: Some(1e6) };
        let (line, piece) = (Line::default(), 1_000);
        thread::scope(|scope| {
            scope.spawn(|| {
                while line.wait_for_room(&shape) {
                    line.put(Instant::now(), Cargo::Bytes(vec![7; piece]));
                    assert!(line.lock().held < shape.most_held() + piece);
                }
            });
            let mut waker = Waker::default();
            (0..1_000).for_each(|_| drop(line.take(&mut waker)));
            line.close();
        });
    }

    #[test]
    fn a_line_that_is_closed_gives_and_takes_nothing() {
        let line = Line::default();
        line.put(Instant::now(), Cargo::End(Ending::Finished));
        line.close();
        line.put(Instant::now(), Cargo::End(Ending::Finished));
        assert_eq!(line.take(&mut Waker::default()), None);
        assert!(!line.wait_for_room(&Shape { delay: MS, bandwidth: None }));
    }
}
