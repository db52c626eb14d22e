//! The meaning of a field of text, and the kind of a column of them.
//!
//! An empty field is missing, quoted or not. `NA` without quotes is missing, as R and pandas write
//! it; with quotes it is a text, as R keeps it. `NaN` is a missing number. Blanks around numbers
//! and truth values are ignored; in texts they count. Numbers have a decimal point and no thousands
//! separator. `true` and `false` are truth values in any case.

use crate::column::Kind;
use crate::error::{CellProblem, Place};
use crate::number;
use crate::values::Cell;

/// Returns `true` for the fields that stand for a missing value.
pub(crate) fn is_missing(text: &str, quoted: bool) -> bool {
    text.is_empty() || (!quoted && text == "NA")
}

/// Parses the text of a field as a cell of that kind.
pub(crate) fn parse(text: &str, kind: Kind) -> Result<Cell, CellProblem> {
    let bare = text.trim_matches([' ', '\t']);
    match kind {
        Kind::Text => Ok(Cell::Text(text.to_owned())),
        Kind::Truth => truth(bare).map(Cell::Truth).ok_or(CellProblem::NotA(kind)),
        Kind::Integer => match shape(bare) {
            Shape::Integer | Shape::Code => {
                bare.parse().map(Cell::Integer).map_err(|_| CellProblem::TooLarge)
            }
            Shape::DecimalComma => Err(CellProblem::DecimalComma),
            // `3.0` is an integer, `3.5` is not.
            Shape::Number => number(bare),
            _ => Err(CellProblem::NotA(kind)),
        },
        Kind::Number => match shape(bare) {
            Shape::Integer | Shape::Code | Shape::Number => number(bare),
            Shape::DecimalComma => Err(CellProblem::DecimalComma),
            _ => Err(CellProblem::NotA(kind)),
        },
    }
}

/// Parses to the nearest double, but rounds no whole number. The batch refuses infinite numbers.
fn number(text: &str) -> Result<Cell, CellProblem> {
    number::written(text).map(Cell::Number).ok_or(CellProblem::Inexact)
}

/// Parses a truth value of a declared column, which may be 0 or 1.
fn truth(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => truth_word(text),
    }
}

fn truth_word(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

/// The shape of a field's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    Truth,
    /// An integer of at most 64 bits, without leading zeros.
    Integer,
    /// Digits with leading zeros, or more than 64 bits: a code rather than a number.
    Code,
    Number,
    DecimalComma,
    Other,
}

fn shape(text: &str) -> Shape {
    if truth_word(text).is_some() {
        return Shape::Truth;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(unsigned) {
        let leading_zero = unsigned.len() > 1 && unsigned.starts_with('0');
        let fits = text.parse::<i64>().is_ok();
        return if leading_zero || !fits { Shape::Code } else { Shape::Integer };
    }
    let commas = unsigned.split_once(',');
    if commas.is_some_and(|(whole, rest)| is_digits(whole) && rest.split(',').all(is_digits)) {
        return Shape::DecimalComma;
    }
    // Rust's grammar of floats is the usual one, with `inf`, `infinity` and `nan` in any case.
    if text.parse::<f64>().is_ok() { Shape::Number } else { Shape::Other }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Infers the kind of a column from its fields.
#[derive(Default)]
pub(crate) struct Inference {
    truths: bool,
    integers: bool,
    numbers: bool,
    codes: bool,
    other: bool,
    /// The place of the first number with a comma.
    comma: Option<Place>,
}

impl Inference {
    pub(crate) fn see(&mut self, text: &str, place: impl FnOnce() -> Place) {
        match shape(text.trim_matches([' ', '\t'])) {
            Shape::Truth => self.truths = true,
            Shape::Integer => self.integers = true,
            Shape::Code => self.codes = true,
            Shape::Number => self.numbers = true,
            Shape::Other => self.other = true,
            Shape::DecimalComma => {
                self.comma.get_or_insert_with(place);
            }
        }
    }

    /// Returns the narrowest kind for all fields, and `None` for no fields. A column of numbers with
    /// decimal commas is an error, with the place of the first.
    pub(crate) fn kind(&self) -> Result<Option<Kind>, Place> {
        let numeric = self.integers || self.numbers;
        if self.other || self.codes {
            return Ok(Some(Kind::Text));
        }
        match (self.truths, numeric, &self.comma) {
            (false, _, Some(place)) => Err(place.clone()),
            (true, false, None) => Ok(Some(Kind::Truth)),
            (false, true, None) if self.numbers => Ok(Some(Kind::Number)),
            (false, true, None) => Ok(Some(Kind::Integer)),
            (true, _, _) => Ok(Some(Kind::Text)),
            (false, false, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(fields: &[&str]) -> Result<Option<Kind>, u64> {
        let mut inference = Inference::default();
        for (field, row) in fields.iter().zip(2..) {
            inference.see(field, || Place::Row { file: String::new(), row });
        }
        inference.kind().map_err(|place| match place {
            Place::Row { row, .. } => row,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_column_is_of_the_narrowest_kind() {
        assert_eq!(infer(&["1", "-2", "+3", " 4 "]), Ok(Some(Kind::Integer)));
        assert_eq!(infer(&["1", "2.5"]), Ok(Some(Kind::Number)));
        assert_eq!(infer(&["1e5", ".5", "5.", "NaN", "-1E-3"]), Ok(Some(Kind::Number)));
        assert_eq!(infer(&["true", "FALSE", "True"]), Ok(Some(Kind::Truth)));
        assert_eq!(infer(&["true", "1"]), Ok(Some(Kind::Text)));
        assert_eq!(infer(&["1", "x"]), Ok(Some(Kind::Text)));
        assert_eq!(infer(&[]), Ok(None));
    }

    #[test]
    fn codes_stay_texts() {
        assert_eq!(infer(&["01234", "99999"]), Ok(Some(Kind::Text)));
        assert_eq!(infer(&["12345678901234567890"]), Ok(Some(Kind::Text)));
        assert_eq!(infer(&["0", "10"]), Ok(Some(Kind::Integer)));
    }

    #[test]
    fn decimal_commas_are_refused_where_a_column_would_be_of_numbers() {
        assert_eq!(infer(&["1", "1,5"]), Err(3));
        assert_eq!(infer(&["1,234,567"]), Err(2));
        assert_eq!(infer(&["1,5", "left, right"]), Ok(Some(Kind::Text)));
        for kind in [Kind::Integer, Kind::Number] {
            assert_eq!(parse("1,5", kind).err(), Some(CellProblem::DecimalComma));
        }
        assert!(matches!(parse("1,5", Kind::Text), Ok(Cell::Text(_))));
    }

    #[test]
    fn fields_of_another_kind_are_refused() {
        assert_eq!(parse("x", Kind::Number).err(), Some(CellProblem::NotA(Kind::Number)));
        assert_eq!(parse("2", Kind::Truth).err(), Some(CellProblem::NotA(Kind::Truth)));
        let large = parse("9223372036854775808", Kind::Integer);
        assert_eq!(large.err(), Some(CellProblem::TooLarge));
        assert!(matches!(parse(" 007 ", Kind::Integer), Ok(Cell::Integer(7))));
        assert!(matches!(parse("1", Kind::Truth), Ok(Cell::Truth(true))));
    }
}
