//! One product of the first party's matrix and the second's, opened to the parties.
//!
//! Both become matrices of integers (see [`crate::algebra::fixed`]), are shared and multiplied, and
//! the product is opened. The multiplication costs one element for each of the product's. No share
//! is truncated.
//!
//! A common scale costs the small rows or columns of a product digits if they differ much in size.
//! So a product may be of [`Normalised`](crate::algebra::normalised::Normalised) factors. Each row
//! of the first and each column of the second is below 1, with a power of two apart. The powers are
//! shared beside the elements, and opened with the product, to the same recipients. Then no scale
//! need be chosen by the size of the elements. No party is told this size before the answer, and no
//! helper ever is.

use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::fixed::{Magnitude, Scales, Width};
use crate::algebra::ring::Ring;
use crate::engine::shared::Shared;
use crate::engine::{Dimensions, Engine, Reconstructed};
use crate::functions::FunctionContext;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// A bound on the exponent of any element's power of two: twice that of a double, and more for the
/// elements of an inverse.
const MOST_EXPONENT: i64 = 4_096;

/// The facts about a product that all members know.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    dimensions: Dimensions,
    scales: Scales,
    /// The numbers of exponents beside the first and the second factor.
    exponents: [usize; 2],
}

/// One party's factor; empty if it has none.
#[derive(Default)]
pub(crate) struct Factor {
    /// The elements, row by row.
    pub(crate) elements: Zeroizing<Vec<f64>>,
    /// The exponents of its rows, if it is the first factor, or of its columns; none if the factors
    /// are not normalised.
    pub(crate) exponents: Zeroizing<Vec<i32>>,
}

impl Product {
    /// Creates a product of factors of these magnitudes. A factor of zeros has none.
    pub(crate) fn new(dimensions: Dimensions, magnitudes: [Option<Magnitude>; 2]) -> Self {
        let [x, y] = magnitudes;
        let scales = Scales::choose(x, y, dimensions.inner);
        Self { dimensions, scales, exponents: [0, 0] }
    }

    /// Creates a product of normalised factors.
    pub(crate) fn normalised(dimensions: Dimensions) -> Self {
        let product = Self::new(dimensions, [Some(Magnitude::BELOW_ONE); 2]);
        Self { exponents: [dimensions.rows, dimensions.columns], ..product }
    }

    /// Returns the scales at which it is computed.
    pub(crate) fn scales(&self) -> &Scales {
        &self.scales
    }

    /// Computes the product and opens it to the parties, row by row.
    pub(crate) async fn open<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
        mine: &Factor,
        shows: Reveal,
    ) -> Result<Reconstructed<Vec<Vec<f64>>>, Fault> {
        let me = cx.channel.parties().me().index();
        let mine = self.encoded(mine, me)?;
        let opened = match self.scales.width {
            Width::Bits64 => {
                let words: Vec<u64> = mine.iter().map(|element| element.word(0)).collect();
                let opened = self.multiply(cx, &Zeroizing::new(words), shows).await?;
                opened.try_map(|words| Ok(words.into_iter().map(u128::from).collect()))?
            }
            Width::Bits128 => self.multiply(cx, &mine, shows).await?,
        };
        opened.try_map(|opened: Vec<u128>| self.decoded(&opened))
    }

    /// Returns the elements of this party's factor as integers, and its exponents.
    fn encoded(&self, mine: &Factor, me: usize) -> Result<Zeroizing<Vec<u128>>, Fault> {
        let scale = match me {
            0 => self.scales.x,
            1 => self.scales.y,
            _ => return Ok(Zeroizing::default()),
        };
        let elements = scale
            .encode(&mine.elements)
            .ok_or(Fault::Internal("an element fits its matrix's scale"))?;
        if mine.exponents.is_empty() {
            return Ok(elements);
        }
        let exponents = mine.exponents.iter();
        let exponents = exponents.map(|exponent| i128::from(*exponent).cast_unsigned());
        Ok(Zeroizing::new(elements.iter().copied().chain(exponents).collect()))
    }

    /// Multiplies the integers, and opens the product and the exponents to the parties.
    async fn multiply<E: Engine, R: Ring>(
        &self,
        cx: &mut FunctionContext<'_, E>,
        mine: &[R],
        shows: Reveal,
    ) -> Result<Reconstructed<Vec<R>>, Fault> {
        let Dimensions { rows, inner, columns } = self.dimensions;
        let [of_x, of_y] = self.exponents;
        let (x, y) = (rows * inner, inner * columns);
        let lengths = [x + of_x, y + of_y].into_iter().chain(std::iter::repeat(0));
        let lengths: Vec<usize> = lengths.take(cx.inputs).collect();
        let shares = cx.engine.share(mine, &lengths).await?;
        let [first, second, ..] = shares.as_slice() else {
            return Err(Fault::Internal("each party has shared its factor"));
        };
        let ((x, of_x), (y, of_y)) = (split(first, x), split(second, y));
        let product = cx.engine.matrix_product(&x, &y, self.dimensions).await?;
        let opened = Shared::concat(&[&product, &of_x, &of_y]);
        cx.engine.open(&opened, shows).await
    }

    fn decoded(&self, opened: &[u128]) -> Result<Vec<Vec<f64>>, Fault> {
        let Dimensions { rows, columns, .. } = self.dimensions;
        let (sums, exponents) = opened
            .split_at_checked(rows * columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let exponents = match self.exponents {
            [0, 0] => vec![0; rows + columns],
            _ => exponents.iter().map(|element| exponent(*element)).collect::<Result<_, _>>()?,
        };
        let (of_rows, of_columns) = exponents
            .split_at_checked(rows)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let row = |(sums, of_row): (&[u128], &i64)| -> Option<Vec<f64>> {
            let elements = zip_exact(sums, of_columns);
            elements.map(|(sum, power)| self.scales.decode_times(*sum, of_row + power)).collect()
        };
        let decoded: Option<_> = zip_exact(sums.chunks(columns), of_rows).map(row).collect();
        decoded.ok_or(Fault::ResultOutOfRange)
    }
}

/// Returns the shares before a place, and those after it.
fn split<R: Ring, S: Shared<R>>(shares: &S, at: usize) -> (S, S) {
    let before = if at == shares.len() { shares.clone() } else { shares.slice(0..at) };
    (before, shares.slice(at..shares.len()))
}

fn exponent(element: u128) -> Result<i64, Fault> {
    let exponent = element.word(0).cast_signed();
    let is_plausible = (-MOST_EXPONENT..=MOST_EXPONENT).contains(&exponent);
    is_plausible.then_some(exponent).ok_or(Fault::InvalidOpening)
}
