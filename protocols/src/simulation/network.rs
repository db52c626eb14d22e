//! Messages in flight: when they arrive, and in which order.

use std::collections::{BTreeMap, VecDeque};

use rand_core::Rng;

use crate::machine::{Outgoing, Part};
use crate::party::Party;
use crate::random::PredictableRng;
use crate::simulation::{Delivery, Link};

pub(super) struct Network {
    link: Link,
    rng: PredictableRng,
    now: f64,
    lines: BTreeMap<(Party, Party), Line>,
}

/// An ordered pair's messages in flight.
#[derive(Default)]
struct Line {
    busy_until: f64,
    in_flight: VecDeque<(f64, Outgoing)>,
}

impl Network {
    pub(super) fn new(link: Link, rng: PredictableRng) -> Self {
        Self { link, rng, now: 0.0, lines: BTreeMap::new() }
    }

    /// Virtual time in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.now
    }

    /// Puts a message on its line at `time`, which is not before [`Self::seconds`].
    pub(super) fn send(&mut self, time: f64, from: Party, message: Outgoing) {
        let line = self.lines.entry((from, message.to)).or_default();
        let begin = line.busy_until.max(time);
        line.busy_until = begin + seconds_for(message.body.len(), self.link.bandwidth);
        line.in_flight.push_back((line.busy_until + self.link.latency, message));
    }

    /// The message that arrives next; of several that arrive at once, any but by the seed.
    pub(super) fn next(&mut self) -> Option<(Delivery, Vec<Part>)> {
        let heads = || self.lines.iter().filter_map(|(pair, line)| Some((*pair, line.arrival()?)));
        let soonest = heads().map(|(_, time)| time).reduce(f64::min)?;
        let ready: Vec<_> = heads().filter(|(_, time)| *time <= soonest).collect();
        let count = u64::try_from(ready.len()).ok()?;
        let chosen = usize::try_from(self.rng.next_u64() % count).ok()?;
        let (pair, _) = *ready.get(chosen)?;
        let (time, message) = self.lines.get_mut(&pair)?.in_flight.pop_front()?;
        self.now = time;
        let parts = message.parts().collect();
        let Outgoing { to, sequence, body, .. } = message;
        Some((Delivery { from: pair.0, to, sequence, body }, parts))
    }
}

impl Line {
    fn arrival(&self) -> Option<f64> {
        self.in_flight.front().map(|(time, _)| *time)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration to 16 digits is exact enough")]
fn seconds_for(bytes: usize, bandwidth: f64) -> f64 {
    bytes as f64 / bandwidth
}
