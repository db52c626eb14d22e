//! The meaning of a field of text, by its column's format.
//!
//! An empty field is missing, quoted or not. `NA` without quotes is missing, as R and pandas write
//! it; with quotes it is a text, as R keeps it. `NaN` is a missing number. Blanks around numbers,
//! truth values and codes are ignored; in texts they count. Unless its format is declared, a number
//! has a decimal point and no thousands separator, and `true` and `false` are the truth values, in
//! any case.

use std::borrow::Cow;

use crate::column::Kind;
use crate::date;
use crate::error::CellProblem;
use crate::format::{BLANKS, Format};
use crate::number;
use crate::values::Cell;

/// Reads the fields and cells of one column.
#[derive(Clone, Default)]
pub(crate) struct FieldReader {
    format: Format,
    /// The codes for missing values, without blanks around them.
    codes: Vec<String>,
    /// Those that are integers.
    integers: Vec<i64>,
    /// Those that are numbers.
    numbers: Vec<f64>,
    /// Those that may be decimals, with a decimal point and without separators.
    decimals: Vec<String>,
}

impl FieldReader {
    pub(crate) fn new(format: Format) -> Self {
        let codes = format.missing.iter().map(|code| code.trim_matches(BLANKS).to_owned());
        let mut reader = Self { codes: codes.collect(), format, ..Self::default() };
        for code in reader.codes.clone() {
            // A code is written like the fields, or else like the numbers of other sources.
            let declared = reader.plain(&code).filter(|plain| number::is_number(plain));
            let plain = declared.unwrap_or(Cow::Borrowed(&code));
            reader.integers.extend(number::decimal_integer(&plain));
            reader.numbers.extend(number::written(&plain));
            reader.decimals.push(number::plain_decimal(&plain).to_owned());
        }
        reader
    }

    /// Returns `true` for the fields that stand for a missing value, whatever the column's kind.
    pub(crate) fn is_missing(&self, text: &str, quoted: bool) -> bool {
        let bare = text.trim_matches(BLANKS);
        text.is_empty() || (!quoted && bare == "NA") || self.is_code(bare)
    }

    /// Reads a field of a text as a cell of that kind.
    pub(crate) fn field(&self, text: &str, quoted: bool, kind: Kind) -> Result<Cell, CellProblem> {
        if self.is_missing(text, quoted) {
            return Ok(Cell::Missing);
        }
        self.parse(text, kind)
    }

    /// Reads a cell of a source that has types. Texts of columns of another kind are parsed like
    /// fields.
    pub(crate) fn cell(&self, cell: Cell, kind: Kind) -> Result<Cell, CellProblem> {
        if self.is_missing_cell(&cell) || self.is_single_code(&cell) {
            return Ok(Cell::Missing);
        }
        match cell {
            Cell::Text(text) if kind != Kind::Text => self.parse(&text, kind),
            Cell::Number(value) if value.is_nan() => Ok(Cell::Missing),
            Cell::Integer(_) | Cell::Number(_) | Cell::Decimal(_) | Cell::Truth(_)
                if kind == Kind::Unknown =>
            {
                Err(CellProblem::Undetermined)
            }
            Cell::Integer(value) if kind == Kind::Truth && self.has_words() => {
                self.parse(&value.to_string(), kind)
            }
            Cell::Number(_) if kind == Kind::Date => Err(CellProblem::Double(kind)),
            Cell::Integer(_) | Cell::Decimal(_) | Cell::Truth(_) if kind == Kind::Date => {
                Err(CellProblem::NotA(kind))
            }
            cell => Ok(cell),
        }
    }

    fn is_code(&self, bare: &str) -> bool {
        self.codes.iter().any(|code| code == bare)
    }

    #[expect(clippy::float_cmp, reason = "a code is exactly the number that was declared")]
    fn is_missing_cell(&self, cell: &Cell) -> bool {
        match cell {
            Cell::Integer(value) => self.integers.contains(value),
            Cell::Number(value) => self.numbers.iter().any(|code| code == value),
            Cell::Decimal(text) => {
                let plain = number::plain_decimal(text);
                self.decimals.iter().any(|code| code == plain)
            }
            Cell::Text(text) => self.is_code(text.trim_matches(BLANKS)),
            Cell::Missing | Cell::Truth(_) => false,
        }
    }

