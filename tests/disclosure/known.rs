//! Claims of attackers, and the judge who counts those that are right.
//!
//! A value of a single row is known if it is known to 1 %. Numbers at ranks are values of single
//! rows only where they lie close: near an end, or next to each other. One number in ten rows, as
//! the grid of an owner shows it, is a statistic.

use std::collections::BTreeMap;

use super::world::World;

/// The rules of `production` that the judge holds against claims.
const MIN_ROWS: u64 = 10;
const MIN_CELL: usize = 5;

/// A row of a party's dataset `trial`, by its place in the file.
pub(super) type Row = (usize, usize);

/// A fact that an attacker has derived, not guessed.
#[derive(Debug)]
pub(super) enum Claim {
    /// The value of one row.
    Value { row: Row, column: &'static str, value: f64 },
    /// The sum over a few rows, fewer than the rules let an answer be about.
    Sum { rows: Vec<Row>, column: &'static str, value: f64 },
    /// The values of a few rows, in no known order.
    Among { rows: Vec<Row>, column: &'static str, values: Vec<f64> },
    /// Numbers of these rows by rank, counted from 1.
    Ranks { rows: Vec<Row>, column: &'static str, numbers: BTreeMap<u64, f64> },
    /// The number of these rows, which is small.
    Count { rows: Vec<Row>, count: i64 },
}

/// The number of others' single values that an attacker knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) values: usize,
    /// The claims that are not true. A solver that claims them is wrong itself.
    pub(super) wrong: usize,
    /// The questions that it took.
    pub(super) questions: usize,
}

impl World {
    /// Counts the claims that are right.
    pub(super) fn judge(&self, claims: &[Claim]) -> Known {
        let mut known = Known { questions: self.asked(), ..Known::default() };
        for claim in claims {
            let (right, wrong) = self.judge_one(claim);
            known.values += right;
            known.wrong += wrong;
        }
        known
    }

    fn judge_one(&self, claim: &Claim) -> (usize, usize) {
        match claim {
            Claim::Value { row, column, value } => {
                count([is_close(*value, self.values(&[*row], column)[0])])
            }
            Claim::Sum { rows, .. } if rows.len() as u64 >= MIN_ROWS => (0, 0),
            Claim::Sum { rows, column, value } => {
                count([is_close(*value, self.values(rows, column).iter().sum())])
            }
            Claim::Among { rows, column, values } => {
                let actual = self.values(rows, column);
                let mut claimed = values.clone();
                claimed.sort_by(f64::total_cmp);
                count(
                    claimed.iter().zip(&actual).map(|(claimed, value)| is_close(*claimed, *value)),
                )
            }
            Claim::Ranks { rows, column, numbers } => {
                let actual = self.values(rows, column);
                let of_single_rows = numbers
                    .iter()
                    .filter(|(rank, _)| is_single(**rank, numbers, actual.len() as u64));
                count(of_single_rows.map(|(rank, number)| {
                    is_close(*number, actual[usize::try_from(rank - 1).unwrap()])
                }))
            }
            Claim::Count { rows, .. } if rows.is_empty() || rows.len() >= MIN_CELL => (0, 0),
            Claim::Count { rows, count: claimed } => {
                count([i64::try_from(rows.len()).unwrap() == *claimed])
            }
        }
    }

    /// Returns the values of these rows in ascending order.
    fn values(&self, rows: &[Row], column: &str) -> Vec<f64> {
        let columns: Vec<Vec<f64>> = (0..super::world::PARTIES)
            .map(|party| {
                if rows.iter().any(|row| row.0 == party) {
                    self.table(party).numbers(column)
                } else {
                    Vec::new()
                }
            })
            .collect();
        let mut values: Vec<f64> = rows.iter().map(|(party, row)| columns[*party][*row]).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// Returns all rows of all parties.
    pub(super) fn all_rows(&self) -> Vec<Row> {
        let of = |party: usize| (0..self.table(party).len()).map(move |row| (party, row));
        (0..super::world::PARTIES).flat_map(of).collect()
    }
}

fn count(claims: impl IntoIterator<Item = bool>) -> (usize, usize) {
    claims.into_iter().fold(
        (0, 0),
        |(right, wrong), is_right| if is_right { (right + 1, wrong) } else { (right, wrong + 1) },
    )
}

/// Returns whether the number of a rank is that of a single row, beside the others that are known.
fn is_single(rank: u64, known: &BTreeMap<u64, f64>, rows: u64) -> bool {
    let near = rank.saturating_sub(MIN_ROWS - 1)..rank + MIN_ROWS;
    rank < MIN_ROWS || rank + MIN_ROWS > rows + 1 || known.range(near).count() > 1
}

fn is_close(claimed: f64, actual: f64) -> bool {
    (claimed - actual).abs() <= 0.01 * actual.abs()
}
