//! The data of each party: values on the command line, a file, or columns of its dataset.

use std::fs;
use std::path::PathBuf;

use cloister_client::{ApiMember, Data, column_list};
use cloister_sources::{
    Access, Declaration, DeclaredColumn, Encoding, Format, Source, SourceError, Values, read,
    register,
};
use serde_json::Value;

use crate::files::read_json;
use crate::problem::{Outcome, Problem};

/// The source of data, as it was given.
pub(super) enum Given<'a> {
    /// Texts: JSON, or columns of a dataset.
    Inline(&'a [String]),
    /// Files of JSON, or of tables, and how these are written.
    Files(&'a [String], Form),
}

/// The way in which the tables of files are written.
#[derive(Default)]
pub(super) struct Form {
    pub(super) delimiter: Option<char>,
    pub(super) encoding: Encoding,
    pub(super) format: Format,
}

/// Reads the data of all members in order. The same columns at all members need to be named once.
pub(super) fn all(
    given: &Given<'_>,
    filter: Option<&Value>,
    members: &[ApiMember],
) -> Outcome<Vec<Data>> {
    match given {
        Given::Inline([one]) if Data::selection(one, filter).is_some() => {
            let selection = Data::selection(one, filter).into_iter();
            Ok(selection.cycle().take(members.len()).collect())
        }
        Given::Inline(texts) => by_party(texts, members)?
            .into_iter()
            .map(|text| match Data::selection(text, filter) {
                Some(selection) => Ok(selection),
                None => parse(text, "--data").map(Data::Values),
            })
            .collect(),
        Given::Files(paths, form) => by_party(paths, members)?
            .into_iter()
            .map(|path| read_file(path, form).map(Data::Values))
            .collect(),
    }
}

/// Reads JSON, and says where it stood if it is none.
fn parse(text: &str, source: &str) -> Outcome<Value> {
    read_json(text).map_err(|error| {
        Problem::usage(format!(
            "{source} is no JSON ({error}): write it like [1, 2.5] or [\"a\", \"b\"]; columns of a \
             dataset like DATASET.COLUMN,\"COLUMN, OTHER\""
        ))
    })
}

/// Values in the order of the members: given in that order, or each as `PARTY=value`.
fn by_party<'a>(values: &'a [String], members: &[ApiMember]) -> Outcome<Vec<&'a str>> {
    let named = |member: &ApiMember| {
        values.iter().find_map(|value| value.strip_prefix(&member.name)?.strip_prefix('='))
    };
    let found: Option<Vec<&str>> = members.iter().map(named).collect();
    if values.len() != members.len() {
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        return Err(Problem::usage(format!(
            "there are {} parties ({}) and data for {}: give one for each, or columns of a dataset for all \
             like DATASET.COLUMN,\"COLUMN, OTHER\"",
            members.len(),
            names.join(", "),
            values.len()
        )));
    }
    if let Some(found) = found {
        return Ok(found);
    }
    match members.iter().find(|member| named(member).is_some()) {
        Some(member) => Err(Problem::usage(format!(
            "data is named for {} but not for all parties: name all or none",
            member.name
        ))),
        None => Ok(values.iter().map(String::as_str).collect()),
    }
}

/// Reads the values of a file: JSON; or a table, of which `FILE.csv:COLUMN,…` takes some columns.
fn read_file(given: &str, form: &Form) -> Outcome<Value> {
    let Some((path, ending, columns)) = table(given) else {
        let text = fs::read_to_string(given)
            .map_err(|error| Problem::usage(format!("cannot read {given}: {error}")))?;
        return parse(&text, given);
    };
    let columns = match columns {
        None => Vec::new(),
        Some(wanted) => column_list(wanted).ok_or_else(|| {
            let reason = "a quote does not end, or a name is empty";
            Problem::usage(format!("`{wanted}` is no list of columns: {reason}"))
        })?,
    };
    let path = PathBuf::from(path);
    let source = match ending {
        ".csv" => Source::Csv { path, delimiter: form.delimiter },
        _ => Source::Parquet { path },
    };
    read_table(source, &columns, form).map_err(|error| Problem::usage(error.to_string()))
}

