//! The leverage of rows: whether one party's columns single out a few rows of another's.
//!
//! A function that opens the products of two parties' columns tells, for each combination v of one
//! party's columns and the constant, the sum Σ v_i·y_i of the other's column y. If v is 0 in all
//! rows but one or two, this is about those rows alone. So is it if v is nearly 0 elsewhere. Two
//! columns that differ by a tiny number in one row have such a combination, though each has all
//! values.
//!
//! **The rule.** Let P be the orthogonal projection onto the span of one party's columns and the
//! constant, over the rows that are multiplied. The leverage of row i is h_i = P_ii, from 0 to 1
//! (Belsley, Kuh, Welsch, *Regression Diagnostics*, 1980). For a unit vector v of the span that is
//! 0 outside of a set S of rows, 1 = vᵀPv is at most the trace of P's block on S, which is Σ_S h_i.
//! So with all h_i below 1/(m − 1), every v is other than 0 in m rows or more. Here m is
//! [`FEWEST`], and the bound is 1/2. A group of dummies that has k rows gives each of these 1/k.
//! Further, v_i² is at most h_i, so that no row has half of v's squares. Two rows may have nearly
//! all of them.
//!
//! **Parties.** All members of the computation, with shares of the columns over the joined rows, in
//! an order that no party knows. The rule is asked for each party that has columns, by itself, if
//! several have. Columns of two parties that collude are not looked at together.
//!
//! **Adversary.** That of the suite; each party chooses its columns. Rows outside of the join have
//! no influence: nothing is computed of them. A number has [`BITS`] bits and a sign at most.
//! So G and the other moments are below 2^127 in magnitude for as many rows as are joined.
//!
//! **Steps** (`n` rows; party A has p columns).
//!
//! 1. *Own moments.* The exact sums of A's columns and of the products of each two are opened to
//!    all members. With n they are the Gram matrix G of A's columns and the constant. An answer
//!    tells them to the parties, too; a refusal comes after they were opened. Products of different
//!    parties' columns stay closed.
//! 2. *Basis.* Each member computes, by itself and in integers, a matrix L of r rows, the rank of
//!    G, with LGLᵀ = 1 ([`crate::algebra::orthonormal`]). Then h_i = ‖L·x_i‖², where x_i is row i
//!    with a 1 in front. No condition of the columns is asked for: L is exact, and columns that
//!    depend on others add nothing to the span.
//! 3. *Squares.* On shares, z_i = T·x_i, where T is 2^[`SCALE`]·L rounded to integers, and Σ z_ij²
//!    by inner products. The first is local, the second one round.
//! 4. *Comparison.* Each Σ z_ij² is compared with the bound, the bits are joined by OR, and one bit
//!    is opened to all members: the comparison's rounds, ⌈log₂⌉ of the number of rows, and one.
//!
//! **Rounding.** Each number is taken in two halves, x = low + high·2^[`CUT`], with a coefficient
//! for each, 2^[`SCALE`]·L and 2^([`SCALE`] + [`CUT`])·L. Both are rounded towards zero, by less
//! than 1. So z_ij is off by less than ε = p·2^(CUT + 1) + 1, whatever L is, and ‖z_i‖ by less than
//! √r·ε. That is some 2^-22 of 2^SCALE for 64 columns. The bound that is compared with is lower by
//! as much. So a row at the bound or above is always found. One just below may be. The coefficients
//! are taken modulo 2^128, and so are the products. The sums are small: h_i is 1 at most, so that
//! ‖z_i‖² is below 2^(2·SCALE + 1).
//!
//! **Bytes.** Beside the openings: n·p products in `pairwise`, n elements in `replicated`, and n
//! comparisons of [`WIDTH`] bits, for each party. Converting one column takes more.
//!
//! **Leakage.** The own moments, to helpers too, in case of a refusal as well; and one bit. It does
//! not tell whose columns they were.
//!
//! **Not prevented.** The rule bounds squares, and the moments are exact integers.
//!
//! - Σ v_i·y_i has the digits of several y_i beside each other, if v is of powers of two that are
//!   far enough apart. So whole numbers of y can be read, with every leverage small: three of 17
//!   bits by one column, and by more columns all.
//! - The own moments of a column 2^i tell A which of its rows are joined, before the decision.
//! - Where two rows have nearly all squares of v, Σ v_i·y_i is nearly of these two alone.
//! - v in one question and v + e_i in another tell y_i, and no rule compares the two.
//!
//! Where one party's matrix is multiplied by another's column row by row, each party knows its
//! factor in the clear and asks the rule of itself ([`refuse_if_high`]).

