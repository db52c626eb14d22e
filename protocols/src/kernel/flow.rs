//! Flow control: a long message waits until its receiver lets it come.
//!
//! Each direction between two parties has a window, [`SMALL_MESSAGE`] bytes at first. A message
//! within the window goes at once. A longer one waits for credit: an empty message, by which its
//! receiver opens the window to the next power of two. Lengths are public, so both ends know alike
//! when credit is due. A window stays open, so a session grants it a dozen times at most.
//!
//! **Bound.** From each party [`MESSAGES_AHEAD`] messages of its window may wait here. So no party
//! can make another keep more than that one has granted credit for.
//!
//! **No deadlock.** A step grants all credit of its own before it waits for any, and all parties
//! run the same steps in the same order.

/// The bytes that a message may have without credit.
pub(crate) const SMALL_MESSAGE: usize = 128 << 10;

/// The messages of one peer that may come before this party reads the first. In a round of products
/// a party needs one neighbour's message, which in the round before needed the next one's. So a
/// peer can be two rounds ahead. A round has at most two messages of one peer to another.
pub(crate) const MESSAGES_AHEAD: usize = 6;

/// The length that messages in one direction may have without further credit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(usize);

impl Window {
    /// Opens the window for a message of so many bytes, and returns whether that takes credit.
    pub(super) fn open_for(&mut self, length: usize) -> bool {
        let takes_credit = length > self.0;
        if takes_credit {
            self.0 = length.checked_next_power_of_two().unwrap_or(length);
        }
        takes_credit
    }

    /// Returns the length of credited messages; none if no message took credit.
    pub(super) fn credited(self) -> Option<usize> {
        (self.0 > SMALL_MESSAGE).then_some(self.0)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self(SMALL_MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::channel::Channel;
    use crate::kernel::fault::{Fault, Misbehaviour};
    use crate::kernel::party::Party;
    use crate::kernel::simulation::{Ending, Simulation};
    use crate::kernel::wire::MAX_PART;

    /// Room for what a machine lets wait from the first on.
    const LIMIT: usize = MESSAGES_AHEAD * (SMALL_MESSAGE + 64);

    const LONG: usize = 3 << 20;

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    #[test]
    fn a_window_takes_credit_once_for_each_power_of_two() {
        let mut window = Window::default();
        assert!(!window.open_for(0) && !window.open_for(SMALL_MESSAGE));
        assert_eq!(window.credited(), None);
        assert!(window.open_for(SMALL_MESSAGE + 1));
        assert!(!window.open_for(2 * SMALL_MESSAGE) && !window.open_for(7));
        assert_eq!(window.credited(), Some(2 * SMALL_MESSAGE));
        assert!(window.open_for(LONG) && !window.open_for(4 << 20));
        assert!(window.open_for(usize::MAX) && !window.open_for(usize::MAX));
    }

    /// Exchanges messages of these lengths with the other party, `ahead` at a time.
    async fn exchange(channel: Channel, lengths: &[usize], ahead: usize) -> Result<(), Fault> {
        let other = channel.parties().others().next().unwrap();
        for length in lengths {
            channel.open_both_windows([other], *length).await?;
            (0..ahead).for_each(|_| channel.send(other, vec![1; *length]));
            for _ in 0..ahead {
                channel.receive_exactly(other, *length).await?;
            }
        }
        Ok(())
    }

    #[test]
    fn messages_of_any_length_go_and_each_growth_takes_one_empty_message() {
        let lengths = [SMALL_MESSAGE, LONG, LONG, 4 << 20, 100, 5 << 20];
        let report = Simulation::new(1)
            .parties(2)
            .limit(LIMIT)
            .run(|channel, _, _| async move { exchange(channel, &lengths, 2).await });
        report.results().unwrap();
        let total = report.meters[0].total();
        assert_eq!(total.messages_sent, 2 * lengths.len() as u64 + 2);
        assert_eq!(total.bytes_sent, 2 * lengths.iter().sum::<usize>() as u64);
        assert_eq!(report.seconds, 0.0);
    }

    #[test]
    fn no_party_sends_more_than_it_has_credit_for() {
        // The third party never sends, so the first one reads nothing.
        let fault_of = |credit: usize, messages: usize| {
            let report = Simulation::new(1).limit(LIMIT).run(|channel, me, _| async move {
                match me.index() {
                    0 => {
                        channel.open_windows(&[(party(1), credit)], &[]).await?;
                        channel.receive(party(2)).await.map(drop)
                    }
                    1 => {
                        (0..messages).for_each(|_| channel.send(party(0), vec![1; LONG]));
                        Ok(())
                    }
                    _ => Ok(()),
                }
            });
            report.endings[0].fault().cloned()
        };
        let limit = |credited: usize| {
            Some(Fault::blame(party(1), Misbehaviour::TooLong { limit: LIMIT + credited }))
        };
        assert_eq!(fault_of(SMALL_MESSAGE, 1), limit(0));
        let window: usize = 4 << 20;
        let credited = MESSAGES_AHEAD * (window + 64 * window.div_ceil(MAX_PART));
        assert_eq!(fault_of(LONG, MESSAGES_AHEAD), None);
        assert_eq!(fault_of(LONG, 2 * MESSAGES_AHEAD), limit(credited));
    }

    #[test]
    fn a_party_without_credit_names_the_one_that_owes_it() {
        let report = Simulation::new(1).parties(2).run(|channel, me, _| async move {
            match me.index() {
                0 => channel.open_windows(&[], &[(party(1), LONG)]).await,
                _ => Ok(()),
            }
        });
        let Ending::Stalled(awaiting) = &report.endings[0] else {
            panic!("{:?}", report.endings[0])
        };
        assert_eq!(awaiting.parties, [party(1)]);
    }
}
