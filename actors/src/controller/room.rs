//! Room for handles: the number of handles of each owner, and the bytes behind them.
//!
//! Room is reserved before a call is passed on, and kept by the handle of its result. It is given
//! back when it is dropped, wherever that happens.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::principal::Principal;

/// The room that the handles of each owner take, and the most that each may take. Clones share it.
#[derive(Clone)]
pub(super) struct Rooms {
    most_handles: usize,
    most_bytes: usize,
    usage: Rc<RefCell<BTreeMap<Principal, Usage>>>,
}

/// The room of one handle of its owner. Dropping it gives the room back.
#[must_use]
pub(super) struct Room {
    owner: Principal,
    bytes: usize,
    rooms: Rooms,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) handles: usize,
    pub(super) bytes: usize,
}

impl Rooms {
    pub(super) fn new(most_handles: usize, most_bytes: usize) -> Self {
        Self { most_handles, most_bytes, usage: Rc::default() }
    }

    /// Returns the room that an owner's handles take, with those to come.
    pub(super) fn usage(&self, owner: &Principal) -> Usage {
        self.usage.borrow().get(owner).copied().unwrap_or_default()
    }

    /// Returns whether an owner has as many handles as it may have.
    pub(super) fn is_full(&self, owner: &Principal) -> bool {
        self.usage(owner).handles >= self.most_handles
    }

    /// Reserves room for a handle of so many bytes.
    ///
    /// # Errors
    /// If the owner has as much as it may have.
    pub(super) fn reserve(&self, owner: &Principal, bytes: usize) -> Result<Room, ApiError> {
        if self.is_full(owner) {
            return Err(over_quota(format!("{} handles", self.most_handles)));
        }
        self.check_bytes(owner, bytes)?;
        Ok(self.take(owner, bytes))
    }

    /// Takes room for a handle that is there already, beyond the bounds if need be.
    pub(super) fn take(&self, owner: &Principal, bytes: usize) -> Room {
        let mut all = self.usage.borrow_mut();
        let usage = all.entry(owner.clone()).or_default();
        usage.handles += 1;
        usage.bytes += bytes;
        Room { owner: owner.clone(), bytes, rooms: self.clone() }
    }

    fn check_bytes(&self, owner: &Principal, more: usize) -> Result<(), ApiError> {
        if self.usage(owner).bytes.saturating_add(more) > self.most_bytes {
            return Err(over_quota(format!("{} bytes of values", self.most_bytes)));
        }
        Ok(())
    }
}

impl Room {
    pub(super) fn owner(&self) -> &Principal {
        &self.owner
    }

    /// Changes its bytes to those of the value that is kept.
    ///
    /// # Errors
    /// If it is larger than the reservation, and there is no more room.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.rooms.check_bytes(&self.owner, bytes.saturating_sub(self.bytes))?;
        let mut all = self.rooms.usage.borrow_mut();
        if let Some(usage) = all.get_mut(&self.owner) {
            usage.bytes = usage.bytes.saturating_sub(self.bytes).saturating_add(bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut all = self.rooms.usage.borrow_mut();
        if let Some(usage) = all.get_mut(&self.owner) {
            usage.handles = usage.handles.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(self.bytes);
            if usage.handles == 0 {
                all.remove(&self.owner);
            }
        }
    }
}

fn over_quota(what: String) -> ApiError {
    ApiError::new(Code::OverQuota, format!("you hold {what} already"))
        .hint("release what you no longer need (DELETE /representation/{uuid}), then try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_room_is_taken_until_it_is_dropped() {
        let (rooms, ada) = (Rooms::new(2, 1_000), Principal::owner("ada"));
        let (first, second) = (rooms.reserve(&ada, 100), rooms.reserve(&ada, 100));
        assert!(first.is_ok() && second.is_ok());
        assert!(rooms.reserve(&ada, 0).is_err(), "both are under way");
        assert!(rooms.reserve(&Principal::owner("bob"), 0).is_ok());
        drop(first);
        assert_eq!(rooms.usage(&ada), Usage { handles: 1, bytes: 100 });
        assert!(rooms.reserve(&ada, 901).is_err());
        assert!(rooms.reserve(&ada, 900).is_ok());
    }

    #[test]
    fn a_result_may_be_larger_than_what_was_reserved_if_there_is_room() {
        let (rooms, ada) = (Rooms::new(9, 1_000), Principal::owner("ada"));
        let mut room = rooms.reserve(&ada, 100).unwrap();
        assert!(room.resize(1_001).is_err());
        assert_eq!(rooms.usage(&ada).bytes, 100);
        room.resize(1_000).unwrap();
        room.resize(10).unwrap();
        assert_eq!(rooms.usage(&ada).bytes, 10);
        drop(room);
        assert_eq!(rooms.usage(&ada), Usage::default());
    }
}
