//! Exact arithmetic: rings of integers modulo powers of two, vectors of them, and the way from
//! doubles to integers and back.
//!
//! Nothing here knows of parties or messages. Only the last step rounds: from an exact integer or
//! fraction to the nearest double. Computations with matrices round more, as [`fixed`] and
//! [`pseudo_inverse`] say.

pub(crate) mod digest;
pub mod elementwise;
pub mod exact;
pub mod fixed;
pub(crate) mod input_error;
pub mod layout;
pub mod matrix;
pub mod normalised;
pub mod order;
pub(crate) mod orthonormal;
pub mod packed_bits;
pub mod pseudo_inverse;
pub mod ring;
pub mod rounding;
pub(crate) mod secret_elements;
pub mod wide;
