//! `StatisticsRegressionOLSVertical`: least squares of the second party's column y on the columns
//! of the first party's matrix X. Both have the same rows in the same order. No intercept is added.
//!
//! The first party computes A = (XᵀX)⁻¹Xᵀ by itself (see [`crate::algebra::pseudo_inverse`]). The
//! coefficients Ay are computed and opened as any product (see [`super::common::opened_product`]).
//! Nothing else of X and y is opened: not XᵀX, Xᵀy or the residuals.
//!
//! **Precision.** With N rows, let c = ⌈log₂ N⌉. The elements of a row of A and those of y have 63
//! − ⌈c/2⌉ bits, counted from the largest of that row and of y: 53 for a million rows. To the
//! coefficient bᵢ this adds an error of N·max|aᵢ|·max|y|·2^(⌈c/2⌉−62) at most, whatever the sizes
//! of X's columns and of y.
//!
//! **Opened beside the answer.** All members learn N and p, the rows and columns of X. The parties
//! learn the coefficients before they are rounded to doubles. They also learn the power of two next
//! above all magnitudes in y, and in each row of A. A row of A has the norm 1/‖x‖. Here x is the
//! part of a column of X that is left when the others are projected out. Helpers learn none of
//! these.
//!
//! **Disclosure rules.** Every row is of one person, and the parties have the same persons. The
//! rule on rows applies to N, which all members are told, before anything private is shared. X must
//! have more rows than columns, else y would follow from the coefficients. Where small counts are
//! withheld, each party finds the largest leverage of a row in its own X or y
//! ([`super::common::leverage`]). The disjunction of both bits is opened, and nothing else if it is
//! set. So X singles out no row of y, nor y one of A. Each party asks this of itself, in doubles: a
//! party that deviates from the protocol is not held to it. The constant is looked at beside X and y,
//! because another answer may tell the sum of y. The dominance rule does not apply, since no party contributes a part of
//! the rows.

use zeroize::Zeroizing;

use crate::algebra::normalised::Normalised;
use crate::algebra::pseudo_inverse::{PseudoInverse, leverage_of_column, pseudo_inverse};
use crate::engine::reveals::{COEFFICIENTS, OWN_LEVERAGE, SHAPE};
use crate::engine::{Dimensions, Engine};
use crate::functions::answer::Answer;
use crate::functions::common::leverage::{BOUND, refuse_if_high};
use crate::functions::common::matrices::{Matrix, Shape, parse_all};
use crate::functions::common::numbers::doubles;
use crate::functions::common::opened_product::{Factor, Product};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{BY_ID, NoParameters};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::sizes;

/// The most columns of X. The first party's own work grows with their square.
const MOST_COLUMNS: usize = 500;

/// The name of both forms of the regression.
pub(super) const NAME: &str = "StatisticsRegressionOLSVertical";

/// The parameter that asks for the other form.
pub(super) const BY_ID_ENTRY: ParameterEntry = ParameterEntry::boolean(
    BY_ID,
    "whether the parties' rows are matched by the ids that they begin with; by their order where it is \
     left out",
);

/// One party's part: the shape that it announces, and its factor once its place is known.
pub(crate) struct Regression {
    shape: Option<Shape>,
    matrix: Option<Matrix>,
    factor: Factor,
    /// The largest leverage of a row in the own factor and the constant.
    leverage: f64,
}

impl Function for Regression {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: NAME,
        summary: "least squares of one party's column on the columns of another's matrix, or of all others' \
                  by ids",
        asked_by: None,
        input: InputKind::Regressors,
        parameters: &[BY_ID_ENTRY],
        kind: Kind::Aligned,
        needs: Needs::Shares,
        pushdown: None,
        reveals: &[SHAPE, OWN_LEVERAGE, COEFFICIENTS],
        result_keys: &["mle"],
    };

    type Parameters = NoParameters;

    fn opens(_: &NoParameters, scope: Scope) -> Equations {
        Equations::linear(scope.columns)
    }

    fn new(_: NoParameters, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let matrix = input.map(of_columns).transpose()?.flatten();
        let shape = matrix.as_ref().map(|matrix| matrix.shape);
        Ok(Self { shape, matrix, factor: Factor::default(), leverage: 0.0 })
    }

    /// Makes the factor of the party at this place. Data that do not fit the place are found later,
    /// by all, from the announced shapes.
    fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        match (me.index(), self.matrix.take()) {
            (0, Some(x)) => (self.factor, self.leverage) = inverse(&x)?,
            (1, Some(y)) => {
                self.leverage = leverage_of_column(&y.elements);
                self.factor = column(y);
            }
            _ => {}
        }
        Ok(())
    }
}

