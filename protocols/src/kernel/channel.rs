//! The effects of a protocol: send to a party, receive from a party, name its rounds.
//!
//! `send` queues and never waits; `receive` is the only wait. Messages of one pair of parties come
//! in the order in which they were sent; nothing is promised about messages of different pairs.
//! Nothing here reads a clock or a socket: [`crate::kernel::machine::Machine`] moves the bytes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;

use crate::algebra::ring::Ring;
use crate::kernel::agreed::Agreed;
use crate::kernel::exchange::{Exchange, Phase, TagKeys};
use crate::kernel::fault::Fault;
pub use crate::kernel::message::Message;
use crate::kernel::meter::Stage;
use crate::kernel::party::{Parties, Party};
use crate::kernel::reveal::Reveal;
use crate::kernel::wire;

/// One party's end of the connections to all others, for one computation.
#[derive(Clone)]
pub struct Channel {
    parties: Parties,
    exchange: Rc<RefCell<Exchange>>,
}

impl Channel {
    pub(crate) fn new(parties: Parties, exchange: Rc<RefCell<Exchange>>) -> Self {
        Self { parties, exchange }
    }

    /// Returns the same channel between those parties only that are to be `kept`. None if this party
    /// is not.
    pub(crate) fn among(&self, kept: impl Fn(Party) -> bool) -> Option<Self> {
        let parties = self.parties.among(kept)?;
        Some(Self { parties, exchange: Rc::clone(&self.exchange) })
    }

    /// Returns the parties of this computation, and this party's place among them.
    #[must_use]
    pub fn parties(&self) -> Parties {
        self.parties
    }

    /// Returns the link binding: a value that both ends of the link to `party` derive from it (the
    /// exporter of the TLS connection). No other link has the same.
    #[must_use]
    pub fn link_binding(&self, party: Party) -> [u8; 32] {
        self.exchange.borrow().link_binding(party)
    }

    /// Queues `message` for `to`.
    pub fn send(&self, to: Party, message: impl Into<Bytes>) {
        self.exchange.borrow_mut().send(to, message.into());
    }

    /// Queues the same `message` for all others, without copying it.
    pub fn broadcast(&self, message: impl Into<Bytes>) {
        let message = message.into();
        for party in self.parties.others() {
            self.exchange.borrow_mut().send(party, message.clone());
        }
    }

    /// Receives the next message from `from`.
    ///
    /// # Errors
    /// If the message was not made for this place in this session.
    pub async fn receive(&self, from: Party) -> Result<Message, Fault> {
        self.await_message(&[from], from).await
    }

    /// Receives the next message from `from`, which must have exactly `length` bytes.
    ///
    /// # Errors
    /// If it has another length, or was not made for this place in this session.
    pub async fn receive_exactly(&self, from: Party, length: usize) -> Result<Message, Fault> {
        let message = self.receive(from).await?;
        message.expect_length(from, length)
    }

    /// Receives the next message from `from`, which must be `count` ring elements.
    ///
    /// # Errors
    /// If it has another length, or was not made for this place in this session.
    pub(crate) async fn receive_elements<R: Ring>(
        &self,
        from: Party,
        count: usize,
    ) -> Result<Vec<R>, Fault> {
        let message = self.receive_exactly(from, count * R::BYTES).await?;
        Ok(wire::read_elements(count, message.pieces()))
    }

    /// Receives one message from each other party, in the agreed order.
    ///
    /// # Errors
    /// If one was not made for this place in this session.
    pub async fn gather(&self) -> Result<Vec<(Party, Message)>, Fault> {
        let others: Vec<Party> = self.parties.others().collect();
        let mut messages = Vec::with_capacity(others.len());
        let mut awaited = others.as_slice();
        while let Some((&from, later)) = awaited.split_first() {
            messages.push((from, self.await_message(awaited, from).await?));
            awaited = later;
        }
        Ok(messages)
    }

    /// Receives the next message from `from`, the first of `awaited`, of exactly `length` bytes.
    /// The progress report names all of `awaited` that have sent nothing yet.
    pub(crate) async fn receive_first(
        &self,
        awaited: &[Party],
        from: Party,
        length: usize,
    ) -> Result<Message, Fault> {
        self.await_message(awaited, from).await?.expect_length(from, length)
    }

