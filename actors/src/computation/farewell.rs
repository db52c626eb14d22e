//! The end of a computation, as others hear of it. It comes whatever happens, a panic included.

use actix::Recipient;
use cloister_protocols::session::Spec;
use cloister_protocols::wire::SessionId;
use tokio::sync::oneshot;

use super::Conclusion;
use crate::links::SendStop;
use crate::vocabulary::failure::Failure;

/// The duty to tell peers and client of the end of a computation. Dropping it says that the
/// computation broke off.
pub(super) struct Farewell {
    session: SessionId,
    spec: Spec,
    /// The ways to the peers, until they have been told.
    stops: Vec<Recipient<SendStop>>,
    /// The reply to the client, until it was given, and the right to compute under the name.
    reply: Option<(oneshot::Sender<Conclusion>, Box<dyn Send>)>,
}

impl Farewell {
    pub(super) fn new(
        session: SessionId,
        spec: Spec,
        stops: Vec<Recipient<SendStop>>,
        reply: oneshot::Sender<Conclusion>,
        guard: Box<dyn Send>,
    ) -> Self {
        Self { session, spec, stops, reply: Some((reply, guard)) }
    }

    /// Tells the peers of a failure, and of the members that are awaited, once.
    pub(super) fn tell_peers(&mut self, failure: &Failure, awaits: Vec<String>) {
        let spec = &self.spec;
        let next = spec.run.saturating_add(1);
        let notice =
            failure.to_notice(&spec.network, spec.run, spec.ids().cloned().collect(), next);
        let Some(notice) = notice.awaiting(awaits).encoded() else { return };
        for stop in self.stops.drain(..) {
            // One small message a party: nothing to bound. A closed mailbox means that the node is
            // stopping, and its links with it.
            stop.do_send(SendStop { session: self.session, notice: notice.clone() });
        }
    }

    /// Gives the client the conclusion. Peers that were told nothing have ended by themselves.
    pub(super) fn give(mut self, conclusion: Conclusion) {
        self.reply_with(conclusion);
    }

    /// Replies once. The guard goes first, so that the client can ask again as soon as it reads the
    /// answer.
    fn reply_with(&mut self, conclusion: Conclusion) {
        let Some((reply, guard)) = self.reply.take() else { return };
        drop(guard);
        // The client may have gone.
        let _ = reply.send(conclusion);
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if self.reply.is_some() {
            self.tell_peers(&Failure::Broken, Vec::new());
            self.reply_with(Conclusion::of_begun(Failure::Broken, None));
        }
    }
}
