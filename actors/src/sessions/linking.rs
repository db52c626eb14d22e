//! Links that come and go, and what that does to what waits for them and what runs over them.

use std::collections::BTreeMap;

use actix::{Addr, Handler, Message};

use super::{Link, Pace, Sessions};
use crate::computation::Abort;
use crate::links::{CheckPin, LinkDown, LinkUp, PeerLink};
use crate::vocabulary::clock;
use crate::vocabulary::consortium::Renewed;

/// Of two members the one that stands earlier in the consortium file dials.
const NOT_CALLED: &str = "it has not connected yet, and of the two it is the one to dial: see that its \
                          node runs, and what its log or its dashboard says of this node";

/// Gives the sessions the links.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect(pub BTreeMap<usize, Addr<PeerLink>>);

impl Handler<Connect> for Sessions {
    type Result = ();

    fn handle(&mut self, Connect(links): Connect, _: &mut Self::Context) {
        for (position, address) in links {
            let problem = match position < self.me {
                true => NOT_CALLED,
                false => "not connected yet",
            };
            let (up, last_boot, pace) = (None, None, Pace::default());
            let (problem, since, attempts) = (problem.into(), clock::milliseconds(), 0);
            let link = Link { address, up, last_boot, problem, since, attempts, pace };
            self.links.insert(position, link);
        }
    }
}

impl Handler<LinkUp> for Sessions {
    type Result = ();

    fn handle(&mut self, up: LinkUp, context: &mut Self::Context) {
        if let Some(link) = self.links.get_mut(&up.position) {
            link.problem.clear();
            link.attempts = 0;
            link.since = clock::milliseconds();
            if link.last_boot.replace(up.boot) != Some(up.boot) {
                link.pace = Pace::default();
            }
            if let Some(before) = link.up.replace(up) {
                self.stores.forget(&before.binding);
            }
        }
        // Before what waits: it may have been asked for again under the same name since.
        self.tell_declined();
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting {
            if self.missing(waiting.launch.ticket.members()).is_empty() {
                self.start(waiting, context);
            } else {
                self.wait_for_links(waiting);
            }
        }
        self.answer_all(self.early.calls(), context);
    }
}

impl Handler<LinkDown> for Sessions {
    type Result = ();

    fn handle(&mut self, LinkDown { position, reason }: LinkDown, _: &mut Self::Context) {
        let Some(link) = self.links.get_mut(&position) else { return };
        link.problem.clone_from(&reason);
        link.attempts = link.attempts.saturating_add(1);
        let Some(up) = link.up.take() else { return };
        link.since = clock::milliseconds();
        self.stores.forget(&up.binding);
        self.early.forget_all(position);
        for running in self.running.values_mut() {
            if let Some(party) = running.party(position) {
                running.end(Abort::LinkLost { party, reason: reason.clone() });
            }
        }
        self.waiting.iter().for_each(|waiting| self.tell_missing(waiting));
    }
}

impl Handler<Renewed> for Sessions {
    type Result = ();

    fn handle(&mut self, Renewed(consortium): Renewed, _: &mut Self::Context) {
        self.consortium = consortium;
        for link in self.links.values() {
            // One message a renewal, which an operator asks for.
            link.address.do_send(CheckPin);
        }
    }
}
