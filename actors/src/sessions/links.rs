//! Links that come and go, and the stop notices that go over them.

use std::collections::BTreeMap;

use actix::{Addr, Context, Handler, Message};
use cloister_protocols::wire::SessionId;

use super::rendezvous::Event;
use super::{PeerLink, Sessions};
use crate::links::{CheckPin, LinkDown, LinkUp, SendStop};
use crate::vocabulary::clock;
use crate::vocabulary::consortium::Renewed;
use crate::vocabulary::failure::StopNotice;

/// The reason for a missing link that the other member dials: of two members the one that stands
/// earlier in the consortium file dials.
const NOT_CALLED: &str = "it has not connected yet, and of the two it is the one to dial: see that its \
                          node runs, and what its log or its dashboard says of this node";

/// The command that gives the sessions their links.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect(pub BTreeMap<usize, Addr<PeerLink>>);

/// The link to a member.
pub(super) struct Link {
    pub(super) address: Addr<PeerLink>,
    pub(super) up: Option<LinkUp>,
    /// The time since which it is up or down, in milliseconds since 1970.
    pub(super) since: u64,
    /// The number of failed attempts since it was up last.
    pub(super) attempts: u64,
}

impl Sessions {
    pub(super) fn send_stop(&self, position: usize, session: SessionId, notice: &StopNotice) {
        let Some(link) = self.links.get(&position) else { return };
        let Some(notice) = notice.encoded() else { return };
        // One small message for each message of the peer's that does not fit, and the link keeps a
        // bounded number of them.
        link.address.do_send(SendStop { session, notice });
    }
}

impl Handler<Connect> for Sessions {
    type Result = ();

    fn handle(&mut self, Connect(links): Connect, context: &mut Context<Self>) {
        for (position, address) in links {
            let link = Link { address, up: None, since: clock::milliseconds(), attempts: 0 };
            self.links.insert(position, link);
            let reason = if position < self.me { NOT_CALLED } else { "not connected yet" };
            self.on(Event::LinkDown { position, reason: reason.to_owned() }, context);
        }
    }
}

impl Handler<LinkUp> for Sessions {
    type Result = ();

    fn handle(&mut self, up: LinkUp, context: &mut Context<Self>) {
        let (position, boot) = (up.position, up.boot);
        if let Some(link) = self.links.get_mut(&position) {
            link.attempts = 0;
            link.since = clock::milliseconds();
            if let Some(before) = link.up.replace(up) {
                self.stores.forget(&before.binding);
            }
        }
        self.on(Event::LinkUp { position, boot }, context);
    }
}

impl Handler<LinkDown> for Sessions {
    type Result = ();

    fn handle(&mut self, down: LinkDown, context: &mut Context<Self>) {
        let LinkDown { position, reason } = down;
        let Some(link) = self.links.get_mut(&position) else { return };
        link.attempts = link.attempts.saturating_add(1);
        if let Some(up) = link.up.take() {
            link.since = clock::milliseconds();
            self.stores.forget(&up.binding);
        }
        self.on(Event::LinkDown { position, reason }, context);
    }
}

impl Handler<Renewed> for Sessions {
    type Result = ();

    fn handle(&mut self, Renewed(consortium): Renewed, context: &mut Context<Self>) {
        self.consortium = consortium.clone();
        self.on(Event::Renewed(consortium), context);
        for link in self.links.values() {
            // One message a renewal, which only an operator starts.
            link.address.do_send(CheckPin);
        }
    }
}
