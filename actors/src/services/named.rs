//! Things that clients make under names: barriers, storages and their values, messages.
//!
//! Names are how clients meet, so all callers of the node may use such a thing. Each has an owner:
//! the caller that made it. It counts in the owner's quota until it is deleted. Only its owner
//! deletes or replaces it, or a principal that may end others' computations.

use std::collections::BTreeMap;

use super::nothing_named;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::{Principal, Right};
use crate::vocabulary::room::{Room, Rooms};
use crate::vocabulary::settings::AccessMode;

/// The most named things of each kind on this node.
const MOST: usize = 10_000;

/// The most bytes that the named things of one kind hold together.
const MOST_BYTES: usize = 256 << 20;

/// The part of these that one principal can take, where there are several.
const PART: usize = 4;

/// The bounds on named things.
#[derive(Clone)]
pub struct Quota {
    /// All that a principal holds on this node.
    rooms: Rooms,
    most_of_one: usize,
    most_bytes_of_one: usize,
}

/// A kind of named things, in words.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// Named things of one kind.
pub(super) struct Named<K, T> {
    kind: Kind,
    quota: Quota,
    /// The part of this kind that each principal takes.
    of_kind: Rooms,
    entries: BTreeMap<K, Entry<T>>,
    /// The names, by the keys under which handles know them.
    names: BTreeMap<u64, K>,
    /// The last key.
    made: u64,
    bytes: usize,
}

struct Entry<T> {
    key: u64,
    value: T,
    owner: Principal,
    bytes: usize,
    /// The room in all that the owner holds, and in that of this kind; none for the node's own.
    _rooms: Option<[Room; 2]>,
}

impl Quota {
    /// Creates the bounds of a node. Without tokens there is one principal only.
    #[must_use]
    pub fn new(rooms: Rooms, mode: AccessMode) -> Self {
        let part = match mode {
            AccessMode::Open => 1,
            AccessMode::Tokens => PART,
        };
        Self { rooms, most_of_one: MOST / part, most_bytes_of_one: MOST_BYTES / part }
    }
}

impl<K: Ord + Clone, T> Named<K, T> {
    pub(super) fn new(kind: Kind, quota: Quota) -> Self {
        let of_kind = Rooms::new(quota.most_of_one, quota.most_bytes_of_one);
        let (entries, names) = (BTreeMap::new(), BTreeMap::new());
        Self { kind, quota, of_kind, entries, names, made: 0, bytes: 0 }
    }

    pub(super) fn get(&self, name: &K) -> Option<&T> {
        self.entries.get(name).map(|entry| &entry.value)
    }

