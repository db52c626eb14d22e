//! Functions of joined rows' categories: tables of counts, and means of groups.
//!
//! *If all counts may be shown*, a table is counted from opened rows. Each has one category of the
//! first party and one of the second. The joined rows are opened as they are, in an order that no
//! party knows, with random numbers instead of categories. Then the two parties tell the names of
//! the numbers that have come up. Nothing is told of categories that do not occur in the join, nor
//! their number.
//!
//! *If small counts are withheld*, and for means, each category is a bit of a word. The bits are as
//! many as the next power of two. The conjunctions of the first party's bits and the second's are
//! counted on shares. The counts that are large enough are opened, and the names of their
//! categories are told. Before, it is checked on shares that each row has one category.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use serde::Serialize;
use zeroize::Zeroizing;

use super::Join;
use super::columns::{Cells, Encoded, Unit, Use, bits, numbers};
use super::terms::Told;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::{PackedBits, WORD_BITS};
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::comparison::less_than_zero;
use crate::circuits::selection::{is_below, suppress_below};
use crate::engine::matching::Matching;
use crate::engine::reveals::{ONE_CATEGORY, UNIT};
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::{Dimensions, Engine, Reconstructed};
use crate::functions::answer::Answer;
use crate::functions::common::categories::{Axes, Form, Order, check_size, exchange};
use crate::functions::common::tables;
use crate::functions::{Computed, FunctionContext};
use crate::kernel::equations::Equations;
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::prss::order_of;
use crate::kernel::reveal::Reveal;
use crate::kernel::text::Case;
use crate::release::open_counts;

/// The most categories of a party.
pub(crate) const MOST: usize = 1 << 12;

/// The most cells of a table that are counted on shares.
const MOST_CELLS: usize = 1 << 14;

/// One group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The number of its rows.
    pub count: u64,
    /// The mean over its rows.
    pub mean: f64,
}

/// This party's categories, if it has any, each at a random place among so many. In the order of
/// their names, opened places would tell how many others lie between those that are shown.
struct Own {
    /// The name at each place; empty where there is none.
    names: Zeroizing<Vec<String>>,
    /// The place of the category of each row.
    places: Zeroizing<Vec<usize>>,
}

impl Own {
    /// Puts the categories at random places among `kinds`, or among as many as there are
    /// categories.
    fn of(columns: &mut Vec<Cells>, kinds: Option<usize>, rng: &mut impl CryptoRng) -> Self {
        let (own, places) = match columns.pop() {
            Some(Cells::Categories { names, places }) => (names, places),
            other => {
                columns.extend(other);
                Default::default()
            }
        };
        let kinds = kinds.unwrap_or(own.len());
        let order = order_of(kinds, rng);
        let mut names = Zeroizing::new(vec![String::new(); kinds]);
        for (place, name) in order.iter().zip(own.iter()) {
            names.get_mut(*place).expect("an order is of all places").clone_from(name);
        }
        let moved = |place: &usize| *order.get(*place).expect("each category has a place");
        Self { names, places: Zeroizing::new(places.iter().map(moved).collect()) }
    }

    /// Returns each row's category as a bit among `kinds`, in as many columns of words as these
    /// take.
    fn bits(&self, kinds: usize) -> Vec<Vec<PackedBits>> {
        let column = |first: usize| {
            let word = |place: &usize| {
                let bit = place.checked_sub(first).and_then(|bit| u32::try_from(bit).ok());
                PackedBits(bit.and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0))
            };
            self.places.iter().map(word).collect()
        };
        (0..kinds).step_by(WORD_BITS).map(column).collect()
    }

    /// Returns the names at these places.
    fn names(&self, places: &[usize]) -> Result<Vec<String>, Fault> {
        let name = |place: &usize| self.names.get(*place).cloned().ok_or(Fault::InvalidOpening);
        places.iter().map(name).collect()
    }
}

/// Returns the number of categories that a party announces: the next power of two.
pub(crate) fn told(categories: usize) -> usize {
    categories.max(1).next_power_of_two()
}

