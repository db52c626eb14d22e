//! Vectors of integers of different widths in one run of 64-bit words.
//!
//! A cell is an integer modulo 2^(64·limbs), limbs least significant first; carries stay inside the
//! cell. A layout lists the numbers and widths of the cells that follow one another. All parties
//! derive it from agreed values, so it is never sent.
//!
//! One-limb cells add in vector instructions; two and four limbs are unrolled; other widths take a
//! loop over the limbs.

use rayon::prelude::*;
use zeroize::Zeroize;

use crate::algebra::input_error::InputError;
use crate::algebra::ring::{add_into, subtract_from};

/// The most words that one vector may have.
pub const MAX_WORDS: usize = 10_000_000;

/// The widest cell, in limbs: more than any sum of products of doubles needs.
pub const MAX_LIMBS: usize = 128;

/// The words that are processed together so that they stay in the fastest cache: 16 KiB.
const BLOCK_WORDS: usize = 2048;

/// The words below which handing work to other threads costs more than it saves.
pub(crate) const PARALLEL_WORDS: usize = 1 << 16;

/// Equally wide cells that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of 64-bit limbs of a cell, from 1 to [`MAX_LIMBS`].
    pub limbs: usize,
    /// The number of cells.
    pub cells: usize,
}

/// The layout of the words of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    segments: Vec<Segment>,
    words: usize,
}

/// The direction: words are added or subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// A stream of words that can be read from any word on.
pub trait WordStream: Sync {
    /// Returns a writer of the words of the stream, from number `first` on.
    fn words_from(&self, first: usize) -> impl FnMut(&mut [u64]);
}

impl Layout {
    /// Makes the layout of these segments in this order.
    ///
    /// # Errors
    /// If it has more than [`MAX_WORDS`] words, or a cell more than [`MAX_LIMBS`] limbs or none.
    pub fn new(segments: &[Segment]) -> Result<Self, InputError> {
        let mut words = 0_usize;
        for Segment { limbs, cells } in segments {
            check_bound("limbs of a number", *limbs, MAX_LIMBS)?;
            words = words.saturating_add(limbs.saturating_mul(*cells));
        }
        check_bound("64-bit words to be added", words, MAX_WORDS)?;
        let segments = segments.iter().copied().filter(|s| s.limbs > 0 && s.cells > 0).collect();
        Ok(Self { segments, words })
    }

    /// Makes the layout of `cells` cells of `limbs` limbs.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn uniform(limbs: usize, cells: usize) -> Result<Self, InputError> {
        Self::new(&[Segment { limbs, cells }])
    }

    /// Returns the segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the number of 64-bit words.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        8 * self.words
    }

    /// Adds `source` to `target` cell by cell. Both have [`Layout::words`] words.
    ///
    /// # Panics
    /// If one has another number of words.
    pub fn add(&self, target: &mut [u64], source: &[u64]) {
        assert_eq!(target.len(), self.words, "a vector has the words of its layout");
        assert_eq!(source.len(), self.words, "a vector has the words of its layout");
        let mut targets = target;
        let mut sources = source;
        for segment in &self.segments {
            let (target, later) = targets.split_at_mut(segment.words());
            let (source, more) = sources.split_at(segment.words());
            add_segment(segment, target, source);
            targets = later;
            sources = more;
        }
    }

    /// Adds a stream, from its start, to `target` cell by cell.
    ///
    /// # Panics
    /// If `target` has not [`Layout::words`] words.
    pub fn add_stream(&self, target: &mut [u64], stream: &(impl WordStream + Clone)) {
        self.add_streams(target, &[(Sign::Plus, stream.clone())]);
    }

    /// Adds and subtracts streams, each from its start. They are expanded into a buffer that stays
    /// in the fastest cache and added from there, so that none exists as a whole.
    pub(crate) fn add_streams<S: WordStream>(&self, target: &mut [u64], streams: &[(Sign, S)]) {
        self.for_each_piece(target, |segment, first, words| {
            segment.add_streams(first, words, streams);
        });
    }

    /// Calls `work(segment, number of its first word, words)` on pieces of `target` that begin and
    /// end with a cell, perhaps in parallel. Their order must not matter.
    fn for_each_piece<F>(&self, target: &mut [u64], work: F)
    where
        F: Fn(&Segment, usize, &mut [u64]) + Sync,
    {
        assert_eq!(target.len(), self.words(), "a vector has the words of its layout");
        let mut rest = target;
        let mut first = 0;
        for segment in &self.segments {
            let (words, later) = rest.split_at_mut(segment.words());
            segment.for_each_piece(first, words, &work);
            first += segment.words();
            rest = later;
        }
    }
}