    /// Returns the key of the thing of this name. None has the key 0, and none that of an earlier one.
    pub(super) fn key(&self, name: &K) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.key)
    }

    /// Returns the thing of this key.
    pub(super) fn of_key(&mut self, key: u64) -> Option<&mut T> {
        let name = self.names.get(&key)?;
        self.entries.get_mut(name).map(|entry| &mut entry.value)
    }

    /// Returns the key of the thing of this name. If there is none, adds one of so many bytes.
    ///
    /// # Errors
    /// If there is no room.
    pub(super) fn find_or_put(
        &mut self,
        caller: &Principal,
        name: K,
        value: impl FnOnce() -> T,
        bytes: usize,
    ) -> Result<u64, ApiError> {
        if let Some(key) = self.key(&name) {
            return Ok(key);
        }
        self.put(caller, name, value(), bytes)?;
        Ok(self.made)
    }

    /// Returns whether the caller may delete and replace what has this name, where there is any.
    pub(super) fn is_of(&self, caller: &Principal, name: &K) -> bool {
        self.entries.get(name).is_none_or(|entry| entry.is_of(caller))
    }

    /// Adds a thing of so many bytes, in place of the caller's own of the same name.
    ///
    /// # Errors
    /// If that one is another's, or there is no room.
    pub(super) fn put(
        &mut self,
        caller: &Principal,
        name: K,
        value: T,
        bytes: usize,
    ) -> Result<(), ApiError> {
        if !self.is_of(caller, &name) {
            return Err(self.not_yours());
        }
        // What is replaced gives back its room first, and takes it again if it stays.
        let replaced = self.take(&name).map(|entry| Entry { _rooms: None, ..entry });
        match self.reserve(caller, bytes) {
            Ok(rooms) => {
                let (key, owner) = (self.next_key(), caller.clone());
                self.insert(name, Entry { key, value, owner, bytes, _rooms: Some(rooms) });
                Ok(())
            }
            Err(error) => {
                if let Some(Entry { key, value, owner, bytes, .. }) = replaced {
                    let rooms = [&self.of_kind, &self.quota.rooms];
                    let rooms = rooms.map(|rooms| rooms.take(&owner, bytes));
                    self.insert(name, Entry { key, value, owner, bytes, _rooms: Some(rooms) });
                }
                Err(error)
            }
        }
    }

    /// Adds a thing of the node's own, which counts for no principal.
    pub(super) fn put_own(&mut self, owner: Principal, name: K, value: T) {
        let key = self.next_key();
        self.insert(name, Entry { key, value, owner, bytes: 0, _rooms: None });
    }

    /// Deletes a thing of the caller, and returns it.
    ///
    /// # Errors
    /// If there is none of this name, or it is another's.
    pub(super) fn remove(&mut self, caller: &Principal, name: &K) -> Result<T, ApiError> {
        if !self.is_of(caller, name) {
            return Err(self.not_yours());
        }
        self.take(name).map(|entry| entry.value).ok_or_else(|| nothing_named(self.kind.one))
    }

    /// Deletes all things whose names are not to stay.
    pub(super) fn retain(&mut self, stays: impl Fn(&K) -> bool) {
        let (bytes, names) = (&mut self.bytes, &mut self.names);
        self.entries.retain(|name, entry| {
            let stays = stays(name);
            if !stays {
                *bytes -= entry.bytes;
                names.remove(&entry.key);
            }
            stays
        });
    }

    fn next_key(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn insert(&mut self, name: K, entry: Entry<T>) {
        self.bytes += entry.bytes;
        self.names.insert(entry.key, name.clone());
        self.entries.insert(name, entry);
    }

    fn take(&mut self, name: &K) -> Option<Entry<T>> {
        let entry = self.entries.remove(name)?;
        self.names.remove(&entry.key);
        self.bytes -= entry.bytes;
        Some(entry)
    }

    fn reserve(&self, caller: &Principal, bytes: usize) -> Result<[Room; 2], ApiError> {
        if self.entries.len() >= MOST || self.bytes.saturating_add(bytes) > MOST_BYTES {
            return Err(self.full());
        }
        let of_kind = self.of_kind.reserve(caller, bytes).map_err(|_| self.over_quota())?;
        let of_all = self.quota.rooms.reserve(caller, bytes).map_err(|error| {
            error.hint(format!(
                "delete {} that you no longer need, or release handles",
                self.kind.many
            ))
        })?;
        Ok([of_kind, of_all])
    }

    fn over_quota(&self) -> ApiError {
        let (many, quota) = (self.kind.many, &self.quota);
        let message = format!(
            "you have {} {many} already, or they hold {} bytes",
            quota.most_of_one, quota.most_bytes_of_one
        );
        ApiError::new(Code::OverQuota, message)
            .hint(format!("delete {many} that you no longer need"))
    }

    fn full(&self) -> ApiError {
        let many = self.kind.many;
        let message =
            format!("this node has {MOST} {many} already, or they hold {MOST_BYTES} bytes");
        ApiError::new(Code::Unavailable, message)
            .hint(format!("delete {many} that you no longer need, and have others delete theirs"))
    }

    fn not_yours(&self) -> ApiError {
        ApiError::new(
            Code::NotYours,
            format!("the {} of this name is another caller's", self.kind.one),
        )
        .hint("take another name, or have its owner or the operator delete it")
    }
}

