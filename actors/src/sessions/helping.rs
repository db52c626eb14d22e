//! Computations that other members call us to: to compute on shares, without data of our own.
//!
//! No client asks for them. A proposal does, in which a member that brings data names us among the
//! helpers. So a helper's proposal alone starts nobody: helpers cannot keep each other busy. If this
//! node's settings allow it, we take part as the proposal says, in its very session. If the parties'
//! proposals differ, the agreement finds out, as it does among parties.
//!
//! A call that cannot be answered yet waits as any early proposal does, and ends with it: when its
//! sender stops or is lost. It waits for links, and for the ticket of its name: another run of the
//! same members, or a request of our own client, with which it will then disagree or not.
//!
//! A call that is declined is declined to its sender alone. Each party's proposal is a call, so that
//! each hears it from us, and from the others that heard it; and nobody can have us stop sessions of
//! which it is no member.
//!
//! The answer is none of our business: nobody is told it, or how far it is. The logs have the end.

use std::time::Instant;

use actix::{AsyncContext, Context};
use cloister_protocols::computation::Request;
use cloister_protocols::session::{MemberId, Origin, Spec};
use cloister_protocols::wire::SessionId;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::early::MOST_CALLS;
use super::{Cause, LONGEST_NAME, Launch, Reserve, Running, Sessions, Terms, Waiting};
use crate::computation::Conclusion;
use crate::log::{self, Kind, Log};
use crate::progress::Reporter;
use crate::vocabulary::failure::Failure;

/// Computations in which we help that the calls of one member may have begun and not ended: its
/// parties might never come, and each then lasts until the deadline.
const MOST_HELPED: usize = 64;

/// The longest proposal in bytes that is taken for a call: a thousand probabilities and 256 members
/// take less.
const LONGEST_CALL: usize = 64 << 10;

impl Sessions {
    /// Whether the member at `position`, which brings data, says that we are to help it.
    pub(super) fn is_call(&self, position: usize, spec: &Spec) -> bool {
        let Some((parties, helpers)) = spec.members.split_at_checked(spec.inputs()) else {
            return false;
        };
        let among = |position, members: &[MemberId]| {
            self.member(position).is_some_and(|member| members.contains(&member))
        };
        !helpers.is_empty() && among(self.me, helpers) && among(position, parties)
    }

    /// Whether a call is longer than any that an honest node makes. It is not even declined: what we
    /// propose, and what we tell others of it, would be as long.
    pub(super) fn is_too_long(proposal: &[u8], spec: &Spec) -> bool {
        proposal.len() > LONGEST_CALL || spec.network.len() > LONGEST_NAME
    }

    /// Declines a call for which there is no room to wait.
    pub(super) fn is_one_too_many(
        &mut self,
        position: usize,
        session: SessionId,
        spec: &Spec,
    ) -> bool {
        let full = self.early.is_full_of_calls(position);
        if full {
            let failure = Failure::Busy { limit: MOST_CALLS };
            self.stop_session(position, session, spec, spec.run.saturating_add(1), &failure);
        }
        full
    }

    /// Answers those of these calls whose time has come.
    pub(super) fn answer_all(
        &mut self,
        calls: Vec<(usize, SessionId)>,
        context: &mut Context<Self>,
    ) {
        for (position, session) in calls {
            self.answer(position, session, context);
        }
    }

    /// Answers a call that waits, if its time has come.
    pub(super) fn answer(
        &mut self,
        position: usize,
        session: SessionId,
        context: &mut Context<Self>,
    ) {
        let Some(spec) = self.early.spec(position, session).cloned() else { return };
        let Some(members) = self.exact_members(&spec) else { return };
        if !self.names.is_free(&spec.network, &members) {
            return;
        }
        match self.consent(position, &spec) {
            Err(failure) => {
                self.decline(position, session, &spec, spec.run.saturating_add(1), &failure);
            }
            Ok(request) if self.missing(&members).is_empty() => {
                self.help((position, session, spec), members, request, context);
            }
            Ok(_) => {}
        }
    }

