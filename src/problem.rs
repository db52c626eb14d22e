//! Errors of commands, and their exit codes.
//!
//! The codes are a contract with scripts:
//!
//! - 1: worse than an earlier measurement
//! - 2: usage
//! - 3: refused by a policy
//! - 4: a peer or the consortium failed
//! - 5: our fault
//! - 130: interrupted

use std::fmt::Display;
use std::process::ExitCode;

use cloister_certs::document::{NotSigned, SignDocumentError};
use cloister_certs::membership::MembershipError;
use cloister_client::{Blame, ClientError, Failed};

/// The outcome of a command.
pub type Outcome<T = ()> = Result<T, Problem>;

/// The cause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A measurement is worse than an earlier one.
    Worse,
    /// A peer or the consortium failed.
    Peer,
    /// The caller can mend it.
    Usage,
    /// A policy refused.
    Refused,
    /// This program or a node.
    Ours,
    /// An interrupt by the person who started it.
    Interrupted,
}

/// A reason to end with an exit code other than 0. If several hold, the greatest [`Fault`] is the
/// cause of the others: a node that refuses makes its peers fail.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    fault: Fault,
    message: String,
}

impl Fault {
    /// Returns the exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Worse => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Peer => 4,
            Self::Ours => 5,
            // As shells have it: 128, and the number of the signal.
            Self::Interrupted => 130,
        }
    }
}

impl From<Blame> for Fault {
    fn from(blame: Blame) -> Self {
        match blame {
            Blame::Peer => Self::Peer,
            Blame::Caller => Self::Usage,
            Blame::Policy => Self::Refused,
            Blame::Ours => Self::Ours,
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        Self::new(error.blame().into(), with_advice(error.to_string()))
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        Self::new(failed.blame.into(), with_advice(failed.to_string()))
    }
}

/// The words of the TLS library for a certificate that is not believed.
const OTHER_CERTIFICATE: &str = "invalid peer certificate";

/// Adds the remedy for a certificate that client.toml does not pin, as after a renewal.
fn with_advice(message: String) -> String {
    if !message.contains(OTHER_CERTIFICATE) {
        return message;
    }
    format!(
        "{message}; client.toml pins another certificate than the node shows: if its operator has \
         renewed it, take the new consortium file and bring client.toml up to date with `cloister \
         consortium client consortium.toml --refresh`; if not, another machine answers at that address"
    )
}

impl From<MembershipError> for Problem {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::Encoding(_) => Self::ours(error),
            _ => Self::usage(error),
        }
    }
}

impl From<SignDocumentError> for Problem {
    fn from(error: SignDocumentError) -> Self {
        match error {
            SignDocumentError::Encoding(_) => Self::ours(error),
            _ => Self::usage(error),
        }
    }
}

impl From<NotSigned> for Problem {
    fn from(error: NotSigned) -> Self {
        Self::new(Fault::Refused, error)
    }
}

impl Problem {
    /// Makes a problem of this cause.
    pub fn new(fault: Fault, message: impl Display) -> Self {
        let message = message.to_string();
        // Parsers of other crates begin their messages so, and `main` writes it before all.
        let bare = message.strip_prefix("error: ").map(str::to_owned);
        Self { fault, message: bare.unwrap_or(message) }
    }

    /// Makes a problem that the caller can mend.
    pub fn usage(message: impl Display) -> Self {
        Self::new(Fault::Usage, message)
    }

    /// Makes a problem of a peer or the consortium.
    pub fn peer(message: impl Display) -> Self {
        Self::new(Fault::Peer, message)
    }

    /// Makes a problem of this program or a node.
    pub fn ours(message: impl Display) -> Self {
        Self::new(Fault::Ours, message)
    }

    /// Returns the cause.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Returns the exit code for the operating system.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.fault.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_called_one_once() {
        assert_eq!(Problem::usage("error: no such flag").to_string(), "no such flag");
        assert_eq!(Problem::usage("no error: all is well").to_string(), "no error: all is well");
    }

    #[test]
    fn a_certificate_that_is_not_pinned_has_its_remedy() {
        let message = with_advice(format!("a: no node answers: {OTHER_CERTIFICATE}: Other"));
        assert!(message.contains("cloister consortium client consortium.toml --refresh"));
        assert_eq!(with_advice("a: no node answers".to_owned()), "a: no node answers");
    }

    #[test]
    fn each_part_of_the_system_has_its_exit_code() {
        let blames = [Blame::Caller, Blame::Policy, Blame::Peer, Blame::Ours];
        assert_eq!(blames.map(|blame| Fault::from(blame).code()), [2, 3, 4, 5]);
    }
}
