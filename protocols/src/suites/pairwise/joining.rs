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
//! 4. Before its columns each party brings in the *tag* of each row, 64 bits of its item hash, which
//!    goes the same way. Of each pair the two tags have to be equal: on shares, their differences are
//!    joined to one bit, which is opened.
//!
//! **The tags** tie the order of the columns to that of the blinded items. A party that sends back
//! results in one order, and puts the other's columns into another, would join rows of different
//! ids: also of those that match nothing. It does not know the other's tags in the order in which
//! they lie, so its own differ from them, but with a probability of 2^-64 a pair. A party that brings
//! in a tag or a column of another row lies about its own data, which no protocol notices.
//!
//! **Leakage:** the number of matching rows. **Rounds:** those of the intersection, one, those of a
//! disjunction of 64 bits a pair, and an opening; two shuffles of one turn.

use curve25519_dalek::scalar::Scalar;
use zeroize::Zeroizing;

use super::{AdditiveShare, Pairwise};
use crate::algebra::elementwise::{gather, zip_exact};
use crate::algebra::packed_bits::{PackedBits, WORD_BITS};
use crate::algebra::ring::Ring;
use crate::circuits::comparison::or_each;
use crate::engine::reveals::SAME_ORDER;
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Columns, Engine};
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
        self.brought_in(table, shapes, &met).await
    }

    /// Brings both tables in, in the orders of a matching, and checks that they are in these.
    async fn brought_in(
        &mut self,
        table: &Table,
        shapes: &[Shape],
        met: &Met,
    ) -> Result<Joined<Self>, Fault> {
        let tags = table.item_hashes.iter().map(|item_hash| PackedBits(item_hash.word(0)));
        let tags: Zeroizing<Vec<PackedBits>> = Zeroizing::new(tags.collect());
        let mut tables: Vec<Vec<AdditiveShare<PackedBits>>> = Vec::with_capacity(2);
        for (index, shape) in shapes.iter().enumerate() {
            let [of, chooser] = [index, 1 - index.min(1)]
                .map(|index| Party::new(index).expect("two parties take turns"));
            let mut columns = Columns { numbers: Vec::new(), words: Vec::new() };
            for column in 0..=shape.columns {
                let column = match column.checked_sub(1) {
                    None => Some(tags.as_slice()),
                    Some(column) => table.words.get(column).map(Vec::as_slice),
                };
                let own = match of == self.me() {
                    true => {
                        gather(column.expect("a table has the columns of its shape"), &met.sent)
                    }
                    false => Vec::new(),
                };
                columns.words.push(self.dealt(of, shape.rows, &Zeroizing::new(own)));
            }
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
        let tags: Vec<_> = tables.iter_mut().map(|columns| columns.remove(0)).collect();
        if let [ours, theirs] = tags.as_slice() {
            self.check_equal(&ours.minus(theirs)).await?;
        }
        Ok(Joined { rows: met.pairs.len(), tables })
    }

    /// Checks that the differences of tags are all 0.
    async fn check_equal(&mut self, differences: &AdditiveShare<PackedBits>) -> Result<(), Fault> {
        let lanes = differences.len() * WORD_BITS;
        if lanes == 0 {
            return Ok(());
        }
        let found = or_each(self, vec![differences.clone()], lanes).await?;
        let found = found.first().ok_or(Fault::Internal("a slice has a disjunction"))?;
        let peer = self.channel.parties().others().next();
        match (self.open_to_all(&found.lanes(0..1), SAME_ORDER).await?.as_slice(), peer) {
            ([PackedBits(0)], _) => Ok(()),
            (_, Some(peer)) => Err(Fault::blame(peer, Misbehaviour::OtherOrder)),
            (_, None) => Err(Fault::InvalidOpening),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::reveal::Reveal;
    use crate::kernel::simulation::Simulation;
    use crate::suites::pairwise::CorrelationStore;
    use crate::suites::pairwise::tests::engine;
    use crate::testing::seed;

    const ROWS: usize = 6;

    /// Joins two tables of the same items, in other orders. The second party puts the first's rows
    /// into another order than that in which it has sent back the results, if it cheats.
    fn join(cheats: bool) -> Vec<Result<Vec<u64>, Fault>> {
        let report = Simulation::new(seed()).parties(2).run(|channel, party, mut rng| async move {
            let mut engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
            let mut item_hashes: Vec<u128> = (1..=ROWS as u128).map(|item| item << 60).collect();
            item_hashes.rotate_left(party.index());
            let column = item_hashes.iter().map(|item| PackedBits(item.word(0) >> 60)).collect();
            let table = Table { item_hashes, words: vec![column] };
            let shapes = [Shape { rows: ROWS, columns: 1 }; 2];
            let mut met = engine.meet(&table.item_hashes, &[ROWS; 2]).await?;
            if cheats && party.index() == 1 {
                met.returned.swap(0, ROWS - 1);
            }
            let joined = engine.brought_in(&table, &shapes, &met).await?;
            let difference = joined.tables[0][0].minus(&joined.tables[1][0]);
            let opened = engine.open(&difference, Reveal::ANSWER).await?.value().unwrap();
            Ok(opened.into_iter().map(|word| word.0).collect::<Vec<u64>>())
        });
        let ended = report.endings.iter().map(|ending| match ending.done() {
            Some(difference) => Ok(difference.clone()),
            None => Err(ending.fault().cloned().expect("no party waits")),
        });
        ended.collect()
    }

    #[test]
    fn rows_are_joined_in_the_order_of_their_items() {
        assert!(join(false).into_iter().all(|difference| difference == Ok(vec![0; ROWS])));
    }

    #[test]
    fn a_party_that_moves_rows_apart_from_their_items_is_named() {
        let [honest, _] = join(true).try_into().unwrap();
        let cheater = Party::new(1).unwrap();
        assert_eq!(honest, Err(Fault::blame(cheater, Misbehaviour::OtherOrder)));
    }
}
