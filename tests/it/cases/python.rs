//! Cases 17 and 19: frames and arrays of Python's libraries, by the package on real nodes.

use cloister_testkit::{Cluster, run};

use crate::clients;
use crate::python_package::python_command;

#[test]
fn values_of_pythons_libraries_reach_the_nodes_as_they_are() {
    let cluster = Cluster::teaching(3);
    let mut program = python_command(&[]);
    program.arg(clients().join("cases.py")).arg(cluster.folder().join("client.toml"));
    run(&mut program);
    cluster.check_health();
}
