//! `StatisticsFrequency` and `StatisticsContingency`: how often each category, or each pair of
//! categories, occurs.
//!
//! A table is one masked sum of counts, one 64-bit word a cell; a contingency table has a cell for
//! every pair of a category of x and a category of y, also where none occurs. Which cells a party's
//! data have cannot be seen by anybody.
//!
//! The rules may withhold small counts from the answer. That is not secrecy: every party's node sees
//! them when it opens the sum; whoever contributed rows, or knows totals or other tables, can work
//! some of them out; and a count of 0 is shown, so that it can be told from a withheld one. Where
//! categories come from the data, a name of which nothing but withheld counts and zeros would be
//! shown is dropped, because the name alone says that somebody has it.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algebra::layout::Layout;
use crate::channel::Channel;
use crate::computation::{Answer, Input};
use crate::disclosure::{Permit, Rules};
use crate::fault::{Fault, InputError};
use crate::masked::{MaskedSums, Rounds};
use crate::parameters::{Categories, Parameters, refuse};
use crate::statistics::categories::{self, Axes};

/// How often each category occurs; null where the rules withhold it. Categories from the data that
/// would be null are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// The count of each category.
    pub histogram: BTreeMap<String, Option<u64>>,
    /// The first category with the largest count that is shown; null if none is above 0.
    pub mode: Option<String>,
}

/// How often each pair of categories occurs; null where the rules withhold it. Categories from the
/// data that would have nothing but nulls and zeros are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The count of each y under each x.
    pub table: BTreeMap<String, BTreeMap<String, Option<u64>>>,
    /// The first pair with the largest count that is shown; null if none is above 0.
    pub mode: Option<(String, String)>,
}

/// One party's data. A frequency table has one axis, a contingency table two.
pub(crate) struct Prepared {
    declared: bool,
    axes: Axes,
    rows: Positions,
}

/// Of each row, for each axis, the position of its category: as many a row as there are axes.
type Positions = Zeroizing<Vec<usize>>;

impl Prepared {
    /// Of one variable.
    pub(crate) fn frequency(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        let declared = match &parameters.categories {
            None => None,
            Some(Categories::One(x)) => Some(vec![x.clone()]),
            Some(Categories::Two(_)) => return Err(refuse_categories("one list of texts")),
        };
        let items = match input {
            Input::Texts(items) => items.iter().map(|item| [item.as_str()]).collect(),
            other if other.is_empty() => Vec::new(),
            _ => return Err(InputError::Shape { expected: "texts" }),
        };
        Self::new(parameters, declared, &items)
    }

    /// Of two variables.
    pub(crate) fn contingency(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        let declared = match &parameters.categories {
            None => None,
            Some(Categories::Two(axes)) => Some(axes.to_vec()),
            Some(Categories::One(_)) => return Err(refuse_categories("two lists of texts")),
        };
        let items = match input {
            Input::TextPairs(items) => items.iter().map(|(x, y)| [x.as_str(), y]).collect(),
            other if other.is_empty() => Vec::new(),
            _ => {
                return Err(InputError::Shape { expected: "pairs of texts" });
            }
        };
        Self::new(parameters, declared, &items)
    }

    fn new<const D: usize>(
        parameters: &Parameters,
        declared: Option<Axes>,
        items: &[[&str; D]],
    ) -> Result<Self, InputError> {
        parameters.no_encoding()?;
        let is_declared = declared.is_some();
        let axes = match declared {
            Some(axes) => axes.into_iter().map(sorted).collect::<Result<_, _>>()?,
            None => own_axes(items)?,
        };
        categories::check_size(&axes)?;
        Ok(Self { declared: is_declared, rows: positions(&axes, items)?, axes })
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        let text = if self.declared { fingerprint(&self.axes) } else { "from the data".to_owned() };
        [("categories".to_owned(), text)].into()
    }

    pub(crate) fn words(&self) -> usize {
        self.axes.iter().map(Vec::len).product()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.len().checked_div(self.axes.len()).unwrap_or(0) as u64
    }

    pub(crate) fn reveals_of_categories(&self) -> Option<String> {
        let reveal = "which party's data have which category, to every party";
        (!self.declared).then(|| reveal.to_owned())
    }

