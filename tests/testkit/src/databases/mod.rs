//! Real databases for tests, private to a test and gone with it.

pub mod mariadb;
pub mod postgres;
mod server;
