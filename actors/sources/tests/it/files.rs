//! Files: CSV with its traps, and Parquet and Arrow as another library writes them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cloister_sources::{
    Access, Aggregate, Batch, Dataset, Declaration, DeclaredColumn, Filter, Kind, Report, Source,
    SourceError, Values, aggregate, parse_arrow_stream, parse_csv, read, register,
};
use tempfile::TempDir;

fn access(folder: &TempDir) -> Access {
    let folders = vec![folder.path().canonicalize().unwrap()];
    Access { folders, timeout: Duration::from_secs(180), batch_rows: 3, ..Access::default() }
}

fn csv(path: &Path) -> Declaration {
    Declaration::new("patients", Source::Csv { path: path.to_owned(), delimiter: None })
}

fn parquet(path: &Path) -> Declaration {
    Declaration { source: Source::Parquet { path: path.to_owned() }, ..csv(path) }
}

fn declared(name: &str, kind: Option<Kind>) -> DeclaredColumn {
    DeclaredColumn { name: name.to_owned(), kind, ..DeclaredColumn::default() }
}

fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[track_caller]
fn registered(declaration: Declaration, access: &Access) -> (Dataset, Report) {
    register(declaration, access).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads the batches of all or the selected rows.
#[track_caller]
fn batches(dataset: &Dataset, filter: Option<&Filter>, access: &Access) -> Vec<Batch> {
    let names: Vec<_> = dataset.columns.iter().map(|column| column.name.clone()).collect();
    let mut batches = Vec::new();
    let done = read(dataset, &names, filter, access, &mut |batch| {
        batches.push(batch);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
    batches
}

/// Checks that the text is refused, with all of these words and none of its values.
#[track_caller]
fn refused(text: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "data.csv", text);
    let file = register(csv(&path), &access(&folder));
    for error in [file.err(), parse_csv(text.as_bytes(), None).err()] {
        let Some(error) = error else { panic!("taken") };
        let shown = format!("{error} {error:?}");
        words.iter().for_each(|word| assert!(shown.contains(word), "{shown}"));
        assert!(!shown.contains("hidden"), "{shown}");
        let public = error.public_message();
        assert!(public.contains("the dataset cannot be read at present"), "{public}");
    }
}

fn texts(values: &[&str]) -> Values {
    Values::Texts(values.iter().map(|text| (!text.is_empty()).then(|| text.to_string())).collect())
}

#[test]
fn a_csv_file_is_read_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let text = "\u{feff}id,age,bmi,\"said, or not\",smoker\r\n\
                1,40,22.5,\"a \"\"quote\"\"\",true\r\n\
                2,,NaN,\"two\nlines\",false\r\n\
                3,50,30,NA,TRUE\r\n\
                4,61,1e1,\"NA\",\r\n";
    let mut declaration = csv(&written(&folder, "data.csv", text));
    declaration.key = Some("id".to_owned());
    let (dataset, report) = registered(declaration, &access);
    let kinds: Vec<_> = dataset.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Kind::Integer, Kind::Integer, Kind::Number, Kind::Text, Kind::Truth]);
    assert_eq!((dataset.rows, &dataset.missing), (4, &vec![0, 1, 1, 1, 1]));
    let levels: Vec<_> = report.columns.iter().map(|column| column.levels).collect();
    assert_eq!(levels, [None, None, None, Some(3), Some(2)]);
    let all = batches(&dataset, None, &access);
    assert_eq!(all.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [3, 1]);
    assert!(all[0].columns[1] == Values::Integers(vec![Some(40), None, Some(50)]));
    assert!(all[0].columns[2] == Values::Numbers(vec![Some(22.5), None, Some(30.0)]));
    assert!(all[0].columns[3] == texts(&["a \"quote\"", "two\nlines", ""]));
    assert!(all[1].columns[3] == texts(&["NA"]));
    let filter = r#"{"or": [{"column": "age", "op": ">", "value": 45},
                           {"column": "smoker", "op": "=", "value": false}]}"#;
    let filter: Filter = serde_json::from_str(filter).unwrap();
    let some = batches(&dataset, Some(&filter), &access);
    assert_eq!(some.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [2, 1]);
    assert!(matches!(aggregate(&dataset, &Aggregate::Count, Some(&filter), &access), Ok(None)));
    let entry = serde_json::to_string(&dataset.entry()).unwrap();
    assert!(entry.contains("\"rows\":0") && !entry.contains("path"), "{entry}");
    let stored = serde_json::to_string(&dataset).unwrap();
    assert_eq!(serde_json::from_str::<Dataset>(&stored).unwrap(), dataset);
}

