//! Two parties or more compute on shares, without a third.
//!
//! **Parties:** any n ≥ 2, all of which bring data and compute. There are no helpers.
//!
//! **Protocol:** additive shares modulo 2^64 and 2^128, and shares of bits by exclusive or
//! (Goldreich, Micali, Wigderson, *How to play any mental game*, STOC 1987). A product of two
//! shared values is the sum of the products that each party makes alone, and of two cross terms for
//! each pair of parties. A pair makes these as Beaver does (*Efficient multiparty protocols using
//! circuit randomization*, CRYPTO 1991). It uses products of random numbers that the two have made
//! by oblivious transfers: see [`preprocessing`], [`crate::ot::ot_correlation`] and [`crate::ot`],
//! which name the papers. No pair's randomness is known to a third party, or depends on one.
//!
//! - *Inputs*: the party that knows a value adds to it a number from a key that it has with each
//!   other party, which holds that number, negated. No message. Every share is uniform by itself, so
//!   no step that follows sends a value as it is, and no memory keeps one.
//! - *Sums, and products with public numbers*, are local ([`crate::engine::shared`]).
//! - *Openings*: each party adds its part of a sharing of zero, from a key of each pair, commits to
//!   the sum ([`crate::kernel::commitment`]), and then sends it to all others. Between two parties the
//!   other's share follows from the opened value: no mask is needed.
//! - *Products* are in `products`, *bits and numbers* in `conversion`, *shuffles* in `shuffle`.
//!
//! **The commitment of openings.** Whatever is opened leads to a result, to a verdict of a rule or a
//! check, or to what is done next: the thresholds of a search, the order of a sort, the names that
//! are told. Without a commitment, the last party to open could choose such a value: it knows all
//! others' shares by then. So all openings of [`Engine::open`] are committed to. It does not keep a
//! party from a value that it can foretell: one that knows that a check will open 1 can add 1 to its
//! share before it commits. So checks of dealt data by an opened verdict find mistakes here, and no
//! party that means to cheat. The order of joined rows is checked without one
//! ([`joining`]), and what all know is not opened ([`Count::Known`]). The differences
//! that products exchange are not, nor are those of bits and shuffles. They are uniform to the party
//! that sees them, and are used on shares alone. A party that sends others has added a term that it
//! chose without any knowledge. It could do so to its own share, too.
//!
//! Nothing is truncated: integers are multiplied, in a ring that holds the result.
//!
//! **Adversary and threshold:** privacy against any n − 1 corrupt, semi-honest parties together.
//! The messages to a party are masked by values that it lacks. The first kind is an a or b of the
//! sender's, of which it knows only the product with its own in shared form. The second is a
//! sharing of zero of which the honest parties have a key. Messages of transfers are uniform.
//!
//! **Detected deviations:** wrong lengths and orders, forged or repeated messages, and transfers
//! that do not fit each other, and openings that do not fit their commitments. Base transfers, trees
//! and extension are secure against parties that deviate. The use of the transfers is not checked. A
//! party can send other corrections or shares, or other flips of its choices. So it can falsify results, and learn from falsified
//! results. The suite is semi-honest for that reason.
//!
//! **The channel** must give secrecy, the true sender, and order.
//!
//! **Rounds and bytes** for one element of R bytes, sent by each party to each other. *Preprocessed* is
//! preprocessing: a transfer costs about 16 / K bytes for K = [`crate::ot::K`] bits in a group, and
//! corrections come on top:
//!
//! | operation | rounds | bytes | transfers ahead | corrections ahead |
//! | --- | --- | --- | --- | --- |
//! | share | 0 | 0 | 0 | 0 |
//! | open, and once 64 + 32n bytes | 2 | R | 0 | 0 |
//! | multiply numbers of w bits | 1 | 2R | w, and as many the other way | (w/2 + 1)·R |
//! | multiply bits | 1 | 2/8 | 1, and 1 the other way | 0 |
//! | inner product of m elements | 1 | 2R·m | w·m, and as many the other way | (w/2 + 1)·R·m |
//! | product of matrices, r × m and m × c, r ≤ c | 1 | R·(r + c)·m | w·r·m, and as many the other way | (w/2 + 1)·R·r·m·c |
//! | bits of addends | 0 | 0 | 0 | 0 |
//! | bit to number | n − 1 | R one way, 1/8 the other | 1 one way | 0 |
//! | shuffle of N rows of R bytes | n | R·N to each in turn | N·log₂ N − N/2 or so, and as many the other way | 2R a transfer |

