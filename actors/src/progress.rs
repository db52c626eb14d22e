//! How far a computation is, for whoever looks: its state, its round, who is awaited and since when,
//! and the rounds behind it.
//!
//! A computation keeps a [`Reporter`] and never waits for whoever looks. It wakes nobody either:
//! a round takes less than a thousandth of a second, and people look a few times a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use cloister_protocols::machine::{Awaiting, Phase};
use tokio::sync::watch;
use uuid::Uuid;

/// Rounds of one computation that are remembered, the latest ones.
const MOST_ROUNDS: usize = 200;

/// How far a computation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Being decided on, and its data read.
    Preparing,
    /// Waiting for the links to all parties.
    Connecting,
    /// Exchanging what each party was asked to compute.
    Agreeing,
    /// In this round, computing on masked or shared values.
    Running {
        /// The number of the round, from 1.
        round: usize,
    },
    /// Revealing the answer to each other.
    Opening,
    /// The answer is there.
    Done,
    /// It ended without one.
    Failed,
}

/// How far it is, and how it came there.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Where it is.
    pub lifecycle: Lifecycle,
    /// Who is awaited, by index among the computation's members.
    pub awaited: Vec<usize>,
    /// Since when just these are awaited.
    pub since: Instant,
    /// The rounds so far, the one that runs last.
    pub rounds: VecDeque<Round>,
    /// How many of the first rounds are forgotten.
    pub forgotten: usize,
    /// The suite that computes it, once it is chosen.
    pub suite: Option<&'static str>,
    /// Its number under the name of its network, once it has one.
    pub run: Option<u64>,
}

/// A round of a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its number; 0 for the agreement.
    pub number: usize,
    /// What it is for.
    pub stage: &'static str,
    /// When it began.
    pub started: Instant,
    /// When it was over.
    pub ended: Option<Instant>,
    /// Who was awaited last, by index among the computation's members.
    pub waited_for: Vec<usize>,
}

/// The computation's side: tells how far it is, and hears whether it is to end.
#[derive(Clone, Debug)]
pub struct Reporter {
    id: Uuid,
    progress: Arc<watch::Sender<Progress>>,
    cancelled: watch::Receiver<Option<Arc<str>>>,
}

/// The other side: sees how far it is, and can have it end.
#[derive(Clone, Debug)]
pub struct Observer {
    id: Uuid,
    progress: watch::Receiver<Progress>,
    cancel: Arc<watch::Sender<Option<Arc<str>>>>,
}

impl Lifecycle {
    /// Its name, for people and programs.
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

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    /// The order of a life: preparing, connecting, agreeing, rounds, opening (and rounds again where
    /// a function opens more than once), done; failed from anywhere but the ends.
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

/// A computation that begins, under a fresh name.
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
    let (cancel, cancelled) = watch::channel(None);
    let id = Uuid::new_v4();
    let reporter = Reporter { id, progress: Arc::new(sender), cancelled };
    (reporter, Observer { id, progress: receiver, cancel: Arc::new(cancel) })
}

impl Reporter {
    /// Of a computation that nobody looks at.
    #[must_use]
    pub fn unobserved() -> Self {
        let (reporter, _) = begin();
        reporter
    }

    /// The name of the computation at this node.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether somebody wants it to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.borrow().is_some()
    }

    /// Who wants it to end, if somebody at this node does.
    #[must_use]
    pub fn cancelled_by(&self) -> Option<Arc<str>> {
        self.cancelled.borrow().clone()
    }

    /// Returns when somebody wants it to end, and else never.
    pub async fn cancelled(&self) {
        if self.cancelled.clone().wait_for(Option::is_some).await.is_err() {
            // Nobody is left who could want it.
            std::future::pending().await
        }
    }

    /// Which suite computes it.
    pub fn has_suite(&self, suite: &'static str) {
        self.change(|progress| progress.suite = Some(suite));
    }

    /// Which number it has under the name of its network.
    pub fn has_run(&self, run: u64) {
        self.change(|progress| progress.run = Some(run));
    }

    /// Where it is from now on.
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

    /// For whose links it waits, by index among its members.
    pub fn connecting(&self, missing: Vec<usize>) {
        let now = Instant::now();
        self.change(|progress| {
            progress.lifecycle = Lifecycle::Connecting;
            progress.now_awaits(missing.into_iter(), now);
        });
    }

    /// What its protocol waits for.
    pub fn awaits(&self, awaiting: &Awaiting) {
        let now = Instant::now();
        self.change(|progress| {
            let (number, stage) = match awaiting.phase {
                Phase::Agreeing => (0, "agreeing"),
                Phase::Running | Phase::Opening => (awaiting.round, awaiting.name),
            };
            let same = |round: &Round| (round.number, round.stage) == (number, stage);
            if !progress.rounds.back().is_some_and(same) {
                progress.end_round(now);
                progress.begin_round(number, stage, now);
            }
            progress.now_awaits(awaiting.parties.iter().map(|party| party.index()), now);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_if_modified(|progress| {
            change(progress);
            // Nobody is woken: who looks comes by itself.
            false
        });
    }
}

impl Observer {
    /// The name of the computation at this node.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// How far it is.
    #[must_use]
    pub fn look(&self) -> watch::Ref<'_, Progress> {
        self.progress.borrow()
    }

    /// Has it end as soon as it looks; whoever runs it must be told too.
    pub fn cancel(&self, by: &str) {
        // Whoever runs it may be done with it.
        let _ = self.cancel.send(Some(Arc::from(by)));
    }
}

impl Progress {
    /// The number of the round that runs; 0 before the first.
    #[must_use]
    pub fn round(&self) -> usize {
        self.rounds.back().map_or(0, |round| round.number)
    }

    /// What the round that runs is for.
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