/// Divides the name of a table's file, its ending, and the columns that are wanted of it. Returns none
/// for other files.
fn table(given: &str) -> Option<(&str, &str, Option<&str>)> {
    const ENDINGS: [&str; 2] = [".csv", ".parquet"];
    let at_end = |ending: &&str| given.to_ascii_lowercase().ends_with(ending);
    if let Some(ending) = ENDINGS.into_iter().find(at_end) {
        return Some((given, ending, None));
    }
    ENDINGS.into_iter().find_map(|ending| {
        let (stem, columns) = given.rsplit_once(&format!("{ending}:"))?;
        let path = given.get(..stem.len() + ending.len())?;
        Some((path, ending, Some(columns)))
    })
}

/// Reads a table as a node reads a dataset: the same texts are missing, or numbers, in both. One
/// column becomes a list of its values, several a list of rows. A missing value becomes null.
fn read_table(source: Source, wanted: &[String], form: &Form) -> Result<Value, SourceError> {
    let mut declaration = Declaration {
        format: form.format.clone(),
        encoding: form.encoding,
        ..Declaration::new("file", source)
    };
    let declared =
        |name: &String| DeclaredColumn { name: name.clone(), ..DeclaredColumn::default() };
    declaration.columns = wanted.iter().map(declared).collect();
    // The command reads as the person who has started it.
    let folders = vec![PathBuf::from("/")];
    let access = Access { folders, ..Access::default() };
    let (dataset, _) = register(declaration, &access)?;
    let names: Vec<String> = match wanted {
        [] => dataset.columns.iter().map(|column| column.name.clone()).collect(),
        wanted => wanted.to_vec(),
    };
    let mut rows = Vec::new();
    read(&dataset, &names, None, &access, &mut |batch| {
        let columns: Vec<Vec<Value>> = batch.columns.iter().map(cells).collect();
        let row = |row| columns.iter().filter_map(|column| column.get(row)).cloned().collect();
        rows.extend((0..batch.rows).map(row).map(|mut row: Vec<Value>| match names.len() {
            1 => row.pop().unwrap_or_default(),
            _ => Value::Array(row),
        }));
        Ok(())
    })?;
    Ok(Value::Array(rows))
}

