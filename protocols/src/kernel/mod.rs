//! Sessions of parties, and the basis of every protocol: parties, messages, agreed terms, keys,
//! costs.
//!
//! Nothing here knows a function or a suite. Nothing here reads a clock, a socket or a file.

mod agreed;
pub mod channel;
mod column_kind;
pub(crate) mod commitment;
pub mod disclosure;
pub(crate) mod echo;
pub mod equations;
mod exchange;
pub mod fault;
pub(crate) mod flow;
pub mod machine;
pub(crate) mod members;
mod message;
pub mod meter;
pub mod party;
pub(crate) mod prss;
pub mod random;
mod refusal;
pub(crate) mod reveal;
pub(crate) mod roles;
pub(crate) mod rounding;
pub(crate) mod rules;
pub mod session;
pub mod simulation;
pub(crate) mod sizes;
mod spec;
pub(crate) mod text;
pub mod trace;
pub mod wire;