pub(crate) async fn contingency<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    mut columns: Vec<Cells>,
) -> Computed {
    let withholds = cx.permit.withholds();
    let [of_x, of_y] = kinds(join.told)?;
    let of_mine = if cx.channel.parties().me().index() == 0 { of_x } else { of_y };
    let own = Own::of(&mut columns, withholds.then_some(of_mine), &mut cx.rng);
    let cells = if withholds {
        large_cells(cx, join, &own, of_mine).await?
    } else {
        all_cells(cx, join, &own).await?
    };
    let shown = |count: u64| (count > 0 || !withholds).then_some(count);
    Ok(cells
        .map(|(axes, counts)| tables::joined_answer(axes, counts.into_iter().map(shown).collect())))
}

/// Returns the names that occur in the join, of both parties, and the counts of all their cells.
async fn all_cells<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &Own,
) -> Result<Option<(Axes, Vec<u64>)>, Fault> {
    let aliases = aliases(own.names.len(), &mut cx.rng);
    let alias =
        |place: &usize| PackedBits(*aliases.get(*place).expect("each category has an alias"));
    let words = vec![own.places.iter().map(alias).collect()];
    let joined = join.run(cx, words, |index, _| usize::from(index < 2)).await?;
    let both: Vec<_> = joined.tables.iter().flatten().collect();
    let opened = cx.engine.open(&Bits::<E>::concat(&both), Reveal::ANSWER).await?;
    let Reconstructed::Value(opened) = opened else { return Ok(None) };
    let opened: Vec<u64> = opened.into_iter().map(|alias| alias.0).collect();
    let (x, y) = opened
        .split_at_checked(joined.rows)
        .ok_or(Fault::Internal("an opened column has a row for each of the join"))?;

    let mut counts: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    zip_exact(x, y).for_each(|(x, y)| *counts.entry((*x, *y)).or_default() += 1);
    let seen = [x, y].map(|column| {
        let mut seen = column.to_vec();
        seen.sort_unstable();
        seen.dedup();
        seen
    });
    let me = cx.channel.parties().me().index();
    let place = |alias: &u64| aliases.binary_search(alias).map_err(|_| Fault::InvalidOpening);
    let places: Result<Vec<usize>, Fault> = seen.get(me).into_iter().flatten().map(place).collect();
    let names = own.names(&places?)?;
    let axes = names_of_both(cx, names, join.category_case, seen.each_ref().map(Vec::len)).await?;
    let [x, y] = &seen;
    let cells = x.iter().flat_map(|x| y.iter().map(move |y| (*x, *y)));
    let counts: Vec<u64> = cells.map(|cell| counts.get(&cell).copied().unwrap_or(0)).collect();
    in_order(&axes, &counts).map(Some)
}

/// Returns the names of both parties' categories that have a large enough count, and the counts of
/// all their cells. Smaller counts are 0.
async fn large_cells<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &Own,
    of_mine: usize,
) -> Result<Option<(Axes, Vec<u64>)>, Fault> {
    let [of_x, of_y] = kinds(join.told)?;
    let me = cx.channel.parties().me().index();
    let words = own.bits(of_mine);
    let joined = join.run(cx, words, |_, told| told.categories.div_ceil(WORD_BITS)).await?;
    let [x, y, ..] = joined.tables.as_slice() else {
        return Err(Fault::Internal("each party has a joined table"));
    };
    let (x, y) = (bit_slices(&cx.engine, x, of_x), bit_slices(&cx.engine, y, of_y));
    for bits in [&x, &y] {
        let bits: Vec<&Bits<E>> = bits.iter().collect();
        let bits: E::Shared<u64> = cx.engine.bit_to_arithmetic(&bits, joined.rows).await?;
        check_one_each(&mut cx.engine, &bits, joined.rows).await?;
    }
    let (left, right): (Vec<_>, Vec<_>) =
        x.iter().flat_map(|x| y.iter().map(move |y| (x, y))).unzip();
    let (left, right) = (Bits::<E>::concat(&left), Bits::<E>::concat(&right));
    let both = cx.engine.multiply(&left, &right).await?;
    let both = both.split_into(of_x * of_y);
    let counts = count(&mut cx.engine, &both, joined.rows).await?;
    let opened = open_counts(&mut cx.engine, &counts, cx.permit.least_shown()).await?;
    let Reconstructed::Value(counts) = opened else { return Ok(None) };

    let is_shown = |x: usize, y: usize| count_at(&counts, x * of_y + y) > 0;
    let seen_x: Vec<usize> = (0..of_x).filter(|x| (0..of_y).any(|y| is_shown(*x, y))).collect();
    let seen_y: Vec<usize> = (0..of_y).filter(|y| (0..of_x).any(|x| is_shown(x, *y))).collect();
    let names = match me {
        0 => own.names(&seen_x)?,
        1 => own.names(&seen_y)?,
        _ => Vec::new(),
    };
    let axes = names_of_both(cx, names, join.category_case, [seen_x.len(), seen_y.len()]).await?;
    let cells = seen_x.iter().flat_map(|x| seen_y.iter().map(move |y| x * of_y + y));
    let counts: Vec<u64> = cells.map(|cell| count_at(&counts, cell)).collect();
    in_order(&axes, &counts).map(Some)
}

