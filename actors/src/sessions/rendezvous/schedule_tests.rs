//! Tables of 2 to 4 nodes against each other, under random schedules. Messages between nodes come
//! late, in another order, more than once, or never. Links break, nodes restart, clients ask alone,
//! too often or not at all.
//!
//! Whatever the schedule, each run of a client ends exactly once, none gets a part of another, and
//! afterwards the nodes meet again.

use std::collections::{BTreeMap, BTreeSet};

use cloister_certs::Fingerprint;
use cloister_protocols::wire::{self, PartHeader};

use super::*;
use crate::vocabulary::consortium::Member;

const SCHEDULES: u64 = 3_000;

/// The number of actions of one schedule.
const ACTIONS: usize = 120;

const DEADLINE: Duration = Duration::from_secs(5);

/// The number of messages of which one is lost, or comes twice.
const LOST: u64 = 20;
const REPEATED: u64 = 8;

/// The most times that clients ask alike until their nodes meet.
const TRIES: usize = 3;

/// Names of networks.
const NAMES: [&str; 2] = ["survival", "doses"];

#[test]
fn runs_end_once_are_never_mixed_and_nodes_meet_again() {
    for seed in 0..SCHEDULES {
        let _told = Told(seed);
        let mut world = World::new(seed);
        for _ in 0..ACTIONS {
            world.act();
        }
        world.settle();
        world.meets_again();
    }
}

/// Tells the seed of a schedule that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the schedule has the seed {}", self.0);
        }
    }
}

struct World {
    random: Random,
    nodes: Vec<Node>,
    wire: Vec<Flight>,
    now: Instant,
    boots: u8,
}

struct Node {
    table: Table,
    runs: BTreeMap<RunId, Client>,
    /// The sessions that have begun in this run of the node: none begins twice.
    sessions: BTreeSet<[u8; 16]>,
    up: BTreeSet<usize>,
    boot: [u8; 16],
}

/// A client's request, and its computation.
struct Client {
    network: &'static str,
    members: Vec<usize>,
    phase: Phase,
    session: Option<(SessionId, u64)>,
    asked: Instant,
    heard: BTreeSet<usize>,
    aborted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reserved,
    Launched,
    Begun,
    /// The computation ended, with or without an answer.
    Over {
        answered: bool,
    },
}

struct Flight {
    from: usize,
    to: usize,
    word: Word,
}

#[derive(Clone)]
enum Word {
    Part(SessionId, Part),
    Stop(SessionId, Bytes),
}

/// A small generator of numbers that look random: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.next().is_multiple_of(number)
    }
}

impl Node {
    fn new(me: usize, count: usize, boot: [u8; 16], now: Instant) -> Self {
        let node = NodeFacts {
            consortium: consortium(count),
            me,
            boot,
            deadline: DEADLINE,
            computations: 6,
            help: false,
            ahead: false,
            peek: |bytes| wire::decode(bytes).ok(),
        };
        let table = Table::new(node, now);
        let (runs, sessions, up) = Default::default();
        Self { table, runs, sessions, up, boot }
    }
}

