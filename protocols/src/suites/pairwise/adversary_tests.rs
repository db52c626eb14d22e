//! The suite against peers that cheat, and the view of a party, in simulation.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::Rng;

use super::base_setup::Base;
use super::tests::engine;
use super::*;
use crate::kernel::disclosure::Profile;
use crate::kernel::fault::Misbehaviour;
use crate::kernel::random::{PredictableRng, uses};
use crate::kernel::session::agree;
use crate::kernel::simulation::adversary::{Action, Envelope, Tamper};
use crate::kernel::simulation::{Delivery, Ending, Report, Simulation};
use crate::ot::tests::{FAIR, apart};
use crate::testing::{self, rng, seed};

/// The rows of every party.
const ROWS: usize = 9;

/// Returns the input of party number `index`, of several inputs of one shape.
fn input(index: usize, scale: u64) -> Vec<u64> {
    (0..ROWS as u64).map(|row| scale * (7 * index as u64 + row) + 3 * row + 1).collect()
}

/// Runs every operation once; in the end all results are opened.
async fn everything(
    scale: u64,
    stores: CorrelationStore,
    channel: Channel,
    mut rng: PredictableRng,
) -> Result<Vec<u64>, Fault> {
    let parties = channel.parties().count();
    let mut engine = engine(stores, &channel, &mut rng).await?;
    let mine = input(engine.me().index(), scale);
    let shares = engine.share(&mine, &vec![ROWS; parties]).await?;
    let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
    let z = engine.multiply(&sum, &shares[0]).await?;
    let square = Dimensions { rows: 3, inner: 3, columns: 3 };
    let matrix = engine.matrix_product(&z, &sum, square).await?;
    let lowest = engine.addends(&z, 20).await?.into_iter().map(|bit_slices| bit_slices[0].clone());
    let odd = lowest.reduce(|sum, bit_slice| sum.plus(&bit_slice)).unwrap();
    let odd = engine.multiply(&odd, &odd).await?;
    let odd = engine.bit_to_arithmetic::<u64>(&[&odd], ROWS).await?;
    let words = engine.share(&[PackedBits(5); ROWS], &vec![ROWS; parties]).await?.swap_remove(0);
    let table = Columns { numbers: vec![z, odd], words: vec![words] };
    let shuffled = engine.shuffle(table).await?;
    let words = engine.open(&shuffled.words[0], Reveal::ANSWER).await?.value().unwrap_or_default();
    let [z, odd] = [&shuffled.numbers[0], &shuffled.numbers[1]];
    let opened = engine.open(&AdditiveShare::concat(&[z, odd, &matrix]), Reveal::ANSWER).await?;
    let opened = opened.value().unwrap_or_default();
    let mut rows: Vec<[u64; 2]> = (0..ROWS).map(|i| [opened[i], opened[ROWS + i]]).collect();
    rows.sort_unstable();
    let words = words.into_iter().map(|word| word.0);
    Ok(rows.concat().into_iter().chain(opened[2 * ROWS..].iter().copied()).chain(words).collect())
}

fn due(parties: usize, scale: u64) -> Vec<u64> {
    let inputs: Vec<Vec<u64>> = (0..parties).map(|index| input(index, scale)).collect();
    let sum: Vec<u64> = (0..ROWS).map(|i| inputs.iter().map(|input| input[i]).sum()).collect();
    let z: Vec<u64> = sum.iter().zip(&inputs[0]).map(|(a, b)| a * b).collect();
    let mut rows: Vec<[u64; 2]> = z.iter().map(|z| [*z, z % 2]).collect();
    rows.sort_unstable();
    let mut matrix = vec![0; ROWS];
    crate::algebra::matrix::add_product(&z, &sum, &mut matrix, 3, 3);
    [rows.concat(), matrix, vec![5; ROWS]].concat()
}

