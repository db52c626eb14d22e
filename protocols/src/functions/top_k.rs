//! `TopK`: the largest of all parties' numbers, with the number of times that each occurs.
//!
//! After a sort on shares, equal numbers are neighbours. The first row of each of the k largest
//! numbers gets a tag, from 1 to k; all other rows get the tag 0. If small counts are withheld it is
//! refused: a party could fill up the count of any number by rows of its own. The rows are shuffled. Then the tags are
//! opened, and the numbers of the tagged rows; everything else stays shared. Each party counts by
//! itself the occurrences of the opened numbers, and the counts are added on shares.
//!
//! **Opened beside the answer:** the number of rows of each party; to helpers, the count of the
//! numbers that are shown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::order::double;
use crate::algebra::packed_bits::PackedBits;
use crate::circuits::comparison::{all_zero, less_than_zero};
use crate::engine::reveals::{RELEASE, ROWS, ROWS_OF_EACH, SHOWN};
use crate::engine::shared::Shared;
use crate::engine::{Columns, Engine, Reconstructed};
use crate::functions::answer::Answer;
use crate::functions::common::numbers::ORDERED_NUMBERS;
use crate::functions::common::rows::{KEY, Unsorted};
use crate::functions::descriptor::{Descriptor, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, refuse};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

/// The range and the default of `k`, the count of largest numbers that a client asks for.
const K: RangeInclusive<u64> = 1..=10_000;
const USUAL_K: u64 = 10;

/// A number and the count of its occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Occurrences {
    /// The number.
    pub value: f64,
    /// The count of its occurrences in all parties' data together.
    pub count: u64,
}

pub(crate) struct TopK {
    numbers: Unsorted,
    k: u64,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    digits: Digits,
    k: Option<u64>,
}

impl Function for TopK {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "TopK",
        summary: "the largest numbers and how often each occurs",
        parameters: &[
            ParameterEntry::number(
                "k",
                "how many of the largest numbers, from 1 to 10,000; 10 where it is left out",
            ),
            Digits::BEFORE,
            Digits::AFTER,
        ],
        reveals: &[RELEASE, ROWS, ROWS_OF_EACH, SHOWN],
        result_keys: &["top", "samples"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Parameters;

    fn opens(parameters: &Parameters, _: Scope) -> Equations {
        Equations::ranks(parameters.k.unwrap_or(USUAL_K))
    }

    fn new(
        Parameters { digits, k }: Parameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        let k = k.unwrap_or(USUAL_K);
        if !K.contains(&k) {
            return Err(refuse("k", format!("from {} to {}", K.start(), K.end())));
        }
        Ok(Self { numbers: Unsorted::new(digits, input)?, k })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed = self.numbers.agreed();
        agreed.insert("k".to_owned(), self.k.to_string());
        agreed
    }
}

impl OnShares for TopK {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        if cx.permit.withholds() {
            return Err(cx.permit.shows_ranks().into());
        }
        let sorted = self.numbers.sorted(cx).await?;
        let tagged = tagged(&mut cx.engine, &sorted, self.k).await?;
        let (shown, words) = open_tagged(&mut cx.engine, tagged, self.k).await?;
        count(cx, &self.numbers.keys, shown, words).await
    }
}

/// Returns the rows, each with its tag.
async fn tagged<E: Engine>(
    engine: &mut E,
    sorted: &E::Shared<PackedBits>,
    k: u64,
) -> Result<Columns<E>, Fault> {
    let rows = sorted.len();
    let first = first_of_equal(engine, sorted).await?;
    // The place among the different numbers of each row that begins one, if it is among the first k.
    let place = first.prefix_sums(rows);
    let beyond = engine.public(vec![k + 1; rows]);
    let is_early =
        less_than_zero(engine, &place.minus(&beyond), width(rows.max(to_usize(k) + 1))).await?;
    let is_early = engine.bit_to_arithmetic(&[&is_early], rows).await?;
    let early_place = engine.multiply(&place, &is_early).await?;
    let tag = engine.multiply(&early_place, &first).await?;
    Ok(Columns { numbers: vec![tag], words: vec![sorted.clone()] })
}

/// Returns 1 for the rows that differ from the one before, and for the first.
async fn first_of_equal<E: Engine>(
    engine: &mut E,
    sorted: &E::Shared<PackedBits>,
) -> Result<E::Shared<u64>, Fault> {
    let rows = sorted.len();
    let first = engine.public(vec![1; rows]);
    if rows < 2 {
        return Ok(first);
    }
    let differing = sorted.slice(1..rows).minus(&sorted.slice(0..rows - 1));
    let bit_slices = engine.bit_slices(&differing, 0..KEY);
    let equal = all_zero(engine, &bit_slices).await?;
    let equal: E::Shared<u64> = engine.bit_to_arithmetic(&[&equal], rows - 1).await?;
    let none = engine.public(vec![0]);
    Ok(first.minus(&E::Shared::<u64>::concat(&[&none, &equal])))
}

