//! Three nodes compute on shares: products, comparisons, sorting.
//!
//! **Parties:** any n ≥ 2 that bring data, and a committee of three members that compute. A member
//! of the committee may be a party, or a helper that brings no data. The three sit in seats 0, 1, 2.
//!
//! **Protocol:** Araki, Furukawa, Lindell, Nof, Ohara, *High-throughput semi-honest secure
//! three-party computation with an honest majority* (CCS 2016), over the rings Z_2^64 and Z_2^128 and
//! over bits; conversions between numbers and bits after Mohassel and Rindal, *ABY3* (CCS 2018).
//!
//! A value is x = x_0 + x_1 + x_2. Seat s holds the pair (x_s, x_{s+1}), indices modulo 3. (The paper
//! has x_i and x_{i−1} − a_i in its shares; the form with x_s and x_{s+1} is the same up to a local
//! change and is the one that ABY3 and most writers use.) On bits, + is exclusive or.
//!
//! - *Sums and products with public numbers* are local.
//! - *Products*: [`products`]. One element to one neighbour, also for an inner product.
//! - *Zero sharing* (Araki et al., protocol 3.?): α_s = G(k_{s,s+1}) − G(k_{s−1,s}); see `Seat::masked`.
//! - *Inputs*: [`input`]. *Openings*: [`opening`]. *Conversions*: [`conversion`]. *Shuffles*:
//!   [`shuffle`].
//!
//! **Adversary and threshold:** privacy against one corrupt, semi-honest member of the committee,
//! and any number of corrupt parties outside it, which may be the same adversary's. A component
//! that a seat lacks is masked, whenever a message depends on it, by a key that the seat lacks. So
//! what a seat sees beside its own inputs and what is opened is uniform. Two colluding seats see
//! everything.
//!
//! **What is checked against who deviates:** lengths, order and origin of all messages; openings,
//! against the component's second holder. A seat that sends a wrong product, or a party that deals
//! inconsistent shares, is not caught unless an opening shows it: results can be falsified by a
//! committee member, and what falsified values lead to can be opened. That is what semi-honest means.
//!
//! **What the channel must give:** secrecy, the true sender, order. Pair keys are of the session.
//!
//! **Rounds and bytes** of each operation, for one element of R bytes, by each seat unless said
//! otherwise (32 bytes of hashes an opening aside):
//!
//! | operation | rounds | bytes |
//! | --- | --- | --- |
//! | share, by a seat | 1 | R |
//! | share, by another party | 1 | 2R |
//! | open | 1 | R |
//! | multiply, or an inner product of any length | 1 | R |
//! | product of matrices, an element of the product | 1 | R |
//! | bits of addends of d digits | 1 | d / 8, by seat 0 alone |
//! | bit to number | 2 | R, by seat 0 2R |
//! | shuffle, an element | 3 | R, by seat 0 2R |

#[cfg(test)]
mod adversary_tests;
mod committee;
mod conversion;
mod input;
mod opening;
mod products;
mod randomness;
mod seat;
mod shuffle;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use rand_core::CryptoRng;

pub(crate) use self::committee::{ANY, Committee, PARAMETER, canonical};
use self::input::InputKeys;
use self::randomness::Tape;
use self::seat::Seat;
use crate::algebra::lanes::Lanes;
use crate::algebra::ring::Ring;
use crate::channel::Channel;
use crate::engine::shared::Components;
use crate::engine::{Audience, Columns, Dimensions, Engine};
use crate::fault::Fault;
use crate::party::Party;
use crate::session::{Session, SessionHash};

/// The name of this suite in specs, parameters and results.
pub(crate) const SUITE: &str = "replicated";

/// Messages of up to so many bytes need no room to be made for them.
pub(crate) const SMALL_MESSAGE: usize = 128 << 10;

/// How many messages of one peer may come before we read the first. In a round of products a seat
/// needs its successor's message, which in the round before needed the next one's: so a peer can be
/// two rounds ahead of us, with a message for each of three rounds. A round has four messages of one
/// peer to another at most, in a shuffle.
pub(crate) const MESSAGES_AHEAD: usize = 12;

