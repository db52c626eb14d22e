//! Sharing of inputs.
//!
//! **By a seat** s, v = x_s + x_{s+1}: x_s comes from the PRSS stream that it shares with its
//! predecessor, x_{s+1} = v − x_s goes to its successor, and x_{s+2} = 0. The successor sees v
//! minus a mask that it does not have, the predecessor the mask alone.
//!
//! **By a party without a seat**, v = x_0 + x_1 + x_2. x_0 and x_1 are expanded from keys that the
//! party and seat 0 share. Seat 1 is sent the key of x_1 and x_2 = v − x_0 − x_1, seat 2 the key of
//! x_0 and x_2. Each seat lacks one key or x_2.
//!
//! The two seats that hold a component check with the next opening that they were dealt the same
//! (see [`super::dealer_consistency`]).
//!
//! Bytes sent: one element each by a seat; two, and two keys, by others.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use zeroize::Zeroizing;

use crate::algebra::elementwise::{difference, sum, zip_exact};
use crate::algebra::ring::Ring;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::random::Prg;
use crate::kernel::session::PairKey;
use crate::kernel::wire;
use crate::suites::replicated::committee::SEATS;
use crate::suites::replicated::{Replicated, ReplicatedShare};

const KEY: usize = 32;

/// The keys of inputs, which a party without a seat and seat 0 make alike.
pub(super) struct InputKeys {
    key: PairKey,
    uses: u64,
}

impl InputKeys {
    pub(super) fn new(key: &PairKey) -> Self {
        Self { key: key.derived("cloister 1 replicated: keys of inputs"), uses: 0 }
    }

    /// Returns the keys of x_0 and x_1 of the next input.
    fn next(&mut self) -> [Zeroizing<[u8; KEY]>; 2] {
        let number = self.uses;
        self.uses += 1;
        ["cloister 1 replicated: share 0", "cloister 1 replicated: share 1"]
            .map(|purpose| self.key.for_use(purpose, number))
    }
}

