//! A computation while its protocol runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, SpawnHandle};
use cloister_api::{Disclosure, Trace};
use cloister_protocols::computation::{Outcome, compute};
use cloister_protocols::fault::{Fault, Misbehaviour};
use cloister_protocols::machine::{Awaiting, Machine, Phase, Step};
use cloister_protocols::party::Party;
use cloister_protocols::session::Agreed;
use cloister_protocols::wire::SessionId;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use tracing::field::Empty;
use tracing::{Level, Span};

use super::farewell::Farewell;
use super::parting::{Found, Parting};
use super::tracer::Tracer;
use super::{
    Abort, Agreement, Computation, Conclusion, Deliver, PeerStopped, Plan, Route, TARGET, Witness,
};
use crate::links::Transmit;
use crate::progress::{Lifecycle, Reporter};
use crate::vocabulary::clock;
use crate::vocabulary::documents;
use crate::vocabulary::failure::{Failure, describe};
use crate::vocabulary::label::Report;
use crate::vocabulary::turns::Turn;

/// The time in which the other parties' words are heard when the time is up.
const PARTING: Duration = Duration::from_secs(1);

/// The most by which the clocks of members may differ, in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The state of a computation until its end.
pub(super) struct Live {
    me: Party,
    session: SessionId,
    profile: &'static str,
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
    witness: Box<dyn Witness>,
    /// The turn of its question, until it takes it.
    turn: Option<Arc<Turn>>,
    /// The parties agreed, and this node has heard what others have seen of its chain.
    heard: bool,
    /// The parties that sent a message after their proposal: they have come past the agreement.
    agreed: BTreeSet<Party>,
    /// The time is up, and the other parties are heard.
    parting: Option<Parting>,
    farewell: Farewell,
}

impl Live {
    pub(super) fn new(plan: Plan) -> Self {
        let Plan { offer, request, setting, routes, members, profile, .. } = plan;
        let Plan { started, farewell, reporter, trace, stores, quiet, witness, turn, .. } = plan;
        let (me, session) = (setting.parties.me(), setting.session);
        let span = span(session, &offer.spec.function, quiet);
        let deadline = Duration::from_millis(offer.deadline_ms);
        reporter.reached(Lifecycle::Agreeing);
        let machine = Machine::new(setting, move |channel| {
            compute(channel, offer, request, stores, UnwrapErr(SysRng))
        });
        let cpu_times = routes.iter().map(|(_, route)| route.cpu_time.clone()).collect();
        let tracer = trace.map(|encoding| Tracer::new(encoding, cpu_times));
        if let Some(tracer) = &tracer {
            machine.lend_clock(tracer.clock());
        }
        Self {
            me,
            session,
            profile,
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
            witness,
            turn,
            heard: false,
            agreed: BTreeSet::new(),
            parting: None,
            farewell,
        }
    }

    /// Lets the protocol go on as far as it can, and sends its messages. Returns the end, if it has
    /// come. What the step of the agreement would send stays here if this node must not go on.
    pub(super) fn advance(
        &mut self,
        context: &mut Context<Computation>,
    ) -> Option<Result<Outcome, Failure>> {
        let step = self.machine.step();
        if let Some(failure) = self.hear() {
            return Some(Err(failure));
        }
        // The end was told from outside while the step ran: its messages must not follow.
        if self.farewell.is_over() {
            return Some(Err(Failure::Stopping));
        }
        self.flush();
        match step {
            Step::Waiting(awaiting) => {
                self.waiting(&awaiting, context);
                None
            }
            Step::Ended(ended) => Some(ended.map_err(|fault| self.protocol(fault))),
        }
    }

    /// Takes part of a message.
    ///
    /// # Errors
    /// If it breaks the protocol.
    pub(super) fn deliver(&mut self, deliver: Deliver) -> Result<(), Failure> {
        // The first message of each is its proposal.
        let (from, is_later) = (deliver.from, deliver.part.header.sequence > 0);
        let delivered = self.machine.deliver(from, deliver.part);
        delivered.map_err(|fault| self.protocol(fault))?;
        // Before the step that follows, which may be long.
        if is_later && self.agreed.insert(from) && self.heard {
            self.remember(&BTreeSet::from([from]));
        }
        Ok(())
    }

    /// Returns the failure of a computation that cannot go on.
    pub(super) fn failure(&self, abort: Abort) -> Failure {
        match abort {
            Abort::Because(failure) => failure,
            Abort::Stopped(PeerStopped { from, notice }) => {
                Failure::Stopped { party: self.name(from), notice }
            }
            Abort::LinkLost { party, reason } => Failure::LinkLost {
                party: self.name(party),
                during: describe(&self.machine.awaiting()),
                reason,
            },
            Abort::TimeIsUp | Abort::AllHeard => {
                let awaiting = self.machine.awaiting();
                let (parties, detail) = match &self.parting {
                    None => (awaiting.parties.clone(), None),
                    Some(parting) => self.at_fault(parting),
                };
                Failure::Deadline {
                    parties: parties.iter().map(|party| self.name(*party)).collect(),
                    awaited: describe(&awaiting),
                    // A peer's time may be up before.
                    milliseconds: milliseconds(self.deadline.min(self.started.elapsed())),
                    detail,
                }
            }
        }
    }

