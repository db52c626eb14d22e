//! Files as people write them: codes for missing values, commas, words, encodings, delimiters.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use cloister_sources::{
    Access, Batch, Dataset, Declaration, DeclaredColumn, Encoding, Format, Kind, Remedy, Report,
    Source, Values, read, register,
};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    access: Access,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = vec![folder.path().canonicalize().unwrap()];
        let access = Access {
            folders,
            timeout: Duration::from_secs(60),
            batch_rows: 100,
            ..Access::default()
        };
        Self { folder, access }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data.csv")
    }

    fn csv(&self, text: impl AsRef<[u8]>, delimiter: Option<char>) -> Declaration {
        fs::write(self.path(), text).unwrap();
        Declaration::new("patients", Source::Csv { path: self.path(), delimiter })
    }

    #[track_caller]
    fn registered(&self, declaration: Declaration) -> (Dataset, Report) {
        register(declaration, &self.access).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn values(&self, dataset: &Dataset) -> Vec<Values> {
        let names: Vec<_> = dataset.columns.iter().map(|column| column.name.clone()).collect();
        let mut batches: Vec<Batch> = Vec::new();
        let done = read(dataset, &names, None, &self.access, &mut |batch| {
            batches.push(batch);
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
        batches.remove(0).columns
    }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn declared(name: &str, format: Format) -> DeclaredColumn {
    DeclaredColumn { name: name.to_owned(), format, ..DeclaredColumn::default() }
}

#[test]
fn codes_for_missing_values_are_declared_for_all_columns_or_one() {
    let place = Place::new();
    let text = "id,sbp,dbp,chol,smoke,hb\n1,120,80,NULL,1,13.5\n2,.,85,5.1,0,n/a\n\
                3,130,-9,4.9,-9,12.1\n4,125,82,#N/A,1,-\n5,118,N/A,6.0,0,14.0\n\
                6,122,79,null,1,13.0\n";
    let undeclared = place.registered(place.csv(text, None)).1;
    let note = |name: &str| {
        let column = undeclared.columns.iter().find(|column| column.name == name).unwrap();
        column.notes.join("; ")
    };
    assert_eq!(note("id"), "");
    assert_eq!(note("sbp"), "numbers but for 1 cell: declare `missing = [\".\"]`");
    let both = ["numbers but for 1 cell: declare `missing = [\"N/A\"]`", "`missing = [\"-9\"]`"];
    both.iter().for_each(|part| assert!(note("dbp").contains(part), "{}", note("dbp")));
    assert!(note("smoke").contains("declare `missing = [\"-9\"]`"), "{}", note("smoke"));
    let mut declaration = place.csv(text, None);
    declaration.format.missing = texts(&["NULL", ".", "N/A", "n/a", "#N/A", "-", "null"]);
    let own = Format { missing: texts(&["-9"]), ..Format::default() };
    declaration.columns = ["id", "sbp", "dbp", "chol", "hb"]
        .map(|name| declared(name, own.clone()))
        .into_iter()
        .chain([declared("smoke", Format::default())])
        .collect();
    let (dataset, report) = place.registered(declaration);
    let kinds: Vec<_> = dataset.columns.iter().map(|column| column.kind).collect();
    let (integer, number) = (Kind::Integer, Kind::Number);
    assert_eq!(kinds, [integer, integer, integer, number, number, integer]);
    assert_eq!(dataset.missing, [0, 1, 2, 3, 2, 0]);
    assert_eq!(report.rows, 6);
    let values = place.values(&dataset);
    let dbp = vec![Some(80), Some(85), None, Some(82), None, Some(79)];
    assert!(values[2] == Values::Integers(dbp));
    // The codes are kept with the dataset, and not told in the catalogue.
    let stored = serde_json::to_string(&dataset).unwrap();
    assert_eq!(serde_json::from_str::<Dataset>(&stored).unwrap(), dataset);
    assert!(!serde_json::to_string(&dataset.entry()).unwrap().contains("#N/A"));
    assert!(!format!("{dataset:?}").contains("#N/A"));
}

#[test]
fn codes_are_found_in_floats_of_32_bits() {
    let place = Place::new();
    let path = place.folder.path().join("data.parquet");
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![-99.9, 36.6, -99.8]));
    let batch = RecordBatch::try_from_iter([("a", floats)]).unwrap();
    let file = fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut declaration = Declaration::new("patients", Source::Parquet { path });
    declaration.format.missing = texts(&["-99.9"]);
    let (dataset, _) = place.registered(declaration);
    let expected = vec![None, Some(f64::from(36.6_f32)), Some(f64::from(-99.8_f32))];
    assert!(place.values(&dataset)[0] == Values::Numbers(expected));
}

#[test]
fn blanks_around_na_and_in_place_of_a_number_are_missing() {
    let place = Place::new();
    let (dataset, _) = place.registered(place.csv("id,x\n1,1.5\n2, NA\n3, \n4,2.5\n", None));
    assert!(place.values(&dataset)[1] == Values::Numbers(vec![Some(1.5), None, None, Some(2.5)]));
    // `NA` in quotes is a text, unless it is declared.
    let quoted = "id;x\n1;\"NA\"\n2;\"3\"\n4;5\n";
    let (dataset, report) = place.registered(place.csv(quoted, Some(';')));
    assert_eq!(dataset.columns[1].kind, Kind::Text);
    assert!(report.columns[1].notes[0].contains("`missing = [\"NA\"]`"), "{report:?}");
    let mut declaration = place.csv(quoted, Some(';'));
    declaration.format.missing = texts(&["NA"]);
    let (dataset, _) = place.registered(declaration);
    assert!(place.values(&dataset)[1] == Values::Integers(vec![None, Some(3), Some(5)]));
}

#[test]
fn commas_and_separators_of_numbers_are_declared() {
    let place = Place::new();
    let cases = [
        ("70,5\n82,25\n65,0", ',', None, [70.5, 82.25, 65.0]),
        ("1.234,50\n12.000,00\n7,25", ',', Some('.'), [1234.5, 12_000.0, 7.25]),
        ("1,234.50\n12,000.00\n99.00", '.', Some(','), [1234.5, 12_000.0, 99.0]),
        ("1'234.50\n12'000.00\n9", '.', Some('\''), [1234.5, 12_000.0, 9.0]),
        ("1 234.50\n12 000.00\n9", '.', Some(' '), [1234.5, 12_000.0, 9.0]),
    ];
    for (cells, decimal, thousands, expected) in cases {
        let text = format!("x;y\r\n{};1\r\n", cells.replace('\n', ";1\r\n"));
        let mut declaration = place.csv(text, Some(';'));
        declaration.format = Format { decimal: Some(decimal), thousands, ..Format::default() };
        let (dataset, _) = place.registered(declaration);
        assert!(place.values(&dataset)[0] == Values::Numbers(expected.map(Some).into()), "{cells}");
    }
    let mut wrong = place.csv("x\n1\n", None);
    wrong.format.thousands = Some('.');
    let wrong = register(wrong, &place.access).unwrap_err().to_string();
    assert!(wrong.contains("`thousands` and `decimal` are different"), "{wrong}");
}

#[test]
fn words_for_truth_values_are_declared() {
    let place = Place::new();
    let mut declaration = place.csv("dead,arm\nja,1\nnein,2\n,1\nJa,2\n", None);
    declaration.format.true_words = texts(&["ja", "Ja"]);
    declaration.format.false_words = texts(&["nein"]);
    let own = Format { true_words: texts(&["1"]), false_words: texts(&["2"]), ..Format::default() };
    declaration.columns = vec![declared("dead", Format::default()), declared("arm", own)];
    let (dataset, _) = place.registered(declaration);
    let truths = |values: [Option<bool>; 4]| Values::Truths(values.into());
    let values = place.values(&dataset);
    assert!(values[0] == truths([Some(true), Some(false), None, Some(true)]));
    assert!(values[1] == truths([Some(true), Some(false), Some(true), Some(false)]));
}

#[test]
fn western_encodings_are_declared() {
    let place = Place::new();
    let text = b"Gr\xf6\xdfe,stadt\n170,M\xfcnchen\n180,K\xf6ln\n";
    let refused = register(place.csv(text, None), &place.access).unwrap_err().to_string();
    assert!(refused.contains("declare `encoding = \"windows-1252\"`"), "{refused}");
    let mut declaration = place.csv(text, None);
    declaration.encoding = Encoding::Windows1252;
    let (dataset, _) = place.registered(declaration);
    assert_eq!(dataset.columns[0].name, "Größe");
    let cities = vec![Some("München".to_owned()), Some("Köln".to_owned())];
    assert!(place.values(&dataset)[1] == Values::Texts(cities));
}

#[test]
fn a_byte_order_mark_contradicts_a_western_encoding() {
    let place = Place::new();
    let mut declaration = place.csv("\u{feff}stadt,a\nKöln,1\n", None);
    declaration.encoding = Encoding::Windows1252;
    let error = register(declaration.clone(), &place.access).unwrap_err();
    assert!(
        error.to_string().contains("\"data.csv\", line 1: the text begins with the byte order")
    );
    assert!(error.to_string().contains("declare `encoding = \"utf-8\"`"), "{error}");
    assert_eq!(error.remedies(), [Remedy::Encoding(Encoding::Utf8)]);
    declaration.encoding = Encoding::Utf8;
    let (dataset, _) = place.registered(declaration);
    assert_eq!(dataset.columns[0].name, "stadt");
    assert!(place.values(&dataset)[0] == Values::Texts(vec![Some("Köln".to_owned())]));
}

#[test]
fn delimiters_are_declared_by_name_or_by_the_file() {
    let place = Place::new();
    let tabs = "id\tx\n1\t2\n3\t4\n";
    let refused = register(place.csv(tabs, None), &place.access).unwrap_err().to_string();
    assert!(refused.contains("`tab` for a tab"), "{refused}");
    assert_eq!(place.registered(place.csv(tabs, Some('\t'))).0.columns.len(), 2);
    for delimiter in [None, Some(';')] {
        let (dataset, report) =
            place.registered(place.csv("sep=;\r\nid;x\r\n1;2\r\n2;3\r\n", delimiter));
        assert_eq!((dataset.columns.len(), report.rows), (2, 2));
        assert!(place.values(&dataset)[1] == Values::Integers(vec![Some(2), Some(3)]));
    }
}

#[test]
fn files_of_other_forms_are_called_what_they_are() {
    let place = Place::new();
    let starts: [(&[u8], &str); 4] = [
        (b"\x1f\x8b\x08\x00rest", "gunzip"),
        (b"PK\x03\x04rest", "save the sheet as CSV"),
        (b"PAR1rest", "--parquet"),
        (b"SQLite format 3\0rest", "--sqlite"),
    ];
    for (start, words) in starts {
        let error = register(place.csv(start, None), &place.access).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    fs::write(place.path(), b"PK\x03\x04 and much more of a workbook").unwrap();
    let source = Source::Parquet { path: place.path() };
    let error = register(Declaration::new("patients", source), &place.access).unwrap_err();
    assert!(error.to_string().contains("save the sheet as CSV"), "{error}");
    let path = place.folder.path().join("brotli.parquet");
    let script = "import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({'a': [1, 2]}), sys.argv[1], compression='brotli')";
    cloister_testkit::run_python(script, &[&path]);
    let brotli = Declaration::new("patients", Source::Parquet { path });
    let error = register(brotli, &place.access).unwrap_err().to_string();
    assert!(error.contains("compressed by brotli"), "{error}");
}

#[test]
fn a_code_is_missing_in_a_database_too_and_not_pushed_down() {
    use cloister_sources::{Aggregate, Filter, Relation, aggregate};

    let place = Place::new();
    let path = place.folder.path().join("a.db");
    let script = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as file: file.executescript('''CREATE TABLE t (a integer, n text);
    INSERT INTO t VALUES (1, '1,5'), (-9, '-'), (5, '2,5');''')";
    let mut python = std::process::Command::new("python3");
    cloister_testkit::run(python.args(["-c", script]).arg(&path));
    let from = Relation::Table("t".to_owned());
    let mut declaration = Declaration::new("patients", Source::Sqlite { path, from });
    let codes = Format { missing: texts(&["-9", "-"]), ..Format::default() };
    let decimal = Format { decimal: Some(','), ..codes.clone() };
    declaration.columns = vec![
        declared("a", codes),
        DeclaredColumn { kind: Some(Kind::Number), ..declared("n", decimal) },
    ];
    let (dataset, _) = place.registered(declaration);
    assert_eq!(dataset.missing, [1, 1]);
    assert!(place.values(&dataset)[0] == Values::Integers(vec![Some(1), None, Some(5)]));
    assert!(place.values(&dataset)[1] == Values::Numbers(vec![Some(1.5), None, Some(2.5)]));
    let sum = Aggregate::Sum { column: "a".to_owned() };
    assert!(matches!(aggregate(&dataset, &sum, None, &place.access), Ok(None)));
    let json = r#"{"not": {"column": "a", "op": "<", "value": 0}}"#;
    let filter: Filter = serde_json::from_str(json).unwrap();
    let mut rows = 0;
    let counted = read(&dataset, &[], Some(&filter), &place.access, &mut |batch| {
        rows += batch.rows;
        Ok(())
    });
    assert!(counted.is_ok() && rows == 2);
}

#[test]
fn declarations_are_written_in_toml_as_the_manual_shows() {
    // Read when it runs: the image is built without the manual.
    let manual =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/how-to/register-data.md");
    let manual = fs::read_to_string(manual).unwrap();
    let example = manual.split("```toml").nth(1).and_then(|rest| rest.split("```").next());
    let declaration: Declaration = toml::from_str(example.unwrap()).unwrap();
    assert_eq!(declaration.encoding, Encoding::Windows1252);
    assert_eq!(declaration.format.decimal, Some(','));
    assert!(!declaration.columns[0].format.missing.is_empty());
}

#[test]
fn dates_are_compared_as_dates() {
    use cloister_sources::{Filter, SourceError};

    let place = Place::new();
    let text = "id,born,seen\n1,31.12.1980,2020-01-05\n2,1.2.1975,2021-03-04\n\
                3,15.07.1990,0000-00-00\n4,,\n";
    let (_, report) = place.registered(place.csv(text, None));
    assert!(report.columns[1].notes[0].contains("DD.MM.YYYY"), "{report:?}");
    let mut declaration = place.csv(text, None);
    let date = |name: &str, form: Option<&str>| DeclaredColumn {
        kind: Some(Kind::Date),
        ..declared(name, Format { date: form.map(str::to_owned), ..Format::default() })
    };
    declaration.columns = vec![date("born", Some("DD.MM.YYYY")), date("seen", None)];
    let (dataset, report) = place.registered(declaration.clone());
    assert_eq!((dataset.missing.as_slice(), report.columns[0].levels), (&[1, 2][..], Some(3)));
    let days = ["1980-12-31", "1975-02-01", "1990-07-15"].map(|day| Some(day.to_owned()));
    let days = days.into_iter().chain([None]).collect();
    assert!(place.values(&dataset)[0] == Values::Texts(days));
    let selected = |value: &str| {
        let json = format!(r#"{{"column": "born", "op": ">=", "value": "{value}"}}"#);
        let filter: Filter = serde_json::from_str(&json).unwrap();
        let mut rows = 0;
        let done = read(&dataset, &[], Some(&filter), &place.access, &mut |batch| {
            rows += batch.rows;
            Ok(())
        });
        done.map(|()| rows)
    };
    assert_eq!(selected("1980-01-01").unwrap(), 2);
    for constant in ["01.01.1980", "1980-1-1", "1980-02-30"] {
        let error = selected(constant).unwrap_err();
        assert!(matches!(error, SourceError::Selection(_)), "{error}");
        assert!(error.public_message().contains("a day such as \"1980-01-31\""), "{error}");
    }
    declaration.columns[0].format.date = None;
    let error = register(declaration, &place.access).unwrap_err().to_string();
    assert!(error.contains("line 2: column \"born\"") && error.contains("kind date"), "{error}");
}
