//! From numbers to bits and back.
//!
//! **To bits** (as in ABY3, section 5.3, with seat 0 as the dealer): x = (x_0 + x_1) + x_2. Seat 0
//! knows the first addend and deals its bits. Seats 1 and 2 know x_2, whose bits are the third
//! component of a sharing that needs no message. One adder over the two addends gives the bits of
//! x. It is not made here, because suites have it in common.
//!
//! **To numbers**: b = (b_0 ⊕ b_1) ⊕ b_2. Seat 0 deals c = b_0 ⊕ b_1 as a number. b_2 is a third
//! component. Then b = c + b_2 − 2·c·b_2.
//!
//! Bytes: to bits, ⌈bits / 8⌉ a number, sent by seat 0 alone; to numbers, one element by seat 0 and
//! one by each seat.

use crate::algebra::elementwise::sum;
use crate::algebra::packed_bits::{PackedBits, bit_slice_words, bit_slices_of, extend_by_bits};
use crate::algebra::ring::Ring;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;
use crate::suites::replicated::{Replicated, ReplicatedShare};

/// The seat that deals, and the component that the two others have in common.
const DEALER: usize = 0;
const THIRD: usize = 2;

impl Replicated<'_> {
    pub(super) async fn bits_of_addends<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        width: usize,
    ) -> Result<Vec<Vec<ReplicatedShare<PackedBits>>>, Fault> {
        let words = bit_slice_words(x.len());
        let len = words * width;
        let Some(index) = self.begin_dealing("bits of addends", len * PackedBits::BYTES).await?
        else {
            return Ok(vec![ReplicatedShare::absent(len).split_into(width); 2]);
        };
        let [own, shared] = x.parts();
        let first = match index {
            DEALER => {
                let first = sum(own, shared);
                self.deal(&bit_slices_of(&first, 0..width)).expect("the dealer has a seat")
            }
            _ => self.take_dealt(DEALER, len).await?,
        };
        let third =
            self.third(len, || bit_slices_of(if index == 1 { shared } else { own }, 0..width));
        Ok([first, third].iter().map(|bit_slices| bit_slices.split_into(width)).collect())
    }

    pub(super) async fn numbers_of_bits<R: Ring>(
        &mut self,
        bit_slices: &[&ReplicatedShare<PackedBits>],
        lanes: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let len = bit_slices.len() * lanes;
        let numbers = |component: &dyn Fn([&[PackedBits]; 2]) -> Vec<PackedBits>| -> Vec<R> {
            let mut numbers = Vec::with_capacity(len);
            for bit_slice in bit_slices {
                extend_by_bits(&mut numbers, &component(bit_slice.parts()), lanes);
            }
            numbers
        };
        let Some(index) = self.begin_dealing("bits as numbers", len * R::BYTES).await? else {
            return Ok(ReplicatedShare::absent(len));
        };
        let c = match index {
            DEALER => {
                let c = numbers(&|[own, shared]| sum(own, shared));
                self.deal(&c).expect("the dealer has a seat")
            }
            _ => self.take_dealt(DEALER, len).await?,
        };
        let b_2 = self.third(len, || {
            numbers(&|[own, shared]| if index == 1 { shared } else { own }.to_vec())
        });
        let both = self.product(&c, &b_2).await?;
        Ok(c.plus(&b_2).minus(&both).minus(&both))
    }

    /// Begins a round in which the dealer sends so many bytes to its successor. Returns the index of
    /// this member's seat, if it has one.
    async fn begin_dealing(
        &self,
        round: &'static str,
        length: usize,
    ) -> Result<Option<usize>, Fault> {
        let Some(seat) = &self.seat else { return Ok(None) };
        self.channel.begin_round(round);
        match seat.index {
            DEALER => self.channel.open_windows(&[], &[(seat.next, length)]).await?,
            1 => self.channel.open_windows(&[(seat.previous, length)], &[]).await?,
            _ => {}
        }
        Ok(Some(seat.index))
    }

    /// Makes a sharing of a vector that seats 1 and 2 know, as their common component.
    fn third<R: Ring>(&self, len: usize, known: impl FnOnce() -> Vec<R>) -> ReplicatedShare<R> {
        match &self.seat {
            None => ReplicatedShare::absent(len),
            Some(seat) if seat.index == DEALER => seat.with_component(THIRD, vec![R::ZERO; len]),
            Some(seat) => seat.with_component(THIRD, known()),
        }
    }
}
