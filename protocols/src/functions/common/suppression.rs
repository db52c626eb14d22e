//! Complementary suppression: the cells of a table that are withheld beside the small ones.
//!
//! A small cell follows from its row's sum less the row's other cells. So other cells are withheld
//! with it. This module decides that from classes of counts. It knows no count and sends nothing.
//! It follows cell suppression for two-dimensional tables (Cox, *Suppression methodology and
//! statistical disclosure control*, 1980), with a fixed rule in place of an optimum.
//!
//! **The classes** of a cell, and of a row's or a column's sum, for the smallest count m:
//!
//! - *primary*: the count is below m, or without some party's own part 1 to m − 1 are left
//! - *cover*: the count is at least m, also without any one party's own part
//! - *plain*: any other. It may be shown, but at some party nothing of it is another's
//!
//! **The asker** knows the shown cells, the number of all rows, and both variables' frequency
//! tables. It may be a party, and subtract its own part of every count: of a cover at least m is
//! left. Below, *count* means what is left.
//!
//! **The rule for one variable.** If there is a primary category, the first cover is withheld, too.
//! If there is no cover, the whole table is withheld.
//!
//! **The rule for two variables.** The rule for one variable is applied to the rows' sums, and to
//! the columns' sums. That is what the frequency tables withhold. These rows and columns are
//! withheld as a whole. Let b be the first cover among the rows' sums, and d among the columns'.
//! For a primary cell (i, j), let p be b if the sum of row i is primary, else i. Let q be d if the
//! sum of column j is primary, else j.
//!
//! - If (p, q) is another cell, and a cover, nothing more is withheld.
//! - Else three covers (p, j'), (i', q), (i', j') are withheld, with i' ≠ p and j' ≠ q. They are
//!   the first ones: the smallest i', and for it the smallest j'. So are three more: those with the
//!   smallest j', and for it the smallest i'. A client may ask for (x, y) and for (y, x). Both tables
//!   withhold the same cells. With either three alone, each would show the other's covers.
//! - If there are none, or a frequency table is withheld as a whole, so is the table.
//!
//! A table of two rows and two columns is withheld as a whole if it has a primary cell. The rule
//! comes to the same. So its classes are not opened. They are if a category that does not occur is
//! declared beside the two: the table is a larger one then. It shows no cell more.
//!
//! **Theorem.** Let the table have m rows or more, and a be the count of a primary cell, 1 to m − 1.
//! Tables of whole numbers from 0 on that agree with all that the asker knows give the cell at least
//! m different values.
//!
//! *Proof.* For one variable, move t rows from the cover to the cell. No shown number changes, for
//! t from −a to m. For the whole table, only the sum is known.
//! For two variables: move t rows from (p, q) to (i, j). Or move t rows from (p, j') to (i, j), and
//! t rows from (i', q) to (i', j'). All four cells are withheld, whichever others are. If p ≠ i, then
//! t rows go from row b to row i. The frequency table withholds both sums, and they were withheld as
//! a whole. The same holds for columns. So t can be any number from −a to m again.
//! Let the table be withheld as a whole. Let r be the sum of row i, c that of column j, and n the
//! number of all rows. They leave the cell max(0, r + c − n) to min(r, c). A shown sum is 0 or at least m. If r
//! and c are shown, neither is 0. Neither is n, or the cell was the other sum. If the sum of another
//! row is withheld, some cover among them is, too. So r, c, n − r and n − c are at least m. These
//! are m + 1 values or more. If r is withheld, it can be anything from 0 to the sum of all withheld
//! rows. That has a cover, or is n. So the cell can be 0 to the smaller of it and c, or of it and
//! the sum of all withheld columns. ∎
//!
//! **Several tables of one selection.** The tables of x and y, and of y and x, show the same cells.
//! The rule is the same for a table and its transpose, so the second one tells nothing more. Take
//! tables of x and y, and of x and z. The proof moves rows between x's withheld categories alone,
//! which both tables withhold as a whole. So the second table follows. Any two tables with the same
//! sums of x are those of some rows. For x and y, x and z, *and* y and z together nothing is proved.
//!
//! **Declared categories** that do not occur are primary. They change no choice: b, d, i' and j' are
//! covers, and the order is that of the names. A table with more of them shows nothing more. So two
//! such tables together show what the one shows.
//!
//! **Not covered.** *Class bounds*: who knows the classes, or guesses them by this rule, knows that
//! a is below m and each cover at least m. If covers are below 2m − 1, that leaves fewer values. A
//! cell of 1 between three covers of exactly m has one value. Only a rule that opens no classes
//! could exclude it, and only where the withheld cells do not tell them. Two primary cells
//! whose sum is shown as 2m − 2 have one value, too. *Other selections*: tables that differ in few
//! rows are for the nodes' memories. A condition on x or y itself tells a cover, and so a small
//! cell, though the selections differ in many rows. Only approvals guard that. *Other minima*: a
//! member can change its own m, or its own rows, from run to run. *Missing values*: rows without y
//! are in the frequencies of x, and not in the table of x and y. *Joined rows*: the functions of
//! [`crate::functions::common::joins`] withhold small counts alone.

