//! When a machine computed and when it waited, by the clock of whoever drives it.
//!
//! Nothing here has a clock: one is lent with [`Machine::lend_clock`](crate::machine::Machine), and
//! the protocol, which sees a [`Channel`](crate::channel::Channel) only, can't read it. It is read
//! where a step begins and ends, and where a round begins. Without one nothing is recorded.

use std::mem;
use std::rc::Rc;
use std::time::Duration;

use crate::meter::{Meter, Traffic};

/// The time since some fixed moment.
pub type Clock = Rc<dyn Fn() -> Duration>;

/// The most rounds that are kept, the agreement included; further ones extend the last.
const MAX_ROUNDS: usize = 10_000;

/// The most waits of one round that are kept; further ones extend the last.
const MAX_WAITS: usize = 64;

/// When a machine did what, up to the end of its last step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// When its first step began.
    pub begins: Duration,
    /// When its last step ended.
    pub ends: Duration,
    /// The agreement, and then its rounds in order.
    pub rounds: Vec<TracedRound>,
}

/// When one round was, and what it cost. It ends where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedRound {
    /// Its name; [`crate::meter::AGREEING`] of the agreement.
    pub name: &'static str,
    /// When it began.
    pub begins: Duration,
    /// When it ended.
    pub ends: Duration,
    /// The time in it within steps.
    pub arithmetic: Duration,
    /// Begins and ends of its waits: from the end of one step to the begin of the next that took a
    /// message. A step that took none, because it was not the awaited one, interrupts no wait.
    pub waits: Vec<(Duration, Duration)>,
    /// The traffic with all other parties in it.
    pub traffic: Traffic,
}

/// Records a [`Trace`].
pub(crate) struct Tracer {
    clock: Clock,
    /// The traffic is the meter's.
    trace: Trace,
    state: State,
}

/// What the machine does, and since when.
#[derive(Clone, Copy)]
enum State {
    /// It has never been stepped since the clock was lent.
    New,
    /// It waits.
    Waiting { since: Duration },
    /// It was stepped at `stepped`, and has taken no message yet since it waits.
    Looking { since: Duration, stepped: Duration },
    /// It computes, and what it did before `since` is recorded.
    Computing { since: Duration },
}

impl Tracer {
    /// Rounds that `meter` has counted already take no time.
    pub(crate) fn new(clock: Clock, meter: &Meter) -> Self {
        let now = clock();
        let trace = Trace { begins: now, ends: now, rounds: Vec::new() };
        let mut tracer = Self { clock, trace, state: State::New };
        for round in meter.by_round() {
            tracer.push_round(round.name, now);
        }
        tracer
    }

    pub(crate) fn begin_step(&mut self) {
        let now = (self.clock)();
        self.state = match self.state {
            State::New => {
                self.begin_at(now);
                State::Computing { since: now }
            }
            State::Waiting { since } => State::Looking { since, stepped: now },
            computing => computing,
        };
    }

    /// The step goes on because what it waited for is there.
    pub(crate) fn wake(&mut self) {
        if let State::Looking { since, stepped } = self.state {
            if let Some(round) = self.trace.rounds.last_mut() {
                round.wait(since, stepped);
            }
            self.state = State::Computing { since: stepped };
        }
    }

    pub(crate) fn begin_round(&mut self, name: &'static str) {
        self.wake();
        let now = (self.clock)();
        if let State::Computing { since } = &mut self.state {
            let since = mem::replace(since, now);
            self.compute(since, now);
        }
        self.push_round(name, now);
    }

    pub(crate) fn end_step(&mut self) {
        let now = (self.clock)();
        self.state = match self.state {
            State::Computing { since } => {
                self.compute(since, now);
                State::Waiting { since: now }
            }
            State::Looking { since, .. } => State::Waiting { since },
            other => other,
        };
        self.trace.ends = now;
        if let Some(round) = self.trace.rounds.last_mut() {
            round.ends = now;
        }
    }

    pub(crate) fn trace(&self, meter: &Meter) -> Trace {
        let mut trace = self.trace.clone();
        let last = trace.rounds.len().saturating_sub(1);
        // Steps that took nothing have interrupted no wait.
        if let (State::Waiting { since }, Some(round)) = (self.state, trace.rounds.last_mut())
            && since < trace.ends
        {
            round.wait(since, trace.ends);
        }
        for (index, cost) in meter.by_round().iter().enumerate() {
            if let Some(round) = trace.rounds.get_mut(index.min(last)) {
                round.traffic += cost.traffic;
            }
        }
        trace
    }

    /// Nothing has happened before `now`.
    fn begin_at(&mut self, now: Duration) {
        self.trace.begins = now;
        for round in &mut self.trace.rounds {
            (round.begins, round.ends) = (now, now);
        }
    }

    /// Has computed in the current round.
    fn compute(&mut self, since: Duration, now: Duration) {
        if let Some(round) = self.trace.rounds.last_mut() {
            round.arithmetic += now.saturating_sub(since);
            round.ends = now;
        }
    }

    fn push_round(&mut self, name: &'static str, now: Duration) {
        if self.trace.rounds.len() < MAX_ROUNDS {
            let (begins, ends) = (now, now);
            self.trace.rounds.push(TracedRound { name, begins, ends, ..TracedRound::default() });
        }
    }
}

impl TracedRound {
    /// The time in it in which the machine waited: all that it did not compute.
    #[must_use]
    pub fn waiting(&self) -> Duration {
        self.ends.saturating_sub(self.begins).saturating_sub(self.arithmetic)
    }

    fn wait(&mut self, begins: Duration, ends: Duration) {
        let full = self.waits.len() >= MAX_WAITS;
        match self.waits.last_mut() {
            Some(last) if full => last.1 = ends,
            _ => self.waits.push((begins, ends)),
        }
    }
}
