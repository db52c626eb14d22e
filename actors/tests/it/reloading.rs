//! A running node reads files again, and a new one waits for the end of the one before it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use actix::{Actor, ActorContext, Context, Handler, ResponseActFuture, WrapFuture};
use cloister_actors::bus::{SESSIONS, SIMON};
use cloister_actors::code::Code;
use cloister_actors::consortium::{Consortium, Renewed};
use cloister_actors::node::{Files, Node, Parts};
use cloister_certs::{Fingerprint, Identity, Member, Validity, api_client_config};
use cloister_testkit::nodes::{PATIENCE, Plan, plan};
use futures_util::future::{Either, select};
use std::pin::pin;
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Makes a certificate with its key in this folder.
fn make_certificate(folder: &Path) -> Fingerprint {
    let identity = Identity::create("api", Validity::DEFAULT, SystemTime::now()).unwrap();
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    identity.save(folder).unwrap();
    identity.fingerprint()
}

/// Returns whether the API shows this certificate.
async fn shows(api: SocketAddr, fingerprint: Fingerprint) -> bool {
    let member = Member { name: "api".into(), fingerprints: vec![fingerprint] };
    let config = api_client_config(&member).unwrap();
    let tcp = TcpStream::connect(api).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.is_ok()
}

/// Makes the plan of one node, whose API has a certificate of its own in `folder`.
fn with_certificate(folder: &Path) -> Plan {
    let mut plan = plan(2, PATIENCE);
    plan.set(0, |settings| {
        settings.access.tls = Some(true);
        settings.access.certificate = Some(folder.join("certificate.pem"));
        settings.access.key = Some(folder.join("key.pem"));
    });
    plan
}

#[actix_rt::test]
async fn a_reload_has_the_api_show_the_certificate_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("api");
    let first = make_certificate(&folder);
    let plan = with_certificate(&folder);
    let parts = plan.parts(0);
    let (settings, consortium) = (parts.settings.clone(), parts.consortium.clone());
    let reread = Arc::new(move || {
        let identity = Identity::load(&settings.identity).map_err(|error| error.to_string())?;
        Ok(Files { consortium: consortium.clone(), identity, settings: settings.clone() })
    });
    let node = Node::start(Parts { reread, ..parts }).await.unwrap();
    let api = node.api_address();
    assert!(shows(api, first).await);
    let second = make_certificate(&folder);
    assert!(shows(api, first).await && !shows(api, second).await);
    node.reload().await.unwrap();
    assert!(shows(api, second).await && !shows(api, first).await);
    // A file that cannot be read changes nothing.
    std::fs::write(folder.join("certificate.pem"), "no certificate").unwrap();
    assert!(node.reload().await.unwrap_err().to_string().contains("certificate.pem"));
    assert!(shows(api, second).await);
    node.stop().await;
}

/// Notes the fingerprints of the second member that it is told of, or has stopped.
struct Told(Arc<Mutex<Vec<Vec<Fingerprint>>>>);

impl Actor for Told {
    type Context = Context<Self>;
}

impl Handler<Renewed> for Told {
    type Result = ();

    fn handle(&mut self, Renewed(consortium): Renewed, _: &mut Self::Context) {
        self.0.lock().unwrap().push(consortium.members()[1].fingerprints.clone());
    }
}

/// Stops when it is told anything, without an answer.
struct Broken;

impl Actor for Broken {
    type Context = Context<Self>;
}

impl Handler<Renewed> for Broken {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Renewed, context: &mut Self::Context) -> Self::Result {
        context.terminate();
        Box::pin(std::future::pending().into_actor(self))
    }
}

#[actix_rt::test]
async fn a_reload_that_an_actor_does_not_answer_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, other) = (folder.path().join("api"), folder.path().join("other"));
    let (first, other) = (make_certificate(&first), make_certificate(&other));
    let plan = with_certificate(&folder.path().join("api"));
    let parts = plan.parts(0);
    let (settings, members) = (parts.settings.clone(), parts.consortium.members().to_vec());
    let pinned = members[1].fingerprints.clone();
    let reread = Arc::new(move || {
        let identity = Identity::load(&settings.identity).map_err(|error| error.to_string())?;
        let mut members = members.clone();
        members[1].fingerprints = vec![other];
        let consortium = Consortium::new(members).map_err(|error| error.to_string())?;
        Ok(Files { consortium, identity, settings: settings.clone() })
    });
    let node = Node::start(Parts { reread, ..parts }).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let sessions = Told(Arc::clone(&told)).start();
    node.siblings().offer(SESSIONS, sessions.clone().recipient::<Renewed>()).await.unwrap();
    node.siblings().offer(SIMON, Broken.start().recipient::<Renewed>()).await.unwrap();
    let second = make_certificate(&folder.path().join("api"));
    let error = node.reload().await.unwrap_err();
    assert_eq!(error.code(), Code::NotReloaded);
    assert!(
        error.to_string().contains("nothing was changed") && error.to_string().contains("simon")
    );
    assert!(shows(node.api_address(), first).await && !shows(node.api_address(), second).await);
    // The one that had answered was told of the old members again.
    assert_eq!(*told.lock().unwrap(), [vec![other], pinned]);
    let simon = Told(Arc::default()).start();
    node.siblings().offer(SIMON, simon.recipient::<Renewed>()).await.unwrap();
    node.reload().await.unwrap();
    assert!(shows(node.api_address(), second).await);
    assert_eq!(told.lock().unwrap().last(), Some(&vec![other]));
    node.stop().await;
}

/// The addresses of a node that is stopping are in use for a while.
#[actix_rt::test]
async fn a_node_waits_for_the_addresses_of_the_one_before_it() {
    let plan = plan(2, PATIENCE);
    let before = TcpListener::bind(plan.parts(0).settings.api_listen).unwrap();
    let started = match select(pin!(plan.start(0)), pin!(sleep(Duration::from_millis(300)))).await {
        Either::Left(_) => panic!("its address is in use"),
        Either::Right((_, start)) => {
            drop(before);
            start.await
        }
    };
    started.stop().await;
}

/// A node is told to stop, and the next one starts before the first has stopped.
#[actix_rt::test]
async fn a_node_waits_for_the_state_of_the_one_before_it() {
    let plan = plan(2, PATIENCE);
    let before = plan.start(0).await;
    let ((), after) = futures_util::future::join(before.stop(), plan.start(0)).await;
    after.stop().await;
}