fn cells(values: &Values) -> Vec<Value> {
    fn cells<T: Clone + Into<Value>>(values: &[Option<T>]) -> Vec<Value> {
        values.iter().map(|value| value.clone().map_or(Value::Null, Into::into)).collect()
    }
    match values {
        Values::Integers(values) => cells(values),
        Values::Numbers(values) => cells(values),
        Values::Texts(values) => cells(values),
        Values::Truths(values) => cells(values),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members() -> Vec<ApiMember> {
        let member = |name: &str| ApiMember::open(name, "http://x");
        vec![member("a"), member("b")]
    }

    fn values(given: &[&str]) -> Vec<String> {
        given.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn data_comes_in_order_or_by_name() {
        assert_eq!(by_party(&values(&["1", "2"]), &members()).unwrap(), ["1", "2"]);
        assert_eq!(by_party(&values(&["b=2", "a=1"]), &members()).unwrap(), ["1", "2"]);
        for wrong in [&["1"][..], &["1", "2", "3"], &["a=1", "2"], &["a=1", "a=2"]] {
            assert!(by_party(&values(wrong), &members()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn columns_of_a_dataset_are_told_from_json() {
        let columns = |text| match Data::selection(text, None) {
            Some(Data::Selection { dataset, columns, .. }) => Some((dataset, columns)),
            _ => None,
        };
        let two = columns("trial.age,outcome_2").unwrap();
        assert_eq!(two, ("trial".into(), vec!["age".into(), "outcome_2".into()]));
        let odd = columns("k.Körpergröße (cm),\"Blutdruck, syst.\",dot.name").unwrap().1;
        assert_eq!(odd, ["Körpergröße (cm)", "Blutdruck, syst.", "dot.name"]);
        for json in
            ["[1.5, 2]", "1.5", "\"a.b\"", "{}", "trial", "{\"a\": 1.5}", "-1.5", "[\"a.b\"]"]
        {
            assert_eq!(columns(json), None, "{json}");
        }
    }

    /// Reads columns of a CSV text.
    fn read_csv(text: &str, columns: &str, delimiter: Option<char>) -> Result<Value, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.csv");
        fs::write(&file, text).unwrap();
        let given = format!("{}{columns}", file.display());
        let form = Form { delimiter, ..Form::default() };
        read_file(&given, &form).map_err(|problem| problem.to_string())
    }

    #[test]
    fn numbers_of_json_are_those_of_files() {
        let whole = parse("[9007199254740993, 1e3]", "--data").unwrap();
        assert_eq!(whole, json!([9_007_199_254_740_993_u64, 1000]));
        let error = parse("[9007199254740993e0]", "--data").unwrap_err().to_string();
        assert!(error.contains("at byte 1"), "{error}");
    }

    #[test]
    fn columns_of_csv_are_lists_or_rows() {
        let text = "name,age,risk\nada,40,0.5\nbob,30,1e-3\n";
        assert_eq!(read_csv(text, ":age", None), Ok(json!([40, 30])));
        let rows = json!([[0.5, "ada"], [0.001, "bob"]]);
        assert_eq!(read_csv(text, ":risk,name", None), Ok(rows));
        assert_eq!(read_csv("x\n1\n", "", None), Ok(json!([1])));
        let odd = "\"a, b\",x\n1,2\n";
        assert_eq!(read_csv(odd, ":\"a, b\"", None), Ok(json!([1])));
        assert_eq!(read_csv("a;b\n1;2\n", ":b", Some(';')), Ok(json!([2])));
        assert!(read_csv(text, ":\"age", None).is_err());
        assert!(read_csv(text, ":weight", None).unwrap_err().contains("weight"));
        assert!(read_csv("x,y\n1\n", "", None).is_err());
    }

    #[test]
    fn tables_are_read_as_they_are_said_to_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.csv");
        fs::write(&file, b"x;name\n1,5;Gr\xf6\xdfe\n-9;b\n").unwrap();
        let format =
            Format { missing: vec!["-9".to_owned()], decimal: Some(','), ..Format::default() };
        let form = Form { delimiter: Some(';'), encoding: Encoding::Windows1252, format };
        let rows = read_file(&file.display().to_string(), &form).unwrap();
        assert_eq!(rows, json!([[1.5, "Größe"], [null, "b"]]));
    }

    #[test]
    fn what_is_missing_in_a_dataset_is_missing_here() {
        assert_eq!(read_csv("x,y\n1,a\nNA,\n3,b\n", ":x", None), Ok(json!([1, null, 3])));
        let rows = json!([[1, "a"], [null, null], [3, "b"]]);
        assert_eq!(read_csv("x,y\n1,a\nNA,\n3,b\n", "", None), Ok(rows));
        assert_eq!(read_csv("g\nNA\nyes\n", ":g", None), Ok(json!([null, "yes"])));
    }

    #[test]
    fn files_of_tables_are_told_from_others_by_their_ending() {
        assert_eq!(table("a.csv"), Some(("a.csv", ".csv", None)));
        assert_eq!(table("A.CSV"), Some(("A.CSV", ".csv", None)));
        assert_eq!(table("c:/a.parquet:x, y"), Some(("c:/a.parquet", ".parquet", Some("x, y"))));
        assert_eq!(table("a.csv:b.csv"), Some(("a.csv:b.csv", ".csv", None)));
        assert_eq!(table("a.json"), None);
    }
}
