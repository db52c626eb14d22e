//! `Barrier`: clients wait for each other by counting arrivals and departures.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use super::named::{Kind, Named, Quota};
use super::{description, nothing_named};
use crate::bus::Description;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::{Labelled, Public};
use crate::vocabulary::object::Parameter::Required;
use crate::vocabulary::object::{Call, Interface, Method, Object, Principal, Reply, Right};

/// The most parties that a barrier counts.
const MOST_PARTIES: usize = 1_024;

/// The bytes that count for a barrier beside its name, from the start: parties that arrive and depart
/// are other principals', and are kept as hashes.
const FULL_BYTES: usize = 2 * MOST_PARTIES * size_of::<PartyHash>();

const KIND: Kind = Kind { one: "barrier", many: "barriers" };

/// The actor.
pub struct Barrier {
    barriers: Named<String, Counts>,
}

#[derive(Default)]
struct Counts {
    arrived: BTreeSet<PartyHash>,
    departed: BTreeSet<PartyHash>,
}

/// The first bytes of the hash of a party's name. Two of a thousand names share them with 2^-45.
type PartyHash = [u8; 8];

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
    /// Creates the service, with these bounds on what clients make.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self { barriers: Named::new(KIND, quota) }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("plugin", "Sync"), ("microservice", "Barrier")])
    }

    fn create(
        &mut self,
        caller: &Principal,
        name: String,
        context: &Context<Self>,
    ) -> Result<Reply, ApiError> {
        let bytes = name.len().saturating_add(FULL_BYTES);
        let key = self.barriers.find_or_put(caller, name, Counts::default, bytes)?;
        let recipient = context.address().recipient();
        Ok(Reply::Object(Object { interface: &BARRIER, recipient, key }))
    }

    fn delete(&mut self, caller: &Principal, name: &String) -> Result<Reply, ApiError> {
        self.barriers.remove(caller, name).map(|_| Reply::None)
    }

    fn on_barrier(&mut self, call: &Call) -> Result<Reply, ApiError> {
        let counts = self.barriers.of_key(call.key).ok_or_else(|| nothing_named("barrier"))?;
        match call.method {
            "arrive" => {
                counts.departed.clear();
                add(&mut counts.arrived, &call.arguments.text("party")?)
            }
            "depart" => add(&mut counts.departed, &call.arguments.text("party")?),
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

fn add(parties: &mut BTreeSet<PartyHash>, party: &str) -> Result<Reply, ApiError> {
    let hash = hash_of(party);
    if parties.len() >= MOST_PARTIES && !parties.contains(&hash) {
        return Err(ApiError::argument(
            "party",
            format!("a barrier counts {MOST_PARTIES} at most"),
        ));
    }
    parties.insert(hash);
    Ok(Reply::None)
}

/// Returns the first bytes of a name's hash.
fn hash_of(party: &str) -> PartyHash {
    let mut hash = PartyHash::default();
    blake3::Hasher::new().update(party.as_bytes()).finalize_xof().fill(&mut hash);
    hash
}

fn count(parties: &BTreeSet<PartyHash>) -> Reply {
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
            (0, "create") => self.create(&call.principal, call.arguments.text("uuid")?, context),
            (0, "delete") => self.delete(&call.principal, &call.arguments.text("uuid")?),
            _ => self.on_barrier(&call),
        }
    }
}
