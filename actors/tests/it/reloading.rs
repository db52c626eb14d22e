//! A running node reads files again, and a new one waits for the end of the one before it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

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
