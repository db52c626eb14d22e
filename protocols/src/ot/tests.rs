//! Transfers and products against plaintext, against ends that deviate, and the distribution of
//! their messages.

use std::convert::Infallible;

use aes::cipher::KeyInit;
use polyval::Polyval;
use polyval::universal_hash::UniversalHash;
use rand_core::{Rng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::base::{self, Key};
use super::ccr_hash::Keys;
use super::extension::{BLOCK, Chunk, Delta, Received, Receiver, Sender};
use super::pprf::{self, DEALT, Seed};
use super::*;
use crate::kernel::random::PredictableRng;
use crate::ot::ot_correlation::{
    Number, Pads, bits_received, bits_sent, receive, send, words, words_of,
};
use crate::testing::{rng, seed};

fn below(rng: &mut impl Rng, bound: usize) -> usize {
    usize::try_from(rng.next_u64() % bound as u64).unwrap()
}

fn bytes<const N: usize>(rng: &mut impl Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn seeds(rng: &mut impl Rng, count: usize) -> Vec<Seed> {
    (0..count).map(|_| Zeroizing::new(bytes(rng))).collect()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Returns the distance of two equally large samples of strings of bytes in standard deviations of
/// χ². It compares the values of each half of each byte.
pub(crate) fn apart(one: &[Vec<u8>], other: &[Vec<u8>]) -> f64 {
    let length = one[0].len();
    assert!(one.iter().chain(other).all(|string| string.len() == length), "lengths differ");
    assert_eq!(one.len(), other.len());
    let (mut statistic, mut freedom) = (0.0, 0.0);
    for place in 0..length {
        for shift in [0, 4] {
            let count = |sample: &[Vec<u8>]| {
                let mut counts = [0_i32; 16];
                sample.iter().for_each(|s| counts[usize::from((s[place] >> shift) & 15)] += 1);
                counts
            };
            let pairs = count(one).into_iter().zip(count(other));
            let pairs: Vec<_> = pairs.filter(|(a, b)| a + b > 0).collect();
            freedom += f64::from(u32::try_from(pairs.len()).unwrap() - 1);
            statistic += pairs
                .iter()
                .map(|(a, b)| f64::from((a - b).pow(2)) / f64::from(a + b))
                .sum::<f64>();
        }
    }
    (statistic - freedom) / (2.0 * f64::max(freedom, 1.0)).sqrt()
}

/// Returns the distance of the values of each half of each byte from uniform, in standard
/// deviations of χ².
pub(crate) fn uneven(sample: &[Vec<u8>]) -> f64 {
    let due = f64::from(u32::try_from(sample.len()).unwrap()) / 16.0;
    let (mut statistic, mut freedom) = (0.0, 0.0);
    for place in 0..sample[0].len() {
        for shift in [0, 4] {
            let mut counts = [0_u32; 16];
            sample.iter().for_each(|s| counts[usize::from((s[place] >> shift) & 15)] += 1);
            freedom += 15.0;
            statistic += counts.iter().map(|n| (f64::from(*n) - due).powi(2) / due).sum::<f64>();
        }
    }
    (statistic - freedom) / f64::sqrt(2.0 * freedom)
}

/// The bound on a distance. Of sums of hundreds of terms, one in some 10^8 is beyond it.
pub(crate) const FAIR: f64 = 6.0;

#[test]
fn the_tests_of_distributions_find_what_is_not_alike() {
    let mut rng = rng(seed());
    let mut sample = |mask: u8| -> Vec<Vec<u8>> {
        (0..400).map(|_| bytes::<8>(&mut rng).map(|byte| byte & mask).to_vec()).collect()
    };
    let (one, other, odd) = (sample(255), sample(255), sample(0xfe));
    assert!(apart(&one, &other) < FAIR && uneven(&one) < FAIR && uneven(&other) < FAIR);
    assert!(apart(&one, &odd) > 2.0 * FAIR && uneven(&odd) > 2.0 * FAIR);
    assert!(apart(&one, &vec![vec![7; 8]; 400]) > 2.0 * FAIR);
}

// Base transfers.

fn choices(rng: &mut impl Rng, count: usize) -> Vec<bool> {
    (0..count).map(|_| rng.next_u32() % 2 == 1).collect()
}

/// Both ends after their messages.
struct Begun {
    sender: base::Sender,
    receiver: base::Receiver,
    elements: Vec<u8>,
    pairs: Vec<u8>,
}

fn begin(context: &[u8; 32], choices: &[bool], rng: &mut PredictableRng) -> Begun {
    let (sender, elements) = base::Sender::begin(choices.len(), rng);
    let (receiver, pairs) = base::Receiver::begin(base::Session(context), choices, rng);
    assert_eq!(elements.len(), base::SENT * choices.len());
    assert_eq!(pairs.len(), base::RECEIVED * choices.len());
    Begun { sender, receiver, elements, pairs }
}

#[test]
fn whoever_chooses_has_one_key_of_each_transfer_and_not_the_other() {
    let mut rng = rng(seed());
    let (context, choices) = (bytes(&mut rng), choices(&mut rng, 40));
    let Begun { sender, receiver, elements, pairs } = begin(&context, &choices, &mut rng);
    let sent = sender.finish(base::Session(&context), &pairs).unwrap();
    let received = receiver.finish(base::Session(&context), &choices, &elements).unwrap();
    assert_eq!((sent.len(), received.len()), (40, 40));
    for ((keys, key), choice) in sent.iter().zip(&received).zip(&choices) {
        assert_eq!(keys[usize::from(*choice)], *key);
        assert_ne!(keys[usize::from(!*choice)], *key);
    }
    let mut all: Vec<&[u8; 32]> = sent.iter().flatten().map(|key| &**key).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 80);
}

#[test]
fn keys_belong_to_their_session_their_number_and_their_side() {
    let mut rng = rng(seed());
    let (context, choices) = (bytes(&mut rng), choices(&mut rng, 12));
    let Begun { sender, receiver, elements, pairs } = begin(&context, &choices, &mut rng);
    let received = receiver.finish(base::Session(&context), &choices, &elements).unwrap();
    let elsewhere: [u8; 32] = flipped(&context, below(&mut rng, 256)).try_into().unwrap();
    let sent = sender.finish(base::Session(&elsewhere), &pairs).unwrap();
    assert!(sent.iter().zip(&received).all(|(keys, key)| !keys.contains(key)));
    // The pairs of two transfers exchanged, and those of one.
    for exchange in [[2, 8], [6, 7]] {
        let Begun { sender, receiver, elements, mut pairs } = begin(&context, &choices, &mut rng);
        let received = receiver.finish(base::Session(&context), &choices, &elements).unwrap();
        for byte in 0..base::SENT {
            pairs.swap(exchange[0] * base::SENT + byte, exchange[1] * base::SENT + byte);
        }
        let sent = sender.finish(base::Session(&context), &pairs).unwrap();
        let transfers = exchange.map(|element| element / 2);
        for (number, (keys, key)) in sent.iter().zip(&received).enumerate() {
            assert_eq!(keys.contains(key), !transfers.contains(&number), "{number}");
        }
    }
}

/// A generator that draws the same over and over.
struct Same;

impl TryRng for Same {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Same {}

#[test]
fn secrets_that_are_alike_make_keys_that_are_not() {
    let session = base::Session(&[1; 32]);
    let (sender, elements) = base::Sender::begin(2, &mut Same);
    let (receiver, pairs) = base::Receiver::begin(session, &[true; 2], &mut Same);
    assert_eq!(elements[..32], elements[32..]);
    // The other element is drawn, and the chosen one depends on the number.
    assert_eq!(pairs[..32], pairs[64..96]);
    assert_ne!(pairs[32..64], pairs[96..]);
    let sent = sender.finish(session, &pairs).unwrap();
    let received = receiver.finish(session, &[true; 2], &elements).unwrap();
    assert_eq!([&sent[0][1], &sent[1][1]], [&received[0], &received[1]]);
    assert_ne!(received[0], received[1]);
}

#[test]
fn what_is_no_element_of_the_group_is_refused() {
    let mut rng = rng(seed());
    let (context, choices) = (bytes(&mut rng), choices(&mut rng, 3));
    let session = base::Session(&context);
    let mut field = [0xff; 32];
    (field[0], field[31]) = (0xed, 0x7f);
    let garbage: [[u8; 32]; 4] = [[0xff; 32], field, [1; 32], {
        let mut minus_one = field;
        minus_one[0] = 0xec;
        minus_one
    }];
    let sent = |change: &dyn Fn(&mut Vec<u8>), rng: &mut PredictableRng| {
        let Begun { sender, mut pairs, .. } = begin(&context, &choices, rng);
        change(&mut pairs);
        sender.finish(session, &pairs)
    };
    let received = |change: &dyn Fn(&mut Vec<u8>), rng: &mut PredictableRng| {
        let Begun { receiver, mut elements, .. } = begin(&context, &choices, rng);
        change(&mut elements);
        receiver.finish(session, &choices, &elements)
    };
    assert!(sent(&|_| (), &mut rng).is_some() && received(&|_| (), &mut rng).is_some());
    for element in 0..6 {
        for garbage in garbage {
            let put = |message: &mut Vec<u8>| {
                message[32 * element..32 * (element + 1)].copy_from_slice(&garbage);
            };
            assert_eq!(sent(&put, &mut rng), None, "{element} {garbage:?}");
            if element < 3 {
                assert_eq!(received(&put, &mut rng), None, "{element} {garbage:?}");
            }
        }
        // A number is negative if it is odd, and no encoding has a negative one, or the highest
        // bit.
        for bit in [0, 255] {
            let flip = |message: &mut Vec<u8>| *message = flipped(message, 256 * element + bit);
            assert_eq!(sent(&flip, &mut rng), None);
            if element < 3 {
                assert_eq!(received(&flip, &mut rng), None);
            }
        }
    }
    assert_eq!(received(&|message| message[32..64].fill(0), &mut rng), None);
    for length in [0, 1, 31, 32, 64, 95, 97, 128, 191, 193, 256] {
        let resize = |message: &mut Vec<u8>| message.resize(length, 0);
        assert_eq!(sent(&resize, &mut rng), None, "{length}");
        assert_eq!(received(&resize, &mut rng), None, "{length}");
    }
}

#[test]
fn one_flipped_bit_of_a_pair_ends_in_nothing_or_in_another_key() {
    let mut rng = rng(seed());
    let (context, choices) = (bytes(&mut rng), choices(&mut rng, 2));
    let mut decoded = 0;
    for _ in 0..60 {
        let Begun { sender, receiver, elements, pairs } = begin(&context, &choices, &mut rng);
        let bit = below(&mut rng, 8 * pairs.len());
        let hit = bit / (8 * base::RECEIVED);
        let received = receiver.finish(base::Session(&context), &choices, &elements).unwrap();
        if let Some(sent) = sender.finish(base::Session(&context), &flipped(&pairs, bit)) {
            decoded += 1;
            for (number, (keys, key)) in sent.iter().zip(&received).enumerate() {
                assert_eq!(keys.contains(key), number != hit, "bit {bit}");
            }
        }
    }
    assert!(decoded > 5, "{decoded}");
}

#[test]
fn base_transfers_do_not_tell_what_is_chosen() {
    let mut rng = rng(seed());
    let mut message = |choice: bool| -> Vec<Vec<u8>> {
        let (context, choices) = (bytes(&mut rng), vec![choice; 400]);
        let Begun { pairs, .. } = begin(&context, &choices, &mut rng);
        pairs.chunks(base::RECEIVED).map(<[u8]>::to_vec).collect()
    };
    let apart = apart(&message(false), &message(true));
    assert!(apart < FAIR, "{apart}");
}

// Trees.

/// Draws a secret, and for its base transfers both keys and the chosen ones.
fn keys(groups: usize, rng: &mut PredictableRng) -> (Vec<usize>, Vec<[Key; 2]>, Vec<Key>) {
    let delta = Delta::draw(rng);
    let pairs: Vec<[Key; 2]> =
        (0..groups * K).map(|_| [0, 1].map(|_| Zeroizing::new(bytes(rng)))).collect();
    let chosen = pairs.iter().zip(delta.choices());
    let chosen = chosen.map(|(pair, choice)| pair[usize::from(choice)].clone()).collect();
    (delta.missing()[..groups].to_vec(), pairs, chosen)
}

#[test]
fn all_leaves_but_one_of_each_tree_are_guessed() {
    let mut rng = rng(seed());
    for _ in 0..5 {
        let (missing, pairs, chosen) = keys(GROUPS, &mut rng);
        let (leaves, message) = pprf::generate(&seeds(&mut rng, GROUPS), &pairs);
        assert_eq!((leaves.len(), message.len()), (GROUPS * LEAVES, DEALT));
        let guessed = pprf::evaluate(&missing, &chosen, &message).unwrap();
        assert_eq!(guessed.len(), leaves.len());
        for (place, (guessed, leaf)) in guessed.iter().zip(&leaves).enumerate() {
            let is_missing = missing[place / LEAVES] == place % LEAVES;
            assert_eq!(guessed == leaf, !is_missing, "{place}");
            assert!(!is_missing || *guessed == Seed::default());
        }
        let mut different: Vec<&[u8; 32]> = leaves.iter().map(|leaf| &**leaf).collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), leaves.len());
    }
}

#[test]
fn whoever_lacks_the_keys_of_the_other_side_guesses_no_leaf_more() {
    let mut rng = rng(seed());
    let (missing, pairs, chosen) = keys(GROUPS, &mut rng);
    let (_, message) = pprf::generate(&seeds(&mut rng, GROUPS), &pairs);
    for group in 0..GROUPS {
        let mut other = missing.clone();
        other[group] ^= 1 + below(&mut rng, LEAVES - 1);
        assert_eq!(pprf::evaluate(&other, &chosen, &message), None);
    }
}

#[test]
fn no_flipped_bit_of_a_dealt_tree_makes_wrong_leaves() {
    let mut rng = rng(seed());
    for _ in 0..3 {
        let (missing, pairs, chosen) = keys(1, &mut rng);
        let (_, message) = pprf::generate(&seeds(&mut rng, 1), &pairs);
        let right = pprf::evaluate(&missing, &chosen, &message).unwrap();
        for bit in 0..8 * message.len() {
            let guessed = pprf::evaluate(&missing, &chosen, &flipped(&message, bit));
            // Sums of the side of the path cannot be opened, and are unused.
            let (depth, side) = (bit / 512, (bit / 256) % 2);
            let unused = depth < K && (missing[0] >> (K - 1 - depth)) & 1 == side;
            match guessed {
                Some(leaves) => assert!(unused && leaves == right, "bit {bit}"),
                None => assert!(!unused, "bit {bit}"),
            }
        }
    }
}

#[test]
fn dealt_trees_of_wrong_length_are_refused() {
    let mut rng = rng(seed());
    let (missing, pairs, chosen) = keys(GROUPS, &mut rng);
    let (_, message) = pprf::generate(&seeds(&mut rng, GROUPS), &pairs);
    let each = DEALT / GROUPS;
    for length in [0, 1, each, DEALT - each, DEALT - 1, DEALT + 1, DEALT + each] {
        let mut message = message.clone();
        message.resize(length, 0);
        assert_eq!(pprf::evaluate(&missing, &chosen, &message), None, "{length}");
    }
}

#[test]
fn the_leaf_that_is_missing_follows_from_the_bits_and_the_choices_are_their_opposites() {
    let mut rng = rng(seed());
    let delta = Delta::draw(&mut rng);
    let bit = |place: usize| (delta.bits() >> place) & 1 == 1;
    let choices = delta.choices();
    assert_eq!(choices.len(), DELTA);
    for (group, missing) in delta.missing().into_iter().enumerate() {
        for b in 0..K {
            assert_eq!((missing >> b) & 1 == 1, bit(group * K + b));
            assert_eq!(choices[group * K + K - 1 - b], !bit(group * K + b));
        }
    }
}

// Extension.

/// Both ends of one direction, in a session, with all leaves.
struct Ends {
    delta: Delta,
    leaves: Vec<Seed>,
    known: Vec<Seed>,
    key: Zeroizing<[u8; 32]>,
}

impl Ends {
    fn draw(rng: &mut PredictableRng) -> Self {
        let (delta, leaves) = (Delta::draw(rng), seeds(rng, GROUPS * LEAVES));
        let mut known = leaves.clone();
        for (leaves, missing) in known.chunks_mut(LEAVES).zip(delta.missing()) {
            leaves[missing] = Seed::default();
        }
        Self { delta, leaves, known, key: Zeroizing::new(bytes(rng)) }
    }

    fn sender(&self) -> Sender {
        Sender::fork(&self.delta, &self.known, &self.key)
    }

    fn receiver(&self) -> Receiver {
        Receiver::fork(&self.leaves, &self.key)
    }

    /// Returns the bits of Δ of a group.
    fn bits(&self, group: usize) -> usize {
        self.delta.missing()[group]
    }
}

fn chosen(received: &Received, row: usize) -> bool {
    (received.choices[row / 64] >> (row % 64)) & 1 == 1
}

fn is_correlated(received: &Received, q: &[u128], delta: u128) -> bool {
    let due = received.rows.iter().enumerate();
    let due = due.map(|(row, t)| t ^ (delta & 0_u128.wrapping_sub(chosen(received, row).into())));
    due.eq(q.iter().copied())
}

#[test]
fn rows_are_correlated_in_chunks_of_any_size_one_after_the_other() {
    let mut rng = rng(seed());
    let ends = Ends::draw(&mut rng);
    let (sender, receiver) = (ends.sender(), ends.receiver());
    assert_eq!(sender.delta().bits(), ends.delta.bits());
    let mut chunk = Chunk { first: 0, rows: 0 };
    let (mut all, mut ones, mut next_block) = (Vec::new(), 0, 0);
    for blocks in [1, 2, 1, 7, 64, 1, 33] {
        chunk = Chunk { rows: blocks * BLOCK, ..chunk };
        let (received, message) = receiver.extend(chunk);
        assert_eq!((message.len(), received.rows.len()), (chunk.message_len(), chunk.rows));
        assert_eq!(received.choices.len(), chunk.rows / 64);
        let q = sender.extend(chunk, &message).unwrap();
        assert!(is_correlated(&received, &q, sender.delta().bits()), "{blocks} blocks");
        assert!(!is_correlated(&received, &q, sender.delta().bits() ^ 1), "{blocks} blocks");
        ones += received.choices.iter().map(|word| word.count_ones()).sum::<u32>();
        all.extend(received.rows.iter().copied());
        // Blocks of streams are not those of the chunk before.
        assert!(chunk.first >= next_block);
        next_block = chunk.first + blocks as u64 + 1;
        assert!(chunk.next().first > chunk.first + blocks as u64);
        chunk = chunk.next();
    }
    let rows = all.len();
    assert!((f64::from(ones) / f64::from(u32::try_from(rows).unwrap()) - 0.5).abs() < 0.05);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows, "rows are all different");
}

