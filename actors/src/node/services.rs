//! The node's state, opened, and its microservices on the bus.

use std::sync::Arc;

use actix::{Actor, Addr, Message, Recipient};
use actix_web::web;
use cloister_protocols::wire::VERSION;
use cloister_vault::Vault;
use serde_json::json;

use super::StartError;
use crate::bus::{Bus, Offer, Register, Sibling};
use crate::controller::{Controller, Uploads};
use crate::log::{self, Log};
use crate::management;
use crate::policy::{Decide, Policy};
use crate::records::{Begun, Finished, Records};
use crate::services::approvals::{self, Approvals};
use crate::services::audit::{self, Audit};
use crate::services::barrier::{self, Barrier};
use crate::services::broadcast::{self, Broadcast};
use crate::services::datasets::{self, CountRefusal, Datasets, Obtain, Restore};
use crate::services::registry::{self, Books, Registry};
use crate::services::simon::{self, NodeHandles, Simon};
use crate::services::storage::{self, KeyValueStorage};
use crate::sessions::{Decline, Launch, Reserve, Sessions};
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::flight::FlightBudget;
use crate::vocabulary::object::{Call, Interface, Object};
use crate::vocabulary::room::Rooms;
use crate::vocabulary::settings::Settings;

/// The address of the sessions on the bus.
pub const SESSIONS: &str = "sessions";

/// The address of the policy on the bus.
pub const POLICY: &str = "policy";

/// The address of the datasets on the bus.
pub const DATASETS: &str = "datasets";

/// The address of the records on the bus.
pub(super) const RECORDS: &str = "records";

/// The state of the node, open.
pub(super) struct State {
    pub(super) vault: Vault,
    pub(super) log: Log,
    pub(super) access: Arc<cloister_sources::Access>,
}

impl State {
    /// Opens the state, writes down that the node starts, and registers the datasets of the
    /// settings.
    pub(super) async fn open(settings: &Settings) -> Result<Self, StartError> {
        let (folder, party) = (settings.state.clone(), settings.party.clone());
        let access = Arc::new(settings.sources());
        let reach = Arc::clone(&access);
        let declarations = settings.datasets.clone();
        let opened = web::block(move || {
            let vault = Vault::open(&folder)?;
            let log = Log::new(vault.clone());
            let started = json!({
                "party": party, "version": env!("CARGO_PKG_VERSION"), "wire": VERSION,
            });
            log.record_blocking(log::Kind::Started, started)?;
            Books::new(vault.clone(), log.clone(), reach).adopt(&declarations);
            Ok::<_, StartError>((vault, log))
        });
        let (vault, log) = opened.await.map_err(|_| StartError::Actor("the state"))??;
        Ok(Self { vault, log, access })
    }
}

/// The actors that other parts of the node address.
pub(super) struct Started {
    pub(super) controller: Addr<Controller>,
    pub(super) records: Addr<Records>,
    pub(super) simon: Addr<Simon>,
    /// The microservices that the API for people calls.
    pub(super) told: management::Services,
}

/// The parts that microservices are made of.
pub(super) struct Services<'a> {
    pub(super) settings: &'a Settings,
    pub(super) consortium: Arc<Consortium>,
    pub(super) me: usize,
    pub(super) state: &'a State,
    pub(super) flights: FlightBudget,
}

