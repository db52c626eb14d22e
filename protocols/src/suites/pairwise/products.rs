//! Products: one message to each peer.
//!
//! x·y = Σ_i x_i·y_i + Σ_{i<j} (x_i·y_j + x_j·y_i). The first terms are local. For the cross terms
//! of a pair, both have random a, b and a share c, with c_i + c_j = a_i·b_j + a_j·b_i. Each sends d
//! = x − a and e = y − b, and adds a·e′ + d′·y + c, with d′ and e′ from the other. Together that is
//! (x_i − a_i)·y_j + a_i·(y_j − b_j) + a_i·b_j = x_i·y_j, and the same with i and j exchanged.
//!
//! The a and b of a pair mask the messages to that peer, and nothing else.
//!
//! **Matrices.** The same with matrices for numbers. For A·B′, with rows × inner and inner ×
//! columns, the one with fewer elements is chosen bit by bit. Transfers carry the rows (or columns)
//! of the other.

use std::ops::Range;

use super::peer::{Directions, Size};
use super::triple_pool::Kind;
use super::{AdditiveShare, Pairwise};
use crate::algebra::elementwise::{add_assign, zip_exact};
use crate::algebra::matrix::add_product;
use crate::algebra::ring::Ring;
use crate::engine::Dimensions;
use crate::engine::shared::Shared;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::prss::for_chunks;
use crate::kernel::wire;
use crate::ot::batches::Products;
use crate::ot::extension::BLOCK;
use crate::ot::ot_correlation::{Number, words};

/// The bytes of corrections in a chunk whose messages are rows; they bound its transfers.
const CORRECTIONS: usize = 128 << 10;

/// The bytes of the longest row that transfers carry.
const WIDEST: usize = 2 << 10;

