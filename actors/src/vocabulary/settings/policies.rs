//! The decisions of owners for their datasets, as they stand in `node.toml` or in a file of
//! `policy.d`. Unknown entries are errors: a misspelt rule must not pass for a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use cloister_protocols::catalogue;
use cloister_protocols::disclosure::{Profile, Rounding, Rules};
use serde::{Deserialize, Serialize};

/// The policies of a node's datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// The policies by the dataset's name.
    pub dataset: BTreeMap<String, DatasetPolicy>,
}

/// The policies that hold now. Clones change together, when the settings are read again.
#[derive(Clone, Debug, Default)]
pub struct CurrentPolicies(Arc<RwLock<Arc<Policies>>>);

/// The owner's decisions for one dataset. The node's profile decides the entries that are left out.
/// Minima can be raised here, not lowered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetPolicy {
    /// The functions that may be computed on it; all where it is left out.
    pub functions: Option<BTreeSet<String>>,
    /// The principals to whom it exists; all where it is left out.
    pub principals: Option<BTreeSet<String>>,
    /// The members that may take part; all where it is left out.
    pub members: Option<BTreeSet<String>>,
    /// The fewest parties.
    pub min_parties: Option<u16>,
    /// The fewest rows of all parties together.
    pub min_rows: Option<u64>,
    /// The smallest count that a table may show.
    pub min_cell: Option<u64>,
    /// The dominance rule: the most that one party may contribute to a sum, in percent.
    pub max_share: Option<u8>,
    /// The fewest rows of its own that answers may isolate, were all others' known. A selection
    /// with fewer rows of its own, but some, is refused. The default is 3 under `production`.
    pub min_own_rows: Option<u64>,
    /// The most that answers without approval may tell of a column, in percent of what its rows
    /// hold. The default is 25 under `production`.
    pub told: Option<u8>,
    /// The rounding of all numbers that are no counts, to a part of their standard error: `se/N`.
    pub round: Option<Rounding>,
    /// Permission for other members to bring columns that a client made.
    pub client_columns: Option<bool>,
    /// The need of the owner's approval for each use. The default is to need it under `production`.
    pub approval: Option<bool>,
}

/// The rules that a node applies to its own rows of one dataset, beside those of all parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRules {
    /// The fewest rows that answers may isolate; 0 or 1 for no rule.
    pub min_own_rows: u64,
    /// The rows for each number by rank.
    pub min_rows: u64,
    /// The most that is told of a column, in percent; 100 for no rule.
    pub told: u8,
    /// The owner approves each question, and decides on what is told in all.
    pub approved: bool,
}

impl OwnRules {
    /// No rule, as under `teaching`.
    pub const NONE: Self = Self { min_own_rows: 0, min_rows: 1, told: 100, approved: false };

    /// Returns whether a condition is looked at without some of its columns: where no owner sees it.
    #[must_use]
    pub fn ask_for_views(&self) -> bool {
        self.are_kept() && !self.approved
    }

    /// Returns whether they hold only in the newest state of the node, which has the memory and the
    /// uses of approvals.
    #[must_use]
    pub fn need_the_newest_state(&self) -> bool {
        self.are_kept() || self.approved
    }

    /// Returns whether there is a rule on rows.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.min_own_rows > 1
    }
}

/// An error in a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// An unknown function.
    #[error("the policy of dataset `{dataset}` names a function `{function}`, which there is not")]
    Function {
        /// The dataset.
        dataset: String,
        /// The name.
        function: String,
    },
    /// An unknown member.
    #[error("the policy of dataset `{dataset}` names `{member}`, which is no member")]
    Member {
        /// The dataset.
        dataset: String,
        /// The name.
        member: String,
    },
    /// A percentage out of its range.
    #[error("the policy of dataset `{dataset}`: `max_share` is a percentage from 1 to 100")]
    Share {
        /// The dataset.
        dataset: String,
    },
    /// A percentage out of its range.
    #[error("the policy of dataset `{dataset}`: `told` is a percentage from 1 to 100")]
    Told {
        /// The dataset.
        dataset: String,
    },
    /// A minimum that no number of rows reaches.
    #[error("the policy of dataset `{dataset}`: a minimum is at most 2^48")]
    Minimum {
        /// The dataset.
        dataset: String,
    },
    /// A name that no dataset can have.
    #[error(
        "the policy of dataset `{dataset}` protects nothing: a dataset's name has 1 to 100 letters, \
         digits, '.', '-' and '_'"
    )]
    Name {
        /// The dataset.
        dataset: String,
    },
    /// Two policies of one dataset.
    #[error("there are two policies of dataset `{dataset}`: leave one")]
    Twice {
        /// The dataset.
        dataset: String,
    },
}

