//! `Datasets`: the data of this party, registered or pushed. Clients see a catalogue and make
//! selections; the rows go to the microservices that compute, and nowhere else.
//!
//! A selection is a plan: which dataset, which columns, which rows. Nothing is read before a
//! computation needs it, and what was read is dropped with it. Whoever computes asks with [`Obtain`];
//! the controller, which talks to clients, cannot.

mod catalogue;
mod obtained;
mod obtaining;
mod refusals;
mod rows;
mod selection;
mod uploads;

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use cloister_protocols::catalogue::Descriptor;
use cloister_sources::Dataset;
use cloister_vault::Vault;
use tokio::sync::Semaphore;

pub use self::obtained::{Added, Contents, Group, Obtained};
use self::refusals::Refusals;
pub use self::uploads::{Content, Forget, Keep, Kept, Restore};
use super::own_description;
use super::registry::parse;
use crate::bus::Description;
use crate::log::Log;
use crate::policy::no_such_dataset;
use crate::vocabulary::blocking;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Parameter::{Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Principal, Reply, Right};
use crate::vocabulary::selection::Stored;
use crate::vocabulary::settings::{Limits, Policies};

/// The actor.
pub struct Datasets {
    store: Store,
    /// Readings at a time: each holds its rows in memory, and a thread.
    readings: Arc<Semaphore>,
}

/// What reading data needs; cheap to clone onto a thread that may block.
#[derive(Clone)]
pub(crate) struct Store {
    vault: Vault,
    log: Log,
    policies: Arc<Policies>,
    access: Arc<cloister_sources::Access>,
    limits: Arc<Limits>,
    refusals: Arc<Refusals>,
}

/// Readings that may be under way.
const READINGS: usize = 4;

/// What clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Datasets",
    right: Right::Compute,
    methods: &[
        Method { name: "list", parameters: &[] },
        Method { name: "describe", parameters: &[Required("dataset")] },
        Method {
            name: "select",
            parameters: &[Required("dataset"), Required("columns"), Optional("where")],
        },
    ],
};

/// Asks for data, as a function takes them.
#[derive(Message)]
#[rtype(result = "Result<Obtained, ApiError>")]
pub struct Obtain {
    /// For whom.
    pub principal: Principal,
    /// Which data.
    pub stored: Stored,
    /// For which function.
    pub function: &'static Descriptor,
    /// Whether rows in which a value is missing are left out. Else they are refused.
    pub drop_missing: bool,
    /// The fewest rows that a selection may have, and that two selections may differ by.
    pub minimum: u64,
    /// Whether there is nothing else to compute with.
    pub alone: bool,
}

/// Says that a request was refused because of what the data of a dataset are.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CountRefusal {
    /// Whose request.
    pub principal: Principal,
    /// The dataset.
    pub dataset: String,
}

impl Datasets {
    /// The data in this vault, under these policies.
    #[must_use]
    pub fn new(
        vault: Vault,
        log: Log,
        policies: Arc<Policies>,
        access: Arc<cloister_sources::Access>,
        limits: &Limits,
    ) -> Self {
        let limits = Arc::new(limits.clone());
        let refusals = Arc::default();
        let store = Store { vault, log, policies, access, limits, refusals };
        Self { store, readings: Arc::new(Semaphore::new(READINGS)) }
    }

    /// What it says of itself.
    #[must_use]
    pub fn description() -> Description {
        own_description("Datasets")
    }
}

impl Store {
    /// Answers a client's call. Blocks.
    fn answer(&self, call: &Call) -> Result<Reply, ApiError> {
        match call.method {
            "list" => self.list(&call.principal),
            "describe" => self.describe(&call.principal, &call.arguments.text("dataset")?),
            "select" => self.select(call),
            other => Err(ApiError::internal(format!("datasets cannot {other}"))),
        }
    }

    /// The dataset of this name, if it exists for this principal.
    fn dataset(&self, principal: &Principal, name: &str) -> Result<Dataset, ApiError> {
        if !self.policies.of(name).is_for(principal.name()) {
            return Err(no_such_dataset());
        }
        let document = self.vault.dataset(name).map_err(|error| ApiError::state(&error))?;
        let document = document.ok_or_else(no_such_dataset)?;
        parse(document).map(|registered| registered.dataset)
    }
}

impl Actor for Datasets {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(uploads::SWEEP, |datasets, _| {
            actix::spawn(uploads::sweep(datasets.store.clone()));
        });
    }
}

impl Handler<Call> for Datasets {
    type Result = ResponseFuture<Result<Reply, ApiError>>;

    fn handle(&mut self, call: Call, _: &mut Self::Context) -> Self::Result {
        let (store, readings) = (self.store.clone(), Arc::clone(&self.readings));
        Box::pin(async move {
            let _turn =
                readings.acquire().await.map_err(|_| ApiError::unavailable("the datasets"))?;
            blocking::run(move || store.answer(&call)).await?
        })
    }
}

impl Handler<CountRefusal> for Datasets {
    type Result = ();

    fn handle(&mut self, count: CountRefusal, _: &mut Self::Context) {
        self.store.refusals.count(&count.principal, &count.dataset);
    }
}

impl Handler<Obtain> for Datasets {
    type Result = ResponseFuture<Result<Obtained, ApiError>>;

    fn handle(&mut self, obtain: Obtain, _: &mut Self::Context) -> Self::Result {
        let (store, readings) = (self.store.clone(), Arc::clone(&self.readings));
        Box::pin(async move {
            let _turn =
                readings.acquire().await.map_err(|_| ApiError::unavailable("the datasets"))?;
            blocking::run(move || store.obtain(&obtain)).await?
        })
    }
}
