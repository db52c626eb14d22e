//! Handles: the values and objects that clients may refer to, their owners, and their expiry.
//!
//! For any principal but its owner a handle does not exist. Each owner has a bounded number of
//! handles and of bytes behind them. Unused handles expire.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::services::datasets::Kept;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::{Method, Object, Principal};
use crate::vocabulary::room::{Room, Rooms};
use crate::vocabulary::selection::{Stored, Upload};
use crate::vocabulary::settings::Limits;

/// The least bytes that a handle costs its owner.
const HANDLE_BYTES: usize = 256;

/// The time for which a method's handle does not give way to others: clients call it at once.
const METHOD_LIFETIME: Duration = Duration::from_secs(3);

/// The value, object or method behind a handle.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Value(Labelled),
    Object(Object),
    Method(Object, &'static Method),
}

/// All handles of a node.
pub(super) struct Handles {
    handles: HashMap<Uuid, Handle>,
    shared: HashMap<Uuid, Held>,
    rooms: Rooms,
    lifetime: Duration,
    upload_lifetime: Duration,
}

struct Handle {
    held: Held,
    room: Room,
    last_used: Instant,
    /// The time at which it ends, used or not: for uploads, which the node's state keeps until
    /// then.
    end: Option<Instant>,
}

impl Handles {
    pub(super) fn new(limits: &Limits, rooms: Rooms) -> Self {
        Self {
            handles: HashMap::new(),
            shared: HashMap::new(),
            rooms,
            lifetime: Duration::from_secs(u64::from(limits.handle_seconds)),
            upload_lifetime: Duration::from_secs(u64::from(limits.upload_seconds)),
        }
    }

    /// Makes a handle of `held` for `owner`.
    pub(super) fn insert(&mut self, owner: &Principal, held: Held) -> Result<Uuid, ApiError> {
        let room = self.reserve(owner, held.bytes())?;
        self.keep(room, held)
    }

    /// Reserves room for one more handle of `owner`, of so many bytes. Handles of methods give way:
    /// existing clients make one for each call and give none back.
    pub(super) fn reserve(&mut self, owner: &Principal, bytes: usize) -> Result<Room, ApiError> {
        if self.rooms.is_full(owner) {
            self.forget_methods(owner);
        }
        self.rooms.reserve(owner, bytes)
    }

    /// Makes a handle of `held` in the room that was reserved for it.
    ///
    /// # Errors
    /// If it is larger than the room, and there is no more. The result of a computation is kept
    /// whatever its size: the members have opened it once.
    pub(super) fn keep(&mut self, mut room: Room, held: Held) -> Result<Uuid, ApiError> {
        match &held {
            Held::Value(Labelled::Opened(_)) => room.stretch(held.bytes()),
            _ => room.resize(held.bytes())?,
        }
        let uuid = Uuid::new_v4();
        self.put(uuid, room, held, None);
        Ok(uuid)
    }

    /// Makes a handle of a new upload, in the room that was reserved for it.
    pub(super) fn keep_upload(&mut self, room: Room, upload: Upload) -> Uuid {
        let end = Instant::now().checked_add(self.upload_lifetime);
        self.put(upload.id, room, Held::Value(Labelled::Private(Stored::Upload(upload))), end);
        upload.id
    }

    /// Makes a handle again of an upload from before the node was started.
    pub(super) fn restore(&mut self, kept: Kept) {
        let Kept { owner, id, bytes, seconds } = kept;
        let held = Held::Value(Labelled::Private(Stored::Upload(Upload { id, bytes })));
        let end = Instant::now().checked_add(Duration::from_secs(seconds));
        let room = self.rooms.take(&Principal::owner(&owner), held.bytes());
        self.put(id, room, held, end);
    }

    fn put(&mut self, uuid: Uuid, room: Room, held: Held, end: Option<Instant>) {
        self.handles.insert(uuid, Handle { held, room, last_used: Instant::now(), end });
    }

    /// Makes a microservice known to all principals under its own uuid.
    pub(super) fn share(&mut self, uuid: Uuid, object: Object) -> Uuid {
        // It may have been replaced.
        self.shared.insert(uuid, Held::Object(object));
        uuid
    }

    /// Returns the value, object or method behind a handle of `principal`.
    pub(super) fn find(&mut self, principal: &Principal, uuid: &str) -> Result<&Held, ApiError> {
        let uuid = parse(uuid)?;
        if let Some(held) = self.shared.get(&uuid) {
            return Ok(held);
        }
        match self.handles.get_mut(&uuid) {
            Some(handle) if handle.room.owner() == principal => {
                handle.last_used = Instant::now();
                Ok(&handle.held)
            }
            _ => Err(ApiError::no_such_handle()),
        }
    }

    /// Forgets a handle. Returns the upload, if it was the handle of one. Microservices stay: their
    /// handles belong to all principals.
    pub(super) fn release(
        &mut self,
        principal: &Principal,
        uuid: &str,
    ) -> Result<Option<Upload>, ApiError> {
        self.find(principal, uuid)?;
        let uuid = parse(uuid)?;
        let Some(handle) = self.handles.remove(&uuid) else { return Ok(None) };
        Ok(match handle.held {
            // Another handle of the same upload, for instance from a storage, does not end it.
            Held::Value(Labelled::Private(Stored::Upload(upload))) if upload.id == uuid => {
                Some(upload)
            }
            _ => None,
        })
    }

