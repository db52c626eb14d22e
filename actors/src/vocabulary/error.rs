//! Errors as clients see them: a code to act on, a sentence, a hint, the party concerned.
//!
//! An error never carries a private value and never a stack trace. The trace is a random name
//! under which the node's log has the same error.

use cloister_vault::VaultError;
use serde::Serialize;

use super::code::Code;
use super::shown::{shown, shown_up_to};

/// The longest message of an error, in characters.
const LONGEST_MESSAGE: usize = 2_000;

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    code: Code,
    message: String,
    hint: String,
    party: Option<String>,
}

/// The JSON document of an error.
#[derive(Debug, Serialize)]
pub struct ErrorDocument<'a> {
    code: Code,
    message: &'a str,
    hint: &'a str,
    party: Option<&'a str>,
    trace: String,
}

impl ApiError {
    /// Creates an error of this code, with the code's advice as its hint. Messages repeat words of
    /// clients and peers, so each is cut to a bounded length and shows every character.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = shown_up_to(&message.into(), LONGEST_MESSAGE);
        Self { code, message, hint: code.advice().to_owned(), party: None }
    }

    /// Reports that the request cannot be understood.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(Code::MalformedRequest, message)
            .hint("send a JSON object with `args` (a list) and `kwargs` (an object)")
    }

    /// Reports that an argument is missing or of the wrong kind.
    pub fn argument(name: &str, message: impl std::fmt::Display) -> Self {
        Self::new(Code::BadArgument, format!("argument `{}`: {message}", shown(name)))
            .hint("mend this argument and call again")
    }

    /// Reports that this principal has no such handle.
    pub fn no_such_handle() -> Self {
        Self::new(Code::NoSuchRepresentation, "there is no such representation")
            .hint("it was released, has expired, or belongs to another client; create it again")
    }

    /// Reports that the value may not leave the node, or not this way.
    pub fn no_download(message: impl Into<String>) -> Self {
        Self::new(Code::NoDownload, message).hint(
            "data stays on its node: download the result of a joint computation \
             (Simon's `compute`, or a task's `result`) instead",
        )
    }

    /// Reports a failure of this node that should not happen.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
            .hint("this is the node's fault: its operator finds the trace in the node's log")
    }

    /// Reports that an actor of this node is gone or takes no messages.
    pub fn unavailable(what: &str) -> Self {
        Self::new(Code::Unavailable, format!("{what} of this node does not answer")).hint(
            "the node is stopping or overloaded: try again in a moment; if it stays so, its \
                 operator finds the reason in the node's log",
        )
    }

    /// Reports that something is not kept in the node's state, or cannot be read there. What a client
    /// or an owner can mend has a code of its own.
    #[must_use]
    pub fn state(error: &VaultError) -> Self {
        match error {
            VaultError::Quota { .. } => {
                Self::new(Code::OverQuota, "there is no room for this upload").hint(
                    "release uploads that you no longer need, or have the operator raise the quota",
                )
            }
            VaultError::Limit { hint, .. } => {
                Self::new(Code::StateFull, error.to_string()).hint(*hint)
            }
            VaultError::Invalid { .. } | VaultError::TooBig { .. } | VaultError::Taken { .. } => {
                Self::new(Code::BadArgument, error.to_string()).hint("mend it and try again")
            }
            VaultError::Busy => Self::unavailable("the writer of the state"),
            other => {
                tracing::error!(error = %other, "the node's state cannot be used");
                Self::new(Code::StateUnavailable, "this node cannot read or write its state").hint(
                    "nothing was done; the node's operator finds the reason in the node's log",
                )
            }
        }
    }

    /// Replaces the hint by a more precise one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds the member that the error concerns.
    #[must_use]
    pub fn party(mut self, party: impl Into<String>) -> Self {
        self.party = Some(party.into());
        self
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the sentence that describes the error.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the hint: the action that is open to the caller.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.hint
    }

    /// Returns the member that the error concerns.
    #[must_use]
    pub fn concerned(&self) -> Option<&str> {
        self.party.as_deref()
    }

    /// Returns the JSON document of the error, under the name `trace`.
    #[must_use]
    pub fn document(&self, trace: String) -> ErrorDocument<'_> {
        let Self { code, message, hint, party } = self;
        ErrorDocument { code: *code, message, hint, party: party.as_deref(), trace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_can_mend_is_no_fault_of_the_state() {
        let (what, rule, limit, hint) = ("names", "short", 7, "ask an owner to remove some");
        for (error, code) in [
            (VaultError::Quota { what }, Code::OverQuota),
            (VaultError::Limit { what, limit, hint }, Code::StateFull),
            (VaultError::Invalid { what, rule }, Code::BadArgument),
            (VaultError::TooBig { what, limit }, Code::BadArgument),
            (VaultError::Taken { what }, Code::BadArgument),
            (VaultError::Busy, Code::Unavailable),
            (VaultError::Closed, Code::StateUnavailable),
        ] {
            assert_eq!(ApiError::state(&error).code(), code, "{error}");
        }
    }

    #[test]
    fn messages_are_bounded_and_visible_whatever_stands_in_them() {
        let long = "\u{7}name\n".repeat(1 << 16);
        for error in [ApiError::argument(&long, "missing"), ApiError::argument("data", &long)] {
            let message = error.message();
            assert!(message.chars().count() <= LONGEST_MESSAGE + 1);
            assert!(!message.contains(char::is_control));
        }
    }
}
