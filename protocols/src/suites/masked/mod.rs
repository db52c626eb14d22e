//! Sums under pairwise masks: all linear functions, for any number of parties, at the cost of
//! plaintext.
//!
//! **Parties:** n ≥ 2, each with a vector x_i of cells modulo 2^(64·limbs) in the same layout. All
//! learn Σ x_i.
//!
//! **Protocol:** the pairwise masks of Bonawitz, Ivanov, Kreuter, Marcedone, McMahan, Patel,
//! Ramage, Segal, Seth, *Practical secure aggregation for privacy-preserving machine learning* (CCS
//! 2017), their masking with one-time pads. There are three deviations. There is no server: every
//! party adds up. There is no recovery from dropouts: a party that leaves ends the computation. All
//! commit before any opens. G expands a key to a vector of the layout. k_ij is a key that only i
//! and j know, derived for this use.
//!
//! 1. *commit*: y_i = x_i + Σ_{j>i} G(k_ij) − Σ_{j<i} G(k_ij), cell by cell. Party i commits to it
//!    ([`crate::kernel::commitment`]).
//! 2. *open*: having all commitments, party i sends all others y_i, which they compare with its
//!    commitment. Then Σ y_i = Σ x_i, because each mask is in the sum once with either sign.
//!
//! **Rounds:** 2. **Bytes sent per party:** (n − 1)(8·words + 32 + 32 + 32n): a word costs the same
//! as in plaintext.
//!
//! **Adversary and threshold:** privacy against any n − 1 colluding parties, malicious ones too.
//! AES must be a pseudo-random function, and the pair keys secret. For honest i and j, G(k_ij) is
//! uniform to all other parties. It appears nowhere but in y_i and, negated, in y_j. So the honest
//! parties' y are uniform but for their sum. The view of a coalition follows from the sum of the
//! honest inputs, which it could compute from the result and its own inputs anyhow.
//!
//! Before the opening even that sum is hidden. The nonce keeps a coalition that knows all masks of
//! a party from testing guesses of its input against its commitment. With n − 1 colluding parties
//! that sum is the last one's input. The function reveals that, not the protocol, and the
//! disclosure rules are about it.
//!
//! **Effect of the commitments:** the inputs of corrupt parties are fixed before any honest y is
//! sent. The masks and y_j fix x_j, so a rushing party cannot choose its input after seeing the sum
//! of the others'. The session, the use and the party inside the hash keep a commitment from being
//! copied or replayed. Inputs are otherwise free: no party proves that its data are true.
//!
//! **The echo travels with the opening**, which [`crate::kernel::commitment`] justifies: two honest
//! parties that accept hold the same y's and the same sum.
//!
//! To send y_P before Q's echo has come gives nothing away that waiting a round would have kept. P
//! fixed its vector before the first commitment arrived, and independently of all. So the openings
//! together reveal Σ x over the honest parties in every run that reaches round 2, whatever was
//! shown to which party. A liar gets that sum and no accepted result: the same as by leaving after
//! round 2.
//!
//! This holds within one sum only: of two sums in a session the first is open before the second is
//! committed to. A party that has seen a sum may break off and get the others to repeat the
//! computation. It then chooses its input with that knowledge. Callers that repeat after an aborted
//! opening should know this.
//!
//! **No fairness.** The last to open sees the sum and can withhold its own opening, or give a wrong
//! one to some. Then some honest parties have the result and others stop. Those that stop name it,
//! or, if two parties' words stand against each other, both.
//!
//! **The channel** must tell the sender truly, deliver in order, and hide contents from outsiders.
//! The pair keys, not the channel, hide inputs from the parties.

mod masking;
mod opening;

use zeroize::Zeroizing;

use rand_core::CryptoRng;

use crate::algebra::layout::Layout;
use crate::engine::aggregate::Aggregate;
pub use crate::engine::aggregate::Rounds;
use crate::kernel::channel::Channel;
use crate::kernel::commitment::{self, Opening, Place};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::machine::Phase;
use crate::kernel::session::{Session, SessionHash};
use crate::kernel::wire;
use crate::suites::masked::masking::add_masks;
use crate::suites::masked::opening::add_opening;

/// The name of this suite in tests.
#[cfg(test)]
pub(crate) const SUITE: &str = "masked";

/// The masked sums of one session, which they own. Each has its own number, which is in all of its
/// keys and commitments, so that no mask is used twice.
pub struct MaskedSums<'a> {
    channel: &'a Channel,
    session: Session,
    uses: u64,
}

impl<'a> MaskedSums<'a> {
    /// Begins to count the sums of `session`, which runs over `channel`. Takes the session, because
    /// a second count of uses from 0 would use its masks again.
    #[must_use]
    pub fn new(channel: &'a Channel, session: Session) -> Self {
        Self { channel, session, uses: 0 }
    }

    /// Returns the session of the sums.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    fn next_use(&mut self) -> u64 {
        let number = self.uses;
        self.uses += 1;
        number
    }
}

impl Aggregate for MaskedSums<'_> {
    async fn sum(
        &mut self,
        rounds: Rounds,
        layout: &Layout,
        words: Zeroizing<Vec<u64>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u64>, Fault> {
        let channel = self.channel;
        // Words without a place in the layout would be left without a mask.
        if words.len() != layout.words() {
            let expected = "as many words as the layout has";
            return Err(InputError::Shape { expected }.into());
        }
        channel.reveal(rounds.shows)?;
        let number = self.next_use();
        channel.enter(Phase::Running);
        let [commitment, echo] = commitment::lengths(channel.parties());
        channel.make_room(&[commitment, echo, layout.bytes()]);
        let y = add_masks(&self.session, channel.parties(), number, layout, words);
        let mut sum = y.clone();
        let place = place(self.session.hash(), number);
        let opening = Opening::new(place, channel.parties().me(), wire::elements(y), rng);

        channel.begin_round(rounds.commit);
        let committed = opening.commit(channel).await?;

        channel.enter(Phase::Opening);
        channel.begin_round(rounds.open);
        committed.open(channel, |y, hasher| add_opening(layout, &mut sum, y, hasher)).await?;
        Ok(sum)
    }
}

/// Returns the place of the commitments of a session's sum of this number.
fn place(session: &SessionHash, number: u64) -> Place {
    Place { purpose: "cloister 1 masked sum: commitment", session: *session, number }
}

#[cfg(test)]
mod adversary_tests;
#[cfg(test)]
mod tests;
