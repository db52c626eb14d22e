//! Reconstruction. Each recipient gets its missing component from one holder and a hash of it from
//! the other, so one corrupt seat is detected.
//!
//! Seat s lacks x_{s+2}, which its predecessor and its successor hold. The predecessor sends it,
//! the successor a hash of it. A party without a seat gets every x_s from seat s and a hash of it
//! from seat s − 1. If the two do not fit, one of the two senders lies, and the opening ends.
//!
//! A seat learns nothing but the value: x_{s+2} is the value minus its own components. A party
//! without a seat would see all three components, which may tell more than their sum: a component
//! of an input may be a mask that was used elsewhere. So for these the seats first rerandomise the
//! components to x_0 + r_0, x_1 + r_1, x_2 − r_0 − r_1, with r from a PRSS stream that the three
//! seats share.
//!
//! Bytes sent by a seat: one element to its successor and 32 bytes to its predecessor; one element
//! and 32 bytes to each party without a seat.

use bytes::Bytes;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::algebra::elementwise::{difference, sum, zip_exact};
use crate::algebra::ring::Ring;
use crate::engine::Reconstructed;
use crate::engine::shared::Shared;
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::random::Prg;
use crate::kernel::reveal::Recipients;
use crate::kernel::wire;
use crate::suites::replicated::committee::SEATS;
use crate::suites::replicated::seat::Seat;
use crate::suites::replicated::{Replicated, ReplicatedShare};

const DIGEST: usize = 32;
const KEY: usize = 32;

impl Replicated<'_> {
    pub(super) async fn reveal<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        recipients: Recipients,
    ) -> Result<Reconstructed<Vec<R>>, Fault> {
        self.channel.begin_round("open");
        self.open_windows_of_opening(recipients, x.len() * R::BYTES).await?;
        // No share leaves before all that it follows from is known to be consistent.
        if let Some(seat) = &self.seat {
            self.dealt.tell(self.channel, seat);
            self.dealt.compare(self.channel, seat).await?;
        }
        self.send_missing_shares(x, recipients);
        if !self.is_of(recipients, self.channel.parties().me()) {
            return Ok(Reconstructed::NotARecipient);
        }
        let [x_0, x_1, x_2] = match &self.seat {
            Some(seat) => reconstruct(self, seat, x).await?,
            None => reconstruct_without_seat(self, x.len()).await?,
        };
        let opened = sum(&sum(&x_0, &x_1), &x_2);
        #[cfg(test)]
        crate::engine::openings::note(self.channel.parties().me(), bytemuck::cast_slice(&opened));
        Ok(Reconstructed::Value(opened))
    }

    /// Opens the windows of the missing components, of so many bytes: of those that this recipient
    /// gets, and of those that this seat sends.
    async fn open_windows_of_opening(
        &self,
        recipients: Recipients,
        length: usize,
    ) -> Result<(), Fault> {
        let is_recipient = self.is_of(recipients, self.channel.parties().me());
        let Some(seat) = &self.seat else {
            let seats = self.committee.seats().iter().filter(|_| is_recipient);
            let incoming: Vec<_> = seats.map(|seat| (*seat, DIGEST + length)).collect();
            return self.channel.open_windows(&incoming, &[]).await;
        };
        let incoming = is_recipient.then_some((seat.previous, length));
        let next = self.is_of(recipients, seat.next).then_some((seat.next, length));
        let outside = self.outside(recipients).into_iter().map(|party| (party, DIGEST + length));
        let outgoing: Vec<_> = next.into_iter().chain(outside).collect();
        self.channel.open_windows(incoming.as_slice(), &outgoing).await
    }

    /// Sends the recipients their missing components.
    fn send_missing_shares<R: Ring>(&mut self, x: &ReplicatedShare<R>, recipients: Recipients) {
        let Some(seat) = &self.seat else { return };
        let (previous, next) = (seat.previous, seat.next);
        let [own, shared] = x.shared_parts();
        if self.is_of(recipients, next) {
            self.channel.send(next, wire::shared_elements(own));
        }
        if self.is_of(recipients, previous) {
            self.channel.send(previous, digest(&wire::shared_elements(shared)));
        }
        let outside = self.outside(recipients);
        if outside.is_empty() {
            return;
        }
        let [own, shared] = self.rerandomised(x);
        let message = [digest(&wire::elements(shared)), wire::elements(own)].concat();
        let message = Bytes::from(message);
        outside.iter().for_each(|party| self.channel.send(*party, message.clone()));
    }

    /// Returns the components as parties without a seat may see them.
    fn rerandomised<R: Ring>(&mut self, x: &ReplicatedShare<R>) -> [Vec<R>; 2] {
        let seat = self.seat.as_ref().expect("a seat opens");
        let prss = self.common.as_mut().expect("seats that show openings outside share a key");
        let (r_0, r_1) = (prss.read::<R>(x.len()), prss.read::<R>(x.len()));
        let move_component = |index: usize, component: &[R]| -> Vec<R> {
            match index % SEATS {
                0 => sum(component, &r_0),
                1 => sum(component, &r_1),
                _ => difference(component, &sum(&r_0, &r_1)),
            }
        };
        let [own, shared] = x.parts();
        [move_component(seat.index, own), move_component(seat.index + 1, shared)]
    }

    /// Returns the recipients without a seat.
    fn outside(&self, recipients: Recipients) -> Vec<Party> {
        let parties = self.channel.parties().all();
        let outside = |party: &Party| self.committee.seat(*party).is_none();
        parties.filter(|party| self.is_of(recipients, *party) && outside(party)).collect()
    }

    fn is_of(&self, recipients: Recipients, party: Party) -> bool {
        match recipients {
            Recipients::All => true,
            Recipients::Parties => self.roles.gets_answer(party),
            Recipients::Computing => self.committee.seat(party).is_some(),
        }
    }

    /// Draws a key that only the seats have, if openings are shown to members without a seat. Two
    /// rounds; the second finds out whether all were told the same. 32 bytes to each other seat in
    /// each.
    pub(super) async fn draw_common_key(&mut self, rng: &mut impl CryptoRng) -> Result<(), Fault> {
        let Some(seat) = &self.seat else { return Ok(()) };
        if self.outside(Recipients::All).is_empty() {
            return Ok(());
        }
        let mut part = Zeroizing::new([0; KEY]);
        rng.fill_bytes(part.as_mut_slice());
        let others = [seat.previous, seat.next];
        let mut parts = exchange(self.channel, "common key", others, part.to_vec()).await?;
        parts.push((self.channel.parties().me(), Bytes::copy_from_slice(part.as_slice())));
        parts.sort_by_key(|(party, _)| *party);
        let parts: Vec<u8> = parts.iter().flat_map(|(_, part)| part.to_vec()).collect();
        let parts = Zeroizing::new(parts);
        let hash = |purpose: &'static str| self.hash_of_parts(purpose, &parts);

        let seen = hash("cloister 1 replicated: parts of the common key");
        let told = exchange(self.channel, "same common key", others, seen.to_vec()).await?;
        for ((witness, told), accused) in zip_exact(told, [seat.next, seat.previous]) {
            if *told != *seen.as_slice() {
                return Err(Fault::Equivocation { witness, accused });
            }
        }
        let key = hash("cloister 1 replicated: common key");
        self.common = Some(Prss::of(Prg::new(&key)));
        Ok(())
    }

    fn hash_of_parts(&self, purpose: &'static str, parts: &[u8]) -> Zeroizing<[u8; KEY]> {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(self.session.as_bytes());
        hasher.update(parts);
        let hash = Zeroizing::new(*hasher.finalize().as_bytes());
        hasher.zeroize();
        hash
    }
}

