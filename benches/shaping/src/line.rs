//! Bytes under way in one direction: handed from the thread that reads them to the thread that
//! writes them, each when it is due. Bounded; nothing here touches a socket.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::Shape;
use crate::clock::{Waker, spin_until};

/// What arrives at the end of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cargo {
    Bytes(Vec<u8>),
    /// Nothing comes any more.
    End(Ending),
}

/// How the sender's side of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It has said that it sends no more.
    Finished,
    /// It is broken.
    Broken,
}

/// One direction of a link.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// There is something to deliver, or the line is closed.
    filled: Condvar,
    /// There is room again, or the line is closed.
    drained: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order in which it was sent, which is that in which it is due.
    under_way: VecDeque<(Instant, Cargo)>,
    held: usize,
    /// What it must hold no more than before whoever waits for room is woken.
    awaited: Option<usize>,
    closed: bool,
}

impl Line {
    /// Waits until the line may hold more; false where it takes nothing any more.
    pub(crate) fn wait_for_room(&self, shape: &Shape) -> bool {
        let mut state = self.lock();
        if state.held >= shape.most_held() {
            state.awaited = Some(shape.resumed_at());
        }
        let full = |state: &mut State| !state.closed && state.awaited.is_some();
        let state = self.drained.wait_while(state, full);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    pub(crate) fn put(&self, due: Instant, cargo: Cargo) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.held += cargo.length();
        state.under_way.push_back((due, cargo));
        // Where there was something already, the other side waits for that to be due.
        if state.under_way.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// What comes next, at the instant at which it is due; none when the line is closed.
    pub(crate) fn take(&self, waker: &mut Waker) -> Option<Cargo> {
        let (due, cargo) = self.take_early(waker)?;
        spin_until(due);
        Some(cargo)
    }

    /// Nothing that is under way arrives, and nothing more is taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.under_way.clear();
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// What comes next, as early before it is due as one must wake to be in time.
    fn take_early(&self, waker: &mut Waker) -> Option<(Instant, Cargo)> {
        let mut state = self.lock();
        while !state.closed {
            let Some((due, _)) = state.under_way.front() else {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let early = waker.before(*due);
            let left = early.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.pop(&mut state);
            }
            let waited = self.filled.wait_timeout(state, left);
            let (woken, result) = waited.unwrap_or_else(PoisonError::into_inner);
            if result.timed_out() {
                waker.learn(early);
            }
            state = woken;
        }
        None
    }

    fn pop(&self, state: &mut State) -> Option<(Instant, Cargo)> {
        let next = state.under_way.pop_front()?;
        state.held -= next.1.length();
        if state.awaited.is_some_and(|awaited| state.held <= awaited) {
            state.awaited = None;
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
