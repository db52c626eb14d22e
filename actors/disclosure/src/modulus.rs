//! Arithmetic modulo a secret prime, in Montgomery's form.
//!
//! The span of answered questions is over the rationals. It is computed modulo a prime p, which is
//! the same unless p divides one of the determinants that decide. A client that
//! knows the prime can bring that about. For instance, 183 selections of two and three rows have the
//! determinant 2^61 − 1: modulo that prime they are one rank short. A span that is two ranks short
//! hides single rows and pairs that it tells in fact. So each memory draws its own prime, and keeps it
//! to itself.
//!
//! There are about 2^54 primes of 61 bits. A minor of r rows has at most r·log₂(r)/120 of them as
//! divisors. With c classes some c²/2 minors decide: an error has a probability of about 2^-32
//! for 100 questions in 1,000 classes.
//!
//! Nothing here is constant in time. The caller answers at the times of the time grid, which hides it.

use std::fmt;

/// A prime of 61 bits, with what Montgomery's multiplication needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modulus {
    prime: u64,
    /// −1 / prime modulo 2^64.
    inverse: u64,
    /// 2^64 modulo the prime: the number 1 in Montgomery's form.
    one: u64,
}

impl Modulus {
    /// Returns the first prime from 2^60 + the seed's upper 60 bits on.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut candidate = (1 << 60) | (seed >> 4) | 1;
        while !is_prime(candidate) {
            candidate += 2;
        }
        Self::from_checked_prime(candidate)
    }

    /// Returns arithmetic modulo this number, if it is a prime from 2^60 to 2^62.
    pub(crate) fn from_prime(prime: u64) -> Option<Self> {
        ((1 << 60)..(1 << 62)).contains(&prime).then_some(())?;
        is_prime(prime).then(|| Self::from_checked_prime(prime))
    }

    pub(crate) fn prime(self) -> u64 {
        self.prime
    }

    /// Returns the number 1 in the form that all other methods take and give. 0 is 0.
    pub(crate) fn one(self) -> u64 {
        self.one
    }

    pub(crate) fn multiply(self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let quotient = low(product).wrapping_mul(self.inverse);
        let sum = product + u128::from(quotient) * u128::from(self.prime);
        self.reduce_once(low(sum >> 64))
    }

    /// Returns a − b·c.
    pub(crate) fn subtract_product(self, a: u64, b: u64, c: u64) -> u64 {
        self.reduce_once(a + self.prime - self.multiply(b, c))
    }

    /// Returns 1 / a for a other than 0, and 0 for 0.
    pub(crate) fn invert(self, a: u64) -> u64 {
        power(a, self.prime - 2, self.one, |a, b| self.multiply(a, b))
    }

    /// Subtracts `factor` times one vector from another of the same length.
    pub(crate) fn subtract_multiple(self, from: &mut [u64], factor: u64, vector: &[u64]) {
        assert_eq!(from.len(), vector.len(), "vectors that are combined have one length");
        for (a, b) in from.iter_mut().zip(vector) {
            *a = self.subtract_product(*a, factor, *b);
        }
    }

    /// Makes the constants of Montgomery's form for a number that is known to be a prime.
    fn from_checked_prime(prime: u64) -> Self {
        // Newton's iteration doubles the number of correct bits: 3, 6, 12, 24, 48, 96.
        let mut inverse = prime;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(prime.wrapping_mul(inverse)));
        }
        let one = low((1_u128 << 64) % u128::from(prime));
        Self { prime, inverse: inverse.wrapping_neg(), one }
    }

    /// Returns the residue of a number below twice the prime.
    fn reduce_once(self, number: u64) -> u64 {
        if number >= self.prime { number - self.prime } else { number }
    }
}

impl fmt::Debug for Modulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Modulus")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low(number: u128) -> u64 {
    number as u64
}

/// Returns a power by squaring and multiplying. `one` is the 1 of the product.
fn power(base: u64, mut exponent: u64, one: u64, multiply: impl Fn(u64, u64) -> u64) -> u64 {
    let mut square = base;
    let mut result = one;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        exponent >>= 1;
    }
    result
}

/// Tests an odd number above 40 by Miller and Rabin. These bases suffice for all numbers below 2^64.
fn is_prime(number: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    let multiply = |a: u64, b: u64| low(u128::from(a) * u128::from(b) % u128::from(number));
    let halvings = (number - 1).trailing_zeros();
    let odd = (number - 1) >> halvings;
    BASES.iter().all(|base| {
        let mut power = power(*base, odd, 1, multiply);
        let mut passes = power == 1;
        for _ in 0..halvings {
            passes |= power == number - 1;
            power = multiply(power, power);
        }
        passes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_products() {
        let known = [(1 << 61) - 1, 1_152_921_504_606_847_009];
        assert!(known.into_iter().all(is_prime));
        let products = [(1_u64 << 61) + 1, 1_073_741_827 * 1_073_741_831, (1 << 62) - 1];
        assert!(!products.into_iter().any(is_prime));
        assert!(Modulus::from_prime(4).is_none());
        for seed in [0, 1, 77, u64::MAX] {
            let prime = Modulus::from_seed(seed).prime();
            assert!(prime >> 60 == 1 && Modulus::from_prime(prime).is_some());
        }
    }

    #[test]
    fn arithmetic_agrees_with_plain_remainders() {
        let modulus = Modulus::from_seed(0x1234_5678_9abc_def0);
        let p = u128::from(modulus.prime());
        let lift = |a: u64| low(u128::from(a) * (1_u128 << 64) % p);
        let mut state = 1_u64;
        for _ in 0..1000 {
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                low(u128::from(state) % p)
            };
            let (a, b) = (draw(), draw());
            let expected = low(u128::from(a) * u128::from(b) % p);
            assert_eq!(modulus.multiply(lift(a), lift(b)), lift(expected));
            assert_eq!(modulus.multiply(lift(a), modulus.invert(lift(a))), modulus.one());
            let difference = low((u128::from(a) + p - u128::from(expected)) % p);
            assert_eq!(modulus.subtract_product(lift(a), lift(a), lift(b)), lift(difference));
        }
        assert_eq!(modulus.invert(0), 0);
    }
}
