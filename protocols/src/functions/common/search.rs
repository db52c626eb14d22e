//! Searching for numbers by their rank, over data that stays where it is.
//!
//! After Aggarwal, Mishra, Pinkas, *Secure computation of the median (and other elements of specified
//! ranks)* (Journal of Cryptology 23, 2010), their protocol for many parties: every party counts how
//! many of its own numbers lie below a threshold, the counts are added and compared with the rank
//! under sharing, and the outcome of the comparison alone is opened. Where we deviate: the search is
//! over the bits of an order-preserving map of all doubles ([`crate::algebra::order`]), so it needs
//! no bounds and is exact; and eight bits are found at a time, by 255 comparisons at once.
//!
//! **What is opened.** Of the number of rank r, with key e, and a threshold t: whether fewer than r
//! numbers lie below t, which is whether e ≥ t. That is known to whoever knows e: the answer implies
//! all that was opened on the way to it. Counts, and which party has the number, stay shared.
//!
//! **What it assumes.** Every party, also one without a seat in the committee, counts its own numbers
//! truly at every step: one that gives other counts can learn how many numbers of the others lie below
//! thresholds of its choice, and may or may not be noticed, because nobody proves its counts.
//!
//! **Cost**, whatever the number of rows: 8 steps, each of one sharing, one comparison and one
//! opening of 255 values a rank. A comparison looks at as many bits as the number of all rows has,
//! and one more.

use zeroize::Zeroizing;

use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::circuits::comparison::less_than_zero;
use crate::engine::shared::Shared;
use crate::engine::{Engine, Recipients};
use crate::functions::FunctionContext;
use crate::kernel::fault::Fault;

/// Bits of a key.
const KEY: usize = 64;

/// Bits found in a step.
const STEP: usize = 8;

/// Thresholds of a step: between any two neighbours of the 2^[`STEP`] candidates.
pub(crate) const THRESHOLDS: usize = (1 << STEP) - 1;

/// Which number is looked for among which.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    /// The keys of our own numbers, in ascending order.
    pub(crate) keys: &'a [u64],
    /// The rank, from 1 to the number of all parties' numbers.
    pub(crate) rank: u64,
}

/// The keys of the numbers that the queries ask for. None at a helper. `rows` is the largest number
/// of numbers that any query is among.
pub(crate) async fn find<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    queries: &[Query<'_>],
    rows: u64,
) -> Result<Option<Vec<u64>>, Fault> {
    let lanes = queries.len() * THRESHOLDS;
    let ranks = queries.iter().flat_map(|query| [query.rank; THRESHOLDS]).collect();
    let ranks: E::Shared<u64> = cx.engine.public(ranks);
    // Counts and ranks are from 0 to `rows`: their differences take one bit more for the sign.
    let width = KEY - usize::try_from(rows.leading_zeros()).unwrap_or(0) + 1;
    let mut prefixes = vec![0; queries.len()];
    cx.engine.prepare(lanes * u64::BYTES).await?;
    for step in 0..KEY / STEP {
        let shift = KEY - STEP * (step + 1);
        let steps = queries.iter().zip(&prefixes);
        let counts = steps.flat_map(|(query, prefix)| counts_below(query.keys, *prefix, shift));
        let counts: Zeroizing<Vec<u64>> = Zeroizing::new(counts.collect());
        let lead = cx.sum(&counts, lanes).await?.minus(&ranks);
        let reached = less_than_zero(&mut cx.engine, &lead, width.min(KEY)).await?;
        if let Some(bits) = cx.engine.open(&reached, Recipients::Parties).await? {
            for (index, prefix) in prefixes.iter_mut().enumerate() {
                *prefix |= byte(&bits, index * THRESHOLDS)? << shift;
            }
        }
    }
    Ok(cx.engine.brings_data().then_some(prefixes))
}

/// How many of the keys lie below each threshold of a step.
fn counts_below(keys: &[u64], prefix: u64, shift: usize) -> impl Iterator<Item = u64> {
    (1..=THRESHOLDS as u64).map(move |byte| {
        let threshold = prefix | (byte << shift);
        keys.partition_point(|key| *key < threshold) as u64
    })
}

/// The byte that 255 comparisons say: as many as its value, the first ones, were reached.
fn byte(bits: &[PackedBits], first: usize) -> Result<u64, Fault> {
    let bit =
        |lane: usize| bits.get(lane / KEY).map_or(0, |word| (word.word(0) >> (lane % KEY)) & 1);
    let reached: Vec<u64> = (first..first + THRESHOLDS).map(bit).collect();
    let in_order = reached.is_sorted_by(|a, b| a >= b);
    if in_order { Ok(reached.iter().sum()) } else { Err(Fault::InvalidOpening) }
}
