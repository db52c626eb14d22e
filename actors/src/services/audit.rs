//! `Audit`: the node's audit log, for auditors to read. It holds no private value, so that its
//! entries are public to any principal that may call this.

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_vault::Vault;
use serde_json::json;

use super::{own_description, public};
use crate::bus::Description;
use crate::log::document;
use crate::vocabulary::blocking;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Parameter::Optional;
use crate::vocabulary::object::{Call, Interface, Method, Reply, Right};

/// The entries that one call returns, at most and by default.
const MOST_ENTRIES: usize = 1_000;

/// The actor.
#[derive(Clone)]
pub struct Audit {
    vault: Vault,
}

/// The methods that clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Audit",
    right: Right::ReadAudit,
    methods: &[
        Method { name: "read", parameters: &[Optional("first"), Optional("limit")] },
        Method { name: "head", parameters: &[] },
    ],
};

impl Audit {
    /// Creates the service for the log in this vault.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        own_description("Audit")
    }

    fn answer(&self, call: &Call) -> Result<Reply, ApiError> {
        match call.method {
            "read" => self.read(call),
            "head" => self.head(),
            other => Err(ApiError::internal(format!("the audit log cannot {other}"))),
        }
    }

    fn read(&self, call: &Call) -> Result<Reply, ApiError> {
        let number = |name, otherwise| call.arguments.index(name).map(|n| n.unwrap_or(otherwise));
        let (first, limit) = (number("first", 1)?, number("limit", MOST_ENTRIES)?);
        let first = u64::try_from(first).unwrap_or(u64::MAX);
        let entries = self.vault.entries(first, limit.min(MOST_ENTRIES));
        let entries = entries.map_err(|error| ApiError::state(&error))?;
        public(&entries.iter().map(document).collect::<Vec<_>>())
    }

    fn head(&self) -> Result<Reply, ApiError> {
        let head = self.vault.head();
        let hash = blake3::Hash::from_bytes(head.hash).to_hex().to_string();
        public(&json!({"number": head.number, "hash": hash}))
    }
}

impl Actor for Audit {
    type Context = Context<Self>;
}

impl Handler<Call> for Audit {
    type Result = ResponseFuture<Result<Reply, ApiError>>;

    fn handle(&mut self, call: Call, _: &mut Self::Context) -> Self::Result {
        let audit = self.clone();
        Box::pin(async move {
            // Some megabytes of entries are read and written as JSON.
            blocking::run(move || audit.answer(&call)).await?
        })
    }
}
