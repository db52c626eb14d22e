//! Questions that are reserved in a memory, and their ends.

use std::sync::{Arc, PoisonError};

use cloister_disclosure::{NotPending, Recall, Reservation};
use cloister_protocols::computation::Earlier;
use cloister_protocols::session::AnswerId;

use super::askers::Asker;
use super::memory::Memories;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::turns::Turn;

/// A reserved question, with the groups of its views. It is answered or taken back.
pub struct Reserved {
    /// The one who asked.
    pub(super) by: Asker,
    pub(super) source: String,
    /// The number of resets of the memory before it.
    pub(super) generation: u64,
    pub(super) reservations: Vec<Reservation>,
    /// Its rows and values, if members compare later questions with its answer.
    pub(super) recall: Option<Recall>,
    /// Its rows as earlier answers tell them apart, if members compare it with these.
    pub(super) earlier: Option<Earlier>,
    /// Its turn among questions of its source, which ends with it.
    pub(super) turn: Option<Arc<Turn>>,
}

impl Reserved {
    /// Takes out its rows as earlier answers tell them apart.
    pub fn take_earlier(&mut self) -> Option<Earlier> {
        self.earlier.take()
    }

    /// Returns its turn among questions of its source.
    #[must_use]
    pub fn turn(&self) -> Option<Arc<Turn>> {
        self.turn.clone()
    }

    pub(super) fn with_turn(self, turn: Option<Arc<Turn>>) -> Self {
        Self { turn, ..self }
    }
}

/// A reserved question of which no member has heard yet. If it is dropped so, because its computation
/// ended while it was read, it is taken back.
pub struct Unheard {
    reserved: Option<Reserved>,
    memories: Memories,
}

impl Unheard {
    pub(super) fn new(reserved: Reserved, memories: Memories) -> Self {
        Self { reserved: Some(reserved), memories }
    }

    /// Takes out its rows as earlier answers tell them apart.
    pub fn take_earlier(&mut self) -> Option<Earlier> {
        self.reserved.as_mut().and_then(Reserved::take_earlier)
    }

    pub(super) fn with_turn(mut self, turn: Option<Arc<Turn>>) -> Self {
        self.reserved = self.reserved.take().map(|reserved| reserved.with_turn(turn));
        self
    }

    /// Returns the question: members may hear of it from here on, and its end has to be noted.
    #[must_use]
    pub fn heard(mut self) -> Option<Reserved> {
        self.reserved.take()
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let Some(reserved) = self.reserved.take() else { return };
        let memories = self.memories.clone();
        let take_back = move || {
            if let Err(error) = memories.settle(reserved, Settled::TakenBack) {
                tracing::warn!(%error, "a question about a dataset counts as answered");
            }
        };
        // It writes to the disk, which this thread may not wait for.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(take_back)),
            Err(_) => take_back(),
        }
    }
}

/// The end of a reserved question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// No member has heard of it: it is taken back.
    TakenBack,
    /// Members have heard of it, so that it counts as answered. Nothing of its answer was opened, or
    /// the answer that all had kept was given again.
    Heard,
    /// Its answer was opened, or may have been, in the session that gives it this name.
    Opened(AnswerId),
}

impl Memories {
    /// Notes how a reserved question ended.
    pub(super) fn settle(&self, reserved: Reserved, settled: Settled) -> Result<(), ApiError> {
        // Others go on when this one is remembered: the turn ends last.
        let Reserved { by, source, generation, reservations, recall, turn, .. } = reserved;
        let known = {
            let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.get(&source).map(Arc::clone)
        };
        let Some(remembered) = known else { return Ok(()) };
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation != generation {
            return Ok(());
        }
        let told = reservations.iter().filter(|reservation| reservation.is_recorded()).count();
        if settled == Settled::TakenBack {
            remembered.asked.give_back(by, told);
        }
        for reservation in reservations {
            let done = match settled {
                Settled::TakenBack => remembered.memory.withdraw(reservation),
                Settled::Heard | Settled::Opened(_) => remembered.memory.confirm(reservation),
            };
            done.map_err(not_pending)?;
        }
        if let (Some(recall), Settled::Opened(AnswerId(name))) = (recall, settled) {
            // There was room for it, and no other question had its turn since.
            let recalled = remembered.memory.recall(name, &recall);
            recalled.map_err(|error| ApiError::internal(error.to_string()))?;
            turn.iter().for_each(|turn| turn.answered());
        }
        self.keep(&source, &remembered)
    }
}

pub(super) fn not_pending(error: NotPending) -> ApiError {
    ApiError::internal(error.to_string())
}
