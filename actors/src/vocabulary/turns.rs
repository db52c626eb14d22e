//! Turns of questions about one source of rows. From the agreement on a question to the record of its
//! answer no other question about its source is agreed on. Later none is that was read before.
//!
//! A question takes its turn only when all members have agreed on it. One that waits for slow clients
//! holds up no other: it loses its turn, and is asked again.
//!
//! Of two questions with a common member each member's turns follow each other. They do so in the same
//! order at all common members: a question is agreed on only after all its members have read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// The longest wait for a question that was agreed on: the others' messages are on their way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of one source.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    /// The answers that were recorded so far.
    answered: u64,
    /// A question was agreed on, and is not settled.
    is_taken: bool,
}

/// A question's turn, from before it was read until it is settled.
pub struct Turn {
    turns: Arc<Turns>,
    /// The answers that were recorded before it was read.
    before: u64,
    taken: AtomicBool,
}

impl Turns {
    /// Begins a question, before its data are read. Waits for one that was agreed on; none if that
    /// takes too long.
    pub async fn begin(self: &Arc<Self>) -> Option<Arc<Turn>> {
        self.begin_within(PATIENCE).await
    }

    async fn begin_within(self: &Arc<Self>, patience: Duration) -> Option<Arc<Turn>> {
        timeout(patience, async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                // An end after the look counts.
                ended.as_mut().enable();
                if let Some(turn) = self.try_begin() {
                    return turn;
                }
                ended.await;
            }
        })
        .await
        .ok()
    }

    fn try_begin(self: &Arc<Self>) -> Option<Arc<Turn>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (turns, before) = (Arc::clone(self), state.answered);
        (!state.is_taken).then(|| Arc::new(Turn { turns, before, taken: AtomicBool::new(false) }))
    }
}

impl Turn {
    /// Takes the turn, when all members have agreed. Returns `false` if another question has its turn,
    /// or was answered since this one began.
    #[must_use]
    pub fn take(&self) -> bool {
        let mut state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_taken || state.answered != self.before {
            return false;
        }
        state.is_taken = true;
        self.taken.store(true, Ordering::Relaxed);
        true
    }
}

impl Turn {
    /// Notes that the answer is recorded: what was read before does not know of it.
    pub fn answered(&self) {
        let mut state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answered += 1;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.taken.load(Ordering::Relaxed) {
            self.turns.state.lock().unwrap_or_else(PoisonError::into_inner).is_taken = false;
            self.turns.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_question_is_agreed_on_at_a_time_and_one_that_was_read_before_is_not() {
        let turns = Arc::new(Turns::default());
        let (first, slow) = (turns.begin().await.unwrap(), turns.begin().await.unwrap());
        assert!(first.take());
        assert!(!slow.take(), "the other is not settled");
        let third = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.begin().await }
        });
        first.answered();
        drop(first);
        assert!(!slow.take(), "it was read before");
        let third = third.await.unwrap().unwrap();
        assert!(third.take() && !third.take());
    }

    #[tokio::test]
    async fn a_question_without_an_answer_holds_up_none() {
        let turns = Arc::new(Turns::default());
        let waiting = turns.begin().await.unwrap();
        let other = turns.begin().await.unwrap();
        assert!(other.take());
        drop(other);
        assert!(waiting.take(), "the other was not answered");
    }

    #[tokio::test]
    async fn the_wait_for_a_question_has_an_end() {
        let turns = Arc::new(Turns::default());
        let first = turns.begin().await.unwrap();
        assert!(first.take());
        assert!(turns.begin_within(Duration::ZERO).await.is_none());
        drop(first);
        assert!(turns.begin_within(Duration::ZERO).await.is_some());
    }
}