#[test]
fn columns_are_chosen_and_reported_on() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let path = written(&folder, "data.csv", "a,b,c\n1,x,9\n200,y,9\n3,,9\n");
    let mut declaration = csv(&path);
    let range = Some([0.0, 100.0]);
    let levels = Some(vec!["x".to_owned()]);
    declaration.columns = vec![
        DeclaredColumn { levels, ..declared("b", None) },
        DeclaredColumn { range, ..declared("a", Some(Kind::Number)) },
    ];
    let (dataset, report) = registered(declaration.clone(), &access);
    let counts = report.columns.iter().map(|c| (c.missing, c.out_of_range, c.undeclared));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 0, 1), (0, 1, 0)]);
    assert!(batches(&dataset, None, &access)[0].columns[0] == texts(&["x", "y", ""]));
    let unknown = read(&dataset, &["c".to_owned()], None, &access, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(unknown, SourceError::Selection(_)), "{unknown}");
    assert_eq!(unknown.to_string(), unknown.public_message());
    let wrong = |change: &dyn Fn(&mut Declaration), word: &str| {
        let mut declaration = declaration.clone();
        change(&mut declaration);
        let error = register(declaration, &access).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    wrong(&|d| d.name = "../x".to_owned(), "a dataset's name");
    wrong(&|d| d.columns.push(declared("d", None)), "no column \"d\"");
    wrong(&|d| d.columns.push(declared("a", None)), "declared twice");
    wrong(&|d| d.columns[0].range = Some([0.0, 1.0]), "range of column \"b\"");
    wrong(&|d| d.columns[1].range = Some([1.0, 0.0]), "range of column \"a\"");
    wrong(&|d| d.columns[1].levels = Some(vec![]), "levels of column \"a\"");
    wrong(&|d| d.key = Some("c".to_owned()), "no column \"c\"");
    wrong(&|d| d.key = Some("a".to_owned()), "key column \"a\" must be");
    wrong(&|d| d.key = Some("b".to_owned()), "misses 1 values and repeats 0");
    wrong(&|d| (d.columns, d.key) = (vec![], Some("c".to_owned())), "repeats 2");
    wrong(&|d| d.columns[0].kind = Some(Kind::Integer), "levels of column \"b\"");
    wrong(&|d| d.columns[0] = declared("b", Some(Kind::Integer)), "line 2: column \"b\"");
}

#[test]
fn traps_of_csv_are_refused_by_line_and_column() {
    refused("", &["line 1", "empty"]);
    refused("a,b\n1,2\nhidden\n", &["line 3", "1 fields", "header 2"]);
    refused("a,b\n\"x\ny\",2\n1,hidden,5\n", &["line 4", "3 fields"]);
    refused("a,b\n1,\"hidden\n", &["line 2", "never closed"]);
    refused("a,b\n1,hid\"den\n", &["line 2", "field 2", "quote"]);
    refused("a,a\n1,2\n", &["two columns are named \"a\""]);
    refused("a,,b\n1,2,3\n", &["column 2 has no name"]);
    refused("a,b\u{1}\n1,2\n", &["column 2", "control characters"]);
    refused("a, b,b \n1,2,3\n", &["two columns are named \"b\""]);
    refused("a;b\n1;2\n", &["other delimiters in its name"]);
    refused("a,b\n1,\"2,5\"\n", &["line 2", "column \"b\"", "decimal comma"]);
    refused("a\n1\ninf\n", &["line 3", "column \"a\"", "infinite"]);
    refused("a\n1.5\n1e999\n", &["line 3", "column \"a\"", "infinite"]);
    refused(&format!("a\n\"{}\"\n", "x".repeat(1 << 21)), &["line 2", "1 MiB"]);
    refused("a\tb\n1\t2\n", &["other delimiters in its name"]);
    refused(",b,b\n1,2,x\n", &["2 things", "column 1 has no name", "named \"b\""]);
    refused("a,b\n1,x\n,hidden\n\"1,5\",x\n", &["line 4", "decimal comma"]);
}

