//! Examines a consortium from the outside: each node, each line between two of them in both
//! directions, and a trial computation. It tells the faults, the action to take, and the party that
//! must take it.
//!
//! The doctor sees the same as a client. The nodes try the lines themselves, over connections of
//! their own (`POST /v1/probes`). A line may work in one direction only, and only its ends can
//! tell.

mod databases;
mod lines;
mod nodes;
mod trial;

use std::time::Duration;

use cloister_actors::services::registry::DatabaseRights;
use cloister_client::Consortium;
use futures_util::future::join_all;
use serde::Serialize;

/// The extent of an examination.
#[derive(Clone, Copy, Debug)]
pub struct Examination {
    /// The time for which each line is silent, to find out if it is cut then; not tried if zero.
    pub idle: Duration,
    /// The number of bytes that are sent over each line, to find out its bandwidth.
    pub bytes: u64,
    /// Asks for a trial computation.
    pub trial: bool,
}

/// The findings of an examination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checkup {
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// Each node, in the order of the members.
    pub nodes: Vec<NodeCheck>,
    /// Each line, in the order of the members.
    pub lines: Vec<LineCheck>,
    /// The trial computation.
    pub trial: Option<Check>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeCheck {
    /// The member.
    pub member: String,
    /// The URL of its API.
    pub api: String,
    /// The worst of its verdicts.
    pub verdict: Verdict,
    /// All of them.
    pub checks: Vec<Check>,
}

/// A line from one member's node to another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineCheck {
    /// The member that tried it.
    pub from: String,
    /// The member at its other end.
    pub to: String,
    /// The worst of its verdicts.
    pub verdict: Verdict,
    /// The round-trip time, in seconds.
    pub round_trip_seconds: Option<f64>,
    /// The bandwidth, in bytes a second.
    pub bytes_per_second: Option<f64>,
    /// All verdicts.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The finding.
    pub detail: String,
    /// A remedy.
    pub remedy: Option<String>,
    /// The party that must do it.
    pub who: Option<String>,
}

/// A verdict; the greater, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was not checked: an earlier check failed, or it was not asked for.
    Skipped,
    /// As it should be.
    Ok,
    /// It works, and needs a look.
    Warning,
    /// It does not work.
    Failed,
}

impl Checkup {
    /// Examines all nodes of a consortium.
    pub async fn of(consortium: &Consortium, examination: &Examination) -> Self {
        let nodes = nodes::examine(consortium).await;
        let lines = lines::examine(consortium, &nodes, examination).await;
        let verdicts = nodes.iter().map(|node| node.verdict);
        let mut verdicts = verdicts.chain(lines.iter().map(|line| line.verdict));
        // A trial over a line that fails would only wait for its deadline.
        let broken = verdicts.any(|verdict| verdict == Verdict::Failed);
        let trial = match (examination.trial, broken) {
            (false, _) => None,
            (true, true) => Some(trial::impossible()),
            (true, false) => Some(trial::compute(consortium).await),
        };
        let all = nodes.iter().map(|node| node.verdict);
        let all = all.chain(lines.iter().map(|line| line.verdict));
        let all = all.chain(trial.iter().map(|trial| trial.verdict));
        let verdict = all.max().unwrap_or(Verdict::Ok);
        Self { verdict, nodes, lines, trial }
    }

    /// Adds what a member's databases let their users do, as its node tells its operator.
    pub fn add_database_rights(&mut self, member: &str, rights: &[DatabaseRights]) {
        let Some(node) = self.nodes.iter_mut().find(|node| node.member == member) else { return };
        node.checks.extend(databases::checks(member, rights));
        node.verdict = Verdict::worst(&node.checks);
        self.verdict = self.verdict.max(node.verdict);
    }

    /// Lists the checks that need a remedy, each with its place.
    pub fn findings(&self) -> impl Iterator<Item = (String, &Check)> {
        let nodes = self.nodes.iter().flat_map(|node| {
            node.checks.iter().map(|check| (format!("node {}", node.member), check))
        });
        let lines = self.lines.iter().flat_map(|line| {
            line.checks.iter().map(|check| (format!("{} to {}", line.from, line.to), check))
        });
        let trial = self.trial.iter().map(|check| ("trial".to_owned(), check));
        nodes.chain(lines).chain(trial).filter(|(_, check)| check.verdict >= Verdict::Warning)
    }
}

impl Check {
    fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail, None)
    }

    fn warning(check: &str, detail: impl Into<String>, remedy: (&str, &str)) -> Self {
        Self::new(check, Verdict::Warning, detail, Some(remedy))
    }

    fn failed(check: &str, detail: impl Into<String>, remedy: (&str, &str)) -> Self {
        Self::new(check, Verdict::Failed, detail, Some(remedy))
    }

    fn skipped(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, detail, None)
    }

    fn new(
        check: &str,
        verdict: Verdict,
        detail: impl Into<String>,
        remedy: Option<(&str, &str)>,
    ) -> Self {
        let (remedy, who) = remedy.map(|(what, who)| (what.to_owned(), who.to_owned())).unzip();
        Self { check: check.to_owned(), verdict, detail: detail.into(), remedy, who }
    }
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    fn worst(checks: &[Check]) -> Self {
        checks.iter().map(|check| check.verdict).max().unwrap_or(Self::Skipped)
    }
}

/// Awaits all of these at once, in their order.
async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    join_all(futures).await
}
