//! Comparisons. Exact for every value of the digits that they look at.

use crate::algebra::ring::Ring;
use crate::circuits::adder::highest_digit;
use crate::circuits::{Bits, and_all, not};
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// Whether each number, read in two's complement of so many binary digits, is below zero.
///
/// Numbers of 64 bits are compared exactly over their whole range as x − y in a ring of at least 65
/// digits: `negative(x − y, 65)`. Where all differences are known to be below 2^(d−1) in magnitude,
/// d digits do.
pub(crate) async fn negative<E: Engine, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    digits: usize,
) -> Result<Bits<E>, Fault> {
    if x.len() == 0 || digits == 0 {
        return Ok(engine.public(Vec::new()));
    }
    let addends = engine.addends(x, digits.min(R::BITS)).await?;
    let highest = highest_digit(engine, addends).await?;
    Ok(highest.unwrap_or_else(|| engine.public(Vec::new())))
}

/// Whether each sum of addends, which have equally many planes and come lowest digit first, is below
/// zero in two's complement of so many digits. Of three addends or more, a round of products for each
/// level that leaves two for every three.
pub(crate) async fn negative_sum<E: Engine>(
    engine: &mut E,
    addends: Vec<Vec<Bits<E>>>,
) -> Result<Bits<E>, Fault> {
    let highest = highest_digit(engine, addends).await?;
    Ok(highest.unwrap_or_else(|| engine.public(Vec::new())))
}

/// Whether any of the first `lanes` bits of a plane is 1: in the first lane, with zeros behind it.
/// ⌈log₂ lanes⌉ rounds.
pub(crate) async fn any<E: Engine>(
    engine: &mut E,
    plane: &Bits<E>,
    lanes: usize,
) -> Result<Bits<E>, Fault> {
    let mut left = lanes;
    let mut bits = engine.lanes(plane, 0..left);
    while left > 1 {
        left = left.div_ceil(2);
        let (low, high) = (engine.lanes(&bits, 0..left), engine.lanes(&bits, left..2 * left));
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
