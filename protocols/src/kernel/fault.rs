//! The reasons for which a protocol stopped, separated by whose fault they are.
//!
//! A fault never carries a private value: it is shown to clients and written to logs.

pub use crate::algebra::input_error::InputError;
use crate::kernel::party::Party;
use crate::kernel::refusal::Refusal;
use crate::kernel::spec::Difference;

/// The reason for which a protocol stopped without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A difference between the computations that the parties want. No party's input was used.
    #[error("{party} and this party disagree: {difference}")]
    Disagreement {
        /// The party that differs from this one.
        party: Party,
        /// The difference.
        difference: Box<Difference>,
    },
    /// A breach of the protocol by a peer. The result, had there been one, could not be trusted.
    #[error("{party} broke the protocol: {what}")]
    Misbehaviour {
        /// The culprit.
        party: Party,
        /// Its deviation.
        what: Misbehaviour,
    },
    /// An echo that differs from this party's view of a third party's message. The witness or the
    /// accused lies.
    #[error("{witness} says that {accused} sent it something else than it sent us")]
    Equivocation {
        /// The witness. Its report differs from this party's view.
        witness: Party,
        /// The accused. Its message is reported differently.
        accused: Party,
    },
    /// A hash of a party's views that differs from this party's, among so many parties that the views
    /// are not listed. The witness lies, or a party told the two different things.
    #[error(
        "{witness} says that a party sent it something else than that party sent us: one of the two is \
         lying"
    )]
    OtherViews {
        /// The witness. Its report differs from this party's view.
        witness: Party,
    },
    /// The same nonce or key from two other parties, which each must have drawn itself. The link
    /// does not tell which of them had it first.
    #[error("{one} and {other} sent the same nonce or key: one of the two copied the other's")]
    Echo {
        /// One of the two.
        one: Party,
        /// The other.
        other: Party,
    },
    /// A first bound message that is not bound to this party's session. The two ends differ in the
    /// proposals, in the keys, or in the link.
    #[error(
        "{party} holds another session than we do: it, or a third party that told the two of us \
         different things, broke the protocol"
    )]
    DifferentSession {
        /// The party that holds another session. It need not be the culprit.
        party: Party,
    },
    /// A table or join of all parties' data together that is larger than any party may hold. Only
    /// the names of categories, or sizes, were used of the data.
    #[error(
        "the categories of all parties together are too many ({what}: {actual} is more than the \
         limit of {limit}): declare fewer with `categories`"
    )]
    TableTooLarge {
        /// The name of the bound that is exceeded.
        what: &'static str,
        /// The actual amount.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// Shares of one value, opened by two parties, that do not agree. One of the two lies.
    #[error("the shares that {one} and {other} opened do not fit: one of the two is lying")]
    InconsistentShares {
        /// One of the two.
        one: Party,
        /// The other.
        other: Party,
    },
    /// Fewer than three parties that let their nodes compute on shares.
    #[error(
        "this function needs three nodes that compute on shares, and only {serving} of the parties' \
         policies allow theirs to"
    )]
    NoCommittee {
        /// The number of parties that do.
        serving: usize,
    },
    /// An answer that the data of all parties together do not have.
    #[error("there is no answer: {why}")]
    Undefined {
        /// The reason. It says nothing that the parties did not agree to open.
        why: &'static str,
    },
    /// An answer whose error might be larger than allowed, because a column was rounded. It follows
    /// from opened values.
    #[error(
        "column {column} of all parties' columns was rounded to 53 bits below its largest \
         number, in the join or not, and the numbers of the joined rows are too small beside that for a \
         precise answer: let its party declare codes for missing values, leave far larger numbers out, or \
         transform the column"
    )]
    Imprecise {
        /// The position among all columns, in the order of parties and of their columns, from 0.
        column: usize,
    },
    /// Data or parameters of the caller that do not fit the function.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A refusal by the disclosure rules that the parties agreed on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An opened result that no double can express: the exact one is beyond the range of doubles.
    #[error("the result is beyond the range of double-precision numbers")]
    ResultOutOfRange,
    /// An opened value that cannot have come from allowed inputs. A sum does not tell whose input
    /// it was.
    #[error("the opened result is impossible: a party has used an input that is not allowed")]
    InvalidOpening,
    /// A broken invariant of this program. No peer is to blame.
    #[error("this node has a fault of its own: {0}, which does not hold")]
    Internal(&'static str),
}

/// A peer's deviation from the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// A message without the length that the protocol prescribes.
    #[error("a message of {actual} bytes where {expected} were due")]
    WrongLength {
        /// The bytes that were due.
        expected: usize,
        /// The bytes that came.
        actual: usize,
    },
    /// A message longer than any that the protocol can need here.
    #[error("a message beyond the limit of {limit} bytes")]
    TooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// A message that came twice, left a gap, or came after a later one.
    #[error("a message out of order: number {actual} where {expected} was due")]
    OutOfOrder {
        /// The sequence number that was due.
        expected: u32,
        /// The sequence number that came.
        actual: u32,
    },
    /// A message of another session, sender, receiver or place in the sequence. The first one that
    /// is bound to an agreed session is judged apart: see [`Fault::DifferentSession`].
    #[error("a message that was not made for this place in this session")]
    WrongTag,
    /// A message that does not decode.
    #[error("a message that does not decode")]
    Malformed,
    /// An opened value that is not the one committed to.
    #[error("an opening that does not fit its commitment")]
    WrongOpening,
    /// Rows that do not lie in the order of the items that stand for them.
    #[error("rows in another order than their ids")]
    OtherOrder,
    /// A report of this party's message, or of the peer's own, that differs from the message.
    #[error("a false report of what was sent")]
    FalseReport,
    /// A public key of low order, which would make the shared secret known to all.
    #[error("a public key without secret contribution")]
    WeakKey,
    /// A nonce or key that this party has drawn for this session.
    #[error("a nonce or key that is ours")]
    RepeatedNonce,
    /// Oblivious transfers that do not fit each other. The peer deviated, or the base OTs are not
    /// the same at both ends.
    #[error("oblivious transfers that do not fit each other")]
    WrongTransfer,
    /// A blinded item that is no element of the group, or the identity.
    #[error("a masked item that is none")]
    NoElement,
    /// A blinded item that comes twice: sets have each once.
    #[error("a masked item twice")]
    RepeatedItem,
    /// An opened value of a peer that cannot have come from allowed inputs.
    #[error("an input outside the agreed range")]
    OutOfRange,
}

impl Fault {
    /// Blames `party` for `what`.
    #[must_use]
    pub fn blame(party: Party, what: Misbehaviour) -> Self {
        Self::Misbehaviour { party, what }
    }
}
