//! The protocols in one thread and in virtual time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use cloister_protocols::computation::{Request, compute};
use cloister_protocols::meter::{Meter, Traffic};
use cloister_protocols::simulation::{Link as Speed, Report, Simulation};
use cloister_protocols::trace::{Trace, TracedRound};
use cloister_report::measurement::{Link, NodeCost, Round};

use super::course::{Course, Run};
use super::setup::Setup;
use crate::problem::{Outcome, Problem};

/// What the protocol alone says: how many messages wait for each other, and how much goes where.
/// Arithmetic takes no time.
pub(super) fn course(setup: &Setup) -> Outcome<Course> {
    let unit = Speed { latency: 1.0, bandwidth: f64::INFINITY };
    let report = simulate(setup, setup.requests()?, Simulation::new(0).link(unit))?;
    let total = |of: fn(&Traffic) -> u64| -> u64 {
        report.meters.iter().map(|meter| of(&meter.total())).sum()
    };
    let sent = report.meters.iter().flat_map(Meter::traffic).map(|traffic| traffic.bytes_sent);
    Ok(Course {
        rounds: report.rounds(),
        depth: last(&report.ended),
        messages: total(|traffic| traffic.messages_sent),
        bytes: total(|traffic| traffic.bytes_sent),
        busiest: sent.max().unwrap_or(0),
        nodes: report.meters.iter().map(|meter| meter.by_round().to_vec()).collect(),
    })
}

/// One run over this link. Arithmetic takes the time that it takes here, each party having a
/// processor of its own.
pub(super) fn run(setup: &Setup, link: &Link, seed: u64) -> Outcome<Run> {
    let speed = Speed {
        latency: link.round_trip / 2.0,
        bandwidth: link.bandwidth.unwrap_or(f64::INFINITY),
    };
    let begun = Instant::now();
    let clock = Rc::new(move || begun.elapsed());
    let simulation = Simulation::new(seed).link(speed).computing(clock);
    let (requests, encoding) = setup.timed_requests()?;
    let report = simulate(setup, requests, simulation)?;
    let nodes = report.traces.iter().zip(&report.meters).zip(setup.members.iter().zip(encoding));
    let nodes = nodes.map(|((trace, meter), of)| node(of, trace, meter)).collect();
    Ok(Run::new(last(&report.ended), nodes))
}

fn simulate(setup: &Setup, requests: Vec<Request>, simulation: Simulation) -> Outcome<Report<()>> {
    let mut requests = requests.into_iter();
    let members = setup.members.len();
    let helpers = members.saturating_sub(setup.parties());
    let simulation = simulation.parties(members).called(helpers).without_transcript();
    let report = simulation.run(|channel, _, rng| {
        let request = requests.next();
        let offer = request.as_ref().map(|request| setup.offer(request));
        async move {
            match request.zip(offer) {
                Some((request, offer)) => compute(channel, offer, request, rng).await.map(drop),
                None => Ok(()),
            }
        }
    });
    match report.results() {
        Ok(_) => Ok(report),
        Err((index, ending)) => Err(Problem::usage(match ending.fault() {
            Some(fault) => fault.to_string(),
            None => format!("member {index} of the simulation waits without an end"),
        })),
    }
}

fn node((name, encoding): (&String, Duration), trace: &Trace, meter: &Meter) -> NodeCost {
    let rounds: Vec<Round> = trace.rounds.iter().map(round).collect();
    let total = meter.total();
    NodeCost {
        name: name.clone(),
        messages_sent: total.messages_sent,
        bytes_sent: total.bytes_sent,
        bytes_received: total.bytes_received,
        seconds: trace.ends.saturating_sub(trace.begins).as_secs_f64(),
        encoding: encoding.as_secs_f64(),
        arithmetic: rounds.iter().map(|round| round.arithmetic).sum(),
        waiting: rounds.iter().flat_map(|round| &round.waits).map(|(begin, end)| end - begin).sum(),
        serialisation: None,
        peak_memory: None,
        begins: trace.begins.as_secs_f64(),
        trace: rounds,
    }
}

fn round(round: &TracedRound) -> Round {
    let interval = |(begin, end): &(Duration, Duration)| (begin.as_secs_f64(), end.as_secs_f64());
    Round {
        name: round.name.to_owned(),
        begins: round.begins.as_secs_f64(),
        ends: round.ends.as_secs_f64(),
        arithmetic: round.arithmetic.as_secs_f64(),
        waits: round.waits.iter().map(interval).collect(),
        messages_sent: round.traffic.messages_sent,
        bytes_sent: round.traffic.bytes_sent,
        bytes_received: round.traffic.bytes_received,
    }
}

fn last(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}
