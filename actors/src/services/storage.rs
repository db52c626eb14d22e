//! `KeyValueStorage`: values under keys.
//!
//! A handle's value comes back with its label. A value that came inline is data that was pushed: it
//! is private, other microservices compute with it, and it is never downloaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use super::{MOST_BYTES, MOST_NAMED, description, footprint, nothing_named, too_many};
use crate::bus::Description;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::{Labelled, Public};
use crate::vocabulary::object::Parameter::{Kept, Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Object, Reply, Right};

/// The storage that always exists.
const DEFAULT: &str = "default";

/// The actor.
pub struct KeyValueStorage {
    keys: BTreeMap<String, u64>,
    storages: BTreeMap<u64, BTreeMap<String, Labelled>>,
    made: u64,
    held: usize,
    bytes: usize,
}

/// The methods that clients can call on the service.
pub static INTERFACE: Interface = Interface {
    name: "the microservice KeyValueStorage",
    right: Right::Compute,
    methods: &[
        Method { name: "create", parameters: &[Optional("storage")] },
        Method { name: "delete", parameters: &[Optional("storage")] },
    ],
};

/// The methods that clients can call on a storage.
static STORAGE: Interface = Interface {
    name: "a storage",
    right: Right::Compute,
    methods: &[
        Method { name: "store", parameters: &[Required("key"), Kept("value")] },
        Method { name: "retrieve", parameters: &[Required("key")] },
        Method { name: "exists", parameters: &[Required("key")] },
        Method { name: "delete", parameters: &[Required("key")] },
    ],
};

impl Default for KeyValueStorage {
    fn default() -> Self {
        let mut service =
            Self { keys: BTreeMap::new(), storages: BTreeMap::new(), made: 0, held: 0, bytes: 0 };
        service.insert(DEFAULT.to_owned());
        service
    }
}

impl KeyValueStorage {
    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Util"), ("microservice", "KeyValueStorage")])
    }

    fn create(&mut self, name: String, context: &Context<Self>) -> Result<Reply, ApiError> {
        let key = match self.keys.get(&name) {
            Some(key) => *key,
            None if self.keys.len() >= MOST_NAMED => return Err(too_many("storages")),
            None => self.insert(name),
        };
        let recipient = context.address().recipient();
        Ok(Reply::Object(Object { interface: &STORAGE, recipient, key }))
    }

    fn insert(&mut self, name: String) -> u64 {
        self.made += 1;
        self.keys.insert(name, self.made);
        self.storages.insert(self.made, BTreeMap::new());
        self.made
    }

    fn delete(&mut self, name: &str) -> Result<Reply, ApiError> {
        let key = self.keys.remove(name).ok_or_else(|| nothing_named("storage"))?;
        let gone = self.storages.remove(&key).unwrap_or_default();
        self.held -= gone.len();
        self.bytes -= gone.values().map(footprint).sum::<usize>();
        if name == DEFAULT {
            self.insert(DEFAULT.to_owned());
        }
        Ok(Reply::None)
    }

    fn on_storage(&mut self, call: &Call) -> Result<Reply, ApiError> {
        let storage = self.storages.get_mut(&call.key).ok_or_else(|| nothing_named("storage"))?;
        let key = call.arguments.text("key")?;
        match call.method {
            "store" if self.held >= MOST_NAMED && !storage.contains_key(&key) => {
                Err(too_many("values"))
            }
            "store" => {
                let value = call.arguments.kept("value")?;
                let bytes = footprint(&value);
                if self.bytes.saturating_add(bytes) > MOST_BYTES {
                    return Err(too_many("values"));
                }
                let replaced = storage.insert(key, value);
                self.bytes = self.bytes + bytes - replaced.as_ref().map_or(0, footprint);
                self.held += usize::from(replaced.is_none());
                Ok(Reply::None)
            }
            "retrieve" => Ok(storage.get(&key).cloned().map_or(Reply::None, Reply::Value)),
            "exists" => Ok(truth(storage.contains_key(&key))),
            "delete" => {
                let gone = storage.remove(&key).ok_or_else(|| nothing_named("value"))?;
                self.held -= 1;
                self.bytes -= footprint(&gone);
                Ok(Reply::None)
            }
            other => Err(ApiError::internal(format!("a storage cannot {other}"))),
        }
    }
}

fn truth(value: bool) -> Reply {
    Reply::Value(Labelled::Public(Public::never_secret(Arc::new(Data::Bool(value)))))
}

impl Actor for KeyValueStorage {
    type Context = Context<Self>;
}

impl Handler<Call> for KeyValueStorage {
    type Result = Result<Reply, ApiError>;

    fn handle(&mut self, call: Call, context: &mut Self::Context) -> Self::Result {
        let storage = || match call.arguments.get("storage") {
            Some(_) => call.arguments.text("storage"),
            None => Ok(DEFAULT.to_owned()),
        };
        match (call.key, call.method) {
            (0, "create") => self.create(storage()?, context),
            (0, "delete") => self.delete(&storage()?),
            _ => self.on_storage(&call),
        }
    }
}
