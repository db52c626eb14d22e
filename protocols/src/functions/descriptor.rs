//! Descriptors: the facts about a function that are known before it runs. Clients, help, rules and
//! planning read them. No other code knows a function by its name.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::Value;

use crate::functions::common::joins::terms::MOST_COLUMNS;
use crate::kernel::fault::InputError;
use crate::kernel::reveal::Reveal;
use crate::suites::guarantee::Suite;

/// A function that parties can compute together.
#[derive(Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The name that clients give.
    pub name: &'static str,
    /// A summary in one sentence.
    pub summary: &'static str,
    /// The parameter that asks for this form of a function of several forms.
    pub asked_by: Option<&'static str>,
    /// The data that it takes from one party.
    pub input: InputKind,
    /// The parameters of its own, beside those that say how any function is computed.
    pub parameters: &'static [ParameterEntry],
    /// The kind of its data, for the disclosure rules.
    pub kind: Kind,
    /// The form of computation that it needs.
    pub needs: Needs,
    /// The part of the work that a database may do before.
    pub pushdown: Option<Pushdown>,
    /// The most that the nodes of parties and helpers learn beside the answer. Nothing else can be
    /// opened. The [`crate::computation::Security`] of an answer lists the part of it that was.
    pub reveals: &'static [Reveal],
    /// The keys of its answer.
    pub result_keys: &'static [&'static str],
}

/// The data that a function takes from one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Numbers.
    Numbers,
    /// One vector of numbers.
    Vector,
    /// Texts.
    Texts,
    /// Pairs of texts.
    TextPairs,
    /// Pairs of numbers.
    Points,
    /// Objects with a `minimum` and a `maximum`, read as pairs of numbers.
    Extremes,
    /// Objects with an `array` of numbers, the `rank` that is asked for, and perhaps a
    /// `lower_bound` and an `upper_bound`.
    Ranked,
    /// One matrix of numbers as a list of its rows, or nothing.
    Matrix,
    /// The first party's matrix, and the second's numbers, one for each of its rows.
    Regressors,
    /// Texts, perhaps as a list inside a list.
    Set,
    /// Ids, or rows that begin with one. The two entries are the usual columns behind the ids of
    /// the first two parties.
    Keyed([Behind; 2]),
    /// Nothing.
    Other,
}

impl InputKind {
    /// Returns how many columns of a table one party selects for it. Where rows are matched by ids,
    /// these stand in the first column.
    #[must_use]
    pub fn columns(self) -> RangeInclusive<usize> {
        match self {
            Self::Numbers
            | Self::Vector
            | Self::Texts
            | Self::Extremes
            | Self::Ranked
            | Self::Set => 1..=1,
            Self::TextPairs | Self::Points => 2..=2,
            Self::Matrix | Self::Regressors => 1..=MOST_COLUMNS,
            Self::Keyed(behind) => 1..=1 + behind.map(Behind::most).into_iter().max().unwrap_or(0),
            Self::Other => 0..=0,
        }
    }

    /// Reports whether its items are rows of their own, which can be left out. An element of a vector
    /// or a matrix has its place, and so has a row that belongs to others' rows by its order.
    #[must_use]
    pub fn has_rows(self) -> bool {
        match self {
            Self::Numbers
            | Self::Texts
            | Self::TextPairs
            | Self::Points
            | Self::Extremes
            | Self::Ranked
            | Self::Set
            | Self::Keyed(_) => true,
            Self::Vector | Self::Matrix | Self::Regressors | Self::Other => false,
        }
    }
}

/// The columns behind an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Nothing.
    Nothing,
    /// One category.
    Category,
    /// One number.
    Number,
    /// Some numbers.
    Numbers,
}

impl Behind {
    fn most(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Category | Self::Number => 1,
            Self::Numbers => MOST_COLUMNS,
        }
    }
}

/// The kind of a function's data, for the disclosure rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows, each of one person or thing. The rule on rows and the dominance rule apply to them.
    Rows,
    /// Columns of the same rows in the same order. The function itself announces and checks their
    /// number. No party contributes a part of the rows.
    Aligned,
    /// Rows that are found, or counted, by their ids. The rule on rows applies to those that all
    /// parties have. No party contributes a part of them.
    Joined,
    /// Elements of vectors and matrices, items, or nothing. Each may stand for any number of
    /// people.
    Elements,
}

