//! Questions about datasets, and the classes of questions that an owner can grant.
//!
//! A [`Question`] says who wants to compute what on which columns of which rows. Two questions are
//! the same only if all of it is: the function, its parameters, the columns, and the condition on
//! rows. A [`Class`] is a rule that an owner can read, and that serves some questions. Texts of
//! parameters and conditions are compared as they are: callers bring them in one canonical form.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::limits::{MAX_COLUMNS, MAX_TEXT_BYTES, check_name, checked_columns};
use crate::seal::length_prefixed;

/// The most functions of a class.
const MAX_FUNCTIONS: usize = 1_000;

/// A question about a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The name of the principal who computes.
    pub principal: String,
    /// The function.
    pub function: String,
    /// Its parameters, in canonical form. `None` in a request of an older version, which did not
    /// keep them.
    #[serde(default)]
    pub parameters: Option<String>,
    /// The dataset.
    pub dataset: String,
    /// The columns that are computed with. The vault sorts them and removes repetitions. In a
    /// request of an older version, also those of a condition that it did not keep.
    pub columns: Vec<String>,
    /// The condition on rows. `None` for all rows.
    #[serde(default)]
    pub condition: Option<Condition>,
}

/// A condition on rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The condition, in canonical form.
    pub text: String,
    /// The columns that it compares.
    pub columns: BTreeSet<String>,
}

/// A class of questions about a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The name of the principal who computes.
    pub principal: String,
    /// The dataset.
    pub dataset: String,
    /// The functions, any of them.
    pub functions: BTreeSet<String>,
    /// Their parameters.
    pub parameters: Parameters,
    /// The columns that are computed with.
    pub columns: Columns,
    /// The conditions on rows.
    pub conditions: Conditions,
}

/// The parameters that a class allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameters {
    /// Any.
    Any,
    /// These, in canonical form.
    Exactly(String),
}

/// The columns that a class allows to compute with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    /// All of these together.
    Exactly(BTreeSet<String>),
    /// One or more of these.
    Among(BTreeSet<String>),
}

/// The conditions on rows that a class allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conditions {
    /// This condition, in canonical form; none for all rows.
    Exactly(Option<String>),
    /// All rows, or any condition that compares no other columns than these.
    On(BTreeSet<String>),
    /// All rows, or any condition.
    Any,
}

impl Question {
    /// Returns the class that serves exactly this question.
    #[must_use]
    pub fn class(&self) -> Class {
        let condition = self.condition.as_ref().map(|condition| condition.text.clone());
        Class {
            principal: self.principal.clone(),
            dataset: self.dataset.clone(),
            functions: BTreeSet::from([self.function.clone()]),
            // An older version granted a function with any parameters.
            parameters: self.parameters.clone().map_or(Parameters::Any, Parameters::Exactly),
            columns: Columns::Exactly(self.columns.iter().cloned().collect()),
            conditions: Conditions::Exactly(condition),
        }
    }

    /// Reports whether it stems from an older version, which kept no parameters and no condition.
    #[must_use]
    pub fn is_of_older_version(&self) -> bool {
        self.parameters.is_none()
    }

    /// Reports whether a request of an older version was about `other`, with some condition.
    pub(crate) fn covered_in_older_version(&self, other: &Self) -> bool {
        let conditions = other.condition.iter().flat_map(|condition| &condition.columns);
        let all: BTreeSet<&String> = other.columns.iter().chain(conditions).collect();
        self.is_of_older_version()
            && self.principal == other.principal
            && self.function == other.function
            && self.dataset == other.dataset
            && self.columns.iter().collect::<BTreeSet<_>>() == all
    }

    /// Checks the question, and makes its columns a set.
    pub(crate) fn checked(self) -> Result<Self, VaultError> {
        check_name("a principal's name", &self.principal)?;
        check_name("a function's name", &self.function)?;
        check_name("a dataset's name", &self.dataset)?;
        let Some(parameters) = &self.parameters else {
            let rule = "given, if only as an empty object";
            return Err(VaultError::Invalid { what: "a question's parameters", rule });
        };
        check_text("a question's parameters", parameters)?;
        if let Some(condition) = &self.condition {
            check_text("a condition", &condition.text)?;
            check_set(&condition.columns)?;
        }
        let columns = checked_columns(&self.columns)?;
        Ok(Self { columns, ..self })
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let parameters = self.parameters.as_deref().unwrap_or_default();
        let (some, condition) = match &self.condition {
            None => ("all rows", ""),
            Some(condition) => ("a condition", condition.text.as_str()),
        };
        let fixed = [&self.principal, &self.function, &self.dataset, parameters, some, condition];
        let columns = self.columns.iter().map(String::as_str);
        let parts: Vec<&[u8]> = fixed.into_iter().chain(columns).map(str::as_bytes).collect();
        blake3::derive_key("cloister 1 question about a dataset", &length_prefixed(&parts))
    }
}

