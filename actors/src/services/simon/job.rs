//! One request for a joint computation: decided, written into the log, read, encoded, and handed to
//! the sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloister_protocols::catalogue::{self, Descriptor, Kind as FunctionKind};
use cloister_protocols::computation::{Reach, Request};
use cloister_protocols::disclosure::Refusal;
use cloister_protocols::equations::Scope;
use cloister_protocols::fault::Fault;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{Origin, Roles};
use serde_json::{Value, json};

use super::account::{cancelled_by, ended, lost, refused, with, written_parameters};
use super::again::{self, Kept};
use super::material::{self, Gathered, Reader};
use crate::bus::{DATASETS, POLICY, RECORDS, SESSIONS, Siblings};
use crate::computation::Conclusion;
use crate::log::{self, Kind, Log};
use crate::policy::{Decide, Grant, canonical};
use crate::progress::{Early, Observer, Reporter};
use crate::records::{Begun, Finished, Subject};
use crate::services::datasets::{
    CountRefusal, Reserved, Settle, Settled, Unheard, refused_for_its_data,
};
use crate::sessions::{Decline, Launch, Reservation, Reserve, Terms};
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::flight::{Flight, FlightBudget};
use crate::vocabulary::label::Report;
use crate::vocabulary::object::{Material, Principal};
use crate::vocabulary::room::{Room, Rooms};
use crate::vocabulary::shown::shown;
use crate::vocabulary::time_grid::{TimeGrid, coarse_seconds};

/// The bytes of data from which on they are checked and encoded on a thread for blocking work.
const INLINE_BYTES: usize = 64 << 10;

/// The time that the sessions have to end a computation when the node stops.
const STOPPING: Duration = Duration::from_millis(500);

/// The computation that is asked for.
pub(super) struct Job {
    pub(super) principal: Principal,
    pub(super) function: &'static Descriptor,
    pub(super) parameters: Parameters,
    pub(super) materials: Vec<Material>,
    pub(super) members: Vec<usize>,
    pub(super) parties: Parties,
    pub(super) roles: Roles,
    pub(super) network: String,
    pub(super) reporter: Reporter,
    /// The client wants a trace.
    pub(super) trace: bool,
    /// The bytes of the requests that brought its data, held until it has ended.
    pub(super) flights: Vec<Flight>,
    /// The room of its data in memory, until it has ended.
    pub(super) rooms: Vec<Room>,
    /// The time of the client's request.
    pub(super) began: tokio::time::Instant,
}

/// The members of a computation by their names.
#[derive(Clone)]
pub(super) struct Parties {
    /// The name of this node's member.
    pub(super) me: String,
    /// The names of all members.
    pub(super) names: Vec<String>,
    /// The fingerprints of their certificates.
    pub(super) certificates: Vec<String>,
}

/// The node's other actors, as the bus knows them, and its log.
#[derive(Clone)]
pub struct NodeHandles {
    /// The other actors.
    pub siblings: Siblings,
    /// The audit log, which records the decisions.
    pub log: Log,
    /// The budget of bytes in flight.
    pub flights: FlightBudget,
    /// The room of principals in memory.
    pub rooms: Rooms,
    /// The grid of time on which questions about datasets are answered.
    pub time_grid: TimeGrid,
}

/// A request that is ready for the other members.
struct Prepared {
    grant: Grant,
    request: Request,
    /// The room for the bytes that were read.
    flight: Flight,
    /// The time of reading the data as the function takes them, checking and encoding them.
    encoding: Duration,
    /// The question about a dataset, if there is one.
    reserved: Option<Unheard>,
    /// The same question, if its answer is to be kept.
    kept: Option<Kept>,
}

impl Job {
    /// Computes it with the other parties; `observer` sees the progress. The outcome is in the log
    /// before it is told.
    pub(super) async fn run(
        mut self,
        observer: Observer,
        node: NodeHandles,
    ) -> Result<Arc<Report>, ApiError> {
        let id = observer.id();
        let siblings = node.siblings.clone();
        // Where the records are gone, the node is stopping.
        let _ = siblings.ask(RECORDS, Begun { subject: self.subject(), observer }).await;
        let held = (self.flights.clone(), std::mem::take(&mut self.rooms));
        let result = self.compute(node).await;
        drop(held);
        let _ = siblings.ask(RECORDS, Finished { id, result: result.clone() }).await;
        result
    }

