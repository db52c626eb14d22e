//! Comparisons. They are exact for every value of the bits that they use.

use crate::algebra::elementwise::zip_exact;
use crate::algebra::ring::Ring;
use crate::circuits::{Bits, and_all, not};
use crate::engine::Engine;
use crate::engine::shared::{Shared, SharedBits};
use crate::kernel::fault::Fault;

/// Returns whether each number, read in two's complement of `width` bits, is below zero.
///
/// Numbers of 64 bits are compared exactly over their whole range as x − y in a ring of at least 65
/// bits: `less_than_zero(x − y, 65)`. If all differences are below 2^(w−1) in magnitude, w bits
/// suffice.
pub(crate) async fn less_than_zero<E: Engine, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    width: usize,
) -> Result<Bits<E>, Fault> {
    engine.msb(x, width.min(R::BITS)).await
}

/// Returns the disjunction of the first `lanes` bits of each bit slice in the first bit, with zeros
/// behind it. ⌈log₂ lanes⌉ rounds for all slices.
pub(crate) async fn or_each<E: Engine>(
    engine: &mut E,
    bit_slices: Vec<Bits<E>>,
    lanes: usize,
) -> Result<Vec<Bits<E>>, Fault> {
    let mut left = lanes;
    let mut slices: Vec<Bits<E>> = bit_slices.iter().map(|slice| slice.lanes(0..left)).collect();
    while left > 1 {
        left = left.div_ceil(2);
        let halves = |slice: &Bits<E>| (slice.lanes(0..left), slice.lanes(left..2 * left));
        let halves: Vec<(Bits<E>, Bits<E>)> = slices.iter().map(halves).collect();
        let pairs: Vec<_> = halves.iter().map(|(low, high)| (low, high)).collect();
        let both = and_all(engine, &pairs).await?;
        let joined = zip_exact(&halves, &both);
        slices = joined.map(|((low, high), both)| low.plus(high).plus(both)).collect();
    }
    Ok(slices)
}

/// Returns the bits that are 1 in any of the bit slices, of which there is one at least.
pub(crate) async fn any<E: Engine>(
    engine: &mut E,
    bit_slices: Vec<Bits<E>>,
) -> Result<Bits<E>, Fault> {
    let none = all_zero(engine, &bit_slices).await?;
    Ok(not(engine, &none))
}

/// Returns the bits that are 0 in all bit slices: 1 for the numbers that are zero.
pub(crate) async fn all_zero<E: Engine>(
    engine: &mut E,
    bit_slices: &[Bits<E>],
) -> Result<Bits<E>, Fault> {
    let mut level: Vec<Bits<E>> =
        bit_slices.iter().map(|bit_slice| not(engine, bit_slice)).collect();
    while level.len() > 1 {
        let alone = if level.len() % 2 == 1 { level.pop() } else { None };
        let pairs: Vec<_> =
            level.chunks_exact(2).filter_map(|two| two.first().zip(two.get(1))).collect();
        level = and_all(engine, &pairs).await?;
        level.extend(alone);
    }
    Ok(level.pop().expect("there is a bit slice"))
}
