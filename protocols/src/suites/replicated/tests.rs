//! The operations against plaintext, in simulation; their costs; the streams that they use up.

use std::collections::BTreeMap;

use rand_core::Rng;

use super::*;
use crate::algebra::packed_bits::{bit_slice_words, numbers_of};
use crate::engine::reveals::tested::TO_ALL;
use crate::engine::shared::Shared;
use crate::kernel::disclosure::Profile;
use crate::kernel::random::uses;
use crate::kernel::reveal::Reveal;
use crate::kernel::session::agree;
use crate::kernel::simulation::{Report, Simulation};
use crate::testing::{self, rng};

/// The members: so many parties with data, so many helpers, and these seats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) inputs: usize,
    pub(crate) helpers: usize,
    pub(crate) seats: [usize; 3],
}

pub(crate) const THREE: Setting = Setting { inputs: 3, helpers: 0, seats: [0, 1, 2] };

/// Three parties, in two orders; four and seven of which three compute; two and a helper; and one
/// of two parties with two helpers.
pub(crate) const SETTINGS: [Setting; 6] = [
    THREE,
    Setting { inputs: 3, helpers: 0, seats: [2, 0, 1] },
    Setting { inputs: 4, helpers: 0, seats: [0, 1, 2] },
    Setting { inputs: 7, helpers: 0, seats: [6, 1, 3] },
    Setting { inputs: 2, helpers: 1, seats: [0, 1, 2] },
    Setting { inputs: 2, helpers: 2, seats: [3, 0, 2] },
];

impl Setting {
    pub(crate) fn members(self) -> usize {
        self.inputs + self.helpers
    }

    pub(crate) async fn engine<'a>(
        self,
        channel: &'a Channel,
        rng: &mut impl CryptoRng,
    ) -> Result<Replicated<'a>, Fault> {
        let offer = testing::offer(self.members(), Profile::Teaching.rules());
        let session = agree(channel, offer, false, rng).await?;
        let committee = Committee::fixed(self.seats);
        let roles = testing::roles(self.inputs, self.helpers, &self.seats);
        Replicated::new(channel, &session, committee, roles, rng).await
    }

    /// Returns the value that every party that brings data opens in the end.
    pub(crate) fn opened<T: PartialEq + Clone + std::fmt::Debug>(
        self,
        report: &Report<Option<T>>,
    ) -> T {
        let results = report.results().unwrap();
        let first = results[0].clone().unwrap();
        for (index, result) in results.iter().enumerate() {
            let due = (index < self.inputs).then_some(&first);
            assert_eq!(result.as_ref(), due, "{self:?}, party {index}");
        }
        first
    }
}

/// Runs an operation on two vectors, one of the first party and one of the second, and opens the
/// result.
macro_rules! two_vectors {
    ($setting:expr, $seed:expr, $x:expr, $y:expr, |$engine:ident, $a:ident, $b:ident| $body:expr) => {{
        let setting: Setting = $setting;
        let (x, y) = ($x.to_vec(), $y.to_vec());
        let report =
            Simulation::new($seed).parties(setting.members()).run(|channel, party, rng| {
                let (x, y) = (x.clone(), y.clone());
                async move {
                    let mut rng = rng;
                    let mut lengths = vec![0; setting.inputs];
                    (lengths[0], lengths[1]) = (x.len(), y.len());
                    let mine = match party.index() {
                        0 => x,
                        1 => y,
                        _ => Vec::new(),
                    };
                    let mut $engine = setting.engine(&channel, &mut rng).await?;
                    let shares = $engine.share(&mine, &lengths).await?;
                    let ($a, $b) = (shares[0].clone(), shares[1].clone());
                    let result = $body;
                    Ok($engine.open(&result, Reveal::ANSWER).await?.value())
                }
            });
        setting.opened(&report)
    }};
}
pub(crate) use two_vectors;

fn random<R: Ring>(rng: &mut impl Rng, count: usize) -> Vec<R> {
    let extreme = [R::ZERO, R::ONE, R::ZERO.minus(R::ONE), R::from_word(1 << 63)];
    let mut element = |index: usize| {
        let mut bytes = R::ZERO;
        rng.fill_bytes(bytemuck::bytes_of_mut(&mut bytes));
        extreme.get(index).copied().filter(|_| index < 4).unwrap_or(bytes)
    };
    (0..count).map(&mut element).collect()
}

