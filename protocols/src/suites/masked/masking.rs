//! Step 1 of the masked sum: a party's vector becomes one that others may see.

use zeroize::Zeroizing;

use crate::algebra::layout::{Layout, Sign};
use crate::kernel::party::{Parties, Party};
use crate::kernel::random::Prg;
use crate::kernel::session::Session;

const PURPOSE: &str = "cloister 1 masked sum: masks of a pair";

/// Computes y_i = x_i + Σ_{j>i} G(k_ij) − Σ_{j<i} G(k_ij) in the place of x_i.
pub(super) fn add_masks(
    session: &Session,
    parties: Parties,
    number: u64,
    layout: &Layout,
    mut x: Zeroizing<Vec<u64>>,
) -> Vec<u64> {
    let masks: Vec<(Sign, Prg)> = session
        .pair_keys()
        .filter(|(j, _)| parties.contains(*j))
        .map(|(j, k_ij)| (sign(parties.me(), j), Prg::new(&k_ij.for_use(PURPOSE, number))))
        .collect();
    masks.iter().for_each(|(_, mask)| mask.note_use(0..layout.words()));
    layout.add_streams(&mut x, &masks);
    std::mem::take(&mut *x)
}

fn sign(i: Party, j: Party) -> Sign {
    if j > i { Sign::Plus } else { Sign::Minus }
}