pub(super) fn consortium(count: usize) -> Arc<Consortium> {
    let members = (0..count).map(|index| Member {
        name: format!("p{index}"),
        api: format!("http://h{index}:80"),
        peer: format!("h{index}:81"),
        fingerprints: vec![Fingerprint::from_bytes([u8::try_from(index).unwrap(); 32])],
    });
    Arc::new(Consortium::new(members.collect()).unwrap())
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (now, count) = (Instant::now(), 2 + random.below(3));
        let nodes = (0..count)
            .map(|me| Node::new(me, count, [u8::try_from(me).unwrap(); 16], now))
            .collect();
        let boots = u8::try_from(count).unwrap();
        let mut world = Self { random, nodes, wire: Vec::new(), now, boots };
        world.connect_all();
        world
    }

    fn act(&mut self) {
        let node = self.random.below(self.nodes.len());
        match self.random.below(100) {
            0..15 => self.reserve(node),
            15..30 => self.launch(node),
            30..32 => self.decline(node),
            32..34 => self.give_back(node),
            34..36 => self.cancel(node),
            36..75 => self.carry_one(),
            75..88 => self.finish_one(node),
            88..91 => self.flap(node),
            91..92 => self.restart(node),
            _ => {
                let milliseconds = self.random.below(400);
                self.pass(Duration::from_millis(milliseconds as u64));
            }
        }
    }

    fn on(&mut self, node: usize, event: Event) {
        let effects = self.nodes[node].table.on(self.now, event);
        self.apply(node, effects);
    }

    fn apply(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Grant(_) | Effect::Deny(_) => panic!("an answer comes last"),
                Effect::Refuse { run, .. } => {
                    let client = self.client(node, run);
                    assert_eq!(client.phase, Phase::Launched, "what has begun is not refused");
                    client.phase = Phase::Over { answered: false };
                }
                Effect::AwaitLinks { run, .. } => {
                    assert_eq!(self.client(node, run).phase, Phase::Launched);
                }
                Effect::Begin { run, session, number, .. } => {
                    self.begin(node, run, session, number);
                }
                Effect::Deliver(run, deliver) => self.delivered(node, run, &deliver),
                Effect::Abort(run, _) => {
                    let client = self.client(node, run);
                    assert_eq!(client.phase, Phase::Begun);
                    assert!(!client.aborted, "a computation is told once that it cannot go on");
                    client.aborted = true;
                }
                Effect::Stop { position, session, notice } => {
                    self.send(node, position, Word::Stop(session, notice.encoded().unwrap()));
                }
                Effect::AskAhead { .. } => panic!("these nodes do no preprocessing"),
            }
        }
    }

    fn client(&mut self, node: usize, run: RunId) -> &mut Client {
        self.nodes[node].runs.get_mut(&run).expect("an effect is about a run of a client")
    }

    fn begin(&mut self, node: usize, run: RunId, session: SessionId, number: u64) {
        assert!(self.nodes[node].sessions.insert(session.0), "a session begins once");
        let client = self.client(node, run);
        assert_eq!(client.phase, Phase::Launched);
        (client.phase, client.session) = (Phase::Begun, Some((session, number)));
        let (network, members) = (client.network, client.members.clone());
        let spec = spec(&self.nodes[node].table, network, &members, number);
        let header = PartHeader { sequence: 0, part: 0, last: true, tag: [0; 16] };
        let part = Part { header, body: wire::encode(&spec).unwrap().into() };
        for other in members {
            self.send(node, other, Word::Part(session, part.clone()));
        }
    }

    fn delivered(&mut self, node: usize, run: RunId, deliver: &Deliver) {
        let spec: Spec = wire::decode(&deliver.part.body).unwrap();
        let positions = self.nodes[node].table.positions(&spec.members).unwrap();
        let client = self.client(node, run);
        assert_eq!(client.phase, Phase::Begun, "only what runs is given parts");
        assert_eq!(spec.network, client.network, "runs are never mixed");
        assert!(run::same_members(&positions, &client.members), "runs are never mixed");
        assert_eq!(Some(spec.run), client.session.map(|(_, number)| number));
        client.heard.insert(client.members[deliver.from.index()]);
    }

    fn send(&mut self, from: usize, to: usize, word: Word) {
        if from != to && self.nodes[from].up.contains(&to) {
            self.wire.push(Flight { from, to, word });
        }
    }

    fn reserve(&mut self, node: usize) {
        let network = NAMES[self.random.below(NAMES.len())];
        let mut members: Vec<usize> = (0..self.nodes.len()).collect();
        if self.random.one_in(6) {
            let neighbour = (node + 1) % members.len();
            members.retain(|member| [node, neighbour].contains(member));
        }
        self.reserve_as(node, network, members);
    }

    fn reserve_as(&mut self, node: usize, network: &'static str, members: Vec<usize>) {
        let reserve = Reserve { members: members.clone(), helpers: 0, network: network.to_owned() };
        let mut effects = self.nodes[node].table.on(self.now, Event::Reserve(reserve));
        let answer = effects.pop();
        self.apply(node, effects);
        if let Some(Effect::Grant(run)) = answer {
            let client = Client {
                network,
                members,
                phase: Phase::Reserved,
                session: None,
                asked: self.now,
                heard: BTreeSet::new(),
                aborted: false,
            };
            assert!(self.nodes[node].runs.insert(run, client).is_none());
        }
    }

    /// Returns a run of a node in one of these phases.
    fn any(&mut self, node: usize, phases: &[Phase]) -> Option<RunId> {
        let runs = self.nodes[node].runs.iter();
        let runs: Vec<RunId> =
            runs.filter(|(_, it)| phases.contains(&it.phase)).map(|(run, _)| *run).collect();
        let index = self.random.below(runs.len().max(1));
        runs.get(index).copied()
    }

    fn launch(&mut self, node: usize) {
        let Some(run) = self.any(node, &[Phase::Reserved]) else { return };
        let cancelled = self.random.one_in(20);
        self.launch_one(node, run, cancelled);
    }

    fn launch_one(&mut self, node: usize, run: RunId, cancelled: bool) {
        let client = self.client(node, run);
        client.phase = Phase::Launched;
        let since = client.asked;
        self.on(node, Event::Launch { run, since, cancelled });
    }

    fn decline(&mut self, node: usize) {
        let Some(run) = self.any(node, &[Phase::Reserved]) else { return };
        self.client(node, run).phase = Phase::Over { answered: false };
        self.on(node, Event::Decline { run, failure: None });
        self.on(node, Event::Over(run));
    }

    fn give_back(&mut self, node: usize) {
        let Some(run) = self.any(node, &[Phase::Reserved]) else { return };
        self.client(node, run).phase = Phase::Over { answered: false };
        self.on(node, Event::Over(run));
    }

    fn cancel(&mut self, node: usize) {
        if let Some(run) = self.any(node, &[Phase::Launched, Phase::Begun]) {
            self.on(node, Event::Cancel(run));
        }
    }

    /// Carries any message that is on its way, or loses it.
    fn carry_one(&mut self) {
        if self.wire.is_empty() {
            return;
        }
        let index = self.random.below(self.wire.len());
        let Flight { from, to, word } = self.wire.remove(index);
        if self.random.one_in(LOST) {
            return;
        }
        if self.random.one_in(REPEATED) {
            self.wire.push(Flight { from, to, word: word.clone() });
        }
        self.carry(from, to, word);
    }

    fn carry(&mut self, from: usize, to: usize, word: Word) {
        let event = match word {
            Word::Part(session, part) => Event::Part { position: from, session, part },
            Word::Stop(session, notice) => Event::Stop { position: from, session, notice },
        };
        self.on(to, event);
    }

    /// Ends a computation that has all it needs, was told to end, or has run out of time.
    fn finish_one(&mut self, node: usize) {
        if let Some(run) = self.any(node, &[Phase::Begun]) {
            self.finish(node, run);
        }
    }

    fn finish(&mut self, node: usize, run: RunId) {
        let now = self.now;
        let client = self.client(node, run);
        let others = client.members.iter().filter(|member| **member != node);
        let answered = !client.aborted && others.into_iter().all(|it| client.heard.contains(it));
        let late = now.duration_since(client.asked) >= DEADLINE;
        if !answered && !client.aborted && !late {
            return;
        }
        client.phase = Phase::Over { answered };
        let (network, members) = (client.network, client.members.clone());
        let (session, number) = client.session.expect("what has begun has a session");
        if !answered {
            let table = &self.nodes[node].table;
            let ids: Vec<_> = members.iter().filter_map(|it| table.member(*it)).collect();
            let failure = Failure::Cancelled { member: "p0".into() };
            let notice = failure.to_notice(network, number, &ids, number + 1);
            for member in members {
                self.send(node, member, Word::Stop(session, notice.encoded().unwrap()));
            }
        }
        self.on(node, Event::Over(run));
    }

    fn flap(&mut self, node: usize) {
        let other = (node + 1 + self.random.below(self.nodes.len() - 1)) % self.nodes.len();
        if self.nodes[node].up.contains(&other) {
            self.disconnect(node, other);
        } else {
            self.connect(node, other);
        }
    }

    fn disconnect(&mut self, one: usize, other: usize) {
        let pairs = [(one, other), (other, one)];
        self.wire.retain(|flight| !pairs.contains(&(flight.from, flight.to)));
        for (node, position) in [(one, other), (other, one)] {
            if self.nodes[node].up.remove(&position) {
                self.on(node, Event::LinkDown { position, reason: "it broke".into() });
            }
        }
    }

    fn connect(&mut self, one: usize, other: usize) {
        for (node, position) in [(one, other), (other, one)] {
            let boot = self.nodes[position].boot;
            self.nodes[node].up.insert(position);
            self.on(node, Event::LinkUp { position, boot });
        }
    }

    fn connect_all(&mut self) {
        for one in 0..self.nodes.len() {
            for other in one + 1..self.nodes.len() {
                if !self.nodes[one].up.contains(&other) {
                    self.connect(one, other);
                }
            }
        }
    }

    /// Restarts a node: it forgets everything, and its clients are gone.
    fn restart(&mut self, node: usize) {
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            self.disconnect(node, other);
        }
        self.boots += 1;
        self.nodes[node] = Node::new(node, self.nodes.len(), [self.boots; 16], self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for node in 0..self.nodes.len() {
            self.on(node, Event::Tick);
        }
    }

    /// Lets all runs come to their end: nothing more is lost.
    fn settle(&mut self) {
        self.connect_all();
        for node in 0..self.nodes.len() {
            while let Some(run) = self.any(node, &[Phase::Reserved]) {
                self.launch_one(node, run, false);
            }
        }
        self.run_dry();
        // Time for computations that wait for ever, and for ends that are remembered for a moment.
        for _ in 0..2 {
            self.pass(DEADLINE);
            self.run_dry();
        }
        for node in &self.nodes {
            for (run, client) in &node.runs {
                assert!(matches!(client.phase, Phase::Over { .. }), "{run:?}: {:?}", client.phase);
            }
            let table = &node.table;
            assert!(table.runs.is_empty() && table.holders.is_empty(), "{:?}", table.runs);
            assert!(table.sessions.is_empty() && table.ends.is_empty());
        }
    }

    /// Carries all messages in the order in which they were sent, and ends computations that can
    /// end.
    fn run_dry(&mut self) {
        loop {
            while !self.wire.is_empty() {
                let Flight { from, to, word } = self.wire.remove(0);
                self.carry(from, to, word);
            }
            for node in 0..self.nodes.len() {
                let runs = self.nodes[node].runs.iter();
                let begun = runs.filter(|(_, client)| client.phase == Phase::Begun);
                for run in begun.map(|(run, _)| *run).collect::<Vec<_>>() {
                    self.finish(node, run);
                }
            }
            if self.wire.is_empty() {
                return;
            }
        }
    }

    /// Has all nodes ask for the same, again and again: after few runs out of step they meet.
    fn meets_again(&mut self) {
        for network in NAMES {
            let mut numbers = Vec::new();
            while !self.meets(network, &mut numbers) {
                assert!(numbers.len() < TRIES, "the nodes do not meet: {numbers:?}");
            }
        }
    }

    fn meets(&mut self, network: &'static str, numbers: &mut Vec<Vec<Option<u64>>>) -> bool {
        let members: Vec<usize> = (0..self.nodes.len()).collect();
        for node in 0..self.nodes.len() {
            self.nodes[node].runs.clear();
            self.reserve_as(node, network, members.clone());
        }
        self.settle();
        let clients: Vec<&Client> = self.nodes.iter().flat_map(|node| node.runs.values()).collect();
        numbers.push(clients.iter().map(|it| it.session.map(|(_, number)| number)).collect());
        clients.into_iter().all(|client| client.phase == Phase::Over { answered: true })
    }
}

fn spec(table: &Table, network: &str, members: &[usize], run: u64) -> Spec {
    Spec {
        function: "SecureSum".into(),
        parameters: BTreeMap::new(),
        shape: BTreeMap::new(),
        members: members.iter().filter_map(|member| table.member(*member)).collect(),
        helpers: 0,
        suite: "masked".into(),
        network: network.to_owned(),
        run,
    }
}
