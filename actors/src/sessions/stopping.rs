//! The end of the node: first no computation begins any more, then those that run are ended.

use actix::{ActorContext, Context, Handler, Message};

use super::Sessions;
use super::rendezvous::Event;

/// The command to begin no computation any more: the node is about to stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// The command to end all computations: the node is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shutdown;

impl Handler<Close> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        self.on(Event::Close, context);
    }
}

impl Handler<Shutdown> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Shutdown, context: &mut Context<Self>) {
        self.on(Event::Shutdown, context);
        self.workers.stop();
        context.stop();
    }
}
