//! An established connection to a member: TLS done, greeted, and ready for frames.
//!
//! A connection is dialled or accepted. Both ways have one bound on their time.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::SystemTime;

use cloister_certs::{
    CertificateFacts, HandshakeProblem, Identity, Member, Roster, Side, client_config, diagnose,
    peer_facts, peer_fingerprint, server_config, server_name,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::greeting::{self, Greeting, GreetingError, PATIENCE, Purpose};
use super::stream::{FrameReader, FrameWriter};
use crate::vocabulary::connection_table::{Place, Stage};

/// The plaintext that TLS may hold back while the network takes no more, in bytes.
const TLS_BUFFER: usize = 1 << 20;

/// The bytes that a refused peer may still send before the connection is cut.
const LINGER_BYTES: u64 = 64 << 10;

/// A greeted connection.
pub(super) struct Connection {
    /// The member at the other end, as its certificate says.
    pub(super) member: String,
    /// The member's greeting.
    pub(super) greeting: Greeting,
    /// The facts in its certificate, if it can be read.
    pub(super) certificate: Option<CertificateFacts>,
    /// The link binding: a value that only the two ends of this connection can derive.
    pub(super) binding: [u8; 32],
    pub(super) reader: FrameReader<ReadHalf<TlsStream<TcpStream>>>,
    pub(super) writer: FrameWriter<WriteHalf<TlsStream<TcpStream>>>,
}

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No answer at the member's address.
    #[error("{address} cannot be reached: {error}; is its node running, and the address right?")]
    Unreachable {
        /// The address in the consortium file.
        address: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A failure of TLS, or a certificate that one end does not accept.
    #[error("{0}")]
    Handshake(#[from] HandshakeProblem),
    /// A greeting that does not fit.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// TLS settings that cannot be used.
    #[error("the TLS settings: {0}")]
    Settings(#[from] cloister_certs::SettingsError),
    /// No answer within the time allowed.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TooSlow,
}

/// A connection that was refused.
pub(super) struct Refused {
    /// The member that made it, if its certificate already showed one.
    pub(super) member: Option<String>,
    pub(super) error: ConnectionError,
}

impl From<ConnectionError> for Refused {
    fn from(error: ConnectionError) -> Self {
        Self { member: None, error }
    }
}

/// The identity and greeting that this node shows, and the certificates that it accepts.
#[derive(Clone)]
pub struct Credentials {
    pub(super) identity: Arc<Identity>,
    pub(super) roster: Arc<Roster>,
    pub(super) greeting: Greeting,
}

impl Credentials {
    /// Creates the credentials of a node with this identity and these pinned members.
    #[must_use]
    pub fn new(identity: Arc<Identity>, roster: Arc<Roster>, greeting: Greeting) -> Self {
        Self { identity, roster, greeting }
    }

    /// Connects to `member` at `address`, and checks that the greetings fit.
    pub(super) async fn dial(
        &self,
        member: &Member,
        address: &str,
    ) -> Result<Connection, ConnectionError> {
        let dialled = self.dial_for(Purpose::Link, member, address).await?;
        self.greeting.check(&dialled.greeting)?;
        Ok(dialled)
    }

    /// Connects to `member` at `address`, without checking that the greetings fit.
    async fn dial_for(
        &self,
        purpose: Purpose,
        member: &Member,
        address: &str,
    ) -> Result<Connection, ConnectionError> {
        let attempt = async {
            let connected = TcpStream::connect(address).await;
            let tcp = connected.map_err(|error| ConnectionError::Unreachable {
                address: address.to_owned(),
                error,
            })?;
            self.dial_over(purpose, tcp, member).await
        };
        timeout(PATIENCE, attempt).await.map_err(|_| ConnectionError::TooSlow)?
    }

    /// Runs the TLS handshake and greets.
    pub(super) async fn dial_over(
        &self,
        purpose: Purpose,
        tcp: TcpStream,
        member: &Member,
    ) -> Result<Connection, ConnectionError> {
        tcp.set_nodelay(true).map_err(GreetingError::from)?;
        let connector = TlsConnector::from(client_config(&self.identity, member)?);
        let shaken = connector.connect(server_name(), tcp).await;
        let tls = shaken.map_err(|error| self.explain(&error, Side::Client))?;
        let (mut connection, ours) = self.prepare(purpose, TlsStream::from(tls))?;
        let greeted = greeting::greet(&ours, &mut connection.reader, &mut connection.writer).await;
        connection.greeting = greeted.map_err(|error| self.in_greeting(error, Side::Client))?;
        Ok(connection)
    }

    /// Accepts a connection from any member, in this place. A refusal names the member where the
    /// certificate showed one.
    pub(super) async fn accept(
        &self,
        tcp: TcpStream,
        place: &Place,
    ) -> Result<Connection, Refused> {
        let too_slow = || Refused { member: None, error: ConnectionError::TooSlow };
        if !place.spoken(&tcp).await {
            return Err(too_slow());
        }
        timeout(PATIENCE, self.accept_over(tcp, place)).await.map_err(|_| too_slow())?
    }

    async fn accept_over(&self, tcp: TcpStream, place: &Place) -> Result<Connection, Refused> {
        let (mut connection, ours) = self.shake(tcp).await?;
        place.reach(Stage::Known);
        let met = greeting::welcome(&ours, &mut connection.reader, &mut connection.writer).await;
        let fits = met.and_then(|theirs| match theirs.purpose {
            // The member that probes finds the differences itself.
            Purpose::Probe => Ok(theirs),
            Purpose::Link => ours.check(&theirs).map(|()| theirs),
        });
        match fits {
            Ok(theirs) => Ok(Connection { greeting: theirs, ..connection }),
            Err(error) => {
                let member = Some(connection.member);
                Err(Refused { member, error: self.in_greeting(error, Side::Server) })
            }
        }
    }

    async fn shake(&self, tcp: TcpStream) -> Result<(Connection, Greeting), ConnectionError> {
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
        self.prepare(Purpose::Link, TlsStream::from(tls))
    }

    fn prepare(
        &self,
        purpose: Purpose,
        mut tls: TlsStream<TcpStream>,
    ) -> Result<(Connection, Greeting), ConnectionError> {
        let mut binding = [0; 32];
        let (member, certificate) = match &mut tls {
            TlsStream::Client(stream) => {
                let session = stream.get_mut().1;
                session.set_buffer_limit(Some(TLS_BUFFER));
                export(session.export_keying_material(&mut binding, EXPORTER, None))?;
                (peer_fingerprint(session), peer_facts(session))
            }
            TlsStream::Server(stream) => {
                let session = stream.get_mut().1;
                session.set_buffer_limit(Some(TLS_BUFFER));
                export(session.export_keying_material(&mut binding, EXPORTER, None))?;
                (peer_fingerprint(session), peer_facts(session))
            }
        };
        let member = member.and_then(|print| self.roster.name_of(&print)).unwrap_or_default();
        let member = member.to_owned();
        let (reader, writer) = tokio::io::split(tls);
        let (reader, writer) = (FrameReader::new(reader), FrameWriter::new(writer));
        let greeting = self.greeting.now(purpose);
        let connection =
            Connection { member, greeting: greeting.clone(), certificate, binding, reader, writer };
        Ok((connection, greeting))
    }

    fn explain(&self, error: &io::Error, side: Side) -> HandshakeProblem {
        diagnose(error, side, self.identity.facts(), SystemTime::now()).recognise(&self.roster)
    }

    /// Explains an error of the greeting. In TLS 1.3 a client reads the refusal of its certificate
    /// only here.
    fn in_greeting(&self, error: GreetingError, side: Side) -> ConnectionError {
        match error {
            GreetingError::Io(error) => self.explain(&error, side).into(),
            other => other.into(),
        }
    }
}

const EXPORTER: &[u8] = b"EXPORTER-cloister-1-link";

fn export<T>(result: Result<T, tokio_rustls::rustls::Error>) -> Result<(), ConnectionError> {
    result
        .map(drop)
        .map_err(|error| GreetingError::from(io::Error::new(ErrorKind::InvalidData, error)).into())
}

/// Lets the peer read the reason of its refusal. The system cuts a connection that is dropped with
/// bytes unread, and the peer may then never read it.
async fn linger(mut tcp: TcpStream) {
    if tcp.shutdown().await.is_ok() {
        let mut rest = tcp.take(LINGER_BYTES);
        // All bytes are thrown away; the caller's timeout bounds the wait.
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}