    pub(super) fn reveals(&self, rules: &Rules) -> Vec<String> {
        let mut reveals: Vec<String> = self.reveals_of_categories().into_iter().collect();
        if rules.min_cell > 1 {
            let most = rules.min_cell - 1;
            reveals.push(format!(
                "counts from 1 to {most} are withheld from the answer, but every party's node \
                 sees them; whoever contributed rows, or knows totals or other tables, can work \
                 some out; 0 and withheld can be told apart"
            ));
        }
        reveals
    }

    /// The categories of all parties together, and how often our rows have each cell of them.
    pub(crate) async fn count(
        self,
        channel: &Channel,
    ) -> Result<(Axes, Zeroizing<Vec<u64>>), Fault> {
        let Self { declared, axes: own, rows } = self;
        let axes =
            if declared { own.clone() } else { categories::unite(channel, own.clone()).await? };
        let layout = Layout::uniform(1, axes.iter().map(Vec::len).product())?;
        let words = count(&rows, &own, &axes, layout.words());
        Ok((axes, words))
    }

    pub(super) async fn run(
        self,
        channel: &Channel,
        sums: &mut MaskedSums<'_>,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Answer, Fault> {
        let declared = self.declared;
        let (axes, words) = self.count(channel).await?;
        let layout = Layout::uniform(1, words.len())?;
        let sum = sums.sum(Rounds::default(), &layout, words, rng).await?;
        let total = total(&sum).ok_or(Fault::Implausible)?;
        if !permit.agrees_with(total) {
            return Err(Fault::Implausible);
        }
        Ok(finish(axes, &sum, permit, declared))
    }
}

fn refuse_categories(expected: &str) -> InputError {
    refuse("categories", format!("this function takes {expected}"))
}

/// Declared categories in order: two parties that list the same ones agree.
fn sorted(mut axis: Vec<String>) -> Result<Vec<String>, InputError> {
    axis.sort();
    axis.iter().try_for_each(|name| categories::check_name(name))?;
    if !axis.iter().is_sorted_by(|a, b| a < b) {
        return Err(refuse("categories", "one of them is listed twice".into()));
    }
    if axis.is_empty() {
        return Err(refuse("categories", "an empty list".into()));
    }
    Ok(axis)
}

fn own_axes<const D: usize>(items: &[[&str; D]]) -> Result<Axes, InputError> {
    let mut axes = vec![BTreeSet::new(); D];
    for item in items {
        for (axis, name) in axes.iter_mut().zip(item) {
            if axis.insert(*name) {
                categories::check_name(name)?;
            }
        }
    }
    let own = |axis: BTreeSet<&str>| axis.into_iter().map(str::to_owned).collect();
    let axes = axes.into_iter().map(own).collect();
    categories::check_message(&axes)?;
    Ok(axes)
}

fn positions<const D: usize>(axes: &Axes, items: &[[&str; D]]) -> Result<Positions, InputError> {
    // Reserved as a whole: growing would leave copies behind.
    let mut positions = Zeroizing::new(Vec::with_capacity(D * items.len()));
    for (index, item) in items.iter().enumerate() {
        for (axis, name) in axes.iter().zip(item) {
            let undeclared = InputError::UndeclaredCategory { index };
            positions.push(position(axis, name).ok_or(undeclared)?);
        }
    }
    Ok(positions)
}

fn position(axis: &[String], name: &str) -> Option<usize> {
    axis.binary_search_by(|known| known.as_str().cmp(name)).ok()
}

fn fingerprint(axes: &Axes) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 declared categories");
    for axis in axes {
        hasher.update(&(axis.len() as u64).to_le_bytes());
        for name in axis {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
    }
    let sizes: Vec<String> = axes.iter().map(|axis| axis.len().to_string()).collect();
    format!("{} declared, blake3 {}", sizes.join(" x "), hasher.finalize().to_hex())
}

