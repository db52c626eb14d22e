//! Lines between nodes that go dead: what was on its way is lost, and no client waits for it.

use std::net::SocketAddr;

use actix_rt::spawn;
use cloister_actors::code::Code;
use cloister_actors::consortium::Consortium;
use cloister_actors::sessions::Load;
use cloister_protocols::computation::Input;
use cloister_testkit::PATIENCE;
use cloister_testkit::nodes::{Ask, plan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::doors::wait_until_linked;

/// The state of a line.
#[derive(Clone, Copy, Default, PartialEq)]
struct State {
    /// Nothing comes through, and nothing says so.
    held: bool,
    /// The number of times that it was cut.
    cuts: u32,
}

/// Passes connections on to an address.
async fn pass_on(listener: TcpListener, to: SocketAddr, state: watch::Receiver<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let Ok(far) = TcpStream::connect(to).await else { continue };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        spawn(pump(near_in, far_out, state.clone()));
        spawn(pump(far_in, near_out, state.clone()));
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let cuts = state.borrow().cuts;
    let mut cut = state.clone();
    let passing = async {
        let mut part = [0; 4_096];
        loop {
            let length = from.read(&mut part).await.unwrap_or(0);
            let open = state.wait_for(|state| !state.held).await.is_ok();
            if !open || length == 0 || to.write_all(&part[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = passing => {}
        _ = cut.wait_for(|state| state.cuts != cuts) => {}
    }
}

/// The node that ended the computation tells of it again when the line is there again.
#[actix_rt::test]
async fn a_notice_that_is_lost_with_its_link_keeps_no_client_waiting() {
    // The deadline of the second node is longer than the test waits.
    let mut plan = plan(2, 3_600);
    plan.set(0, |settings| settings.deadline_seconds = 2);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut members = plan.consortium.members().to_vec();
    let behind = members[1].peer.parse().unwrap();
    members[1].peer = listener.local_addr().unwrap().to_string();
    plan.consortium = Consortium::new(members).unwrap();
    let (line, state) = watch::channel(State::default());
    let passing = spawn(pass_on(listener, behind, state));
    let nodes = plan.start_all().await;
    for node in &nodes {
        wait_until_linked(node, true).await;
    }
    line.send(State { held: true, cuts: 0 }).unwrap();
    let ask = Ask::new("SecureSum", 2, "u");
    let one = || Input::Numbers(vec![1.0]);
    let failure = ask.of(&nodes[0].sessions(), one()).await.unwrap_err();
    assert_eq!(failure.code(), Code::Deadline, "{failure:?}");
    line.send(State { held: true, cuts: 1 }).unwrap();
    wait_until_linked(&nodes[1], false).await;
    let sessions = nodes[1].sessions();
    let waiting = {
        let (ask, sessions) = (ask.clone(), sessions.clone());
        spawn(async move { ask.of(&sessions, one()).await })
    };
    while sessions.send(Load).await.unwrap() == 0 {}
    line.send(State { held: false, cuts: 1 }).unwrap();
    let told = timeout(PATIENCE, waiting).await;
    let failure = told.expect("it ends long before its deadline").unwrap().unwrap_err();
    assert_eq!(failure.code(), Code::Deadline, "{failure:?}");
    passing.abort();
}