    /// Returns the parties that the chains lead to, and what else is to be said of the chains.
    fn at_fault(&self, parting: &Parting) -> (Vec<Party>, Option<String>) {
        let names = |parties: &[Party]| {
            let names: Vec<String> = parties.iter().map(|party| self.name(*party)).collect();
            names.join(" and ")
        };
        match parting.find() {
            Found::Silent(silent) => {
                let between = parting.between();
                let detail = format!("{} waited for {}", names(&between), names(&silent));
                (silent, (!between.is_empty()).then_some(detail))
            }
            Found::Finished(parties) => {
                let detail = format!(
                    "{} had an answer already: the messages that others await are lost or late on \
                     their way, or were never awaited",
                    names(&parties)
                );
                (Vec::new(), Some(detail))
            }
            Found::EachOther(parties) => {
                let detail = format!(
                    "{} wait for each other: messages on the line between them are lost",
                    names(&parties)
                );
                (Vec::new(), Some(detail))
            }
        }
    }

    /// Returns whether a message of another party is missing.
    pub(super) fn awaits_others(&self) -> bool {
        !self.machine.awaiting().parties.is_empty()
    }

    /// Returns whether the time is up, so that nothing goes on.
    pub(super) fn is_parting(&self) -> bool {
        self.parting.is_some()
    }

    /// Tells the others that the time is up, and hears them for a moment. Returns true once all have
    /// spoken whose word can change what is found.
    pub(super) fn part(
        &mut self,
        heard: Option<PeerStopped>,
        context: &mut Context<Computation>,
    ) -> bool {
        if self.parting.is_none() {
            let awaited = self.machine.awaiting().parties;
            let names = awaited.iter().map(|party| self.name(*party)).collect();
            let failure = self.failure(Abort::TimeIsUp);
            self.farewell.tell_peers(&failure, names);
            self.parting = Some(Parting::new(self.me, &awaited));
            if let Some(timer) = self.timer.take() {
                context.cancel_future(timer);
            }
            self.timer = Some(context.notify_later(Abort::AllHeard, PARTING));
        }
        let Some(parting) = &mut self.parting else { return true };
        if let Some(PeerStopped { from, notice }) = heard {
            let members = &self.members;
            let place = |name: &String| members.iter().position(|member| member == name);
            let awaited: Vec<Party> =
                notice.awaits.iter().filter_map(place).filter_map(Party::new).collect();
            if notice.finished {
                parting.hear_of_end(from);
            } else {
                parting.hear(from, &awaited);
            }
        }
        parting.is_settled()
    }

    /// Sets the timer for the deadline.
    pub(super) fn arm(&mut self, context: &mut Context<Computation>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        let left = self.deadline.saturating_sub(self.started.elapsed());
        self.timer = Some(context.notify_later(Abort::TimeIsUp, left));
    }

    /// Ends the computation. Tells its client the result, and its peers of a failure: they come
    /// first, since those who look on may do anything, and panic.
    pub(super) fn end(mut self, result: Result<Outcome, Failure>) {
        let result = match result {
            Ok(outcome) => {
                self.transition(Lifecycle::Done);
                Ok(Arc::new(self.report(outcome)))
            }
            Err(failure) => {
                let awaits = self.machine.awaiting().parties;
                let awaits = awaits.iter().map(|party| self.name(*party)).collect();
                self.farewell.tell_peers(&failure, awaits);
                self.transition(Lifecycle::Failed);
                self.log(&failure);
                Err(failure)
            }
        };
        let conclusion = Conclusion { result, begun: true, agreement: self.agreement() };
        self.farewell.give(conclusion);
    }

    /// Ends the computation where it has not ended by itself.
    pub(super) fn break_off(mut self) {
        self.farewell.tell_peers(&Failure::Broken, Vec::new());
        self.log(&Failure::Broken);
        let agreement = self.agreement();
        self.farewell.give(Conclusion::of_begun(Failure::Broken, agreement));
    }

    /// Has this node hear, once, what others have seen of its chain.
    fn hear(&mut self) -> Option<Failure> {
        if self.heard {
            return None;
        }
        let agreed = self.machine.agreed()?;
        self.heard = true;
        self.farewell.agreed(self.agreement());
        if let Some(failure) = self.check_losses(&agreed) {
            return Some(failure);
        }
        let told = agreed.told.into_iter().map(|(party, head)| (self.name(party), head));
        let failure = self.witness.hear(&told.collect::<Vec<_>>());
        self.remember(&self.agreed);
        failure.or_else(|| self.overtaken())
    }

    /// Takes the turn of this question. What was read before another was agreed on does not know of it.
    fn overtaken(&mut self) -> Option<Failure> {
        let turn = self.turn.take()?;
        (!turn.take()).then(|| Failure::Overtaken { member: self.name(self.me) })
    }