impl Policies {
    /// Adds policies from another file.
    ///
    /// # Errors
    /// If both have one of the same dataset.
    pub fn join(&mut self, other: Self) -> Result<(), PolicyError> {
        for (dataset, policy) in other.dataset {
            if self.dataset.contains_key(&dataset) {
                return Err(PolicyError::Twice { dataset });
            }
            self.dataset.insert(dataset, policy);
        }
        Ok(())
    }

    /// Checks the names and numbers of the policies.
    ///
    /// # Errors
    /// If there is no such function or member, or a number is out of its range.
    pub fn check(&self, is_member: impl Fn(&str) -> bool) -> Result<(), PolicyError> {
        for (dataset, policy) in &self.dataset {
            let dataset = dataset.clone();
            if !cloister_sources::is_dataset_name(&dataset) {
                return Err(PolicyError::Name { dataset });
            }
            let functions = policy.functions.iter().flatten();
            if let Some(unknown) = functions.into_iter().find(|f| catalogue::find(f).is_none()) {
                return Err(PolicyError::Function { dataset, function: unknown.clone() });
            }
            if let Some(unknown) = policy.members.iter().flatten().find(|name| !is_member(name)) {
                return Err(PolicyError::Member { dataset, member: unknown.clone() });
            }
            let minima = [policy.min_rows, policy.min_cell, policy.min_own_rows];
            if minima.into_iter().flatten().any(|minimum| minimum > 1 << 48) {
                return Err(PolicyError::Minimum { dataset });
            }
            if policy.max_share.is_some_and(|share| !(1..=100).contains(&share)) {
                return Err(PolicyError::Share { dataset });
            }
            if policy.told.is_some_and(|told| !(1..=100).contains(&told)) {
                return Err(PolicyError::Told { dataset });
            }
        }
        Ok(())
    }

    /// Returns a warning for each policy of a dataset that does not exist.
    #[must_use]
    pub fn without_dataset(&self, exists: impl Fn(&str) -> bool) -> Vec<String> {
        let missing = self.dataset.keys().filter(|name| !exists(name));
        let warning = |name: &String| {
            format!(
                "the policy of dataset `{name}` protects nothing: there is no such dataset; register \
                 it under this name, or mend the name in the policy"
            )
        };
        missing.map(warning).collect()
    }

    /// Returns the policy of this dataset.
    #[must_use]
    pub fn of(&self, dataset: &str) -> DatasetPolicy {
        self.dataset.get(dataset).cloned().unwrap_or_default()
    }
}

impl CurrentPolicies {
    /// Creates the place of the policies.
    #[must_use]
    pub fn new(policies: Policies) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(policies))))
    }

    /// Decides by other policies from now on.
    pub fn replace(&self, policies: Policies) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// Returns all policies.
    #[must_use]
    pub fn all(&self) -> Arc<Policies> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the policy of this dataset.
    #[must_use]
    pub fn of(&self, dataset: &str) -> DatasetPolicy {
        self.all().of(dataset)
    }
}

impl DatasetPolicy {
    /// Returns whether the dataset exists for this principal.
    #[must_use]
    pub fn is_for(&self, principal: &str) -> bool {
        self.principals.as_ref().is_none_or(|names| names.contains(principal))
    }

    /// Returns whether the owner must approve.
    #[must_use]
    pub fn needs_approval(&self, profile: Profile) -> bool {
        self.approval.unwrap_or(profile == Profile::Production)
    }

