//! `StatisticsFrequency` and `StatisticsContingency`: the counts of categories, or of pairs of
//! categories.
//!
//! A contingency table has a cell for every pair of a category of x and a category of y, also where
//! none occurs. No other party can see which cells a party's data have.
//!
//! If the rules let every count be shown, a table is one masked sum of counts, one 64-bit word a
//! cell. Every cell is opened. If they do not, small cells are opened to no member. Then the table
//! is computed on shares (see [`crate::functions::common::cells`]). Small cells and empty ones are
//! null in the answer, and so are cells that protect them from being worked out (see
//! [`crate::functions::common::suppression`]). A name of which nothing is shown is left out, if the
//! categories come from the data. With declared categories the answer counts what is withheld, with
//! others it says that something is. So no shown part of a table is taken for the whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::layout::Layout;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::{CATEGORIES, DECLARED};
use crate::functions::SumsContext;
use crate::functions::answer::Answer;
use crate::functions::common::categories::{self, Axes};
use crate::functions::descriptor::ParameterEntry;
use crate::functions::parameters::{AgreedParameters, ONLY_MODE, refuse};
use crate::kernel::channel::Channel;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;
use crate::kernel::session::Spec;
use crate::kernel::text::Case;

/// The name of the parameter in the spec.
const CATEGORIES_NAME: &str = "categories";

/// The name in requests and in the spec of the case in which categories are compared.
const CASE_NAME: &str = "case";

/// The words between the number of declared categories and their hash.
const HASHED: &str = " declared, blake3 ";

/// The counts of categories. A count is null below the smallest that the rules let be shown; then
/// it is null also for a category that does not occur, and for one that protects the others.
/// Categories from the data that would be null are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// The count of each category.
    pub histogram: BTreeMap<String, Option<u64>>,
    /// The first category with the largest count that is shown; null if none is above 0.
    pub mode: Option<String>,
    /// The number of rows; null where a count is withheld. Beside the shown ones it would tell the
    /// sum of those withheld, and where these are few a small count.
    pub samples: Option<u64>,
    /// The number of withheld counts. Null where some are withheld and the categories come from the
    /// data: each of them occurs, so that with the number of all rows theirs could tell single ones.
    pub withheld: Option<u64>,
}

/// The counts of pairs of categories. A count is null below the smallest that the rules let be
/// shown; then it is null also for a pair that does not occur, and for those that protect the
/// others. Categories from the data that would have nothing but nulls are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The count of each y under each x.
    pub table: BTreeMap<String, BTreeMap<String, Option<u64>>>,
    /// The first pair with the largest count that is shown; null if none is above 0.
    pub mode: Option<(String, String)>,
    /// The size of the whole table; none for joined rows, where it would tell of categories of rows
    /// that are not joined.
    #[serde(flatten)]
    pub whole: Option<Whole>,
}

/// The size of a whole table, of which cells may be withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whole {
    /// The number of rows; null where a cell is withheld. Beside the shown cells it would tell the
    /// sum of those withheld, and where these are few a small count.
    pub samples: Option<u64>,
    /// The number of withheld cells. Null where some are withheld and the categories come from the
    /// data: each of them occurs, so that with the number of all rows theirs could tell single ones.
    pub withheld: Option<u64>,
    /// The number of categories of x of which no count above 0 is shown; null where `withheld` is.
    pub withheld_rows: Option<u64>,
    /// The number of categories of y of which no count above 0 is shown; null where `withheld` is.
    pub withheld_columns: Option<u64>,
}

/// One party's rows by their categories. A frequency table has one axis, a contingency table two.
pub(crate) struct CountedRows {
    declared: bool,
    case: Case,
    axes: Axes,
    rows: Positions,
    /// The number of times that each row occurs; none if each occurs once.
    times: Option<Zeroizing<Vec<u64>>>,
}

/// The categories that the data may have, so that none need be revealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Categories {
    /// The categories of one variable, for a frequency table.
    One(Vec<String>),
    /// The categories of two variables, for a contingency table.
    Two([Vec<String>; 2]),
    /// The canonical text of the categories, as the parties have agreed on it.
    Agreed {
        /// The text.
        agreed: String,
    },
}

/// The parameters of tables.
#[derive(Deserialize)]
pub(crate) struct TableParameters {
    pub(crate) categories: Option<Categories>,
    #[serde(default)]
    pub(crate) case: Case,
}

/// The position of the category of each row for each axis: as many a row as there are axes.
type Positions = Zeroizing<Vec<usize>>;

