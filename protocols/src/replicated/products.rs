//! Products: local arithmetic, one message to one neighbour.
//!
//! z_s = x_s·y_s + x_s·y_{s+1} + x_{s+1}·y_s + α_s. Each of the nine terms x_i·y_j is in exactly one
//! z_s, and the α_s cancel, so z_0 + z_1 + z_2 = x·y. Sums of products are added up before they are
//! sent, so an inner product of any length costs one element.

use rayon::prelude::*;

use crate::algebra::matrix::add_product;
use crate::algebra::ring::Ring;
use crate::engine::Dimensions;
use crate::engine::shared::Shared;
use crate::fault::Fault;
use crate::replicated::seat::Seat;
use crate::replicated::{Pair, Replicated};
use crate::wire;

/// Elements from which on an inner product is shared out to threads, and of what each gets.
const PARALLEL: usize = 1 << 17;
const PIECE: usize = 1 << 14;

/// What one seat holds of both factors: x_s, x_{s+1}, y_s, y_{s+1}.
#[derive(Clone, Copy)]
struct Factors<'a, R> {
    x: &'a [R],
    x_next: &'a [R],
    y: &'a [R],
    y_next: &'a [R],
}

impl Replicated<'_> {
    pub(super) async fn product<R: Ring>(
        &mut self,
        x: &Pair<R>,
        y: &Pair<R>,
    ) -> Result<Pair<R>, Fault> {
        let len = x.len();
        let factors = Factors::new(x, y);
        self.reshare("multiply", len, |seat| {
            seat.masked(len, |range, z| factors.slice(range.start, range.end).add_products(z))
        })
        .await
    }

    pub(super) async fn inner_products<R: Ring>(
        &mut self,
        x: &Pair<R>,
        y: &Pair<R>,
        block: usize,
    ) -> Result<Pair<R>, Fault> {
        let len = x.len().checked_div(block).unwrap_or(0);
        let factors = Factors::new(x, y);
        self.reshare("inner product", len, |seat| {
            seat.masked(len, |range, z: &mut [R]| {
                for (z, index) in z.iter_mut().zip(range) {
                    let factors = factors.slice(index * block, (index + 1) * block);
                    *z = z.plus(factors.inner_product());
                }
            })
        })
        .await
    }

    pub(super) async fn product_of_matrices<R: Ring>(
        &mut self,
        x: &Pair<R>,
        y: &Pair<R>,
        dimensions: Dimensions,
    ) -> Result<Pair<R>, Fault> {
        let Dimensions { rows, inner, columns } = dimensions;
        let factors = Factors::new(x, y);
        self.reshare("matrix product", rows * columns, |seat| {
            let Factors { x, x_next, y, y_next } = factors;
            let both: Vec<R> = y.iter().zip(y_next).map(|(a, b)| a.plus(*b)).collect();
            let mut z = seat.masked(rows * columns, |_, _| {});
            add_product(x, &both, &mut z, inner, columns);
            add_product(x_next, y, &mut z, inner, columns);
            z
        })
        .await
    }

    /// From an additive sharing, of which every seat makes its masked part, to a replicated one:
    /// each seat sends its part to its predecessor. Nothing for whoever has no seat.
    pub(super) async fn reshare<R: Ring>(
        &mut self,
        round: &'static str,
        len: usize,
        part: impl FnOnce(&mut Seat) -> Vec<R>,
    ) -> Result<Pair<R>, Fault> {
        let Some(seat) = &mut self.seat else {
            return Ok(Pair::absent(len));
        };
        self.channel.begin_round(round);
        let z = part(seat);
        self.channel.send(seat.previous, wire::elements(z.clone()));
        let z_next = self.channel.receive_elements(seat.next, len).await?;
        Ok(Pair::new([z, z_next]))
    }
}

impl<'a, R: Ring> Factors<'a, R> {
    fn new(x: &'a Pair<R>, y: &'a Pair<R>) -> Self {
        let ([x, x_next], [y, y_next]) = (x.parts(), y.parts());
        Self { x, x_next, y, y_next }
    }

    fn slice(self, start: usize, end: usize) -> Self {
        let slice = |vector: &'a [R]| vector.get(start..end).unwrap_or_default();
        let Self { x, x_next, y, y_next } = self;
        Self { x: slice(x), x_next: slice(x_next), y: slice(y), y_next: slice(y_next) }
    }

    fn add_products(self, z: &mut [R]) {
        let x = self.x.iter().zip(self.x_next);
        let y = self.y.iter().zip(self.y_next);
        for ((z, (x, x_next)), (y, y_next)) in z.iter_mut().zip(x).zip(y) {
            *z = z.plus(term(*x, *x_next, *y, *y_next));
        }
    }

    fn inner_product(self) -> R {
        if self.x.len() < PARALLEL {
            return self.sum();
        }
        let pieces = (0..self.x.len()).into_par_iter().step_by(PIECE);
        let piece = |start: usize| self.slice(start, (start + PIECE).min(self.x.len())).sum();
        pieces.map(piece).reduce(|| R::ZERO, R::plus)
    }

    fn sum(self) -> R {
        let x = self.x.iter().zip(self.x_next);
        let y = self.y.iter().zip(self.y_next);
        let terms = x.zip(y).map(|((x, x_next), (y, y_next))| term(*x, *x_next, *y, *y_next));
        terms.fold(R::ZERO, R::plus)
    }
}

/// x_s·(y_s + y_{s+1}) + x_{s+1}·y_s.
#[inline]
fn term<R: Ring>(x: R, x_next: R, y: R, y_next: R) -> R {
    x.times(y.plus(y_next)).plus(x_next.times(y))
}
