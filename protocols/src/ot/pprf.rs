//! Puncturable PRF (GGM tree with 2^[`K`] leaves): the receiver learns every leaf except the
//! punctured one.
//!
//! The punctured pseudo-random functions of Roy, *SoftSpokenOT: Quieter OT extension from
//! small-field silent VOLE in the Minicrypt model* (CRYPTO 2022), figures 13 (the tree of
//! Goldreich, Goldwasser and Micali) and 14 (its check against a sender that deviates).
//!
//! **Parties:** The sender makes a tree with 2^[`K`] leaves for each group of [`K`] bits of the
//! other's Δ. The receiver's bits α of the group name the leaf that it does not get. Both have a
//! base transfer for each bit, in which the receiver has chosen the opposite of the bit.
//!
//! For each level of the tree and each side, the sender takes the exclusive or of all seeds on that
//! side. It sends this under the key of that side in the base transfer. The receiver can open the
//! side that its path leaves, and so knows all seeds off its path.
//!
//! Then follows a check: each leaf makes a seed and a check value. The sender sends the exclusive
//! or of all check values and a hash of them all, which the receiver can make too. A sender that
//! deviates is detected, unless it guessed a part of α. A wrong guess ends in an abort.
//!
//! The receiver looks the missing leaf up without hiding the access: it is its own secret, used
//! once for each base setup.
//!
//! **Bytes:** for each group 64·K + 64, by the sender. One message.

use crate::algebra::elementwise::zip_exact;
use zeroize::Zeroizing;

use super::base::Key;
use super::{GROUPS, K, LEAVES};

/// The bytes of a seed.
const SEED: usize = 32;

/// The bytes for one group: two sums for each level, and the check.
const MESSAGE: usize = 2 * K * SEED + 2 * SEED;

/// The bytes for all groups.
pub(crate) const DEALT: usize = GROUPS * MESSAGE;

/// A seed.
pub(crate) type Seed = Zeroizing<[u8; SEED]>;

/// Makes a tree from each root; `keys` has the base transfers of all groups, K for each. Returns
/// the leaves of all groups, one after the other, and the message (figures 13 and 14, the sender).
pub(crate) fn generate(roots: &[Seed], keys: &[[Key; 2]]) -> (Vec<Seed>, Vec<u8>) {
    let mut all = Vec::with_capacity(roots.len() * LEAVES);
    let mut message = Vec::with_capacity(roots.len() * MESSAGE);
    for (root, keys) in zip_exact(roots.iter(), keys.chunks(K)) {
        let mut level = vec![root.clone()];
        for [key_0, key_1] in keys {
            level = level.iter().flat_map(children).collect();
            for (side, key) in [(0, key_0), (1, key_1)] {
                let sum = sum(level.iter().skip(side).step_by(2));
                message.extend_from_slice(xor(&sum, key.as_slice()).as_slice());
            }
        }
        let (leaves, checks): (Vec<Seed>, Vec<Seed>) = level.iter().map(leaf_and_check).unzip();
        message.extend_from_slice(sum(checks.iter()).as_slice());
        message.extend_from_slice(&hash(&checks));
        all.extend(leaves);
    }
    (all, message)
}

/// Evaluates the leaves of all groups, one after the other (figures 13 and 14, the receiver). Each
/// has zeros in the place that its bits `missing` name. `keys` has one key of each base transfer:
/// that of the side off the path. Returns none if the message has another length or does not pass
/// the check.
pub(crate) fn evaluate(missing: &[usize], keys: &[Key], message: &[u8]) -> Option<Vec<Seed>> {
    let (messages, rest) = message.as_chunks::<MESSAGE>();
    if messages.len() != missing.len() || !rest.is_empty() {
        return None;
    }
    let mut all = Vec::with_capacity(messages.len() * LEAVES);
    let mut passes = true;
    for ((missing, keys), message) in zip_exact(zip_exact(missing.iter(), keys.chunks(K)), messages)
    {
        let (sums, check) = message.split_at(2 * K * SEED);
        let level = seeds_off_path(*missing, keys, sums);
        let (leaves, mut checks): (Vec<Seed>, Vec<Seed>) = level.iter().map(leaf_and_check).unzip();
        let (sum_of_all, hash_of_all) = check.split_at(SEED);
        let known = checks.iter().enumerate().filter(|(place, _)| place != missing);
        let last = xor(&sum(known.map(|(_, check)| check)), sum_of_all);
        checks.get_mut(*missing)?.clone_from(&last);
        passes &= hash(&checks).as_slice() == hash_of_all;
        let leaves = leaves.into_iter().enumerate();
        all.extend(
            leaves.map(|(place, leaf)| if place == *missing { Seed::default() } else { leaf }),
        );
    }
    passes.then_some(all)
}

/// Computes the lowest level of a tree but the seed at `missing`, whose place has a worthless
/// value.
fn seeds_off_path(missing: usize, keys: &[Key], sums: &[u8]) -> Vec<Seed> {
    let mut level = vec![Seed::default()];
    let mut on_path = 0;
    for (depth, (key, sums)) in zip_exact(keys.iter(), sums.chunks(2 * SEED)).enumerate() {
        level = level.iter().flat_map(children).collect();
        // The most significant bit of a leaf's number is its side at the root.
        let side = (missing >> (K - 1 - depth)) & 1;
        let off_path = 2 * on_path + (1 - side);
        on_path = 2 * on_path + side;
        let sum_of_side = sums.chunks(SEED).nth(1 - side).expect("a level has two sums");
        let others = level.iter().enumerate().skip(1 - side).step_by(2);
        let others = sum(others.filter(|(place, _)| *place != off_path).map(|(_, seed)| seed));
        let seed = xor(&xor(&others, sum_of_side), key.as_slice());
        level.get_mut(off_path).into_iter().for_each(|place| place.clone_from(&seed));
    }
    level
}

fn children(seed: &Seed) -> [Seed; 2] {
    two("cloister 1 pairwise: seeds below a seed", seed)
}

fn leaf_and_check(seed: &Seed) -> (Seed, Seed) {
    two("cloister 1 pairwise: leaf and tag", seed).into()
}

fn two(purpose: &'static str, seed: &Seed) -> [Seed; 2] {
    let mut reader = blake3::Hasher::new_derive_key(purpose).update(seed.as_slice()).finalize_xof();
    std::array::from_fn(|_| {
        let mut seed = Seed::default();
        reader.fill(seed.as_mut_slice());
        seed
    })
}

fn sum<'a>(seeds: impl Iterator<Item = &'a Seed>) -> Seed {
    seeds.fold(Seed::default(), |sum, seed| xor(&sum, seed.as_slice()))
}

fn xor(seed: &Seed, other: &[u8]) -> Seed {
    let mut sum = seed.clone();
    zip_exact(sum.iter_mut(), other).for_each(|(a, b)| *a ^= b);
    sum
}

fn hash(checks: &[Seed]) -> [u8; SEED] {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: check of a tree");
    checks.iter().for_each(|check| {
        hasher.update(check.as_slice());
    });
    *hasher.finalize().as_bytes()
}
