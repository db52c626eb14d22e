//! The terms that all floors share: data, errors, objects, principals, members and settings.
//!
//! Nothing here is an actor, opens a connection or reads a file.

pub mod blocking;
pub mod clock;
pub mod code;
pub mod connection_end;
pub mod connection_table;
pub mod connections;
pub mod consortium;
pub mod data;
pub(crate) mod documents;
pub mod error;
pub mod failure;
pub mod flight;
pub mod label;
pub mod object;
pub mod presence;
pub mod principal;
pub mod private;
pub mod room;
pub mod selection;
pub mod settings;
pub mod shown;
pub mod time_grid;
pub mod turns;
