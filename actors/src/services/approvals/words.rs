//! Approvals in words that an owner can read.

use std::collections::BTreeSet;

use cloister_vault::{Class, Columns, Conditions, Parameters};

use crate::vocabulary::clock::rfc3339;

/// Describes a class of questions in one sentence.
#[must_use]
pub(super) fn of(class: &Class) -> String {
    let Class { principal, dataset, functions, parameters, columns, conditions } = class;
    format!(
        "{principal} may compute {} {} on {} of dataset {dataset}, {}",
        list(functions, " or "),
        with_parameters(parameters),
        of_columns(columns),
        over_rows(conditions),
    )
}

/// Describes how often a grant holds, and until when.
#[must_use]
pub(super) fn terms(times: u32, expires: u64) -> String {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times in all") };
    format!("{times}, until {}", rfc3339(expires.saturating_mul(1_000)))
}

fn with_parameters(parameters: &Parameters) -> String {
    match parameters {
        Parameters::Any => "with any parameters".to_owned(),
        Parameters::Exactly(text) if text == "{}" => "without parameters".to_owned(),
        Parameters::Exactly(text) => format!("with exactly the parameters {text}"),
    }
}

fn of_columns(columns: &Columns) -> String {
    match columns {
        Columns::Exactly(columns) => format!("exactly {}", list(columns, " and ")),
        Columns::Among(columns) => format!("any of {}", list(columns, ", ")),
    }
}

fn over_rows(conditions: &Conditions) -> String {
    match conditions {
        Conditions::Exactly(None) => "over all rows and under no condition".to_owned(),
        Conditions::Exactly(Some(text)) => format!("over exactly the rows with {text}"),
        Conditions::On(columns) => {
            let columns = list(columns, " and ");
            format!("over all rows or under conditions on {columns} only, with any values")
        }
        Conditions::Any => "over all rows or under any condition on any columns".to_owned(),
    }
}

fn list(names: &BTreeSet<String>, between: &str) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_part_of_a_class_is_said() {
        let class = Class {
            principal: "ada".into(),
            dataset: "trial".into(),
            functions: set(&["SecureSum"]),
            parameters: Parameters::Exactly("{}".into()),
            columns: Columns::Exactly(set(&["time"])),
            conditions: Conditions::Exactly(None),
        };
        assert_eq!(
            of(&class),
            "ada may compute SecureSum without parameters on exactly time of dataset trial, over all \
             rows and under no condition"
        );
        let wide = Class {
            functions: set(&["SecureMedian", "SecureSum"]),
            parameters: Parameters::Any,
            columns: Columns::Among(set(&["age", "time"])),
            conditions: Conditions::On(set(&["age", "sex"])),
            ..class
        };
        assert_eq!(
            of(&wide),
            "ada may compute SecureMedian or SecureSum with any parameters on any of age, time of \
             dataset trial, over all rows or under conditions on age and sex only, with any values"
        );
        assert!(of(&Class { conditions: Conditions::Any, ..wide }).ends_with("on any columns"));
        assert_eq!(terms(1, 0), "once, until 1970-01-01T00:00:00.000Z");
    }
}
