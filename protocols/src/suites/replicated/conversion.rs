//! From numbers to bits and back.
//!
//! **To bits** (as in ABY3, section 5.3, with seat 0 as the dealer): x = (x_0 + x_1) + x_2. Seat 0
//! knows the first addend and deals its bits; seats 1 and 2 know x_2, whose bits are the third
//! component of a sharing that needs no message. One adder over the two addends gives the bits of x;
//! it is not made here, because suites have it in common.
//!
//! **To numbers**: b = (b_0 ⊕ b_1) ⊕ b_2. Seat 0 deals c = b_0 ⊕ b_1 as a number; b_2 is a third
//! component; b = c + b_2 − 2·c·b_2.
//!
//! Bytes: to bits, ⌈digits / 8⌉ a number, sent by seat 0 alone; to numbers, one element by seat 0
//! and one by each seat.

use crate::algebra::elementwise::sum;
use crate::algebra::packed_bits::{Lanes, extend_by_bits, plane_words, planes_of};
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
        digits: usize,
    ) -> Result<Vec<Vec<ReplicatedShare<Lanes>>>, Fault> {
        let words = plane_words(x.len());
        let len = words * digits;
        let Some(index) = self.begin_dealing("bits of addends") else {
            return Ok(vec![ReplicatedShare::absent(len).split(words); 2]);
        };
        let [own, shared] = x.parts();
        let first = match index {
            DEALER => {
                let first = sum(own, shared);
                self.deal(&planes_of(&first, 0..digits)).expect("the dealer has a seat")
            }
            _ => self.take_dealt(DEALER, len).await?,
        };
        let third = self.third(len, || planes_of(if index == 1 { shared } else { own }, 0..digits));
        Ok([first, third].iter().map(|planes| planes.split(words)).collect())
    }

    pub(super) async fn numbers_of_bits<R: Ring>(
        &mut self,
        planes: &[&ReplicatedShare<Lanes>],
        lanes: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let len = planes.len() * lanes;
        let numbers = |component: &dyn Fn([&[Lanes]; 2]) -> Vec<Lanes>| -> Vec<R> {
            let mut numbers = Vec::with_capacity(len);
            for plane in planes {
                extend_by_bits(&mut numbers, &component(plane.parts()), lanes);
            }
            numbers
        };
        let Some(index) = self.begin_dealing("bits as numbers") else {
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

    fn begin_dealing(&self, round: &'static str) -> Option<usize> {
        let index = self.seat.as_ref().map(|seat| seat.index)?;
        self.channel.begin_round(round);
        Some(index)
    }

    /// A vector that seats 1 and 2 know, as their common component.
    fn third<R: Ring>(&self, len: usize, known: impl FnOnce() -> Vec<R>) -> ReplicatedShare<R> {
        match &self.seat {
            None => ReplicatedShare::absent(len),
            Some(seat) if seat.index == DEALER => seat.known_by_one(THIRD, vec![R::ZERO; len]),
            Some(seat) => seat.known_by_one(THIRD, known()),
        }
    }
}
