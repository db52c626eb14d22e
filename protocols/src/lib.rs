//! The mathematics of cloister: secure protocols as straight-line code over a channel.
//!
//! A protocol is an `async fn` over a [`channel::Channel`] whose only effects are sending,
//! receiving and the randomness passed in. [`machine::Machine`] drives it by hand. There is no
//! clock, socket, file, global randomness or thread here, and nothing of how a node is built. The
//! exception is rayon's parallel loops over disjoint chunks.
//!
//! The folders are floors: each imports from itself and from floors below it. ARCHITECTURE.md lists
//! them from the bottom up, and a test holds the code to that list.
//!
//! The [`meter`] counts the cost of a run, and tests pin it for every function in `src/costs.txt`.
//! A [`trace`] records its times, by a clock that the machine's driver lends.

pub mod algebra;
mod circuits;
pub mod computation;
mod engine;
mod functions;
mod kernel;
mod okvs;
mod ot;
mod release;
mod suites;
#[cfg(test)]
mod testing;

pub use functions::{catalogue, parameters};
pub use kernel::{
    channel, disclosure, equations, fault, machine, meter, party, random, session, simulation,
    trace, wire,
};
pub use suites::{masked, pairwise};