/// Rows by their categories, and the number of times that each occurs if it is not one.
pub(crate) struct Rows<'a, const D: usize> {
    items: Vec<[Cow<'a, str>; D]>,
    times: Option<Zeroizing<Vec<u64>>>,
}

/// The parameter that asks for the mode alone.
pub(crate) const ONLY_MODE_ENTRY: ParameterEntry = ParameterEntry::boolean(
    ONLY_MODE,
    "whether the mode is all that is wanted: then nothing else of the table is opened; the whole table \
     where it is left out",
);

/// The parameter that says whether categories that differ in case alone are one.
pub(crate) const CASE_ENTRY: ParameterEntry = ParameterEntry::text(
    CASE_NAME,
    "of categories: `exact`, where upper and lower case differ (the usual one), or `lower`, where they \
     are compared and shown in lower case",
);

impl<'a, const D: usize> Rows<'a, D> {
    /// Creates rows of which each occurs once.
    pub(crate) fn single(items: impl Iterator<Item = [&'a str; D]>, case: Case) -> Self {
        let compared = |item: [&'a str; D]| item.map(|text| case.compared(text));
        Self { items: items.map(compared).collect(), times: None }
    }

    /// Creates rows that occur so many times. Those that never occur are left out.
    pub(crate) fn counted(
        rows: impl ExactSizeIterator<Item = ([&'a str; D], u64)>,
        case: Case,
    ) -> Self {
        let mut times = Zeroizing::new(Vec::with_capacity(rows.len()));
        let mut items = Vec::with_capacity(rows.len());
        for (row, count) in rows.filter(|(_, count)| *count > 0) {
            items.push(row.map(|text| case.compared(text)));
            times.push(count);
        }
        Self { items, times: Some(times) }
    }

    pub(crate) fn none() -> Self {
        Self { items: Vec::new(), times: None }
    }
}

impl CountedRows {
    /// Finds the place of each row in the table, among `declared` categories or the rows' own. All
    /// are compared in this case, in which the rows are already.
    pub(crate) fn new<const D: usize>(
        declared: Option<Axes>,
        rows: Rows<'_, D>,
        case: Case,
    ) -> Result<Self, InputError> {
        let Rows { items, times } = rows;
        let is_declared = declared.is_some();
        let axes = match declared {
            Some(axes) => {
                axes.into_iter().map(|axis| sorted(&axis, case)).collect::<Result<_, _>>()?
            }
            None => own_axes(&items)?,
        };
        categories::check_size(&axes)?;
        Ok(Self { declared: is_declared, case, rows: positions(&axes, &items)?, times, axes })
    }

    pub(crate) fn agreed(&self) -> AgreedParameters {
        let text = if self.declared { fingerprint(&self.axes) } else { "from the data".to_owned() };
        let mut agreed: AgreedParameters = [(CATEGORIES_NAME.to_owned(), text)].into();
        if self.case != Case::Exact {
            agreed.insert(CASE_NAME.to_owned(), self.case.rule().to_owned());
        }
        agreed
    }

    pub(crate) fn words(&self) -> usize {
        self.axes.iter().map(Vec::len).product()
    }

    /// Reports whether the client has declared the categories.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared
    }

    /// Finds the categories of all parties together, and counts this party's rows in each cell.
    pub(crate) async fn count(
        self,
        channel: &Channel,
    ) -> Result<(Axes, Zeroizing<Vec<u64>>), Fault> {
        let Self { declared, case, axes: own, rows, times } = self;
        if declared {
            // It is in the agreement.
            channel.reveal(DECLARED)?;
        }
        let axes = if declared {
            own.clone()
        } else {
            categories::unite(channel, own.clone(), case, CATEGORIES).await?
        };
        let layout = Layout::uniform(1, axes.iter().map(Vec::len).product())?;
        let times = times.as_deref().map(Vec::as_slice);
        let words = count(&rows, times, &own, &axes, layout.words());
        Ok((axes, words))
    }

    /// Opens the whole table.
    pub(crate) async fn sum<A: Aggregate>(
        self,
        cx: &mut SumsContext<'_, A>,
    ) -> Result<Answer, Fault> {
        let declared = self.declared;
        let (axes, words) = self.count(cx.channel).await?;
        let layout = Layout::uniform(1, words.len())?;
        let sum = cx.sums.sum(Rounds::showing(Reveal::ANSWER), &layout, words, &mut cx.rng).await?;
        let total = total(&sum).ok_or(Fault::InvalidOpening)?;
        if !cx.permit.agrees_with(total) {
            return Err(Fault::InvalidOpening);
        }
        Ok(answer(axes, sum.into_iter().map(Some).collect(), declared))
    }
}

impl TableParameters {
    /// Returns the declared categories of one or two variables; none if the client declared none.
    ///
    /// # Errors
    /// Categories of another number of variables.
    pub(crate) fn axes(self, variables: usize) -> Result<Option<Axes>, InputError> {
        match (self.categories, variables) {
            (None, _) => Ok(None),
            (Some(Categories::One(axis)), 1) => Ok(Some(vec![axis])),
            (Some(Categories::Two(axes)), 2) => Ok(Some(axes.into())),
            (Some(_), 1) => {
                Err(refuse("categories", "this function takes one list of texts".into()))
            }
            (Some(_), _) => {
                Err(refuse("categories", "this function takes two lists of texts".into()))
            }
        }
    }
}

/// Sorts declared categories: two parties that list the same ones agree.
fn sorted(axis: &[String], case: Case) -> Result<Vec<String>, InputError> {
    let mut axis: Vec<String> = axis.iter().map(|text| case.compared(text).into_owned()).collect();
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

fn own_axes<const D: usize>(items: &[[Cow<'_, str>; D]]) -> Result<Axes, InputError> {
    let mut axes: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); D];
    for item in items {
        for (axis, name) in zip_exact(&mut axes, item) {
            if axis.insert(name.as_ref()) {
                categories::check_name(name)?;
            }
        }
    }
    let own = |axis: BTreeSet<&str>| axis.into_iter().map(str::to_owned).collect();
    let axes = axes.into_iter().map(own).collect();
    categories::check_message(&axes)?;
    Ok(axes)
}

fn positions<const D: usize>(
    axes: &Axes,
    items: &[[Cow<'_, str>; D]],
) -> Result<Positions, InputError> {
    // Reserved as a whole: growing would leave copies behind.
    let mut positions = Zeroizing::new(Vec::with_capacity(D * items.len()));
    for (index, item) in items.iter().enumerate() {
        for (axis, name) in zip_exact(axes, item) {
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
    format!("{}{HASHED}{}", sizes.join(" x "), hasher.finalize().to_hex())
}

/// Keys the hash of declared categories, if the spec has one, by the session's network, run and
/// members. So a helper cannot tell by it whether two computations have the same categories, nor
/// look it up in a list that was made before. It can still test a guess.
pub(crate) fn key_declared(spec: &mut Spec) {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 declared categories of a session");
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(spec.network.as_bytes());
    field(&spec.run.to_le_bytes());
    for member in &spec.members {
        field(member.id.name.as_bytes());
        field(&member.id.fingerprint);
    }
    let Some(text) = spec.parameters.get_mut(CATEGORIES_NAME) else { return };
    let Some((sizes, hash)) = text.split_once(HASHED) else { return };
    field(hash.as_bytes());
    *text = format!("{sizes}{HASHED}{}", hasher.finalize().to_hex());
}

/// Counts the rows in all cells of the agreed axes. The positions are on this party's own axes.
fn count(
    rows: &Positions,
    times: Option<&[u64]>,
    own: &Axes,
    axes: &Axes,
    words: usize,
) -> Zeroizing<Vec<u64>> {
    let place = |axis: &[String], name: &String| {
        position(axis, name).expect("the categories of all parties have our own")
    };
    let agreed: Vec<Vec<usize>> = zip_exact(own, axes)
        .map(|(own, axis)| own.iter().map(|name| place(axis, name)).collect())
        .collect();
    let mut table = Zeroizing::new(vec![0_u64; words]);
    for (index, row) in rows.chunks_exact(axes.len().max(1)).enumerate() {
        let times = times.map_or(1, |times| *times.get(index).expect("each row has its times"));
        let places = zip_exact(zip_exact(row, &agreed), axes);
        let cell = places.fold(0, |cell, ((at, agreed), axis)| {
            cell * axis.len() + agreed.get(*at).expect("a position is one of our categories")
        });
        let count = table.get_mut(cell).expect("each cell has a count");
        // The sum is at most the number of all rows, which was checked.
        *count = count.wrapping_add(times);
    }
    table
}

/// Adds all counts; none if they cannot all be counts of rows.
fn total(counts: &[u64]) -> Option<u64> {
    let total = counts.iter().try_fold(0_u64, |total, count| total.checked_add(*count));
    total.filter(|total| *total < 1 << 63)
}

/// Makes the answer from the counts that may be shown. Categories from the data of which no count
/// is shown are left out.
pub(crate) fn answer(axes: Axes, shown: Vec<Option<u64>>, declared: bool) -> Answer {
    let samples = shown.iter().copied().collect::<Option<Vec<u64>>>().and_then(|all| total(&all));
    let told = |count: usize| (declared || count == 0).then_some(count as u64);
    let nulls = shown.iter().filter(|count| count.is_none()).count();
    let withheld = told(nulls);
    let unnamed = named(&axes, &shown).into_iter().map(|names| match nulls {
        0 => Some(0),
        _ if declared => told(names.iter().filter(|is_shown| !**is_shown).count()),
        _ => None,
    });
    let unnamed: Vec<Option<u64>> = unnamed.collect();
    let (axes, shown) = listed(axes, shown, declared);
    match (axes.as_slice(), unnamed.as_slice()) {
        ([x, y], [withheld_rows, withheld_columns]) => {
            let (withheld_rows, withheld_columns) = (*withheld_rows, *withheld_columns);
            let whole = Whole { samples, withheld, withheld_rows, withheld_columns };
            Answer::Contingency(table(x, y, &shown, Some(whole)))
        }
        (others, _) => {
            let x = others.first().map_or(&[][..], Vec::as_slice);
            let histogram = zip_exact(x.iter().cloned(), shown.iter().copied()).collect();
            let mode = largest(&shown).and_then(|cell| x.get(cell).cloned());
            Answer::Frequency(Histogram { histogram, mode, samples, withheld })
        }
    }
}

/// Makes the answer for a table of joined rows from the counts that may be shown.
pub(crate) fn joined_answer(axes: Axes, shown: Vec<Option<u64>>) -> Answer {
    let (axes, shown) = listed(axes, shown, false);
    let [x, y] = [0, 1].map(|axis| axes.get(axis).map_or(&[][..], Vec::as_slice));
    Answer::Contingency(table(x, y, &shown, None))
}

/// Returns the names that an answer lists, and their cells.
fn listed(axes: Axes, shown: Vec<Option<u64>>, declared: bool) -> (Axes, Vec<Option<u64>>) {
    if declared || shown.iter().all(Option::is_some) {
        return (axes, shown);
    }
    let stays = named(&axes, &shown);
    without_withheld(axes, &shown, &stays)
}

/// Returns, for each name of each axis, whether a count above 0 is shown of it.
fn named(axes: &Axes, shown: &[Option<u64>]) -> Vec<Vec<bool>> {
    let mut named: Vec<Vec<bool>> = axes.iter().map(|axis| vec![false; axis.len()]).collect();
    for (cell, _) in shown.iter().enumerate().filter(|(_, count)| count.is_some_and(|c| c > 0)) {
        for (named, at) in zip_exact(&mut named, coordinates(axes, cell)) {
            *named.get_mut(at).expect("a coordinate is a place on its axis") = true;
        }
    }
    named
}

/// Removes the names that do not stay. Returns the axes and cells that are left.
fn without_withheld(
    axes: Axes,
    shown: &[Option<u64>],
    stays: &[Vec<bool>],
) -> (Axes, Vec<Option<u64>>) {
    let is_left = |cell: usize| {
        let mut places = zip_exact(stays, coordinates(&axes, cell));
        places.all(|(stays, at)| *stays.get(at).expect("a coordinate is a place on its axis"))
    };
    let cells = shown.iter().enumerate().filter(|(cell, _)| is_left(*cell));
    let cells = cells.map(|(_, count)| *count).collect();
    let left = |(axis, stays): (Vec<String>, &Vec<bool>)| {
        zip_exact(axis, stays).filter_map(|(name, stays)| stays.then_some(name)).collect()
    };
    (zip_exact(axes, stays).map(left).collect(), cells)
}

/// Returns the position of a cell on each axis. The last axis runs fastest.
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

fn table(x: &[String], y: &[String], shown: &[Option<u64>], whole: Option<Whole>) -> Table {
    let rows = shown.chunks(y.len().max(1));
    let row = |row: &[Option<u64>]| zip_exact(y.iter().cloned(), row.iter().copied()).collect();
    let mode = largest(shown).and_then(|cell| {
        Some((
            x.get(cell.checked_div(y.len())?)?.clone(),
            y.get(cell.checked_rem(y.len())?)?.clone(),
        ))
    });
    Table { table: zip_exact(x.iter().cloned(), rows.map(row)).collect(), mode, whole }
}

/// Returns the first cell with the largest count that is shown and above 0.
fn largest(shown: &[Option<u64>]) -> Option<usize> {
    let counts = shown.iter().enumerate().filter_map(|(cell, count)| Some((cell, (*count)?)));
    let largest = counts
        .filter(|(_, count)| *count > 0)
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map(|(cell, _)| cell)
}
