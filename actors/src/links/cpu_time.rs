//! The CPU time of links: the time in which their tasks ran on the thread, for frames, TLS and the
//! system's calls.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The CPU time of a link so far. Clones count together, and can be read from any thread.
#[derive(Clone, Debug, Default)]
pub struct CpuTime(Arc<AtomicU64>);

impl CpuTime {
    /// Returns the CPU time since the link was made.
    #[must_use]
    pub fn so_far(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Runs `task`, and counts the time in which it does not wait.
    pub(super) async fn of<F: Future>(self, task: F) -> F::Output {
        let mut task = pin!(task);
        poll_fn(|context| {
            let begun = Instant::now();
            let polled = task.as_mut().poll(context);
            let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.0.fetch_add(nanos, Ordering::Relaxed);
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::task::{Context, Waker};
    use std::thread::sleep;

    use super::*;

    const A_WHILE: Duration = Duration::from_millis(50);

    #[test]
    fn waiting_is_not_counted_and_work_is() {
        let (cpu_time, mut context) = (CpuTime::default(), Context::from_waker(Waker::noop()));
        let begun = Instant::now();
        let mut waiting = pin!(cpu_time.clone().of(pending::<()>()));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        sleep(A_WHILE);
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(cpu_time.so_far() <= begun.elapsed() - A_WHILE, "{cpu_time:?}");

        let mut working = pin!(cpu_time.clone().of(async { sleep(A_WHILE) }));
        assert!(working.as_mut().poll(&mut context).is_ready());
        assert!(cpu_time.so_far() >= A_WHILE, "{cpu_time:?}");
    }
}
