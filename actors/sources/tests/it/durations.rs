//! Lengths of time in Parquet files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, DurationMicrosecondArray, DurationSecondArray, RecordBatch};
use cloister_sources::{
    Access, Declaration, DeclaredColumn, Kind, Source, Values, parse_arrow_stream, read, register,
};
use parquet::arrow::ArrowWriter;

use crate::remedies::check;

fn access(folder: &Path) -> Access {
    Access { folders: vec![folder.canonicalize().unwrap()], batch_rows: 100, ..Access::default() }
}

/// Writes a file with the column `a` of that array, and a column `b` beside it.
fn written(folder: &Path, array: ArrayRef) -> Source {
    let path = folder.join("data.parquet");
    let beside: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1; array.len()]));
    let batch = RecordBatch::try_from_iter_with_nullable([("a", array, true), ("b", beside, true)]);
    let batch = batch.unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    Source::Parquet { path }
}

fn cells(source: &Source, kind: Kind, access: &Access) -> Result<Values, String> {
    let mut declaration = Declaration::new("stays", source.clone());
    let column = DeclaredColumn { name: "a".into(), kind: Some(kind), ..DeclaredColumn::default() };
    declaration.columns = vec![column];
    let (dataset, _) = register(declaration, access).map_err(|error| error.to_string())?;
    let mut column = None;
    read(&dataset, &["a".to_owned()], None, access, &mut |mut batch| {
        column = Some(batch.columns.remove(0));
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    Ok(column.unwrap())
}

#[test]
fn lengths_of_time_are_seconds_or_texts_where_that_is_declared() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let ticks = vec![Some(90_500_000), None, Some(-1), Some(7_200_000_000)];
    let source = written(folder.path(), Arc::new(DurationMicrosecondArray::from(ticks)));
    let numbers = cells(&source, Kind::Number, &access).unwrap();
    assert!(numbers == Values::Numbers(vec![Some(90.5), None, Some(-1e-6), Some(7200.0)]));
    let texts = cells(&source, Kind::Text, &access).unwrap();
    let due = [Some("PT90.5S"), None, Some("-PT0.000001S"), Some("PT7200S")];
    assert!(texts == Values::Texts(due.map(|text| text.map(str::to_owned)).into()));
    for kind in [Kind::Integer, Kind::Truth, Kind::Date] {
        assert!(cells(&source, kind, &access).is_err(), "{kind}");
    }
    let undeclared = register(Declaration::new("stays", source.clone()), &access).unwrap_err();
    let undeclared = undeclared.to_string();
    assert!(undeclared.contains("column \"a\"") && undeclared.contains("Duration"), "{undeclared}");
    check(&source, None, &access);
    let days = Arc::new(DurationSecondArray::from(vec![86_400, 2 * 86_400]));
    let source = written(folder.path(), days);
    let whole = cells(&source, Kind::Integer, &access).unwrap();
    assert!(whole == Values::Integers(vec![Some(86_400), Some(172_800)]));
}

#[test]
fn a_pushed_length_of_time_is_refused_with_a_way() {
    let array: ArrayRef = Arc::new(DurationSecondArray::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut bytes, batch.schema().as_ref()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let refused = parse_arrow_stream(&bytes).unwrap_err().to_string();
    assert!(refused.contains("\"a\"") && refused.contains("length of time"), "{refused}");
}
