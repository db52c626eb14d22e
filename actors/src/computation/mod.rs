//! One computation: drives a protocol machine over the links to the other parties, and owns its
//! deadline.
//!
//! Its life is one enum with one transition function. A small computation lives with the links on
//! the data plane's thread, a big one on a worker's, so that its arithmetic holds up nobody's
//! frames.

mod tracer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle};
use cloister_protocols::computation::{Outcome, Request, compute};
use cloister_protocols::disclosure::Rules;
use cloister_protocols::fault::Fault;
use cloister_protocols::machine::{Awaiting, Machine, Part, Phase, Setting, Step};
use cloister_protocols::pairwise::Stores;
use cloister_protocols::party::Party;
use cloister_protocols::session::{Agreed, AuditHead, Offer};
use cloister_protocols::wire::SessionId;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::sync::oneshot;
use tracing::field::Empty;
use tracing::{Level, Span};

use self::tracer::Tracer;
use crate::links::{CpuTime, SendStop, Transmit};
use crate::progress::{Lifecycle, Reporter};
use crate::vocabulary::failure::{Failure, StopNotice, describe};
use crate::vocabulary::label::{Cost, Disclosure, Report};
use crate::vocabulary::trace::Trace;

/// Parts of messages that may wait while a long step of the arithmetic runs; what they hold is
/// bounded by the machine.
const MAILBOX: usize = 1_024;

/// Everything that a computation needs, ready to move to its thread.
pub struct Plan {
    /// What the parties have to agree on.
    pub offer: Offer,
    /// What this party brings, checked and encoded.
    pub request: Request,
    /// Who computes, and how they know each other's links.
    pub setting: Setting,
    /// The way to each other party, by party.
    pub routes: Vec<(Party, Route)>,
    /// What this node has made ahead with others.
    pub stores: Stores,
    /// Whether no client asked for it, and nobody but who looks for it is to read of it.
    pub quiet: bool,
    /// The parties' names in the agreed order.
    pub members: Vec<String>,
    /// The name of this node's disclosure profile.
    pub profile: &'static str,
    /// When the request came.
    pub started: Instant,
    /// Where the end goes.
    pub reply: oneshot::Sender<Conclusion>,
    /// Where others can see how far it is.
    pub reporter: Reporter,
    /// How long the data took to be encoded, if the report is to say what took how long.
    pub trace: Option<Duration>,
    /// The right to compute under this network name: dropped at the end, before the client hears.
    pub guard: Box<dyn Send>,
}

/// How a computation has ended.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The result, or why there is none.
    pub result: Result<Arc<Report>, Failure>,
    /// What the parties had agreed on, if they had come so far.
    pub agreement: Option<Agreement>,
}

/// What the parties have agreed on, for the audit log.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The hash of all proposals.
    pub session: String,
    /// The rules that hold.
    pub rules: Rules,
    /// For each rule the member whose rule holds.
    pub decided_by: BTreeMap<&'static str, String>,
    /// Each member's head of its audit chain, ours among them.
    pub heads: Vec<(String, AuditHead)>,
}

/// The way to another party.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its link.
    pub link: Recipient<Transmit>,
    /// The same link, for telling that the session has ended.
    pub stop: Recipient<SendStop>,
    /// Which connection of that link.
    pub epoch: u64,
    /// The time in which the link works.
    pub cpu_time: CpuTime,
}

/// The actor.
pub struct Computation {
    ending: Option<Ending>,
    session: SessionId,
    routes: Vec<(Party, Route)>,
    members: Vec<String>,
    machine: Machine<Outcome>,
    lifecycle: Lifecycle,
    reporter: Reporter,
    started: Instant,
    deadline: Duration,
    timer: Option<SpawnHandle>,
    tracer: Option<Tracer>,
    quiet: bool,
    span: Span,
}

/// What is used up when the computation ends.
struct Ending {
    offer: Offer,
    profile: &'static str,
    reply: oneshot::Sender<Conclusion>,
    guard: Box<dyn Send>,
}

/// Part of a message from a party has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// From whom.
    pub from: Party,
    /// The part.
    pub part: Part,
}

/// A party has ended the session.
#[derive(Debug)]
pub struct PeerStopped {
    /// Which party.
    pub from: Party,
    /// Why.
    pub notice: Box<StopNotice>,
}

/// The computation cannot go on, for a reason from outside.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Abort {
    /// The link to a party is lost.
    LinkLost {
        /// Which party.
        party: Party,
        /// Why.
        reason: String,
    },
    /// A party has ended the session.
    Stopped(PeerStopped),
    /// Any other reason.
    Because(Failure),
}