#[cfg(test)]
mod adversary_tests;
mod base_setup;
mod conversion;
#[cfg(test)]
mod function_tests;
mod joining;
mod peer;
mod preprocessing;
mod products;
mod shuffle;
mod store;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
pub(crate) mod tests;
mod triple_pool;
mod waksman;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub(crate) use self::preprocessing::Preprocessed;
use self::preprocessing::Preprocessing;
pub use self::store::CorrelationStore;
use crate::algebra::digest::first_word;
use crate::algebra::elementwise::{add_assign, subtract_assign};
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::algebra::secret_elements::SecretElements;
use crate::circuits;
use crate::circuits::adder::{self, Addends};
use crate::circuits::truncation;
use crate::engine::matching::{Count, Matching};
use crate::engine::reveals::JOINED;
use crate::engine::shared::{ShareVector, Shared};
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Columns, Dimensions, Engine, Reconstructed};
use crate::kernel::channel::Channel;
use crate::kernel::commitment::{self, Opening, Place};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::flow::MESSAGES_AHEAD;
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::reveal::Reveal;
use crate::kernel::session::{Session, SessionHash, Spec};
use crate::kernel::wire;

/// The name of this suite in tests.
#[cfg(test)]
pub(crate) const SUITE: &str = "pairwise";

/// A party's share of a vector.
pub(crate) type AdditiveShare<R> = ShareVector<R, 1>;

/// The suite at work at one party.
pub(crate) struct Pairwise<'a> {
    channel: &'a Channel,
    session: SessionHash,
    preprocessing: Preprocessing,
    /// All parties, in an order that is the same in all sessions.
    order: Vec<Party>,
    /// The number of times that two parties have blinded each other's items.
    met: u64,
    /// The PRSS streams that mask openings, with each other party; none between two parties.
    masks: Vec<(Party, Prss)>,
    /// The PRSS streams that mask inputs, with each other party.
    input_masks: BTreeMap<Party, Prss>,
    /// The number of openings.
    opened: u64,
}

