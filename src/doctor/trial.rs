//! A trial computation on public numbers.

use cloister_client::{CallError, Consortium, Data, Failed, Job, check_agreement};
use serde_json::{Value, json};

use super::Check;

/// Each party brings the numbers from 1 to this one: enough rows for the rules of most consortia.
const NUMBERS: u32 = 20;

/// The name of this check.
const TRIAL: &str = "trial";

pub(super) async fn compute(consortium: &Consortium) -> Check {
    let numbers: Vec<u32> = (1..=NUMBERS).collect();
    let parties = consortium.members().len();
    let data = vec![Data::Values(json!(numbers)); parties];
    let parties = u32::try_from(parties).unwrap_or(u32::MAX);
    let expected = f64::from(parties) * f64::from(numbers.iter().sum::<u32>());
    let reports = consortium.compute(&Job::new("SecureSum"), data, |_, _| {}).await;
    let reports = match reports.all() {
        Ok(reports) => reports,
        Err(failed) => return refused(&failed),
    };
    if let Err(problem) = check_agreement(&reports) {
        let remedy = "trust no result of these nodes before it is known which of them lies";
        return Check::failed(TRIAL, problem.to_string(), (remedy, "all"));
    }
    let sum = reports.first().and_then(|(_, report)| report.result.get("sum").cloned());
    if sum.as_ref().and_then(Value::as_f64) != Some(expected) {
        let what = format!("the sum of known numbers is {}, not {expected}", json!(sum));
        let remedy = "trust no result of these nodes, and report this";
        return Check::failed(TRIAL, what, (remedy, "all"));
    }
    let seconds = reports.iter().map(|(_, report)| report.cost.seconds).fold(0.0, f64::max);
    Check::ok(TRIAL, format!("a sum of known numbers, as expected, in {seconds:.3} s"))
}

/// Skips the trial: nothing can be computed with a node that does not answer, or over a line that
/// fails.
pub(super) fn impossible() -> Check {
    Check::skipped(TRIAL, "nothing was computed, because a node or a line needs mending first")
}

fn refused(failed: &Failed) -> Check {
    let refusal = failed.parties.iter().find_map(|(party, error)| match error {
        CallError::Refused(refusal) => Some((party, refusal)),
        _ => None,
    });
    match refusal {
        Some((_, refusal)) if refusal.error.code == "refused_by_disclosure_rules" => {
            let what = format!("the rules of these nodes forbid it: {}", refusal.error.message);
            let remedy = "nothing, if the consortium is meant to be so small";
            Check::warning(TRIAL, what, (remedy, "all"))
        }
        Some((party, refusal)) => {
            let who = refusal.error.party.as_deref().unwrap_or(party);
            let what = format!("{party}: {}", refusal.error.message);
            Check::failed(TRIAL, what, (&refusal.error.hint, who))
        }
        None => {
            let told: Vec<String> =
                failed.parties.iter().map(|(party, error)| format!("{party}: {error}")).collect();
            let remedy = "see what was found above, and the nodes' logs";
            Check::failed(TRIAL, told.join("; "), (remedy, "all"))
        }
    }
}
