//! Computations that somebody at this node no longer wants. The other members hear of it, and who wanted
//! it, so that nobody waits for the deadline.

use actix::{Context, Handler, Message};
use uuid::Uuid;

use super::{Decline, Launch, Sessions, Waiting};
use crate::computation::Abort;
use crate::vocabulary::failure::Failure;

/// Ends the computation of this name, if it waits for links or runs. One that has not come so far finds
/// out for itself, from its [`crate::progress::Reporter`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Cancel(pub Uuid);

impl Sessions {
    /// Ends what waits for links, or has just been asked for, because nobody wants it any more.
    pub(super) fn cancel_waiting(&mut self, waiting: Waiting) {
        let failure = self.cancelled();
        self.give_up(waiting, failure);
    }

    /// Ends what has not begun, and tells the other members why.
    pub(super) fn give_up(&mut self, waiting: Waiting, failure: Failure) {
        let Waiting { launch: Launch { ticket, .. }, reply } = waiting;
        self.decline_own(Decline { ticket, failure: Some(failure.clone()) });
        // The client may have gone.
        let _ = reply.send(failure.into());
    }

    fn cancelled(&self) -> Failure {
        Failure::Cancelled { member: self.name(self.me) }
    }
}

impl Handler<Cancel> for Sessions {
    type Result = ();

    fn handle(&mut self, Cancel(id): Cancel, _: &mut Context<Self>) {
        let failure = self.cancelled();
        let is_it = |waiting: &mut Waiting| waiting.launch.reporter.id() == id;
        let gone: Vec<Waiting> = self.waiting.extract_if(.., is_it).collect();
        gone.into_iter().for_each(|waiting| self.cancel_waiting(waiting));
        for running in self.running.values_mut().filter(|running| running.id == id) {
            running.end(Abort::Because(failure.clone()));
        }
    }
}
