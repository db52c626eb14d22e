//! A node's computations as spans of OpenTelemetry, sent to a collector by OTLP over HTTP.
//!
//! The span is `computation` with its events, which the log has too: function, session, lifecycle,
//! rounds, bytes, and the reason of a failure. Nothing else leaves, whatever is logged. No value,
//! no name of a dataset and no client's name is in it. Spans of preprocessing are not sent.
//!
//! A computation never waits for any of this. Its span goes into a bounded queue, and a thread of
//! its own sends the queue once a second. Spans that do not fit, or are not taken, are dropped.

mod collector;
mod joining;

use std::time::Duration;

use cloister_actors::computation::TARGET;
use cloister_actors::settings::Settings;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits,
};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;

use self::collector::Collector;
use self::joining::Joining;
use crate::logging::Listener;
use crate::problem::{Outcome, Problem};

/// The service's name at the collector, the same at all nodes, and whose spans these are.
const SERVICE: &str = "cloister";

/// The time for which spans wait for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);

/// Spans that may wait; more than the computations that end within a second.
const QUEUE: usize = 4_096;

/// Spans of one request: some hundreds of bytes each, and as much for each event.
const BATCH: usize = 256;

/// Events of one span that are kept, the first ones. A round is one, and some computations have
/// thousands.
const EVENTS: u32 = 128;

/// The time for which a stopping node waits until its last spans are sent.
const LAST: Duration = Duration::from_secs(1);

/// The way to the collector.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Makes the way to the collector that these settings name, if they do, without connecting to
    /// it.
    ///
    /// # Errors
    /// If variables of OpenTelemetry in the environment ask for what there is not.
    pub fn new(settings: &Settings) -> Outcome<Option<Self>> {
        let Some(endpoint) = &settings.telemetry.endpoint else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(endpoint)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.traces())
            .build()
            .map_err(|error| Problem::usage(format!("traces cannot be sent: {error}")))?;
        let limits = BatchConfigBuilder::default()
            .with_scheduled_delay(DELAY)
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .build();
        let queue =
            BatchSpanProcessor::builder(Joining(exporter)).with_batch_config(limits).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_limits(SpanLimits { max_events_per_span: EVENTS, ..SpanLimits::default() })
            .with_resource(resource(&settings.party))
            .with_span_processor(queue)
            .build();
        Ok(Some(Self { provider }))
    }

    /// Returns the layer that listens to spans of this process.
    #[must_use]
    pub fn listener(&self) -> Listener {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false);
        let filter = filter_fn(is_told).with_max_level_hint(LevelFilter::DEBUG);
        layer.with_filter(filter).boxed()
    }

    /// Sends the remaining spans, or drops them after a second.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }
}

/// Computations of clients, and the events in them.
fn is_told(metadata: &Metadata<'_>) -> bool {
    let lowest = if metadata.is_span() { Level::INFO } else { Level::DEBUG };
    metadata.target() == TARGET && *metadata.level() <= lowest
}

/// Returns the resource that sends. No part of it is taken from the machine or its environment.
fn resource(party: &str) -> Resource {
    let attributes = [
        ("service.name", SERVICE),
        ("service.version", env!("CARGO_PKG_VERSION")),
        // A party has one node.
        ("service.instance.id", party),
        ("cloister.party", party),
    ];
    let attributes = attributes.map(|(key, value)| KeyValue::new(key, value.to_owned()));
    Resource::builder_empty().with_attributes(attributes).build()
}
