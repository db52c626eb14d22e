//! What a computation has to use up with each peer: what was made ahead, and what it makes as it goes.
//!
//! Messages between the two ends of a link, each in both directions at once:
//! 1. *Stock*: the names of the base and of the lot that we have. What both have is used.
//! 2. Where more is needed and there is no base: *base transfers* and *trees* (see [`super::transfer`]).
//! 3. *Extend* and *correct*, as often as it takes: chunks of transfers, and the corrections that make
//!    products of them (see [`super::correlations`]). While one lot of chunks is worked on, the next is
//!    under way.
//!
//! Everything derives from the key that the two have in this session; the numbers of blocks go on through it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::correlations::{Number, words_of};
use super::jobs::{Bits, Halves, Job, Products, Scaled, Sent, Taken};
use super::store::Stores;
use super::transfer::base::{self, Key};
use super::transfer::extension::{Chunk, Delta, Received, Receiver, Sender};
use super::transfer::hashing::Keys;
use super::transfer::tree::{self, DEALT, Seed};
use super::transfer::{DELTA, GROUPS};
use crate::algebra::ring::Ring;
use crate::channel::Channel;
use crate::fault::{Fault, Misbehaviour};
use crate::party::Party;
use crate::random::{Expander, Stream};
use crate::session::{PairKey, Session};
use crate::tape::Tape;
use crate::wire;

/// Transfers in a chunk, as many as keep its columns in the nearer caches.
const ROWS: usize = 1 << 14;

/// Chunks that are worked on side by side, and travel in one message.
const WAVE: usize = 4;

/// The most bytes of a message: of extended transfers, or of corrections.
pub(super) const LARGEST: usize = 640 << 10;

const _: () = {
    let extended = 16 * ((GROUPS - 1) * (ROWS / 128 + 1) + 1 + DELTA) + ROWS / 8;
    let corrections = ROWS / 64 * (64 / 2 + 1) * 8;
    assert!(WAVE * extended <= LARGEST && WAVE * corrections <= LARGEST);
};

/// Bytes of a stock message: the name of the base, and that of a lot.
const STOCK: usize = 16 + 8;

/// What both ends of a link keep from base transfers on: enough for any number of transfers.
pub(super) struct Base {
    /// The same at both ends.
    name: [u8; 16],
    /// All leaves, for transfers that we receive.
    leaves: Vec<Seed>,
    /// Our Δ, for transfers that we send, and all leaves but those that it names.
    delta: Delta,
    known: Vec<Seed>,
    /// Hashes of the trees that we have dealt, and of those that the peer has.
    dealt: [u8; 32],
    taken: [u8; 32],
    /// A chunk did not pass its check: whoever made it may know digits of Δ.
    spoiled: AtomicBool,
}

/// What correlations are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Products of 64 bits.
    Bits,
    /// Products of numbers of so many words.
    Numbers(usize),
    /// Products of a bit, which the later of the two has, and a number of so many words.
    Scaled(usize),
}

/// Correlations of one kind, in words: a·b of the two ends' a and b, and shares of it.
#[derive(Default)]
struct Pool {
    a: Vec<u64>,
    b: Vec<u64>,
    c: Vec<u64>,
}

/// Correlations that two ends have made ahead.
pub(super) struct Lot(Vec<(Kind, Pool)>);

/// One end of a link in one session.
pub(super) struct Peer {
    pub(super) party: Party,
    /// Whether we are the earlier of the two, and send where only one does.
    first: bool,
    key: PairKey,
    link: [u8; 32],
    base: Option<Arc<Base>>,
    ends: Option<Ends>,
    /// What has come of the next chunks that we send.
    extended: Option<Bytes>,
    pools: [Pool; 5],
}

/// Both directions of transfers.
struct Ends {
    sender: Sender,
    receiver: Receiver,
    keys_of_sent: Keys,
    keys_of_received: Keys,
    /// The next block of what we send, and of what we receive.
    next_sent: u64,
    next_received: u64,
}

/// All peers of one session.
pub(super) struct Supply {
    stores: Stores,
    /// Whether a new base is kept for later computations. Who uses nothing leaves all as it is.
    keeps: bool,
    pub(super) peers: Vec<Peer>,
    /// Our own secrets: what we bring into correlations, and what base transfers draw.
    own: Tape,
    rng: Stream,
}

