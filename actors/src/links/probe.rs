//! Examines whether a node could compute with another: name, connection, TLS, greeting, clocks,
//! line.
//!
//! A probe is a connection of its own, beside the link that there may be, in the direction that is
//! asked for. A link is made in one direction only, and a line may work in just one. The probed
//! node answers a few probes at a time, from members only, and gives away nothing but a greeting.

use std::time::{Duration, Instant};

use actix::{Context, Handler, Message, ResponseFuture};
use bytes::Bytes;
use cloister_certs::Member;
use cloister_protocols::wire::{Frame, Header};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::PeerLink;
use super::connection::{Connection, ConnectionError, Credentials};
use super::greeting::{Greeting, PATIENCE, Purpose};
use crate::vocabulary::clock;

/// The bytes of one ping.
const QUESTION: usize = 64 << 10;

/// The number of pings for the round trip; the shortest counts.
const ROUND_TRIPS: usize = 5;

/// The longest time that a prober may leave the line idle while the probed node waits.
pub const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// The most bytes that a prober may send to measure the line's bandwidth.
pub const MOST_BYTES: usize = 16 << 20;

/// The longest time that sending them may take.
const LONGEST_TRANSFER: Duration = Duration::from_secs(20);

/// The command to probe the line to a member.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Findings")]
pub struct Probe {
    /// The time in which nothing is sent, to find devices that cut idle lines.
    pub idle: Duration,
    /// The bytes to send for measuring the bandwidth.
    pub bytes: usize,
}

/// The findings of a probe, as far as it went.
#[derive(Debug)]
pub struct Findings {
    /// The address in the consortium file.
    pub address: String,
    /// The addresses that it resolves to, or the error.
    pub resolved: Result<Vec<String>, String>,
    /// The time of connecting, or the error. None where the probe did not come so far, as in all
    /// that follow.
    pub connected: Option<Result<Duration, String>>,
    /// The result of TLS and greeting.
    pub met: Option<Result<Met, ConnectionError>>,
    /// The round trip time, or the reason why there was no answer.
    pub round_trip: Option<Result<Duration, String>>,
    /// The bandwidth in bytes a second, or the error.
    pub bandwidth: Option<Result<f64, String>>,
    /// The time for which the idle line stayed open, or the reason why it did not.
    pub idle: Option<Result<Duration, String>>,
}

/// The node at the other end.
#[derive(Debug)]
pub struct Met {
    /// This node's greeting.
    pub ours: Greeting,
    /// The peer's greeting.
    pub theirs: Greeting,
    /// The facts in the peer's certificate, if it can be read.
    pub certificate: Option<cloister_certs::CertificateFacts>,
    /// The lead of the peer's clock over this node's in seconds, give or take a round trip.
    pub clock_ahead: f64,
}

impl Handler<Probe> for PeerLink {
    type Result = ResponseFuture<Findings>;

    fn handle(&mut self, probe: Probe, _: &mut Context<Self>) -> Self::Result {
        let credentials = self.credentials();
        let (member, address) = (self.pinned(), self.peer.address.clone());
        Box::pin(async move { probe.run(&credentials, &member, address).await })
    }
}

impl Probe {
    async fn run(self, credentials: &Credentials, member: &Member, address: String) -> Findings {
        let mut findings = Findings::of(address);
        let Some(tcp) = findings.connect().await else { return findings };
        let shaking = credentials.dial_over(Purpose::Probe, tcp, member);
        let met = match timeout(PATIENCE, shaking).await {
            Ok(met) => met,
            Err(_) => Err(ConnectionError::TooSlow),
        };
        let mut connection = match met {
            Ok(connection) => connection,
            Err(error) => {
                findings.met = Some(Err(error));
                return findings;
            }
        };
        findings.met = Some(Ok(Met::of(credentials, &connection)));
        findings.round_trip = Some(round_trip(&mut connection).await);
        if self.bytes > 0 && is_fine(findings.round_trip.as_ref()) {
            findings.bandwidth = Some(bandwidth(&mut connection, self.bytes).await);
        }
        if !self.idle.is_zero() && is_fine(findings.round_trip.as_ref()) {
            findings.idle = Some(idle(&mut connection, self.idle).await);
        }
        findings
    }
}

impl Findings {
    fn of(address: String) -> Self {
        let resolved = Err(String::new());
        let (round_trip, bandwidth) = (None, None);
        Self { address, resolved, connected: None, met: None, round_trip, bandwidth, idle: None }
    }

