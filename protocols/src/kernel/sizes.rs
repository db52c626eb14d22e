//! Sizes that all members must know before they can compute, for instance the number of each
//! party's rows.
//!
//! Every member sends all others its sizes (a helper has none), and then those that it received
//! from all, as hashes. So two members that were told different sizes by a third find out before
//! anything private is shared, and can name the third. Two rounds.

use crate::kernel::channel::Channel;
use crate::kernel::echo::{Digest, Views};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::reveal::Reveal;

/// Exchanges the sizes of all members, which show these entries. Returns those of the first `inputs`
/// members, in order.
pub(crate) async fn exchange<const K: usize>(
    channel: &Channel,
    inputs: usize,
    mine: [u64; K],
    shows: &[Reveal],
) -> Result<Vec<[u64; K]>, Fault> {
    shows.iter().try_for_each(|entry| channel.reveal(*entry))?;
    channel.begin_round("sizes");
    let ours = mine.map(u64::to_le_bytes).concat();
    channel.broadcast(ours.clone());
    let mut told = vec![(channel.parties().me(), mine)];
    let mut digests = Vec::new();
    for (from, message) in channel.gather_exactly(ours.len()).await? {
        let bytes = message.into_bytes();
        digests.push((from, digest(&bytes)));
        told.push((from, sizes(from, &bytes)?));
    }

    channel.begin_round("same sizes");
    let views = Views::of(channel.parties(), digest(&ours), digests)?;
    channel.broadcast(views.echo());
    for (witness, echo) in channel.gather_exactly(views.echo_bytes()).await? {
        views.compare(witness, &echo.into_bytes())?;
    }
    told.sort_by_key(|(party, _)| *party);
    Ok(told.into_iter().take(inputs).map(|(_, sizes)| sizes).collect())
}

fn sizes<const K: usize>(from: Party, bytes: &[u8]) -> Result<[u64; K], Fault> {
    let (words, _) = bytes.as_chunks::<8>();
    let sizes: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    sizes.try_into().map_err(|_| Fault::blame(from, Misbehaviour::Malformed))
}

fn digest(bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 sizes that a party has told");
    hasher.update(bytes);
    Digest::from(hasher)
}
