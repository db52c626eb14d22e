//! A party's own virtual time: the times between which it computes.
//!
//! Without a clock for it, computing takes no time. With one, a step takes the same virtual time as
//! it takes by that clock, and a message that arrives meanwhile waits for its end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::kernel::trace::Clock;

pub(super) struct Processor {
    /// The clock by which computing takes time.
    clock: Option<Clock>,
    /// The beginning of the step, in virtual time and by the clock.
    began: Cell<(f64, Duration)>,
    /// The end of the last step, in virtual time.
    free: Cell<f64>,
}

impl Processor {
    pub(super) fn new(clock: Option<Clock>) -> Rc<Self> {
        let began = Cell::new((0.0, Duration::ZERO));
        Rc::new(Self { clock, began, free: Cell::new(0.0) })
    }

    /// Begins a step with a message that arrives at `arrival`, as soon as the last step has ended.
    pub(super) fn begin(&self, arrival: f64) {
        self.began.set((self.free.get().max(arrival), self.read()));
    }

    /// Ends the step.
    pub(super) fn end(&self) {
        self.free.set(self.now());
    }

    /// Returns the end of the last step, in seconds of virtual time.
    pub(super) fn free(&self) -> f64 {
        self.free.get()
    }

    /// Returns a clock that shows the party's virtual time within its steps.
    pub(super) fn virtual_clock(self: &Rc<Self>) -> Clock {
        let processor = Rc::clone(self);
        // Links that let nothing through take longer than any duration.
        Rc::new(move || Duration::try_from_secs_f64(processor.now()).unwrap_or(Duration::MAX))
    }

    fn now(&self) -> f64 {
        let (virtually, by_clock) = self.began.get();
        virtually + self.read().saturating_sub(by_clock).as_secs_f64()
    }

    fn read(&self) -> Duration {
        self.clock.as_ref().map_or(Duration::ZERO, |clock| clock())
    }
}
