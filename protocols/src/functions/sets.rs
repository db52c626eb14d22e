//! What functions of sets have in common: how items are compared, and how a set's size is told or hidden.
//!
//! Every party's set is told by its size, which a declared size can hide: then each is filled up with
//! items that no party has.

use rand_core::{CryptoRng, Rng};
use zeroize::Zeroizing;

use crate::functions::parameters::refuse;
use crate::kernel::fault::InputError;
use crate::suites::intersection::Tag;
use crate::suites::intersection::items::{Case, ITEMS};

/// The name under which the spec has the declared size, and what stands there if there is none.
pub(crate) const PAD_TO: &str = "pad_to";
const NO_SIZE: &str = "no";

/// The most items of a party.
pub(crate) const MOST_ITEMS: usize = 1 << 24;

/// What the parties' nodes get to know of each other's sets.
pub(crate) const SIZES: &str =
    "how many items each party has, or the size declared by `pad_to`, to every party";

/// How items are compared, and whether sets are filled up, as the spec has it.
pub(crate) fn agreed(case: Case, padded_to: Option<u64>) -> [(String, String); 2] {
    let size = padded_to.map_or_else(|| NO_SIZE.to_owned(), |size| size.to_string());
    [(ITEMS.to_owned(), case.rule().to_owned()), (PAD_TO.to_owned(), size)]
}

/// Whether a set of so many items fits what may be, and what was declared.
pub(crate) fn check_size(items: usize, padded_to: Option<u64>) -> Result<(), InputError> {
    let declared = match padded_to {
        None => items,
        Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
    };
    if declared > MOST_ITEMS {
        let (what, actual, limit) = ("items of a party", declared, MOST_ITEMS);
        return Err(InputError::TooMuch { what, actual, limit });
    }
    match items > declared {
        true => Err(refuse(PAD_TO, format!("a party has more than {declared} items"))),
        false => Ok(()),
    }
}

/// The tags, and behind them random ones up to the declared size.
pub(crate) fn padded(
    mut tags: Zeroizing<Vec<Tag>>,
    padded_to: Option<u64>,
    rng: &mut impl CryptoRng,
) -> Zeroizing<Vec<Tag>> {
    let Some(size) = padded_to.and_then(|size| usize::try_from(size).ok()) else { return tags };
    // Reserved as a whole: growing would leave copies behind.
    let mut all = Zeroizing::new(Vec::with_capacity(size.max(tags.len())));
    all.append(&mut tags);
    let random = |rng: &mut _| {
        let halves: [u64; 2] = [Rng::next_u64(rng), Rng::next_u64(rng)];
        u128::from(halves[0]) << 64 | u128::from(halves[1])
    };
    while all.len() < size {
        all.push(random(rng));
    }
    all
}