/// What a seat holds of a vector: x_s and x_{s+1}.
pub(crate) type Pair<R> = Components<R, 2>;

/// The suite at work at one member.
pub(crate) struct Replicated<'a> {
    channel: &'a Channel,
    session: SessionHash,
    committee: Committee,
    /// How many members, the first ones, bring data.
    inputs: usize,
    /// Our seat, if we have one.
    seat: Option<Seat>,
    /// What seat 0 shares with each party without a seat, or such a party with seat 0.
    input_keys: BTreeMap<Party, InputKeys>,
    /// What the three seats share, if anybody else gets to see openings.
    common: Option<Tape>,
}

impl<'a> Replicated<'a> {
    /// The suite in `session`, of which `inputs` members bring data. To be made once in a session:
    /// a second one would use the same masks. Takes a round where there are parties without a seat.
    pub(crate) async fn new(
        channel: &'a Channel,
        session: &Session,
        committee: Committee,
        inputs: usize,
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
        let common = None;
        let mut suite = Self { channel, session, committee, inputs, seat, input_keys, common };
        suite.draw_common_key(rng).await?;
        Ok(suite)
    }
}

impl Engine for Replicated<'_> {
    type Shared<R: Ring> = Pair<R>;

    fn brings_data(&self) -> bool {
        self.channel.parties().me().index() < self.inputs
    }

    fn public<R: Ring>(&self, values: Vec<R>) -> Pair<R> {
        match &self.seat {
            None => Pair::absent(values.len()),
            Some(seat) => seat.lone(0, values),
        }
    }

    fn random<R: Ring>(&mut self, len: usize) -> Pair<R> {
        match &mut self.seat {
            None => Pair::absent(len),
            Some(seat) => {
                let own = seat.with_previous.input.read(len);
                Pair::new([own, seat.with_next.input.read(len)])
            }
        }
    }

    async fn prepare(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > SMALL_MESSAGE {
            self.channel.make_room(&[bytes; MESSAGES_AHEAD]);
            self.channel.begin_round("make room");
            self.channel.broadcast(Vec::new());
            self.channel.gather_exactly(0).await?;
        }
        Ok(())
    }

    fn planes(&self, words: &Pair<Lanes>, digits: Range<usize>) -> Vec<Pair<Lanes>> {
        words.planes(digits)
    }

    async fn share<R: Ring>(
        &mut self,
        mine: &[R],
        lengths: &[usize],
    ) -> Result<Vec<Pair<R>>, Fault> {
        self.inputs(mine, lengths).await
    }

    async fn open<R: Ring>(
        &mut self,
        x: &Pair<R>,
        audience: Audience,
    ) -> Result<Option<Vec<R>>, Fault> {
        self.reveal(x, audience).await
    }

    async fn multiply<R: Ring>(&mut self, x: &Pair<R>, y: &Pair<R>) -> Result<Pair<R>, Fault> {
        self.product(x, y).await
    }

    async fn dot<R: Ring>(
        &mut self,
        x: &Pair<R>,
        y: &Pair<R>,
        block: usize,
    ) -> Result<Pair<R>, Fault> {
        self.inner_products(x, y, block).await
    }

    async fn matrix_product<R: Ring>(
        &mut self,
        x: &Pair<R>,
        y: &Pair<R>,
        dimensions: Dimensions,
    ) -> Result<Pair<R>, Fault> {
        self.product_of_matrices(x, y, dimensions).await
    }

    async fn addends<R: Ring>(
        &mut self,
        x: &Pair<R>,
        digits: usize,
    ) -> Result<Vec<Vec<Pair<Lanes>>>, Fault> {
        self.bits_of_addends(x, digits).await
    }

    async fn inject<R: Ring>(
        &mut self,
        planes: &[&Pair<Lanes>],
        lanes: usize,
    ) -> Result<Pair<R>, Fault> {
        self.numbers_of_bits(planes, lanes).await
    }

    async fn shuffle(&mut self, columns: Columns<Self>) -> Result<Columns<Self>, Fault> {
        self.shuffled(columns).await
    }
}
