//! The kind of a column, inferred from its fields, and advice on how to declare it.
//!
//! Kinds are inferred from all fields, not from the first ones. Advice names usual codes and forms,
//! and never a text of a field.

use std::collections::{BTreeMap, BTreeSet};

use crate::column::{Kind, Times};
use crate::date;
use crate::error::{CellProblem, Place};
use crate::field::{Comma, FieldReader, Shape};
use crate::format::{BLANKS, Format};

/// Texts that programs write for a missing value. Only these are named to the owner.
const USUAL_CODES: [&str; 22] = [
    "NA", "N/A", "n/a", "na", "#N/A", "#NULL!", "#VALUE!", "#DIV/0!", "NULL", "null", "None",
    "none", "NaN", "nan", ".", "..", "-", "--", "?", "missing", "unknown", "<NA>",
];

/// Negative numbers that stand for a missing value where no other value is negative.
const USUAL_NUMBERS: [&str; 10] =
    ["-1", "-7", "-8", "-9", "-77", "-88", "-99", "-777", "-999", "-9999"];

/// 2^64 − 1, which −1 is in a type without sign.
const UNSIGNED_ONE: &str = "18446744073709551615";

/// Words that stand for true and false, in pairs.
const USUAL_WORDS: [(&str, &str); 9] = [
    ("T", "F"),
    ("t", "f"),
    ("Y", "N"),
    ("y", "n"),
    ("yes", "no"),
    ("Yes", "No"),
    ("YES", "NO"),
    ("ja", "nein"),
    ("Ja", "Nein"),
];

/// Infers the kind of a column from its fields.
#[derive(Default)]
pub(crate) struct Inference {
    reader: FieldReader,
    /// `true` if neither the decimal sign nor the thousands separator is declared.
    points_are_assumed: bool,
    truths: bool,
    /// The integers and numbers.
    numeric: u64,
    fractions: bool,
    /// The numbers with a point, and those of them whose point may part thousands.
    points: u64,
    grouping_points: u64,
    codes: bool,
    /// The whole numbers beyond 64 bits, and those of them that are 2^64 − 1.
    large: u64,
    unsigned_ones: u64,
    /// The fields that are neither numbers nor truth values.
    others: u64,
    /// The usual codes among them.
    usual: BTreeMap<&'static str, u64>,
    /// The numbers among them with separators, and the separators.
    grouped: u64,
    separators: BTreeSet<(char, char)>,
    /// The dates among them, by their form.
    dates: BTreeMap<&'static str, u64>,
    /// The days with a time among them.
    timestamps: u64,
    /// The usual words for truth values among them.
    words: BTreeMap<(&'static str, &'static str), u64>,
    /// The usual codes among the numbers, and `true` if any other number is negative.
    suspect: BTreeMap<&'static str, u64>,
    negative: bool,
    /// The place of the first number with a comma, their number, and how many of them have a
    /// comma that may be decimal, or may part thousands.
    comma: Option<Place>,
    commas: u64,
    decimal_commas: u64,
    thousands_commas: u64,
}

impl Inference {
    /// Begins to infer a column whose fields are written so.
    pub(crate) fn new(format: Format) -> Self {
        let points_are_assumed = format.decimal.is_none() && format.thousands.is_none();
        Self { reader: FieldReader::new(format), points_are_assumed, ..Self::default() }
    }

    pub(crate) fn see(&mut self, text: &str, quoted: bool, place: impl FnOnce() -> Place) {
        let bare = text.trim_matches(BLANKS);
        if bare.is_empty() || self.reader.is_missing(text, quoted) {
            return;
        }
        match self.reader.shape(bare) {
            Shape::Truth => self.truths = true,
            Shape::Integer => self.see_number(bare),
            Shape::Number => {
                self.fractions = true;
                self.points = self.points.saturating_add(u64::from(bare.contains('.')));
                let grouping = self.points_are_assumed && may_be_thousands(bare);
                self.grouping_points = self.grouping_points.saturating_add(u64::from(grouping));
                self.see_number(bare);
            }
            Shape::Code => self.see_code(bare),
            Shape::Other => self.see_other(bare),
            Shape::Comma(comma) => {
                let (decimal, thousands) = (comma != Comma::Thousands, comma != Comma::Decimal);
                self.commas = self.commas.saturating_add(1);
                self.decimal_commas = self.decimal_commas.saturating_add(u64::from(decimal));
                self.thousands_commas = self.thousands_commas.saturating_add(u64::from(thousands));
                self.comma.get_or_insert_with(place);
            }
        }
    }

