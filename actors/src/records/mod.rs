//! The joint computations that clients of this node have asked for. There are those under way and
//! the latest that have ended, for principals that may see them or end one.
//!
//! The principal that asked for a computation sees all of it, and its result as long as the node
//! has room for it. Owners, auditors and operators see functions and progress, never a result, and
//! of a failure only its code. Columns and conditions are shown to the principal that asked, and to
//! those who read the same in the audit log.
//!
//! If a dataset of this node is involved, times are told on the grid of time on which the node also
//! answers: reading and encoding take longer for more rows.

mod document;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Message, MessageResult, ResponseFuture};
use cloister_api::{Computation, ComputationDetail, ReportCost, Selected};
use cloister_protocols::session::Roles;
use uuid::Uuid;

use crate::bus::{SESSIONS, Siblings};
use crate::progress::Observer;
use crate::sessions::Cancel;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Report;
use crate::vocabulary::object::{Principal, Right};
use crate::vocabulary::time_grid::coarse_seconds;

/// The most ended computations of one principal that are remembered. No principal can have those of
/// others forgotten.
const MOST_ENDED: usize = 500;

/// The most ended computations of all principals that are remembered.
const MOST_OF_ALL: usize = 5_000;

/// The memory for the results of one principal's ended computations, in bytes. The oldest go first.
const RESULT_BYTES: usize = 16 << 20;

/// The most computations that one answer lists.
pub const MOST_LISTED: usize = 500;

/// The outcome in the totals of a computation that had its links, and in time no proposal of another
/// member. That member's client has mostly not asked its node, or was refused there, such as for a wrong
/// token.
pub const NEVER_MET: &str = "never_met";

/// The actor.
pub struct Records {
    deadline: Duration,
    me: String,
    siblings: Siblings,
    running: Vec<Record>,
    ended: VecDeque<Record>,
    totals: Totals,
}

/// The subject of a computation, known from its begin on.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The principal that asked for it.
    pub principal: Principal,
    /// The function.
    pub function: &'static str,
    /// The network name.
    pub network: String,
    /// The names of its members, in the agreed order.
    pub members: Vec<String>,
    /// Their roles.
    pub roles: Roles,
    /// The dataset of this node that is computed on, if there is one.
    pub dataset: Option<String>,
    /// The columns and conditions of datasets. A condition is its asker's text.
    pub selections: Vec<Selected>,
}

/// The event that a computation has been asked for.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begun {
    /// The subject.
    pub subject: Subject,
    /// The observer of the progress.
    pub observer: Observer,
}

/// The event that a computation has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Finished {
    /// The computation's name.
    pub id: Uuid,
    /// The result.
    pub result: Result<Arc<Report>, ApiError>,
}

/// The filter of a list of computations.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only computations under way, or only those that have ended.
    pub running: Option<bool>,
    /// Only computations under this network name.
    pub network: Option<String>,
    /// The number of computations, the latest first.
    pub limit: Option<usize>,
}

/// The request for a list of computations, the latest first.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Computation>")]
pub struct List {
    /// The principal that asks.
    pub principal: Principal,
    /// The filter.
    pub filter: Filter,
}

/// The request for all details of one computation.
#[derive(Debug, Message)]
#[rtype(result = "Result<ComputationDetail, ApiError>")]
pub struct Inspect {
    /// The principal that asks.
    pub principal: Principal,
    /// The computation's name.
    pub id: Uuid,
}

/// The command to end a computation at all nodes.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ApiError>")]
pub struct CancelOne {
    /// The principal that asks.
    pub principal: Principal,
    /// The computation's name.
    pub id: Uuid,
}

/// The command to end all computations under way: the node is stopping.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// The number of computations under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// All of them.
    pub running: usize,
    /// Those of them that wait for links.
    pub waiting: usize,
}

/// The totals over all computations that have ended since the node was started.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The number of computations, by function and outcome.
    pub ended: BTreeMap<(&'static str, &'static str), u64>,
    /// The rounds.
    pub rounds: u64,
    /// The bytes that this node sent.
    pub bytes_sent: u64,
    /// The bytes that this node received.
    pub bytes_received: u64,
    /// The time in seconds.
    pub seconds: f64,
}

/// The question for the number of computations under way.
#[derive(Debug, Message)]
#[rtype(result = "Load")]
pub struct AskLoad;

/// The question for the totals.
#[derive(Debug, Message)]
#[rtype(result = "Totals")]
pub struct AskTotals;

/// The record of one computation.
#[derive(Debug)]
struct Record {
    subject: Subject,
    observer: Observer,
    began: Instant,
    began_at: u64,
    end: Option<End>,
}

/// The end of a computation.
#[derive(Debug)]
struct End {
    at: Instant,
    /// The result, without the report where that has been forgotten.
    result: Result<Option<Arc<Report>>, ApiError>,
    cost: Option<ReportCost>,
    session: Option<String>,
}

