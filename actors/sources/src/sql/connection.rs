//! The options of connections to database servers, of their addresses alone.

use std::io::Read;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::access::{Access, file_error};
use crate::address::{Address, Encryption, Host, MYSQL, POSTGRES, Server};
use crate::error::{DeclarationError, SourceError};

/// The most bytes of a file of certificates.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// The variables that the driver reads and that no option here takes back. They would go to any host.
const FROM_ENVIRONMENT: [&str; 4] = ["PGOPTIONS", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"];

/// Returns the options of a connection to a PostgreSQL server. What the environment could set
/// otherwise is set here, or refused.
pub(super) fn to_postgres(url: &str, access: &Access) -> Result<PgConnectOptions, SourceError> {
    let address = declared(POSTGRES, url)?;
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
        .ssl_mode(match address.encryption {
            Encryption::Off => PgSslMode::Disable,
            Encryption::Preferred => PgSslMode::Prefer,
            Encryption::Required => PgSslMode::Require,
            Encryption::Signed => PgSslMode::VerifyCa,
            Encryption::Verified => PgSslMode::VerifyFull,
        });
    let options = match &address.host {
        Host::Name(name) => options.host(name),
        Host::Socket(path) => options.socket(path),
    };
    Ok(match certificates(&address, access)? {
        Some(pem) => options.ssl_root_cert_from_pem(pem),
        None => options,
    })
}

/// Returns the options of a connection to a MySQL or MariaDB server.
pub(super) fn to_mysql(url: &str, access: &Access) -> Result<MySqlConnectOptions, SourceError> {
    let address = declared(MYSQL, url)?;
    let options = MySqlConnectOptions::new()
        .port(address.port)
        .username(&address.user)
        .password(&address.password)
        .database(&address.database)
        .ssl_mode(match address.encryption {
            Encryption::Off => MySqlSslMode::Disabled,
            Encryption::Preferred => MySqlSslMode::Preferred,
            Encryption::Required => MySqlSslMode::Required,
            Encryption::Signed => MySqlSslMode::VerifyCa,
            Encryption::Verified => MySqlSslMode::VerifyIdentity,
        });
    let options = match &address.host {
        Host::Name(name) => options.host(name),
        Host::Socket(path) => options.socket(path),
    };
    Ok(match certificates(&address, access)? {
        Some(pem) => options.ssl_ca_from_pem(pem),
        None => options,
    })
}

/// Reads an address, or refuses it as a part of a declaration.
fn declared(server: Server, url: &str) -> Result<Address, DeclarationError> {
    let [scheme, _] = server.schemes;
    server.read(url).map_err(|problem| DeclarationError::Address { scheme, problem })
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
    use std::time::Duration;

    use super::*;

    fn access() -> Access {
        Access { folders: Vec::new(), timeout: Duration::from_secs(1), batch_rows: 1 }
    }

    #[test]
    fn no_password_is_taken_from_the_environment() {
        let options = to_postgres("postgres://a@db.example/d", &access()).unwrap();
        // A driver fills up what is `None` from `PGPASSWORD`.
        assert!(format!("{options:?}").contains("password: Some(\"\")"), "{options:?}");
        assert_eq!(options.get_application_name(), Some("cloister"));
    }

    #[test]
    fn certificates_are_read_inside_of_the_folders_alone() {
        let url = "postgres://a:b@db.example/d?sslrootcert=/etc/hostname";
        let refused = to_postgres(url, &access()).err().unwrap();
        assert!(matches!(refused, SourceError::Declaration(DeclarationError::OutsideFolders)));
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::write(real.join("ca.pem"), "certificates").unwrap();
        let access = Access { folders: vec![real.clone()], ..access() };
        let url = format!("mysql://a:b@db.example/d?ssl-ca={}", real.join("ca.pem").display());
        let options = to_mysql(&url, &access).unwrap();
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity));
    }
}
