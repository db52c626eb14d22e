//! The expectations of a study: its members, their profiles, and the schemas of their datasets. All
//! differences are found before anything is computed.

use std::collections::BTreeSet;

use cloister_client::{Consortium, Data};
use cloister_protocols::disclosure::Profile;
use serde_json::{Value, json};

use super::{Column, Study};
use crate::problem::Outcome;

/// Lists the differences from a study's expectations, each as a sentence.
///
/// # Errors
/// If the study names data for others than the consortium's members.
pub async fn differences(study: &Study, consortium: &Consortium) -> Outcome<Vec<String>> {
    let names: Vec<&str> = consortium.members().iter().map(|member| member.name.as_str()).collect();
    let mut wrong = of_members(study.file.members.as_deref(), &names);
    if !wrong.is_empty() {
        // Whatever else would be wrong follows from it.
        return Ok(wrong);
    }
    if let Some(expected) = study.file.profile {
        wrong.extend(of_profiles(expected, consortium).await);
    }
    for (member, dataset) in used(study, &names)? {
        let described = consortium.describe_at(&member, &dataset).await;
        match described {
            Ok(schema) => wrong.extend(of_schema(study, &member, &dataset, &schema)),
            Err(problem) => wrong.push(problem.to_string()),
        }
    }
    Ok(wrong)
}

fn of_members(expected: Option<&[String]>, names: &[&str]) -> Vec<String> {
    let Some(expected) = expected else { return Vec::new() };
    let missing = expected.iter().filter(|name| !names.contains(&name.as_str()));
    let strange = names.iter().filter(|name| !expected.iter().any(|known| known == *name));
    missing
        .map(|name| format!("{name} is a member of the study and not of the consortium"))
        .chain(
            strange
                .map(|name| format!("{name} is a member of the consortium and not of the study")),
        )
        .collect()
}

async fn of_profiles(expected: Profile, consortium: &Consortium) -> Vec<String> {
    let expected = json!(expected);
    let told = consortium.nodes().await.into_iter();
    told.filter_map(|(member, told)| match told {
        Ok(facts) if json!(facts.profile) == expected => None,
        Ok(facts) => {
            Some(format!("{member} has the profile `{}`, expected {expected}", facts.profile))
        }
        Err(error) if error.is_missing() => Some(format!(
            "{member} does not tell its profile, expected {expected}: its cloister is too old"
        )),
        Err(error) => Some(format!("{member}: {error}")),
    })
    .collect()
}

/// Lists the datasets that the study uses, each with its member.
fn used(study: &Study, names: &[&str]) -> Outcome<BTreeSet<(String, String)>> {
    let mut used = BTreeSet::new();
    for computation in study.computations() {
        let data = computation.data(names.iter().copied())?;
        for (name, data) in names.iter().zip(data) {
            if let Data::Selection { dataset, .. } = data {
                used.insert(((*name).to_owned(), dataset));
            }
        }
    }
    Ok(used)
}

/// Columns are looked at whether this member's part of a computation uses them or not: a dataset of
/// one name is one thing.
fn of_schema(study: &Study, member: &str, dataset: &str, schema: &Value) -> Vec<String> {
    let Some(expected) = study.file.dataset.get(dataset) else { return Vec::new() };
    let columns = expected.columns.iter();
    columns
        .flat_map(|(name, expected)| {
            let found = schema["columns"].as_array().into_iter().flatten();
            let mut found = found.filter(|column| column["name"] == **name);
            let about = of_column(expected, found.next());
            about.into_iter().map(move |about| format!("{member}: {dataset}.{name} {about}"))
        })
        .collect()
}

fn of_column(expected: &Column, found: Option<&Value>) -> Vec<String> {
    let Some(found) = found else { return vec!["is not there".to_owned()] };
    let Value::Object(expected) = json!(expected) else { return Vec::new() };
    let differs = expected.into_iter().filter(|(entry, expected)| {
        let found = &found[entry];
        let fits = entry == "kind" && fits(expected, found);
        !fits && !same(expected, found)
    });
    differs
        .map(|(entry, expected)| format!("has {entry} {}, expected {expected}", found[&entry]))
        .collect()
}

/// Returns `true` for a column of whole numbers where numbers are expected: every function that takes
/// numbers takes it. A column without values fits every kind.
fn fits(expected: &Value, found: &Value) -> bool {
    found == "unknown" || (expected == "number" && found == "integer")
}

/// Numbers are the same whether or not they are written with a point.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{STUDY, study};

    #[test]
    fn schemas_are_compared_entry_by_entry() {
        let study = study(STUDY).unwrap();
        let schema = json!({"columns": [{"name": "age", "kind": "number", "unit": "years"}]});
        let wrong = of_schema(&study, "a", "trial", &schema);
        let expected = [
            "a: trial.age has kind \"number\", expected \"integer\"",
            "a: trial.risk is not there",
        ];
        assert_eq!(wrong, expected);
        let right = json!({"columns": [
            {"name": "age", "kind": "integer", "unit": "years", "levels": null}, {"name": "risk"},
        ]});
        assert!(of_schema(&study, "a", "trial", &right).is_empty());
        let whole = Column { kind: Some("number".to_owned()), ..Column::default() };
        assert!(of_column(&whole, Some(&json!({"kind": "integer"}))).is_empty());
        assert!(of_column(&whole, Some(&json!({"kind": "unknown"}))).is_empty());
        assert_eq!(of_column(&whole, Some(&json!({"kind": "text"}))).len(), 1);
        let ranged = Column { range: Some([0.0, 1.5]), ..Column::default() };
        assert!(of_column(&ranged, Some(&json!({"range": [0, 1.5]}))).is_empty());
        assert_eq!(of_column(&ranged, Some(&json!({"range": null}))).len(), 1);
    }

    #[test]
    fn members_are_those_of_the_study_and_no_others() {
        let expected = ["a".to_owned(), "b".to_owned()];
        assert!(of_members(Some(&expected), &["b", "a"]).is_empty());
        assert_eq!(of_members(Some(&expected), &["a", "c"]).len(), 2);
        assert!(of_members(None, &["x"]).is_empty());
    }
}
