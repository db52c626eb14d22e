//! The limits of a bare connection, measured now: mutual TLS with the nodes' own settings, over
//! loopback or through a relay, without a node around it.
//!
//! Both ends block in a thread of their own. With a runtime between socket and thread, as in a
//! node, a round trip took 17.5 µs instead of 15.5. So this is a lower bound for a node's rounds.
//! One-way transfers are slower at times than links that read and write by turns. From one
//! connection to the next they carried 1.1 to 2.3 GB/s, and a node's link carried 3.0.
//!
//! A round trip takes some 15 µs if both threads run on one processor or on two that are awake. It
//! takes some 55 µs if each message wakes a sleeping virtual processor. The system chooses one of
//! the two for seconds at a time, and so it does for the nodes' own round trips.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cloister_certs::{
    Identity, IdentityError, Member, Roster, RosterError, SettingsError, Validity, client_config,
    server_config, server_name,
};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

use crate::relay::Relay;
use crate::shape::Shape;

/// The bytes of a message of a round trip, as in a round without data.
const MESSAGE: usize = 64;

/// The bytes that are written and read at once.
const WRITE: usize = 1 << 20;

/// The time after which no further repetition of a bandwidth measurement begins.
const ENOUGH: Duration = Duration::from_millis(300);

/// The most repetitions of a bandwidth measurement.
const REPETITIONS: usize = 9;

/// Reasons why a bare connection could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The system refused a socket or a thread, or the connection broke.
    #[error("a bare connection failed: {0}")]
    Io(#[from] io::Error),
    /// No identity could be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A bug of ours.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// A bug of ours.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The TLS library rejects our settings.
    #[error("the TLS library refused our settings: {0}")]
    Tls(#[from] rustls::Error),
    /// The thread of the other end has ended.
    #[error("the other end of a bare connection has gone")]
    Gone,
}

/// A mutual-TLS connection between the owning thread and a thread of its own.
pub struct TlsPair {
    near: StreamOwned<ClientConnection, TcpStream>,
    jobs: Sender<Job>,
    done: Receiver<Instant>,
    /// Dropped after the connection through it.
    _relay: Option<Relay>,
}

/// A job of the other end.
enum Job {
    /// Sends so many messages back.
    Echo { times: u32 },
    /// Reads so many bytes, and reports the arrival of the last one.
    Take { bytes: usize },
}

impl TlsPair {
    /// Connects over loopback, through a relay for a shape.
    pub fn connect(shape: Option<Shape>) -> Result<Self, LimitsError> {
        let (server, client) = settings()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let target = listener.local_addr()?;
        let mut relay = None;
        if let Some(shape) = shape {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            relay = Some(Relay::start(listener, target, shape)?);
        }
        let socket = TcpStream::connect(relay.as_ref().map_or(target, Relay::address))?;
        socket.set_nodelay(true)?;
        let (jobs, to_do) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        thread::Builder::new().name("bare TLS".into()).spawn(move || {
            // If it fails, the channel `done` closes, which the other thread sees.
            let _ = serve(&listener, server, &to_do, &tell);
        })?;
        let connection = ClientConnection::new(client, server_name())?;
        let mut near = StreamOwned::new(connection, socket);
        near.conn.complete_io(&mut near.sock)?;
        near.conn.set_buffer_limit(Some(WRITE));
        done.recv().map_err(|_| LimitsError::Gone)?;
        Ok(Self { near, jobs, done, _relay: relay })
    }

    /// Measures round trips of 64 bytes, and returns their median without the first one.
    pub fn round_trip(&mut self, times: u32) -> Result<Duration, LimitsError> {
        self.ask(Job::Echo { times: times + 1 })?;
        self.exchange()?;
        let mut trips = Vec::new();
        for _ in 0..times {
            trips.push(self.exchange()?);
        }
        self.finished()?;
        Ok(median(trips))
    }

    /// Measures the time of a one-way transfer, until its last byte has arrived.
    pub fn time(&mut self, bytes: usize) -> Result<Duration, LimitsError> {
        let buffer = vec![7; WRITE.min(bytes)];
        self.ask(Job::Take { bytes })?;
        let start = Instant::now();
        let mut left = bytes;
        while left > 0 {
            let piece = buffer.get(..left.min(WRITE)).unwrap_or_default();
            self.near.write_all(piece)?;
            left -= piece.len();
        }
        self.near.flush()?;
        Ok(self.finished()?.saturating_duration_since(start))
    }

    /// Measures the one-way rate of such transfers, in bytes a second. The result is the median of
    /// up to 9 transfers in about 300 milliseconds, without the first one.
    #[expect(clippy::cast_precision_loss, reason = "a number of bytes to 16 digits")]
    pub fn bytes_per_second(&mut self, bytes: usize) -> Result<f64, LimitsError> {
        self.time(bytes)?;
        let mut times = vec![self.time(bytes)?];
        let start = Instant::now();
        while times.len() < REPETITIONS && start.elapsed() < ENOUGH {
            times.push(self.time(bytes)?);
        }
        Ok(bytes as f64 / median(times).as_secs_f64())
    }

    /// Makes one round trip.
    fn exchange(&mut self) -> io::Result<Duration> {
        let mut message = [7; MESSAGE];
        let start = Instant::now();
        self.near.write_all(&message)?;
        self.near.flush()?;
        self.near.read_exact(&mut message)?;
        Ok(start.elapsed())
    }

    fn ask(&self, job: Job) -> Result<(), LimitsError> {
        self.jobs.send(job).map_err(|_| LimitsError::Gone)
    }

    /// Waits for the instant at which the other end finished its job.
    fn finished(&self) -> Result<Instant, LimitsError> {
        self.done.recv().map_err(|_| LimitsError::Gone)
    }
}

/// Makes the settings of two nodes that pin each other.
fn settings() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), LimitsError> {
    let here = Identity::create("here", Validity::DEFAULT, SystemTime::now())?;
    let there = Identity::create("there", Validity::DEFAULT, SystemTime::now())?;
    let roster = Arc::new(Roster::new([member(&here), member(&there)])?);
    Ok((server_config(&there, roster)?, client_config(&here, &member(&there))?))
}

fn member(identity: &Identity) -> Member {
    Member { name: identity.name().into(), fingerprints: vec![identity.fingerprint()] }
}

/// Runs the other end: accepts, reports that, and does jobs until the channel of jobs closes.
fn serve(
    listener: &TcpListener,
    config: Arc<ServerConfig>,
    jobs: &Receiver<Job>,
    done: &Sender<Instant>,
) -> Result<(), LimitsError> {
    let (socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    let mut far = StreamOwned::new(ServerConnection::new(config)?, socket);
    far.conn.complete_io(&mut far.sock)?;
    report_done(done)?;
    for job in jobs {
        match job {
            Job::Echo { times } => echo(&mut far, times)?,
            Job::Take { bytes } => take(&mut far, bytes)?,
        }
        report_done(done)?;
    }
    Ok(())
}

fn report_done(done: &Sender<Instant>) -> Result<(), LimitsError> {
    done.send(Instant::now()).map_err(|_| LimitsError::Gone)
}

fn echo(stream: &mut (impl Read + Write), times: u32) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    for _ in 0..times {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
        stream.flush()?;
    }
    Ok(())
}

fn take(stream: &mut impl Read, bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; WRITE.min(bytes)];
    let mut left = bytes;
    while left > 0 {
        let room = buffer.get_mut(..left.min(WRITE)).unwrap_or_default();
        stream.read_exact(room)?;
        left -= room.len();
    }
    Ok(())
}

/// Returns the median: the longer of the two middle times of an even number, and 0 of none.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
