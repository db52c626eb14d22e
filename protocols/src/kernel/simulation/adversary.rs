//! Parties that cheat: hooks on every outgoing message.
//!
//! An adversary sees each message before it is sent and returns the messages that are sent instead:
//! none, the same, another, or more. It stands for a corrupt party, which knows the session and can
//! give any message a valid number and tag (`retag`). It also stands for a broken link, which
//! cannot.

use bytes::Bytes;

use crate::kernel::machine::Outgoing;
use crate::kernel::party::Party;

/// An outgoing message.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The sender. The receiver's link names it: it cannot be forged.
    pub from: Party,
    /// The message with its receiver and number.
    pub message: Outgoing,
    /// True if it gets the next number and a valid tag, as from a corrupt party. If any message of
    /// a pair does, all of that pair must.
    pub retag: bool,
}

/// An adversary that changes outgoing messages.
pub trait Adversary {
    /// Returns the messages that are sent instead of `envelope`, in order.
    fn intercept(&mut self, envelope: Envelope) -> Vec<Envelope>;
}

/// The adversary that does nothing.
pub struct Honest;

/// The adversary that does one thing to one message of one party.
#[derive(Clone, Debug)]
pub struct Tamper {
    /// The sender.
    pub party: Party,
    /// The receiver; none for the copies to all.
    pub to: Option<Party>,
    /// The message's number among those from one to the other.
    pub number: u32,
    /// The change.
    pub action: Action,
    /// True if the party gives valid numbers and tags to all its messages.
    pub retag: bool,
    held: Vec<Envelope>,
    sources: Vec<(Party, u32, Bytes)>,
}

/// A change of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message that is not sent.
    Drop,
    /// A message that is sent twice.
    Repeat,
    /// A message that is sent after the next one.
    Swap,
    /// A message without its last so many bytes.
    Truncate(usize),
    /// A message with so many more bytes.
    Extend(usize),
    /// A message with one bit flipped, counted from the start, if it has the bit.
    Flip(usize),
    /// A message with these bytes instead.
    Replace(Bytes),
    /// A message with the bytes of an earlier one of the same number from another party. It stays
    /// the same if there was none.
    Copy(Party),
}

impl Tamper {
    /// Creates an adversary: `party` does `action` to its message of that number to `to`, or to
    /// all.
    #[must_use]
    pub fn new(party: Party, to: Option<Party>, number: u32, action: Action) -> Self {
        Self { party, to, number, action, retag: false, held: Vec::new(), sources: Vec::new() }
    }

    /// Gives valid numbers and tags to all messages of the party.
    #[must_use]
    pub fn retagging(self) -> Self {
        Self { retag: true, ..self }
    }

    fn is_target(&self, envelope: &Envelope) -> bool {
        let Outgoing { to, sequence, .. } = envelope.message;
        sequence == self.number && self.to.is_none_or(|target| target == to)
    }

    fn act(&mut self, mut envelope: Envelope) -> Vec<Envelope> {
        let body = &envelope.message.body;
        let changed = match &self.action {
            Action::Drop => return Vec::new(),
            Action::Repeat => return vec![envelope.clone(), envelope],
            Action::Swap => {
                self.held.push(envelope);
                return Vec::new();
            }
            Action::Truncate(by) => body.slice(..body.len().saturating_sub(*by)),
            Action::Extend(by) => [body.as_ref(), &vec![0; *by]].concat().into(),
            Action::Flip(bit) => flipped(body, *bit),
            Action::Replace(other) => other.clone(),
            Action::Copy(from) => self.said(*from).unwrap_or_else(|| body.clone()),
        };
        envelope.message.body = changed;
        vec![envelope]
    }

    fn said(&self, party: Party) -> Option<Bytes> {
        self.sources
            .iter()
            .find(|(from, number, _)| *from == party && *number == self.number)
            .map(|(_, _, body)| body.clone())
    }

    fn release(&mut self, to: Party) -> Option<Envelope> {
        let held = self.held.iter().position(|envelope| envelope.message.to == to)?;
        Some(self.held.remove(held))
    }
}

fn flipped(body: &Bytes, bit: usize) -> Bytes {
    let mut bytes = body.to_vec();
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}

impl Adversary for Tamper {
    fn intercept(&mut self, mut envelope: Envelope) -> Vec<Envelope> {
        let Outgoing { to, sequence, ref body, .. } = envelope.message;
        if envelope.from != self.party {
            self.sources.push((envelope.from, sequence, body.clone()));
            return vec![envelope];
        }
        envelope.retag = self.retag;
        if self.is_target(&envelope) {
            return self.act(envelope);
        }
        let held = self.release(to);
        [Some(envelope), held].into_iter().flatten().collect()
    }
}

impl Adversary for Honest {
    fn intercept(&mut self, envelope: Envelope) -> Vec<Envelope> {
        vec![envelope]
    }
}

impl<F: FnMut(Envelope) -> Vec<Envelope>> Adversary for F {
    fn intercept(&mut self, envelope: Envelope) -> Vec<Envelope> {
        self(envelope)
    }
}
