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
    let differences = compare(&schemas);
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
                let matters = matters && !(what == "kind" && are_numbers(members.values()));
                differences.push(Difference { column, what, matters, members });
            }
        }
    }
    differences
}

/// Returns `true` if all kinds are of numbers: whole ones fit the others.
fn are_numbers<'a>(mut kinds: impl Iterator<Item = &'a Value>) -> bool {
    kinds.all(|kind| kind == "integer" || kind == "number")
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
        let lacking = [at("a", schema("integer", "none")), at("b", json!({"columns": []}))];
        assert_eq!(compare(&lacking)[0].what, "is there");
    }
}