#[test]
fn other_encodings_are_refused() {
    let latin = parse_csv(b"a,b\n1,caf\xe9\n", None).unwrap_err().to_string();
    assert!(latin.contains("line 2") && latin.contains("UTF-8"), "{latin}");
    let wide: Vec<u8> = "\u{feff}a\n1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = parse_csv(&wide, None).unwrap_err().to_string();
    assert!(wide.contains("UTF-16"), "{wide}");
}

#[test]
fn semicolons_part_fields_where_declared() {
    let (columns, batch) = parse_csv(b"a;b\n1;x,y\n2;\n", Some(';')).unwrap();
    assert_eq!(columns.iter().map(|c| c.kind).collect::<Vec<_>>(), [Kind::Integer, Kind::Text]);
    assert!(batch.columns[1] == texts(&["x,y", ""]));
    let comma = parse_csv(b"a;b\n1;2,5\n", Some(';')).unwrap_err().to_string();
    assert!(comma.contains("column \"b\" holds a decimal comma"), "{comma}");
    assert!(parse_csv(b"a\n", Some('x')).is_err());
    let (_, one) = parse_csv(b"a\n1\n\n3\n", None).unwrap();
    assert!(one.columns[0] == Values::Integers(vec![Some(1), None, Some(3)]));
}

#[test]
fn files_of_a_folder_are_one_table_if_they_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    written(&folder, "2023.csv", "a,b\n1,x\n");
    written(&folder, "2024.csv", "a,b\n2.5,y\n");
    let (dataset, _) = registered(csv(folder.path()), &access);
    let all = batches(&dataset, None, &access);
    assert!(all[0].columns[0] == Values::Numbers(vec![Some(1.0), Some(2.5)]));
    // Files are matched by the names of columns, in any order.
    written(&folder, "2025.CSV", "b,a\nz,3\n");
    let (dataset, report) = registered(csv(folder.path()), &access);
    assert_eq!(report.rows, 3);
    let all = batches(&dataset, None, &access);
    assert!(all[0].columns[0] == Values::Numbers(vec![Some(1.0), Some(2.5), Some(3.0)]));
    // A column of some files only is an error where all are asked for, and else none.
    written(&folder, "2026.csv", "a,c\n4,9\n");
    let other = register(csv(folder.path()), &access).unwrap_err().to_string();
    assert!(other.contains("\"2026.csv\" has no column \"b\""), "{other}");
    assert!(other.contains("\"2023.csv\" has no column \"c\""), "{other}");
    let mut chosen = csv(folder.path());
    chosen.columns = vec![declared("a", None)];
    assert_eq!(registered(chosen, &access).1.rows, 4);
    let gone = read(&dataset, &["b".to_owned()], None, &access, &mut |_| Ok(())).unwrap_err();
    assert!(gone.to_string().contains("column \"b\" is no longer"), "{gone}");
    fs::create_dir(folder.path().join("_delta_log")).unwrap();
    let nested = register(csv(folder.path()), &access).unwrap_err().to_string();
    assert!(nested.contains("\"_delta_log\"") && nested.contains("move its files up"), "{nested}");
}

