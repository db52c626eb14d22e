//! `Broadcast`: a message under a name, for all clients of this node to read.
//!
//! Messages are public. A private value that a client refers to is not: it is refused.

use std::collections::BTreeMap;

use actix::{Actor, Context, Handler};

use super::{MOST_NAMED, description, nothing_named, too_many};
use crate::bus::Description;
use crate::error::ApiError;
use crate::label::Labelled;
use crate::object::Parameter::Required;
use crate::object::{Argument, Call, Interface, Method, Reply};

/// The actor.
#[derive(Default)]
pub struct Broadcast {
    messages: BTreeMap<String, Option<Labelled>>,
}

/// What clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Broadcast",
    methods: &[
        Method { name: "create", parameters: &[Required("uuid")] },
        Method { name: "send", parameters: &[Required("uuid"), Required("message")] },
        Method { name: "receive", parameters: &[Required("uuid")] },
        Method { name: "delete", parameters: &[Required("uuid")] },
    ],
};

impl Broadcast {
    /// What it says of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Sync"), ("microservice", "Broadcast")])
    }

    fn put(&mut self, name: String, message: Option<Labelled>) -> Result<Reply, ApiError> {
        if self.messages.len() >= MOST_NAMED && !self.messages.contains_key(&name) {
            return Err(too_many("broadcasts"));
        }
        self.messages.insert(name, message);
        Ok(Reply::None)
    }
}

/// What may be told to everybody.
fn tellable(message: &Argument) -> Result<Labelled, ApiError> {
    match message.labelled() {
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
                let known = self.messages.remove(&name);
                known.map(|_| Reply::None).ok_or_else(|| nothing_named("broadcast"))
            }
            other => Err(ApiError::internal(format!("Broadcast cannot {other}"))),
        }
    }
}
