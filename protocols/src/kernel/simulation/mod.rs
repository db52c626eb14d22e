//! All parties of a computation in one thread: seeded, with a virtual clock and any adversary.
//!
//! A run is a function of its seed: the parties' randomness, the order in which messages of
//! different pairs arrive, and so the result. Messages of one pair stay in order, as on a real
//! link, unless an adversary changes that. The clock is virtual. Computing takes no time; a message
//! takes its length over the bandwidth and then the latency. Each ordered pair has a link of its
//! own. A run ends when nothing is in flight any more. Its waits then are those that a deadline
//! would end on real nodes.
//!
//! Nothing here has a real clock, and nothing here is used by a node. To measure a computation on
//! slow links, a caller may lend a clock ([`Simulation::computing`]). Then virtual time passes
//! while a party computes, too, and a run is no function of its seed any more. Each party has a
//! processor of its own in virtual time, also if all had one in real time.

pub mod adversary;
mod arrivals;
mod network;
mod processor;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use rand_core::Rng;

use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::machine::{Awaiting, Machine, Part, Setting, Step};
use crate::kernel::meter::Meter;
use crate::kernel::party::{Parties, Party};
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::adversary::{Adversary, Envelope, Honest};
use crate::kernel::simulation::network::Network;
use crate::kernel::simulation::processor::Processor;
use crate::kernel::trace::{Clock, Trace};
use crate::kernel::wire::SessionId;

/// The speed of every link of a simulated network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The seconds that a byte is under way.
    pub latency: f64,
    /// The bytes a second; infinite for a link that only has latency.
    pub bandwidth: f64,
}

/// The settings of a run.
pub struct Simulation {
    seed: u64,
    parties: usize,
    link: Link,
    limit: usize,
    adversary: Box<dyn Adversary>,
    /// The clock by which computing takes time.
    computing: Option<Clock>,
    /// The number of parties that begin with the first message.
    called: usize,
    keeps_transcript: bool,
}

/// The end of a run.
#[derive(Debug)]
pub struct Report<T> {
    /// Each party's ending, by index.
    pub endings: Vec<Ending<T>>,
    /// Each party's cost, by index.
    pub meters: Vec<Meter>,
    /// The time at which each party ended, or had nothing more to do, by index: seconds of virtual
    /// time.
    pub ended: Vec<f64>,
    /// The times of each party's activities in virtual time, by index.
    pub traces: Vec<Trace>,
    /// The virtual time in seconds until nothing was in flight any more, and no party computed.
    pub seconds: f64,
    /// Every message as it was delivered, in the order of delivery; empty if the run keeps none.
    pub transcript: Vec<Delivery>,
}

/// The ending of a party.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending<T> {
    /// The protocol's result.
    Done(T),
    /// The fault that stopped the protocol.
    Stopped(Fault),
    /// A wait with nothing in flight.
    Stalled(Awaiting),
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// Its number among the messages from one to the other, as it was delivered.
    pub sequence: u32,
    /// The bytes.
    pub body: Bytes,
}

struct Node<T> {
    machine: Machine<T>,
    processor: Rc<Processor>,
    ending: Option<Ending<T>>,
}

impl Default for Link {
    /// Returns a link without latency, and with all the bandwidth there could be.
    fn default() -> Self {
        Self { latency: 0.0, bandwidth: f64::INFINITY }
    }
}

impl Simulation {
    /// Creates a run of three honest parties on links that take no time.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let adversary = Box::new(Honest);
        Self {
            seed,
            parties: 3,
            link: Link::default(),
            limit: 1 << 30,
            adversary,
            computing: None,
            called: 0,
            keeps_transcript: true,
        }
    }

    /// Sets the number of parties, 2 or more.
    #[must_use]
    pub fn parties(self, parties: usize) -> Self {
        Self { parties, ..self }
    }

    /// Sets the speed of all links.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        Self { link, ..self }
    }

    /// Sets the bytes from each party for which each other has room.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Sets the adversary.
    #[must_use]
    pub fn adversary(self, adversary: impl Adversary + 'static) -> Self {
        Self { adversary: Box::new(adversary), ..self }
    }

    /// Lets computing take the time that it takes by this clock. A party is busy until its step
    /// ends. A message that arrives earlier waits for that, and the messages of the step leave
    /// then.
    #[must_use]
    pub fn computing(self, clock: Clock) -> Self {
        Self { computing: Some(clock), ..self }
    }

    /// Sets the number of parties, the last ones, that begin when the first message comes to them,
    /// as helpers do.
    #[must_use]
    pub fn called(self, called: usize) -> Self {
        Self { called, ..self }
    }

    /// Keeps no transcript: for many parties, or large messages.
    #[must_use]
    pub fn without_transcript(self) -> Self {
        Self { keeps_transcript: false, ..self }
    }

    /// Runs `protocol`, called once for each party, until no message is in flight.
    ///
    /// # Panics
    /// If the number of parties is not from 2 to [`crate::kernel::party::MAX_PARTIES`].
    pub fn run<T, P, F>(self, mut protocol: P) -> Report<T>
    where
        P: FnMut(Channel, Party, PredictableRng) -> F,
        F: Future<Output = Result<T, Fault>> + 'static,
    {
        let mut rng = PredictableRng::from_predictable_seed(self.seed);
        let mut nodes: Vec<Node<T>> = (0..self.parties)
            .map(|index| self.node(index, rng.next_u64(), &mut protocol))
            .collect();
        let mut run = Run {
            network: Network::new(self.link, rng),
            adversary: self.adversary,
            renumbered: BTreeMap::new(),
        };
        let mut transcript = Vec::new();
        let callers = self.parties.saturating_sub(self.called);
        for node in nodes.iter_mut().take(callers) {
            node.begin();
            run.send(node);
        }
        while let Some((delivery, parts)) = run.network.next() {
            if let Some(node) = nodes.get_mut(delivery.to.index()) {
                node.receive(run.network.seconds(), delivery.from, parts);
                run.send(node);
            }
            if self.keeps_transcript {
                transcript.push(delivery);
            }
        }
        let mut report = Report { transcript, ..Report::empty(run.network.seconds()) };
        nodes.into_iter().for_each(|node| report.add(node));
        report
    }

    fn node<T, P, F>(&self, index: usize, seed: u64, protocol: &mut P) -> Node<T>
    where
        P: FnMut(Channel, Party, PredictableRng) -> F,
        F: Future<Output = Result<T, Fault>> + 'static,
    {
        let parties = Parties::new(self.parties, index).expect("from 2 to 256 parties");
        let setting = Setting {
            parties,
            session: SessionId([7; 16]),
            link_bindings: (0..self.parties).map(|other| link_binding(index, other)).collect(),
            limit: self.limit,
        };
        let rng = PredictableRng::from_predictable_seed(seed);
        let machine = Machine::new(setting, |channel| protocol(channel, parties.me(), rng));
        let processor = Processor::new(self.computing.clone());
        machine.lend_clock(processor.virtual_clock());
        Node { machine, processor, ending: None }
    }
}