#[test]
fn no_chunk_takes_blocks_of_another() {
    let mut rng = rng(seed());
    let mut chunk = Chunk { first: 0, rows: BLOCK };
    let mut taken = 0;
    for _ in 0..1_000 {
        chunk = Chunk { rows: BLOCK * (1 + below(&mut rng, 200)), ..chunk };
        assert!(chunk.first >= taken);
        // A message has corrections of every block that is taken: one more than is used.
        let blocks = (chunk.message_len() / 16 - 1 - DELTA) / (GROUPS - 1);
        assert_eq!(blocks, chunk.rows / BLOCK + 1);
        taken = chunk.first + blocks as u64;
        chunk = chunk.next();
    }
}

#[test]
fn flipped_bits_replays_and_wrong_lengths_are_found_out() {
    let mut rng = rng(seed());
    for _ in 0..3 {
        let ends = Ends::draw(&mut rng);
        let (sender, receiver) = (ends.sender(), ends.receiver());
        let first = Chunk { first: below(&mut rng, 1_000) as u64, rows: 2 * BLOCK };
        let second = first.next();
        let (_, before) = receiver.extend(first);
        let (_, message) = receiver.extend(second);
        assert!(
            sender.extend(first, &before).is_some() && sender.extend(second, &message).is_some()
        );
        // The check's key follows from all corrections: also where Δ has no bit that uses them.
        for _ in 0..300 {
            let bit = below(&mut rng, 8 * message.len());
            assert_eq!(sender.extend(second, &flipped(&message, bit)), None, "bit {bit}");
        }
        for bit in [0, 8 * message.len() - 1, 8 * (message.len() - 16 * (DELTA + 1))] {
            assert_eq!(sender.extend(second, &flipped(&message, bit)), None, "bit {bit}");
        }
        assert_eq!(sender.extend(second, &before), None);
        assert_eq!(sender.extend(first, &message), None);
        let elsewhere = Ends { key: Zeroizing::new(bytes(&mut rng)), ..ends };
        assert_eq!(elsewhere.sender().extend(second, &message), None);
        assert_eq!(sender.extend(second, &elsewhere.receiver().extend(second).1), None);
        for length in [0, 1, 16, message.len() - 1, message.len() + 1, message.len() + 16] {
            let mut message = message.clone();
            message.resize(length, 0);
            assert_eq!(sender.extend(second, &message), None, "{length} bytes");
        }
        let longer = Chunk { rows: 3 * BLOCK, ..second };
        assert_eq!(sender.extend(longer, &message), None);
    }
}

