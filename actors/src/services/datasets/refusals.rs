//! Refusals that tell of data: too few rows, nearly the rows of an earlier request, a value missing
//! or out of bounds.
//!
//! Each such refusal is an answer of one bit about rows that the client has chosen. So all of them
//! have the same words, whichever rule it was, and a principal gets few of them on a source. Then
//! the owner is asked, and each approval allows as many again. The count is in the node's state, and
//! a restart does not begin it anew. It is of the source, under whatever names that is registered.

use cloister_sources::Dataset;
use cloister_vault::{Decision, Question, Vault};

use super::memory::{key_of, source_of};
use crate::policy::approval_needed;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Principal;
use crate::vocabulary::selection::{Base, Stored};

/// The refusals that a principal may get on a source before its owner is asked.
const MOST: u32 = 16;

/// The entry in place of the function in the owner's list of requests.
const FUNCTION: &str = "further requests after many refusals";

/// The refusals of each principal on each source.
pub(super) struct Refusals {
    vault: Vault,
}

impl Refusals {
    /// Returns the counts in this vault.
    pub(super) fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Counts a refusal on a dataset's source. Blocks.
    pub(super) fn count(&self, principal: &Principal, dataset: &Dataset) {
        self.count_by(principal, &key_of(&source_of(dataset)));
    }

    /// Counts a refusal on a dataset of which no source is known any more. Blocks.
    pub(super) fn count_by_name(&self, principal: &Principal, name: &str) {
        self.count_by(principal, name);
    }

    fn count_by(&self, principal: &Principal, key: &str) {
        let counted = self.vault.count_refusal(principal.name(), key).wait();
        if let Err(error) = counted {
            // Where there is no room, the next request of this pair waits for the owner.
            tracing::warn!(%error, "a refusal was not counted");
        }
    }

    /// Checks that the principal may have another refusal, and asks the owner otherwise. Blocks.
    pub(super) fn check(
        &self,
        vault: &Vault,
        principal: &Principal,
        dataset: &Dataset,
    ) -> Result<(), ApiError> {
        let state = |error| ApiError::state(&error);
        let (name, key) = (&dataset.name, key_of(&source_of(dataset)));
        let of = |key: &str| vault.refusals(principal.name(), key).map_err(state);
        // Earlier versions counted by the dataset's name.
        if of(&key)?.saturating_add(of(name)?) < MOST {
            return Ok(());
        }
        let question = Question {
            principal: principal.name().to_owned(),
            function: FUNCTION.to_owned(),
            parameters: Some("{}".to_owned()),
            dataset: name.clone(),
            columns: Vec::new(),
            condition: None,
        };
        match vault.use_approval(question, clock::seconds()).wait().map_err(state)? {
            Decision::Granted { .. } => {
                vault.forgive_refusals(principal.name(), &key).wait().map_err(state)?;
                vault.forgive_refusals(principal.name(), name).wait().map_err(state)
            }
            Decision::Refused { id } => Err(no_more(name, id)),
            Decision::Asked { id } | Decision::Expired { id } => {
                let question = format!("{FUNCTION}, after {MOST} that told of data");
                Err(approval_needed(name, &question, id))
            }
        }
    }
}

/// Reports whether the data are rows of a dataset.
pub(super) fn is_of_dataset(stored: &Stored) -> bool {
    dataset_of(stored).is_some()
}

/// Returns the name of the dataset that rows are selected of, if it is one.
pub(super) fn dataset_of(stored: &Stored) -> Option<String> {
    match stored {
        Stored::Selection(selection) => match &selection.base {
            Base::Dataset(name) => Some(name.clone()),
            Base::Upload(_) => None,
        },
        Stored::Upload(_) | Stored::Inline(_) => None,
    }
}

/// Returns a refusal as clients are told it. The node's log has its own words.
pub(super) fn told(refusal: ApiError) -> ApiError {
    match refusal.code() {
        Code::RefusedByDisclosureRules | Code::MissingValues => {
            tracing::info!(code = refusal.code().text(), message = refusal.message(), "refused");
            refused_for_its_data()
        }
        _ => refusal,
    }
}