/// Sends `message` of [`KEY`] bytes to both others, and receives theirs.
async fn exchange(
    channel: &Channel,
    round: &'static str,
    others: [Party; 2],
    message: Vec<u8>,
) -> Result<Vec<(Party, Bytes)>, Fault> {
    channel.begin_round(round);
    let message = Bytes::from(message);
    others.iter().for_each(|to| channel.send(*to, message.clone()));
    let mut theirs = Vec::with_capacity(others.len());
    for from in others {
        theirs.push((from, channel.receive_exactly(from, KEY).await?.into_bytes()));
    }
    Ok(theirs)
}

/// Reconstructs all three components at a seat.
async fn reconstruct<R: Ring>(
    engine: &Replicated<'_>,
    seat: &Seat,
    x: &ReplicatedShare<R>,
) -> Result<[Vec<R>; SEATS], Fault> {
    let channel = engine.channel;
    let lacking = channel.receive_exactly(seat.previous, x.len() * R::BYTES).await?;
    let lacking = lacking.into_bytes();
    let due = channel.receive_exactly(seat.next, DIGEST).await?.into_bytes();
    if digest(&lacking) != due {
        return Err(Fault::InconsistentShares { one: seat.previous, other: seat.next });
    }
    let [own, shared] = x.parts();
    Ok([own.to_vec(), shared.to_vec(), wire::read_elements(x.len(), std::iter::once(&*lacking))])
}

/// Reconstructs all three components at a party without a seat.
async fn reconstruct_without_seat<R: Ring>(
    engine: &Replicated<'_>,
    len: usize,
) -> Result<[Vec<R>; SEATS], Fault> {
    let seats = engine.committee.seats();
    let mut components = Vec::with_capacity(SEATS);
    let mut digests = Vec::with_capacity(SEATS);
    for seat in seats {
        let message = engine.channel.receive_exactly(*seat, DIGEST + len * R::BYTES).await?;
        let mut bytes = message.into_bytes();
        components.push(bytes.split_off(DIGEST));
        digests.push(bytes);
    }
    // Seat s has sent a hash of the component that seat s + 1 has sent.
    digests.rotate_right(1);
    for (index, (component, due)) in zip_exact(components.iter(), &digests).enumerate() {
        if digest(component) != *due {
            let seat = |steps: usize| *seats.get((index + steps) % SEATS).expect("three seats");
            let (one, other) = (seat(0), seat(2));
            return Err(Fault::InconsistentShares { one, other });
        }
    }
    let elements = |bytes: Bytes| wire::read_elements(len, std::iter::once(&*bytes));
    let mut components = components.into_iter().map(elements);
    Ok(std::array::from_fn(|_| components.next().expect("each seat has sent a component")))
}

fn digest(bytes: &[u8]) -> Bytes {
    let digest = blake3::derive_key("cloister 1 replicated: opened share", bytes);
    Bytes::copy_from_slice(&digest)
}
