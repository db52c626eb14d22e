//! A small measurement for tests, whose numbers are all different.

use crate::measurement::{
    Bound, Case, Limits, Line, Link, Machine, Measurement, NodeCost, Round, Skipped, Spread, Stage,
    StageCost, Stages, VERSION, Way,
};

/// Makes a measurement of two lines over two links, between two nodes.
pub(crate) fn measurement() -> Measurement {
    let lines = vec![line("mean", Way::Real, loopback()), line("sort", Way::Simulated, wan())];
    let skipped = Case { size: 1_000_000, ..case("median", Way::Real, loopback()) };
    Measurement {
        version: VERSION,
        program: "cloister 0.1.0".into(),
        started: "2026-11-24T10:16:49.5Z".into(),
        machine: Machine { processor: "a processor".into(), processors: 2, system: "Linux".into() },
        complete: true,
        limits: vec![limits(loopback(), 61e-6), limits(wan(), 28.2e-3)],
        lines,
        skipped: vec![Skipped { case: skipped, reason: "too large".into() }],
    }
}

/// Makes a measurement of these lines.
pub(crate) fn of(lines: Vec<Line>) -> Measurement {
    Measurement { lines, ..measurement() }
}

/// Makes the measurement with preparation in the second round, `share`, of the second line.
pub(crate) fn staged() -> Measurement {
    let mut measurement = measurement();
    for line in measurement.lines.iter_mut().skip(1) {
        line.stages = Some(Stages {
            preparation: StageCost {
                rounds: 1,
                depth: 2,
                messages: 6,
                bytes: 2_200_000,
                seconds: Spread { least: 0.0018, median: 0.002, p95: 0.0023, runs: 21 },
            },
            online: StageCost {
                rounds: 2,
                depth: 5,
                messages: 18,
                bytes: 450_000,
                seconds: Spread { least: 0.0061, median: 0.0062, p95: 0.007, runs: 21 },
            },
        });
        for round in line.nodes.iter_mut().filter_map(|node| node.trace.get_mut(1)) {
            round.stage = Stage::Preparation;
        }
    }
    measurement
}

pub(crate) fn loopback() -> Link {
    Link { name: "loopback".into(), round_trip: 0.0, bandwidth: None }
}

pub(crate) fn wan() -> Link {
    Link { name: "wan".into(), round_trip: 28e-3, bandwidth: Some(12.5e6) }
}

fn limits(link: Link, round_trip: f64) -> Limits {
    Limits { link, round_trip, bytes_per_second: 1.9e9, aes_ctr_bytes_per_second: 4.1e9 }
}

fn case(function: &str, way: Way, link: Link) -> Case {
    Case {
        function: function.into(),
        suite: "replicated".into(),
        parties: 2,
        helpers: 1,
        size: 10_000,
        unit: "rows".into(),
        profile: "teaching".into(),
        way,
        link,
    }
}

/// Makes a line of two nodes with four rounds each.
pub(crate) fn line(function: &str, way: Way, link: Link) -> Line {
    Line {
        case: case(function, way, link),
        rounds: 3,
        depth: 7,
        messages: 24,
        bytes: 2_650_000,
        seconds: Spread { least: 0.0079, median: 0.0082, p95: 0.0093, runs: 21 },
        stages: None,
        throughput: 2.44e6,
        theory: None,
        bounds: vec![
            Bound { name: "link".into(), seconds: 0.0041 },
            Bound { name: "aes-ctr".into(), seconds: 0.0002 },
        ],
        nodes: vec![
            node("amber", 0.0, 1_400_000, Some(38_500_000)),
            node("birch", 0.000_1, 1_250_000, None),
        ],
    }
}

fn node(name: &str, begins: f64, bytes_sent: u64, peak_memory: Option<u64>) -> NodeCost {
    let names = ["agreement", "share", "compare", "compare"];
    let trace = (0..)
        .zip(names)
        .map(|(index, name): (u32, &str)| round(name, begins + f64::from(index) * 0.002))
        .collect();
    NodeCost {
        name: name.into(),
        messages_sent: 12,
        bytes_sent,
        bytes_received: 1_130_000,
        seconds: 0.008,
        encoding: 0.000_123,
        arithmetic: 0.0031,
        waiting: 0.0044,
        serialisation: peak_memory.map(|_| 0.000_25),
        peak_memory,
        begins,
        trace,
    }
}

fn round(name: &str, begins: f64) -> Round {
    Round {
        name: name.into(),
        stage: Stage::Online,
        begins,
        ends: begins + 0.002,
        arithmetic: 0.000_6,
        waits: vec![(begins + 0.000_5, begins + 0.001), (begins + 0.001_2, begins + 0.001_8)],
        messages_sent: 3,
        bytes_sent: 350_000,
        bytes_received: 282_500,
    }
}

/// Makes a measurement with NaN, infinite and zero numbers, and without optional values.
pub(crate) fn hollow() -> Measurement {
    let mut measurement = measurement();
    measurement.lines = [f64::NAN, f64::INFINITY, 0.0, -1.0].map(hollow_line).into();
    for limits in &mut measurement.limits {
        limits.round_trip = f64::NAN;
        limits.bytes_per_second = f64::INFINITY;
        limits.aes_ctr_bytes_per_second = 0.0;
    }
    measurement.lines.push(Line {
        nodes: Vec::new(),
        bounds: Vec::new(),
        ..line("bare", Way::Real, wan())
    });
    measurement
}

fn hollow_line(strange: f64) -> Line {
    let mut line = line("mean", Way::Shaped, wan());
    line.seconds = Spread { least: strange, median: strange, p95: strange, runs: 0 };
    line.throughput = strange;
    line.theory = Some(strange);
    line.bounds = vec![Bound { name: "link".into(), seconds: strange }];
    for node in &mut line.nodes {
        node.seconds = strange;
        node.begins = strange;
        node.arithmetic = strange;
        node.waiting = strange;
        for round in &mut node.trace {
            round.ends = strange;
            round.arithmetic = strange;
            round.waits.push((strange, strange));
        }
    }
    line
}
