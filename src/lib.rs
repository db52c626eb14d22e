//! The command `cloister` and its parts: composition only.
//!
//! [`cli`] has a file for each subcommand. `cloister_client` talks to nodes as any client would.
//! [`render`] shows the results, and a [`study`] is several computations with their expectations.
//! [`consortium_dir`] knows the places of a consortium's files, [`config`] the settings of a node
//! and their sources. [`files`] reads and writes files. [`doctor`] examines a consortium from
//! outside. [`operator`] works on the state of one node, and [`local_cluster`] runs nodes as child
//! processes. [`ports`] finds free ports, and [`names`] the name that was meant. [`telemetry`] sends a node's traces to a collector. No
//! mathematics and no actor is here.

pub mod cli;
pub mod config;
pub mod consortium_dir;
pub mod doctor;
pub mod files;
pub mod local_cluster;
pub mod logging;
pub mod names;
pub mod operator;
pub mod ports;
pub mod problem;
pub mod render;
pub mod study;
pub mod telemetry;
