//! Computations that our own client has asked for and that this node does not take part in: its policy,
//! or what its data are, forbid it, or the client no longer wants it. The other members hear of it at once, or when they are connected.

use std::time::Instant;

use actix::{Context, Handler, Message};

use super::{Sessions, Ticket};
use crate::vocabulary::failure::Failure;

/// Ends what a ticket was reserved for before it has begun: this node will not take part.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Decline {
    /// What was reserved.
    pub ticket: Ticket,
    /// Why there will be none, if the other members are to hear more than that.
    pub failure: Option<Failure>,
}

/// What was declined, until all its members have heard of it.
pub(super) struct Declined {
    since: Instant,
    network: String,
    members: Vec<usize>,
    failure: Failure,
}

impl Sessions {
    /// Tells the other members of what we declined, so that they need not wait for us until their
    /// deadlines; those that are not connected yet when they are.
    pub(super) fn tell_declined(&mut self) {
        for declined in std::mem::take(&mut self.declined) {
            self.tell_one_declined(declined);
        }
    }

    /// Declines what a ticket was reserved for. The ticket is given back at once, so that the client can
    /// ask again under its name as soon as it hears.
    pub(super) fn decline_own(&mut self, Decline { ticket, failure }: Decline) {
        let failure = failure.unwrap_or_else(|| Failure::Declined { member: self.name(self.me) });
        let (network, members) = (ticket.network().to_owned(), ticket.members().to_vec());
        // More than there can be under way are not remembered: those others wait for their deadlines.
        if self.missing(&members).is_empty() || self.declined.len() < self.limits.computations {
            let since = Instant::now();
            self.tell_one_declined(Declined { since, network, members, failure });
        }
    }

    fn tell_one_declined(&mut self, declined: Declined) {
        let Declined { since, network, members, failure } = &declined;
        if !self.missing(members).is_empty() && since.elapsed() < self.deadline {
            self.declined.push(declined);
            return;
        }
        let group = self.group(network, members);
        self.tell_all(network, members, &group, failure);
    }
}

impl Handler<Decline> for Sessions {
    type Result = ();

    fn handle(&mut self, declined: Decline, _: &mut Context<Self>) {
        self.decline_own(declined);
    }
}
