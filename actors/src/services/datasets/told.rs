//! The numbers that an answer tells of rows, as values with names for the memory.

use cloister_disclosure::Value;
use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::equations::Equations;

use crate::vocabulary::error::ApiError;

/// A number or category of each row, of which an answer tells a sum or counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The number of rows.
    Rows,
    /// The number of rows that a condition on these columns selects.
    Condition(Vec<String>),
    /// A column to this power.
    Power(usize, i32),
    /// The product of two columns.
    Product(usize, usize),
    /// The logarithm of a column.
    Logarithm(usize),
    /// The categories of columns, together.
    Categories(Vec<usize>),
    /// A column over those of the rows that a join has, which another party can choose.
    Joined(usize),
    /// Whatever is told of a column by itself. A sum of it, a count of one of its categories, and the
    /// number of rows that a condition on it selects can be the same number under three names. So
    /// all of them are answers about this one value, too.
    Column(String),
}

/// The rows that something is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The selected rows.
    Selection,
    /// A group of rows in a view of the condition ([`super::views`]).
    Group,
}

/// Lists what an answer tells of the rows, for columns in the order of the selection, and for the
/// columns of its condition.
pub(super) fn told(
    function: &Descriptor,
    equations: Equations,
    columns: usize,
    condition: &[String],
) -> Vec<Told> {
    let mut told = vec![Told::Rows];
    if !condition.is_empty() {
        told.push(Told::Condition(condition.to_vec()));
    }
    let all = 0..columns;
    match function.input {
        InputKind::Points => {
            told.extend(all.clone().flat_map(|i| [Told::Power(i, 1), Told::Power(i, 2)]));
            told.extend(all.flat_map(|i| (0..i).map(move |j| Told::Product(j, i))));
        }
        InputKind::Texts | InputKind::TextPairs => told.push(Told::Categories(all.collect())),
        InputKind::Set | InputKind::Other => {}
        // The first column has the ids, of which no sum is told.
        InputKind::Keyed(_) => {
            let all = 1..columns;
            told.extend(all.clone().flat_map(|i| [Told::Power(i, 1), Told::Power(i, 2)]));
            told.extend(all.clone().flat_map(|i| (1..i).map(move |j| Told::Product(j, i))));
            told.extend(all.flat_map(|i| [Told::Categories(vec![i]), Told::Joined(i)]));
        }
        // Of a product, sums of products with columns of others are sums of this one.
        InputKind::Matrix | InputKind::Regressors => {
            told.extend(all.clone().flat_map(|i| [Told::Power(i, 1), Told::Power(i, 2)]));
            told.extend(all.clone().flat_map(|i| (0..i).map(move |j| Told::Product(j, i))));
            told.extend(all.map(|i| Told::Categories(vec![i])));
        }
        InputKind::Numbers | InputKind::Vector | InputKind::Extremes | InputKind::Ranked => {
            let means = matches!(equations.linear, 3 | 4 | 8);
            let orders = match equations.linear {
                // A number by rank tells of its column, too.
                0 => 1,
                1 | 3 => 1,
                2 | 4 => 2,
                _ => 6,
            };
            for column in all {
                told.extend((1..=orders).map(|order| Told::Power(column, order)));
                if means {
                    told.extend([Told::Logarithm(column), Told::Power(column, -1)]);
                }
            }
        }
    }
    told
}

/// Counts the sums that are told of one column, at most.
pub(super) fn sums_of_one(told: &[Told], columns: usize) -> u64 {
    let of = |column: usize| told.iter().filter(|told| told.is_of(column)).count() as u64;
    (0..columns).map(of).max().unwrap_or_default().max(1)
}

impl Told {
    /// Lists the values of which none may have been told of the same rows. The answer to a join is a
    /// sum over rows that another party chooses among them: with a sum over all of them, or over
    /// others, it would tell of the rest.
    pub(super) fn apart(told: &[Self]) -> Vec<Self> {
        let is_join = told.iter().any(|told| matches!(told, Self::Joined(_)));
        let of_columns = told.iter().filter_map(|told| match told {
            Self::Power(column, 1) => Some(*column),
            Self::Categories(columns) => columns.first().copied().filter(|_| columns.len() == 1),
            _ => None,
        });
        let values = |column| {
            if is_join {
                vec![Self::Joined(column), Self::Power(column, 1), Self::Categories(vec![column])]
            } else {
                vec![Self::Joined(column)]
            }
        };
        of_columns.flat_map(values).collect()
    }

    /// Lists the columns that something is told of by themselves.
    pub(super) fn by_themselves(told: &[Self], columns: &[String]) -> Vec<Self> {
        let places = told.iter().flat_map(|told| match told {
            Self::Power(column, _) | Self::Logarithm(column) => vec![*column],
            Self::Categories(columns) => columns.clone(),
            Self::Rows
            | Self::Condition(_)
            | Self::Product(..)
            | Self::Joined(_)
            | Self::Column(_) => Vec::new(),
        });
        places.filter_map(|place| columns.get(place)).cloned().map(Self::Column).collect()
    }

    /// Returns the other factor of a product with this column.
    pub(super) fn times(&self, column: usize) -> Option<Self> {
        match self {
            Self::Product(one, other) if *one == column => Some(Self::Power(*other, 1)),
            Self::Product(one, other) if *other == column => Some(Self::Power(*one, 1)),
            _ => None,
        }
    }

    /// Reports whether it is of columns that are computed with, and not of the rows alone.
    pub(super) fn is_of_columns(&self) -> bool {
        !matches!(self, Self::Rows | Self::Condition(_))
    }

    /// Reports whether it is a sum of numbers of this column.
    fn is_of(&self, column: usize) -> bool {
        match self {
            Self::Rows
            | Self::Condition(_)
            | Self::Categories(_)
            | Self::Joined(_)
            | Self::Column(_) => false,
            Self::Power(of, _) | Self::Logarithm(of) => *of == column,
            Self::Product(one, other) => [*one, *other].contains(&column),
        }
    }

    /// Names the value, as it is told of a selection or of a group of a view. No two values have the
    /// same name, whatever columns are called.
    pub(super) fn value(&self, columns: &[String], of: Of) -> Result<Value, ApiError> {
        let name = |index: &usize| columns.get(*index).map_or("", String::as_str);
        let text = match self {
            Self::Rows => "rows".to_owned(),
            Self::Condition(columns) => format!("rows by {columns:?}"),
            Self::Power(column, 1) => format!("sum of {:?}", name(column)),
            Self::Power(column, order) => format!("power {order} of {:?}", name(column)),
            Self::Product(one, other) => {
                let (one, other) = (name(one), name(other));
                format!("product of {:?} and {:?}", one.min(other), one.max(other))
            }
            Self::Logarithm(column) => format!("logarithm of {:?}", name(column)),
            Self::Joined(column) => format!("joined {:?}", name(column)),
            Self::Column(column) => format!("column {column:?}"),
            Self::Categories(all) => {
                let mut names: Vec<&str> = all.iter().map(name).collect();
                names.sort_unstable();
                format!("categories of {names:?}")
            }
        };
        let text = match of {
            Of::Selection => text,
            Of::Group => format!("{text} in views of conditions"),
        };
        // A long name has a hash in its place: columns have names of up to 200 bytes.
        let text = match text.len() {
            0..=500 => text,
            _ => blake3::hash(text.as_bytes()).to_hex().to_string(),
        };
        Value::new(&text).map_err(|error| ApiError::internal(error.to_string()))
    }
}
