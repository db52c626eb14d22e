//! Computations that our own client has asked for and that this node does not take part in: its policy,
//! or what its data are, forbid it. The other members hear of it at once, or when they are connected.

use std::time::Instant;

use actix::{Context, Handler, Message};

use super::{Sessions, Ticket};
use crate::failure::Failure;

/// Ends what a ticket was reserved for before it has begun: this node will not take part.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decline(pub Ticket);

impl Sessions {
    /// Tells the other members of what we declined, so that they need not wait for us until their
    /// deadlines; those that are not connected yet when they are.
    pub(super) fn tell_declined(&mut self) {
        for (since, ticket) in std::mem::take(&mut self.declined) {
            self.tell_one_declined(since, ticket);
        }
    }

    fn tell_one_declined(&mut self, since: Instant, ticket: Ticket) {
        let (network, members) = (ticket.network().to_owned(), ticket.members().to_vec());
        if !self.missing(&members).is_empty() && since.elapsed() < self.deadline {
            self.declined.push((since, ticket));
            return;
        }
        let group = self.group(&network, &members);
        let failure = Failure::Declined { member: self.name(self.me) };
        self.tell_all(&network, &members, &group, &failure);
    }
}

impl Handler<Decline> for Sessions {
    type Result = ();

    fn handle(&mut self, Decline(ticket): Decline, _: &mut Context<Self>) {
        // More than there can be under way are not remembered: those others wait for their deadlines.
        if self.missing(ticket.members()).is_empty()
            || self.declined.len() < self.limits.computations
        {
            self.tell_one_declined(Instant::now(), ticket);
        }
    }
}
