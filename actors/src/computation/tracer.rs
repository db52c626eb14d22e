//! Follows one computation and its links by the clock, for the client that asked for a trace.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use cloister_api::Trace;
use cloister_protocols::trace::{Clock, Trace as Measured};

use crate::links::CpuTime;
use crate::vocabulary::documents;

/// Follows one computation.
pub(super) struct Tracer {
    encoding: Duration,
    started: SystemTime,
    begun: Instant,
    links: Vec<CpuTime>,
    worked_before: Duration,
}

impl Tracer {
    /// Follows a computation that begins now, over these links, with data whose encoding took so
    /// long before.
    pub(super) fn new(encoding: Duration, links: Vec<CpuTime>) -> Self {
        let (started, begun, worked_before) = (SystemTime::now(), Instant::now(), worked(&links));
        Self { encoding, started, begun, links, worked_before }
    }

    /// Returns the clock to lend to the machine.
    pub(super) fn clock(&self) -> Clock {
        let begun = self.begun;
        Rc::new(move || begun.elapsed())
    }

    /// Returns the trace until now.
    pub(super) fn finish(&self, measured: Measured) -> Trace {
        let since_epoch = self.started.duration_since(SystemTime::UNIX_EPOCH);
        let serialisation = worked(&self.links).saturating_sub(self.worked_before);
        Trace {
            started: since_epoch.unwrap_or_default().as_secs_f64(),
            seconds: self.begun.elapsed().as_secs_f64(),
            encoding: self.encoding.as_secs_f64(),
            serialisation: serialisation.as_secs_f64(),
            rounds: measured.rounds.into_iter().map(documents::round).collect(),
        }
    }
}

fn worked(links: &[CpuTime]) -> Duration {
    links.iter().map(CpuTime::so_far).sum()
}
