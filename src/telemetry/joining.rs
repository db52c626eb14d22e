//! One trace for each joint computation: its id is the session's, which all nodes know.
//!
//! The nodes' spans stand beside each other in the trace, as the nodes do: none has a parent.

use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The attribute with the session's id in hexadecimal.
const SESSION: &str = "session";

/// Puts spans into the traces of their sessions, and hands them on.
///
/// It does so here and not when a span begins. Then a trace's id can be given to a span only
/// together with a parent, and viewers would look for a parent that is never sent.
#[derive(Debug)]
pub(super) struct Joining<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Joining<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(join);
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Puts a span into the trace of its session. A span without a session keeps its own trace.
fn join(span: &mut SpanData) {
    let session = span.attributes.iter().find(|attribute| attribute.key.as_str() == SESSION);
    let id = session.and_then(|session| TraceId::from_hex(&session.value.as_str()).ok());
    let Some(id) = id.filter(|id| *id != TraceId::INVALID) else { return };
    let own = &span.span_context;
    span.span_context = SpanContext::new(
        id,
        own.span_id(),
        own.trace_flags(),
        own.is_remote(),
        own.trace_state().clone(),
    );
}