use num_bigint::BigInt;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::orthonormal::Basis;
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::comparison::{any, less_than_zero, or_each};
use crate::engine::Engine;
use crate::engine::reveals::{LEVERAGE, OWN_LEVERAGE, OWN_MOMENTS};
use crate::engine::shared::Shared;
use crate::functions::FunctionContext;
use crate::kernel::disclosure::FEWEST;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// The bits of the low half of a number.
pub(crate) const CUT: u32 = 27;

/// The bits of a number's magnitude, at most.
pub(crate) const BITS: u32 = 54;

/// Unit vectors are multiplied by 2 to this power.
const SCALE: u32 = 60;

/// The bits of a difference of two squared norms, and its sign.
const WIDTH: usize = 2 * (SCALE as usize) + 4;

/// The leverage from which on a row is singled out, for a party that knows its own columns. The
/// leverage that it finds in doubles is above that of the columns which are opened.
pub(crate) const BOUND: f64 = {
    assert!(FEWEST == 3, "the bound is 1/2");
    1.0 / 2.0
};

/// One party's columns over the joined rows.
pub(crate) struct Block<E: Engine> {
    /// The low and the high half of each column. Numbers have 54 bits and a sign at most.
    pub(crate) halves: Vec<[E::Shared<u128>; 2]>,
    /// The sum of each column.
    pub(crate) sums: E::Shared<u128>,
    /// The sums of the products of each two columns, row by row.
    pub(crate) products: E::Shared<u128>,
}

/// Refuses to go on if a row has a high leverage in the columns of one party. Each block is of one
/// party, and all are over so many rows.
///
/// # Errors
/// The refusal; or a fault of the suite, or a peer's that opens what cannot be.
pub(crate) async fn check<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    blocks: &[Block<E>],
    rows: usize,
) -> Result<(), Fault> {
    let bases = bases(cx, blocks, rows).await?;
    let mut leads = Vec::with_capacity(blocks.len());
    for (block, basis) in zip_exact(blocks, &bases) {
        let squares = squares(&mut cx.engine, block, basis, rows).await?;
        let least = least_square(block.halves.len(), basis.rank());
        // A norm of so much or more is high.
        let most = cx.engine.public(vec![least - 1; rows]);
        leads.push(most.minus(&squares));
    }
    let leads = E::Shared::<u128>::concat(&leads.iter().collect::<Vec<_>>());
    let lanes = leads.len();
    let high = less_than_zero(&mut cx.engine, &leads, WIDTH).await?;
    let high = or_each(&mut cx.engine, vec![high], lanes).await?;
    refuse_if_set(cx, &high, LEVERAGE).await
}

/// Refuses to go on if one of the first two parties says that its own factor has a row of high
/// leverage. At a helper `mine` is false. One round for the shares, one for a product, and one for
/// the opened bit.
///
/// # Errors
/// The refusal, or a fault of the suite.
pub(crate) async fn refuse_if_high<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    mine: bool,
) -> Result<(), Fault> {
    let lengths: Vec<usize> = (0..cx.inputs).map(|party| usize::from(party < 2)).collect();
    let has_factor = cx.engine.brings_data() && cx.channel.parties().me().index() < 2;
    let mine = if has_factor { vec![PackedBits(u64::from(mine))] } else { Vec::new() };
    let shares = cx.engine.share(&mine, &lengths).await?;
    let of_both = shares.into_iter().take(2).collect();
    let high = any(&mut cx.engine, of_both).await?;
    let high = cx.engine.lanes(&high, 0..1);
    refuse_if_set(cx, &[high], OWN_LEVERAGE).await
}

