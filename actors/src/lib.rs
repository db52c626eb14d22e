//! The actors of a cloister node.
//!
//! Clients come in through the [`controller`], find microservices on the [`bus`], and get back
//! results whose [`label`] allows it. Joint computations run in [`computation`] actors, which
//! [`sessions`] start and feed from the [`links`] to the other members' nodes. The mathematics is
//! in `cloister-protocols`; here are only messages, time and sockets. [`node`] puts it together.

pub mod bus;
pub mod computation;
pub mod control;
pub mod controller;
pub mod links;
pub mod log;
pub mod management;
pub mod node;
pub mod operations;
pub mod policy;
pub mod progress;
pub mod records;
pub mod services;
pub mod sessions;
pub mod vocabulary;

pub use self::vocabulary::{
    clock, code, consortium, data, error, failure, label, object, principal, selection, settings,
};
