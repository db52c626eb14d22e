//! Records as clients see them: parties, function, progress, the parties awaited, and the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{End, Record, Records, is_cancelled};
use crate::progress::{Lifecycle, Progress, Round};
use crate::vocabulary::clock::rfc3339;
use crate::vocabulary::code::Code;
use crate::vocabulary::label::{Cost, Disclosure, Report};
use crate::vocabulary::object::Principal;

/// The step to which times are rounded where a dataset is involved, in seconds.
pub(super) const COARSE: f64 = 0.1;

/// A computation in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    id: String,
    session: Option<String>,
    network: String,
    run: Option<u64>,
    function: &'static str,
    suite: Option<&'static str>,
    principal: String,
    dataset: Option<String>,
    members: Vec<String>,
    helpers: Vec<String>,
    me: String,
    state: &'static str,
    round: usize,
    step: &'static str,
    waiting: Option<Waiting>,
    started: String,
    ended: Option<String>,
    deadline: String,
    error: Option<Problem>,
    cost: Option<Spent>,
}

/// The parties that hold a computation up.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Waiting {
    parties: Vec<String>,
    r#for: &'static str,
    since: String,
}

/// The reason why there is no result.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Problem {
    code: Code,
    message: String,
    hint: String,
    party: Option<String>,
}

/// The cost at this party.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Spent {
    rounds: usize,
    bytes_sent: u64,
    bytes_received: u64,
    seconds: f64,
}

/// A computation with all its details.
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    #[serde(flatten)]
    summary: Summary,
    rounds: Vec<Lane>,
    rounds_dropped: usize,
    #[serde(flatten)]
    answer: Option<Told>,
}

/// A round on the time axis, in seconds since the computation began.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Lane {
    round: usize,
    stage: &'static str,
    started: f64,
    ended: Option<f64>,
    waited_for: Vec<String>,
}

/// The result, for the client that asked for the computation.
#[derive(Clone, Debug, Serialize)]
struct Told {
    result: Option<serde_json::Value>,
    security: Option<serde_json::Value>,
    disclosure: Option<Disclosure>,
}

impl Summary {
    /// Returns the computation's name at this node.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Records {
    pub(super) fn summary(&self, record: &Record, to: &Principal) -> Summary {
        let progress = record.observer.look().clone();
        self.summary_of(record, &progress, record.subject.principal == *to)
    }

    /// Returns all details of a record. Only the client that asked for the computation sees the
    /// result.
    pub(super) fn detail(&self, record: &Record, own: bool) -> Detail {
        let progress = record.observer.look().clone();
        let summary = self.summary_of(record, &progress, own);
        let rounds = progress.rounds.iter().map(|round| record.lane(round)).collect();
        let report = record.end.as_ref().and_then(|end| end.result.as_ref().ok()?.as_ref());
        let answer = Some(Told::new(report.filter(|_| own)));
        Detail { summary, rounds, rounds_dropped: progress.forgotten, answer }
    }

    fn summary_of(&self, record: &Record, progress: &Progress, own: bool) -> Summary {
        let Record { subject, end, began, .. } = record;
        let (members, helpers) = record.sides();
        let deadline = self.deadline;
        Summary {
            id: record.observer.id().to_string(),
            session: end.as_ref().and_then(|end| end.session.clone()),
            network: subject.network.clone(),
            run: progress.run,
            function: subject.function,
            suite: progress.suite,
            principal: subject.principal.name().to_owned(),
            dataset: subject.dataset.clone(),
            members: members.to_vec(),
            helpers: helpers.to_vec(),
            me: self.me.clone(),
            state: state(progress, end.as_ref()),
            round: progress.round(),
            step: step(progress),
            waiting: record.waiting(progress),
            started: record.at(*began),
            ended: end.as_ref().map(|end| record.at(end.at)),
            deadline: record.at(*began + deadline),
            error: end.as_ref().and_then(|end| end.problem(own)),
            cost: end.as_ref().and_then(|end| end.cost.as_ref()).map(|cost| record.spent(cost)),
        }
    }
}

impl Record {
    /// Returns the members with data, and the helpers.
    fn sides(&self) -> (&[String], &[String]) {
        let members = self.subject.members.as_slice();
        let parties = members.len().saturating_sub(self.subject.helpers);
        members.split_at_checked(parties).unwrap_or((members, &[]))
    }

    fn waiting(&self, progress: &Progress) -> Option<Waiting> {
        if self.end.is_some() || progress.awaited.is_empty() {
            return None;
        }
        let r#for = match progress.lifecycle {
            Lifecycle::Connecting => "a connection",
            _ => step(progress),
        };
        let since = self.at(progress.since);
        Some(Waiting { parties: self.names(&progress.awaited), r#for, since })
    }

    fn names(&self, indices: &[usize]) -> Vec<String> {
        indices.iter().filter_map(|index| self.subject.members.get(*index)).cloned().collect()
    }

    fn lane(&self, round: &Round) -> Lane {
        let seconds = |at: Instant| self.told(at.saturating_duration_since(self.began));
        Lane {
            round: round.number,
            stage: round.stage,
            started: seconds(round.started),
            ended: round.ended.map(seconds),
            waited_for: self.names(&round.waited_for),
        }
    }

    fn spent(&self, cost: &Cost) -> Spent {
        let Cost { rounds, bytes_sent, bytes_received, seconds, .. } = *cost;
        let seconds = self.told(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        Spent { rounds, bytes_sent, bytes_received, seconds }
    }

    /// Returns a moment, as exactly as it may be told.
    fn at(&self, moment: Instant) -> String {
        let since = self.told(moment.saturating_duration_since(self.began));
        let since = Duration::try_from_secs_f64(since).unwrap_or_default();
        rfc3339(self.began_at.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns seconds, as exactly as they may be told.
    fn told(&self, time: Duration) -> f64 {
        match self.subject.dataset {
            Some(_) => (time.as_secs_f64() / COARSE).round() * COARSE,
            None => time.as_secs_f64(),
        }
    }
}

impl End {
    /// Returns the reason why there is no result: in full to the client that asked for the
    /// computation.
    fn problem(&self, own: bool) -> Option<Problem> {
        let error = self.result.as_ref().err()?;
        let party = error.concerned().map(str::to_owned);
        let (message, hint) = match own {
            true => (error.message().to_owned(), error.advice().to_owned()),
            false => ("whoever asked for it has been told why".to_owned(), String::new()),
        };
        Some(Problem { code: error.code(), message, hint, party })
    }
}

impl Told {
    fn new(report: Option<&Arc<Report>>) -> Self {
        Self {
            result: report.and_then(|report| serde_json::to_value(&report.result).ok()),
            security: report.and_then(|report| serde_json::to_value(&report.security).ok()),
            disclosure: report.map(|report| report.disclosure.clone()),
        }
    }
}

fn state(progress: &Progress, end: Option<&End>) -> &'static str {
    match end.map(|end| &end.result) {
        None if progress.lifecycle.has_ended() => "opening",
        None => progress.lifecycle.name(),
        Some(Ok(_)) => "done",
        Some(Err(error)) if is_cancelled(error) => "cancelled",
        Some(Err(_)) => "failed",
    }
}

fn step(progress: &Progress) -> &'static str {
    match progress.lifecycle {
        Lifecycle::Preparing | Lifecycle::Done | Lifecycle::Failed => "",
        Lifecycle::Connecting => "connecting",
        Lifecycle::Agreeing | Lifecycle::Running { .. } | Lifecycle::Opening => progress.stage(),
    }
}
