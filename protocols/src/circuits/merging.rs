//! Merging sorted lists of items in shared form.
//!
//! Batcher, *Sorting networks and their applications* (AFIPS 1968): his bitonic merger. The perfect
//! shuffle gives it a form of constant geometry (Stone, *Parallel processing with the perfect
//! shuffle*, IEEE Transactions on Computers 1971). Each of the log₂ N levels compares item i of the
//! first half with item i of the second. It puts the smaller one first, and interleaves the halves.
//!
//! A list is a number of bit slices: first those of its key, the lowest bit first, then those of
//! the other values. Two ascending lists are one that rises and falls if the second is reversed,
//! whatever their lengths. The largest key fills the middle up to a power of two, and is cut off in
//! the end. So no item may have the largest key: such an item could be cut off instead of the
//! filling.
//!
//! Let a key have k bits, a list p bit slices in all, and N be the number of items with the
//! filling. A level takes N / 2 comparisons of k + 1 bits (see the adder) and p·N / 2 conjunctions,
//! in ⌈log₂⌈k / 2⌉⌉ + 3 rounds.

use std::ops::Range;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::{PackedBits, WORD_BITS, bit_slice_words, first_lanes};
use crate::circuits::adder::msb_of_sum;
use crate::circuits::{Bits, and_all, not};
use crate::engine::Engine;
use crate::engine::reveals::ASCENDING;
use crate::engine::shared::{Shared, SharedBits};
use crate::kernel::fault::Fault;

/// A list of items in shared form.
pub(super) struct List<E: Engine> {
    /// The number of items.
    pub(super) items: usize,
    /// The bit slices of their bits.
    pub(super) bit_slices: Vec<Bits<E>>,
}

/// Merges all lists into one, in ascending order of the lowest `key` bit slices. Each is in that
/// order, and all have as many bit slices.
pub(super) async fn merge<E: Engine>(
    engine: &mut E,
    mut lists: Vec<List<E>>,
    key: usize,
) -> Result<List<E>, Fault> {
    if lists.iter().all(|list| list.items == 0) {
        return Ok(lists.into_iter().next().unwrap_or(List { items: 0, bit_slices: Vec::new() }));
    }
    lists.retain(|list| list.items > 0);
    while lists.len() > 1 {
        let mut next = Vec::with_capacity(lists.len().div_ceil(2));
        let mut left = lists.into_iter();
        while let Some(first) = left.next() {
            next.push(match left.next() {
                Some(second) => merge_two(engine, &first, &second, key).await?,
                None => first,
            });
        }
        lists = next;
    }
    Ok(lists.pop().expect("merging leaves one list"))
}

async fn merge_two<E: Engine>(
    engine: &mut E,
    first: &List<E>,
    second: &List<E>,
    key: usize,
) -> Result<List<E>, Fault> {
    let items = first.items + second.items;
    let all = items.next_power_of_two();
    let mut bit_slices = bitonic(engine, first, second, all);
    let mut level = all;
    while level > 1 {
        bit_slices = one_level(engine, bit_slices, all / 2, key).await?;
        level /= 2;
    }
    let bit_slices = bit_slices.iter().map(|bit_slice| bit_slice.lanes(0..items)).collect();
    Ok(List { items, bit_slices })
}

/// Returns the bit slices of the first list, the largest key as often as there is room for it, and
/// the second list reversed.
fn bitonic<E: Engine>(engine: &E, first: &List<E>, second: &List<E>, all: usize) -> Vec<Bits<E>> {
    let words = bit_slice_words(all);
    let ones = |lanes: usize| {
        let word = |index: usize| PackedBits(first_lanes(lanes.saturating_sub(64 * index)));
        (0..words).map(word).collect::<Vec<_>>()
    };
    let (below, up_to) = (ones(first.items), ones(all - second.items));
    let middle = zip_exact(below.iter(), &up_to)
        .map(|(below, up_to)| PackedBits(below.0 ^ up_to.0))
        .collect();
    let middle = engine.public(middle);
    let both = zip_exact(first.bit_slices.iter(), &second.bit_slices);
    let bit_slice = |(first_bit_slice, second_bit_slice): (&Bits<E>, &Bits<E>)| {
        let rising = first_bit_slice.lanes(0..first.items).lanes(0..all);
        // Reversed over all places, the second list ends up behind the others.
        let falling = second_bit_slice.lanes(0..second.items).lanes(0..all).reversed(all);
        rising.plus(&falling).plus(&middle)
    };
    both.map(bit_slice).collect()
}