impl Segment {
    /// Returns the number of 64-bit words.
    #[must_use]
    pub fn words(&self) -> usize {
        self.limbs * self.cells
    }

    /// Returns the words that are processed together: whole cells, at most [`BLOCK_WORDS`].
    fn block_words(&self) -> usize {
        BLOCK_WORDS / self.limbs * self.limbs
    }

    fn add_streams<S: WordStream>(&self, first: usize, words: &mut [u64], streams: &[(Sign, S)]) {
        let mut streams: Vec<_> =
            streams.iter().map(|(sign, stream)| (*sign, stream.words_from(first))).collect();
        let mut buffer = [0; BLOCK_WORDS];
        for block in words.chunks_mut(self.block_words()) {
            for (sign, stream) in &mut streams {
                let (mask, _) = buffer.split_at_mut(block.len());
                stream(mask);
                apply(*sign, self.limbs, block, mask);
            }
        }
        buffer.zeroize();
    }

    fn for_each_piece<F>(&self, first: usize, words: &mut [u64], work: &F)
    where
        F: Fn(&Segment, usize, &mut [u64]) + Sync,
    {
        if words.len() < PARALLEL_WORDS {
            return work(self, first, words);
        }
        let piece = 16 * self.block_words();
        words
            .par_chunks_mut(piece)
            .enumerate()
            .for_each(|(index, words)| work(self, first + index * piece, words));
    }
}

/// Adds or subtracts cells of `limbs` limbs. Both slices have equally many whole cells.
pub(crate) fn apply(sign: Sign, limbs: usize, target: &mut [u64], source: &[u64]) {
    match limbs {
        1 => apply_fixed::<1>(sign, target, source),
        2 => apply_fixed::<2>(sign, target, source),
        4 => apply_fixed::<4>(sign, target, source),
        _ => apply_any(sign, limbs, target, source),
    }
}

fn apply_fixed<const N: usize>(sign: Sign, target: &mut [u64], source: &[u64]) {
    let (target, _) = target.as_chunks_mut::<N>();
    let (source, _) = source.as_chunks::<N>();
    match sign {
        Sign::Plus => target.iter_mut().zip(source).for_each(|(a, b)| add_into(a, b)),
        Sign::Minus => target.iter_mut().zip(source).for_each(|(a, b)| subtract_from(a, b)),
    }
}

fn apply_any(sign: Sign, limbs: usize, target: &mut [u64], source: &[u64]) {
    let cells = target.chunks_exact_mut(limbs).zip(source.chunks_exact(limbs));
    match sign {
        Sign::Plus => cells.for_each(|(a, b)| add_into(a, b)),
        Sign::Minus => cells.for_each(|(a, b)| subtract_from(a, b)),
    }
}

fn add_segment(segment: &Segment, target: &mut [u64], source: &[u64]) {
    if target.len() < PARALLEL_WORDS {
        return apply(Sign::Plus, segment.limbs, target, source);
    }
    let piece = 16 * segment.block_words();
    target
        .par_chunks_mut(piece)
        .zip(source.par_chunks(piece))
        .for_each(|(a, b)| apply(Sign::Plus, segment.limbs, a, b));
}

