//! The actors of a cloister node.
//!
//! Clients come in through the [`controller`], find microservices on the [`bus`], and get back
//! results whose [`label`] allows it. Joint computations run in [`computation`] actors, which
//! [`sessions`] start and feed from the [`links`] to the other members' nodes. The mathematics is
//! in `cloister-protocols`; here are only messages, time and sockets. [`node`] puts it together.

pub mod bus;
pub mod clock;
pub mod computation;
pub mod consortium;
pub mod control;
pub mod controller;
pub mod data;
pub mod error;
pub mod failure;
pub mod label;
pub mod links;
pub mod log;
pub mod management;
pub mod node;
pub mod object;
pub mod operations;
pub mod policy;
pub mod principal;
pub mod progress;
pub mod records;
pub mod services;
pub mod sessions;
pub mod settings;
pub mod trace;
