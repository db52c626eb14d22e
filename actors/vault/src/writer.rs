//! Group commit by the one thread that writes.
//!
//! The thread waits for a job and takes the other waiting jobs, up to a bound on bytes. It applies
//! all of them in one transaction, commits it durably, and then answers each. A job that refuses
//! must have written nothing, because the other jobs are still committed. A job that meets a fault
//! of the disk aborts the transaction, and all its jobs are answered with the error.
//!
//! A commit waits for the disk, and so do the commits behind it. A job that no caller waits for is
//! deferred: it waits for the next job that is not, and is committed with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::VaultError;
use crate::store::{Group, Store};

/// The most writes that may wait.
const QUEUE_JOBS: usize = 4096;
/// The most bytes of all waiting writes. A single bigger one may wait alone.
const QUEUE_BYTES: usize = 1 << 30;
/// The number of bytes from which on a group is committed, though more jobs wait.
const GROUP_BYTES: usize = 64 << 20;
/// The longest time that a deferred write waits for one that is not.
const PATIENCE: Duration = Duration::from_millis(20);

/// The answer to a write, given once the write is on the disk. A future, or [`Written::wait`].
///
/// The write starts by itself; dropping this loses the answer only.
#[must_use = "the write may be refused or fail"]
pub struct Written<T>(Answer<T>);

enum Answer<T> {
    Refused(VaultError),
    Awaited(oneshot::Receiver<Result<T, VaultError>>),
}

impl<T> Written<T> {
    pub(crate) fn refused(error: VaultError) -> Self {
        Self(Answer::Refused(error))
    }

    /// Waits for the answer. Blocks the thread.
    pub fn wait(self) -> Result<T, VaultError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut written = self;
        loop {
            match Pin::new(&mut written).poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl<T> Future for Written<T> {
    type Output = Result<T, VaultError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Refused(error) => Poll::Ready(Err(error.clone())),
            Answer::Awaited(answer) => Pin::new(answer)
                .poll(context)
                // No answer: the writer ended before this job.
                .map(|answer| answer.unwrap_or(Err(VaultError::Closed))),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The sending side of the queue of writes.
pub(crate) struct Queue {
    jobs: SyncSender<Box<dyn Job>>,
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    /// Starts the writer, which ends when the queue is dropped and empty.
    pub(crate) fn start(store: Arc<Store>) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (jobs, waiting) = sync_channel(QUEUE_JOBS);
        let bytes = Arc::new(AtomicUsize::new(0));
        let freed = Arc::clone(&bytes);
        let writer = thread::Builder::new()
            .name("vault writer".to_owned())
            .spawn(move || write_all(&store, &waiting, &freed))?;
        Ok((Self { jobs, bytes }, writer))
    }

    /// Queues a write of about `bytes` bytes. `work` must finish its checks before its first write:
    /// if it refuses, its earlier writes are committed with the rest of the group.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        self.queue(bytes, Urgency::Now, work)
    }

    /// Queues a write that is committed with the next one of [`Queue::submit`], or in a moment.
    pub(crate) fn defer<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        self.queue(bytes, Urgency::WithTheNext, work)
    }

    fn queue<T: Send + 'static>(
        &self,
        bytes: usize,
        urgency: Urgency,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        if !self.reserve(bytes) {
            return Written::refused(VaultError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        let task = Task { bytes, urgency, work: Some(work), outcome: None, reply };
        match self.jobs.try_send(Box::new(task)) {
            Ok(()) => Written(Answer::Awaited(answer)),
            Err(refused) => {
                self.bytes.fetch_sub(bytes, Ordering::AcqRel);
                Written::refused(match refused {
                    TrySendError::Full(_) => VaultError::Busy,
                    TrySendError::Disconnected(_) => VaultError::Closed,
                })
            }
        }
    }

    fn reserve(&self, bytes: usize) -> bool {
        self.bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                let sum = waiting.saturating_add(bytes);
                (waiting == 0 || sum <= QUEUE_BYTES).then_some(sum)
            })
            .is_ok()
    }
}

/// The group that a write is committed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    /// The next one.
    Now,
    /// That of the next write that is urgent.
    WithTheNext,
}

