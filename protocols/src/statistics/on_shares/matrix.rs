//! `SecureMatrixMultiplication`: the product of the first party's matrix and the second's.
//!
//! Both become matrices of integers at scales that follow from their magnitudes (see
//! [`crate::algebra::fixed`]), are shared, multiplied at the cost of one element for each of the
//! product's, and the product is opened: exact to the last bit of the scales, which the answer comes
//! with. No share is truncated.
//!
//! **What is opened** beside the answer: the product with all its digits, before it is rounded to
//! doubles; and of each matrix its rows and columns, and between which powers of two the digits of
//! its elements lie. Whoever chooses one matrix can choose it so that
//! the product tells the other: that is the function's doing.

use std::collections::BTreeMap;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Desk, sizes};
use crate::algebra::fixed::{Magnitude, Scale, Scales, Width};
use crate::algebra::ring::Ring;
use crate::computation::{Answer, Input};
use crate::engine::{Audience, Dimensions, Engine};
use crate::fault::{Fault, InputError, Misbehaviour};
use crate::parameters::Parameters;
use crate::party::Party;

/// The most elements that a factor or the product may have.
const MOST_ELEMENTS: usize = 4_000_000;

/// The exponents that doubles have.
const EXPONENTS: std::ops::RangeInclusive<i64> = -1_074..=1_024;

/// At which scale a product was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Precision {
    /// Binary digits after the point of the elements of the first and of the second matrix; below
    /// zero where these are multiples of a power of two.
    pub fraction_bits: [i32; 2],
    /// Whether elements were rounded to these digits. If not, the product is the double nearest to
    /// the exact one.
    pub rounded: bool,
}

/// One party's matrix, if it has one.
pub(crate) struct Prepared(Option<Matrix>);

struct Matrix {
    rows: usize,
    columns: usize,
    elements: Zeroizing<Vec<f64>>,
}

/// What all members know of a matrix.
#[derive(Clone, Copy)]
struct Outline {
    rows: usize,
    columns: usize,
    magnitude: Option<Magnitude>,
}

impl Prepared {
    pub(super) fn new(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        Matrix::new(input).map(Self)
    }

    pub(super) fn to_help() -> Self {
        Self(None)
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
    ) -> Result<Option<Answer>, Fault> {
        let told = sizes::exchange(desk.channel, desk.inputs, self.outline()).await?;
        let outlines = outlines(&told)?;
        let (x, y) = factors(&outlines)?;
        let (rows, inner, columns) = (x.rows, x.columns, y.columns);
        let dimensions = Dimensions { rows, inner, columns };
        let scales = Scales::choose(x.magnitude, y.magnitude, inner);
        let me = desk.channel.parties().me().index();
        let encoded = match (&self.0, me) {
            (Some(matrix), 0) => matrix.encoded(scales.x)?,
            (Some(matrix), 1) => matrix.encoded(scales.y)?,
            _ => Zeroizing::default(),
        };
        let sums = match scales.width {
            Width::Bits64 => {
                let encoded: Vec<u64> = encoded.iter().map(|element| element.word(0)).collect();
                let encoded = Zeroizing::new(encoded);
                let product = product::<E, u64>(desk, &encoded, dimensions).await?;
                product.map(|sums| sums.into_iter().map(u128::from).collect())
            }
            Width::Bits128 => product::<E, u128>(desk, &encoded, dimensions).await?,
        };
        sums.map(|sums: Vec<u128>| answer(&sums, &scales, columns)).transpose()
    }

    /// Rows, columns, and exponents of our matrix; all zero without one.
    fn outline(&self) -> [u64; 4] {
        let Some(Matrix { rows, columns, elements }) = &self.0 else {
            return [0; 4];
        };
        let magnitude = Magnitude::of(elements).unwrap_or(Magnitude { lowest: 0, highest: 0 });
        let exponent = |exponent: i32| i64::from(exponent).cast_unsigned();
        let (lowest, highest) = (exponent(magnitude.lowest), exponent(magnitude.highest));
        [*rows as u64, *columns as u64, lowest, highest]
    }
}

impl Matrix {
    fn new(input: &Input) -> Result<Option<Self>, InputError> {
        match input {
            Input::Matrix { rows, columns, elements } => {
                let expected = "a matrix: as many rows and columns as it has elements";
                if rows.checked_mul(*columns) != Some(elements.len()) {
                    return Err(InputError::Shape { expected });
                }
                let not_finite = elements.iter().position(|x| !x.is_finite());
                if let Some(index) = not_finite {
                    return Err(InputError::NotFinite { index });
                }
                check_elements(elements.len())?;
                let elements = Zeroizing::new(elements.clone());
                let matrix = Self { rows: *rows, columns: *columns, elements };
                Ok(Some(matrix).filter(|matrix| !matrix.elements.is_empty()))
            }
            other if other.is_empty() => Ok(None),
            _ => Err(InputError::Shape { expected: "a matrix as a list of rows" }),
        }
    }

