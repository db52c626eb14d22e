//! Bounds on a node's memory for its clients: the number of each principal's handles, and the bytes
//! behind them and in tasks.
//!
//! Room is reserved before a call is passed on, and kept by the handle of its result. It is given
//! back when it is dropped, wherever that happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::principal::Principal;

/// The room that each principal takes, and the most that each may take. Clones share it.
#[derive(Clone)]
pub struct Rooms {
    most_handles: usize,
    most_bytes: usize,
    usage: Arc<Mutex<BTreeMap<Principal, Usage>>>,
}

/// Room of its owner, for one handle or for none. Dropping it gives the room back.
#[must_use]
pub struct Room {
    owner: Principal,
    taken: Usage,
    rooms: Rooms,
}

/// Room that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of handles.
    pub handles: usize,
    /// Bytes of values.
    pub bytes: usize,
}

impl Rooms {
    /// Makes room for so many handles and bytes of each principal.
    #[must_use]
    pub fn new(most_handles: usize, most_bytes: usize) -> Self {
        Self { most_handles, most_bytes, usage: Arc::default() }
    }

    /// Returns the room that an owner takes, reserved room included.
    #[must_use]
    pub fn usage(&self, owner: &Principal) -> Usage {
        self.all().get(owner).copied().unwrap_or_default()
    }

    /// Tells that an owner has as many handles as it may have.
    #[must_use]
    pub fn is_full(&self, owner: &Principal) -> bool {
        self.usage(owner).handles >= self.most_handles
    }

    /// Reserves room for a handle of so many bytes.
    ///
    /// # Errors
    /// If the owner has as much as it may have.
    pub fn reserve(&self, owner: &Principal, bytes: usize) -> Result<Room, ApiError> {
        self.checked(owner, Usage { handles: 1, bytes })
    }

    /// Reserves room for so many bytes that no handle stands for.
    ///
    /// # Errors
    /// If the owner has as much as it may have.
    pub fn hold(&self, owner: &Principal, bytes: usize) -> Result<Room, ApiError> {
        self.checked(owner, Usage { handles: 0, bytes })
    }

    /// Takes room for a handle that is there already, beyond the bounds if need be.
    pub fn take(&self, owner: &Principal, bytes: usize) -> Room {
        let more = Usage { handles: 1, bytes };
        self.all().entry(owner.clone()).or_default().add(more);
        Room { owner: owner.clone(), taken: more, rooms: self.clone() }
    }

    fn checked(&self, owner: &Principal, more: Usage) -> Result<Room, ApiError> {
        let mut all = self.all();
        let usage = all.get(owner).copied().unwrap_or_default();
        if usage.handles + more.handles > self.most_handles {
            return Err(over_quota(format!("{} handles", self.most_handles)));
        }
        if usage.bytes.saturating_add(more.bytes) > self.most_bytes {
            return Err(self.too_many_bytes());
        }
        all.entry(owner.clone()).or_default().add(more);
        Ok(Room { owner: owner.clone(), taken: more, rooms: self.clone() })
    }

    fn too_many_bytes(&self) -> ApiError {
        over_quota(format!("{} bytes of values", self.most_bytes))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Principal, Usage>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    fn add(&mut self, more: Self) {
        self.handles = self.handles.saturating_add(more.handles);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    fn subtract(&mut self, less: Self) {
        self.handles = self.handles.saturating_sub(less.handles);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }
}

impl Room {
    /// Returns the principal whose room it is.
    #[must_use]
    pub fn owner(&self) -> &Principal {
        &self.owner
    }

    /// Changes its bytes to those of a value that can be asked for again.
    ///
    /// # Errors
    /// If it is larger than what was reserved, and there is no more room.
    pub fn resize(&mut self, bytes: usize) -> Result<(), ApiError> {
        let more = bytes.saturating_sub(self.taken.bytes);
        let usage = self.rooms.usage(&self.owner).bytes;
        if more > 0 && usage.saturating_add(more) > self.rooms.most_bytes {
            return Err(self.rooms.too_many_bytes());
        }
        self.stretch(bytes);
        Ok(())
    }

    /// Changes its bytes to those of a value that there is once only, beyond the bounds if need be.
    /// Beyond them the owner can reserve nothing more until it has given back as much.
    pub fn stretch(&mut self, bytes: usize) {
        let mut all = self.rooms.all();
        let usage = all.entry(self.owner.clone()).or_default();
        usage.subtract(self.taken);
        self.taken.bytes = bytes;
        usage.add(self.taken);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut all = self.rooms.all();
        if let Some(usage) = all.get_mut(&self.owner) {
            usage.subtract(self.taken);
            if *usage == Usage::default() {
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

    #[test]
    fn a_result_that_there_is_once_only_is_kept_beyond_the_bounds() {
        let (rooms, ada) = (Rooms::new(9, 1_000), Principal::owner("ada"));
        let mut room = rooms.reserve(&ada, 100).unwrap();
        room.stretch(5_000);
        assert_eq!(rooms.usage(&ada).bytes, 5_000);
        assert!(rooms.reserve(&ada, 0).is_err(), "until it is given back");
        drop(room);
        assert!(rooms.reserve(&ada, 1_000).is_ok());
    }

    #[test]
    fn bytes_without_a_handle_count_and_need_none() {
        let (rooms, ada) = (Rooms::new(1, 1_000), Principal::owner("ada"));
        let handle = rooms.reserve(&ada, 100);
        let held = rooms.hold(&ada, 900).unwrap();
        assert!(handle.is_ok() && rooms.hold(&ada, 1).is_err());
        drop(handle);
        assert_eq!(rooms.usage(&ada), Usage { handles: 0, bytes: 900 });
        drop(held);
        assert_eq!(rooms.usage(&ada), Usage::default());
    }
}
