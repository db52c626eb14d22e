//! Sources that are closed since this node lost its newest state.
//!
//! It is not known what was answered about them in the lost time, so their memories protect
//! nothing. Questions that the owner approves are answered. Others wait until the owner opens the
//! source, or begins the memory anew. That holds for datasets that are registered later, too: they may have been here.

use cloister_sources::Dataset;

use super::memory::{Memories, key_of, source_of};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::settings::OwnRules;

impl Memories {
    /// Refuses a question without approval about a closed source. Blocks.
    pub(super) fn check_open(&self, dataset: &Dataset, rules: OwnRules) -> Result<(), ApiError> {
        if rules.approved || !rules.are_kept() || !self.is_source_closed(dataset)? {
            return Ok(());
        }
        let name = &dataset.name;
        let message = format!(
            "this node has lost its newest state, and with it what it had answered about dataset \
             `{name}`: questions that its owner does not approve are refused"
        );
        Err(ApiError::new(Code::AnswersForgotten, message))
    }

    /// Returns whether a dataset's source is closed, for its owner. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be read.
    pub fn is_closed(&self, name: &str) -> Result<bool, ApiError> {
        self.is_source_closed(&self.dataset(name)?)
    }

    /// Opens a dataset's source again, at its owner's word. Its memory stays. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be written.
    pub fn open(&self, name: &str) -> Result<(), ApiError> {
        self.open_again(&self.dataset(name)?)
    }

    /// Opens a source again, at its owner's word.
    pub(super) fn open_again(&self, dataset: &Dataset) -> Result<(), ApiError> {
        let opened = self.vault().open_source(&key_of(&source_of(dataset))).wait();
        opened.map_err(|error| ApiError::state(&error))
    }

    fn is_source_closed(&self, dataset: &Dataset) -> Result<bool, ApiError> {
        let closed = self.vault().is_closed(&key_of(&source_of(dataset)));
        closed.map_err(|error| ApiError::state(&error))
    }
}
