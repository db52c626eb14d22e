//! An invented measurement: eight functions over three links, between nodes and in virtual time,
//! with traces of 6 to 70 rounds.
//!
//! The numbers are made up by simple rules. A round takes its arithmetic, its bytes at the link's
//! bandwidth, and half a round trip. Nodes differ by a few per cent.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "of numbers that are made up here"
)]

use cloister_report::measurement::{
    Bound, Case, Limits, Line, Link, Machine, Measurement, NodeCost, Round, Skipped, Spread, Stage,
    StageCost, Stages, VERSION, Way,
};

/// Bytes a second that one processor makes of AES-CTR.
const AES: f64 = 4.1e9;

/// The work of a function, for each of its rounds.
struct Work {
    function: &'static str,
    suite: &'static str,
    unit: &'static str,
    parties: usize,
    helpers: usize,
    /// The names of rounds, each with its number of rounds.
    rounds: &'static [(&'static str, usize)],
    /// Bytes that a node sends in a round, and seconds it computes, for one of `unit`.
    bytes: f64,
    arithmetic: f64,
}

const WORKS: [Work; 8] = [
    Work {
        function: "SecureSum",
        suite: "masked",
        unit: "numbers",
        parties: 3,
        helpers: 0,
        rounds: &[("agreement", 1), ("sizes", 1), ("same sizes", 1), ("gate", 2), ("sum", 1)],
        bytes: 8.0,
        arithmetic: 3e-9,
    },
    Work {
        function: "SecureVectorSum",
        suite: "masked",
        unit: "numbers",
        parties: 5,
        helpers: 0,
        rounds: &[("agreement", 1), ("sizes", 1), ("same sizes", 1), ("masked", 2), ("open", 1)],
        bytes: 8.0,
        arithmetic: 4e-9,
    },
    Work {
        function: "StatisticsFrequency",
        suite: "masked",
        unit: "rows",
        parties: 3,
        helpers: 0,
        rounds: &[
            ("agreement", 1),
            ("categories", 1),
            ("categories echo", 1),
            ("cells", 4),
            ("open", 1),
        ],
        bytes: 0.3,
        arithmetic: 6e-9,
    },
    Work {
        function: "StatisticsUnivariate",
        suite: "replicated",
        unit: "rows",
        parties: 3,
        helpers: 0,
        rounds: &[
            ("agreement", 1),
            ("share", 1),
            ("shuffle 1", 3),
            ("shuffle 2", 3),
            ("compare", 48),
            ("choose", 12),
            ("open", 2),
        ],
        bytes: 16.0,
        arithmetic: 40e-9,
    },
    Work {
        function: "StatisticsBivariate",
        suite: "replicated",
        unit: "rows",
        parties: 2,
        helpers: 1,
        rounds: &[("agreement", 1), ("share", 1), ("products", 9), ("truncate", 6), ("open", 1)],
        bytes: 24.0,
        arithmetic: 25e-9,
    },
    Work {
        function: "SecureMatrixMultiplication",
        suite: "replicated",
        unit: "products",
        parties: 3,
        helpers: 0,
        rounds: &[
            ("agreement", 1),
            ("sizes", 1),
            ("share", 1),
            ("products", 2),
            ("truncate", 4),
            ("open", 1),
        ],
        bytes: 12.0,
        arithmetic: 9e-9,
    },
    Work {
        function: "StatisticsContingency",
        suite: "replicated",
        unit: "rows",
        parties: 3,
        helpers: 0,
        rounds: &[
            ("agreement", 1),
            ("categories", 1),
            ("share", 1),
            ("equal", 7),
            ("products", 5),
            ("open", 1),
        ],
        bytes: 30.0,
        arithmetic: 30e-9,
    },
    Work {
        function: "SecureMedian",
        suite: "pairwise",
        unit: "rows",
        parties: 2,
        helpers: 0,
        rounds: &[
            ("agreement", 1),
            (PREPARATION, 6),
            ("share", 1),
            ("compare", 30),
            ("choose", 12),
            ("open", 2),
        ],
        bytes: 20.0,
        arithmetic: 35e-9,
    },
];