    /// Returns `true` for a double that was a float of 32 bits and is a code in that precision, as
    /// -99.9 is in a column of such floats. Whole codes are compared as they are: whole numbers of
    /// doubles are floats, too, and would be taken for other codes near them.
    #[expect(
        clippy::float_cmp,
        reason = "a code is exactly the float nearest to what was declared"
    )]
    fn is_single_code(&self, cell: &Cell) -> bool {
        let Cell::Number(value) = cell else { return false };
        let single = number::single(*value);
        let fractions = self.numbers.iter().filter(|code| code.fract() != 0.0);
        f64::from(single) == *value && fractions.copied().any(|code| number::single(code) == single)
    }

    /// Parses the text of a field as a cell of that kind.
    fn parse(&self, text: &str, kind: Kind) -> Result<Cell, CellProblem> {
        let bare = text.trim_matches(BLANKS);
        if kind == Kind::Text {
            return Ok(Cell::Text(text.to_owned()));
        }
        if bare.is_empty() {
            return Ok(Cell::Missing);
        }
        if kind == Kind::Unknown {
            return Err(CellProblem::Undetermined);
        }
        if kind == Kind::Date {
            return self.date(bare);
        }
        if kind == Kind::Truth {
            return self.truth(bare).map(Cell::Truth).ok_or(CellProblem::NotA(kind));
        }
        let plain = self.plain(bare).ok_or(CellProblem::NotA(kind))?;
        let cell = match self.shape_of_number(&plain) {
            Shape::Integer | Shape::Code if kind == Kind::Integer => {
                plain.parse().map(Cell::Integer).map_err(|_| CellProblem::TooLarge)?
            }
            // `3.0` is an integer, `3.5` is not.
            Shape::Integer | Shape::Code | Shape::Number => number(&plain)?,
            Shape::Comma(comma) => return Err(comma.problem()),
            Shape::Truth | Shape::Other => return Err(CellProblem::NotA(kind)),
        };
        if self.is_missing_cell(&cell) {
            return Ok(Cell::Missing);
        }
        let rounded = kind == Kind::Integer && number::may_round(&plain);
        if rounded { Err(CellProblem::Double(kind)) } else { Ok(cell) }
    }

    /// Parses a date into the form of ISO 8601. A day of zeros is missing, as MySQL has it. Columns of
    /// times often hold days: these are times at midnight.
    fn date(&self, bare: &str) -> Result<Cell, CellProblem> {
        if bare == "0000-00-00" {
            return Ok(Cell::Missing);
        }
        let form = self.format.date.as_deref().unwrap_or(date::ISO);
        let of_midnight = || date::parse(date::day_of_midnight(bare)?, date::ISO);
        let day = date::parse(bare, form).or_else(of_midnight);
        day.map(Cell::Text).ok_or(CellProblem::NotA(Kind::Date))
    }

    /// Parses a truth value of a declared column, which may be 0 or 1.
    fn truth(&self, text: &str) -> Option<bool> {
        match text {
            "0" if !self.has_words() => Some(false),
            "1" if !self.has_words() => Some(true),
            _ => self.truth_word(text),
        }
    }

    fn truth_word(&self, text: &str) -> Option<bool> {
        if self.format.true_words.iter().any(|word| word == text)
            || text.eq_ignore_ascii_case("true")
        {
            return Some(true);
        }
        let is_false = self.format.false_words.iter().any(|word| word == text)
            || text.eq_ignore_ascii_case("false");
        is_false.then_some(false)
    }

    fn has_words(&self) -> bool {
        !(self.format.true_words.is_empty() && self.format.false_words.is_empty())
    }

    /// Writes a number with a decimal point and without separators. `None` if it is not written in
    /// the declared way.
    fn plain<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let (decimal, thousands) = (self.format.decimal.unwrap_or('.'), self.format.thousands);
        if decimal == '.' && thousands.is_none() {
            return Some(Cow::Borrowed(text));
        }
        let (whole, fraction) = match text.split_once(decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let whole = match thousands {
            Some(separator) => ungrouped(whole, separator)?,
            None => Cow::Borrowed(whole),
        };
        if whole.contains(['.', ',']) || fraction.is_some_and(|part| part.contains(['.', ','])) {
            return None;
        }
        Some(match fraction {
            Some(fraction) => Cow::Owned(format!("{whole}.{fraction}")),
            None => whole,
        })
    }

    pub(crate) fn shape(&self, text: &str) -> Shape {
        if self.truth_word(text).is_some() {
            return Shape::Truth;
        }
        self.plain(text).map_or(Shape::Other, |plain| self.shape_of_number(&plain))
    }

    /// Returns the shape of a text with a decimal point and without separators.
    fn shape_of_number(&self, plain: &str) -> Shape {
        let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
        if is_digits(unsigned) {
            let leading_zero = unsigned.len() > 1 && unsigned.starts_with('0');
            let fits = plain.parse::<i64>().is_ok();
            return if leading_zero || !fits { Shape::Code } else { Shape::Integer };
        }
        if let Some(comma) = comma(unsigned) {
            return Shape::Comma(comma);
        }
        // Rust's grammar of floats is the usual one, with `inf`, `infinity` and `nan` in any case.
        if plain.parse::<f64>().is_ok() { Shape::Number } else { Shape::Other }
    }
}

