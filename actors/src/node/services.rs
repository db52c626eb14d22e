//! The node's state, opened, and its microservices on the bus.

use std::sync::Arc;

use actix::{Actor, Addr, Message, Recipient};
use actix_web::web;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::wire::VERSION;
use cloister_vault::Vault;
use serde_json::json;

use super::StartError;
use super::predecessor::open_vault;
use crate::bus::{
    APPROVALS, AUDIT, Bus, DATASETS, POLICY, RECORDS, Register, SESSIONS, SIMON, Siblings,
};
use crate::controller::Controller;
use crate::log::{self, Log};
use crate::policy::{Decide, GiveUseBack, Policy};
use crate::records::{self, AskLoad, AskTotals, Begun, CancelOne, Finished, Inspect, Records};
use crate::services::Quota;
use crate::services::approvals::{self, Approvals};
use crate::services::audit::{self, Audit};
use crate::services::barrier::{self, Barrier};
use crate::services::broadcast::{self, Broadcast};
use crate::services::datasets::{
    self, CountRefusal, Datasets, Forget, Keep, KeepAnswer, Memories, Obtain, Restore, Settle,
};
use crate::services::registry::{self, Books, Registry};
use crate::services::simon::{self, NodeHandles, Simon};
use crate::services::storage::{self, KeyValueStorage};
use crate::sessions::{Cancel, Decline, Launch, Load, LookAtLinks, ProbeMember, Reserve, Sessions};
use crate::vocabulary::consortium::{Consortium, Renewed};
use crate::vocabulary::flight::FlightBudget;
use crate::vocabulary::object::{Call, Interface, Object};
use crate::vocabulary::room::Rooms;
use crate::vocabulary::settings::{CurrentPolicies, NodeThresholds, Settings};
use crate::vocabulary::time_grid::TimeGrid;

/// The state of the node, open.
pub(super) struct State {
    pub(super) vault: Vault,
    pub(super) log: Log,
    pub(super) access: Arc<cloister_sources::Access>,
    pub(super) memories: Memories,
}

impl State {
    /// Opens the state, writes down that the node starts, and registers the datasets of the
    /// settings.
    pub(super) async fn open(settings: &Settings) -> Result<Self, StartError> {
        let (folder, party) = (settings.state.clone(), settings.party.clone());
        let access = Arc::new(settings.sources());
        let reach = Arc::clone(&access);
        let (declarations, policies) = (settings.datasets.clone(), settings.policy.clone());
        let opened = web::block(move || {
            let vault = open_vault(&folder)?;
            let log = Log::new(vault.clone());
            let started = json!({
                "party": party, "version": env!("CARGO_PKG_VERSION"), "wire": VERSION,
            });
            log.record_blocking(log::Kind::Started, started)?;
            for member in vault.contradictions()?.keys() {
                tracing::error!(member, "the state of this node is older than a member has seen");
            }
            let books = Books::new(vault.clone(), log.clone(), reach);
            books.adopt(&declarations);
            books.warn_of_policies(&policies);
            books.warn_of_hosts();
            Ok::<_, StartError>((vault, log))
        });
        let (vault, log) = opened.await.map_err(|_| StartError::Actor("the state"))??;
        let memories = Memories::new(vault.clone());
        Ok(Self { vault, log, access, memories })
    }
}

/// The actors that other parts of the node address.
pub(super) struct Started {
    pub(super) controller: Addr<Controller>,
    pub(super) records: Addr<Records>,
    pub(super) siblings: Siblings,
}

/// The parts that microservices are made of.
pub(super) struct Services<'a> {
    pub(super) settings: &'a Settings,
    pub(super) consortium: Arc<Consortium>,
    pub(super) me: usize,
    pub(super) state: &'a State,
    pub(super) flights: FlightBudget,
    pub(super) policies: CurrentPolicies,
    pub(super) thresholds: NodeThresholds,
}

