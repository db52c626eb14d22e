//! The data of each party: values on the command line, a file, or columns of its dataset.

use std::fs;

use cloister_client::{ApiMember, Data, column_list};
use serde_json::Value;

use crate::problem::{Outcome, Problem};

/// The source of data, as it was given.
pub(super) enum Given<'a> {
    /// Texts: JSON, or columns of a dataset.
    Inline(&'a [String]),
    /// Files of JSON or CSV.
    Files(&'a [String]),
}

/// Reads the data of all members in order. The same columns at all members need to be named once.
pub(super) fn read(
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
        Given::Files(paths) => by_party(paths, members)?
            .into_iter()
            .map(|path| read_file(path).map(Data::Values))
            .collect(),
    }
}

/// Reads JSON, and says where it stood if it is none.
fn parse(text: &str, source: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| {
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

/// Reads the values of a file: JSON, or CSV with a head, of which `FILE.csv:COLUMN,…` takes some
/// columns.
fn read_file(given: &str) -> Outcome<Value> {
    let (path, columns) = match given.rsplit_once(".csv:") {
        Some((stem, columns)) => (format!("{stem}.csv"), Some(columns)),
        None => (given.to_owned(), None),
    };
    let text = fs::read_to_string(&path)
        .map_err(|error| Problem::usage(format!("cannot read {path}: {error}")))?;
    if path.ends_with(".csv") {
        read_csv(&text, columns).map_err(|reason| Problem::usage(format!("{path}: {reason}")))
    } else {
        parse(&text, &path)
    }
}

/// Reads CSV. One column is a list of its values, several are a list of rows. A column is of
/// numbers if all of it is.
fn read_csv(text: &str, wanted: Option<&str>) -> Result<Value, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let names = match wanted {
        Some(wanted) => column_list(wanted).ok_or_else(|| {
            format!("`{wanted}` is no list of columns: a quote does not end, or a name is empty")
        })?,
        None => head.iter().map(str::to_owned).collect(),
    };
    let places = names
        .iter()
        .map(|name| {
            head.iter().position(|known| known == name).ok_or_else(|| {
                let known: Vec<&str> = head.iter().collect();
                format!("there is no column `{name}`: there are {}", known.join(", "))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let mut columns = places
        .iter()
        .map(|at| {
            let cells = records.iter().map(|record| record.get(*at).unwrap_or_default());
            column(&cells.collect::<Vec<_>>()).map_err(|row| {
                format!(
                    "nothing stands in row {row}, column `{}`",
                    head.get(*at).unwrap_or_default()
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    match columns.len() {
        0 => Err("it has no columns".to_owned()),
        1 => Ok(columns.pop().unwrap_or_default().into()),
        _ => {
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            let rows = records
                .iter()
                .map(|_| columns.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>().into());
            Ok(Value::Array(rows.collect()))
        }
    }
}

/// Returns the values of a column, or the number of the first empty row, from 1 on.
fn column(cells: &[&str]) -> Result<Vec<Value>, usize> {
    if let Some(empty) = cells.iter().position(|cell| cell.trim().is_empty()) {
        return Err(empty + 1);
    }
    let numbers: Option<Vec<_>> = cells
        .iter()
        .map(|cell| serde_json::from_str::<serde_json::Number>(cell.trim()).ok())
        .collect();
    Ok(match numbers {
        Some(numbers) => numbers.into_iter().map(Value::Number).collect(),
        None => cells.iter().map(|cell| Value::from(*cell)).collect(),
    })
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

    #[test]
    fn columns_of_csv_are_lists_or_rows() {
        let text = "name,age,risk\nada,40,0.5\nbob,30,1e-3\n";
        assert_eq!(read_csv(text, Some("age")), Ok(json!([40, 30])));
        assert_eq!(read_csv(text, Some("risk,name")), Ok(json!([[0.5, "ada"], [0.001, "bob"]])));
        assert_eq!(read_csv("x\n1\n", None), Ok(json!([1])));
        let odd = "\"a, b\",x\n1,2\n";
        assert_eq!(read_csv(odd, Some("\"a, b\"")), Ok(json!([1])));
        assert!(read_csv(text, Some("\"age")).is_err());
        assert!(read_csv(text, Some("weight")).unwrap_err().contains("name, age, risk"));
        assert!(read_csv("x,y\n1,2\n3,\n", None).unwrap_err().contains("row 2, column `y`"));
        assert!(read_csv("x,y\n1\n", None).is_err());
    }
}
