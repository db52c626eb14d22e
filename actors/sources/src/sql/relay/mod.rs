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
//!
//! Connections to PostgreSQL pass as they are, encrypted or not.

mod packets;
mod tls;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpStream, UnixListener, UnixStream, lookup_host};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use self::packets::Packets;
pub(super) use self::tls::Protection;
use crate::address::Host;

/// The bytes that are passed on at once.
const CHUNK: usize = 16 << 10;

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
        Self { ahead: AtomicUsize::new(0), limit, fault: OnceLock::new() }
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
pub(super) struct Upstream(Box<dyn Stream>);

impl Upstream {
    /// Connects to a server.
    pub(super) async fn connect(host: &Host, port: u16) -> io::Result<Self> {
        match host {
            Host::Socket(path) => Ok(Self(Box::new(UnixStream::connect(path).await?))),
            Host::Name(name) => {
                let unknown = |_| io::Error::from(io::ErrorKind::NotFound);
                let places: Vec<_> =
                    lookup_host((name.as_str(), port)).await.map_err(unknown)?.collect();
                let stream = TcpStream::connect(places.as_slice()).await?;
                stream.set_nodelay(true)?;
                Ok(Self(Box::new(stream)))
            }
        }
    }
}

/// The protocol that a relay understands.
pub(super) enum Spoken {
    /// Bytes are counted alone.
    Postgres,
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
                Spoken::Postgres => pass(Box::new(driver), upstream.0, None, &meter).await,
                Spoken::Mysql(protection) => {
                    pass_mysql(driver, upstream.0, &protection, &meter).await
                }
            };
            if let Err(Ended::Fault(fault)) = ended {
                // The first is the cause.
                let _ = meter.fault.set(fault);
            }
        });
    }
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
        let name = ServerName::try_from(protection.name().to_owned()).map_err(|_| Fault::Tls)?;
        let connector = TlsConnector::from(protection.towards_server().ok_or(Fault::Tls)?);
        server = Box::new(connector.connect(name, server).await.map_err(|_| Fault::Tls)?);
        let acceptor = TlsAcceptor::from(tls::towards_driver().ok_or(Fault::Tls)?);
        driver = Box::new(acceptor.accept(driver).await.map_err(|_| Fault::Tls)?);
    }
    pass(driver, server, Some(Packets::default()), meter).await
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

/// Passes bytes in both directions, until one side hangs up or the server breaks a rule.
async fn pass(
    driver: Box<dyn Stream>,
    server: Box<dyn Stream>,
    mut packets: Option<Packets>,
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
        loop {
            let count = from_server.read(&mut chunk).await?;
            let bytes = chunk.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                to_driver.shutdown().await?;
                return Ok(());
            }
            meter.add(count)?;
            if let Some(packets) = &mut packets {
                packets.feed(bytes).map_err(|packets::Misfit| Fault::Protocol)?;
            }
            to_driver.write_all(bytes).await?;
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
