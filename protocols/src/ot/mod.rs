//! Oblivious transfers between two parties: base transfers by public keys, and from these any
//! number by symmetric cryptography.
//!
//! - [`base`]: 128 transfers on ristretto255, after Masny and Rindal (CCS 2019).
//! - [`pprf`]: puncturable PRFs. For each group of [`K`] bits of a secret Δ, the receiver of the base
//!   transfers has all leaves of a GGM tree but one. After Roy, *SoftSpokenOT* (CRYPTO 2022), figures
//!   13 and 14. It is the sender of what follows.
//! - [`extension`]: from the leaves, correlated transfers q_i = t_i ⊕ c_i·Δ in any number (ibid.,
//!   figure 7 and the subspace VOLE).
//! - [`ccr_hash`]: from correlated to random transfers, after Guo, Katz, Wang, Yu (S&P 2020).
//! - [`batches`] and [`ot_correlation`]: what two parties hold of these, and numbers made of them.
//!
//! **Adversary:** either party may deviate. Each file says what is detected.

pub(crate) mod base;
pub(crate) mod batches;
pub(crate) mod ccr_hash;
pub(crate) mod extension;
pub(crate) mod ot_correlation;
pub(crate) mod pprf;
#[cfg(test)]
pub(crate) mod tests;
mod transposition;

use aes::cipher::BlockCipherEncrypt;
use aes::{Aes128, Block};

/// The bits of Δ: the computational security parameter κ.
pub(crate) const DELTA: usize = 128;

/// The bits of Δ in a group: Roy's k. A transfer costs 2^K / K blocks of AES at the receiver,
/// (2^K − 1) / K at the sender, and 128 / K − 1 bits.
pub(crate) const K: usize = 4;

/// The leaves of a tree.
pub(crate) const LEAVES: usize = 1 << K;

/// The groups of bits.
pub(crate) const GROUPS: usize = DELTA / K;

/// Encrypts each block in place. A block's bytes are those of the number in little-endian order.
fn encrypt(cipher: &Aes128, blocks: &mut [u128]) {
    to_little_endian(blocks);
    let bytes: &mut [[u8; 16]] = bytemuck::cast_slice_mut(blocks);
    cipher.encrypt_blocks(Block::cast_slice_from_core_mut(bytes));
    to_little_endian(blocks);
}

/// Changes each block between the machine's order of bytes and the little-endian one.
fn to_little_endian(blocks: &mut [u128]) {
    if cfg!(target_endian = "big") {
        blocks.iter_mut().for_each(|block| *block = block.swap_bytes());
    }
}
