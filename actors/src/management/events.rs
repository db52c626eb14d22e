//! Server-sent events of changes, with the same documents as the other routes.
//!
//! Each listener sees only documents that its principal may see, at most four times a second, and
//! only those that have changed. A computation that lasts a second reports thousands of rounds;
//! people see four of them.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use cloister_api::{AuditHeadEvent, Node};
use futures_util::stream;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::concurrency_limits::ConcurrencyPermit;
use super::{Admitted, Answer};
use crate::records::{Filter, List};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Right;

/// The interval between two looks at the state.
const PACE: Duration = Duration::from_millis(250);

/// The number of looks between two at the documents that seldom change.
const SELDOM: u64 = 8;

/// The time without an event after which an empty one is sent.
const SILENCE: Duration = Duration::from_secs(15);

/// The most computations that are sent.
const MOST: usize = 100;

/// A client that listens.
struct Listener {
    /// The request by which it came in. Its token must still be valid.
    caller: Admitted,
    looks: u64,
    /// The documents that it was sent last, of each kind; of computations, by their names.
    told: BTreeMap<&'static str, Value>,
    computations: BTreeMap<String, Value>,
    last_word: Instant,
    _permit: ConcurrencyPermit,
}

pub(super) async fn listen(caller: Admitted) -> Answer {
    let permit = caller.state.listeners.take(caller.principal.name()).ok_or_else(too_many)?;
    let listener = Listener {
        caller,
        looks: 0,
        told: BTreeMap::new(),
        computations: BTreeMap::new(),
        last_word: Instant::now(),
        _permit: permit,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let words = listener.next().await?;
        Some((Ok::<_, ApiError>(words), listener))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

fn too_many() -> ApiError {
    let message = "as many listen to this node's events as may at a time";
    ApiError::new(Code::TooManySubscribers, message)
        .hint("close another dashboard, or ask the other routes from time to time")
}

impl Listener {
    /// Returns the next events; none when the node is stopping.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.looks > 0 {
                let mut stopping = self.caller.state.stopping.clone();
                if let Ok(Ok(_) | Err(_)) = timeout(PACE, stopping.wait_for(|it| *it)).await {
                    return None;
                }
            }
            // If an actor no longer answers, the node is stopping. A token may no longer be valid.
            let words = self.look().await.ok()?;
            self.looks += 1;
            if !words.is_empty() {
                self.last_word = Instant::now();
                return Some(Bytes::from(words));
            }
            if self.last_word.elapsed() >= SILENCE {
                self.last_word = Instant::now();
                return Some(Bytes::from_static(b": still here\n\n"));
            }
        }
    }

    async fn look(&mut self) -> Result<String, ApiError> {
        let mut words = String::new();
        let seldom = self.looks.is_multiple_of(SELDOM);
        if seldom {
            // A token may have been revoked, or given other roles.
            self.caller.renew().await?;
            let node = self.caller.state.node(&self.caller.api, &self.caller.principal).await?;
            self.tell("node", without_clock(document(&node)), &mut words);
            if self.caller.principal.may(Right::Approve) {
                let approvals = self.caller.state.approvals(&self.caller.principal).await?;
                self.tell("approvals", document(&approvals), &mut words);
            }
            if self.caller.principal.may(Right::ReadAudit) {
                let head = self.caller.state.audit_head(&self.caller.principal).await?;
                self.tell("audit", document(&AuditHeadEvent { head }), &mut words);
            }
        }
        let members = self.caller.state.members().await?;
        self.tell("members", document(&members), &mut words);
        self.tell_computations(&mut words).await?;
        Ok(words)
    }

    fn tell(&mut self, kind: &'static str, document: Value, words: &mut String) {
        if self.told.get(kind) != Some(&document) {
            write(kind, &document, words);
            self.told.insert(kind, document);
        }
    }

    async fn tell_computations(&mut self, words: &mut String) -> Result<(), ApiError> {
        let filter = Filter { limit: Some(MOST), ..Filter::default() };
        let list = List { principal: self.caller.principal.clone(), filter };
        let summaries = self.caller.state.of_records(list).await?;
        let mut now = BTreeMap::new();
        let mut changed = Vec::new();
        for summary in summaries {
            let document = document(&summary);
            if self.computations.get(&summary.id) != Some(&document) {
                changed.push(document.clone());
            }
            now.insert(summary.id, document);
        }
        self.computations = now;
        if !changed.is_empty() || self.looks == 0 {
            write("computations", &json!({"computations": changed}), words);
        }
        Ok(())
    }
}

/// Removes the entries that change by themselves, which are no news.
fn without_clock(mut node: Value) -> Value {
    if let Some(node) = node.as_object_mut() {
        node.retain(|name, _| !Node::RESTLESS.contains(&name.as_str()));
    }
    node
}

fn document(of: &impl Serialize) -> Value {
    serde_json::to_value(of).expect("the documents of the API are JSON")
}

fn write(kind: &str, document: &Value, words: &mut String) {
    // JSON has no line breaks of its own.
    words.push_str(&format!("event: {kind}\ndata: {document}\n\n"));
}
