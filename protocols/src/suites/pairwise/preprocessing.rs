//! The correlations of a computation with each peer: preprocessed ones, and those that it makes as
//! it goes.
//!
//! Messages between the two ends of a link, each in both directions at once:
//! 1. *Stock*: the names of the base setup and of the batch that this end has. Those that both have
//!    are used.
//! 2. If more is needed and there is no base setup: *base transfers* and *trees* (see
//!    [`crate::ot`]).
//! 3. *Extend* and *correct*, as often as it takes: chunks of transfers, and the corrections that
//!    make products of them (see [`crate::ot::ot_correlation`]). While one window of chunks is
//!    processed, the next is under way.
//!
//! Everything derives from the key that the two have in this session. The numbers of blocks run
//! through all of it.

use std::sync::Arc;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::base_setup::BaseSetup;
use super::peer::{Peer, ROWS, Size, WINDOW, of_window};
use super::store::CorrelationStore;
use super::triple_pool::{Batch, Kind, TriplePool};
use crate::algebra::elementwise::zip_exact;
use crate::algebra::ring::Ring;
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::random::{Prg, Stream};
use crate::kernel::session::{PairKey, Session};
use crate::ot::batches::{Bits, OtCorrelation, OtOutputs, Products, Scaled};
use crate::ot::ot_correlation::{Number, words_of};

/// The bytes of a stock message: the name of the base setup, and that of a batch.
const OFFER: usize = 16 + 8;

/// All peers of one session.
pub(super) struct Preprocessing {
    store: CorrelationStore,
    /// A new base setup is kept for later computations. A computation that uses nothing leaves the
    /// store as it is.
    keeps: bool,
    pub(super) peers: Vec<Peer>,
    /// The secrets of this party: its inputs to correlations, and the randomness of base transfers
    /// and of commitments.
    own: Prss,
    rng: Stream,
}

/// The preprocessed correlations that a computation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preprocessed {
    /// None, so that it costs the same each time.
    Nothing,
    /// The base setup alone.
    BaseSetup,
    /// The base setup, and a batch.
    Batch,
}