#[test]
fn a_leaf_that_the_two_ends_have_not_alike_is_found_out_or_was_the_missing_one() {
    let mut rng = rng(seed());
    let ends = Ends::draw(&mut rng);
    let (sender, chunk) = (ends.sender(), Chunk { first: 0, rows: BLOCK });
    for group in 0..GROUPS {
        for leaf in 0..LEAVES {
            let mut leaves = ends.leaves.clone();
            *leaves[group * LEAVES + leaf] = bytes(&mut rng);
            let (received, message) = Receiver::fork(&leaves, &ends.key).extend(chunk);
            match sender.extend(chunk, &message) {
                None => assert_ne!(leaf, ends.bits(group)),
                Some(q) => {
                    assert_eq!(leaf, ends.bits(group));
                    assert!(is_correlated(&received, &q, sender.delta().bits()));
                }
            }
        }
    }
}

/// Makes the message of a receiver that cheats in one group. Its corrections differ by `error` from
/// the right ones, and its check is as if Δ's bits of that group were `guess`. Without an error it
/// is honest.
fn cheating(ends: &Ends, chunk: Chunk, group: usize, error: &[u128], guess: usize) -> Vec<u8> {
    let blocks = chunk.rows / BLOCK + 1;
    let column = |leaf: &Seed| {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: stream of a leaf");
        let mut key = [0; 16];
        hasher.update(leaf.as_slice()).update(ends.key.as_slice()).finalize_xof().fill(&mut key);
        let first = u128::from(chunk.first);
        let mut column: Vec<u128> = (first..first + blocks as u128).collect();
        encrypt(&Aes128::new(&key.into()), &mut column);
        column
    };
    let sum = |columns: &[&Vec<u128>]| -> Vec<u128> {
        (0..blocks).map(|block| columns.iter().fold(0, |sum, column| sum ^ column[block])).collect()
    };
    let trees: Vec<Vec<Vec<u128>>> =
        ends.leaves.chunks(LEAVES).map(|leaves| leaves.iter().map(column).collect()).collect();
    let all = |tree: &Vec<Vec<u128>>| sum(&tree.iter().collect::<Vec<_>>());
    let choices = all(&trees[0]);
    let mut message = Vec::new();
    for (number, tree) in trees.iter().enumerate().skip(1) {
        for ((u, c), error) in all(tree).iter().zip(&choices).zip(error) {
            let error = if number == group { *error } else { 0 };
            message.extend((u ^ c ^ error).to_le_bytes());
        }
    }
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: check of a chunk");
    hasher.update(ends.key.as_slice()).update(&chunk.first.to_le_bytes()).update(&message);
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    let check = |column: &[u128]| {
        let mut hash = Polyval::new(&key.into());
        column.iter().for_each(|block| hash.update(&[block.to_le_bytes().into()]));
        u128::from_le_bytes(hash.finalize().into())
    };
    message.extend(check(&choices).to_le_bytes());
    for (number, tree) in trees.iter().enumerate() {
        for b in 0..K {
            let with = tree.iter().enumerate().filter(|(y, _)| (y >> b) & 1 == 1);
            let mut told = check(&sum(&with.map(|(_, column)| column).collect::<Vec<_>>()));
            if number == group && (guess >> b) & 1 == 1 {
                told ^= check(error);
            }
            message.extend(told.to_le_bytes());
        }
    }
    message
}

