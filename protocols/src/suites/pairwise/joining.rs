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
//!    goes the same way. Of each pair the two tags have to be equal. Then the two parties' shares of
//!    all differences are equal, too: they are compared as two sets of one item, by DH-PSI once more.
//!
//! **The tags** tie the order of the columns to that of the blinded items. A party that sends back
//! results in one order, and puts the other's columns into another, would join rows of different
//! ids: also of those that match nothing. To pass, it needs the other's share of each difference: its
//! own, and the exclusive or of two tags of which it does not know the other's. It has one guess in a
//! run, and is named if that is wrong. No verdict is opened that a change of a share could turn, and
//! neither party learns more of the other's share than whether it is equal to its own. A party that
//! brings in a tag or a column of another row lies about its own data, which no protocol notices.
//!
//! **Selective failure:** a party that spoils the correction of the tags at one switch of the other's
//! order stops the run if that switch is set and the row is in the join. So it learns one bit of an
//! order of one run, and is named.
//!
//! **Leakage:** the number of matching rows. **Rounds:** those of the intersection, one, and three for
//! the tags; two shuffles of one turn.

use curve25519_dalek::scalar::Scalar;
use zeroize::Zeroizing;

use super::{AdditiveShare, Pairwise};
use crate::algebra::digest::first_block;
use crate::algebra::elementwise::{gather, zip_exact};
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::engine::Columns;
use crate::engine::reveals::SAME_ORDER;
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