/// Runs one product, which takes base transfers, trees, and one chunk.
async fn little(
    stores: CorrelationStore,
    channel: Channel,
    mut rng: PredictableRng,
) -> Result<Vec<u64>, Fault> {
    let parties = channel.parties().count();
    let mut engine = engine(stores, &channel, &mut rng).await?;
    let mine = input(engine.me().index(), 1);
    let shares = engine.share(&mine, &vec![ROWS; parties]).await?;
    let z = engine.multiply(&shares[0], &shares[1]).await?;
    Ok(engine.open(&z, Reveal::ANSWER).await?.value().unwrap_or_default())
}

fn little_due() -> Vec<u64> {
    input(0, 1).into_iter().zip(input(1, 1)).map(|(a, b)| a * b).collect()
}

/// The base setup of each link, at each party.
struct Bases(Vec<Vec<([u8; 32], Arc<Base>)>>);

impl Bases {
    fn make(parties: usize, seed: u64) -> Self {
        let stores: Vec<CorrelationStore> =
            (0..parties).map(|_| CorrelationStore::default()).collect();
        let simulation = Simulation::new(seed).parties(parties).without_transcript();
        let report = simulation.run(|channel, party, rng| {
            let stores = stores[party.index()].clone();
            async move {
                let links: Vec<[u8; 32]> =
                    channel.parties().others().map(|party| channel.link_binding(party)).collect();
                little(stores, channel, rng).await.map(|_| links)
            }
        });
        let links = report.results().unwrap().into_iter().zip(stores);
        let of_party = |(links, stores): (&Vec<[u8; 32]>, CorrelationStore)| {
            links.iter().map(|link| (*link, stores.base(link).unwrap())).collect()
        };
        Self(links.map(of_party).collect())
    }

    /// Makes stores with nothing but these base setups, as they were made, whatever earlier runs
    /// have poisoned.
    fn stores(&self) -> Vec<CorrelationStore> {
        let of_party = |bases: &Vec<([u8; 32], Arc<Base>)>| {
            let stores = CorrelationStore::default();
            bases.iter().for_each(|(link, base)| stores.keep_base(*link, &Arc::new(base.anew())));
            stores
        };
        self.0.iter().map(of_party).collect()
    }
}

/// Returns, for each message that `from` sends to its one peer, the name of its round.
fn rounds<T>(report: &Report<T>, from: Party) -> Vec<&'static str> {
    let rounds = report.meters[from.index()].by_round().iter();
    let messages = |messages: u64| usize::try_from(messages).unwrap();
    rounds
        .flat_map(|round| std::iter::repeat_n(round.name, messages(round.traffic.messages_sent)))
        .collect()
}

/// Returns whether a message of such a round is only right if the peer follows the protocol.
fn is_believed(round: &str) -> bool {
    let believed = [
        "correct transfers",
        "switches",
        "multiply",
        "matrix product",
        "bits as numbers",
        "shuffle",
    ];
    believed.contains(&round)
}

fn names(fault: &Fault, cheater: Party) -> bool {
    match fault {
        Fault::Misbehaviour { party, .. } | Fault::DifferentSession { party } => *party == cheater,
        _ => false,
    }
}

/// Lists the actions on a message of `length` bytes. In its place another session has `other`.
fn actions(length: usize, other: &[u8], rng: &mut PredictableRng) -> Vec<(Action, bool)> {
    let bit = |rng: &mut PredictableRng| {
        usize::try_from(rng.next_u64() % (8 * length.max(1)) as u64).unwrap()
    };
    vec![
        (Action::Drop, false),
        (Action::Repeat, false),
        (Action::Swap, false),
        (Action::Repeat, true),
        (Action::Swap, true),
        (Action::Drop, true),
        (Action::Truncate(1), true),
        (Action::Truncate(8), true),
        (Action::Extend(1), true),
        (Action::Extend(8), true),
        (Action::Extend(1 << 20), true),
        (Action::Flip(bit(rng)), true),
        (Action::Flip(bit(rng)), true),
        (Action::Replace(other.to_vec().into()), true),
        (Action::Replace(vec![0; length].into()), true),
        (Action::Replace(vec![0xff; length].into()), true),
    ]
}

/// Two parties, of which one does this to its message of that number.
struct Attack<'a> {
    rounds: &'a [&'static str],
    number: usize,
    /// The bytes behind the checked ones, at the end of the message.
    unchecked: usize,
    length: usize,
    tamper: Tamper,
}

