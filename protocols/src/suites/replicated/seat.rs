//! One of the three seats: its neighbours, and the streams that it shares with them.
//!
//! Seat s holds the components x_s and x_{s+1}. Messages of products go from it to seat s − 1, as in
//! Mohassel and Rindal, *ABY3* (CCS 2018). Araki and others (CCS 2016) send to the next seat.

use std::ops::Range;

use zeroize::Zeroize;

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
    /// The member that its messages of products go to: that of seat s − 1.
    pub(super) previous: Party,
    /// The member that they come from.
    pub(super) next: Party,
    pub(super) with_previous: NeighbourPrss,
    pub(super) with_next: NeighbourPrss,
}

impl Seat {
    /// Returns the seat of `me`, if it has one.
    ///
    /// # Panics
    /// If the session has no key with a neighbour: without it a seat could only be left out.
    pub(super) fn of(me: Party, committee: &Committee, session: &Session) -> Option<Self> {
        let index = committee.seat(me)?;
        let [next, previous] = [1, 2].map(|steps| committee.neighbour(index, steps));
        Some(Self {
            index,
            previous,
            next,
            with_previous: neighbour_prss(session, previous),
            with_next: neighbour_prss(session, next),
        })
    }

    /// Makes a sharing of a vector without a message: component `component` is `value`, the others
    /// are zero. Both seats that hold the component must know the vector.
    pub(super) fn with_component<R: Ring>(
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
            bytemuck::cast_slice_mut::<R, u8>(mask).zeroize();
            add(range, z);
        });
        z
    }
}

/// Returns the streams that this seat shares with the neighbour `with`.
fn neighbour_prss(session: &Session, with: Party) -> NeighbourPrss {
    let mut keys = session.pair_keys();
    let key = keys.find_map(|(party, key)| (party == with).then_some(key));
    NeighbourPrss::new(key.expect("a session has a key with each other party"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::disclosure::Profile;

    #[test]
    #[should_panic(expected = "a key with each other party")]
    fn a_seat_without_a_key_is_not_a_member_without_a_seat() {
        let party = |index| Party::new(index).unwrap();
        let keys = BTreeMap::from([(party(1), [1; 32])]);
        let session = Session::of_keys(Profile::Teaching.rules(), keys);
        let committee = Committee::fixed([0, 1, 2]);
        assert!(Seat::of(party(3), &committee, &session).is_none());
        let _ = Seat::of(party(0), &committee, &session);
    }
}
