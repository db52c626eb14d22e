//! From correlated to random transfers: a hash that is correlation robust, with a tweak.
//!
//! Guo, Katz, Wang, Yu, *Efficient and secure multiparty computation from fixed-key block ciphers* (S&P
//! 2020), section 7.4: TMMO(x, i) = π(π(x) ⊕ i) ⊕ π(x), with π = AES-128 under a key that everybody may
//! know. It is tweakable circular correlation robust in the ideal-cipher model (their theorem 4), which is
//! what extension against a receiver that deviates asks for. The key is one of the session; no tweak
//! is used twice for different inputs of one party.

use aes::Aes128;
use aes::cipher::KeyInit;

use super::encrypt;

/// Blocks that are hashed at a time.
const BATCH: usize = 128;

/// π of one session.
#[derive(Clone)]
pub(in crate::pairwise) struct Hash(Aes128);

impl Hash {
    /// With this key of the permutation.
    pub(in crate::pairwise) fn new(key: [u8; 16]) -> Self {
        Self(Aes128::new(&key.into()))
    }

    /// Of each block x_j, in its place: TMMO(x_j, first + j).
    pub(in crate::pairwise) fn each(&self, first: u128, blocks: &mut [u128]) {
        let mut tweak = first;
        for blocks in blocks.chunks_mut(BATCH) {
            let mut inner = [0; BATCH];
            let (inner, _) = inner.split_at_mut(blocks.len());
            encrypt(&self.0, blocks);
            for (inner, block) in inner.iter_mut().zip(&*blocks) {
                *inner = *block ^ tweak;
                tweak = tweak.wrapping_add(1);
            }
            encrypt(&self.0, inner);
            inner.iter().zip(blocks).for_each(|(inner, block)| *block ^= inner);
        }
    }

    /// Of one block x, `out.len()` blocks: TMMO(x, first), TMMO(x, first + 1), …
    pub(in crate::pairwise) fn long(&self, first: u128, block: u128, out: &mut [u128]) {
        let mut inner = [block];
        encrypt(&self.0, &mut inner);
        let [inner] = inner;
        let mut tweak = first;
        for place in out.iter_mut() {
            *place = inner ^ tweak;
            tweak = tweak.wrapping_add(1);
        }
        encrypt(&self.0, out);
        out.iter_mut().for_each(|place| *place ^= inner);
    }
}
