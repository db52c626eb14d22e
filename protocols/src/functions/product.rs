//! `SecureMatrixMultiplication`: the product of the first party's matrix and the second's.
//!
//! The product is computed at scales that follow from the magnitudes of both (see
//! [`super::common::opened_product`]). It is exact to the last bit of the scales, and the answer
//! carries them.
//!
//! **Opened beside the answer.** The product with all its bits, before it is rounded to doubles. Of
//! each matrix, its rows and columns, and the powers of two between which the bits of its elements
//! lie. A party can choose its matrix so that the product tells the other one: this lies in the
//! function.

use serde::{Deserialize, Serialize};

use crate::algebra::fixed::{Magnitude, Scales};
use crate::engine::reveals::{EXACT_PRODUCT, OUTLINE};
use crate::engine::{Dimensions, Engine};
use crate::functions::answer::Answer;
use crate::functions::common::matrices::{MOST_ELEMENTS, Matrix, Shape, parse_all};
use crate::functions::common::opened_product::{Factor, Product};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::NoParameters;
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::sizes;

/// The exponents of doubles.
const EXPONENTS: std::ops::RangeInclusive<i64> = -1_074..=1_024;

/// The scale at which a product was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precision {
    /// The bits after the point of the elements of the first and of the second matrix. They are
    /// below zero where the elements are multiples of a power of two.
    pub fraction_bits: [i32; 2],
    /// True if elements were rounded to these bits. Otherwise the product is the double nearest to
    /// the exact one.
    pub rounded: bool,
}

/// One party's matrix, if it has one.
pub(crate) struct MatrixProduct(Option<Matrix>);

/// The facts about a matrix that all members know.
#[derive(Clone, Copy)]
struct Outline {
    shape: Shape,
    magnitude: Option<Magnitude>,
}

impl Function for MatrixProduct {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SecureMatrixMultiplication",
        summary: "the product of one party's matrix and another's",
        asked_by: None,
        input: InputKind::Matrix,
        parameters: &[],
        kind: Kind::Elements,
        needs: Needs::Shares,
        pushdown: None,
        reveals: &[OUTLINE, EXACT_PRODUCT],
        result_keys: &["product"],
    };

    type Parameters = NoParameters;

    fn opens(_: &NoParameters, _: Scope) -> Equations {
        Equations::NONE
    }

    fn new(_: NoParameters, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        Ok(Self(input.map(Matrix::new).transpose()?.flatten()))
    }
}

impl OnShares for MatrixProduct {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let told = sizes::exchange(cx.channel, cx.inputs, self.outline(), &[OUTLINE]).await?;
        let (x, y) = factors(&parse_all(&told, Outline::parse)?)?;
        let (rows, inner, columns) = (x.shape.rows, x.shape.columns, y.shape.columns);
        let dimensions = Dimensions { rows, inner, columns };
        let plan = Product::new(dimensions, [x.magnitude, y.magnitude]);
        let elements = self.0.map(|matrix| matrix.elements).unwrap_or_default();
        let opened =
            plan.open(cx, &Factor { elements, ..Factor::default() }, EXACT_PRODUCT).await?;
        let precision = Precision::of(plan.scales());
        Ok(opened.answer(|product| Answer::Product { product, precision }))
    }
}

impl MatrixProduct {
    /// Returns rows, columns, and exponents of this party's matrix; all zero without one.
    fn outline(&self) -> [u64; 4] {
        let Some(Matrix { shape, elements }) = &self.0 else {
            return [0; 4];
        };
        let [rows, columns] = shape.told();
        let magnitude = Magnitude::of(elements).unwrap_or(Magnitude { lowest: 0, highest: 0 });
        let exponent = |exponent: i32| i64::from(exponent).cast_unsigned();
        [rows, columns, exponent(magnitude.lowest), exponent(magnitude.highest)]
    }
}

impl Precision {
    fn of(scales: &Scales) -> Self {
        let fraction_bits = [scales.x.fraction_bits(), scales.y.fraction_bits()];
        Self { fraction_bits, rounded: scales.rounds() }
    }
}

impl Outline {
    /// Reads the outline of a matrix; none for no matrix.
    fn parse([rows, columns, lowest, highest]: [u64; 4]) -> Result<Option<Self>, Misbehaviour> {
        let Some(shape) = Shape::parse(rows, columns)? else {
            return Ok(None);
        };
        let (lowest, highest) = (lowest.cast_signed(), highest.cast_signed());
        let exponents = [lowest, highest].iter().all(|exponent| EXPONENTS.contains(exponent));
        if !exponents || lowest > highest {
            return Err(Misbehaviour::OutOfRange);
        }
        let exponent = |e: i64| i32::try_from(e).map_err(|_| Misbehaviour::OutOfRange);
        let magnitude = Magnitude { lowest: exponent(lowest)?, highest: exponent(highest)? };
        // Only a matrix of zeros has no bits.
        let magnitude = Some(magnitude).filter(|magnitude| magnitude.lowest < magnitude.highest);
        Ok(Some(Self { shape, magnitude }))
    }
}

/// Returns the matrices of the first two parties, if they fit each other.
fn factors(outlines: &[Option<Outline>]) -> Result<(Outline, Outline), Fault> {
    let undefined = |why| Err(Fault::Undefined { why });
    let [Some(x), Some(y), others @ ..] = outlines else {
        return undefined("the first and the second party must have a matrix each");
    };
    if others.iter().any(Option::is_some) {
        return undefined("only the first and the second party may have a matrix");
    }
    if x.shape.columns != y.shape.rows {
        return undefined("the first matrix has not as many columns as the second has rows");
    }
    let elements = x.shape.rows.checked_mul(y.shape.columns);
    if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
        return undefined("the product has more than 4,000,000 elements");
    }
    Ok((*x, *y))
}