/// Returns the link binding: the same at both ends of a link, and on no other.
fn link_binding(one: usize, other: usize) -> [u8; 32] {
    let ends = [one.min(other), one.max(other)].map(|end| end as u64);
    blake3::derive_key("cloister 1 simulated link", &ends.map(u64::to_le_bytes).concat())
}

struct Run {
    network: Network,
    adversary: Box<dyn Adversary>,
    renumbered: BTreeMap<(Party, Party), u32>,
}

impl Run {
    /// Sends the messages of a party at the end of its step.
    fn send<T>(&mut self, node: &mut Node<T>) {
        let from = node.machine.parties().me();
        for message in node.machine.outgoing() {
            let envelope = Envelope { from, message, retag: false };
            for mut sent in self.adversary.intercept(envelope) {
                if sent.retag {
                    self.renumber(node, &mut sent);
                }
                self.network.send(node.processor.free(), sent.from, sent.message);
            }
        }
    }

    /// Numbers and tags a message as a cheating party does that keeps to the form.
    fn renumber<T>(&mut self, node: &Node<T>, sent: &mut Envelope) {
        let next = self.renumbered.entry((sent.from, sent.message.to)).or_default();
        sent.message.sequence = *next;
        *next += 1;
        node.machine.retag(&mut sent.message);
    }
}

impl<T> Node<T> {
    /// Runs the first step.
    fn begin(&mut self) {
        self.processor.begin(0.0);
        self.step();
        self.processor.end();
    }

    /// Takes a message that has arrived, and goes on with it as soon as the party is free.
    fn receive(&mut self, arrival: f64, from: Party, parts: Vec<Part>) {
        if self.ending.is_some() {
            return;
        }
        self.processor.begin(arrival);
        match parts.into_iter().try_for_each(|part| self.machine.deliver(from, part)) {
            Ok(()) => self.step(),
            Err(fault) => self.ending = Some(Ending::Stopped(fault)),
        }
        self.processor.end();
    }

    fn step(&mut self) {
        self.ending = match self.machine.step() {
            Step::Waiting(_) => None,
            Step::Ended(Ok(result)) => Some(Ending::Done(result)),
            Step::Ended(Err(fault)) => Some(Ending::Stopped(fault)),
        };
    }
}

impl<T> Report<T> {
    fn empty(seconds: f64) -> Self {
        let (endings, meters, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { endings, meters, ended, traces: Vec::new(), seconds, transcript: Vec::new() }
    }

    /// Adds the ending of the next party.
    fn add(&mut self, node: Node<T>) {
        let Node { machine, processor, ending } = node;
        self.endings.push(ending.unwrap_or_else(|| Ending::Stalled(machine.awaiting())));
        self.meters.push(machine.meter().clone());
        self.traces.extend(machine.trace());
        self.ended.push(processor.free());
        self.seconds = self.seconds.max(processor.free());
    }

    /// Returns the results of all parties, in order.
    ///
    /// # Errors
    /// The index and ending of the first party that has none.
    pub fn results(&self) -> Result<Vec<&T>, (usize, &Ending<T>)> {
        let endings = self.endings.iter().enumerate();
        endings.map(|(index, ending)| ending.done().ok_or((index, ending))).collect()
    }

    /// Returns the most rounds that a party began.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.meters.iter().map(Meter::rounds).max().unwrap_or_default()
    }

    /// Returns the bytes that all parties sent together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.meters.iter().map(|meter| meter.total().bytes_sent).sum()
    }
}

impl<T> Ending<T> {
    /// Returns the result, if there is one.
    pub fn done(&self) -> Option<&T> {
        match self {
            Self::Done(result) => Some(result),
            Self::Stopped(_) | Self::Stalled(_) => None,
        }
    }

    /// Returns the fault, if there is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Stopped(fault) => Some(fault),
            Self::Done(_) | Self::Stalled(_) => None,
        }
    }
}