impl Attack<'_> {
    /// Returns whether the honest party's result may be wrong.
    fn may_mislead(&self) -> bool {
        let believed = |number: usize| self.rounds.get(number).is_some_and(|r| is_believed(r));
        let checked = 8 * (self.length - self.unchecked);
        let in_unchecked = match self.tamper.action {
            Action::Flip(bit) => bit >= checked,
            _ => false,
        };
        let moves = matches!(self.tamper.action, Action::Repeat | Action::Swap | Action::Drop);
        let behind = moves && (self.number + 1..self.rounds.len()).any(believed);
        self.tamper.retag && (believed(self.number) || behind || in_unchecked)
    }

    fn check(&self, ending: &Ending<Vec<u64>>, due: &[u64]) {
        let round = self.rounds[self.number];
        let Tamper { party: from, ref action, retag, .. } = self.tamper;
        let action = match action {
            Action::Replace(body) => format!("other {} bytes", body.len()),
            other => format!("{other:?}"),
        };
        let what = format!("{from}, message {} ({round}): {action}, {retag}", self.number);
        match ending {
            Ending::Stopped(fault) => assert!(names(fault, from), "{what}: {fault}"),
            Ending::Stalled(awaiting) => assert_eq!(awaiting.parties, [from], "{what}"),
            Ending::Done(result) => {
                assert_eq!(result.len(), due.len(), "{what}");
                assert!(*result == due || self.may_mislead(), "{what}: a wrong result");
            }
        }
    }
}

fn others<T>(report: &Report<T>, from: Party) -> Vec<&Delivery> {
    report.transcript.iter().filter(|delivery| delivery.from == from).collect()
}

#[test]
fn a_peer_that_sends_other_base_transfers_trees_or_chunks_is_found_out() {
    let (seed, party) = (seed(), |index| Party::new(index).unwrap());
    let mut rng = rng(seed);
    let run = |simulation: Simulation| {
        simulation
            .parties(2)
            .run(|channel, _, rng| little(CorrelationStore::default(), channel, rng))
    };
    let (honest, elsewhere) = (run(Simulation::new(seed)), run(Simulation::new(seed ^ 1)));
    assert!(honest.results().unwrap().iter().all(|z| **z == little_due()));
    let mut stopped = 0;
    for name in ["stock", "base transfers", "trees", "extend transfers"] {
        let from = party((rng.next_u32() % 2) as usize);
        let rounds = rounds(&honest, from);
        let number = rounds.iter().position(|round| *round == name).unwrap();
        let length = others(&honest, from)[number].body.len();
        let other = others(&elsewhere, from)[number].body.clone();
        for (action, retag) in actions(length, &other, &mut rng) {
            let mut tamper = Tamper::new(from, None, u32::try_from(number).unwrap(), action);
            tamper.retag = retag;
            let report = run(Simulation::new(seed).adversary(tamper.clone()));
            let attack = Attack { rounds: &rounds, number, unchecked: 0, length, tamper };
            let ending = &report.endings[1 - from.index()];
            attack.check(ending, &little_due());
            stopped += u32::from(ending.done().is_none());
        }
    }
    assert!(stopped > 36, "{stopped}");
}

