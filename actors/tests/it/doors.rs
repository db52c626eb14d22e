//! Strangers at a node's ports: their connections keep no member out.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cloister_actors::consortium::Member;
use cloister_actors::node::Node;
use cloister_actors::sessions::LookAtLinks;
use cloister_protocols::computation::Input;
use cloister_testkit::nodes::{PATIENCE, plan, result, together};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// The pause after which a stranger whose connection was closed connects again.
const PAUSE: Duration = Duration::from_secs(2);

/// Strangers that hold connections open at an address, and connect again when one is closed.
struct Strangers {
    /// The number of connections that are open.
    open: Rc<Cell<usize>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Strangers {
    /// Connects from each of these addresses, and writes these bytes, of which none completes a
    /// handshake.
    fn connect(from: impl Iterator<Item = Ipv4Addr>, to: SocketAddr, bytes: &'static [u8]) -> Self {
        let open = Rc::new(Cell::new(0));
        let stay = |from: Ipv4Addr| actix_rt::spawn(stay(from, to, bytes, Rc::clone(&open)));
        let tasks = from.map(stay).collect();
        Self { open, tasks }
    }

    async fn wait_until_there(&self) {
        while self.open.get() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn stay(from: Ipv4Addr, to: SocketAddr, bytes: &[u8], open: Rc<Cell<usize>>) {
    loop {
        if let Ok(mut stream) = connect(from, to).await {
            open.set(open.get() + 1);
            // The node may close the connection at any time.
            let _ = stream.write_all(bytes).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            open.set(open.get() - 1);
        }
        sleep(PAUSE).await;
    }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Has a node restart while strangers hold connections to the other one, and computes with both.
async fn a_restarted_member_links(from: impl Iterator<Item = Ipv4Addr>, bytes: &'static [u8]) {
    let plan = plan(2, PATIENCE);
    let mut nodes = plan.start_all().await;
    let inputs = [Input::Numbers(vec![1.0]), Input::Numbers(vec![2.0])];
    // Of two members the first dials.
    let strangers = Strangers::connect(from, nodes[1].peer_address(), bytes);
    strangers.wait_until_there().await;
    nodes.remove(0).stop().await;
    wait_until_linked(&nodes[0], false).await;
    nodes.insert(0, plan.start(0).await);
    for node in &nodes {
        wait_until_linked(node, true).await;
    }
    for outcome in together(&nodes, "u", "SecureSum", &inputs).await {
        assert_eq!(result(&outcome), json!({"sum": 3.0}));
    }
    strangers.wait_until_there().await;
}

/// Waits until a node's only link is up, or down. It fails if that never comes.
pub(crate) async fn wait_until_linked(node: &Node, up: bool) {
    let changed = async {
        while node.sessions().send(LookAtLinks).await.unwrap()[0].up != up {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(cloister_testkit::PATIENCE, changed).await.unwrap();
}

/// The address of the members themselves.
fn one_address() -> impl Iterator<Item = Ipv4Addr> {
    std::iter::repeat_n(Ipv4Addr::LOCALHOST, 1_000)
}

fn many_addresses() -> impl Iterator<Item = Ipv4Addr> {
    (0..1_000_u16).map(|number| {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    })
}

#[actix_rt::test]
async fn silent_connections_from_a_members_address_keep_no_member_out() {
    a_restarted_member_links(one_address(), b"").await;
}

#[actix_rt::test]
async fn silent_connections_from_many_addresses_keep_no_member_out() {
    a_restarted_member_links(many_addresses(), b"").await;
}

/// The first bytes of a handshake of TLS, which never comes to its end.
#[actix_rt::test]
async fn handshakes_from_many_addresses_that_never_end_keep_no_member_out() {
    a_restarted_member_links(many_addresses(), &[22, 3, 1, 2, 0, 1]).await;
}

/// Asks the API over TLS whether the node lives. Returns the beginning of the answer.
async fn ask_over_tls(node: &Node, member: &Member) -> String {
    let pinned = cloister_certs::Member {
        name: member.name.clone(),
        fingerprints: member.fingerprints.clone(),
    };
    let config = cloister_certs::api_client_config(&pinned).unwrap();
    let tcp = TcpStream::connect(node.api_address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    tls.write_all(request).await.unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    answer
}

#[actix_rt::test]
async fn handshakes_at_the_api_that_never_end_hold_up_no_request() {
    let mut plan = plan(2, PATIENCE);
    plan.set(0, |settings| settings.access.tls = Some(true));
    let node = plan.start(0).await;
    for bytes in [&[] as &[u8], &[22, 3, 1, 2, 0, 1]] {
        let strangers = Strangers::connect(one_address(), node.api_address(), bytes);
        strangers.wait_until_there().await;
        for _ in 0..10 {
            let answer = ask_over_tls(&node, &plan.consortium.members()[0]).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        strangers.wait_until_there().await;
    }
    node.stop().await;
}

/// The most connections from one address that show no token.
const OF_ONE: usize = 128;

/// Sends a request, and reads the answer, on a connection that stays open.
async fn ask(stream: &mut TcpStream, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 4_096];
        match stream.read(&mut part).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => answer.extend_from_slice(&part[..length]),
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse::<usize>().unwrap() {
            return Ok(text);
        }
    }
}

fn is_open(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Each stranger was answered, and then does nothing.
#[actix_rt::test]
async fn connections_that_do_nothing_after_an_answer_keep_no_client_and_no_member_out() {
    let plan = plan(2, PATIENCE);
    let mut nodes = plan.start_all().await;
    let api = nodes[1].api_address();
    let mut client = TcpStream::connect(api).await.unwrap();
    // The node is open: a client of this machine is right without a token.
    assert!(ask(&mut client, "/representations").await.unwrap().starts_with("HTTP/1.1 200"));
    let mut strangers = Vec::new();
    for number in 0..3 * OF_ONE {
        let mut stranger = TcpStream::connect(api).await.unwrap();
        assert!(ask(&mut stranger, "/healthz").await.unwrap().starts_with("HTTP/1.1 200"));
        strangers.push(stranger);
        if number % 16 == 0 {
            // The connection of the client is used, and loses its place to none.
            let answer = ask(&mut client, "/representations").await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    // The oldest ones lose theirs, and hear of it.
    for stranger in strangers.iter_mut().take(2 * OF_ONE) {
        assert_eq!(stranger.read(&mut [0]).await.unwrap_or(0), 0);
    }
    assert!(strangers.iter().filter(|stranger| is_open(stranger)).count() <= OF_ONE);
    let mut newcomer = TcpStream::connect(api).await.unwrap();
    assert!(ask(&mut newcomer, "/healthz").await.unwrap().starts_with("HTTP/1.1 200"));
    nodes.remove(0).stop().await;
    wait_until_linked(&nodes[0], false).await;
    nodes.insert(0, plan.start(0).await);
    for node in &nodes {
        wait_until_linked(node, true).await;
    }
}

/// A client may know beforehand that the node speaks HTTP/2.
#[actix_rt::test]
async fn without_tls_a_node_speaks_http_2_to_those_that_begin_so() {
    let plan = plan(2, PATIENCE);
    let node = plan.start(0).await;
    let mut client = TcpStream::connect(node.api_address()).await.unwrap();
    // The preface, and settings that are the usual ones.
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "settings come first: {head:?}");
    node.stop().await;
}
