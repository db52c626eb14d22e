//! Filters, which select rows: comparisons of columns with constants, `and`, `or` and `not`.
//!
//! [`Filter::evaluate`] alone defines the meaning. A condition that is pushed to a database only
//! saves reading. Logic is three-valued as in SQL: a comparison with a missing value is unknown,
//! and so is its negation. A row is selected only if the whole filter is true.
//!
//! Integers and doubles are compared as real numbers, without rounding. Texts are ordered by their
//! code points, and not by a language's rules. A trailing blank or another case makes them differ.
//! Instants in UTC, such as `2024-01-31T08:00:00.5Z`, are ordered as times.

mod evaluate;
mod form;
mod normal;
mod residual;

pub use residual::{Residual, Residuals};

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use crate::column::{Column, Kind};
use crate::date::{ISO, parse};
use crate::error::SelectionError;

/// The deepest nesting of a filter.
pub const MAX_DEPTH: usize = 32;

/// The most comparisons, ands, ors and nots of a filter.
pub const MAX_NODES: usize = 1000;

/// A condition on the rows of a dataset. [`SelectionError::Form`] describes its JSON form.
#[derive(Clone, PartialEq)]
pub enum Filter {
    /// A column is compared with a constant.
    Compare {
        /// The column's name.
        column: String,
        /// The comparison.
        op: Comparison,
        /// The constant.
        value: Constant,
    },
    /// All of these; at least one.
    And(Vec<Filter>),
    /// Any of these; at least one.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
}

/// A comparison of a column with a constant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// The constant that a column is compared with.
#[derive(Clone, PartialEq)]
pub enum Constant {
    /// An integer.
    Integer(i64),
    /// A finite double.
    Number(f64),
    /// A text.
    Text(String),
    /// A truth value.
    Truth(bool),
}

impl Filter {
    /// Checks that the filter can be evaluated on these columns.
    ///
    /// # Errors
    ///
    /// An unknown column, a constant of another type or that is not finite, an order of truth
    /// values, or a filter that is too deep or too large.
    pub fn check(&self, columns: &[Column]) -> Result<(), SelectionError> {
        self.check_size()?;
        for (name, op, value) in self.comparisons() {
            match columns.iter().find(|column| column.name == name) {
                Some(column) => check_comparison(column, op, value)?,
                None => return Err(SelectionError::UnknownColumn(name.to_owned())),
            }
        }
        Ok(())
    }

    /// Returns the names of the compared columns.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.comparisons().into_iter().map(|(name, ..)| name).collect()
    }

    /// Writes the filter as one unambiguous text, for the audit log. Names and texts are in JSON's
    /// quotes, every `and` and `or` is in parentheses, and operands keep their order.
    pub fn canonical(&self) -> String {
        match self {
            Self::Compare { column, op, value } => {
                format!("{} {} {}", quoted(column), op.symbol(), value.canonical())
            }
            Self::And(parts) => joined(parts, " and "),
            Self::Or(parts) => joined(parts, " or "),
            Self::Not(part) => format!("not ({})", part.canonical()),
        }
    }

    fn check_size(&self) -> Result<(), SelectionError> {
        let mut nodes: usize = 0;
        let mut level = vec![self];
        for _ in 0..MAX_DEPTH {
            if level.is_empty() {
                return Ok(());
            }
            nodes = nodes.saturating_add(level.len());
            if nodes > MAX_NODES {
                return Err(SelectionError::TooLarge(MAX_NODES));
            }
            if level.iter().any(|filter| filter.is_empty_list()) {
                return Err(SelectionError::Form("a list of conditions is empty"));
            }
            level = level.into_iter().flat_map(Self::parts).collect();
        }
        if level.is_empty() { Ok(()) } else { Err(SelectionError::TooDeep(MAX_DEPTH)) }
    }

    fn is_empty_list(&self) -> bool {
        matches!(self, Self::And(parts) | Self::Or(parts) if parts.is_empty())
    }

    fn parts(&self) -> &[Self] {
        match self {
            Self::Compare { .. } => &[],
            Self::And(parts) | Self::Or(parts) => parts,
            Self::Not(part) => std::slice::from_ref(part),
        }
    }

    fn comparisons(&self) -> Vec<(&str, Comparison, &Constant)> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(filter) = open.pop() {
            match filter {
                Self::Compare { column, op, value } => found.push((column.as_str(), *op, value)),
                other => open.extend(other.parts()),
            }
        }
        found
    }
}

/// Shows no constant, because constants may be values of a patient.
impl fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Filter({} comparisons)", self.comparisons().len())
    }
}

