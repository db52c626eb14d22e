//! Connections to database servers, of their addresses alone, each through a relay.

use std::io::Read;
use std::sync::{Arc, OnceLock};

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use super::relay::{LocalSocket, Meter, Place, Protection, Spoken, Upstream};

use crate::access::{Access, file_error};
use crate::address::{Address, Encryption, Host, MYSQL, POSTGRES, Server};
use crate::error::{DeclarationError, SourceError};

/// The most bytes of a file of certificates.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// The variables that the driver reads and that no option here takes back. They would go to any host.
const FROM_ENVIRONMENT: [&str; 4] = ["PGOPTIONS", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"];

/// A server of PostgreSQL, with the options of connections to it.
pub(super) struct PostgresServer {
    options: PgConnectOptions,
    protection: Arc<Protection>,
    host: Host,
    port: u16,
    /// The place that the first connection has reached.
    reached: OnceLock<Place>,
}

impl PostgresServer {
    /// Reads an address. What the environment could set otherwise is set here, or refused.
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, SourceError> {
        let address = declared(POSTGRES, url, access)?;
        let is_set = |name: &&&str| std::env::var_os(name).is_some();
        if let Some(name) = FROM_ENVIRONMENT.iter().find(is_set) {
            return Err(DeclarationError::Environment(name).into());
        }
        let options = PgConnectOptions::new_without_pgpass()
            .port(address.port)
            .username(&address.user)
            .password(&address.password)
            .database(&address.database)
            .application_name("cloister")
            // The relay protects the way to the server, as the address asks for it.
            .ssl_mode(PgSslMode::Disable)
            .host("localhost")
            .disable_statement_logging();
        let certificates = certificates(&address, access)?;
        let Address { encryption, host, port, .. } = address;
        let name = name_of(&host).to_owned();
        let protection = Arc::new(Protection::new(encryption, certificates, name));
        Ok(Self { options, protection, host, port, reached: OnceLock::new() })
    }

    /// Connects through a relay.
    pub(super) async fn connect(&self, meter: &Arc<Meter>) -> Result<PgConnection, sqlx::Error> {
        let name = format!(".s.PGSQL.{}", self.port);
        let host = match &self.host {
            Host::Socket(folder) => Host::Socket(folder.join(&name)),
            Host::Name(name) => Host::Name(name.clone()),
        };
        let upstream = Upstream::connect(&host, self.port).await?;
        // A server has one session, which is the first connection.
        let _ = self.reached.set(upstream.place().clone());
        let socket = LocalSocket::open(name)?;
        let options = self.options.clone().socket(socket.folder());
        socket.relay(upstream, Spoken::Postgres(self.protection.clone()), meter.clone());
        options.connect().await
    }

    /// Ends the statement of the session with this key, at the place that the session is at.
    pub(super) async fn cancel(&self, key: &[u8]) -> Result<(), sqlx::Error> {
        let Some(place) = self.reached.get() else { return Ok(()) };
        let upstream = Upstream::again(place).await?;
        Ok(upstream.cancel_postgres(&self.protection, key).await?)
    }
}

/// A server of MySQL or MariaDB, with the options of connections to it.
pub(super) struct MysqlServer {
    options: MySqlConnectOptions,
    encryption: Encryption,
    certificates: Option<Vec<u8>>,
    host: Host,
    port: u16,
    /// The place that the first connection has reached.
    reached: OnceLock<Place>,
}

impl MysqlServer {
    /// Reads an address.
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, SourceError> {
        let address = declared(MYSQL, url, access)?;
        let options = MySqlConnectOptions::new()
            .host("localhost")
            .username(&address.user)
            .password(&address.password)
            .database(&address.database)
            // Towards the relay, which protects the way to the server as the address asks for it.
            .ssl_mode(match address.encryption {
                Encryption::Off => MySqlSslMode::Disabled,
                Encryption::Preferred => MySqlSslMode::Preferred,
                _ => MySqlSslMode::Required,
            })
            // The session keeps the server's mode, so that a query means what its author tested.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(Some("+00:00".to_owned()))
            .disable_statement_logging();
        let certificates = certificates(&address, access)?;
        let Address { encryption, host, port, .. } = address;
        Ok(Self { options, encryption, certificates, host, port, reached: OnceLock::new() })
    }

    /// Connects through a relay.
    pub(super) async fn connect(&self, meter: &Arc<Meter>) -> Result<MySqlConnection, sqlx::Error> {
        let upstream = Upstream::connect(&self.host, self.port).await?;
        let _ = self.reached.set(upstream.place().clone());
        self.connect_over(upstream, meter).await
    }

    /// Connects again to the place that the first connection has reached.
    pub(super) async fn connect_again(
        &self,
        meter: &Arc<Meter>,
    ) -> Result<MySqlConnection, sqlx::Error> {
        let gone = std::io::Error::from(std::io::ErrorKind::NotConnected);
        let place = self.reached.get().ok_or(gone)?;
        self.connect_over(Upstream::again(place).await?, meter).await
    }

    async fn connect_over(
        &self,
        upstream: Upstream,
        meter: &Arc<Meter>,
    ) -> Result<MySqlConnection, sqlx::Error> {
        let socket = LocalSocket::open("mysql".to_owned())?;
        let options = self.options.clone().socket(socket.path());
        let name = name_of(&self.host).to_owned();
        let protection = Protection::new(self.encryption, self.certificates.clone(), name);
        socket.relay(upstream, Spoken::Mysql(protection), meter.clone());
        options.connect().await
    }
}

/// Returns the name that a server's certificate has.
fn name_of(host: &Host) -> &str {
    match host {
        Host::Name(name) => name,
        Host::Socket(_) => "localhost",
    }
}

/// Reads an address, or refuses it as a part of a declaration.
fn declared(server: Server, url: &str, access: &Access) -> Result<Address, DeclarationError> {
    let [scheme, _] = server.schemes;
    let address =
        server.read(url).map_err(|problem| DeclarationError::Address { scheme, problem })?;
    if !access.hosts.allow(&address.host, address.port) {
        let host = format!("{}:{}", address.host, address.port);
        return Err(DeclarationError::Host(host));
    }
    Ok(address)
}

/// Reads the file of certificates, which lies in a folder that the operator has named.
fn certificates(address: &Address, access: &Access) -> Result<Option<Vec<u8>>, SourceError> {
    let Some(path) = &address.certificates else { return Ok(None) };
    let mut pem = Vec::new();
    let read = access.open(path)?.take(MAX_CERTIFICATES + 1).read_to_end(&mut pem);
    if read.map_err(|error| file_error(path, &error))? as u64 > MAX_CERTIFICATES {
        return Err(DeclarationError::Certificates.into());
    }
    Ok(Some(pem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::DatabaseHosts;

    fn access() -> Access {
        Access { hosts: DatabaseHosts::any(), ..Access::default() }
    }

    #[test]
    fn no_password_is_taken_from_the_environment() {
        let server = PostgresServer::new("postgres://a@db.example/d", &access()).ok().unwrap();
        let options = server.options;
        // A driver fills up what is `None` from `PGPASSWORD`.
        assert!(format!("{options:?}").contains("password: Some(\"\")"), "{options:?}");
        assert_eq!(options.get_application_name(), Some("cloister"));
    }

    #[test]
    fn only_hosts_that_the_operator_has_named_are_connected_to() {
        let access = Access { hosts: DatabaseHosts::default(), ..access() };
        for url in ["postgres://a:hunter2@localhost/d", "postgres://a@/d?host=/run/postgresql"] {
            assert!(PostgresServer::new(url, &access).is_ok(), "{url}");
        }
        let refused = PostgresServer::new("postgres://a:hunter2@10.0.0.7:22/d", &access);
        let message = refused.err().unwrap().to_string();
        assert!(message.contains("10.0.0.7:22") && message.contains("data.hosts"), "{message}");
        assert!(!message.contains("hunter2"));
        assert!(MysqlServer::new("mysql://a:b@10.0.0.7/d", &access).is_err());
    }

    #[test]
    fn certificates_are_read_inside_of_the_folders_alone() {
        let url = "postgres://a:b@db.example/d?sslrootcert=/etc/hostname";
        let refused = PostgresServer::new(url, &access()).err().unwrap();
        assert!(matches!(refused, SourceError::Declaration(DeclarationError::OutsideFolders)));
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::write(real.join("ca.pem"), "certificates").unwrap();
        let access = Access { folders: vec![real.clone()], ..access() };
        let url = format!("mysql://a:b@db.example/d?ssl-ca={}", real.join("ca.pem").display());
        let server = MysqlServer::new(&url, &access).ok().unwrap();
        assert_eq!(server.encryption, Encryption::Verified);
        assert_eq!(server.certificates.as_deref(), Some(&b"certificates"[..]));
    }
}