/// What a computation uses of what was made ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// Nothing, so that it costs the same each time.
    Nothing,
    /// The base of transfers alone.
    Base,
    /// The base, and a lot.
    Lot,
}

/// Which directions transfers have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    Both,
    /// From the earlier of the two to the later.
    Forth,
}

impl Kind {
    /// Of products of such elements.
    pub(super) fn products<R: Ring>() -> Self {
        match R::ONE.plus(R::ONE) == R::ZERO {
            true => Self::Bits,
            false => Self::Numbers(R::BYTES / 8),
        }
    }

    /// Of bits with such numbers.
    pub(super) fn scaled<R: Ring>() -> Self {
        Self::Scaled(R::BYTES / 8)
    }

    fn place(self) -> usize {
        match self {
            Self::Bits => 0,
            Self::Numbers(1) => 1,
            Self::Numbers(_) => 2,
            Self::Scaled(1) => 3,
            Self::Scaled(_) => 4,
        }
    }

    /// Words of one a.
    fn words(self) -> usize {
        match self {
            Self::Bits => 1,
            Self::Numbers(words) | Self::Scaled(words) => words,
        }
    }

    /// Transfers that one takes in each direction.
    fn transfers(self) -> usize {
        match self {
            Self::Bits => 64,
            Self::Numbers(words) => 64 * words,
            Self::Scaled(_) => 1,
        }
    }

    fn directions(self) -> Directions {
        match self {
            Self::Bits | Self::Numbers(_) => Directions::Both,
            Self::Scaled(_) => Directions::Forth,
        }
    }

    /// Chunks that are made at least, because fewer cost no less time.
    fn least_chunks(self) -> usize {
        match self {
            Self::Bits => WAVE,
            Self::Numbers(_) | Self::Scaled(_) => 1,
        }
    }
}

impl Pool {
    /// Takes out the first `count` words.
    fn take(&mut self, count: usize) -> Self {
        let take = |of: &mut Vec<u64>| {
            let rest = of.split_off(count.min(of.len()));
            std::mem::replace(of, rest)
        };
        Self { a: take(&mut self.a), b: take(&mut self.b), c: take(&mut self.c) }
    }

    fn put(&mut self, more: Self) {
        let put = |of: &mut Vec<u64>, more: Vec<u64>| match of.is_empty() {
            true => *of = more,
            false => of.extend(more),
        };
        put(&mut self.a, more.a);
        put(&mut self.b, more.b);
        put(&mut self.c, more.c);
    }
}

impl Lot {
    /// What is in a lot: enough for the median of some hundreds of numbers.
    const CONTENT: [(Kind, usize); 3] =
        [(Kind::Bits, 2 * WAVE), (Kind::Numbers(1), WAVE), (Kind::Scaled(1), 1)];

    /// Bytes of a lot.
    pub(super) const BYTES: usize = {
        let bits = 2 * WAVE * ROWS / 64 * 24;
        let numbers = WAVE * ROWS / 64 * 24;
        bits + numbers + ROWS * 16
    };
}

impl Peer {
    fn pool(&mut self, kind: Kind) -> &mut Pool {
        let [bits, numbers, wide, scaled, wide_scaled] = &mut self.pools;
        match kind.place() {
            0 => bits,
            1 => numbers,
            2 => wide,
            3 => scaled,
            _ => wide_scaled,
        }
    }

    /// Whether we send, and whether we receive.
    fn takes_part(&self, directions: Directions) -> (bool, bool) {
        match directions {
            Directions::Both => (true, true),
            Directions::Forth => (self.first, !self.first),
        }
    }

    /// Whether the receiver waits for us to say that it may go on.
    fn holds_back<J: Job>(&self, size: Size, job: &J) -> bool {
        let (sends, _) = self.takes_part(size.directions);
        sends && is_one_way(size, job)
    }

    fn hash_keys(&self, sender_is_first: bool) -> Keys {
        Keys::new(self.key.for_use("cloister 1 pairwise: hash", u64::from(sender_is_first)))
    }

    fn begin(&mut self, base: &Arc<Base>) {
        // The trees are in it, so that nobody can look for trees that pass a check which it knows.
        let session = |trees: &[u8; 32]| {
            let key = self.key.for_use("cloister 1 pairwise: transfers", 0);
            Zeroizing::new(*blake3::keyed_hash(&key, trees).as_bytes())
        };
        self.ends = Some(Ends {
            sender: Sender::fork(&base.delta, &base.known, &session(&base.taken)),
            receiver: Receiver::fork(&base.leaves, &session(&base.dealt)),
            keys_of_sent: self.hash_keys(self.first),
            keys_of_received: self.hash_keys(!self.first),
            next_sent: 0,
            next_received: 0,
        });
    }