pub(crate) async fn mean_by_group<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    mut columns: Vec<Cells>,
) -> Computed {
    let [of_groups, _] = kinds(join.told)?;
    let own = Own::of(&mut columns, Some(of_groups), &mut cx.rng);
    let encoded: Vec<Encoded> = columns.into_iter().filter_map(Cells::into_encoded).collect();
    let words = match cx.channel.parties().me().index() {
        0 => own.bits(of_groups),
        _ => words_of(&encoded),
    };
    let width = |index: usize, told: &Told| match index {
        0 => told.categories.div_ceil(WORD_BITS),
        _ => told.number_words(),
    };
    let joined = join.run(cx, words, width).await?;
    let [groups, values, ..] = joined.tables.as_slice() else {
        return Err(Fault::Internal("each party has a joined table"));
    };
    let groups = bit_slices(&cx.engine, groups, of_groups);
    let told = join.told.get(1).ok_or(Fault::Internal("a join has two parties"))?;
    let values = numbers(&mut cx.engine, values, bits(Use::Sums, told.rows, told.wide)).await?;
    // Each mean is the answer of a join of its own: it asks for as many rows.
    let least = cx.permit.least_joined(Equations { counts: 1, ..Equations::linear(1) });
    let least = if cx.permit.withholds() { least } else { cx.permit.least_shown() };
    let (sums, counts) = groups_of(cx, least, &groups, &values).await?;
    let units = share_units(cx, &encoded, join.told, true).await?;
    let counts = cx.engine.open(&counts, Reveal::ANSWER).await?;
    let sums = E::Shared::<u128>::concat(&[&sums, &units]);
    let sums = cx.engine.open(&sums, UNIT).await?;
    let (Reconstructed::Value(counts), Reconstructed::Value(sums)) = (counts, sums) else {
        return Ok(None);
    };

    let shown: Vec<usize> = (0..of_groups).filter(|place| count_at(&counts, *place) > 0).collect();
    let names = match cx.channel.parties().me().index() {
        0 => own.names(&shown)?,
        _ => Vec::new(),
    };
    let names =
        names_of_both(cx, names, join.category_case, [shown.len(), 0]).await?.into_iter().next();
    let names = names.expect("the first party tells its names");
    let unit = sums.get(of_groups).ok_or(Fault::Internal("a column of numbers has a unit"))?;
    let unit = Unit::opened_exact(*unit)?;
    let group = |place: usize| {
        let (sum, count) = sums
            .get(place)
            .zip(counts.get(place))
            .ok_or(Fault::Internal("each group has a sum and a count"))?;
        let mean = unit.value(&sum.cast_signed().into(), &(*count).into());
        Ok(Group { count: *count, mean: mean.ok_or(Fault::ResultOutOfRange)? })
    };
    let groups = shown.into_iter().map(group).collect::<Result<Vec<Group>, Fault>>()?;
    let groups = zip_exact(names, groups).collect();
    Ok(Some(groups_answer(groups, joined.rows as u64)))
}

