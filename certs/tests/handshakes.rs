//! Two nodes over real sockets: the connections that are accepted, and the errors that both
//! operators read of the others.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, also where it is outside of a test function"
)]

mod support;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloister_certs::{
    Fingerprint, HandshakeProblem, Identity, Member, PROTOCOL, Refusal, Roster, Side, diagnose,
    peer_fingerprint, server_name,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion,
};
use support::{
    End, Outcome, call, client, early_party, expired_party, meet, meet_answerer, meet_caller,
    member, old_tls, party, rogue_client, rogue_server, roster, serve, server, showing, sockets,
};

const TO_RENEW: &str = "cloister identity new";

fn problem(outcome: Outcome) -> HandshakeProblem {
    outcome.expect_err("should have been refused")
}

/// Checks that the message names its subjects in full, and the action to take.
fn assert_says(problem: &HandshakeProblem, parts: &[&str]) {
    let text = problem.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

fn print(identity: &Identity) -> String {
    identity.fingerprint().to_string()
}

fn assert_told_of_refusal(problem: &HandshakeProblem, ours: &Identity) {
    let expected = HandshakeProblem::OursRefused { ours: ours.fingerprint() };
    assert_eq!(*problem, expected);
    assert_eq!(problem.certificate(), Some(ours.fingerprint()));
    assert_says(problem, &[&print(ours), "must pin this fingerprint"]);
}

#[tokio::test]
async fn members_know_each_other() {
    let (alice, bob) = (party("alice"), party("bob"));
    let everybody = roster(&[&alice, &bob]);
    let server_end = server(&alice, Arc::clone(&everybody));
    let (served, called) = meet(&server_end, &client(&bob, &member(&[&alice]))).await;
    let (served, called) = (served.unwrap(), called.unwrap());

    assert_eq!(called.peer, Some(alice.fingerprint()));
    assert_eq!(served.peer, Some(bob.fingerprint()));
    assert_eq!(everybody.name_of(&served.peer.unwrap()), Some("bob"));
    for known in [served, called] {
        assert_eq!(known.version, Some(ProtocolVersion::TLSv1_3));
        assert_eq!(known.group, Some(NamedGroup::X25519MLKEM768));
        assert_eq!(known.suite, Some(preferred_suite()));
        assert_eq!(known.protocol.as_deref(), Some(PROTOCOL));
    }
}

fn preferred_suite() -> CipherSuite {
    #[cfg(target_arch = "x86_64")]
    let fast_aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let fast_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let fast_aes = false;
    if fast_aes {
        CipherSuite::TLS13_AES_128_GCM_SHA256
    } else {
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
    }
}

/// Checks that each end verifies anew by itself, also with a peer that would rather resume.
#[tokio::test]
async fn every_connection_checks_identities_anew() {
    let (alice, bob) = (party("alice"), party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let client_end = client(&bob, &member(&[&alice]));
    let keen_client =
        End { config: rogue_client(Some(showing(&[&bob], &bob))), shows: bob.facts().clone() };
    let keen_server =
        End { config: rogue_server(showing(&[&alice], &alice)), shows: alice.facts().clone() };
    let pairs = [(&server_end, &keen_client), (&keen_server, &client_end)];
    for (server_end, client_end) in pairs {
        for _ in 0..3 {
            let (served, called) = meet(server_end, client_end).await;
            assert_eq!(served.unwrap().kind, Some(HandshakeKind::Full));
            assert_eq!(called.unwrap().kind, Some(HandshakeKind::Full));
        }
    }
    let (_, called) = meet(&keen_server, &keen_client).await;
    assert_eq!(called.unwrap().kind, Some(HandshakeKind::Full), "the first");
    let (_, called) = meet(&keen_server, &keen_client).await;
    assert_eq!(called.unwrap().kind, Some(HandshakeKind::Resumed), "else this shows nothing");
}

#[test]
fn nobody_is_known_before_the_handshake() {
    let (alice, bob) = (party("alice"), party("bob"));
    let config = client(&bob, &member(&[&alice])).config;
    let connection = ClientConnection::new(config, server_name()).unwrap();
    assert_eq!(peer_fingerprint(&connection), None);
}

#[tokio::test]
async fn both_certificates_of_a_renewing_member_are_accepted() {
    let alice = party("alice");
    let (old, new) = (party("bob"), party("bob"));
    let renewing = member(&[&old, &new]);
    let members = [member(&[&alice]), renewing.clone()];
    let everybody = Arc::new(Roster::new(members).unwrap());
    for bob in [&old, &new] {
        let alice_serves = server(&alice, Arc::clone(&everybody));
        let (served, _) = meet(&alice_serves, &client(bob, &member(&[&alice]))).await;
        let peer = served.unwrap().peer.unwrap();
        assert_eq!(everybody.name_of(&peer), Some("bob"));

        let bob_serves = server(bob, Arc::clone(&everybody));
        let (_, called) = meet(&bob_serves, &client(&alice, &renewing)).await;
        assert_eq!(called.unwrap().peer, Some(bob.fingerprint()));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate() {
    let alice = party("alice");
    let anonymous = End { config: rogue_client(None), shows: party("nobody").facts().clone() };
    let (served, called) = meet(&server(&alice, roster(&[&alice])), &anonymous).await;
    let (served, called) = (problem(served), problem(called));
    assert_eq!(served, HandshakeProblem::NoCertificate);
    assert_says(&served, &["showed no certificate", "pinned in the consortium file"]);
    assert_eq!(called, HandshakeProblem::OursMissing);
    assert_says(&called, &["requires a certificate", "this node's identity"]);
}

#[tokio::test]
async fn a_stranger_calls() {
    let (alice, bob, mallory) = (party("alice"), party("bob"), party("mallory"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let (served, called) = meet(&server_end, &client(&mallory, &member(&[&alice]))).await;
    let shown = mallory.fingerprint();
    let served = problem(served);
    assert_eq!(served, Refusal::Unpinned { shown }.into());
    assert_eq!(served.certificate(), Some(shown));
    assert_says(&served, &[&print(&mallory), "add it to the consortium file"]);
    // The client's handshake was complete: it learns this from its first read.
    assert_told_of_refusal(&problem(called), &mallory);
}

#[tokio::test]
async fn a_stranger_answers() {
    let (alice, bob, mallory) = (party("alice"), party("bob"), party("mallory"));
    let server_end = server(&mallory, roster(&[&alice, &bob]));
    let (served, called) = meet(&server_end, &client(&alice, &member(&[&bob]))).await;
    let called = problem(called).recognise(&roster(&[&alice, &bob]));
    assert_eq!(called.certificate(), Some(mallory.fingerprint()));
    assert_says(&called, &["expected member 'bob'", &print(&bob), &print(&mallory), "check"]);
    assert!(!called.to_string().contains("is pinned to"), "{called}");
    assert_told_of_refusal(&problem(served), &mallory);
}

#[tokio::test]
async fn a_member_answers_at_another_members_address() {
    let (alice, bob, carol) = (party("alice"), party("bob"), party("carol"));
    let everybody = roster(&[&alice, &bob, &carol]);
    let server_end = server(&carol, Arc::clone(&everybody));
    let (served, called) = meet(&server_end, &client(&alice, &member(&[&bob]))).await;
    let called = problem(called).recognise(&everybody);
    let parts = ["expected member 'bob'", &print(&bob), &print(&carol), "pinned to 'carol'"];
    assert_says(&called, &parts);
    assert_says(&called, &["address in the consortium file"]);
    assert_told_of_refusal(&problem(served), &carol);
}

#[tokio::test]
async fn an_expired_member_calls() {
    let (alice, bob) = (party("alice"), expired_party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let (served, called) = meet(&server_end, &client(&bob, &member(&[&alice]))).await;
    assert_expired(&problem(served), &bob, "pinned to member 'bob'");
    assert_expired(&problem(called), &bob, "the peer refused our certificate");
}

#[tokio::test]
async fn an_expired_member_answers() {
    let (alice, bob) = (party("alice"), expired_party("bob"));
    let server_end = server(&bob, roster(&[&alice, &bob]));
    let (served, called) = meet(&server_end, &client(&alice, &member(&[&bob]))).await;
    assert_expired(&problem(called), &bob, "pinned to member 'bob'");
    assert_expired(&problem(served), &bob, "the peer refused our certificate");
}

fn assert_expired(problem: &HandshakeProblem, whose: &Identity, how: &str) {
    assert_eq!(problem.certificate(), Some(whose.fingerprint()));
    assert_says(problem, &[&print(whose), "of 'bob'", how, "expired on 20", TO_RENEW]);
}

#[tokio::test]
async fn a_member_calls_before_its_time() {
    let (alice, bob) = (party("alice"), early_party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let (served, called) = meet(&server_end, &client(&bob, &member(&[&alice]))).await;
    for problem in [problem(served), problem(called)] {
        assert_eq!(problem.certificate(), Some(bob.fingerprint()));
        assert_says(&problem, &[&print(&bob), "is not valid before 20", "clock"]);
    }
}

#[tokio::test]
async fn a_caller_shows_a_members_certificate_without_its_key() {
    let (alice, bob, mallory) = (party("alice"), party("bob"), party("mallory"));
    let impostor =
        End { config: rogue_client(Some(showing(&[&bob], &mallory))), shows: bob.facts().clone() };
    let (served, called) = meet(&server(&alice, roster(&[&alice, &bob])), &impostor).await;
    assert_unproven(&problem(served), &bob);
    assert_told_of_refusal(&problem(called), &bob);
}

#[tokio::test]
async fn an_answerer_shows_a_members_certificate_without_its_key() {
    let (alice, bob, mallory) = (party("alice"), party("bob"), party("mallory"));
    let impostor =
        End { config: rogue_server(showing(&[&bob], &mallory)), shows: bob.facts().clone() };
    let (served, called) = meet(&impostor, &client(&alice, &member(&[&bob]))).await;
    assert_unproven(&problem(called), &bob);
    assert_told_of_refusal(&problem(served), &bob);
}

fn assert_unproven(problem: &HandshakeProblem, whose: &Identity) {
    let shown = whose.fingerprint();
    assert_eq!(*problem, Refusal::KeyNotHeld { shown }.into());
    assert_says(problem, &[&print(whose), "did not prove", "tell its operator"]);
}

#[tokio::test]
async fn one_certificate_is_one_certificate() {
    let (alice, bob) = (party("alice"), party("bob"));
    let chain = || showing(&[&bob, &alice], &bob);
    let shows = || bob.facts().clone();
    let expected = Refusal::Chain { shown: bob.fingerprint(), others: 1 };

    let caller = End { config: rogue_client(Some(chain())), shows: shows() };
    let (served, called) = meet(&server(&alice, roster(&[&alice, &bob])), &caller).await;
    let served = problem(served);
    assert_eq!(served, expected.clone().into());
    assert_says(&served, &[&print(&bob), "shows exactly its own"]);
    assert_told_of_refusal(&problem(called), &bob);

    let answerer = End { config: rogue_server(chain()), shows: shows() };
    let (served, called) = meet(&answerer, &client(&alice, &member(&[&bob]))).await;
    assert_eq!(problem(called), expected.into());
    assert_told_of_refusal(&problem(served), &bob);
}

#[tokio::test]
async fn a_pinned_certificate_that_names_nobody() {
    let alice = party("alice");
    let (nameless, shown) = nameless();
    let fingerprints = vec![shown];
    let bob = Member { name: "bob".to_owned(), fingerprints };
    let everybody = Arc::new(Roster::new([member(&[&alice]), bob]).unwrap());
    let caller = End { config: rogue_client(Some(nameless)), shows: alice.facts().clone() };
    let (served, called) = meet(&server(&alice, everybody), &caller).await;
    let served = problem(served);
    assert_eq!(served.certificate(), Some(shown));
    assert_says(&served, &[&shown.to_string(), "'bob'", "one common name", TO_RENEW]);
    assert_told_of_refusal(&problem(called), &alice);
}

/// Makes a certificate of other software, with its key. Nothing is wrong with it, but it names no
/// one.
fn nameless() -> (CertifiedKey, Fingerprint) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let certificate = parameters.self_signed(&pair).unwrap().der().clone();
    let fingerprint = Fingerprint::of_certificate(&certificate);
    let key = any_supported_type(&pair.into()).unwrap();
    (CertifiedKey::new(vec![certificate], key), fingerprint)
}

#[tokio::test]
async fn a_peer_that_speaks_another_protocol_inside_tls() {
    let (alice, bob) = (party("alice"), party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let mut client_end = client(&bob, &member(&[&alice]));
    let mut config = ClientConfig::clone(&client_end.config);
    config.alpn_protocols = vec![b"cloister/99".to_vec()];
    client_end.config = Arc::new(config);
    let (served, called) = meet(&server_end, &client_end).await;
    for problem in [problem(served), problem(called)] {
        assert_eq!(problem, HandshakeProblem::Protocol);
        assert_says(&problem, &["compare the versions"]);
    }
}

#[tokio::test]
async fn a_tls_1_2_client() {
    let alice = party("alice");
    let server_end = server(&alice, roster(&[&alice]));
    let (served, read) = meet_caller(&server_end, &old_tls::client_hello()).await;
    let served = problem(served);
    assert_eq!(served, HandshakeProblem::TlsVersion);
    assert_says(&served, &["TLS 1.3", "update the older software"]);
    assert_eq!(read, old_tls::protocol_version_alert());
}

#[tokio::test]
async fn a_tls_1_2_server() {
    let (alice, bob) = (party("alice"), party("bob"));
    let client_end = client(&alice, &member(&[&bob]));
    let (called, read) = meet_answerer(&client_end, &old_tls::server_hello()).await;
    assert_eq!(problem(called), HandshakeProblem::TlsVersion);
    assert!(read.ends_with(&old_tls::protocol_version_alert()), "{read:?}");

    // The alert of such a server, if it looks at the versions that are offered.
    let alert = old_tls::protocol_version_alert();
    let (called, _) = meet_answerer(&client_end, &alert).await;
    let called = problem(called);
    assert_eq!(called, HandshakeProblem::TlsVersion);
    assert_says(&called, &["TLS 1.3", "update the older software"]);
}

#[tokio::test]
async fn a_caller_hangs_up_in_the_middle_of_its_first_message() {
    let (alice, bob) = (party("alice"), party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    for bytes in [half_a_hello(&bob, &alice), Vec::new()] {
        let (served, _) = meet_caller(&server_end, &bytes).await;
        let served = problem(served);
        assert_eq!(served, HandshakeProblem::Closed { side: Side::Server });
        assert_says(&served, &["hung up", "see its log"]);
    }
}

fn half_a_hello(from: &Identity, to: &Identity) -> Vec<u8> {
    let config = client(from, &member(&[to])).config;
    let mut connection = ClientConnection::new(config, server_name()).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello.truncate(hello.len() / 2);
    hello
}

#[tokio::test]
async fn a_peer_hangs_up_when_called() {
    let (alice, bob) = (party("alice"), party("bob"));
    let (called, _) = meet_answerer(&client(&alice, &member(&[&bob])), b"").await;
    let called = problem(called);
    assert_eq!(called, HandshakeProblem::Closed { side: Side::Client });
    assert_says(&called, &["hung up", "check its address"]);
}

/// Checks that a caller that stops in the middle holds the server only until the server's own
/// patience ends.
#[tokio::test]
async fn a_caller_stalls_in_the_middle_of_its_first_message() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let (alice, bob) = (party("alice"), party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let (ours, theirs) = sockets().await;
    theirs.try_write(&half_a_hello(&bob, &alice)).unwrap();
    let waiting = tokio::time::timeout(PATIENCE, serve(&server_end, ours)).await;
    let elapsed = io::Error::from(waiting.expect_err("the handshake can't have ended"));
    let told = diagnose(&elapsed, Side::Server, alice.facts(), SystemTime::now());
    assert_eq!(told, HandshakeProblem::Stalled { side: Side::Server });
    assert_says(&told, &["in time", "network"]);
}

#[tokio::test]
async fn a_peer_stalls_when_called() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let (alice, bob) = (party("alice"), party("bob"));
    let client_end = client(&alice, &member(&[&bob]));
    let (ours, _silent) = sockets().await;
    let waiting = tokio::time::timeout(PATIENCE, call(&client_end, ours)).await;
    let elapsed = io::Error::from(waiting.expect_err("the handshake can't have ended"));
    let told = diagnose(&elapsed, Side::Client, alice.facts(), SystemTime::now());
    assert_eq!(told, HandshakeProblem::Stalled { side: Side::Client });
    assert_says(&told, &["in time", "check its address"]);
}

#[tokio::test]
async fn garbage_instead_of_tls() {
    let (alice, bob) = (party("alice"), party("bob"));
    let server_end = server(&alice, roster(&[&alice, &bob]));
    let client_end = client(&alice, &member(&[&bob]));
    let garbage: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\nHost: alice\r\n\r\n", b"SSH-2.0-x\r\n", &[0; 600], &[0xff; 600]];
    for bytes in garbage {
        let (served, _) = meet_caller(&server_end, bytes).await;
        let served = problem(served);
        assert_eq!(served, HandshakeProblem::NotTls { side: Side::Server });
        assert_says(&served, &["other than TLS", "API port"]);

        let (called, _) = meet_answerer(&client_end, bytes).await;
        let called = problem(called);
        assert_eq!(called, HandshakeProblem::NotTls { side: Side::Client });
        assert_says(&called, &["does not speak TLS", "check the peer's address"]);
    }
}

#[test]
fn a_broken_network_is_named_as_such() {
    let alice = party("alice");
    let told =
        |kind: ErrorKind| diagnose(&kind.into(), Side::Client, alice.facts(), SystemTime::now());
    let cut = told(ErrorKind::ConnectionReset);
    assert_says(&cut, &["was cut", &print(&alice), "see the peer's log"]);
    assert_says(&told(ErrorKind::ConnectionRefused), &["refused", "check the peer's address"]);
}

/// Layers between the socket and the caller wrap errors in errors.
#[test]
fn a_refusal_is_found_however_deep_it_is_wrapped() {
    let (alice, bob) = (party("alice"), party("bob"));
    let shown = bob.fingerprint();
    let tls = rustls::Error::from(Refusal::Unpinned { shown });
    let error = io::Error::other(io::Error::new(ErrorKind::InvalidData, tls));
    let told = diagnose(&error, Side::Server, alice.facts(), SystemTime::now());
    assert_eq!(told, Refusal::Unpinned { shown }.into());
}
