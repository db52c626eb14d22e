//! An established connection to a member: TLS done, greeted, and ready for frames.
//!
//! Here the two ways to get one meet: dialling and accepting. Each has one bound on its time.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::SystemTime;

use cloister_certs::{
    HandshakeProblem, Identity, Member, Roster, Side, client_config, diagnose, peer_fingerprint,
    server_config, server_name,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::greeting::{self, Greeting, GreetingError, PATIENCE};
use super::stream::{FrameReader, FrameWriter};

/// How much plaintext TLS may hold back while the network takes no more.
const TLS_BUFFER: usize = 1 << 20;

/// What a peer that was refused may still send before we cut it.
const LINGER_BYTES: u64 = 64 << 10;

/// A greeted connection.
pub(super) struct Connection {
    /// The member at the other end, as its certificate says.
    pub(super) member: String,
    /// What it said of itself.
    pub(super) greeting: Greeting,
    /// A value that both ends derive from this connection, and nobody else.
    pub(super) binding: [u8; 32],
    pub(super) reader: FrameReader<ReadHalf<TlsStream<TcpStream>>>,
    pub(super) writer: FrameWriter<WriteHalf<TlsStream<TcpStream>>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("{address} cannot be reached: {error}; is its node running, and the address right?")]
    Unreachable { address: String, error: io::Error },
    #[error("{0}")]
    Handshake(#[from] HandshakeProblem),
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    #[error("the TLS settings: {0}")]
    Settings(#[from] cloister_certs::SettingsError),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TooSlow,
}

/// What this node shows and accepts.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) identity: Arc<Identity>,
    pub(super) roster: Arc<Roster>,
    pub(super) greeting: Greeting,
}

impl Credentials {
    /// Connects to `member` at `address`.
    pub(super) async fn dial(
        &self,
        member: &Member,
        address: &str,
    ) -> Result<Connection, ConnectionError> {
        let attempt = async {
            let connected = TcpStream::connect(address).await;
            let tcp = connected.map_err(|error| ConnectionError::Unreachable {
                address: address.to_owned(),
                error,
            })?;
            self.dial_over(tcp, member).await
        };
        timeout(PATIENCE, attempt).await.map_err(|_| ConnectionError::TooSlow)?
    }

    async fn dial_over(
        &self,
        tcp: TcpStream,
        member: &Member,
    ) -> Result<Connection, ConnectionError> {
        tcp.set_nodelay(true).map_err(GreetingError::from)?;
        let connector = TlsConnector::from(client_config(&self.identity, member)?);
        let shaken = connector.connect(server_name(), tcp).await;
        let tls = shaken.map_err(|error| self.explain(&error, Side::Client))?;
        let (mut connection, ours) = self.prepare(TlsStream::from(tls))?;
        let greeted = greeting::greet(&ours, &mut connection.reader, &mut connection.writer).await;
        connection.greeting = greeted.map_err(|error| self.in_greeting(error, Side::Client))?;
        Ok(connection)
    }

    /// Accepts a connection from any member.
    pub(super) async fn accept(&self, tcp: TcpStream) -> Result<Connection, ConnectionError> {
        timeout(PATIENCE, self.accept_over(tcp)).await.map_err(|_| ConnectionError::TooSlow)?
    }

    async fn accept_over(&self, tcp: TcpStream) -> Result<Connection, ConnectionError> {
        tcp.set_nodelay(true).map_err(GreetingError::from)?;
        let config = server_config(&self.identity, Arc::clone(&self.roster))?;
        let shaken = TlsAcceptor::from(config).accept(tcp).into_fallible().await;
        let tls = match shaken {
            Ok(tls) => tls,
            Err((error, tcp)) => {
                linger(tcp).await;
                return Err(self.explain(&error, Side::Server).into());
            }
        };
        let (mut connection, ours) = self.prepare(TlsStream::from(tls))?;
        let met = greeting::welcome(&ours, &mut connection.reader, &mut connection.writer).await;
        connection.greeting = met.map_err(|error| self.in_greeting(error, Side::Server))?;
        Ok(connection)
    }

    fn prepare(
        &self,
        mut tls: TlsStream<TcpStream>,
    ) -> Result<(Connection, Greeting), ConnectionError> {
        let mut binding = [0; 32];
        let member = match &mut tls {
            TlsStream::Client(stream) => {
                let session = stream.get_mut().1;
                session.set_buffer_limit(Some(TLS_BUFFER));
                export(session.export_keying_material(&mut binding, EXPORTER, None))?;
                peer_fingerprint(session)
            }
            TlsStream::Server(stream) => {
                let session = stream.get_mut().1;
                session.set_buffer_limit(Some(TLS_BUFFER));
                export(session.export_keying_material(&mut binding, EXPORTER, None))?;
                peer_fingerprint(session)
            }
        };
        let member = member.and_then(|print| self.roster.name_of(&print)).unwrap_or_default();
        let member = member.to_owned();
        let (reader, writer) = tokio::io::split(tls);
        let (reader, writer) = (FrameReader::new(reader), FrameWriter::new(writer));
        let greeting = self.greeting;
        Ok((Connection { member, greeting, binding, reader, writer }, greeting))
    }

    fn explain(&self, error: &io::Error, side: Side) -> HandshakeProblem {
        diagnose(error, side, self.identity.facts(), SystemTime::now()).recognise(&self.roster)
    }

    /// In TLS 1.3 a client reads of the refusal of its certificate only here.
    fn in_greeting(&self, error: GreetingError, side: Side) -> ConnectionError {
        match error {
            GreetingError::Io(error) => self.explain(&error, side).into(),
            other => other.into(),
        }
    }
}

const EXPORTER: &[u8] = b"EXPORTER-cloister-1-link";

fn export<T>(result: Result<T, tokio_rustls::rustls::Error>) -> Result<(), ConnectionError> {
    let failed = |error| io::Error::new(ErrorKind::InvalidData, error);
    result.map(drop).map_err(|error| GreetingError::from(failed(error)).into())
}

/// A connection that is dropped with bytes unread is cut by the system, and the peer may never
/// read why it was refused.
async fn linger(mut tcp: TcpStream) {
    if tcp.shutdown().await.is_ok() {
        let mut rest = tcp.take(LINGER_BYTES);
        // Whatever comes is thrown away; the caller's timeout bounds the wait.
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}
