//! The end of a computation while its observers panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::Addr;
use cloister_protocols::catalogue;
use cloister_protocols::computation::Input;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::party::Parties;
use cloister_protocols::session::{ColumnKinds, Member, MemberId, Origin, Roles, Spec};
use cloister_protocols::wire::SessionId;
use tokio::sync::oneshot;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::vocabulary::code::Code;

/// The link to a peer, which keeps the notices.
#[derive(Default)]
struct Link {
    notices: Vec<StopNotice>,
}

#[derive(Message)]
#[rtype(result = "Vec<StopNotice>")]
struct Sent;

impl Actor for Link {
    type Context = Context<Self>;
}

impl Handler<Transmit> for Link {
    type Result = ();

    fn handle(&mut self, _: Transmit, _: &mut Self::Context) {}
}

impl Handler<SendStop> for Link {
    type Result = ();

    fn handle(&mut self, stop: SendStop, _: &mut Self::Context) {
        self.notices.extend(StopNotice::decoded(&stop.notice));
    }
}

impl Handler<Sent> for Link {
    type Result = Vec<StopNotice>;

    fn handle(&mut self, _: Sent, _: &mut Self::Context) -> Self::Result {
        std::mem::take(&mut self.notices)
    }
}

/// A witness that knows of no chain.
struct NoChains;

impl Witness for NoChains {
    fn hear(&self, _: &[(String, AuditHead)]) -> Option<Failure> {
        None
    }

    fn remember(&self, _: Vec<(String, AuditHead)>) {}
}

/// A subscriber that panics at each event.
struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("a subscriber panics");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn way(link: &Addr<Link>) -> (Recipient<Transmit>, Recipient<SendStop>) {
    (link.clone().recipient(), link.clone().recipient())
}

/// Makes the plan of party `me` of two, with a way to the other.
pub(super) fn plan(
    me: usize,
    (link, stop): (Recipient<Transmit>, Recipient<SendStop>),
    reply: oneshot::Sender<Conclusion>,
) -> Plan {
    let function = catalogue::find("SecureSum").unwrap();
    let input = Input::Numbers(vec![1.0]);
    let roles = Roles::of_parties(2).unwrap();
    let request = Request::new(function, &Parameters::default(), input, 0, &roles).unwrap();
    let id = |name: &str| MemberId { name: name.into(), fingerprint: [0; 32] };
    let spec = Spec {
        function: function.name.into(),
        parameters: request.parameters(),
        shape: request.shape(),
        members: Member::with_roles(["a", "b"].map(id).into(), &roles).unwrap(),
        suite: request.suite().name().into(),
        network: "study".into(),
        run: 7,
    };
    let offer = Offer {
        roster: spec.ids().cloned().collect(),
        spec,
        rules: Profile::Teaching.rules(),
        listed: Vec::new(),
        deadline_ms: 1_000,
        serves: true,
        source: Origin::None,
        kinds: ColumnKinds::default(),
        audit: AuditHead::default(),
        seen: Vec::new(),
        earlier: Vec::new(),
        kept: None,
    };
    let setting = Setting {
        parties: Parties::new(2, me).unwrap(),
        session: SessionId([1; 16]),
        link_bindings: vec![[0; 32]; 2],
        limit: 1 << 20,
    };
    let farewell =
        Farewell::new(setting.session, offer.spec.clone(), vec![stop.clone()], reply, Box::new(()));
    let route = Route { link, stop, epoch: 0, cpu_time: CpuTime::default() };
    Plan {
        offer,
        request,
        setting,
        routes: vec![(Party::new(1 - me).unwrap(), route)],
        stores: CorrelationStore::default(),
        quiet: false,
        members: ["a", "b"].map(str::to_owned).into(),
        profile: "teaching",
        started: Instant::now(),
        farewell,
        reporter: Reporter::unobserved(),
        trace: None,
        witness: Box::new(NoChains),
        turn: None,
    }
}

/// Makes the plan of party `a`, with a way to a peer that says nothing.
pub(crate) fn plan_of_one(reply: oneshot::Sender<Conclusion>) -> Plan {
    plan(0, way(&Link::default().start()), reply)
}

#[actix_rt::test]
async fn peers_and_client_hear_of_the_end_though_a_subscriber_panics() {
    let link = Link::default().start();
    let (reply, told) = oneshot::channel();
    let live = Live::new(plan(0, way(&link), reply));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        tracing::subscriber::with_default(Panics, || {
            // Another test's subscriber may have had the event switched off while this one began.
            tracing::callsite::rebuild_interest_cache();
            live.end(Err(Failure::Stopping));
        });
    }));
    assert!(ended.is_err());
    let notices = link.send(Sent).await.unwrap();
    let told_of: Vec<_> = notices.iter().map(|notice| (notice.run, &*notice.code)).collect();
    assert_eq!(told_of, [(7, Code::NodeStopping.text())]);
    assert_eq!(told.await.unwrap().result.unwrap_err(), Failure::Broken);
}

#[actix_rt::test]
async fn a_computation_that_is_dropped_says_that_it_broke_off() {
    let link = Link::default().start();
    let (reply, told) = oneshot::channel();
    drop(Live::new(plan(0, way(&link), reply)));
    let notices = link.send(Sent).await.unwrap();
    let told_of: Vec<_> = notices.iter().map(|notice| notice.code.as_str()).collect();
    assert_eq!(told_of, [Code::Internal.text()]);
    assert_eq!(told.await.unwrap().result.unwrap_err(), Failure::Broken);
}
