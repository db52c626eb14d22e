//! The times in which a machine computed and waited, by the clock of its driver.
//!
//! Nothing here has a clock. One is lent with
//! [`Machine::lend_clock`](crate::kernel::machine::Machine). The protocol sees a
//! [`Channel`](crate::kernel::channel::Channel) only, and cannot read it. The clock is read at the
//! beginning and end of a step, and at the beginning of a round. Without one nothing is recorded.

use std::mem;
use std::rc::Rc;
use std::time::Duration;

use crate::kernel::meter::{Meter, Stage, Traffic};

/// The time since some fixed moment.
pub type Clock = Rc<dyn Fn() -> Duration>;

/// The most rounds that are kept, the agreement included; further ones extend the last.
const MAX_ROUNDS: usize = 10_000;

/// The most waits of one round that are kept; further ones extend the last.
const MAX_WAITS: usize = 64;

/// The times of a machine's activities, up to the end of its last step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The time at which its first step began.
    pub begins: Duration,
    /// The time at which its last step ended.
    pub ends: Duration,
    /// The agreement, and then its rounds in order.
    pub rounds: Vec<TracedRound>,
}

/// The times and the cost of one round. It ends where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedRound {
    /// Its name; [`crate::kernel::meter::AGREEING`] of the agreement.
    pub name: &'static str,
    /// Its stage.
    pub stage: Stage,
    /// The time at which it began.
    pub begins: Duration,
    /// The time at which it ended.
    pub ends: Duration,
    /// Its time within steps.
    pub arithmetic: Duration,
    /// The beginnings and ends of its waits. A wait lasts from the end of one step to the beginning
    /// of the next that took a message. A step that took none, because it was not the awaited one,
    /// interrupts no wait.
    pub waits: Vec<(Duration, Duration)>,
    /// Its traffic with all other parties together.
    pub traffic: Traffic,
}

/// The recorder of a [`Trace`].
pub(crate) struct Tracer {
    clock: Clock,
    /// The times so far. The meter has the traffic.
    trace: Trace,
    state: State,
}

/// The machine's activity, and its beginning.
#[derive(Clone, Copy)]
enum State {
    /// No step since the clock was lent.
    New,
    /// A wait.
    Waiting { since: Duration },
    /// A step, begun at `stepped`, that has taken no message yet since the machine waits.
    Looking { since: Duration, stepped: Duration },
    /// A step that computes. Its time before `since` is recorded.
    Computing { since: Duration },
}

