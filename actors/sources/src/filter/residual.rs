//! The residual of a filter: the condition that remains for a row of which some columns are hidden.
//!
//! With the other columns known, a filter is a condition on the hidden columns alone: its residual.
//! It depends on no hidden value. Rows with one residual are selected by the same rule on what is
//! hidden.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::Filter;
use crate::column::Column;
use crate::error::SelectionError;
use crate::values::Batch;

/// The filter as seen without some columns.
pub struct Residuals {
    normal: Filter,
    hidden: BTreeSet<String>,
    /// An asker that knew the hashes could make two residuals that have the same.
    hasher: RandomState,
}

/// A residual: a hash of its text, under a key of the [`Residuals`] that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Residual(u64);

impl Residual {
    /// That of rows that are never selected, whatever is hidden.
    const NEVER: Self = Self(0);

    /// That of rows that are always selected.
    const ALWAYS: Self = Self(1);
}

/// The two ways to join residuals.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Join {
    And,
    Or,
}

impl Residuals {
    /// Prepares to find the residuals of a filter with these columns hidden.
    #[must_use]
    pub fn new(filter: &Filter, hidden: BTreeSet<String>) -> Self {
        Self { normal: filter.normal(), hidden, hasher: RandomState::new() }
    }

    /// Returns the residual of each row of a batch; none for a row that is selected by no hidden
    /// value. `columns` describe those of the batch, in the same order.
    ///
    /// # Errors
    ///
    /// A filter that does not pass [`Filter::check`] on these columns.
    pub fn of(
        &self,
        columns: &[Column],
        batch: &Batch,
    ) -> Result<Vec<Option<Residual>>, SelectionError> {
        let found = self.part(&self.normal, columns, batch)?;
        let is_reached = |residual: Residual| (residual != Residual::NEVER).then_some(residual);
        Ok(found.into_iter().map(is_reached).collect())
    }

    fn part(
        &self,
        part: &Filter,
        columns: &[Column],
        batch: &Batch,
    ) -> Result<Vec<Residual>, SelectionError> {
        match part {
            Filter::Compare { column, .. } if self.hidden.contains(column) => {
                let residual = Residual(self.hasher.hash_one(part.canonical()));
                Ok(vec![residual; batch.rows])
            }
            // A comparison with a missing value selects no row, as one that is false: the normal
            // form has no negation that could turn it round.
            Filter::Compare { .. } | Filter::Not(_) => {
                let holds = part.evaluate(columns, batch)?.into_iter();
                let residual = |holds| if holds { Residual::ALWAYS } else { Residual::NEVER };
                Ok(holds.map(residual).collect())
            }
            Filter::And(parts) => self.joined(Join::And, parts, columns, batch),
            Filter::Or(parts) => self.joined(Join::Or, parts, columns, batch),
        }
    }

    /// Joins the residuals of parts, row by row.
    fn joined(
        &self,
        join: Join,
        parts: &[Filter],
        columns: &[Column],
        batch: &Batch,
    ) -> Result<Vec<Residual>, SelectionError> {
        let (neutral, absorbing) = match join {
            Join::And => (Residual::ALWAYS, Residual::NEVER),
            Join::Or => (Residual::NEVER, Residual::ALWAYS),
        };
        let mut of_rows: Vec<Vec<Residual>> = vec![Vec::new(); batch.rows];
        for part in parts {
            let residuals = self.part(part, columns, batch)?;
            for (all, residual) in of_rows.iter_mut().zip(residuals) {
                match all.as_slice() {
                    [only] if *only == absorbing => {}
                    _ if residual == absorbing => *all = vec![absorbing],
                    _ if residual == neutral => {}
                    _ => all.push(residual),
                }
            }
        }
        let mut known: HashMap<Vec<Residual>, Residual> = HashMap::new();
        let joined = of_rows.into_iter().map(|mut row| {
            row.sort_unstable();
            row.dedup();
            match row.as_slice() {
                [] => neutral,
                [only] => *only,
                several => match known.get(several) {
                    Some(residual) => *residual,
                    None => {
                        let residual = Residual(self.hasher.hash_one((join, several)));
                        known.insert(row, residual);
                        residual
                    }
                },
            }
        });
        Ok(joined.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::column::Kind;
    use crate::values::Values;

    fn is(column: &str, op: &str, value: i64) -> Value {
        json!({"column": column, "op": op, "value": value})
    }

    /// Three rows: x is 1, 2, and missing; y is 5, 6, 7.
    fn residuals(
        filter: &Value,
        hidden: &str,
    ) -> (Vec<Option<Residual>>, impl Fn(&str) -> Option<Residual>) {
        let column = |name: &str| Column {
            name: name.into(),
            kind: Kind::Integer,
            unit: None,
            range: None,
            levels: None,
        };
        let batch = Batch {
            rows: 3,
            columns: vec![
                Values::Integers(vec![Some(1), Some(2), None]),
                Values::Integers(vec![Some(5), Some(6), Some(7)]),
            ],
        };
        let filter = Filter::from_json(filter).unwrap();
        let residuals = Residuals::new(&filter, BTreeSet::from([hidden.to_owned()]));
        let found = residuals.of(&[column("x"), column("y")], &batch).unwrap();
        (found, move |text: &str| Some(Residual(residuals.hasher.hash_one(text))))
    }

    #[test]
    fn what_is_left_depends_on_the_known_columns_alone() {
        let one_and_few = json!({"and": [is("x", "=", 1), is("y", "<", 9)]});
        let (found, text) = residuals(&one_and_few, "y");
        assert_eq!(found, [text("\"y\" < 9"), None, None]);
        let (found, text) = residuals(&one_and_few, "x");
        assert_eq!(found, [text("\"x\" = 1"); 3]);
    }

    #[test]
    fn a_negation_is_a_condition_on_what_is_hidden_or_none() {
        let but_one = json!({"not": {"and": [is("x", "=", 1), is("y", "<", 9)]}});
        // Of a missing x it is not known that it is another.
        let (found, text) = residuals(&but_one, "y");
        let hidden = text("\"y\" >= 9");
        assert_eq!(found, [hidden, Some(Residual::ALWAYS), hidden]);
    }

    #[test]
    fn a_list_has_one_residual_whatever_its_order() {
        let (a, b) = (is("y", ">", 3), is("y", "<", 9));
        let both = json!({"and": [b, a]});
        let same = json!({"and": [a, {"and": [b, a]}]});
        let either = json!({"or": [a, b]});
        let pick = |one: &Value, other: &Value| json!({"or": [{"and": [is("x", "=", 1), one]}, {"and": [is("x", "=", 2), other]}]});
        let (found, _) = residuals(&pick(&both, &same), "y");
        assert_eq!((found[0], found[2]), (found[1], None));
        let (found, _) = residuals(&pick(&both, &either), "y");
        assert_ne!(found[0], found[1], "and is not or");
    }
}
