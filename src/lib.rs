//! The command `cloister`, and what it is made of: composition only.
//!
//! [`cli`] has a file for each subcommand. `cloister_client` talks to nodes as any client would; [`present`]
//! shows what comes of it, and a [`study`] is several computations with what they expect. [`folder`] knows where a consortium's files lie, [`layers`]
//! the settings of a node and their sources; [`files`] reads and writes files. [`doctor`] examines a
//! consortium from outside.
//! [`operator`] works on the state of one node, [`fleet`] runs nodes as child processes, [`ports`] finds free
//! ports, [`telemetry`] sends a node's traces to a collector. No mathematics and no actor is here.

pub mod cli;
pub mod doctor;
pub mod files;
pub mod fleet;
pub mod folder;
pub mod layers;
pub mod logging;
pub mod operator;
pub mod ports;
pub mod present;
pub mod problem;
pub mod study;
pub mod telemetry;
