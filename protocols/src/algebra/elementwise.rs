//! Element-wise operations on vectors whose lengths must agree.
//!
//! A shorter vector would leave words unmasked or cut a result, so different lengths are a broken
//! invariant of this program and panic. Lengths that a peer or a client chooses are checked where
//! they come in, and never here.

use std::iter::Zip;

use crate::algebra::ring::Ring;

/// Pairs the elements of two sequences of one length.
///
/// # Panics
/// If their lengths differ.
#[inline]
#[track_caller]
pub fn zip_exact<A, B>(a: A, b: B) -> Zip<A::IntoIter, B::IntoIter>
where
    A: IntoIterator,
    B: IntoIterator,
    A::IntoIter: ExactSizeIterator,
    B::IntoIter: ExactSizeIterator,
{
    let (a, b) = (a.into_iter(), b.into_iter());
    assert_eq!(a.len(), b.len(), "vectors that are combined have one length");
    a.zip(b)
}

/// Returns `a + b`.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn sum<R: Ring>(a: &[R], b: &[R]) -> Vec<R> {
    zip_exact(a, b).map(|(a, b)| a.plus(*b)).collect()
}

/// Returns `a − b`.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn difference<R: Ring>(a: &[R], b: &[R]) -> Vec<R> {
    zip_exact(a, b).map(|(a, b)| a.minus(*b)).collect()
}

/// Adds `b` to `a`.
///
/// # Panics
/// If the lengths differ.
pub fn add_assign<R: Ring>(a: &mut [R], b: &[R]) {
    for (a, b) in zip_exact(a, b) {
        *a = a.plus(*b);
    }
}

/// Subtracts `b` from `a`.
///
/// # Panics
/// If the lengths differ.
pub fn subtract_assign<R: Ring>(a: &mut [R], b: &[R]) {
    for (a, b) in zip_exact(a, b) {
        *a = a.minus(*b);
    }
}

/// Returns the elements of a vector at `places`.
///
/// # Panics
/// If a place is beyond the vector.
#[must_use]
pub fn gather<T: Copy>(vector: &[T], places: &[usize]) -> Vec<T> {
    places
        .iter()
        .map(|place| *vector.get(*place).expect("a place lies within its vector"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_meet_one_by_one() {
        let (a, b) = (vec![5_u64, 1], vec![3_u64, u64::MAX]);
        assert_eq!((sum(&a, &b), difference(&a, &b)), (vec![8, 0], vec![2, 2]));
        let mut c = a.clone();
        add_assign(&mut c, &b);
        subtract_assign(&mut c, &b);
        assert_eq!((c, gather(&a, &[1, 0, 1])), (a, vec![1, 5, 1]));
    }

    #[test]
    #[should_panic(expected = "one length")]
    fn a_short_mask_is_no_mask() {
        let _ = sum(&[1_u64, 2, 3], &[1, 2]);
    }

    #[test]
    #[should_panic(expected = "within its vector")]
    fn a_place_beyond_the_vector_is_no_zero() {
        let _ = gather(&[1_u64], &[1]);
    }
}