#[test]
fn only_chosen_columns_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let texts = [
        ("\"\",\"age\"\n\"1\",34\n\"2\",51\n", "age"),
        ("id,age,age\n34,30,31\n51,40,41\n", "id"),
        ("id , age ,\tbmi\nx,34,20.5\ny,51,25\n", "age"),
        ("a,b,\n34,2,\n51,4,\n", "a"),
        ("odd\u{1}, odd,a\n1,2,34\n3,4,51\n", "a"),
    ];
    for (text, name) in texts {
        let mut declaration = csv(&written(&folder, "data.csv", text));
        declaration.columns = vec![declared(name, None)];
        let (dataset, _) = registered(declaration, &access);
        let all = batches(&dataset, None, &access);
        assert!(all[0].columns[0] == Values::Integers(vec![Some(34), Some(51)]), "{text:?}");
    }
    let mut twice = csv(&written(&folder, "data.csv", "id,age,age\n34,30,31\n"));
    twice.columns = vec![declared("age", None)];
    let twice = register(twice, &access).unwrap_err().to_string();
    assert!(twice.contains("two columns are named \"age\""), "{twice}");
    let wide: Vec<_> = (0..10_001).map(|number| format!("g{number}")).collect();
    let path =
        written(&folder, "wide.csv", &format!("{}\n{}7\n", wide.join(","), "7,".repeat(10_000)));
    let mut one = csv(&path);
    one.columns = vec![declared("g9999", None)];
    assert_eq!(registered(one, &access).1.rows, 1);
    let all = register(csv(&path), &access).unwrap_err().to_string();
    assert!(all.contains("more than 10000 columns are chosen"), "{all}");
}

#[test]
fn all_errors_of_a_registration_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let path = written(&folder, "data.csv", "a,b,c\n1,x,1\nhidden,,2\nhidden,hidden,3\n");
    let mut declaration = csv(&path);
    declaration.columns = vec![declared("d", None), declared("e", None), declared("a", None)];
    declaration.key = Some("f".to_owned());
    let error = register(declaration.clone(), &access).unwrap_err();
    for name in ["\"d\"", "\"e\"", "\"f\""] {
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(error.public_message().contains("cannot be read at present"));
    declaration.key = None;
    let kind = Some(Kind::Integer);
    declaration.columns = ["a", "b", "c"].map(|name| declared(name, kind)).into();
    let error = register(declaration, &access).unwrap_err().to_string();
    assert!(error.contains("line 3: column \"a\"") && error.contains("1 more cells"), "{error}");
    assert!(error.contains("line 2: column \"b\"") && !error.contains("hidden"), "{error}");
}

#[test]
fn what_lies_outside_is_not_read() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let access = access(&inside);
    let secret = written(&outside, "secret.csv", "a\n1\n");
    let link = inside.path().join("link.csv");
    symlink(&secret, &link).unwrap();
    let steps = inside.path().join("..").join(outside.path().file_name().unwrap());
    for path in [&secret, &link, &steps.join("secret.csv"), &inside.path().to_owned()] {
        for declaration in [csv(path), parquet(path)] {
            let error = register(declaration, &access).unwrap_err().to_string();
            let expected = error.contains("outside of the folders") || error.contains("no file");
            assert!(expected && !error.contains("secret"), "{error}");
        }
    }
}

/// A script that has pyarrow write all types that Parquet and Arrow have a place for here.
const WRITER: &str = r#"
import datetime as d, decimal, sys
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.ipc as ipc
utc = d.timezone(d.timedelta(hours=2))
table = pa.table({
    "i8": pa.array([1, None, -3], pa.int8()),
    "i32": pa.array([1, None, 2**31 - 1], pa.int32()),
    "i64": pa.array([2**63 - 1, None, -2**63], pa.int64()),
    "u64": pa.array([1, None, 2**63 - 1], pa.uint64()),
    "f32": pa.array([0.5, None, float("nan")], pa.float32()),
    "f64": pa.array([0.1, float("nan"), None], pa.float64()),
    "b": pa.array([True, None, False]),
    "s": pa.array(["ä", None, ""]),
    "ls": pa.array(["x", None, "y" * 1000], pa.large_string()),
    "dict": pa.array(["f", None, "f"]).dictionary_encode(),
    "date": pa.array([d.date(2024, 1, 31), None, d.date(1900, 1, 1)]),
    "ts": pa.array([d.datetime(2024, 1, 31, 10, 0), None, None], pa.timestamp("us")),
    "tz": pa.array([d.datetime(2024, 1, 31, 10, 0, tzinfo=utc), None, None], pa.timestamp("us", "Europe/Berlin")),
    "dec": pa.array([decimal.Decimal("19.990"), None, decimal.Decimal("-0.001")], pa.decimal128(10, 3)),
    "deci": pa.array([decimal.Decimal("19"), None, decimal.Decimal("-1")], pa.decimal128(10, 0)),
})
folder = sys.argv[1]
for codec in ["none", "snappy", "zstd", "gzip", "lz4"]:
    pq.write_table(table, f"{folder}/{codec}.parquet", compression=codec, row_group_size=2)
