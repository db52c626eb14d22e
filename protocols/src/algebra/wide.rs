//! Integers of a few limbs modulo a power of 2^64, for exact sums on one machine.

use std::fmt;

use crate::algebra::ring::{add_into, subtract_from};

/// An integer modulo 2^(64·N): N limbs, least significant first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wide<const N: usize>(pub [u64; N]);

impl<const N: usize> Wide<N> {
    /// The neutral element of addition.
    pub const ZERO: Self = Self([0; N]);

    /// Returns the sum, wrapped.
    #[inline]
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        add_into(&mut self.0, &other.0);
        self
    }

    /// Returns the difference, wrapped.
    #[inline]
    #[must_use]
    pub fn minus(mut self, other: Self) -> Self {
        subtract_from(&mut self.0, &other.0);
        self
    }

    /// Returns the additive inverse.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// Returns the limbs, least significant first.
    #[must_use]
    pub fn limbs(&self) -> &[u64] {
        &self.0
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
    use super::*;

    #[test]
    fn carries_and_borrows_go_through_all_limbs() {
        let (most, one) = (Wide([u64::MAX; 3]), Wide([1, 0, 0]));
        assert_eq!(most.plus(one), Wide::ZERO);
        assert_eq!(Wide::ZERO.minus(one), most);
        assert_eq!((one.negated(), format!("{:?}", Wide([1, 0]))), (most, format!("0x{:032x}", 1)));
    }
}