impl Records {
    /// Creates empty records for the node of the member `me`, whose computations take up to
    /// `deadline`.
    #[must_use]
    pub fn new(me: String, deadline: Duration, siblings: Siblings) -> Self {
        Self {
            deadline,
            me,
            siblings,
            running: Vec::new(),
            ended: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Record> {
        self.running.iter().rev().chain(self.ended.iter().rev())
    }

    /// Returns the record of this name, if `principal` may see it.
    fn find(&self, principal: &Principal, id: Uuid) -> Result<&Record, ApiError> {
        let found = self.all().find(|record| record.observer.id() == id);
        found.filter(|record| record.is_for(principal)).ok_or_else(no_such_computation)
    }

    /// Forgets the oldest records beyond the bounds.
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
        let outcome = match &end.result {
            Ok(_) => "done",
            Err(error) if error.code() == Code::Deadline && record.has_never_met() => NEVER_MET,
            Err(error) => error.code().text(),
        };
        *self.ended.entry((record.subject.function, outcome)).or_default() += 1;
        if let Some(cost) = &end.cost {
            self.rounds += cost.rounds;
            self.bytes_sent += cost.bytes_sent;
            self.bytes_received += cost.bytes_received;
            // No finer than in a record.
            self.seconds += coarse_seconds(cost.seconds);
        }
    }
}

impl Record {
    /// Returns whether it ended before all members had proposed it: links were up, and nothing began.
    fn has_never_met(&self) -> bool {
        let progress = self.observer.look();
        progress.rounds.back().is_some_and(|round| round.number == 0)
    }

    fn is_for(&self, principal: &Principal) -> bool {
        self.subject.principal == *principal || principal.may(Right::Observe)
    }

    /// Returns whether `principal` may see its columns and conditions.
    fn shows_selections_to(&self, principal: &Principal) -> bool {
        self.subject.principal == *principal || principal.may(Right::ReadAudit)
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
        "it is another client's, or the node has forgotten it: list them with GET /v1/computations",
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

impl Handler<StopAll> for Records {
    type Result = ();

    fn handle(&mut self, _: StopAll, _: &mut Self::Context) {
        self.running.iter().for_each(|record| record.observer.stop());
    }
}

impl Handler<AskLoad> for Records {
    type Result = MessageResult<AskLoad>;

    fn handle(&mut self, _: AskLoad, _: &mut Self::Context) -> Self::Result {
        let waiting = self
            .running
            .iter()
            .filter(|record| {
                record.observer.look().lifecycle == crate::progress::Lifecycle::Connecting
            })
            .count();
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
    type Result = Vec<Computation>;

    fn handle(
        &mut self,
        List { principal, filter }: List,
        _: &mut Self::Context,
    ) -> Vec<Computation> {
        let limit = filter.limit.unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let listed = self.all().filter(|record| record.is_for(&principal) && filter.takes(record));
        listed.take(limit).map(|record| self.summary(record, &principal)).collect()
    }
}

impl Handler<Inspect> for Records {
    type Result = Result<ComputationDetail, ApiError>;

    fn handle(
        &mut self,
        Inspect { principal, id }: Inspect,
        _: &mut Self::Context,
    ) -> Self::Result {
        let record = self.find(&principal, id)?;
        Ok(self.detail(record, &principal))
    }
}

impl Records {
    /// Marks a computation as cancelled. It finds that out before it comes to the sessions.
    fn cancel(&self, cancel: CancelOne) -> Result<(), ApiError> {
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
        Ok(())
    }
}

impl Handler<CancelOne> for Records {
    type Result = ResponseFuture<Result<(), ApiError>>;

    fn handle(&mut self, cancel: CancelOne, _: &mut Self::Context) -> Self::Result {
        let (id, cancelled) = (cancel.id, self.cancel(cancel));
        let siblings = self.siblings.clone();
        Box::pin(async move {
            cancelled?;
            // Where the sessions are gone the node is stopping, which ends the computation too.
            let _ = siblings.ask(SESSIONS, Cancel(id)).await;
            Ok(())
        })
    }
}

/// Returns whether a computation failed by being cancelled, here or at another member.
fn is_cancelled(error: &ApiError) -> bool {
    error.code() == Code::Cancelled
}

#[cfg(test)]
mod tests {
    use cloister_protocols::machine::{Awaiting, Phase};
    use cloister_protocols::party::Party;

    use super::*;
    use crate::progress::{Lifecycle, begin};

    /// Returns the outcome in the totals of a computation that ends with this code in this phase.
    fn outcome(phase: Option<Phase>, code: Code) -> &'static str {
        let (reporter, observer) = begin();
        if let Some(phase) = phase {
            let round = usize::from(phase != Phase::Agreeing);
            let parties = vec![Party::new(1).unwrap()];
            reporter.awaits(&Awaiting { phase, round, name: "sum", parties });
        }
        reporter.reached(Lifecycle::Failed);
        let subject = Subject {
            principal: Principal::anybody(),
            function: "SecureSum",
            network: "study".into(),
            members: ["a", "b"].map(str::to_owned).into(),
            roles: Roles::of_parties(2).unwrap(),
            dataset: None,
            selections: Vec::new(),
        };
        let end = End {
            at: Instant::now(),
            result: Err(ApiError::new(code, "it has ended")),
            cost: None,
            session: None,
        };
        let (began, began_at) = (Instant::now(), 0);
        let mut totals = Totals::default();
        totals.add(&Record { subject, observer, began, began_at, end: Some(end) });
        totals.ended.into_keys().next().unwrap().1
    }

    #[test]
    fn a_member_that_never_came_counts_as_something_else_than_one_that_is_slow() {
        assert_eq!(outcome(Some(Phase::Agreeing), Code::Deadline), NEVER_MET);
        assert_eq!(outcome(Some(Phase::Running), Code::Deadline), "deadline");
        assert_eq!(outcome(Some(Phase::Agreeing), Code::Cancelled), "cancelled");
        // Its links never came up.
        assert_eq!(outcome(None, Code::Deadline), "deadline");
    }
}