    /// Returns the rules for this node's own rows. An owner that approves each use decides on what
    /// is told by themselves.
    #[must_use]
    pub fn own_rules(&self, profile: Profile) -> OwnRules {
        let usual = match profile {
            Profile::Production => {
                OwnRules { min_own_rows: 3, min_rows: 10, told: 25, ..OwnRules::NONE }
            }
            Profile::Teaching => OwnRules::NONE,
        };
        let approved = self.needs_approval(profile);
        let told = if approved { 100 } else { self.told.unwrap_or(usual.told) };
        let min_own_rows = usual.min_own_rows.max(self.min_own_rows.unwrap_or(0));
        OwnRules { min_own_rows, min_rows: self.rules(profile).min_rows, told, approved }
    }

    /// Returns the rules for computing with the dataset.
    #[must_use]
    pub fn rules(&self, profile: Profile) -> Rules {
        let profile = profile.rules();
        let own = Rules {
            min_parties: self.min_parties.unwrap_or(0),
            min_rows: self.min_rows.unwrap_or(0),
            min_cell: self.min_cell.unwrap_or(0),
            max_share: self.max_share.unwrap_or(100),
            client_columns: true,
            round: self.round,
        };
        let client_columns = self.client_columns.unwrap_or(profile.client_columns);
        Rules { client_columns, ..profile.strictest(own) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(json: &str) -> Result<Policies, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn trial(policy: &str) -> Policies {
        policies(&format!(r#"{{"dataset":{{"trial":{policy}}}}}"#)).unwrap()
    }

    #[test]
    fn unknown_entries_functions_and_members_are_refused() {
        assert!(policies(r#"{"dataset":{"trial":{"minimum_rows":5}}}"#).is_err());
        assert!(policies(r#"{"datasets":{}}"#).is_err());
        assert!(policies(r#"{"dataset":{"trial":{"round":"0.1"}}}"#).is_err());
        let round = trial(r#"{"round":"se/10"}"#).of("trial").rules(Profile::Production).round;
        assert_eq!(round, "se/10".parse().ok());
        let check = |policy| trial(policy).check(|name| name == "north");
        assert!(check(r#"{"functions":["SecureSum"],"members":["north"]}"#).is_ok());
        assert!(matches!(check(r#"{"functions":["Sum"]}"#), Err(PolicyError::Function { .. })));
        assert!(matches!(check(r#"{"members":["east"]}"#), Err(PolicyError::Member { .. })));
        assert!(matches!(check(r#"{"max_share":0}"#), Err(PolicyError::Share { .. })));
        let beyond = check(r#"{"min_rows":4611686018427387904}"#);
        assert!(matches!(beyond, Err(PolicyError::Minimum { .. })));
        let mut twice = trial("{}");
        assert!(matches!(twice.join(trial("{}")), Err(PolicyError::Twice { .. })));
    }

    #[test]
    fn policies_of_datasets_that_do_not_or_cannot_exist_are_told() {
        let two = policies(r#"{"dataset":{"trial":{},"trail":{}}}"#).unwrap();
        let told = two.without_dataset(|name| name == "trial");
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("`trail`"), "{told:?}");
        assert!(two.without_dataset(|_| true).is_empty());
        let odd = policies(r#"{"dataset":{"the trial":{}}}"#).unwrap().check(|_| true);
        assert!(matches!(odd, Err(PolicyError::Name { .. })));
    }

    #[test]
    fn an_owner_raises_the_minima_of_the_profile_and_does_not_lower_them() {
        let profile = Profile::Production;
        let policy = trial(r#"{"min_rows":50,"min_cell":1,"max_share":95}"#).of("trial");
        let rules = policy.rules(profile);
        assert_eq!((rules.min_rows, rules.min_cell, rules.max_share), (50, 5, 90));
        assert!(!rules.client_columns && policy.needs_approval(profile));
        let open = trial(r#"{"client_columns":true,"approval":false}"#).of("trial");
        assert!(open.rules(profile).client_columns && !open.needs_approval(profile));
        assert!(!Policies::default().of("other").needs_approval(Profile::Teaching));
    }
}
