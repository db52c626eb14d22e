//! A node that hears, in the agreement, of entries of its chain that it does not have.

use std::sync::{Arc, Mutex, mpsc};

use actix::{Actor, Addr, MessageResult};
use actix_rt::Arbiter;
use cloister_protocols::computation::compute;
use cloister_protocols::machine::{Machine, Outgoing};
use cloister_protocols::wire::PartHeader;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::sync::oneshot;

use super::end_tests::plan;
use super::*;
use crate::vocabulary::code::Code;

/// The link to the peer, which keeps what is sent over it.
#[derive(Default)]
struct Link {
    messages: Vec<Outgoing>,
    codes: Vec<String>,
}

#[derive(Message)]
#[rtype(result = "(Vec<Outgoing>, Vec<String>)")]
struct Sent;

impl Actor for Link {
    type Context = Context<Self>;
}

impl Handler<Transmit> for Link {
    type Result = ();

    fn handle(&mut self, transmit: Transmit, _: &mut Self::Context) {
        self.messages.push(transmit.message);
    }
}

impl Handler<SendStop> for Link {
    type Result = ();

    fn handle(&mut self, stop: SendStop, _: &mut Self::Context) {
        self.codes.extend(StopNotice::decoded(&stop.notice).map(|notice| notice.code));
    }
}

impl Handler<Sent> for Link {
    type Result = MessageResult<Sent>;

    fn handle(&mut self, _: Sent, _: &mut Self::Context) -> Self::Result {
        MessageResult((std::mem::take(&mut self.messages), std::mem::take(&mut self.codes)))
    }
}

type Heads = Vec<(String, AuditHead)>;

/// A witness that keeps what it is told, and refuses or not.
#[derive(Clone, Default)]
struct Keeps {
    heard: Arc<Mutex<Vec<Heads>>>,
    remembered: Arc<Mutex<Vec<Heads>>>,
    refusal: Option<Failure>,
}

impl Witness for Keeps {
    fn hear(&self, told: &[(String, AuditHead)]) -> Option<Failure> {
        self.heard.lock().unwrap().push(told.to_vec());
        self.refusal.clone()
    }

    fn remember(&self, heads: Heads) {
        self.remembered.lock().unwrap().push(heads);
    }
}

fn head(number: u64) -> AuditHead {
    AuditHead { losses: 0, number, hash: [3; 32] }
}

/// A computation of party `a` that has the proposal of `b`.
struct Begun {
    computation: Addr<Computation>,
    link: Addr<Link>,
    told: oneshot::Receiver<Conclusion>,
    peer: Machine<Outcome>,
}

fn part(Outgoing { sequence, tag, body, .. }: Outgoing) -> Part {
    Part { header: PartHeader { sequence, part: 0, last: true, tag }, body }
}

async fn deliver(computation: &Addr<Computation>, peer: &mut Machine<Outcome>) {
    for message in peer.outgoing() {
        let from = Party::new(1).unwrap();
        computation.send(Deliver { from, part: part(message) }).await.unwrap();
    }
}

/// Makes the plan of party `b`, whose own end is told to a link of its own.
fn plan_of_peer() -> Plan {
    let link = Link::default().start();
    plan(1, (link.clone().recipient(), link.recipient()), oneshot::channel().0)
}

/// Starts a computation of party `a`, and gives it the proposal of `b` with its head and the one that
/// it has seen.
async fn with_proposal(witness: &Keeps, audit: AuditHead, seen: AuditHead) -> Begun {
    let link = Link::default().start();
    let route = (link.clone().recipient(), link.clone().recipient());
    let (reply, told) = oneshot::channel();
    let ours = Plan { witness: Box::new(witness.clone()), ..plan(0, route, reply) };
    let theirs = plan_of_peer();
    let mut offer = theirs.offer;
    (offer.audit, offer.seen) = (audit, vec![seen, AuditHead::default()]);
    let mut peer = Machine::new(theirs.setting, move |channel| {
        compute(channel, offer, theirs.request, theirs.stores, UnwrapErr(SysRng))
    });
    peer.step();
    let computation = Computation::new(ours).start();
    deliver(&computation, &mut peer).await;
    Begun { computation, link, told, peer }
}

