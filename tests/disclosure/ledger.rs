//! All that was told, as equations over the rows of all parties, and the claims that follow from
//! them together: by elimination, and by whole numbers in the ranges that a code book has.
//!
//! Rows that stand in the same equations are a class. Its total is the unknown: of a class of one row
//! it is the row's value, and a total at an end of its range is so many values.

use std::collections::{BTreeMap, BTreeSet};

use super::integers::WholeNumbers;
use super::known::{Claim, Row};
use super::solving::{Interval, LinearSystem};
use super::world::{PARTIES, World};

/// The powers and products that answers are sums of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    Value,
    Square,
    /// The product with a column that the attacker knows.
    Times(&'static str),
}

/// A column's power or product.
type Of = (&'static str, Term);

/// Sums over rows.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<Of, Vec<(BTreeSet<Row>, i64)>>);

/// The most classes of which whole numbers are looked for.
const MOST_CLASSES: usize = 150;

/// Returns the least and the largest number that a column may have, by the code book.
pub(super) fn range_of(column: &str) -> Interval {
    match column {
        "arrest" | "fin" | "race" | "wexp" | "mar" | "paro" => (0, 1),
        "week" => (1, 52),
        _ => (0, 1_000),
    }
}

impl Ledger {
    /// Writes down that these rows have this sum, if it is a whole number up to rounding.
    pub(super) fn told(&mut self, of: Of, rows: impl IntoIterator<Item = Row>, sum: f64) {
        if (sum - sum.round()).abs() <= 1e-3 {
            let rows = rows.into_iter().collect();
            self.0.entry(of).or_default().push((rows, sum.round() as i64));
        }
    }

    /// Returns each value and each sum of few rows that the answers determine.
    pub(super) fn claims(&self, world: &World) -> Vec<Claim> {
        let mut values = BTreeMap::new();
        let mut sums = Vec::new();
        for ((column, term), told) in &self.0 {
            let (column, term) = (*column, *term);
            for (rows, total) in totals(told, (term == Term::Value).then(|| range_of(column))) {
                match rows.as_slice() {
                    [row] => _ = values.insert((column, *row), value_of(world, *row, term, total)),
                    _ if term != Term::Value => (),
                    _ => {
                        let count = rows.len() as i64;
                        let (low, high) = range_of(column);
                        match [low, high].into_iter().find(|end| total == end * count) {
                            Some(end) => {
                                values.extend(rows.iter().map(|row| ((column, *row), end as f64)))
                            }
                            None => sums.push(Claim::Sum { rows, column, value: total as f64 }),
                        }
                    }
                }
            }
        }
        let claim = |((column, row), value)| Claim::Value { row, column, value };
        values.into_iter().map(claim).chain(sums).collect()
    }
}

fn value_of(world: &World, (party, row): Row, term: Term, total: i64) -> f64 {
    match term {
        Term::Value => total as f64,
        Term::Square => (total as f64).sqrt(),
        Term::Times(column) => total as f64 / world.table(party).numbers(column)[row],
    }
}

/// Returns the classes of rows whose totals follow, with these.
fn totals(told: &[(BTreeSet<Row>, i64)], range: Option<Interval>) -> Vec<(Vec<Row>, i64)> {
    let all: BTreeSet<Row> = told.iter().flat_map(|(rows, _)| rows.iter().copied()).collect();
    let mut classes: BTreeMap<Vec<usize>, Vec<Row>> = BTreeMap::new();
    for row in all {
        let holds = told.iter().enumerate().filter(|(_, (rows, _))| rows.contains(&row));
        classes.entry(holds.map(|(at, _)| at).collect()).or_default().push(row);
    }
    let classes: Vec<(Vec<usize>, Vec<Row>)> = classes.into_iter().collect();
    let mut system = LinearSystem::new(classes.len());
    for (at, (_, sum)) in told.iter().enumerate() {
        let members = classes.iter().enumerate().filter(|(_, (holds, _))| holds.contains(&at));
        system.add(&members.map(|(class, _)| (class, 1)).collect::<Vec<_>>(), *sum);
    }
    if system.contradicts_itself() {
        return Vec::new();
    }
    let mut found: BTreeMap<usize, i64> = system.known().into_iter().collect();
    if let Some((low, high)) = range.filter(|_| classes.len() <= MOST_CLASSES) {
        let of = |(_, rows): &(Vec<usize>, Vec<Row>)| {
            let count = rows.len() as i64;
            (low * count, high * count)
        };
        let mut whole = WholeNumbers::new(classes.iter().map(of).collect());
        system.equations().into_iter().for_each(|equation| whole.add(equation));
        found.extend(whole.determined());
    }
    found.into_iter().map(|(class, total)| (classes[class].1.clone(), total)).collect()
}

/// Returns the places of a party's rows with these numbers.
pub(super) fn rows_at(party: usize, rows: &[usize]) -> Vec<Row> {
    assert!(party < PARTIES);
    rows.iter().map(|row| (party, *row)).collect()
}
