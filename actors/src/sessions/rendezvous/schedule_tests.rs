//! Tables of 2 to 4 nodes against each other, under random schedules. Messages between nodes come
//! late, in another order, more than once, or never. Links break, nodes restart, clients ask alone,
//! too often or not at all.
//!
//! Whatever the schedule, each run of a client ends exactly once, none gets a part of another, and
//! afterwards the nodes meet again.

use std::collections::{BTreeMap, BTreeSet};

use cloister_certs::Fingerprint;
use cloister_protocols::catalogue;
use cloister_protocols::computation::Input;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{Member, Role, Roles};
use cloister_protocols::wire::{self, PartHeader};

use super::*;
use crate::vocabulary::consortium;

const SCHEDULES: u64 = 3_000;

/// The number of actions of one schedule.
const ACTIONS: usize = 120;

const DEADLINE: Duration = Duration::from_secs(5);

/// The number of messages of which one is lost, or comes twice.
const LOST: u64 = 20;
const REPEATED: u64 = 8;

/// The most times that clients ask alike until their nodes meet.
const TRIES: usize = 3;

/// Names of networks of parties.
const NAMES: [&str; 2] = ["survival", "doses"];

/// The name of a network of the first two nodes, with the third as helper.
const HELPED: &str = "helped";
const PARTIES: [usize; 2] = [0, 1];
const HELPER: usize = 2;

/// The most computations under way at a node, by the cause.
const COMPUTATIONS: usize = 6;
const MOST_CALLED: usize = COMPUTATIONS / 4;
const MOST_AHEAD: usize = 4;

/// The longest pause between failures of preprocessing.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

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
        world.preprocesses_again();
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
    /// Stores want more, and no words are lost.
    calm: bool,
    helped: Request,
}

struct Node {
    table: Table,
    runs: BTreeMap<RunId, Watched>,
    /// The sessions that have begun in this run of the node: none begins twice.
    sessions: BTreeSet<[u8; 16]>,
    up: BTreeSet<usize>,
    boot: [u8; 16],
}

/// A run: a client's request, or what other members proposed.
struct Watched {
    origin: Source,
    network: String,
    members: Vec<usize>,
    helpers: usize,
    phase: Phase,
    /// A member proposed something else.
    differs: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Client,
    Call,
    Ahead,
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

impl Watched {
    fn is_answered(&self) -> bool {
        self.phase == Phase::Over { answered: true }
    }
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
            computations: COMPUTATIONS,
            help: true,
            ahead: true,
            peek: |bytes, _| wire::decode(bytes).ok(),
        };
        let table = Table::new(node, now);
        let (runs, sessions, up) = Default::default();
        Self { table, runs, sessions, up, boot }
    }
}