    /// Sees digits that are no integer: they begin with a zero, or need more than 64 bits.
    fn see_code(&mut self, bare: &str) {
        self.codes = true;
        let is_large = !bare.trim_start_matches(['+', '-']).starts_with('0');
        self.large = self.large.saturating_add(u64::from(is_large));
        self.unsigned_ones = self.unsigned_ones.saturating_add(u64::from(bare == UNSIGNED_ONE));
    }

    fn see_number(&mut self, bare: &str) {
        self.numeric = self.numeric.saturating_add(1);
        if !bare.starts_with('-') {
            return;
        }
        match USUAL_NUMBERS.iter().find(|code| **code == bare) {
            Some(code) => add_one(&mut self.suspect, code),
            None => self.negative = true,
        }
    }

    fn see_other(&mut self, bare: &str) {
        self.others = self.others.saturating_add(1);
        if let Some(pair) = USUAL_WORDS.iter().find(|(yes, no)| [*yes, *no].contains(&bare)) {
            add_one(&mut self.words, *pair);
        } else if let Some(code) = USUAL_CODES.iter().find(|code| **code == bare) {
            add_one(&mut self.usual, code);
        } else if let Some(separators) = separators(bare) {
            self.grouped = self.grouped.saturating_add(1);
            self.separators.insert(separators);
        } else if date::is_timestamp(bare) {
            self.timestamps = self.timestamps.saturating_add(1);
        } else {
            for form in date::USUAL_FORMS {
                if date::parse(bare, form).is_some() {
                    add_one(&mut self.dates, form);
                }
            }
        }
    }

    /// Returns the narrowest kind for all fields, and `None` for no fields. A column of numbers
    /// with commas is an error, with the place of the first.
    pub(crate) fn kind(&self) -> Result<Option<Kind>, (Place, CellProblem)> {
        let numeric = self.numeric > 0;
        if self.others > 0 || self.codes {
            return Ok(Some(Kind::Text));
        }
        match (self.truths, numeric, &self.comma) {
            (false, _, Some(place)) => Err((place.clone(), self.comma_problem())),
            (true, false, None) => Ok(Some(Kind::Truth)),
            (false, true, None) if self.fractions => Ok(Some(Kind::Number)),
            (false, true, None) => Ok(Some(Kind::Integer)),
            (true, _, _) => Ok(Some(Kind::Text)),
            (false, false, None) => Ok(None),
        }
    }

    /// Returns the defect whose remedies mend all numbers with commas.
    fn comma_problem(&self) -> CellProblem {
        let all_decimal = self.decimal_commas == self.commas;
        match (all_decimal, self.thousands_commas == self.commas) {
            (true, true) => CellProblem::EitherComma,
            (true, false) => CellProblem::DecimalComma,
            (false, true) => CellProblem::ThousandsComma,
            // No declaration reads `1,5` and `1,234,567` alike.
            (false, false) => CellProblem::NotA(Kind::Number),
        }
    }

    /// Returns advice for the owner. It names usual codes and forms, and no other text of a field.
    pub(crate) fn notes(&self) -> Vec<String> {
        let notes = [
            self.note_on_separators(),
            self.note_on_points(),
            self.note_on_dates(),
            self.note_on_large(),
            self.note_on_words(),
            self.note_on_other_texts(),
            self.note_on_suspects(),
        ];
        notes.into_iter().flatten().collect()
    }

    fn note_on_separators(&self) -> Option<String> {
        let (thousands, decimal) = self.separators.first()?;
        (self.separators.len() == 1).then(|| {
            format!(
                "{} are numbers with separators: declare `thousands = \"{thousands}\"` and \
                 `decimal = \"{decimal}\"` to compute with them",
                cells(self.grouped)
            )
        })
    }

    fn note_on_points(&self) -> Option<String> {
        let numeric = self.others == self.usual() && !self.codes && !self.truths;
        let suspected = self.points > 0 && self.points == self.grouping_points && numeric;
        suspected.then(|| {
            format!(
                "every fraction has three digits, in {}: if the point parts thousands, declare \
                 `thousands = \".\"` and `decimal = \",\"`; if not, `decimal = \".\"`",
                cells(self.points)
            )
        })
    }

    /// Returns the time that all texts tell.
    pub(crate) fn times(&self) -> Option<Times> {
        let texts = self.others.saturating_sub(self.usual());
        if texts == 0 || self.numbers() > 0 || self.codes || self.truths {
            return None;
        }
        if self.timestamps == texts {
            return Some(Times::Timestamps);
        }
        self.dates.values().any(|count| *count == texts).then_some(Times::Days)
    }

