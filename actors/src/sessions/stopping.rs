//! The end of the node: first nothing new is begun, then what runs is ended.

use actix::{ActorContext, Handler, Message};

use super::Sessions;
use crate::computation::Abort;
use crate::vocabulary::failure::Failure;

/// Takes no more computations: the node is about to stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// Ends all computations: the node is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shutdown;

impl Handler<Close> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        self.closing = true;
        for waiting in std::mem::take(&mut self.waiting) {
            self.give_up(waiting, Failure::Stopping);
        }
    }
}

impl Handler<Shutdown> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Shutdown, context: &mut Self::Context) {
        for running in self.running.values_mut() {
            running.end(Abort::Because(Failure::Stopping));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            waiting.refuse(Failure::Stopping);
        }
        self.workers.stop();
        context.stop();
    }
}