use std::collections::BTreeMap;

use crate::algebra::packed_bits::WORD_BITS;
use crate::algebra::ring::Ring;

/// The class of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Withheld by itself.
    Primary,
    /// Large enough, without any one party too.
    Cover,
    /// May be shown, and protects no other.
    Plain,
}

/// The size of a table. A frequency table has one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Size {
    pub(crate) fn cells(self) -> usize {
        self.rows * self.columns
    }

    /// Returns the number of counts that have a class: cells, and sums of rows and columns.
    pub(crate) fn counts(self) -> usize {
        self.cells() + if self.needs_sums() { self.rows + self.columns } else { 0 }
    }

    /// Reports whether a primary cell makes the whole table withheld.
    pub(crate) fn is_all_or_nothing(self) -> bool {
        self.rows <= 2 && self.columns <= 2
    }

    /// Puts the sums of rows, and then those of columns, behind the cells.
    pub(crate) fn with_sums<R: Ring>(self, cells: &[R]) -> Vec<R> {
        let mut counts = cells.to_vec();
        if self.needs_sums() {
            let rows = cells.chunks(self.columns);
            counts.extend(rows.map(|row| added(row.iter())));
            let column = |column: usize| cells.iter().skip(column).step_by(self.columns);
            counts.extend((0..self.columns).map(|place| added(column(place))));
        }
        counts
    }

    /// Reports whether the sums have classes of their own. With one row, the cells are the sums.
    fn needs_sums(self) -> bool {
        self.rows > 1 && self.columns > 1 && !self.is_all_or_nothing()
    }
}

/// Decides which cells are withheld. `classes` are those of the cells, row by row in the order of
/// the names, and of the sums as in [`Size::with_sums`].
///
/// # Panics
/// If there are fewer or more classes.
pub(crate) fn withheld(size: Size, classes: &[Class]) -> Vec<bool> {
    assert_eq!(classes.len(), size.counts(), "each count has a class");
    let (cells, sums) = classes.split_at(size.cells());
    let whole = |is_withheld: bool| vec![is_withheld; size.cells()];
    if !cells.contains(&Class::Primary) {
        return whole(false);
    }
    if size.is_all_or_nothing() {
        return whole(true);
    }
    if !size.needs_sums() {
        return Line::of(cells).map_or_else(|| whole(true), |line| line.withheld);
    }
    let (rows, columns) = sums.split_at(size.rows);
    let table = Line::of(rows)
        .zip(Line::of(columns))
        .and_then(|(rows, columns)| Table::new(size, cells, rows, columns).withheld());
    table.unwrap_or_else(|| whole(true))
}

/// The categories of one variable.
struct Line {
    withheld: Vec<bool>,
    /// The place that has what a category's count may have instead: the first cover's for a primary
    /// category, its own for others.
    paying: Vec<usize>,
}

impl Line {
    /// Applies the rule for one variable. Returns none if all categories are withheld for want of a
    /// cover.
    fn of(classes: &[Class]) -> Option<Self> {
        let is_primary = |class: &Class| *class == Class::Primary;
        if !classes.iter().any(is_primary) {
            let paying = (0..classes.len()).collect();
            return Some(Self { withheld: vec![false; classes.len()], paying });
        }
        let cover = classes.iter().position(|class| *class == Class::Cover)?;
        let places = || classes.iter().enumerate();
        Some(Self {
            withheld: places().map(|(at, class)| is_primary(class) || at == cover).collect(),
            paying: places()
                .map(|(at, class)| if is_primary(class) { cover } else { at })
                .collect(),
        })
    }
}

/// A row and a column.
type Place = (usize, usize);

/// A table whose frequency tables are not withheld as a whole.
struct Table<'a> {
    cells: &'a [Class],
    /// The columns of each row's covers, 64 in a word.
    of_rows: Vec<Vec<u64>>,
    /// The rows of each column's covers.
    of_columns: Vec<Vec<u64>>,
    rows: Line,
    columns: Line,
}

impl<'a> Table<'a> {
    fn new(size: Size, cells: &'a [Class], rows: Line, columns: Line) -> Self {
        let covers = |count, cell: &dyn Fn(usize) -> usize| {
            let is_cover = |at: usize| cells.get(cell(at)) == Some(&Class::Cover);
            packed((0..count).map(is_cover))
        };
        let of_row = |row: usize| covers(size.columns, &|column| row * size.columns + column);
        let of_column = |column: usize| covers(size.rows, &|row| row * size.columns + column);
        Self {
            cells,
            of_rows: (0..size.rows).map(of_row).collect(),
            of_columns: (0..size.columns).map(of_column).collect(),
            rows,
            columns,
        }
    }

