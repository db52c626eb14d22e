//! Circuits of the operations of any suite: comparisons, choices, sorting.
//!
//! They are written once over [`Engine`]. Public sizes alone decide which operations run, and on
//! how much.

pub(crate) mod adder;
pub(crate) mod comparison;
pub(crate) mod joining;
#[cfg(test)]
mod joining_tests;
#[cfg(test)]
mod length_tests;
mod merging;
#[cfg(test)]
mod merging_tests;
pub(crate) mod selection;
pub(crate) mod sorting;
#[cfg(test)]
mod tests;
pub(crate) mod truncation;

use crate::algebra::packed_bits::PackedBits;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// A bit slice in shared form.
pub(crate) type Bits<E> = <E as Engine>::Shared<PackedBits>;

/// Returns the conjunctions of pairs of bit slices, all of one length, in one round.
async fn and_all<E: Engine>(
    engine: &mut E,
    pairs: &[(&Bits<E>, &Bits<E>)],
) -> Result<Vec<Bits<E>>, Fault> {
    let Some(words) = pairs.first().map(|(x, _)| x.len()) else {
        return Ok(Vec::new());
    };
    if words == 0 {
        return Ok(pairs.iter().map(|(x, _)| (*x).clone()).collect());
    }
    let x: Vec<&Bits<E>> = pairs.iter().map(|(x, _)| *x).collect();
    let y: Vec<&Bits<E>> = pairs.iter().map(|(_, y)| *y).collect();
    let all = engine.multiply(&Bits::<E>::concat(&x), &Bits::<E>::concat(&y)).await?;
    Ok(all.split_into(pairs.len()))
}

/// Inverts the bits.
fn not<E: Engine>(engine: &E, x: &Bits<E>) -> Bits<E> {
    x.plus(&engine.public(vec![PackedBits(u64::MAX); x.len()]))
}
