//! The operations against plaintext, in simulation.

use rand_core::Rng;

use super::*;
use crate::algebra::packed_bits::{bit_slices_of, numbers_of};
use crate::circuits::comparison::less_than_zero;
use crate::circuits::selection::select;
use crate::circuits::sorting::sort;
use crate::kernel::disclosure::Profile;
use crate::kernel::session::agree;
use crate::kernel::simulation::{Report, Simulation};
use crate::testing::{self, rng};

const SIZES: [usize; 3] = [2, 3, 5];

/// Creates the suite among all parties of a channel, in a session that they agree on.
pub(crate) async fn engine<'a>(
    stores: CorrelationStore,
    channel: &'a Channel,
    rng: &mut impl CryptoRng,
) -> Result<Pairwise<'a>, Fault> {
    let offer = testing::offer(channel.parties().count(), Profile::Teaching.rules());
    let spec = offer.spec.clone();
    let session = agree(channel, offer, false, rng).await?;
    Pairwise::new(channel, &session, &spec, Preprocessed::Batch, stores, rng).await
}

/// Returns the value that every party opens in the end.
pub(super) fn opened<T: PartialEq + Clone + std::fmt::Debug>(report: &Report<Option<T>>) -> T {
    let results = report.results().unwrap();
    let first = results[0].clone().unwrap();
    assert!(results.iter().all(|result| result.as_ref() == Some(&first)));
    first
}

/// Runs an operation on a vector of each party, and opens the result.
macro_rules! vectors {
    ($seed:expr, $vectors:expr, |$engine:ident, $shares:ident| $body:expr) => {{
        let vectors: Vec<Vec<_>> = $vectors;
        let parties = vectors.len();
        let report = Simulation::new($seed).parties(parties).run(|channel, party, rng| {
            let vectors = vectors.clone();
            async move {
                let mut rng = rng;
                let lengths: Vec<usize> = vectors.iter().map(Vec::len).collect();
                let mut $engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
                let $shares = $engine.share(&vectors[party.index()], &lengths).await?;
                let result = $body;
                Ok($engine.open(&result, Reveal::ANSWER).await?.value())
            }
        });
        opened(&report)
    }};
}

/// Draws random elements, with the extreme ones among them.
fn random<R: Ring>(rng: &mut impl Rng, count: usize) -> Vec<R> {
    let extreme = [R::ZERO, R::ONE, R::ZERO.minus(R::ONE), R::from_word(1 << 63)];
    let mut element = |index: usize| {
        let mut element = R::ZERO;
        rng.fill_bytes(bytemuck::bytes_of_mut(&mut element));
        extreme.get(index).copied().unwrap_or(element)
    };
    let mut elements: Vec<R> = (0..count).map(&mut element).collect();
    elements.rotate_right(rng.next_u32() as usize % count.max(1));
    elements
}

#[test]
fn numbers_are_decomposed_and_truncated_exactly() {
    let mut rng = rng(testing::seed());
    for parties in SIZES {
        let vectors: Vec<Vec<u64>> = (0..parties).map(|_| random(&mut rng, 9)).collect();
        let sum = |place: usize| {
            vectors.iter().fold(0_u64, |sum, vector| sum.wrapping_add(vector[place]))
        };
        let sums: Vec<u64> = (0..9).map(sum).collect();
        let slices = vectors!(1, vectors.clone(), |engine, shares| {
            let total = shares.iter().skip(1).fold(shares[0].clone(), |sum, x| sum.plus(x));
            let slices = engine.bits(&total, 3..64).await?;
            let slices: Vec<_> = slices.iter().collect();
            AdditiveShare::concat(&slices)
        });
        assert_eq!(slices, bit_slices_of(&sums, 3..64), "{parties} parties");
        let truncated = vectors!(1, vectors.clone(), |engine, shares| {
            let total = shares.iter().skip(1).fold(shares[0].clone(), |sum, x| sum.plus(x));
            engine.truncate(&total, 52).await?
        });
        let due: Vec<u64> = sums.iter().map(|x| (x.cast_signed() >> 52).cast_unsigned()).collect();
        assert_eq!(truncated, due, "{parties} parties");
    }
}

