//! The program of the demonstration: each joint result beside the plaintext check.
//!
//! The variance of a column is its covariance with itself: exact sums on the nodes, one rounding.

use cloister_client::{Job, Report};
use serde_json::{Value, json};

use super::dataset::{PartyData, pooled};
use super::plaintext;
use crate::problem::{Outcome, Problem};

/// The largest relative difference of a result that is no sum: the plaintext check rounds more
/// often than the nodes do.
const TOLERANCE: f64 = 1e-12;

const COLUMNS: [&str; 3] = ["mean_radius", "mean_smoothness", "worst_area"];

/// Bands of the mean radius: a name, and where it ends.
const BANDS: [(&str, f64); 5] = [
    ("radius below 11", 11.0),
    ("radius 11 to 13", 13.0),
    ("radius 13 to 15", 15.0),
    ("radius 15 to 17", 17.0),
    ("radius from 17", f64::INFINITY),
];

const DIAGNOSES: [&str; 2] = ["malignant", "benign"];

/// Puts a joint result beside the plaintext check.
type Check = dyn Fn(&Report, &[PartyData]) -> Outcome<Vec<Finding>>;

/// A joint computation to come.
pub(super) struct Task {
    pub(super) what: String,
    pub(super) job: Job,
    /// A party's data, for its own node.
    pub(super) data: Box<dyn Fn(&PartyData) -> Value>,
    pub(super) findings: Box<Check>,
}

/// A joint computation that was made.
pub(super) struct Step {
    pub(super) what: String,
    pub(super) function: String,
    pub(super) findings: Vec<Finding>,
    pub(super) report: Report,
}

/// One number of a joint result beside the plaintext check.
pub(super) struct Finding {
    pub(super) what: String,
    /// None where the disclosure rules withhold it.
    pub(super) joint: Option<f64>,
    pub(super) plaintext: f64,
    agrees: bool,
}

/// Returns all tasks in order.
pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for column in COLUMNS {
        tasks.push(total(column));
        tasks.push(spread(column));
    }
    tasks.push(regression("mean_radius", "mean_area"));
    tasks.push(contingency());
    tasks.push(median("mean_radius"));
    tasks.push(shape("worst_area"));
    tasks
}

fn total(column: &'static str) -> Task {
    Task {
        what: format!("the sum of {column}"),
        job: Job::new("SecureSum"),
        data: Box::new(move |party| json!(party.column(column))),
        findings: Box::new(move |report, parties| {
            let values = pooled(parties, column);
            let joint = number(report, "sum")?;
            let mean = joint / plaintext::count(values.len());
            Ok(vec![
                Finding::exact(format!("sum of {column}"), joint, plaintext::sum(values.clone())),
                Finding::near(format!("mean of {column}"), mean, plaintext::mean(&values)),
            ])
        }),
    }
}

fn spread(column: &'static str) -> Task {
    Task {
        what: format!("the variance of {column}"),
        job: Job::new("StatisticsBivariate"),
        data: Box::new(move |party| points(party.column(column), party.column(column))),
        findings: Box::new(move |report, parties| {
            let values = pooled(parties, column);
            let rows = plaintext::count(values.len());
            let variance = plaintext::covariance(&values, &values);
            let joint = number(report, "covariance")?;
            Ok(vec![
                Finding::exact(format!("rows of {column}"), number(report, "samples")?, rows),
                Finding::near(format!("variance of {column}"), joint, variance),
            ])
        }),
    }
}

fn regression(x: &'static str, y: &'static str) -> Task {
    Task {
        what: format!("the regression of {y} on {x}"),
        job: Job::new("StatisticsBivariate"),
        data: Box::new(move |party| points(party.column(x), party.column(y))),
        findings: Box::new(move |report, parties| {
            let (xs, ys) = (pooled(parties, x), pooled(parties, y));
            let (slope, intercept) = plaintext::regression(&xs, &ys);
            let near = |what: &str, key: &str, plaintext: f64| -> Outcome<Finding> {
                let what = format!("{what} of {y} on {x}");
                Ok(Finding::near(what, number(report, key)?, plaintext))
            };
            Ok(vec![
                near("slope", "regression_slope", slope)?,
                near("intercept", "regression_interceipt", intercept)?,
                near("correlation", "correlation_coefficient", plaintext::correlation(&xs, &ys))?,
            ])
        }),
    }
}

fn contingency() -> Task {
    let bands = BANDS.map(|(name, _)| name);
    let mut job = Job::new("StatisticsContingency");
    job.parameters.insert("categories".to_owned(), json!([bands, DIAGNOSES]));
    Task {
        what: "diagnoses by band of radius".to_owned(),
        job,
        data: Box::new(|party| json!(cells(party))),
        findings: Box::new(|report, parties| {
            let all: Vec<_> = parties.iter().flat_map(cells).collect();
            let withheld_below = report.disclosure.pointer("/rules/min_cell");
            let withheld_below = withheld_below.and_then(Value::as_f64).unwrap_or(1.0);
            let of_each = BANDS.into_iter().flat_map(|(band, _)| DIAGNOSES.map(|of| (band, of)));
            let counts: Vec<_> = of_each
                .map(|pair| {
                    let count = all.iter().filter(|row| **row == pair).count();
                    (pair, plaintext::count(count))
                })
                .collect();
            let is_small = |count: f64| withheld_below > 1.0 && count < withheld_below;
            let protects = counts.iter().any(|(_, count)| is_small(*count));
            let cell = |((band, diagnosis), count): ((&str, &str), f64)| {
                let pointer = format!("/table/{band}/{diagnosis}");
                let joint = report.result.pointer(&pointer).and_then(Value::as_f64);
                let what = format!("{diagnosis}, {band}");
                Finding::cell(what, joint, (count, is_small(count)), protects)
            };
            Ok(counts.into_iter().map(cell).collect())
        }),
    }
}

