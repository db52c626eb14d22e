//! OT extension: correlated transfers in any number.
//!
//! Roy, *SoftSpokenOT: Quieter OT extension from small-field silent VOLE in the Minicrypt model*
//! (CRYPTO 2022). It uses the small-field VOLE of figure 7, with the leaves of punctured trees, and
//! the subspace VOLE with the repetition code. For [`K`] = 1 it is the extension of Ishai, Kilian,
//! Nissim and Petrank, with a check.
//!
//! **Parties:** a receiver with all leaves r_y of every tree, and a sender with Δ. Of each tree the
//! sender has all leaves but the one that the group's bits of Δ name. **Adversary:** either may
//! deviate. A receiver that sends other corrections is detected, unless it guessed bits of Δ. A
//! wrong guess ends in an abort, after which these trees are never used again.
//!
//! Each leaf is expanded to columns of bits. For each group the receiver has u = ⊕ r_y and v_b = ⊕
//! r_y over those y whose bit b is 1. The sender numbers leaves by z = y ⊕ Δ, Δ being the group's
//! bits here, and sums those whose bit b of z is 1: this is w_b = v_b ⊕ Δ_b·u. The leaf that it
//! lacks has z = 0 and is in no sum. The receiver's choices c are the u of the first group. For each
//! other group it sends d = u ⊕ c, and the sender adds Δ_b·d: q_b = v_b ⊕ Δ_b·c. With t_j for row j
//! of all v_b, row j of all q_b is q_j = t_j ⊕ c_j·Δ.
//!
//! **Check** (Roy's consistency check): a linear hash of the columns, R(x) = POLYVAL under a key
//! that follows from all corrections, and from the trees. The receiver sends R(c) and R(v_b) of
//! each column. The sender compares R(q_b) with R(v_b) ⊕ Δ_b·R(c). Each chunk has 128 unused rows
//! more, whose block is added last and so makes R(c) uniform. The key is made by hashing (Fiat and
//! Shamir) instead of a challenge, which spares two messages. Two distinct columns collide with
//! probability at most 2^-120.
//!
//! **Bytes:** for each chunk of `rows` transfers (128 / K − 1)·(rows + 128) / 8 + 16·129, by the
//! receiver. Nothing by the sender.
//!
//! Streams are forked for each session, and each block of each stream is used once.

use aes::Aes128;
use aes::cipher::KeyInit;
use polyval::Polyval;
use polyval::universal_hash::UniversalHash;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::algebra::elementwise::zip_exact;

use super::pprf::Seed;
use super::{DELTA, GROUPS, K, LEAVES, encrypt, transposition};

/// The rows of a block.
pub(crate) const BLOCK: usize = 128;

/// The bytes of a block.
const BYTES: usize = 16;

/// Δ: the sender's choices in the base transfers, common to all its transfers.
#[derive(Clone)]
pub(crate) struct Delta(Zeroizing<u128>);

/// The receiver's end in one session.
pub(crate) struct Receiver {
    /// The streams of all leaves, group by group.
    streams: Vec<Aes128>,
    /// The key of this session's transfers. It depends on the hash of all trees, so the check's key does.
    key: Zeroizing<[u8; 32]>,
}

/// The sender's end in one session.
pub(crate) struct Sender {
    delta: Delta,
    /// The streams of each group, by z = y ⊕ Δ for leaf y, Δ being the group's bits. That of z = 0
    /// is worthless.
    streams: Vec<Aes128>,
    /// The key of this session's transfers. It depends on the hash of all trees, so the check's key does.
    key: Zeroizing<[u8; 32]>,
}

/// A chunk of transfers: its place in the streams, and the number of its rows, a multiple of
/// [`BLOCK`].
#[derive(Clone, Copy)]
pub(crate) struct Chunk {
    /// The number of the first block.
    pub(crate) first: u64,
    /// The rows that are used.
    pub(crate) rows: usize,
}

/// A chunk at the receiver.
pub(crate) struct Received {
    /// c_j, 64 in a word.
    pub(crate) choices: Vec<u64>,
    /// t_j.
    pub(crate) rows: Zeroizing<Vec<u128>>,
}

impl Delta {
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(Zeroizing::new(u128::from_le_bytes(*bytes)))
    }

    /// Returns the bits.
    pub(crate) fn bits(&self) -> u128 {
        *self.0
    }

    /// Returns the missing leaf of each group's tree.
    pub(crate) fn missing(&self) -> Vec<usize> {
        (0..GROUPS)
            .map(|group| {
                (0..K).map(|b| usize::from((*self.0 >> (group * K + b)) & 1 == 1) << b).sum()
            })
            .collect()
    }

    /// Returns the choices of the base transfers: of each group, from the root on, the side off the
    /// path.
    pub(crate) fn choices(&self) -> Vec<bool> {
        self.missing()
            .into_iter()
            .flat_map(|missing| (0..K).rev().map(move |b| (missing >> b) & 1 == 0))
            .collect()
    }
}

