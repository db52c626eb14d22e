//! Descriptors: all that is known of a function before it runs. Clients, help, rules and planning read
//! them; nothing else in the code knows a function by its name.

use serde::Serialize;

use crate::suites::guarantee::Suite;

/// A function that parties can compute together.
#[derive(Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The name that clients give.
    pub name: &'static str,
    /// What it computes, in one sentence.
    pub summary: &'static str,
    /// The parameter that asks for this form of a function of several forms.
    pub asked_by: Option<&'static str>,
    /// The data that it takes from one party.
    pub input: InputKind,
    /// The parameters that it has beside those that say how it is computed.
    pub parameters: &'static [ParameterEntry],
    /// What the disclosure rules take its data for.
    pub kind: Kind,
    /// What it is computed with.
    pub needs: Needs,
    /// What a database may add up before.
    pub pushdown: Option<Pushdown>,
    /// What the nodes of parties and helpers get to know beside the answer, at most: the
    /// [`crate::computation::Security`] of an answer says what they got to know of these.
    pub reveals: &'static [&'static str],
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
    /// Ids, or rows that begin with one; what the first two parties have behind theirs, as a rule.
    Keyed([Behind; 2]),
    /// Nothing.
    Other,
}

/// What stands behind an id.
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

/// What the disclosure rules take a function's data for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows, each of one person or thing: the rules on rows and on the largest party are about them.
    Rows,
    /// Columns of the same rows in the same order. Their number is told and checked by the function
    /// itself, and no party has a share of them.
    Aligned,
    /// Rows that are found, or counted, by their ids. The rule on rows is asked of those that all
    /// parties have, and no party has a share of them.
    Joined,
    /// Elements of vectors and matrices, items, or nothing. Each may stand for any number of people.
    Elements,
}

/// What a function is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Sums over all parties.
    LinearSums,
    /// The same, of counts: on shares where the rules withhold small ones.
    Counts,
    /// A suite that multiplies.
    Shares,
    /// A suite that multiplies, and rows matched by ids.
    SharesWithJoin,
    /// Masked items of sets.
    Sets,
    /// Nothing is computed: correlated randomness is made ahead.
    Preparation,
}

/// What a database may add up before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushdown {
    /// Whole numbers.
    Sum,
    /// How often each combination of categories occurs.
    Counts,
}

/// A parameter that a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterEntry {
    /// The name that clients give.
    pub name: &'static str,
    /// What its value is: `number`, `text`, `list` or `boolean`.
    pub r#type: &'static str,
    /// Whether nothing is computed without it.
    pub required: bool,
    /// What it says, which values it has, and what holds where it is left out.
    pub summary: &'static str,
    /// A value in JSON, of a parameter that is required.
    #[serde(skip)]
    pub example: Option<&'static str>,
}

impl Descriptor {
    /// Returns the suites that serve it, first the one that does among three parties or more where no
    /// other is asked for.
    #[must_use]
    pub fn suites(&self) -> &'static [Suite] {
        match self.needs {
            Needs::LinearSums | Needs::Counts => &[Suite::Masked],
            Needs::Shares | Needs::SharesWithJoin => &[Suite::Replicated, Suite::Pairwise],
            Needs::Sets => &[Suite::Intersection],
            Needs::Preparation => &[Suite::Pairwise],
        }
    }

    /// Reports whether its values are computed on shares whatever the rules are.
    #[must_use]
    pub fn is_on_shares(&self) -> bool {
        matches!(self.needs, Needs::Shares | Needs::SharesWithJoin)
    }

    /// Reports whether its data are rows, which the rules on rows and on the largest party are about.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.kind == Kind::Rows
    }

    /// Reports whether members without data can be of use to it: for itself, or for rules on the
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

    /// Returns the same, required, with a value for examples.
    pub(crate) const fn required(self, example: &'static str) -> Self {
        Self { required: true, example: Some(example), ..self }
    }
}