#[test]
fn a_party_that_cheats_in_a_group_must_have_guessed_its_bits() {
    let mut rng = rng(seed());
    let chunk = Chunk { first: 5, rows: 2 * BLOCK };
    for round in 0..12 {
        let mut ends = Ends::draw(&mut rng);
        // A group without a bit that is 1 now and then, too.
        while round % 4 == 0 && !ends.delta.missing()[1..].contains(&0) {
            ends = Ends::draw(&mut rng);
        }
        let sender = ends.sender();
        let (received, message) = ends.receiver().extend(chunk);
        assert_eq!(cheating(&ends, chunk, 1, &[0; 3], 0), message, "an honest one");
        let right = sender.extend(chunk, &message).unwrap();
        assert!(is_correlated(&received, &right, sender.delta().bits()));
        let mut error = [0; 3];
        error[below(&mut rng, 3)] = 1 << below(&mut rng, 128);
        for group in 1..GROUPS {
            let bits = ends.bits(group);
            let try_with = |guess: usize| {
                let passes = sender.extend(chunk, &cheating(&ends, chunk, group, &error, guess));
                assert_eq!(passes.is_some(), guess == bits, "{bits} {guess}");
                // Unused corrections do no harm.
                assert!(bits != 0 || passes.is_none_or(|q| q == right));
            };
            try_with(bits);
            try_with(bits ^ (1 + below(&mut rng, LEAVES - 1)));
            if group == 1 || bits == 0 {
                (0..LEAVES).for_each(try_with);
            }
        }
    }
}

