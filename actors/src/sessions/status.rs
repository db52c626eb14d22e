//! The state of the links, and the findings of probes.

use std::time::{Duration, SystemTime};

use actix::{Context, Handler, Message, ResponseFuture};

use super::{Link, Sessions};
use crate::links::{Findings, Probe};

/// The question for the state of all links, in the order of the consortium file.
#[derive(Debug, Message)]
#[rtype(result = "Vec<LinkState>")]
pub struct LookAtLinks;

/// The state of a link.
#[derive(Clone, Debug)]
pub struct LinkState {
    /// The member's position in the consortium file.
    pub position: usize,
    /// The link is up.
    pub up: bool,
    /// The time of the last change, in milliseconds since 1970.
    pub since: u64,
    /// The reason why it is down, with the action to take.
    pub problem: Option<String>,
    /// The number of failed attempts since it was up last.
    pub attempts: u64,
    /// The round trip time.
    pub round_trip: Option<Duration>,
    /// The end of the validity of the peer's certificate.
    pub not_after: Option<SystemTime>,
    /// The release of the peer's software.
    pub release: Option<String>,
}

impl Sessions {
    fn link_state(&self, position: usize, link: &Link) -> LinkState {
        let up = link.up.as_ref();
        LinkState {
            position,
            up: up.is_some(),
            since: link.since,
            problem: up.is_none().then(|| self.table.problem(position)),
            attempts: link.attempts,
            round_trip: up.and_then(|up| up.round_trip.latest()),
            not_after: up.and_then(|up| up.not_after),
            release: up.map(|up| up.release.clone()),
        }
    }
}

impl Handler<LookAtLinks> for Sessions {
    type Result = Vec<LinkState>;

    fn handle(&mut self, _: LookAtLinks, _: &mut Context<Self>) -> Vec<LinkState> {
        let links = self.links.iter();
        links.map(|(position, link)| self.link_state(*position, link)).collect()
    }
}

/// The command to probe the line to a member. It finds nothing where there is no such member.
#[derive(Message)]
#[rtype(result = "Option<Findings>")]
pub struct ProbeMember {
    /// The member's position in the consortium file.
    pub position: usize,
    /// The probe to run.
    pub probe: Probe,
    /// A guard that is dropped when the probe is over.
    pub permit: Box<dyn Send>,
}

impl Handler<ProbeMember> for Sessions {
    type Result = ResponseFuture<Option<Findings>>;

    fn handle(&mut self, probe: ProbeMember, _: &mut Context<Self>) -> Self::Result {
        let link = self.links.get(&probe.position).map(|link| link.address.clone());
        let ProbeMember { probe, permit, .. } = probe;
        Box::pin(async move {
            let findings = link?.send(probe).await.ok();
            drop(permit);
            findings
        })
    }
}