/// Refuses a question because of the data behind it, in the same words for every rule.
#[must_use]
pub fn refused_for_its_data() -> ApiError {
    ApiError::new(
        Code::RefusedByDisclosureRules,
        "this node does not answer this question about its dataset: a rule that depends on the \
         selected data refused it, and which rule it was is not told",
    )
    .hint(
        "the rules: no or enough rows here (`min_rows`, 10 under `production`); no answer that, with \
         earlier ones, tells of a few rows or too much of a column; no missing values, unless \
         `missing` is `drop`; values within the declared bounds, digits and categories. Choose rows \
         by wider conditions or exactly those of an earlier request; where data grow, by a condition \
         on the day of entry, which moves on once `min_rows` rows were added. Ask for fewer \
         statistics, set `missing` to `drop`, leave out bounds, digits and categories, end what else \
         you have under way here, or have the owner approve the study",
    )
}

fn no_more(dataset: &str, id: u64) -> ApiError {
    ApiError::new(
        Code::RefusedByPolicy,
        format!(
            "{MOST} requests on dataset `{dataset}` were refused because of its data, and its owner \
             allows no more"
        ),
    )
    .hint(format!("ask the owner to grant request {id}"))
}

#[cfg(test)]
mod tests {
    use cloister_sources::Source;

    use super::*;

    fn dataset(name: &str, path: &str) -> Dataset {
        Dataset {
            name: name.to_owned(),
            source: Source::Csv { path: path.into(), delimiter: None },
            columns: Vec::new(),
            key: None,
            rows: 0,
            missing: Vec::new(),
            formats: Default::default(),
            times: Default::default(),
        }
    }

    #[test]
    fn refusals_that_tell_of_data_are_the_same_whichever_rule_it_was() {
        let refusal = |code, message: &str| told(ApiError::new(code, message));
        let few = refusal(Code::RefusedByDisclosureRules, "too few rows");
        assert_eq!(few, refusal(Code::MissingValues, "a value is missing"));
        assert_eq!(few, refused_for_its_data());
        // Of a cohort that grows the wider condition and the earlier rows are both out of reach.
        let hint = few.advice();
        assert!(hint.contains("10 under `production`") && hint.contains("day of entry"), "{hint}");
        let unreadable = ApiError::new(Code::DatasetUnreadable, "the file is gone");
        assert_eq!(told(unreadable.clone()), unreadable);
    }

    #[test]
    fn the_count_survives_a_restart_and_each_approval_allows_as_many_again() {
        let folder = tempfile::tempdir().unwrap();
        let ada = Principal::anybody();
        {
            let vault = Vault::open(folder.path()).unwrap();
            let refusals = Refusals::new(vault.clone());
            // The last one is of a version that counted by name.
            (1..MOST).for_each(|_| refusals.count(&ada, &dataset("trial", "/data/trial.csv")));
            refusals.count_by_name(&ada, "trial");
            vault.close();
        }
        let trial = dataset("trial", "/data/trial.csv");
        let vault = Vault::open(folder.path()).unwrap();
        let refusals = Refusals::new(vault.clone());
        assert_eq!(refusals.check(&vault, &ada, &dataset("other", "/data/other.csv")), Ok(()));
        let asked = refusals.check(&vault, &ada, &trial).unwrap_err();
        assert_eq!(asked.code(), Code::ApprovalNeeded);
        let question = vault.approvals().unwrap()[0].question.clone().unwrap();
        let permission = cloister_vault::Permission {
            by: "owner".into(),
            times: 1,
            expires: u64::MAX,
            classes: vec![question.class()],
        };
        assert!(vault.grant(1, permission).wait().unwrap());
        assert_eq!(refusals.check(&vault, &ada, &trial), Ok(()));
        assert_eq!(vault.refusals(ada.name(), "trial").unwrap(), 0);
        assert_eq!(vault.refusals(ada.name(), &key_of(&source_of(&trial))).unwrap(), 0);
    }

    #[test]
    fn names_of_one_source_share_the_count() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let (ada, refusals) = (Principal::anybody(), Refusals::new(vault.clone()));
        let [one, other] = ["one", "other"].map(|name| dataset(name, "/data/trial.csv"));
        for refused in 0..MOST {
            assert_eq!(refusals.check(&vault, &ada, &one), Ok(()), "{refused}");
            let by_turns = if refused % 2 == 0 { &one } else { &other };
            refusals.count(&ada, by_turns);
        }
        for dataset in [&one, &other] {
            let asked = refusals.check(&vault, &ada, dataset).unwrap_err();
            assert_eq!(asked.code(), Code::ApprovalNeeded);
            assert!(asked.message().contains(&dataset.name), "{asked}");
        }
    }
}