#[test]
fn a_receiver_that_wants_choices_does_not_tell_which() {
    let mut rng = rng(seed());
    let mut messages = |wanted: u64| -> Vec<Vec<u8>> {
        (0..200)
            .map(|_| {
                let receiver = Ends::draw(&mut rng).receiver();
                let (received, message) = receiver.extend(Chunk { first: 0, rows: BLOCK });
                let turned = received.choices.iter().map(|word| word ^ wanted);
                message.into_iter().chain(turned.flat_map(u64::to_le_bytes)).collect()
            })
            .collect()
    };
    let (none, all) = (messages(0), messages(u64::MAX));
    assert!(apart(&none, &all) < FAIR);
    assert!(uneven(&none) < FAIR && uneven(&all) < FAIR);
}

// Hashing.

fn blocks(rng: &mut impl Rng, count: usize) -> Vec<u128> {
    (0..count).map(|_| u128::from_le_bytes(bytes(rng))).collect()
}

#[test]
fn blocks_are_hashed_alike_alone_in_batches_and_as_the_paper_has_it() {
    let mut rng = rng(seed());
    let key = Zeroizing::new(bytes(&mut rng));
    let of_chunk = blake3::keyed_hash(&key, &7_u64.to_le_bytes());
    let cipher_key: [u8; 16] = of_chunk.as_bytes()[..16].try_into().unwrap();
    let (keys, cipher) = (Keys::new(key), Aes128::new(&cipher_key.into()));
    let hash = keys.of_chunk(7);
    let permuted = |block: u128| {
        let mut block = [block];
        encrypt(&cipher, &mut block);
        block[0]
    };
    let inputs = blocks(&mut rng, 300);
    let mut hashed = inputs.clone();
    hash.each(&mut hashed);
    for ((row, input), hashed) in (0_u64..).zip(&inputs).zip(&hashed) {
        let inner = permuted(*input);
        assert_eq!(*hashed, permuted(inner ^ u128::from(row)) ^ inner);
        let mut long = [0; 3];
        hash.long(row, *input, &mut long);
        assert_eq!(long[0], *hashed);
        assert_eq!(long[2], permuted(inner ^ (u128::from(row) | (2 << 64))) ^ inner);
        assert!(long[0] != long[1] && long[1] != long[2] && long[2] != long[0], "by the tweak");
    }
    let mut elsewhere = inputs.clone();
    keys.of_chunk(8).each(&mut elsewhere);
    assert!(elsewhere.iter().zip(&hashed).all(|(a, b)| a != b));
}

