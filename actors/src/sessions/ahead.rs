//! Computations that make something ahead, of which the table decides when and with whom.
//!
//! They use nobody's data and open nothing: so their rules ask nothing, whatever the node's profile, and
//! nothing of them is in the audit log.

use std::time::Instant;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::session::{AuditHead, Origin};
use tokio::sync::oneshot;

use super::rendezvous::{Event, RunId};
use super::{Conclusion, Launch, OWN_NETWORK, Reserve, Sessions, Terms, Ticket, Waiting};
use crate::progress::Reporter;

/// Asks how many bytes of what was made ahead are kept.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct MadeAhead;

impl Sessions {
    /// Makes something ahead with a member whose stock with us is low, if there is little else to do.
    pub(super) fn make_ahead(&mut self, context: &mut Context<Self>) {
        if self.makes_ahead {
            let members = self.links.keys().copied();
            let wanted = members.filter(|position| self.wants_more(*position)).collect();
            self.on(Event::MakeAhead(wanted), context);
        }
    }

    /// Whether there is a connection over which more is to be made ahead.
    pub(super) fn wants_more(&self, position: usize) -> bool {
        let up = self.links.get(&position).and_then(|link| link.up.as_ref());
        self.makes_ahead && up.is_some_and(|up| self.stores.wants(&up.binding))
    }

    /// The request of a run that makes something ahead.
    pub(super) fn begun_ahead(
        &self,
        run: RunId,
        members: Vec<usize>,
        request: Request,
        context: &mut Context<Self>,
    ) -> Waiting {
        let (reply, ended) = oneshot::channel::<Conclusion>();
        if let [leader, position] = members.as_slice()
            && *leader == self.me
        {
            let position = *position;
            let ended = async { ended.await.is_ok_and(|conclusion| conclusion.result.is_ok()) };
            context.spawn(ended.into_actor(self).map(move |made, sessions, context| {
                sessions.on(Event::LedAhead { position, made }, context);
                sessions.make_ahead(context);
            }));
        }
        // Of no data, with no entry in the log before it.
        let (rules, audit) = (Profile::Teaching.rules(), AuditHead::default());
        let terms = Terms { rules, origin: Origin::None, audit };
        let reserve = Reserve { members, helpers: 0, network: OWN_NETWORK.to_owned() };
        let ticket = Ticket::new(run, reserve, context.address().recipient());
        let (started, reporter) = (Instant::now(), Reporter::unobserved());
        let launch = Launch { ticket, request, terms, started, reporter, trace: None };
        Waiting { launch, reply }
    }
}

impl Handler<MadeAhead> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: MadeAhead, _: &mut Self::Context) -> usize {
        self.stores.bytes()
    }
}
