//! From numbers to bits and back.
//!
//! **To bits:** x = Σ x_i, so the bits of each party's own share are an addend, which needs no
//! message.
//!
//! **To numbers:** with the parties in order, X = b_0, and X ← X + b_j − 2·X·b_j for each further
//! party j, whose bit b_j only j knows. X is shared among the parties before j. For X_i·b_j the
//! pair (i, j) has a random number a at i and a random bit b at j, with shares u + v = a·b. Party j
//! sends f = b_j ⊕ b, party i sends D = X_i − a. Then X_i·b_j = D·b_j + a·f + (1 − 2f)·(u + v).
//! Party j computes the first term and the one with v, party i the others.
//!
//! n − 1 rounds, because party j sends on the shares from those before it. All f go in the first.

use std::collections::BTreeMap;

use super::triple_pool::Kind;
use super::{AdditiveShare, Pairwise};
use crate::algebra::elementwise::{difference, zip_exact};
use crate::algebra::packed_bits::{PackedBits, bit_slice_words, bit_slices_of, extend_by_bits};
use crate::algebra::ring::Ring;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::wire;

impl Pairwise<'_> {
    pub(super) fn bits_of_addends<R: Ring>(
        &self,
        x: &AdditiveShare<R>,
        width: usize,
    ) -> Vec<Vec<AdditiveShare<PackedBits>>> {
        let words = bit_slice_words(x.len());
        let [share] = x.parts();
        let of_party = |party: Party| {
            let own = || bit_slices_of(share, 0..width);
            self.known_by_one(Some(party), words * width, own).split_into(width)
        };
        self.channel.parties().all().map(of_party).collect()
    }

    pub(super) async fn numbers_of_bits<R: Ring>(
        &mut self,
        bit_slices: &[&AdditiveShare<PackedBits>],
        lanes: usize,
    ) -> Result<AdditiveShare<R>, Fault> {
        let mut bits: Vec<R> = Vec::with_capacity(bit_slices.len() * lanes);
        for bit_slice in bit_slices {
            let [bit_slice] = bit_slice.parts();
            extend_by_bits(&mut bits, bit_slice, lanes);
        }
        let kind = Kind::scaled::<R>();
        self.preprocessing.provide(self.channel, kind, bits.len()).await?;
        let me = self.order.iter().position(|party| *party == self.me());
        let me = me.expect("we are one of the parties");
        let mut scaled = BTreeMap::new();
        for index in 0..self.preprocessing.peers.len() {
            let [a, _, c] = self.preprocessing.take::<R>(index, kind, bits.len());
            let peer =
                self.preprocessing.peers.get(index).expect("a peer has a number below their count");
            scaled.insert(peer.party, (a, c));
        }

        self.channel.begin_round("bits as numbers");
        let (before, behind) = self.order.split_at(me);
        let (_, behind) = behind.split_first().expect("we are one of the parties");
        let words = bit_slice_words(bits.len());
        self.open_windows_of_bits(before, behind, bits.len() * R::BYTES, words).await?;
        for party in before {
            let (b, _) = scaled.get(party).expect("each peer has its correlations");
            let turned = zip_exact(&bits, b).map(|(bit, b)| different(*bit, *b));
            self.channel.send(*party, wire::elements(packed(turned)));
        }
        // The share of X once this party's own bit is in it: the messages of the parties before are
        // due first.
        let mut x = bits.clone();
        for party in before {
            let (b, v) = scaled.get(party).expect("each peer has its correlations");
            let d = self.channel.receive_elements::<R>(*party, bits.len()).await?;
            for (((x, bit), d), (b, v)) in
                zip_exact(zip_exact(zip_exact(x.iter_mut(), &bits), d), zip_exact(b.iter(), v))
            {
                let v = sign(different(*bit, *b), *v);
                *x = x.minus(twice(bit.times(d).plus(v)));
            }
        }
        for (round, party) in (me..).zip(behind) {
            if round > 0 {
                self.channel.begin_round("bits as numbers");
            }
            let (a, u) = scaled.get(party).expect("each peer has its correlations");
            let d = difference(&x, a);
            self.channel.send(*party, wire::elements(d));
            let turned = self.channel.receive_elements::<PackedBits>(*party, words).await?;
            let mut f: Vec<R> = Vec::with_capacity(bits.len());
            extend_by_bits(&mut f, &turned, bits.len());
            for ((x, f), (a, u)) in zip_exact(zip_exact(x.iter_mut(), f), zip_exact(a.iter(), u)) {
                *x = x.minus(twice(a.times(f).plus(sign(f, *u))));
            }
        }
        Ok(AdditiveShare::new([x]))
    }

    /// Opens the windows of all rounds: each party sends `length` bytes to those behind it, and
    /// `words` words to those before it.
    async fn open_windows_of_bits(
        &self,
        before: &[Party],
        behind: &[Party],
        length: usize,
        words: usize,
    ) -> Result<(), Fault> {
        let long = |party: &Party| (*party, length);
        let short = |party: &Party| (*party, words * PackedBits::BYTES);
        let incoming: Vec<_> = before.iter().map(long).chain(behind.iter().map(short)).collect();
        let outgoing: Vec<_> = before.iter().map(short).chain(behind.iter().map(long)).collect();
        self.channel.open_windows(&incoming, &outgoing).await
    }
}

/// Returns b ⊕ c as a number.
fn different<R: Ring>(b: R, c: R) -> R {
    b.plus(c).minus(twice(b.times(c)))
}

fn twice<R: Ring>(x: R) -> R {
    x.plus(x)
}

/// Returns (1 − 2f)·x.
fn sign<R: Ring>(f: R, x: R) -> R {
    x.minus(twice(f.times(x)))
}

/// Packs numbers 0 and 1 into a bit slice.
fn packed<R: Ring>(bits: impl Iterator<Item = R>) -> Vec<PackedBits> {
    let bits: Vec<u64> = bits.map(|bit| bit.word(0)).collect();
    let word = |bits: &[u64]| bits.iter().rev().fold(0, |word, bit| (word << 1) | (bit & 1));
    bits.chunks(64).map(|bits| PackedBits(word(bits))).collect()
}
