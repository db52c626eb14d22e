//! Records as clients see them: parties, function, progress, the parties awaited, and the end.

use std::time::{Duration, Instant};

use cloister_api::{Computation, ComputationDetail, Cost, Problem, ReportCost, Round, Waiting};
use cloister_protocols::party::Party;
use serde::Serialize;
use serde_json::Value;

use super::{End, Record, Records, is_cancelled};
use crate::progress::{self, Lifecycle, Progress};
use crate::vocabulary::clock::rfc3339;
use crate::vocabulary::documents::count;
use crate::vocabulary::object::Principal;
use crate::vocabulary::time_grid::coarse;

impl Records {
    pub(super) fn summary(&self, record: &Record, to: &Principal) -> Computation {
        let progress = record.observer.look().clone();
        self.summary_of(record, &progress, record.subject.principal == *to)
    }

    /// Returns all that `record` tells `to` a principal. Only the one that asked for the computation
    /// gets its result and protection.
    pub(super) fn detail(&self, record: &Record, to: &Principal) -> ComputationDetail {
        let own = record.subject.principal == *to;
        let shown = record.shows_selections_to(to);
        let progress = record.observer.look().clone();
        let report = record.end.as_ref().and_then(|end| end.result.as_ref().ok()?.as_ref());
        let report = report.filter(|_| own);
        ComputationDetail {
            summary: self.summary_of(record, &progress, own),
            rounds: progress.rounds.iter().map(|round| record.round(round)).collect(),
            rounds_dropped: count(progress.forgotten),
            selections: if shown { record.subject.selections.clone() } else { Vec::new() },
            result: report.and_then(|report| written(&report.result)),
            security: report.and_then(|report| written(&report.security)),
            disclosure: report.map(|report| report.disclosure.clone()),
        }
    }

    fn summary_of(&self, record: &Record, progress: &Progress, own: bool) -> Computation {
        let Record { subject, end, began, .. } = record;
        let (members, helpers) = record.with_data_and_without();
        let deadline = self.deadline;
        Computation {
            id: record.observer.id().to_string(),
            session: end.as_ref().and_then(|end| end.session.clone()),
            network: subject.network.clone(),
            run: progress.run,
            function: subject.function.to_owned(),
            suite: progress.suite.map(str::to_owned),
            principal: subject.principal.name().to_owned(),
            dataset: subject.dataset.clone(),
            members,
            helpers,
            me: self.me.clone(),
            state: state(progress, end.as_ref()).to_owned(),
            round: count(progress.round()),
            step: step(progress).to_owned(),
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
    fn with_data_and_without(&self) -> (Vec<String>, Vec<String>) {
        let members = self.subject.members.iter().cloned().enumerate();
        let (with, without): (Vec<_>, Vec<_>) = members.partition(|(index, _)| {
            Party::new(*index).is_some_and(|party| self.subject.roles.brings_data(party))
        });
        let names =
            |members: Vec<(usize, String)>| members.into_iter().map(|(_, name)| name).collect();
        (names(with), names(without))
    }

    fn waiting(&self, progress: &Progress) -> Option<Waiting> {
        if self.end.is_some() || progress.awaited.is_empty() {
            return None;
        }
        let what = match progress.lifecycle {
            Lifecycle::Connecting => "a connection",
            _ => step(progress),
        };
        let since = self.at(progress.since);
        Some(Waiting { parties: self.names(&progress.awaited), what: what.to_owned(), since })
    }

    fn names(&self, indices: &[usize]) -> Vec<String> {
        indices.iter().filter_map(|index| self.subject.members.get(*index)).cloned().collect()
    }

    fn round(&self, round: &progress::Round) -> Round {
        Round {
            round: count(round.number),
            stage: round.stage.to_owned(),
            started: self.seconds(round.started),
            ended: round.ended.map(|at| self.seconds(at)),
            waited_for: self.names(&round.waited_for),
        }
    }

    fn spent(&self, cost: &ReportCost) -> Cost {
        let ReportCost { rounds, bytes_sent, bytes_received, seconds, .. } = *cost;
        let seconds = self.told(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        Cost { rounds, bytes_sent, bytes_received, seconds }
    }

    /// Returns the seconds from the begin to a moment, as exactly as they may be told.
    fn seconds(&self, at: Instant) -> f64 {
        self.told(at.saturating_duration_since(self.began))
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
            Some(_) => coarse(time).as_secs_f64(),
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
        let (message, hint) = if own {
            (error.message().to_owned(), error.advice().to_owned())
        } else {
            ("the client that asked for it has been told why".to_owned(), String::new())
        };
        Some(Problem { code: error.code().text().to_owned(), message, hint, party })
    }
}

fn written(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
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
