//! From correlated to random transfers: a circular correlation-robust hash with a tweak.
//!
//! Guo, Katz, Wang, Yu, *Efficient and secure multiparty computation from fixed-key block ciphers*
//! (S&P 2020), section 7.4: TMMO(x, i) = π(π(x) ⊕ i) ⊕ π(x), with π = AES-128 under a public key.
//! It is tweakable circular correlation robust if π is a random permutation. Extension against a
//! receiver that deviates requires that. Each chunk of transfers has a key of its own, and no tweak
//! is used twice in a chunk. The low half of the tweak is the number of the row, the high half that
//! of the block of the row's message.

use crate::algebra::digest::halves;
use crate::algebra::elementwise::zip_exact;
use aes::Aes128;
use aes::cipher::KeyInit;
use zeroize::Zeroizing;

use super::encrypt;

/// The blocks that are hashed at a time.
const BATCH: usize = 128;

/// The secret from which the keys of π of one session and direction derive.
pub(crate) struct Keys(Zeroizing<[u8; 32]>);

/// π of one chunk.
pub(crate) struct Hash(Aes128);

impl Keys {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Returns π of the chunk that begins with this block.
    pub(crate) fn of_chunk(&self, first: u64) -> Hash {
        let hash = blake3::keyed_hash(&self.0, &first.to_le_bytes());
        let [key, _] = halves(hash.as_bytes());
        Hash(Aes128::new(&key.into()))
    }
}

impl Hash {
    /// Hashes each row's block x_j in its place: TMMO(x_j, j).
    pub(crate) fn each(&self, blocks: &mut [u128]) {
        let mut tweak = 0;
        let mut inner = [0; BATCH];
        for blocks in blocks.chunks_mut(BATCH) {
            let (inner, _) = inner.split_at_mut(blocks.len());
            encrypt(&self.0, blocks);
            for (inner, block) in zip_exact(inner.iter_mut(), &*blocks) {
                *inner = *block ^ tweak;
                tweak += 1;
            }
            encrypt(&self.0, inner);
            zip_exact(inner.iter(), blocks).for_each(|(inner, block)| *block ^= inner);
        }
    }

    /// Hashes the block x of row j to fill `out`: TMMO(x, j + 2^64·i) for i = 0, 1, …
    pub(crate) fn long(&self, row: u64, block: u128, out: &mut [u128]) {
        let mut inner = [block];
        encrypt(&self.0, &mut inner);
        let [inner] = inner;
        for (place, number) in out.iter_mut().zip(0_u128..) {
            *place = inner ^ (u128::from(row) | (number << 64));
        }
        encrypt(&self.0, out);
        out.iter_mut().for_each(|place| *place ^= inner);
    }
}
