//! What a client may set in the `parameters` of a computation.
//!
//! Parsed once, from the client's JSON object; unknown names are errors. What a value means to a
//! function is checked when a [`crate::computation::Request`] is made. Every value that changes the
//! result goes into what the parties agree on, in canonical text.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::algebra::exact::Grid;
use crate::kernel::fault::InputError;
pub use crate::suites::intersection::items::Case;

/// The name under which the spec has what is done with rows in which something is missing, and what
/// stands there if they are refused or left out.
pub(crate) const MISSING: &str = "missing";
const REFUSE: &str = "refuse";
const DROP: &str = "drop";

/// The names under which the spec has the declared digits, and what stands there if there are none.
const DIGITS_BEFORE: &str = "digits_before";
const DIGITS_AFTER: &str = "digits_after";
const ANY_DIGITS: &str = "any";

/// Decimal digits where only one side of the point is declared.
const USUAL_DIGITS: u32 = 12;

/// Parameters as the client gave them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Magnitudes are below 10 to this power. With neither this nor `digits_after` any finite
    /// number is allowed; with one of the two the other is 12.
    pub digits_before: Option<u32>,
    /// Magnitudes are 0, or at least 10 to minus this power.
    pub digits_after: Option<u32>,
    /// The categories that the data may have, so that none need be revealed.
    pub categories: Option<Categories>,
    /// How the elements of a vector become integers; exact where it is left out.
    pub encoding: Option<Encoding>,
    /// The family of protocols; chosen by the node where it is left out.
    pub suite: Option<String>,
    /// Whether computations between parties alone may use up what their nodes have made ahead; they do
    /// where it is left out. Without it every run costs the same.
    pub ahead: Option<bool>,
    /// The names of the three members whose nodes compute on shares, for functions that need it.
    /// Members that bring no data help: they compute without learning the answer.
    pub committee: Option<Vec<String>>,
    /// The probabilities of the quantiles, each from 0 to 1.
    pub probabilities: Option<Vec<f64>>,
    /// How many of the largest numbers, 10 where it is left out.
    pub k: Option<u64>,
    /// Whether the mode of a table is all that is wanted: then nothing else of it is opened.
    pub only_mode: Option<bool>,
    /// What is measured.
    pub operation: Option<Operation>,
    /// On how many numbers, or rows and columns of a square matrix; 1 where it is left out.
    pub size: Option<usize>,
    /// How many times one after the other; once where it is left out. Of `Empty`, how many rounds; two
    /// where it is left out.
    pub times: Option<u32>,
    /// Binary digits after the point, from 0 to 62, for the encoding `fixed`; 32 where it is left
    /// out.
    pub fraction_bits: Option<u32>,
    /// What is done with rows in which something is missing; they are refused where it is left out.
    pub missing: Option<Missing>,
    /// Whether ids and items that differ in upper and lower case are different; they are where it is left
    /// out.
    pub case: Option<Case>,
    /// Whether a regression finds the parties' rows by ids, which each row begins with, instead of by their
    /// order.
    pub by_id: Option<bool>,
    /// Whether a regression by ids has an intercept; it has none where it is left out.
    pub intercept: Option<bool>,
    /// To how many items each party's set is filled up, so that its true size is not told.
    pub pad_to: Option<u64>,
}

/// What is done with rows in which something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// They are left out, and how many they are is part of the result.
    Drop,
}

/// An operation of a suite on shares, to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Products of 64-bit numbers, all at once.
    Multiply,
    /// Conjunctions of bits, all at once.
    Conjunction,
    /// Bits as 64-bit numbers, all at once.
    Inject,
    /// One inner product.
    InnerProduct,
    /// One product of square matrices of so many rows.
    MatrixProduct,
    /// Comparisons of 64-bit numbers, all at once.
    Compare,
    /// One sort of 64-bit numbers.
    Sort,
    /// One join of tables of so many rows of each party, of which half are in the join, with five columns in
    /// all.
    Join,
}

/// Declared categories.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Categories {
    /// Of one variable, for a frequency table.
    One(Vec<String>),
    /// Of two variables, for a contingency table.
    Two([Vec<String>; 2]),
}

/// How the elements of a vector become integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Any double, exactly, in as many 64-bit words as the declared digits take: 34 without any.
    #[default]
    Exact,
    /// Whole numbers below 2^63 / n in magnitude, exactly, 8 bytes an element.
    Integer,
    /// Each element rounded to the nearest multiple of 2^-`fraction_bits`, 8 bytes an element: the
    /// one encoding that is not exact.
    Fixed,
}

impl Encoding {
    /// The name that a client gives.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Integer => "integer",
            Self::Fixed => "fixed",
        }
    }
}