impl Computation {
    /// A computation that begins when its actor starts. Make it on the thread that it lives on.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let Plan { offer, request, setting, routes, members, profile, .. } = plan;
        let Plan { started, reply, reporter, trace, guard, stores, quiet, .. } = plan;
        let session = setting.session;
        let span = span(session, &offer.spec.function, quiet);
        let deadline = Duration::from_millis(offer.deadline_ms);
        let proposed = offer.clone();
        reporter.reached(Lifecycle::Agreeing);
        let machine = Machine::new(setting, move |channel| {
            compute(channel, proposed, request, stores, UnwrapErr(SysRng))
        });
        let cpu_times = routes.iter().map(|(_, route)| route.cpu_time.clone()).collect();
        let tracer = trace.map(|encoding| Tracer::new(encoding, cpu_times));
        if let Some(tracer) = &tracer {
            machine.lend_clock(tracer.clock());
        }
        Self {
            ending: Some(Ending { offer, profile, reply, guard }),
            session,
            routes,
            members,
            machine,
            lifecycle: Lifecycle::Agreeing,
            reporter,
            started,
            deadline,
            timer: None,
            tracer,
            quiet,
            span,
        }
    }

    /// Lets the protocol go on as far as it can, and sends what it wants sent.
    fn advance(&mut self, context: &mut Context<Self>) {
        if self.ending.is_none() {
            return;
        }
        let step = self.machine.step();
        self.flush();
        match step {
            Step::Waiting(awaiting) => self.waiting(&awaiting, context),
            Step::Ended(Ok(outcome)) => self.succeed(outcome, context),
            Step::Ended(Err(fault)) => self.fault(fault, context),
        }
    }

    fn flush(&mut self) {
        let session = self.session;
        for message in self.machine.outgoing() {
            let route = self.routes.iter().find(|(party, _)| *party == message.to);
            let Some((_, route)) = route else { continue };
            // What a protocol sends is bounded by the protocol, and the mailbox never refuses: a
            // closed one means that the node is stopping.
            route.link.do_send(Transmit { session, epoch: route.epoch, message });
        }
    }

    fn waiting(&mut self, awaiting: &Awaiting, context: &mut Context<Self>) {
        self.transition(match awaiting.phase {
            Phase::Agreeing => Lifecycle::Agreeing,
            Phase::Running => Lifecycle::Running { round: awaiting.round },
            Phase::Opening => Lifecycle::Opening,
        });
        self.reporter.awaits(awaiting);
        let agreed = self.machine.agreed().map(|agreed| Duration::from_millis(agreed.deadline_ms));
        if let Some(agreed) = agreed
            && agreed < self.deadline
        {
            self.deadline = agreed;
            self.arm(context);
        }
    }

    /// The one place where the life of a computation moves on. It never moves back.
    fn transition(&mut self, next: Lifecycle) {
        if self.lifecycle == next {
            return;
        }
        debug_assert!(self.lifecycle.may_become(next), "{:?} to {next:?}", self.lifecycle);
        tracing::debug!(parent: &self.span, from = ?self.lifecycle, to = ?next, "lifecycle");
        self.lifecycle = next;
        self.reporter.reached(next);
    }

    fn arm(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        let left = self.deadline.saturating_sub(self.started.elapsed());
        self.timer = Some(context.run_later(left, |computation, context| {
            computation.time_is_up(context);
        }));
    }

    fn time_is_up(&mut self, context: &mut Context<Self>) {
        let awaiting = self.machine.awaiting();
        let failure = Failure::Deadline {
            parties: awaiting.parties.iter().map(|party| self.name(*party)).collect(),
            awaited: describe(&awaiting),
            milliseconds: u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
            detail: None,
        };
        self.fail(failure, context);
    }

    fn fault(&mut self, fault: Fault, context: &mut Context<Self>) {
        let failure = Failure::Protocol(fault, self.members.clone());
        self.fail(failure, context);
    }

    fn succeed(&mut self, outcome: Outcome, context: &mut Context<Self>) {
        self.transition(Lifecycle::Done);
        let Some(ending) = self.ending.take() else {
            return;
        };
        let cost = self.cost();
        let (rounds, bytes, seconds) = (cost.rounds, cost.bytes_sent, cost.seconds);
        match self.quiet {
            true => tracing::debug!(parent: &self.span, rounds, bytes, seconds, "done"),
            false => tracing::info!(parent: &self.span, rounds, bytes, seconds, "done"),
        }
        self.span.record("rounds", rounds).record("bytes", bytes);
        let report = Report {
            inputs: outcome.parties,
            precision: outcome.answer.get().precision(),
            result: outcome.answer,
            security: outcome.security,
            disclosure: Disclosure {
                profile: ending.profile,
                rules: outcome.rules,
                decided_by: outcome.decided_by,
            },
            dropped: outcome.dropped,
            cost,
            session: outcome.session.to_string(),
            trace: self.trace(),
        };
        self.finish(ending, Ok(Arc::new(report)), context);
    }

    fn fail(&mut self, failure: Failure, context: &mut Context<Self>) {
        self.transition(Lifecycle::Failed);
        if let Some(ending) = self.ending.take() {
            self.tell_peers(&ending, &failure);
            self.finish(ending, Err(failure), context);
        }
    }

    fn tell_peers(&self, ending: &Ending, failure: &Failure) {
        match self.quiet {
            true => tracing::debug!(parent: &self.span, code = failure.code().text(), "failed"),
            false => tracing::warn!(parent: &self.span, code = failure.code().text(), "failed"),
        }
        self.span.record("otel.status_description", failure.code().text());
        let spec = &ending.offer.spec;
        let name = (spec.network.as_str(), spec.run, spec.members.as_slice());
        let notice = failure.to_notice(name, spec.run.saturating_add(1));
        let Some(notice) = notice.encoded() else { return };
        for (_, route) in &self.routes {
            // One small message a party: nothing to bound; a closed mailbox means that the node
            // is stopping, and its links with it.
            route.stop.do_send(SendStop { session: self.session, notice: notice.clone() });
        }
    }

    fn finish(
        &mut self,
        ending: Ending,
        result: Result<Arc<Report>, Failure>,
        context: &mut Context<Self>,
    ) {
        ending.give(Conclusion { result, agreement: self.agreement() });
        context.stop();
    }

    fn agreement(&self) -> Option<Agreement> {
        let Agreed { session, rules, decided_by, audit, .. } = self.machine.agreed()?;
        let heads = audit.into_iter().map(|(party, head)| (self.name(party), head)).collect();
        Some(Agreement { session: session.to_string(), rules, decided_by, heads })
    }

    fn trace(&self) -> Option<Trace> {
        let tracer = self.tracer.as_ref()?;
        Some(tracer.finish(self.machine.trace()?))
    }

    fn cost(&self) -> Cost {
        Cost::new(&self.machine.meter(), self.started.elapsed())
    }

    fn name(&self, party: Party) -> String {
        self.members.get(party.index()).cloned().unwrap_or_else(|| party.to_string())
    }
}

