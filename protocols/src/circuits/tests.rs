//! Circuits over the replicated suite against plaintext, in simulation.

use rand_core::Rng;

use crate::algebra::packed_bits::{PackedBits, bit_slice_words, bit_slices_of, numbers_of};
use crate::circuits::adder::msb_of_sum;
use crate::circuits::comparison::{all_zero, less_than_zero, or_each};
use crate::circuits::selection::{argmax, select, suppress_below};
use crate::circuits::sorting::sort;
use crate::engine::reveals::tested::TO_ALL;
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::{Columns, Engine};
use crate::kernel::reveal::Reveal;
use crate::kernel::simulation::Simulation;
use crate::suites::replicated::ReplicatedShare;
use crate::suites::replicated::tests::{SETTINGS, Setting, THREE, two_vectors};
use crate::testing::{self, rng};

/// Returns whether x is below y, at each place, from shares of both.
fn less(setting: Setting, x: &[u128], y: &[u128], width: usize) -> Vec<bool> {
    let bits = two_vectors!(setting, 1, x, y, |engine, a, b| {
        less_than_zero(&mut engine, &a.minus(&b), width).await?
    });
    numbers_of::<u64>(&bits, x.len()).iter().map(|bit| *bit == 1).collect()
}

#[test]
fn all_numbers_of_eight_bits_are_compared_right() {
    let (x, y): (Vec<u128>, Vec<u128>) =
        (0..256_u128).flat_map(|x| (0..256_u128).map(move |y| (x, y))).unzip();
    let due: Vec<bool> = x.iter().zip(&y).map(|(x, y)| x < y).collect();
    assert_eq!(less(THREE, &x, &y, 9), due);
}

#[test]
fn the_sign_is_right_at_every_width() {
    let mut rng = rng(testing::seed());
    for width in [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 63, 64, 65, 128] {
        let mut x: Vec<u128> = (0..90)
            .map(|_| (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()))
            .collect();
        x.extend([0, 1, u128::MAX, 1 << (width - 1), (1 << (width - 1)) - 1]);
        let due: Vec<bool> = x.iter().map(|x| (x >> (width - 1)) & 1 == 1).collect();
        assert_eq!(less(THREE, &x, &vec![0; x.len()], width), due, "{width} bits");
    }
}

#[test]
fn numbers_of_64_bits_are_compared_exactly_over_their_whole_range() {
    let mut rng = rng(testing::seed());
    let extreme = [0, 1, 2, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, (1 << 63) + 1];
    let mut pairs: Vec<(u64, u64)> =
        extreme.iter().flat_map(|x| extreme.iter().map(move |y| (*x, *y))).collect();
    pairs.extend((0..200).map(|_| (rng.next_u64(), rng.next_u64())));
    pairs.extend((0..50).map(|_| rng.next_u64()).map(|x| (x, x.wrapping_add(1))));
    let (x, y): (Vec<u128>, Vec<u128>) =
        pairs.iter().map(|(x, y)| (u128::from(*x), u128::from(*y))).unzip();
    let due: Vec<bool> = pairs.iter().map(|(x, y)| x < y).collect();
    for setting in SETTINGS {
        assert_eq!(less(setting, &x, &y, 65), due, "{setting:?}");
    }
}

#[test]
fn a_comparison_of_64_bits_takes_9_rounds_with_its_opening_and_28_bytes() {
    let lanes = 6400_usize;
    let run = |compare: bool| {
        Simulation::new(1).run(|channel, party, rng| async move {
            let mut rng = rng;
            let mut engine = THREE.engine(&channel, &mut rng).await?;
            let mine = if party.index() == 0 { vec![7_u128; lanes] } else { Vec::new() };
            let x = engine.share(&mine, &[lanes, 0, 0]).await?.remove(0);
            if compare {
                let bits = less_than_zero(&mut engine, &x, 65).await?;
                engine.open(&bits, Reveal::ANSWER).await?;
            }
            Ok(())
        })
    };
    let (with, without) = (run(true), run(false));
    with.results().unwrap();
    assert_eq!(with.rounds() - without.rounds(), 9);
    let sent = |seat: usize| {
        let bytes = |meters: &[crate::kernel::meter::Meter]| meters[seat].total().bytes_sent;
        8 * (bytes(&with.meters) - bytes(&without.meters) - 32) / lanes as u64
    };
    // Bits: 65 of the dealer's, 152 conjunctions, and the opened one. Bytes: 27.25 and 19.125.
    assert_eq!([0, 1, 2].map(sent), [65 + 152 + 1, 152 + 1, 152 + 1]);
}

