//! Measures one case after the other, until all are measured or it is interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use cloister_protocols::disclosure::{Profile, Rules};
use cloister_report::measurement::{
    Case, Limits, Line, Link, Machine, Measurement, Skipped, VERSION, Way,
};
use indicatif::{ProgressBar, ProgressStyle};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;

use super::nodes::{DEADLINE_SECONDS, Driver, Nodes};
use super::protocol_cost::{KEPT, ProtocolCost, Run};
use super::setup::{self, Setup};
use super::subject::Subject;
use super::{limits, plan, simulated};
use crate::cli::node::Stop;
use crate::problem::{Fault, Outcome, Problem};

/// The order of a measurement.
pub(super) struct Runner {
    pub(super) cases: Vec<Case>,
    pub(super) repeat: usize,
    /// The parties' own nodes, where these are measured.
    pub(super) own: Option<(Driver, Vec<String>)>,
}

/// The results so far.
pub(super) struct Finished {
    pub(super) measurement: Measurement,
    /// A fault that must not occur, such as nodes that deviate from the protocol's cost.
    pub(super) ours: Option<Problem>,
}

/// The state between cases.
struct Bench {
    repeat: usize,
    own: Option<(Driver, Vec<String>)>,
    /// The reason for which the parties' own nodes are not asked again: each question would take
    /// their deadline.
    given_up: Option<String>,
    limits: Vec<Limits>,
}