/// What all that is logged of a computation belongs to, and what a collector sees of it: nothing that
/// depends on a value other than by how long it takes.
///
/// The fields that are empty here are told at the end, after the last line of the log, which has them
/// already. `otel.status_description` is what OpenTelemetry calls the reason of a failure.
fn span(session: SessionId, function: &str, quiet: bool) -> Span {
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                $level,
                "computation",
                %session,
                function,
                rounds = Empty,
                bytes = Empty,
                otel.status_description = Empty,
            )
        };
    }
    match quiet {
        true => span!(Level::DEBUG),
        false => span!(Level::INFO),
    }
}

impl Ending {
    /// Ends it: first for this node, so that the client can ask again as soon as it hears.
    fn give(self, conclusion: Conclusion) {
        drop(self.guard);
        // The client may have gone.
        let _ = self.reply.send(conclusion);
    }
}

impl From<Failure> for Conclusion {
    /// The end of what has not come to an agreement.
    fn from(failure: Failure) -> Self {
        Self { result: Err(failure), agreement: None }
    }
}

impl Actor for Computation {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
        self.arm(context);
        self.advance(context);
    }

    /// A computation that did not end but was ended, by a panic or with its thread, still tells
    /// everybody.
    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(ending) = self.ending.take() {
            self.tell_peers(&ending, &Failure::Broken);
            ending.give(Failure::Broken.into());
        }
    }
}

impl Handler<Deliver> for Computation {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, context: &mut Self::Context) {
        if self.ending.is_none() {
            return;
        }
        match self.machine.deliver(deliver.from, deliver.part) {
            Ok(()) => self.advance(context),
            Err(fault) => self.fault(fault, context),
        }
    }
}

impl Handler<Abort> for Computation {
    type Result = ();

    fn handle(&mut self, abort: Abort, context: &mut Self::Context) {
        let failure = match abort {
            Abort::Because(failure) => failure,
            Abort::Stopped(PeerStopped { from, notice }) => {
                Failure::Stopped { party: self.name(from), notice }
            }
            Abort::LinkLost { party, reason } => Failure::LinkLost {
                party: self.name(party),
                during: describe(&self.machine.awaiting()),
                reason,
            },
        };
        self.fail(failure, context);
    }
}
