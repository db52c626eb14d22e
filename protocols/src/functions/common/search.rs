//! Searching for numbers by their rank, over data that stay at their parties.
//!
//! After Aggarwal, Mishra, Pinkas, *Secure computation of the median (and other elements of
//! specified ranks)* (Journal of Cryptology 23, 2010), their protocol for many parties. Every party
//! counts its own numbers below a threshold. The counts are added and compared with the rank on
//! shares, and the outcome of the comparison alone is opened. Deviations: the search is over the
//! bits of an order-preserving map of all doubles ([`crate::algebra::order`]), so it needs no
//! bounds and is exact. Eight bits are found at a time, by 255 comparisons at once.
//!
//! **Leakage.** Let e be the key of the number of rank r, and t a threshold. Opened is whether
//! fewer than r numbers lie below t, which is whether e ≥ t. A party that knows e knows that too:
//! the answer implies all that was opened on the way to it. The counts stay shared, and no party
//! learns which one has the number.
//!
//! **Assumption.** Every party, also one without a seat in the committee, counts its own numbers
//! truly at every step. A party that gives other counts can learn how many numbers of the others
//! lie below thresholds of its choice. It may or may not be noticed, because no party proves its
//! counts.
//!
//! **Cost**, whatever the number of rows: 8 steps, each of one sharing, one comparison and one
//! opening of 255 values a rank. A comparison looks at as many bits as the number of all rows has,
//! and one more.

use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::PackedBits;
use crate::circuits::comparison::less_than_zero;
use crate::engine::shared::Shared;
use crate::engine::{Engine, Reconstructed};
use crate::functions::FunctionContext;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// The bits of a key.
const KEY: usize = 64;

/// The bits found in a step.
const STEP: usize = 8;

/// The thresholds of a step: one between any two neighbours of the 2^[`STEP`] candidates.
pub(crate) const THRESHOLDS: usize = (1 << STEP) - 1;

/// The rank that is searched for, and the numbers among which it is.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    /// The keys of this party's numbers, in ascending order.
    pub(crate) keys: &'a [u64],
    /// The rank, from 1 to the number of all parties' numbers.
    pub(crate) rank: u64,
}

/// Finds the keys of the numbers that the queries ask for; none at a helper. No query is among more
/// numbers than all parties have rows. The entry is that of the numbers that are found.
pub(crate) async fn find<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    queries: &[Query<'_>],
    shows: Reveal,
) -> Result<Option<Vec<u64>>, Fault> {
    let lanes = queries.len() * THRESHOLDS;
    let ranks = queries.iter().flat_map(|query| [query.rank; THRESHOLDS]).collect();
    let ranks: E::Shared<u64> = cx.engine.public(ranks);
    // Counts and ranks are from 0 to the number of rows. Their differences take one bit more, for
    // the sign.
    let width = KEY - usize::try_from(cx.rows.leading_zeros()).unwrap_or(0) + 1;
    let mut prefixes = vec![0; queries.len()];
    for step in 0..KEY / STEP {
        let shift = KEY - STEP * (step + 1);
        let steps = zip_exact(queries, &prefixes);
        let counts = steps.flat_map(|(query, prefix)| counts_below(query.keys, *prefix, shift));
        let counts: Zeroizing<Vec<u64>> = Zeroizing::new(counts.collect());
        let lead = cx.sum(&counts, lanes).await?.minus(&ranks);
        let reached = less_than_zero(&mut cx.engine, &lead, width.min(KEY)).await?;
        if let Reconstructed::Value(bits) = cx.engine.open(&reached, shows).await? {
            for (index, prefix) in prefixes.iter_mut().enumerate() {
                *prefix |= byte(&bits, index * THRESHOLDS)? << shift;
            }
        }
    }
    Ok(cx.engine.brings_data().then_some(prefixes))
}

/// Counts the keys below each threshold of a step.
fn counts_below(keys: &[u64], prefix: u64, shift: usize) -> impl Iterator<Item = u64> {
    (1..=THRESHOLDS as u64).map(move |byte| {
        let threshold = prefix | (byte << shift);
        keys.partition_point(|key| *key < threshold) as u64
    })
}

/// Returns the byte that 255 comparisons give. As many as its value were reached, and they are the
/// first ones.
fn byte(bits: &[PackedBits], first: usize) -> Result<u64, Fault> {
    let bit = |lane: usize| {
        (bits.get(lane / KEY).expect("a bit of each comparison").0 >> (lane % KEY)) & 1
    };
    let reached: Vec<u64> = (first..first + THRESHOLDS).map(bit).collect();
    let in_order = reached.is_sorted_by(|a, b| a >= b);
    if in_order { Ok(reached.iter().sum()) } else { Err(Fault::InvalidOpening) }
}
