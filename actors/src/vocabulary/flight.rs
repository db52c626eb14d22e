//! The budget of bytes in flight.
//!
//! A request reserves its bytes before its body is read. They stay reserved until the call, and the
//! computation that it began, have ended. A request that finds no room is refused at once. Bytes of
//! computations may wait for other parties, and those must not wait for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which the budget is counted, in bytes.
const UNIT: usize = 1 << 10;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct FlightBudget {
    room: Arc<Semaphore>,
}

/// The bytes that a request reserved, until the last clone is dropped.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Flight(Option<Arc<OwnedSemaphorePermit>>);

impl FlightBudget {
    /// Creates a budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let permits = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(permits)) }
    }

    /// Reserves so many bytes, if there is room for them.
    pub fn reserve(&self, bytes: usize) -> Option<Flight> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.room).try_acquire_many_owned(units).ok()?;
        Some(Flight(Some(Arc::new(permit))))
    }
}

impl Flight {
    /// Gives back the bytes beyond so many. A clone keeps all of them reserved.
    pub fn shrink_to(&mut self, bytes: usize) {
        let Some(permit) = self.0.as_mut().and_then(Arc::get_mut) else { return };
        let spare = permit.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop(permit.split(spare));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_reserved_until_the_last_clone_is_dropped() {
        let budget = FlightBudget::new(10 * UNIT);
        let request = budget.reserve(6 * UNIT).unwrap();
        let job = request.clone();
        assert!(budget.reserve(5 * UNIT).is_none());
        drop(request);
        assert!(budget.reserve(5 * UNIT).is_none(), "its job goes on");
        drop(job);
        assert!(budget.reserve(5 * UNIT).is_some());
    }

    #[test]
    fn a_body_that_turns_out_shorter_gives_back_the_rest() {
        let budget = FlightBudget::new(10 * UNIT);
        let mut all = budget.reserve(10 * UNIT).unwrap();
        assert!(budget.reserve(1).is_none());
        all.shrink_to(3 * UNIT);
        assert!(budget.reserve(8 * UNIT).is_none());
        assert!(budget.reserve(7 * UNIT).is_some());
        assert!(budget.reserve(usize::MAX).is_none());
    }
}
