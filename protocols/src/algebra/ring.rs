//! Rings of integers modulo a power of two. Shares and masks are their elements.
//!
//! Addition, subtraction and multiplication wrap. There is no order and no division: on shares they
//! mean nothing. Equality is for opened values and tests.

use std::fmt;

use bytemuck::Pod;
use zeroize::DefaultIsZeroes;

/// A ring of integers modulo 2^[`Ring::BITS`].
pub trait Ring: Pod + DefaultIsZeroes + Eq + fmt::Debug + Send + Sync {
    /// The bits of an element.
    const BITS: usize;
    /// The bytes of an element.
    const BYTES: usize = Self::BITS / 8;
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;

    /// Returns the sum, wrapped.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// Returns the difference, wrapped.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// Returns the product, wrapped.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// Returns the additive inverse.
    #[must_use]
    fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// Returns the element that `word` is modulo 2^[`Ring::BITS`].
    #[must_use]
    fn from_word(word: u64) -> Self;
    /// Returns the 64 bits from number 64·`index` on; zero beyond the highest.
    #[must_use]
    fn word(self, index: usize) -> u64;
    /// Converts between the element and its little-endian bytes in memory. It is its own inverse.
    #[must_use]
    fn little_endian(self) -> Self;
}

macro_rules! ring {
    ($element:ty) => {
        impl Ring for $element {
            const BITS: usize = <$element>::BITS as usize;
            const ZERO: Self = 0;
            const ONE: Self = 1;

            #[inline]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "the residue is meant"
            )]
            fn from_word(word: u64) -> Self {
                word as Self
            }

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "the shift has brought the wanted bits to the lowest 64"
            )]
            fn word(self, index: usize) -> u64 {
                (self as u128).unbounded_shr(64 * index as u32) as u64
            }

            #[inline]
            fn little_endian(self) -> Self {
                self.to_le()
            }
        }
    };
}

ring!(u64);
ring!(u128);
// Small enough to try all pairs of elements.
#[cfg(test)]
ring!(u8);

/// Adds `source` to `target`, two integers of equally many limbs, wrapping.
///
/// # Panics
/// If the lengths differ.
#[inline]
pub fn add_into(target: &mut [u64], source: &[u64]) {
    assert_eq!(target.len(), source.len(), "both integers have the same limbs");
    let mut carry = false;
    for (a, b) in target.iter_mut().zip(source) {
        (*a, carry) = a.carrying_add(*b, carry);
    }
}

/// Subtracts `source` from `target`, two integers of equally many limbs, wrapping.
///
/// # Panics
/// If the lengths differ.
#[inline]
pub fn subtract_from(target: &mut [u64], source: &[u64]) {
    assert_eq!(target.len(), source.len(), "both integers have the same limbs");
    let mut borrow = false;
    for (a, b) in target.iter_mut().zip(source) {
        (*a, borrow) = a.borrowing_sub(*b, borrow);
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use num_traits::ToPrimitive;
    use proptest::prelude::*;

    use super::*;

    fn big(limbs: &[u64]) -> BigUint {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    fn check_limbs<const N: usize>(a: [u64; N], b: [u64; N]) {
        let modulus = BigUint::from(1u8) << (64 * N);
        let (p, q) = (big(&a), big(&b));
        let (mut sum, mut difference) = (a, a);
        add_into(&mut sum, &b);
        subtract_from(&mut difference, &b);
        assert_eq!(big(&sum), (&p + &q) % &modulus);
        assert_eq!(big(&difference), (&p + &modulus - &q) % &modulus);
    }

    fn check_ring<R: Ring + Into<BigUint>>(a: R, b: R) {
        let modulus = BigUint::from(1u8) << R::BITS;
        let (p, q): (BigUint, BigUint) = (a.into(), b.into());
        assert_eq!(a.plus(b).into(), (&p + &q) % &modulus);
        assert_eq!(a.minus(b).into(), (&p + &modulus - &q) % &modulus);
        assert_eq!(a.times(b).into(), (&p * &q) % &modulus);
        assert_eq!(a.plus(a.negated()), R::ZERO);
        assert_eq!(a.times(R::ONE), a);
        let word = |index: usize| -> BigUint { (&p >> (64 * index)) % (BigUint::from(1u8) << 64) };
        assert_eq!([0, 1, 2].map(|i| a.word(i)), [0, 1, 2].map(|i| word(i).to_u64().unwrap()));
        assert_eq!(R::from_word(a.word(0)).word(0), a.word(0));
    }

    fn limb() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), Just(0), Just(1), Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn rings_agree_with_big_integers(
            a in prop::array::uniform4(limb()),
            b in prop::array::uniform4(limb()),
        ) {
            check_limbs::<4>(a, b);
            check_limbs::<1>([a[0]], [b[0]]);
            check_ring::<u64>(a[0], b[0]);
            let wide = |limbs: [u64; 4]| (u128::from(limbs[1]) << 64) | u128::from(limbs[0]);
            check_ring::<u128>(wide(a), wide(b));
            check_ring::<u8>(a[0].to_le_bytes()[0], b[0].to_le_bytes()[0]);
        }
    }
}
