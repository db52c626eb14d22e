//! Radix sort of a table by a column of words, three or four bits at a time.
//!
//! After Asharov, Hamada, Ikarashi, Kikuchi, Nof, Pinkas, Takahashi, Tomida, *Efficient secure
//! three-party sorting with applications to data analysis and heavy hitters* (CCS 2022), whose
//! steps for one bit are these. There are two deviations. A step takes several bits, as their
//! generalisation does. The table itself is shuffled in each step instead of composing
//! permutations, because its rows are short.
//!
//! From the lowest bits to the highest:
//! 1. *indicators*: f_j is 1 in the rows whose bits are j, 0 in the others.
//! 2. *places*: with s the prefix sums over f_0, f_1, …, one after the other, row i goes to place
//!    ρ_i = Σ_j f_j(i)·s_j(i), counted from 1. This is behind all rows of smaller bits and the rows
//!    of the same bits above it. So the order of equal rows stays.
//! 3. *shuffle* the table and ρ; *open* ρ, which is a uniform permutation then and says nothing;
//!    put each row into its place.
//!
//! Rounds for a step of three or four bits: 2 (indicators) + 2 (as numbers) + 1 + 2 + 1 = 8. Four
//! bits take a quarter fewer steps, and send almost half as much again. That is faster while
//! waiting takes longer than sending, as it does for few rows.

use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::PackedBits;
use crate::circuits::{Bits, and_all};
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::{Columns, Engine, Reconstructed};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// The bits of a step. More bits make fewer steps, and each further bit doubles the indicators.
const STEP: usize = 3;

/// The most rows for which a step takes one bit more. A line of 100 Mbit/s carries the further
/// bytes in less time than the saved steps wait on a round trip of 28 ms.
const FEW_ROWS: usize = 1_024;

/// Sorts the table in ascending order of the lowest `width` bits of its first column of words. Rows
/// that are equal in it stay in their order.
pub(crate) async fn sort<E: Engine>(
    engine: &mut E,
    mut table: Columns<E>,
    width: usize,
) -> Result<Columns<E>, Fault> {
    let few = table.words.first().is_none_or(|keys| keys.len() <= FEW_ROWS);
    let step = if few { STEP + 1 } else { STEP };
    for lowest in (0..width).step_by(step) {
        let Some(keys) = table.words.first().filter(|keys| keys.len() > 1) else {
            return Ok(table);
        };
        let rows = keys.len();
        let bit_slices = keys.bit_slices(lowest..(lowest + step).min(width));
        let places = places(engine, &bit_slices, rows).await?;
        table = put(engine, table, places).await?;
    }
    Ok(table)
}

/// Returns the place that each row goes to, from 0 (step 2).
async fn places<E: Engine>(
    engine: &mut E,
    bit_slices: &[Bits<E>],
    rows: usize,
) -> Result<E::Shared<u64>, Fault> {
    let indicators = indicators(engine, bit_slices).await?;
    let kinds = indicators.len() + 1;
    let indicators: Vec<&Bits<E>> = indicators.iter().collect();
    let numbers: E::Shared<u64> = engine.bit_to_arithmetic(&indicators, rows).await?;
    // Every row has one kind: a row of none of the others is of the first.
    let ones = engine.public(vec![1; rows]);
    let others = (1..kinds).map(|kind| numbers.slice((kind - 1) * rows..kind * rows));
    let first = others.fold(ones.clone(), |left, kind| left.minus(&kind));
    let all = E::Shared::<u64>::concat(&[&first, &numbers]);
    let sums = all.prefix_sums(kinds * rows);
    let (all, sums) = (all.transposed(rows), sums.transposed(rows));
    let from_one = engine.dot(&all, &sums, kinds).await?;
    Ok(from_one.minus(&ones))
}