impl Pairwise<'_> {
    pub(super) async fn product<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
    ) -> Result<AdditiveShare<R>, Fault> {
        let (kind, len) = (Kind::products::<R>(), x.len());
        self.preprocessing.provide(self.channel, kind, len).await?;
        self.channel.begin_round("multiply");
        self.open_both_windows(2 * len * R::BYTES).await?;
        let ([x], [y]) = (x.parts(), y.parts());
        let peers: Vec<_> = self.preprocessing.peers.iter().map(|peer| peer.party).collect();
        let mut own = Vec::with_capacity(peers.len());
        for (index, party) in peers.iter().enumerate() {
            let triple = self.preprocessing.take::<R>(index, kind, len);
            let [a, b, _] = &triple;
            let differences = differences([x, a], [y, b]);
            self.channel.send(*party, wire::elements(differences));
            own.push(triple);
        }
        let mut z = vec![R::ZERO; len];
        for_chunks(&mut z, |range, z| {
            let factors = zip_exact(slice(x, &range), slice(y, &range));
            zip_exact(z.iter_mut(), factors).for_each(|(z, (x, y))| *z = x.times(*y));
        });
        for (party, [a, _, c]) in zip_exact(peers, own) {
            let theirs = self.channel.receive_elements::<R>(party, 2 * len).await?;
            let (d, e) = theirs.split_at(len);
            for_chunks(&mut z, |range, z| {
                let of_triple = zip_exact(slice(&a, &range), slice(&c, &range));
                let told = zip_exact(slice(d, &range), slice(e, &range));
                let terms = zip_exact(
                    zip_exact(z.iter_mut(), slice(y, &range)),
                    zip_exact(of_triple, told),
                );
                for ((z, y), ((a, c), (d, e))) in terms {
                    *z = z.plus(a.times(*e)).plus(d.times(*y)).plus(*c);
                }
            });
        }
        Ok(AdditiveShare::new([z]))
    }

    pub(super) async fn product_of_matrices<R: Ring>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
        dimensions: Dimensions,
    ) -> Result<AdditiveShare<R>, Fault> {
        match R::BITS {
            _ if Kind::products::<R>() == Kind::Bits => {
                Err(InputError::Shape { expected: "matrices of numbers" }.into())
            }
            64 => self.matrices::<R, u64>(x, y, dimensions).await,
            _ => self.matrices::<R, u128>(x, y, dimensions).await,
        }
    }

    async fn matrices<R: Ring, N: Number>(
        &mut self,
        x: &AdditiveShare<R>,
        y: &AdditiveShare<R>,
        dimensions: Dimensions,
    ) -> Result<AdditiveShare<R>, Fault> {
        let Dimensions { rows, inner, columns } = dimensions;
        let ([x], [y]) = (x.parts(), y.parts());
        let (x, y): (&[N], &[N]) = (bytemuck::cast_slice(x), bytemuck::cast_slice(y));
        let triples = self.triples_of_matrices::<N>(dimensions).await?;
        self.channel.begin_round("matrix product");
        let count = inner * (rows + columns);
        self.open_both_windows(count * N::BYTES).await?;
        let peers: Vec<_> = self.preprocessing.peers.iter().map(|peer| peer.party).collect();
        for (party, [a, b, _]) in zip_exact(peers.iter(), &triples) {
            self.channel.send(*party, wire::elements(differences([x, a], [y, b])));
        }
        let mut z = vec![N::ZERO; rows * columns];
        add_product(x, y, &mut z, inner, columns);
        for (party, [a, _, c]) in zip_exact(peers, triples) {
            let theirs = self.channel.receive_elements::<N>(party, count).await?;
            let (d, e) = theirs.split_at(rows * inner);
            add_product(&a, e, &mut z, inner, columns);
            add_product(d, y, &mut z, inner, columns);
            add_assign(&mut z, &c);
        }
        Ok(AdditiveShare::new([bytemuck::allocation::cast_vec(z)]))
    }

    /// Makes random A and B for each peer, and this party's share of A_i·B_j + A_j·B_i.
    async fn triples_of_matrices<N: Number>(
        &mut self,
        dimensions: Dimensions,
    ) -> Result<Vec<[Vec<N>; 3]>, Fault> {
        let Dimensions { rows, inner, columns } = dimensions;
        if rows > columns {
            // (A·B)ᵀ = Bᵀ·Aᵀ, whose left factor has fewer rows.
            let turned = Dimensions { rows: columns, inner, columns: rows };
            let triples = Box::pin(self.triples_of_matrices::<N>(turned)).await?;
            let turn = |[b, a, c]: [Vec<N>; 3]| {
                [
                    transposed(&a, inner, rows),
                    transposed(&b, columns, inner),
                    transposed(&c, columns, rows),
                ]
            };
            return Ok(triples.into_iter().map(turn).collect());
        }
        let peers = self.preprocessing.peers.len();
        let mut triples: Vec<[Vec<N>; 3]> = Vec::with_capacity(peers);
        triples.resize_with(peers, Default::default);
        let b: Vec<Vec<N>> = (0..peers).map(|_| self.preprocessing.own(inner * columns)).collect();
        // Choices are made anew for each strip of columns, but A has to be the same. So the strips
        // after the first want the bits of the first.
        let widest = WIDEST / N::BYTES;
        for first in (0..columns).step_by(widest) {
            let width = widest.min(columns - first);
            let in_chunk = CORRECTIONS / (words(N::BITS, width) * N::BYTES);
            let rows_of_chunk = (in_chunk * N::BITS / BLOCK).clamp(1, 128) * BLOCK;
            let chunks = (rows * inner * N::BITS).div_ceil(rows_of_chunk);
            let jobs = zip_exact(b.iter(), &triples).map(|(b, [a, ..])| {
                let strip =
                    b.chunks(columns.max(1)).flat_map(|row| slice(row, &(first..first + width)));
                let job = Products::of_rows(rows_of_chunk, strip.copied().collect(), width);
                job.wanting((first > 0).then(|| crate::ot::ot_correlation::words_of(a.clone())))
            });
            let size = Size { rows: rows_of_chunk, directions: Directions::Both };
            let (jobs, chunks) = (jobs.collect(), vec![chunks; peers]);
            let made = self.preprocessing.run(self.channel, size, jobs, &chunks).await?;
            for ((_, job), [a, _, c]) in zip_exact(made, &mut triples) {
                let (chosen, sums) = job.finish();
                if first == 0 {
                    *a = chosen;
                    a.truncate(rows * inner);
                    c.resize(rows * columns, N::ZERO);
                }
                let strips = c.chunks_mut(columns.max(1)).map(|row| row.iter_mut().skip(first));
                for (row, sums) in strips.zip(sums.chunks(width)) {
                    row.zip(sums).for_each(|(c, sum)| *c = *sum);
                }
            }
        }
        for ([_, place, _], b) in zip_exact(triples.iter_mut(), b) {
            *place = b;
        }
        Ok(triples)
    }
}

/// Returns x − a and y − b, one after the other.
fn differences<R: Ring>([x, a]: [&[R]; 2], [y, b]: [&[R]; 2]) -> Vec<R> {
    let mut differences = vec![R::ZERO; x.len() + y.len()];
    let (d, e) = differences.split_at_mut(x.len());
    for (place, value, mask) in [(d, x, a), (e, y, b)] {
        for_chunks(place, |range, place| {
            let terms = zip_exact(slice(value, &range), slice(mask, &range));
            zip_exact(place.iter_mut(), terms).for_each(|(place, (x, a))| *place = x.minus(*a));
        });
    }
    differences
}

/// Transposes a matrix of so many rows and columns.
fn transposed<N: Number>(matrix: &[N], rows: usize, columns: usize) -> Vec<N> {
    let column = |column: usize| matrix.iter().skip(column).step_by(columns.max(1)).take(rows);
    (0..columns).flat_map(column).copied().collect()
}

fn slice<'a, R>(of: &'a [R], range: &Range<usize>) -> &'a [R] {
    of.get(range.clone()).expect("a chunk lies within its vector")
}
