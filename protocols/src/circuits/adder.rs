//! The highest digit of a sum: one carry, found by a tree.
//!
//! With p = a ⊕ b, digit d of a + b is p_d ⊕ c_d, where c_d is the carry out of the d digits below.
//! A group of digits generates a carry (G) or lets one through (P = conjunction of its p). Two
//! neighbouring groups are one with G = G_high ⊕ P_high·G_low and P = P_high·P_low (Brent and Kung,
//! *A regular layout for parallel adders*, 1982, keeping nothing but the last carry).
//!
//! Groups begin with two digits. Their G costs two conjunctions instead of three: the lower digit
//! generates g = a_0·b_0, and G = b_1 ⊕ p_1·(g ⊕ b_1), because where p_1 = 0 the higher digits are
//! equal, and generate if they are 1. The lowest group needs no P, nor does anything that it is
//! joined to.
//!
//! For d digits below the highest: 2 + ⌈log₂⌈d/2⌉⌉ rounds and, for d a power of two, 5d/2 − log₂ d − 2
//! conjunctions: 152 for 64.

use crate::circuits::{Bits, and_all};
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;

/// A group of neighbouring digits.
struct Group<B> {
    generates: B,
    /// None at the lowest group.
    propagates: Option<B>,
}

/// The highest of the digits of the sum of all `addends`, which have equally many planes, lowest
/// first. None if there is no plane.
pub(super) async fn highest_digit<E: Engine>(
    engine: &mut E,
    mut addends: Vec<Vec<Bits<E>>>,
) -> Result<Option<Bits<E>>, Fault> {
    while addends.len() > 2 {
        addends = save_carries(engine, addends).await?;
    }
    let mut addends = addends.into_iter();
    match (addends.next(), addends.next()) {
        (Some(a), Some(b)) => highest_of_two(engine, &a, &b).await,
        (Some(mut a), None) => Ok(a.pop()),
        _ => Ok(None),
    }
}

/// Of each three addends makes two with the same sum: a ⊕ b ⊕ c, and the majority one digit higher,
/// which is a ⊕ (a ⊕ b)·(a ⊕ c).
async fn save_carries<E: Engine>(
    engine: &mut E,
    addends: Vec<Vec<Bits<E>>>,
) -> Result<Vec<Vec<Bits<E>>>, Fault> {
    let mut differing = Vec::new();
    let mut kept = Vec::new();
    for three in addends.chunks(3) {
        if let [a, b, c] = three {
            for ((a, b), c) in a.iter().zip(b).zip(c) {
                differing.push((a.plus(b), a.plus(c)));
            }
        } else {
            kept.extend_from_slice(three);
        }
    }
    let pairs: Vec<_> = differing.iter().map(|(x, y)| (x, y)).collect();
    let mut both = and_all(engine, &pairs).await?.into_iter();
    for three in addends.chunks(3) {
        if let [a, b, c] = three {
            let sum = a.iter().zip(b).zip(c).map(|((a, b), c)| a.plus(b).plus(c)).collect();
            // All of them, also the one that is carried out: the next three have the products behind.
            let majority: Vec<Bits<E>> =
                a.iter().zip(both.by_ref()).map(|(a, both)| a.plus(&both)).collect();
            let zero = a.first().map(|plane| plane.minus(plane));
            let carries = zero.into_iter().chain(majority).take(a.len()).collect();
            kept.extend([sum, carries]);
        }
    }
    Ok(kept)
}

async fn highest_of_two<E: Engine>(
    engine: &mut E,
    a: &[Bits<E>],
    b: &[Bits<E>],
) -> Result<Option<Bits<E>>, Fault> {
    let p: Vec<Bits<E>> = a.iter().zip(b).map(|(a, b)| a.plus(b)).collect();
    let Some((highest, below)) = p.split_last() else {
        return Ok(None);
    };
    let carry = match (a, b) {
        _ if below.is_empty() => None,
        ([a @ .., _], [b @ .., _]) => Some(carry(engine, a, b, below).await?),
        _ => None,
    };
    Ok(Some(carry.map_or_else(|| highest.clone(), |carry| highest.plus(&carry))))
}

/// The carry out of all digits.
async fn carry<E: Engine>(
    engine: &mut E,
    a: &[Bits<E>],
    b: &[Bits<E>],
    p: &[Bits<E>],
) -> Result<Bits<E>, Fault> {
    let mut groups = pairs_of_digits(engine, a, b, p).await?;
    while groups.len() > 1 {
        groups = join(engine, groups).await?;
    }
    let carry = groups.pop().map(|group| group.generates);
    Ok(carry.unwrap_or_else(|| engine.public(Vec::new())))
}

/// Groups of two digits each; the last has one where their number is odd.
async fn pairs_of_digits<E: Engine>(
    engine: &mut E,
    a: &[Bits<E>],
    b: &[Bits<E>],
    p: &[Bits<E>],
) -> Result<Vec<Group<Bits<E>>>, Fault> {
    let lower = a.iter().zip(b).step_by(2);
    let through = p.chunks_exact(2).skip(1).filter_map(|pair| pair.first().zip(pair.get(1)));
    let pairs: Vec<_> = lower.clone().chain(through).collect();
    let mut products = and_all(engine, &pairs).await?;
    let mut propagates = products.split_off(lower.count()).into_iter();

    let higher: Vec<_> = b.iter().zip(p).skip(1).step_by(2).collect();
    let chosen: Vec<Bits<E>> = products.iter().zip(&higher).map(|(g, (b, _))| g.plus(b)).collect();
    let pairs: Vec<_> = higher.iter().zip(&chosen).map(|((_, p), chosen)| (*p, chosen)).collect();
    let both = and_all(engine, &pairs).await?;
    let mut groups: Vec<_> = both.iter().zip(&higher).map(|(both, (b, _))| both.plus(b)).collect();
    let lone = products.get(groups.len()).cloned();
    groups.extend(lone);

    let group = |(index, generates): (usize, Bits<E>)| Group {
        generates,
        propagates: match index {
            0 => None,
            _ => propagates.next().or_else(|| p.last().cloned()),
        },
    };
    Ok(groups.into_iter().enumerate().map(group).collect())
}

/// Each two neighbouring groups as one; the last stays alone where their number is odd.
async fn join<E: Engine>(
    engine: &mut E,
    groups: Vec<Group<Bits<E>>>,
) -> Result<Vec<Group<Bits<E>>>, Fault> {
    let mut pairs = Vec::new();
    for two in groups.chunks_exact(2) {
        if let [low, Group { propagates: Some(through), .. }] = two {
            pairs.push((through, &low.generates));
            pairs.extend(low.propagates.as_ref().map(|low| (through, low)));
        }
    }
    let mut products = and_all(engine, &pairs).await?.into_iter();
    let mut joined = Vec::with_capacity(groups.len().div_ceil(2));
    let mut groups = groups.into_iter();
    while let Some(low) = groups.next() {
        joined.push(match groups.next() {
            None => low,
            Some(high) => Group {
                generates: products
                    .next()
                    .map_or(high.generates.clone(), |g| high.generates.plus(&g)),
                propagates: low.propagates.and_then(|_| products.next()),
            },
        });
    }
    Ok(joined)
}