impl Runner {
    /// Measures until all is done or `stop` says so.
    pub(super) async fn run(self, stop: &mut Stop) -> Finished {
        let mut finished = Finished { measurement: nothing_yet(), ours: None };
        let measurement = &mut finished.measurement;
        let progress = progress(self.cases.len());
        let mut bench =
            Bench { repeat: self.repeat, own: self.own, given_up: None, limits: Vec::new() };
        for case in self.cases {
            progress.set_message(format!("{} over {}", case.function, case.link.name));
            let measured = tokio::select! {
                measured = bench.measure(case.clone()) => measured,
                _ = stop.wait() => {
                    measurement.complete = false;
                    break;
                }
            };
            match measured {
                Ok(line) => measurement.lines.push(line),
                Err(problem) => {
                    let reason = problem.to_string();
                    measurement.skipped.push(Skipped { case, reason });
                    if problem.fault() == Fault::Ours {
                        finished.ours = Some(problem);
                    }
                }
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        measurement.limits = bench.limits;
        finished
    }
}

impl Bench {
    async fn measure(&mut self, case: Case) -> Outcome<Line> {
        let subject = plan::find(&case.function)?;
        let profile = profile(&case)?;
        if case.way == Way::Consortium {
            return self.of_consortium(case, subject).await;
        }
        let limits = self.limits(&case.link).await?;
        let known =
            known(&case, subject, setup::names(case.parties, case.helpers), profile.rules());
        let known = known.await?;
        let runs = match case.way {
            Way::Simulated => self.simulate(&known, &case.link).await?,
            _ => self.real(&known, &case, profile).await?,
        };
        blocking(move || {
            let bounds = limits::bounds(&known.protocol, &limits, &known.setup.workload, case.way);
            known.protocol.line(case, known.setup.workload.amount(), runs, bounds)
        })
        .await
    }

    async fn simulate(&self, known: &Known, link: &Link) -> Outcome<Vec<Run>> {
        let mut runs = Vec::new();
        for seed in 0..self.repeat {
            let (setup, link) = (known.setup.clone(), link.clone());
            let run = blocking(move || simulated::run(&setup, &link, seed as u64)).await?;
            runs.push(if seed < KEPT { run } else { run.without_nodes() });
        }
        Ok(runs)
    }

    /// Measures a case on nodes of its own: memory that one case left behind does not count for
    /// another.
    async fn real(&self, known: &Known, case: &Case, profile: Profile) -> Outcome<Vec<Run>> {
        let seconds = known.protocol.theory(&case.link).unwrap_or(0.0);
        if seconds > f64::from(DEADLINE_SECONDS) {
            return Err(Problem::usage(format!(
                "the link alone would take {seconds:.0} s, and computations end after \
                 {DEADLINE_SECONDS} s"
            )));
        }
        let mut nodes = Nodes::start(&known.setup.members, profile, &case.link).await?;
        let driver = nodes.driver(case.parties)?;
        let runs = tokio::select! {
            runs = runs(&driver, known, self.repeat) => runs,
            problem = nodes.first_end() => Err(problem),
        };
        nodes.stop().await;
        runs
    }

    async fn of_consortium(&mut self, mut case: Case, subject: &'static Subject) -> Outcome<Line> {
        if let Some(reason) = &self.given_up {
            return Err(Problem::peer(format!("not tried, because before: {reason}")));
        }
        let Some((driver, members)) = &self.own else {
            return Err(Problem::usage("say --consortium DIR"));
        };
        let measured = async {
            let any = Profile::Teaching.rules();
            let setup = Setup::new(&case, subject, members.clone(), any);
            // The first run also tells which rules hold, without which nothing can be foretold.
            let (_, held) = driver.run(&setup).await?;
            case.profile = held.profile;
            let known = known(&case, subject, members.clone(), held.rules).await?;
            let runs = runs(driver, &known, self.repeat).await?;
            // The limits of this machine say nothing of theirs.
            known.protocol.line(case, known.setup.workload.amount(), runs, Vec::new())
        };
        let measured = measured.await;
        if let Err(problem) = &measured
            && problem.fault() == Fault::Peer
        {
            self.given_up = Some(problem.to_string());
        }
        measured
    }

    async fn limits(&mut self, link: &Link) -> Outcome<Limits> {
        if let Some(limits) = self.limits.iter().find(|limits| limits.link == *link) {
            return Ok(limits.clone());
        }
        let bare = link.clone();
        let measured = blocking(move || limits::measure(&bare)).await?;
        self.limits.push(measured.clone());
        Ok(measured)
    }
}

/// The facts about a case before anything has run.
struct Known {
    setup: Setup,
    protocol: ProtocolCost,
}

async fn known(
    case: &Case,
    subject: &'static Subject,
    members: Vec<String>,
    rules: Rules,
) -> Outcome<Known> {
    let case = case.clone();
    blocking(move || {
        let setup = Setup::new(&case, subject, members, rules);
        let protocol = simulated::protocol_cost(&setup)?;
        Ok(Known { setup, protocol })
    })
    .await
}

/// Runs so many times after one run that does not count. Each must have the protocol's cost, to the
/// byte.
async fn runs(driver: &Driver, known: &Known, repeat: usize) -> Outcome<Vec<Run>> {
    let mut runs = Vec::new();
    for number in 0..=repeat {
        let (run, _) = driver.run(&known.setup).await?;
        known.protocol.check(&run)?;
        match number {
            0 => {}
            1..=KEPT => runs.push(run),
            _ => runs.push(run.without_nodes()),
        }
    }
    Ok(runs)
}

fn profile(case: &Case) -> Outcome<Profile> {
    let known = [Profile::Teaching, Profile::Production];
    let found = known.into_iter().find(|profile| profile.name() == case.profile);
    found.ok_or_else(|| Problem::usage(format!("there is no profile `{}`", case.profile)))
}

fn nothing_yet() -> Measurement {
    Measurement {
        version: VERSION,
        program: concat!("cloister ", env!("CARGO_PKG_VERSION")).to_owned(),
        started: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        machine: machine(),
        complete: true,
        limits: Vec::new(),
        lines: Vec::new(),
        skipped: Vec::new(),
    }
}

/// Does arithmetic away from the thread that listens to signals.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let (tell, done) = oneshot::channel();
    // Not one of the runtime's threads, for which an interrupted command would wait.
    thread::Builder::new()
        .name("bench".to_owned())
        .spawn(move || {
            // The receiver is gone after an interrupt.
            let _ = tell.send(work());
        })
        .map_err(Problem::ours)?;
    done.await.unwrap_or_else(|_| Err(Problem::ours("the measurement broke off")))
}

fn progress(cases: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    let bar = ProgressBar::new(cases as u64);
    bar.enable_steady_tick(Duration::from_millis(250));
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn machine() -> Machine {
    let known: BTreeMap<String, String> = fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    Machine {
        processor: known.get("model name").cloned().unwrap_or_else(|| "unknown".to_owned()),
        processors: thread::available_parallelism().map_or(1, usize::from),
        system: std::env::consts::OS.to_owned(),
    }
}
