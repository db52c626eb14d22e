//! Has all nodes compute, shows their progress, and ends the computation everywhere on an
//! interrupt.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::time::Duration;

use cloister_client::{CallError, Consortium, Data, Failed, Job, Report, Reports, check_agreement};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::advice;
use super::progress::Progress;
use crate::problem::{Fault, Problem};

/// The interval at which the nodes are asked for their progress.
const POLL: Duration = Duration::from_millis(500);

/// The time in which nodes must end a computation, before they are left to their deadlines.
const CANCELLING: Duration = Duration::from_secs(10);

/// The reason for which there is no result.
pub(crate) enum NoResult {
    /// Parties failed.
    Failed(Failed),
    /// Something else.
    Problem(Problem),
}

impl From<Problem> for NoResult {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<NoResult> for Problem {
    fn from(none: NoResult) -> Self {
        match none {
            NoResult::Failed(failed) => failed.into(),
            NoResult::Problem(problem) => problem,
        }
    }
}

/// Returns the reports of all parties, which agree.
pub(crate) async fn drive(
    consortium: &Consortium,
    job: Job,
    data: Vec<Data>,
) -> Result<Vec<(String, Report)>, NoResult> {
    let (job, network) = job.named();
    let progress = Progress::of(consortium.members().iter().map(|member| member.name.as_str()));
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Problem::ours)?;
    let mut computing =
        pin!(consortium.compute(&job, data, |party, state| progress.show(party, state)));
    let reports = tokio::select! {
        reports = &mut computing => reports,
        never = follow(consortium, &network, &progress) => match never {},
        _ = interrupts.recv() => {
            progress.end();
            eprintln!(
                "interrupted: ending the computation at all nodes; interrupt again to leave at once"
            );
            let ended = tokio::select! {
                ended = cancel(consortium, &network, computing) => ended,
                _ = interrupts.recv() => "left at once: the nodes end it at their deadline".to_owned(),
            };
            return Err(Problem::new(Fault::Interrupted, ended).into());
        }
    };
    progress.end();
    let reports =
        reports.all().map_err(|failed| NoResult::Failed(advice::of_the_command(failed)))?;
    check_agreement(&reports).map_err(Problem::from)?;
    Ok(reports)
}

/// Asks the nodes for their progress, for ever, and those that wait for the problems of their
/// links. Nodes that do not tell are left out.
async fn follow(consortium: &Consortium, network: &str, progress: &Progress) -> Infallible {
    loop {
        sleep(POLL).await;
        let running = consortium.running(network).await;
        let waiting = running.iter().filter(|(_, computation)| computation.waiting.is_some());
        let waiting: Vec<&str> = waiting.map(|(party, _)| party.as_str()).collect();
        let problems = consortium.link_problems(&waiting).await;
        progress.update(&running, &problems);
    }
}

/// Ends the computation at all nodes. Returns a sentence on the outcome. A node may not have begun
/// when it is told first, so it is told until every party's request has ended.
async fn cancel(
    consortium: &Consortium,
    network: &str,
    mut computing: Pin<&mut impl Future<Output = Reports>>,
) -> String {
    let mut open = Vec::new();
    let told = timeout(CANCELLING, async {
        loop {
            let ended = consortium.cancel(network).await.into_iter();
            open = ended.filter_map(|(party, ended)| Some((party, ended.err()?))).collect();
            if timeout(POLL, &mut computing).await.is_ok() || !open.is_empty() {
                return;
            }
        }
    });
    let in_time = told.await.is_ok();
    if open.is_empty() && in_time {
        return "the computation is ended at all nodes".to_owned();
    }
    let open: Vec<String> = open
        .iter()
        .map(|(party, error): &(String, CallError)| {
            if error.is_missing() {
                format!("{party} (its cloister is too old to be told)")
            } else {
                format!("{party} ({error})")
            }
        })
        .collect();
    format!("not ended, but by the deadline, at {}", open.join(", "))
}
