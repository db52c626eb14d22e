//! Sums of numbers given as bits: the most significant bit by a tree of carries, all bits by a
//! prefix network.
//!
//! With p = a ⊕ b, bit i of a + b is p_i ⊕ c_i, where c_i is the carry out of the i bits below. A
//! group of bits generates a carry (G) or propagates one (P, the conjunction of its p). Two
//! neighbouring groups are one with G = G_high ⊕ P_high·G_low and P = P_high·P_low (Brent and Kung,
//! *A regular layout for parallel adders*, 1982).
//!
//! **The most significant bit** needs the last carry alone. Groups begin with two bits. Their G
//! costs two conjunctions instead of three. The lower bit generates g = a_0·b_0, and G = b_1 ⊕
//! p_1·(g ⊕ b_1): if p_1 = 0 the higher bits are equal, and generate if they are 1. The lowest
//! group needs no P, nor does any that it is joined to. For d bits below the highest it takes 2 +
//! ⌈log₂⌈d/2⌉⌉ rounds. If d is a power of two, it takes 5d/2 − log₂ d − 2 conjunctions: 152 for 64.
//!
//! **All bits** need all carries: Sklansky, *Conditional-sum addition logic* (IRE Transactions on
//! Electronic Computers 1960), whose fan-out costs nothing on shares. For d bits below the highest
//! it takes 1 + ⌈log₂ d⌉ rounds and at most d + d·⌈log₂ d⌉ conjunctions.

use std::ops::Range;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::ring::Ring;
use crate::circuits::{Bits, and_all};
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// A suite whose members can make bits of numbers that add up to a shared one. The addends depend
/// on how the suite represents its shares, and nothing checks these bits. So only semi-honest
/// suites implement it.
pub(crate) trait Addends: Engine {
    /// Returns two or more addends for each number. Their sum modulo 2^`width` is the number modulo
    /// 2^`width`. Each addend is the slices of its lowest `width` bits, the lowest first.
    async fn addends<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        width: usize,
    ) -> Result<Vec<Vec<Bits<Self>>>, Fault>;
}

/// Returns bit `width` − 1 of each number. `width` is from 1 to [`Ring::BITS`].
pub(crate) async fn msb<E: Addends, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    width: usize,
) -> Result<Bits<E>, Fault> {
    assert!((1..=R::BITS).contains(&width), "a number has from 1 to {} bits", R::BITS);
    if x.len() == 0 {
        return Ok(engine.public(Vec::new()));
    }
    let addends = engine.addends(x, width).await?;
    msb_of_sum(engine, addends).await
}

/// Returns the slices of a range of bits of each number, the lowest first.
pub(crate) async fn bits<E: Addends, R: Ring>(
    engine: &mut E,
    x: &E::Shared<R>,
    bits: Range<usize>,
) -> Result<Vec<Bits<E>>, Fault> {
    assert!(bits.end <= R::BITS, "a number has {} bits", R::BITS);
    if x.len() == 0 || bits.is_empty() {
        return Ok(vec![engine.public(Vec::new()); bits.len()]);
    }
    let addends = engine.addends(x, bits.end).await?;
    let mut sum = bits_of_sum(engine, addends).await?;
    Ok(sum.split_off(bits.start))
}

/// Returns the most significant bit of the sum of all `addends`. They have equally many slices, the
/// lowest bit first, and at least one. Three addends or more take a round of conjunctions for each
/// level, which leaves two for every three.
pub(crate) async fn msb_of_sum<E: Engine>(
    engine: &mut E,
    addends: Vec<Vec<Bits<E>>>,
) -> Result<Bits<E>, Fault> {
    let (a, b) = match two_addends(engine, addends).await? {
        Two(a, None) => return Ok(a.last().expect("a number has a bit").clone()),
        Two(a, Some(b)) => (a, b),
    };
    let p: Vec<Bits<E>> = zip_exact(&a, &b).map(|(a, b)| a.plus(b)).collect();
    let (highest, p) = p.split_last().expect("a number has a bit");
    if p.is_empty() {
        return Ok(highest.clone());
    }
    let carry = carry_out(engine, below_the_highest(&a), below_the_highest(&b), p).await?;
    Ok(highest.plus(&carry))
}