fn check_arithmetic<R: Ring>(setting: Setting, seed: u64) {
    let mut rng = rng(seed);
    let (mut x, mut y) = (random::<R>(&mut rng, 240), random::<R>(&mut rng, 240));
    x.rotate_right(rng.next_u32() as usize % 240);
    y.rotate_right(rng.next_u32() as usize % 240);
    let pairs = || x.iter().zip(&y);
    let due: Vec<R> = pairs().map(|(x, y)| x.plus(*y)).collect();
    assert_eq!(
        two_vectors!(setting, seed, x, y, |engine, a, b| {
            let _ = &mut engine;
            a.plus(&b)
        }),
        due
    );
    let due: Vec<R> = pairs().map(|(x, y)| x.times(*y)).collect();
    assert_eq!(
        two_vectors!(setting, seed, x, y, |engine, a, b| engine.multiply(&a, &b).await?),
        due
    );
    let inner = |x: &[R], y: &[R]| x.iter().zip(y).fold(R::ZERO, |s, (x, y)| s.plus(x.times(*y)));
    let due: Vec<R> = x.chunks(60).zip(y.chunks(60)).map(|(x, y)| inner(x, y)).collect();
    assert_eq!(
        two_vectors!(setting, seed, x, y, |engine, a, b| engine.dot(&a, &b, 60).await?),
        due
    );
    let dimensions = Dimensions { rows: 20, inner: 12, columns: 20 };
    let product = two_vectors!(setting, seed, x, y, |engine, a, b| {
        engine.matrix_product(&a, &b, dimensions).await?
    });
    for (index, element) in product.iter().enumerate() {
        let column: Vec<R> = y.iter().skip(index % 20).step_by(20).copied().collect();
        assert_eq!(*element, inner(&x[index / 20 * 12..][..12], &column));
    }
}

#[test]
fn sums_and_products_are_right_in_every_ring_and_setting() {
    let seed = testing::seed();
    for setting in SETTINGS {
        check_arithmetic::<u64>(setting, seed);
        check_arithmetic::<u128>(setting, seed);
        check_arithmetic::<PackedBits>(setting, seed);
    }
}

#[test]
fn all_products_of_bytes_are_right() {
    let (x, y): (Vec<u8>, Vec<u8>) =
        (0..=u8::MAX).flat_map(|x| (0..=u8::MAX).map(move |y| (x, y))).unzip();
    let product = two_vectors!(THREE, 1, x, y, |engine, a, b| engine.multiply(&a, &b).await?);
    let due: Vec<u8> = x.iter().zip(&y).map(|(x, y)| x.wrapping_mul(*y)).collect();
    assert_eq!(product, due);
}

#[test]
fn every_party_brings_in_its_own_vector() {
    let seed = testing::seed();
    for setting in SETTINGS {
        let report = Simulation::new(seed).parties(setting.members()).run(
            |channel, party, rng| async move {
                let mut rng = rng;
                let lengths: Vec<usize> = (0..setting.inputs).map(|index| 2 * index).collect();
                let index = party.index();
                let len = lengths.get(index).copied().unwrap_or(0);
                let mine: Vec<u64> =
                    (0..len as u64).map(|item| 100 * index as u64 + item).collect();
                let mut engine = setting.engine(&channel, &mut rng).await?;
                let shares = engine.share(&mine, &lengths).await?;
                let all = ReplicatedShare::concat(&shares.iter().collect::<Vec<_>>());
                Ok(engine.open(&all, Reveal::ANSWER).await?.value())
            },
        );
        let due: Vec<u64> = (0..setting.inputs as u64)
            .flat_map(|index| (0..2 * index).map(move |item| 100 * index + item))
            .collect();
        assert_eq!(setting.opened(&report), due);
    }
}

#[test]
fn bits_and_numbers_are_converted_both_ways() {
    let seed = testing::seed();
    for setting in SETTINGS {
        let lanes = 130;
        let mut rng = rng(seed);
        let bit_slice: Vec<PackedBits> = random(&mut rng, bit_slice_words(lanes));
        let none: Vec<PackedBits> = Vec::new();
        let numbers = two_vectors!(setting, seed, bit_slice, none, |engine, a, _b| {
            engine.bit_to_arithmetic::<u64>(&[&a, &a], lanes).await?
        });
        let due: Vec<u64> = numbers_of(&bit_slice, lanes);
        assert_eq!(numbers, [due.clone(), due].concat());

        let x: Vec<u128> = random(&mut rng, lanes);
        let none: Vec<u128> = Vec::new();
        for width in [1, 7, 65, 128] {
            let both = two_vectors!(setting, seed, x, none, |engine, a, _b| {
                let addends = engine.addends(&a, width).await?;
                ReplicatedShare::concat(&addends.iter().flatten().collect::<Vec<_>>())
            });
            let words = bit_slice_words(lanes);
            for (lane, x) in x.iter().enumerate() {
                let bit =
                    |bit_slice: usize| (both[bit_slice * words + lane / 64].0 >> (lane % 64)) & 1;
                let addend = |first: usize| {
                    (0..width)
                        .fold(0_u128, |sum, place| sum | (u128::from(bit(first + place)) << place))
                };
                let sum = addend(0).wrapping_add(addend(width));
                assert_eq!(sum.wrapping_sub(*x) << (128 - width), 0);
            }
        }
    }
}