    fn blame(&self) -> Fault {
        Fault::blame(self.party, Misbehaviour::WrongTransfer)
    }
}

impl Base {
    /// Whether it must not be used any more.
    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }

    /// The same as it was made: what one run of a test spoils, the next has whole.
    #[cfg(test)]
    pub(super) fn anew(&self) -> Self {
        Self {
            name: self.name,
            leaves: self.leaves.clone(),
            delta: self.delta.clone(),
            known: self.known.clone(),
            dealt: self.dealt,
            taken: self.taken,
            spoiled: AtomicBool::new(false),
        }
    }

    fn spoil(&self) {
        self.spoiled.store(true, Ordering::Release);
    }
}

impl Supply {
    /// With every other party of `order`, in which the parties stand alike in all sessions.
    pub(super) async fn new(
        channel: &Channel,
        session: &Session,
        order: &[Party],
        ahead: Ahead,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Fault> {
        let me = channel.parties().me();
        let place = |party: Party| order.iter().position(|other| *other == party);
        let peer = |(party, key): (Party, &PairKey)| Peer {
            party,
            first: place(me) < place(party),
            key: key.derived("cloister 1 pairwise"),
            link: channel.link_binding(party),
            base: None,
            ends: None,
            extended: None,
            pools: Default::default(),
        };
        let mut key = || {
            let mut key = Zeroizing::new([0; 32]);
            rng.fill_bytes(key.as_mut_slice());
            Expander::new(&key)
        };
        let mut supply = Self {
            stores: channel.stores(),
            keeps: ahead != Ahead::Nothing,
            peers: session.pair_keys().map(peer).collect(),
            own: Tape::of(key()),
            rng: key().stream_from(0),
        };
        if ahead != Ahead::Nothing {
            supply.take_stock(channel, session.hash().as_bytes(), ahead).await?;
        }
        Ok(supply)
    }

    /// Uniform elements that only we know.
    pub(super) fn own<R: Ring>(&mut self, count: usize) -> Vec<R> {
        self.own.read(count)
    }

    /// A uniform order of so many rows that only we know.
    pub(super) fn own_order(&mut self, rows: usize) -> Vec<usize> {
        self.own.permutation(rows)
    }

    /// Finds out what both ends of each link have made ahead.
    async fn take_stock(
        &mut self,
        channel: &Channel,
        session: &[u8; 32],
        ahead: Ahead,
    ) -> Result<(), Fault> {
        channel.begin_preparation("stock");
        let mut offered = Vec::with_capacity(self.peers.len());
        for peer in &self.peers {
            let base = self.stores.base(&peer.link);
            let lot = match ahead {
                Ahead::Lot => self.stores.take_lot(&peer.link, session),
                Ahead::Nothing | Ahead::Base => None,
            };
            let name = base.as_ref().map_or([0; 16], |base| base.name);
            let id = lot.as_ref().map_or(0, |(id, _)| *id);
            channel.send(peer.party, [name.as_slice(), &id.to_le_bytes()].concat());
            offered.push((base, lot));
        }
        for (peer, (base, lot)) in self.peers.iter_mut().zip(offered) {
            let told = channel.receive_exactly(peer.party, STOCK).await?.into_bytes();
            let (name, id) = told.split_at(16);
            peer.base = base.filter(|base| base.name == *name);
            if let Some((_, Lot(pools))) = lot.filter(|(own, _)| own.to_le_bytes() == *id) {
                pools.into_iter().for_each(|(kind, pool)| peer.pool(kind).put(pool));
            }
        }
        Ok(())
    }

    /// Makes ahead what later computations use up, with every peer, and keeps it.
    pub(super) async fn make_lot(&mut self, channel: &Channel, id: u64) -> Result<(), Fault> {
        for (kind, chunks) in Lot::CONTENT {
            let chunks = vec![chunks; self.peers.len()];
            self.make(channel, kind, &chunks).await?;
        }
        for peer in &mut self.peers {
            let whole = |(kind, _): (Kind, usize)| (kind, std::mem::take(peer.pool(kind)));
            let lot = Lot(Lot::CONTENT.map(whole).into());
            if let Some(base) = &peer.base {
                self.stores.keep_lot(&peer.link, base, id, lot);
            }
        }
        Ok(())
    }

    /// Sees to it that there are `count` correlations with each peer.
    pub(super) async fn provide(
        &mut self,
        channel: &Channel,
        kind: Kind,
        count: usize,
    ) -> Result<(), Fault> {
        let due = count * kind.words();
        let chunks = |peer: &mut Peer| {
            let lacking = due.saturating_sub(peer.pool(kind).c.len()).div_ceil(kind.words());
            match (lacking * kind.transfers()).div_ceil(ROWS) {
                0 => 0,
                chunks => chunks.max(kind.least_chunks()),
            }
        };
        let chunks: Vec<usize> = self.peers.iter_mut().map(chunks).collect();
        self.make(channel, kind, &chunks).await
    }

    /// Takes out correlations with the peer of this number: a, b, and our share of both products.
    pub(super) fn take<R: Ring>(&mut self, peer: usize, kind: Kind, count: usize) -> [Vec<R>; 3] {
        let Some(peer) = self.peers.get_mut(peer) else { return Default::default() };
        let Pool { a, b, c } = peer.pool(kind).take(count * kind.words());
        [elements(a), elements(b), elements(c)]
    }

    /// Makes so many chunks of correlations with each peer.
    async fn make(&mut self, channel: &Channel, kind: Kind, chunks: &[usize]) -> Result<(), Fault> {
        let size = Size { rows: ROWS, directions: kind.directions() };
        match kind {
            Kind::Bits => {
                let jobs = chunks.iter().map(|_| Bits::default()).collect();
                for (peer, Bits(halves)) in self.run(channel, size, jobs, chunks).await? {
                    peer.pool(kind).put(Pool::of_bits(halves));
                }
            }
            Kind::Numbers(1) => self.make_products::<u64>(channel, kind, chunks).await?,
            Kind::Numbers(_) => self.make_products::<u128>(channel, kind, chunks).await?,
            Kind::Scaled(1) => self.make_scaled::<u64>(channel, kind, chunks).await?,
            Kind::Scaled(_) => self.make_scaled::<u128>(channel, kind, chunks).await?,
        }
        Ok(())
    }

    async fn make_products<N: Number>(
        &mut self,
        channel: &Channel,
        kind: Kind,
        chunks: &[usize],
    ) -> Result<(), Fault> {
        let size = Size { rows: ROWS, directions: kind.directions() };
        let factors: Vec<Vec<N>> =
            chunks.iter().map(|chunks| self.own(chunks * ROWS / N::BITS)).collect();
        let jobs = factors.iter().map(|a| Products::single(ROWS, a.clone())).collect();
        let made = self.run(channel, size, jobs, chunks).await?;
        for ((peer, job), a) in made.into_iter().zip(factors) {
            let (b, c) = job.finish();
            peer.pool(kind).put(Pool { a: words_of(a), b: words_of(b), c: words_of(c) });
        }
        Ok(())
    }

    async fn make_scaled<N: Number>(
        &mut self,
        channel: &Channel,
        kind: Kind,
        chunks: &[usize],
    ) -> Result<(), Fault> {
        let size = Size { rows: ROWS, directions: kind.directions() };
        let jobs = chunks.iter().map(|_| Scaled::<N>::default()).collect();
        for (peer, job) in self.run(channel, size, jobs, chunks).await? {
            let Halves { sent, received } = job.halves;
            let [a, c] = if peer.first { sent } else { received };
            peer.pool(kind).put(Pool { a, b: Vec::new(), c });
        }
        Ok(())
    }

    /// Runs a job with each peer over so many chunks of transfers.
    pub(super) async fn run<J: Job>(
        &mut self,
        channel: &Channel,
        size: Size,
        mut jobs: Vec<J>,
        chunks: &[usize],
    ) -> Result<Vec<(&mut Peer, J)>, Fault> {
        let busy: Vec<bool> = chunks.iter().map(|chunks| *chunks > 0).collect();
        self.begin(channel, &busy).await?;
        let waves = chunks.iter().copied().max().unwrap_or(0).div_ceil(WAVE);
        let mut under_way = Vec::new();
        for wave in 0..=waves {
            // What comes next is under way while this is worked on.
            let ahead = std::mem::take(&mut under_way);
            if wave < waves {
                channel.begin_preparation("extend transfers");
                for ((peer, job), chunks) in self.peers.iter_mut().zip(&jobs).zip(chunks) {
                    under_way.push(peer.extend(channel, size, job, of_wave(wave, *chunks)));
                }
            }
            let Some(wave) = wave.checked_sub(1) else { continue };
            let corrects = jobs.iter().any(|job| job.correction() > 0);
            if corrects {
                channel.begin_preparation("correct transfers");
            }
            for ((peer, job), chunks) in self.peers.iter_mut().zip(&mut jobs).zip(chunks) {
                peer.await_extended(channel, size, job, of_wave(wave, *chunks)).await?;
                let sent = peer.send(channel, size, job, of_wave(wave, *chunks));
                if sent.is_err() || peer.base.as_ref().is_some_and(|base| base.is_spoiled()) {
                    // Other computations that have the same base end too.
                    peer.base.iter().for_each(|base| base.spoil());
                    self.stores.forget(&peer.link);
                    return Err(peer.blame());
                }
                if of_wave(wave + 2, *chunks).start < *chunks && peer.holds_back(size, job) {
                    channel.send(peer.party, Vec::new());
                }
            }
            // What the peer has sent first comes first.
            for ((peer, job), chunks) in self.peers.iter_mut().zip(&jobs).zip(chunks) {
                peer.await_extended(channel, size, job, of_wave(wave + 1, *chunks)).await?;
            }
            let all = self.peers.iter_mut().zip(&mut jobs).zip(chunks);
            for (((peer, job), chunks), taken) in all.zip(ahead) {
                peer.receive(channel, job, taken).await?;
                let (_, receives) = peer.takes_part(size.directions);
                if receives && of_wave(wave + 2, *chunks).start < *chunks && is_one_way(size, job) {
                    channel.receive_exactly(peer.party, 0).await?;
                }
            }
        }
        Ok(self.peers.iter_mut().zip(jobs).collect())
    }

    /// Sees to it that there are both ends of transfers with each busy peer.
    async fn begin(&mut self, channel: &Channel, busy: &[bool]) -> Result<(), Fault> {
        let new = |(peer, busy): &(&mut Peer, &bool)| **busy && peer.ends.is_none();
        let (old, new): (Vec<&mut Peer>, Vec<&mut Peer>) = {
            let waiting = self.peers.iter_mut().zip(busy).filter(new).map(|(peer, _)| peer);
            waiting.partition(|peer| peer.base.is_some())
        };
        for peer in old {
            if let Some(base) = peer.base.clone() {
                peer.begin(&base);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        channel.begin_preparation("base transfers");
        let mut begun = Vec::with_capacity(new.len());
        for peer in &new {
            begun.push(Founding::begin(channel, peer, &mut self.rng));
        }
        channel.begin_preparation("trees");
        let mut dealt = Vec::with_capacity(new.len());
        for (peer, founding) in new.iter().zip(begun) {
            dealt.push(founding.deal(channel, peer, &mut self.rng).await?);
        }
        for (peer, dealt) in new.into_iter().zip(dealt) {
            let base = Arc::new(dealt.finish(channel, peer).await?);
            if self.keeps {
                self.stores.keep_base(peer.link, &base);
            }
            peer.begin(&base);
            peer.base = Some(base);
        }
        Ok(())
    }
}

/// Rows of a chunk, and who sends.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) directions: Directions,
}

/// The chunks of a wave, of so many in all.
fn of_wave(wave: usize, chunks: usize) -> Range<usize> {
    (wave * WAVE).min(chunks)..((wave + 1) * WAVE).min(chunks)
}

/// What we receive while its corrections are under way: each chunk with its number and its first block.
type UnderWay = Vec<(usize, u64, Received)>;

impl Peer {
    /// As the receiver: makes these chunks, and sends what the sender needs.
    fn extend<J: Job>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &J,
        numbers: Range<usize>,
    ) -> UnderWay {
        let (_, receives) = self.takes_part(size.directions);
        let Some(ends) = self.ends.as_mut().filter(|_| receives && !numbers.is_empty()) else {
            return Vec::new();
        };
        let chunks = chunks(&mut ends.next_received, size, numbers);
        let receiver = &ends.receiver;
        let extend = |(number, chunk): &(usize, Chunk)| {
            let (mut received, mut message) = receiver.receive(*chunk);
            if let Some(wanted) = job.wanted(*number) {
                for (choice, wanted) in received.choices.iter_mut().zip(wanted) {
                    message.extend_from_slice(&(*choice ^ wanted).to_le_bytes());
                    *choice = wanted;
                }
            }
            ((*number, chunk.first, received), message)
        };
        let made: (UnderWay, Vec<Vec<u8>>) = chunks.par_iter().map(extend).unzip();
        channel.send(self.party, made.1.concat());
        made.0
    }

    /// As the sender: waits for what the receiver sends for these chunks, unless it is there.
    async fn await_extended<J: Job>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        let (sends, _) = self.takes_part(size.directions);
        if !sends || numbers.is_empty() || self.extended.is_some() {
            return Ok(());
        }
        let length = extended_bytes(size, job) * numbers.len();
        let message = channel.receive_exactly(self.party, length).await?;
        self.extended = Some(message.into_bytes());
        Ok(())
    }