impl<T> Entry<T> {
    fn is_of(&self, caller: &Principal) -> bool {
        self.owner == *caller || caller.may(Right::Steer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cloister_vault::Role;

    use super::*;

    const KIND: Kind = Kind { one: "thing", many: "things" };

    fn researcher(name: &str) -> Principal {
        Principal::of_token(name, &BTreeSet::from([Role::Researcher]))
    }

    fn named(handles: usize, bytes: usize) -> (Named<usize, ()>, Rooms) {
        let rooms = Rooms::new(handles, bytes);
        (Named::new(KIND, Quota::new(rooms.clone(), AccessMode::Tokens)), rooms)
    }

    fn code<T>(result: Result<T, ApiError>) -> Code {
        result.map(drop).unwrap_err().code()
    }

    #[test]
    fn one_principal_leaves_names_for_others() {
        let (mut named, _) = named(usize::MAX, usize::MAX);
        let [ada, bob] = ["ada", "bob"].map(researcher);
        for name in 0..MOST / PART {
            named.put(&ada, name, (), 1).unwrap();
        }
        let error = named.put(&ada, MOST, (), 1).unwrap_err();
        assert_eq!(error.code(), Code::OverQuota);
        assert!(error.message().contains("2500 things"), "{error}");
        named.put(&bob, MOST, (), 1).unwrap();
        named.remove(&ada, &0).unwrap();
        named.put(&ada, 0, (), 1).unwrap();
    }

    #[test]
    fn a_key_is_of_one_thing_for_ever() {
        let (mut named, _) = named(usize::MAX, usize::MAX);
        let ada = researcher("ada");
        let mut open = |name| named.find_or_put(&ada, name, || (), 1).unwrap();
        assert_eq!([open(7), open(8), open(7)], [1, 2, 1]);
        assert!(named.of_key(1).is_some() && named.of_key(0).is_none());
        named.remove(&ada, &7).unwrap();
        assert!(named.of_key(1).is_none());
        assert_eq!(named.find_or_put(&ada, 7, || (), 1).unwrap(), 3);
        named.retain(|_| false);
        assert!(named.names.is_empty() && named.of_key(3).is_none());
    }

    #[test]
    fn named_things_count_in_all_that_their_owner_holds() {
        let (mut named, rooms) = named(2, 1_000);
        let ada = researcher("ada");
        named.put(&ada, 0, (), 900).unwrap();
        assert_eq!(code(rooms.hold(&ada, 200)), Code::OverQuota);
        assert_eq!(code(named.put(&ada, 1, (), 200)), Code::OverQuota);
        named.put(&ada, 0, (), 1_000).unwrap();
        assert_eq!(code(named.put(&ada, 0, (), 1_001)), Code::OverQuota);
        assert_eq!(rooms.usage(&ada).bytes, 1_000, "what was there stays");
        named.remove(&ada, &0).unwrap();
        assert_eq!((rooms.usage(&ada).bytes, named.bytes), (0, 0));
        named.put(&ada, 0, (), 1_000).unwrap();
        named.retain(|_| false);
        assert_eq!((rooms.usage(&ada).bytes, named.bytes), (0, 0));
    }

    #[test]
    fn bytes_of_one_kind_leave_room_for_others() {
        let (mut named, _) = named(usize::MAX, usize::MAX);
        let [ada, bob] = ["ada", "bob"].map(researcher);
        named.put(&ada, 0, (), MOST_BYTES / PART).unwrap();
        assert_eq!(code(named.put(&ada, 1, (), 1)), Code::OverQuota);
        named.put(&bob, 1, (), MOST_BYTES / PART).unwrap();
    }

    #[test]
    fn only_its_owner_or_an_operator_deletes_or_replaces_a_thing() {
        let (mut named, _) = named(10, 1_000);
        let [ada, bob] = ["ada", "bob"].map(researcher);
        named.put(&ada, 0, (), 1).unwrap();
        assert_eq!(code(named.put(&bob, 0, (), 1)), Code::NotYours);
        assert_eq!(code(named.remove(&bob, &0)), Code::NotYours);
        assert_eq!(code(named.remove(&bob, &1)), Code::NotFound);
        let roles = BTreeSet::from([Role::Researcher, Role::Operator]);
        named.remove(&Principal::of_token("eve", &roles), &0).unwrap();
        named.put(&bob, 0, (), 1).unwrap();
    }
}
