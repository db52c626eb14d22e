//! The API for people and the programs that serve them: the state of this node, its links, its
//! computations, and the members awaited. The dashboard lives on it, and the central clients'
//! progress bars.
//!
//! It is beside the API of the controller, not around it. It shows facts that are not secret and
//! the caller's own objects, and has no way to data. Results come from the
//! [records](crate::records) of computations, for the principals that asked for them.

mod approvals;
mod audit;
mod computations;
mod concurrency_limits;
pub mod description;
mod events;
mod functions;
mod metrics;
mod node;
mod pages;
mod probes;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use actix::Message;
use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use cloister_vault::Vault;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use self::concurrency_limits::ConcurrencyLimits;
pub use self::metrics::routes as metrics_routes;
pub use self::node::Facts;
use crate::bus::{APPROVALS, AUDIT, DATASETS, RECORDS, SESSIONS, Siblings};
use crate::controller::{Caller, endpoint};
use crate::services::{approvals as approvals_service, audit as audit_service, datasets};
use crate::vocabulary::code::Code;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::{Argument, Call, Interface, Principal, Reply};

/// The most listeners to events at a time, in all and of one name.
const MOST_LISTENERS: (usize, usize) = (64, 16);

/// The most lines that this node probes at a time, in all and for one name.
const MOST_PROBES: (usize, usize) = (8, 2);

/// The state that the handlers work with beside the [`ApiState`](crate::controller::ApiState). A
/// clone is cheap.
#[derive(Clone)]
pub struct ManagementState {
    facts: Arc<RwLock<Arc<Facts>>>,
    siblings: Siblings,
    services: Services,
    vault: Vault,
    listeners: ConcurrencyLimits,
    probes: ConcurrencyLimits,
    /// Room for one verification at a time: it reads the whole log.
    verifying: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// The microservices that the API calls.
#[derive(Clone, Copy)]
struct Services {
    datasets: Service,
    approvals: Service,
    audit: Service,
}

/// A microservice: the address at which the bus finds it, and its interface.
#[derive(Clone, Copy)]
struct Service {
    address: &'static str,
    interface: &'static Interface,
}

static SERVICES: Services = Services {
    datasets: Service { address: DATASETS, interface: &datasets::INTERFACE },
    approvals: Service { address: APPROVALS, interface: &approvals_service::INTERFACE },
    audit: Service { address: AUDIT, interface: &audit_service::INTERFACE },
};

type Answer = Result<HttpResponse, ApiError>;

impl ManagementState {
    /// Creates the state of a node with these actors. Its live events end when `stopping` turns
    /// true.
    #[must_use]
    pub fn new(
        facts: Arc<RwLock<Arc<Facts>>>,
        siblings: Siblings,
        vault: Vault,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            facts,
            siblings,
            services: SERVICES,
            vault,
            listeners: ConcurrencyLimits::new(MOST_LISTENERS.0, MOST_LISTENERS.1),
            probes: ConcurrencyLimits::new(MOST_PROBES.0, MOST_PROBES.1),
            verifying: Arc::new(Semaphore::new(1)),
            stopping,
        }
    }

    /// Returns the facts of this node as they are now.
    fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.facts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls a microservice in the name of a principal, as its client would.
    async fn call<T: DeserializeOwned>(
        &self,
        principal: &Principal,
        service: &Service,
        method: &str,
        named: impl IntoIterator<Item = (&str, Value)>,
    ) -> Result<T, ApiError> {
        principal.check(service.interface.right)?;
        let method = service.interface.method(method);
        let method = method.ok_or_else(|| ApiError::internal("a service lacks a method"))?;
        let named = named
            .into_iter()
            .map(|(name, value)| {
                let data = Data::of(&value)?;
                Ok((name.to_owned(), Argument::Inline(Arc::new(data))))
            })
            .collect::<Result<BTreeMap<_, _>, ApiError>>()?;
        let arguments = method.bind(Vec::new(), named)?;
        let (principal, method) = (principal.clone(), method.name);
        let (flight, awaited) = Default::default();
        let call = Call { principal, key: 0, method, arguments, flight, awaited };
        let value = match self.siblings.ask(service.address, call).await?? {
            Reply::None => Ok(Value::Null),
            Reply::Value(Labelled::Public(data)) => serde_json::to_value(data),
            Reply::Value(_) | Reply::Object(_) => {
                return Err(ApiError::no_download("this is not public"));
            }
        };
        value
            .and_then(serde_json::from_value)
            .map_err(|error| ApiError::internal(format!("the answer of a service: {error}")))
    }

