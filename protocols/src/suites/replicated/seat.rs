//! One of the three seats: its neighbours, and the streams that it shares with them.

use std::ops::Range;

use crate::algebra::elementwise::subtract_assign;
use crate::algebra::ring::Ring;
use crate::kernel::party::Party;
use crate::kernel::prss::{CHUNK, for_chunks};
use crate::kernel::session::Session;
use crate::suites::replicated::ReplicatedShare;
use crate::suites::replicated::committee::{Committee, SEATS};
use crate::suites::replicated::neighbour_prss::NeighbourPrss;

/// A seat of the committee.
pub(super) struct Seat {
    /// The index: 0, 1 or 2.
    pub(super) index: usize,
    /// The member that its messages of products go to.
    pub(super) previous: Party,
    /// The member that they come from.
    pub(super) next: Party,
    pub(super) with_previous: NeighbourPrss,
    pub(super) with_next: NeighbourPrss,
}

impl Seat {
    /// Returns the seat of `me`, if it has one.
    pub(super) fn of(me: Party, committee: &Committee, session: &Session) -> Option<Self> {
        let index = committee.seat(me)?;
        let neighbour = |steps: usize| committee.seats().get((index + steps) % SEATS).copied();
        let (next, previous) = (neighbour(1)?, neighbour(2)?);
        let prss = |with: Party| {
            let mut keys = session.pair_keys();
            keys.find_map(|(party, key)| (party == with).then(|| NeighbourPrss::new(key)))
        };
        Some(Self { index, previous, next, with_previous: prss(previous)?, with_next: prss(next)? })
    }

    /// Makes a sharing of a vector known by one: component `component` is `value`, the others are
    /// zero. The two seats that hold the component must both know it.
    pub(super) fn known_by_one<R: Ring>(
        &self,
        component: usize,
        value: Vec<R>,
    ) -> ReplicatedShare<R> {
        let zero = vec![R::ZERO; value.len()];
        match (component + SEATS - self.index) % SEATS {
            0 => ReplicatedShare::new([value, zero]),
            1 => ReplicatedShare::new([zero, value]),
            _ => ReplicatedShare::new([zero.clone(), zero]),
        }
    }

    /// Returns this seat's component of a fresh sharing of zero, to which `add` adds, chunk by
    /// chunk: α_s = G(k_{s,s+1}) − G(k_{s−1,s}), so that α_0 + α_1 + α_2 = 0.
    pub(super) fn with_zero_share<R: Ring>(
        &mut self,
        len: usize,
        add: impl Fn(Range<usize>, &mut [R]) + Sync,
    ) -> Vec<R> {
        let plus = self.with_next.zero.next::<R>(len);
        let minus = self.with_previous.zero.next::<R>(len);
        let mut z = vec![R::ZERO; len];
        for_chunks(&mut z, |range, z| {
            plus.stream::<R>(range.start).fill(z);
            let mut mask = [R::ZERO; CHUNK];
            let (mask, _) = mask.split_at_mut(z.len());
            minus.stream::<R>(range.start).fill(mask);
            subtract_assign(z, mask);
            add(range, z);
        });
        z
    }
}
