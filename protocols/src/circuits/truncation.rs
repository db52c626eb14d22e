//! Exact division of shared numbers by a power of two.
//!
//! ⌊x / 2^k⌋ of a number of w bits in two's complement is Σ_{i=k}^{w−2} b_i·2^(i−k) −
//! b_{w−1}·2^(w−1−k). The bits are converted to numbers and added up, so the result is exact,
//! whatever x is. The cost is that of converting w − k bits, after a decomposition.

use crate::algebra::ring::Ring;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// Returns ⌊x / 2^`bits`⌋ for numbers in two's complement. `bits` is below [`Ring::BITS`].
pub(crate) async fn truncate<E: Engine, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    bits: usize,
) -> Result<E::Shared<R>, Fault> {
    assert!(bits < R::BITS, "a number has {} bits", R::BITS);
    if bits == 0 || x.len() == 0 {
        return Ok(x.clone());
    }
    let slices = engine.bits(x, bits..R::BITS).await?;
    let slices: Vec<_> = slices.iter().collect();
    let len = x.len();
    let numbers: E::Shared<R> = engine.bit_to_arithmetic(&slices, len).await?;
    let mut weight = R::ONE;
    let mut sum = numbers.slice(0..len).minus(&numbers.slice(0..len));
    for (place, bit) in numbers.split_into(slices.len()).iter().enumerate() {
        let is_sign = place + 1 == slices.len();
        sum = sum.plus(&bit.scaled(if is_sign { weight.negated() } else { weight }));
        weight = weight.plus(weight);
    }
    Ok(sum)
}
