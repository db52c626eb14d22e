//! The protocols in one thread and in virtual time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use cloister_protocols::computation::{Request, compute};
use cloister_protocols::meter::{Meter, Stage, Traffic};
use cloister_protocols::pairwise::CorrelationStore;
use cloister_protocols::simulation::{Link as Speed, Report, Simulation};
use cloister_protocols::trace::{Trace, TracedRound};
use cloister_report::measurement::{Link, NodeCost, Round};

use super::protocol_cost::{self, Preparation, ProtocolCost, Run};
use super::setup::Setup;
use crate::problem::{Outcome, Problem};

/// Computes the profile of the protocol alone: the depth of messages, and the traffic of each node.
/// Arithmetic takes no time.
pub(super) fn protocol_cost(setup: &Setup) -> Outcome<ProtocolCost> {
    let unit = Speed { latency: 1.0, bandwidth: f64::INFINITY };
    let report = simulate(setup, setup.requests()?, Simulation::new(0).link(unit))?;
    Ok(protocol_cost_of(&setup.members, &report))
}

fn protocol_cost_of(members: &[String], report: &Report<()>) -> ProtocolCost {
    let nodes = nodes(members, report, vec![Duration::ZERO; members.len()]);
    let total = |of: fn(&Traffic) -> u64| -> u64 {
        report.meters.iter().map(|meter| of(&meter.total())).sum()
    };
    let sent = report.meters.iter().flat_map(Meter::traffic).map(|traffic| traffic.bytes_sent);
    ProtocolCost {
        rounds: report.rounds(),
        depth: last(&report.ended),
        messages: total(|traffic| traffic.messages_sent),
        bytes: total(|traffic| traffic.bytes_sent),
        busiest: sent.max().unwrap_or(0),
        nodes: report.meters.iter().map(|meter| meter.by_round().to_vec()).collect(),
        preparation: preparation(&report.meters, protocol_cost::preparing(&nodes)),
    }
}

/// Returns the cost of preprocessing; none if there is none.
fn preparation(meters: &[Meter], depth: f64) -> Option<Preparation> {
    let longest = meters.iter().max_by_key(|meter| meter.rounds())?;
    let total = |of: fn(&Traffic) -> u64| -> u64 {
        meters.iter().map(|meter| of(&meter.total_of(Stage::Preparation))).sum()
    };
    let prepares = meters.iter().any(|meter| meter.rounds_of(Stage::Preparation) > 0);
    prepares.then(|| Preparation {
        rounds: longest.rounds_of(Stage::Preparation),
        depth,
        messages: total(|traffic| traffic.messages_sent),
        bytes: total(|traffic| traffic.bytes_sent),
    })
}

/// Simulates one run over this link. Arithmetic takes its time on this machine, each party having a
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
    Ok(Run::new(last(&report.ended), nodes(&setup.members, &report, encoding)))
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
                Some((request, offer)) => {
                    compute(channel, offer, request, CorrelationStore::default(), rng)
                        .await
                        .map(drop)
                }
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

/// Computes the cost for each member, whose encoding took so long.
fn nodes(members: &[String], report: &Report<()>, encoding: Vec<Duration>) -> Vec<NodeCost> {
    let measured = report.traces.iter().zip(&report.meters);
    members
        .iter()
        .zip(encoding)
        .zip(measured)
        .map(|((name, encoding), (trace, meter))| node(name, encoding, trace, meter))
        .collect()
}

fn node(name: &str, encoding: Duration, trace: &Trace, meter: &Meter) -> NodeCost {
    let rounds: Vec<Round> = trace.rounds.iter().map(round).collect();
    let total = meter.total();
    NodeCost {
        name: name.to_owned(),
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
    Round {
        name: round.name.to_owned(),
        stage: protocol_cost::stage(round.stage),
        begins: round.begins.as_secs_f64(),
        ends: round.ends.as_secs_f64(),
        arithmetic: round.arithmetic.as_secs_f64(),
        waits: round
            .waits
            .iter()
            .map(|(begin, end)| (begin.as_secs_f64(), end.as_secs_f64()))
            .collect(),
        messages_sent: round.traffic.messages_sent,
        bytes_sent: round.traffic.bytes_sent,
        bytes_received: round.traffic.bytes_received,
    }
}

fn last(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use cloister_protocols::channel::Channel;
    use cloister_protocols::fault::Fault;
    use cloister_protocols::party::Party;
    use cloister_report::measurement::{Case, Stage, Way};

    use super::*;
    use crate::cli::bench::link;

    /// Sends a message to the other of two parties, and back.
    async fn trip(channel: &Channel, me: Party, bytes: usize) -> Result<(), Fault> {
        let other = Party::new(1 - me.index()).unwrap();
        if me.index() == 0 {
            channel.send(other, vec![0; bytes]);
            channel.receive(other).await.map(drop)
        } else {
            channel.receive(other).await?;
            channel.send(other, vec![0; bytes]);
            Ok(())
        }
    }

    /// Simulates one message each way before, one in preprocessing, and two online.
    fn report(latency: f64) -> Report<()> {
        let speed = Speed { latency, bandwidth: f64::INFINITY };
        Simulation::new(1).parties(2).link(speed).run(|channel, me, _| async move {
            trip(&channel, me, 1).await?;
            channel.begin_preparation("make");
            trip(&channel, me, 100).await?;
            channel.begin_round("use");
            trip(&channel, me, 10).await?;
            channel.begin_round("open");
            trip(&channel, me, 10).await
        })
    }

    fn members() -> Vec<String> {
        vec!["one".to_owned(), "two".to_owned()]
    }

    fn case() -> Case {
        Case {
            function: "f".to_owned(),
            suite: "s".to_owned(),
            parties: 2,
            helpers: 0,
            size: 1,
            unit: "rows".to_owned(),
            profile: "teaching".to_owned(),
            way: Way::Simulated,
            link: link::loopback(),
        }
    }

    #[test]
    fn preparation_is_apart_in_counts_and_in_times() {
        let cost = protocol_cost_of(&members(), &report(1.0));
        let preparation = Preparation { rounds: 1, depth: 2.0, messages: 2, bytes: 200 };
        assert_eq!(cost.preparation, Some(preparation));
        let run = || Run::new(4.0, nodes(&members(), &report(0.5), vec![Duration::ZERO; 2]));
        cost.check(&run()).unwrap();
        let line = cost.line(case(), 1, vec![run(), run()], Vec::new()).unwrap();
        assert_eq!((line.rounds, line.depth, line.messages, line.bytes), (3, 8, 8, 242));
        let online = line.stage(Stage::Online);
        assert_eq!((online.rounds, online.depth, online.messages, online.bytes), (2, 6, 6, 42));
        let seconds = Stage::ALL.map(|stage| line.stage(stage).seconds.median);
        assert_eq!(seconds, [1.0, 3.0]);
    }

    #[test]
    fn a_round_of_another_stage_is_another_round() {
        let cost = protocol_cost_of(&members(), &report(1.0));
        let mut run = Run::new(4.0, nodes(&members(), &report(0.5), vec![Duration::ZERO; 2]));
        for round in run.nodes.iter_mut().flat_map(|node| &mut node.trace) {
            round.stage = Stage::Online;
        }
        assert!(cost.check(&run).is_err());
    }
}
