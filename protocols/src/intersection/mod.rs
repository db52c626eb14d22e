//! Finding what parties have in common, without sorting or comparing it anywhere: the suite of set
//! intersections.
//!
//! [`pair`] is between two parties, [`many`] among more; both know items by their [`items::tag`], a hash that
//! never leaves a party but masked. Two parties that join tables use [`pair`] too (see [`crate::pairwise`]);
//! more merge sorted lists on shares (see `circuits`), as do counts of what more than two have in common.
//!
//! `SetIntersection` is computed here. Every party's set is told by its size, which a declared size can hide:
//! then each is filled up with items that nobody has.

#[cfg(test)]
mod adversary_tests;
pub(crate) mod items;
mod key_value;
pub(crate) mod many;
pub(crate) mod masking;
pub(crate) mod pair;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand_core::{CryptoRng, Rng};
use zeroize::Zeroizing;

use self::items::{Case, ITEMS, tag};
use self::masking::Mask;
use self::pair::{Meeting, Side};
use crate::answer::Answer;
use crate::channel::Channel;
use crate::disclosure::Permit;
use crate::fault::{Fault, InputError, Misbehaviour};
use crate::input::Input;
use crate::parameters::{Parameters, refuse};
use crate::party::Party;
use crate::session::Session;
use crate::sizes;
use crate::tape::order_of;

/// The name of this suite in specs, parameters and results.
pub(crate) const SUITE: &str = "intersection";

/// What stands for an item in a session: 128 bits of a keyed hash.
pub(crate) type Tag = u128;

/// The name under which the spec has the declared size, and what stands there if there is none.
pub(crate) const PAD_TO: &str = "pad_to";
const NO_SIZE: &str = "no";

/// The most items of a party.
pub(crate) const MOST_ITEMS: usize = 1 << 24;

/// What the parties' nodes get to know of each other's sets.
pub(crate) const SIZES: &str =
    "how many items each party has, or the size declared by `pad_to`, to every party";

/// One party's set.
pub(crate) struct Prepared {
    /// Sorted, each once.
    items: Zeroizing<Vec<String>>,
    case: Case,
    padded_to: Option<u64>,
}

impl Prepared {
    pub(crate) fn new(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        let texts = match input {
            Input::Texts(texts) => texts.as_slice(),
            other if other.is_empty() => &[],
            _ => return Err(InputError::Shape { expected: "texts" }),
        };
        let case = parameters.case.unwrap_or_default();
        let mut items: Zeroizing<Vec<String>> =
            Zeroizing::new(texts.iter().map(|text| case.item(text)).collect());
        items.sort_unstable();
        items.dedup();
        let padded_to = parameters.pad_to;
        check_size(items.len(), padded_to)?;
        Ok(Self { items, case, padded_to })
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        agreed(self.case, self.padded_to).into()
    }

    /// The items that all parties have.
    pub(crate) async fn run(
        self,
        channel: &Channel,
        session: &Session,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Answer, Fault> {
        if permit.withholds() {
            return Err(permit.shows_single_rows().into());
        }
        let tags: Zeroizing<Vec<Tag>> =
            Zeroizing::new(self.items.iter().map(|item| tag(session.hash(), item)).collect());
        let tags = padded(tags, self.padded_to, rng);
        let counts = exchange_sizes(channel, tags.len()).await?;
        if self.padded_to.is_some() && permit.least_rows().is_some() {
            let why = "the rule on rows cannot be asked of sets whose size is hidden by `pad_to`";
            return Err(Fault::Undefined { why });
        }
        if permit.least_rows().is_some() {
            permit.check_rows(counts.iter().map(|count| *count as u64).sum())?;
        }
        // In a random order: the other party sees places.
        let order = order_of(tags.len(), rng);
        let sent: Zeroizing<Vec<Tag>> =
            Zeroizing::new(order.iter().filter_map(|place| tags.get(*place).copied()).collect());
        let common = match counts.as_slice() {
            [_, _] => common_of_two(channel, session, &sent, &counts, rng).await?,
            _ => {
                let meeting = many::Meeting { channel, session, counts: &counts };
                meeting.common(&sent, rng).await?
            }
        };
        let places = common.into_iter().filter_map(|place| order.get(place).copied());
        let mut places: Vec<usize> = places.filter(|place| *place < self.items.len()).collect();
        places.sort_unstable();
        let items = places.iter().filter_map(|place| self.items.get(*place));
        let intersection: Vec<String> = items.cloned().collect();
        let size_intersection = intersection.len() as u64;
        Ok(Answer::Intersection { intersection, size_intersection, padded_to: self.padded_to })
    }
}

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

/// How many items each party has.
async fn exchange_sizes(channel: &Channel, mine: usize) -> Result<Vec<usize>, Fault> {
    let parties = channel.parties();
    let told = sizes::exchange(channel, parties.count(), [mine as u64]).await?;
    let size = |([size], party): (&[u64; 1], Party)| match usize::try_from(*size) {
        Ok(size) if size <= MOST_ITEMS => Ok(size),
        _ => Err(Fault::blame(party, Misbehaviour::OutOfRange)),
    };
    told.iter().zip(parties.all()).map(size).collect()
}

/// The places of our items that the other party has too.
async fn common_of_two(
    channel: &Channel,
    session: &Session,
    ours: &[Tag],
    counts: &[usize],
    rng: &mut impl CryptoRng,
) -> Result<Vec<usize>, Fault> {
    let (peer, key) = session.pair_keys().next().ok_or(Fault::Implausible)?;
    let key = key.for_use("cloister 1 intersection: commitments", 0);
    let theirs = counts.get(peer.index()).copied().ok_or(Fault::Implausible)?;
    let meeting = Meeting { channel, peer, key: &key, theirs };
    let results = meeting.results(&Mask::random(rng), ours, None).await?;
    Ok(results.pairs(Side::Ours).into_iter().map(|[ours, _]| ours).collect())
}