    async fn compute(self, node: NodeHandles) -> Result<Arc<Report>, ApiError> {
        let started = self.began.into_std();
        let account = self.account();
        let (grid, began) = (self.grid(&node), self.began);
        let (dataset, principal) = (material::dataset(&self.materials), self.principal.clone());
        let of_dataset = dataset.is_some();
        let (reporter, trace) = (self.reporter.clone(), self.trace);
        let member = self.parties.me.clone();
        let reservation = match self.reserve(&node).await {
            Ok(reservation) => reservation,
            Err(refusal) => return Err(refused(&node.log, &account, refusal).await?),
        };
        let prepared = tokio::select! {
            prepared = self.prepare_on_grid(&node) => prepared.map_err(|refusal| (refusal, None)),
            early = reporter.ends_early() => {
                let failure = match early {
                    Early::Cancelled(_) => Failure::Cancelled { member },
                    Early::Stopping => Failure::Stopping,
                };
                Err((failure.to_error(), Some(failure)))
            }
        };
        let Prepared { grant, request, flight: _flight, encoding, reserved, kept } = match prepared
        {
            Ok(prepared) => prepared,
            Err((refusal, failure)) => {
                let account = with(&account, cancelled_by(&reporter));
                let written = refused(&node.log, &account, refusal).await;
                // The others wait for this node; if the sessions are gone, no member does.
                let _ = node.siblings.ask(SESSIONS, Decline { reservation, failure }).await;
                return Err(written?);
            }
        };
        reporter.has_suite(request.suite().name());
        let asked = json!({
            "parameters": written_parameters(&request),
            "suite": request.suite(),
            "rules": grant.rules,
            "origin": grant.origin,
            "approval": grant.approval,
        });
        let head = match node.log.record(Kind::Asked, with(&account, asked)).await {
            Ok(head) => head,
            Err(error) => {
                drop(reserved);
                let _ = node.siblings.ask(SESSIONS, Decline { reservation, failure: None }).await;
                return Err(error);
            }
        };
        let (rules, origin, remembers) =
            (grant.rules, grant.origin, grant.own.need_the_newest_state());
        let terms = Terms { rules, origin, audit: head, remembers };
        let trace = trace.then_some(encoding);
        let watched = reporter.clone();
        let reserved = reserved.and_then(Unheard::heard);
        let turn = reserved.as_ref().and_then(Reserved::turn);
        let launch = Launch { reservation, request, terms, turn, started, reporter, trace };
        let concluded = tokio::select! {
            concluded = node.siblings.ask(SESSIONS, launch) => concluded,
            () = stopped(&watched) => Ok(Conclusion::of_begun(Failure::Stopping, None)),
        };
        settle(&node, reserved, concluded.as_ref().map_or(Settled::Heard, settled)).await;
        let is_owed = kept.as_ref().is_some_and(Kept::owes_refusal)
            && !concluded.as_ref().is_ok_and(is_given_again);
        let counts = concluded.as_ref().is_ok_and(tells_of_joint_data) || is_owed;
        if let (Some(dataset), true) = (dataset, counts) {
            // Where the datasets are gone, nothing is read any more.
            let _ = node.siblings.ask(DATASETS, CountRefusal { principal, dataset }).await;
        }
        let mut concluded = concluded.map(|concluded| told_coarsely(concluded, of_dataset));
        let again = match (kept, &mut concluded) {
            (Some(kept), Ok(concluded)) => kept.conclude(&node, grant.approval, concluded).await,
            _ => json!({}),
        };
        if !stopped_by_choice(&concluded) {
            grid.wait(began).await;
        }
        let number = head.number;
        let entry = concluded.as_ref().map_or_else(lost, ended);
        let entry = with(&with(&entry, again), cancelled_by(&watched));
        node.log
            .record(Kind::Ended, with(&account, with(&entry, json!({"asked": number}))))
            .await?;
        concluded?.result.map_err(|failure| failure.to_error())
    }

    /// Reserves the network name before anything is decided or read: requests keep the order in
    /// which they came, however long their data take.
    async fn reserve(&self, node: &NodeHandles) -> Result<Reservation, ApiError> {
        let reserve = Reserve { members: self.members.clone(), network: self.network.clone() };
        let reserved = node.siblings.ask(SESSIONS, reserve).await?;
        reserved.map_err(|failure| failure.to_error())
    }

    /// Prepares the request, and waits for the grid of time: neither the client nor other members
    /// learn how long reading took, or what was refused.
    async fn prepare_on_grid(self, node: &NodeHandles) -> Result<Prepared, ApiError> {
        let (grid, began) = (self.grid(node), self.began);
        let prepared = self.prepare(node).await;
        grid.wait(began).await;
        prepared
    }