    /// Blames a party for a number of losses that no acknowledgement can have given. Numbers must not
    /// end: they rise beyond all that was told.
    fn check_losses(&self, agreed: &Agreed) -> Option<Failure> {
        let latest = clock::milliseconds().saturating_add(DAY_MS);
        let others = agreed.audit.iter().filter(|(party, _)| *party != self.me);
        let mut said = others.chain(&agreed.told);
        let (party, _) = said.find(|(_, head)| head.losses > latest)?;
        Some(self.protocol(Fault::blame(*party, Misbehaviour::OutOfRange)))
    }

    /// Remembers the heads of parties that have come past the agreement. Another may have ended
    /// before it wrote down what it heard: its later head must not take the place of the earlier.
    fn remember(&self, past: &BTreeSet<Party>) {
        let Some(agreed) = self.machine.agreed() else { return };
        let heads = agreed.audit.into_iter().filter(|(party, _)| past.contains(party));
        let heads: Vec<_> = heads.map(|(party, head)| (self.name(party), head)).collect();
        if !heads.is_empty() {
            self.witness.remember(heads);
        }
    }

    fn protocol(&self, fault: Fault) -> Failure {
        Failure::Protocol(fault, self.members.clone())
    }

    fn flush(&mut self) {
        let session = self.session;
        for message in self.machine.outgoing() {
            let route = self.routes.iter().find(|(party, _)| *party == message.to);
            let Some((_, route)) = route else { continue };
            // The messages of a protocol are bounded by the protocol, and the mailbox never
            // refuses: a closed one means that the node is stopping.
            route.link.do_send(Transmit { session, epoch: route.epoch, message });
        }
    }

    fn waiting(&mut self, awaiting: &Awaiting, context: &mut Context<Computation>) {
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

    /// Moves the life of the computation on. Only this function does, and it never moves it back.
    fn transition(&mut self, next: Lifecycle) {
        if self.lifecycle == next {
            return;
        }
        debug_assert!(self.lifecycle.may_become(next), "{:?} to {next:?}", self.lifecycle);
        tracing::debug!(target: TARGET, parent: &self.span, from = ?self.lifecycle, to = ?next, "lifecycle");
        self.lifecycle = next;
        self.reporter.reached(next);
    }

    fn report(&self, outcome: Outcome) -> Report {
        let cost = documents::cost(&self.machine.meter(), self.started.elapsed());
        let (rounds, bytes, seconds) = (cost.rounds, cost.bytes_sent, cost.seconds);
        if self.quiet {
            tracing::debug!(target: TARGET, parent: &self.span, rounds, bytes, seconds, "done");
        } else {
            tracing::info!(target: TARGET, parent: &self.span, rounds, bytes, seconds, "done");
        }
        self.span.record("rounds", rounds).record("bytes", bytes);
        Report {
            inputs: outcome.parties,
            precision: outcome.answer.get().precision(),
            result: outcome.answer,
            security: outcome.security,
            disclosure: Disclosure {
                profile: self.profile.to_owned(),
                rules: documents::rules(outcome.rules),
                decided_by: outcome
                    .decided_by
                    .into_iter()
                    .map(|(rule, member)| (rule.to_owned(), member))
                    .collect(),
                left_out: outcome.left_out,
                rounded: outcome.rules.round.map(|rounding| rounding.to_string()),
            },
            dropped: outcome.dropped,
            cost,
            session: outcome.session.to_string(),
            kept: outcome.kept,
            trace: self.trace(),
        }
    }

    fn log(&self, failure: &Failure) {
        let code = failure.code().text();
        if self.quiet {
            tracing::debug!(target: TARGET, parent: &self.span, code, "failed");
        } else {
            tracing::warn!(target: TARGET, parent: &self.span, code, "failed");
        }
        self.span.record("otel.status_description", code);
    }

    fn agreement(&self) -> Option<Agreement> {
        let Agreed { session, rules, decided_by, left_out, audit, kept, .. } =
            self.machine.agreed()?;
        let heads = audit.into_iter().map(|(party, head)| (self.name(party), head)).collect();
        let (answer, session) = (session.answer(), session.to_string());
        let kept = kept.is_some();
        Some(Agreement { session, answer, rules, decided_by, left_out, heads, kept })
    }

    fn trace(&self) -> Option<Trace> {
        let tracer = self.tracer.as_ref()?;
        Some(tracer.finish(self.machine.trace()?))
    }

    fn name(&self, party: Party) -> String {
        self.members.get(party.index()).cloned().unwrap_or_else(|| party.to_string())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Opens the span of a computation's log lines, which a collector sees. Nothing in it depends on a
/// value, other than by the time that it takes.
///
/// The fields that are empty here are filled at the end, after the last line of the log, which has
/// them already. OpenTelemetry names the reason of a failure `otel.status_description`.
fn span(session: SessionId, function: &str, quiet: bool) -> Span {
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                target: TARGET,
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
    if quiet { span!(Level::DEBUG) } else { span!(Level::INFO) }
}
