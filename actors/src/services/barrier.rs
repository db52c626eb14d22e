//! `Barrier`: clients wait for each other by counting arrivals and departures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use super::{MOST_NAMED, description, nothing_named, too_many};
use crate::bus::Description;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::{Labelled, Public};
use crate::vocabulary::object::Parameter::Required;
use crate::vocabulary::object::{Call, Interface, Method, Object, Reply, Right};

/// The most parties that a barrier counts.
const MOST_PARTIES: usize = 1_024;

/// The actor.
#[derive(Default)]
pub struct Barrier {
    keys: BTreeMap<String, u64>,
    barriers: BTreeMap<u64, Counts>,
    made: u64,
}

#[derive(Default)]
struct Counts {
    arrived: BTreeSet<String>,
    departed: BTreeSet<String>,
}

/// The methods that clients can call on the service.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Barrier",
    right: Right::Compute,
    methods: &[
        Method { name: "create", parameters: &[Required("uuid")] },
        Method { name: "delete", parameters: &[Required("uuid")] },
    ],
};

/// The methods that clients can call on a barrier.
static BARRIER: Interface = Interface {
    name: "a barrier",
    right: Right::Compute,
    methods: &[
        Method { name: "arrive", parameters: &[Required("party")] },
        Method { name: "arrived", parameters: &[] },
        Method { name: "depart", parameters: &[Required("party")] },
        Method { name: "departed", parameters: &[] },
        Method { name: "reset", parameters: &[] },
    ],
};

impl Barrier {
    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Sync"), ("microservice", "Barrier")])
    }

    fn create(&mut self, name: String, context: &Context<Self>) -> Result<Reply, ApiError> {
        let key = match self.keys.get(&name) {
            Some(key) => *key,
            None if self.keys.len() >= MOST_NAMED => return Err(too_many("barriers")),
            None => self.insert(name),
        };
        let recipient = context.address().recipient();
        Ok(Reply::Object(Object { interface: &BARRIER, recipient, key }))
    }

    fn insert(&mut self, name: String) -> u64 {
        self.made += 1;
        self.keys.insert(name, self.made);
        self.barriers.insert(self.made, Counts::default());
        self.made
    }

    fn delete(&mut self, name: &str) -> Result<Reply, ApiError> {
        let key = self.keys.remove(name).ok_or_else(|| nothing_named("barrier"))?;
        self.barriers.remove(&key);
        Ok(Reply::None)
    }

    fn on_barrier(&mut self, call: &Call) -> Result<Reply, ApiError> {
        let counts = self.barriers.get_mut(&call.key).ok_or_else(|| nothing_named("barrier"))?;
        match call.method {
            "arrive" => {
                counts.departed.clear();
                add(&mut counts.arrived, call.arguments.text("party")?)
            }
            "depart" => add(&mut counts.departed, call.arguments.text("party")?),
            "arrived" => Ok(count(&counts.arrived)),
            "departed" => Ok(count(&counts.departed)),
            "reset" => {
                counts.arrived.clear();
                Ok(Reply::None)
            }
            other => Err(ApiError::internal(format!("a barrier cannot {other}"))),
        }
    }
}

fn add(parties: &mut BTreeSet<String>, party: String) -> Result<Reply, ApiError> {
    if parties.len() >= MOST_PARTIES && !parties.contains(&party) {
        return Err(ApiError::argument(
            "party",
            format!("a barrier counts {MOST_PARTIES} at most"),
        ));
    }
    parties.insert(party);
    Ok(Reply::None)
}

fn count(parties: &BTreeSet<String>) -> Reply {
    let count = i64::try_from(parties.len()).unwrap_or(i64::MAX);
    Reply::Value(Labelled::Public(Public::never_secret(Arc::new(Data::Integer(count)))))
}

impl Actor for Barrier {
    type Context = Context<Self>;
}

impl Handler<Call> for Barrier {
    type Result = Result<Reply, ApiError>;

    fn handle(&mut self, call: Call, context: &mut Self::Context) -> Self::Result {
        match (call.key, call.method) {
            (0, "create") => self.create(call.arguments.text("uuid")?, context),
            (0, "delete") => self.delete(&call.arguments.text("uuid")?),
            _ => self.on_barrier(&call),
        }
    }
}
