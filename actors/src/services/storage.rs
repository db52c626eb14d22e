//! `KeyValueStorage`: values under keys.
//!
//! A handle's value comes back with its label. A value that came inline is data that was pushed: it
//! is private, other microservices compute with it, and it is never downloaded. A value belongs to
//! the caller that stored it, and counts for that one.

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use super::named::{Kind, Named, Quota};
use super::{description, footprint, nothing_named};
use crate::bus::Description;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::{Labelled, Public};
use crate::vocabulary::object::Parameter::{Kept, Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Object, Principal, Reply, Right};

/// The storage that always exists.
const DEFAULT: &str = "default";

const STORAGES: Kind = Kind { one: "storage", many: "storages" };
const VALUES: Kind = Kind { one: "value", many: "values" };

/// The actor.
pub struct KeyValueStorage {
    storages: Named<String, ()>,
    /// The values of all storages, by a storage's key and their own name.
    values: Named<(u64, String), Labelled>,
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

impl KeyValueStorage {
    /// Creates the service, with these bounds on what clients make.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let (storages, values) = (Named::new(STORAGES, quota.clone()), Named::new(VALUES, quota));
        let mut service = Self { storages, values };
        service.insert_default();
        service
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Util"), ("microservice", "KeyValueStorage")])
    }

    fn create(
        &mut self,
        caller: &Principal,
        name: String,
        context: &Context<Self>,
    ) -> Result<Reply, ApiError> {
        let bytes = name.len();
        let key = self.storages.find_or_put(caller, name, || (), bytes)?;
        let recipient = context.address().recipient();
        Ok(Reply::Object(Object { interface: &STORAGE, recipient, key }))
    }

    /// Makes the storage that always exists. A caller with a token cannot delete it.
    fn insert_default(&mut self) {
        self.storages.put_own(Principal::anybody(), DEFAULT.to_owned(), ());
    }

    /// Deletes a storage with all its values, those of other callers too.
    fn delete(&mut self, caller: &Principal, name: &String) -> Result<Reply, ApiError> {
        let key = self.storages.key(name);
        self.storages.remove(caller, name)?;
        self.values.retain(|(storage, _)| Some(*storage) != key);
        if name == DEFAULT {
            self.insert_default();
        }
        Ok(Reply::None)
    }

    fn on_storage(&mut self, call: &Call) -> Result<Reply, ApiError> {
        self.storages.of_key(call.key).ok_or_else(|| nothing_named("storage"))?;
        let name = (call.key, call.arguments.text("key")?);
        match call.method {
            "store" => {
                let value = call.arguments.kept("value")?;
                let bytes = footprint(&value).saturating_add(name.1.len());
                self.values.put(&call.principal, name, value, bytes)?;
                Ok(Reply::None)
            }
            "retrieve" => Ok(self.values.get(&name).cloned().map_or(Reply::None, Reply::Value)),
            "exists" => Ok(truth(self.values.get(&name).is_some())),
            "delete" => self.values.remove(&call.principal, &name).map(|_| Reply::None),
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
            (0, "create") => self.create(&call.principal, storage()?, context),
            (0, "delete") => self.delete(&call.principal, &storage()?),
            _ => self.on_storage(&call),
        }
    }
}