    /// Resolves the address and connects.
    async fn connect(&mut self) -> Option<TcpStream> {
        let found = timeout(PATIENCE, lookup_host(&self.address)).await;
        let addresses: Vec<std::net::SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                self.resolved = Err(error.to_string());
                return None;
            }
            Err(_) => {
                self.resolved = Err(no_answer());
                return None;
            }
        };
        self.resolved = Ok(addresses.iter().map(ToString::to_string).collect());
        let begun = Instant::now();
        let connected = timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await;
        match connected {
            Ok(Ok(tcp)) => {
                self.connected = Some(Ok(begun.elapsed()));
                Some(tcp)
            }
            Ok(Err(error)) => {
                self.connected = Some(Err(error.to_string()));
                None
            }
            Err(_) => {
                self.connected = Some(Err(no_answer()));
                None
            }
        }
    }
}

impl Met {
    fn of(credentials: &Credentials, connection: &Connection) -> Self {
        let now = clock::milliseconds();
        let theirs = connection.greeting.clone();
        let ahead = i128::from(theirs.clock) - i128::from(now);
        let ahead = i32::try_from(ahead.clamp(i128::from(i32::MIN), i128::from(i32::MAX)));
        Self {
            ours: credentials.greeting.clone(),
            theirs,
            certificate: connection.certificate.clone(),
            clock_ahead: f64::from(ahead.unwrap_or_default()) / 1_000.0,
        }
    }
}

fn is_fine<T>(found: Option<&Result<T, String>>) -> bool {
    matches!(found, Some(Ok(_)))
}

async fn round_trip(connection: &mut Connection) -> Result<Duration, String> {
    let mut shortest = Duration::MAX;
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        ask(connection, Bytes::new()).await?;
        answered(connection, PATIENCE).await?;
        shortest = shortest.min(begun.elapsed());
    }
    Ok(shortest)
}

async fn bandwidth(connection: &mut Connection, bytes: usize) -> Result<f64, String> {
    let body = Bytes::from(vec![0; QUESTION]);
    let questions = bytes.min(MOST_BYTES).div_ceil(QUESTION);
    let begun = Instant::now();
    for _ in 0..questions {
        ask(connection, body.clone()).await?;
        if begun.elapsed() > LONGEST_TRANSFER {
            return Err(format!(
                "it did not carry {bytes} bytes in {} s",
                LONGEST_TRANSFER.as_secs()
            ));
        }
    }
    for _ in 0..questions {
        answered(connection, LONGEST_TRANSFER).await?;
    }
    let carried = u32::try_from(questions.saturating_mul(QUESTION)).unwrap_or(u32::MAX);
    Ok(f64::from(carried) / begun.elapsed().as_secs_f64())
}

async fn idle(connection: &mut Connection, pause: Duration) -> Result<Duration, String> {
    let pause = pause.min(LONGEST_IDLE);
    sleep(pause).await;
    ask(connection, Bytes::new()).await?;
    answered(connection, PATIENCE).await?;
    Ok(pause)
}

async fn ask(connection: &mut Connection, body: Bytes) -> Result<(), String> {
    let writing = async {
        connection.writer.write(&Frame { header: Header::Ping, body }).await?;
        connection.writer.flush().await
    };
    match timeout(LONGEST_TRANSFER, writing).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err("it does not read what it is sent".into()),
    }
}

async fn answered(connection: &mut Connection, patience: Duration) -> Result<(), String> {
    match timeout(patience, connection.reader.next(|| {})).await {
        Err(_) => Err(no_answer()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(Some(Frame { header: Header::Pong, .. }))) => Ok(()),
        Ok(Ok(Some(_))) => Err("it answered something else".into()),
        Ok(Ok(None)) => Err("it has closed the connection".into()),
    }
}

fn no_answer() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

/// Answers the pings of a member that probes its line to this node. Ends when the member has
/// enough, asks too much, or takes too long.
pub(super) async fn serve(connection: Connection) {
    // The member that probes sees the result itself.
    let _ = timeout(LONGEST_IDLE + 6 * PATIENCE, answer(connection)).await;
}

async fn answer(mut connection: Connection) {
    let mut left = 2 * MOST_BYTES;
    loop {
        let asked = timeout(LONGEST_IDLE + PATIENCE, connection.reader.next(|| {})).await;
        let Ok(Ok(Some(Frame { header: Header::Ping, body }))) = asked else { return };
        // An empty ping counts too.
        let Some(rest) = left.checked_sub(body.len().max(QUESTION / 64)) else { return };
        left = rest;
        let answering = async {
            connection.writer.write(&Frame { header: Header::Pong, body: Bytes::new() }).await?;
            connection.writer.flush().await
        };
        if !matches!(timeout(PATIENCE, answering).await, Ok(Ok(()))) {
            return;
        }
    }
}
