//! The `parameters` of a computation, as a client sets them.
//!
//! Four parameters say how any function is computed: the suite, the computing parties, the use of
//! preprocessing, and the treatment of incomplete rows. All others are a function's own. Its file
//! has their type, and its descriptor lists their names: a name that is not listed is refused.
//! Every value that changes the result goes into the agreement, in canonical text, from which a
//! helper reads it again.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::algebra::exact::Grid;
use crate::functions::descriptor::{Descriptor, InputKind, ParameterEntry};
use crate::kernel::fault::InputError;
use crate::suites::guarantee::Suite;

/// The name in the spec for the treatment of rows with a missing value, and the texts for refusing
/// them and for leaving them out.
pub(crate) const MISSING: &str = "missing";
const REFUSE: &str = "refuse";
const DROP: &str = "drop";

/// The names of the parameters that ask for a form of a function.
pub(crate) const ONLY_MODE: &str = "only_mode";
pub(crate) const BY_ID: &str = "by_id";

/// The names of the declared digits in the spec.
const DIGITS_BEFORE: &str = "digits_before";
const DIGITS_AFTER: &str = "digits_after";

/// The key of a text that stands for a list in what the parties have agreed on.
const AGREED: &str = "agreed";

/// The canonical texts for no limit, and for yes and no.
const ANY: &str = "any";
pub(crate) const YES: &str = "yes";
pub(crate) const NO: &str = "no";

/// The decimal digits where only one side of the point is declared.
const DEFAULT_DIGITS: u32 = 12;

/// Parameters as the client gave them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Parameters {
    /// The suite; the node chooses it where it is left out.
    pub suite: Option<String>,
    /// The permission for computations between parties alone to use up their nodes' preprocessed
    /// correlations. `true` or left out: they may. `false`: they use none, so every run costs the
    /// same.
    pub ahead: Option<bool>,
    /// The names of the three members whose nodes compute on shares, for functions that need it.
    /// Those without data are helpers: they compute and get no answer.
    pub committee: Option<Vec<String>>,
    /// The treatment of rows with a missing value; they are refused where it is left out.
    pub missing: Option<Missing>,
    /// The function's own parameters, by name.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

/// The treatment of rows with a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Rows that are left out. Their number is part of the result.
    Drop,
}

/// The range of numbers. Magnitudes are below 10 to the power `digits_before`, and are 0 or at
/// least 10 to minus the power `digits_after`. With neither, any finite number is allowed; with one
/// of the two, the other is 12.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Digits {
    digits_before: Option<u32>,
    digits_after: Option<u32>,
}

/// The parameters of a function that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct NoParameters {}

/// Parameters in the canonical text that the parties agree on, by name.
pub(crate) type AgreedParameters = BTreeMap<String, String>;

impl Parameters {
    /// Returns the parameters with one more of the function's own. A value that is null sets
    /// nothing.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a parameter's value is one of JSON's");
        if !value.is_null() {
            self.own.insert(name.to_owned(), value);
        }
        self
    }

    /// Reports whether a parameter of the function's own is set. A value that is null sets nothing.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.own.get(name).is_some_and(|value| !value.is_null())
    }

    /// Reports whether categories are compared in lower case. In joins `case` is of ids.
    #[must_use]
    pub fn regroups(&self, function: &Descriptor) -> bool {
        let name = match function.input {
            InputKind::Texts | InputKind::TextPairs => "case",
            _ => "category_case",
        };
        self.own.get(name).is_some_and(|value| value == "lower")
    }

    /// Reports whether a parameter of the function's own is set to `true`.
    pub(crate) fn asks_for(&self, name: &str) -> Result<bool, InputError> {
        match self.own.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(asks)) => Ok(*asks),
            Some(_) => {
                let reason = format!("`{name}` is true or false");
                Err(InputError::UnreadableParameters { reason })
            }
        }
    }

    /// Refuses names that the function does not have.
    pub(crate) fn check_names(&self, function: &Descriptor) -> Result<(), InputError> {
        let unknown = self
            .own
            .keys()
            .find(|name| !function.parameters.iter().any(|entry| entry.name == name.as_str()));
        let Some(name) = unknown else { return Ok(()) };
        let known: Vec<&str> = function.parameters.iter().map(|entry| entry.name).collect();
        Err(InputError::UnknownParameter {
            name: name.chars().take(40).flat_map(char::escape_default).collect(),
            function: function.name,
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        })
    }

    /// Reads a function's own parameters, which it lists in `entries`. One value stands for a list of
    /// it, as clients in R write it.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        entries: &[ParameterEntry],
    ) -> Result<T, InputError> {
        let mut set = Map::new();
        for (name, value) in self.own.iter().filter(|(_, value)| !value.is_null()) {
            let entry = entries.iter().find(|entry| entry.name == name.as_str());
            set.insert(name.clone(), entry.map_or(Ok(value.clone()), |entry| entry.take(value))?);
        }
        let parameters = serde_json::from_value(Value::Object(set.clone()))
            .map_err(|error| unreadable::<T>(&set, entries, &error))?;
        check_texts(&set)?;
        Ok(parameters)
    }

    /// Reads a function's own parameters again from their canonical texts. `lists` has the names of
    /// those that are lists.
    pub(crate) fn of_agreed(agreed: &AgreedParameters, lists: &[&str]) -> Self {
        let mut own = Map::new();
        for (name, text) in agreed {
            if let Some(value) = of_canonical(text, lists.contains(&name.as_str())) {
                own.insert(name.clone(), value);
            }
        }
        Self { own, ..Self::default() }
    }

    /// Refuses a suite that does not serve the function.
    pub(crate) fn check_suite(&self, suites: &[Suite]) -> Result<(), InputError> {
        let Some(asked) = self.suite.as_deref() else { return Ok(()) };
        let suites: Vec<&str> = suites.iter().map(|suite| suite.name()).collect();
        if suites.contains(&asked) {
            return Ok(());
        }
        let other: String = asked.chars().take(40).flat_map(char::escape_default).collect();
        let verb = if suites.len() > 1 { "do" } else { "does" };
        let suites = suites.join("` and `");
        let reason = format!("`{other}` does not serve this function, `{suites}` {verb}");
        Err(refuse("suite", reason))
    }

    /// Returns the treatment of rows with a missing value: its name and text in the spec.
    pub(crate) fn missing_text(&self) -> (String, String) {
        let text = match self.missing {
            None => REFUSE,
            Some(Missing::Drop) => DROP,
        };
        (MISSING.to_owned(), text.to_owned())
    }
}