    fn note_on_dates(&self) -> Option<String> {
        let days = self.others.saturating_sub(self.usual());
        let fitting = self.dates.iter().filter(|(_, count)| **count == days);
        let forms: Vec<_> = fitting.map(|(form, _)| format!("`date = {form:?}`")).collect();
        (self.times() == Some(Times::Days)).then(|| {
            let forms = forms.join(" or ");
            format!("dates: declare the column as date, with {forms}, to compare them")
        })
    }

    fn note_on_large(&self) -> Option<String> {
        (self.large > 0).then(|| {
            let cells = cells(self.large);
            match self.unsigned_ones {
                0 => format!(
                    "{cells} with whole numbers beyond 64 bits: the column is of texts, as ids are"
                ),
                _ => format!(
                    "{cells} with whole numbers beyond 64 bits, {UNSIGNED_ONE} among them, which \
                     programs write for −1: if it stands for a missing value, declare \
                     `missing = [\"{UNSIGNED_ONE}\"]`"
                ),
            }
        })
    }

    fn note_on_words(&self) -> Option<String> {
        let ((yes, no), count) = self.words.first_key_value()?;
        let all = *count == self.others.saturating_sub(self.usual()) && self.numbers() == 0;
        all.then(|| {
            format!(
                "truth values: declare `true_words = [{yes:?}]` and `false_words = [{no:?}]`, and \
                 so at all members"
            )
        })
    }

    fn note_on_other_texts(&self) -> Option<String> {
        let others = self.others.saturating_sub(self.grouped);
        let all_usual = self.usual() == others;
        let numeric = self.numbers() > 0 && (all_usual || self.numbers() > others);
        let advice = if all_usual {
            format!("declare `missing = [{}]`", listed(&self.usual))
        } else {
            "declare as `missing` what stands for a missing value, or correct them".to_owned()
        };
        (others > 0 && numeric).then(|| format!("numbers but for {}: {advice}", cells(others)))
    }

    fn note_on_suspects(&self) -> Option<String> {
        let codes = listed(&self.suspect);
        let numeric = self.others == self.usual();
        let suspected = !self.suspect.is_empty() && !self.negative && numeric;
        suspected.then(|| {
            format!(
                "{codes} in {}, and no other negative value: if it stands for a missing value, \
                 declare `missing = [{codes}]`",
                cells(self.suspect.values().sum())
            )
        })
    }

    /// Returns the number of fields that are numbers, also with a comma.
    fn numbers(&self) -> u64 {
        self.numeric.saturating_add(self.commas)
    }

    /// Returns the number of fields that are usual codes.
    fn usual(&self) -> u64 {
        self.usual.values().sum()
    }
}

fn add_one<T: Ord>(counts: &mut BTreeMap<T, u64>, key: T) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn cells(count: u64) -> String {
    if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") }
}

fn listed(codes: &BTreeMap<&'static str, u64>) -> String {
    codes.keys().map(|code| format!("{code:?}")).collect::<Vec<_>>().join(", ")
}

/// Returns `true` for a number with one point, which may part thousands: `1.234` and not `0.123`.
fn may_be_thousands(bare: &str) -> bool {
    let unsigned = bare.strip_prefix(['+', '-']).unwrap_or(bare);
    unsigned.split_once('.').is_some_and(|(whole, group)| {
        let digits = whole.bytes().chain(group.bytes()).all(|digit| digit.is_ascii_digit());
        let lengths = (1..=3).contains(&whole.len()) && group.len() == 3;
        digits && lengths && !whole.starts_with('0')
    })
}

