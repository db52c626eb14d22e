//! `Broadcast`: a message under a name, for all clients of this node to read.
//!
//! Messages are public. A private value that a client refers to is not: it is refused. A message
//! belongs to the caller that sent it, and counts for that one. A name that was created without a
//! message is free for the message of any caller.

use actix::{Actor, Context, Handler};

use super::named::{Kind, Named, Quota};
use super::{description, footprint};
use crate::bus::Description;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::Parameter::Required;
use crate::vocabulary::object::{Argument, Call, Interface, Method, Principal, Reply, Right};

const KIND: Kind = Kind { one: "broadcast", many: "broadcasts" };

/// The actor.
pub struct Broadcast {
    /// The names, with their owners.
    names: Named<String, ()>,
    /// The messages under the names, with their senders.
    messages: Named<String, Labelled>,
}

/// The methods that clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Broadcast",
    right: Right::Compute,
    methods: &[
        Method { name: "create", parameters: &[Required("uuid")] },
        Method { name: "send", parameters: &[Required("uuid"), Required("message")] },
        Method { name: "receive", parameters: &[Required("uuid")] },
        Method { name: "delete", parameters: &[Required("uuid")] },
    ],
};

impl Broadcast {
    /// Creates the service, with these bounds on what clients make.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let names = Named::new(KIND, quota.clone());
        Self { names, messages: Named::new(KIND, quota) }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Sync"), ("microservice", "Broadcast")])
    }

    /// Makes a name. The owner's name loses its message.
    fn create(&mut self, caller: &Principal, name: String) -> Result<Reply, ApiError> {
        if self.names.is_of(caller, &name) {
            self.names.put(caller, name.clone(), (), name.len())?;
            self.messages.retain(|other| *other != name);
        }
        Ok(Reply::None)
    }

    fn send(
        &mut self,
        caller: &Principal,
        name: String,
        message: Labelled,
    ) -> Result<Reply, ApiError> {
        let bytes = footprint(&message).saturating_add(name.len());
        let is_new = self.names.get(&name).is_none();
        if is_new {
            self.names.put(caller, name.clone(), (), name.len())?;
        }
        let sent = self.messages.put(caller, name.clone(), message, bytes);
        if is_new && sent.is_err() {
            self.names.retain(|other| *other != name);
        }
        sent.map(|()| Reply::None)
    }

    fn delete(&mut self, caller: &Principal, name: &String) -> Result<Reply, ApiError> {
        self.names.remove(caller, name)?;
        self.messages.retain(|other| other != name);
        Ok(Reply::None)
    }
}

/// Returns the message, unless it is private.
fn tellable(message: &Argument) -> Result<Labelled, ApiError> {
    match message.told() {
        Labelled::Private(_) => {
            Err(ApiError::no_download("this is data, and data is not broadcast"))
        }
        tellable => Ok(tellable),
    }
}

impl Actor for Broadcast {
    type Context = Context<Self>;
}

impl Handler<Call> for Broadcast {
    type Result = Result<Reply, ApiError>;

    fn handle(&mut self, call: Call, _: &mut Self::Context) -> Self::Result {
        let (caller, name) = (&call.principal, call.arguments.text("uuid")?);
        match call.method {
            "create" => self.create(caller, name),
            "send" => {
                let message = tellable(call.arguments.required("message")?)?;
                self.send(caller, name, message)
            }
            "receive" => {
                let message = self.messages.get(&name).cloned();
                Ok(message.map_or(Reply::None, Reply::Value))
            }
            "delete" => self.delete(caller, &name),
            other => Err(ApiError::internal(format!("Broadcast cannot {other}"))),
        }
    }
}