/// Checks that no two messages are equal where rows are. A receiver that deviates can make rows
/// equal, by trees of equal roots.
#[test]
fn messages_of_equal_rows_are_all_different() {
    let mut rng = rng(seed());
    let hash = Keys::new(Zeroizing::new(bytes(&mut rng))).of_chunk(0);
    for width in [1, 2, 3, 8, 17] {
        let pads = Pads { hash: &hash, width };
        let mut all = pads.of::<u64>(Zeroizing::new(vec![blocks(&mut rng, 1)[0]; 500]));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "{width}");
    }
}

fn check_pads<N: Number>(width: usize) {
    let mut rng = rng(seed());
    let ends = Ends::draw(&mut rng);
    let chunk = Chunk { first: 3, rows: 2 * BLOCK };
    let (received, message) = ends.receiver().extend(chunk);
    let q = ends.sender().extend(chunk, &message).unwrap();
    let hash = Keys::new(Zeroizing::new(bytes(&mut rng))).of_chunk(0);
    let pads = Pads { hash: &hash, width };
    let both = pads.both::<N>(q, &ends.delta);
    let own = pads.of::<N>(received.rows.clone());
    assert_eq!(own.len(), width * chunk.rows);
    for (place, own) in own.iter().enumerate() {
        let chosen = usize::from(chosen(&received, place / width));
        assert_eq!(both[chosen][place], *own, "{width}: {place}");
        assert_ne!(both[1 - chosen][place], *own, "{width}: {place}");
    }
    // No message is part of another.
    let mut all: Vec<Vec<u64>> = both.concat().iter().map(|pad| words_of(vec![*pad])).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "{width}");
}

