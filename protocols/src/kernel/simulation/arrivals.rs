//! The choice of the line whose message arrives next, among very many lines.
//!
//! Lines are kept by the time at which their foremost message arrives. With n parties that all send
//! to all at once there are n² of one time. The one that is chosen among them is found in n steps.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::Rng;

use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;

/// An ordered pair: sender and receiver.
pub(super) type Pair = (Party, Party);

/// The lines on which something is in flight.
#[derive(Default)]
pub(super) struct Arrivals {
    /// The lines by the bits of the time, which are in its order because no time is negative.
    by_time: BTreeMap<u64, Together>,
}

/// Lines whose foremost messages arrive at once.
#[derive(Default)]
struct Together {
    receivers: BTreeMap<Party, BTreeSet<Party>>,
    count: usize,
}

impl Arrivals {
    /// Adds a line whose foremost message arrives at `time`. It must not be here already.
    pub(super) fn insert(&mut self, time: f64, line: Pair) {
        self.by_time.entry(time.to_bits()).or_default().insert(line);
    }

    /// Takes out the line whose message arrives next; `rng` chooses among several at once.
    pub(super) fn take(&mut self, rng: &mut PredictableRng) -> Option<Pair> {
        let mut soonest = self.by_time.first_entry()?;
        let together = soonest.get_mut();
        let count = u64::try_from(together.count).ok()?;
        let chosen = usize::try_from(rng.next_u64() % count).ok()?;
        let line = together.take(chosen);
        if together.count == 0 {
            soonest.remove();
        }
        line
    }
}

impl Together {
    fn insert(&mut self, (from, to): Pair) {
        if self.receivers.entry(from).or_default().insert(to) {
            self.count += 1;
        }
    }

    /// Takes out the line of this number in the order of pairs.
    fn take(&mut self, mut number: usize) -> Option<Pair> {
        for (from, receivers) in &mut self.receivers {
            match number.checked_sub(receivers.len()) {
                Some(beyond) => number = beyond,
                None => {
                    let to = *receivers.iter().nth(number)?;
                    receivers.remove(&to);
                    self.count -= 1;
                    return Some((*from, to));
                }
            }
        }
        None
    }
}
