//! The cost of a run: rounds, messages and bytes, counted where they happen.
//!
//! The meter counts the messages that the protocol gives to the channel, without the frames and
//! records that a transport adds. A message counts to the round in which the protocol sends or
//! takes it; an early one counts when it is taken. The meter reads no clock.
//!
//! A round belongs to a [`Stage`]. Preprocessing can be done before any party has data, so it is
//! measured apart. The meter only repeats the stages that the protocol names.

use std::ops::{Add, AddAssign};

use serde::Serialize;

use crate::kernel::party::Party;

/// The name of the agreement, which comes before the first round.
pub const AGREEING: &str = "agreeing";

/// Counts of one run at one party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// The agreement, and then the rounds in order. Never empty.
    rounds: Vec<RoundCost>,
    traffic: Vec<Traffic>,
}

/// The stage of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Preprocessing: it makes correlated randomness, which depends on no party's data.
    Preparation,
    /// All other rounds. The agreement is among them: without one nothing can be preprocessed.
    #[default]
    Online,
}

/// The cost of one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundCost {
    /// Its name; [`AGREEING`] for the agreement.
    pub name: &'static str,
    /// Its stage.
    pub stage: Stage,
    /// The traffic with all other parties together.
    pub traffic: Traffic,
}

/// The traffic with one peer, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// The messages sent to the peer.
    pub messages_sent: u64,
    /// The bytes in them.
    pub bytes_sent: u64,
    /// The messages that came from the peer and were received by the protocol.
    pub messages_received: u64,
    /// The bytes in them.
    pub bytes_received: u64,
}

impl Meter {
    pub(crate) fn new(parties: usize) -> Self {
        let agreement = RoundCost::new(AGREEING, Stage::Online);
        Self { rounds: vec![agreement], traffic: vec![Traffic::default(); parties] }
    }

    pub(crate) fn count_round(&mut self, name: &'static str, stage: Stage) {
        self.rounds.push(RoundCost::new(name, stage));
    }

    pub(crate) fn count_sent(&mut self, to: Party, bytes: usize) {
        let sent = Traffic { messages_sent: 1, bytes_sent: bytes as u64, ..Traffic::default() };
        self.count(to, sent);
    }

    pub(crate) fn count_received(&mut self, from: Party, bytes: usize) {
        let received =
            Traffic { messages_received: 1, bytes_received: bytes as u64, ..Traffic::default() };
        self.count(from, received);
    }

    fn count(&mut self, peer: Party, more: Traffic) {
        if let (Some(with_peer), Some(round)) =
            (self.traffic.get_mut(peer.index()), self.rounds.last_mut())
        {
            *with_peer += more;
            round.traffic += more;
        }
    }

    /// Counts the rounds so far, without the agreement.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len() - 1
    }

    /// Counts the rounds of this stage so far, without the agreement.
    #[must_use]
    pub fn rounds_of(&self, stage: Stage) -> usize {
        self.rounds.iter().skip(1).filter(|round| round.stage == stage).count()
    }

    /// Returns the cost of the agreement, and then of each round so far, in order. The sum is
    /// [`Self::total`].
    #[must_use]
    pub fn by_round(&self) -> &[RoundCost] {
        &self.rounds
    }

    /// Returns the names of the rounds so far, in order, without the agreement.
    #[must_use]
    pub fn round_names(&self) -> Vec<&'static str> {
        self.rounds.iter().skip(1).map(|round| round.name).collect()
    }

    /// Returns the name of the round under way, or [`AGREEING`].
    pub(crate) fn current(&self) -> &'static str {
        self.rounds.last().map_or(AGREEING, |round| round.name)
    }

    /// Returns the traffic with each party, by index; there is none of a party with itself.
    #[must_use]
    pub fn traffic(&self) -> &[Traffic] {
        &self.traffic
    }

    /// Returns the traffic with all parties together.
    #[must_use]
    pub fn total(&self) -> Traffic {
        self.traffic.iter().copied().fold(Traffic::default(), Add::add)
    }

    /// Returns the traffic with all parties together in the rounds of this stage. That of
    /// [`Stage::Online`] has the agreement's.
    #[must_use]
    pub fn total_of(&self, stage: Stage) -> Traffic {
        let rounds = self.rounds.iter().filter(|round| round.stage == stage);
        rounds.map(|round| round.traffic).fold(Traffic::default(), Add::add)
    }
}

impl RoundCost {
    fn new(name: &'static str, stage: Stage) -> Self {
        Self { name, stage, traffic: Traffic::default() }
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            messages_sent: self.messages_sent + other.messages_sent,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            messages_received: self.messages_received + other.messages_received,
            bytes_received: self.bytes_received + other.bytes_received,
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_counts_to_its_peer_and_to_its_round() {
        let peer = |index| Party::new(index).unwrap();
        let mut meter = Meter::new(3);
        assert_eq!((meter.rounds(), meter.current()), (0, AGREEING));
        meter.count_sent(peer(1), 10);
        meter.count_round("first", Stage::Online);
        meter.count_received(peer(1), 20);
        meter.count_sent(peer(2), 30);
        meter.count_round("second", Stage::Online);
        assert_eq!((meter.rounds(), meter.current()), (2, "second"));
        assert_eq!(meter.round_names(), ["first", "second"]);
        let by_round: Vec<_> = meter
            .by_round()
            .iter()
            .map(|round| (round.traffic.bytes_sent, round.traffic.bytes_received))
            .collect();
        assert_eq!(by_round, [(10, 0), (30, 20), (0, 0)]);
        let sum = meter.by_round().iter().map(|round| round.traffic);
        assert_eq!(sum.fold(Traffic::default(), Add::add), meter.total());
        assert_eq!((meter.total().messages_sent, meter.traffic()[2].bytes_sent), (2, 30));
    }

    #[test]
    fn the_stages_together_are_everything() {
        let peer = Party::new(1).unwrap();
        let mut meter = Meter::new(2);
        meter.count_sent(peer, 1);
        for (name, stage, bytes) in [
            ("make products", Stage::Preparation, 10),
            ("multiply", Stage::Online, 100),
            ("make products", Stage::Preparation, 1_000),
        ] {
            meter.count_round(name, stage);
            meter.count_sent(peer, bytes);
            meter.count_received(peer, 2 * bytes);
        }
        let sums = |stage| {
            let total = meter.total_of(stage);
            (meter.rounds_of(stage), total.messages_sent, total.bytes_sent, total.bytes_received)
        };
        assert_eq!(sums(Stage::Preparation), (2, 2, 1_010, 2_020));
        assert_eq!(sums(Stage::Online), (1, 2, 101, 200));
        let stages = [Stage::Preparation, Stage::Online];
        assert_eq!(
            stages.map(|stage| meter.rounds_of(stage)).iter().sum::<usize>(),
            meter.rounds()
        );
        let sum = stages.into_iter().map(|stage| meter.total_of(stage));
        assert_eq!(sum.fold(Traffic::default(), Add::add), meter.total());
    }
}
