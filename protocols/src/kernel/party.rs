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

/// The parties of one computation, or some of them, as one of them sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// A bit for each, by index.
    present: [u64; MAX_PARTIES / WORD],
    me: Party,
}

/// Indices in one word.
const WORD: usize = u64::BITS as usize;

impl Parties {
    /// Returns a computation of `count` parties seen by party `me`; none if `count` is not from 2
    /// to [`MAX_PARTIES`] or `me` is not among them.
    #[must_use]
    pub fn new(count: usize, me: usize) -> Option<Self> {
        if !(2..=MAX_PARTIES).contains(&count) || me >= count {
            return None;
        }
        Self::of((0..count).filter_map(Party::new), Party::new(me)?)
    }

    /// Returns those of the parties that are to be `kept`. None if fewer than two are, or if this party
    /// is not.
    pub(crate) fn among(self, kept: impl Fn(Party) -> bool) -> Option<Self> {
        Self::of(self.all().filter(|party| kept(*party)), self.me)
    }

    fn of(parties: impl Iterator<Item = Party>, me: Party) -> Option<Self> {
        let mut present = [0; MAX_PARTIES / WORD];
        for party in parties {
            if let Some(word) = present.get_mut(party.index() / WORD) {
                *word |= 1 << (party.index() % WORD);
            }
        }
        let parties = Self { present, me };
        (parties.count() >= 2 && parties.contains(me)).then_some(parties)
    }

    /// Returns the number of parties, n ≥ 2.
    #[must_use]
    pub fn count(self) -> usize {
        self.present.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Reports whether a party is one of them.
    #[must_use]
    pub fn contains(self, party: Party) -> bool {
        let word = self.present.get(party.index() / WORD);
        word.is_some_and(|word| word >> (party.index() % WORD) & 1 == 1)
    }

    /// Returns the place of a party among them, from 0; none of one that is not.
    #[must_use]
    pub fn position(self, party: Party) -> Option<usize> {
        self.all().position(|other| other == party)
    }

    /// Returns the party whose view this is.
    #[must_use]
    pub fn me(self) -> Party {
        self.me
    }

    /// Lists all parties in the agreed order.
    pub fn all(self) -> impl Iterator<Item = Party> + use<> {
        self.present.into_iter().enumerate().flat_map(|(place, word)| {
            // Each step takes the lowest bit away.
            let rest = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
            let indices = rest.take_while(|rest| *rest != 0).map(u64::trailing_zeros);
            indices.filter_map(move |index| Party::new(place * WORD + index as usize))
        })
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
    fn some_of_the_parties_keep_their_indices() {
        let all = Parties::new(256, 64).unwrap();
        assert!(all.all().map(Party::index).eq(0..256) && all.count() == 256);
        let some = all.among(|party| [3, 63, 64, 255].contains(&party.index())).unwrap();
        assert!(some.all().map(Party::index).eq([3, 63, 64, 255]) && some.count() == 4);
        assert!(some.others().map(Party::index).eq([3, 63, 255]));
        let place = |index| some.position(Party::new(index).unwrap());
        assert_eq!([64, 255, 4].map(place), [Some(2), Some(3), None]);
        assert!(all.among(|party| party.index() != 64).is_none());
        assert!(all.among(|party| party.index() == 64).is_none());
    }

    #[test]
    fn others_are_all_but_me_in_order() {
        let parties = Parties::new(4, 2).unwrap();
        let others: Vec<usize> = parties.others().map(Party::index).collect();
        assert_eq!(others, [0, 1, 3]);
    }
}
