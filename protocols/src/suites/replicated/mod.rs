//! Three nodes compute on shares: products, comparisons, sorting.
//!
//! **Parties:** any n ≥ 2 that bring data, and a committee of three members that compute, in seats
//! 0, 1, 2. A member of the committee may be a party, or a helper that brings no data. Parties
//! without a seat bring data in and are shown openings.
//!
//! **Protocol:** Araki, Furukawa, Lindell, Nof, Ohara, *High-throughput semi-honest secure
//! three-party computation with an honest majority* (CCS 2016): their arithmetic over Z_2^k and
//! their variant with keys instead of shared randomness. Conversions between numbers and bits are
//! after Mohassel and Rindal, *ABY3* (CCS 2018). Rings are Z_2^64, Z_2^128, and bits 64 at a time,
//! where + is exclusive or.
//!
//! A value is x = x_0 + x_1 + x_2, and seat s holds the pair (x_s, x_{s+1}), indices modulo 3.
//! Araki et al. write a seat's pair as (x_i, a_i) with a_i = x_{i−1} − v. The form here is the one
//! of ABY3. Each seat can compute one from the other by itself.
//!
//! - *Sums, and products with public numbers*, are local ([`crate::engine::shared`]).
//! - *Zero sharing*: α_s = G(k_{s,s+1}) − G(k_{s−1,s}), so α_0 + α_1 + α_2 = 0, and α_s is uniform
//!   to a party that lacks one of the two keys. G is AES-128 in counter mode. Keys follow from the
//!   session and the purpose, and each word of a stream is read once (`Seat::with_zero_share`,
//!   `Prss`).
//! - *Products* are in `products`, *inputs* in `input`, *openings* in `opening`, *bits and numbers*
//!   in `conversion`, *shuffles* in `shuffle`. Each states its messages, and the reason why they
//!   tell nothing.
//!
//! Nothing is truncated: integers are multiplied, in a ring that holds the result.
//!
//! **Adversary and threshold:** privacy against one corrupt, semi-honest seat, and any number of
//! corrupt parties without a seat, together. All messages to a seat are masked by a stream of a key
//! that it lacks, but for openings. Those follow from the opened value and from the seat's own
//! shares. So its view can be made from its input, sizes and opened values. Two seats together know
//! everything.
//!
//! **Detected deviations:** wrong lengths and orders, forged or repeated messages, and wrong shares
//! in openings, because two seats hold each component. Inconsistent shares that a party without a
//! seat deals are detected too. A seat that sends a wrong product is not caught unless an opening
//! happens to show it. So a corrupt seat can falsify results, and can have values opened that
//! follow from falsified ones. The suite is semi-honest for that reason.
//!
//! **The channel** must give secrecy, the true sender, and order.
//!
//! **Rounds and bytes** for one element of R bytes, sent by each seat unless said otherwise:
//!
//! | operation | rounds | bytes |
//! | --- | --- | --- |
//! | share, by a seat | 1 | R |
//! | share, by another party | 1 | 2R, and 64 a vector |
//! | open | 1 | R, and 32 a vector; as much again to each party without a seat |
//! | multiply, or an inner product of any length | 1 | R |
//! | product of matrices, for each element of the product | 1 | R |
//! | bits of addends, d bits | 1 | d / 8, by seat 0 alone |
//! | bit to number | 2 | R, by seat 0 2R |
//! | shuffle | 2 | R, by seat 0 2R |
//! | comparison of 64-bit numbers ([`crate::circuits::comparison`]) | 8 | 19, by seat 0 27.1 |

#[cfg(test)]
mod adversary_tests;
mod committee;
mod conversion;
mod dealer_consistency;
mod input;
mod neighbour_prss;
mod opening;
mod products;
mod seat;
mod shuffle;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use rand_core::CryptoRng;

pub(crate) use self::committee::{Committee, SEATS};
use self::dealer_consistency::DealerConsistency;
use self::input::InputKeys;
use self::seat::Seat;
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::circuits::adder::{self, Addends};
use crate::circuits::joining;
use crate::circuits::truncation;
use crate::engine::matching::{Count, Matching};
use crate::engine::shared::ShareVector;
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Columns, Dimensions, Engine, Reconstructed};
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::reveal::Reveal;
use crate::kernel::session::{Roles, Session, SessionHash};

/// The name of this suite in tests.
#[cfg(test)]
pub(crate) const SUITE: &str = "replicated";

/// The share vector of a seat: x_s and x_{s+1}.
pub(crate) type ReplicatedShare<R> = ShareVector<R, 2>;