/// Makes the answer. The number of all rows would tell the size of a group that is withheld.
fn groups_answer(groups: BTreeMap<String, Group>, rows: u64) -> Answer {
    let shown: u64 = groups.values().map(|group| group.count).sum();
    Answer::Groups { groups, samples: (shown == rows).then_some(rows) }
}

/// Returns the sum of the values of each group, and the number of its rows, in shared form. Both
/// are 0 for groups that are too small.
async fn groups_of<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    least: u64,
    groups: &[Bits<E>],
    values: &E::Shared<u128>,
) -> Result<(E::Shared<u128>, E::Shared<u64>), Fault> {
    let (engine, rows, kinds) = (&mut cx.engine, values.len(), groups.len());
    let counts = count(engine, groups, rows).await?;
    let is_in: E::Shared<u128> =
        engine.bit_to_arithmetic(&groups.iter().collect::<Vec<_>>(), rows).await?;
    check_one_each(engine, &is_in, rows).await?;
    let dimensions = Dimensions { rows: kinds, inner: rows, columns: 1 };
    let sums = engine.matrix_product(&is_in, values, dimensions).await?;
    let is_small = is_below(engine, &counts, least).await?;
    let is_small: E::Shared<u128> = engine.bit_to_arithmetic(&[&is_small], kinds).await?;
    let is_shown = engine.public(vec![1; kinds]).minus(&is_small);
    let sums = engine.multiply(&sums, &is_shown).await?;
    Ok((sums, suppress_below(engine, &counts, least).await?))
}

/// Returns the words of this party's columns of numbers, one column of words after the other.
pub(crate) fn words_of(columns: &[Encoded]) -> Vec<Vec<PackedBits>> {
    columns.iter().flat_map(|column| &column.words).map(|words| words.to_vec()).collect()
}

/// Shares the units of all parties' columns of numbers: whether each was rounded, and its exponent
/// if this is asked for.
pub(crate) async fn share_units<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    own: &[Encoded],
    told: &[Told],
    with_exponents: bool,
) -> Result<E::Shared<u128>, Fault> {
    let numeric = |told: &Told| if told.categories == 0 { told.columns } else { 0 };
    let lengths: Vec<usize> = told.iter().map(numeric).collect();
    let units = own.iter().map(|column| column.unit.element(with_exponents));
    let units: Zeroizing<Vec<u128>> = Zeroizing::new(units.collect());
    let shares = cx.engine.share(&units, &lengths).await?;
    Ok(E::Shared::<u128>::concat(&shares.iter().collect::<Vec<_>>()))
}

/// Returns the first two parties' numbers of categories as they announced them.
fn kinds(told: &[Told]) -> Result<[usize; 2], Fault> {
    let [x, y, ..] = told else { return Err(Fault::Internal("a join has two parties")) };
    let kinds = [x.categories, y.categories].map(|kinds| kinds.max(1));
    let [of_x, of_y] = kinds;
    if of_x * of_y > MOST_CELLS {
        Err(Fault::TableTooLarge { what: "cells to count", actual: of_x * of_y, limit: MOST_CELLS })
    } else {
        Ok(kinds)
    }
}

/// Returns the bit slices of the first `kinds` bits of a row.
fn bit_slices<E: Engine>(engine: &E, columns: &[Bits<E>], kinds: usize) -> Vec<Bits<E>> {
    let of = |(index, column): (usize, &Bits<E>)| {
        engine.bit_slices(column, 0..kinds.saturating_sub(index * WORD_BITS).min(WORD_BITS))
    };
    columns.iter().enumerate().flat_map(of).collect()
}

/// Counts the set bits among the first `rows` of each bit slice.
async fn count<E: Engine>(
    engine: &mut E,
    bit_slices: &[Bits<E>],
    rows: usize,
) -> Result<E::Shared<u64>, Fault> {
    let bits: E::Shared<u64> =
        engine.bit_to_arithmetic(&bit_slices.iter().collect::<Vec<_>>(), rows).await?;
    let last: Vec<usize> = (1..=bit_slices.len()).map(|bit_slice| bit_slice * rows - 1).collect();
    Ok(bits.prefix_sums(rows).gather(&last))
}

