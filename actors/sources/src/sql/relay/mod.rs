//! A relay between a driver and its server, which bounds what the server can do to this process.
//!
//! Drivers trust lengths and counts that a server sends. So each connection goes through a socket
//! in a folder of this process's own:
//!
//! - The relay counts what comes. A server may be ahead of the rows that were taken by a number of
//!   bytes; beyond it the connection ends ([`Meter`]).
//! - The driver for MySQL makes room for as many columns as a packet says. So the relay reads the
//!   heads of packets, and ends the connection at a number that no server sends ([`packets`]).
//!   Where the connection is encrypted, the relay ends the encryption at both sides ([`tls`]).
//! - The driver for PostgreSQL makes room for the length that a message announces. So the relay
//!   reads the heads of messages ([`messages`]). It agrees on encryption with the server by itself,
//!   and the driver speaks to the relay without.

mod messages;
mod packets;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpStream, UnixListener, UnixStream, lookup_host};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use self::messages::Messages;
use self::packets::Packets;
pub(super) use self::tls::Protection;
use crate::address::{Encryption, Host};

/// The bytes that are passed on at once.
const CHUNK: usize = 16 << 10;

/// The request for encryption of PostgreSQL, and the one that ends a session's statement: lengths,
/// and numbers in the place of a version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const CANCEL_REQUEST: [u8; 4] = [4, 210, 22, 46];

/// The most bytes of a packet before encryption begins.
const MAX_GREETING: usize = 64 << 10;

/// The bit of MySQL's capabilities that asks for encryption, and the length of a packet that holds
/// nothing but the capabilities.
const ASKS_FOR_TLS: u32 = 0x0800;
const CAPABILITIES_ALONE: usize = 32;

/// The bytes of a row beside those of its values, at most: lengths and numbers of them.
const ROW_OVERHEAD: usize = 64;
const VALUE_OVERHEAD: usize = 16;

/// The account of what a server has sent and no row has explained.
#[derive(Debug)]
pub(super) struct Meter {
    ahead: AtomicUsize,
    /// The most bytes.
    limit: usize,
    fault: OnceLock<Fault>,
    /// The number and the secret of a session of PostgreSQL, which end its statements.
    key: OnceLock<Vec<u8>>,
}

/// The reason for which a relay has ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// More bytes came than the meter's limit.
    TooMuch,
    /// A packet that no server sends.
    Protocol,
    /// Encryption could not be agreed on, or the certificate is another.
    Tls,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Self {
        Self { ahead: AtomicUsize::new(0), limit, fault: OnceLock::new(), key: OnceLock::new() }
    }

    /// Begins the account of a statement.
    pub(super) fn begin(&self) {
        self.ahead.store(0, Ordering::Relaxed);
    }

    /// Takes the bytes of a row with these lengths of values off the account.
    pub(super) fn credit(&self, lengths: impl Iterator<Item = usize>) {
        let row = lengths.fold(ROW_OVERHEAD, |sum, length| {
            sum.saturating_add(VALUE_OVERHEAD).saturating_add(length)
        });
        let less = |ahead: usize| Some(ahead.saturating_sub(row));
        // The closure always returns a value.
        let _ = self.ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Returns the reason for which the connection was ended.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }

    /// Returns the most bytes that a server may be ahead.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number and the secret of a session of PostgreSQL.
    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key.get().map(Vec::as_slice)
    }

    fn add(&self, bytes: usize) -> Result<(), Ended> {
        let before = self.ahead.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit {
            return Err(Fault::TooMuch.into());
        }
        Ok(())
    }
}

/// The end of a relay.
enum Ended {
    Fault(Fault),
    /// One of both has hung up. The driver finds out by itself.
    HungUp,
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::HungUp
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to a server, before anything was said.
pub(super) struct Upstream {
    stream: Box<dyn Stream>,
    place: Place,
}

/// The place that a connection has reached. A name may lead to another server the next time.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Address(SocketAddr),
    Socket(PathBuf),
}

impl Upstream {
    /// Connects to a server.
    pub(super) async fn connect(host: &Host, port: u16) -> io::Result<Self> {
        match host {
            Host::Socket(path) => Self::again(&Place::Socket(path.clone())).await,
            Host::Name(name) => {
                let unknown = |_| io::Error::from(io::ErrorKind::NotFound);
                let places = lookup_host((name.as_str(), port)).await.map_err(unknown)?;
                Self::first_of(places).await
            }
        }
    }

