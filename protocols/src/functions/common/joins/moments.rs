//! Functions of joined rows' numbers: sums, correlations, and the moments for least squares
//! ([`super::least_squares`]).
//!
//! Numbers of a column are whole multiples of its unit ([`super::columns`]). Their sums, and the
//! sums of their products, are exact integers. These are opened, and everything else follows from
//! them in exact fractions, rounded once.
//!
//! With a sum the unit of its column is opened, which is exact. Correlations do not depend on the
//! units, which are not opened for them. Sums of products tell the size of a column's numbers
//! relative to its unit. For a regression the units are opened. For both it is opened which columns
//! were rounded. From that and the moments follows a bound on the error of each result
//! ([`super::precision`]), which the answer carries. Beyond a limit there is no answer. There have
//! to be more rows than columns, before anything is opened.
//!
//! Where small counts are withheld and several parties have columns, each party's own moments are
//! opened first. From these follows, on shares, whether its columns single out a few rows of the
//! others ([`crate::functions::common::leverage`]). Products of different parties' columns are
//! opened only if none does.

use num_bigint::BigInt;
use num_traits::{One, Signed};

use super::Join;
use super::categories::{share_units, words_of};
use super::columns::{self, Encoded, Unit, Use, bits, numbers};
use super::least_squares::Fit;
use super::terms::Told;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::rounding::root_of_fraction;
use crate::circuits::Bits;
use crate::engine::matching::Matching;
use crate::engine::reveals::{MOMENTS, ROUNDED, UNIT, UNITS};
use crate::engine::shared::Shared;
use crate::engine::{Dimensions, Engine, Reconstructed};
use crate::functions::answer::Answer;
use crate::functions::common::leverage::{self, Block, CUT};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;

/// The most columns of all parties together.
const MOST_COLUMNS: usize = 64;

/// The sums over the joined rows: of each column, and of the products of each two.
pub(super) struct Moments {
    pub(super) rows: BigInt,
    pub(super) sums: Vec<BigInt>,
    /// The sums of products, row by row.
    pub(super) products: Vec<Vec<BigInt>>,
    /// The unit of each column; its exponent is 0 where it is not asked for.
    pub(super) units: Vec<Unit>,
}

pub(crate) async fn sum<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Encoded],
) -> Computed {
    let joined = join.run(cx, words_of(own), |_, told| told.number_words()).await?;
    let (words, told) = zip_exact(&joined.tables, join.told)
        .find(|(_, told)| told.columns > 0)
        .ok_or(Fault::Internal("a party has the column that is added"))?;
    let column = numbers(&mut cx.engine, words, bits(Use::Sums, told.rows, told.wide)).await?;
    let sum = column.prefix_sums(joined.rows).gather(&[joined.rows - 1]);
    let unit = share_units(cx, own, join.told, true).await?;
    let opened = E::Shared::<u128>::concat(&[&sum, &unit]);
    let opened = cx.engine.open(&opened, UNIT).await?;
    let Reconstructed::Value(opened) = opened else { return Ok(None) };
    match opened.as_slice() {
        [sum, unit] => {
            let unit = Unit::opened_exact(*unit)?;
            let sum = unit.value(&sum.cast_signed().into(), &BigInt::one());
            let sum = sum.ok_or(Fault::ResultOutOfRange)?;
            Ok(Some(Answer::IntersectionSum { sum, size_intersection: joined.rows as u64 }))
        }
        _ => Err(Fault::InvalidOpening),
    }
}

pub(crate) async fn correlation<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Encoded],
) -> Computed {
    let (moments, samples) = moments(cx, join, own, false).await?;
    let Reconstructed::Value(moments) = moments else { return Ok(None) };
    let (correlation, precision) = moments.correlations()?;
    Ok(Some(Answer::Correlation { correlation, samples, precision }))
}

pub(crate) async fn regression<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Encoded],
    intercept: bool,
) -> Computed {
    // The second party's first column stands behind the first party's columns.
    let explained = join.told.first().map_or(0, |told| told.columns);
    let (moments, samples) = moments(cx, join, own, true).await?;
    let Reconstructed::Value(moments) = moments else { return Ok(None) };
    let fit = moments.regression(explained, intercept)?;
    let Fit { mle, standard_errors, r_squared, precision } = fit;
    Ok(Some(Answer::Regression { mle, standard_errors, r_squared, samples, precision }))
}

/// Returns the moments of all columns, at the parties, and the number of rows.
async fn moments<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Encoded],
    with_exponents: bool,
) -> Result<(Reconstructed<Moments>, u64), Fault> {
    let count: usize = join.told.iter().map(|told| told.columns).sum();
    if count > MOST_COLUMNS {
        let what = "columns of all parties";
        return Err(Fault::TableTooLarge { what, actual: count, limit: MOST_COLUMNS });
    }
    let joined = join.run(cx, words_of(own), |_, told: &Told| told.columns).await?;
    let rows = joined.rows;
    if rows <= count {
        // With no more rows than columns, the sums of products would tell the rows.
        let why = "more rows are needed that all parties have than there are columns";
        return Err(Fault::Undefined { why });
    }
    let of_parties: Vec<usize> = joined.tables.iter().map(Vec::len).collect();
    let several = of_parties.iter().filter(|columns| **columns > 0).count() > 1;
    let is_guarded = cx.permit.withholds() && several;
    let words: Vec<&Bits<E>> = joined.tables.iter().flatten().collect();
    let columns = Columns::of(&mut cx.engine, &words, rows, is_guarded).await?;
    let Columns { sums, products, halves } = columns;
    if is_guarded {
        let blocks = blocks::<E>(&of_parties, halves, &sums, &products);
        leverage::check(cx, &blocks, rows).await?;
    }
    let units = share_units(cx, own, join.told, with_exponents).await?;
    let opened = E::Shared::<u128>::concat(&[&sums, &products, &units]);
    // The units travel with the sums.
    cx.channel.reveal(ROUNDED)?;
    if with_exponents {
        cx.channel.reveal(UNITS)?;
    }
    let opened = cx.engine.open(&opened, MOMENTS).await?;
    let moments = opened.try_map(|opened| Moments::of(rows, count, &opened))?;
    Ok((moments, rows as u64))
}

