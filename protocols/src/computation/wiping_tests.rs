//! Types that hold inputs or shares wipe themselves.

use zeroize::ZeroizeOnDrop;

use crate::algebra::packed_bits::PackedBits;
use crate::algebra::secret_elements::SecretElements;
use crate::computation::{Column, Input};
use crate::engine::tables::Table;

/// Compiles for types alone that wipe themselves.
fn wipes<T: ZeroizeOnDrop>() {
    assert!(std::mem::needs_drop::<T>());
}

#[test]
fn shares_and_inputs_wipe_themselves() {
    wipes::<SecretElements<u64>>();
    wipes::<SecretElements<u128>>();
    wipes::<SecretElements<PackedBits>>();
    wipes::<Table>();
    wipes::<Input>();
    wipes::<Column>();
}
