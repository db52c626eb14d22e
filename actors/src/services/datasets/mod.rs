//! `Datasets`: the data of this party, registered or pushed. Clients see a catalogue and make
//! selections; the rows go to the microservices that compute, and nowhere else.
//!
//! A selection is a plan: a dataset, columns, and a condition on rows. Data are read only when a
//! computation needs them, and dropped with it. Services that compute ask with [`Obtain`]. The
//! controller, which talks to clients, cannot.

mod askers;
mod catalogue;
mod checks;
mod closed;
mod indicated;
mod kept;
mod memory;
mod near_source;
mod obtained;
mod obtaining;
mod reading_limits;
mod recalling;
mod refusals;
mod remembered;
mod reserved;
mod rows;
mod selection;
mod told;
mod uploads;
mod views;

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use cloister_protocols::catalogue::Descriptor;
use cloister_protocols::computation::Reach;
use cloister_protocols::equations::Equations;
use cloister_sources::{Dataset, Stop};
use cloister_vault::Vault;
use tokio::sync::Semaphore;

pub use self::kept::{KeepAnswer, KeptQuestion};
pub use self::memory::{Memories, Outlook};
pub use self::obtained::{Added, Contents, Group, Obtained};
use self::reading_limits::ReadingLimits;
use self::refusals::Refusals;
pub use self::refusals::refused_for_its_data;
pub use self::reserved::{Reserved, Settled, Unheard};
use self::rows::Incomplete;
pub use self::uploads::{Content, Forget, Keep, Kept, Restore};
use super::own_description;
use super::registry::parse;
use crate::bus::Description;
use crate::log::Log;
use crate::policy::no_such_dataset;
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::object::Parameter::{Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Principal, Reply, Right};
use crate::vocabulary::selection::Stored;
use crate::vocabulary::settings::{CurrentPolicies, Limits, OwnRules};
use crate::vocabulary::turns::Turn;

/// The actor.
pub struct Datasets {
    store: Store,
    /// The places for readings.
    readings: Arc<ReadingLimits>,
    /// The places for what clients ask about datasets.
    answers: Arc<Semaphore>,
}

/// The tools for reading data. A clone is cheap to move onto a thread that may block.
#[derive(Clone)]
pub(crate) struct Store {
    vault: Vault,
    log: Log,
    policies: CurrentPolicies,
    access: Arc<cloister_sources::Access>,
    limits: Arc<Limits>,
    refusals: Arc<Refusals>,
    memories: Memories,
}

/// The most questions of clients about datasets at a time. They read no rows.
const ANSWERS: usize = 4;

/// The methods that clients can call.
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

/// The request for data, in the form that a function takes.
#[derive(Message)]
#[rtype(result = "Result<Obtained, ApiError>")]
pub struct Obtain {
    /// The principal that computes.
    pub principal: Principal,
    /// The data.
    pub stored: Stored,
    /// The function.
    pub function: &'static Descriptor,
    /// The client's permission to leave out rows in which a value is missing.
    pub drop_missing: bool,
    /// The rules for this node's own rows.
    pub rules: OwnRules,
    /// The equations about rows that the answer tells.
    pub equations: Equations,
    /// The places of the numbers by rank that it shows, in thousandths of the rows.
    pub permille: Vec<u16>,
    /// The question can do without this node's rows, where a rule of its own keeps them back.
    pub leaves_out: bool,
    /// The earlier answers that members compare this one with, if it is one of sums over rows.
    pub compared: Option<Reach>,
    /// The client declares the categories of tables.
    pub declares: bool,
    /// The client has categories compared in lower case.
    pub regroups: bool,
    /// The hash of all of the question but the selection of rows, if its answer is to be kept.
    pub question: Option<[u8; 32]>,
    /// There is no other input to compute with.
    pub alone: bool,
    /// The room for the bytes that are read, which grows with the rows.
    pub flight: Flight,
    /// The sign that the computation has ended.
    pub stop: Stop,
}

impl Obtain {
    /// Returns the fate of rows in which a value is missing.
    fn incomplete(&self) -> Incomplete {
        match (self.function.input.has_rows(), self.drop_missing) {
            (false, _) => Incomplete::Placed,
            (true, true) => Incomplete::LeftOut,
            (true, false) => Incomplete::Refused,
        }
    }
}