#[test]
fn the_sign_of_a_sum_of_any_number_of_addends_is_right() {
    const WIDTH: usize = 24;
    let mut rng = rng(testing::seed());
    for count in 1..=20 {
        let numbers: Vec<u64> = (0..count * 64).map(|_| rng.next_u64()).collect();
        let bit_slices: Vec<PackedBits> =
            numbers.chunks(64).flat_map(|addend| bit_slices_of(addend, 0..WIDTH)).collect();
        let none: Vec<PackedBits> = Vec::new();
        let bits = two_vectors!(THREE, 1, bit_slices, none, |engine, a, _b| {
            let addends =
                a.split_into(count).iter().map(|addend| addend.split_into(WIDTH)).collect();
            msb_of_sum(&mut engine, addends).await?
        });
        let sum = |lane: usize| {
            let addends = numbers.iter().skip(lane).step_by(64);
            addends.fold(0_u64, |sum, addend| sum.wrapping_add(*addend))
        };
        let due: Vec<u64> = (0..64).map(|lane| (sum(lane) >> (WIDTH - 1)) & 1).collect();
        assert_eq!(numbers_of::<u64>(&bits, 64), due, "{count} addends");
    }
}

/// Draws numbers of 64 bits, with the extreme ones among them.
fn signed_numbers(rng: &mut impl Rng) -> Vec<u64> {
    let extreme = [0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, (1 << 63) + 1];
    extreme.into_iter().chain((0..61).map(|_| rng.next_u64())).collect()
}

#[test]
fn every_range_of_bits_is_that_of_the_number() {
    let mut rng = rng(testing::seed());
    for setting in SETTINGS {
        let x = signed_numbers(&mut rng);
        for (first, end) in [(0, 1), (0, 64), (63, 64), (5, 5), (1, 2), (3, 40), (17, 64)] {
            let none: Vec<u64> = Vec::new();
            let slices = two_vectors!(setting, 1, x, none, |engine, a, _b| {
                let slices = engine.bits(&a, first..end).await?;
                let slices: Vec<_> = slices.iter().collect();
                Shared::concat(&slices)
            });
            assert_eq!(slices, bit_slices_of(&x, first..end), "{setting:?} {first}..{end}");
        }
    }
}

#[test]
fn truncation_rounds_down_exactly_whatever_the_number() {
    let mut rng = rng(testing::seed());
    for setting in [SETTINGS[0], SETTINGS[3], SETTINGS[4]] {
        let x = signed_numbers(&mut rng);
        for bits in [0, 1, 2, 31, 52, 62, 63] {
            let none: Vec<u64> = Vec::new();
            let truncated = two_vectors!(setting, 1, x, none, |engine, a, _b| {
                engine.truncate(&a, bits).await?
            });
            let due: Vec<u64> =
                x.iter().map(|x| (x.cast_signed() >> bits).cast_unsigned()).collect();
            assert_eq!(truncated, due, "{setting:?} {bits}");
        }
    }
    // Modulo 2^128, as fixed point has it.
    let x: Vec<u128> = [0, 1, u128::MAX, 1 << 127, (1 << 127) - 1, u128::MAX - (1 << 70)].to_vec();
    let none: Vec<u128> = Vec::new();
    let truncated =
        two_vectors!(THREE, 1, x, none, |engine, a, _b| engine.truncate(&a, 40).await?);
    let due: Vec<u128> = x.iter().map(|x| (x.cast_signed() >> 40).cast_unsigned()).collect();
    assert_eq!(truncated, due);
}

#[test]
fn shares_are_multiplied_by_public_vectors() {
    let (x, by) = ([3_u64, 5, u64::MAX], [2_u64, 0, 7]);
    let none: Vec<u64> = Vec::new();
    let scaled = two_vectors!(THREE, 1, x, none, |engine, a, _b| {
        let _ = &mut engine;
        a.scaled_by(&by)
    });
    assert_eq!(scaled, [6, 0, u64::MAX - 6]);
}

#[test]
fn a_single_one_among_any_number_of_lanes_is_found_and_nothing_behind_them() {
    for lanes in [1, 2, 3, 5, 63, 64, 65, 127, 130, 200] {
        for at in [None, Some(0), Some(lanes / 2), Some(lanes - 1), Some(lanes), Some(lanes + 60)] {
            let mut bit_slice = vec![PackedBits(0); bit_slice_words(300)];
            if let Some(at) = at {
                bit_slice[at / 64] = PackedBits(1 << (at % 64));
            }
            let none: Vec<PackedBits> = Vec::new();
            let found = two_vectors!(THREE, 1, bit_slice, none, |engine, a, _b| {
                or_each(&mut engine, vec![a], lanes).await?.remove(0)
            });
            assert_eq!(
                found,
                [PackedBits(u64::from(at.is_some_and(|at| at < lanes)))],
                "{lanes} {at:?}"
            );
        }
    }
}