impl OnShares for Regression {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let shape = self.shape.map(Shape::told).unwrap_or_default();
        let told = sizes::exchange(cx.channel, cx.inputs, shape, &[SHAPE]).await?;
        let shapes = parse_all(&told, |[rows, columns]| Shape::parse(rows, columns))?;
        let x = regressors(&shapes)?;
        cx.permit.check_rows(x.rows as u64, Equations::linear(x.columns as u64))?;
        if cx.permit.withholds() {
            refuse_if_high(cx, self.leverage >= BOUND).await?;
        }
        let dimensions = Dimensions { rows: x.columns, inner: x.rows, columns: 1 };
        let opened = Product::normalised(dimensions).open(cx, &self.factor, COEFFICIENTS).await?;
        Ok(opened.answer(|mle| Answer::Coefficients { mle }))
    }
}

/// Reads a matrix or a column. Numbers are a column. So is a matrix of one row: clients send a
/// column as a list in a list, and one row of data is never enough.
fn of_columns(input: &Input) -> Result<Option<Matrix>, InputError> {
    let matrix = match input {
        Input::Numbers(_) | Input::Integers(_) => {
            let elements = doubles(Some(input))?;
            Matrix::of(Shape { rows: elements.len(), columns: 1 }, elements)?
        }
        other => Matrix::new(other)?,
    };
    Ok(matrix.map(|matrix| match matrix.shape {
        Shape { rows: 1, columns } => {
            Matrix { shape: Shape { rows: columns, columns: 1 }, ..matrix }
        }
        _ => matrix,
    }))
}

/// Returns A = (XᵀX)⁻¹Xᵀ, each row normalised, and the largest leverage of a row of X and the constant.
fn inverse(x: &Matrix) -> Result<(Factor, f64), InputError> {
    let Shape { rows, columns } = x.shape;
    if columns > MOST_COLUMNS {
        let what = "columns of a matrix of regressors";
        return Err(InputError::TooMuch { what, actual: columns, limit: MOST_COLUMNS });
    }
    if rows <= columns {
        let expected = "a matrix of regressors has more rows than columns; leave columns out, or \
                        give each row as a list of its own";
        return Err(InputError::Shape { expected });
    }
    let inverse = pseudo_inverse(&x.elements, columns);
    let PseudoInverse { rows: inverse, leverage } =
        inverse.map_err(|dependent| InputError::Dependent { column: dependent.column })?;
    let exponents = inverse.iter().map(|row| row.exponent).collect();
    // Reserved as a whole: growing would leave copies behind.
    let mut elements = Zeroizing::new(Vec::with_capacity(rows * columns));
    inverse.iter().for_each(|row| elements.extend_from_slice(&row.elements));
    Ok((Factor { elements, exponents: Zeroizing::new(exponents) }, leverage))
}

/// Normalises y. If it has more than one column, its shape is refused later.
fn column(y: Matrix) -> Factor {
    let Normalised { exponent, elements } = Normalised::new(y.elements);
    Factor { elements, exponents: Zeroizing::new(vec![exponent]) }
}

/// Returns the shape of X, if there is an X and a y that fit each other.
pub(super) fn regressors(shapes: &[Option<Shape>]) -> Result<Shape, Fault> {
    let undefined = |why| Err(Fault::Undefined { why });
    let [x, y, others @ ..] = shapes else {
        return Err(Fault::Internal("a regression has two parties"));
    };
    let Some(x) = x else {
        return undefined("the first party must have a matrix of regressors");
    };
    let Some(y) = y else {
        return undefined("the second party must have a column, and has none");
    };
    if others.iter().any(Option::is_some) {
        return undefined("only the first and the second party may have data");
    }
    if y.columns != 1 {
        return undefined("the second party must have one column, and has several");
    }
    if x.rows != y.rows {
        return undefined("the first party's matrix and the second's column differ in their rows");
    }
    if x.rows <= x.columns {
        return undefined("the first party's matrix must have more rows than columns");
    }
    Ok(*x)
}