#[test]
fn a_share_says_nothing_of_the_input() {
    let input = |party: usize| vec![7 + party as u64; 4];
    for parties in SIZES {
        let shares = |seed| {
            let report = Simulation::new(seed).parties(parties).run(|channel, party, rng| {
                let mut rng = rng;
                async move {
                    let mut engine =
                        engine(CorrelationStore::default(), &channel, &mut rng).await?;
                    let shares = engine.share(&input(party.index()), &vec![4; parties]).await?;
                    let own = |share: &AdditiveShare<u64>| share.parts()[0].to_vec();
                    Ok(shares.iter().map(own).collect::<Vec<Vec<u64>>>())
                }
            });
            report.results().unwrap().into_iter().cloned().collect::<Vec<_>>()
        };
        let seed = testing::seed();
        let (one, other) = (shares(seed), shares(seed ^ 1));
        for dealer in 0..parties {
            let of_dealer: Vec<&Vec<u64>> = one.iter().map(|shares| &shares[dealer]).collect();
            let sum = |row: usize| of_dealer.iter().fold(0_u64, |sum, s| sum.wrapping_add(s[row]));
            assert_eq!((0..4).map(sum).collect::<Vec<_>>(), input(dealer));
            // Equal inputs have unequal shares, at every party and in every session.
            for (holder, share) in of_dealer.into_iter().enumerate() {
                let mut elements = share.clone();
                elements.extend(&other[holder][dealer]);
                elements.sort_unstable();
                elements.dedup();
                assert_eq!(elements.len(), 8, "{dealer}'s input at {holder} of {parties}");
            }
        }
    }
}

fn check_products<R: Ring>(parties: usize, len: usize) {
    let mut rng = rng(testing::seed());
    let vectors: Vec<Vec<R>> = (0..parties).map(|_| random(&mut rng, len)).collect();
    let due = |f: &dyn Fn(R, R) -> R| -> Vec<R> {
        let (x, y) = (&vectors[0], &vectors[parties - 1]);
        let rest =
            |index: usize| vectors[1..].iter().fold(R::ZERO, |sum, vector| sum.plus(vector[index]));
        x.iter().enumerate().map(|(i, x)| f(x.plus(rest(i)), y[i])).collect()
    };
    // The sum of all, which all hold parts of, with the last.
    let products = vectors!(testing::seed(), vectors.clone(), |engine, shares| {
        let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
        engine.multiply(&sum, &shares[parties - 1]).await?
    });
    assert_eq!(products, due(&R::times), "{parties} parties");
    let inner = vectors!(testing::seed(), vectors.clone(), |engine, shares| {
        let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
        engine.dot(&sum, &shares[parties - 1], 5).await?
    });
    let sums: Vec<R> = due(&R::times)
        .chunks_exact(5)
        .map(|five| five.iter().fold(R::ZERO, |sum, x| sum.plus(*x)))
        .collect();
    assert_eq!(inner, sums, "{parties} parties");
}

#[test]
fn products_are_right() {
    for parties in SIZES {
        check_products::<u64>(parties, 300);
        check_products::<u128>(parties, 150);
        check_products::<PackedBits>(parties, 300);
    }
}

#[test]
fn products_that_take_many_chunks_are_right() {
    check_products::<u64>(2, 5_000);
    check_products::<PackedBits>(2, 20_000);
}

fn check_matrices<R: Ring>(parties: usize, [rows, inner, columns]: [usize; 3]) {
    let mut rng = rng(testing::seed());
    let mut vectors: Vec<Vec<R>> = vec![Vec::new(); parties];
    vectors[0] = random(&mut rng, rows * inner);
    vectors[1] = random(&mut rng, inner * columns);
    let mut due = vec![R::ZERO; rows * columns];
    crate::algebra::matrix::add_product(&vectors[0], &vectors[1], &mut due, inner, columns);
    let dimensions = Dimensions { rows, inner, columns };
    let product = vectors!(testing::seed(), vectors.clone(), |engine, shares| {
        engine.matrix_product(&shares[0], &shares[1], dimensions).await?
    });
    assert_eq!(product, due, "{parties} parties, {dimensions:?}");
}

#[test]
fn products_of_matrices_are_right() {
    for parties in SIZES {
        check_matrices::<u64>(parties, [3, 4, 5]);
        check_matrices::<u128>(parties, [5, 4, 3]);
    }
    for dimensions in [[1, 1, 1], [1, 300, 1], [7, 1, 7], [2, 3, 600], [600, 3, 2], [20, 30, 40]] {
        check_matrices::<u64>(2, dimensions);
        check_matrices::<u128>(2, dimensions);
    }
}

#[test]
fn comparisons_are_right() {
    for parties in SIZES {
        let mut rng = rng(testing::seed());
        let vectors: Vec<Vec<u64>> = (0..parties).map(|_| random(&mut rng, 200)).collect();
        let sums = (0..200).map(|i| vectors.iter().fold(0_u64, |sum, v| sum.wrapping_add(v[i])));
        let due: Vec<u64> = sums.map(|sum| sum >> 63).collect();
        let signs = vectors!(testing::seed(), vectors.clone(), |engine, shares| {
            let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
            less_than_zero(&mut engine, &sum, 64).await?
        });
        assert_eq!(numbers_of::<u64>(&signs, 200), due, "{parties} parties");
    }
}