impl Chunk {
    /// Returns the blocks of each column: those of the rows, and the unused one that makes R(c)
    /// uniform.
    const fn blocks(self) -> usize {
        self.rows / BLOCK + 1
    }

    /// Returns the next chunk.
    pub(crate) fn next(self) -> Self {
        Self { first: self.first + self.blocks() as u64, ..self }
    }

    /// Returns the bytes that the receiver sends.
    pub(crate) const fn message_len(self) -> usize {
        BYTES * ((GROUPS - 1) * self.blocks() + 1 + DELTA)
    }
}

impl Receiver {
    pub(crate) fn fork(leaves: &[Seed], key: &Zeroizing<[u8; 32]>) -> Self {
        let streams = leaves.iter().map(|leaf| stream(leaf, key)).collect();
        Self { streams, key: key.clone() }
    }

    /// Makes the transfers of a chunk, and the message to the sender.
    pub(crate) fn extend(&self, chunk: Chunk) -> (Received, Vec<u8>) {
        let blocks = chunk.blocks();
        let mut columns = Zeroizing::new(vec![0_u128; DELTA * blocks]);
        let mut choices = vec![0_u128; blocks];
        let mut message = Vec::with_capacity(chunk.message_len());
        let mut leaves = vec![0_u128; LEAVES * blocks];
        let groups =
            zip_exact(self.streams.chunks_exact(LEAVES), columns.chunks_exact_mut(K * blocks));
        for (group, (streams, columns)) in groups.enumerate() {
            for (stream, leaf) in zip_exact(streams.iter(), leaves.chunks_exact_mut(blocks)) {
                expand(stream, chunk.first, leaf);
            }
            add_up(&mut leaves, columns, blocks);
            let sum = leaves.get(..blocks).expect("a tree has leaves");
            if group == 0 {
                choices.copy_from_slice(sum);
            } else {
                let differing = zip_exact(sum.iter(), &choices).map(|(u, c)| u ^ c);
                differing.for_each(|d| message.extend_from_slice(&d.to_le_bytes()));
            }
        }
        let check = Check::new(&self.key, chunk, &message);
        message.extend_from_slice(&check.of(&choices).to_le_bytes());
        for column in columns.chunks_exact(blocks) {
            message.extend_from_slice(&check.of(column).to_le_bytes());
        }
        leaves.zeroize();
        let words = choices.iter().take(blocks - 1).flat_map(|c| [low(*c), low(*c >> 64)]);
        (Received { choices: words.collect(), rows: rows(&columns, blocks) }, message)
    }
}

impl Sender {
    /// Forks the streams for a session. In the places of missing leaves, `leaves` has worthless
    /// values.
    pub(crate) fn fork(delta: &Delta, leaves: &[Seed], key: &Zeroizing<[u8; 32]>) -> Self {
        let mut streams = Vec::with_capacity(leaves.len());
        for (leaves, missing) in zip_exact(leaves.chunks_exact(LEAVES), delta.missing()) {
            let leaf = |z: usize| leaves.get(z ^ missing).expect("a tree has its leaves");
            streams.extend((0..LEAVES).map(|z| stream(leaf(z), key)));
        }
        Self { delta: delta.clone(), streams, key: key.clone() }
    }

    /// Returns Δ.
    #[cfg(test)]
    pub(crate) fn delta(&self) -> &Delta {
        &self.delta
    }