    /// Our part in what a call proposes, if we take it.
    fn consent(&self, position: usize, spec: &Spec) -> Result<Request, Failure> {
        let member = self.name(self.me);
        if self.closing {
            return Err(Failure::Stopping);
        }
        if !self.committee.help {
            return Err(Failure::HelpRefused { member });
        }
        let helped = self.running.values().filter(|running| running.cause == Cause::Call(position));
        if helped.count() >= MOST_HELPED {
            return Err(Failure::Busy { limit: MOST_HELPED });
        }
        // Our own clients' computations have room whatever others want of us.
        let is_call = |running: &&Running| matches!(running.cause, Cause::Call(_));
        let called = self.running.values().filter(is_call);
        let limit = (self.limits.computations / 4).max(1);
        if called.count() >= limit {
            return Err(Failure::Busy { limit });
        }
        Request::to_help(spec).map_err(|reason| Failure::HelpImpossible { member, reason })
    }

    fn help(
        &mut self,
        (position, session, spec): (usize, SessionId, Spec),
        members: Vec<usize>,
        request: Request,
        context: &mut Context<Self>,
    ) {
        let group = self.group(&spec.network, &members);
        if group.session(spec.run) != session {
            // The caller knows a member by another run of its node than we do: one of the two is
            // about to lose that link and find it again, or the caller lies.
            return;
        }
        let first = self.numbers.first_to_come(&group);
        if spec.run < first {
            let failure = self.other_run(position, first, spec.run);
            return self.decline(position, session, &spec, first, &failure);
        }
        // For a client of ours that asks under this name later. A hint and no number of our own:
        // those are remembered for ever, and a peer could fill our memory with them.
        self.numbers.hint(position, &group, spec.run.saturating_add(1));
        let helpers = spec.members.len().saturating_sub(spec.inputs());
        let reserve = Reserve { members, helpers, network: spec.network.clone() };
        let Ok(ticket) = self.names.reserve(reserve, context.address().recipient()) else { return };
        let reporter = Reporter::unobserved();
        let (reply, end) = oneshot::channel();
        let (rules, audit) = (self.profile.rules(), self.log.head());
        let terms = Terms { rules, origin: Origin::None, audit };
        let started = Instant::now();
        let launch = Launch { ticket, request, terms, started, reporter, trace: None };
        let waiting = Waiting { launch, reply };
        let account = json!({
            "member": self.name(position),
            "function": spec.function,
            "parameters": spec.parameters,
            "members": spec.members.iter().map(|member| &member.name).collect::<Vec<_>>(),
        });
        actix::spawn(write_down(self.log.clone(), account, end));
        self.begin(waiting, (group, spec.run), Cause::Call(position), context);
    }

    fn decline(
        &mut self,
        position: usize,
        session: SessionId,
        spec: &Spec,
        next_run: u64,
        failure: &Failure,
    ) {
        let peer = self.name(position);
        // Peers can have this written as often as they like.
        tracing::debug!(%peer, %session, code = failure.code().text(), "a call for help was declined");
        self.stop_session(position, session, spec, next_run, failure);
        self.early.forget(position, session);
    }

    /// The positions of a spec's members, if we know each of them just so, and each is there once.
    fn exact_members(&self, spec: &Spec) -> Option<Vec<usize>> {
        let positions = self.positions(&spec.members)?;
        let known = |(position, member): (&usize, &MemberId)| {
            self.member(*position).is_some_and(|ours| ours == *member)
        };
        let mut distinct = positions.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let exact = positions.iter().zip(&spec.members).all(known);
        (exact && distinct.len() == positions.len()).then_some(positions)
    }
}

/// Writes into the log whom this node has helped, when it has ended. No client waits for it.
async fn write_down(log: Log, mut account: Value, end: oneshot::Receiver<Conclusion>) {
    let Ok(conclusion) = end.await else { return };
    let code = conclusion.result.as_ref().err().map(Failure::code);
    if let Some(entry) = account.as_object_mut() {
        entry.insert("code".into(), json!(code));
        entry.insert("agreed".into(), json!(conclusion.agreement.as_ref().map(log::agreed)));
    }
    if let Err(error) = log.record(Kind::Helped, account).await {
        tracing::error!(%error, "whom this node helped could not be written down");
    }
}
