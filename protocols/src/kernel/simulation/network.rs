//! Messages in flight: their arrivals, and the order of these.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::machine::{Outgoing, Part};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::arrivals::{Arrivals, Pair};
use crate::kernel::simulation::{Delivery, Link};

pub(super) struct Network {
    link: Link,
    rng: PredictableRng,
    now: f64,
    lines: BTreeMap<Pair, Line>,
    /// The lines that are not empty.
    arrivals: Arrivals,
}

/// The messages of an ordered pair in flight.
#[derive(Default)]
struct Line {
    busy_until: f64,
    in_flight: VecDeque<(f64, Outgoing)>,
}

impl Network {
    pub(super) fn new(link: Link, rng: PredictableRng) -> Self {
        Self { link, rng, now: 0.0, lines: BTreeMap::new(), arrivals: Arrivals::default() }
    }

    /// Returns the virtual time in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.now
    }

    /// Puts a message on its line at `time`, which is not before [`Self::seconds`].
    pub(super) fn send(&mut self, time: f64, from: Party, message: Outgoing) {
        let pair = (from, message.to);
        let line = self.lines.entry(pair).or_default();
        let begin = line.busy_until.max(time);
        line.busy_until = begin + seconds_for(message.body.len(), self.link.bandwidth);
        let arrival = line.busy_until + self.link.latency;
        if line.in_flight.is_empty() {
            self.arrivals.insert(arrival, pair);
        }
        line.in_flight.push_back((arrival, message));
    }

    /// Takes the message that arrives next; the seed chooses among several that arrive at once.
    pub(super) fn next(&mut self) -> Option<(Delivery, Vec<Part>)> {
        let pair = self.arrivals.take(&mut self.rng)?;
        let line = self.lines.get_mut(&pair)?;
        let (time, message) = line.in_flight.pop_front()?;
        if let Some((next, _)) = line.in_flight.front() {
            self.arrivals.insert(*next, pair);
        }
        self.now = time;
        let parts = message.parts().collect();
        let Outgoing { to, sequence, body, .. } = message;
        Some((Delivery { from: pair.0, to, sequence, body }, parts))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration to 16 digits is exact enough")]
fn seconds_for(bytes: usize, bandwidth: f64) -> f64 {
    bytes as f64 / bandwidth
}
