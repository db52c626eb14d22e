//! The entries of a computation in the audit log: what was asked, refused, and how it ended. No value
//! stands in them.

use cloister_protocols::computation::Request;
use serde_json::{Map, Value, json};

use crate::computation::Conclusion;
use crate::log::{self, Log};
use crate::progress::Reporter;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Report;

/// Writes down that a computation was refused, and returns the refusal.
pub(super) async fn refused(
    log: &Log,
    account: &Value,
    refusal: ApiError,
) -> Result<ApiError, ApiError> {
    let entry = with(account, json!({"code": refusal.code()}));
    let principal = account.get("principal").and_then(Value::as_str).unwrap_or_default();
    log.record_refusal(principal, entry).await.map(|()| refusal)
}

/// Names the principal at this node that cancelled it, for the log.
pub(super) fn cancelled_by(reporter: &Reporter) -> Value {
    match reporter.cancelled_by() {
        Some(by) => json!({"cancelled_by": by.as_ref()}),
        None => json!({}),
    }
}

/// Returns the parameters for the log, with a hash in the place of a long one, such as a list.
pub(super) fn written_parameters(request: &Request) -> Value {
    const LONG: usize = 1_000;
    let written = |(name, text): (String, String)| match text.len() {
        0..=LONG => (name, json!(text)),
        _ => (name, json!(format!("blake3 {}", blake3::hash(text.as_bytes()).to_hex()))),
    };
    Value::Object(request.parameters().into_iter().map(written).collect())
}

/// Describes the end of a computation for the log. A hash stands for the result, by which members
/// can compare the results that they opened.
pub(super) fn ended(conclusion: &Conclusion) -> Value {
    let outcome = match &conclusion.result {
        Ok(report) => json!({
            "result": result_hash(report),
            "suite": report.security.suite,
            "cost": report.cost,
        }),
        Err(failure) => {
            let error = failure.to_error();
            json!({"code": error.code(), "message": error.to_string()})
        }
    };
    let agreement = conclusion.agreement.as_ref().map_or_else(|| json!({}), log::agreed);
    with(&outcome, agreement)
}

pub(super) fn lost(error: &ApiError) -> Value {
    json!({"code": error.code()})
}

fn result_hash(report: &Report) -> String {
    // An answer can always be written. If it could not, its hash would be that of no bytes, and say
    // so.
    let bytes = serde_json::to_vec(&report.result).unwrap_or_default();
    blake3::hash(&bytes).to_hex().to_string()
}

/// Joins two objects.
pub(super) fn with(one: &Value, other: Value) -> Value {
    let mut all: Map<String, Value> = one.as_object().cloned().unwrap_or_default();
    if let Value::Object(other) = other {
        all.extend(other);
    }
    Value::Object(all)
}