/// Opens one bit to all members, and refuses if it is set.
async fn refuse_if_set<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    high: &[Bits<E>],
    shows: Reveal,
) -> Result<(), Fault> {
    let high = Bits::<E>::concat(&high.iter().collect::<Vec<_>>());
    match cx.engine.open_to_all(&high, shows).await?.as_slice() {
        [PackedBits(0)] => Ok(()),
        [PackedBits(1)] => Err(cx.permit.singles_out_rows().into()),
        _ => Err(Fault::InvalidOpening),
    }
}

/// Opens each party's own moments, and makes a basis of its columns and the constant.
async fn bases<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    blocks: &[Block<E>],
    rows: usize,
) -> Result<Vec<Basis>, Fault> {
    let own: Vec<_> = blocks.iter().flat_map(|block| [&block.sums, &block.products]).collect();
    let opened = cx.engine.open_to_all(&E::Shared::<u128>::concat(&own), OWN_MOMENTS).await?;
    let mut rest = opened.as_slice();
    let mut bases = Vec::with_capacity(blocks.len());
    for block in blocks {
        let columns = block.halves.len();
        let (moments, behind) = rest
            .split_at_checked(columns + columns * columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        rest = behind;
        let (sums, products) = moments.split_at(columns);
        bases.push(Basis::of(&gram(rows, sums, products)).ok_or(Fault::InvalidOpening)?);
    }
    Ok(bases)
}

/// Returns the Gram matrix of columns and the constant, which stands in front.
fn gram(rows: usize, sums: &[u128], products: &[u128]) -> Vec<Vec<BigInt>> {
    let big = |element: &u128| BigInt::from(element.cast_signed());
    let first = std::iter::once(BigInt::from(rows)).chain(sums.iter().map(big)).collect();
    let of_columns = zip_exact(products.chunks_exact(sums.len().max(1)), sums)
        .map(|(row, sum)| std::iter::once(sum).chain(row).map(big).collect());
    std::iter::once(first).chain(of_columns).collect()
}

/// Returns ‖z_i‖² of each row. One round.
async fn squares<E: Engine>(
    engine: &mut E,
    block: &Block<E>,
    basis: &Basis,
    rows: usize,
) -> Result<E::Shared<u128>, Fault> {
    let (low, high) = (basis.coefficients(SCALE), basis.coefficients(SCALE + CUT));
    let halves: Vec<&E::Shared<u128>> = block.halves.iter().flatten().collect();
    let rank = basis.rank();
    let mut constant = Vec::with_capacity(rank);
    let mut weights = Vec::with_capacity(rank);
    for (low, high) in zip_exact(&low, &high) {
        // The constant stands in front, and is below 2^CUT.
        let (one, low) = low.split_first().ok_or(Fault::Internal("a basis has the constant"))?;
        let high = high.get(1..).unwrap_or_default();
        constant.push(*one);
        weights
            .push(zip_exact(low, high).flat_map(|(low, high)| [*low, *high]).collect::<Vec<_>>());
    }
    // Row by row, so that each row is one block.
    let z = E::Shared::<u128>::linear_map(&halves, rows * rank, |halves| {
        let mut z = vec![0_u128; rows * rank];
        for (j, weights) in weights.iter().enumerate() {
            for (half, weight) in zip_exact(halves, weights) {
                let of_rows = z.iter_mut().skip(j).step_by(rank.max(1));
                zip_exact(of_rows, half.iter()).for_each(|(z, x)| *z = z.plus(x.times(*weight)));
            }
        }
        z
    });
    let z = z.plus(&engine.public(constant.repeat(rows)));
    engine.dot(&z, &z, rank).await
}

/// Returns the least ‖z_i‖² of a row that may have a leverage at the bound or above. The basis is of
/// so many columns, and has so many vectors.
fn least_square(columns: usize, rank: usize) -> u128 {
    const { assert!(BITS < 2 * CUT + 1, "the high half has no more bits than the low one") };
    let epsilon = (columns as u128) << (CUT + 1) | 1;
    let slack = ((rank as u128).isqrt() + 1) * epsilon + 1;
    let bound = (1_u128 << (2 * SCALE)) / u128::from(FEWEST - 1);
    let norm = bound.isqrt().saturating_sub(slack);
    norm * norm
}