#[test]
fn whoever_chooses_has_one_message_of_each_transfer_and_not_the_other() {
    for width in [1, 2, 3, 8, 17] {
        check_pads::<u64>(width);
        check_pads::<u128>(width);
    }
}

#[test]
fn products_of_bits_need_no_correction() {
    let mut rng = rng(seed());
    let ends = Ends::draw(&mut rng);
    let chunk = Chunk { first: 0, rows: 8 * BLOCK };
    let (received, message) = ends.receiver().extend(chunk);
    let q = ends.sender().extend(chunk, &message).unwrap();
    let hash = Keys::new(Zeroizing::new(bytes(&mut rng))).of_chunk(0);
    let [a, u] = bits_sent(&hash, q, &ends.delta);
    let v = bits_received(&hash, received.rows);
    let products = a.iter().zip(&received.choices).map(|(a, b)| a & b);
    assert!(products.eq(u.iter().zip(&v).map(|(u, v)| u ^ v)));
    for words in [&a, &u, &v, &received.choices] {
        let ones: u32 = words.iter().map(|word| word.count_ones()).sum();
        assert!((400..624).contains(&ones), "of 1024 bits {ones} are 1");
    }
}

// Products, after Gilboa.

fn random<N: Number>(rng: &mut impl Rng, count: usize) -> Vec<N> {
    let mut elements = vec![N::ZERO; count];
    rng.fill_bytes(bytemuck::cast_slice_mut(&mut elements));
    elements
}

