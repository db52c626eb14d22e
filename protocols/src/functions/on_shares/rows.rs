//! `TopK` and `Sort`: the largest of all numbers with how often they occur, and all numbers in
//! order. The rows are sorted under sharing: no party learns whose they are.
//!
//! **The largest.** After the sort, equal numbers are neighbours. A number is shown if it occurs as
//! often as the rules ask of a table's cell: that is decided under sharing, by whether as many
//! neighbours are equal, and numbers that occur less often are passed over. The k-th and earlier of
//! those that are shown get a tag, from 1 to k; all other rows the tag 0. The rows are shuffled, the
//! tags opened, and the numbers of the tagged rows; everything else stays shared. How often an opened
//! number occurs every party counts by itself, and the counts are added under sharing.
//!
//! **What is opened** beside the answer: how many rows each party has; and, to helpers, how many
//! numbers are shown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Desk, NO_NUMBERS, UNKNOWN};
use crate::algebra::exact::Grid;
use crate::algebra::order::{double, key};
use crate::algebra::packed_bits::Lanes;
use crate::circuits::comparison::{all_zero, negative};
use crate::circuits::sorting::sort;
use crate::engine::shared::Shared;
use crate::engine::{Audience, Columns, Engine};
use crate::functions::answer::Answer;
use crate::functions::catalogue::Entry;
use crate::functions::doubles;
use crate::functions::input::Input;
use crate::functions::parameters::{Parameters, grid_text, parsed, refuse};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::sizes;

/// The most rows that are sorted, of all parties together.
const MOST_ROWS: usize = 1 << 18;

/// How many of the largest numbers may be asked for, and how many are if nothing is said.
const K: RangeInclusive<u64> = 1..=10_000;
const USUAL_K: u64 = 10;

/// Binary digits of a key.
const KEY: usize = 64;

/// A number and how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Occurrences {
    /// The number.
    pub value: f64,
    /// How often it occurs in all parties' data together.
    pub count: u64,
}

/// One party's numbers; at a helper, none.
pub(crate) struct Prepared {
    question: Question,
    grid: Option<Grid>,
    keys: Zeroizing<Vec<u64>>,
}

#[derive(Clone, Copy)]
enum Question {
    Largest { k: u64 },
    All,
}

impl Prepared {
    pub(super) fn new(
        function: &Entry,
        parameters: &Parameters,
        input: &Input,
    ) -> Result<Self, InputError> {
        let question = match function.name {
            "TopK" => largest(parameters.k.unwrap_or(USUAL_K)),
            "Sort" => Ok(Question::All),
            _ => Err(UNKNOWN),
        };
        Self::of(question?, parameters, input)
    }

    fn of(question: Question, parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        let (grid, numbers) = (parameters.grid()?, doubles(input)?);
        let (actual, limit) = (numbers.len(), MOST_ROWS);
        if actual > limit {
            return Err(InputError::TooMuch { what: "rows to sort", actual, limit });
        }
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
        for (index, x) in numbers.iter().enumerate() {
            grid.admit(index, *x)?;
            keys.push(key(*x));
        }
        Ok(Self { question, grid: Some(grid), keys })
    }

    pub(super) fn to_help(
        function: &Entry,
        agreed: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let question = match function.name {
            "TopK" => parsed(agreed, "k").and_then(largest),
            "Sort" => Ok(Question::All),
            _ => Err(UNKNOWN),
        };
        Ok(Self { question: question?, grid: None, keys: Zeroizing::default() })
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let grid = self.grid.as_ref().map(|grid| grid_text(grid).into());
        let mut texts: BTreeMap<String, String> = grid.unwrap_or_default();
        if let Question::Largest { k } = self.question {
            texts.insert("k".into(), k.to_string());
        }
        texts
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        rows: u64,
    ) -> Result<Option<Answer>, Fault> {
        if rows == 0 {
            return Err(NO_NUMBERS);
        }
        if matches!(self.question, Question::All) && permit.withholds() {
            return Err(permit.shows_single_rows().into());
        }
        // Descending: the largest first.
        let words: Zeroizing<Vec<Lanes>> =
            Zeroizing::new(self.keys.iter().map(|key| Lanes(!key)).collect());
        let sorted = bring_in_and_sort(desk, &words, rows).await?;
        match self.question {
            Question::All => {
                let opened = desk.engine.open(&sorted, Audience::Parties).await?;
                opened.map(|words| all_in_order(&words)).transpose()
            }
            Question::Largest { k } => {
                let tagged = tagged(&mut desk.engine, &sorted, k, permit.least_shown()).await?;
                let values = open_tagged(&mut desk.engine, tagged, k).await?;
                count(desk, &self.keys, values, rows).await
            }
        }
    }
}

