//! Comparisons. They are exact for every value of the bits that they use.

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

/// Returns the disjunction of the first `lanes` bits of a bit slice in the first bit, with zeros
/// behind it. ⌈log₂ lanes⌉ rounds.
pub(crate) async fn or_all<E: Engine>(
    engine: &mut E,
    bit_slice: &Bits<E>,
    lanes: usize,
) -> Result<Bits<E>, Fault> {
    let mut left = lanes;
    let mut bits = bit_slice.lanes(0..left);
    while left > 1 {
        left = left.div_ceil(2);
        let (low, high) = (bits.lanes(0..left), bits.lanes(left..2 * left));
        let both = engine.multiply(&low, &high).await?;
        bits = low.plus(&high).plus(&both);
    }
    Ok(bits)
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
