//! Filters as conditions of SQL.
//!
//! A filter is pushed in one of two ways. A superset condition saves reading: every selected row
//! passes, and others may pass, because the filter is evaluated again afterwards. An exact
//! condition lets the database aggregate. If one comparison is not exact, nothing is pushed.
//!
//! Negations are moved to the comparisons first, which three-valued logic allows. The remaining
//! `and` and `or` are monotone: if their parts select more rows, so do they.

use super::dialect::{Dialect, Native, Term};
use super::fragment::{Fragment, joined};
use super::relation::quoted;
use crate::column::Column;
use crate::date;
use crate::filter::{Comparison, Constant, Filter};

/// The precision of a pushed condition.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Precision {
    /// True for all selected rows, and perhaps for others.
    Superset,
    /// True for the selected rows and no others.
    Exact,
}

/// Writes the condition for a filter, or returns `None` if nothing can be pushed.
pub(super) fn condition<D: Dialect>(
    dialect: &D,
    filter: &Filter,
    columns: &[(Column, Native)],
    precision: Precision,
) -> Option<Fragment> {
    Translation { dialect, columns, precision }.translate(filter, false)
}

struct Translation<'a, D> {
    dialect: &'a D,
    columns: &'a [(Column, Native)],
    precision: Precision,
}

impl<D: Dialect> Translation<'_, D> {
    /// Translates a filter or its negation. `None` means that no condition can be pushed.
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
        // Instants are ordered as times, and databases order their texts.
        if matches!(value, Constant::Text(text) if date::instant(text).is_some()) {
            return None;
        }
        let quoted = quoted(name, D::QUOTE);
        let term = Term { quoted, native: *native, column, op, value };
        let pushed = self.dialect.compare(&term);
        match self.precision {
            Precision::Superset => pushed.superset,
            Precision::Exact => pushed.exact,
        }
    }

    /// Joins conditions by `and`. A superset may leave out parts that cannot be pushed.
    fn all(&self, parts: &[Filter], negated: bool) -> Option<Fragment> {
        let mut known = Vec::new();
        for part in parts {
            match self.translate(part, negated) {
                Some(fragment) => known.push(fragment),
                None if self.precision == Precision::Superset => {}
                None => return None,
            }
        }
        joined(known, " AND ")
    }

    fn any(&self, parts: &[Filter], negated: bool) -> Option<Fragment> {
        let mut known = Vec::new();
        for part in parts {
            known.push(self.translate(part, negated)?);
        }
        joined(known, " OR ")
    }
}