fn largest(k: u64) -> Result<Question, InputError> {
    if K.contains(&k) {
        return Ok(Question::Largest { k });
    }
    Err(refuse("k", format!("from {} to {}", K.start(), K.end())))
}

/// All parties' words in shared form, in ascending order.
async fn bring_in_and_sort<E: Engine>(
    desk: &mut Desk<'_, E>,
    words: &[Lanes],
    rows: u64,
) -> Result<E::Shared<Lanes>, Fault> {
    let sizes = sizes::exchange(desk.channel, desk.inputs, [words.len() as u64]).await?;
    let lengths = lengths(&sizes)?;
    if lengths.iter().sum::<usize>() as u64 != rows {
        return Err(Fault::Implausible);
    }
    // The widest messages are of eight indicators a row.
    desk.engine.prepare(8 * KEY / 8 * lengths.iter().sum::<usize>()).await?;
    let shares = desk.engine.share(words, &lengths).await?;
    let all = E::Shared::<Lanes>::concat(&shares.iter().collect::<Vec<_>>());
    let table = Columns { numbers: Vec::new(), words: vec![all] };
    let mut sorted = sort(&mut desk.engine, table, KEY).await?;
    sorted.words.pop().ok_or(Fault::Implausible)
}

fn lengths(sizes: &[[u64; 1]]) -> Result<Vec<usize>, Fault> {
    let mut lengths = Vec::with_capacity(sizes.len());
    for (index, [size]) in sizes.iter().enumerate() {
        let length = usize::try_from(*size).ok().filter(|length| *length <= MOST_ROWS);
        match (length, Party::new(index)) {
            (Some(length), _) => lengths.push(length),
            (None, Some(party)) => return Err(Fault::blame(party, Misbehaviour::OutOfRange)),
            (None, None) => return Err(Fault::Implausible),
        }
    }
    if lengths.iter().sum::<usize>() > MOST_ROWS {
        let why =
            "all parties together have more than 2^18 rows, which is the most that are sorted";
        return Err(Fault::Undefined { why });
    }
    Ok(lengths)
}

/// The rows, each with its tag.
async fn tagged<E: Engine>(
    engine: &mut E,
    sorted: &E::Shared<Lanes>,
    k: u64,
    least: u64,
) -> Result<Columns<E>, Fault> {
    let rows = sorted.len();
    let first = first_of_equal(engine, sorted).await?;
    let shown = shown(engine, &first, least).await?;
    // Of the rows that begin a shown number: which of these it is, if it is one of the first k.
    let place = shown.running_sums(rows);
    let beyond = engine.public(vec![k + 1; rows]);
    let is_early =
        negative(engine, &place.minus(&beyond), digits(rows.max(to_usize(k) + 1))).await?;
    let is_early = engine.inject(&[&is_early], rows).await?;
    let early_place = engine.multiply(&place, &is_early).await?;
    let tag = engine.multiply(&early_place, &shown).await?;
    Ok(Columns { numbers: vec![tag], words: vec![sorted.clone()] })
}

/// 1 in the rows that differ from the one before, and in the first.
async fn first_of_equal<E: Engine>(
    engine: &mut E,
    sorted: &E::Shared<Lanes>,
) -> Result<E::Shared<u64>, Fault> {
    let rows = sorted.len();
    let first = engine.public(vec![1; rows]);
    if rows < 2 {
        return Ok(first);
    }
    let differing = sorted.slice(1..rows).minus(&sorted.slice(0..rows - 1));
    let planes = engine.planes(&differing, 0..KEY);
    let equal = all_zero(engine, &planes).await?;
    let equal: E::Shared<u64> = engine.inject(&[&equal], rows - 1).await?;
    let none = engine.public(vec![0]);
    Ok(first.minus(&E::Shared::<u64>::concat(&[&none, &equal])))
}

