//! Randomness that two parties can make alike: AES-128 in counter mode from a derived key.
//!
//! A [`Prg`] stands for one long stream of 64-bit words. It is made from a key that is derived for
//! one use only (see [`crate::kernel::session::PairKey::for_use`]). Half of the 32 bytes are the
//! AES key, half the first counter block. So a guess at one key says nothing about another use. The
//! stream can be read from any word on. So disjoint chunks can be expanded in parallel, with the
//! same result as one after the other.
//!
//! Nothing here reads the operating system's randomness. [`PredictableRng`] exists for simulations
//! and tests, which must be repeatable; no node ever makes one.

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;

use aes::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::algebra::layout::WordStream;
use crate::algebra::ring::Ring;

type Cipher = ctr::Ctr128BE<aes::Aes128>;

/// A stream of pseudo-random words that every party with the key can make.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Prg {
    key: [u8; 16],
    first_counter: [u8; 16],
}

/// A place in the stream of a [`Prg`]; reading moves it on. It is a generator as good as its key is
/// secret.
pub struct Stream(Cipher);

/// A generator whose whole output follows from a small seed. It is for simulations and tests only:
/// a guess of the seed gives every secret made from it.
pub struct PredictableRng(Stream);

impl Prg {
    /// Creates the stream of `key`, which must have been derived for this one use.
    #[must_use]
    pub fn new(key: &Zeroizing<[u8; 32]>) -> Self {
        let mut expander = Self { key: [0; 16], first_counter: [0; 16] };
        let (first, second) = key.split_at(16);
        expander.key.copy_from_slice(first);
        expander.first_counter.copy_from_slice(second);
        expander
    }

    /// Returns the stream from word number `word` on. A PRG's stream has 2^60 words, more than any
    /// use reads.
    #[must_use]
    pub fn stream_from(&self, word: usize) -> Stream {
        let mut cipher = Cipher::new(&self.key.into(), &self.first_counter.into());
        cipher.seek(8 * word as u128);
        Stream(cipher)
    }

    /// Notes for the tests that these words of this stream are used.
    pub(crate) fn note_use(&self, words: Range<usize>) {
        #[cfg(test)]
        uses::note(blake3::hash(&[self.key, self.first_counter].concat()), words);
        #[cfg(not(test))]
        let _ = words;
    }
}

impl WordStream for Prg {
    fn words_from(&self, first: usize) -> impl FnMut(&mut [u64]) {
        let mut stream = self.stream_from(first);
        move |words: &mut [u64]| stream.fill(words)
    }
}

impl Stream {
    /// Fills `elements` with the next ones of the stream: a word has 8 bytes of it.
    pub fn fill<R: Ring>(&mut self, elements: &mut [R]) {
        self.0.write_keystream(bytemuck::cast_slice_mut(elements));
        if cfg!(target_endian = "big") {
            elements.iter_mut().for_each(|element| *element = element.little_endian());
        }
    }
}

impl PredictableRng {
    /// Creates the generator of `seed`.
    #[must_use]
    pub fn from_predictable_seed(seed: u64) -> Self {
        let key = blake3::derive_key("cloister 1 predictable generator", &seed.to_le_bytes());
        Self(Prg::new(&Zeroizing::new(key)).stream_from(0))
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.write_keystream(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

impl TryRng for PredictableRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for PredictableRng {}

impl fmt::Debug for Prg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prg(..)")
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(..)")
    }
}

impl fmt::Debug for PredictableRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PredictableRng(..)")
    }
}

/// The words that were used of each stream on this thread: for the proof that none is used twice.
#[cfg(test)]
pub(crate) mod uses {
    use std::cell::RefCell;
    use std::ops::Range;

    /// A stream, and the words of it that were used.
    type Use = (blake3::Hash, Range<usize>);

    thread_local! {
        static USES: RefCell<Vec<Use>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn note(key: blake3::Hash, words: Range<usize>) {
        USES.with_borrow_mut(|uses| uses.push((key, words)));
    }

    pub(crate) fn take() -> Vec<Use> {
        USES.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expander(byte: u8) -> Prg {
        Prg::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn the_stream_is_aes_128_in_counter_mode() {
        // FIPS-197, appendix C.1: key 00..0f, block 00112233..ff.
        let mut key = Zeroizing::new([0; 32]);
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = if index < 16 { index } else { (index - 16) * 0x11 }.to_le_bytes()[0];
        }
        let mut words = [0_u64; 2];
        Prg::new(&key).stream_from(0).fill(&mut words);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.to_be_bytes();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn any_part_of_a_stream_can_be_read_alone() {
        let mut whole = vec![0_u64; 1000];
        expander(7).stream_from(0).fill(&mut whole);
        for start in [0, 1, 2, 17, 500, 999] {
            let mut part = vec![0; 1000 - start];
            expander(7).stream_from(start).fill(&mut part);
            assert_eq!(part, whole[start..]);
        }
    }

    #[test]
    fn other_keys_make_other_streams() {
        let (mut a, mut b) = ([0_u64; 4], [0_u64; 4]);
        expander(1).stream_from(0).fill(&mut a);
        expander(2).stream_from(0).fill(&mut b);
        assert_ne!(a, b);
    }

    #[test]
    fn debugging_shows_no_key() {
        assert_eq!(format!("{:?}", expander(1)), "Prg(..)");
    }
}
