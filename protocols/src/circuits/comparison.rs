//! Comparisons. Exact for every value of the digits that they look at.

use crate::algebra::ring::Ring;
pub(crate) use crate::circuits::adder::msb_of_sum as negative_sum;
use crate::circuits::{Bits, and_all, not};
use crate::engine::Engine;
use crate::engine::shared::{Shared, SharedBits};
use crate::kernel::fault::Fault;

/// Returns whether each number, read in two's complement of `width` bits, is below zero.
///
/// Numbers of 64 bits are compared exactly over their whole range as x − y in a ring of at least 65 bits:
/// `negative(x − y, 65)`. Where all differences are known to be below 2^(w−1) in magnitude, w bits do.
pub(crate) async fn negative<E: Engine, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    width: usize,
) -> Result<Bits<E>, Fault> {
    engine.msb(x, width.min(R::BITS)).await
}

/// Whether any of the first `lanes` bits of a plane is 1: in the first lane, with zeros behind it.
/// ⌈log₂ lanes⌉ rounds.
pub(crate) async fn any<E: Engine>(
    engine: &mut E,
    plane: &Bits<E>,
    lanes: usize,
) -> Result<Bits<E>, Fault> {
    let mut left = lanes;
    let mut bits = plane.lanes(0..left);
    while left > 1 {
        left = left.div_ceil(2);
        let (low, high) = (bits.lanes(0..left), bits.lanes(left..2 * left));
        let both = engine.multiply(&low, &high).await?;
        bits = low.plus(&high).plus(&both);
    }
    Ok(bits)
}

/// Where all planes have a 0: the numbers that are zero.
pub(crate) async fn all_zero<E: Engine>(
    engine: &mut E,
    planes: &[Bits<E>],
) -> Result<Bits<E>, Fault> {
    let mut level: Vec<Bits<E>> = planes.iter().map(|plane| not(engine, plane)).collect();
    while level.len() > 1 {
        let alone = if level.len() % 2 == 1 { level.pop() } else { None };
        let pairs: Vec<_> =
            level.chunks_exact(2).filter_map(|two| two.first().zip(two.get(1))).collect();
        level = and_all(engine, &pairs).await?;
        level.extend(alone);
    }
    Ok(level.pop().unwrap_or_else(|| engine.public(Vec::new())))
}