/// Of the first rows of equal ones, those with at least so many rows.
async fn shown<E: Engine>(
    engine: &mut E,
    first: &E::Shared<u64>,
    least: u64,
) -> Result<E::Shared<u64>, Fault> {
    let rows = first.len();
    if least <= 1 {
        return Ok(first.clone());
    }
    let window = to_usize(least - 1);
    let Some(long_enough) = rows.checked_sub(window).filter(|count| *count > 0) else {
        return Ok(engine.public(vec![0; rows]));
    };
    // How many of the rows behind begin another number: none, if all are equal. The sums are of at
    // most `window` ones, and are zero exactly where the sum less 1 is negative.
    let sums = E::Shared::<u64>::concat(&[&engine.public(vec![0]), &first.running_sums(rows)]);
    let behind: Vec<usize> = (0..long_enough).map(|row| row + 1 + window).collect();
    let up_to: Vec<usize> = (0..long_enough).map(|row| row + 1).collect();
    let others = sums.gather(&behind).minus(&sums.gather(&up_to));
    let less_one = others.minus(&engine.public(vec![1; long_enough]));
    let all_equal = negative(engine, &less_one, digits(window)).await?;
    let all_equal: E::Shared<u64> = engine.inject(&[&all_equal], long_enough).await?;
    let none = engine.public(vec![0; rows - long_enough]);
    engine.multiply(first, &E::Shared::<u64>::concat(&[&all_equal, &none])).await
}

/// The numbers of the tagged rows, in the order of their tags; nothing at a helper.
async fn open_tagged<E: Engine>(
    engine: &mut E,
    tagged: Columns<E>,
    k: u64,
) -> Result<(usize, Option<Vec<Lanes>>), Fault> {
    let shuffled = engine.shuffle(tagged).await?;
    let (tags, words) =
        shuffled.numbers.first().zip(shuffled.words.first()).ok_or(Fault::Implausible)?;
    let tags = engine.open(tags, Audience::Everybody).await?.unwrap_or_default();
    let mut places: Vec<(u64, usize)> =
        tags.iter().enumerate().map(|(row, tag)| (*tag, row)).filter(|(tag, _)| *tag > 0).collect();
    places.sort_unstable();
    if places.len() as u64 > k || !places.iter().map(|(tag, _)| *tag).eq(1..=places.len() as u64) {
        return Err(Fault::Implausible);
    }
    let rows: Vec<usize> = places.into_iter().map(|(_, row)| row).collect();
    if rows.is_empty() {
        return Ok((0, Some(Vec::new())));
    }
    Ok((rows.len(), engine.open(&words.gather(&rows), Audience::Parties).await?))
}

/// How often each opened number occurs.
async fn count<E: Engine>(
    desk: &mut Desk<'_, E>,
    keys: &[u64],
    (shown, words): (usize, Option<Vec<Lanes>>),
    rows: u64,
) -> Result<Option<Answer>, Fault> {
    let mut own: BTreeMap<u64, u64> = BTreeMap::new();
    keys.iter().for_each(|key| *own.entry(*key).or_default() += 1);
    let occurs = |word: &Lanes| own.get(&!word.0).copied().unwrap_or(0);
    let mine: Zeroizing<Vec<u64>> = Zeroizing::new(words.iter().flatten().map(occurs).collect());
    let counts = desk.sum(&mine, shown).await?;
    let counts = desk.engine.open(&counts, Audience::Parties).await?;
    let Some((words, counts)) = words.zip(counts).filter(|_| desk.engine.brings_data()) else {
        return Ok(None);
    };
    let occurrences = |(word, count): (&Lanes, u64)| {
        let value = double(!word.0).ok_or(Fault::Implausible)?;
        Ok(Occurrences { value, count })
    };
    let top = words.iter().zip(counts).map(occurrences).collect::<Result<_, Fault>>()?;
    Ok(Some(Answer::Top { top, samples: rows }))
}

fn all_in_order(words: &[Lanes]) -> Result<Answer, Fault> {
    let numbers = words.iter().rev().map(|word| double(!word.0));
    let sorted: Option<Vec<f64>> = numbers.collect();
    Ok(Answer::Sorted { sorted: sorted.ok_or(Fault::Implausible)?, samples: words.len() as u64 })
}

/// Binary digits of two's complement for numbers of up to this magnitude.
fn digits(most: usize) -> usize {
    let bits = usize::BITS - most.leading_zeros();
    usize::try_from(bits).unwrap_or(KEY) + 1
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
