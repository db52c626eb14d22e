//! Failures of calls, and the part of the system that each is to be blamed on.

use std::io;
use std::path::PathBuf;

use cloister_api::ErrorDocument;
use cloister_certs::{ApiCertificateError, SettingsError};
use serde::{Deserialize, Serialize};

/// An error as a node tells it, with the status of the answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Refusal {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The error.
    #[serde(flatten)]
    pub error: ErrorDocument,
}

/// The reason for which a request has no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// No program answers at that address.
    #[error("no node answers at {api}: {reason}")]
    Unreachable {
        /// The API's URL.
        api: String,
        /// The message of the system.
        reason: String,
    },
    /// The node took longer than the client waits.
    #[error("{api} gave no answer within {seconds} s")]
    Timeout {
        /// The API's URL.
        api: String,
        /// The time for which the client waited.
        seconds: u64,
    },
    /// Its answer was not awaited any longer.
    #[error("ended, because another party cannot take part")]
    NotAwaited,
    /// The node said no.
    #[error("{} ({})", .0.error.message, .0.error.code)]
    Refused(Box<Refusal>),
    /// The program that answers is no cloister node.
    #[error("{api} does not answer as a cloister node does: {reason}")]
    Alien {
        /// The API's URL.
        api: String,
        /// The difference to an answer of a node.
        reason: String,
    },
}

/// The reason for which a consortium cannot be used, or its answers cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file for clients cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The message of the system.
        error: io::Error,
    },
    /// The file for clients says something else than it should.
    #[error("{}: {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The fault in it.
        error: toml::de::Error,
    },
    /// The file for clients is empty.
    #[error("{} lists no member", .0.display())]
    NoMembers(PathBuf),
    /// A token cannot be read.
    #[error("cannot read the token in {}: {error}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// The message of the system.
        error: io::Error,
    },
    /// The file with an authority cannot be used.
    #[error(transparent)]
    Authority(#[from] ApiCertificateError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] SettingsError),
    /// The consortium has no such member.
    #[error("there is no member `{0}`")]
    NoSuchMember(String),
    /// A member's node gave no answer that can be used.
    #[error("{member}: {error}")]
    Call {
        /// The member.
        member: String,
        /// The reason.
        error: CallError,
    },
    /// Two parties report different results of one computation.
    #[error(
        "{one} and {other} report different results of one computation: believe none of them, and have \
         their operators compare versions and logs"
    )]
    Disagreement {
        /// A party.
        one: String,
        /// Another one.
        other: String,
    },
}

/// The part of the system that a failure is to be blamed on. Of several failures the greatest is
/// the cause of the others: a node that refuses makes its peers fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blame {
    /// Another party, or the line to a node.
    Peer,
    /// The caller, who can mend it.
    Caller,
    /// A policy, which refused.
    Policy,
    /// The node, or this program.
    Ours,
}

impl CallError {
    /// Returns the part of the system to blame.
    #[must_use]
    pub fn blame(&self) -> Blame {
        let Self::Refused(refusal) = self else {
            return Blame::Peer;
        };
        match (refusal.error.code.as_str(), refusal.status) {
            ("state_unavailable", _) => Blame::Ours,
            (_, 401 | 403) => Blame::Policy,
            // A node that is stopping, or has too much to do, has no fault.
            (_, 409 | 502..=504) => Blame::Peer,
            (_, 400..500) => Blame::Caller,
            _ => Blame::Ours,
        }
    }

    /// Returns the remedy; empty where none is known.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.error.hint,
            Self::Unreachable { .. } => {
                "start the party's node, and see that client.toml has its URL"
            }
            Self::Timeout { .. } => "see what the node's log says",
            Self::NotAwaited => "",
            Self::Alien { .. } => "see that client.toml has the URL of the party's node",
        }
    }

    /// Tells whether the node has no such request at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.error.code == "no_such_path")
    }

    /// Tells whether a client has cancelled the computation.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.error.code == "cancelled")
    }

    /// Returns how far the failure is from the cause of them all: 0 if it may be the cause, 1 if it
    /// tells of another party, 2 if it follows from an end of the computation.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            Self::NotAwaited => 2,
            Self::Refused(refusal) => match refusal.error.code.as_str() {
                "cancelled" => 2,
                "declined" | "peer_stopped" | "peer_lost" | "deadline" => 1,
                _ => 0,
            },
            _ => 0,
        }
    }

    /// Tells whether a computation that was to be ended had ended already.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let ended = ["already_ended", "no_such_computation"];
        matches!(self, Self::Refused(refusal) if ended.contains(&refusal.error.code.as_str()))
    }
}

impl ClientError {
    /// Returns the part of the system to blame.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Tls(_) => Blame::Ours,
            Self::Call { error, .. } => error.blame(),
            Self::Disagreement { .. } => Blame::Peer,
            Self::Unreadable { .. }
            | Self::Malformed { .. }
            | Self::NoMembers(_)
            | Self::Token { .. }
            | Self::Authority(_)
            | Self::NoSuchMember(_) => Blame::Caller,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blame(status: u16, code: &str) -> Blame {
        let error = ErrorDocument { code: code.to_owned(), ..ErrorDocument::default() };
        CallError::Refused(Box::new(Refusal { status, error })).blame()
    }

    #[test]
    fn each_status_is_blamed_on_a_part_of_the_system() {
        assert_eq!([400, 404, 422].map(|status| blame(status, "x")), [Blame::Caller; 3]);
        assert_eq!(blame(403, "x"), Blame::Policy);
        assert_eq!([409, 502, 503, 504].map(|status| blame(status, "x")), [Blame::Peer; 4]);
        assert_eq!(blame(500, "internal"), Blame::Ours);
    }

    #[test]
    fn a_node_that_stops_or_has_much_to_do_is_no_fault_of_ours() {
        for code in ["node_stopping", "too_many_computations", "unavailable"] {
            assert_eq!(blame(503, code), Blame::Peer, "{code}");
        }
        assert_eq!(blame(503, "state_unavailable"), Blame::Ours);
    }
}