/// Returns the meaning of the commas between digits. `None` where no declaration gives them one, as
/// in `1,5,5`.
fn comma(unsigned: &str) -> Option<Comma> {
    let (whole, fraction) = unsigned.split_once(',')?;
    let decimal = is_digits(whole) && is_digits(fraction);
    match (decimal, ungrouped(unsigned, ',').is_some()) {
        (true, true) => Some(Comma::Either),
        (true, false) => Some(Comma::Decimal),
        (false, true) => Some(Comma::Thousands),
        (false, false) => None,
    }
}

/// Removes the separators between groups of three digits. `None` if groups are of other lengths, or
/// the first begins with a zero: `0.123` has no thousands.
fn ungrouped(whole: &str, separator: char) -> Option<Cow<'_, str>> {
    let signs = like(separator);
    if !whole.contains(signs) {
        return Some(Cow::Borrowed(whole));
    }
    let mut groups = whole.split(signs);
    let first = groups.next()?;
    let digits = first.strip_prefix(['+', '-']).unwrap_or(first);
    let first_fits = is_digits(digits) && digits.len() <= 3 && !digits.starts_with('0');
    let others_fit = groups.all(|group| is_digits(group) && group.len() == 3);
    (first_fits && others_fit).then(|| Cow::Owned(whole.replace(signs, "")))
}

/// Returns the signs that stand for a separator. Programs also write unbreakable and narrow blanks,
/// and a raised comma for an apostrophe.
fn like(separator: char) -> &'static [char] {
    match separator {
        ' ' => &[' ', '\u{a0}', '\u{202f}'],
        '\'' => &['\'', '\u{2019}'],
        ',' => &[','],
        '.' => &['.'],
        _ => &[],
    }
}

/// Parses to the nearest double, but rounds no whole number. The batch refuses infinite numbers.
fn number(text: &str) -> Result<Cell, CellProblem> {
    if number::vanishes(text) {
        return Err(CellProblem::TooSmall);
    }
    number::written(text).map(Cell::Number).ok_or(CellProblem::Inexact)
}

/// The shape of a field's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Truth,
    /// An integer of at most 64 bits, without leading zeros.
    Integer,
    /// Digits with leading zeros, or more than 64 bits: a code rather than a number.
    Code,
    Number,
    Comma(Comma),
    Other,
}

/// The meanings that the commas of a number can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comma {
    Decimal,
    Thousands,
    /// One comma before three digits, as in `250,000`.
    Either,
}

