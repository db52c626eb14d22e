//! Damaged and hostile files, which end with an error and leave the node alone.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::builder::StringViewBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int8Array, RecordBatch, StringArray,
};
use arrow_buffer::Buffer;
use arrow_ipc::writer::StreamWriter;
use cloister_sources::{
    Access, Declaration, Report, Source, SourceError, parse_arrow_stream, register,
};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

fn registered(folder: &TempDir, path: &Path) -> Result<Report, SourceError> {
    let folders = vec![folder.path().canonicalize().unwrap()];
    let access = Access {
        folders,
        timeout: Duration::from_secs(1),
        batch_rows: 100_000,
        ..Access::default()
    };
    let source = Source::Parquet { path: path.to_owned() };
    register(Declaration::new("damaged", source), &access).map(|(_, report)| report)
}

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None);
    writer.as_mut().unwrap().write(batch).unwrap();
    writer.unwrap().close().unwrap();
}

/// Returns rows of one text of that length, which a dictionary holds once.
fn repeated(rows: usize, length: usize) -> RecordBatch {
    let keys = Int8Array::from(vec![0; rows]);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(length)]));
    let texts: ArrayRef = Arc::new(DictionaryArray::new(keys, text));
    RecordBatch::try_from_iter([("a", texts)]).unwrap()
}

#[test]
fn a_small_parquet_file_does_not_unfold_beyond_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.parquet");
    write(&path, &repeated(14_000, 40_000));
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let error = registered(&folder, &path).unwrap_err().to_string();
    assert!(error.contains("\"bomb.parquet\" unfold to far more bytes"), "{error}");
    // The same text in fewer rows, and short texts in many, are within the budget.
    write(&path, &repeated(1_000, 40_000));
    assert_eq!(registered(&folder, &path).unwrap().rows, 1_000);
    write(&path, &repeated(100_000, 8));
    assert_eq!(registered(&folder, &path).unwrap().columns[0].levels, Some(1));
}

#[test]
fn views_of_one_text_do_not_unfold_beyond_bounds() {
    let mut views = StringViewBuilder::new();
    let block = views.append_block(Buffer::from(vec![b'x'; 60_000]));
    for _ in 0..10_000 {
        views.try_append_view(block, 0, 60_000).unwrap();
    }
    let texts: ArrayRef = Arc::new(views.finish());
    let batch = RecordBatch::try_from_iter([("a", texts)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert!(bytes.len() < 1 << 20);
    let error = parse_arrow_stream(&bytes).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
}

#[test]
fn batches_of_long_texts_have_fewer_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.parquet");
    write(&path, &repeated(200, 1 << 18));
    let folders = vec![folder.path().canonicalize().unwrap()];
    let access = Access {
        folders,
        timeout: Duration::from_secs(1),
        batch_rows: 10_000,
        ..Access::default()
    };
    let source = Source::Parquet { path };
    let (dataset, _) = register(Declaration::new("long", source), &access).unwrap();
    let mut rows = Vec::new();
    let read = cloister_sources::read(&dataset, &["a".to_owned()], None, &access, &mut |batch| {
        rows.push(batch.rows);
        Ok(())
    });
    read.unwrap();
    assert_eq!(rows.iter().sum::<usize>(), 200);
    // 64 texts of 256 KiB are 16 MiB.
    assert!(rows.iter().all(|rows| *rows <= 65), "{rows:?}");
}

/// Encodes numbers, truth values, and texts by a dictionary, with missing values.
fn whole() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(2.0)]));
    let truths: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    let levels: DictionaryArray<Int32Type> = vec!["f", "m", "f"].into_iter().collect();
    let columns = [("x", numbers), ("b", truths), ("sex", Arc::new(levels) as ArrayRef)];
    let path = folder.path().join("whole.parquet");
    write(&path, &RecordBatch::try_from_iter(columns).unwrap());
    fs::read(path).unwrap()
}

#[test]
fn no_altered_parquet_file_panics() {
    let seed = getrandom::u64().unwrap();
    println!("seed {seed}");
    let mut state = seed;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("altered.parquet");
    let whole = whole();
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let _ = registered(&folder, &path);
    };
    for at in 0..whole.len() {
        read(&whole[..at]);
        for value in [0xff, whole[at] ^ 4] {
            let mut altered = whole.clone();
            altered[at] = value;
            read(&altered);
        }
    }
    for _ in 0..1_000 {
        let mut altered = whole.clone();
        for _ in 0..1 + random(4) {
            let at = random(altered.len());
            altered[at] = u8::try_from(random(256)).unwrap();
        }
        read(&altered);
    }
}
