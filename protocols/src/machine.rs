//! Drives a protocol by hand, without an executor: bytes in, bytes out, a result or a fault at the
//! end.
//!
//! The same protocol code runs here under [`crate::simulation`] and under the actor that computes
//! with real peers. The future is not `Send`: a computation lives on the thread it was born on.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::channel::Channel;
use crate::exchange::Exchange;
pub use crate::exchange::{Awaiting, Outgoing, Part, Phase};
use crate::fault::Fault;
use crate::meter::Meter;
use crate::party::{Parties, Party};
use crate::wire::SessionId;

/// What a machine needs to know of the outside.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Who computes, and which of them we are.
    pub parties: Parties,
    /// The session's name before anything is agreed.
    pub session: SessionId,
    /// For each party by index, a value bound to the link with it; ours is ignored.
    pub link_bindings: Vec<[u8; 32]>,
    /// The most bytes that may wait here from one party.
    pub limit: usize,
}

/// A protocol on its way.
pub struct Machine<T> {
    future: Pin<Box<dyn Future<Output = Result<T, Fault>>>>,
    exchange: Rc<RefCell<Exchange>>,
}

/// How far a machine came.
#[derive(Debug)]
pub enum Step<T> {
    /// It waits for messages.
    Waiting(Awaiting),
    /// It has ended; it must not be stepped again.
    Ended(Result<T, Fault>),
}

impl<T> Machine<T> {
    /// A machine that runs `protocol` from its first [`Machine::step`] on.
    pub fn new<P, F>(setting: Setting, protocol: P) -> Self
    where
        P: FnOnce(Channel) -> F,
        F: Future<Output = Result<T, Fault>> + 'static,
    {
        let Setting {
            parties,
            session,
            link_bindings,
            limit,
        } = setting;
        let exchange = Exchange::new(parties, session, link_bindings, limit);
        let exchange = Rc::new(RefCell::new(exchange));
        let future = Box::pin(protocol(Channel::new(parties, Rc::clone(&exchange))));
        Self { future, exchange }
    }

    /// Runs the protocol until it waits or ends.
    pub fn step(&mut self) -> Step<T> {
        let mut context = Context::from_waker(Waker::noop());
        match self.future.as_mut().poll(&mut context) {
            Poll::Pending => Step::Waiting(self.awaiting()),
            Poll::Ready(result) => Step::Ended(result),
        }
    }

    /// Hands in a part of a message that `from` has sent.
    ///
    /// # Errors
    /// If the part is not the next one from `from`, or too much waits already. The computation
    /// cannot go on then.
    pub fn deliver(&mut self, from: Party, part: Part) -> Result<(), Fault> {
        self.exchange.borrow_mut().deliver(from, part)
    }

    /// The messages to be sent, oldest first. Each is given out once.
    pub fn outgoing(&mut self) -> VecDeque<Outgoing> {
        self.exchange.borrow_mut().drain_outbox()
    }

    /// Gives `message`, which the simulation has changed, the tag that a party that cheats would
    /// give it: it knows all that honest tags are made from.
    pub(crate) fn retag(&self, message: &mut Outgoing) {
        self.exchange.borrow().retag(message);
    }

    /// Who computes, and which of them we are.
    #[must_use]
    pub fn parties(&self) -> Parties {
        self.exchange.borrow().parties()
    }

    /// What the protocol waits for.
    #[must_use]
    pub fn awaiting(&self) -> Awaiting {
        self.exchange.borrow().awaiting()
    }

    /// The time that all parties agreed to end within, in milliseconds from the start.
    #[must_use]
    pub fn agreed_deadline_ms(&self) -> Option<u64> {
        self.exchange.borrow().deadline_ms()
    }

    /// What the run has cost so far.
    #[must_use]
    pub fn meter(&self) -> Ref<'_, Meter> {
        Ref::map(self.exchange.borrow(), Exchange::meter)
    }
}