impl Comma {
    /// Returns the defect of a column of numbers with such commas.
    pub(crate) fn problem(self) -> CellProblem {
        match self {
            Self::Decimal => CellProblem::DecimalComma,
            Self::Thousands => CellProblem::ThousandsComma,
            Self::Either => CellProblem::EitherComma,
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, kind: Kind) -> Result<Cell, CellProblem> {
        FieldReader::default().parse(text, kind)
    }

    fn written(decimal: char, thousands: Option<char>) -> FieldReader {
        FieldReader::new(Format { decimal: Some(decimal), thousands, ..Format::default() })
    }

    #[test]
    fn numbers_are_read_as_they_are_declared_and_not_otherwise() {
        let cases = [
            (',', None, "70,5", Some(70.5)),
            (',', None, "70.5", None),
            (',', None, "1,5,5", None),
            (',', Some('.'), "1.234,50", Some(1234.5)),
            (',', Some('.'), "-12.000", Some(-12_000.0)),
            (',', Some('.'), "1.23", None),
            (',', Some('.'), "1234,5e1", Some(12_345.0)),
            ('.', Some(','), "1,234,567.5", Some(1_234_567.5)),
            ('.', Some(','), "1,2", None),
            (',', Some('.'), "0.123", None),
            (',', Some('.'), "0.500", None),
            (',', Some('.'), "-0.250", None),
            (',', Some('.'), "00.123", None),
            (',', Some('.'), "0,123", Some(0.123)),
            (',', Some('.'), "10.123", Some(10_123.0)),
            ('.', Some(' '), "1\u{202f}234.5", Some(1234.5)),
            ('.', Some('\''), "12'000", Some(12_000.0)),
            ('.', Some('\''), "'000", None),
        ];
        for (decimal, thousands, text, expected) in cases {
            let read = written(decimal, thousands).field(text, false, Kind::Number);
            match (read, expected) {
                (Ok(Cell::Number(read)), Some(expected)) => assert_eq!(read, expected, "{text}"),
                (Err(_), None) => {}
                _ => panic!("{text}"),
            }
        }
    }

    #[test]
    fn codes_are_missing_in_texts_and_in_types() {
        let missing = ["-9", ".", "NULL", " -"].map(str::to_owned).into();
        let reader = FieldReader::new(Format { missing, ..Format::default() });
        for text in ["-9", " . ", "NULL", "-9.0", "", " ", "NA", " - "] {
            let read = reader.field(text, false, Kind::Number);
            assert!(matches!(read, Ok(Cell::Missing)), "{text:?}");
        }
        let decimal = Cell::Decimal("-9.00".to_owned());
        for cell in [Cell::Integer(-9), Cell::Number(-9.0), decimal, Cell::Text("NULL".into())] {
            assert!(matches!(reader.cell(cell, Kind::Text), Ok(Cell::Missing)));
        }
        assert!(matches!(reader.cell(Cell::Integer(9), Kind::Integer), Ok(Cell::Integer(9))));
        assert!(matches!(reader.field("NULL", true, Kind::Text), Ok(Cell::Missing)));
    }

    #[test]
    fn codes_are_written_like_fields_or_with_a_point() {
        let missing = ["-9,5", "-9.999", "-99.9", " -7 "].map(str::to_owned).into();
        let (decimal, thousands) = (Some(','), Some('.'));
        let format = Format { missing, decimal, thousands, ..Format::default() };
        let reader = FieldReader::new(format);
        let decimals = ["-9.50", "-9999", "-99.9", "-7"].map(|text| Cell::Decimal(text.to_owned()));
        let numbers = [-9.5, -9999.0, -99.9, -7.0].map(Cell::Number);
        let integers = [-9999, -7].map(Cell::Integer);
        let texts = [" -9,5", "-7 "].map(|text| Cell::Text(text.to_owned()));
        for cell in decimals.into_iter().chain(numbers).chain(integers).chain(texts) {
            assert!(matches!(reader.cell(cell, Kind::Number), Ok(Cell::Missing)));
        }
        for text in ["-9,50", "-9.999", "-9999", "-9999,0", "-7,0"] {
            let read = reader.field(text, false, Kind::Number);
            assert!(matches!(read, Ok(Cell::Missing)), "{text}");
        }
        let near = reader.cell(Cell::Number(-9.999), Kind::Number);
        assert!(matches!(near, Ok(Cell::Number(-9.999))));
    }

    #[test]
    fn codes_are_missing_in_the_precision_of_their_column() {
        let missing = ["-99.9", "16777217"].map(str::to_owned).into();
        let reader = FieldReader::new(Format { missing, ..Format::default() });
        let number = |value| match reader.cell(Cell::Number(value), Kind::Number) {
            Ok(Cell::Number(value)) => Some(value),
            _ => None,
        };
        assert_eq!([-99.9, f64::from(-99.9_f32), 16_777_217.0].map(number), [None; 3]);
        // The double is no float of 32 bits, and the float is another.
        for value in [-99.900_001_5, f64::from(-99.900_01_f32), 16_777_216.0] {
            assert_eq!(number(value), Some(value));
        }
    }

    #[test]
    fn integers_with_a_fraction_or_an_exponent_lose_no_digit() {
        let refused = Some(CellProblem::Double(Kind::Integer));
        for text in ["123456789012345678.5", "4503599627370496.3", "-1e16"] {
            assert_eq!(parse(text, Kind::Integer).err(), refused, "{text}");
            assert!(matches!(parse(text, Kind::Number), Ok(Cell::Number(_))), "{text}");
        }
        for kind in [Kind::Integer, Kind::Number] {
            assert_eq!(parse("9007199254740993e0", kind).err(), Some(CellProblem::Inexact));
        }
        let read = parse("9007199254740991e0", Kind::Integer);
        assert!(matches!(read, Ok(Cell::Number(9_007_199_254_740_991.0))));
        let read = parse("123456789012345678", Kind::Integer);
        assert!(matches!(read, Ok(Cell::Integer(123_456_789_012_345_678))));
        for text in ["3.0", "3.", "30e-1", "1.5e1", ".0"] {
            assert!(matches!(parse(text, Kind::Integer), Ok(Cell::Number(_))), "{text}");
        }
    }

    #[test]
    fn times_at_midnight_are_days() {
        for form in [None, Some("DD.MM.YYYY".to_owned())] {
            let reader = FieldReader::new(Format { date: form, ..Format::default() });
            let day = |text: &str| match reader.cell(Cell::Text(text.to_owned()), Kind::Date) {
                Ok(Cell::Text(day)) => Some(day),
                _ => None,
            };
            assert_eq!(day("2024-01-31T00:00:00").as_deref(), Some("2024-01-31"));
            assert_eq!(day("2024-01-31 00:00:00").as_deref(), Some("2024-01-31"));
            // In another zone the day is another one.
            for other in ["2024-01-31T08:00:00", "2024-01-31T00:00:00Z", "2024-02-30T00:00:00"] {
                assert_eq!(day(other), None, "{other}");
            }
        }
    }

    #[test]
    fn truth_words_are_the_declared_ones() {
        let reader = FieldReader::new(Format {
            true_words: vec!["1".to_owned(), "ja".to_owned()],
            false_words: vec!["2".to_owned()],
            ..Format::default()
        });
        let truth = |text: &str| match reader.field(text, false, Kind::Truth) {
            Ok(Cell::Truth(value)) => Some(value),
            _ => None,
        };
        assert_eq!(
            ["1", "2", "ja", "0", "nein"].map(truth),
            [Some(true), Some(false), Some(true), None, None]
        );
        assert!(matches!(reader.cell(Cell::Integer(2), Kind::Truth), Ok(Cell::Truth(false))));
    }

    #[test]
    fn commas_are_refused_unless_declared() {
        for kind in [Kind::Integer, Kind::Number] {
            let cases = [
                ("1,5", CellProblem::DecimalComma),
                ("0,123", CellProblem::DecimalComma),
                ("1234,567", CellProblem::DecimalComma),
                ("250,000", CellProblem::EitherComma),
                ("-1,234,567", CellProblem::ThousandsComma),
                ("1,5,5", CellProblem::NotA(kind)),
                ("1,234,5", CellProblem::NotA(kind)),
            ];
            for (text, problem) in cases {
                assert_eq!(parse(text, kind).err(), Some(problem), "{text}");
            }
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