#[test]
fn whatever_a_peer_sends_the_other_stops_waits_or_has_a_result() {
    let (seed, party) = (seed(), |index| Party::new(index).unwrap());
    let mut rng = rng(seed);
    let bases = Bases::make(2, seed);
    let run = |simulation: Simulation| {
        let stores = bases.stores();
        let simulation = simulation.parties(2);
        simulation
            .run(|channel, party, rng| everything(1, stores[party.index()].clone(), channel, rng))
    };
    let (honest, elsewhere) = (run(Simulation::new(seed)), run(Simulation::new(seed ^ 1)));
    let due = due(2, 1);
    assert!(honest.results().unwrap().iter().all(|result| **result == due));
    let (mut seen, mut misled) = (BTreeSet::new(), 0);
    for from in [party(0), party(1)] {
        let rounds = rounds(&honest, from);
        seen.extend(rounds.iter().copied());
        let (own, other) = (others(&honest, from), others(&elsewhere, from));
        assert_eq!(own.len(), rounds.len());
        for number in 1..rounds.len() {
            let length = own[number].body.len();
            // Of the shuffle's: a chunk of 128 rows and the flips of choices in it.
            let unchecked = if length == 3_072 { 16 } else { 0 };
            let mut actions = actions(length, &other[number].body, &mut rng);
            for _ in 0..3 {
                let any = usize::try_from(rng.next_u64() % actions.len() as u64).unwrap();
                let (action, retag) = actions.swap_remove(any);
                let mut tamper = Tamper::new(from, None, u32::try_from(number).unwrap(), action);
                tamper.retag = retag;
                let report = run(Simulation::new(seed).adversary(tamper.clone()));
                let attack = Attack { rounds: &rounds, number, unchecked, length, tamper };
                let ending = &report.endings[1 - from.index()];
                attack.check(ending, &due);
                misled += u32::from(ending.done().is_some_and(|result| *result != due));
            }
        }
    }
    for round in
        ["stock", "extend transfers", "correct transfers", "switches", "shuffle", "commit", "open"]
    {
        assert!(seen.contains(round), "{round}: {seen:?}");
    }
    assert!(misled > 0, "what is not checked can be wrong");
}

#[test]
fn of_three_parties_none_has_a_wrong_result_when_messages_are_lost_or_have_other_lengths() {
    let seed = seed();
    let mut rng = rng(seed);
    let bases = Bases::make(3, seed);
    let run = |simulation: Simulation| {
        let stores = bases.stores();
        let simulation = simulation.parties(3);
        simulation
            .run(|channel, party, rng| everything(1, stores[party.index()].clone(), channel, rng))
    };
    let honest = run(Simulation::new(seed));
    let due = due(3, 1);
    assert!(honest.results().unwrap().iter().all(|result| **result == due));
    let later: Vec<&Delivery> = honest.transcript.iter().filter(|d| d.sequence > 0).collect();
    for _ in 0..40 {
        let any = later[usize::try_from(rng.next_u64() % later.len() as u64).unwrap()];
        let (from, to) = (any.from, any.to);
        let kinds = [
            (Action::Drop, false),
            (Action::Repeat, false),
            (Action::Swap, false),
            (Action::Truncate(1), true),
            (Action::Extend(8), true),
        ];
        let (action, retag) = kinds[(rng.next_u32() % 5) as usize].clone();
        let mut tamper = Tamper::new(from, Some(to), any.sequence, action);
        tamper.retag = retag;
        let report = run(Simulation::new(seed).adversary(tamper.clone()));
        let honest = report.endings.iter().enumerate().filter(|(index, _)| *index != from.index());
        for (index, ending) in honest {
            match ending {
                Ending::Done(result) => assert_eq!(*result, due, "{tamper:?}"),
                Ending::Stopped(fault) => {
                    assert!(index == to.index() && names(fault, from), "{tamper:?} {fault}");
                }
                Ending::Stalled(_) => {}
            }
        }
        // A cut of an empty message is not missed.
        assert!(report.results().is_err() || !retag || any.body.is_empty(), "{tamper:?}");
    }
}

/// Opens the sum of all parties' inputs, and nothing else.
async fn open_sum(channel: Channel, mut rng: PredictableRng) -> Result<Vec<u64>, Fault> {
    let parties = channel.parties().count();
    let mut engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
    let shares = engine.share(&input(engine.me().index(), 1), &vec![ROWS; parties]).await?;
    let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
    Ok(engine.open(&sum, Reveal::ANSWER).await?.value().unwrap_or_default())
}