fn check_products<N: Number>(width: usize) {
    let mut rng = rng(seed());
    let extreme = [N::ZERO, N::ONE, N::ZERO.minus(N::ONE), N::ONE.shifted_up(N::BITS - 1)];
    let any = random::<N>(&mut rng, 6);
    for chosen in extreme.into_iter().chain(any) {
        for extreme in extreme {
            let mut factor = random::<N>(&mut rng, width);
            factor[below(&mut rng, width)] = extreme;
            let count = N::BITS * width;
            let [m_0, m_1] = [(); 2].map(|()| random::<N>(&mut rng, count));
            let m_c: Vec<N> = (0..count)
                .map(|i| {
                    let bit = chosen.shifted_down(i / width).and(N::ONE) == N::ONE;
                    if bit { m_1[i] } else { m_0[i] }
                })
                .collect();
            // Products are added to the shares that are there, and corrections come behind them.
            let before = [(); 2].map(|()| random::<N>(&mut rng, width));
            let [mut sent, mut received] = before.clone();
            let mut message = vec![N::ONE];
            send([&m_0, &m_1], &factor, &mut sent, &mut message);
            assert_eq!((message.len(), message[0]), (1 + words(N::BITS, width), N::ONE));
            receive(chosen, &m_c, &message[1..], &mut received);
            for place in 0..width {
                let due = before[0][place].plus(before[1][place]);
                let due = due.plus(chosen.times(factor[place]));
                assert!(sent[place].plus(received[place]) == due, "{width}: {place}");
            }
        }
    }
}

#[test]
fn products_by_transfers_are_right_for_rows_of_any_width() {
    for width in [1, 2, 3, 5, 16] {
        check_products::<u64>(width);
        check_products::<u128>(width);
    }
}

fn check_corrections<N: Number>(width: usize) {
    let mut rng = rng(seed());
    let mut sample = |factor: N| -> Vec<Vec<u8>> {
        (0..300)
            .map(|_| {
                let [m_0, m_1] = [(); 2].map(|()| random::<N>(&mut rng, N::BITS * width));
                let (mut share, mut message) = (vec![N::ZERO; width], Vec::new());
                send([&m_0, &m_1], &vec![factor; width], &mut share, &mut message);
                message.truncate(words(N::BITS, width) - width);
                bytemuck::cast_slice(&message).to_vec()
            })
            .collect()
    };
    // Of the bit in the middle there is half a word: the rest is zeros.
    let (zero, ones) = (sample(N::ZERO), sample(N::ZERO.minus(N::ONE)));
    let (unevens, apart) = ([uneven(&zero), uneven(&ones)], apart(&zero, &ones));
    assert!(apart < FAIR && unevens.iter().all(|uneven| *uneven < FAIR), "{unevens:?} {apart}");
}

#[test]
fn corrections_tell_nothing_of_the_factor() {
    check_corrections::<u64>(1);
    check_corrections::<u128>(1);
    check_corrections::<u64>(3);
}

#[test]
fn the_last_correction_has_nothing_but_the_bits_that_matter() {
    let mut rng = rng(seed());
    let mut sample = |factor: u64| -> Vec<Vec<u8>> {
        (0..400)
            .map(|_| {
                let [m_0, m_1] = [(); 2].map(|()| random::<u64>(&mut rng, 64));
                let (mut share, mut message) = ([0], Vec::new());
                send([&m_0, &m_1], &[factor], &mut share, &mut message);
                message[32].to_le_bytes().to_vec()
            })
            .collect()
    };
    let (zero, ones) = (sample(0), sample(u64::MAX));
    assert!(zero.iter().chain(&ones).all(|bytes| bytes[..4] == [0; 4]));
    assert!(apart(&zero, &ones) < FAIR);
}