/// Returns the thousands separator and the decimal sign of a number that is written with both or
/// with several groups.
fn separators(bare: &str) -> Option<(char, char)> {
    let pairs = [(',', '.'), ('.', ','), (' ', '.'), (' ', ','), ('\'', '.'), ('\'', ',')];
    pairs.into_iter().find(|(thousands, decimal)| {
        let format =
            Format { thousands: Some(*thousands), decimal: Some(*decimal), ..Format::default() };
        let shape = FieldReader::new(format).shape(bare);
        matches!(shape, Shape::Integer | Shape::Number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(fields: &[&str]) -> Result<Option<Kind>, u64> {
        let mut inference = Inference::new(Format::default());
        for (field, row) in fields.iter().zip(2..) {
            inference.see(field, false, || Place::Row { file: String::new(), row });
        }
        inference.kind().map_err(|(place, _)| match place {
            Place::Row { row, .. } => row,
            other => panic!("{other}"),
        })
    }

    fn notes(fields: &[&str]) -> String {
        let mut inference = Inference::new(Format::default());
        for field in fields {
            inference.see(field, false, || Place::Database);
        }
        inference.notes().join("; ")
    }

    #[test]
    fn texts_that_tell_a_time_are_found() {
        let times = |fields: &[&str]| {
            let mut inference = Inference::new(Format::default());
            fields.iter().for_each(|field| inference.see(field, false, || Place::Database));
            inference.times()
        };
        assert_eq!(times(&["31.12.1980", "NULL", "01.02.1981"]), Some(Times::Days));
        assert_eq!(times(&["2024-01-31 08:00", "2024-01-31T08:00:00Z"]), Some(Times::Timestamps));
        assert_eq!(times(&["2024-01-31", "2024-01-31T08:00:00Z"]), None);
        assert_eq!(times(&["2024-02-30T08:00:00", "08:00:00"]), None);
        assert_eq!(times(&["NULL"]), None);
    }

    #[test]
    fn whole_numbers_beyond_64_bits_are_told() {
        let ids = notes(&["12345678901234567890", "017"]);
        assert!(
            ids.starts_with("1 cell with whole numbers beyond 64 bits: the column is of texts")
        );
        let unsigned = notes(&["1", UNSIGNED_ONE, "3"]);
        assert!(unsigned.contains("`missing = [\"18446744073709551615\"]`"), "{unsigned}");
    }

    #[test]
    fn notes_tell_what_to_declare_and_no_other_value() {
        let codes = notes(&["1", "2.5", "3", "N/A", "."]);
        assert_eq!(codes, "numbers but for 2 cells: declare `missing = [\".\", \"N/A\"]`");
        let half = notes(&["1", "NULL", "2", "#N/A"]);
        assert!(half.contains("declare `missing = [\"#N/A\", \"NULL\"]`"), "{half}");
        let others = notes(&["1", "2", "hidden"]);
        assert!(others.starts_with("numbers but for 1 cell") && !others.contains("hidden"));
        assert!(notes(&["120", "-9", "130"]).contains("declare `missing = [\"-9\"]`"));
        assert!(notes(&["120", "-9", "N/A"]).contains("declare `missing = [\"-9\"]`"));
        assert_eq!(notes(&["120", "-9", "-130"]), "");
        let grouped = notes(&["1.234,50", "12.000,00", "7,25"]);
        assert!(grouped.contains("`thousands = \".\"` and `decimal = \",\"`"), "{grouped}");
        let thousands = notes(&["1.234", "NULL", "-12.500", "7"]);
        let expected = "every fraction has three digits, in 2 cells: if the point parts thousands";
        assert!(thousands.contains(expected) && !thousands.contains("1.234"), "{thousands}");
        for other in ["0.123", "1.25", "1234.567", "5.", "1.234e1", "red", "007"] {
            assert!(!notes(&["1.234", other]).contains("thousands"), "{other}");
        }
        assert_eq!(notes(&["red", "blue", "3"]), "");
        let dates = notes(&["31.12.1980", "NULL", "1.2.1975"]);
        assert!(dates.contains("`date = \"DD.MM.YYYY\"`"), "{dates}");
        let either = notes(&["01/02/1980"]);
        assert!(either.contains("DD/MM") && either.contains("MM/DD"), "{either}");
        assert_eq!(notes(&["31.12.1980", "red"]), "");
        let words = notes(&["T", "F", "NULL"]);
        assert!(words.contains("`true_words = [\"T\"]`"), "{words}");
        assert_eq!(notes(&["T", "maybe"]), "");
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
    }

    #[test]
    fn a_declared_point_parts_no_thousands() {
        for (decimal, noted) in [(None, 1), (Some('.'), 0)] {
            let mut inference = Inference::new(Format { decimal, ..Format::default() });
            inference.see("1.234", false, || Place::Database);
            assert_eq!(inference.notes().len(), noted);
        }
    }

    #[test]
    fn declared_words_make_a_column_of_truth_values() {
        let format = Format { false_words: vec!["2".to_owned()], ..Format::default() };
        let mut inference = Inference::new(format);
        inference.see("2", false, || Place::Database);
        assert_eq!(inference.kind().ok(), Some(Some(Kind::Truth)));
    }
}
