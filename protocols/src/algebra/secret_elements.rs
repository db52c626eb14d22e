//! Secret vectors of ring elements, which wipe themselves.

use std::ops::Deref;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::algebra::ring::Ring;

/// A component of a shared vector. Its memory is wiped when the last one that holds it lets it go: a
/// share, or a message that carries it. With the other components it gives the value.
pub(crate) struct SecretElements<R: Ring>(Vec<R>);

impl<R: Ring> From<Vec<R>> for SecretElements<R> {
    fn from(elements: Vec<R>) -> Self {
        Self(elements)
    }
}

impl<R: Ring> Deref for SecretElements<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.0
    }
}

impl<R: Ring> Drop for SecretElements<R> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<R: Ring> ZeroizeOnDrop for SecretElements<R> {}
