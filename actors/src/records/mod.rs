//! The joint computations that clients of this node have asked for: those under way and the latest that
//! have ended, for whoever may see them, and for ending one.
//!
//! Whoever asked for a computation sees all of it, its result too as long as the node has room for it.
//! Owners, auditors and operators see what is computed and how far it is, never a result, and of a
//! failure only its code. Where a dataset of this node is involved, times are told to a tenth of a
//! second, because how long reading and encoding took tells how many rows there are. That makes nothing
//! secret of it: whoever asked can measure how long the answer took, and so can the other members, whom
//! this node keeps waiting as long.

mod document;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Message, MessageResult, Recipient};
use uuid::Uuid;

use self::document::COARSE;
pub use self::document::{Detail, Summary};
use crate::progress::Observer;
use crate::sessions::Cancel;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Report;
use crate::vocabulary::object::{Principal, Right};

/// Ended computations of one principal that are remembered: nobody can have those of others forgotten.
const MOST_ENDED: usize = 500;

/// Ended computations of all.
const MOST_OF_ALL: usize = 5_000;

/// Memory for the results of one principal's ended computations, in bytes; the oldest go first.
const RESULT_BYTES: usize = 16 << 20;

/// Computations that one answer lists, at most.
pub const MOST_LISTED: usize = 500;

/// The actor.
pub struct Records {
    deadline: Duration,
    me: String,
    cancel: Recipient<Cancel>,
    running: Vec<Record>,
    ended: VecDeque<Record>,
    totals: Totals,
}

/// What a computation is, from its beginning on.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Who asked for it.
    pub principal: Principal,
    /// The function.
    pub function: &'static str,
    /// The name that the clients gave to it.
    pub network: String,
    /// The names of its members, in the agreed order.
    pub members: Vec<String>,
    /// How many of them, the last ones, help without data of their own.
    pub helpers: usize,
    /// The dataset that this node computes on, if it is one.
    pub dataset: Option<String>,
}

/// A computation has been asked for.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begun {
    /// What it is.
    pub subject: Subject,
    /// How far it is.
    pub observer: Observer,
}

/// A computation has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Finished {
    /// Which.
    pub id: Uuid,
    /// With what.
    pub result: Result<Arc<Report>, ApiError>,
}

/// Which computations are to be listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those under way, or only those that have ended.
    pub running: Option<bool>,
    /// Only those under this name.
    pub network: Option<String>,
    /// So many, the latest.
    pub limit: Option<usize>,
}

/// Lists computations, the latest first.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Summary>")]
pub struct List {
    /// For whom.
    pub principal: Principal,
    /// Which.
    pub filter: Filter,
}

/// Tells all of one computation.
#[derive(Debug, Message)]
#[rtype(result = "Result<Detail, ApiError>")]
pub struct Inspect {
    /// To whom.
    pub principal: Principal,
    /// Which.
    pub id: Uuid,
}

/// Ends a computation at all nodes.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ApiError>")]
pub struct CancelOne {
    /// Who wants it.
    pub principal: Principal,
    /// Which.
    pub id: Uuid,
}

/// How many computations are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// All of them.
    pub running: usize,
    /// Those of them that wait for links.
    pub waiting: usize,
}

/// What all computations that have ended come to, since the node was started.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many, by function and outcome.
    pub ended: BTreeMap<(&'static str, &'static str), u64>,
    /// Their rounds.
    pub rounds: u64,
    /// Bytes that this node sent in them.
    pub bytes_sent: u64,
    /// Bytes that it received.
    pub bytes_received: u64,
    /// How long they took.
    pub seconds: f64,
}

/// Asks how many are under way.
#[derive(Debug, Message)]
#[rtype(result = "Load")]
pub struct AskLoad;

/// Asks what those that have ended come to.
#[derive(Debug, Message)]
#[rtype(result = "Totals")]
pub struct AskTotals;

/// What is known of one computation.
#[derive(Debug)]
struct Record {
    subject: Subject,
    observer: Observer,
    began: Instant,
    began_at: u64,
    end: Option<End>,
}

/// How it ended.
#[derive(Debug)]
struct End {
    at: Instant,
    /// What came of it; none where its result has been forgotten.
    result: Result<Option<Arc<Report>>, ApiError>,
    cost: Option<crate::vocabulary::label::Cost>,
    session: Option<String>,
}