/// The name of the rounds that are preparation.
const PREPARATION: &str = "make products";

/// Makes the measurement.
pub(crate) fn measurement() -> Measurement {
    let [loopback, lan, wan] = links();
    let mut lines = Vec::new();
    for work in &WORKS {
        lines.push(line(work, 10_000, Way::Real, &loopback));
        lines.push(line(work, 10_000, Way::Simulated, &loopback));
        lines.push(line(work, 10_000, Way::Simulated, &lan));
        lines.push(line(work, 10_000, Way::Shaped, &wan));
        lines.push(line(work, 10_000, Way::Simulated, &wan));
    }
    for work in WORKS.iter().filter(|work| work.parties == 3) {
        lines.push(line(work, 100_000, Way::Real, &loopback));
        lines.push(line(work, 1_000_000, Way::Real, &loopback));
        lines.push(line(work, 100_000, Way::Simulated, &loopback));
    }
    let too_large = Case { size: 10_000_000, ..case(&WORKS[3], 1, Way::Real, &loopback) };
    Measurement {
        version: VERSION,
        program: "cloister 0.1.0".into(),
        started: "2026-11-24T10:16:49Z".into(),
        machine: Machine {
            processor: "AMD EPYC 7B13 (a made-up measurement)".into(),
            processors: 16,
            system: "Linux 6.1".into(),
        },
        complete: true,
        limits: vec![
            limits(&loopback, 61e-6, 1.9e9),
            limits(&lan, 0.56e-3, 1.2e8),
            limits(&wan, 28.2e-3, 1.24e7),
        ],
        lines,
        skipped: vec![Skipped {
            case: too_large,
            reason: "a node holds at most 4 GB of shares".into(),
        }],
    }
}

fn links() -> [Link; 3] {
    [
        Link { name: "loopback".into(), round_trip: 0.0, bandwidth: None },
        Link { name: "lan".into(), round_trip: 0.5e-3, bandwidth: Some(1.25e8) },
        Link { name: "wan".into(), round_trip: 28e-3, bandwidth: Some(1.25e7) },
    ]
}

fn limits(link: &Link, round_trip: f64, bytes_per_second: f64) -> Limits {
    Limits { link: link.clone(), round_trip, bytes_per_second, aes_ctr_bytes_per_second: AES }
}

fn case(work: &Work, size: usize, way: Way, link: &Link) -> Case {
    Case {
        function: work.function.into(),
        suite: work.suite.into(),
        parties: work.parties,
        helpers: work.helpers,
        size,
        unit: work.unit.into(),
        profile: "teaching".into(),
        way,
        link: link.clone(),
    }
}

fn line(work: &Work, size: usize, way: Way, link: &Link) -> Line {
    let count = work.parties + work.helpers;
    let nodes: Vec<_> = (0..count).map(|index| node(work, size, way, link, index)).collect();
    let median = nodes.iter().map(|node| node.begins + node.seconds).fold(0.0, f64::max);
    let rounds = work.rounds.iter().map(|(_, times)| times).sum::<usize>() - 1;
    let depth = rounds + 3;
    let bytes: u64 = nodes.iter().map(|node| node.bytes_sent).sum();
    let theory = depth as f64 * link.round_trip / 2.0
        + link.bandwidth.map_or(0.0, |rate| bytes as f64 / count as f64 / 2.0 / rate);
    let trips = depth as f64 * (link.round_trip / 2.0 + 30e-6);
    Line {
        case: case(work, size, way, link),
        rounds,
        depth,
        messages: nodes.iter().map(|node| node.messages_sent).sum(),
        bytes,
        seconds: spread(median),
        stages: stages(work, &nodes, median),
        throughput: (size * work.parties) as f64 / median,
        theory: (theory > 0.0).then_some(theory),
        bounds: vec![
            Bound { name: "round trips".into(), seconds: trips },
            Bound { name: "aes-ctr".into(), seconds: bytes as f64 / AES },
        ],
        nodes,
    }
}

fn spread(median: f64) -> Spread {
    Spread { least: median * 0.96, median, p95: median * 1.13, runs: 21 }
}

