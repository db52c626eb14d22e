//! Folders whose names are values, and rows that are longer than their header.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_sources::{
    Access, Batch, Dataset, Declaration, DeclaredColumn, Filter, Kind, Report, Source, Values,
    read, register,
};
use serde_json::json;
use tempfile::TempDir;

fn access(folder: &TempDir) -> Access {
    access_to(folder.path())
}

fn access_to(folder: &Path) -> Access {
    Access { folders: vec![folder.canonicalize().unwrap()], batch_rows: 3, ..Access::default() }
}

fn csv(path: &Path) -> Declaration {
    Declaration::new("patients", Source::Csv { path: path.to_owned(), delimiter: None })
}

#[track_caller]
fn registered(declaration: Declaration, access: &Access) -> (Dataset, Report) {
    register(declaration, access).unwrap_or_else(|error| panic!("{error}"))
}

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

fn chosen_column(name: &str, kind: Option<Kind>) -> DeclaredColumn {
    DeclaredColumn { name: name.to_owned(), kind, ..DeclaredColumn::default() }
}

fn file_of(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("data.csv");
    fs::write(&path, text).unwrap();
    path
}

fn kinds(dataset: &Dataset) -> Vec<(&str, Kind)> {
    dataset.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect()
}

/// Returns the cells of a column of whole numbers or texts, with `-` for a missing one.
fn cells(batches: &[Batch], column: usize) -> Vec<String> {
    let of_batch = |batch: &Batch| match &batch.columns[column] {
        Values::Texts(texts) => {
            texts.iter().map(|text| text.clone().unwrap_or("-".into())).collect()
        }
        Values::Integers(integers) => integers
            .iter()
            .map(|integer| integer.map_or("-".into(), |integer| integer.to_string()))
            .collect::<Vec<String>>(),
        other => panic!("{:?}", other.kind()),
    };
    batches.iter().flat_map(of_batch).collect()
}

/// Writes files of folders, each with its folders and its text.
fn partitioned(folder: &TempDir, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn names_of_partitions_are_columns() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let files = [
        ("year=2023/site=M%C3%BCnchen/a.csv", "x\n1\n2\n"),
        ("year=2024/site=__HIVE_DEFAULT_PARTITION__/a.csv", "x\n3\n"),
        ("year=2024/site=b/.hidden.csv", "y\n"),
        ("year=2024/site=b/a.CSV", "x\n4\n"),
        ("year=2025/site=b/empty.csv", "x\n"),
    ];
    partitioned(&folder, &files);
    let (dataset, report) = registered(csv(folder.path()), &access);
    assert_eq!(report.rows, 4);
    let due = [("x", Kind::Integer), ("year", Kind::Integer), ("site", Kind::Text)];
    assert_eq!(kinds(&dataset), due);
    let all = batches(&dataset, None, &access);
    let years = ["2023", "2023", "2024", "2024"];
    assert_eq!(cells(&all, 1), years);
    assert_eq!(cells(&all, 2), ["M\u{fc}nchen", "M\u{fc}nchen", "-", "b"]);
    // A condition and a declared kind are of them, too.
    let year = Filter::from_json(&json!({"column": "year", "op": ">", "value": 2023})).unwrap();
    let later = batches(&dataset, Some(&year), &access);
    assert_eq!(later.iter().map(|batch| batch.rows).sum::<usize>(), 2);
    let mut chosen = csv(folder.path());
    chosen.columns = vec![chosen_column("year", Some(Kind::Text))];
    let (dataset, _) = registered(chosen, &access);
    let all = batches(&dataset, None, &access);
    assert_eq!(cells(&all, 0), years);
    // A file elsewhere, and a column that the file has itself, are named.
    partitioned(&folder, &[("year=2024/a.csv", "x\n1\n")]);
    let other = register(csv(folder.path()), &access).unwrap_err().to_string();
    assert!(other.contains("\"year=2024/a.csv\"") && other.contains("same"), "{other}");
    fs::remove_file(folder.path().join("year=2024/a.csv")).unwrap();
    partitioned(&folder, &[("year=2024/site=b/b.csv", "x,year\n5,1999\n")]);
    let twice = register(csv(folder.path()), &access).unwrap_err().to_string();
    assert!(twice.contains("two columns are named \"year\""), "{twice}");
}

#[test]
fn rows_of_one_field_more_than_the_header_have_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(&folder);
    let register = |text: &str| register(csv(&file_of(&folder, text)), &access);
    let names = register("age,bmi\n\"1\",34,22.5\n\"2\",51,27.1\n").unwrap_err().to_string();
    assert!(names.contains("line 2") && names.contains("row names"), "{names}");
    assert!(names.contains("`row,`") && names.contains("row.names = FALSE"), "{names}");
    assert!(register("row,age,bmi\n\"1\",34,22.5\n\"2\",51,27.1\n").is_ok());
    let comma = register("a,b\n1,2,\n3,4,\n").unwrap_err().to_string();
    assert!(comma.contains("trailing comma") && comma.contains("`,blank`"), "{comma}");
    assert!(register("a,b,blank\n1,2,\n3,4,\n").is_ok());
    // More fields are of neither kind.
    let more = register("a,b\n1,2,3,4\n").unwrap_err().to_string();
    assert!(more.contains("4 fields") && !more.contains("row names"), "{more}");
}

#[test]
fn partitions_of_parquet_files_are_columns() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cases/12");
    let access = access_to(&cases);
    let source = Source::Parquet { path: cases.join("hive") };
    let mut declaration = Declaration::new("patients", source);
    let (dataset, report) = registered(declaration.clone(), &access);
    let due = [("id", Kind::Integer), ("x", Kind::Number), ("y", Kind::Integer)];
    assert_eq!(kinds(&dataset), due);
    let years = cells(&batches(&dataset, None, &access), 2);
    assert_eq!(years.len() as u64, report.rows);
    assert!(
        years.is_sorted() && years.first().unwrap() == "2020" && years.last().unwrap() == "2021"
    );
    // The key alone needs no column of the files.
    declaration.columns = vec![chosen_column("y", None)];
    let (dataset, _) = registered(declaration, &access);
    assert_eq!(cells(&batches(&dataset, None, &access), 0), years);
}
