//! Messages as they arrive.

use bytes::Bytes;

use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;

/// A message as it came: whole, but perhaps in several pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pieces: Vec<Bytes>,
    length: usize,
}

impl Message {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        let length = pieces.iter().map(Bytes::len).sum();
        Self { pieces, length }
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns the message in pieces. Every piece but the last is a whole number of 64-bit words.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Bytes::as_ref)
    }

    /// Returns the message in one piece. Copies it if it came in several.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.pieces.len() {
            1 => self.pieces.into_iter().next().unwrap_or_default(),
            _ => self.pieces.concat().into(),
        }
    }

    /// Returns the message if it has so many bytes, and blames its sender if it has not.
    pub(crate) fn expect_length(self, from: Party, expected: usize) -> Result<Self, Fault> {
        if self.length != expected {
            let actual = self.length;
            return Err(Fault::blame(from, Misbehaviour::WrongLength { expected, actual }));
        }
        Ok(self)
    }
}