impl Records {
    /// No records yet, of the node of the member `me`, whose computations take up to `deadline`.
    #[must_use]
    pub fn new(me: String, deadline: Duration, cancel: Recipient<Cancel>) -> Self {
        Self {
            deadline,
            me,
            cancel,
            running: Vec::new(),
            ended: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Record> {
        self.running.iter().rev().chain(self.ended.iter().rev())
    }

    /// The one of this name, if `principal` may see it.
    fn find(&self, principal: &Principal, id: Uuid) -> Result<&Record, ApiError> {
        let found = self.all().find(|record| record.observer.id() == id);
        found.filter(|record| record.is_for(principal)).ok_or_else(no_such_computation)
    }

    /// Forgets what there is no room for.
    fn bound(&mut self, principal: &Principal) {
        let is_theirs = |record: &Record| record.subject.principal == *principal;
        if self.ended.iter().filter(|record| is_theirs(record)).count() > MOST_ENDED
            && let Some(oldest) = self.ended.iter().position(is_theirs)
        {
            self.ended.remove(oldest);
        }
        if self.ended.len() > MOST_OF_ALL {
            self.ended.pop_front();
        }
        let mut held = 0_usize;
        let theirs = self.ended.iter_mut().rev().filter(|record| is_theirs(record));
        for end in theirs.filter_map(|record| record.end.as_mut()) {
            let Ok(Some(report)) = &end.result else { continue };
            held = held.saturating_add(report.footprint());
            if held > RESULT_BYTES {
                end.result = Ok(None);
            }
        }
    }
}

impl Totals {
    fn add(&mut self, record: &Record) {
        let Some(end) = &record.end else { return };
        let outcome = end.result.as_ref().map_or_else(|error| error.code().text(), |_| "done");
        *self.ended.entry((record.subject.function, outcome)).or_default() += 1;
        if let Some(cost) = &end.cost {
            self.rounds += cost.rounds as u64;
            self.bytes_sent += cost.bytes_sent;
            self.bytes_received += cost.bytes_received;
            // No finer than a record tells it.
            self.seconds += (cost.seconds / COARSE).round() * COARSE;
        }
    }
}

impl Record {
    fn is_for(&self, principal: &Principal) -> bool {
        self.subject.principal == *principal || principal.may(Right::Observe)
    }
}

impl Filter {
    fn takes(&self, record: &Record) -> bool {
        self.running.is_none_or(|running| running == record.end.is_none())
            && self.network.as_ref().is_none_or(|network| *network == record.subject.network)
    }
}

fn no_such_computation() -> ApiError {
    ApiError::new(Code::NoSuchComputation, "there is no such computation").hint(
        "it is somebody else's, or the node has forgotten it: list them with GET /v1/computations",
    )
}

fn already_ended() -> ApiError {
    ApiError::new(Code::AlreadyEnded, "the computation has ended already")
        .hint("there is nothing to cancel: see how it ended with GET /v1/computations/{id}")
}

impl Actor for Records {
    type Context = Context<Self>;
}

impl Handler<Begun> for Records {
    type Result = ();

    fn handle(&mut self, Begun { subject, observer }: Begun, _: &mut Self::Context) {
        let (began, began_at) = (Instant::now(), clock::milliseconds());
        self.running.push(Record { subject, observer, began, began_at, end: None });
    }
}

impl Handler<Finished> for Records {
    type Result = ();

    fn handle(&mut self, Finished { id, result }: Finished, _: &mut Self::Context) {
        let Some(place) = self.running.iter().position(|record| record.observer.id() == id) else {
            return;
        };
        let mut record = self.running.remove(place);
        let report = result.as_ref().ok();
        let cost = report.map(|report| report.cost.clone());
        let session = report.map(|report| report.session.clone());
        record.end = Some(End { at: Instant::now(), result: result.map(Some), cost, session });
        self.totals.add(&record);
        let principal = record.subject.principal.clone();
        self.ended.push_back(record);
        self.bound(&principal);
    }
}

impl Handler<AskLoad> for Records {
    type Result = MessageResult<AskLoad>;

    fn handle(&mut self, _: AskLoad, _: &mut Self::Context) -> Self::Result {
        let waits = |record: &&Record| {
            record.observer.look().lifecycle == crate::progress::Lifecycle::Connecting
        };
        let waiting = self.running.iter().filter(waits).count();
        MessageResult(Load { running: self.running.len(), waiting })
    }
}

impl Handler<AskTotals> for Records {
    type Result = MessageResult<AskTotals>;

    fn handle(&mut self, _: AskTotals, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.totals.clone())
    }
}

impl Handler<List> for Records {
    type Result = Vec<Summary>;

    fn handle(&mut self, List { principal, filter }: List, _: &mut Self::Context) -> Vec<Summary> {
        let limit = filter.limit.unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let listed = self.all().filter(|record| record.is_for(&principal) && filter.takes(record));
        listed.take(limit).map(|record| self.summary(record, &principal)).collect()
    }
}

impl Handler<Inspect> for Records {
    type Result = Result<Detail, ApiError>;

    fn handle(
        &mut self,
        Inspect { principal, id }: Inspect,
        _: &mut Self::Context,
    ) -> Self::Result {
        let record = self.find(&principal, id)?;
        Ok(self.detail(record, record.subject.principal == principal))
    }
}

impl Handler<CancelOne> for Records {
    type Result = Result<(), ApiError>;

    fn handle(&mut self, cancel: CancelOne, _: &mut Self::Context) -> Self::Result {
        let CancelOne { principal, id } = cancel;
        let record = self.find(&principal, id)?;
        if record.subject.principal != principal {
            principal.check(Right::Steer)?;
        }
        if record.end.is_some() {
            return Err(already_ended());
        }
        record.observer.cancel(principal.name());
        let (by, whose) = (principal.name(), record.subject.principal.name());
        tracing::info!(%id, by, whose, "a computation is cancelled");
        // One message a call. A closed mailbox means that the node is stopping, which ends it too.
        self.cancel.do_send(Cancel(id));
        Ok(())
    }
}

/// What failed by being cancelled, here or at another member.
fn is_cancelled(error: &ApiError) -> bool {
    error.code() == Code::Cancelled
}
