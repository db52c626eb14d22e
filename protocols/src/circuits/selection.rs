//! Choice by a shared bit.

use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::comparison::less_than_zero;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// Selects, of each pair of vectors, the elements of the first where the bit is 1, else those of
/// the second: second + b·(first − second). All have one length. Three rounds.
pub(crate) async fn select<E: Engine, R: Ring>(
    engine: &mut E,
    bits: &Bits<E>,
    pairs: &[[&E::Shared<R>; 2]],
) -> Result<Vec<E::Shared<R>>, Fault> {
    let len = pairs.first().map_or(0, |[first, _]| first.len());
    let firsts: Vec<_> = pairs.iter().map(|[first, _]| *first).collect();
    let seconds: Vec<_> = pairs.iter().map(|[_, second]| *second).collect();
    let (firsts, seconds) = (E::Shared::<R>::concat(&firsts), E::Shared::<R>::concat(&seconds));
    let bits = engine.bit_to_arithmetic(&[bits], len).await?;
    let bits = E::Shared::<R>::concat(&vec![&bits; pairs.len()]);
    let chosen = engine.multiply(&bits, &firsts.minus(&seconds)).await?;
    Ok(seconds.plus(&chosen).split_into(pairs.len()))
}

/// Replaces each count below `least` by 0. Counts and `least` are below 2^62. Eleven rounds.
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
    let lead = counts.minus(&engine.public(vec![least; counts.len()]));
    less_than_zero(engine, &lead, <u64 as Ring>::BITS).await
}

/// Returns the largest of all counts and its place, the first of several. Both are in shared form,
/// of one element each. `width` bits hold every difference of two counts and its sign. Returns none
/// if there is no count.
///
/// It is a tournament: each round of comparisons leaves half of the candidates.
pub(crate) async fn argmax<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    width: usize,
) -> Result<Option<[E::Shared<u64>; 2]>, Fault> {
    let places = (0..counts.len() as u64).collect();
    let mut candidates = [counts.clone(), engine.public(places)];
    while candidates.first().is_some_and(|counts| counts.len() > 1) {
        candidates = winners(engine, &candidates, width).await?;
    }
    let exists = counts.len() > 0;
    Ok(exists.then_some(candidates))
}

async fn winners<E: Engine>(
    engine: &mut E,
    [counts, places]: &[E::Shared<u64>; 2],
    width: usize,
) -> Result<[E::Shared<u64>; 2], Fault> {
    let matches = counts.len() / 2;
    let left: Vec<usize> = (0..matches).map(|index| 2 * index).collect();
    let right: Vec<usize> = left.iter().map(|index| index + 1).collect();
    let bye = 2 * matches..counts.len();

    let both = |x: &E::Shared<u64>| [x.gather(&left), x.gather(&right)];
    let ([left_counts, right_counts], [left_places, right_places]) = (both(counts), both(places));
    let right_wins = less_than_zero(engine, &left_counts.minus(&right_counts), width).await?;
    let pairs = [[&right_counts, &left_counts], [&right_places, &left_places]];
    let won = select(engine, &right_wins, &pairs).await?;
    let [won_counts, won_places] = won.as_slice() else {
        unreachable!("two pairs have two choices")
    };
    let with_bye = |won: &E::Shared<u64>, all: &E::Shared<u64>| {
        E::Shared::<u64>::concat(&[won, &all.slice(bye.clone())])
    };
    Ok([with_bye(won_counts, counts), with_bye(won_places, places)])
}