    /// Receives one message of exactly `length` bytes from each other party, in the agreed order.
    ///
    /// # Errors
    /// If one has another length, or was not made for this place in this session.
    pub async fn gather_exactly(&self, length: usize) -> Result<Vec<(Party, Message)>, Fault> {
        let messages = self.gather().await?;
        messages
            .into_iter()
            .map(|(from, message)| Ok((from, message.expect_length(from, length)?)))
            .collect()
    }

    /// Begins a round. The meter and the progress report name it `name` from here on.
    pub fn begin_round(&self, name: &'static str) {
        self.exchange.borrow_mut().begin_round(name, Stage::Online);
    }

    /// Begins a round of preprocessing: like [`Self::begin_round`], but counted as
    /// [`Stage::Preparation`]. Nothing that is sent in it may depend on any party's data.
    pub fn begin_preparation(&self, name: &'static str) {
        self.exchange.borrow_mut().begin_round(name, Stage::Preparation);
    }

    /// Enters another phase of the computation.
    pub fn enter(&self, phase: Phase) {
        self.exchange.borrow_mut().enter(phase);
    }

    /// Binds every message from here on to the agreed session, in both directions. Its tag is keyed
    /// with a key of the pair that it goes between.
    pub(crate) fn bind(&self, keys: TagKeys) {
        self.exchange.borrow_mut().bind(keys);
    }

    /// Lets messages of these lengths wait here from each party, beside the usual bound. Call it
    /// before any message that lets a peer send them: until then no peer can make this party keep
    /// them. Of several calls the one with most bytes holds.
    pub(crate) fn make_room(&self, lengths: &[usize]) {
        self.exchange.borrow_mut().make_room(lengths);
    }

    /// Opens the windows of one step, whose messages have public lengths (see
    /// [`crate::kernel::flow`]). Grants each party of `incoming` credit for messages of so many
    /// bytes, and awaits credit of each of `outgoing`. Messages of up to
    /// [`SMALL_MESSAGE`](crate::kernel::flow::SMALL_MESSAGE) bytes take none.
    ///
    /// Both ends of a link call it at the same place among their messages, before the first message
    /// of the step, with the same lengths.
    pub(crate) async fn open_windows(
        &self,
        incoming: &[(Party, usize)],
        outgoing: &[(Party, usize)],
    ) -> Result<(), Fault> {
        for (from, length) in incoming {
            let is_due = self.exchange.borrow_mut().open_incoming(*from, *length);
            if is_due {
                self.send(*from, Bytes::new());
            }
        }
        for (to, length) in outgoing {
            let waits = self.exchange.borrow_mut().open_outgoing(*to, *length);
            if waits {
                self.receive_exactly(*to, 0).await?;
            }
        }
        Ok(())
    }

    /// Opens the windows of a step that exchanges messages of `length` bytes with each of `parties`.
    pub(crate) async fn open_both_windows(
        &self,
        parties: impl IntoIterator<Item = Party>,
        length: usize,
    ) -> Result<(), Fault> {
        let both: Vec<_> = parties.into_iter().map(|party| (party, length)).collect();
        self.open_windows(&both, &both).await
    }

    /// Lets nothing be revealed from here on but these entries.
    pub(crate) fn list(&self, reveals: &'static [Reveal]) {
        self.exchange.borrow_mut().list(reveals);
    }

    /// Names what the next step shows to other members. Every step that opens a value calls it
    /// before anything is sent.
    ///
    /// # Errors
    /// If the function's list does not have the entry.
    pub(crate) fn reveal(&self, reveal: Reveal) -> Result<(), Fault> {
        if self.exchange.borrow_mut().reveal(reveal) {
            Ok(())
        } else {
            Err(Fault::Internal("what is revealed is in the function's list"))
        }
    }

    /// Returns the entries that were revealed, each once.
    pub(crate) fn revealed(&self) -> Vec<Reveal> {
        self.exchange.borrow().revealed().to_vec()
    }

    /// Records the agreement, which the machine's driver may read from here on.
    pub(crate) fn agreed(&self, agreed: Agreed) {
        self.exchange.borrow_mut().agree(agreed);
    }

    async fn await_message(&self, awaited: &[Party], from: Party) -> Result<Message, Fault> {
        poll_fn(|_| match self.exchange.borrow_mut().take(awaited, from) {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        })
        .await
    }
}
