//! Nodes over loopback mutual TLS in this process.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "benchmarks use parts of it")]

use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix::Addr;
use cloister_actors::label::Report;
use cloister_actors::node::Node;
use cloister_actors::sessions::Sessions;
use cloister_protocols::computation::Input;
use cloister_protocols::parameters::Parameters;
use cloister_testkit::nodes::{Ask, plan};
use futures_util::future::join_all;
use tokio::runtime::Runtime;

/// Nodes on threads of their own, which live until the end of the process.
pub struct Nodes {
    nodes: Vec<Addr<Sessions>>,
    runtime: Runtime,
    runs: u64,
}

impl Nodes {
    /// Starts a node for each of `parties` parties.
    pub fn start(parties: usize) -> Self {
        let (ready, nodes) = mpsc::channel();
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let plan = plan(parties, 300);
                let nodes = plan.start_all().await;
                ready.send(nodes.iter().map(Node::sessions).collect()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { nodes: nodes.recv().unwrap(), runtime, runs: 0 }
    }

    /// Measures the time from the request to the last party's answer, without encoding the input.
    pub fn time(&mut self, function: &str, parameters: &Parameters, input: &Input) -> Duration {
        self.run(function, parameters, &vec![input.clone(); self.nodes.len()]).0
    }

    /// Measures that time, and returns it with the report of the first party's node.
    pub fn run(
        &mut self,
        function: &str,
        parameters: &Parameters,
        inputs: &[Input],
    ) -> (Duration, std::sync::Arc<Report>) {
        self.runs += 1;
        let network = self.runs.to_string();
        let mut ask = Ask::new(function, self.nodes.len(), &network);
        ask.parameters = parameters.clone();
        let parties = self.nodes.iter().zip(inputs);
        let asked: Vec<_> = parties.map(|(node, input)| ask.of(node, input.clone())).collect();
        let start = Instant::now();
        let outcomes = self.runtime.block_on(join_all(asked));
        let elapsed = start.elapsed();
        let mut reports = outcomes.into_iter().map(|outcome| outcome.unwrap());
        (elapsed, reports.next().unwrap())
    }
}
