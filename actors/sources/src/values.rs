//! Columns of values in memory, and the lossless conversion of cells to them.

use std::fmt;
use std::mem;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::column::Kind;
use crate::error::{CellProblem, SourceError};
use crate::number;

/// The values of one column; `None` is a missing value.
#[derive(Clone, PartialEq)]
pub enum Values {
    /// 64-bit integers.
    Integers(Vec<Option<i64>>),
    /// Finite doubles.
    Numbers(Vec<Option<f64>>),
    /// Texts, dates in the form of ISO 8601, and the missing values of a column without others.
    Texts(Vec<Option<String>>),
    /// Truth values.
    Truths(Vec<Option<bool>>),
}

impl Zeroize for Values {
    fn zeroize(&mut self) {
        match self {
            Self::Integers(values) => values.zeroize(),
            Self::Numbers(values) => values.zeroize(),
            Self::Texts(values) => values.zeroize(),
            Self::Truths(values) => values.zeroize(),
        }
    }
}

/// Values of rows leave no copy in memory, apart from those of columns that have grown.
impl Drop for Values {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Values {}

impl Values {
    /// Makes an empty column of that kind.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Self::Integers(Vec::new()),
            Kind::Number => Self::Numbers(Vec::new()),
            Kind::Text | Kind::Date | Kind::Unknown => Self::Texts(Vec::new()),
            Kind::Truth => Self::Truths(Vec::new()),
        }
    }

    /// Returns the kind of the values, which is text for dates and for columns without values.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Integers(_) => Kind::Integer,
            Self::Numbers(_) => Kind::Number,
            Self::Texts(_) => Kind::Text,
            Self::Truths(_) => Kind::Truth,
        }
    }

    /// Returns the number of values, missing ones included.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Truths(values) => values.len(),
        }
    }

    /// Returns `true` if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the missing values.
    pub fn missing(&self) -> usize {
        fn count<T>(values: &[Option<T>]) -> usize {
            values.iter().filter(|value| value.is_none()).count()
        }
        match self {
            Self::Integers(values) => count(values),
            Self::Numbers(values) => count(values),
            Self::Texts(values) => count(values),
            Self::Truths(values) => count(values),
        }
    }

    /// Keeps the values for which `kept` is true, in order.
    pub(crate) fn retain(&mut self, kept: &[bool]) {
        fn sift<T>(values: &mut Vec<Option<T>>, kept: &[bool]) {
            let mut kept = kept.iter();
            values.retain(|_| kept.next().copied().unwrap_or(false));
        }
        match self {
            Self::Integers(values) => sift(values, kept),
            Self::Numbers(values) => sift(values, kept),
            Self::Texts(values) => sift(values, kept),
            Self::Truths(values) => sift(values, kept),
        }
    }

    /// Appends values of the same kind.
    pub(crate) fn append(&mut self, mut other: Self) {
        match (self, &mut other) {
            (Self::Integers(values), Self::Integers(more)) => values.append(more),
            (Self::Numbers(values), Self::Numbers(more)) => values.append(more),
            (Self::Texts(values), Self::Texts(more)) => values.append(more),
            (Self::Truths(values), Self::Truths(more)) => values.append(more),
            _ => debug_assert!(false, "columns of one table keep their kinds"),
        }
    }

    /// Appends a cell, if it can be converted without loss.
    pub(crate) fn push(&mut self, cell: Cell) -> Result<(), CellProblem> {
        match self {
            Self::Integers(values) => values.push(cell.integer()?),
            Self::Numbers(values) => values.push(cell.number()?),
            Self::Texts(values) => values.push(cell.text()?),
            Self::Truths(values) => values.push(cell.truth()?),
        }
        Ok(())
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of kind {}", self.len(), self.kind())
    }
}

/// Rows of some columns.
#[derive(Clone, PartialEq)]
pub struct Batch {
    /// The number of rows, even without columns.
    pub rows: usize,
    /// The columns, each with one value a row.
    pub columns: Vec<Values>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Batch({} rows, {} columns)", self.rows, self.columns.len())
    }
}

/// The receiver of batches; its error ends the reading.
pub(crate) type BatchSink<'a> = &'a mut dyn FnMut(Batch) -> Result<(), SourceError>;

/// A value that is read from a source, before it enters a column.
pub(crate) enum Cell {
    Missing,
    Integer(i64),
    Number(f64),
    /// A decimal as databases and Arrow write it: an optional sign, digits, and a fraction. Also an
    /// integer of more than 64 bits.
    Decimal(String),
    Text(String),
    Truth(bool),
}

impl Cell {
    fn integer(self) -> Result<Option<i64>, CellProblem> {
        match self {
            Self::Missing => Ok(None),
            Self::Integer(value) => Ok(Some(value)),
            Self::Number(value) if value.is_nan() => Ok(None),
            Self::Number(value) => {
                number::integer(value).ok_or(CellProblem::Double(Kind::Integer)).map(Some)
            }
            Self::Decimal(text) => match number::decimal_integer(&text) {
                Some(value) => Ok(Some(value)),
                None if number::is_whole(&text) => Err(CellProblem::TooLarge),
                None => Err(CellProblem::NotA(Kind::Integer)),
            },
            Self::Text(_) | Self::Truth(_) => Err(CellProblem::NotA(Kind::Integer)),
        }
    }

