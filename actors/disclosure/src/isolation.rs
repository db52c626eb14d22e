//! Vectors of a span that isolate few rows.
//!
//! A vector isolates the rows of the columns in its support. Let N hold a basis of the null space
//! in its columns. A vector x is in the span if and only if xᵀN = 0. So the span has a vector with
//! the support T if and only if the rows N_i, i in T, have a relation without a coefficient of 0:
//!
//! - one column i: N_i = 0;
//! - two columns i and j: N_i and N_j are proportional;
//! - more columns: any smaller set of the rows is independent, and the set is not.
//!
//! N is read off the reduced row echelon form R. A free column's row is a unit vector. A pivot's
//! row is what R has in the free columns, negated.
//!
//! Found always: supports of one and of two columns, which is all for a minimum of 3 rows. Beyond
//! that, supports of three columns, four and so on are searched to the end, until the work of
//! [`MAX_SEARCH`] is done. What needs more is looked for by `combinations` only. To find the
//! smallest support of a span is NP-hard.
//!
//! Only what is new counts: vectors that were in the span before tell nothing more.
//!
//! A larger minimum holds for combinations that the members do not compare over the rows of all: see
//! [`Growth::isolates_uncompared`]. The members look at the others' rows in theirs, this node knows its
//! own alone.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::combinations;
use crate::echelon::Echelon;
use crate::limits::MAX_SEARCH;
use crate::modulus::Modulus;
use crate::question::Compared;

/// The factors of three vectors, without those of a sum.
const SIGNS_OF_THREE: [[i8; 3]; 7] =
    [[-1, -1, -1], [-1, -1, 1], [-1, 1, -1], [-1, 1, 1], [1, -1, -1], [1, -1, 1], [1, 1, -1]];

/// A span before and after a vector was added, over the same columns.
pub(crate) struct Growth<'a> {
    pub(crate) modulus: Modulus,
    pub(crate) before: &'a Echelon,
    pub(crate) after: &'a Echelon,
    /// The rows of each column; at least 1.
    pub(crate) sizes: &'a [u64],
    /// The added vector and the earlier ones: which columns are in each.
    pub(crate) added: &'a [bool],
    pub(crate) earlier: &'a [Vec<bool>],
}

/// Decides whether a support that was found is one that is looked for.
type Wanted<'a> = dyn Fn(&[usize]) -> bool + 'a;

/// A row of N up to a factor: all proportional rows have the same direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Zero,
    /// A multiple of the unit vector of this free column.
    Unit(usize),
    /// The entries of all free columns, of which the first that is not 0 is 1.
    Mixed(Vec<u64>),
}

