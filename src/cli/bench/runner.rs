//! Measures one case after the other, until all are measured or it is interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::thread;

use cloister_protocols::disclosure::{Profile, Rules};
use cloister_report::measurement::{
    Case, Limits, Line, Link, Machine, Measurement, Skipped, VERSION, Way,
};
use indicatif::{ProgressBar, ProgressStyle};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;

use super::course::{Course, Run};
use super::nodes::{Driver, Nodes};
use super::setup::{self, Setup};
use super::subject::{self, Subject};
use super::{limits, simulated};
use crate::cli::node::Stop;
use crate::problem::{Outcome, Problem};

/// What is measured, and how often.
pub(super) struct Runner {
    pub(super) cases: Vec<Case>,
    pub(super) repeat: usize,
    /// The parties' own nodes, where these are measured.
    pub(super) own: Option<(Driver, Vec<String>)>,
}

/// What stays between cases.
struct Bench {
    repeat: usize,
    own: Option<(Driver, Vec<String>)>,
    nodes: Option<(Kind, Nodes)>,
    limits: Vec<Limits>,
}

/// Nodes that several cases can share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    members: Vec<String>,
    profile: Profile,
    relayed: bool,
}

impl Runner {
    /// Measures until all is done or `stop` says so.
    pub(super) async fn run(self, stop: &mut Stop) -> Measurement {
        let mut measurement = Measurement {
            version: VERSION,
            program: concat!("cloister ", env!("CARGO_PKG_VERSION")).to_owned(),
            started: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            machine: machine(),
            complete: true,
            limits: Vec::new(),
            lines: Vec::new(),
            skipped: Vec::new(),
        };
        let progress = progress(self.cases.len());
        let mut bench =
            Bench { repeat: self.repeat, own: self.own, nodes: None, limits: Vec::new() };
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
                    measurement.skipped.push(Skipped { case, reason: problem.to_string() });
                }
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        measurement.limits = std::mem::take(&mut bench.limits);
        if let Some((_, nodes)) = bench.nodes.take() {
            nodes.stop().await;
        }
        measurement
    }
}

impl Bench {
    async fn measure(&mut self, case: Case) -> Outcome<Line> {
        let subject = subject::find(&case.function)
            .ok_or_else(|| Problem::usage(format!("there is no `{}`", case.function)))?;
        let profile = match case.profile.as_str() {
            "production" => Profile::Production,
            _ => Profile::Teaching,
        };
        let limits = self.limits(&case.link).await?;
        match case.way {
            Way::Simulated => self.simulate(case, subject, profile.rules(), &limits).await,
            Way::Real | Way::Shaped => self.real(case, subject, profile, &limits).await,
            Way::Consortium => self.of_consortium(case, subject, &limits).await,
        }
    }

    async fn simulate(
        &self,
        case: Case,
        subject: &'static Subject,
        rules: Rules,
        limits: &Limits,
    ) -> Outcome<Line> {
        let members = setup::names(case.parties, case.helpers);
        let setup = Setup::new(subject, case.size, members, case.parties, rules);
        let (course, bounds) = known(&setup, limits, case.way).await?;
        let mut runs = Vec::new();
        for seed in 0..self.repeat {
            let (setup, link) = (setup.clone(), case.link.clone());
            runs.push(blocking(move || simulated::run(&setup, &link, seed as u64)).await?);
        }
        course.line(case, setup.workload.amount(), runs, bounds)
    }

    async fn real(
        &mut self,
        case: Case,
        subject: &'static Subject,
        profile: Profile,
        limits: &Limits,
    ) -> Outcome<Line> {
        let members = setup::names(case.parties, case.helpers);
        let setup = Setup::new(subject, case.size, members.clone(), case.parties, profile.rules());
        let (course, bounds) = known(&setup, limits, case.way).await?;
        let kind = Kind { members, profile, relayed: case.way == Way::Shaped };
        let nodes = self.nodes(kind).await?;
        nodes.shape(&case.link);
        let driver = nodes.driver(case.parties)?;
        let runs = runs(&driver, &setup, &course, self.repeat).await?;
        course.line(case, setup.workload.amount(), runs, bounds)
    }

    async fn of_consortium(
        &self,
        mut case: Case,
        subject: &'static Subject,
        limits: &Limits,
    ) -> Outcome<Line> {
        let Some((driver, members)) = &self.own else {
            return Err(Problem::usage("say --consortium DIR"));
        };
        let any = Profile::Teaching.rules();
        let mut setup = Setup::new(subject, case.size, members.clone(), members.len(), any);
        // The first run also tells which rules hold, without which nothing can be foretold.
        let (_, held) = driver.run(&setup).await?;
        setup.rules = held.rules;
        case.profile = held.profile;
        let (course, bounds) = known(&setup, limits, case.way).await?;
        let runs = runs(driver, &setup, &course, self.repeat).await?;
        course.line(case, setup.workload.amount(), runs, bounds)
    }

    /// Nodes of this kind: those that run, or others in their place.
    async fn nodes(&mut self, kind: Kind) -> Outcome<&Nodes> {
        if let Some((_, others)) = self.nodes.take_if(|(running, _)| *running != kind) {
            others.stop().await;
        }
        if self.nodes.is_none() {
            let nodes = Nodes::start(&kind.members, kind.profile, kind.relayed).await?;
            self.nodes = Some((kind, nodes));
        }
        let nodes = self.nodes.as_ref().map(|(_, nodes)| nodes);
        nodes.ok_or_else(|| Problem::ours("there are no nodes"))
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

/// What is known before anything has run: the protocol's course, and what bounds it.
async fn known(
    setup: &Setup,
    limits: &Limits,
    way: Way,
) -> Outcome<(Course, Vec<cloister_report::measurement::Bound>)> {
    let (setup, limits) = (setup.clone(), limits.clone());
    blocking(move || {
        let course = simulated::course(&setup)?;
        let bounds = limits::bounds(&course, &limits, &setup.workload, way);
        Ok((course, bounds))
    })
    .await
}

/// So many runs after one that does not count. Each must do what the protocol says, to the byte.
async fn runs(driver: &Driver, setup: &Setup, course: &Course, repeat: usize) -> Outcome<Vec<Run>> {
    let mut runs = Vec::new();
    for counts in std::iter::once(false).chain(std::iter::repeat_n(true, repeat)) {
        let (run, _) = driver.run(setup).await?;
        course.check(&run)?;
        if counts {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Arithmetic away from the thread that listens to signals.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let (tell, done) = oneshot::channel();
    // Not one of the runtime's threads, for which an interrupted command would wait.
    thread::Builder::new()
        .name("bench".to_owned())
        .spawn(move || {
            // Nobody listens any more after an interrupt.
            let _ = tell.send(work());
        })
        .map_err(Problem::ours)?;
    done.await.unwrap_or_else(|_| Err(Problem::ours("the measurement broke off")))
}

fn progress(cases: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    let bar = ProgressBar::new(cases as u64);
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