    /// Returns q_j of a chunk, from the receiver's message. Returns none if the message does not
    /// pass the check.
    pub(crate) fn extend(&self, chunk: Chunk, message: &[u8]) -> Option<Zeroizing<Vec<u128>>> {
        let blocks = chunk.blocks();
        if message.len() != chunk.message_len() {
            return None;
        }
        let (corrections, checks) = message.split_at(BYTES * (GROUPS - 1) * blocks);
        let mut columns = Zeroizing::new(vec![0_u128; DELTA * blocks]);
        let mut leaves = vec![0_u128; LEAVES * blocks];
        let groups =
            zip_exact(self.streams.chunks_exact(LEAVES), columns.chunks_exact_mut(K * blocks));
        for (group, (streams, columns)) in groups.enumerate() {
            let (missing, others) = leaves.split_at_mut(blocks);
            missing.fill(0);
            for (stream, leaf) in zip_exact(streams.iter().skip(1), others.chunks_exact_mut(blocks))
            {
                expand(stream, chunk.first, leaf);
            }
            add_up(&mut leaves, columns, blocks);
            if let Some(before) = group.checked_sub(1) {
                let start = BYTES * before * blocks;
                let corrections = corrections
                    .get(start..start + BYTES * blocks)
                    .expect("the message has the chunk's length");
                for (b, column) in columns.chunks_exact_mut(blocks).enumerate() {
                    add_corrections(column, corrections, self.mask(group * K + b));
                }
            }
        }
        leaves.zeroize();
        let (checks, _) = checks.as_chunks::<BYTES>();
        let mut checks = checks.iter().map(|value| u128::from_le_bytes(*value));
        let check_of_choices = checks.next().expect("the message has the chunk's length");
        let check = Check::new(&self.key, chunk, corrections);
        let mut differing = 0;
        for (place, (column, sent)) in zip_exact(columns.chunks_exact(blocks), checks).enumerate() {
            differing |= check.of(column) ^ sent ^ (check_of_choices & self.mask(place));
        }
        (differing == 0).then(|| rows(&columns, blocks))
    }

    /// Returns all ones if that bit of Δ is 1, else zeros.
    fn mask(&self, bit: usize) -> u128 {
        0_u128.wrapping_sub((self.delta.bits() >> bit) & 1)
    }
}

/// Makes the stream of a leaf in one session.
fn stream(leaf: &Seed, key: &[u8; 32]) -> Aes128 {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: stream of a leaf");
    hasher.update(leaf.as_slice());
    hasher.update(key);
    let mut stream_key = Zeroizing::new([0; BYTES]);
    hasher.finalize_xof().fill(stream_key.as_mut_slice());
    hasher.zeroize();
    Aes128::new(&(*stream_key).into())
}

/// Writes the blocks of a stream from number `first` on.
fn expand(stream: &Aes128, first: u64, out: &mut [u128]) {
    out.iter_mut().zip(u128::from(first)..).for_each(|(block, counter)| *block = counter);
    encrypt(stream, out);
}

/// Adds up the leaves of a tree: to column b all whose bit b is 1, and to the first leaf all
/// others.
fn add_up(leaves: &mut [u128], columns: &mut [u128], blocks: usize) {
    for (b, column) in columns.chunks_exact_mut(blocks).enumerate() {
        let distance = blocks << b;
        for pair in leaves.chunks_exact_mut(2 * distance) {
            let (without, with) = pair.split_at_mut(distance);
            let (without, _) = without.split_at_mut(blocks);
            let (with, _) = with.split_at(blocks);
            let terms = zip_exact(zip_exact(without.iter_mut(), with), &mut *column);
            for ((without, with), column) in terms {
                *column ^= with;
                *without ^= with;
            }
        }
    }
}

fn add_corrections(column: &mut [u128], corrections: &[u8], mask: u128) {
    let (corrections, _) = corrections.as_chunks::<BYTES>();
    for (bits, correction) in zip_exact(column.iter_mut(), corrections) {
        *bits ^= u128::from_le_bytes(*correction) & mask;
    }
}

/// Returns the rows of all columns, but for those of the last block.
fn rows(columns: &[u128], blocks: usize) -> Zeroizing<Vec<u128>> {
    let mut rows = Zeroizing::new(vec![0; (blocks - 1) * BLOCK]);
    for (block, rows) in rows.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let column = columns.iter().skip(block).step_by(blocks);
        zip_exact(rows.iter_mut(), column).for_each(|(row, column)| *row = *column);
        transposition::rows(rows);
    }
    rows
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low(block: u128) -> u64 {
    block as u64
}

/// The hash R under one key.
struct Check(Polyval);

impl Check {
    /// Derives the hash's key from the session's key and all corrections of a chunk.
    fn new(session_key: &[u8; 32], chunk: Chunk, corrections: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: check of a chunk");
        hasher.update(session_key);
        hasher.update(&chunk.first.to_le_bytes());
        hasher.update(corrections);
        let mut key = [0; BYTES];
        hasher.finalize_xof().fill(&mut key);
        Self(Polyval::new(&key.into()))
    }

    fn of(&self, column: &[u128]) -> u128 {
        let mut hash = self.0.clone();
        if cfg!(target_endian = "big") {
            column.iter().for_each(|block| hash.update(&[block.to_le_bytes().into()]));
        } else {
            let bytes: &[[u8; BYTES]] = bytemuck::cast_slice(column);
            hash.update(polyval::Block::cast_slice_from_core(bytes));
        }
        u128::from_le_bytes(hash.finalize().into())
    }
}