impl Preprocessing {
    /// Begins with every other party of `order`, in which the parties stand alike in all sessions.
    pub(super) async fn new(
        channel: &Channel,
        session: &Session,
        order: &[Party],
        preprocessed: Preprocessed,
        store: CorrelationStore,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Fault> {
        let me = channel.parties().me();
        let place = |party: Party| order.iter().position(|other| *other == party);
        let peer = |(party, key): (Party, &PairKey)| {
            let key = key.derived("cloister 1 pairwise");
            Peer::new(party, place(me) < place(party), key, channel.link_binding(party))
        };
        let mut key = || {
            let mut key = Zeroizing::new([0; 32]);
            rng.fill_bytes(key.as_mut_slice());
            Prg::new(&key)
        };
        let mut preprocessing = Self {
            store,
            keeps: preprocessed != Preprocessed::Nothing,
            peers: session.pair_keys().map(peer).collect(),
            own: Prss::of(key()),
            rng: key().stream_from(0),
        };
        if preprocessed != Preprocessed::Nothing {
            preprocessing.take_offers(channel, session.hash().as_bytes(), preprocessed).await?;
        }
        Ok(preprocessing)
    }

    /// Draws uniform elements that only this party knows.
    pub(super) fn own<R: Ring>(&mut self, count: usize) -> Vec<R> {
        self.own.read(count)
    }

    /// Returns randomness that only this party knows, in bytes.
    pub(super) fn rng(&mut self) -> &mut Stream {
        &mut self.rng
    }

    /// Draws a uniform order of so many rows that only this party knows.
    pub(super) fn own_order(&mut self, rows: usize) -> Vec<usize> {
        self.own.permutation(rows)
    }

    /// Finds the preprocessed correlations that both ends of each link have.
    async fn take_offers(
        &mut self,
        channel: &Channel,
        session: &[u8; 32],
        preprocessed: Preprocessed,
    ) -> Result<(), Fault> {
        channel.begin_preparation("stock");
        let mut offered = Vec::with_capacity(self.peers.len());
        for peer in &self.peers {
            let base = self.store.base(&peer.link);
            let batch = match preprocessed {
                Preprocessed::Batch => self.store.take_batch(&peer.link, session),
                Preprocessed::Nothing | Preprocessed::BaseSetup => None,
            };
            let name = base.as_ref().map_or([0; 16], |base| base.name);
            let id = batch.as_ref().map_or(0, |(id, _)| *id);
            channel.send(peer.party, [name.as_slice(), &id.to_le_bytes()].concat());
            offered.push((base, batch));
        }
        for (peer, (base, batch)) in zip_exact(self.peers.iter_mut(), offered) {
            let told = channel.receive_exactly(peer.party, OFFER).await?.into_bytes();
            let (name, id) = told.split_at(16);
            peer.base = base.filter(|base| base.name == *name);
            if let Some((_, Batch(pools))) = batch.filter(|(own, _)| own.to_le_bytes() == *id) {
                pools.into_iter().for_each(|(kind, pool)| peer.pool(kind).put(pool));
            }
        }
        Ok(())
    }

    /// Makes a batch for later computations with every peer, and keeps it.
    pub(super) async fn make_batch(&mut self, channel: &Channel, id: u64) -> Result<(), Fault> {
        for (kind, chunks) in Batch::CONTENT {
            let chunks = vec![chunks; self.peers.len()];
            self.make(channel, kind, &chunks).await?;
        }
        for peer in &mut self.peers {
            let whole = |(kind, _): (Kind, usize)| (kind, std::mem::take(peer.pool(kind)));
            let batch = Batch(Batch::CONTENT.map(whole).into());
            if let Some(base) = &peer.base {
                self.store.keep_batch(&peer.link, base, id, batch);
            }
        }
        Ok(())
    }

    /// Provides `count` correlations with each peer, and makes those that are missing.
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

    /// Takes out correlations with the peer of this number: a, b, and this party's share of both
    /// products.
    pub(super) fn take<R: Ring>(&mut self, peer: usize, kind: Kind, count: usize) -> [Vec<R>; 3] {
        let peer = self.peers.get_mut(peer).expect("a peer has a number below their count");
        peer.pool(kind).take(count * kind.words()).into_elements()
    }

    /// Makes so many chunks of correlations with each peer.
    async fn make(&mut self, channel: &Channel, kind: Kind, chunks: &[usize]) -> Result<(), Fault> {
        match kind {
            Kind::Bits => {
                let jobs = chunks.iter().map(|_| Bits::default()).collect();
                for (peer, Bits(outputs)) in self.run(channel, kind.size(), jobs, chunks).await? {
                    peer.pool(kind).put(TriplePool::of_bits(outputs));
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
        let factors: Vec<Vec<N>> =
            chunks.iter().map(|chunks| self.own(chunks * ROWS / N::BITS)).collect();
        let jobs = factors.iter().map(|a| Products::single(ROWS, a.clone())).collect();
        let made = self.run(channel, kind.size(), jobs, chunks).await?;
        for ((peer, job), a) in zip_exact(made, factors) {
            let (b, c) = job.finish();
            peer.pool(kind).put(TriplePool { a: words_of(a), b: words_of(b), c: words_of(c) });
        }
        Ok(())
    }

    async fn make_scaled<N: Number>(
        &mut self,
        channel: &Channel,
        kind: Kind,
        chunks: &[usize],
    ) -> Result<(), Fault> {
        let jobs = chunks.iter().map(|_| Scaled::<N>::default()).collect();
        for (peer, job) in self.run(channel, kind.size(), jobs, chunks).await? {
            let OtOutputs { sent, received } = job.outputs;
            let [a, c] = if peer.first { sent } else { received };
            peer.pool(kind).put(TriplePool { a, b: Vec::new(), c });
        }
        Ok(())
    }

    /// Runs a job with each peer over so many chunks of transfers.
    pub(super) async fn run<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        mut jobs: Vec<J>,
        chunks: &[usize],
    ) -> Result<Vec<(&mut Peer, J)>, Fault> {
        let busy: Vec<bool> = chunks.iter().map(|chunks| *chunks > 0).collect();
        self.begin(channel, &busy).await?;
        let windows = chunks.iter().copied().max().unwrap_or(0).div_ceil(WINDOW);
        let mut under_way = Vec::new();
        for window in 0..=windows {
            // The next window is under way while this one is processed.
            let ahead = std::mem::take(&mut under_way);
            if window < windows {
                channel.begin_preparation("extend transfers");
                for ((peer, job), chunks) in
                    zip_exact(zip_exact(self.peers.iter_mut(), &jobs), chunks)
                {
                    under_way.push(peer.extend(channel, size, job, of_window(window, *chunks))?);
                }
            }
            let Some(window) = window.checked_sub(1) else { continue };
            let corrects = jobs.iter().any(|job| job.correction() > 0);
            if corrects {
                channel.begin_preparation("correct transfers");
            }
            for ((peer, job), chunks) in
                zip_exact(zip_exact(self.peers.iter_mut(), &mut jobs), chunks)
            {
                peer.await_extended(channel, size, job, of_window(window, *chunks)).await?;
                let sent = peer.send(channel, size, job, of_window(window, *chunks));
                // Other computations that use the same base setup end too.
                if peer.is_poisoned() {
                    self.store.forget(&peer.link);
                    return Err(peer.blame());
                }
                sent?;
                if !of_window(window + 2, *chunks).is_empty() {
                    peer.grant_credit(channel, size.directions);
                }
            }
            // The message that the peer has sent first comes first.
            for ((peer, job), chunks) in zip_exact(zip_exact(self.peers.iter_mut(), &jobs), chunks)
            {
                peer.await_extended(channel, size, job, of_window(window + 1, *chunks)).await?;
            }
            let all = zip_exact(zip_exact(self.peers.iter_mut(), &mut jobs), chunks);
            for (((peer, job), chunks), taken) in zip_exact(all, ahead) {
                peer.receive(channel, job, taken).await?;
                if !of_window(window + 2, *chunks).is_empty() {
                    peer.await_credit(channel, size.directions).await?;
                }
            }
        }
        Ok(zip_exact(self.peers.iter_mut(), jobs).collect())
    }

    /// Makes both ends of transfers with each busy peer, where they are missing.
    async fn begin(&mut self, channel: &Channel, busy: &[bool]) -> Result<(), Fault> {
        let new = |(peer, busy): &(&mut Peer, &bool)| **busy && !peer.has_begun();
        let (old, new): (Vec<&mut Peer>, Vec<&mut Peer>) = {
            let waiting = zip_exact(self.peers.iter_mut(), busy).filter(new).map(|(peer, _)| peer);
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
            begun.push(BaseSetup::begin(channel, peer, &mut self.rng));
        }
        channel.begin_preparation("trees");
        let mut dealt = Vec::with_capacity(new.len());
        for (peer, founding) in zip_exact(new.iter(), begun) {
            dealt.push(founding.deal(channel, peer, &mut self.rng).await?);
        }
        for (peer, dealt) in zip_exact(new, dealt) {
            let base = Arc::new(dealt.finish(channel, peer).await?);
            if self.keeps {
                self.store.keep_base(peer.link, &base);
            }
            peer.begin(&base);
        }
        Ok(())
    }
}