/// A write of any kind.
trait Job: Send {
    fn bytes(&self) -> usize;
    fn urgency(&self) -> Urgency;
    /// Applies the write and keeps its outcome. An error is a fault that aborts the transaction.
    fn apply(&mut self, group: &mut Group<'_>) -> Result<(), VaultError>;
    /// Answers the caller, after the commit of the group or its failure.
    fn answer(self: Box<Self>, committed: Result<(), VaultError>);
}

struct Task<T, F> {
    bytes: usize,
    urgency: Urgency,
    work: Option<F>,
    outcome: Option<Result<T, VaultError>>,
    reply: oneshot::Sender<Result<T, VaultError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn apply(&mut self, group: &mut Group<'_>) -> Result<(), VaultError> {
        let outcome = self.work.take().map_or(Err(VaultError::Closed), |work| work(group));
        if let Err(error) = &outcome
            && error.is_fault()
        {
            return Err(error.clone());
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), VaultError>) {
        // A refusal, too, may depend on writes that were not committed.
        let outcome = committed.and(self.outcome.unwrap_or(Err(VaultError::Closed)));
        // Fails if the caller has dropped its `Written`, and so does not wait for the answer.
        drop(self.reply.send(outcome));
    }
}

fn write_all(store: &Store, waiting: &Receiver<Box<dyn Job>>, freed: &AtomicUsize) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = gather(first, waiting, PATIENCE);
        let bytes: usize = jobs.iter().map(|job| job.bytes()).sum();
        let committed = store.commit(|group| jobs.iter_mut().try_for_each(|job| job.apply(group)));
        if let Err(error) = &committed {
            tracing::error!(%error, writes = jobs.len(), "not written");
        }
        freed.fetch_sub(bytes, Ordering::AcqRel);
        for job in jobs {
            job.answer(committed.clone());
        }
        store.shorten();
    }
}

/// Collects the first job and the waiting ones, up to the bound of a group. Waits for an urgent job
/// while there is none.
fn gather(
    first: Box<dyn Job>,
    waiting: &Receiver<Box<dyn Job>>,
    patience: Duration,
) -> Vec<Box<dyn Job>> {
    let (mut bytes, mut urgency) = (first.bytes(), first.urgency());
    let mut jobs = vec![first];
    let end = Instant::now() + patience;
    while bytes < GROUP_BYTES && jobs.len() < QUEUE_JOBS {
        let next = match urgency {
            Urgency::Now => waiting.try_recv().map_err(|_| RecvTimeoutError::Timeout),
            Urgency::WithTheNext => {
                waiting.recv_timeout(end.saturating_duration_since(Instant::now()))
            }
        };
        let Ok(job) = next else { break };
        bytes = bytes.saturating_add(job.bytes());
        if job.urgency() == Urgency::Now {
            urgency = Urgency::Now;
        }
        jobs.push(job);
    }
    jobs
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// So long that a test which waits for it shows as one that hangs.
    const LONG: Duration = Duration::from_secs(3_600);

    type AnyJob = Box<dyn Job>;

    fn job(urgency: Urgency) -> AnyJob {
        let (reply, _) = oneshot::channel();
        let work = |_: &mut Group<'_>| Ok(());
        Box::new(Task { bytes: 1, urgency, work: Some(work), outcome: None, reply })
    }

    fn group(jobs: &Receiver<AnyJob>, patience: Duration) -> Vec<Urgency> {
        let first = jobs.recv().unwrap();
        gather(first, jobs, patience).iter().map(|job| job.urgency()).collect()
    }

    fn queue(urgencies: &[Urgency]) -> (Sender<AnyJob>, Receiver<AnyJob>) {
        let (sender, jobs) = channel();
        for urgency in urgencies {
            sender.send(job(*urgency)).unwrap();
        }
        (sender, jobs)
    }

    #[test]
    fn a_deferred_write_is_committed_with_the_next_urgent_one() {
        use Urgency::{Now, WithTheNext};
        let (sender, jobs) = queue(&[WithTheNext, WithTheNext]);
        let urgent = thread::spawn(move || sender.send(job(Now)).unwrap());
        assert_eq!(group(&jobs, LONG), [WithTheNext, WithTheNext, Now]);
        urgent.join().unwrap();
    }

    #[test]
    fn an_urgent_write_waits_for_no_other_and_takes_what_is_there() {
        use Urgency::{Now, WithTheNext};
        let (_sender, jobs) = queue(&[Now, WithTheNext, Now]);
        assert_eq!(group(&jobs, LONG), [Now, WithTheNext, Now]);
    }

    #[test]
    fn a_deferred_write_is_committed_by_itself_in_the_end() {
        use Urgency::WithTheNext;
        let (sender, jobs) = queue(&[WithTheNext, WithTheNext]);
        assert_eq!(group(&jobs, Duration::ZERO), [WithTheNext, WithTheNext]);
        sender.send(job(WithTheNext)).unwrap();
        // The queue is closed: the writer must not wait for what cannot come.
        drop(sender);
        assert_eq!(group(&jobs, LONG), [WithTheNext]);
    }
}