impl<'a> Pairwise<'a> {
    /// Creates the suite in `session`. Call it once in a session: a second one would use the same
    /// masks. Takes one round if preprocessed correlations of `store` may be used.
    pub(crate) async fn new(
        channel: &'a Channel,
        session: &Session,
        spec: &Spec,
        preprocessed: Preprocessed,
        store: CorrelationStore,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Fault> {
        spec.roles()?.check_all_are_parties()?;
        channel.make_room(&[peer::LARGEST; MESSAGES_AHEAD]);
        let mut order: Vec<Party> = channel.parties().all().collect();
        order.sort_by_key(|party| spec.members.get(party.index()).map(|member| &member.id));
        let masks = session
            .pair_keys()
            .map(|(party, key)| (party, Prss::new(key, "cloister 1 pairwise: masks of openings")));
        let input_masks = session
            .pair_keys()
            .map(|(party, key)| (party, Prss::new(key, "cloister 1 pairwise: masks of inputs")))
            .collect();
        let masks = if order.len() > 2 { masks.collect() } else { Vec::new() };
        let preprocessing =
            Preprocessing::new(channel, session, &order, preprocessed, store, rng).await?;
        let (session, met, opened) = (*session.hash(), 0, 0);
        Ok(Self { channel, session, preprocessing, order, met, masks, input_masks, opened })
    }

    /// Preprocesses correlations for later computations between these parties.
    pub(crate) async fn preprocess(&mut self, session: &Session) -> Result<(), Fault> {
        let id = first_word(session.hash().as_bytes());
        self.preprocessing.make_batch(self.channel, id).await
    }

    fn me(&self) -> Party {
        self.channel.parties().me()
    }

    /// Opens the windows of a step that exchanges messages of so many bytes with every peer.
    async fn open_both_windows(&self, length: usize) -> Result<(), Fault> {
        self.channel.open_both_windows(self.channel.parties().others(), length).await
    }

    /// Makes a sharing of a vector that is known by one party.
    fn known_by_one<R: Ring>(
        &self,
        party: Option<Party>,
        len: usize,
        own: impl FnOnce() -> Vec<R>,
    ) -> AdditiveShare<R> {
        let is_ours = party == Some(self.me());
        AdditiveShare::new([if is_ours { own() } else { vec![R::ZERO; len] }])
    }

    /// Makes the next opening, of a share as others may see it.
    fn opening(&mut self, share: Bytes) -> Opening {
        let purpose = "cloister 1 pairwise: commitment of openings";
        let place = Place { purpose, session: self.session, number: self.opened };
        self.opened += 1;
        Opening::new(place, self.me(), share, self.preprocessing.rng())
    }

    /// Shares a vector of so many elements that the dealer knows; others give nothing.
    fn dealt<R: Ring>(&mut self, dealer: Party, len: usize, own: &[R]) -> AdditiveShare<R> {
        let mut share = if dealer == self.me() { own.to_vec() } else { vec![R::ZERO; len] };
        for (party, prss) in &mut self.input_masks {
            if dealer == self.channel.parties().me() {
                add_assign(&mut share, &Zeroizing::new(prss.read::<R>(len)));
            } else if *party == dealer {
                subtract_assign(&mut share, &Zeroizing::new(prss.read::<R>(len)));
            }
        }
        AdditiveShare::new([share])
    }

    /// Returns this party's share of x as others may see it.
    fn masked<R: Ring>(&mut self, x: &AdditiveShare<R>) -> Arc<SecretElements<R>> {
        let [share] = x.shared_parts();
        if self.masks.is_empty() {
            return Arc::clone(share);
        }
        let me = self.me();
        let mut masked = share.to_vec();
        for (party, prss) in &mut self.masks {
            let masks = prss.read::<R>(masked.len());
            if *party > me {
                add_assign(&mut masked, &masks);
            } else {
                subtract_assign(&mut masked, &masks);
            }
        }
        Arc::new(masked.into())
    }
}

impl Engine for Pairwise<'_> {
    type Shared<R: Ring> = AdditiveShare<R>;
    // Each takes oblivious transfers: far fewer than among three nodes.
    const DIFFERENCES: usize = 1 << 13;

    fn brings_data(&self) -> bool {
        true
    }

    fn public<R: Ring>(&self, values: Vec<R>) -> AdditiveShare<R> {
        self.known_by_one(Party::new(0), values.len(), || values)
    }

    fn random<R: Ring>(&mut self, len: usize) -> AdditiveShare<R> {
        AdditiveShare::new([self.preprocessing.own(len)])
    }

    async fn share<R: Ring>(
        &mut self,
        mine: &[R],
        lengths: &[usize],
    ) -> Result<Vec<AdditiveShare<R>>, Fault> {
        let own = lengths.get(self.me().index()).expect("each party has told its length");
        if *own != mine.len() {
            return Err(InputError::Shape { expected: "as many elements as were agreed" }.into());
        }
        let dealers = self.channel.parties().all().zip(lengths);
        Ok(dealers.map(|(dealer, len)| self.dealt(dealer, *len, mine)).collect())
    }