/// Opens the numbers of the tagged rows to the parties, in the order of their tags. Returns their
/// count, too.
async fn open_tagged<E: Engine>(
    engine: &mut E,
    tagged: Columns<E>,
    k: u64,
) -> Result<(usize, Reconstructed<Vec<PackedBits>>), Fault> {
    let shuffled = engine.shuffle(tagged).await?;
    let (tags, words) = shuffled
        .numbers
        .first()
        .zip(shuffled.words.first())
        .ok_or(Fault::Internal("a shuffled table has the columns that it had"))?;
    let tags = engine.open_to_all(tags, SHOWN).await?;
    let mut places: Vec<(u64, usize)> =
        tags.iter().enumerate().map(|(row, tag)| (*tag, row)).filter(|(tag, _)| *tag > 0).collect();
    places.sort_unstable();
    if places.len() as u64 > k || !places.iter().map(|(tag, _)| *tag).eq(1..=places.len() as u64) {
        return Err(Fault::InvalidOpening);
    }
    let rows: Vec<usize> = places.into_iter().map(|(_, row)| row).collect();
    if rows.is_empty() {
        let none = if engine.brings_data() {
            Reconstructed::Value(Vec::new())
        } else {
            Reconstructed::NotARecipient
        };
        return Ok((0, none));
    }
    Ok((rows.len(), engine.open(&words.gather(&rows), Reveal::ANSWER).await?))
}

/// Counts the occurrences of each opened number.
async fn count<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    keys: &[u64],
    shown: usize,
    words: Reconstructed<Vec<PackedBits>>,
) -> Computed {
    let mut own: BTreeMap<u64, u64> = BTreeMap::new();
    keys.iter().for_each(|key| *own.entry(*key).or_default() += 1);
    let occurs = |word: &PackedBits| own.get(&!word.0).copied().unwrap_or(0);
    let mine: Zeroizing<Vec<u64>> = match &words {
        Reconstructed::Value(words) => Zeroizing::new(words.iter().map(occurs).collect()),
        Reconstructed::NotARecipient => Zeroizing::default(),
    };
    let counts = cx.sum(&mine, shown).await?;
    let counts = cx.engine.open(&counts, Reveal::ANSWER).await?;
    let (Reconstructed::Value(words), Reconstructed::Value(counts)) = (words, counts) else {
        return Ok(None);
    };
    let occurrences = |(word, count): (&PackedBits, u64)| {
        let value = double(!word.0).ok_or(Fault::InvalidOpening)?;
        Ok(Occurrences { value, count })
    };
    let top = zip_exact(&words, counts).map(occurrences).collect::<Result<Vec<_>, Fault>>()?;
    check(&top, cx.rows)?;
    Ok(Some(Answer::Top { top, samples: cx.rows }))
}

/// Refuses numbers that do not descend, and counts of more rows than there are.
fn check(top: &[Occurrences], rows: u64) -> Result<(), Fault> {
    let descends = top.is_sorted_by(|one, next| one.value > next.value);
    let counted = top.iter().try_fold(0_u64, |sum, number| sum.checked_add(number.count));
    let fits = counted.is_some_and(|counted| counted <= rows);
    if descends && fits { Ok(()) } else { Err(Fault::InvalidOpening) }
}

/// Returns the width in two's complement of numbers of up to this magnitude.
fn width(most: usize) -> usize {
    let bits = usize::BITS - most.leading_zeros();
    usize::try_from(bits).unwrap_or(KEY) + 1
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opened_numbers_that_no_rows_have_are_refused() {
        let check = |numbers: &[(f64, u64)]| {
            let top =
                numbers.iter().map(|(value, count)| Occurrences { value: *value, count: *count });
            super::check(&top.collect::<Vec<_>>(), 5)
        };
        assert_eq!(check(&[(3.0, 2), (1.0, 3)]), Ok(()));
        let refused = Err(Fault::InvalidOpening);
        assert_eq!(check(&[(3.0, 1), (3.0, 1)]), refused);
        assert_eq!(check(&[(1.0, 2), (3.0, 3)]), refused);
        assert_eq!(check(&[(3.0, 2), (1.0, 4)]), refused);
        assert_eq!(check(&[(3.0, u64::MAX), (1.0, 2)]), refused);
    }
}