/// The counts of all cells of the agreed axes; positions are on our own ones.
fn count(rows: &Positions, own: &Axes, axes: &Axes, words: usize) -> Zeroizing<Vec<u64>> {
    let agreed: Vec<Vec<Option<usize>>> = own
        .iter()
        .zip(axes)
        .map(|(own, axis)| own.iter().map(|name| position(axis, name)).collect())
        .collect();
    let mut table = Zeroizing::new(vec![0; words]);
    for row in rows.chunks_exact(axes.len().max(1)) {
        let mut places = row.iter().zip(&agreed).zip(axes);
        let cell = places.try_fold(0, |cell, ((at, agreed), axis)| {
            Some(cell * axis.len() + agreed.get(*at).copied().flatten()?)
        });
        if let Some(count) = cell.and_then(|cell| table.get_mut(cell)) {
            *count += 1;
        }
    }
    table
}

/// All counts together; none if they cannot all be counts of rows.
fn total(counts: &[u64]) -> Option<u64> {
    let total = counts.iter().try_fold(0_u64, |total, count| total.checked_add(*count));
    total.filter(|total| *total < 1 << 63)
}

fn finish(axes: Axes, sum: &[u64], permit: &Permit, declared: bool) -> Answer {
    let shown: Vec<Option<u64>> = sum.iter().map(|count| permit.cell(*count)).collect();
    let (axes, shown) = if declared || !permit.withholds() {
        (axes, shown)
    } else {
        without_withheld(axes, &shown)
    };
    match axes.as_slice() {
        [x, y] => Answer::Contingency(table(x, y, &shown)),
        others => Answer::Frequency(histogram(others.first().map_or(&[], Vec::as_slice), &shown)),
    }
}

/// The axes without the names of which no count above 0 is shown, and the cells that are left.
fn without_withheld(axes: Axes, shown: &[Option<u64>]) -> (Axes, Vec<Option<u64>>) {
    let mut stays: Vec<Vec<bool>> = axes.iter().map(|axis| vec![false; axis.len()]).collect();
    for (cell, _) in shown.iter().enumerate().filter(|(_, count)| count.is_some_and(|c| c > 0)) {
        for (stays, at) in stays.iter_mut().zip(coordinates(&axes, cell)) {
            stays.get_mut(at).into_iter().for_each(|stays| *stays = true);
        }
    }
    let is_left = |cell: usize| {
        let mut places = stays.iter().zip(coordinates(&axes, cell));
        places.all(|(stays, at)| stays.get(at).copied().unwrap_or_default())
    };
    let cells = shown.iter().enumerate().filter(|(cell, _)| is_left(*cell));
    let cells = cells.map(|(_, count)| *count).collect();
    let left = |(axis, stays): (Vec<String>, &Vec<bool>)| {
        axis.into_iter().zip(stays).filter_map(|(name, stays)| stays.then_some(name)).collect()
    };
    (axes.into_iter().zip(&stays).map(left).collect(), cells)
}

/// The position on each axis of a cell, of which the last axis runs fastest.
fn coordinates(axes: &Axes, cell: usize) -> Vec<usize> {
    let mut rest = cell;
    let mut positions: Vec<usize> = axes
        .iter()
        .rev()
        .map(|axis| {
            let at = rest % axis.len().max(1);
            rest /= axis.len().max(1);
            at
        })
        .collect();
    positions.reverse();
    positions
}

fn histogram(x: &[String], shown: &[Option<u64>]) -> Histogram {
    Histogram {
        histogram: x.iter().cloned().zip(shown.iter().copied()).collect(),
        mode: largest(shown).and_then(|cell| x.get(cell).cloned()),
    }
}

fn table(x: &[String], y: &[String], shown: &[Option<u64>]) -> Table {
    let rows = shown.chunks(y.len().max(1));
    let row = |row: &[Option<u64>]| y.iter().cloned().zip(row.iter().copied()).collect();
    let mode = largest(shown).and_then(|cell| {
        Some((
            x.get(cell.checked_div(y.len())?)?.clone(),
            y.get(cell.checked_rem(y.len())?)?.clone(),
        ))
    });
    Table { table: x.iter().cloned().zip(rows.map(row)).collect(), mode }
}

/// The first cell with the largest count that is shown and above 0.
fn largest(shown: &[Option<u64>]) -> Option<usize> {
    let counts = shown.iter().enumerate().filter_map(|(cell, count)| Some((cell, (*count)?)));
    let largest = counts
        .filter(|(_, count)| *count > 0)
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map(|(cell, _)| cell)
}