    async fn prepare(self, node: &NodeHandles) -> Result<Prepared, ApiError> {
        let Self { principal, function, parameters, materials, roles, trace, .. } = self;
        let (parties, mut flights) = (self.parties, self.flights);
        material::check_selections(&materials)?;
        // A mistake in the parameters is no question about rows, and costs no refusal.
        Request::check(function, &parameters, &roles).map_err(ApiError::from)?;
        if trace && material::dataset(&materials).is_some() {
            return Err(untold());
        }
        let inputs = material::uses(&materials);
        let (asker, function_name) = (principal.clone(), function.name);
        let beside = material::beside_handles(&materials);
        let (written, members) =
            (canonical::parameters(&parameters, &beside), parties.names.clone());
        let decide = Decide {
            principal: asker,
            function: function_name,
            parameters: written.clone(),
            members,
            inputs,
        };
        let losses = node.log.vault().losses().map_err(|error| ApiError::state(&error))?;
        let mut grant = node.siblings.ask(POLICY, decide).await??;
        let is_kept = grant.own.are_kept() && material::is_one_selection(&materials);
        let asked = (function_name, written.as_str());
        let question = is_kept.then(|| again::question(asked, &parties, &roles, &grant));
        let flight = node.flights.reading(&principal, material::kept_bytes(&materials))?;
        flights.push(flight.clone());
        let scope = Scope { columns: 0, withholds: grant.rules.min_cell > 1 };
        let equations = function.opens(&parameters, scope).map_err(ApiError::from)?;
        let permille = function.permille(&parameters).map_err(ApiError::from)?;
        let dataset = material::dataset(&materials);
        let is_of_rows = function.kind == FunctionKind::Rows && grant.own.are_kept();
        let reader = Reader {
            siblings: &node.siblings,
            principal: &principal,
            flight: &flight,
            function,
            parameters: &parameters,
            rules: grant.own,
            equations,
            permille,
            question,
            alone: materials.len() == 1,
            // Of a join or a product the others' part is nothing without this one.
            leaves_out: is_of_rows && grant.origin == Origin::Dataset,
            // Sums and counts can be subtracted, a number by rank can not. With approvals the owner
            // decides.
            compared: (is_of_rows
                && dataset.is_some()
                && equations.linear + equations.counts > 0
                && grant.own.ask_for_views())
            .then(|| Reach::among(roles.inputs().count())),
        };
        let mut gathered = reader.gather(materials).await?;
        let mut reserved = gathered.take_reserved();
        let earlier = reserved.as_mut().and_then(Unheard::take_earlier);
        let kept = gathered.take_kept().map(|question| Kept::new(question, &principal, losses));
        if gathered.is_left_out() {
            grant.origin = Origin::LeftOut;
        }
        let begun = Instant::now();
        let request = encoded(function, parameters, gathered, roles, flights).await;
        let encoding = begun.elapsed();
        match (request, dataset) {
            (Ok(request), _) => {
                let request = match earlier {
                    Some(earlier) => request.beside(earlier),
                    None => request,
                };
                let (request, kept) = again::offered(request, kept);
                Ok(Prepared { grant, request, flight, encoding, reserved, kept })
            }
            (Err(error), None) => Err(error),
            // The client must not learn which row was wrong in which way.
            (Err(error), Some(dataset)) => {
                // The refusal is an answer about these rows.
                settle(node, reserved.and_then(Unheard::heard), Settled::Heard).await;
                let count = CountRefusal { principal, dataset };
                // Where the datasets are gone, nothing is read any more.
                let _ = node.siblings.ask(DATASETS, count).await;
                tracing::info!(
                    code = error.code().text(),
                    "a dataset does not fit what was asked of it"
                );
                Err(refused_for_its_data())
            }
        }
    }

    /// Returns the grid of time on which this computation is answered.
    fn grid(&self, node: &NodeHandles) -> TimeGrid {
        match material::dataset(&self.materials) {
            Some(_) => node.time_grid,
            None => TimeGrid::Off,
        }
    }

    /// Returns the description of the computation for observers.
    fn subject(&self) -> Subject {
        Subject {
            principal: self.principal.clone(),
            function: self.function.name,
            network: self.network.clone(),
            members: self.parties.names.clone(),
            roles: self.roles.clone(),
            dataset: material::dataset(&self.materials),
            selections: material::selections(&self.materials),
        }
    }

    /// Describes the principal and the request for the log.
    fn account(&self) -> Value {
        json!({
            "principal": self.principal.name(),
            "function": self.function.name,
            "data": material::document(&self.materials),
            "members": self.parties.names,
            "certificates": self.parties.certificates,
            "version": env!("CARGO_PKG_VERSION"),
            "roles": log::roles(&self.parties.names, &self.roles),
            "network": self.network,
            "trace": self.trace,
        })
    }
}