/// Computes the costs of both stages.
fn stages(work: &Work, nodes: &[NodeCost], median: f64) -> Option<Stages> {
    let preparing = nodes.iter().map(NodeCost::preparing).fold(0.0, f64::max);
    if preparing == 0.0 {
        return None;
    }
    Some(Stages {
        preparation: stage_cost(work, nodes, Stage::Preparation, 0, preparing),
        online: stage_cost(work, nodes, Stage::Online, 2, median - preparing),
    })
}

fn stage_cost(
    work: &Work,
    nodes: &[NodeCost],
    stage: Stage,
    chain: usize,
    seconds: f64,
) -> StageCost {
    let mut count = 0;
    for (name, times) in work.rounds {
        if stage_of(name) == stage {
            count += times;
        }
    }
    let mut messages = 0;
    let mut bytes = 0;
    for round in nodes.iter().flat_map(|node| &node.trace).filter(|round| round.stage == stage) {
        messages += round.messages_sent;
        bytes += round.bytes_sent;
    }
    StageCost {
        rounds: count - usize::from(stage == Stage::Online),
        depth: count + chain,
        messages,
        bytes,
        seconds: spread(seconds),
    }
}

fn stage_of(name: &str) -> Stage {
    if name == PREPARATION { Stage::Preparation } else { Stage::Online }
}

fn node(work: &Work, size: usize, way: Way, link: &Link, index: usize) -> NodeCost {
    let begins = index as f64 * if way == Way::Simulated { 0.0 } else { 90e-6 };
    let mut trace = Vec::new();
    let mut now = begins;
    for (name, times) in work.rounds {
        for _ in 0..*times {
            let round = round(work, name, size, way, link, index, now, trace.len());
            now = round.ends;
            trace.push(round);
        }
    }
    let real = way != Way::Simulated;
    NodeCost {
        name: ["amber", "birch", "cedar", "dune", "a node with a long name"][index].into(),
        messages_sent: trace.iter().map(|round: &Round| round.messages_sent).sum(),
        bytes_sent: trace.iter().map(|round| round.bytes_sent).sum(),
        bytes_received: trace.iter().map(|round| round.bytes_received).sum(),
        seconds: now - begins,
        encoding: 2e-9 * size as f64,
        arithmetic: trace.iter().map(|round| round.arithmetic).sum(),
        waiting: trace.iter().map(Round::waiting).sum(),
        serialisation: real.then_some(trace.len() as f64 * 40e-6),
        peak_memory: real.then_some(38_000_000 + 64 * size as u64),
        begins,
        trace,
    }
}

#[expect(clippy::too_many_arguments, reason = "a made-up round depends on all of it")]
fn round(
    work: &Work,
    name: &str,
    size: usize,
    way: Way,
    link: &Link,
    index: usize,
    begins: f64,
    number: usize,
) -> Round {
    let count = (work.parties + work.helpers) as f64;
    let heavy = !matches!(name, "agreement" | "sizes" | "same sizes" | "open" | "categories echo");
    let units = if heavy { size as f64 } else { 12.0 };
    let noise = 1.0 + 0.08 * (((index * 7 + number * 3) % 5) as f64 - 2.0);
    let frames = if way == Way::Simulated { 0.0 } else { 120e-6 };
    let arithmetic = (20e-6 + units * work.arithmetic * count) * noise;
    let bytes = 64.0 + units * work.bytes;
    let wait = 25e-6 * noise
        + frames
        + link.round_trip / 2.0
        + link.bandwidth.map_or(0.0, |rate| bytes / rate);
    let begun = begins + arithmetic * 0.7;
    let ends = begins + arithmetic + wait;
    Round {
        name: name.into(),
        stage: stage_of(name),
        begins,
        ends,
        arithmetic,
        waits: vec![
            (begun, begun + wait * 0.6),
            (begun + wait * 0.6 + arithmetic * 0.1, ends - arithmetic * 0.2),
        ],
        messages_sent: (work.parties + work.helpers - 1) as u64,
        bytes_sent: bytes as u64,
        bytes_received: bytes as u64,
    }
}