impl Digits {
    /// The descriptors' entry for the digits before the point. [`Self::AFTER`] is the one for those
    /// after it.
    pub(crate) const BEFORE: ParameterEntry = ParameterEntry::number(
        DIGITS_BEFORE,
        "magnitudes are below 10 to this power, and others are refused before anything leaves; 12 where \
         only `digits_after` is set, any finite number where neither is",
    );
    pub(crate) const AFTER: ParameterEntry = ParameterEntry::number(
        DIGITS_AFTER,
        "magnitudes are 0, or at least 10 to minus this power; 12 where only `digits_before` is set, any \
         finite number where neither is",
    );

    /// Returns the grid of such numbers.
    pub(crate) fn grid(self) -> Result<Grid, InputError> {
        match (self.digits_before, self.digits_after) {
            (None, None) => Ok(Grid::full()),
            (before, after) => {
                Grid::declared(before.unwrap_or(DEFAULT_DIGITS), after.unwrap_or(DEFAULT_DIGITS))
            }
        }
    }
}

/// Refuses a text that would come back from its canonical text as another value: a number, a
/// word for absent or true, or other JSON.
fn check_texts(set: &Map<String, Value>) -> Result<(), InputError> {
    for (name, value) in set {
        let Value::String(text) = value else { continue };
        if of_canonical(text, false).as_ref() != Some(value) {
            let reason = format!("`{name}` cannot have a text that also reads as another value");
            return Err(InputError::UnreadableParameters { reason });
        }
    }
    Ok(())
}

/// Says which parameter cannot be read, and what it takes: the one without which all others can be.
fn unreadable<T: DeserializeOwned>(
    set: &Map<String, Value>,
    entries: &[ParameterEntry],
    error: &serde_json::Error,
) -> InputError {
    let is_culprit = |entry: &&ParameterEntry| {
        let mut others = set.clone();
        let removed = others.remove(entry.name).is_some();
        let other = serde_json::from_value::<T>(Value::Object(others)).err();
        removed && other.is_none_or(|other| other.to_string() != error.to_string())
    };
    let reason = match entries.iter().find(is_culprit) {
        Some(entry) => format!("`{}` takes {}", entry.name, entry.summary),
        None => error.to_string(),
    };
    InputError::UnreadableParameters { reason }
}

/// Returns the value that a canonical text stands for; none for an absent one.
fn of_canonical(text: &str, is_list: bool) -> Option<Value> {
    let written = if is_list { format!("[{text}]") } else { text.to_owned() };
    match text {
        ANY | NO => None,
        YES => Some(Value::Bool(true)),
        text => Some(serde_json::from_str(&written).unwrap_or_else(|_| {
            if is_list {
                // A hash stands for a long list.
                json!({ AGREED: text })
            } else {
                Value::String(text.into())
            }
        })),
    }
}

/// Returns the canonical text of a grid's digits, for the spec.
pub(crate) fn grid_text(grid: &Grid) -> [(String, String); 2] {
    let (before, after) = match grid.digits() {
        None => (ANY.to_owned(), ANY.to_owned()),
        Some((before, after)) => (before.to_string(), after.to_string()),
    };
    [(DIGITS_BEFORE.to_owned(), before), (DIGITS_AFTER.to_owned(), after)]
}

/// Reports whether the agreed parameters leave out rows with a missing value.
pub(crate) fn drops_missing(agreed: &AgreedParameters) -> Result<bool, InputError> {
    match agreed.get(MISSING).map(String::as_str) {
        None | Some(REFUSE) => Ok(false),
        Some(DROP) => Ok(true),
        Some(_) => {
            Err(refuse(MISSING, "the parties' proposal has another value than `drop`".into()))
        }
    }
}

/// Refuses the value of the parameter `name`.
pub(crate) fn refuse(name: &'static str, reason: String) -> InputError {
    InputError::Parameter { name, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameters of a function with a free text, which no function has yet.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Texts {
        text: Option<String>,
    }

    #[test]
    fn a_text_comes_back_from_the_agreement_or_is_refused() {
        for text in ["exact", "a, b", "", "No", "yes, please", "1 2", "é"] {
            let read: Texts = Parameters::default().with("text", text).read(&[]).unwrap();
            let agreed = AgreedParameters::from([("text".to_owned(), read.text.clone().unwrap())]);
            assert_eq!(Parameters::of_agreed(&agreed, &[]).read::<Texts>(&[]).unwrap(), read);
        }
        for text in ["any", "no", "yes", "12", "true", "null", "\"quoted\"", "[1]", " 12"] {
            let read = Parameters::default().with("text", text).read::<Texts>(&[]);
            assert!(matches!(read, Err(InputError::UnreadableParameters { .. })), "{text}");
        }
    }
}