/// Makes the last party wait for what all others open, and then open what makes zeros of the sum.
fn rushing(parties: usize) -> impl FnMut(Envelope) -> Vec<Envelope> {
    let cheater = Party::new(parties - 1).unwrap();
    let (mut seen, mut held): (Vec<Vec<u64>>, Vec<Envelope>) = (Vec::new(), Vec::new());
    move |envelope| {
        // Shares are the only messages of this length.
        if envelope.message.body.len() != 8 * ROWS {
            return vec![envelope];
        }
        let mut sent = Vec::new();
        if envelope.from == cheater {
            held.push(envelope);
        } else {
            if envelope.message.to == cheater {
                let words = envelope.message.body.chunks_exact(8);
                seen.push(words.map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect());
            }
            sent.push(envelope);
        }
        if seen.len() == parties - 1 {
            let sum = |row: usize| seen.iter().fold(0_u64, |sum, own| sum.wrapping_add(own[row]));
            let own = |row: usize| sum(row).wrapping_neg().to_le_bytes();
            let body: Vec<u8> = (0..ROWS).flat_map(own).collect();
            for mut envelope in held.drain(..) {
                envelope.message.body = body.clone().into();
                sent.push(envelope);
            }
        }
        sent
    }
}

#[test]
fn a_party_that_opens_last_does_not_choose_what_is_opened() {
    let seed = seed();
    for parties in [2, 3] {
        let run = |simulation: Simulation| {
            simulation.parties(parties).run(|channel, _, rng| open_sum(channel, rng))
        };
        let due: Vec<u64> =
            (0..ROWS).map(|row| (0..parties).map(|index| input(index, 1)[row]).sum()).collect();
        let honest = run(Simulation::new(seed));
        assert!(honest.results().unwrap().iter().all(|sum| **sum == due));
        let report = run(Simulation::new(seed).adversary(rushing(parties)));
        let cheater = Party::new(parties - 1).unwrap();
        let caught = Fault::blame(cheater, Misbehaviour::WrongOpening);
        for ending in &report.endings[..parties - 1] {
            assert_eq!(ending.fault(), Some(&caught), "{parties} parties: {:?}", ending.done());
        }
    }
}

#[test]
fn transfers_that_a_peer_was_caught_with_are_never_used_again() {
    let seed = seed();
    let bases = Bases::make(2, seed);
    let run = |simulation: Simulation, stores: &[CorrelationStore]| {
        let simulation = simulation.parties(2);
        simulation.run(|channel, party, rng| little(stores[party.index()].clone(), channel, rng))
    };
    let [cheater, honest] = [0, 1].map(|index| Party::new(index).unwrap());
    let stores = bases.stores();
    let report = run(Simulation::new(seed), &stores);
    let extend = rounds(&report, cheater).iter().position(|r| *r == "extend transfers").unwrap();
    let link = bases.0[1][0].0;
    assert!(stores[1].base(&link).is_some());
    let tamper = Tamper::new(cheater, None, u32::try_from(extend).unwrap(), Action::Flip(77));
    let report = run(Simulation::new(seed).adversary(tamper.retagging()), &stores);
    let caught = Fault::blame(cheater, Misbehaviour::WrongTransfer);
    assert_eq!(report.endings[honest.index()].fault(), Some(&caught));
    assert!(stores[1].base(&link).is_none() && !stores[1].wants(&link));
    // Only the other end has a base setup now: both make one anew.
    let report = run(Simulation::new(seed ^ 1), &stores);
    assert!(report.results().unwrap().iter().all(|z| **z == little_due()));
    assert!(report.meters.iter().all(|meter| meter.round_names().contains(&"base transfers")));
    assert!(stores[1].base(&link).is_some());
}

#[test]
fn messages_that_arrive_in_any_order_change_nothing() {
    let seed = seed() >> 1;
    for parties in [2, 3] {
        let bases = Bases::make(parties, seed);
        for more in 0..6 {
            let stores = bases.stores();
            let simulation = Simulation::new(seed + more).parties(parties);
            let report = simulation.run(|channel, party, rng| {
                everything(2, stores[party.index()].clone(), channel, rng)
            });
            let due = due(parties, 2);
            assert!(report.results().unwrap().iter().all(|result| **result == due));
        }
    }
}