fn joined(parts: &[Filter], between: &str) -> String {
    let parts: Vec<_> = parts.iter().map(Filter::canonical).collect();
    format!("({})", parts.join(between))
}

fn check_comparison(
    column: &Column,
    op: Comparison,
    value: &Constant,
) -> Result<(), SelectionError> {
    let name = column.name.clone();
    match (column.kind, value) {
        (Kind::Integer | Kind::Number, Constant::Number(number)) if !number.is_finite() => {
            Err(SelectionError::NotFinite(name))
        }
        // Days in one form are ordered as their texts are.
        (Kind::Date, Constant::Text(text)) if parse(text, ISO).as_ref() != Some(text) => {
            Err(SelectionError::Date(name))
        }
        // Nothing is selected by what has no values.
        (Kind::Unknown, _) => Ok(()),
        (Kind::Truth, Constant::Truth(_)) if op.is_order() => Err(SelectionError::Order(name)),
        (Kind::Integer | Kind::Number, Constant::Integer(_) | Constant::Number(_))
        | (Kind::Text | Kind::Date, Constant::Text(_))
        | (Kind::Truth, Constant::Truth(_)) => Ok(()),
        (kind, _) => Err(SelectionError::Mismatch { column: name, kind }),
    }
}

impl Comparison {
    /// Returns the symbol of the JSON form, which is that of SQL, except `<>` for `!=`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Returns the comparison that is true exactly if this is false, for values that are there.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// Returns `true` if it needs an order.
    pub(crate) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Returns `true` if it holds between two values of that order.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Constant {
    /// Writes the constant. Doubles always have a point or an exponent, integers never.
    fn canonical(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Number(value) => format!("{value:?}"),
            Self::Text(value) => quoted(value),
            Self::Truth(value) => value.to_string(),
        }
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Integer(_) => "Integer",
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
            Self::Truth(_) => "Truth",
        })
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind, unit: None, range: None, levels: None }
    }

    fn check(value: serde_json::Value) -> Result<(), SelectionError> {
        let columns = [
            column("age", Kind::Integer),
            column("bmi", Kind::Number),
            column("sex", Kind::Text),
            column("smoker", Kind::Truth),
        ];
        Filter::from_json(&value)?.check(&columns)
    }

    #[test]
    fn columns_are_compared_with_their_like() {
        for (column, value) in [
            ("age", json!(1)),
            ("age", json!(1.5)),
            ("bmi", json!(1)),
            ("sex", json!("f")),
            ("smoker", json!(true)),
        ] {
            assert!(check(json!({"column": column, "op": "=", "value": value})).is_ok());
        }
        for (column, value) in
            [("age", json!("1")), ("bmi", json!(true)), ("sex", json!(1)), ("smoker", json!(1))]
        {
            let wrong = check(json!({"column": column, "op": "=", "value": value}));
            assert!(matches!(wrong, Err(SelectionError::Mismatch { .. })), "{column}: {wrong:?}");
        }
        let order = check(json!({"column": "smoker", "op": "<", "value": true}));
        assert!(matches!(order, Err(SelectionError::Order(_))));
        let unknown = check(json!({"column": "name", "op": "=", "value": "x"}));
        assert!(matches!(unknown, Err(SelectionError::UnknownColumn(_))));
    }

    #[test]
    fn constants_are_finite() {
        let value = Constant::Number(f64::NAN);
        let filter = Filter::Compare { column: "x".to_owned(), op: Comparison::Equal, value };
        let wrong = filter.check(&[column("x", Kind::Number)]);
        assert!(matches!(wrong, Err(SelectionError::NotFinite(_))));
    }

    #[test]
    fn the_canonical_text_is_unambiguous() {
        let filter = json!({"and": [
            {"column": "a\" = 1 or \"b", "op": "!=", "value": "x\n"},
            {"not": {"or": [
                {"column": "c", "op": ">=", "value": 2},
                {"column": "c", "op": "<", "value": 2.0},
            ]}},
        ]});
        let text = Filter::from_json(&filter).unwrap().canonical();
        assert_eq!(text, r#"("a\" = 1 or \"b" != "x\n" and not (("c" >= 2 or "c" < 2.0)))"#);
    }

    #[test]
    fn debug_forms_show_no_constant() {
        let filter = json!({"column": "name", "op": "=", "value": "secret"});
        let filter = Filter::from_json(&filter).unwrap();
        assert_eq!(format!("{filter:?}"), "Filter(1 comparisons)");
    }
}
