//! Who computes under which network name: one computation of the same members at a time.
//!
//! A ticket is taken before a client's data is even read, and given back when it is dropped,
//! wherever that happens. If a second request comes under the same name meanwhile, both end: the
//! other nodes could not tell them apart, and might add the data of the one to those of the other.

use std::collections::HashMap;

use actix::{Message, Recipient};

use crate::vocabulary::failure::Failure;

/// The longest name of a network in bytes.
pub const LONGEST_NAME: usize = 1_000;

/// Asks for the right to compute with these members under this name.
#[derive(Debug, Message)]
#[rtype(result = "Result<Ticket, Failure>")]
pub struct Reserve {
    /// The members, by position in the consortium file, in the agreed order.
    pub members: Vec<usize>,
    /// How many of them, the last ones, compute on shares without data of their own.
    pub helpers: usize,
    /// The name that the clients gave to their network.
    pub network: String,
}

/// The right to compute.
#[derive(Debug)]
pub struct Ticket {
    reserve: Reserve,
    key: Key,
    number: u64,
    give_back: Recipient<GiveBack>,
}

/// A ticket was dropped.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct GiveBack {
    key: Key,
    number: u64,
}

/// All tickets that are out.
#[derive(Default)]
pub(super) struct Names {
    reserved: HashMap<Key, Reservation>,
    numbers: u64,
}

/// The name, and the members in no order.
pub(super) type Key = (String, Vec<usize>);

struct Reservation {
    number: u64,
    clashed: bool,
}

impl Names {
    /// A ticket, if none is out for the same name and members; else that one is of no use any more.
    pub(super) fn reserve(
        &mut self,
        reserve: Reserve,
        give_back: Recipient<GiveBack>,
    ) -> Result<Ticket, Failure> {
        let key = key(&reserve.network, &reserve.members);
        if let Some(reservation) = self.reserved.get_mut(&key) {
            reservation.clashed = true;
            return Err(Failure::Overlap { network: reserve.network });
        }
        self.numbers += 1;
        let number = self.numbers;
        self.reserved.insert(key.clone(), Reservation { number, clashed: false });
        Ok(Ticket { reserve, key, number, give_back })
    }

    /// Whether no ticket is out for these members under this name.
    pub(super) fn is_free(&self, network: &str, members: &[usize]) -> bool {
        !self.reserved.contains_key(&key(network, members))
    }

    /// Whether another request came under the ticket's name.
    pub(super) fn has_clashed(&self, ticket: &Ticket) -> bool {
        self.reserved.get(&ticket.key).is_none_or(|reservation| reservation.clashed)
    }

    pub(super) fn give_back(&mut self, ticket: &GiveBack) {
        if self.reserved.get(&ticket.key).is_some_and(|r| r.number == ticket.number) {
            self.reserved.remove(&ticket.key);
        }
    }
}

impl Ticket {
    /// The members, by position in the consortium file, in the agreed order.
    #[must_use]
    pub fn members(&self) -> &[usize] {
        &self.reserve.members
    }

    /// How many of the members, the last ones, compute on shares without data of their own.
    #[must_use]
    pub fn helpers(&self) -> usize {
        self.reserve.helpers
    }

    /// The network's name.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.reserve.network
    }

    pub(super) fn is_for(&self, network: &str, members: &[usize]) -> bool {
        self.key == key(network, members)
    }

    pub(super) fn clash(&self) -> Failure {
        Failure::Overlap { network: self.reserve.network.clone() }
    }
}

impl GiveBack {
    /// The network's name.
    pub(super) fn network(&self) -> &str {
        let (network, _) = &self.key;
        network
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // One message a ticket. A closed mailbox means that the node is stopping.
        self.give_back.do_send(GiveBack { key: self.key.clone(), number: self.number });
    }
}

/// Whether these are the same members, whatever their order.
pub(super) fn same_members(one: &[usize], other: &[usize]) -> bool {
    key("", one) == key("", other)
}

/// What a name belongs to.
pub(super) fn key(network: &str, members: &[usize]) -> Key {
    let mut members = members.to_vec();
    members.sort_unstable();
    (network.to_owned(), members)
}
