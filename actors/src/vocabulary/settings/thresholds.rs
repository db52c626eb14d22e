//! The thresholds of a node: those of its profile, and those that it has chosen of the consortium's.
//!
//! Where the consortium file lists profiles of thresholds, those of each member are of one of them.
//! What is stricter of a node's own profile, its choice, and the policy of a dataset holds. So all
//! three together have to come to a listed profile.

use cloister_certs::thresholds::{Profiles, Thresholds};
use cloister_protocols::disclosure::{Profile, Rules};

use super::policies::{DatasetPolicy, OwnRules, Policies};

/// The thresholds of a node.
#[derive(Clone, Debug)]
pub struct NodeThresholds {
    profile: Profile,
    listed: Profiles,
    chosen: Option<Thresholds>,
}

/// A reason why a node's thresholds are not of the consortium file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdsError {
    /// A choice that the file does not have.
    #[error(
        "`thresholds` names `{name}`, which is no profile of the consortium file: it has {listed}"
    )]
    NoSuchProfile {
        /// The name.
        name: String,
        /// The names in the file.
        listed: String,
    },
    /// Thresholds of the node that are of no profile.
    #[error(
        "the consortium file lists profiles of thresholds, and those of this node are of none: its \
         `profile` is `{profile}`; set `thresholds` to one of {listed} that is as strict"
    )]
    Unlisted {
        /// The node's own profile.
        profile: &'static str,
        /// The names in the file.
        listed: String,
    },
    /// Thresholds of a dataset's policy that are of no profile.
    #[error(
        "the policy of dataset `{dataset}` asks for thresholds that are of no profile in the consortium \
         file: leave out its minima and `max_share`, or write all of those of one of {listed}"
    )]
    Policy {
        /// The dataset.
        dataset: String,
        /// The names in the file.
        listed: String,
    },
}

impl NodeThresholds {
    /// Returns the thresholds of a node with this profile, which has chosen those of this name.
    ///
    /// # Errors
    /// If the file has no profile of this name, or has profiles and the thresholds are of none.
    pub fn new(
        profile: Profile,
        listed: &Profiles,
        chosen: Option<&str>,
    ) -> Result<Self, ThresholdsError> {
        let chosen = match chosen {
            None => None,
            Some(name) => match listed.get(name) {
                Some(thresholds) => Some(*thresholds),
                None => {
                    let (name, listed) = (name.to_owned(), names(listed));
                    return Err(ThresholdsError::NoSuchProfile { name, listed });
                }
            },
        };
        let node = Self { profile, listed: listed.clone(), chosen };
        if !node.is_kept_by(&DatasetPolicy::default()) {
            let (profile, listed) = (profile.name(), names(&node.listed));
            return Err(ThresholdsError::Unlisted { profile, listed });
        }
        Ok(node)
    }

    /// Returns the node's own profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Returns the node's rules where no dataset's policy has others.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.with(self.profile.rules())
    }

    /// Makes the rules of a dataset's policy as strict as the choice.
    #[must_use]
    pub fn with(&self, rules: Rules) -> Rules {
        self.chosen.as_ref().map_or(rules, |chosen| rules.strictest(rules_of(chosen)))
    }

    /// Makes the rules for a node's own rows as strict as the choice.
    #[must_use]
    pub fn with_own(&self, own: OwnRules) -> OwnRules {
        let chosen = self.chosen.unwrap_or(NONE);
        OwnRules {
            min_own_rows: own.min_own_rows.max(chosen.min_own_rows),
            min_rows: own.min_rows.max(chosen.min_rows),
            ..own
        }
    }

    /// Lists the thresholds that members may have; none for any.
    #[must_use]
    pub fn listed(&self) -> Vec<Rules> {
        self.listed.values().map(rules_of).collect()
    }

    /// Checks the policies of datasets.
    ///
    /// # Errors
    /// If one asks for thresholds of no listed profile.
    pub fn check(&self, policies: &Policies) -> Result<(), ThresholdsError> {
        for (dataset, policy) in &policies.dataset {
            if !self.is_kept_by(policy) {
                let (dataset, listed) = (dataset.clone(), names(&self.listed));
                return Err(ThresholdsError::Policy { dataset, listed });
            }
        }
        Ok(())
    }

    /// Returns whether a dataset with this policy has thresholds that are listed. A node may guard
    /// its own rows better than the profile says: that tells it nothing of others.
    fn is_kept_by(&self, policy: &DatasetPolicy) -> bool {
        let rules = self.with(policy.rules(self.profile));
        let own = self.with_own(policy.own_rules(self.profile)).min_own_rows;
        let is_of = |profile: &Thresholds| {
            rules.has_thresholds_of(&rules_of(profile)) && own >= profile.min_own_rows
        };
        self.listed.is_empty() || self.listed.values().any(is_of)
    }
}

