//! A condition on rows as it is seen without some of its columns.
//!
//! A refusal must tell no value of a single row. The rules on a few rows look at the rows that are
//! selected, and a condition can select a row by the very value that is asked for: "all rows, but x
//! if x is below a threshold". Then the refusal itself is the answer.
//!
//! So a node asks its rules of each view of a condition, too. In a view some columns are hidden. With
//! the other columns known, a row is selected by a condition on the hidden ones: its residual
//! ([`Residuals`]). Rows with one residual are a group, which no hidden value chooses. In the example
//! x is alone in its group, and refused whatever its value is.
//!
//! The answer is a sum, over all groups, of what their rows hold where the residual is true. The
//! memory takes it as if the groups of all questions had been told one by one, whatever their
//! residuals were. So groups that differ by a few rows isolate these, under any thresholds: a row
//! beside others whose values are known is as good as alone.
//!
//! Each set of a condition's columns is hidden in turn, also all of them together: then all rows are
//! one group.
//!
//! The number of selected rows of a group is a sum over it of a function of the hidden columns: "where
//! x is 1" tells the sum of x over all rows, if x is 0 or 1. So each group is remembered as told of
//! its hidden columns, beside their sums and categories.
//!
//! Reference: Kenthapadi, Mishra, Nissim (2005), Simulatable auditing: a refusal that can be derived
//! from the questions tells nothing. Here it depends on the columns that a view shows.

use std::collections::{BTreeMap, BTreeSet};

use cloister_sources::{Batch, Column, Filter, Residual, Residuals, SelectionError, Values};
use zeroize::Zeroizing;

use super::rows::Identities;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

/// The most columns of a condition: each one more doubles the views.
const MOST_COLUMNS: usize = 4;

/// The most groups of rows in the views of one condition.
const MOST_GROUPS: usize = 100;

/// The views of a condition, while the rows of its source are read.
pub(super) struct Views {
    identities: Identities,
    of: Vec<Seen>,
    rows: usize,
}

/// One view: the rows of each residual.
struct Seen {
    hidden: BTreeSet<String>,
    residuals: Residuals,
    groups: BTreeMap<Residual, Vec<usize>>,
}

/// A group of rows in a view.
pub(super) struct Group {
    /// The rows, by their hashes.
    pub(super) rows: Zeroizing<Vec<u64>>,
    /// The columns that are hidden in the views that have this group.
    pub(super) hidden: BTreeSet<String>,
}

impl Views {
    /// Prepares the views of a condition; none if it has none.
    ///
    /// # Errors
    /// A condition on more columns than there may be.
    pub(super) fn of(filter: &Filter, identities: Identities) -> Result<Option<Self>, ApiError> {
        let columns: Vec<String> = filter.columns().into_iter().map(str::to_owned).collect();
        if columns.len() > MOST_COLUMNS {
            return Err(too_many(columns.len()));
        }
        let sets = 1..1_usize << columns.len();
        let hidden = sets.map(|set| {
            let is_in = |(place, _): &(usize, &String)| set >> place & 1 == 1;
            columns.iter().enumerate().filter(is_in).map(|(_, column)| column.clone()).collect()
        });
        let seen = |hidden: BTreeSet<String>| Seen {
            residuals: Residuals::new(filter, hidden.clone()),
            hidden,
            groups: BTreeMap::new(),
        };
        let of: Vec<Seen> = hidden.map(seen).collect();
        Ok((!of.is_empty()).then_some(Self { identities, of, rows: 0 }))
    }

    /// Counts the rows that were taken.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes rows, selected or not: the condition's columns among `columns`, and those that tell
    /// rows apart.
    pub(super) fn add(
        &mut self,
        columns: &[Column],
        batch: &Batch,
        identifying: &[Values],
    ) -> Result<(), SelectionError> {
        self.identities.add(identifying, batch.rows);
        for seen in &mut self.of {
            for (row, residual) in seen.residuals.of(columns, batch)?.into_iter().enumerate() {
                if let Some(residual) = residual {
                    seen.groups.entry(residual).or_default().push(self.rows + row);
                }
            }
        }
        self.rows += batch.rows;
        Ok(())
    }

    /// Returns the groups of all views; none if there are too many.
    pub(super) fn finish(self) -> Option<Vec<Group>> {
        let Self { identities, of, .. } = self;
        // Several views may have the same group.
        let mut groups: BTreeMap<&Vec<usize>, BTreeSet<String>> = BTreeMap::new();
        for seen in &of {
            for rows in seen.groups.values() {
                groups.entry(rows).or_default().extend(seen.hidden.iter().cloned());
            }
        }
        (groups.len() <= MOST_GROUPS).then(|| {
            groups
                .into_iter()
                .map(|(rows, hidden)| Group { rows: identities.of(rows), hidden })
                .collect()
        })
    }
}

fn too_many(columns: usize) -> ApiError {
    let message = format!(
        "a condition compares {columns} columns, and without the owner's approval {MOST_COLUMNS} may be"
    );
    ApiError::new(Code::RefusedByPolicy, message)
        .hint("choose rows by fewer columns, or have the owner approve the study")
}

#[cfg(test)]
mod tests {
    use cloister_sources::Kind;
    use serde_json::{Value, json};

    use super::*;

    const ROWS: i64 = 20;

    fn is(column: &str, op: &str, value: i64) -> Value {
        json!({"column": column, "op": op, "value": value})
    }

    /// Returns the numbers of rows in each group of a condition on ids and weeks. Row `id` has the
    /// week `week(id)`.
    fn sizes(condition: &Value, week: impl Fn(i64) -> i64) -> Vec<usize> {
        let column = |name: &str| Column {
            name: name.into(),
            kind: Kind::Integer,
            unit: None,
            range: None,
            levels: None,
        };
        let ids: Vec<Option<i64>> = (0..ROWS).map(Some).collect();
        let weeks = (0..ROWS).map(|id| Some(week(id))).collect();
        let batch = Batch {
            rows: ids.len(),
            columns: vec![Values::Integers(ids.clone()), Values::Integers(weeks)],
        };
        let filter = Filter::from_json(condition).unwrap();
        let identities = Identities::new(Zeroizing::new([7; 32]), "trial");
        let Some(mut views) = Views::of(&filter, identities).unwrap() else { return Vec::new() };
        let columns = [column("id"), column("week")];
        views.add(&columns, &batch, &[Values::Integers(ids)]).unwrap();
        views.finish().unwrap().into_iter().map(|group| group.rows.len()).collect()
    }

    #[test]
    fn one_row_is_a_group_whatever_its_hidden_value_is() {
        let below = json!({"and": [is("id", "=", 3), is("week", "<", 26)]});
        for condition in [json!({"not": below}), json!({"or": [is("id", ">", 9), below]}), below] {
            for week in [1, 52] {
                assert!(sizes(&condition, |_| week).contains(&1), "{condition}");
            }
        }
    }

    #[test]
    fn without_all_columns_of_a_condition_all_rows_are_one_group() {
        assert_eq!(sizes(&is("week", "<", 26), |id| id), [20]);
        let two = json!({"and": [is("id", "<", 9), is("week", "<", 26)]});
        assert_eq!(sizes(&two, |_| 1), [9, 20]);
    }
}