/// A width that the sum of squares of all rows fits with its sign: 2^20 rows of 2^14 categories.
const SUM_OF_SQUARES: usize = 64;

/// Checks that each row has one category: of all categories' bits of a row, one after the other,
/// exactly one is 1. A row in two groups would tell itself by their difference.
///
/// What is opened, to all members, is one bit: whether the sum of squares of how far each row is off
/// is 0, as it is at honest parties. The sum itself would tell a dealer which of its rows are joined.
pub(super) async fn check_one_each<E: Engine, R: Ring>(
    engine: &mut E,
    bits: &E::Shared<R>,
    rows: usize,
) -> Result<(), Fault> {
    let of_rows = bits.mapped(rows, |bits| {
        let mut counts = vec![R::ZERO; rows];
        for bits in bits.chunks_exact(rows.max(1)) {
            zip_exact(&mut counts, bits).for_each(|(count, bit)| *count = count.plus(*bit));
        }
        counts
    });
    let off = of_rows.minus(&engine.public(vec![R::ONE; rows]));
    let squares = engine.dot(&off, &off, rows).await?;
    let below_one = squares.minus(&engine.public(vec![R::ONE]));
    let is_zero = less_than_zero(engine, &below_one, SUM_OF_SQUARES).await?;
    match engine.open_to_all(&is_zero.lanes(0..1), ONE_CATEGORY).await?.as_slice() {
        [PackedBits(word)] if word & 1 == 1 => Ok(()),
        _ => Err(Fault::InvalidOpening),
    }
}

/// Draws random numbers that stand for as many names, in ascending order.
fn aliases(names: usize, rng: &mut impl CryptoRng) -> Vec<u64> {
    let mut aliases: Vec<u64> = Vec::with_capacity(names);
    while aliases.len() < names {
        aliases.extend((aliases.len()..names).map(|_| rng.next_u64()));
        aliases.sort_unstable();
        aliases.dedup();
    }
    aliases
}

fn count_at(counts: &[u64], cell: usize) -> u64 {
    *counts.get(cell).expect("each cell has a count")
}

/// Exchanges the names of the first two parties' categories, as many as have come up. `own` are
/// this party's, if it is one of them. All are compared in this case.
async fn names_of_both<E: Engine>(
    cx: &FunctionContext<'_, E>,
    own: Vec<String>,
    case: Case,
    due: [usize; 2],
) -> Result<Axes, Fault> {
    let channel =
        cx.parties.ok_or(Fault::Internal("a party with data has the channel of parties"))?;
    let own = vec![own];
    let mut told =
        exchange(channel, &own, Form { order: Order::Any, case }, Reveal::ANSWER).await?;
    told.insert(channel.parties().me().index().min(told.len()), own);
    told.truncate(due.len());
    let both = zip_exact(told, due).enumerate().map(|(index, (mut names, due))| {
        let names = names.pop().expect("a list of one axis");
        match Party::new(index).filter(|_| names.len() != due) {
            Some(party) => Err(Fault::blame(party, Misbehaviour::Malformed)),
            None => Ok(names),
        }
    });
    both.collect()
}

/// Sorts the axes by their names, and the counts of their cells in the same order.
fn in_order(axes: &Axes, counts: &[u64]) -> Result<(Axes, Vec<u64>), Fault> {
    check_size(axes)?;
    let [x, y] = axes.as_slice() else {
        return Err(Fault::Internal("a table of two parties has two axes"));
    };
    let sorted = |names: &[String]| {
        let mut places: Vec<usize> = (0..names.len()).collect();
        places.sort_by_key(|place| names.get(*place));
        places
    };
    let (of_x, of_y) = (sorted(x), sorted(y));
    let cells = of_x.iter().flat_map(|i| of_y.iter().map(move |j| i * y.len() + j));
    let counts = cells.map(|cell| count_at(counts, cell)).collect();
    let named = |names: &[String], places: &[usize]| {
        places.iter().map(|place| names.get(*place).expect("a place of a name").clone()).collect()
    };
    Ok((vec![named(x, &of_x), named(y, &of_y)], counts))
}
