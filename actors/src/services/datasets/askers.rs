//! The questions of each principal in the memory of a source.
//!
//! A memory has room for a bounded number of questions, and forgets none. So one principal fills a
//! part of it only while there is much room, and leaves the last quarter to others in any case.

use std::collections::BTreeMap;

use cloister_disclosure::MAX_QUESTIONS;

use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::principal::Principal;

/// The most questions of one principal, where there is less room than this left.
const MOST: usize = MAX_QUESTIONS / 4;

/// The bytes of a principal with a number of questions.
const ENTRY: usize = 16 + 4;

/// One who asks, by a part of the hash of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asker {
    /// Any caller of a node without tokens. There is no other principal.
    Anybody,
    /// A principal.
    Principal([u8; 16]),
}

/// The number of questions of each principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Askers(BTreeMap<[u8; 16], u32>);

impl Asker {
    pub(super) fn of(principal: &Principal) -> Self {
        if *principal == Principal::anybody() {
            return Self::Anybody;
        }
        let hash = blake3::derive_key("cloister 1 one who asks", principal.name().as_bytes());
        let mut half = [0; 16];
        half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self::Principal(half)
    }
}

impl Askers {
    /// Counts questions, if the principal may have so many more. `held` is the number of all questions
    /// in the memory, these among them.
    ///
    /// # Errors
    /// If it may not.
    pub(super) fn take(
        &mut self,
        by: Asker,
        questions: usize,
        held: usize,
    ) -> Result<(), ApiError> {
        let Asker::Principal(by) = by else { return Ok(()) };
        let before = self.0.get(&by).copied().unwrap_or(0);
        let after = before.saturating_add(u32::try_from(questions).unwrap_or(u32::MAX));
        let is_full = MAX_QUESTIONS.saturating_sub(held) < MOST;
        if is_full && usize::try_from(after).is_ok_and(|after| after > MOST) {
            return Err(over_quota());
        }
        if questions > 0 {
            self.0.insert(by, after);
        }
        Ok(())
    }

    /// Counts questions less, which were taken back.
    pub(super) fn give_back(&mut self, by: Asker, questions: usize) {
        let Asker::Principal(by) = by else { return };
        let less = u32::try_from(questions).unwrap_or(u32::MAX);
        if let Some(count) = self.0.get_mut(&by) {
            *count = count.saturating_sub(less);
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let entries = self.0.iter();
        entries.flat_map(|(by, count)| by.iter().copied().chain(count.to_le_bytes())).collect()
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<ENTRY>() else { return None };
        let entry = |entry: &[u8; ENTRY]| {
            let (by, count) = entry.split_first_chunk::<16>()?;
            Some((*by, u32::from_le_bytes(count.try_into().ok()?)))
        };
        entries.iter().map(entry).collect::<Option<_>>().map(Self)
    }
}

fn over_quota() -> ApiError {
    let message = format!(
        "your questions about this dataset have told something new {MOST} times or more, and the room \
         that is left is for other principals"
    );
    ApiError::new(Code::OverQuota, message).hint(
        "ask a question again that was answered: that is free; or ask the owner, who sees with \
         `cloister memory show` what was told, and can begin anew",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_principal_leaves_a_quarter_of_the_room_to_others() {
        let (ada, bob) = (Asker::Principal([1; 16]), Asker::Principal([2; 16]));
        let mut askers = Askers::default();
        let mut held = 0;
        let mut take = |askers: &mut Askers, by, questions| {
            let taken = askers.take(by, questions, held + questions);
            held += if taken.is_ok() { questions } else { 0 };
            taken
        };
        for _ in 0..3 * MOST {
            take(&mut askers, ada, 1).unwrap();
        }
        let refused = take(&mut askers, ada, 1);
        assert_eq!(refused.unwrap_err().code(), Code::OverQuota);
        take(&mut askers, bob, MOST).unwrap();
        assert_eq!(take(&mut askers, bob, 1).unwrap_err().code(), Code::OverQuota);
        for _ in 0..MAX_QUESTIONS {
            take(&mut askers, Asker::Anybody, 1).unwrap();
        }
        let read = Askers::of_bytes(&askers.to_bytes()).unwrap();
        assert_eq!(read, askers);
        assert_eq!(Askers::of_bytes(&[0; 7]), None);
    }
}