impl Tracer {
    /// Creates a recorder. Rounds that `meter` has counted already take no time.
    pub(crate) fn new(clock: Clock, meter: &Meter) -> Self {
        let now = clock();
        let trace = Trace { begins: now, ends: now, rounds: Vec::new() };
        let mut tracer = Self { clock, trace, state: State::New };
        for round in meter.by_round() {
            tracer.push_round(round.name, round.stage, now);
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

    /// Ends the wait: the step goes on because the awaited message is there.
    pub(crate) fn wake(&mut self) {
        if let State::Looking { since, stepped } = self.state {
            if let Some(round) = self.trace.rounds.last_mut() {
                round.wait(since, stepped);
            }
            self.state = State::Computing { since: stepped };
        }
    }

    pub(crate) fn begin_round(&mut self, name: &'static str, stage: Stage) {
        self.wake();
        let now = (self.clock)();
        if let State::Computing { since } = &mut self.state {
            let since = mem::replace(since, now);
            self.compute(since, now);
        }
        self.push_round(name, stage, now);
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
        // Steps that took no message have interrupted no wait.
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

    /// Begins the trace: nothing has happened before `now`.
    fn begin_at(&mut self, now: Duration) {
        self.trace.begins = now;
        for round in &mut self.trace.rounds {
            (round.begins, round.ends) = (now, now);
        }
    }

    /// Adds a time of computing to the current round.
    fn compute(&mut self, since: Duration, now: Duration) {
        if let Some(round) = self.trace.rounds.last_mut() {
            round.arithmetic += now.saturating_sub(since);
            round.ends = now;
        }
    }

    fn push_round(&mut self, name: &'static str, stage: Stage, now: Duration) {
        if self.trace.rounds.len() < MAX_ROUNDS {
            let (begins, ends) = (now, now);
            let round = TracedRound { name, stage, begins, ends, ..TracedRound::default() };
            self.trace.rounds.push(round);
        }
    }
}

impl TracedRound {
    /// Returns the time in which the machine waited: all of the round in which it did not compute.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::channel::Channel;
    use crate::kernel::fault::Fault;
    use crate::kernel::machine::{Machine, Part, Setting, Step};
    use crate::kernel::party::{Parties, Party};
    use crate::kernel::wire::SessionId;
    use crate::testing::Watch;

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    fn machine<F>(me: usize, protocol: impl FnOnce(Channel) -> F) -> Machine<()>
    where
        F: Future<Output = Result<(), Fault>> + 'static,
    {
        let setting = Setting {
            parties: Parties::new(3, me).unwrap(),
            session: SessionId([1; 16]),
            link_bindings: vec![[0; 32]; 3],
            limit: 1 << 20,
        };
        Machine::new(setting, protocol)
    }

    /// Makes so many messages from a party to the first, one byte each.
    fn messages(from: usize, count: usize) -> Vec<Part> {
        let mut sender = machine(from, async move |channel: Channel| {
            (0..count).for_each(|_| channel.send(party(0), vec![1]));
            Ok(())
        });
        sender.step();
        sender.outgoing().iter().map(|message| message.part(0)).collect()
    }

    fn seconds(pairs: &[(Duration, Duration)]) -> Vec<(u64, u64)> {
        pairs.iter().map(|(begin, end)| (begin.as_secs(), end.as_secs())).collect()
    }

    /// A round: its name; begin, end and arithmetic in seconds; and its waits.
    type Times = (&'static str, [u64; 3], Vec<(u64, u64)>);

    fn rounds(trace: &Trace) -> Vec<Times> {
        let rounds = trace.rounds.iter().map(|round| {
            let times = [round.begins, round.ends, round.arithmetic].map(|time| time.as_secs());
            (round.name, times, seconds(&round.waits))
        });
        rounds.collect()
    }

    /// Runs two rounds, which both wait for party 1.
    fn two_rounds(watch: &Watch) -> Machine<()> {
        let watch = watch.clone();
        machine(0, async move |channel: Channel| {
            watch.pass(1);
            channel.send(party(1), vec![1, 2]);
            channel.begin_round("first");
            watch.pass(2);
            channel.receive(party(1)).await?;
            watch.pass(3);
            channel.begin_round("second");
            channel.send(party(2), vec![1, 2, 3]);
            watch.pass(4);
            channel.receive(party(1)).await?;
            watch.pass(5);
            Ok(())
        })
    }

    #[test]
    fn steps_are_split_between_rounds_and_the_rest_is_waiting() {
        let watch = Watch::default();
        let mut machine = two_rounds(&watch);
        machine.lend_clock(watch.clock());
        watch.set(10);
        machine.step();
        for (part, time) in messages(1, 2).into_iter().zip([20, 30]) {
            watch.set(time);
            machine.deliver(party(1), part).unwrap();
            machine.step();
        }
        let trace = machine.trace().unwrap();
        assert_eq!([trace.begins, trace.ends].map(|time| time.as_secs()), [10, 35]);
        let due = [
            ("agreeing", [10, 11, 1], vec![]),
            ("first", [11, 23, 5], vec![(13, 20)]),
            ("second", [23, 35, 9], vec![(27, 30)]),
        ];
        assert_eq!(rounds(&trace), due);
        assert_eq!(trace.rounds[1].waiting().as_secs(), 7);
        let costs = machine.meter().by_round().to_vec();
        assert_eq!(costs.iter().map(|cost| cost.traffic.bytes_sent).collect::<Vec<_>>(), [2, 0, 3]);
        assert_eq!(costs[1].traffic.messages_received, 1);
        let traced: Vec<Traffic> = trace.rounds.iter().map(|round| round.traffic).collect();
        assert_eq!(costs.iter().map(|cost| cost.traffic).collect::<Vec<_>>(), traced);
    }

    #[test]
    fn rounds_have_the_stage_that_the_protocol_says_whenever_the_clock_came() {
        let mut machine = machine(0, async |channel: Channel| {
            channel.begin_preparation("prepare");
            channel.receive(party(1)).await?;
            channel.begin_round("use");
            channel.begin_preparation("prepare");
            Ok(())
        });
        machine.step();
        machine.lend_clock(Watch::default().clock());
        machine.deliver(party(1), messages(1, 1).remove(0)).unwrap();
        machine.step();
        let traced = machine.trace().unwrap().rounds;
        let stages: Vec<Stage> = traced.iter().map(|round| round.stage).collect();
        let due = [Stage::Online, Stage::Preparation, Stage::Online, Stage::Preparation];
        assert_eq!(stages, due);
        let meter = machine.meter();
        let counted: Vec<Stage> = meter.by_round().iter().map(|round| round.stage).collect();
        assert_eq!(counted, due);
    }

    #[test]
    fn messages_that_are_not_awaited_interrupt_no_wait() {
        let watch = Watch::default();
        let mut machine = two_rounds(&watch);
        machine.lend_clock(watch.clock());
        machine.step();
        for part in messages(2, 2) {
            watch.pass(10);
            machine.deliver(party(2), part).unwrap();
            machine.step();
        }
        let waiting = machine.trace().unwrap();
        assert_eq!(rounds(&waiting)[1], ("first", [1, 23, 2], vec![(3, 23)]));
        machine.deliver(party(1), messages(1, 1).remove(0)).unwrap();
        watch.set(40);
        machine.step();
        assert_eq!(rounds(&machine.trace().unwrap())[1], ("first", [1, 43, 5], vec![(3, 40)]));
    }

    #[test]
    fn a_message_that_came_early_is_not_waited_for() {
        let watch = Watch::default();
        let mut machine = two_rounds(&watch);
        machine.lend_clock(watch.clock());
        machine.step();
        messages(1, 2).into_iter().for_each(|part| machine.deliver(party(1), part).unwrap());
        watch.set(5);
        assert!(matches!(machine.step(), Step::Ended(Ok(()))));
        let trace = machine.trace().unwrap();
        assert_eq!(
            rounds(&trace)[1..],
            [("first", [1, 8, 5], vec![(3, 5)]), ("second", [8, 17, 9], vec![])]
        );
    }

    #[test]
    fn without_a_clock_nothing_is_recorded_and_with_a_late_one_what_comes_after() {
        let watch = Watch::default();
        let mut machine = two_rounds(&watch);
        machine.step();
        assert_eq!(machine.trace(), None);
        machine.lend_clock(watch.clock());
        machine.deliver(party(1), messages(1, 1).remove(0)).unwrap();
        watch.set(20);
        machine.step();
        let due = [
            ("agreeing", [20, 20, 0], vec![]),
            ("first", [20, 23, 3], vec![]),
            ("second", [23, 27, 4], vec![]),
        ];
        assert_eq!(rounds(&machine.trace().unwrap()), due);
    }

    #[test]
    fn rounds_and_waits_are_bounded() {
        const WAITS: usize = MAX_WAITS + 3;
        let watch = Watch::default();
        let mut machine = machine(0, async |channel: Channel| {
            for _ in 0..WAITS {
                channel.receive(party(1)).await?;
            }
            for _ in 0..MAX_ROUNDS + 5 {
                channel.begin_round("again");
                channel.send(party(1), vec![0]);
            }
            Ok(())
        });
        machine.lend_clock(watch.clock());
        machine.step();
        for part in messages(1, WAITS) {
            watch.pass(1);
            machine.deliver(party(1), part).unwrap();
            machine.step();
        }
        let trace = machine.trace().unwrap();
        let waits = seconds(&trace.rounds[0].waits);
        assert_eq!((waits.len(), waits[0], waits[MAX_WAITS - 1]), (MAX_WAITS, (0, 1), (63, 67)));
        assert_eq!(trace.rounds.len(), MAX_ROUNDS);
        assert_eq!(
            trace.rounds.iter().map(|round| round.traffic.messages_sent).sum::<u64>(),
            machine.meter().total().messages_sent
        );
        assert_eq!(machine.meter().rounds(), MAX_ROUNDS + 5);
    }
}