with ipc.new_stream(f"{folder}/stream.arrow", table.schema) as stream: stream.write_table(table, 2)
def other(name, **columns): pq.write_table(pa.table(columns), f"{folder}/{name}.parquet")
other("large", a=pa.array([2**64 - 1], pa.uint64()))
other("infinite", a=pa.array([1.0, float("inf")]))
other("nested", a=pa.array([[1]]), b=pa.array([1]))
other("widened", b=pa.array([0.5]), c=pa.array(["x"]))
other("nulls", b=pa.nulls(1), a=pa.array([1]))
other("digits", a=pa.array([decimal.Decimal("1.1234567890123456789")], pa.decimal128(30, 19)))
"#;

fn pyarrow() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    cloister_testkit::run_python(WRITER, &[folder.path()]);
    folder
}

/// Checks the columns that [`WRITER`] wrote, whatever the form.
fn check(columns: &[(String, Kind)], values: &[Values]) {
    let expected = [
        ("i8", Values::Integers(vec![Some(1), None, Some(-3)])),
        ("i32", Values::Integers(vec![Some(1), None, Some(i64::from(i32::MAX))])),
        ("i64", Values::Integers(vec![Some(i64::MAX), None, Some(i64::MIN)])),
        ("u64", Values::Integers(vec![Some(1), None, Some(i64::MAX)])),
        ("f32", Values::Numbers(vec![Some(0.5), None, None])),
        ("f64", Values::Numbers(vec![Some(0.1), None, None])),
        ("b", Values::Truths(vec![Some(true), None, Some(false)])),
        ("s", Values::Texts(vec![Some("ä".to_owned()), None, Some(String::new())])),
        ("ls", texts(&["x", "", &"y".repeat(1000)])),
        ("dict", texts(&["f", "", "f"])),
        ("date", texts(&["2024-01-31", "", "1900-01-01"])),
        ("ts", texts(&["2024-01-31T10:00:00", "", ""])),
        ("tz", texts(&["2024-01-31T08:00:00Z", "", ""])),
        ("dec", Values::Numbers(vec![Some(19.99), None, Some(-0.001)])),
        ("deci", Values::Integers(vec![Some(19), None, Some(-1)])),
    ];
    assert_eq!(columns.len(), expected.len());
    for ((column, values), (name, expected)) in columns.iter().zip(values).zip(&expected) {
        assert_eq!(column.0, *name);
        assert_eq!(column.1, expected.kind(), "{name}");
        assert!(values == expected, "{name}");
    }
}