    fn number(self) -> Result<Option<f64>, CellProblem> {
        match self {
            Self::Missing => Ok(None),
            Self::Integer(value) => number::exact(value).ok_or(CellProblem::Inexact).map(Some),
            Self::Number(value) if value.is_nan() => Ok(None),
            Self::Number(value) if value.is_infinite() => Err(CellProblem::Infinite),
            Self::Number(value) => Ok(Some(value)),
            Self::Decimal(text) => number::decimal(&text).ok_or(CellProblem::Inexact).map(Some),
            Self::Text(_) | Self::Truth(_) => Err(CellProblem::NotA(Kind::Number)),
        }
    }

    /// Converts to text. Integers and decimals, which codes often are, have one text. Doubles have
    /// many and are refused.
    fn text(self) -> Result<Option<String>, CellProblem> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Integer(value) => Ok(Some(value.to_string())),
            Self::Truth(value) => Ok(Some(value.to_string())),
            Self::Decimal(text) => Ok(Some(number::plain_decimal(&text).to_owned())),
            Self::Number(value) if value.is_nan() => Ok(None),
            Self::Number(_) => Err(CellProblem::Double(Kind::Text)),
        }
    }

    /// Converts to a truth value. SQLite and MySQL have none, and use 0 and 1.
    fn truth(self) -> Result<Option<bool>, CellProblem> {
        match self {
            Self::Missing => Ok(None),
            Self::Truth(value) => Ok(Some(value)),
            Self::Integer(0) => Ok(Some(false)),
            Self::Integer(1) => Ok(Some(true)),
            Self::Number(value) if value.is_nan() => Ok(None),
            Self::Number(_) => Err(CellProblem::Double(Kind::Truth)),
            _ => Err(CellProblem::NotA(Kind::Truth)),
        }
    }

    /// Estimates the size in memory.
    pub(crate) fn size(&self) -> usize {
        let heap = match self {
            Self::Text(text) | Self::Decimal(text) => text.len(),
            _ => 0,
        };
        heap.saturating_add(mem::size_of::<Option<String>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_all_kinds_are_wiped_and_when_they_are_dropped() {
        fn wipes<T: ZeroizeOnDrop>() {
            assert!(std::mem::needs_drop::<T>());
        }
        wipes::<Values>();
        for mut column in [
            Values::Integers(vec![Some(1), None]),
            Values::Numbers(vec![Some(0.5)]),
            Values::Texts(vec![Some("x".to_owned())]),
            Values::Truths(vec![Some(true)]),
        ] {
            column.zeroize();
            assert!(column.is_empty(), "{column:?}");
        }
    }

    fn push(kind: Kind, cell: Cell) -> Result<Values, CellProblem> {
        let mut values = Values::new(kind);
        values.push(cell).map(|()| values)
    }

    #[test]
    fn cells_are_converted_only_where_nothing_is_lost() {
        let three = Values::Integers(vec![Some(3)]);
        assert_eq!(push(Kind::Integer, Cell::Number(3.0)), Ok(three.clone()));
        assert_eq!(push(Kind::Integer, Cell::Decimal("3.00".to_owned())), Ok(three));
        assert!(push(Kind::Integer, Cell::Number(3.5)).is_err());
        assert!(push(Kind::Integer, Cell::Truth(true)).is_err());
        let large = Cell::Integer((1 << 53) + 1);
        assert_eq!(push(Kind::Number, large), Err(CellProblem::Inexact));
        let infinite = Cell::Number(f64::NEG_INFINITY);
        assert_eq!(push(Kind::Number, infinite), Err(CellProblem::Infinite));
        let nan = push(Kind::Number, Cell::Number(f64::NAN));
        assert_eq!(nan, Ok(Values::Numbers(vec![None])));
        assert!(push(Kind::Text, Cell::Number(1.0)).is_err());
        assert!(push(Kind::Truth, Cell::Integer(2)).is_err());
        let digits = |text: &str| Cell::Decimal(text.to_owned());
        let text = |text: &str| Ok(Values::Texts(vec![Some(text.to_owned())]));
        assert_eq!(push(Kind::Text, digits("18446744073709551615")), text("18446744073709551615"));
        assert_eq!(push(Kind::Text, digits("19.990")), text("19.99"));
        assert_eq!(push(Kind::Integer, digits("18446744073709551615")), Err(CellProblem::TooLarge));
    }

    #[test]
    fn debug_forms_show_sizes_only() {
        let texts = Values::Texts(vec![Some("secret".to_owned())]);
        let batch = Batch { rows: 1, columns: vec![texts.clone()] };
        assert_eq!(format!("{texts:?}"), "1 of kind text");
        assert_eq!(format!("{batch:?}"), "Batch(1 rows, 1 columns)");
    }
}