impl Growth<'_> {
    /// Returns `true` if a vector that is new in the span isolates fewer than `minimum` rows.
    pub(crate) fn isolates_fewer_than(&self, minimum: u64) -> bool {
        if self.isolates_by_two(minimum) {
            return true;
        }
        if minimum <= 3 {
            return false;
        }
        match self.search_for(minimum, &|support| self.is_new(support)) {
            Some(found) => found,
            None => combinations::isolates(self.added, self.earlier, self.sizes, minimum),
        }
    }

    /// Returns `true` if several answers together newly isolate fewer than `minimum` rows that no
    /// comparison of all members has looked at (see [`Growth::compared`]).
    ///
    /// A vector with few rows is a sum of circuits in these rows: vectors of which no column can be
    /// left out. If it is new, one of the circuits is. So circuits are looked for, of one column, two,
    /// three and so on, until the work of [`MAX_SEARCH`] is done.
    pub(crate) fn isolates_uncompared(&self, minimum: u64, compared: Compared) -> bool {
        // Listed for the first circuit that is found: most questions have none.
        let seen = OnceCell::new();
        let rows: BTreeMap<usize, Vec<u64>> =
            null_rows(self.after, self.modulus, |column| self.size(column) < minimum)
                .into_iter()
                .collect();
        let is_wanted = |support: &[usize]| {
            let mut sorted = support.to_vec();
            sorted.sort_unstable();
            self.is_circuit(support, &rows)
                && self.is_new(support)
                && !seen.get_or_init(|| self.compared(minimum, compared)).contains(&sorted)
        };
        let mut left = MAX_SEARCH;
        let width = rows.values().next().map_or(0, Vec::len);
        let small: Vec<usize> = rows.keys().copied().collect();
        for (place, one) in small.iter().enumerate() {
            let singles = std::iter::once(vec![*one]);
            let pairs = small.iter().skip(place + 1).map(|other| vec![*one, *other]);
            for support in singles.chain(pairs) {
                let size: u64 = support.iter().map(|column| self.size(*column)).sum();
                if size >= minimum {
                    continue;
                }
                let Some(rest) = left.checked_sub(width + 1) else { return false };
                left = rest;
                if is_wanted(&support) {
                    return true;
                }
            }
        }
        // Larger circuits have work of their own.
        self.search_for(minimum, &is_wanted) == Some(true)
    }

    /// Lists the columns of fewer than `minimum` rows that the members compare on shares, over the
    /// rows of all: of the added vector, and of its combinations with one of the newest earlier
    /// vectors, two, or three.
    fn compared(&self, minimum: u64, reach: Compared) -> BTreeSet<Vec<usize>> {
        let newest: Vec<&Vec<bool>> = self.earlier.iter().rev().take(reach.single).collect();
        let mut supports = BTreeSet::new();
        let mut note = |parts: &[(&Vec<bool>, i8)]| {
            let coefficient = |column: usize| {
                let held = |vector: &[bool]| vector.get(column).copied().unwrap_or_default();
                let of_parts = parts.iter().filter(|(vector, _)| held(vector));
                i8::from(held(self.added)) + of_parts.map(|(_, factor)| factor).sum::<i8>()
            };
            let support: Vec<usize> =
                (0..self.sizes.len()).filter(|column| coefficient(*column) != 0).collect();
            let size = support.iter().map(|column| self.size(*column)).sum::<u64>();
            if size < minimum {
                supports.insert(support);
            }
        };
        note(&[]);
        for (i, one) in newest.iter().enumerate() {
            note(&[(one, -1)]);
            for (j, other) in newest.iter().enumerate().take(i) {
                if i >= reach.pairs {
                    continue;
                }
                for [a, b] in [[-1, -1], [-1, 1], [1, -1]] {
                    note(&[(one, a), (other, b)]);
                }
                for third in newest.iter().take(j) {
                    if i >= reach.threes {
                        continue;
                    }
                    for [a, b, c] in SIGNS_OF_THREE {
                        note(&[(one, a), (other, b), (third, c)]);
                    }
                }
            }
        }
        supports
    }

    /// Returns `true` if these columns are the support of a vector, and no smaller set of them is one.
    fn is_circuit(&self, support: &[usize], rows: &BTreeMap<usize, Vec<u64>>) -> bool {
        let are_dependent = |left_out: Option<&usize>| {
            let columns = support.iter().filter(|column| left_out != Some(column));
            self.are_dependent(columns.filter_map(|column| rows.get(column)))
        };
        are_dependent(None) && !support.iter().any(|column| are_dependent(Some(column)))
    }

    fn are_dependent<'r>(&self, rows: impl Iterator<Item = &'r Vec<u64>>) -> bool {
        let mut span = Echelon::default();
        for row in rows {
            let mut row = row.clone();
            span.reduce(self.modulus, &mut row);
            if row.iter().all(|entry| *entry == 0) {
                return true;
            }
            let sizes = vec![1; row.len()];
            span.add_reduced(self.modulus, row, &sizes);
        }
        false
    }

    fn isolates_by_two(&self, minimum: u64) -> bool {
        let mut groups: BTreeMap<Direction, Vec<usize>> = BTreeMap::new();
        for (column, direction) in directions(self.after, self.modulus, self.sizes, minimum) {
            groups.entry(direction).or_default().push(column);
        }
        groups.retain(|direction, columns| {
            *direction == Direction::Zero || self.two_least(columns) < minimum
        });
        if groups.is_empty() {
            return false;
        }
        let before: BTreeMap<usize, Direction> =
            directions(self.before, self.modulus, self.sizes, minimum).into_iter().collect();
        groups.iter().any(|(direction, columns)| match direction {
            Direction::Zero => columns.iter().any(|c| before.get(c) != Some(&Direction::Zero)),
            _ => self.has_new_pair(columns, &before, minimum),
        })
    }

    /// Returns the rows of the two smallest columns together, of two or more.
    fn two_least(&self, columns: &[usize]) -> u64 {
        let mut sizes: Vec<u64> = columns.iter().map(|column| self.size(*column)).collect();
        sizes.sort_unstable();
        match sizes.as_slice() {
            [one, other, ..] => one.saturating_add(*other),
            _ => u64::MAX,
        }
    }

    /// Returns `true` if two of these columns, which are now proportional and were not before, have
    /// fewer rows than the minimum.
    fn has_new_pair(
        &self,
        columns: &[usize],
        before: &BTreeMap<usize, Direction>,
        minimum: u64,
    ) -> bool {
        let mut least: BTreeMap<Option<&Direction>, u64> = BTreeMap::new();
        for column in columns {
            let size = self.size(*column);
            let entry = least.entry(before.get(column)).or_insert(size);
            *entry = size.min(*entry);
        }
        let mut least: Vec<u64> = least.into_values().collect();
        least.sort_unstable();
        matches!(least.as_slice(), [one, other, ..] if one.saturating_add(*other) < minimum)
    }

    /// Searches all supports of at least three columns, the smallest first. Returns nothing if the
    /// work exceeds its bound.
    fn search_for(&self, minimum: u64, is_wanted: &Wanted<'_>) -> Option<bool> {
        let small = self.sizes.iter().filter(|size| **size < minimum).count();
        let width = self.after.columns().saturating_sub(self.after.rank());
        let mut left = MAX_SEARCH.checked_sub(small.saturating_mul(width))?;
        let rows = null_rows(self.after, self.modulus, |column| self.size(column) < minimum);
        for columns in 3..minimum {
            if columns > rows.len() as u64 {
                break;
            }
            let found =
                self.dependent(&rows, columns, minimum, &mut Vec::new(), &mut left, is_wanted)?;
            if found {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Looks for `count` dependent rows with fewer than `minimum` rows of the source, that complete
    /// the chosen columns, modulo whose rows these are.
    fn dependent(
        &self,
        rows: &[(usize, Vec<u64>)],
        count: u64,
        minimum: u64,
        chosen: &mut Vec<usize>,
        left: &mut usize,
        is_wanted: &Wanted<'_>,
    ) -> Option<bool> {
        if count == 2 {
            return self.has_dependent_pair(rows, minimum, chosen, left, is_wanted);
        }
        for (place, (column, row)) in rows.iter().enumerate() {
            let below = minimum.saturating_sub(self.size(*column));
            let Some(pivot) = row.iter().position(|entry| *entry != 0) else { continue };
            // Each of the columns that are to come has a row at least.
            if below < count {
                continue;
            }
            let rest = rows.get(place + 1..).unwrap_or_default();
            *left = left.checked_sub(rest.len().saturating_mul(row.len() + 1))?;
            let inverse = self.modulus.invert(row.get(pivot).copied().unwrap_or_default());
            let quotient: Vec<(usize, Vec<u64>)> = rest
                .iter()
                .filter(|(other, _)| self.size(*other) < below)
                .map(|(other, entries)| {
                    let mut entries = entries.clone();
                    let entry = entries.get(pivot).copied().unwrap_or_default();
                    let factor = self.modulus.multiply(entry, inverse);
                    self.modulus.subtract_multiple(&mut entries, factor, row);
                    (*other, entries)
                })
                .collect();
            chosen.push(*column);
            let found = self.dependent(&quotient, count - 1, below, chosen, left, is_wanted)?;
            chosen.pop();
            if found {
                return Some(true);
            }
        }
        Some(false)
    }

    fn has_dependent_pair(
        &self,
        rows: &[(usize, Vec<u64>)],
        minimum: u64,
        chosen: &[usize],
        left: &mut usize,
        is_wanted: &Wanted<'_>,
    ) -> Option<bool> {
        let mut groups: BTreeMap<Direction, Vec<usize>> = BTreeMap::new();
        for (column, row) in rows {
            groups.entry(direction(row.clone(), self.modulus)).or_default().push(*column);
        }
        // A row of 0 is a support of fewer columns, and was found before.
        groups.remove(&Direction::Zero);
        for columns in groups.values() {
            for (place, one) in columns.iter().enumerate() {
                for other in columns.get(place + 1..).unwrap_or_default() {
                    let support = [chosen, &[*one, *other]].concat();
                    *left = left.checked_sub(support.len().saturating_mul(self.sizes.len()))?;
                    let rows = self.size(*one).saturating_add(self.size(*other));
                    if rows < minimum && is_wanted(&support) {
                        return Some(true);
                    }
                }
            }
        }
        Some(false)
    }

    /// Returns `true` if the span had no vector before with a support in these columns.
    fn is_new(&self, support: &[usize]) -> bool {
        let rows = null_rows(self.before, self.modulus, |column| support.contains(&column));
        !self.are_dependent(rows.iter().map(|(_, row)| row))
    }

    fn size(&self, column: usize) -> u64 {
        self.sizes.get(column).copied().unwrap_or(u64::MAX)
    }
}

/// Lists the columns with fewer rows than the minimum, each with the direction of its row of N.
fn directions(
    span: &Echelon,
    modulus: Modulus,
    sizes: &[u64],
    minimum: u64,
) -> Vec<(usize, Direction)> {
    let is_small = |column: &usize| sizes.get(*column).is_some_and(|size| *size < minimum);
    let free = span.free_columns();
    let units = free.iter().copied().filter(is_small).map(|c| (c, Direction::Unit(c)));
    let pivots = span.rows().filter(|(pivot, _)| is_small(pivot)).map(|(pivot, row)| {
        let entries = free.iter().map(|column| row.get(*column).copied().unwrap_or_default());
        let direction = match direction(entries.collect(), modulus) {
            Direction::Unit(place) => Direction::Unit(free.get(place).copied().unwrap_or_default()),
            other => other,
        };
        (pivot, direction)
    });
    units.chain(pivots).collect()
}

/// Returns the direction of a row; that of a unit vector names the place of its entry.
fn direction(mut row: Vec<u64>, modulus: Modulus) -> Direction {
    let mut entries = row.iter().enumerate().filter(|(_, entry)| **entry != 0);
    match (entries.next(), entries.next()) {
        (None, _) => Direction::Zero,
        (Some((place, _)), None) => Direction::Unit(place),
        (Some((_, first)), Some(_)) => {
            let inverse = modulus.invert(*first);
            row.iter_mut().for_each(|entry| *entry = modulus.multiply(*entry, inverse));
            Direction::Mixed(row)
        }
    }
}

/// Lists the rows of N of these columns. Pivots' rows are not negated but those of free columns are,
/// which is no matter to dependence.
fn null_rows(
    span: &Echelon,
    modulus: Modulus,
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<(usize, Vec<u64>)> {
    let free = span.free_columns();
    let minus_one = modulus.prime() - modulus.one();
    let wanted = free.iter().enumerate().filter(|(_, column)| is_wanted(**column));
    let units = wanted.map(|(place, column)| {
        let mut row = vec![0; free.len()];
        if let Some(entry) = row.get_mut(place) {
            *entry = minus_one;
        }
        (*column, row)
    });
    let pivots = span.rows().filter(|(pivot, _)| is_wanted(*pivot)).map(|(pivot, row)| {
        let entries = free.iter().map(|column| row.get(*column).copied().unwrap_or_default());
        (pivot, entries.collect())
    });
    units.chain(pivots).collect()
}
