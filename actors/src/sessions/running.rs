//! Computations under way, and the connections that they go over.

use std::future::Future;
use std::pin::Pin;

use actix::dev::SendError;
use actix::{Actor, Addr, Context};
use cloister_protocols::wire::SessionId;
use uuid::Uuid;

use super::rendezvous::{Cause, Origin, RunId};
use super::{Sessions, Waiting};
use crate::computation::{Abort, Computation, Deliver, EarlyEnd};
use crate::vocabulary::failure::Failure;

/// The most words of a request that is computed on the sessions' own thread. Masking and hashing
/// more of them would hold up the links.
const SMALL_WORDS: usize = 32 << 10;

/// The delivery of a part, which waits for room in a mailbox.
pub(super) type Delivery = Pin<Box<dyn Future<Output = ()>>>;

/// A computation that has begun and not ended.
pub(super) struct Running {
    /// The computation's name at this node.
    pub(super) id: Uuid,
    pub(super) address: Addr<Computation>,
    pub(super) early_end: EarlyEnd,
    pub(super) members: Vec<usize>,
    /// The link binding of each member's connection, in order.
    pub(super) bindings: Vec<[u8; 32]>,
}

impl Sessions {
    /// Returns the request that a run computes, and its cause.
    pub(super) fn request(
        &mut self,
        run: RunId,
        number: u64,
        origin: Origin,
        context: &mut Context<Self>,
    ) -> Option<(Waiting, Cause)> {
        match origin {
            Origin::Client => Some((self.requests.remove(&run)?, Cause::Client)),
            Origin::Call { position, members, spec, request } => {
                let waiting = self.called(run, position, members, &spec, *request, context);
                Some((waiting, Cause::Call(position)))
            }
            Origin::Ahead { members, request } => {
                tracing::trace!(number, "something is preprocessed");
                Some((self.begun_ahead(run, members, *request, context), Cause::Ahead))
            }
        }
    }

    /// Starts the computation of a run whose links are all there.
    pub(super) fn begin(
        &mut self,
        run: RunId,
        session: SessionId,
        number: u64,
        waiting: Waiting,
        cause: Cause,
    ) {
        let launch = &waiting.launch;
        launch.reporter.has_run(number);
        let id = launch.reporter.id();
        let members = launch.reservation.members().to_vec();
        let small = launch.request.words() <= SMALL_WORDS;
        let quiet = cause == Cause::Ahead;
        // Without a plan the reservation is dropped, which ends the run.
        let Some(plan) = self.plan(waiting, session, number, quiet) else { return };
        let early_end = plan.farewell.early_end();
        let address = match self.workers.next(small) {
            None => Computation::new(plan).start(),
            Some(worker) => Computation::start_in_arbiter(&worker, move |_| Computation::new(plan)),
        };
        let bindings = self.link_bindings(&members);
        self.computations.insert(run, Running { id, address, early_end, members, bindings });
    }

    /// Gives part of a message to a computation. Returns the delivery to wait for if its mailbox is
    /// full.
    pub(super) fn deliver(&self, run: RunId, deliver: Deliver) -> Option<Delivery> {
        let running = self.computations.get(&run)?;
        match running.address.try_send(deliver) {
            Ok(()) | Err(SendError::Closed(_)) => None,
            Err(SendError::Full(deliver)) => {
                let delivered = running.address.send(deliver);
                Some(Box::pin(async {
                    // A computation that has ended takes nothing more.
                    let _ = delivered.await;
                }))
            }
        }
    }

    /// Tells a computation that it cannot go on.
    pub(super) fn abort(&self, run: RunId, abort: Abort) {
        if let Some(running) = self.computations.get(&run) {
            // One message a computation, which ends it: nothing to bound. A closed mailbox means
            // that it has ended.
            running.address.do_send(abort);
        }
    }

    /// Ends all computations because the node stops, also those that are amid a step.
    pub(super) fn end_all(&self) {
        for running in self.computations.values() {
            running.early_end.end(&Failure::Stopping);
        }
    }

    /// Forgets the correlations that a computation may have made over a connection that is gone.
    pub(super) fn forget_what_is_lost(&self, ended: &Running) {
        for (position, binding) in ended.members.iter().zip(&ended.bindings) {
            let up = self.links.get(position).and_then(|link| link.up.as_ref());
            if *position != self.me && up.is_none_or(|up| up.binding != *binding) {
                self.stores.forget(binding);
            }
        }
    }
}
