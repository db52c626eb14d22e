//! Answers that are kept, and given again where all members have kept them of the same question.
//!
//! The answer itself is marked as opened by the protocol only, with the permit of the agreement in which
//! it is given again. The facts that belong to it are those of then.

use std::sync::Arc;

use cloister_api::{Disclosure, ReportCost};
use cloister_protocols::computation::{Dropped, KeptAnswer, Precision, Request, Security};
use cloister_protocols::session::{AnswerId, Roles};
use cloister_protocols::wire::VERSION;
use cloister_vault::Content;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::job::{NodeHandles, Parties};
use crate::bus::{DATASETS, POLICY};
use crate::computation::Conclusion;
use crate::log;
use crate::policy::{GiveUseBack, Grant};
use crate::services::datasets::{KeepAnswer, KeptQuestion};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Report;
use crate::vocabulary::object::Principal;

/// The document of an answer that is kept.
#[derive(Serialize, Deserialize)]
struct Document {
    inputs: usize,
    result: Box<RawValue>,
    security: Security,
    disclosure: Disclosure,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    dropped: Option<Dropped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<Precision>,
    cost: ReportCost,
    session: String,
}

/// Reads an entry that is there, be it null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Dropped>, D::Error> {
    Dropped::deserialize(deserializer).map(Some)
}

/// A question whose answer is to be kept, or given again.
pub(super) struct Kept {
    question: KeptQuestion,
    /// The principal who asks.
    principal: Principal,
    /// The number of losses of this node's state before anything was decided.
    losses: u64,
    /// The facts that belong to the answer that was kept.
    facts: Option<Document>,
}

impl Kept {
    pub(super) fn new(question: KeptQuestion, principal: &Principal, losses: u64) -> Self {
        Self { question, principal: principal.clone(), losses, facts: None }
    }

    /// Returns whether a refusal has to be counted if the answer is not given again.
    pub(super) fn owes_refusal(&self) -> bool {
        self.question.owes_refusal()
    }

    /// Puts the facts of then into a result that is given again, and gives the use of the approval
    /// back. A new answer is kept. Returns the part of this in the log's entry.
    pub(super) async fn conclude(
        self,
        node: &NodeHandles,
        approval: Option<u64>,
        conclusion: &mut Conclusion,
    ) -> Value {
        let (Ok(report), Some(agreement)) = (&mut conclusion.result, &conclusion.agreement) else {
            return json!({});
        };
        if !agreement.kept {
            self.keep(node, agreement.answer, report).await;
            return json!({});
        }
        let losses = self.losses;
        if let Some(facts) = self.facts {
            *report = Arc::new(facts.of_then(report));
        }
        let given_back = match approval {
            Some(id) => give_use_back(node, id, losses).await,
            None => false,
        };
        json!({"kept": true, "use_given_back": given_back})
    }

    /// Keeps an answer. Where that fails, its question is computed again.
    async fn keep(self, node: &NodeHandles, name: AnswerId, report: &Report) {
        let Self { question, principal, losses, .. } = self;
        let kept = match Document::of(report) {
            Ok(document) => {
                let keep = KeepAnswer { question, principal, name, document, losses };
                node.siblings.ask(DATASETS, keep).await.and_then(|kept| kept)
            }
            Err(error) => Err(ApiError::internal(error.to_string())),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "an answer is not kept: its question is computed again");
        }
    }
}

impl Document {
    /// Writes the document of a report.
    fn of(report: &Report) -> serde_json::Result<Content> {
        let document = Self {
            inputs: report.inputs,
            result: to_raw_value(&report.result)?,
            security: report.security.clone(),
            disclosure: report.disclosure.clone(),
            dropped: report.dropped,
            precision: report.precision,
            cost: report.cost.clone(),
            session: report.session.clone(),
        };
        serde_json::to_vec(&document).map(Content::new)
    }

    /// Puts the facts of then in the place of those of an agreement in which nothing was computed.
    fn of_then(self, report: &Report) -> Report {
        let Self { inputs, security, disclosure, dropped, precision, cost, session, .. } = self;
        let result = report.result.clone();
        Report {
            inputs,
            result,
            security,
            disclosure,
            dropped,
            precision,
            cost,
            session,
            kept: true,
            trace: None,
        }
    }
}

/// Returns the hash of all of a question but the selection of rows. The rules are part of it: an
/// answer that others allowed is not given again. So are the members, and the version that computes.
pub(super) fn question(
    (function, parameters): (&str, &str),
    parties: &Parties,
    roles: &Roles,
    grant: &Grant,
) -> [u8; 32] {
    let members: Vec<_> = parties.names.iter().zip(&parties.certificates).collect();
    let all = json!({
        "version": (env!("CARGO_PKG_VERSION"), VERSION),
        "function": function,
        "parameters": parameters,
        "me": parties.me,
        "members": members,
        "roles": log::roles(&parties.names, roles),
        "rules": grant.rules,
        "own rules": format!("{:?}", grant.own),
        "origin": grant.origin,
    });
    blake3::derive_key("cloister 1 question of a kept answer", all.to_string().as_bytes())
}

/// Adds the answer that was kept of a question to the request for it.
pub(super) fn offered(request: Request, kept: Option<Kept>) -> (Request, Option<Kept>) {
    let Some(mut kept) = kept else { return (request, None) };
    let Some((name, document)) = kept.question.take_answer() else { return (request, Some(kept)) };
    match serde_json::from_slice::<Document>(&document) {
        Ok(document) => {
            let answer = KeptAnswer::new(document.result.clone());
            (request.having_kept(name, answer), Some(Kept { facts: Some(document), ..kept }))
        }
        Err(error) => {
            tracing::warn!(%error, "a kept answer cannot be read: its question is computed again");
            (request, Some(kept))
        }
    }
}

/// Gives a use of an approval back whose question was given its kept answer. If that fails, the use
/// is lost. Returns whether the approval has it again.
async fn give_use_back(node: &NodeHandles, id: u64, losses: u64) -> bool {
    let given = node.siblings.ask(POLICY, GiveUseBack { id, losses }).await;
    given.and_then(|given| given).unwrap_or_else(|error| {
        tracing::warn!(%error, "a use of an approval is not given back");
        false
    })
}
