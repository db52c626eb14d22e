//! The progress of a computation, for observers: its state, its round, the members awaited and
//! since when, and the rounds behind it.
//!
//! A computation keeps a [`Reporter`] and never waits for an observer. It wakes none either: a
//! round takes less than a thousandth of a second, and people look a few times a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use cloister_protocols::machine::{Awaiting, Phase};
use tokio::sync::watch;
use uuid::Uuid;

/// The most rounds of one computation that are remembered, the latest ones.
const MOST_ROUNDS: usize = 200;

/// The state of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The decision on it, and the reading of its data.
    Preparing,
    /// The wait for the links to all parties.
    Connecting,
    /// The exchange of the parties' proposals.
    Agreeing,
    /// A round on masked or shared values.
    Running {
        /// The number of the round, from 1.
        round: usize,
    },
    /// The opening of the answer.
    Opening,
    /// The end with an answer.
    Done,
    /// The end without an answer.
    Failed,
}

/// The progress of a computation, and its history.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The state.
    pub lifecycle: Lifecycle,
    /// The members awaited, by index among the computation's members.
    pub awaited: Vec<usize>,
    /// The time since which exactly these are awaited.
    pub since: Instant,
    /// The rounds so far, the one that runs last.
    pub rounds: VecDeque<Round>,
    /// The number of the first rounds that are forgotten.
    pub forgotten: usize,
    /// The suite of the computation, once it is chosen.
    pub suite: Option<&'static str>,
    /// The number of the run under its network name, once it has one.
    pub run: Option<u64>,
}

/// A round of a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The number; 0 for the agreement.
    pub number: usize,
    /// The name of the step.
    pub stage: &'static str,
    /// The begin.
    pub started: Instant,
    /// The end.
    pub ended: Option<Instant>,
    /// The members awaited last, by index among the computation's members.
    pub waited_for: Vec<usize>,
}

/// The computation's side: tells the progress, and hears that it is to end.
#[derive(Clone, Debug)]
pub struct Reporter {
    id: Uuid,
    progress: Arc<watch::Sender<Progress>>,
    early: watch::Receiver<Option<Early>>,
}

/// The reason for which a computation is to end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// A principal of this node has cancelled it.
    Cancelled(Arc<str>),
    /// The node is stopping.
    Stopping,
}

/// The observer's side: sees the progress, and can end it.
#[derive(Clone, Debug)]
pub struct Observer {
    id: Uuid,
    progress: watch::Receiver<Progress>,
    early: Arc<watch::Sender<Option<Early>>>,
}

impl Lifecycle {
    /// Returns the state's name, for people and programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Connecting => "connecting",
            Self::Agreeing => "agreeing",
            Self::Running { .. } => "running",
            Self::Opening => "opening",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Returns whether the computation is over.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    /// Returns whether `next` may follow. The order of a life is preparing, connecting, agreeing,
    /// rounds, opening, done. Rounds follow again if a function opens more than once. It may fail
    /// from anywhere but the ends.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Done | Self::Failed, _) => false,
            (_, Self::Failed | Self::Done) => true,
            (_, Self::Preparing) => false,
            (Self::Preparing, Self::Connecting) => true,
            (_, Self::Connecting) => false,
            (Self::Preparing | Self::Connecting, _) => true,
            (_, Self::Agreeing) => false,
            _ => true,
        }
    }
}

/// Creates both sides of a computation that begins, under a fresh name.
#[must_use]
pub fn begin() -> (Reporter, Observer) {
    let progress = Progress {
        lifecycle: Lifecycle::Preparing,
        awaited: Vec::new(),
        since: Instant::now(),
        rounds: VecDeque::new(),
        forgotten: 0,
        suite: None,
        run: None,
    };
    let (sender, receiver) = watch::channel(progress);
    let (end, early) = watch::channel(None);
    let id = Uuid::new_v4();
    let reporter = Reporter { id, progress: Arc::new(sender), early };
    (reporter, Observer { id, progress: receiver, early: Arc::new(end) })
}

impl Reporter {
    /// Creates the reporter of a computation without observers.
    #[must_use]
    pub fn unobserved() -> Self {
        let (reporter, _) = begin();
        reporter
    }