#[test]
fn parquet_files_of_another_library_are_read() {
    let folder = pyarrow();
    let access = access(&folder);
    for codec in ["none", "snappy", "zstd", "gzip", "lz4"] {
        let path = folder.path().join(format!("{codec}.parquet"));
        let (dataset, report) = registered(parquet(&path), &access);
        assert_eq!((report.rows, report.columns[0].missing), (3, 1));
        let all = batches(&dataset, None, &access);
        let columns: Vec<_> = dataset.columns.iter().map(|c| (c.name.clone(), c.kind)).collect();
        check(&columns, &all[0].columns);
        let filter = r#"{"column": "i8", "op": "<", "value": 0}"#;
        let filter: Filter = serde_json::from_str(filter).unwrap();
        let some = batches(&dataset, Some(&filter), &access);
        assert_eq!(some.iter().map(|batch| batch.rows).sum::<usize>(), 1);
    }
    let refused = |name: &str, words: &[&str]| {
        let path = folder.path().join(format!("{name}.parquet"));
        let error = register(parquet(&path), &access).unwrap_err().to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "{error}"));
    };
    refused("large", &["row 1", "column \"a\"", "beyond 64 bits"]);
    refused("infinite", &["row 2", "column \"a\"", "infinite"]);
    refused("nested", &["column \"a\" is of type List"]);
    refused("digits", &["row 1", "column \"a\"", "does not hold exactly"]);
    let mut beside = parquet(&folder.path().join("nested.parquet"));
    beside.columns = vec![declared("b", Some(Kind::Number))];
    assert!(
        batches(&registered(beside, &access).0, None, &access)[0].columns[0]
            == Values::Numbers(vec![Some(1.0)])
    );
    written(&folder, "broken.parquet", "PAR1 and nothing more PAR1");
    refused("broken", &["\"broken.parquet\" is damaged"]);
    let differing = register(parquet(folder.path()), &access).unwrap_err().to_string();
    assert!(differing.contains("damaged"), "{differing}");
    let (left, right) = (folder.path().join("two"), folder.path().join("one"));
    for path in [&left, &right] {
        fs::create_dir(path).unwrap();
        fs::copy(folder.path().join("zstd.parquet"), path.join("a.parquet")).unwrap();
    }
    fs::copy(folder.path().join("gzip.parquet"), left.join("b.parquet")).unwrap();
    assert_eq!(registered(parquet(&left), &access).0.rows, 6);
    fs::copy(folder.path().join("infinite.parquet"), right.join("b.parquet")).unwrap();
    let differing = register(parquet(&right), &access).unwrap_err().to_string();
    assert!(differing.contains("\"b.parquet\" has no column \"i8\""), "{differing}");
    fs::copy(folder.path().join("nested.parquet"), right.join("b.parquet")).unwrap();
    fs::copy(folder.path().join("widened.parquet"), right.join("a.parquet")).unwrap();
    let mut widened = parquet(&right);
    widened.columns = vec![declared("b", None)];
    let (dataset, _) = registered(widened, &access);
    let all = batches(&dataset, None, &access);
    assert!(all[0].columns[0] == Values::Numbers(vec![Some(0.5)]));
    assert!(all[1].columns[0] == Values::Numbers(vec![Some(1.0)]));
    // A column of nulls takes the kind that another file gives.
    fs::copy(folder.path().join("nulls.parquet"), right.join("a.parquet")).unwrap();
    let mut nulls = parquet(&right);
    nulls.columns = vec![declared("b", None)];
    let (dataset, _) = registered(nulls, &access);
    assert_eq!((dataset.columns[0].kind, dataset.missing), (Kind::Integer, vec![1]));
}

#[test]
fn arrow_streams_of_another_library_are_read() {
    let folder = pyarrow();
    let bytes = fs::read(folder.path().join("stream.arrow")).unwrap();
    let (columns, batch) = parse_arrow_stream(&bytes).unwrap();
    let columns: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.kind)).collect();
    assert_eq!(batch.rows, 3);
    check(&columns, &batch.columns);
    // Damaged bytes are refused or read, but reading ends.
    let seed = getrandom::u64().unwrap();
    println!("seed {seed}");
    let mut state = seed;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..5000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random(4) {
            let at = random(damaged.len());
            damaged[at] = u8::try_from(random(256)).unwrap();
        }
        damaged.truncate(damaged.len() - if random(4) == 0 { random(damaged.len()) } else { 0 });
        let _ = parse_arrow_stream(&damaged);
    }
}

#[test]
fn dictionaries_do_not_unfold_beyond_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let writer = r#"
import sys, pyarrow as pa, pyarrow.ipc as ipc
keys = pa.array([0] * 100000, pa.int8())
table = pa.table({"a": pa.DictionaryArray.from_arrays(keys, pa.array(["x" * 100000]))})
with ipc.new_stream(sys.argv[1], table.schema) as stream: stream.write_table(table)
"#;
    let path = folder.path().join("bomb.arrow");
    cloister_testkit::run_python(writer, &[&path]);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() < 1 << 20);
    let error = parse_arrow_stream(&bytes).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
}

/// Checks that a reader that finds a pipe instead of a file does not wait for ever.
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    cloister_testkit::run(Command::new("mkfifo").arg(&pipe));
    let error = register(csv(&pipe), &access(&folder)).unwrap_err().to_string();
    assert!(error.contains("neither a regular file"), "{error}");
}