#[test]
fn shuffled_rows_stay_together() {
    let seed = testing::seed();
    for setting in SETTINGS {
        let rows = 50;
        let run = |seed: u64| {
            let x: Vec<u64> = (0..rows).collect();
            let y: Vec<u64> = (0..rows).map(|row| 1000 + row).collect();
            two_vectors!(setting, seed, x, y, |engine, a, b| {
                let bit_slices = engine.public(x_words(rows));
                let columns = Columns { numbers: vec![a, b], words: vec![bit_slices] };
                let Columns { numbers, words } = engine.shuffle(columns).await?;
                let words = engine.open(&words[0], TO_ALL).await?.value().unwrap();
                let words = engine.public(words.iter().map(|word| word.0).collect());
                ReplicatedShare::concat(&[&numbers[0], &numbers[1], &words])
            })
        };
        let (one, other) = (run(seed), run(seed.wrapping_add(1)));
        let columns: Vec<&[u64]> = one.chunks(50).collect();
        for (row, number) in columns[0].iter().enumerate() {
            assert_eq!((columns[1][row], columns[2][row]), (1000 + number, 7 * number));
        }
        let mut sorted = columns[0].to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..rows));
        assert_ne!(one, other);
    }
}

fn x_words(rows: u64) -> Vec<PackedBits> {
    (0..rows).map(|row| PackedBits(7 * row)).collect()
}

/// Measures rounds and bytes sent by each seat in one operation on vectors of 1,000 elements.
macro_rules! cost {
    (|$engine:ident, $x:ident, $bits:ident| $body:expr) => {{
        let run = |with: bool| {
            Simulation::new(1).run(|channel, party, rng| async move {
                let mut rng = rng;
                let mut $engine = THREE.engine(&channel, &mut rng).await?;
                let mine = if party.index() == 0 { vec![7_u64; 1000] } else { Vec::new() };
                let $x = $engine.share(&mine, &[1000, 0, 0]).await?.remove(0);
                let $bits = $engine.public(vec![PackedBits(5); bit_slice_words(1000)]);
                if with {
                    let _ = $body;
                }
                let _ = &$bits;
                Ok(())
            })
        };
        let (with, without) = (run(true), run(false));
        with.results().unwrap();
        let sent = |report: &Report<()>, seat: usize| report.meters[seat].total().bytes_sent;
        let bytes = [0, 1, 2].map(|seat| sent(&with, seat) - sent(&without, seat));
        (with.rounds() - without.rounds(), bytes)
    }};
}

#[test]
fn operations_cost_what_the_documentation_says() {
    let full = 8 * 1000;
    assert_eq!(cost!(|e, x, _b| e.multiply(&x, &x).await?), (1, [full; 3]));
    assert_eq!(cost!(|e, x, _b| e.dot(&x, &x, 1000).await?), (1, [8; 3]));
    let square = Dimensions { rows: 10, inner: 100, columns: 10 };
    assert_eq!(cost!(|e, x, _b| e.matrix_product(&x, &x, square).await?), (1, [8 * 100; 3]));
    assert_eq!(cost!(|e, x, _b| e.open(&x, Reveal::ANSWER).await?), (1, [full + 32; 3]));
    let bit_slices = 65 * 8 * bit_slice_words(1000) as u64;
    assert_eq!(cost!(|e, x, _b| e.addends(&x, 65).await?), (1, [bit_slices, 0, 0]));
    assert_eq!(
        cost!(|e, _x, b| e.bit_to_arithmetic::<u64>(&[&b], 1000).await?),
        (2, [2 * full, full, full])
    );
    let table =
        cost!(|e, x, _b| e.shuffle(Columns { numbers: vec![x.clone()], words: vec![] }).await?);
    assert_eq!(table, (2, [2 * full, full, full]));
}

#[test]
fn no_part_of_a_stream_is_used_twice() {
    uses::take();
    for setting in SETTINGS {
        let x: Vec<u64> = (0..100).collect();
        two_vectors!(setting, 5, x, x, |engine, a, b| {
            let z = engine.multiply(&a, &b).await?;
            let bits = engine.addends(&z, 64).await?;
            let numbers: ReplicatedShare<u64> =
                engine.bit_to_arithmetic(&[&bits[0][0], &bits[1][3]], 100).await?;
            let z = engine.dot(&numbers, &numbers, 2).await?;
            let table = Columns { numbers: vec![z.clone(), z], words: Vec::new() };
            let table = engine.shuffle(table).await?;
            let again = engine.shuffle(table).await?;
            engine.open(&again.numbers[0], Reveal::ANSWER).await?;
            again.numbers[1].clone()
        });
        // The test's own generator of each simulated party is no stream of the suite.
        let mut streams: BTreeMap<[u8; 32], Vec<std::ops::Range<usize>>> = BTreeMap::new();
        for (stream, words) in uses::take().into_iter().filter(|(_, words)| !words.is_empty()) {
            streams.entry(*stream.as_bytes()).or_default().push(words);
        }
        assert!(!streams.is_empty());
        for (_, mut stretches) in streams {
            stretches.sort_by_key(|words| words.start);
            let holders = stretches.iter().filter(|words| **words == stretches[0]).count();
            assert!(holders == 2 || holders == 3, "{setting:?}: read by {holders}");
            for same in stretches.chunks(holders) {
                assert!(same.iter().all(|words| *words == same[0]), "{setting:?}");
            }
            for next in stretches.chunks(holders).collect::<Vec<_>>().windows(2) {
                assert!(next[0][0].end <= next[1][0].start, "{setting:?}: read twice");
            }
        }
    }
}