fn check_bound(what: &'static str, actual: usize, limit: usize) -> Result<(), InputError> {
    if actual > limit {
        return Err(InputError::TooMuch { what, actual, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use rand_core::Rng;

    use super::*;
    use crate::kernel::random::{PredictableRng, Prg};

    fn random_words(seed: u64, count: usize) -> Vec<u64> {
        let mut rng = PredictableRng::from_predictable_seed(seed);
        // Many limbs of ones, so that carries run far.
        (0..count)
            .map(|_| if rng.next_u32() & 1 == 0 { u64::MAX } else { rng.next_u64() })
            .collect()
    }

    fn big(limbs: &[u64]) -> BigUint {
        limbs.iter().rev().fold(BigUint::default(), |sum, limb| (sum << 64) + limb)
    }

    #[test]
    fn cells_of_every_width_add_without_touching_their_neighbours() {
        let segments = [(1, 5), (2, 3), (34, 2), (4, 7), (3, 1), (67, 2)]
            .map(|(limbs, cells)| Segment { limbs, cells });
        let layout = Layout::new(&segments).unwrap();
        let (a, b) = (random_words(1, layout.words()), random_words(2, layout.words()));
        let mut sum = a.clone();
        layout.add(&mut sum, &b);
        let mut first = 0;
        for Segment { limbs, cells } in segments {
            for _ in 0..cells {
                let cell = first..first + limbs;
                let modulus = BigUint::from(1u8) << (64 * limbs);
                assert_eq!(
                    big(&sum[cell.clone()]),
                    (big(&a[cell.clone()]) + big(&b[cell])) % modulus
                );
                first += limbs;
            }
        }
        assert_eq!(first, layout.words());
    }

    #[test]
    fn subtracting_undoes_adding() {
        for limbs in [1, 2, 3, 4, 5, 34] {
            let (a, b) = (random_words(3, 12 * limbs), random_words(4, 12 * limbs));
            let mut words = a.clone();
            apply(Sign::Plus, limbs, &mut words, &b);
            apply(Sign::Minus, limbs, &mut words, &b);
            assert_eq!(words, a);
        }
    }

    #[test]
    fn parallel_addition_equals_serial_addition() {
        let cells = PARALLEL_WORDS;
        let layout = Layout::uniform(3, cells).unwrap();
        let (a, b) = (random_words(5, 3 * cells), random_words(6, 3 * cells));
        let (mut parallel, mut serial) = (a.clone(), a);
        layout.add(&mut parallel, &b);
        apply(Sign::Plus, 3, &mut serial, &b);
        assert_eq!(parallel, serial);
    }

    #[test]
    fn pieces_cover_every_word_once_and_in_place() {
        let layout = Layout::new(&[
            Segment { limbs: 1, cells: 3 },
            Segment { limbs: 3, cells: PARALLEL_WORDS },
            Segment { limbs: 2, cells: 2 },
        ])
        .unwrap();
        let mut words = vec![0; layout.words()];
        layout.for_each_piece(&mut words, |segment, first, piece| {
            assert_eq!(piece.len() % segment.limbs, 0);
            for (index, word) in piece.iter_mut().enumerate() {
                *word += (first + index + 1) as u64;
            }
        });
        assert!(words.iter().zip(1..).all(|(word, due)| *word == due));
    }

    /// Checks that pieces do not begin their stream anew. They would repeat masks, and both ends
    /// alike: no sum shows it.
    #[test]
    fn streams_run_on_from_piece_to_piece() {
        let expander = Prg::new(&[7; 32].into());
        for limbs in [1, 2, 3, 4, 34] {
            let layout = Layout::new(&[
                Segment { limbs: 1, cells: 3 },
                Segment { limbs, cells: 2 * PARALLEL_WORDS / limbs + 5 },
                Segment { limbs: 2, cells: 2 },
            ])
            .unwrap();
            let (mut sum, mut stream) = (vec![0; layout.words()], vec![0; layout.words()]);
            layout.add_stream(&mut sum, &expander);
            expander.stream_from(0).fill(&mut stream);
            assert_eq!(sum, stream, "{limbs}");
        }
    }

    #[test]
    fn too_long_or_too_wide_layouts_are_refused() {
        assert!(Layout::uniform(1, MAX_WORDS).is_ok());
        assert!(matches!(Layout::uniform(1, MAX_WORDS + 1), Err(InputError::TooMuch { .. })));
        assert!(matches!(Layout::uniform(MAX_LIMBS + 1, 1), Err(InputError::TooMuch { .. })));
        assert!(matches!(Layout::uniform(2, usize::MAX), Err(InputError::TooMuch { .. })));
        assert_eq!(Layout::new(&[]).unwrap().words(), 0);
    }
}
