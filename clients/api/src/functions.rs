//! The functions that parties compute together, and the datasets that a node has for them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{Array, Object};

use crate::schema::{list_of_words, words};

/// The names of the kinds of input.
pub const INPUTS: [&str; 11] = [
    "numbers",
    "vector",
    "texts",
    "text pairs",
    "points",
    "extremes",
    "ranked",
    "matrix",
    "set",
    "keyed",
    "other",
];

/// The names of the suites.
pub const SUITES: [&str; 4] = ["masked", "replicated", "pairwise", "intersection"];

/// The kinds of a column; unknown for one without values and without a declared kind.
pub const COLUMN_KINDS: [&str; 6] = ["integer", "number", "text", "truth", "date", "unknown"];

/// The bands of the part of rows that lack a value.
pub const MISSING: [&str; 5] = ["none", "up to 5 %", "up to 25 %", "up to 50 %", "over 50 %"];

/// A function that parties can compute together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Function {
    /// The name that clients give.
    pub name: String,
    /// A sentence on its result.
    pub summary: String,
    /// The kind of data of one party.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(schema_with = input)]
    pub input: String,
    /// The same in words.
    #[serde(default)]
    pub takes: String,
    /// The fewest and the most columns of a table that one party selects for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<u32>, min_items = 2, max_items = 2)]
    pub columns: Option<[u32; 2]>,
    /// The suites that serve it, the usual one first.
    #[serde(default)]
    #[schema(schema_with = suites)]
    pub suites: Vec<String>,
    /// The entries of its result.
    #[serde(default)]
    pub result_keys: Vec<String>,
    /// The most that nodes get to know beside the answer.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// The parameters that a client may set; none where the node does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Parameter>)]
    pub parameters: Option<Vec<Parameter>>,
}

/// A parameter of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The type of its value.
    #[serde(default, rename = "type")]
    #[schema(schema_with = parameter_type)]
    pub kind: String,
    /// True if it must be given.
    #[serde(default)]
    pub required: bool,
    /// Its purpose, its values, and the usual one.
    #[serde(default)]
    pub summary: String,
}

/// All functions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Functions {
    /// The functions.
    #[schema(min_items = 1)]
    pub functions: Vec<Function>,
}

/// A dataset as members compare it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// The number of rows, rounded down to 1, 2 or 5 times a power of ten; 0 below ten.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A column of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The kind of its values.
    #[schema(schema_with = column_kind)]
    pub kind: String,
    /// Its unit, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub unit: Option<String>,
    /// The lowest and the highest value expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<f64>, min_items = 2, max_items = 2)]
    pub range: Option<[f64; 2]>,
    /// The texts expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>)]
    pub levels: Option<Vec<String>>,
    /// The part of the rows in which the value is missing, rounded up.
    #[schema(schema_with = missing)]
    pub missing: String,
    /// The time that texts tell: days, or timestamps with a time of day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub times: Option<String>,
}

/// The datasets of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Datasets {
    /// The datasets.
    pub datasets: Vec<Dataset>,
}

fn input() -> Object {
    words("The kind of data of one party.", &INPUTS)
}

fn suites() -> Array {
    let mut suites = list_of_words("The suites that serve it, the usual one first.", &SUITES);
    suites.min_items = Some(1);
    suites.unique_items = false;
    suites
}

fn parameter_type() -> Object {
    words("The type of its value.", &["number", "text", "list", "boolean"])
}

fn column_kind() -> Object {
    words("The kind of its values.", &COLUMN_KINDS)
}

fn missing() -> Object {
    words("The part of the rows in which the value is missing, rounded up.", &MISSING)
}