pub(super) fn consortium(count: usize) -> Arc<Consortium> {
    let members = (0..count).map(|index| consortium::Member {
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
        let (wire, calm, helped) = (Vec::new(), false, median());
        let mut world = Self { random, nodes, wire, now, boots, calm, helped };
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
            36..40 => self.make_ahead(node),
            40..75 => self.carry_one(),
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
                    let client = self.watched(node, run);
                    assert_eq!(client.phase, Phase::Launched, "what has begun is not refused");
                    client.phase = Phase::Over { answered: false };
                }
                Effect::AwaitLinks { run, .. } => {
                    assert_eq!(self.watched(node, run).phase, Phase::Launched);
                }
                Effect::Begin { run, session, number, origin } => {
                    self.begin(node, run, session, number, origin);
                }
                Effect::Deliver(run, deliver) => self.delivered(node, run, &deliver),
                Effect::Abort(run, _) => {
                    let client = self.watched(node, run);
                    assert_eq!(client.phase, Phase::Begun);
                    assert!(!client.aborted, "a computation is told once that it cannot go on");
                    client.aborted = true;
                }
                Effect::Word(..) => panic!("no deadline is told here"),
                Effect::Stop { position, session, notice } => {
                    self.send(node, position, Word::Stop(session, notice.encoded().unwrap()));
                }
                Effect::AskAhead { position, session } => {
                    let wanted = self.calm || !self.random.one_in(4);
                    self.on(node, Event::FollowAhead { position, session, wanted });
                }
            }
        }
    }

    fn watched(&mut self, node: usize, run: RunId) -> &mut Watched {
        self.nodes[node].runs.get_mut(&run).expect("an effect is about a run of the node")
    }

    fn begin(&mut self, node: usize, run: RunId, session: SessionId, number: u64, origin: Origin) {
        assert!(self.nodes[node].sessions.insert(session.0), "a session begins once");
        let spec = match origin {
            Origin::Client => self.spec(node, run, number),
            Origin::Call { members, spec, .. } => {
                let helpers = helpers_of(&spec);
                self.add(node, run, Source::Call, spec.network.clone(), members, helpers);
                *spec
            }
            Origin::Ahead { members, request } => {
                let table = &self.nodes[node].table;
                let spec = table.spec(&request, &members, OWN_NETWORK, number).unwrap();
                self.add(node, run, Source::Ahead, OWN_NETWORK.to_owned(), members, 0);
                spec
            }
        };
        let begun = self.watched(node, run);
        assert_eq!(begun.phase, Phase::Launched);
        (begun.phase, begun.session) = (Phase::Begun, Some((session, number)));
        let members = begun.members.clone();
        self.check_bounds(node);
        let header = PartHeader { sequence: 0, part: 0, last: true, tag: [0; 16] };
        let part = Part { header, body: wire::encode(&spec).unwrap().into() };
        for other in members {
            self.send(node, other, Word::Part(session, part.clone()));
        }
    }

    /// The proposal of a client's run.
    fn spec(&mut self, node: usize, run: RunId, number: u64) -> Spec {
        let Watched { network, members, helpers, .. } = self.watched(node, run);
        let (network, members, helpers) = (network.clone(), members.clone(), *helpers);
        let table = &self.nodes[node].table;
        match helpers {
            0 => spec(table, &network, &members, number),
            _ => table.spec(&self.helped, &members, &network, number).unwrap(),
        }
    }

    fn add(
        &mut self,
        node: usize,
        run: RunId,
        origin: Source,
        network: String,
        members: Vec<usize>,
        helpers: usize,
    ) {
        let phase = if origin == Source::Client { Phase::Reserved } else { Phase::Launched };
        let added = Watched {
            origin,
            network,
            members,
            helpers,
            phase,
            differs: false,
            session: None,
            asked: self.now,
            heard: BTreeSet::new(),
            aborted: false,
        };
        assert!(self.nodes[node].runs.insert(run, added).is_none());
    }

    /// Others' wishes leave room for the clients of a node.
    fn check_bounds(&self, node: usize) {
        let begun = self.nodes[node].runs.values().filter(|run| run.phase == Phase::Begun);
        let count = |source| begun.clone().filter(|run| run.origin == source).count();
        assert!(count(Source::Call) <= MOST_CALLED && count(Source::Ahead) <= MOST_AHEAD);
    }

    fn delivered(&mut self, node: usize, run: RunId, deliver: &Deliver) {
        let spec: Spec = wire::decode(&deliver.part.body).unwrap();
        let positions = self.nodes[node].table.positions(spec.ids()).unwrap();
        let client = self.watched(node, run);
        assert_eq!(client.phase, Phase::Begun, "only what runs is given parts");
        client.differs |= helpers_of(&spec) != client.helpers;
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
        if self.has_helper() && self.random.one_in(4) {
            return self.reserve_helped(node);
        }
        let network = NAMES[self.random.below(NAMES.len())];
        let mut members: Vec<usize> = (0..self.nodes.len()).collect();
        if self.random.one_in(6) {
            let neighbour = (node + 1) % members.len();
            members.retain(|member| [node, neighbour].contains(member));
        }
        self.reserve_as(node, network, members, 0);
    }

    fn has_helper(&self) -> bool {
        self.nodes.len() > HELPER
    }

    /// The parties ask with a helper. Seldom a client of the helper asks under the same name.
    fn reserve_helped(&mut self, node: usize) {
        let members = [PARTIES.as_slice(), &[HELPER]].concat();
        if PARTIES.contains(&node) {
            self.reserve_as(node, HELPED, members, 1);
        } else if node == HELPER && self.random.one_in(4) {
            self.reserve_as(node, HELPED, members, 0);
        }
    }

    fn make_ahead(&mut self, node: usize) {
        let others = (0..self.nodes.len()).filter(|other| *other != node);
        self.on(node, Event::MakeAhead(others.collect()));
    }

    fn reserve_as(&mut self, node: usize, network: &str, members: Vec<usize>, helpers: usize) {
        let (others, name) = (members.clone(), network.to_owned());
        let reserve = Reserve { members: others, network: name.clone() };
        let mut effects = self.nodes[node].table.on(self.now, Event::Reserve(reserve));
        let answer = effects.pop();
        self.apply(node, effects);
        if let Some(Effect::Grant(run)) = answer {
            self.add(node, run, Source::Client, name, members, helpers);
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
        let client = self.watched(node, run);
        client.phase = Phase::Launched;
        let since = client.asked;
        self.on(node, Event::Launch { run, since, cancelled });
    }

    fn decline(&mut self, node: usize) {
        let Some(run) = self.any(node, &[Phase::Reserved]) else { return };
        self.watched(node, run).phase = Phase::Over { answered: false };
        self.on(node, Event::Decline { run, failure: None });
        self.on(node, Event::Over(run));
    }

    fn give_back(&mut self, node: usize) {
        let Some(run) = self.any(node, &[Phase::Reserved]) else { return };
        self.watched(node, run).phase = Phase::Over { answered: false };
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
        let client = self.watched(node, run);
        let others = client.members.iter().filter(|member| **member != node);
        let all_heard = others.into_iter().all(|it| client.heard.contains(it));
        let answered = all_heard && !client.aborted && !client.differs;
        let late = now.duration_since(client.asked) >= DEADLINE;
        if !answered && !client.aborted && !client.differs && !late {
            return;
        }
        client.phase = Phase::Over { answered };
        let leads = client.origin == Source::Ahead && client.members[0] == node;
        let led = leads.then(|| client.members[1]);
        let (network, members) = (client.network.clone(), client.members.clone());
        let (session, number) = client.session.expect("what has begun has a session");
        if !answered {
            let table = &self.nodes[node].table;
            let ids: Vec<_> = members.iter().filter_map(|it| table.member(*it)).collect();
            let failure = Failure::Cancelled { member: "p0".into() };
            let notice = failure.to_notice(&network, number, ids, number + 1);
            for member in members {
                self.send(node, member, Word::Stop(session, notice.encoded().unwrap()));
            }
        }
        self.on(node, Event::Over(run));
        if let Some(position) = led {
            self.on(node, Event::LedAhead { position, made: answered });
        }
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
        let helped = self.has_helper().then_some(HELPED);
        for network in NAMES.into_iter().chain(helped) {
            let mut numbers = Vec::new();
            while !self.meets(network, &mut numbers) {
                assert!(numbers.len() < TRIES, "{network}: the nodes do not meet: {numbers:?}");
            }
        }
    }

    fn meets(&mut self, network: &str, numbers: &mut Vec<Vec<Option<u64>>>) -> bool {
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        self.nodes.iter_mut().for_each(|node| node.runs.clear());
        for node in all.clone() {
            if network != HELPED {
                self.reserve_as(node, network, all.clone(), 0);
            } else if PARTIES.contains(&node) {
                self.reserve_helped(node);
            }
        }
        self.settle();
        let runs = self.nodes.iter().flat_map(|node| node.runs.values());
        let clients: Vec<_> = runs.filter(|run| run.origin == Source::Client).collect();
        numbers.push(clients.iter().map(|it| it.session.map(|(_, number)| number)).collect());
        clients.into_iter().all(Watched::is_answered)
    }

    /// The first node preprocesses with the second, whatever has failed before.
    fn preprocesses_again(&mut self) {
        self.calm = true;
        self.pass(LONGEST_PAUSE);
        for _ in 0..TRIES {
            self.nodes.iter_mut().for_each(|node| node.runs.clear());
            self.on(0, Event::MakeAhead(vec![1]));
            self.settle();
            let pair = self.nodes[..2].iter();
            if pair.filter(|node| node.runs.values().any(Watched::is_answered)).count() == 2 {
                return;
            }
        }
        panic!("nothing is preprocessed any more");
    }
}

/// A request of a party that a helper serves.
pub(super) fn median() -> Request {
    let function = catalogue::find("SecureMedian").unwrap();
    let committee = Some(["p0", "p1", "p2"].map(str::to_owned).into());
    let parameters = Parameters { committee, ..Parameters::default() };
    let mut roles = vec![Role::PARTY; PARTIES.len()];
    roles.push(Role::HELPER);
    let roles = Roles::new(roles).unwrap();
    Request::new(function, &parameters, Input::Numbers(vec![1.0]), 0, &roles).unwrap()
}

/// Returns how many members bring no data.
fn helpers_of(spec: &Spec) -> usize {
    spec.members.iter().filter(|member| !member.role.input).count()
}

fn spec(table: &Table, network: &str, members: &[usize], run: u64) -> Spec {
    let ids = members.iter().filter_map(|member| table.member(*member)).collect();
    Spec {
        function: "SecureSum".into(),
        parameters: BTreeMap::new(),
        shape: BTreeMap::new(),
        members: Member::with_roles(ids, &Roles::of_parties(members.len()).unwrap()).unwrap(),
        suite: "masked".into(),
        network: network.to_owned(),
        run,
    }
}