/// The form of computation that a function needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Sums over all parties.
    LinearSums,
    /// Sums of counts over all parties; on shares where the rules withhold small counts.
    Counts,
    /// A suite that multiplies.
    Shares,
    /// A suite that multiplies, and rows matched by ids.
    SharesWithJoin,
    /// Blinded items of sets.
    Sets,
    /// Preprocessing alone: correlated randomness is made, and nothing is computed.
    Preparation,
}

/// The part of the work that a database may do before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushdown {
    /// The sum of whole numbers.
    Sum,
    /// The number of rows with each combination of categories.
    Counts,
}

/// A parameter that a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterEntry {
    /// The name that clients give.
    pub name: &'static str,
    /// The type of its value: `number`, `text`, `list` or `boolean`.
    pub r#type: &'static str,
    /// True if nothing is computed without it.
    pub required: bool,
    /// Its meaning, its values, and the default where it is left out.
    pub summary: &'static str,
    /// A value in JSON, for a parameter that is required.
    #[serde(skip)]
    pub example: Option<&'static str>,
}

impl Descriptor {
    /// Returns the suites that serve it. The first one serves three parties or more where no other
    /// is asked for.
    #[must_use]
    pub fn suites(&self) -> &'static [Suite] {
        match self.needs {
            Needs::LinearSums | Needs::Counts => &[Suite::Masked],
            Needs::Shares | Needs::SharesWithJoin => &[Suite::REPLICATED, Suite::PAIRWISE],
            Needs::Sets => &[Suite::Intersection],
            Needs::Preparation => &[Suite::PAIRWISE],
        }
    }

    /// Reports whether its values are computed on shares whatever the rules are.
    #[must_use]
    pub fn is_on_shares(&self) -> bool {
        matches!(self.needs, Needs::Shares | Needs::SharesWithJoin)
    }

    /// Reports whether its data are rows, to which the rule on rows and the dominance rule apply.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.kind == Kind::Rows
    }

    /// Reports whether it computes with data that the parties bring in.
    pub(crate) fn takes_data(&self) -> bool {
        self.input != InputKind::Other
    }

    /// Reports whether helpers can be of use to it: for the function itself, or for rules on the
    /// parties' data.
    pub(crate) fn takes_helpers(&self) -> bool {
        self.input != InputKind::Other && self.needs != Needs::Sets
    }

    /// Reports whether a committee may be named for it.
    pub(crate) fn takes_committee(&self) -> bool {
        self.takes_helpers() || self.is_on_shares()
    }
}

impl ParameterEntry {
    pub(crate) const fn number(name: &'static str, summary: &'static str) -> Self {
        Self { name, r#type: "number", required: false, summary, example: None }
    }

    pub(crate) const fn text(name: &'static str, summary: &'static str) -> Self {
        Self { r#type: "text", ..Self::number(name, summary) }
    }

    pub(crate) const fn list(name: &'static str, summary: &'static str) -> Self {
        Self { r#type: "list", ..Self::number(name, summary) }
    }

    pub(crate) const fn boolean(name: &'static str, summary: &'static str) -> Self {
        Self { r#type: "boolean", ..Self::number(name, summary) }
    }

    /// Returns a client's value as the parameter takes it: of its type, or one value for a list.
    pub(crate) fn take(&self, value: &Value) -> Result<Value, InputError> {
        let fits = match self.r#type {
            "number" => value.is_number(),
            "text" => value.is_string(),
            "boolean" => value.is_boolean(),
            // An object stands for a list that the parties have agreed on.
            _ if value.is_array() || value.is_object() => true,
            _ => return Ok(Value::Array(vec![value.clone()])),
        };
        if fits {
            return Ok(value.clone());
        }
        let got = match value {
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Bool(_) => "true or false",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
            Value::Null => "null",
        };
        let needed = match self.r#type {
            "boolean" => "true or false".to_owned(),
            other => format!("a {other}"),
        };
        let reason = format!("`{}` is {needed}, not {got}: {}", self.name, self.summary);
        Err(InputError::UnreadableParameters { reason })
    }

    /// Returns the same entry, required, with a value for examples.
    pub(crate) const fn required(self, example: &'static str) -> Self {
        Self { required: true, example: Some(example), ..self }
    }
}