impl Class {
    /// Reports whether the class serves the question.
    #[must_use]
    pub fn serves(&self, question: &Question) -> bool {
        self.principal == question.principal
            && self.dataset == question.dataset
            && self.functions.contains(&question.function)
            && self.parameters.serve(question.parameters.as_deref())
            && self.columns.serve(&question.columns)
            && self.conditions.serve(question.condition.as_ref())
    }

    pub(crate) fn check(&self) -> Result<(), VaultError> {
        check_name("a principal's name", &self.principal)?;
        check_name("a dataset's name", &self.dataset)?;
        if self.functions.is_empty() || self.functions.len() > MAX_FUNCTIONS {
            let rule = "from 1 to 1,000";
            return Err(VaultError::Invalid { what: "the number of functions", rule });
        }
        self.functions.iter().try_for_each(|name| check_name("a function's name", name))?;
        if let Parameters::Exactly(text) = &self.parameters {
            check_text("a class's parameters", text)?;
        }
        match &self.columns {
            Columns::Exactly(columns) | Columns::Among(columns) => check_set(columns)?,
        }
        match &self.conditions {
            Conditions::Exactly(Some(text)) => check_text("a condition", text),
            Conditions::On(columns) => check_set(columns),
            Conditions::Exactly(None) | Conditions::Any => Ok(()),
        }
    }
}

impl Parameters {
    fn serve(&self, asked: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => asked == Some(text.as_str()),
        }
    }
}

impl Columns {
    fn serve(&self, asked: &[String]) -> bool {
        match self {
            Self::Exactly(columns) => {
                asked.iter().collect::<BTreeSet<_>>() == columns.iter().collect()
            }
            Self::Among(columns) => {
                !asked.is_empty() && asked.iter().all(|column| columns.contains(column))
            }
        }
    }
}

impl Conditions {
    fn serve(&self, asked: Option<&Condition>) -> bool {
        match (self, asked) {
            (Self::Any, _) | (Self::On(_), None) => true,
            (Self::On(columns), Some(asked)) => asked.columns.is_subset(columns),
            (Self::Exactly(text), asked) => text.as_ref() == asked.map(|asked| &asked.text),
        }
    }
}

fn check_set(columns: &BTreeSet<String>) -> Result<(), VaultError> {
    if columns.len() > MAX_COLUMNS {
        return Err(VaultError::TooBig { what: "the number of columns", limit: 1_000 });
    }
    columns.iter().try_for_each(|column| check_name("a column's name", column))
}

fn check_text(what: &'static str, text: &str) -> Result<(), VaultError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(VaultError::TooBig { what, limit: MAX_TEXT_BYTES as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn question(columns: &[&str], condition: Option<(&str, &[&str])>) -> Question {
        Question {
            principal: "ada".into(),
            function: "SecureSum".into(),
            parameters: Some("{}".into()),
            dataset: "trial".into(),
            columns: columns.iter().map(|&column| column.into()).collect(),
            condition: condition
                .map(|(text, columns)| Condition { text: text.into(), columns: set(columns) }),
        }
    }

    #[test]
    fn a_question_serves_itself_alone() {
        let asked = question(&["time"], None);
        let class = asked.class();
        assert!(class.serves(&asked));
        for other in [
            Question { principal: "eve".into(), ..asked.clone() },
            Question { function: "SecureMedian".into(), ..asked.clone() },
            Question { parameters: Some(r#"{"digits_before":3}"#.into()), ..asked.clone() },
            Question { dataset: "other".into(), ..asked.clone() },
            question(&["age"], None),
            question(&["age", "time"], None),
            question(&["time"], Some((r#""age" < 40"#, &["age"]))),
        ] {
            assert!(!class.serves(&other), "{other:?}");
            assert_ne!(asked.digest(), other.digest(), "{other:?}");
        }
    }

    #[test]
    fn an_owner_widens_a_class_by_choice() {
        let young: Option<(&str, &[&str])> = Some((r#""age" < 40"#, &["age"]));
        let by_site: Option<(&str, &[&str])> = Some((r#""site" = "x""#, &["site"]));
        let class = question(&["time"], None).class();
        let on = Class { conditions: Conditions::On(set(&["age", "sex"])), ..class.clone() };
        assert!(on.serves(&question(&["time"], young)) && on.serves(&question(&["time"], None)));
        assert!(!on.serves(&question(&["time"], by_site)));
        let any = Class { conditions: Conditions::Any, ..class.clone() };
        assert!(any.serves(&question(&["time"], by_site)));
        let among = Class { columns: Columns::Among(set(&["time", "age"])), ..class };
        assert!(among.serves(&question(&["age"], None)));
        assert!(!among.serves(&question(&["age", "site"], None)));
    }
}