    /// Applies the rule for two variables. Returns none if all cells are withheld.
    fn withheld(&self) -> Option<Vec<bool>> {
        let width = self.columns.withheld.len();
        let (of_rows, of_columns) = (&self.rows.withheld, &self.columns.withheld);
        let in_row = |row: bool| of_columns.iter().map(move |column| row || *column);
        let mut withheld: Vec<bool> = of_rows.iter().flat_map(|row| in_row(*row)).collect();
        let mut open = Vec::new();
        let primary = self.cells.iter().enumerate().filter(|(_, class)| **class == Class::Primary);
        for (cell, _) in primary {
            withhold(&mut withheld, cell);
            let (i, j) = (cell / width, cell % width);
            let place = (at(&self.rows.paying, i), at(&self.columns.paying, j));
            if !self.is_cover(place) {
                open.push(place);
            }
        }
        let turned = open.iter().map(|(row, column)| (*column, *row)).collect();
        let by_rows = protecting(open, &self.of_rows, &self.of_columns)?;
        let by_columns = protecting(turned, &self.of_columns, &self.of_rows)?;
        let by_columns = by_columns.into_iter().map(|(column, row)| (row, column));
        for (row, column) in by_rows.into_iter().chain(by_columns) {
            withhold(&mut withheld, row * width + column);
        }
        Some(withheld)
    }

    fn is_cover(&self, (row, column): Place) -> bool {
        let word = self.of_rows.get(row).and_then(|words| words.get(column / WORD_BITS));
        word.is_some_and(|word| word >> (column % WORD_BITS) & 1 == 1)
    }
}

/// Finds the three covers of each place that is none itself: the first row for it, and for that row
/// the first column. Returns none if a place has none. `of_rows` are the columns of each row's
/// covers, and `of_columns` the rows of each column's.
///
/// Treats rows with the same covers together, because a long table has few different ones. For d
/// different rows of N cells in all, that takes about N · d / 32 steps.
fn protecting(
    mut places: Vec<Place>,
    of_rows: &[Vec<u64>],
    of_columns: &[Vec<u64>],
) -> Option<Vec<Place>> {
    places.sort_unstable();
    places.dedup();
    let mut alike: BTreeMap<&[u64], Vec<Place>> = BTreeMap::new();
    for of_row in places.chunk_by(|one, other| one.0 == other.0) {
        let (row, _) = of_row.first()?;
        alike.entry(of_rows.get(*row)?).or_default().extend(of_row);
    }
    let mut found = Vec::new();
    for (covers, places) in alike {
        let near = united(covers, of_columns, of_rows.len().div_ceil(WORD_BITS));
        let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for (p, q) in places {
            // Neither is the place's own row or column, since the place is no cover.
            let row = rows.entry(q).or_insert_with(|| first_common(&near, of_columns.get(q)?));
            let row = (*row)?;
            let column = || first_common(covers, of_rows.get(row)?);
            let column = (*columns.entry(row).or_insert_with(column))?;
            found.extend([(p, column), (row, q), (row, column)]);
        }
    }
    Some(found)
}

fn withhold(withheld: &mut [bool], cell: usize) {
    *withheld.get_mut(cell).expect("a cell of the table") = true;
}

/// Packs bits, 64 in a word.
fn packed(bits: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut words = Vec::new();
    for (place, bit) in bits.enumerate() {
        if place % WORD_BITS == 0 {
            words.push(0);
        }
        if let Some(word) = words.last_mut() {
            *word |= u64::from(bit) << (place % WORD_BITS);
        }
    }
    words
}

/// Returns what any of the chosen sets has. Each has so many words.
fn united(chosen: &[u64], sets: &[Vec<u64>], words: usize) -> Vec<u64> {
    let mut union = vec![0; words];
    let is_chosen =
        |(word, bit): (usize, usize)| chosen.get(word).is_some_and(|chosen| chosen >> bit & 1 == 1);
    let places = (0..sets.len()).map(|place| (place / WORD_BITS, place % WORD_BITS));
    for (set, _) in sets.iter().zip(places).filter(|(_, place)| is_chosen(*place)) {
        union.iter_mut().zip(set).for_each(|(all, more)| *all |= more);
    }
    union
}

/// Returns the first member that is in both sets.
fn first_common(one: &[u64], other: &[u64]) -> Option<usize> {
    let mut common = one.iter().zip(other).map(|(one, other)| one & other).enumerate();
    let (word, bits) = common.find(|(_, bits)| *bits != 0)?;
    Some(word * WORD_BITS + usize::try_from(bits.trailing_zeros()).ok()?)
}

fn added<'a, R: Ring + 'a>(elements: impl Iterator<Item = &'a R>) -> R {
    elements.fold(R::ZERO, |sum, element| sum.plus(*element))
}

fn at(places: &[usize], index: usize) -> usize {
    *places.get(index).expect("each category has a place")
}
