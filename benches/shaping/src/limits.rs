//! What a bare connection can do, measured now: mutual TLS with the nodes' own settings, over
//! loopback or through a relay, with nothing of a node around it.
//!
//! Both ends block in a thread of their own. With a runtime between socket and thread, as a node has
//! one, a round trip took 17.5 µs instead of 15.5: so this is the lower bound to set a node's rounds
//! against. Much at once goes slower now and then than over links that read and write by turns: 1.1 to 2.3
//! GB/s were seen, from one connection to the next, where a node's link carried 3.0.
//!
//! A round trip takes some 15 µs where both threads run on one processor or on two that are awake, and
//! some 55 µs where each message wakes a virtual processor that has gone to sleep. Which of the two it is
//! the system decides, for seconds at a time; and so it is with the nodes' own round trips.

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

use crate::{Relay, Shape};

/// A message of a round trip: one that a round without data has.
const MESSAGE: usize = 64;

/// How much is written and read at once.
const WRITE: usize = 1 << 20;

/// For how long a bandwidth is measured, if once does not take longer.
const ENOUGH: Duration = Duration::from_millis(300);

/// How often a bandwidth is measured at the most.
const REPETITIONS: usize = 9;

/// A bare connection could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The system refused a socket or a thread, or the connection broke.
    #[error("a bare connection failed: {0}")]
    Io(#[from] io::Error),
    /// No identity could be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Bug of ours.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// Bug of ours.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The TLS library does not make a connection with our settings.
    #[error("the TLS library refused our settings: {0}")]
    Tls(#[from] rustls::Error),
    /// The other end's thread has ended.
    #[error("the other end of a bare connection has gone")]
    Gone,
}

/// A mutual-TLS connection between the thread that has it and one of its own.
pub struct TlsPair {
    near: StreamOwned<ClientConnection, TcpStream>,
    jobs: Sender<Job>,
    done: Receiver<Instant>,
    /// Ends after the connection through it.
    _relay: Option<Relay>,
}

/// What the other end is to do.
enum Job {
    /// Send so many messages back.
    Echo { times: u32 },
    /// Read so many bytes, and say when the last was there.
    Take { bytes: usize },
}

impl TlsPair {
    /// Connects over loopback, through a relay if there is a shape.
    pub fn connect(shape: Option<Shape>) -> Result<Self, LimitsError> {
        let (server, client) = settings()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let target = listener.local_addr()?;
        let relay = shape
            .map(|shape| Relay::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, target, shape));
        let relay = relay.transpose()?;
        let socket = TcpStream::connect(relay.as_ref().map_or(target, Relay::address))?;
        socket.set_nodelay(true)?;
        let (jobs, to_do) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        thread::Builder::new().name("bare TLS".into()).spawn(move || {
            // Whoever waits for `done` sees that this end has gone.
            let _ = serve(&listener, server, &to_do, &tell);
        })?;
        let connection = ClientConnection::new(client, server_name())?;
        let mut near = StreamOwned::new(connection, socket);
        near.conn.complete_io(&mut near.sock)?;
        near.conn.set_buffer_limit(Some(WRITE));
        done.recv().map_err(|_| LimitsError::Gone)?;
        Ok(Self { near, jobs, done, _relay: relay })
    }

    /// The time in which 64 bytes go and 64 come back; the median of so many, none of which is the
    /// first.
    pub fn round_trip(&mut self, times: u32) -> Result<Duration, LimitsError> {
        self.ask(Job::Echo { times: times + 1 })?;
        self.exchange()?;
        let trips: Result<Vec<Duration>, io::Error> = (0..times).map(|_| self.exchange()).collect();
        let trips = trips?;
        self.finished()?;
        Ok(median(trips))
    }

    /// The time in which so many bytes go one way, until the last has arrived.
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

    /// How many bytes a second go one way, when so many are sent: the median of up to 9 times in
    /// about 300 milliseconds, after one that does not count.
    #[expect(clippy::cast_precision_loss, reason = "a number of bytes to 16 digits")]
    pub fn bytes_per_second(&mut self, bytes: usize) -> Result<f64, LimitsError> {
        self.time(bytes)?;
        let (mut times, start) = (vec![self.time(bytes)?], Instant::now());
        while times.len() < REPETITIONS && start.elapsed() < ENOUGH {
            times.push(self.time(bytes)?);
        }
        Ok(bytes as f64 / median(times).as_secs_f64())
    }

    /// One round trip.
    fn exchange(&mut self) -> io::Result<Duration> {
        let (mut message, start) = ([7; MESSAGE], Instant::now());
        self.near.write_all(&message)?;
        self.near.flush()?;
        self.near.read_exact(&mut message)?;
        Ok(start.elapsed())
    }

    fn ask(&self, job: Job) -> Result<(), LimitsError> {
        self.jobs.send(job).map_err(|_| LimitsError::Gone)
    }

    /// When the other end had done its job.
    fn finished(&self) -> Result<Instant, LimitsError> {
        self.done.recv().map_err(|_| LimitsError::Gone)
    }
}

/// What two nodes connect with that have each other's pin.
fn settings() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), LimitsError> {
    let identity = |name| Identity::create(name, Validity::DEFAULT, SystemTime::now());
    let (here, there) = (identity("here")?, identity("there")?);
    let member = |identity: &Identity| Member {
        name: identity.name().into(),
        fingerprints: vec![identity.fingerprint()],
    };
    let roster = Arc::new(Roster::new(vec![member(&here), member(&there)])?);
    Ok((server_config(&there, roster)?, client_config(&here, &member(&there))?))
}

/// The other end: accepts, says so, and does what it is asked to until nobody asks any more.
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
    let tell = || done.send(Instant::now()).map_err(|_| LimitsError::Gone);
    tell()?;
    for job in jobs {
        match job {
            Job::Echo { times } => echo(&mut far, times)?,
            Job::Take { bytes } => take(&mut far, bytes)?,
        }
        tell()?;
    }
    Ok(())
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

/// The upper one of the two in the middle; nothing for no times at all.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
