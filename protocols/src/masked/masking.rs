//! Step 1 of the masked sum: a party's vector becomes one that may be seen.
//!
//! Masks are expanded into a buffer that stays in the fastest cache and added from there, so that
//! no mask vector exists as a whole.

use zeroize::{Zeroize, Zeroizing};

use crate::algebra::layout::{BLOCK_WORDS, Layout, Segment, Sign, apply};
use crate::party::{Parties, Party};
use crate::random::{Expander, Stream};
use crate::session::Session;

const PURPOSE: &str = "cloister 1 masked sum: masks of a pair";

/// y_i = x_i + Σ_{j>i} G(k_ij) − Σ_{j<i} G(k_ij), in the place of x_i.
pub(super) fn add_masks(
    session: &Session,
    parties: Parties,
    number: u64,
    layout: &Layout,
    mut x: Zeroizing<Vec<u64>>,
) -> Vec<u64> {
    let masks: Vec<(Sign, Expander)> = session
        .pair_keys()
        .map(|(j, k_ij)| {
            (
                sign(parties.me(), j),
                Expander::new(&k_ij.for_use(PURPOSE, number)),
            )
        })
        .collect();
    masks
        .iter()
        .for_each(|(_, mask)| mask.note_use(layout.words()));
    layout.for_each_piece(&mut x, |segment, first, words| {
        mask_piece(&masks, segment, first, words)
    });
    std::mem::take(&mut *x)
}

fn sign(i: Party, j: Party) -> Sign {
    if j > i { Sign::Plus } else { Sign::Minus }
}

fn mask_piece(masks: &[(Sign, Expander)], segment: &Segment, first: usize, words: &mut [u64]) {
    let mut streams: Vec<(Sign, Stream)> = masks
        .iter()
        .map(|(sign, mask)| (*sign, mask.stream_from(first)))
        .collect();
    let mut buffer = [0; BLOCK_WORDS];
    for block in words.chunks_mut(segment.block_words()) {
        for (sign, stream) in &mut streams {
            let (mask, _) = buffer.split_at_mut(block.len());
            stream.fill(mask);
            apply(*sign, segment.limbs, block, mask);
        }
    }
    buffer.zeroize();
}