impl Services<'_> {
    /// Starts the microservices, and makes them known on the bus.
    pub(super) async fn start(self, sessions: &Addr<Sessions>) -> Result<Started, StartError> {
        let bus = Bus::default().start();
        let siblings = Siblings::new(bus.clone());
        let State { vault, log, access, memories } = self.state;
        let (vault, log, access) = (vault.clone(), log.clone(), Arc::clone(access));
        let policies = self.policies;
        let limits = &self.settings.limits;
        let policy = Policy::new(self.thresholds, policies.clone(), vault.clone()).start();
        let books = Books::new(vault.clone(), log.clone(), Arc::clone(&access));
        let kept = (limits, memories.clone());
        let datasets = Datasets::new(vault.clone(), log.clone(), policies, access, kept).start();
        let me =
            self.consortium.members().get(self.me).map_or_else(String::new, |m| m.name.clone());
        let records = Records::new(me, self.settings.deadline(), siblings.clone()).start();
        let rooms = Rooms::new(limits.handles, limits.held_bytes);
        let node = NodeHandles {
            siblings: siblings.clone(),
            log: log.clone(),
            flights: self.flights,
            rooms: rooms.clone(),
            time_grid: match self.settings.profile {
                Profile::Production => TimeGrid::Waits,
                Profile::Teaching => TimeGrid::Off,
            },
        };
        let simon = Simon::new(self.consortium, self.me, node, limits).start();
        let approvals = Approvals::new(vault.clone(), log, memories.clone()).start();
        let audit = Audit::new(vault).start();
        offer_sessions(&siblings, sessions).await?;
        offer_records(&siblings, &records).await?;
        offer(&siblings, POLICY, policy.clone().recipient::<Decide>()).await?;
        offer(&siblings, POLICY, policy.recipient::<GiveUseBack>()).await?;
        offer(&siblings, SIMON, simon.clone().recipient::<Call>()).await?;
        offer(&siblings, SIMON, simon.clone().recipient::<Renewed>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<Call>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<Obtain>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<CountRefusal>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<Settle>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<KeepAnswer>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<Keep>()).await?;
        offer(&siblings, DATASETS, datasets.clone().recipient::<Forget>()).await?;
        offer(&siblings, APPROVALS, approvals.clone().recipient::<Call>()).await?;
        offer(&siblings, AUDIT, audit.clone().recipient::<Call>()).await?;
        let quota = Quota::new(rooms.clone(), self.settings.access.mode);
        let barrier = Barrier::new(quota.clone()).start().recipient();
        let broadcast = Broadcast::new(quota.clone()).start().recipient();
        let storage = KeyValueStorage::new(quota).start().recipient();
        let registry = Registry::new(books).start().recipient();
        let services = [
            (Simon::description(), object(&simon::INTERFACE, simon.recipient())),
            (Barrier::description(), object(&barrier::INTERFACE, barrier)),
            (Broadcast::description(), object(&broadcast::INTERFACE, broadcast)),
            (KeyValueStorage::description(), object(&storage::INTERFACE, storage)),
            (Datasets::description(), object(&datasets::INTERFACE, datasets.clone().recipient())),
            (Approvals::description(), object(&approvals::INTERFACE, approvals.recipient())),
            (Registry::description(), object(&registry::INTERFACE, registry)),
            (Audit::description(), object(&audit::INTERFACE, audit.recipient())),
        ];
        let gone = |_| StartError::Actor("the bus");
        for (description, object) in services {
            bus.send(Register { description, object }).await.map_err(gone)?;
        }
        let kept =
            datasets.send(Restore).await.map_err(|_| StartError::Actor("the datasets"))??;
        let controller = Controller::new(bus, kept, limits, rooms).start();
        Ok(Started { controller, records, siblings })
    }
}

async fn offer_sessions(siblings: &Siblings, sessions: &Addr<Sessions>) -> Result<(), StartError> {
    offer(siblings, SESSIONS, sessions.clone().recipient::<Reserve>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<Launch>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<Decline>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<Cancel>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<Renewed>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<Load>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<LookAtLinks>()).await?;
    offer(siblings, SESSIONS, sessions.clone().recipient::<ProbeMember>()).await
}

async fn offer_records(siblings: &Siblings, records: &Addr<Records>) -> Result<(), StartError> {
    offer(siblings, RECORDS, records.clone().recipient::<Begun>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<Finished>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<records::List>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<Inspect>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<CancelOne>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<AskLoad>()).await?;
    offer(siblings, RECORDS, records.clone().recipient::<AskTotals>()).await
}

/// Makes a sibling known under an address.
async fn offer<M>(
    siblings: &Siblings,
    address: &'static str,
    recipient: Recipient<M>,
) -> Result<(), StartError>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    let offered = siblings.offer(address, recipient).await;
    offered.map_err(|_| StartError::Actor("the bus"))
}

fn object(interface: &'static Interface, recipient: Recipient<Call>) -> Object {
    Object { interface, recipient, key: 0 }
}