#[test]
fn counts_from_the_least_on_are_kept_and_smaller_ones_are_zero() {
    let seed = testing::seed();
    for setting in SETTINGS {
        for least in [1, 2, 5, (1 << 62) - 1] {
            let counts: Vec<u64> =
                (0..10).chain([100, (1 << 62) - 2, (1 << 62) - 1]).chain(0..60).collect();
            let none: Vec<u64> = Vec::new();
            let kept = two_vectors!(setting, seed, counts, none, |engine, a, _b| {
                suppress_below(&mut engine, &a, least).await?
            });
            let due: Vec<u64> =
                counts.iter().map(|count| if *count >= least { *count } else { 0 }).collect();
            assert_eq!(kept, due);
        }
    }
}

#[test]
fn zeros_are_found_and_choices_made() {
    let seed = testing::seed();
    for setting in SETTINGS {
        let x: Vec<PackedBits> = [0, 1, u64::MAX, 0, 1 << 63, 4].map(PackedBits).to_vec();
        let none: Vec<PackedBits> = Vec::new();
        let bits = two_vectors!(setting, seed, x, none, |engine, a, _b| {
            let bit_slices = a.bit_slices(0..64);
            all_zero(&mut engine, &bit_slices).await?
        });
        assert_eq!(numbers_of::<u64>(&bits, 6), [1, 0, 0, 1, 0, 0]);
        let (x, y): (Vec<u64>, Vec<u64>) = ((0..100).collect(), (200..300).collect());
        let chosen = two_vectors!(setting, seed, x, y, |engine, a, b| {
            let bits = engine.public(vec![PackedBits(0x5555_5555_5555_5555); 2]);
            select(&mut engine, &bits, &[[&a, &b]]).await?.remove(0)
        });
        let due: Vec<u64> =
            x.iter().zip(&y).map(|(x, y)| if x % 2 == 0 { *x } else { *y }).collect();
        assert_eq!(chosen, due);
    }
}

#[test]
fn the_largest_is_found_and_of_equal_ones_the_first() {
    let mut rng = rng(testing::seed());
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 33] {
        let counts: Vec<u64> = (0..count).map(|_| rng.next_u64() % 6).collect();
        let none: Vec<u64> = Vec::new();
        let found = two_vectors!(THREE, 3, counts, none, |engine, a, _b| {
            let [count, place] = argmax(&mut engine, &a, 8).await?.unwrap();
            ReplicatedShare::concat(&[&count, &place])
        });
        let most = *counts.iter().max().unwrap();
        let first = counts.iter().position(|count| *count == most).unwrap();
        assert_eq!(found, [most, first as u64], "{counts:?}");
    }
}

#[test]
fn tables_are_sorted_and_equal_rows_keep_their_order() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for setting in SETTINGS {
        for (rows, width) in [(0, 64), (1, 64), (2, 1), (70, 64), (65, 4), (40, 0), (2_100, 7)] {
            let keys: Vec<u64> = (0..rows)
                .map(|row| match row % 4 {
                    0 => rng.next_u64(),
                    1 => rng.next_u64() % 8,
                    2 => u64::MAX,
                    _ => 5,
                })
                .collect();
            let words: Vec<PackedBits> = keys.iter().map(|key| PackedBits(*key)).collect();
            let none: Vec<PackedBits> = Vec::new();
            let sorted = two_vectors!(setting, seed, words, none, |engine, a, _b| {
                let table = Columns {
                    numbers: vec![engine.public((0..rows).collect())],
                    words: vec![a.clone()],
                };
                let table = sort(&mut engine, table, width).await?;
                let numbers = engine.open(&table.numbers[0], TO_ALL).await?.value().unwrap();
                let numbers = numbers.into_iter().map(PackedBits).collect();
                ReplicatedShare::concat(&[&table.words[0], &engine.public(numbers)])
            });
            let mask = 1_u64.unbounded_shl(u32::try_from(width).unwrap()).wrapping_sub(1);
            let mut due: Vec<(u64, u64)> = keys.iter().copied().zip(0..).collect();
            due.sort_by_key(|(key, _)| key & mask);
            let (keys, rows): (Vec<u64>, Vec<u64>) = due.into_iter().unzip();
            let due: Vec<PackedBits> = [keys, rows].concat().into_iter().map(PackedBits).collect();
            assert_eq!(sorted, due, "{setting:?} {width}");
        }
    }
}

#[test]
fn bit_slices_of_shares_have_the_length_of_their_lanes() {
    let x: Vec<PackedBits> = (0..65).map(PackedBits).collect();
    let none: Vec<PackedBits> = Vec::new();
    let bits = two_vectors!(THREE, 1, x, none, |engine, a, _b| {
        let bit_slices = a.bit_slices(1..3);
        assert!(bit_slices.iter().all(|bit_slice| bit_slice.len() == bit_slice_words(65)));
        bit_slices[1].clone()
    });
    let due: Vec<u64> = (0..65).map(|x| (x >> 2) & 1).collect();
    assert_eq!(numbers_of::<u64>(&bits, 65), due);
}
