//! Private set intersection: the suite that finds common items without sorting or comparing them.
//!
//! [`two_party`] is DH-PSI between two parties, [`multi_party`] the intersection among more. Both
//! know items by [`items::item_hash`], a hash that never leaves a party unblinded, but for those of
//! items that all parties have. Two parties that join tables use [`two_party`] too (see
//! [`crate::suites::pairwise`]). Joins of more parties merge sorted lists on shares (see
//! `circuits`). So do counts of the common items of more than two.
//!
//! The size of every party's set is told. The functions say how sizes are hidden.

#[cfg(test)]
mod adversary_tests;
pub(crate) mod blinding;
pub(crate) mod items;
pub(crate) mod multi_party;
#[cfg(test)]
mod tests;
pub(crate) mod two_party;

use rand_core::CryptoRng;

use self::blinding::BlindingScalar;
use self::multi_party::Intersection;
use self::two_party::{Meeting, Side};
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Parties;
use crate::kernel::session::Session;

/// The name of this suite in tests.
#[cfg(test)]
pub(crate) const SUITE: &str = "intersection";

/// The hash of an item in a session: 128 bits of a keyed hash.
pub(crate) type ItemHash = u128;

/// Returns the places of this party's items that all parties have. `counts` are all parties'
/// numbers of items. `ours` are distinct, and in a random order because other parties see places.
pub(crate) async fn common(
    channel: &Channel,
    session: &Session,
    ours: &[ItemHash],
    counts: &[usize],
    rng: &mut impl CryptoRng,
) -> Result<Vec<usize>, Fault> {
    if counts.len() != 2 {
        return Intersection::new(channel, session, ours, counts)?.common(rng).await;
    }
    check_counts(channel.parties(), ours, counts)?;
    let (peer, key) = session.pair_keys().next().expect("a session of two has a pair");
    let key = key.for_use("cloister 1 intersection: commitments", session.next_use());
    let theirs = *counts.get(peer.index()).expect("each party has told its count");
    let meeting = Meeting { channel, peer, key: &key, theirs };
    let results = meeting.results(&BlindingScalar::random(rng), ours, None).await?;
    Ok(results.pairs(Side::Ours).into_iter().map(|[ours, _]| ours).collect())
}

/// Checks that there is a count of each party, and that this party's is that of its items.
fn check_counts(parties: Parties, ours: &[ItemHash], counts: &[usize]) -> Result<(), Fault> {
    if counts.len() != parties.count() || counts.get(parties.me().index()) != Some(&ours.len()) {
        return Err(Fault::Internal("each party's count of items is that of its items"));
    }
    Ok(())
}
