//! The time for which links have worked: in which their tasks ran on the thread, for frames, TLS and the
//! system's calls.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time for which a link has worked so far. Clones count together, and can be read from any thread.
#[derive(Clone, Debug, Default)]
pub struct CpuTime(Arc<AtomicU64>);

impl CpuTime {
    /// All of it since the link was made.
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
    use super::*;

    #[actix_rt::test]
    async fn waiting_is_not_counted_and_work_is() {
        let cpu_time = CpuTime::default();
        cpu_time.clone().of(tokio::time::sleep(Duration::from_millis(50))).await;
        assert!(cpu_time.so_far() < Duration::from_millis(25), "{cpu_time:?}");
        cpu_time.clone().of(async { std::thread::sleep(Duration::from_millis(50)) }).await;
        assert!(cpu_time.so_far() >= Duration::from_millis(50), "{cpu_time:?}");
    }
}
