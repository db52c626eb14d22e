//! Maps come back, what tells nothing looks random, and what cannot be solved is refused.

use proptest::prelude::*;
use rand_core::Rng;

use super::*;
use crate::kernel::random::PredictableRng;
use crate::testing::{rng, seed};

fn keys(rng: &mut PredictableRng, count: usize) -> Vec<Key> {
    std::iter::repeat_with(|| {
        let mut key = [0; 16];
        rng.fill_bytes(&mut key);
        Key::from_le_bytes(key)
    })
    .take(count)
    .collect()
}

fn values(rng: &mut PredictableRng, count: usize) -> Vec<u64> {
    std::iter::repeat_with(|| rng.next_u64()).take(count).collect()
}

fn encoded(rng: &mut PredictableRng, count: usize) -> (Vec<Key>, Vec<u64>, Store) {
    let (keys, values) = (keys(rng, count), values(rng, count));
    let store = Store::encode(&keys, &values, rng).unwrap();
    (keys, values, store)
}

/// Checks that each of the 64 bits is a one in half of the words, up to six standard deviations.
fn look_random(words: &[u64]) -> bool {
    let count = u32::try_from(words.len()).unwrap();
    let bound = 3.0 * f64::from(count).sqrt();
    (0..64).all(|bit| {
        let ones: u32 = words.iter().map(|word| u32::from((word >> bit) & 1 == 1)).sum();
        (f64::from(ones) - f64::from(count) / 2.0).abs() <= bound
    })
}

/// The rank of the keys' equations, by elimination on whole rows of bits.
fn rank(keys: &[Key], slots: usize) -> usize {
    let row = |key: &Key| {
        let (start, band) = place(*key, slots);
        let mut row = vec![false; slots];
        for (bit, place) in row.iter_mut().skip(start).enumerate().take(W) {
            *place = (band.0[bit / LIMB] >> (bit % LIMB)) & 1 == 1;
        }
        row
    };
    let mut rows: Vec<Vec<bool>> = keys.iter().map(row).collect();
    let mut rank = 0;
    for column in (0..slots).rev() {
        let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column]) else { continue };
        rows.swap(rank, pivot);
        let (settled, rest) = rows.split_at_mut(rank + 1);
        for row in rest.iter_mut().filter(|row| row[column]) {
            row.iter_mut().zip(&settled[rank]).for_each(|(bit, other)| *bit ^= other);
        }
        rank += 1;
    }
    rank
}

#[test]
fn every_key_decodes_to_its_value() {
    let mut rng = rng(seed());
    for count in [0, 1, 2, 3, 10, 100, 195, 196, 197, 1_000, 100_000] {
        let (keys, values, store) = encoded(&mut rng, count);
        assert_eq!(store.words().len(), Store::slots(count));
        let received = Store::from_words(store.words().to_vec(), count).unwrap();
        assert_eq!(received.decode(&keys), values, "{count} keys");
    }
}

#[test]
fn values_need_not_be_random_to_come_back() {
    let mut rng = rng(seed());
    let keys = keys(&mut rng, 1_000);
    let store = Store::encode(&keys, &[7; 1_000], &mut rng).unwrap();
    assert_eq!(store.decode(&keys), [7; 1_000]);
}

#[test]
fn other_keys_decode_to_what_looks_random() {
    let mut rng = rng(seed());
    for count in [0, 1, 1_000, 10_000] {
        let store = encoded(&mut rng, count).2;
        // Keys of a store have at most as many values that are independent as it has words.
        let others = keys(&mut rng, Store::slots(count));
        assert!(look_random(&store.decode(&others)), "{count} keys");
    }
}

#[test]
fn words_look_random_whatever_the_keys_are() {
    let mut rng = rng(seed());
    let [few, many] = [keys(&mut rng, 10_000), keys(&mut rng, 10_000)];
    let alike: Vec<Key> = (0..10_000).collect();
    for keys in [few, many, alike] {
        let values = values(&mut rng, keys.len());
        assert!(look_random(Store::encode(&keys, &values, &mut rng).unwrap().words()));
    }
}

