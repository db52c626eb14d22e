//! Why a protocol stopped, separated by whose fault it is.
//!
//! A fault never carries a private value: it is shown to clients and written to logs.

pub use crate::algebra::input_error::InputError;
use crate::kernel::party::Party;
use crate::kernel::refusal::Refusal;
use crate::kernel::spec::Difference;

/// Why a protocol stopped without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The parties do not want to compute the same thing. Nobody's input was used.
    #[error("{party} and this party disagree: {difference}")]
    Disagreement {
        /// The party that differs from us.
        party: Party,
        /// What differs.
        difference: Box<Difference>,
    },
    /// A peer broke the protocol. The result, had there been one, could not be trusted.
    #[error("{party} broke the protocol: {what}")]
    Misbehaviour {
        /// The culprit.
        party: Party,
        /// What it did.
        what: Misbehaviour,
    },
    /// Two parties tell different stories of what a third has said: one of the two is lying.
    #[error("{witness} says that {accused} sent it something else than it sent us")]
    Equivocation {
        /// Whose report differs from what we saw.
        witness: Party,
        /// Whose message is reported differently.
        accused: Party,
    },
    /// Two others have sent the same nonce or key, which each party must have drawn itself. The link
    /// does not tell who had it first.
    #[error("{one} and {other} sent the same nonce or key: one of the two copied the other's")]
    Echo {
        /// One of the two.
        one: Party,
        /// The other.
        other: Party,
    },
    /// The first message that was to be bound to the agreed session is not bound to ours: the two
    /// ends differ in what was proposed, in the keys, or in the link.
    #[error(
        "{party} holds another session than we do: it, or a third party that told the two of us \
         different things, broke the protocol"
    )]
    DifferentSession {
        /// The party whose session is not ours. It need not be the culprit.
        party: Party,
    },
    /// The categories of all parties' data together make a table that nobody may hold. No data was
    /// used but the names of the categories.
    #[error(
        "the categories of all parties together are too many ({what}: {actual} is more than the \
         limit of {limit}): declare fewer with `categories`"
    )]
    TableTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The shares that two parties opened of the same value do not fit: one of the two is lying.
    #[error("the shares that {one} and {other} opened do not fit: one of the two is lying")]
    InconsistentShares {
        /// One of the two.
        one: Party,
        /// The other.
        other: Party,
    },
    /// Fewer than three parties let their nodes compute on shares.
    #[error(
        "this function needs three nodes that compute on shares, and only {serving} of the parties' \
         policies allow theirs to"
    )]
    NoCommittee {
        /// How many do.
        serving: usize,
    },
    /// The data of all parties together have no such answer.
    #[error("there is no answer: {why}")]
    Undefined {
        /// Why not. Says nothing that the parties did not agree to open.
        why: &'static str,
    },
    /// The caller's data or parameters do not fit the function.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The disclosure rules that the parties agreed on forbid the result.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Opened, but no double can express it: the exact result is beyond the range of doubles.
    #[error("the result is beyond the range of double-precision numbers")]
    ResultOutOfRange,
    /// What was opened cannot have come from allowed inputs. A sum does not tell whose input it was.
    #[error("the opened result is impossible: a party has used an input that is not allowed")]
    InvalidOpening,
    /// An invariant of this program does not hold. No peer is to blame.
    #[error("this node has a fault of its own: {0}, which does not hold")]
    Internal(&'static str),
}

/// What a peer did that the protocol does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// A message has not the length that the protocol prescribes.
    #[error("a message of {actual} bytes where {expected} were due")]
    WrongLength {
        /// Bytes that were due.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// A message is longer than anything the protocol can need here.
    #[error("a message beyond the limit of {limit} bytes")]
    TooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// A message came twice, left a gap, or came after a later one.
    #[error("a message out of order: number {actual} where {expected} was due")]
    OutOfOrder {
        /// The sequence number that was due.
        expected: u32,
        /// The sequence number that came.
        actual: u32,
    },
    /// A message belongs to another session, sender, receiver or place in the sequence. The first one
    /// that is bound to an agreed session is judged apart: see [`Fault::DifferentSession`].
    #[error("a message that was not made for this place in this session")]
    WrongTag,
    /// A message does not decode.
    #[error("a message that does not decode")]
    Malformed,
    /// The opened value is not the one committed to.
    #[error("an opening that does not fit its commitment")]
    WrongOpening,
    /// It reports of our message, or of its own, something else than was sent.
    #[error("a false report of what was sent")]
    FalseReport,
    /// A public key of low order, which would make the shared secret known to everybody.
    #[error("a public key without secret contribution")]
    WeakKey,
    /// A nonce or key that we have drawn for this session.
    #[error("a nonce or key that is ours")]
    RepeatedNonce,
    /// Oblivious transfers that do not fit each other: it deviated, or the base of the transfers is not
    /// the same at both ends.
    #[error("oblivious transfers that do not fit each other")]
    WrongTransfer,
    /// A masked item that is no element of the group, or the identity.
    #[error("a masked item that is none")]
    NoElement,
    /// A masked item twice: sets have each once.
    #[error("a masked item twice")]
    RepeatedItem,
    /// What it opened cannot have come from allowed inputs.
    #[error("an input outside the agreed range")]
    OutOfRange,
}

impl Fault {
    /// `party` did `what`.
    #[must_use]
    pub fn blame(party: Party, what: Misbehaviour) -> Self {
        Self::Misbehaviour { party, what }
    }
}
