//! Choosing by a bit that nobody sees.

use crate::algebra::ring::Ring;
use crate::circuits::comparison::negative;
use crate::circuits::{Bits, not};
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::fault::Fault;

/// The elements of `one` where the bit is 1, else those of `zero`: zero + b·(one − zero). Three
/// rounds.
pub(crate) async fn select<E: Engine, R: Ring>(
    engine: &mut E,
    bits: &Bits<E>,
    one: &E::Shared<R>,
    zero: &E::Shared<R>,
) -> Result<E::Shared<R>, Fault> {
    let bits = engine.inject(&[bits], one.len()).await?;
    let chosen = engine.multiply(&bits, &one.minus(zero)).await?;
    Ok(zero.plus(&chosen))
}

/// The largest of all counts and its place, the first of several; both in shared form, of one
/// element each. `digits` binary digits hold every difference of two counts and its sign. None if
/// there is no count.
///
/// A tournament: each round of comparisons leaves half of the candidates.
pub(crate) async fn largest<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    digits: usize,
) -> Result<Option<[E::Shared<u64>; 2]>, Fault> {
    let places = (0..counts.len() as u64).collect();
    let mut candidates = [counts.clone(), engine.public(places)];
    while candidates.first().is_some_and(|counts| counts.len() > 1) {
        candidates = winners(engine, &candidates, digits).await?;
    }
    let exists = counts.len() > 0;
    Ok(exists.then_some(candidates))
}

async fn winners<E: Engine>(
    engine: &mut E,
    [counts, places]: &[E::Shared<u64>; 2],
    digits: usize,
) -> Result<[E::Shared<u64>; 2], Fault> {
    let matches = counts.len() / 2;
    let left: Vec<usize> = (0..matches).map(|index| 2 * index).collect();
    let right: Vec<usize> = left.iter().map(|index| index + 1).collect();
    let bye = 2 * matches..counts.len();

    let lead = counts.gather(&left).minus(&counts.gather(&right));
    let right_wins = negative(engine, &lead, digits).await?;
    let left_wins = not(engine, &right_wins);
    let bits: E::Shared<u64> = engine.inject(&[&left_wins], matches).await?;
    let two = |x: &E::Shared<u64>, y: &E::Shared<u64>| E::Shared::<u64>::concat(&[x, y]);
    let ahead = two(&lead, &places.gather(&left).minus(&places.gather(&right)));
    let chosen = engine.multiply(&two(&bits, &bits), &ahead).await?;
    let won = two(&counts.gather(&right), &places.gather(&right)).plus(&chosen);
    Ok([
        two(&won.slice(0..matches), &counts.slice(bye.clone())),
        two(&won.slice(matches..2 * matches), &places.slice(bye)),
    ])
}