impl Replicated<'_> {
    pub(super) async fn inputs<R: Ring>(
        &mut self,
        mine: &[R],
        lengths: &[usize],
    ) -> Result<Vec<ReplicatedShare<R>>, Fault> {
        let me = self.channel.parties().me();
        let inputs: Vec<Party> = self.roles.inputs().collect();
        let place = inputs.iter().position(|party| *party == me);
        let own = place.and_then(|place| lengths.get(place)).copied().unwrap_or(0);
        if own != mine.len() || lengths.len() != inputs.len() {
            return Err(InputError::Shape { expected: "as many elements as were agreed" }.into());
        }
        self.channel.begin_round("share");
        self.open_windows_of_inputs::<R>(me, lengths).await?;
        let mut own = self.bring_in(me, mine);
        let mut shares = Vec::with_capacity(lengths.len());
        for (party, len) in zip_exact(inputs, lengths) {
            shares.push(match own.take_if(|_| party == me) {
                Some(own) => own,
                None => self.take_in(party, *len).await?,
            });
        }
        Ok(shares)
    }

    /// Opens the windows of what dealers send to this seat, and of what this party deals.
    async fn open_windows_of_inputs<R: Ring>(
        &self,
        me: Party,
        lengths: &[usize],
    ) -> Result<(), Fault> {
        let mut incoming = Vec::new();
        let mut outgoing = Vec::new();
        for (party, len) in self.channel.parties().all().zip(lengths) {
            for (seat, length) in self.dealt_to(party, len * R::BYTES) {
                if seat == me {
                    incoming.push((party, length));
                } else if party == me {
                    outgoing.push((seat, length));
                }
            }
        }
        self.channel.open_windows(&incoming, &outgoing).await
    }

    /// Returns the members to which a dealer of so many bytes sends messages, with their lengths.
    fn dealt_to(&self, dealer: Party, length: usize) -> Vec<(Party, usize)> {
        let seats = self.committee.seats();
        match self.committee.seat(dealer) {
            Some(seat) => {
                let next = seats.get((seat + 1) % SEATS).expect("a seat has a successor");
                vec![(*next, length)]
            }
            None => vec![(seats[1], KEY + length), (seats[2], KEY + length)],
        }
    }

    /// Shares this party's own vector.
    fn bring_in<R: Ring>(&mut self, me: Party, v: &[R]) -> Option<ReplicatedShare<R>> {
        if v.is_empty() {
            return Some(self.empty());
        }
        if self.seat.is_none() {
            self.bring_in_from_outside(me, v);
            return Some(ReplicatedShare::absent(v.len()));
        }
        self.deal(v)
    }

    /// Makes a vector without elements.
    fn empty<R: Ring>(&self) -> ReplicatedShare<R> {
        match self.seat {
            None => ReplicatedShare::absent(0),
            Some(_) => ReplicatedShare::new([Vec::new(), Vec::new()]),
        }
    }

    /// Shares a vector as a seat: x_s from the PRSS stream, x_{s+1} to the successor.
    pub(super) fn deal<R: Ring>(&mut self, v: &[R]) -> Option<ReplicatedShare<R>> {
        let seat = self.seat.as_mut()?;
        let x: Vec<R> = seat.with_previous.input.read(v.len());
        let x_next = Arc::new(difference(v, &x).into());
        self.channel.send(seat.next, wire::shared_elements(&x_next));
        Some(ReplicatedShare::of_shared([Arc::new(x.into()), x_next]))
    }

    fn bring_in_from_outside<R: Ring>(&mut self, me: Party, v: &[R]) {
        let keys = self.input_keys.get_mut(&me);
        let [key_0, key_1] = keys.expect("a party without a seat shares keys with seat 0").next();
        let (x_0, x_1): (Vec<R>, Vec<R>) = (expand(&key_0, v.len()), expand(&key_1, v.len()));
        let x_2 = wire::elements(difference(v, &sum(&x_0, &x_1)));
        let [_, seat_1, seat_2] = *self.committee.seats();
        for (seat, key) in [(seat_1, key_1), (seat_2, key_0)] {
            let mut message = BytesMut::with_capacity(KEY + x_2.len());
            message.put_slice(key.as_slice());
            message.put_slice(&x_2);
            self.channel.send(seat, message);
        }
    }

    /// Takes this member's shares of the vector of another party.
    async fn take_in<R: Ring>(
        &mut self,
        party: Party,
        len: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        if self.seat.is_none() {
            return Ok(ReplicatedShare::absent(len));
        }
        if len == 0 {
            return Ok(self.empty());
        }
        match self.committee.seat(party) {
            Some(dealer) => self.take_dealt(dealer, len).await,
            None => self.take_in_from_outside(party, len).await,
        }
    }

    /// Takes this member's shares of the vector that the seat `dealer` deals, which is another one.
    pub(super) async fn take_dealt<R: Ring>(
        &mut self,
        dealer: usize,
        len: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let Some(seat) = &mut self.seat else {
            return Ok(ReplicatedShare::absent(len));
        };
        let zero = vec![R::ZERO; len];
        if (dealer + 1) % SEATS == seat.index {
            let x = self.channel.receive_elements(seat.previous, len).await?;
            return Ok(ReplicatedShare::new([x, zero]));
        }
        Ok(ReplicatedShare::new([zero, seat.with_next.input.read(len)]))
    }

    async fn take_in_from_outside<R: Ring>(
        &mut self,
        party: Party,
        len: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        if let Some(keys) = self.input_keys.get_mut(&party) {
            let [key_0, key_1] = keys.next();
            self.dealt.note(party, key_0.as_slice(), key_1.as_slice());
            return Ok(ReplicatedShare::new([expand(&key_0, len), expand(&key_1, len)]));
        }
        let message = self.channel.receive_exactly(party, KEY + len * R::BYTES).await?;
        let mut bytes = message.into_bytes();
        let x_2 = bytes.split_off(KEY);
        let is_seat_1 = self.seat.as_ref().is_some_and(|seat| seat.index == 1);
        let [own, shared] = if is_seat_1 { [&bytes, &x_2] } else { [&x_2, &bytes] };
        self.dealt.note(party, own, shared);
        let x_2 = wire::read_elements(len, std::iter::once(&*x_2));
        let mut key = Zeroizing::new([0; KEY]);
        key.copy_from_slice(&bytes);
        let expanded = expand(&key, len);
        Ok(ReplicatedShare::new(if is_seat_1 { [expanded, x_2] } else { [x_2, expanded] }))
    }
}

fn expand<R: Ring>(key: &Zeroizing<[u8; KEY]>, len: usize) -> Vec<R> {
    Prss::of(Prg::new(key)).read(len)
}