/// The event that a request was refused because of the data of a dataset.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CountRefusal {
    /// The principal of the request.
    pub principal: Principal,
    /// The dataset.
    pub dataset: String,
}

/// The event that a question about a dataset was answered, or that it never will be.
#[derive(Message)]
#[rtype(result = "Result<(), ApiError>")]
pub struct Settle {
    /// The question.
    pub reserved: Reserved,
    /// Its end.
    pub settled: Settled,
}

impl Datasets {
    /// Creates the service for the data in this vault, under these policies.
    #[must_use]
    pub fn new(
        vault: Vault,
        log: Log,
        policies: CurrentPolicies,
        access: Arc<cloister_sources::Access>,
        (limits, memories): (&Limits, Memories),
    ) -> Self {
        let limits = Arc::new(limits.clone());
        let refusals = Arc::new(Refusals::new(vault.clone()));
        let store = Store { vault, log, policies, access, limits, refusals, memories };
        Self {
            store,
            readings: Arc::new(ReadingLimits::new()),
            answers: Arc::new(Semaphore::new(ANSWERS)),
        }
    }

    /// Returns the description that the service gives of itself.
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

    /// Returns these tools for a reading that ends when the sign is given.
    fn stopping(mut self, stop: &Stop) -> Self {
        let access = cloister_sources::Access::clone(&self.access);
        self.access = Arc::new(cloister_sources::Access { stop: Some(stop.clone()), ..access });
        self
    }

    /// Begins the turn of a question that members compare with others of its source. Waits for one that
    /// they have agreed on.
    async fn begin_turn(&self, obtain: &Obtain) -> Result<Option<Arc<Turn>>, ApiError> {
        let name = refusals::dataset_of(&obtain.stored).filter(|_| obtain.compared.is_some());
        let Some(name) = name else { return Ok(None) };
        let (store, principal) = (self.clone(), obtain.principal.clone());
        let turns = blocking::run(move || {
            store.dataset(&principal, &name).map(|dataset| store.memories.turns(&dataset))
        });
        let turn = turns.await??.begin().await;
        turn.map(Some).ok_or_else(|| {
            ApiError::new(Code::Overtaken, "another question about the same data is under way")
        })
    }

    /// Returns the dataset of this name, if it exists for this principal.
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
        let (store, answers) = (self.store.clone(), Arc::clone(&self.answers));
        Box::pin(async move {
            let _turn =
                answers.acquire().await.map_err(|_| ApiError::unavailable("the datasets"))?;
            blocking::run(move || store.answer(&call)).await?
        })
    }
}

impl Handler<CountRefusal> for Datasets {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, count: CountRefusal, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        Box::pin(async move {
            let CountRefusal { principal, dataset } = count;
            // Where the thread is gone, the node is stopping.
            let _ = blocking::run(move || match store.memories.dataset(&dataset) {
                Ok(known) => store.refusals.count(&principal, &known),
                Err(_) => store.refusals.count_by_name(&principal, &dataset),
            })
            .await;
        })
    }
}

impl Handler<Obtain> for Datasets {
    type Result = ResponseFuture<Result<Obtained, ApiError>>;

    fn handle(&mut self, obtain: Obtain, _: &mut Self::Context) -> Self::Result {
        let (store, readings) = (self.store.clone(), Arc::clone(&self.readings));
        Box::pin(async move {
            let turn = store.begin_turn(&obtain).await?;
            let dataset = refusals::dataset_of(&obtain.stored);
            let place = readings.take(obtain.principal.name(), dataset).await?;
            let of_dataset = refusals::is_of_dataset(&obtain.stored);
            let obtained = blocking::run(move || {
                // The reading goes on without its caller, and keeps its place.
                let _place = place;
                store.stopping(&obtain.stop).obtain(&obtain)
            })
            .await?;
            let obtained = obtained
                .map_err(|refusal| if of_dataset { refusals::told(refusal) } else { refusal })?;
            let reserved = obtained.reserved.map(|reserved| reserved.with_turn(turn));
            Ok(Obtained { reserved, ..obtained })
        })
    }
}

impl Handler<Settle> for Datasets {
    type Result = ResponseFuture<Result<(), ApiError>>;

    fn handle(&mut self, settle: Settle, _: &mut Self::Context) -> Self::Result {
        let memories = self.store.memories.clone();
        let settled = blocking::run(move || memories.settle(settle.reserved, settle.settled));
        Box::pin(async move { settled.await? })
    }
}
