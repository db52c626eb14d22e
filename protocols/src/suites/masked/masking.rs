//! Step 1 of the masked sum ([`crate::suites::masked`]): a party's vector becomes one that others
//! may see.

use zeroize::Zeroizing;

use crate::algebra::layout::{Layout, Sign};
use crate::kernel::party::{Parties, Party};
use crate::kernel::random::Prg;
use crate::kernel::session::Session;

/// The purpose of the keys of masks. Each sum of a session has a number under it.
const PURPOSE: &str = "cloister 1 masked sum: masks of a pair";

/// Computes y_i = x_i + Σ_{j>i} G(k_ij) − Σ_{j<i} G(k_ij) in the place of x_i. `number` is that of
/// the sum, and is used once in a session: a second vector under it would be masked by the same
/// words.
///
/// # Panics
/// If `x` has not the words of `layout`, or the session lacks a key with a party of the sum. Words
/// would be left without a mask.
pub(super) fn add_masks(
    session: &Session,
    parties: Parties,
    number: u64,
    layout: &Layout,
    mut x: Zeroizing<Vec<u64>>,
) -> Vec<u64> {
    assert_eq!(x.len(), layout.words(), "each word has a mask");
    // A session has keys with helpers, too. They take no part in the sum.
    let masks: Vec<(Sign, Prg)> = session
        .pair_keys()
        .filter(|(j, _)| parties.contains(*j))
        .map(|(j, k_ij)| (sign(parties.me(), j), Prg::new(&k_ij.for_use(PURPOSE, number))))
        .collect();
    assert_eq!(masks.len(), parties.count() - 1, "there is a mask with each other party");
    masks.iter().for_each(|(_, mask)| mask.note_use(0..layout.words()));
    layout.add_streams(&mut x, &masks);
    std::mem::take(&mut *x)
}

fn sign(i: Party, j: Party) -> Sign {
    if j > i { Sign::Plus } else { Sign::Minus }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::disclosure::Profile;

    /// Masks so many words at the first of three parties, with keys of these parties.
    fn masked(words: usize, keys: &[usize]) -> Vec<u64> {
        let keys: BTreeMap<Party, [u8; 32]> =
            keys.iter().map(|index| (Party::new(*index).unwrap(), [7; 32])).collect();
        let session = Session::of_keys(Profile::Teaching.rules(), keys);
        let parties = Parties::new(3, 0).unwrap();
        let layout = Layout::uniform(1, 4).unwrap();
        add_masks(&session, parties, 0, &layout, Zeroizing::new(vec![0; words]))
    }

    #[test]
    fn helpers_take_no_part_in_the_masks() {
        assert_eq!(masked(4, &[1, 2, 3]), masked(4, &[1, 2]));
    }

    #[test]
    #[should_panic(expected = "a mask with each other party")]
    fn a_missing_key_is_no_missing_mask() {
        let _ = masked(4, &[1]);
    }

    #[test]
    #[should_panic(expected = "each word has a mask")]
    fn a_word_beyond_the_layout_is_not_left_without_a_mask() {
        let _ = masked(5, &[1, 2]);
    }
}
