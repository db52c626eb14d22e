//! Products: local arithmetic, one message to one neighbour.
//!
//! x·y is the sum of nine terms x_i·y_j, each of which one or two seats could make. Five
//! multiplications make all of them if they are dealt out like this (Araki et al. take two at each
//! seat):
//!
//! - seat 0, of x_0 and x_1: (x_0 + x_1)·(y_0 + y_1);
//! - seat 1, of x_1 and x_2: x_1·y_2 + x_2·(y_1 + y_2);
//! - seat 2, of x_2 and x_0: x_2·y_0 + x_0·y_2.
//!
//! Each adds its part α_s of a sharing of zero: z_s = terms + α_s. The α_s cancel, so z_0 + z_1 +
//! z_2 = x·y. z_s is uniform to the predecessor, which gets it and lacks k_{s,s+1}. Sums of
//! products are added up before they are sent, so an inner product of any length costs one element.

use std::sync::Arc;

use rayon::prelude::*;

use crate::algebra::elementwise::{sum, zip_exact};
use crate::algebra::matrix::add_product;
use crate::algebra::ring::Ring;
use crate::engine::Dimensions;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;
use crate::kernel::wire;
use crate::suites::replicated::seat::Seat;
use crate::suites::replicated::{Replicated, ReplicatedShare};

/// The elements from which on an inner product is shared out to threads, and those of each thread's
/// piece.
const PARALLEL: usize = 1 << 17;
const PIECE: usize = 1 << 14;

/// The components of both factors at one seat: x_s, x_{s+1}, y_s, y_{s+1}.
#[derive(Clone, Copy)]
struct Factors<'a, R> {
    seat: usize,
    x: &'a [R],
    x_next: &'a [R],
    y: &'a [R],
    y_next: &'a [R],
}

impl Replicated<'_> {
    pub(super) async fn product<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let len = x.len();
        self.reshare("multiply", len, |seat| {
            let factors = Factors::new(seat, x, y);
            seat.with_zero_share(len, |range, z| {
                factors.slice(range.start, range.end).add_products(z)
            })
        })
        .await
    }

    pub(super) async fn inner_products<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
        block: usize,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let len = x.len().checked_div(block).unwrap_or(0);
        self.reshare("inner product", len, |seat| {
            let factors = Factors::new(seat, x, y);
            seat.with_zero_share(len, |range, z: &mut [R]| {
                for (z, index) in zip_exact(z.iter_mut(), range) {
                    let factors = factors.slice(index * block, (index + 1) * block);
                    *z = z.plus(factors.inner_product());
                }
            })
        })
        .await
    }

    pub(super) async fn product_of_matrices<R: Ring>(
        &mut self,
        x: &ReplicatedShare<R>,
        y: &ReplicatedShare<R>,
        dimensions: Dimensions,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let Dimensions { rows, inner, columns } = dimensions;
        self.reshare("matrix product", rows * columns, |seat| {
            let Factors { seat: index, x, x_next, y, y_next } = Factors::new(seat, x, y);
            let mut z = seat.with_zero_share(rows * columns, |_, _| {});
            let mut add = |x: &[R], y: &[R]| add_product(x, y, &mut z, inner, columns);
            match index {
                0 => add(&sum(x, x_next), &sum(y, y_next)),
                1 => {
                    add(x, y_next);
                    add(x_next, &sum(y, y_next));
                }
                _ => {
                    add(x, y_next);
                    add(x_next, y);
                }
            }
            z
        })
        .await
    }

    /// Makes a replicated sharing of an additive one, of which every seat makes its masked part:
    /// each seat sends its part to its predecessor. Does nothing at a member without a seat.
    pub(super) async fn reshare<R: Ring>(
        &mut self,
        round: &'static str,
        len: usize,
        part: impl FnOnce(&mut Seat) -> Vec<R>,
    ) -> Result<ReplicatedShare<R>, Fault> {
        let Some(seat) = &mut self.seat else {
            return Ok(ReplicatedShare::absent(len));
        };
        self.channel.begin_round(round);
        let length = len * R::BYTES;
        self.channel.open_windows(&[(seat.next, length)], &[(seat.previous, length)]).await?;
        let z = Arc::new(part(seat).into());
        self.channel.send(seat.previous, wire::shared_elements(&z));
        let z_next: Vec<R> = self.channel.receive_elements(seat.next, len).await?;
        Ok(ReplicatedShare::of_shared([z, Arc::new(z_next.into())]))
    }
}

impl<'a, R: Ring> Factors<'a, R> {
    fn new(seat: &Seat, x: &'a ReplicatedShare<R>, y: &'a ReplicatedShare<R>) -> Self {
        let ([x, x_next], [y, y_next]) = (x.parts(), y.parts());
        Self { seat: seat.index, x, x_next, y, y_next }
    }

    fn slice(self, start: usize, end: usize) -> Self {
        let slice =
            |vector: &'a [R]| vector.get(start..end).expect("a chunk lies within its vector");
        let Self { seat, x, x_next, y, y_next } = self;
        Self { seat, x: slice(x), x_next: slice(x_next), y: slice(y), y_next: slice(y_next) }
    }

    fn add_products(self, z: &mut [R]) {
        // Chosen outside of the loops, which are vectorised then.
        match self.seat {
            0 => self.add_terms(z, terms_0),
            1 => self.add_terms(z, terms_1),
            _ => self.add_terms(z, terms_2),
        }
    }

    fn add_terms(self, z: &mut [R], terms: impl Fn([R; 2], [R; 2]) -> R) {
        let x = zip_exact(self.x.iter(), self.x_next);
        let y = zip_exact(self.y.iter(), self.y_next);
        for ((z, (x, x_next)), (y, y_next)) in zip_exact(zip_exact(z.iter_mut(), x), y) {
            *z = z.plus(terms([*x, *x_next], [*y, *y_next]));
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
        match self.seat {
            0 => self.sum_of_terms(terms_0),
            1 => self.sum_of_terms(terms_1),
            _ => self.sum_of_terms(terms_2),
        }
    }

    fn sum_of_terms(self, terms: impl Fn([R; 2], [R; 2]) -> R) -> R {
        let x = zip_exact(self.x.iter(), self.x_next);
        let y = zip_exact(self.y.iter(), self.y_next);
        let terms =
            zip_exact(x, y).map(|((x, x_next), (y, y_next))| terms([*x, *x_next], [*y, *y_next]));
        terms.fold(R::ZERO, R::plus)
    }
}

/// Returns (x_0 + x_1)·(y_0 + y_1).
#[inline]
fn terms_0<R: Ring>([x_0, x_1]: [R; 2], [y_0, y_1]: [R; 2]) -> R {
    x_0.plus(x_1).times(y_0.plus(y_1))
}

/// Returns x_1·y_2 + x_2·(y_1 + y_2).
#[inline]
fn terms_1<R: Ring>([x_1, x_2]: [R; 2], [y_1, y_2]: [R; 2]) -> R {
    x_1.times(y_2).plus(x_2.times(y_1.plus(y_2)))
}

/// Returns x_2·y_0 + x_0·y_2.
#[inline]
fn terms_2<R: Ring>([x_2, x_0]: [R; 2], [y_2, y_0]: [R; 2]) -> R {
    x_2.times(y_0).plus(x_0.times(y_2))
}
