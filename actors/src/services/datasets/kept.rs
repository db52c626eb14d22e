//! Answers that are kept of questions about datasets, and given again to the same question.
//!
//! A question is the same if all of it is, and if this node's selected rows and their values are. So
//! an answer is found by a keyed hash of both. Nothing new is told by giving it again: not to those
//! who may ask the question, and not of rows that have changed since. The other members decide in
//! the same way about their own rows, and name the answer in the agreement
//! (`protocols/src/kernel/session.rs`).
//!
//! An owner who begins a memory anew, and an operator who acknowledges a loss, have answers
//! forgotten.

use std::sync::PoisonError;

use actix::{Handler, Message, ResponseFuture};
use cloister_protocols::session::AnswerId;
use cloister_sources::Dataset;
use cloister_vault::{Content, KeptAnswer};

use super::memory::{Memories, key_of, source_of};
use super::rows::Rows;
use super::{Datasets, Obtain, Store};
use crate::vocabulary::blocking;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Principal;
use crate::vocabulary::selection::Selection;

/// The purpose of the key of the hashes.
const PURPOSE: &str = "cloister 1 kept answers";

/// A question with the rows that it is about.
pub struct KeptQuestion {
    digest: [u8; 32],
    source: String,
    /// The number of resets of the source's memory before it.
    generation: u64,
    /// The answer that was kept of it, until it is taken out.
    answer: Option<(AnswerId, Content)>,
    /// The node leaves out rows, and has not counted that as a refusal: if the answer is given again,
    /// it tells nothing new.
    owes_refusal: bool,
}

impl KeptQuestion {
    /// Takes out the name and the document of the answer that was kept of it.
    pub fn take_answer(&mut self) -> Option<(AnswerId, Content)> {
        self.answer.take()
    }

    /// Returns whether a refusal has to be counted if the answer is not given again.
    #[must_use]
    pub fn owes_refusal(&self) -> bool {
        self.owes_refusal
    }

    /// Returns whether an answer was kept. Then it owes the refusal.
    pub(super) fn may_owe_refusal(&mut self) -> bool {
        self.owes_refusal = self.answer.is_some();
        self.owes_refusal
    }
}

/// The request to keep the answer of a question.
#[derive(Message)]
#[rtype(result = "Result<(), ApiError>")]
pub struct KeepAnswer {
    /// The question.
    pub question: KeptQuestion,
    /// The principal who asked.
    pub principal: Principal,
    /// The name of the answer among the members of its computation.
    pub name: AnswerId,
    /// The document that is given again.
    pub document: Content,
    /// The number of losses of this node's state when the question was asked.
    pub losses: u64,
}

impl Store {
    /// Finds the answer that was kept of this question about these rows. Returns none if the question
    /// is not one whose answers are kept.
    pub(super) fn kept_question(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        rows: &Rows,
        obtain: &Obtain,
    ) -> Result<Option<KeptQuestion>, ApiError> {
        let Some(question) = &obtain.question else { return Ok(None) };
        let source = source_of(dataset);
        let mut hasher = blake3::Hasher::new_keyed(&self.vault.key(PURPOSE));
        let condition = selection.filter.as_ref().map(cloister_sources::Filter::question);
        let registered = serde_json::to_string(&(&dataset.columns, &dataset.key, &dataset.formats));
        let registered = registered.map_err(|error| ApiError::internal(error.to_string()))?;
        let columns = selection.columns.iter().map(String::as_str);
        let condition = condition.as_deref();
        let texts = [source.as_str(), &registered].into_iter().chain(condition).chain(columns);
        hasher.update(question);
        hasher.update(&(selection.columns.len() as u64).to_le_bytes());
        hasher.update(&[u8::from(condition.is_some())]);
        for text in texts {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        rows.hash(&mut hasher);
        let digest = *hasher.finalize().as_bytes();
        let answer = self.vault.kept_answer(&digest).unwrap_or_else(|error| {
            // It is computed again.
            tracing::warn!(%error, "a kept answer cannot be read");
            None
        });
        let answer = answer.map(|(name, document)| (AnswerId(name), document));
        let generation = self.memories.generation(dataset)?;
        Ok(Some(KeptQuestion { digest, source, generation, answer, owes_refusal: false }))
    }

    fn keep_answer(&self, keep: KeepAnswer) -> Result<(), ApiError> {
        let KeepAnswer { question, principal, name, document, losses } = keep;
        let KeptQuestion { digest, source, generation, .. } = question;
        let answer = KeptAnswer {
            question: digest,
            source: key_of(&source),
            principal: principal.name().to_owned(),
            name: name.0,
            document,
            losses,
        };
        self.memories.unless_reset(&source, generation, || {
            let kept = self.vault.keep_answer(answer).wait();
            kept.map(drop).map_err(|error| ApiError::state(&error))
        })
    }
}

impl Memories {
    /// Returns the number of resets of a source's memory since the start.
    fn generation(&self, dataset: &Dataset) -> Result<u64, ApiError> {
        let remembered = self.of(dataset)?;
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(remembered.generation)
    }

    /// Does `work` if no memory was begun anew since, and none is meanwhile.
    fn unless_reset(
        &self,
        source: &str,
        generation: u64,
        work: impl FnOnce() -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let known = {
            let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.get(source).cloned()
        };
        let Some(remembered) = known else { return Ok(()) };
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation == generation { work() } else { Ok(()) }
    }
}

impl Handler<KeepAnswer> for Datasets {
    type Result = ResponseFuture<Result<(), ApiError>>;

    fn handle(&mut self, keep: KeepAnswer, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        let kept = blocking::run(move || store.keep_answer(keep));
        Box::pin(async move { kept.await? })
    }
}
