//! Choice by a shared bit.
//!
//! The suites say how many rounds a comparison, a conversion and a product take.

use crate::algebra::packed_bits::bit_slice_words;
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::comparison::less_than_zero;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// Selects, of each pair of vectors, the elements of the first where the bit is 1, else those of
/// the second: second + b·(first − second). All have one length. One conversion of bits to numbers
/// and one product.
pub(crate) async fn select<E: Engine, R: Ring>(
    engine: &mut E,
    bits: &Bits<E>,
    pairs: &[[&E::Shared<R>; 2]],
) -> Result<Vec<E::Shared<R>>, Fault> {
    let [[first, _], ..] = pairs else { return Ok(Vec::new()) };
    let len = first.len();
    let have_one_length = pairs.iter().flatten().all(|vector| vector.len() == len);
    assert!(have_one_length, "vectors to choose from have one length");
    assert_eq!(bits.len(), bit_slice_words(len), "there is a bit for each choice");
    let firsts: Vec<_> = pairs.iter().map(|[first, _]| *first).collect();
    let seconds: Vec<_> = pairs.iter().map(|[_, second]| *second).collect();
    let firsts = E::Shared::<R>::concat(&firsts);
    let seconds = E::Shared::<R>::concat(&seconds);
    let bits = engine.bit_to_arithmetic(&[bits], len).await?;
    let bits = E::Shared::<R>::concat(&vec![&bits; pairs.len()]);
    let chosen = engine.multiply(&bits, &firsts.minus(&seconds)).await?;
    Ok(seconds.plus(&chosen).split_into(pairs.len()))
}

/// Replaces each count below `least` by 0. Counts and `least` are below 2^62. One comparison, one
/// conversion of bits to numbers, and one product.
pub(crate) async fn suppress_below<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    least: u64,
) -> Result<E::Shared<u64>, Fault> {
    let is_small = is_below(engine, counts, least).await?;
    let is_small: E::Shared<u64> = engine.bit_to_arithmetic(&[&is_small], counts.len()).await?;
    let is_shown = engine.public(vec![1; counts.len()]).minus(&is_small);
    engine.multiply(counts, &is_shown).await
}

/// Returns whether each count is below `least`. Counts and `least` are below 2^62.
pub(crate) async fn is_below<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    least: u64,
) -> Result<Bits<E>, Fault> {
    assert!(least < 1 << 62, "a least count is below 2^62");
    let differences = counts.minus(&engine.public(vec![least; counts.len()]));
    less_than_zero(engine, &differences, <u64 as Ring>::BITS).await
}

/// Returns the largest of all counts and its place, the first of several. Both are in shared form,
/// of one element each. `width` bits hold every difference of two counts and its sign. Returns none
/// if there is no count.
///
/// Each round of comparisons leaves the larger of each pair of neighbours: half of the candidates.
pub(crate) async fn argmax<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    width: usize,
) -> Result<Option<[E::Shared<u64>; 2]>, Fault> {
    let places = (0..counts.len() as u64).collect();
    let mut candidates = [counts.clone(), engine.public(places)];
    while candidates.first().is_some_and(|counts| counts.len() > 1) {
        candidates = larger_of_pairs(engine, &candidates, width).await?;
    }
    let exists = counts.len() > 0;
    Ok(exists.then_some(candidates))
}

/// Returns the larger of each pair of neighbours, and its place; behind them the last candidate, if
/// it has no neighbour.
async fn larger_of_pairs<E: Engine>(
    engine: &mut E,
    [counts, places]: &[E::Shared<u64>; 2],
    width: usize,
) -> Result<[E::Shared<u64>; 2], Fault> {
    let pairs = counts.len() / 2;
    let left: Vec<usize> = (0..pairs).map(|index| 2 * index).collect();
    let right: Vec<usize> = left.iter().map(|index| index + 1).collect();
    let odd_one = 2 * pairs..counts.len();

    let [left_counts, right_counts] = [&left, &right].map(|side| counts.gather(side));
    let [left_places, right_places] = [&left, &right].map(|side| places.gather(side));
    let right_is_larger = less_than_zero(engine, &left_counts.minus(&right_counts), width).await?;
    let pairs = [[&right_counts, &left_counts], [&right_places, &left_places]];
    let larger = select(engine, &right_is_larger, &pairs).await?;
    let [larger_counts, larger_places] = larger.as_slice() else {
        unreachable!("two pairs have two choices")
    };
    Ok([
        E::Shared::<u64>::concat(&[larger_counts, &counts.slice(odd_one.clone())]),
        E::Shared::<u64>::concat(&[larger_places, &places.slice(odd_one)]),
    ])
}