/// Returns all bits of the sum of all `addends`, modulo 2 to the power of their common width.
async fn bits_of_sum<E: Engine>(
    engine: &mut E,
    addends: Vec<Vec<Bits<E>>>,
) -> Result<Vec<Bits<E>>, Fault> {
    let (a, b) = match two_addends(engine, addends).await? {
        Two(a, None) => return Ok(a),
        Two(a, Some(b)) => (a, b),
    };
    let p: Vec<Bits<E>> = zip_exact(&a, &b).map(|(a, b)| a.plus(b)).collect();
    let pairs: Vec<_> = zip_exact(below_the_highest(&a), below_the_highest(&b)).collect();
    let generates = and_all(engine, &pairs).await?;
    let carries = carries(engine, generates, below_the_highest(&p).to_vec()).await?;
    let mut sum = p;
    for (bit, carry) in zip_exact(sum.iter_mut().skip(1), &carries) {
        *bit = bit.plus(carry);
    }
    Ok(sum)
}

/// Returns all bits of a number but the most significant one.
fn below_the_highest<B>(bits: &[B]) -> &[B] {
    bits.split_last().expect("a number has a bit").1
}

/// Returns the carry out of each bit and those below it, from the generate and propagate bits.
#[expect(clippy::indexing_slicing, reason = "all places are bits of one width")]
async fn carries<E: Engine>(
    engine: &mut E,
    mut generates: Vec<Bits<E>>,
    mut propagates: Vec<Bits<E>>,
) -> Result<Vec<Bits<E>>, Fault> {
    let mut half = 1;
    while half < generates.len() {
        // In blocks of 2·half bits, each bit of the upper half takes in the whole lower half. The
        // lowest block has all bits below it, and propagates nothing.
        let upper: Vec<usize> = (0..generates.len()).filter(|bit| bit / half % 2 == 1).collect();
        let top_of_lower = |bit: usize| bit / half * half - 1;
        let mut pairs = Vec::with_capacity(2 * upper.len());
        for bit in &upper {
            pairs.push((&propagates[*bit], &generates[top_of_lower(*bit)]));
        }
        let joined: Vec<usize> = upper.iter().copied().filter(|bit| *bit >= 2 * half).collect();
        for bit in &joined {
            pairs.push((&propagates[*bit], &propagates[top_of_lower(*bit)]));
        }
        let mut products = and_all(engine, &pairs).await?;
        let both = products.split_off(upper.len());
        for (bit, product) in zip_exact(upper, products) {
            generates[bit] = generates[bit].plus(&product);
        }
        for (bit, product) in zip_exact(joined, both) {
            propagates[bit] = product;
        }
        half *= 2;
    }
    Ok(generates)
}

/// One addend or two.
struct Two<B>(Vec<B>, Option<Vec<B>>);

/// Adds with carry-save adders until two addends are left.
async fn two_addends<E: Engine>(
    engine: &mut E,
    mut addends: Vec<Vec<Bits<E>>>,
) -> Result<Two<Bits<E>>, Fault> {
    while addends.len() > 2 {
        addends = save_carries(engine, addends).await?;
    }
    let second = if addends.len() == 2 { addends.pop() } else { None };
    Ok(Two(addends.pop().expect("a sum has an addend"), second))
}

/// Makes two addends with the same sum of each three: a ⊕ b ⊕ c, and the majority one bit higher,
/// which is a ⊕ (a ⊕ b)·(a ⊕ c).
async fn save_carries<E: Engine>(
    engine: &mut E,
    addends: Vec<Vec<Bits<E>>>,
) -> Result<Vec<Vec<Bits<E>>>, Fault> {
    let mut differing = Vec::new();
    let mut kept = Vec::new();
    for three in addends.chunks(3) {
        if let [a, b, c] = three {
            for ((a, b), c) in zip_exact(zip_exact(a, b), c) {
                differing.push((a.plus(b), a.plus(c)));
            }
        } else {
            kept.extend_from_slice(three);
        }
    }
    let pairs: Vec<_> = differing.iter().map(|(x, y)| (x, y)).collect();
    let both = and_all(engine, &pairs).await?;
    let mut left = both.as_slice();
    for three in addends.chunks(3) {
        if let [a, b, c] = three {
            let sum = zip_exact(zip_exact(a, b), c).map(|((a, b), c)| a.plus(b).plus(c)).collect();
            let (both, rest) = left.split_at(a.len());
            left = rest;
            // The majority of the highest bits is carried out of the number.
            let mut carries = Vec::with_capacity(a.len());
            carries.extend(a.first().map(|slice| slice.minus(slice)));
            carries.extend(zip_exact(a, both).map(|(a, both)| a.plus(both)));
            carries.truncate(a.len());
            kept.extend([sum, carries]);
        }
    }
    Ok(kept)
}

