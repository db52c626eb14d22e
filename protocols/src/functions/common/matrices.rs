//! Matrices that parties bring, and the facts about them that all members learn.

use zeroize::Zeroizing;

use crate::functions::input::Input;
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;

/// The most elements that a matrix may have.
pub(crate) const MOST_ELEMENTS: usize = 4_000_000;

/// One party's matrix: of one element at least, all finite.
pub(crate) struct Matrix {
    pub(crate) shape: Shape,
    /// The elements, row by row.
    pub(crate) elements: Zeroizing<Vec<f64>>,
}

/// The size of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Matrix {
    /// Reads a matrix; none if it has no elements.
    pub(crate) fn new(input: &Input) -> Result<Option<Self>, InputError> {
        match input {
            Input::Matrix { rows, columns, elements } => {
                let shape = Shape { rows: *rows, columns: *columns };
                Self::of(shape, Zeroizing::new(elements.clone()))
            }
            other if other.is_empty() => Ok(None),
            _ => Err(InputError::Shape { expected: "a matrix as a list of rows" }),
        }
    }

    pub(crate) fn of(
        shape: Shape,
        elements: Zeroizing<Vec<f64>>,
    ) -> Result<Option<Self>, InputError> {
        if shape.rows.checked_mul(shape.columns) != Some(elements.len()) {
            let expected = "a matrix: as many rows and columns as it has elements";
            return Err(InputError::Shape { expected });
        }
        if let Some(index) = elements.iter().position(|x| !x.is_finite()) {
            return Err(InputError::NotFinite { index });
        }
        check_elements(elements.len())?;
        Ok(Some(Self { shape, elements }).filter(|matrix| !matrix.elements.is_empty()))
    }
}

impl Shape {
    /// Reads a shape as a party announces it; none for no matrix.
    pub(crate) fn parse(rows: u64, columns: u64) -> Result<Option<Self>, Misbehaviour> {
        if rows == 0 && columns == 0 {
            return Ok(None);
        }
        let (rows, columns) = (in_range(rows)?, in_range(columns)?);
        match rows.saturating_mul(columns) {
            1..=MOST_ELEMENTS => Ok(Some(Self { rows, columns })),
            _ => Err(Misbehaviour::OutOfRange),
        }
    }

    /// Returns the shape as a party announces it.
    pub(crate) fn told(self) -> [u64; 2] {
        [self.rows as u64, self.columns as u64]
    }
}

fn in_range(size: u64) -> Result<usize, Misbehaviour> {
    usize::try_from(size).map_err(|_| Misbehaviour::OutOfRange)
}

/// Parses the announcements of all parties, in order.
pub(crate) fn parse_all<const K: usize, T>(
    told: &[[u64; K]],
    parse: impl Fn([u64; K]) -> Result<T, Misbehaviour>,
) -> Result<Vec<T>, Fault> {
    told.iter()
        .enumerate()
        .map(|(index, told)| {
            parse(*told).map_err(|what| match Party::new(index) {
                Some(party) => Fault::blame(party, what),
                None => Fault::Internal("each party has a place"),
            })
        })
        .collect()
}

fn check_elements(actual: usize) -> Result<(), InputError> {
    if actual > MOST_ELEMENTS {
        let what = "elements of a matrix";
        return Err(InputError::TooMuch { what, actual, limit: MOST_ELEMENTS });
    }
    Ok(())
}
