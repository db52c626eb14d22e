//! Computations that call this node as helper. The table decides which of them it takes.
//!
//! The answer is none of this node's business: no client is told the answer or the progress. The
//! logs have the end.

use std::time::Instant;

use actix::{AsyncContext, Context};
use cloister_protocols::computation::Request;
use cloister_protocols::session::{Origin, Spec};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::rendezvous::RunId;
use super::{Launch, Reservation, Reserve, Sessions, Terms, Waiting};
use crate::computation::Conclusion;
use crate::log::{self, Kind, Log};
use crate::progress::Reporter;

impl Sessions {
    /// Makes the request of a run in which this node helps the member at `position`.
    pub(super) fn called(
        &self,
        run: RunId,
        position: usize,
        members: Vec<usize>,
        spec: &Spec,
        request: Request,
        context: &mut Context<Self>,
    ) -> Waiting {
        let (reply, end) = oneshot::channel();
        let names: Vec<String> = spec.ids().map(|member| member.name.clone()).collect();
        let account = json!({
            "member": self.name(position),
            "function": spec.function,
            "parameters": spec.parameters,
            "roles": log::roles(&names, request.roles()),
            "members": names,
        });
        actix::spawn(write_down(self.log.clone(), account, end));
        let reserve = Reserve { members, network: spec.network.clone() };
        let give_back = context.address().recipient();
        let reservation = Reservation::new(run, reserve, self.losses(), give_back);
        // Without a head the others remember none: a helper gives no data out.
        let (rules, audit) = (self.thresholds.rules(), self.log.head().unwrap_or_default());
        let terms = Terms { rules, origin: Origin::None, audit, remembers: false };
        let (started, reporter) = (Instant::now(), Reporter::unobserved());
        let turn = None;
        let launch = Launch { reservation, request, terms, turn, started, reporter, trace: None };
        Waiting { launch, reply }
    }
}

/// Writes into the log which member this node has helped, when the run has ended. No client waits
/// for it.
async fn write_down(log: Log, mut account: Value, end: oneshot::Receiver<Conclusion>) {
    let Ok(conclusion) = end.await else { return };
    let code = conclusion.result.as_ref().err().map(|failure| failure.code());
    if let Some(entry) = account.as_object_mut() {
        entry.insert("code".into(), json!(code));
        entry.insert("agreed".into(), json!(conclusion.agreement.as_ref().map(log::agreed)));
    }
    if let Err(error) = log.record(Kind::Helped, account).await {
        tracing::error!(%error, "whom this node helped could not be written down");
    }
}