#[test]
fn no_part_of_a_stream_is_used_twice() {
    let seed = seed() >> 1;
    for parties in [2, 3] {
        let bases = Bases::make(parties, seed);
        uses::take();
        for more in 0..2 {
            let stores = bases.stores();
            let simulation = Simulation::new(seed + more).parties(parties);
            let run = simulation.run(|channel, party, rng| {
                everything(1, stores[party.index()].clone(), channel, rng)
            });
            run.results().unwrap();
        }
        let mut streams: BTreeMap<[u8; 32], Vec<Range<usize>>> = BTreeMap::new();
        for (stream, words) in uses::take().into_iter().filter(|(_, words)| !words.is_empty()) {
            streams.entry(*stream.as_bytes()).or_default().push(words);
        }
        let mut held = [0; 3];
        for mut stretches in streams.into_values() {
            stretches.sort_by_key(|words| words.start);
            // A party's own secrets, or masks that a pair has.
            let holders = stretches.iter().filter(|words| **words == stretches[0]).count();
            held[holders] += 1;
            for same in stretches.chunks(holders) {
                assert!(same.len() == holders && same.iter().all(|words| *words == same[0]));
            }
            for next in stretches.chunks(holders).collect::<Vec<_>>().windows(2) {
                assert!(next[0][0].end <= next[1][0].start, "read twice");
            }
        }
        // In two sessions: pairs mask inputs, and more than two parties openings, too.
        let pairs = parties * (parties - 1);
        assert_eq!(held, [0, 2 * parties, if parties == 2 { pairs } else { 2 * pairs }]);
    }
}

#[test]
fn nothing_is_masked_alike_twice_on_the_same_base() {
    let seed = seed() >> 1;
    let bases = Bases::make(2, seed);
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for more in 0..3 {
        let stores = bases.stores();
        let simulation = Simulation::new(seed + more).parties(2);
        let report = simulation
            .run(|channel, party, rng| everything(1, stores[party.index()].clone(), channel, rng));
        report.results().unwrap();
        for from in [0, 1].map(|index| Party::new(index).unwrap()) {
            for (message, round) in others(&report, from).into_iter().zip(rounds(&report, from)) {
                // Bytes that are the same for all sessions, as in proposals, are no mask. An echo
                // has the commitments again.
                let is_echo = round == "open" && message.body.len() == 3 * 32;
                if round != crate::kernel::meter::AGREEING && round != "stock" && !is_echo {
                    blocks.extend(message.body.chunks_exact(16).map(<[u8]>::to_vec));
                }
            }
        }
    }
    let count = blocks.len();
    assert!(count > 100_000, "{count}");
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), count);
}

#[test]
fn traffic_does_not_depend_on_inputs_or_randomness() {
    let seed = seed() >> 1;
    for parties in [2, 3] {
        let bases = Bases::make(parties, seed);
        let traffic = |seed: u64, scale: u64| {
            let stores = bases.stores();
            let simulation = Simulation::new(seed).parties(parties);
            let report = simulation.run(|channel, party, rng| {
                everything(scale, stores[party.index()].clone(), channel, rng)
            });
            report.results().unwrap();
            let mut order: Vec<_> = report.transcript.iter().collect();
            let in_order: Vec<_> = order.iter().map(|d| (d.from, d.to, d.body.len())).collect();
            order.sort_by_key(|d| (d.from, d.to, d.sequence));
            let by_pair: Vec<_> = order.iter().map(|d| (d.from, d.to, d.body.len())).collect();
            (in_order, by_pair)
        };
        let one = traffic(seed, 1);
        assert_eq!(one, traffic(seed, 1_000_003));
        assert_eq!(one, traffic(seed, 0));
        assert_eq!(one.1, traffic(seed + 1, 77).1);
    }
}

