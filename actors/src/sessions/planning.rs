//! Everything that a computation needs, put together: the spec that its party proposes, who is who,
//! and the ways to the other parties.

use actix::{AsyncContext, Context};
use cloister_protocols::computation::Request;
use cloister_protocols::machine::Setting;
use cloister_protocols::party::{Parties, Party};
use cloister_protocols::session::{MemberId, Offer, Spec};
use cloister_protocols::wire::SessionId;

use super::{Launch, Sessions, Waiting};
use crate::computation::{Plan, Route};

impl Sessions {
    /// The plan of a computation whose links are all there. None if we are not among its members.
    pub(super) fn plan(
        &self,
        waiting: Waiting,
        (session, run): (SessionId, u64),
        quiet: bool,
        context: &Context<Self>,
    ) -> Option<Plan> {
        let Waiting { launch, reply } = waiting;
        let Launch { ticket, request, terms, started, reporter, trace } = launch;
        let positions = ticket.members();
        let mine = positions.iter().position(|position| *position == self.me)?;
        let parties = Parties::new(positions.len(), mine)?;
        let inputs = positions.len().saturating_sub(ticket.helpers());
        let setting = Setting {
            parties,
            session,
            link_bindings: self.link_bindings(positions),
            limit: request.inbox_bytes(positions.len()),
        };
        let spec = self.spec(&request, (positions, ticket.helpers()), (ticket.network(), run));
        let names = spec.members.iter().map(|member| member.name.clone()).collect();
        // Who helps has been asked for just that, and has agreed to it.
        let serves = mine >= inputs || self.committee.serve;
        let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
        Some(Plan {
            offer: Offer {
                spec,
                rules: terms.rules,
                deadline_ms,
                serves,
                source: terms.origin,
                audit: terms.audit,
            },
            request,
            setting,
            routes: self.routes(positions),
            stores: self.stores.clone(),
            quiet,
            members: names,
            profile: self.profile.name(),
            started,
            reply,
            reporter,
            trace,
            ended: context.address().recipient(),
            guard: Box::new(ticket),
        })
    }

    /// What we propose: this request, of these members, of whom the last ones help, as this run of
    /// their network.
    pub(super) fn spec(
        &self,
        request: &Request,
        (members, helpers): (&[usize], usize),
        (network, run): (&str, u64),
    ) -> Spec {
        let members: Vec<MemberId> = members.iter().filter_map(|p| self.member(*p)).collect();
        Spec {
            function: request.function().name.to_owned(),
            parameters: request.parameters(),
            shape: request.shape(),
            members,
            helpers: helpers as u64,
            suite: request.suite().to_owned(),
            network: network.to_owned(),
            run,
        }
    }

    pub(super) fn link_bindings(&self, members: &[usize]) -> Vec<[u8; 32]> {
        let up = |position: &usize| self.links.get(position).and_then(|link| link.up.as_ref());
        members.iter().map(|position| up(position).map_or([0; 32], |up| up.binding)).collect()
    }

    fn routes(&self, members: &[usize]) -> Vec<(Party, Route)> {
        let route = |(index, position): (usize, &usize)| {
            let link = self.links.get(position)?;
            let up = link.up.as_ref()?;
            let (epoch, cpu_time) = (up.epoch, up.cpu_time.clone());
            let (party, address) = (Party::new(index)?, &link.address);
            let (link, stop) = (address.clone().recipient(), address.clone().recipient());
            Some((party, Route { link, stop, epoch, cpu_time }))
        };
        members.iter().enumerate().filter_map(route).collect()
    }
}
