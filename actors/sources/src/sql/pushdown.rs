//! Filters as conditions of SQL.
//!
//! A filter is pushed in one of two ways. As a superset it spares reading: every row that the
//! filter selects passes, others may pass too, since the filter itself has the last word. As an
//! exact condition it lets the database aggregate; where one comparison is not exact, the whole
//! is not pushed.
//!
//! Negations are moved to the comparisons first, which three-valued logic allows: what is left
//! are `and` and `or`, which only ever grow where their parts grow.

use super::dialect::{Dialect, Native};
use super::relation::quoted;
use crate::{Column, Comparison, Constant, Filter};

/// Text of SQL with constants to be bound in it.
#[derive(Clone, Default)]
pub(super) struct Fragment(Vec<Piece>);

#[derive(Clone)]
enum Piece {
    Text(String),
    Constant(Constant),
}

impl Fragment {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    pub(super) fn constant(constant: Constant) -> Self {
        Self(vec![Piece::Constant(constant)])
    }

    pub(super) fn then(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }

    /// The text with places for constants, and the constants in that order.
    pub(super) fn render<D: Dialect>(self) -> (String, Vec<Constant>) {
        let (mut text, mut constants) = (String::new(), Vec::new());
        for piece in self.0 {
            match piece {
                Piece::Text(part) => text.push_str(&part),
                Piece::Constant(constant) => {
                    constants.push(constant);
                    text.push_str(&D::placeholder(constants.len()));
                }
            }
        }
        (text, constants)
    }
}

/// A comparison on its way into SQL.
pub(super) struct Term<'a> {
    /// The column's name in quotes.
    pub(super) quoted: String,
    pub(super) native: Native,
    /// What the dataset says of the column.
    pub(super) column: &'a Column,
    pub(super) op: Comparison,
    pub(super) value: &'a Constant,
}

impl Term<'_> {
    /// `left op constant`
    pub(super) fn against(&self, left: &str, constant: Constant) -> Fragment {
        // `!=` is understood by all, `<>` is what the standard says.
        let op = if self.op == Comparison::NotEqual { "<>" } else { self.op.symbol() };
        Fragment::text(format!("{left} {op} ")).then(Fragment::constant(constant))
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Aim {
    Superset,
    Exact,
}

/// The condition for a filter, as far as the database knows the columns.
pub(super) fn condition<D: Dialect>(
    dialect: &D,
    filter: &Filter,
    columns: &[(Column, Native)],
    aim: Aim,
) -> Option<Fragment> {
    Translation { dialect, columns, aim }.translate(filter, false)
}

struct Translation<'a, D> {
    dialect: &'a D,
    columns: &'a [(Column, Native)],
    aim: Aim,
}

impl<D: Dialect> Translation<'_, D> {
    /// `None` stands for: true, as far as is known.
    fn translate(&self, filter: &Filter, negated: bool) -> Option<Fragment> {
        match filter {
            Filter::Compare { column, op, value } => {
                let op = if negated { op.negated() } else { *op };
                self.compare(column, op, value)
            }
            Filter::Not(part) => self.translate(part, !negated),
            Filter::And(parts) if negated => self.any(parts, negated),
            Filter::Or(parts) if !negated => self.any(parts, negated),
            Filter::And(parts) | Filter::Or(parts) => self.all(parts, negated),
        }
    }

    fn compare(&self, name: &str, op: Comparison, value: &Constant) -> Option<Fragment> {
        let (column, native) = self.columns.iter().find(|(column, _)| column.name == name)?;
        if !native.is_natural(column.kind) {
            return None;
        }
        let quoted = quoted(name, D::QUOTE);
        let term = Term { quoted, native: *native, column, op, value };
        let pushed = self.dialect.compare(&term);
        match self.aim {
            Aim::Superset => pushed.superset,
            Aim::Exact => pushed.exact,
        }
    }

    /// Of a superset, parts that cannot be pushed may be left out.
    fn all(&self, parts: &[Filter], negated: bool) -> Option<Fragment> {
        let mut known = Vec::new();
        for part in parts {
            match self.translate(part, negated) {
                Some(fragment) => known.push(fragment),
                None if self.aim == Aim::Superset => {}
                None => return None,
            }
        }
        joined(known, " AND ")
    }

    fn any(&self, parts: &[Filter], negated: bool) -> Option<Fragment> {
        let parts = parts.iter().map(|part| self.translate(part, negated));
        joined(parts.collect::<Option<_>>()?, " OR ")
    }
}

/// In parentheses; `None` of none.
pub(super) fn joined(parts: Vec<Fragment>, between: &str) -> Option<Fragment> {
    let all = parts.into_iter().reduce(|all, part| all.then(Fragment::text(between)).then(part))?;
    Some(Fragment::text("(").then(all).then(Fragment::text(")")))
}