impl Operation {
    const NAMES: [(&'static str, Self); 8] = [
        ("multiply", Self::Multiply),
        ("conjunction", Self::Conjunction),
        ("inject", Self::Inject),
        ("inner_product", Self::InnerProduct),
        ("matrix_product", Self::MatrixProduct),
        ("compare", Self::Compare),
        ("sort", Self::Sort),
        ("join", Self::Join),
    ];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter();
        let name = names.find_map(|(name, operation)| (operation == self).then_some(*name));
        f.write_str(name.unwrap_or_default())
    }
}

impl Parameters {
    /// The grid that the declared digits ask for.
    pub(crate) fn grid(&self) -> Result<Grid, InputError> {
        match (self.digits_before, self.digits_after) {
            (None, None) => Ok(Grid::full()),
            (before, after) => {
                Grid::declared(before.unwrap_or(USUAL_DIGITS), after.unwrap_or(USUAL_DIGITS))
            }
        }
    }

    /// Refuses another suite than those that serve the function.
    pub(crate) fn check_suite(&self, suites: &[&str]) -> Result<(), InputError> {
        match self.suite.as_deref() {
            Some(other) if !suites.contains(&other) => {
                let other: String = other.chars().take(40).flat_map(char::escape_default).collect();
                let (suites, verb) =
                    (suites.join("` and `"), if suites.len() > 1 { "do" } else { "does" });
                let reason = format!("`{other}` does not serve this function, `{suites}` {verb}");
                Err(refuse("suite", reason))
            }
            _ => Ok(()),
        }
    }

    /// What is done with rows in which something is missing, as the spec has it.
    pub(crate) fn missing_text(&self) -> (String, String) {
        let text = match self.missing {
            None => REFUSE,
            Some(Missing::Drop) => DROP,
        };
        (MISSING.to_owned(), text.to_owned())
    }

    /// Refuses categories where a function has none.
    pub(crate) fn no_categories(&self) -> Result<(), InputError> {
        match self.categories {
            None => Ok(()),
            Some(_) => Err(refuse("categories", "this function has none".into())),
        }
    }

    /// Refuses encodings where a function has one only.
    pub(crate) fn no_encoding(&self) -> Result<(), InputError> {
        if self.encoding.is_some_and(|encoding| encoding != Encoding::Exact) {
            return Err(refuse("encoding", "this function is always exact".into()));
        }
        match self.fraction_bits {
            None => Ok(()),
            Some(_) => Err(refuse("fraction_bits", "only the encoding `fixed` has them".into())),
        }
    }
}

/// The grid of such digits.
pub(crate) fn agreed_grid(agreed: &BTreeMap<String, String>) -> Result<Grid, InputError> {
    match (agreed.get(DIGITS_BEFORE).map(String::as_str), parsed(agreed, DIGITS_BEFORE)) {
        (Some(ANY_DIGITS), _) => Ok(Grid::full()),
        (_, before) => Grid::declared(before?, parsed(agreed, DIGITS_AFTER)?),
    }
}

/// Whether the agreed parameters say that rows in which something is missing are left out.
pub(crate) fn drops_missing(agreed: &BTreeMap<String, String>) -> Result<bool, InputError> {
    match agreed.get(MISSING).map(String::as_str) {
        None | Some(REFUSE) => Ok(false),
        Some(DROP) => Ok(true),
        Some(_) => {
            Err(refuse(MISSING, "the parties' proposal has another value than `drop`".into()))
        }
    }
}

/// The canonical text of a grid's digits, for the spec.
pub(crate) fn grid_text(grid: &Grid) -> [(String, String); 2] {
    let (before, after) = match grid.digits() {
        None => (ANY_DIGITS.to_owned(), ANY_DIGITS.to_owned()),
        Some((before, after)) => (before.to_string(), after.to_string()),
    };
    [(DIGITS_BEFORE.to_owned(), before), (DIGITS_AFTER.to_owned(), after)]
}

/// A parameter from the canonical text that the parties agreed on.
pub(crate) fn parsed<T: FromStr>(
    agreed: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<T, InputError> {
    let text = agreed.get(name).and_then(|text| text.parse().ok());
    text.ok_or_else(|| refuse(name, "the parties' proposal does not have it".into()))
}

/// A list of parameters from such a text.
pub(crate) fn listed<T: FromStr>(
    agreed: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<Vec<T>, InputError> {
    let missing = || refuse(name, "the parties' proposal does not have it".into());
    let texts = agreed.get(name).ok_or_else(missing)?.split(", ");
    texts.map(|text| text.parse().map_err(|_| missing())).collect()
}

/// The parameter `name` has a value that cannot be used.
pub(crate) fn refuse(name: &'static str, reason: String) -> InputError {
    InputError::Parameter { name, reason }
}