    /// As the sender: takes these chunks, whose message has come, and sends what corrects them.
    fn send<J: Job>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &mut J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        let blame = self.blame();
        let Some((message, ends)) = self.extended.take().zip(self.ends.as_mut()) else {
            return Ok(());
        };
        let chunks = chunks(&mut ends.next_sent, size, numbers);
        let each = extended_bytes(size, job);
        let (sender, keys) = (&ends.sender, &ends.keys_of_sent);
        let send = |((number, chunk), message): (&(usize, Chunk), &[u8])| {
            let (extended, turned) = message.split_at(chunk.message());
            let mut rows = sender.send(*chunk, extended)?;
            turn(&mut rows, turned, sender.delta());
            let hash = keys.of_chunk(chunk.first);
            let sent = Sent { rows, delta: sender.delta(), hash };
            let (part, correction) = job.sent(*number, sent);
            Some((*number, part, correction))
        };
        let sent: Option<Vec<_>> =
            chunks.par_iter().zip(message.par_chunks(each)).map(send).collect();
        let mut corrections = Vec::with_capacity(job.correction() * chunks.len());
        for (number, part, correction) in sent.ok_or(blame)? {
            job.absorb_sent(number, part);
            corrections.extend(correction);
        }
        if job.correction() > 0 {
            channel.send(self.party, wire::elements(corrections));
        }
        Ok(())
    }

    /// As the receiver: takes the corrections of what was under way.
    async fn receive<J: Job>(
        &mut self,
        channel: &Channel,
        job: &mut J,
        under_way: UnderWay,
    ) -> Result<(), Fault> {
        let Some(ends) = self.ends.as_ref().filter(|_| !under_way.is_empty()) else {
            return Ok(());
        };
        let each = job.correction();
        let corrections: Vec<u64> = match each {
            0 => Vec::new(),
            _ => channel.receive_elements(self.party, each * under_way.len()).await?,
        };
        let keys = &ends.keys_of_received;
        let finish = |(place, (number, first, received)): (usize, (usize, u64, Received))| {
            let correction = corrections.get(place * each..(place + 1) * each).unwrap_or_default();
            (
                number,
                job.received(number, Taken { received, hash: keys.of_chunk(first) }, correction),
            )
        };
        let parts: Vec<_> = under_way.into_par_iter().enumerate().map(finish).collect();
        parts.into_iter().for_each(|(number, part)| job.absorb_received(number, part));
        Ok(())
    }
}