/// The suite at work at one member.
pub(crate) struct Replicated<'a> {
    channel: &'a Channel,
    session: SessionHash,
    committee: Committee,
    /// The members' roles.
    roles: Roles,
    /// The seat of this member, if it has one.
    seat: Option<Seat>,
    /// The input keys that seat 0 shares with each party without a seat, or such a party with seat
    /// 0.
    input_keys: BTreeMap<Party, InputKeys>,
    /// The hashes of the components that parties without a seat have dealt to this seat.
    dealt: DealerConsistency,
    /// The PRSS stream that the three seats share, if members without a seat are shown openings.
    common: Option<Prss>,
}

impl<'a> Replicated<'a> {
    /// Creates the suite in `session`, in which members have these roles. Call it once in a session:
    /// a second one would use the same masks. Takes two rounds if there are parties without a seat.
    pub(crate) async fn new(
        channel: &'a Channel,
        session: &Session,
        committee: Committee,
        roles: Roles,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Fault> {
        let me = channel.parties().me();
        let seat = Seat::of(me, &committee, session);
        let [first, ..] = *committee.seats();
        let mut input_keys = BTreeMap::new();
        for (party, key) in session.pair_keys() {
            if me == first && committee.seat(party).is_none() {
                input_keys.insert(party, InputKeys::new(key));
            } else if party == first && seat.is_none() {
                input_keys.insert(me, InputKeys::new(key));
            }
        }
        let session = *session.hash();
        let (common, dealt) = (None, DealerConsistency::default());
        let mut suite =
            Self { channel, session, committee, roles, seat, input_keys, dealt, common };
        suite.draw_common_key(rng).await?;
        Ok(suite)
    }
}

impl Engine for Replicated<'_> {
    type Shared<R: Ring> = ReplicatedShare<R>;
    // Some 4 MB of each node.
    const DIFFERENCES: usize = 1 << 17;

    fn brings_data(&self) -> bool {
        self.roles.brings_data(self.channel.parties().me())
    }

    fn public<R: Ring>(&self, values: Vec<R>) -> ReplicatedShare<R> {
        match &self.seat {
            None => ReplicatedShare::absent(values.len()),
            Some(seat) => seat.with_component(0, values),
        }
    }

    fn random<R: Ring>(&mut self, len: usize) -> ReplicatedShare<R> {
        match &mut self.seat {
            None => ReplicatedShare::absent(len),
            Some(seat) => {
                let own = seat.with_previous.input.read(len);
                ReplicatedShare::new([own, seat.with_next.input.read(len)])
            }
        }
    }

    async fn share<R: Ring>(
        &mut self,
        mine: &[R],
        lengths: &[usize],
    ) -> Result<Vec<ReplicatedShare<R>>, Fault> {
        self.inputs(mine, lengths).await
    }

    async fn open<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        shows: Reveal,
    ) -> Result<Reconstructed<Vec<R>>, Fault> {
        self.channel.reveal(shows)?;
        self.reveal(x, shows.to).await
    }

    async fn multiply<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
    ) -> Result<ReplicatedShare<R>, Fault> {
        self.product(x, y).await
    }

    async fn dot<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
        block: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        self.inner_products(x, y, block).await
    }

    async fn matrix_product<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
        dimensions: Dimensions,
    ) -> Result<ReplicatedShare<R>, Fault> {
        self.product_of_matrices(x, y, dimensions).await
    }

    async fn msb<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        width: usize,
    ) -> Result<ReplicatedShare<PackedBits>, Fault> {
        adder::msb(self, x, width).await
    }

    async fn bits<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        bits: Range<usize>,
    ) -> Result<Vec<ReplicatedShare<PackedBits>>, Fault> {
        adder::bits(self, x, bits).await
    }

    async fn truncate<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        bits: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        truncation::truncate(self, x, bits).await
    }

    async fn bit_to_arithmetic<R: Ring>(
        &mut self,
        bit_slices: &[&ReplicatedShare<PackedBits>],
        lanes: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        self.numbers_of_bits(bit_slices, lanes).await
    }

    async fn shuffle(&mut self, columns: Columns<Self>) -> Result<Columns<Self>, Fault> {
        self.shuffled(columns).await
    }
}

impl Matching for Replicated<'_> {
    fn has_blinded(&self) -> bool {
        false
    }

    async fn join(
        &mut self,
        table: &Table,
        shapes: &[Shape],
        least: u64,
    ) -> Result<Option<Joined<Self>>, Fault> {
        joining::join(self, table, shapes, least).await
    }

    async fn count_common(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault> {
        joining::count_common(self, item_hashes, sizes).await.map(Count::Shared)
    }

    async fn count_distinct(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault> {
        joining::count_distinct(self, item_hashes, sizes).await.map(Count::Shared)
    }
}

impl Addends for Replicated<'_> {
    async fn addends<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        width: usize,
    ) -> Result<Vec<Vec<ReplicatedShare<PackedBits>>>, Fault> {
        self.bits_of_addends(x, width).await
    }
}
