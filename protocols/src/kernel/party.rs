//! The parties of a computation, by their index in the agreed order.
//!
//! An index does not identify a party: the party's certificate does. The order is part of the
//! agreement (see [`crate::kernel::session`]).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most parties that one computation may have.
pub const MAX_PARTIES: usize = 256;

/// A party of one computation: its position in the agreed order, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Party(u16);

impl Party {
    /// Returns the party at `index`, if a computation can have that many.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        if index >= MAX_PARTIES {
            return None;
        }
        u16::try_from(index).ok().map(Self)
    }

    /// Returns the position in the agreed order.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Returns the index as it goes into hashes and derivations.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {}", self.0)
    }
}

/// The parties of one computation as one of them sees them: their number, and its own place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    count: u16,
    me: Party,
}

impl Parties {
    /// Returns a computation of `count` parties seen by party `me`; none if `count` is not from 2
    /// to [`MAX_PARTIES`] or `me` is not among them.
    #[must_use]
    pub fn new(count: usize, me: usize) -> Option<Self> {
        if !(2..=MAX_PARTIES).contains(&count) || me >= count {
            return None;
        }
        Some(Self { count: u16::try_from(count).ok()?, me: Party::new(me)? })
    }

    /// Returns the number of parties, n ≥ 2.
    #[must_use]
    pub fn count(self) -> usize {
        usize::from(self.count)
    }

    /// Returns the party whose view this is.
    #[must_use]
    pub fn me(self) -> Party {
        self.me
    }

    /// Lists all parties in the agreed order.
    pub fn all(self) -> impl Iterator<Item = Party> + use<> {
        (0..self.count).map(Party)
    }

    /// Lists all other parties, in the agreed order.
    pub fn others(self) -> impl Iterator<Item = Party> + use<> {
        let me = self.me;
        self.all().filter(move |party| *party != me)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_from_two_to_256_parties() {
        let exist = |count, me| Parties::new(count, me).is_some();
        assert!(exist(2, 1) && exist(256, 255));
        assert!(!exist(1, 0) && !exist(0, 0) && !exist(257, 0) && !exist(3, 3));
        assert_eq!(Party::new(256), None);
    }

    #[test]
    fn others_are_all_but_me_in_order() {
        let parties = Parties::new(4, 2).unwrap();
        let others: Vec<usize> = parties.others().map(Party::index).collect();
        assert_eq!(others, [0, 1, 3]);
    }
}
