//! What a run costs: rounds, messages and bytes, counted where they happen.
//!
//! The meter counts what the protocol gives to the channel, without the frames and records that a
//! transport adds. It reads no clock.

use serde::Serialize;

use crate::party::Party;

/// Counts of one run at one party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    rounds: Vec<&'static str>,
    traffic: Vec<Traffic>,
}

/// What went to and came from one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Messages sent to the peer.
    pub messages_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Messages that came from the peer and were received by the protocol.
    pub messages_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
}

impl Meter {
    pub(crate) fn new(parties: usize) -> Self {
        Self { rounds: Vec::new(), traffic: vec![Traffic::default(); parties] }
    }

    pub(crate) fn count_round(&mut self, name: &'static str) {
        self.rounds.push(name);
    }

    pub(crate) fn count_sent(&mut self, to: Party, bytes: usize) {
        if let Some(traffic) = self.traffic.get_mut(to.index()) {
            traffic.messages_sent += 1;
            traffic.bytes_sent += bytes as u64;
        }
    }

    pub(crate) fn count_received(&mut self, from: Party, bytes: usize) {
        if let Some(traffic) = self.traffic.get_mut(from.index()) {
            traffic.messages_received += 1;
            traffic.bytes_received += bytes as u64;
        }
    }

    /// Rounds so far. Agreeing on the session is not among them.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// The names of the rounds so far, in order.
    #[must_use]
    pub fn round_names(&self) -> &[&'static str] {
        &self.rounds
    }

    /// The traffic with each party, by index; nothing with oneself.
    #[must_use]
    pub fn traffic(&self) -> &[Traffic] {
        &self.traffic
    }

    /// The traffic with all parties together.
    #[must_use]
    pub fn total(&self) -> Traffic {
        self.traffic.iter().fold(Traffic::default(), |sum, one| Traffic {
            messages_sent: sum.messages_sent + one.messages_sent,
            bytes_sent: sum.bytes_sent + one.bytes_sent,
            messages_received: sum.messages_received + one.messages_received,
            bytes_received: sum.bytes_received + one.bytes_received,
        })
    }
}