/// Whether nothing would come back to the receiver but that it may go on.
fn is_one_way<J: Job>(size: Size, job: &J) -> bool {
    size.directions == Directions::Forth && job.correction() == 0
}

/// Bytes that a receiver sends for a chunk, with the choices that it turns around.
fn extended_bytes<J: Job>(size: Size, job: &J) -> usize {
    let turned = if job.wanted(0).is_some() { size.rows / 8 } else { 0 };
    turned + Chunk { first: 0, rows: size.rows }.message()
}

/// The chunks of these numbers, which take the next blocks.
fn chunks(next: &mut u64, size: Size, numbers: Range<usize>) -> Vec<(usize, Chunk)> {
    let chunk = |number: usize| {
        let chunk = Chunk { first: *next, rows: size.rows };
        *next = chunk.next().first;
        (number, chunk)
    };
    numbers.map(chunk).collect()
}

/// Adds Δ to the rows whose choice the receiver has turned around.
fn turn(rows: &mut [u128], turned: &[u8], delta: u128) {
    for (rows, turned) in rows.chunks_mut(8).zip(turned) {
        for (place, row) in rows.iter_mut().enumerate() {
            *row ^= delta & 0_u128.wrapping_sub(u128::from((turned >> place) & 1));
        }
    }
}

/// Base transfers under way: in one we send and the peer will receive extended ones, in the other the
/// reverse.
struct Founding {
    sender: base::Sender,
    receiver: base::Receiver,
    delta: Delta,
}