    /// Connects to the first of these addresses that answers.
    async fn first_of(places: impl Iterator<Item = SocketAddr>) -> io::Result<Self> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        for place in places {
            match Self::again(&Place::Address(place)).await {
                Ok(upstream) => return Ok(upstream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Connects to a place that was reached before.
    pub(super) async fn again(place: &Place) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match place {
            Place::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Place::Address(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        Ok(Self { stream, place: place.clone() })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Asks a server of PostgreSQL to end the statement of the session that has this key. A server
    /// that has no such session does nothing.
    pub(super) async fn cancel_postgres(
        self,
        protection: &Protection,
        key: &[u8],
    ) -> io::Result<()> {
        let failed = || io::Error::from(io::ErrorKind::ConnectionAborted);
        let agreed = agreed_with_postgres(self.stream, protection, &Meter::new(CHUNK)).await;
        let mut stream = agreed.map_err(|_| failed())?;
        let length = key.len().checked_add(8).and_then(|length| u32::try_from(length).ok());
        let length = length.ok_or_else(failed)?.to_be_bytes();
        stream.write_all(&[&length[..], &CANCEL_REQUEST, key].concat()).await?;
        stream.flush().await?;
        // The server hangs up when it has passed the request on.
        stream.read(&mut [0]).await.map(drop)
    }
}

/// The protocol that a relay understands.
pub(super) enum Spoken {
    /// Heads of messages are read, inside of this protection, which the relay asks for.
    Postgres(Arc<Protection>),
    /// Heads of packets are read, inside of this protection where the driver asks for one.
    Mysql(Protection),
}

/// A socket in a folder of its own, at which the driver is awaited.
pub(super) struct LocalSocket {
    folder: TempDir,
    name: String,
    listener: UnixListener,
}

impl LocalSocket {
    /// Opens a socket of that name.
    pub(super) fn open(name: String) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("db").tempdir()?;
        let listener = UnixListener::bind(folder.path().join(&name))?;
        Ok(Self { folder, name, listener })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Relays the first connection, on the runtime of the caller, until one side hangs up.
    pub(super) fn relay(self, upstream: Upstream, spoken: Spoken, meter: Arc<Meter>) {
        tokio::spawn(async move {
            let accepted = self.listener.accept().await;
            // The name of the socket is needed no longer.
            drop(self.folder);
            let Ok((driver, _)) = accepted else { return };
            let ended = match spoken {
                Spoken::Postgres(protection) => {
                    pass_postgres(driver, upstream.stream, &protection, &meter).await
                }
                Spoken::Mysql(protection) => {
                    pass_mysql(driver, upstream.stream, &protection, &meter).await
                }
            };
            if let Err(Ended::Fault(fault)) = ended {
                // The first is the cause.
                let _ = meter.fault.set(fault);
            }
        });
    }
}

/// Agrees on encryption with the server, and goes on.
async fn pass_postgres(
    driver: UnixStream,
    server: Box<dyn Stream>,
    protection: &Protection,
    meter: &Meter,
) -> Result<(), Ended> {
    let server = agreed_with_postgres(server, protection, meter).await?;
    let heads = Heads::Messages(Messages::new(meter.limit()));
    pass(Box::new(driver), server, heads, meter).await
}

/// Asks a server of PostgreSQL for encryption, as the protection says, and begins it.
async fn agreed_with_postgres(
    mut server: Box<dyn Stream>,
    protection: &Protection,
    meter: &Meter,
) -> Result<Box<dyn Stream>, Ended> {
    if protection.encryption() == Encryption::Off {
        return Ok(server);
    }
    server.write_all(&SSL_REQUEST).await?;
    // One byte is read and no more: what follows must be of the encrypted connection.
    let mut answer = [0];
    meter.add(answer.len())?;
    server.read_exact(&mut answer).await?;
    match &answer {
        b"S" => encrypted(server, protection).await,
        b"N" if protection.encryption() == Encryption::Preferred => Ok(server),
        b"N" => Err(Fault::Tls.into()),
        _ => Err(Fault::Protocol.into()),
    }
}

/// Begins encryption towards a server.
async fn encrypted(
    server: Box<dyn Stream>,
    protection: &Protection,
) -> Result<Box<dyn Stream>, Ended> {
    let name = ServerName::try_from(protection.name().to_owned()).map_err(|_| Fault::Tls)?;
    let connector = TlsConnector::from(protection.towards_server().ok_or(Fault::Tls)?);
    Ok(Box::new(connector.connect(name, server).await.map_err(|_| Fault::Tls)?))
}

/// Passes the greeting, begins encryption on both sides if the driver asks for it, and goes on.
async fn pass_mysql(
    mut driver: UnixStream,
    mut server: Box<dyn Stream>,
    protection: &Protection,
    meter: &Meter,
) -> Result<(), Ended> {
    let greeting = packet(&mut server, meter).await?;
    driver.write_all(&greeting).await?;
    let answer = packet(&mut driver, meter).await?;
    server.write_all(&answer).await?;
    let mut driver: Box<dyn Stream> = Box::new(driver);
    if asks_for_tls(&answer) {
        server = encrypted(server, protection).await?;
        let acceptor = TlsAcceptor::from(tls::towards_driver().ok_or(Fault::Tls)?);
        driver = Box::new(acceptor.accept(driver).await.map_err(|_| Fault::Tls)?);
    }
    pass(driver, server, Heads::Packets(Packets::default()), meter).await
}

/// Reads one packet with its head.
async fn packet(stream: &mut (impl AsyncRead + Unpin), meter: &Meter) -> Result<Vec<u8>, Ended> {
    let mut packet = vec![0; packets::HEAD];
    stream.read_exact(&mut packet).await?;
    let length = packets::length(&packet);
    if length > MAX_GREETING {
        return Err(Fault::Protocol.into());
    }
    meter.add(length)?;
    packet.resize(packets::HEAD.saturating_add(length), 0);
    stream.read_exact(packet.get_mut(packets::HEAD..).unwrap_or_default()).await?;
    Ok(packet)
}

fn asks_for_tls(packet: &[u8]) -> bool {
    let Some(payload) = packet.get(packets::HEAD..) else { return false };
    let capabilities = payload.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    payload.len() == CAPABILITIES_ALONE && capabilities.is_some_and(|it| it & ASKS_FOR_TLS != 0)
}

/// The heads of what a server sends.
enum Heads {
    Messages(Messages),
    Packets(Packets),
}

impl Heads {
    /// Follows the next bytes, and writes those for the driver to `passed`.
    fn feed(&mut self, bytes: &[u8], passed: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::Messages(messages) => messages.feed(bytes, passed),
            Self::Packets(packets) => {
                packets.feed(bytes).map_err(|packets::Misfit| Fault::Protocol)?;
                passed.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Messages(messages) => messages.key(),
            Self::Packets(_) => None,
        }
    }
}

/// Passes bytes in both directions, until one side hangs up or the server breaks a rule.
async fn pass(
    driver: Box<dyn Stream>,
    server: Box<dyn Stream>,
    mut heads: Heads,
    meter: &Meter,
) -> Result<(), Ended> {
    let (mut from_driver, mut to_driver) = split(driver);
    let (mut from_server, mut to_server) = split(server);
    let asking = async {
        copy(&mut from_driver, &mut to_server).await?;
        to_server.shutdown().await?;
        Ok::<(), Ended>(())
    };
    let answering = async {
        let mut chunk = vec![0; CHUNK];
        let mut passed = Vec::new();
        loop {
            let count = from_server.read(&mut chunk).await?;
            let bytes = chunk.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                to_driver.shutdown().await?;
                return Ok(());
            }
            meter.add(count)?;
            passed.clear();
            heads.feed(bytes, &mut passed)?;
            if let Some(key) = heads.key() {
                // It is the same each time.
                let _ = meter.key.set(key.to_vec());
            }
            to_driver.write_all(&passed).await?;
            // Encryption keeps what is written until then.
            to_driver.flush().await?;
        }
    };
    // The driver ends by hanging up. What the server still says then is heard by none.
    tokio::select! {
        ended = asking => ended,
        ended = answering => ended,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn rows_that_were_taken_are_taken_off() {
        let meter = Meter::new(1000);
        for _ in 0..100 {
            assert!(meter.add(900).is_ok());
            meter.credit([500, 400].into_iter());
        }
        assert!(meter.add(1000).is_ok());
        assert!(matches!(meter.add(1), Err(Ended::Fault(Fault::TooMuch))));
        meter.begin();
        assert!(meter.add(1).is_ok());
    }

    /// Takes one connection, and returns the request that is made there.
    fn listen(listener: TcpListener) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut heard = vec![0; 16];
            listener.accept().unwrap().0.read_exact(&mut heard).unwrap();
            heard
        })
    }

    #[test]
    fn a_statement_is_ended_where_it_runs_whatever_the_name_means_by_then() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let [first, second] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [home, other] = [&first, &second].map(|it| it.local_addr().unwrap());
        // As a resolver answers: first the one, later the other.
        let mut answers = [home, other].into_iter();
        let upstream = runtime.block_on(Upstream::first_of(answers.by_ref().take(1))).ok().unwrap();
        let place = upstream.place().clone();
        drop((upstream, first.accept().unwrap()));
        let hearing = listen(first);
        let protection = Protection::new(Encryption::Off, None, "localhost".to_owned());
        let cancelled = runtime.block_on(async {
            let upstream = Upstream::again(&place).await?;
            upstream.cancel_postgres(&protection, b"\0\0\0\x07seed").await
        });
        cancelled.unwrap();
        assert_eq!(hearing.join().unwrap(), b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07seed");
        second.set_nonblocking(true).unwrap();
        assert!(second.accept().is_err());
    }

    #[test]
    fn only_a_packet_of_capabilities_alone_asks_for_encryption() {
        let mut packet = vec![32, 0, 0, 1, 0, 0x08, 0, 0];
        packet.resize(36, 0);
        assert!(asks_for_tls(&packet));
        packet.push(0);
        assert!(!asks_for_tls(&packet));
        packet.truncate(36);
        packet[5] = 0;
        assert!(!asks_for_tls(&packet));
        assert!(!asks_for_tls(&[]));
    }
}