    /// Returns the computation's name at this node.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns whether the computation was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_by().is_some()
    }

    /// Returns the principal of this node that cancelled it, if one did.
    #[must_use]
    pub fn cancelled_by(&self) -> Option<Arc<str>> {
        match &*self.early.borrow() {
            Some(Early::Cancelled(by)) => Some(Arc::clone(by)),
            Some(Early::Stopping) | None => None,
        }
    }

    /// Returns when the computation is to end before its time, and never otherwise.
    pub async fn ends_early(&self) -> Early {
        let mut early = self.early.clone();
        match early.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            // No observer is left that could end it.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Returns when the node is stopping, and never otherwise.
    pub async fn stops(&self) {
        let mut early = self.early.clone();
        if early.wait_for(|reason| *reason == Some(Early::Stopping)).await.is_err() {
            // No observer is left that could end it.
            std::future::pending().await
        }
    }

    /// Tells the suite of the computation.
    pub fn has_suite(&self, suite: &'static str) {
        self.change(|progress| progress.suite = Some(suite));
    }

    /// Tells the number of the run under its network name.
    pub fn has_run(&self, run: u64) {
        self.change(|progress| progress.run = Some(run));
    }

    /// Tells the state from now on.
    pub fn reached(&self, next: Lifecycle) {
        let now = Instant::now();
        self.change(|progress| {
            progress.lifecycle = next;
            if next.has_ended() {
                progress.end_round(now);
                progress.awaited.clear();
            }
        });
    }

    /// Tells the members for whose links it waits, by index among its members.
    pub fn connecting(&self, missing: Vec<usize>) {
        let now = Instant::now();
        self.change(|progress| {
            progress.lifecycle = Lifecycle::Connecting;
            progress.now_awaits(missing.into_iter(), now);
        });
    }

    /// Tells the message that its protocol waits for.
    pub fn awaits(&self, awaiting: &Awaiting) {
        let now = Instant::now();
        self.change(|progress| {
            let (number, stage) = match awaiting.phase {
                Phase::Agreeing => (0, "agreeing"),
                Phase::Running | Phase::Opening => (awaiting.round, awaiting.name),
            };
            let last = progress.rounds.back().map(|round| (round.number, round.stage));
            if last != Some((number, stage)) {
                progress.end_round(now);
                progress.begin_round(number, stage, now);
            }
            progress.now_awaits(awaiting.parties.iter().map(|party| party.index()), now);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_if_modified(|progress| {
            change(progress);
            // No observer is woken: they look by themselves.
            false
        });
    }
}

impl Observer {
    /// Returns the computation's name at this node.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns the progress.
    #[must_use]
    pub fn look(&self) -> watch::Ref<'_, Progress> {
        self.progress.borrow()
    }

    /// Cancels the computation. It ends as soon as it looks; the actor that runs it must be told
    /// too.
    pub fn cancel(&self, by: &str) {
        self.end_early(Early::Cancelled(Arc::from(by)));
    }

    /// Ends the computation because the node stops.
    pub fn stop(&self) {
        self.end_early(Early::Stopping);
    }

    fn end_early(&self, reason: Early) {
        // The computation may be over.
        let _ = self.early.send(Some(reason));
    }
}

impl Progress {
    /// Returns the number of the round that runs; 0 before the first.
    #[must_use]
    pub fn round(&self) -> usize {
        self.rounds.back().map_or(0, |round| round.number)
    }

    /// Returns the name of the step of the round that runs.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        self.rounds.back().map_or("", |round| round.stage)
    }

    fn begin_round(&mut self, number: usize, stage: &'static str, now: Instant) {
        if self.rounds.len() >= MOST_ROUNDS {
            self.rounds.pop_front();
            self.forgotten += 1;
        }
        let waited_for = Vec::new();
        self.rounds.push_back(Round { number, stage, started: now, ended: None, waited_for });
    }

    fn end_round(&mut self, now: Instant) {
        let awaited = std::mem::take(&mut self.awaited);
        if let Some(round) = self.rounds.back_mut().filter(|round| round.ended.is_none()) {
            round.ended = Some(now);
            round.waited_for = awaited;
        }
    }

    fn now_awaits(&mut self, awaited: impl Iterator<Item = usize> + Clone, now: Instant) {
        if !self.awaited.iter().copied().eq(awaited.clone()) {
            self.awaited.clear();
            self.awaited.extend(awaited);
            self.since = now;
        }
    }
}
