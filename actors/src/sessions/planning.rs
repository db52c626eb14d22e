//! The plan of a computation: the spec that this party proposes, the parties, and the routes to
//! them.

use std::time::Duration;

use cloister_protocols::machine::Setting;
use cloister_protocols::party::{Parties, Party};
use cloister_protocols::session::{ColumnKinds, Offer};
use cloister_protocols::wire::SessionId;

use super::witness::SeenChains;
use super::{Launch, Sessions, Waiting};
use crate::computation::{Farewell, Plan, Route};

impl Sessions {
    /// Makes the plan of a computation whose links are all there. Returns none if this node is not
    /// among its members.
    pub(super) fn plan(
        &self,
        waiting: Waiting,
        session: SessionId,
        number: u64,
        quiet: bool,
    ) -> Option<Plan> {
        let Waiting { launch, reply } = waiting;
        let Launch { reservation, request, terms, turn, started, reporter, trace } = launch;
        let positions = reservation.members();
        let mine = positions.iter().position(|position| *position == self.me)?;
        let parties = Parties::new(positions.len(), mine)?;
        let setting = Setting {
            parties,
            session,
            link_bindings: self.link_bindings(positions),
            limit: request.inbox_bytes(positions.len()),
        };
        let spec = self.table.spec(&request, positions, reservation.network(), number)?;
        let members: Vec<String> = spec.ids().map(|member| member.name.clone()).collect();
        let (log, me, losses) = (self.log.clone(), self.name(self.me), reservation.losses());
        let witness = SeenChains::new(log, me, terms.remembers, losses, !quiet);
        let helps = !request.roles().brings_data(parties.me());
        let offer = Offer {
            spec,
            roster: self.table.roster().clone(),
            rules: terms.rules,
            listed: self.thresholds.listed(),
            deadline_ms: milliseconds(self.deadline),
            // A helper was asked to serve, and has consented.
            serves: helps || self.committee.serve,
            source: terms.origin,
            kinds: ColumnKinds::default(),
            audit: terms.audit,
            seen: witness.seen(&members),
            // The request names them, and the kinds.
            earlier: Vec::new(),
            kept: None,
        };
        let routes = self.routes(positions);
        let stops = routes.iter().map(|(_, route)| route.stop.clone()).collect();
        let spec = offer.spec.clone();
        let farewell = Farewell::new(session, spec, stops, reply, Box::new(reservation));
        Some(Plan {
            offer,
            request,
            setting,
            routes,
            stores: self.stores.clone(),
            quiet,
            members,
            profile: self.thresholds.profile().name(),
            started,
            farewell,
            reporter,
            trace,
            witness: Box::new(witness),
            turn,
        })
    }

    /// Returns the link binding of each member's connection, in order.
    pub(super) fn link_bindings(&self, members: &[usize]) -> Vec<[u8; 32]> {
        let mut bindings = Vec::with_capacity(members.len());
        for position in members {
            let up = self.links.get(position).and_then(|link| link.up.as_ref());
            bindings.push(up.map_or([0; 32], |up| up.binding));
        }
        bindings
    }

    fn routes(&self, members: &[usize]) -> Vec<(Party, Route)> {
        let members = members.iter().enumerate();
        members.filter_map(|(index, position)| self.route(index, *position)).collect()
    }

    fn route(&self, index: usize, position: usize) -> Option<(Party, Route)> {
        let link = self.links.get(&position)?;
        let up = link.up.as_ref()?;
        let route = Route {
            link: link.address.clone().recipient(),
            stop: link.address.clone().recipient(),
            epoch: up.epoch,
            cpu_time: up.cpu_time.clone(),
        };
        Some((Party::new(index)?, route))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
