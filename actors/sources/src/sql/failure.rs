//! Failures of drivers, servers and relays, as errors of sources.

use std::time::Duration;

use super::dialect::{Dialect, Meaning};
use super::relay::{Fault, Meter};
use crate::error::{DeclarationError, SourceError, Unavailable};

/// The stage of a statement. A database's message cannot hold values before rows are read.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Stage {
    Connecting,
    Preparing,
    Running,
}

/// Makes the error of a failure at that stage. A relay knows better than the driver.
pub(super) fn explain<D: Dialect>(
    error: sqlx::Error,
    stage: Stage,
    limit: Duration,
    meter: &Meter,
) -> SourceError {
    match meter.fault() {
        Some(Fault::TooMuch) => return Unavailable::TooMuch(meter.limit()).into(),
        Some(Fault::Protocol) => return Unavailable::Protocol.into(),
        Some(Fault::Tls) => return Unavailable::Down("TLS failed").into(),
        None => {}
    }
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(error) => return Unavailable::Down(reason(error.kind())).into(),
        sqlx::Error::Protocol(_) | sqlx::Error::Decode(_) => return Unavailable::Protocol.into(),
        sqlx::Error::Tls(_) => return Unavailable::Down("TLS failed").into(),
        _ if stage == Stage::Connecting => return Unavailable::Down("no database answers").into(),
        _ => return Unavailable::Failed("the driver's".to_owned()).into(),
    };
    let code = database.code().unwrap_or_default().into_owned();
    match D::explain(database.as_ref()) {
        Meaning::Writes => DeclarationError::QueryWrites.into(),
        Meaning::Slow => Unavailable::Slow(limit).into(),
        Meaning::Login => Unavailable::Login(code).into(),
        Meaning::Denied => Unavailable::Denied(code).into(),
        Meaning::Down => Unavailable::Down("it is starting or stopping").into(),
        Meaning::Other if stage == Stage::Preparing => {
            DeclarationError::Query(database.message().to_owned()).into()
        }
        Meaning::Other => Unavailable::Failed(code).into(),
    }
}

fn reason(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;

    match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::NotFound => "no such host or socket",
        ErrorKind::TimedOut => "no answer in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no way to its host",
        ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput => "no such address or port",
        ErrorKind::PermissionDenied => "the system forbids the connection",
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            "the connection was lost"
        }
        _ => "the network failed",
    }
}
