//! `Broadcast`: a message under a name, for all clients of this node to read.
//!
//! Messages are public. A private value that a client refers to is not: it is refused.

use std::collections::BTreeMap;

use actix::{Actor, Context, Handler};

use super::{MOST_BYTES, MOST_NAMED, description, footprint, nothing_named, too_many};
use crate::bus::Description;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::Parameter::Required;
use crate::vocabulary::object::{Argument, Call, Interface, Method, Reply, Right};

/// The actor.
#[derive(Default)]
pub struct Broadcast {
    messages: BTreeMap<String, Option<Labelled>>,
    bytes: usize,
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
    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Sync"), ("microservice", "Broadcast")])
    }

    fn put(&mut self, name: String, message: Option<Labelled>) -> Result<Reply, ApiError> {
        let bytes = message.as_ref().map_or(0, footprint);
        let full = self.messages.len() >= MOST_NAMED && !self.messages.contains_key(&name);
        if full || self.bytes.saturating_add(bytes) > MOST_BYTES {
            return Err(too_many("broadcasts"));
        }
        self.bytes += bytes;
        self.forget(&name);
        self.messages.insert(name, message);
        Ok(Reply::None)
    }

    /// Forgets a message. Returns whether there was one of this name.
    fn forget(&mut self, name: &str) -> bool {
        let gone = self.messages.remove(name);
        self.bytes -= gone.as_ref().and_then(Option::as_ref).map_or(0, footprint);
        gone.is_some()
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
        let name = call.arguments.text("uuid")?;
        match call.method {
            "create" => self.put(name, None),
            "send" => {
                let message = tellable(call.arguments.required("message")?)?;
                self.put(name, Some(message))
            }
            "receive" => {
                let message = self.messages.get(&name).cloned().flatten();
                Ok(message.map_or(Reply::None, Reply::Value))
            }
            "delete" => {
                self.forget(&name).then_some(Reply::None).ok_or_else(|| nothing_named("broadcast"))
            }
            other => Err(ApiError::internal(format!("Broadcast cannot {other}"))),
        }
    }
}
