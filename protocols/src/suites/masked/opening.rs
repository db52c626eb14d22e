//! The opened vectors of the masked sum, which are added as they are checked.

use crate::algebra::elementwise::zip_exact;
use crate::algebra::layout::{Layout, PARALLEL_WORDS, Sign, apply};
use crate::kernel::channel::Message;

/// Adds the words of `message` to `sum` and to `hasher` in one pass.
pub(super) fn add_opening(
    layout: &Layout,
    sum: &mut [u64],
    message: &Message,
    hasher: &mut blake3::Hasher,
) {
    let mut reader = Reader::new(message);
    let mut rest = sum;
    let mut buffer = vec![0; PARALLEL_WORDS.min(layout.words())];
    for segment in layout.segments() {
        let (words, later) = rest.split_at_mut(segment.words());
        let block = (buffer.len() / segment.limbs).max(1) * segment.limbs;
        for target in words.chunks_mut(block) {
            buffer.resize(buffer.len().max(target.len()), 0);
            let (source, _) = buffer.split_at_mut(target.len());
            reader.read(source, hasher);
            apply(Sign::Plus, segment.limbs, target, source);
        }
        rest = later;
    }
}

/// Reads words from a message that came in pieces. Pieces are whole words; a cell may lie across
/// two of them.
struct Reader<'a> {
    pieces: Vec<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn new(message: &'a Message) -> Self {
        let mut pieces: Vec<&[u8]> = message.pieces().collect();
        pieces.reverse();
        Self { pieces }
    }

    fn read(&mut self, words: &mut [u64], hasher: &mut blake3::Hasher) {
        let mut rest = words;
        while !rest.is_empty() {
            let Some(piece) = self.pieces.pop() else {
                return;
            };
            let (now, later) = piece.split_at(piece.len().min(8 * rest.len()));
            hasher.update(now);
            let (bytes, _) = now.as_chunks::<8>();
            let (target, left) = rest.split_at_mut(bytes.len());
            for (word, bytes) in zip_exact(target.iter_mut(), bytes) {
                *word = u64::from_le_bytes(*bytes);
            }
            rest = left;
            if !later.is_empty() {
                self.pieces.push(later);
            }
        }
    }
}