#[test]
fn each_word_looks_random_for_the_same_keys() {
    let mut drawn = rng(seed());
    let keys = keys(&mut drawn, 100);
    let words: Vec<Vec<u64>> = std::iter::repeat_with(|| {
        let values = values(&mut drawn, 100);
        Store::encode(&keys, &values, &mut drawn).unwrap().words().to_vec()
    })
    .take(400)
    .collect();
    for place in 0..Store::slots(100) {
        let of_all_stores: Vec<u64> = words.iter().map(|words| words[place]).collect();
        assert!(look_random(&of_all_stores), "word {place}");
    }
}

#[test]
fn the_order_of_the_items_does_not_show() {
    let seed = seed();
    let mut drawn = rng(seed);
    let (mut keys, mut values) = (keys(&mut drawn, 1_000), values(&mut drawn, 1_000));
    let store = Store::encode(&keys, &values, &mut rng(seed)).unwrap();
    keys.reverse();
    values.reverse();
    assert!(Store::encode(&keys, &values, &mut rng(seed)).unwrap() == store);
}

#[test]
fn a_key_that_is_there_twice_is_unsolvable() {
    let mut rng = rng(seed());
    for count in [2, 100, 10_000] {
        let (mut keys, values) = (keys(&mut rng, count), values(&mut rng, count));
        keys[count - 1] = keys[0];
        assert_eq!(Store::encode(&keys, &values, &mut rng).err(), Some(Unsolvable));
    }
}

#[test]
fn words_of_another_number_are_refused() {
    for count in [0, 1, 9, 10, 11, 1_000] {
        let slots = Store::slots(count);
        assert!(Store::from_words(vec![0; slots], count).is_some());
        for wrong in [0, slots - 1, slots + 1, 2 * slots] {
            assert!(Store::from_words(vec![0; wrong], count).is_none());
        }
    }
    assert!(Store::from_words(vec![0; 100], usize::MAX).is_none());
}

#[test]
fn a_store_is_as_long_as_is_said() {
    let slots = [0, 1, 10, 11, 100, 1_000_000].map(Store::slots);
    assert_eq!(slots, [40, 42, 51, 53, 150, 1_100_040]);
}

#[test]
fn places_are_those_of_aes_128() {
    // Key 00..0f; blocks 0, 1 and 2 as OpenSSL encrypts them.
    let key = Key::from_le_bytes(std::array::from_fn(|index| u8::try_from(index).unwrap()));
    let bits = [0x825b_8f87_373b_a1c6, 0x79d8_c8a1_6281_4f6f, 0xa087_7cdd_63d3_7ce3];
    let bits = [bits[0], bits[1], bits[2], 0x829c_e060_3e0e_ff9a];
    // 505 is 745 times 0xad9c_dba5_1be3_8afb / 2^64.
    for (slots, start) in [(1000, 505), (257, 1), (256, 0)] {
        let (at, band) = place(key, slots);
        assert_eq!((at, band.0), (start, bits), "{slots} slots");
    }
    let (start, band) = place(key, 70);
    assert_eq!((start, band.0), (0, [bits[0], bits[1] & 0x3f, 0, 0]));
}

#[test]
fn a_band_stays_within_a_short_store() {
    let mut rng = rng(seed());
    for slots in [1, 40, 63, 64, 65, 128, 255, 256, 257, 300] {
        for key in keys(&mut rng, 200) {
            let (start, mut band) = place(key, slots);
            let mut last = start;
            while let Some(zeros) = band.advance() {
                last += zeros;
                band.0[0] ^= 1;
            }
            assert!(last < slots, "{last} of {slots}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With more keys than a store of its length is for: many cases have no solution. From some 250
    /// keys on bands are shorter than the store.
    #[test]
    fn what_is_independent_is_solvable(count in 1..400_usize, spare in 0..4_usize, seed: u64) {
        let mut rng = rng(seed);
        let slots = count + spare;
        let keys = keys(&mut rng, count);
        let mut rows: Vec<Row> = keys
            .iter()
            .map(|key| {
                let (start, band) = place(*key, slots);
                Row { start, equation: Equation { band, sum: rng.next_u64() } }
            })
            .collect();
        rows.sort_unstable_by_key(|row| row.start);
        let solvable = eliminate(rows, slots).is_ok();
        prop_assert_eq!(solvable, rank(&keys, slots) == count);
    }
}