fn median(column: &'static str) -> Task {
    Task {
        what: format!("the median of {column}"),
        job: Job::new("SecureMedian"),
        data: Box::new(move |party| json!(party.column(column))),
        findings: Box::new(move |report, parties| {
            let median = plaintext::median(&pooled(parties, column));
            let what = format!("median of {column}");
            Ok(vec![Finding::exact(what, number(report, "median")?, median)])
        }),
    }
}

fn shape(column: &'static str) -> Task {
    let mut job = Job::new("StatisticsUnivariate");
    job.parameters.insert("statistics".to_owned(), json!(["standard_deviation", "skewness"]));
    Task {
        what: format!("spread and shape of {column}"),
        job,
        data: Box::new(move |party| json!(party.column(column))),
        findings: Box::new(move |report, parties| {
            let values = pooled(parties, column);
            let near = |key: &str, plaintext: f64| -> Outcome<Finding> {
                Ok(Finding::near(format!("{key} of {column}"), number(report, key)?, plaintext))
            };
            Ok(vec![
                near("standard_deviation", plaintext::covariance(&values, &values).sqrt())?,
                near("skewness", plaintext::skewness(&values))?,
            ])
        }),
    }
}

fn points(x: &[f64], y: &[f64]) -> Value {
    let points: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    json!(points)
}

/// Returns band and diagnosis of each row.
fn cells(party: &PartyData) -> Vec<(&'static str, &'static str)> {
    let [malignant, benign] = DIAGNOSES;
    let radii = party.column("mean_radius").iter();
    radii
        .zip(party.column("benign"))
        .map(|(radius, flag)| (band(*radius), if *flag == 0.0 { malignant } else { benign }))
        .collect()
}

/// Returns the name of the first band that ends beyond the radius.
fn band(radius: f64) -> &'static str {
    let found = BANDS.iter().find(|(_, end)| radius < *end);
    found.map_or("", |(name, _)| *name)
}

fn number(report: &Report, key: &str) -> Outcome<f64> {
    let value = report.result.get(key).and_then(Value::as_f64);
    value.ok_or_else(|| Problem::ours(format!("the result has no number `{key}`")))
}

impl Finding {
    /// Makes a finding that must be the same to the last bit.
    fn exact(what: String, joint: f64, plaintext: f64) -> Self {
        let agrees = joint == plaintext;
        Self { what, joint: Some(joint), plaintext, agrees }
    }

    /// Makes a finding that both sides round.
    fn near(what: String, joint: f64, plaintext: f64) -> Self {
        let agrees = relative(joint, plaintext) <= TOLERANCE;
        Self { what, joint: Some(joint), plaintext, agrees }
    }

    /// Makes a finding of a cell of a table. It is withheld if it is small. Others may be withheld
    /// with it, if the table protects small cells.
    fn cell(
        what: String,
        joint: Option<f64>,
        (plaintext, is_small): (f64, bool),
        protects: bool,
    ) -> Self {
        let agrees = match joint {
            Some(joint) => !is_small && joint == plaintext,
            None => protects,
        };
        Self { what, joint, plaintext, agrees }
    }

    /// Returns the relative difference; none if the joint result is withheld.
    pub(super) fn difference(&self) -> Option<f64> {
        self.joint.map(|joint| relative(joint, self.plaintext))
    }

    fn document(&self) -> Value {
        json!({
            "what": self.what,
            "joint": self.joint,
            "plaintext": self.plaintext,
            "relative_difference": self.difference(),
            "agrees": self.agrees,
        })
    }
}

impl Step {
    pub(super) fn agrees(&self) -> bool {
        self.findings.iter().all(|finding| finding.agrees)
    }

    pub(super) fn document(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::document).collect();
        json!({
            "what": self.what,
            "function": self.function,
            "findings": findings,
            "report": self.report,
        })
    }
}

fn relative(a: f64, b: f64) -> f64 {
    if a == b {
        return 0.0;
    }
    (a - b).abs() / a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cells_and_those_that_protect_them_may_be_withheld() {
        let agrees = |joint, plaintext: f64, protects| {
            Finding::cell(String::new(), joint, (plaintext, plaintext < 5.0), protects).agrees
        };
        assert!(
            agrees(None, 4.0, true) && agrees(None, 50.0, true) && agrees(Some(5.0), 5.0, true)
        );
        assert!(!agrees(Some(4.0), 4.0, true) && !agrees(Some(6.0), 5.0, true));
        assert!(!agrees(None, 50.0, false), "where no cell is small all are shown");
    }

    #[test]
    fn a_difference_shows() {
        let next = 1.0 + f64::EPSILON;
        assert!(!Finding::exact(String::new(), 1.0, next).agrees);
        assert!(Finding::near(String::new(), 1.0, next).agrees);
        assert!(!Finding::near(String::new(), 1.0, 1.0 + 1e-11).agrees);
        assert!(!Finding::near(String::new(), f64::NAN, 1.0).agrees);
    }
}