/// The joined columns' sums and products, in shared form.
struct Columns<E: Engine> {
    sums: E::Shared<u128>,
    /// The products of each two columns, row by row.
    products: E::Shared<u128>,
    /// The halves of each column, if they are asked for.
    halves: Vec<[E::Shared<u128>; 2]>,
}

impl<E: Engine> Columns<E> {
    /// Adds and multiplies columns of one word a row. Their bits are converted once.
    async fn of(
        engine: &mut E,
        words: &[&Bits<E>],
        rows: usize,
        with_halves: bool,
    ) -> Result<Self, Fault> {
        let (count, width) = (words.len(), bits(Use::Products, rows, false));
        let (mut columns, mut halves) = (Vec::with_capacity(count), Vec::new());
        for column in words {
            let words = std::slice::from_ref(*column);
            if with_halves {
                let [low, high] = columns::halves(engine, words, width, CUT as usize).await?;
                columns.push(low.plus(&high.scaled(1 << CUT)));
                halves.push([low, high]);
            } else {
                columns.push(numbers(engine, words, width).await?);
            }
        }
        let transposed = E::Shared::<u128>::concat(&columns.iter().collect::<Vec<_>>());
        drop(columns);
        let straight = transposed.transposed(rows);
        let dimensions = Dimensions { rows: count, inner: rows, columns: count };
        let products = engine.matrix_product(&transposed, &straight, dimensions).await?;
        let last: Vec<usize> = (1..=count).map(|column| column * rows - 1).collect();
        let sums = transposed.prefix_sums(rows).gather(&last);
        Ok(Self { sums, products, halves })
    }
}

/// Returns the columns of each party that has some, with their own moments out of those of all.
fn blocks<E: Engine>(
    of_parties: &[usize],
    halves: Vec<[E::Shared<u128>; 2]>,
    sums: &E::Shared<u128>,
    products: &E::Shared<u128>,
) -> Vec<Block<E>> {
    let (all, mut halves, mut first) = (sums.len(), halves.into_iter(), 0);
    let mut blocks = Vec::new();
    for columns in of_parties.iter().copied().filter(|columns| *columns > 0) {
        let own = first..first + columns;
        let pairs = own.clone().flat_map(|i| own.clone().map(move |j| i * all + j));
        blocks.push(Block {
            halves: halves.by_ref().take(columns).collect(),
            products: products.gather(&pairs.collect::<Vec<_>>()),
            sums: sums.slice(own),
        });
        first += columns;
    }
    blocks
}

impl Moments {
    fn of(rows: usize, columns: usize, opened: &[u128]) -> Result<Self, Fault> {
        let (sums, rest) = opened
            .split_at_checked(columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let (products, units) = rest
            .split_at_checked(columns * columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let big = |elements: &[u128]| -> Vec<BigInt> {
            elements.iter().map(|element| element.cast_signed().into()).collect()
        };
        let units = units.iter().map(|unit| Unit::opened(*unit));
        Ok(Self {
            rows: rows.into(),
            sums: big(sums),
            products: products.chunks(columns.max(1)).map(big).collect(),
            units: units.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn product(&self, i: usize, j: usize) -> BigInt {
        cell(&self.products, i, j)
    }

    pub(super) fn sum(&self, i: usize) -> BigInt {
        self.sums.get(i).expect("each column has a sum").clone()
    }

    pub(super) fn unit(&self, i: usize) -> Unit {
        *self.units.get(i).expect("each column has a unit")
    }

    /// Returns N times the sum of products of deviations from the means.
    pub(super) fn deviations(&self, i: usize, j: usize) -> BigInt {
        &self.rows * self.product(i, j) - self.sum(i) * self.sum(j)
    }

    /// Returns all correlations, and the bound on the error of each.
    pub(super) fn correlations(&self) -> Result<(Vec<Vec<f64>>, f64), Fault> {
        let columns = 0..self.sums.len();
        for column in columns.clone() {
            if self.deviations(column, column).is_positive() {
                continue;
            }
            // A column that was rounded may differ where its rounded values do not.
            return Err(if self.unit(column).rounded {
                Fault::Imprecise { column }
            } else {
                Fault::Undefined {
                    why: "a column is the same in all joined rows, so that it has no correlation",
                }
            });
        }
        let precision = self.precision_of_correlations()?;
        let row = |i: usize| columns.clone().map(|j| self.correlation(i, j)).collect();
        Ok((columns.clone().map(row).collect::<Result<_, Fault>>()?, precision))
    }

    fn correlation(&self, i: usize, j: usize) -> Result<f64, Fault> {
        let (both, x, y) = (self.deviations(i, j), self.deviations(i, i), self.deviations(j, j));
        let square = both.magnitude() * both.magnitude();
        let root = root_of_fraction(both.is_negative(), &square, (x * y).magnitude());
        root.ok_or(Fault::ResultOutOfRange)
    }
}

/// Returns the cell of a matrix, which the caller knows to be there.
pub(super) fn cell(rows: &[Vec<BigInt>], row: usize, column: usize) -> BigInt {
    rows.get(row).and_then(|row| row.get(column)).expect("a place in the matrix").clone()
}