/// Returns when the node stops and its sessions do not say so: their thread is amid a step.
async fn stopped(reporter: &Reporter) {
    reporter.stops().await;
    tokio::time::sleep(STOPPING).await;
}

/// Returns the function of this name, if it can be computed.
pub(super) fn function(name: &str) -> Result<&'static Descriptor, ApiError> {
    catalogue::find(name).ok_or_else(|| {
        let names: Vec<&str> = catalogue::entries().map(|entry| entry.name).collect();
        ApiError::new(Code::NoSuchFunction, format!("there is no function `{}`", shown(name)))
            .hint(format!("there are: {}", names.join(", ")))
    })
}

/// Reports whether a rule on all parties' data together refused.
fn tells_of_joint_data(conclusion: &Conclusion) -> bool {
    use Refusal::{ClientColumns, NoCommittee, NotRounded, TooFewParties, Unlisted};
    match &conclusion.result {
        Err(Failure::Protocol(Fault::Refused(refusal), _)) => !matches!(
            refusal,
            TooFewParties { .. }
                | ClientColumns { .. }
                | Unlisted { .. }
                | NotRounded { .. }
                | NoCommittee { .. }
        ),
        _ => false,
    }
}

/// Reports whether all members give the answer again that they have kept.
fn is_given_again(conclusion: &Conclusion) -> bool {
    conclusion.agreement.as_ref().is_some_and(|agreement| agreement.kept)
}

/// Returns how a computation's question ended. Once it has begun, the members have seen whether rows
/// were left out. Nothing is opened before all agree, where a rule on all data together refuses, or
/// where a member was overtaken: it has sent nothing that an opening needs.
fn settled(conclusion: &Conclusion) -> Settled {
    let is_closed = match &conclusion.result {
        Err(Failure::Protocol(Fault::Refused(_), _)) => true,
        Err(failure) => failure.to_error().code() == Code::Overtaken,
        Ok(_) => false,
    };
    match &conclusion.agreement {
        _ if !conclusion.begun => Settled::TakenBack,
        Some(agreement) if !is_closed && !agreement.kept => Settled::Opened(agreement.answer),
        _ => Settled::Heard,
    }
}

/// Notes how a question about a dataset ended, or takes it back. If that fails it counts as
/// answered, so that nothing more is told than is remembered.
async fn settle(node: &NodeHandles, reserved: Option<Reserved>, settled: Settled) {
    let Some(reserved) = reserved else { return };
    let done = node.siblings.ask(DATASETS, Settle { reserved, settled }).await;
    if let Err(error) | Ok(Err(error)) = done {
        tracing::warn!(%error, "a question about a dataset counts as answered");
    }
}

/// Encodes what was read, much of it on a thread for blocking work.
async fn encoded(
    function: &'static Descriptor,
    parameters: Parameters,
    gathered: Gathered,
    roles: Roles,
    flights: Vec<Flight>,
) -> Result<Request, ApiError> {
    let small = gathered.footprint() <= INLINE_BYTES;
    let encode = move || {
        // It goes on where the computation is cancelled, and holds its bytes until then.
        let _flights = flights;
        let kinds = gathered.kinds(function)?;
        let (input, dropped) = gathered.into_input(function)?;
        let request = Request::new(function, &parameters, input, dropped, &roles)?;
        Ok(request.of_kinds(kinds))
    };
    if small {
        return encode();
    }
    blocking::run(encode).await?
}

/// Refuses a trace: the times of reading and computing tell how many rows were read.
fn untold() -> ApiError {
    ApiError::new(
        Code::NoTrace,
        "what takes how long is not told of a dataset: it would tell how many rows there are",
    )
    .hint("leave out `trace`, or compute with test data of your own")
}

/// Returns whether a client or an operator chose the time of this end: it tells nothing of data.
fn is_by_choice(error: &ApiError) -> bool {
    matches!(error.code(), Code::Cancelled | Code::NodeStopping)
}

fn stopped_by_choice(concluded: &Result<Conclusion, ApiError>) -> bool {
    match concluded.as_ref().map(|conclusion| &conclusion.result) {
        Ok(Err(failure)) => is_by_choice(&failure.to_error()),
        Ok(Ok(_)) => false,
        Err(_) => true,
    }
}

/// Rounds the time that a result tells, where a dataset was read.
fn told_coarsely(conclusion: Conclusion, of_dataset: bool) -> Conclusion {
    let Conclusion { result, begun, agreement } = conclusion;
    let result = result.map(|report| {
        if !of_dataset {
            return report;
        }
        let mut report = Arc::unwrap_or_clone(report);
        report.cost.seconds = coarse_seconds(report.cost.seconds);
        Arc::new(report)
    });
    Conclusion { result, begun, agreement }
}