/// Hashes a party's pairs, under a key that only the two have. The party is in the hash, so that none
/// can send back the other's.
fn pairs_digest(key: &[u8; 32], of: Party, pairs: &[[usize; 2]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"pairs");
    hasher.update(&of.to_bytes());
    for place in pairs.iter().flatten() {
        hasher.update(&(*place as u64).to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Hashes a share of all differences to one item, under a key that only the two have.
fn share_digest(key: &[u8; 32], share: &[PackedBits]) -> ItemHash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"share");
    for PackedBits(word) in share {
        hasher.update(&word.to_le_bytes());
    }
    first_block(hasher.finalize().as_bytes())
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
        let (joined, differences) = self.brought_in(table, shapes, &met).await?;
        self.check_equal(&differences).await?;
        Ok(joined)
    }

    /// Brings both tables in, in the orders of a matching. Returns them with the differences of the
    /// tags of each pair.
    async fn brought_in(
        &mut self,
        table: &Table,
        shapes: &[Shape],
        met: &Met,
    ) -> Result<(Joined<Self>, AdditiveShare<PackedBits>), Fault> {
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
                let own = if of == self.me() {
                    gather(column.expect("a table has the columns of its shape"), &met.sent)
                } else {
                    Vec::new()
                };
                columns.words.push(self.dealt(of, shape.rows, &Zeroizing::new(own)));
            }
            let order = if chooser == self.channel.parties().me() {
                met.returned.clone()
            } else {
                (0..shape.rows).collect()
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
        let [first, second] = tags.as_slice() else { unreachable!("two parties have met") };
        Ok((Joined { rows: met.pairs.len(), tables }, first.minus(second)))
    }

    /// Checks that the differences of tags are all 0, so that both parties' shares of them are equal.
    async fn check_equal(&mut self, differences: &AdditiveShare<PackedBits>) -> Result<(), Fault> {
        if differences.len() == 0 {
            return Ok(());
        }
        self.channel.reveal(SAME_ORDER)?;
        let (peer, key) = self.key_with_peer("cloister 1 pairwise: same order");
        let [share] = differences.parts();
        let item = share_digest(&key, share);
        let scalar = BlindingScalar::of(self.own_scalar());
        let meeting = Meeting { channel: self.channel, peer, key: &key, theirs: 1 };
        let results = meeting.results(&scalar, &[item], None).await?;
        if results.pairs(Side::Ours).is_empty() {
            Err(Fault::blame(peer, Misbehaviour::OtherOrder))
        } else {
            Ok(())
        }
    }

    /// Returns the other party, and a key for this use in the last meeting that only the two have.
    fn key_with_peer(&self, usage: &'static str) -> (Party, Zeroizing<[u8; 32]>) {
        let [peer] = self.preprocessing.peers.as_slice() else { unreachable!("two parties meet") };
        (peer.party, peer.key.for_use(usage, self.met))
    }

    async fn meet(&mut self, item_hashes: &[ItemHash], sizes: &[usize]) -> Result<Met, Fault> {
        let me = self.channel.parties().me();
        self.met += 1;
        let (peer, key) = self.key_with_peer("cloister 1 pairwise: meet");
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
        let pairs = if me < peer {
            results.pairs(Side::Ours)
        } else {
            let pairs = results.pairs(Side::Theirs).into_iter();
            pairs.map(|[ours, theirs]| [theirs, ours]).collect()
        };
        let [ours, theirs] = [me, peer].map(|of| pairs_digest(&key, of, &pairs));
        self.channel.begin_round("same pairs");
        self.channel.send(peer, ours.to_vec());
        let received = self.channel.receive_exactly(peer, theirs.len()).await?.into_bytes();
        if received.as_ref() == theirs.as_slice() {
            Ok(Met { pairs, sent, returned })
        } else {
            Err(Fault::blame(peer, Misbehaviour::WrongOpening))
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
    use crate::engine::Engine;
    use crate::kernel::reveal::Reveal;
    use crate::kernel::simulation::Simulation;
    use crate::suites::pairwise::CorrelationStore;
    use crate::suites::pairwise::tests::engine;
    use crate::testing::seed;

    const ROWS: usize = 6;

    /// A way in which the second party cheats.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Cheat {
        No,
        /// It puts the first's rows into another order than that of the results.
        Order,
        /// It does the same, and flips in its share the bit that it expects to be wrong.
        OrderAndShare,
    }

    /// Joins two tables of the same items, in other orders.
    fn join(cheat: Cheat) -> Vec<Result<Vec<u64>, Fault>> {
        let report = Simulation::new(seed()).parties(2).run(|channel, party, mut rng| async move {
            let mut engine = engine(CorrelationStore::default(), &channel, &mut rng).await?;
            let mut item_hashes: Vec<u128> = (1..=ROWS as u128).map(|item| item << 60).collect();
            item_hashes.rotate_left(party.index());
            let column = item_hashes.iter().map(|item| PackedBits(item.word(0) >> 60)).collect();
            let table = Table { item_hashes, words: vec![column] };
            let shapes = [Shape { rows: ROWS, columns: 1 }; 2];
            let mut met = engine.meet(&table.item_hashes, &[ROWS; 2]).await?;
            let cheat = if party.index() == 1 { cheat } else { Cheat::No };
            if cheat != Cheat::No {
                met.returned.swap(0, ROWS - 1);
            }
            let (joined, mut differences) = engine.brought_in(&table, &shapes, &met).await?;
            if cheat == Cheat::OrderAndShare {
                let [share] = differences.parts();
                let mut share = share.to_vec();
                share[0].0 ^= 1;
                differences = AdditiveShare::new([share]);
            }
            engine.check_equal(&differences).await?;
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
        assert!(join(Cheat::No).into_iter().all(|difference| difference == Ok(vec![0; ROWS])));
    }

    /// A verdict on one opened bit would be turned by the flip.
    #[test]
    fn a_party_that_moves_rows_apart_from_their_items_is_named() {
        for cheat in [Cheat::Order, Cheat::OrderAndShare] {
            let [honest, _] = join(cheat).try_into().unwrap();
            let cheater = Party::new(1).unwrap();
            assert_eq!(honest, Err(Fault::blame(cheater, Misbehaviour::OtherOrder)));
        }
    }
}
