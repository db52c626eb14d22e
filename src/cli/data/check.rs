//! `cloister data check`: whether the members' datasets of one name fit each other, before anything
//! is computed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use cloister_client::Consortium;
use serde_json::{Value, json};

use crate::cli::{columns, print};
use crate::consortium_dir::ConsortiumDir;
use crate::problem::{Outcome, Problem};

/// Compare the schemas of a dataset at all members: names, types, units, ranges, levels, missing.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The folder with the consortium's client.toml.
    #[arg(long, value_name = "DIR")]
    consortium: PathBuf,
    /// The dataset's name.
    dataset: String,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// A difference between members: the column, its entry, and each member's value.
struct Difference {
    column: String,
    what: &'static str,
    /// True if they cannot compute with it together.
    matters: bool,
    members: BTreeMap<String, Value>,
}

/// The entries of a column that are compared, each with `true` if a difference forbids computing.
const COMPARED: [(&str, bool); 5] =
    [("kind", true), ("unit", true), ("levels", true), ("range", false), ("missing", false)];

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let consortium = Consortium::new(ConsortiumDir::new(&arguments.consortium).read_client()?)?;
    let described = consortium.describe(&arguments.dataset);
    let schemas = actix::System::new().block_on(described)?;
    let mut differences = compare(&schemas);
    differences.extend(times(&schemas));
    if arguments.json {
        print(&format!("{:#}\n", document(&differences)))?
    } else {
        print(&table(&differences))?
    }
    if differences.iter().any(|difference| difference.matters) {
        Err(Problem::peer(format!(
            "the members' datasets `{}` do not fit each other: have their owners mend what is marked",
            arguments.dataset
        )))
    } else {
        Ok(())
    }
}

/// Finds all differences between the members' schemas.
fn compare(schemas: &[(String, Value)]) -> Vec<Difference> {
    let mut names: Vec<&str> =
        schemas.iter().flat_map(|(_, schema)| column_names(schema)).collect();
    names.sort_unstable();
    names.dedup();
    let mut differences = Vec::new();
    for name in names {
        let members = schemas.iter().map(|(member, schema)| (member.clone(), find(schema, name)));
        let found: Vec<(String, Option<&Value>)> = members.collect();
        if found.iter().any(|(_, column)| column.is_none()) {
            let members = found.iter().map(|(m, c)| (m.clone(), json!(c.is_some()))).collect();
            let column = name.to_owned();
            differences.push(Difference { column, what: "is there", matters: true, members });
            continue;
        }
        for (what, matters) in COMPARED {
            let members: BTreeMap<String, Value> = found
                .iter()
                .map(|(member, column)| {
                    (member.clone(), column.map_or(Value::Null, |column| column[what].clone()))
                })
                .collect();
            let mut values = members.values();
            let first = values.next();
            if values.any(|other| Some(other) != first) {
                let column = name.to_owned();
                let matters = matters && !(what == "kind" && fit(members.values()));
                differences.push(Difference { column, what, matters, members });
            }
        }
    }
    differences
}

/// Returns `true` if values of these kinds can mean the same: whole numbers fit others, and a column
/// without values fits all.
fn fit<'a>(kinds: impl Iterator<Item = &'a Value>) -> bool {
    let mut kinds: Vec<&Value> = kinds.filter(|kind| *kind != "unknown").collect();
    kinds.dedup();
    let are_numbers = kinds.iter().all(|kind| *kind == "integer" || *kind == "number");
    are_numbers || kinds.len() <= 1
}

/// Lists the columns that tell a time, each with what every member reads them as.
fn times(schemas: &[(String, Value)]) -> Vec<Difference> {
    let told = |column: &Value| match (column["kind"].as_str(), column["times"].as_str()) {
        (Some("date"), _) => Some("days"),
        (_, Some("days")) => Some("days, as texts: declare the column as date to compare them"),
        (_, Some("timestamps")) => Some("timestamps, as texts with their time of day"),
        _ => None,
    };
    let mut names: Vec<&str> =
        schemas.iter().flat_map(|(_, schema)| column_names(schema)).collect();
    names.sort_unstable();
    names.dedup();
    let of_column = |name: &str| {
        let members: BTreeMap<String, Value> = schemas
            .iter()
            .filter_map(|(member, schema)| {
                Some((member.clone(), json!(told(find(schema, name)?)?)))
            })
            .collect();
        let (column, what) = (name.to_owned(), "is read as");
        (!members.is_empty()).then_some(Difference { column, what, matters: false, members })
    };
    names.into_iter().filter_map(of_column).collect()
}

fn column_names(schema: &Value) -> Vec<&str> {
    let columns = schema["columns"].as_array().into_iter().flatten();
    columns.filter_map(|column| column["name"].as_str()).collect()
}

fn find<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema["columns"].as_array()?.iter().find(|column| column["name"] == name)
}

fn document(differences: &[Difference]) -> Value {
    let listed: Vec<Value> = differences
        .iter()
        .map(|difference| {
            json!({
                "column": difference.column, "what": difference.what,
                "matters": difference.matters, "members": difference.members,
            })
        })
        .collect();
    json!({
        "fits": !differences.iter().any(|difference| difference.matters),
        "differences": listed,
    })
}

fn table(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "all members describe it alike\n".to_owned();
    }
    let rows = differences.iter().flat_map(|difference| {
        let mark = if difference.matters { "differs" } else { "note" };
        difference.members.iter().map(move |(member, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            [mark, &difference.column, difference.what, member, &value].map(str::to_owned).into()
        })
    });
    columns(&["", "column", "what", "member", "has"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(kind: &str, missing: &str) -> Value {
        json!({"columns": [{"name": "age", "kind": kind, "missing": missing}]})
    }

    #[test]
    fn columns_of_days_and_times_are_told() {
        let schema = |kind: &str, times: Value| json!({"columns": [{"name": "born", "kind": kind, "times": times}, {"name": "x"}]});
        let schemas = [
            ("a".to_owned(), schema("date", Value::Null)),
            ("b".to_owned(), schema("text", json!("days"))),
            ("c".to_owned(), schema("text", json!("timestamps"))),
        ];
        let found = times(&schemas);
        let [born] = found.as_slice() else { panic!("one column tells a time") };
        assert!(!born.matters && born.members["a"] == "days");
        assert!(born.members["b"].as_str().unwrap().contains("declare the column as date"));
        assert!(born.members["c"].as_str().unwrap().starts_with("timestamps"));
    }

    #[test]
    fn differences_are_listed_by_member_and_some_matter() {
        let at = |member: &str, schema| (member.to_owned(), schema);
        let same = [at("a", schema("integer", "none")), at("b", schema("integer", "none"))];
        assert!(compare(&same).is_empty());
        let noted = [at("a", schema("integer", "none")), at("b", schema("integer", "up to 5 %"))];
        assert!(compare(&noted).iter().all(|difference| !difference.matters));
        let whole = [at("a", schema("integer", "none")), at("b", schema("number", "none"))];
        assert!(compare(&whole).iter().all(|difference| !difference.matters));
        let differ = [at("a", schema("integer", "none")), at("b", schema("text", "none"))];
        let found = compare(&differ);
        assert_eq!((found[0].what, found[0].matters), ("kind", true));
        assert_eq!(found[0].members["b"], "text");
        let empty = [at("a", schema("number", "none")), at("b", schema("unknown", "over 50 %"))];
        assert!(compare(&empty).iter().all(|difference| !difference.matters));
        let lacking = [at("a", schema("integer", "none")), at("b", json!({"columns": []}))];
        assert_eq!(compare(&lacking)[0].what, "is there");
    }
}