/// A group of neighbouring bits.
struct Group<B> {
    generates: B,
    /// The propagate bit; none at the lowest group.
    propagates: Option<B>,
}

/// Returns the carry out of all bits of a + b, of which there is at least one.
async fn carry_out<E: Engine>(
    engine: &mut E,
    a: &[Bits<E>],
    b: &[Bits<E>],
    p: &[Bits<E>],
) -> Result<Bits<E>, Fault> {
    let mut groups = pairs_of_bits(engine, a, b, p).await?;
    while groups.len() > 1 {
        groups = join(engine, groups).await?;
    }
    Ok(groups.pop().expect("at least one bit makes a group").generates)
}

/// Makes groups of two bits each; the last has one where their number is odd.
async fn pairs_of_bits<E: Engine>(
    engine: &mut E,
    a: &[Bits<E>],
    b: &[Bits<E>],
    p: &[Bits<E>],
) -> Result<Vec<Group<Bits<E>>>, Fault> {
    let mut pairs: Vec<_> = zip_exact(a, b).step_by(2).collect();
    let groups = pairs.len();
    // The lowest group has no P.
    pairs.extend(p.as_chunks::<2>().0.iter().skip(1).map(|[low, high]| (low, high)));
    let mut lower = and_all(engine, &pairs).await?;
    let mut propagates = lower.split_off(groups).into_iter();

    let higher: Vec<_> = zip_exact(b, p).skip(1).step_by(2).collect();
    let chosen: Vec<Bits<E>> = lower.iter().zip(&higher).map(|(g, (b, _))| g.plus(b)).collect();
    let pairs: Vec<_> = zip_exact(&higher, &chosen).map(|((_, p), chosen)| (*p, chosen)).collect();
    let both = and_all(engine, &pairs).await?;
    let mut generates: Vec<_> =
        zip_exact(&both, &higher).map(|(both, (b, _))| both.plus(b)).collect();
    // A group of one bit generates the carry of the bit.
    generates.extend(lower.drain(higher.len()..));

    let mut all = Vec::with_capacity(groups);
    for (index, generates) in generates.into_iter().enumerate() {
        let propagates = match index {
            0 => None,
            _ => propagates.next().or_else(|| p.last().cloned()),
        };
        all.push(Group { generates, propagates });
    }
    Ok(all)
}

/// Joins each two neighbouring groups; the last stays alone where their number is odd.
async fn join<E: Engine>(
    engine: &mut E,
    groups: Vec<Group<Bits<E>>>,
) -> Result<Vec<Group<Bits<E>>>, Fault> {
    let mut pairs = Vec::new();
    for two in groups.chunks_exact(2) {
        if let [low, high] = two {
            let through = high.propagates.as_ref().expect("the lowest group alone has no P");
            pairs.push((through, &low.generates));
            pairs.extend(low.propagates.as_ref().map(|low| (through, low)));
        }
    }
    let mut products = and_all(engine, &pairs).await?.into_iter();
    let mut product = || products.next().expect("each pair has a product");
    let mut joined = Vec::with_capacity(groups.len().div_ceil(2));
    let mut groups = groups.into_iter();
    while let Some(low) = groups.next() {
        joined.push(match groups.next() {
            None => low,
            Some(high) => Group {
                generates: high.generates.plus(&product()),
                propagates: low.propagates.map(|_| product()),
            },
        });
    }
    Ok(joined)
}