/// Returns the indicator of each combination of bits but that of zeros alone, in order (step 1).
async fn indicators<E: Engine>(
    engine: &mut E,
    bit_slices: &[Bits<E>],
) -> Result<Vec<Bits<E>>, Fault> {
    let monomials = monomials(engine, bit_slices).await?;
    let kinds = 1_usize << bit_slices.len();
    // Π b_i · Π (1 ⊕ b_j), multiplied out: the sum of the monomials of all supersets.
    let indicator = |kind: usize| {
        let supersets = zip_exact(1..kinds, &monomials).filter(|(set, _)| set & kind == kind);
        supersets.map(|(_, monomial)| monomial.clone()).reduce(|sum, next| sum.plus(&next))
    };
    Ok((1..kinds).filter_map(indicator).collect())
}

/// Returns the conjunction of each set of bit slices but the empty one, in the order of the sets as
/// numbers.
async fn monomials<E: Engine>(
    engine: &mut E,
    bit_slices: &[Bits<E>],
) -> Result<Vec<Bits<E>>, Fault> {
    let kinds = 1_usize << bit_slices.len();
    let mut monomials: Vec<Option<Bits<E>>> = vec![None; kinds];
    for (index, bit_slice) in bit_slices.iter().enumerate() {
        monomials
            .get_mut(1 << index)
            .into_iter()
            .for_each(|place| *place = Some(bit_slice.clone()));
    }
    // The monomials of up to `known` bit slices are there; each of up to twice as many is a product
    // of two.
    let mut known = 1;
    while known < bit_slices.len() {
        let sizes = known + 1..=2 * known;
        let size = |set: &usize| usize::try_from(set.count_ones()).unwrap_or(usize::MAX);
        let of_sizes = |set: &usize| sizes.contains(&size(set));
        let sets: Vec<usize> = (0..kinds).filter(of_sizes).collect();
        let pairs: Vec<_> =
            sets.iter().filter_map(|set| factors(&monomials, *set, known)).collect();
        let products = and_all(engine, &pairs).await?;
        for (set, product) in zip_exact(sets, products) {
            monomials.get_mut(set).into_iter().for_each(|place| *place = Some(product.clone()));
        }
        known *= 2;
    }
    Ok(monomials.into_iter().flatten().collect())
}

/// Returns the conjunction of the lowest `count` bit slices of a set, and that of the others.
fn factors<B>(monomials: &[Option<B>], set: usize, count: usize) -> Option<(&B, &B)> {
    let mut others = set;
    for _ in 0..count {
        others &= others.wrapping_sub(1);
    }
    Some((monomials.get(set ^ others)?.as_ref()?, monomials.get(others)?.as_ref()?))
}

/// Puts each row into its place, without a party learning where it was (step 3).
async fn put<E: Engine>(
    engine: &mut E,
    table: Columns<E>,
    places: E::Shared<u64>,
) -> Result<Columns<E>, Fault> {
    let rows = places.len();
    let Columns { mut numbers, words } = table;
    numbers.push(places);
    let Columns { mut numbers, words } = engine.shuffle(Columns { numbers, words }).await?;
    let places = numbers.pop().expect("a shuffled table has the columns that it had");
    let origins = match engine.open(&places, Reveal::RANDOM).await? {
        Reconstructed::Value(places) => inverse(&places).ok_or(Fault::InvalidOpening)?,
        // A member without shares has no rows to move.
        Reconstructed::NotARecipient => (0..rows).collect(),
    };
    Ok(Columns {
        numbers: numbers.iter().map(|column| column.gather(&origins)).collect(),
        words: words.iter().map(|column: &E::Shared<PackedBits>| column.gather(&origins)).collect(),
    })
}

/// Returns the row that goes to each place; none if the places are not a permutation.
pub(super) fn inverse(places: &[u64]) -> Option<Vec<usize>> {
    let mut origins = vec![None; places.len()];
    for (row, place) in places.iter().enumerate() {
        let origin = origins.get_mut(usize::try_from(*place).ok()?)?;
        if origin.replace(row).is_some() {
            return None;
        }
    }
    origins.into_iter().collect()
}
