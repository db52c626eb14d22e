//! Two parties join their tables without a comparison on shares.
//!
//! As in Bifrost (arXiv 2602.01225), DH-PSI ([`crate::suites::intersection::two_party`]) finds the
//! matching rows. No party knows their owners, because columns in shared form go the way of the
//! blinded items:
//! 1. Each party sends its blinded items in an order of its own, and brings its columns in in that
//!    order.
//! 2. Each sends the other's results back in a second order of its own. The other's columns are put
//!    into that same order, in shared form ([`super::shuffle`], with one turn).
//! 3. Both find the same pairs of places, and compare a hash of them. In each table only the two
//!    orders together would tell the row of a place, and each party knows one of them.
//!
//! **Leakage:** the number of matching rows. **Rounds:** those of the intersection, and one; two
//! shuffles of one turn.

use curve25519_dalek::scalar::Scalar;
use zeroize::Zeroizing;

use super::Pairwise;
use crate::algebra::elementwise::{gather, zip_exact};
use crate::engine::Columns;
use crate::engine::shared::Shared;
use crate::engine::tables::{Joined, Shape, Table};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::suites::intersection::ItemHash;
use crate::suites::intersection::blinding::BlindingScalar;
use crate::suites::intersection::two_party::{Meeting, Side};

/// The result of a matching of two parties' items.
struct Met {
    /// The places of the first party's item and of the second's in each pair.
    pairs: Vec<[usize; 2]>,
    /// The order in which this party has sent its items.
    sent: Vec<usize>,
    /// The order in which this party has sent back the other's.
    returned: Vec<usize>,
}

/// Hashes the pairs, under a key that only the two have.
fn pairs_digest(key: &[u8; 32], pairs: &[[usize; 2]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"pairs");
    for place in pairs.iter().flatten() {
        hasher.update(&(*place as u64).to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

impl Pairwise<'_> {
    /// Returns whether two parties compute.
    pub(super) fn is_of_two(&self) -> bool {
        self.order.len() == 2
    }

    /// Counts the common items of two parties.
    pub(super) async fn meet_and_count(
        &mut self,
        item_hashes: &[ItemHash],
        sizes: &[usize],
    ) -> Result<usize, Fault> {
        Ok(self.meet(item_hashes, sizes).await?.pairs.len())
    }

    /// Joins two parties' tables.
    pub(super) async fn joined_with_other(
        &mut self,
        table: &Table,
        shapes: &[Shape],
    ) -> Result<Joined<Self>, Fault> {
        let sizes: Vec<usize> = shapes.iter().map(|shape| shape.rows).collect();
        let met = self.meet(&table.item_hashes, &sizes).await?;
        let mut tables = Vec::with_capacity(2);
        for (index, shape) in shapes.iter().enumerate() {
            let [of, chooser] = [index, 1 - index.min(1)].map(Party::new);
            let own = |column: usize| {
                let column = table.words.get(column).expect("a table has the columns of its shape");
                gather(column, &met.sent)
            };
            let columns =
                (0..shape.columns).map(|column| self.known_by_one(of, shape.rows, || own(column)));
            let columns = Columns { numbers: Vec::new(), words: columns.collect() };
            let chooser = chooser.expect("two parties take turns");
            let order = match chooser == self.channel.parties().me() {
                true => met.returned.clone(),
                false => (0..shape.rows).collect(),
            };
            let Columns { words, .. } = self.reordered_by(chooser, columns, &order).await?;
            let places: Vec<usize> = met
                .pairs
                .iter()
                .map(|[first, second]| if index == 0 { *first } else { *second })
                .collect();
            tables.push(words.iter().map(|column| column.gather(&places)).collect());
        }
        Ok(Joined { rows: met.pairs.len(), tables })
    }

    async fn meet(&mut self, item_hashes: &[ItemHash], sizes: &[usize]) -> Result<Met, Fault> {
        let me = self.channel.parties().me();
        let [peer] = self.preprocessing.peers.as_slice() else { unreachable!("two parties meet") };
        let (peer, key) = (peer.party, peer.key.for_use("cloister 1 pairwise: meet", self.met));
        self.met += 1;
        let theirs = *sizes.get(peer.index()).expect("each party has told its rows");
        if sizes.get(me.index()) != Some(&item_hashes.len()) {
            return Err(InputError::Shape { expected: "as many rows as were agreed" }.into());
        }
        let sent = self.preprocessing.own_order(item_hashes.len());
        let returned = self.preprocessing.own_order(theirs);
        let ours: Zeroizing<Vec<ItemHash>> = Zeroizing::new(gather(item_hashes, &sent));
        let scalar = BlindingScalar::of(self.own_scalar());
        let meeting = Meeting { channel: self.channel, peer, key: &key, theirs };
        let results = meeting.results(&scalar, &ours, Some(&returned)).await?;
        let pairs = match me < peer {
            true => results.pairs(Side::Ours),
            false => {
                let pairs = results.pairs(Side::Theirs).into_iter();
                pairs.map(|[ours, theirs]| [theirs, ours]).collect()
            }
        };
        let digest = pairs_digest(&key, &pairs);
        self.channel.begin_round("same pairs");
        self.channel.send(peer, digest.to_vec());
        let theirs = self.channel.receive_exactly(peer, digest.len()).await?.into_bytes();
        match theirs.as_ref() == digest.as_slice() {
            true => Ok(Met { pairs, sent, returned }),
            false => Err(Fault::blame(peer, Misbehaviour::WrongOpening)),
        }
    }

    /// Draws a random scalar that no other party knows.
    fn own_scalar(&mut self) -> Zeroizing<Scalar> {
        let words = Zeroizing::new(self.preprocessing.own::<u64>(8));
        let mut bytes = Zeroizing::new([0; 64]);
        for (place, word) in zip_exact(bytes.chunks_exact_mut(8), words.iter()) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Zeroizing::new(Scalar::from_bytes_mod_order_wide(&bytes))
    }
}