#[actix_rt::test]
async fn a_node_that_must_not_go_on_sends_nothing_but_its_proposal() {
    let older = Failure::StateOlder { member: "a".into(), witnesses: "b has seen entry 9".into() };
    let witness = Keeps { refusal: Some(older.clone()), ..Keeps::default() };
    let Begun { link, told, .. } = with_proposal(&witness, head(5), head(9)).await;
    assert_eq!(told.await.unwrap().result.unwrap_err(), older);
    let (messages, codes) = link.send(Sent).await.unwrap();
    assert_eq!((messages.len(), codes), (1, vec![Code::StateOlder.text().to_owned()]));
    assert_eq!(*witness.heard.lock().unwrap(), [vec![("b".to_owned(), head(9))]]);
}

#[actix_rt::test]
async fn a_head_is_remembered_once_its_member_has_come_past_the_agreement() {
    let witness = Keeps::default();
    let begun = with_proposal(&witness, head(5), head(9)).await;
    let Begun { computation, link, told: _told, mut peer } = begun;
    let (messages, codes) = link.send(Sent).await.unwrap();
    assert!(messages.len() > 1 && codes.is_empty(), "{}", messages.len());
    // The peer sent its proposal only.
    assert!(witness.remembered.lock().unwrap().is_empty());
    assert_eq!(witness.heard.lock().unwrap().len(), 1);
    let proposal = messages.into_iter().next().unwrap();
    peer.deliver(Party::new(0).unwrap(), part(proposal)).unwrap();
    peer.step();
    deliver(&computation, &mut peer).await;
    assert_eq!(*witness.remembered.lock().unwrap(), [vec![("b".to_owned(), head(5))]]);
}

#[actix_rt::test]
async fn a_number_of_losses_of_after_tomorrow_is_blamed_and_not_written_down() {
    let soon = crate::vocabulary::clock::milliseconds() + 1_000;
    let far = AuditHead { losses: u64::MAX, ..head(5) };
    for (audit, seen) in [(far, head(9)), (head(5), far)] {
        let witness = Keeps::default();
        let Begun { told, .. } = with_proposal(&witness, audit, seen).await;
        let failure = told.await.unwrap().result.unwrap_err();
        assert!(failure.to_error().message().contains("b broke the protocol"), "{failure:?}");
        assert!(witness.heard.lock().unwrap().is_empty());
    }
    let witness = Keeps::default();
    let near = AuditHead { losses: soon, ..head(5) };
    let _begun = with_proposal(&witness, near, near).await;
    assert_eq!(witness.heard.lock().unwrap().len(), 1);
}

/// A witness that says when it is asked, and holds the computation's thread until it may go on.
struct Holds {
    asked: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

impl Witness for Holds {
    fn hear(&self, _: &[(String, AuditHead)]) -> Option<Failure> {
        self.asked.send(()).unwrap();
        // An error is the end of the test.
        let _ = self.go_on.recv();
        None
    }

    fn remember(&self, _: Heads) {}
}

/// The end comes from outside while the step is under way in which the parties agree.
#[actix_rt::test]
async fn a_computation_amid_a_step_is_ended_from_outside_and_sends_nothing_more() {
    let link = Link::default().start();
    let route = (link.clone().recipient(), link.clone().recipient());
    let ((reply, told), (asked, is_asked)) = (oneshot::channel(), mpsc::channel());
    let (release, go_on) = mpsc::channel();
    let witness = Box::new(Holds { asked, go_on });
    let ours = Plan { witness, ..plan(0, route, reply) };
    let early_end = ours.farewell.early_end();
    let theirs = plan_of_peer();
    let mut peer = Machine::new(theirs.setting, move |channel| {
        compute(channel, theirs.offer, theirs.request, theirs.stores, UnwrapErr(SysRng))
    });
    peer.step();
    let worker = Arbiter::new();
    let computation =
        Computation::start_in_arbiter(&worker.handle(), move |_| Computation::new(ours));
    let from = Party::new(1).unwrap();
    for message in peer.outgoing() {
        computation.do_send(Deliver { from, part: part(message) });
    }
    actix_rt::task::spawn_blocking(move || is_asked.recv().unwrap()).await.unwrap();
    early_end.end(&Failure::Stopping);
    let conclusion = told.await.unwrap();
    assert_eq!(conclusion.result.unwrap_err(), Failure::Stopping);
    // Of an agreement that is known an answer may have been opened.
    assert!(conclusion.begun && conclusion.agreement.is_some());
    release.send(()).unwrap();
    // The actor ends after the step.
    while computation.connected() {
        actix_rt::task::yield_now().await;
    }
    let (messages, codes) = link.send(Sent).await.unwrap();
    assert_eq!((messages.len(), codes), (1, vec![Code::NodeStopping.text().to_owned()]));
    worker.stop();
}