/// The same, with our trees dealt.
struct Dealt {
    leaves: Vec<Seed>,
    delta: Delta,
    known: Vec<Key>,
    hash: [u8; 32],
}

/// The context of base transfers that we send, and of those that we receive.
fn contexts(peer: &Peer) -> [Zeroizing<[u8; 32]>; 2] {
    let context =
        |first: bool| peer.key.for_use("cloister 1 pairwise: base transfers", u64::from(first));
    [context(peer.first), context(!peer.first)]
}

impl Founding {
    fn begin(channel: &Channel, peer: &Peer, rng: &mut impl CryptoRng) -> Self {
        let [_, receiving] = contexts(peer);
        let delta = Delta::draw(rng);
        let (sender, elements) = base::Sender::begin(DELTA, rng);
        let choices = delta.choices();
        let (receiver, pairs) = base::Receiver::begin(base::Session(&receiving), &choices, rng);
        channel.send(peer.party, [elements, pairs].concat());
        Self { sender, receiver, delta }
    }

    async fn deal(
        self,
        channel: &Channel,
        peer: &Peer,
        rng: &mut impl CryptoRng,
    ) -> Result<Dealt, Fault> {
        let Self { sender, receiver, delta } = self;
        let (elements, pairs) = (base::SENT * DELTA, base::RECEIVED * DELTA);
        let message = channel.receive_exactly(peer.party, elements + pairs).await?.into_bytes();
        let (elements, pairs) = message.split_at(elements);
        let [sending, receiving] = contexts(peer);
        let keys = sender.finish(base::Session(&sending), pairs);
        let known = receiver.finish(base::Session(&receiving), &delta.choices(), elements);
        let (keys, known) = keys.zip(known).ok_or_else(|| peer.blame())?;
        let root = |_| {
            let mut root = Seed::default();
            rng.fill_bytes(root.as_mut_slice());
            root
        };
        let roots: Vec<Seed> = (0..GROUPS).map(root).collect();
        let (leaves, message) = tree::deal(&roots, &keys);
        let hash = hash_of_trees(&message);
        channel.send(peer.party, message);
        Ok(Dealt { leaves, delta, known, hash })
    }
}