    async fn open<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        shows: Reveal,
    ) -> Result<Reconstructed<Vec<R>>, Fault> {
        self.channel.reveal(shows)?;
        let own = self.masked(x);
        let opening = self.opening(wire::shared_elements(&own));
        let [_, echo] = commitment::lengths(self.channel.parties());
        self.channel.begin_round("commit");
        self.open_both_windows(echo.max(x.len() * R::BYTES)).await?;
        let committed = opening.commit(self.channel).await?;

        self.channel.begin_round("open");
        let mut opened = own.to_vec();
        committed
            .open(self.channel, |theirs, hasher| {
                theirs.pieces().for_each(|piece| {
                    hasher.update(piece);
                });
                add_assign(&mut opened, &wire::read_elements::<R>(x.len(), theirs.pieces()));
            })
            .await?;
        #[cfg(test)]
        crate::engine::openings::note(self.me(), bytemuck::cast_slice(&opened));
        Ok(Reconstructed::Value(opened))
    }

    async fn multiply<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
    ) -> Result<AdditiveShare<R>, Fault> {
        self.product(x, y).await
    }

    async fn dot<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
        block: usize,
    ) -> Result<AdditiveShare<R>, Fault> {
        let products = self.product(x, y).await?;
        let [products] = products.parts();
        let sum = |block: &[R]| block.iter().fold(R::ZERO, |sum, x| sum.plus(*x));
        Ok(AdditiveShare::new([products.chunks_exact(block.max(1)).map(sum).collect()]))
    }

    async fn matrix_product<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
        dimensions: Dimensions,
    ) -> Result<AdditiveShare<R>, Fault> {
        self.product_of_matrices(x, y, dimensions).await
    }

    async fn msb<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        width: usize,
    ) -> Result<AdditiveShare<PackedBits>, Fault> {
        adder::msb(self, x, width).await
    }

    async fn bits<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        bits: Range<usize>,
    ) -> Result<Vec<AdditiveShare<PackedBits>>, Fault> {
        adder::bits(self, x, bits).await
    }

    async fn truncate<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        bits: usize,
    ) -> Result<AdditiveShare<R>, Fault> {
        truncation::truncate(self, x, bits).await
    }

    async fn bit_to_arithmetic<R: Ring>(
        &mut self,
        bit_slices: &[&AdditiveShare<PackedBits>],
        lanes: usize,
    ) -> Result<AdditiveShare<R>, Fault> {
        self.numbers_of_bits(bit_slices, lanes).await
    }

    async fn shuffle(&mut self, columns: Columns<Self>) -> Result<Columns<Self>, Fault> {
        self.shuffled(columns).await
    }
}

impl Matching for Pairwise<'_> {
    fn has_blinded(&self) -> bool {
        self.met > 0
    }

    async fn join(
        &mut self,
        table: &Table,
        shapes: &[Shape],
        least: u64,
    ) -> Result<Option<Joined<Self>>, Fault> {
        // Blinded items show two parties the number of rows before a rule could be asked of it.
        if self.is_of_two() && least <= 1 {
            self.channel.reveal(JOINED)?;
            self.joined_with_other(table, shapes).await.map(Some)
        } else {
            circuits::joining::join(self, table, shapes, least).await
        }
    }

    async fn count_common(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault> {
        if !self.is_of_two() {
            let count = circuits::joining::count_common(self, item_hashes, sizes).await?;
            return Ok(Count::Shared(count));
        }
        self.channel.reveal(Reveal::ANSWER)?;
        let common = self.meet_and_count(item_hashes, sizes).await?;
        Ok(Count::Known(common as u64))
    }

    async fn count_distinct(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault> {
        if !self.is_of_two() {
            let count = circuits::joining::count_distinct(self, item_hashes, sizes).await?;
            return Ok(Count::Shared(count));
        }
        self.channel.reveal(Reveal::ANSWER)?;
        let common = self.meet_and_count(item_hashes, sizes).await?;
        let distinct = sizes.iter().sum::<usize>().saturating_sub(common);
        Ok(Count::Known(distinct as u64))
    }
}

impl Addends for Pairwise<'_> {
    async fn addends<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        width: usize,
    ) -> Result<Vec<Vec<AdditiveShare<PackedBits>>>, Fault> {
        Ok(self.bits_of_addends(x, width))
    }
}
