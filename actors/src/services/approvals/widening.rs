//! The classes that an owner grants: exactly a question, or as much wider as the owner says.

use std::collections::BTreeSet;

use cloister_protocols::parameters::Parameters as Given;
use cloister_sources::Filter;
use cloister_vault::{Class, Columns, Conditions, Parameters, Question};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::policy::{canonical, groups};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::shown::shown;

/// The allowances of an owner beside a question. A part that is left out stays as it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Widening {
    /// Functions or groups of functions, with any parameters, in place of the one asked.
    pub functions: Option<BTreeSet<String>>,
    /// Any parameters.
    pub any_parameters: bool,
    /// Columns of which any may be computed with.
    pub columns: Option<BTreeSet<String>>,
    /// The conditions on rows.
    pub conditions: Option<Allowed>,
}

/// The conditions on rows that an owner allows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// This condition, in its JSON form.
    Exactly(Value),
    /// All rows, and any condition on these columns only.
    On(BTreeSet<String>),
    /// All rows, and any condition.
    Any,
}

/// A computation that is planned, such as one of a study.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The function.
    pub function: String,
    /// Its parameters, as a client gives them.
    pub parameters: Map<String, Value>,
    /// The dataset.
    pub dataset: String,
    /// The columns that are computed with.
    pub columns: Vec<String>,
    /// The condition on rows, in its JSON form.
    pub condition: Option<Value>,
}

impl Widening {
    /// Returns the class around a question.
    ///
    /// # Errors
    /// An unknown function or group, or a condition of another form.
    pub fn around(&self, question: &Question) -> Result<Class, ApiError> {
        self.widen(question.class())
    }

    /// Returns the class of a principal's questions about a dataset, before any is asked.
    ///
    /// # Errors
    /// No functions or columns, an unknown function or group, or a condition of another form.
    pub fn beforehand(&self, principal: &str, dataset: &str) -> Result<Class, ApiError> {
        for (name, given) in
            [("functions", self.functions.is_some()), ("columns", self.columns.is_some())]
        {
            if !given {
                return Err(ApiError::argument(
                    name,
                    "missing: there is no request to take it from",
                ));
            }
        }
        self.widen(Class {
            principal: principal.to_owned(),
            dataset: dataset.to_owned(),
            functions: BTreeSet::new(),
            parameters: Parameters::Any,
            columns: Columns::Among(BTreeSet::new()),
            conditions: Conditions::Exactly(None),
        })
    }

    fn widen(&self, mut class: Class) -> Result<Class, ApiError> {
        if let Some(names) = &self.functions {
            let named = groups::named(names.iter().map(String::as_str));
            class.functions = named.map_err(|unknown| no_function(&unknown))?;
            class.parameters = Parameters::Any;
        }
        if self.any_parameters {
            class.parameters = Parameters::Any;
        }
        if let Some(columns) = &self.columns {
            class.columns = Columns::Among(columns.clone());
        }
        match &self.conditions {
            None => {}
            Some(Allowed::Any) => class.conditions = Conditions::Any,
            Some(Allowed::On(columns)) => class.conditions = Conditions::On(columns.clone()),
            Some(Allowed::Exactly(condition)) => {
                class.conditions = Conditions::Exactly(Some(filter(condition)?.question()));
            }
        }
        Ok(class)
    }
}

impl Planned {
    /// Returns the class that serves exactly this computation by this principal.
    ///
    /// # Errors
    /// Parameters or a condition of another form.
    pub fn class(&self, principal: &str) -> Result<Class, ApiError> {
        let Self { function, parameters, dataset, columns, condition } = self;
        let given: Given = serde_json::from_value(Value::Object(parameters.clone()))
            .map_err(|error| ApiError::argument("parameters", error))?;
        let condition = condition.as_ref().map(filter).transpose()?;
        let question = Question {
            principal: principal.to_owned(),
            function: function.clone(),
            parameters: Some(canonical::parameters(&given, &[])),
            dataset: dataset.clone(),
            columns: columns.clone(),
            condition: condition.as_ref().map(canonical::condition),
        };
        Ok(question.class())
    }
}

fn filter(condition: &Value) -> Result<Filter, ApiError> {
    Filter::from_json(condition).map_err(|error| ApiError::argument("condition", error))
}

fn no_function(name: &str) -> ApiError {
    let groups: Vec<&str> = groups::GROUPS.iter().map(|group| group.name).collect();
    let message = format!("there is no function or group `{}`", shown(name));
    ApiError::argument("functions", message).hint(format!(
        "`cloister functions` lists the functions; groups are: {}",
        groups.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use cloister_vault::Condition;
    use serde_json::json;

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn asked(condition: Option<&Value>) -> Question {
        let condition: Option<Condition> =
            condition.map(|json| canonical::condition(&Filter::from_json(json).unwrap()));
        Question {
            principal: "ada".into(),
            function: "SecureSum".into(),
            parameters: Some("{}".into()),
            dataset: "trial".into(),
            columns: vec!["time".into()],
            condition,
        }
    }

    #[test]
    fn what_is_not_widened_stays_as_it_was_asked() {
        let old = json!({"column": "age", "op": ">=", "value": 40});
        let question = asked(Some(&old));
        assert_eq!(Widening::default().around(&question).unwrap(), question.class());
        let on = Allowed::On(set(&["age", "sex"]));
        let widening = Widening { conditions: Some(on), ..Widening::default() };
        let class = widening.around(&question).unwrap();
        assert!(class.serves(&question) && class.serves(&asked(None)));
        let by_site = json!({"column": "site", "op": "=", "value": "x"});
        assert!(!class.serves(&asked(Some(&by_site))));
        assert!(!class.serves(&Question { parameters: Some("{\"a\":1}".into()), ..question }));
    }

    #[test]
    fn a_group_stands_for_its_functions() {
        let describe = Some(set(&["describe"]));
        let widening = Widening { functions: describe, ..Widening::default() };
        let class = widening.around(&asked(None)).unwrap();
        assert!(class.functions.contains("StatisticsFrequency"));
        let unknown = Widening { functions: Some(set(&["describes"])), ..Widening::default() };
        assert!(unknown.around(&asked(None)).unwrap_err().message().contains("`describes`"));
        assert!(Widening::default().beforehand("ada", "trial").is_err());
    }

    #[test]
    fn a_planned_computation_is_served_in_any_order_of_its_condition() {
        let (old, female) = (
            json!({"column": "age", "op": ">=", "value": 40.0}),
            json!({"column": "sex", "op": "=", "value": "f"}),
        );
        let planned = Planned {
            function: "SecureSum".into(),
            parameters: Map::new(),
            dataset: "trial".into(),
            columns: vec!["time".into()],
            condition: Some(json!({"and": [old, female]})),
        };
        let class = planned.class("ada").unwrap();
        assert!(class.serves(&asked(Some(&json!({"and": [female, old]})))));
        assert!(!class.serves(&asked(Some(&json!({"or": [female, old]})))));
        assert!(!class.serves(&asked(None)));
    }
}