    fn encoded(&self, scale: Scale) -> Result<Zeroizing<Vec<u128>>, Fault> {
        scale.encode(&self.elements).ok_or(Fault::Implausible)
    }
}

impl Outline {
    /// None for no matrix.
    fn parse([rows, columns, lowest, highest]: [u64; 4]) -> Result<Option<Self>, Misbehaviour> {
        if rows == 0 && columns == 0 {
            return Ok(None);
        }
        let size = |size: u64| usize::try_from(size).map_err(|_| Misbehaviour::OutOfRange);
        let (rows, columns) = (size(rows)?, size(columns)?);
        let elements = rows.saturating_mul(columns);
        if elements == 0 || elements > MOST_ELEMENTS {
            return Err(Misbehaviour::OutOfRange);
        }
        let (lowest, highest) = (lowest.cast_signed(), highest.cast_signed());
        let exponents = [lowest, highest].iter().all(|exponent| EXPONENTS.contains(exponent));
        if !exponents || lowest > highest {
            return Err(Misbehaviour::OutOfRange);
        }
        let exponent = |e: i64| i32::try_from(e).map_err(|_| Misbehaviour::OutOfRange);
        let magnitude = Magnitude { lowest: exponent(lowest)?, highest: exponent(highest)? };
        // Only a matrix of zeros has no digits.
        let magnitude = Some(magnitude).filter(|magnitude| magnitude.lowest < magnitude.highest);
        Ok(Some(Self { rows, columns, magnitude }))
    }
}

fn check_elements(actual: usize) -> Result<(), InputError> {
    if actual > MOST_ELEMENTS {
        let what = "elements of a matrix";
        return Err(InputError::TooMuch { what, actual, limit: MOST_ELEMENTS });
    }
    Ok(())
}

fn outlines(told: &[[u64; 4]]) -> Result<Vec<Option<Outline>>, Fault> {
    let outline = |(index, told): (usize, &[u64; 4])| {
        Outline::parse(*told).map_err(|what| match Party::new(index) {
            Some(party) => Fault::blame(party, what),
            None => Fault::Implausible,
        })
    };
    told.iter().enumerate().map(outline).collect()
}

/// The matrices of the first two parties, if they fit each other.
fn factors(outlines: &[Option<Outline>]) -> Result<(Outline, Outline), Fault> {
    let undefined = |why| Err(Fault::Undefined { why });
    let [Some(x), Some(y), others @ ..] = outlines else {
        return undefined("the first and the second party must have a matrix each");
    };
    if others.iter().any(Option::is_some) {
        return undefined("only the first and the second party may have a matrix");
    }
    if x.columns != y.rows {
        return undefined("the first matrix has not as many columns as the second has rows");
    }
    if x.rows.checked_mul(y.columns).is_none_or(|elements| elements > MOST_ELEMENTS) {
        return undefined("the product has more than 4,000,000 elements");
    }
    Ok((*x, *y))
}

/// The opened product of the integers; none at a helper.
async fn product<E: Engine, R: Ring>(
    desk: &mut Desk<'_, E>,
    mine: &[R],
    dimensions: Dimensions,
) -> Result<Option<Vec<R>>, Fault> {
    let Dimensions { rows, inner, columns } = dimensions;
    let (x, y) = (rows * inner, inner * columns);
    desk.engine.prepare(R::BYTES * x.max(y).max(rows * columns)).await?;
    let lengths: Vec<usize> =
        [x, y].into_iter().chain(std::iter::repeat(0)).take(desk.inputs).collect();
    let shares = desk.engine.share(mine, &lengths).await?;
    let [x, y, ..] = shares.as_slice() else {
        return Err(Fault::Implausible);
    };
    let product = desk.engine.matrix_product(x, y, dimensions).await?;
    desk.engine.open(&product, Audience::Parties).await
}

fn answer(sums: &[u128], scales: &Scales, columns: usize) -> Result<Answer, Fault> {
    let row = |sums: &[u128]| sums.iter().map(|sum| scales.decode(*sum)).collect();
    let product: Option<Vec<Vec<f64>>> = sums.chunks(columns.max(1)).map(row).collect();
    let precision = Precision {
        fraction_bits: [scales.x.fraction_bits(), scales.y.fraction_bits()],
        rounded: scales.rounds(),
    };
    Ok(Answer::Product { product: product.ok_or(Fault::ResultOutOfRange)?, precision })
}
