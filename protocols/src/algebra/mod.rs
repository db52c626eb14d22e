//! Exact arithmetic: rings of integers modulo powers of two, vectors of them, and the way from
//! doubles to integers and back.
//!
//! Nothing here knows of parties or messages, and nothing rounds but the last step: from an exact
//! integer or fraction to the nearest double. Of matrices ([`fixed`], [`pseudo_inverse`]) more is
//! rounded, as it says there.

pub mod elementwise;
pub mod exact;
pub mod fixed;
pub(crate) mod input_error;
pub mod layout;
pub mod matrix;
pub mod normalised;
pub mod order;
pub mod packed_bits;
pub mod pseudo_inverse;
pub mod ring;
pub mod rounding;
pub mod wide;
