//! The command `cloister`, and what it is made of: composition only.
//!
//! [`cli`] has a file for each subcommand. `cloister_client` talks to nodes as any client would; [`present`]
//! shows what comes of it, and a [`study`] is several computations with what they expect. [`folder`] knows where a consortium's files lie, [`layers`]
//! what a node's settings are and where from; a [`card`] is what members hand each other, and
//! [`membership`] the consortium file that is made of cards. [`doctor`] examines a consortium from outside.
//! [`operator`] works on the state of one node, [`fleet`] runs nodes as child processes, [`ports`] finds free
//! ports, [`telemetry`] sends a node's traces to a collector. No mathematics and no actor is here.

pub mod card;
pub mod cli;
pub mod doctor;
pub mod fleet;
pub mod folder;
pub mod layers;
pub mod logging;
pub mod membership;
pub mod operator;
pub mod ports;
pub mod present;
pub mod problem;
pub mod study;
pub mod telemetry;
