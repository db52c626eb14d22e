//! The unmodified client from PyPI, one thread a party, against real nodes.
//!
//! The Python programs check the answers of the nodes themselves, with Python's own arithmetic.

use std::process::{Child, Command, Stdio};

use cloister_testkit::{Cluster, Kind, Lines, cloister, python, run};

use crate::clients;

fn check(program: &str, parties: usize) {
    check_with_helpers(program, parties, 0);
}

/// Checks a program with so many more nodes at the end, which bring no data.
fn check_with_helpers(program: &str, parties: usize, helpers: usize) {
    let python = python();
    let cluster = Cluster::teaching(parties + helpers);
    let mut command = Command::new(python);
    command.env("HELPERS", helpers.to_string());
    run(command.arg(clients().join(program)).args(cluster.urls()));
    cluster.check_health();
}

#[test]
fn two_parties_compute() {
    check("compute.py", 2);
}

#[test]
fn three_parties_compute() {
    check("compute.py", 3);
}

#[test]
fn five_parties_compute() {
    check("compute.py", 5);
}

#[test]
fn three_parties_compute_on_shares() {
    check("shares.py", 3);
}

#[test]
fn five_parties_compute_on_shares() {
    check("shares.py", 5);
}

#[test]
fn two_parties_and_a_helper_compute_on_shares() {
    check_with_helpers("shares.py", 2, 1);
}

#[test]
fn two_parties_have_sets_in_common() {
    check("sets.py", 2);
}

#[test]
fn three_parties_have_sets_in_common() {
    check("sets.py", 3);
}

#[test]
fn five_parties_have_sets_in_common() {
    check("sets.py", 5);
}

#[test]
fn two_parties_join_columns_by_ids() {
    check("joins.py", 2);
}

#[test]
fn three_parties_join_columns_by_ids() {
    check("joins.py", 3);
}

/// `cloister up`, killed with its nodes on drop.
struct Up(Child);

impl Up {
    fn start(cluster: &Cluster) -> Self {
        let mut up = cloister();
        up.arg("up").arg(cluster.folder()).env("CLOISTER_LOG", "error").stdout(Stdio::piped());
        let mut up = Self(up.spawn().unwrap());
        let lines = Lines::of(up.0.stdout.take().unwrap());
        let ready = lines.take(cluster.names.len()).filter(|line| line.starts_with("ready "));
        assert_eq!(ready.count(), cluster.names.len());
        up
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn two_parties_compute_on_shares_by_themselves() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let _up = Up::start(&cluster);
    run(Command::new(python()).arg(clients().join("pairwise.py")).args(cluster.urls()));
    cluster.check_health();
}

#[test]
fn three_parties_compute_on_shares_by_themselves_if_they_ask_for_it() {
    check("pairwise.py", 3);
}

#[test]
fn two_parties_run_tasks() {
    check("tasks.py", 2);
}

#[test]
fn three_parties_run_tasks() {
    check("tasks.py", 3);
}

#[test]
fn five_parties_run_tasks() {
    check("tasks.py", 5);
}

#[test]
fn computations_are_repeated_and_run_at_once() {
    check("many.py", 3);
}

#[test]
fn services_and_handles_are_there() {
    check("services.py", 3);
}

#[test]
fn real_data_give_the_sums_that_python_gives() {
    check("real_data.py", 3);
}

#[test]
fn the_service_is_used_as_its_readme_says() {
    check("readme.py", 3);
}
