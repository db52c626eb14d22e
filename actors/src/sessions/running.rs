//! What is under way: a computation of this node, who wants it, and the connections that it goes over.

use std::collections::BTreeSet;

use actix::Addr;
use cloister_protocols::party::Party;
use uuid::Uuid;

use super::Sessions;
use super::numbers::Group;
use crate::computation::{Abort, Computation};

/// A computation that has begun and not ended.
pub(super) struct Running {
    /// Its name at this node.
    pub(super) id: Uuid,
    pub(super) address: Addr<Computation>,
    pub(super) network: String,
    pub(super) members: Vec<usize>,
    /// Of its link with each of them, in order, what the connection was bound to.
    pub(super) bindings: Vec<[u8; 32]>,
    pub(super) group: Group,
    pub(super) run: u64,
    pub(super) cause: Cause,
    /// The members that something has come from, by position.
    pub(super) heard: BTreeSet<usize>,
    /// It was told to end; it need not be told again.
    pub(super) ending: bool,
}

/// Who wants a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Our own client.
    Client,
    /// The member at this position, whose proposal called us to help.
    Call(usize),
    /// Nobody yet: it makes something ahead.
    Ahead,
}

impl Sessions {
    /// How many computations are under way that somebody wants.
    pub(super) fn wanted(&self) -> usize {
        self.running.values().filter(|running| running.cause != Cause::Ahead).count()
    }

    /// What ran over a connection that is gone may have put something by after it went.
    pub(super) fn forget_what_is_lost(&self, ended: &Running) {
        let up = |position: &usize| self.links.get(position)?.up.as_ref();
        for (position, binding) in ended.members.iter().zip(&ended.bindings) {
            if *position != self.me && up(position).is_none_or(|up| up.binding != *binding) {
                self.stores.forget(binding);
            }
        }
    }
}

impl Running {
    pub(super) fn party(&self, position: usize) -> Option<Party> {
        self.members.iter().position(|member| *member == position).and_then(Party::new)
    }

    /// Tells the computation once that it cannot go on.
    pub(super) fn end(&mut self, abort: Abort) {
        if !self.ending {
            self.ending = true;
            // One message a computation, which ends it: nothing to bound. A closed mailbox means
            // that it has ended.
            self.address.do_send(abort);
        }
    }
}