/// Returns the messages that `viewer` receives in the rounds of some operations, one by one, over
/// many sessions in which the parties have these inputs.
fn views(bases: &Bases, viewer: usize, inputs: &[Vec<u64>], runs: Range<u64>) -> Vec<Vec<Vec<u8>>> {
    let parties = inputs.len();
    let mut views: Vec<Vec<Vec<u8>>> = Vec::new();
    for seed in runs {
        let stores = bases.stores();
        let simulation = Simulation::new(seed).parties(parties);
        let report = simulation.run(|channel, party, mut rng| {
            let mine = inputs[party.index()].clone();
            let stores = stores[party.index()].clone();
            async move {
                let mut engine = engine(stores, &channel, &mut rng).await?;
                let shares = engine.share(&mine, &vec![4; parties]).await?;
                let sum = shares.iter().skip(1).fold(shares[0].clone(), |s, x| s.plus(x));
                engine.multiply(&sum, &shares[parties - 1]).await?;
                let bits: Vec<PackedBits> = mine.iter().map(|x| PackedBits(*x)).collect();
                let bits = engine.share(&bits, &vec![4; parties]).await?;
                let bits = bits.iter().skip(1).fold(bits[0].clone(), |s, x| s.plus(x));
                engine.bit_to_arithmetic::<u64>(&[&bits], 256).await?;
                // A value that one party alone has, as it is: only masks hide it.
                let table = Columns { numbers: vec![sum.clone()], words: vec![bits] };
                let shuffled = engine.shuffle(table).await?;
                if parties > 2 {
                    engine.open(&sum, Reveal::ANSWER).await?;
                }
                Ok(shuffled.numbers.len())
            }
        });
        report.results().unwrap();
        let mut received: Vec<&Delivery> =
            report.transcript.iter().filter(|d| d.to.index() == viewer && d.sequence > 1).collect();
        received.sort_by_key(|delivery| (delivery.from, delivery.sequence));
        views.resize(received.len(), Vec::new());
        for (view, Delivery { body, .. }) in views.iter_mut().zip(received) {
            // Of long messages of transfers, the beginning and the end.
            let long = body.len() > 4_000;
            let (first, last) = if long { (500, body.len() - 500) } else { (0, 0) };
            view.push([&body[..first], &body[last..]].concat());
        }
    }
    views
}

/// The sessions for each distribution.
const RUNS: u64 = 48;

#[test]
fn what_a_party_sees_has_the_same_distribution_whatever_the_others_have() {
    let seed = seed() >> 1;
    for (parties, viewer) in [(2, 0), (2, 1), (3, 1)] {
        let bases = Bases::make(parties, seed);
        // The opened value, the sum, is the same: the second of two others has the vectors in the
        // other order.
        let others: [[u64; 4]; 2] = [[0, 1, u64::MAX, 7], [1 << 63, 12, 0, 3]];
        let inputs = |which: usize| -> Vec<Vec<u64>> {
            let mut others = [others[which], others[1 - which]].into_iter();
            let own = [5, 0, 1, 1 << 40];
            let of = |index| if index == viewer { own } else { others.next().unwrap_or(own) };
            (0..parties).map(of).map(Vec::from).collect()
        };
        let one = views(&bases, viewer, &inputs(0), seed..seed + RUNS);
        let other = views(&bases, viewer, &inputs(1), seed + RUNS..seed + 2 * RUNS);
        assert_eq!(one.len(), other.len());
        for (number, (one, other)) in one.iter().zip(&other).enumerate() {
            // There are some dozens of messages.
            let apart = apart(one, other);
            assert!(apart < FAIR + 1.0, "party {viewer} of {parties}, message {number}: {apart}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let report = Simulation::new(1).parties(2).run(|channel, party, mut rng| async move {
        let mut engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
        let mine = vec![1_u64; 2 + party.index()];
        engine.share(&mine, &[2, 2]).await.map(drop)
    });
    assert!(report.endings[0].done().is_some());
    assert!(matches!(report.endings[1].fault(), Some(Fault::Input(_))));
    let report = Simulation::new(1).parties(3).run(|channel, _, mut rng| async move {
        let mut offer = testing::offer(3, Profile::Teaching.rules());
        testing::set_helpers(&mut offer.spec, 1);
        let spec = offer.spec.clone();
        let session = agree(&channel, offer, false, &mut rng).await?;
        Pairwise::new(
            &channel,
            &session,
            &spec,
            Preprocessed::Batch,
            CorrelationStore::default(),
            &mut rng,
        )
        .await
        .map(drop)
    });
    assert!(report.endings.iter().all(|ending| matches!(ending.fault(), Some(Fault::Input(_)))));
}
