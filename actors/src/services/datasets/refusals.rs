//! Refusals that tell of data: too few rows, nearly the rows of an earlier request, a value missing
//! or out of bounds.
//!
//! Each such refusal is an answer of one bit about rows that the client has chosen. So a principal
//! gets few of them on a dataset. Then its owner is asked, and each approval allows as many again.
//! The count is in memory: it begins anew when the node is restarted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use cloister_vault::{Class, Decision, Vault};

use crate::policy::approval_needed;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Principal;

/// The refusals that a principal may get on a dataset before its owner is asked.
const MOST: u32 = 16;

/// The most pairs of principal and dataset that are counted.
const MOST_COUNTED: usize = 10_000;

/// The entry in place of the function in the owner's list of requests.
const FUNCTION: &str = "further requests after many refusals";

/// The refusals of each principal on each dataset.
#[derive(Default)]
pub(super) struct Refusals {
    counts: Mutex<BTreeMap<(String, String), u32>>,
}

impl Refusals {
    /// Counts a refusal.
    pub(super) fn count(&self, principal: &Principal, dataset: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (principal.name().to_owned(), dataset.to_owned());
        if counts.len() < MOST_COUNTED || counts.contains_key(&key) {
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Checks that the principal may have another refusal, and asks the owner otherwise. Blocks.
    pub(super) fn check(
        &self,
        vault: &Vault,
        principal: &Principal,
        dataset: &str,
    ) -> Result<(), ApiError> {
        if self.of(principal, dataset) < MOST {
            return Ok(());
        }
        let class = Class {
            principal: principal.name().to_owned(),
            function: FUNCTION.to_owned(),
            dataset: dataset.to_owned(),
            columns: Vec::new(),
        };
        let decision = vault.use_approval(class, clock::seconds()).wait();
        match decision.map_err(|error| ApiError::state(&error))? {
            Decision::Granted { .. } => {
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                counts.remove(&(principal.name().to_owned(), dataset.to_owned()));
                Ok(())
            }
            Decision::Refused => Err(refused()),
            Decision::Asked { id } | Decision::Expired { id } => Err(approval_needed(dataset, id)),
        }
    }

    fn of(&self, principal: &Principal, dataset: &str) -> u32 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (principal.name().to_owned(), dataset.to_owned());
        counts.get(&key).copied().unwrap_or(0)
    }
}

fn refused() -> ApiError {
    ApiError::new(
        Code::RefusedByPolicy,
        "too many requests on this dataset were refused, and its owner allows no more",
    )
    .hint("ask the owner of the data")
}
