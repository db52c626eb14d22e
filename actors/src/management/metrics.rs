//! Metrics for the operators of many nodes, as Prometheus reads them.
//!
//! They count and measure computations and links. Nothing depends on any party's data but the time
//! that a computation took. The client that asked for it sees that, too.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

use super::node::days_left;
use super::{Admitted, Answer, ManagementState};
use crate::controller::{endpoint, healthy, ready};
use crate::records::{AskLoad, AskTotals, Load};
use crate::sessions::LookAtLinks;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Right;

type Level = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Peer {
    peer: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ending {
    function: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Release {
    version: &'static str,
    party: String,
}

/// Adds the routes of a listener of its own: health and metrics, for any caller that reaches it.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(endpoint("/healthz", "GET").route(web::get().to(healthy)))
        .service(endpoint("/readyz", "GET").route(web::get().to(ready)))
        .service(endpoint("/metrics", "GET").route(web::get().to(open)));
}

/// Returns the metrics on the API's own listener, to principals that may see the computations of
/// others.
pub(super) async fn guarded(caller: Admitted) -> Answer {
    if !caller.api.authenticator.is_open() {
        caller.principal.check(Right::Observe)?;
    }
    caller.state.metrics().await
}

async fn open(state: web::Data<ManagementState>) -> Answer {
    state.metrics().await
}

impl ManagementState {
    async fn metrics(&self) -> Answer {
        let mut registry = Registry::with_prefix("cloister");
        self.of_node(&mut registry);
        self.of_computations(&mut registry).await?;
        self.of_links(&mut registry).await?;
        let mut text = String::new();
        encode(&mut text, &registry)
            .map_err(|error| ApiError::internal(format!("metrics: {error}")))?;
        let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, media))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text))
    }

    fn of_node(&self, registry: &mut Registry) {
        let facts = self.facts();
        let release = Family::<Release, Level>::default();
        let (version, party) = (env!("CARGO_PKG_VERSION"), facts.party.clone());
        release.get_or_create(&Release { version, party }).set(1.0);
        registry.register("node", "Which party's node, of which release", release);
        let started = Level::default();
        started.set(seconds(facts.started));
        registry.register("start_time", "When the node was started", started);
        let days = Level::default();
        days.set(whole(days_left(facts.not_after)));
        registry.register("certificate_days_left", "Days until the node's certificate ends", days);
    }

    async fn of_computations(&self, registry: &mut Registry) -> Result<(), ApiError> {
        let Load { running, waiting } = self.of_records(AskLoad).await?;
        let (runs, waits) = (Level::default(), Level::default());
        runs.set(count(running));
        waits.set(count(waiting));
        registry.register("computations_running", "Computations under way", runs);
        registry.register("computations_waiting", "Computations that wait for links", waits);
        let totals = self.of_records(AskTotals).await?;
        let ended = Family::<Ending, Counter>::default();
        for ((function, outcome), number) in &totals.ended {
            let (function, outcome) = (*function, *outcome);
            ended.get_or_create(&Ending { function, outcome }).inc_by(*number);
        }
        registry.register("computations", "Computations that have ended", ended);
        let sum = |value: u64| {
            let counter = Counter::<u64>::default();
            counter.inc_by(value);
            counter
        };
        registry.register("rounds", "Rounds of computations that have ended", sum(totals.rounds));
        let (sent, received) = (sum(totals.bytes_sent), sum(totals.bytes_received));
        registry.register_with_unit("sent", "Sent in computations", Unit::Bytes, sent);
        registry.register_with_unit("received", "Received in computations", Unit::Bytes, received);
        let spent = Counter::<f64, AtomicU64>::default();
        spent.inc_by(totals.seconds);
        let help = "How long computations took that have ended";
        registry.register_with_unit("computing", help, Unit::Seconds, spent);
        Ok(())
    }

    async fn of_links(&self, registry: &mut Registry) -> Result<(), ApiError> {
        let up = Family::<Peer, Level>::default();
        let round_trip = Family::<Peer, Level>::default();
        let days = Family::<Peer, Level>::default();
        let facts = self.facts();
        for link in self.of_sessions(LookAtLinks).await? {
            let member = facts.consortium.members().get(link.position);
            let peer = Peer { peer: member.map_or_else(String::new, |member| member.name.clone()) };
            up.get_or_create(&peer).set(if link.up { 1.0 } else { 0.0 });
            if let Some(time) = link.round_trip {
                round_trip.get_or_create(&peer).set(time.as_secs_f64());
            }
            if let Some(not_after) = link.not_after {
                days.get_or_create(&peer).set(whole(days_left(not_after)));
            }
        }
        registry.register("link_up", "Whether the link to a member is up", up);
        let help = "How long a word takes to a member and back";
        registry.register_with_unit("link_round_trip", help, Unit::Seconds, round_trip);
        registry.register(
            "peer_certificate_days_left",
            "Days until a member's certificate ends",
            days,
        );
        Ok(())
    }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn whole(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}