fn check_injection<R: Ring>(parties: usize) {
    let mut rng = rng(testing::seed());
    let vectors: Vec<Vec<PackedBits>> = (0..parties).map(|_| random(&mut rng, 4)).collect();
    let sums = (0..4).map(|i| vectors.iter().fold(PackedBits(0), |sum, v| sum.plus(v[i])));
    let sums: Vec<PackedBits> = sums.collect();
    let due: Vec<R> = [numbers_of(&sums[..2], 100), numbers_of(&sums[2..], 100)].concat();
    let report = Simulation::new(testing::seed()).parties(parties).run(|channel, party, rng| {
        let vectors = vectors.clone();
        async move {
            let mut rng = rng;
            let mut engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
            let shares = engine.share(&vectors[party.index()], &vec![4; parties]).await?;
            let sum = shares.iter().skip(1).fold(shares[0].clone(), |sum, share| sum.plus(share));
            let bit_slices = [sum.slice(0..2), sum.slice(2..4)];
            let numbers =
                engine.bit_to_arithmetic::<R>(&[&bit_slices[0], &bit_slices[1]], 100).await?;
            Ok(engine.open(&numbers, Reveal::ANSWER).await?.value())
        }
    });
    assert_eq!(opened(&report), due, "{parties} parties");
}

#[test]
fn bits_become_numbers() {
    for parties in [2, 3, 5, 8] {
        check_injection::<u64>(parties);
        check_injection::<u128>(parties);
    }
}

#[test]
fn what_a_bit_says_is_selected() {
    let vectors = vec![vec![1_u64, 2, 3, 4], vec![50, 60, 70, 80]];
    let chosen = vectors!(testing::seed(), vectors, |engine, shares| {
        let bits = engine.public(vec![PackedBits(0b0101)]);
        let pairs = [[&shares[0], &shares[1]]];
        select(&mut engine, &bits, &pairs).await?.remove(0)
    });
    assert_eq!(chosen, [1, 60, 3, 80]);
}

#[test]
fn shuffled_rows_stay_whole_and_change_their_order() {
    for parties in SIZES {
        for rows in [2, 3, 17, 128, 301] {
            let vectors: Vec<Vec<u64>> = (0..parties)
                .map(|party| (0..rows).map(|row| row << (8 * party)).collect())
                .collect();
            let sum = |row: u64| (0..parties).fold(0, |sum, party| sum + (row << (8 * party)));
            let both = vectors!(testing::seed(), vectors, |engine, shares| {
                let all = shares.iter().skip(1).fold(shares[0].clone(), |sum, x| sum.plus(x));
                let words = engine.public((0..rows).map(PackedBits).collect());
                let columns = Columns { numbers: vec![all.clone(), all], words: vec![words] };
                let shuffled = engine.shuffle(columns).await?;
                let words = engine.open(&shuffled.words[0], Reveal::ANSWER).await?.value().unwrap();
                let words: Vec<u64> = words.iter().map(|word| word.0).collect();
                let words = engine.public(words);
                let [one, two] = [&shuffled.numbers[0], &shuffled.numbers[1]];
                AdditiveShare::concat(&[one, two, &words])
            });
            let (one, rest) = both.split_at(both.len() / 3);
            let (two, words) = rest.split_at(one.len());
            assert_eq!(one, two);
            let due: Vec<u64> = words.iter().map(|row| sum(*row)).collect();
            assert_eq!(one, due, "{parties} parties, {rows} rows");
            let mut sorted = words.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..rows).collect::<Vec<_>>());
            assert!(rows < 100 || sorted != words, "the order is as it was");
        }
    }
}

#[test]
fn rows_are_sorted() {
    for parties in [2, 3] {
        let mut rng = rng(testing::seed());
        let keys: Vec<PackedBits> = (0..60).map(|_| PackedBits(rng.next_u64() >> 60)).collect();
        let mut vectors: Vec<Vec<PackedBits>> = vec![keys.clone()];
        vectors.resize(parties, Vec::new());
        let sorted = vectors!(testing::seed(), vectors, |engine, shares| {
            let rows = engine.public((0..60).collect());
            let table = Columns { numbers: vec![rows], words: vec![shares[0].clone()] };
            let sorted = sort(&mut engine, table, 4).await?;
            let rows = engine.open(&sorted.numbers[0], Reveal::ANSWER).await?.value().unwrap();
            let rows = engine.public(rows.into_iter().map(PackedBits).collect());
            AdditiveShare::concat(&[&sorted.words[0], &rows])
        });
        let mut due: Vec<(u64, u64)> = keys.iter().map(|key| key.0).zip(0..).collect();
        due.sort_unstable();
        let (keys, rows): (Vec<PackedBits>, Vec<PackedBits>) =
            due.into_iter().map(|(key, row)| (PackedBits(key), PackedBits(row))).unzip();
        assert_eq!(sorted, [keys, rows].concat(), "{parties} parties");
    }
}