    /// Forgets handles that were not used for longer than their lifetime.
    pub(super) fn expire(&mut self, now: Instant) {
        let lifetime = self.lifetime;
        self.handles.retain(|_, handle| match handle.end {
            Some(end) => now < end,
            None => now.saturating_duration_since(handle.last_used) <= lifetime,
        });
    }

    /// Forgets the handles of methods of `owner` that were not used just now.
    fn forget_methods(&mut self, owner: &Principal) {
        self.handles.retain(|_, handle| {
            let method = matches!(handle.held, Held::Method(..));
            let unused = handle.last_used.elapsed() > METHOD_LIFETIME;
            !(handle.room.owner() == owner && method && unused)
        });
    }
}

impl Held {
    fn bytes(&self) -> usize {
        HANDLE_BYTES
            + match self {
                // Uploads count against the quota of uploads, not of memory. A value in a storage
                // is in memory, also after the storage has forgotten it.
                Self::Value(Labelled::Private(stored)) => stored.footprint(),
                Self::Value(Labelled::Public(data)) => data.get().footprint(),
                Self::Value(Labelled::Opened(report)) => report.footprint(),
                Self::Object(_) | Self::Method(..) => 0,
            }
    }
}

fn parse(uuid: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(uuid).map_err(|_| ApiError::no_such_handle())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::vocabulary::code::Code;
    use crate::vocabulary::data::Data;
    use crate::vocabulary::label::Public;

    fn value(numbers: usize) -> Held {
        let numbers = Data::Integers(vec![0; numbers]);
        Held::Value(Labelled::Public(Public::never_secret(Arc::new(numbers))))
    }

    fn handles(limits: Limits) -> (Handles, Principal) {
        let rooms = Rooms::new(limits.handles, limits.held_bytes);
        (Handles::new(&limits, rooms), Principal::owner("ada"))
    }

    #[test]
    fn a_foreign_handle_does_not_exist() {
        let (mut handles, ada) = handles(Limits::default());
        let uuid = handles.insert(&ada, value(1)).unwrap().to_string();
        assert!(handles.find(&ada, &uuid).is_ok());
        let foreign = handles.find(&Principal::owner("eve"), &uuid).unwrap_err();
        assert_eq!(foreign, ApiError::no_such_handle());
        assert!(handles.release(&Principal::owner("eve"), &uuid).is_err());
        handles.release(&ada, &uuid).unwrap();
        assert!(handles.find(&ada, &uuid).is_err());
    }

    #[test]
    fn an_owner_has_bounds_and_gets_room_back() {
        let (mut handles, ada) = handles(Limits { handles: 2, ..Limits::default() });
        let first = handles.insert(&ada, value(1)).unwrap().to_string();
        handles.insert(&ada, value(1)).unwrap();
        assert_eq!(handles.insert(&ada, value(1)).unwrap_err().code(), Code::OverQuota);
        assert!(handles.insert(&Principal::owner("bob"), value(1)).is_ok());
        handles.release(&ada, &first).unwrap();
        assert!(handles.insert(&ada, value(1)).is_ok());
    }

    #[test]
    fn bytes_are_counted() {
        let (mut handles, ada) = handles(Limits { held_bytes: 10_000, ..Limits::default() });
        assert_eq!(handles.insert(&ada, value(2_000)).unwrap_err().code(), Code::OverQuota);
        assert!(handles.insert(&ada, value(500)).is_ok());
    }

    #[test]
    fn what_is_not_used_expires() {
        let (mut handles, ada) = handles(Limits { handle_seconds: 1_000, ..Limits::default() });
        let uuid = handles.insert(&ada, value(1)).unwrap().to_string();
        handles.expire(Instant::now() + Duration::from_secs(500));
        assert!(handles.find(&ada, &uuid).is_ok());
        handles.expire(Instant::now() + Duration::from_secs(1_001));
        assert!(handles.find(&ada, &uuid).is_err());
        assert_eq!(handles.rooms.usage(&ada).bytes, 0);
    }

    #[test]
    fn what_was_pushed_lives_until_its_end_and_comes_back_after_a_restart() {
        let (mut handles, ada) = handles(Limits { handle_seconds: 10, ..Limits::default() });
        let id = Uuid::new_v4();
        handles.restore(Kept { owner: "ada".into(), id, bytes: 5, seconds: 60 });
        handles.expire(Instant::now() + Duration::from_secs(30));
        assert!(handles.find(&ada, &id.to_string()).is_ok());
        assert!(handles.find(&Principal::owner("eve"), &id.to_string()).is_err());
        let released = handles.release(&ada, &id.to_string()).unwrap();
        assert!(released.is_some_and(|upload| upload.id == id));
        handles.restore(Kept { owner: "ada".into(), id, bytes: 5, seconds: 60 });
        handles.expire(Instant::now() + Duration::from_secs(61));
        assert!(handles.find(&ada, &id.to_string()).is_err());
    }
}
