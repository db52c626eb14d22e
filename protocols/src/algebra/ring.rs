//! Rings of integers modulo 2^64, 2^128, 2^256: what shares and masks are elements of.
//!
//! Addition, subtraction and multiplication wrap. There is no comparison and no division: on
//! shares they mean nothing.

use std::fmt;

/// A ring of integers modulo a power of two.
pub trait Ring: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// The number of 64-bit limbs of an element.
    const LIMBS: usize;
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;

    /// The sum, wrapped.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// The difference, wrapped.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// The product, wrapped.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// The additive inverse.
    #[must_use]
    fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// The limbs, least significant first; [`Ring::LIMBS`] of them.
    fn limbs(&self) -> &[u64];
    /// The element with these limbs, least significant first; none if they are not
    /// [`Ring::LIMBS`].
    fn from_limbs(limbs: &[u64]) -> Option<Self>;

    /// The little-endian bytes; 8 a limb.
    #[must_use]
    fn to_le_bytes(&self) -> Vec<u8> {
        self.limbs().iter().flat_map(|limb| limb.to_le_bytes()).collect()
    }
    /// The element with these little-endian bytes; none if they are not 8 a limb.
    #[must_use]
    fn from_le_bytes(bytes: &[u8]) -> Option<Self> {
        let (limbs, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let limbs: Vec<u64> = limbs.iter().map(|limb| u64::from_le_bytes(*limb)).collect();
        Self::from_limbs(&limbs)
    }
}

/// An integer modulo 2^(64·N): N limbs, least significant first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wide<const N: usize>(pub [u64; N]);

/// Integers modulo 2^64.
pub type Z64 = Wide<1>;
/// Integers modulo 2^128.
pub type Z128 = Wide<2>;
/// Integers modulo 2^256.
pub type Z256 = Wide<4>;

impl<const N: usize> Ring for Wide<N> {
    const LIMBS: usize = N;
    const ZERO: Self = Self([0; N]);
    const ONE: Self = one();

    #[inline]
    fn plus(mut self, other: Self) -> Self {
        add_into(&mut self.0, &other.0);
        self
    }

    #[inline]
    fn minus(mut self, other: Self) -> Self {
        subtract_from(&mut self.0, &other.0);
        self
    }

    #[inline]
    fn times(self, other: Self) -> Self {
        let mut product = [0; N];
        for (position, factor) in self.0.iter().enumerate() {
            add_multiple(product.iter_mut().skip(position), *factor, &other.0);
        }
        Self(product)
    }

    fn limbs(&self) -> &[u64] {
        &self.0
    }

    fn from_limbs(limbs: &[u64]) -> Option<Self> {
        limbs.try_into().ok().map(Self)
    }
}

/// `target += source` for two integers of equally many limbs, wrapping.
#[inline]
pub fn add_into(target: &mut [u64], source: &[u64]) {
    let mut carry = false;
    for (a, b) in target.iter_mut().zip(source) {
        (*a, carry) = a.carrying_add(*b, carry);
    }
}

/// `target -= source` for two integers of equally many limbs, wrapping.
#[inline]
pub fn subtract_from(target: &mut [u64], source: &[u64]) {
    let mut borrow = false;
    for (a, b) in target.iter_mut().zip(source) {
        (*a, borrow) = a.borrowing_sub(*b, borrow);
    }
}

const fn one<const N: usize>() -> Wide<N> {
    let mut limbs = [0; N];
    if let Some(lowest) = limbs.first_mut() {
        *lowest = 1;
    }
    Wide(limbs)
}

#[inline]
fn add_multiple<'a>(target: impl Iterator<Item = &'a mut u64>, factor: u64, other: &[u64]) {
    let mut carry = 0;
    for (sum, limb) in target.zip(other) {
        (*sum, carry) = factor.carrying_mul_add(*limb, *sum, carry);
    }
}

impl<const N: usize> fmt::Debug for Wide<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().rev().try_for_each(|limb| write!(f, "{limb:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(limbs: &[u64]) -> BigUint {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    fn check<const N: usize>(a: [u64; N], b: [u64; N]) {
        let modulus = BigUint::from(1u8) << (64 * N);
        let (x, y) = (Wide(a), Wide(b));
        let (p, q) = (big(&a), big(&b));
        assert_eq!(big(x.plus(y).limbs()), (&p + &q) % &modulus);
        assert_eq!(big(x.minus(y).limbs()), (&p + &modulus - &q) % &modulus);
        assert_eq!(big(x.times(y).limbs()), (&p * &q) % &modulus);
        assert_eq!(x.plus(x.negated()), Wide::ZERO);
        assert_eq!(x.times(Wide::ONE), x);
        assert_eq!(Wide::from_le_bytes(&x.to_le_bytes()), Some(x));
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
            check::<4>(a, b);
            check::<2>([a[0], a[1]], [b[0], b[1]]);
            check::<1>([a[0]], [b[0]]);
        }
    }

    #[test]
    fn elements_of_another_length_are_refused() {
        assert_eq!(Z128::from_limbs(&[1]), None);
        assert_eq!(Z64::from_le_bytes(&[0; 9]), None);
        assert_eq!(Z64::from_le_bytes(&[]), None);
    }
}
