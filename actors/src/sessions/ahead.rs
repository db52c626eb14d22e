//! Preprocessing sessions: the table decides when one begins, and with which member.
//!
//! They use no party's data and open nothing. So their disclosure rules ask nothing, whatever the
//! node's profile, and the audit log has no entry of them.

use std::time::Instant;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::session::{AuditHead, Origin};
use tokio::sync::oneshot;

use super::rendezvous::{Event, RunId};
use super::{Conclusion, Launch, OWN_NETWORK, Reservation, Reserve, Sessions, Terms, Waiting};
use crate::progress::Reporter;

/// The question for the bytes of correlations that are kept.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct MadeAhead;

impl Sessions {
    /// Begins preprocessing with a member if few correlations are left with it and the node has
    /// little else to do.
    pub(super) fn make_ahead(&mut self, context: &mut Context<Self>) {
        if self.makes_ahead {
            let members = self.links.keys().copied();
            let wanted = members.filter(|position| self.wants_more(*position)).collect();
            self.on(Event::MakeAhead(wanted), context);
        }
    }

    /// Returns whether more correlations are to be made over the connection to this member.
    pub(super) fn wants_more(&self, position: usize) -> bool {
        let up = self.links.get(&position).and_then(|link| link.up.as_ref());
        self.makes_ahead && up.is_some_and(|up| self.stores.wants(&up.binding))
    }

    /// Makes the request of a preprocessing run.
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
        // Without data, and without an entry in the log before it.
        let (rules, audit) = (Profile::Teaching.rules(), AuditHead::default());
        let terms = Terms { rules, origin: Origin::None, audit, remembers: false };
        let reserve = Reserve { members, network: OWN_NETWORK.to_owned() };
        let give_back = context.address().recipient();
        let reservation = Reservation::new(run, reserve, self.losses(), give_back);
        let (started, reporter) = (Instant::now(), Reporter::unobserved());
        let turn = None;
        let launch = Launch { reservation, request, terms, turn, started, reporter, trace: None };
        Waiting { launch, reply }
    }
}

impl Handler<MadeAhead> for Sessions {
    type Result = usize;

    fn handle(&mut self, _: MadeAhead, _: &mut Self::Context) -> usize {
        self.stores.bytes()
    }
}