async fn one_level<E: Engine>(
    engine: &mut E,
    bit_slices: Vec<Bits<E>>,
    half: usize,
    key: usize,
) -> Result<Vec<Bits<E>>, Fault> {
    let low: Vec<Bits<E>> = bit_slices.iter().map(|bit_slice| bit_slice.lanes(0..half)).collect();
    let high: Vec<Bits<E>> =
        bit_slices.iter().map(|bit_slice| bit_slice.lanes(half..2 * half)).collect();
    let zeros = engine.public(vec![PackedBits(0); bit_slice_words(half)]);
    // high − low − 1 is below zero where high is not above low.
    let minuend = high.iter().take(key).cloned().chain([zeros.clone()]).collect();
    let subtrahend =
        low.iter().take(key).chain([&zeros]).map(|bit_slice| not(engine, bit_slice)).collect();
    let swaps = msb_of_sum(engine, vec![minuend, subtrahend]).await?;
    let differing: Vec<Bits<E>> =
        zip_exact(low.iter(), &high).map(|(low, high)| low.plus(high)).collect();
    let pairs: Vec<_> = differing.iter().map(|differing| (&swaps, differing)).collect();
    let turned = and_all(engine, &pairs).await?;
    let halves = zip_exact(zip_exact(low.iter(), &high), &turned);
    let next =
        halves.map(|((low, high), turned)| low.plus(turned).interleaved(&high.plus(turned), half));
    Ok(next.collect())
}

/// Checks that the numbers in these bit slices are strictly ascending in each list. What is opened, to
/// all members, is the number of neighbours that are not: 0 at honest parties.
pub(super) async fn check_ascending<E: Engine>(
    engine: &mut E,
    lists: &[List<E>],
    key: Range<usize>,
) -> Result<(), Fault> {
    let pairs: Vec<usize> = lists.iter().map(|list| list.items.saturating_sub(1)).collect();
    if pairs.iter().all(|pairs| *pairs == 0) {
        return Ok(());
    }
    let side = |engine: &E, bit: usize, first: usize| -> Bits<E> {
        let of = |(list, pairs): (&List<E>, &usize)| {
            let bit_slice = list.bit_slices.get(bit).expect("a list has the bits of its key");
            engine.lanes(bit_slice, first..first + pairs)
        };
        let sides: Vec<Bits<E>> =
            zip_exact(lists, &pairs).filter(|(_, pairs)| **pairs > 0).map(of).collect();
        Bits::<E>::concat(&sides.iter().collect::<Vec<_>>())
    };
    let words: usize = pairs.iter().map(|pairs| bit_slice_words(*pairs)).sum();
    let zeros = engine.public(vec![PackedBits(0); words]);
    // Next − this − 1 is below zero where the next one is not above this one.
    let next = key.clone().map(|bit| side(engine, bit, 1)).chain([zeros.clone()]).collect();
    let this = key.map(|bit| side(engine, bit, 0)).chain([zeros]);
    let this = this.map(|bit_slice| not(engine, &bit_slice)).collect();
    let wrong = msb_of_sum(engine, vec![next, this]).await?;
    // Behind the pairs of a list two zeros are compared.
    let mut first = 0;
    let mut of_lists = Vec::with_capacity(pairs.len());
    for pairs in pairs {
        let words = bit_slice_words(pairs);
        of_lists.push(wrong.slice(first..first + words).lanes(0..pairs));
        first += words;
    }
    let wrong = Bits::<E>::concat(&of_lists.iter().collect::<Vec<_>>());
    let lanes = words * WORD_BITS;
    let wrong: E::Shared<u64> = engine.bit_to_arithmetic(&[&wrong], lanes).await?;
    let wrong = wrong.prefix_sums(lanes).gather(&[lanes - 1]);
    match engine.open_to_all(&wrong, ASCENDING).await?.as_slice() {
        [0] => Ok(()),
        _ => Err(Fault::InvalidOpening),
    }
}
