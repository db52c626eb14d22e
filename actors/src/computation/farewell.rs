//! The end of a computation, as others hear of it. It comes whatever happens, a panic included.
//!
//! A computation may be amid a long step when its node stops. So its end can be told from outside,
//! too, by [`EarlyEnd`]. The first to tell it is heard, and the other tells nothing.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Recipient;
use cloister_protocols::session::Spec;
use cloister_protocols::wire::SessionId;
use tokio::sync::oneshot;

use super::{Agreement, Conclusion};
use crate::links::SendStop;
use crate::vocabulary::failure::Failure;

/// The duty to tell peers and client of the end of a computation. Dropping it says that the
/// computation broke off.
pub struct Farewell(EarlyEnd);

/// The means to end a computation for its peers and its client while it may be amid a step. A clone
/// is cheap.
#[derive(Clone)]
pub struct EarlyEnd(Arc<Mutex<Untold>>);

/// The parts of the end that were not told.
struct Untold {
    session: SessionId,
    spec: Spec,
    /// The ways to the peers, until they have been told.
    stops: Vec<Recipient<SendStop>>,
    /// The reply to the client, until it was given, and the right to compute under the name.
    reply: Option<(oneshot::Sender<Conclusion>, Box<dyn Send>)>,
    /// The agreement of the parties, once they have come so far.
    agreement: Option<Agreement>,
}

impl Farewell {
    pub(crate) fn new(
        session: SessionId,
        spec: Spec,
        stops: Vec<Recipient<SendStop>>,
        reply: oneshot::Sender<Conclusion>,
        guard: Box<dyn Send>,
    ) -> Self {
        let untold = Untold { session, spec, stops, reply: Some((reply, guard)), agreement: None };
        Self(EarlyEnd(Arc::new(Mutex::new(untold))))
    }

    /// Returns the means to tell the end from outside.
    pub(crate) fn early_end(&self) -> EarlyEnd {
        self.0.clone()
    }

    /// Remembers the agreement of the parties. From now on an answer may be opened.
    pub(super) fn agreed(&mut self, agreement: Option<Agreement>) {
        self.0.with(|untold| untold.agreement = agreement);
    }

    /// Returns whether the client has been told of the end.
    pub(super) fn is_over(&self) -> bool {
        self.0.with(|untold| untold.reply.is_none())
    }

    /// Tells the peers of a failure, and of the members that are awaited, once.
    pub(super) fn tell_peers(&mut self, failure: &Failure, awaits: Vec<String>) {
        self.0.with(|untold| untold.tell_peers(failure, awaits));
    }

    /// Gives the client the conclusion. Peers that were told nothing have ended by themselves.
    pub(super) fn give(self, conclusion: Conclusion) {
        self.0.reply_with(|_| conclusion);
    }
}

impl EarlyEnd {
    /// Ends the computation with this failure, if its end was not told.
    pub(crate) fn end(&self, failure: &Failure) {
        self.with(|untold| {
            if untold.reply.is_some() {
                untold.tell_peers(failure, Vec::new());
            }
        });
        self.reply_with(|agreement| Conclusion::of_begun(failure.clone(), agreement));
    }

    /// Replies once. The guard goes first, so that the client can ask again as soon as it reads the
    /// answer.
    fn reply_with(&self, conclusion: impl FnOnce(Option<Agreement>) -> Conclusion) {
        let taken = self.with(|untold| Some((untold.reply.take()?, untold.agreement.take())));
        let Some(((reply, guard), agreement)) = taken else { return };
        drop(guard);
        // The client may have gone.
        let _ = reply.send(conclusion(agreement));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Untold) -> T) -> T {
        // Each change is complete, or a message that a closed mailbox would have lost as well.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Untold {
    fn tell_peers(&mut self, failure: &Failure, awaits: Vec<String>) {
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
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.end(&Failure::Broken);
    }
}