    async fn of_sessions<M>(&self, message: M) -> Result<M::Result, ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.siblings.ask(SESSIONS, message).await
    }

    async fn of_records<M>(&self, message: M) -> Result<M::Result, ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.siblings.ask(RECORDS, message).await
    }
}

/// Adds all routes. The application's data must hold an [`ApiState`](crate::controller::ApiState)
/// and a [`ManagementState`].
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(endpoint("/v1/node", "GET").route(web::get().to(node::node)))
        .service(endpoint("/v1/members", "GET").route(web::get().to(node::members)))
        .service(endpoint("/v1/datasets", "GET").route(web::get().to(node::datasets)))
        .service(endpoint("/v1/functions", "GET").route(web::get().to(functions::list)))
        .service(endpoint("/v1/computations", "GET").route(web::get().to(computations::list)))
        .service(
            endpoint("/v1/computations/{id}", "GET, DELETE")
                .route(web::get().to(computations::inspect))
                .route(web::delete().to(computations::cancel)),
        )
        .service(endpoint("/v1/approvals", "GET").route(web::get().to(approvals::list)))
        .service(endpoint("/v1/approvals/{id}", "POST").route(web::post().to(approvals::decide)))
        .service(endpoint("/v1/audit", "GET").route(web::get().to(audit::read)))
        .service(endpoint("/v1/audit/verification", "POST").route(web::post().to(audit::verify)))
        .service(endpoint("/v1/probes", "POST").route(web::post().to(probes::probe)))
        .service(endpoint("/events", "GET").route(web::get().to(events::listen)))
        .service(endpoint("/metrics", "GET").route(web::get().to(metrics::guarded)))
        .service(endpoint("/openapi.json", "GET").route(web::get().to(description::read)))
        .configure(pages::routes);
}

/// A request whose caller was admitted, with all that its handler needs.
struct Admitted {
    caller: Caller,
    state: web::Data<ManagementState>,
}

impl Deref for Admitted {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequest for Admitted {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let state = request.app_data::<web::Data<ManagementState>>().cloned();
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let state = state.ok_or_else(|| ApiError::internal("the server has no state"))?;
            Ok(Self { caller: caller.await?, state })
        })
    }
}

impl Admitted {
    /// Admits the caller again. Its token may have been revoked, or given other roles.
    async fn renew(&mut self) -> Result<(), ApiError> {
        self.caller = self.caller.again().await?;
        Ok(())
    }

    /// Reads the query of the request.
    fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let query = web::Query::<T>::from_query(self.request().query_string());
        query.map(web::Query::into_inner).map_err(|error| {
            let error = error.to_string();
            let reason = error.trim_start_matches("Query deserialize error: ");
            ApiError::new(Code::BadArgument, format!("the query: {reason}"))
                .hint("GET /openapi.json says what may be asked")
        })
    }

    /// Reads the body of the request.
    async fn body<T: DeserializeOwned>(&self, payload: Payload) -> Result<T, ApiError> {
        let bytes = self.small_body(payload).await?;
        // An object, with its names: serde would take a list too.
        let object = serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes);
        object.and_then(|object| serde_json::from_value(Value::Object(object))).map_err(|error| {
            ApiError::new(Code::BadArgument, format!("the body: {error}"))
                .hint("send a JSON object; GET /openapi.json says what may be in it")
        })
    }
}

fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