impl Dealt {
    async fn finish(self, channel: &Channel, peer: &Peer) -> Result<Base, Fault> {
        let Self { leaves, delta, known, hash } = self;
        let message = channel.receive_exactly(peer.party, DEALT).await?.into_bytes();
        let known = tree::guess(&delta.missing(), &known, &message).ok_or_else(|| peer.blame())?;
        let mut name = [0; 16];
        let whole = peer.key.for_use("cloister 1 pairwise: name of a base", 0);
        name.iter_mut().zip(whole.iter()).for_each(|(name, byte)| *name = *byte);
        let (taken, spoiled) = (hash_of_trees(&message), AtomicBool::new(false));
        Ok(Base { name, leaves, delta, known, dealt: hash, taken, spoiled })
    }
}

fn hash_of_trees(message: &[u8]) -> [u8; 32] {
    blake3::derive_key("cloister 1 pairwise: trees that were dealt", message)
}

impl Pool {
    /// Products of bits from both directions.
    fn of_bits(halves: Halves) -> Self {
        let Halves { sent: [a, u], received: [b, v] } = halves;
        Self { a, b, c: u.iter().zip(v).map(|(u, v)| u ^ v).collect() }
    }
}

fn elements<R: Ring>(words: Vec<u64>) -> Vec<R> {
    match bytemuck::allocation::try_cast_vec(words) {
        Ok(elements) => elements,
        Err((_, words)) => words
            .chunks(R::BYTES / 8)
            .map(|words| {
                let mut element = [R::ZERO];
                let places: &mut [u64] = bytemuck::cast_slice_mut(&mut element);
                places.copy_from_slice(words);
                if cfg!(target_endian = "big") {
                    places.reverse();
                }
                let [element] = element;
                element
            })
            .collect(),
    }
}