/// Thresholds that ask for nothing.
const NONE: Thresholds =
    Thresholds { min_parties: 0, min_rows: 0, min_cell: 0, max_share: 100, min_own_rows: 0 };

fn rules_of(thresholds: &Thresholds) -> Rules {
    let Thresholds { min_parties, min_rows, min_cell, max_share, .. } = *thresholds;
    Rules { min_parties, min_rows, min_cell, max_share, client_columns: true, round: None }
}

fn names(listed: &Profiles) -> String {
    if listed.is_empty() {
        return "none".to_owned();
    }
    listed.keys().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Profiles {
        let usual = Thresholds {
            min_parties: 3,
            min_rows: 10,
            min_cell: 5,
            max_share: 90,
            min_own_rows: 3,
        };
        let strict = Thresholds { min_rows: 50, min_own_rows: 5, ..usual };
        let loose = Thresholds { min_rows: 4, ..usual };
        [("usual", usual), ("strict", strict), ("loose", loose)]
            .map(|(name, thresholds)| (name.to_owned(), thresholds))
            .into()
    }

    fn node(profile: Profile, chosen: Option<&str>) -> Result<NodeThresholds, ThresholdsError> {
        NodeThresholds::new(profile, &listed(), chosen)
    }

    #[test]
    fn a_choice_makes_stricter_and_what_comes_of_it_has_to_be_listed() {
        let production = Profile::Production;
        assert_eq!(node(production, None).unwrap().rules().min_rows, 10);
        let strict = node(production, Some("strict")).unwrap();
        assert_eq!(strict.rules(), Rules { min_rows: 50, ..production.rules() });
        let own = strict.with_own(OwnRules { min_own_rows: 3, min_rows: 10, ..OwnRules::NONE });
        assert_eq!((own.min_own_rows, own.min_rows), (5, 50));
        // It does not loosen the node's own profile: then it has that of another name.
        assert_eq!(node(production, Some("loose")).unwrap().rules().min_rows, 10);
        let unknown = node(production, Some("other"));
        assert!(matches!(unknown, Err(ThresholdsError::NoSuchProfile { .. })));
        let teaching = node(Profile::Teaching, None);
        assert!(matches!(teaching, Err(ThresholdsError::Unlisted { .. })));
        assert_eq!(node(Profile::Teaching, Some("loose")).unwrap().rules().min_rows, 4);
        // Without profiles in the file nothing changes.
        let free = NodeThresholds::new(Profile::Teaching, &Profiles::new(), None).unwrap();
        assert_eq!(free.rules(), Profile::Teaching.rules());
        assert!(free.listed().is_empty());
    }

    #[test]
    fn policies_of_datasets_ask_for_listed_thresholds() {
        let policies = |policy: &str| -> Policies {
            serde_json::from_str(&format!(r#"{{"dataset":{{"trial":{policy}}}}}"#)).unwrap()
        };
        let usual = node(Profile::Production, None).unwrap();
        assert_eq!(usual.check(&policies("{}")), Ok(()));
        assert_eq!(usual.check(&policies(r#"{"min_rows":50,"min_own_rows":5}"#)), Ok(()));
        assert_eq!(usual.check(&policies(r#"{"min_own_rows":8}"#)), Ok(()), "guarded better");
        let own_rows_left_out = usual.check(&policies(r#"{"min_rows":50}"#));
        assert!(matches!(own_rows_left_out, Err(ThresholdsError::Policy { .. })));
        let odd = usual.check(&policies(r#"{"min_rows":11}"#));
        assert!(matches!(odd, Err(ThresholdsError::Policy { .. })));
        let free = NodeThresholds::new(Profile::Production, &Profiles::new(), None).unwrap();
        assert_eq!(free.check(&policies(r#"{"min_rows":11}"#)), Ok(()));
    }
}
