//! Threads for big computations: as many as the machine has processors, started when needed.

use actix_rt::{Arbiter, ArbiterHandle};

/// The threads.
#[derive(Default)]
pub(super) struct Workers {
    arbiters: Vec<Arbiter>,
    turn: usize,
}

impl Workers {
    /// Returns the next thread in turn. Returns none for a small computation, which stays on the
    /// thread of the sessions and links. Returns none also where the system gives no more threads.
    pub(super) fn next(&mut self, small: bool) -> Option<ArbiterHandle> {
        if small {
            return None;
        }
        if self.arbiters.len() < most() {
            match Arbiter::try_new() {
                Ok(arbiter) => self.arbiters.push(arbiter),
                Err(error) => tracing::warn!(%error, "no further thread for computations"),
            }
        }
        self.turn = self.turn.wrapping_add(1);
        let index = self.turn.checked_rem(self.arbiters.len())?;
        self.arbiters.get(index).map(Arbiter::handle)
    }

    /// Ends all threads.
    pub(super) fn stop(&mut self) {
        for arbiter in self.arbiters.drain(..) {
            arbiter.stop();
        }
    }
}

fn most() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}