impl Services<'_> {
    pub(super) async fn start(self, sessions: &Addr<Sessions>) -> Result<Started, StartError> {
        let bus = Bus::default().start();
        let State { vault, log, access } = self.state;
        let (vault, log, access) = (vault.clone(), log.clone(), Arc::clone(access));
        let policies = Arc::new(self.settings.policy.clone());
        let limits = &self.settings.limits;
        let policy =
            Policy::new(self.settings.profile, Arc::clone(&policies), vault.clone()).start();
        let books = Books::new(vault.clone(), log.clone(), Arc::clone(&access));
        let datasets = Datasets::new(vault.clone(), log.clone(), policies, access, limits).start();
        offer(&bus, SESSIONS, sessions.clone().recipient::<Launch>()).await?;
        offer(&bus, SESSIONS, sessions.clone().recipient::<Reserve>()).await?;
        offer(&bus, SESSIONS, sessions.clone().recipient::<Decline>()).await?;
        offer(&bus, POLICY, policy.recipient::<Decide>()).await?;
        offer(&bus, DATASETS, datasets.clone().recipient::<Obtain>()).await?;
        offer(&bus, DATASETS, datasets.clone().recipient::<CountRefusal>()).await?;
        let me =
            self.consortium.members().get(self.me).map_or_else(String::new, |m| m.name.clone());
        let cancel = sessions.clone().recipient();
        let records = Records::new(me, self.settings.deadline(), cancel).start();
        offer(&bus, RECORDS, records.clone().recipient::<Begun>()).await?;
        offer(&bus, RECORDS, records.clone().recipient::<Finished>()).await?;
        let rooms = Rooms::new(limits.handles, limits.held_bytes);
        let handles = node_handles(&bus, log.clone(), self.flights, rooms.clone()).await;
        let handles = handles.ok_or(StartError::Actor("a sibling on the bus"))?;
        let simon = Simon::new(self.consortium, self.me, handles, limits).start();
        let barrier = Barrier::default().start().recipient();
        let broadcast = Broadcast::default().start().recipient();
        let storage = KeyValueStorage::default().start().recipient();
        let approvals = Approvals::new(vault.clone(), log).start().recipient();
        let registry = Registry::new(books).start().recipient();
        let audit = Audit::new(vault).start().recipient();
        let told = management::Services {
            datasets: object(&datasets::INTERFACE, datasets.clone().recipient()),
            approvals: object(&approvals::INTERFACE, approvals.clone()),
            audit: object(&audit::INTERFACE, audit.clone()),
        };
        let services = [
            (Simon::description(), object(&simon::INTERFACE, simon.clone().recipient())),
            (Barrier::description(), object(&barrier::INTERFACE, barrier)),
            (Broadcast::description(), object(&broadcast::INTERFACE, broadcast)),
            (KeyValueStorage::description(), object(&storage::INTERFACE, storage)),
            (Datasets::description(), object(&datasets::INTERFACE, datasets.clone().recipient())),
            (Approvals::description(), object(&approvals::INTERFACE, approvals)),
            (Registry::description(), object(&registry::INTERFACE, registry)),
            (Audit::description(), object(&audit::INTERFACE, audit)),
        ];
        let gone = |_| StartError::Actor("the bus");
        for (description, object) in services {
            bus.send(Register { description, object }).await.map_err(gone)?;
        }
        let kept =
            datasets.send(Restore).await.map_err(|_| StartError::Actor("the datasets"))??;
        let keep = datasets.clone().recipient();
        let uploads = Uploads { keep, forget: datasets.recipient() };
        let controller = Controller::new(bus, uploads, kept, limits, rooms).start();
        Ok(Started { controller, records, simon, told })
    }
}

/// Makes a sibling known under an address.
async fn offer<M>(
    bus: &Addr<Bus>,
    address: &'static str,
    recipient: Recipient<M>,
) -> Result<(), StartError>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    let offered = bus.send(Offer { address, recipient }).await;
    offered.map_err(|_| StartError::Actor("the bus"))
}

async fn node_handles(
    bus: &Addr<Bus>,
    log: Log,
    flights: FlightBudget,
    rooms: Rooms,
) -> Option<NodeHandles> {
    Some(NodeHandles {
        launch: bus.send(Sibling::<Launch>::at(SESSIONS)).await.ok()??,
        reserve: bus.send(Sibling::<Reserve>::at(SESSIONS)).await.ok()??,
        decline: bus.send(Sibling::<Decline>::at(SESSIONS)).await.ok()??,
        decide: bus.send(Sibling::<Decide>::at(POLICY)).await.ok()??,
        obtain: bus.send(Sibling::<Obtain>::at(DATASETS)).await.ok()??,
        count_refusal: bus.send(Sibling::<CountRefusal>::at(DATASETS)).await.ok()??,
        begun: bus.send(Sibling::<Begun>::at(RECORDS)).await.ok()??,
        finished: bus.send(Sibling::<Finished>::at(RECORDS)).await.ok()??,
        log,
        flights,
        rooms,
    })
}

fn object(interface: &'static Interface, recipient: Recipient<Call>) -> Object {
    Object { interface, recipient, key: 0 }
}
