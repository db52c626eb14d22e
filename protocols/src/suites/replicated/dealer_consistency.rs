//! Dealer consistency: a party without a seat has dealt the same to the two seats that hold a
//! component.
//!
//! Each seat hashes the messages of such parties, component by component: the keys of x_0 and x_1,
//! and x_2 itself. Before the next opening it tells both neighbours the hashes of the components that
//! they share. So inconsistent shares end the computation before anything that follows from them is
//! sent, and the two seats can name the dealer. It takes one message more before an opening, of 32
//! bytes a party to each neighbour.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

use crate::algebra::elementwise::zip_exact;
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::suites::replicated::seat::Seat;

const DIGEST: usize = 32;

/// The hashes of the components that parties without a seat have dealt to this seat so far.
#[derive(Default)]
pub(super) struct DealerConsistency {
    hashers: BTreeMap<Party, [blake3::Hasher; 2]>,
    unchecked: bool,
}

/// The components of this seat.
#[derive(Clone, Copy)]
enum Component {
    Own,
    Shared,
}

impl DealerConsistency {
    /// Notes the messages that a party has dealt: for this seat's own component, and for the one
    /// that its successor holds as its own.
    pub(super) fn note(&mut self, party: Party, own: &[u8], shared: &[u8]) {
        let hasher = || blake3::Hasher::new_derive_key("cloister 1 replicated: what was dealt");
        let hashers = self.hashers.entry(party).or_insert_with(|| [hasher(), hasher()]);
        for (hasher, dealt) in zip_exact(hashers.iter_mut(), [own, shared]) {
            hasher.update(&(dealt.len() as u64).to_le_bytes());
            hasher.update(dealt);
        }
        self.unchecked = true;
    }

    /// Tells the neighbours the hashes, if there are new ones. All seats call it alike.
    pub(super) fn tell(&self, channel: &Channel, seat: &Seat) {
        if self.unchecked {
            channel.send(seat.next, self.digests(Component::Shared).concat());
            channel.send(seat.previous, self.digests(Component::Own).concat());
        }
    }

    /// Compares the hashes that the neighbours tell.
    pub(super) async fn compare(&mut self, channel: &Channel, seat: &Seat) -> Result<(), Fault> {
        if !std::mem::take(&mut self.unchecked) {
            return Ok(());
        }
        for (witness, component) in
            [(seat.next, Component::Shared), (seat.previous, Component::Own)]
        {
            let ours = self.digests(component);
            let told = channel.receive_exactly(witness, DIGEST * ours.len()).await?.into_bytes();
            let (told, _) = told.as_chunks::<DIGEST>();
            for ((accused, ours), told) in zip_exact(zip_exact(self.hashers.keys(), &ours), told) {
                if !bool::from(ours.ct_eq(told)) {
                    return Err(Fault::Equivocation { witness, accused: *accused });
                }
            }
        }
        Ok(())
    }

    fn digests(&self, component: Component) -> Vec<[u8; DIGEST]> {
        let digest = |[own, shared]: &[blake3::Hasher; 2]| match component {
            Component::Own => *own.finalize().as_bytes(),
            Component::Shared => *shared.finalize().as_bytes(),
        };
        self.hashers.values().map(digest).collect()
    }
}
