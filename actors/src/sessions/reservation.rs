//! The right to compute under a network name, which belongs to one run of the same members at a
//! time.
//!
//! A reservation is taken before a client's data are read, and given back when it is dropped, wherever
//! that happens. If a second request comes under the same name meanwhile, both end. The other nodes
//! could not tell them apart, and might add the data of the one to those of the other.

use actix::{Message, Recipient};

use super::rendezvous::RunId;
use crate::vocabulary::failure::Failure;

/// The longest name of a network in bytes.
pub const LONGEST_NAME: usize = 1_000;

/// The request for the right to compute with these members under this name.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Reservation, Failure>")]
pub struct Reserve {
    /// The members, by position in the consortium file, in the agreed order.
    pub members: Vec<usize>,
    /// The name that the clients gave to their network.
    pub network: String,
}

/// The right to compute under a network name.
#[derive(Debug)]
pub struct Reservation {
    run: RunId,
    reserve: Reserve,
    losses: u64,
    give_back: Recipient<GiveBack>,
}

/// The event that a reservation was dropped.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct GiveBack(pub(super) RunId);

impl Reservation {
    pub(super) fn new(
        run: RunId,
        reserve: Reserve,
        losses: u64,
        give_back: Recipient<GiveBack>,
    ) -> Self {
        Self { run, reserve, losses, give_back }
    }

    /// Returns the number of losses of this node's state at the reservation, before anything was
    /// decided about the request.
    pub(super) fn losses(&self) -> u64 {
        self.losses
    }

    pub(super) fn run(&self) -> RunId {
        self.run
    }

    /// Returns the members, by position in the consortium file, in the agreed order.
    #[must_use]
    pub fn members(&self) -> &[usize] {
        &self.reserve.members
    }

    /// Returns the network name.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.reserve.network
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // One message a reservation. A closed mailbox means that the node is stopping.
        self.give_back.do_send(GiveBack(self.run));
    }
}
