//! Addresses of database servers, as people write them: `postgres://user:password@host:port/database`.
//!
//! Nothing of a connection comes from the environment: neither a password that another server was
//! meant to get, nor a way to speak to it. To another machine a connection is encrypted, unless the
//! address says otherwise.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

/// A kind of server, with the words that its addresses have.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) schemes: [&'static str; 2],
    port: u16,
    /// The parameter for the folder or file of a socket on this machine.
    socket: &'static str,
}

pub(crate) const POSTGRES: Server =
    Server { schemes: ["postgres", "postgresql"], port: 5432, socket: "host" };

pub(crate) const MYSQL: Server =
    Server { schemes: ["mysql", "mariadb"], port: 3306, socket: "socket" };

/// The address of a database, and its user. It has no `Debug` form.
pub(crate) struct Address {
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) encryption: Encryption,
    /// The file of the certificates that may sign the server's.
    pub(crate) certificates: Option<PathBuf>,
}

/// The place of a server.
#[derive(Clone)]
pub(crate) enum Host {
    /// A name, or an address in numbers.
    Name(String),
    /// A socket on this machine.
    Socket(PathBuf),
}

/// The protection of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// None, because the address says so.
    Off,
    /// If the server offers it: on this machine only.
    Preferred,
    /// Always.
    Required,
    /// Always, and the server's certificate is signed by a known one.
    Signed,
    /// Always, and the certificate is that of the host.
    Verified,
}

/// The reason for which an address is refused. It tells nothing of the user or the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// It begins with another word, or lacks a part.
    #[error("its form is another")]
    Form,
    /// A sign has another meaning in addresses.
    #[error(
        "in a user, a password or a database write the signs : / ? # [ ] @ % as %3A %2F %3F %23 %5B %5D \
         %40 %25"
    )]
    Signs,
    /// A part is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The port is none.
    #[error("its port is no number from 1 to 65535")]
    OtherPort,
    /// A parameter is not known.
    #[error("its parameter {0:?} is not known: it takes sslmode, sslrootcert and {1}")]
    Parameter(String, &'static str),
    /// The mode of encryption is not known.
    #[error(
        "its sslmode is none of require, verify-ca, verify-full and disable; a mode that gives way to a \
         server without encryption is not taken for another machine"
    )]
    Encryption,
    /// The path of a socket or file is not absolute.
    #[error("the path in {0} is not absolute")]
    Path(&'static str),
}

impl Server {
    /// Reads an address.
    pub(crate) fn read(self, url: &str) -> Result<Address, AddressProblem> {
        use AddressProblem::{Form, Missing, OtherPort, Parameter, Path as NotAbsolute, Signs};
        let (scheme, rest) = url.split_once("://").ok_or(Form)?;
        if !self.schemes.contains(&scheme) {
            return Err(Form);
        }
        if rest.contains('#') {
            return Err(Signs);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // One of them stood in a password.
        if database.contains(['@', '/']) || query.contains('@') {
            return Err(Signs);
        }
        let (account, place) = authority.rsplit_once('@').ok_or(Missing("user"))?;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        if account.contains('@') || password.contains(':') {
            return Err(Signs);
        }
        let (name, port) = divided(place)?;
        let port = match port {
            None => self.port,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(OtherPort)?,
        };
        let (mut socket, mut mode, mut certificates) = (None, None, None);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = decoded(value)?;
            match name {
                "sslmode" | "ssl-mode" => mode = Some(value.to_ascii_lowercase()),
                "sslrootcert" | "sslca" | "ssl-ca" => {
                    certificates = Some(absolute(&value, "sslrootcert")?);
                }
                name if name == self.socket => socket = Some(absolute(&value, self.socket)?),
                other => return Err(Parameter(clipped(other), self.socket)),
            }
        }
        let host = match (decoded(name)?, socket) {
            (name, Some(socket)) if name.is_empty() => Host::Socket(socket),
            (_, Some(_)) => return Err(NotAbsolute(self.socket)),
            (name, None) if name.is_empty() => return Err(Missing("host")),
            (name, None) if !is_host(&name) => return Err(Form),
            (name, None) => Host::Name(name.into_owned()),
        };
        let address = Address {
            user: Some(decoded(user)?.into_owned())
                .filter(|it| !it.is_empty())
                .ok_or(Missing("user"))?,
            password: Zeroizing::new(decoded(password)?.into_owned()),
            encryption: encryption(mode.as_deref(), &host, certificates.is_some())?,
            host,
            port,
            database: Some(decoded(database)?.into_owned())
                .filter(|it| !it.is_empty())
                .ok_or(Missing("database"))?,
            certificates,
        };
        Ok(address)
    }

    /// Writes host, port and database of an address.
    pub(crate) fn place(self, url: &str) -> String {
        match self.read(url) {
            Ok(Address { host, port, database, .. }) => format!("{host}:{port}/{database}"),
            Err(_) => "address not understood".to_owned(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) if name.contains(':') => write!(formatter, "[{name}]"),
            Self::Name(name) => formatter.write_str(name),
            Self::Socket(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl Host {
    /// Returns `true` if no other machine can listen on the way.
    pub(crate) fn is_here(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Name(name) if name == "localhost" => true,
            Self::Name(name) => name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        }
    }
}

/// Writes a password into an address that has none. Returns `None` if it has one, or no user.
pub(crate) fn with_password(url: &str, password: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, place) = rest.split_at_checked(end)?;
    let (user, host) = authority.rsplit_once('@')?;
    if user.is_empty() || user.contains([':', '@']) {
        return None;
    }
    let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
    Some(format!("{scheme}://{user}:{password}@{host}{place}"))
}

/// Returns `true` if an address has a password.
pub(crate) fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let account = authority.rsplit_once('@').map(|(account, _)| account);
    account.is_some_and(|account| account.contains(':'))
}

/// Divides a host and its port. An address with colons stands in brackets.
pub(crate) fn divided(place: &str) -> Result<(&str, Option<&str>), AddressProblem> {
    if let Some(rest) = place.strip_prefix('[') {
        let (name, port) = rest.split_once(']').ok_or(AddressProblem::Form)?;
        return match port {
            "" => Ok((name, None)),
            port => Ok((name, Some(port.strip_prefix(':').ok_or(AddressProblem::Form)?))),
        };
    }
    match place.split_once(':') {
        None => Ok((place, None)),
        Some((_, port)) if port.contains(':') => Err(AddressProblem::Form),
        Some((name, port)) => Ok((name, Some(port))),
    }
}

/// Returns `true` for a name that no driver takes for anything else, such as the folder of a socket.
pub(crate) fn is_host(name: &str) -> bool {
    name.chars().all(|sign| sign.is_ascii_alphanumeric() || "-._:".contains(sign))
}

fn encryption(
    mode: Option<&str>,
    host: &Host,
    has_certificates: bool,
) -> Result<Encryption, AddressProblem> {
    match mode {
        Some("disable" | "disabled") => Ok(Encryption::Off),
        Some("require" | "required") if has_certificates => Ok(Encryption::Signed),
        Some("require" | "required") => Ok(Encryption::Required),
        Some("verify-ca" | "verify_ca") => Ok(Encryption::Signed),
        Some("verify-full" | "verify_full" | "verify_identity") => Ok(Encryption::Verified),
        Some("prefer" | "preferred") if host.is_here() => Ok(Encryption::Preferred),
        Some(_) => Err(AddressProblem::Encryption),
        None if has_certificates => Ok(Encryption::Verified),
        None if host.is_here() => Ok(Encryption::Preferred),
        None => Ok(Encryption::Required),
    }
}

/// Replaces the signs that are written as `%` and two digits.
fn decoded(text: &str) -> Result<Cow<'_, str>, AddressProblem> {
    let escapes = text.split('%').skip(1);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !escapes.into_iter().all(is_escape) {
        return Err(AddressProblem::Signs);
    }
    percent_decode_str(text).decode_utf8().map_err(|_| AddressProblem::Signs)
}

fn absolute(path: &str, parameter: &'static str) -> Result<PathBuf, AddressProblem> {
    let path = Path::new(path);
    path.is_absolute().then(|| path.to_owned()).ok_or(AddressProblem::Path(parameter))
}

fn clipped(name: &str) -> String {
    name.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> AddressProblem {
        POSTGRES.read(url).err().unwrap()
    }

    #[test]
    fn all_parts_of_an_address_are_read() {
        let address =
            POSTGRES.read("postgresql://doctor:p%40ss%2Fw%3Aord%231%25@db.example:5433/cl%20inic");
        let address = address.ok().unwrap();
        assert_eq!((address.user.as_str(), address.password.as_str()), ("doctor", "p@ss/w:ord#1%"));
        assert_eq!((address.host.to_string().as_str(), address.port), ("db.example", 5433));
        assert_eq!(address.database, "cl inic");
        let usual = MYSQL.read("mariadb://a@[::1]/b").ok().unwrap();
        assert_eq!((usual.host.to_string().as_str(), usual.port), ("[::1]", 3306));
        let socket = POSTGRES.read("postgres://a@/b?host=/run/postgresql").ok().unwrap();
        assert!(matches!(socket.host, Host::Socket(path) if path == Path::new("/run/postgresql")));
    }

    #[test]
    fn a_password_is_written_into_an_address_as_it_is_read() {
        for password in ["p@ss/w:ord#1%", "", "ä b?c&d=e[f]"] {
            let url =
                with_password("postgres://doctor@db.example:5433/clinic?sslmode=disable", password);
            let address = POSTGRES.read(&url.unwrap()).ok().unwrap();
            assert_eq!(address.password.as_str(), password);
            assert_eq!((address.host.to_string().as_str(), address.port), ("db.example", 5433));
            assert_eq!(
                (address.database.as_str(), address.encryption),
                ("clinic", Encryption::Off)
            );
        }
        for url in ["postgres://a:b@c/d", "postgres://c/d", "postgres://@c/d", "doctor@c/d"] {
            assert_eq!(with_password(url, "word"), None, "{url}");
        }
        assert!(has_password("mysql://a:b@c/d") && !has_password("mysql://a@c:3306/d"));
    }

    #[test]
    fn another_machine_is_spoken_to_encrypted_unless_the_address_says_otherwise() {
        let of =
            |rest: &str| POSTGRES.read(&format!("postgres://a:b@{rest}")).map(|it| it.encryption);
        assert_eq!(of("db.example/c"), Ok(Encryption::Required));
        assert_eq!(of("10.0.0.1/c"), Ok(Encryption::Required));
        assert_eq!(of("db.example/c?sslmode=disable"), Ok(Encryption::Off));
        assert_eq!(of("db.example/c?sslmode=verify-full"), Ok(Encryption::Verified));
        assert_eq!(of("db.example/c?sslrootcert=/a/ca.pem"), Ok(Encryption::Verified));
        let signed = "db.example/c?sslmode=require&sslrootcert=/a/ca.pem";
        assert_eq!(of(signed), Ok(Encryption::Signed));
        for giving_way in ["prefer", "allow", "anything"] {
            let address = format!("db.example/c?sslmode={giving_way}");
            assert_eq!(of(&address), Err(AddressProblem::Encryption));
        }
        for here in ["localhost/c", "127.0.0.1/c", "[::1]/c", "127.9.9.9:1/c?sslmode=prefer"] {
            assert_eq!(of(here), Ok(Encryption::Preferred), "{here}");
        }
        // A name that only begins like this machine's.
        assert_eq!(of("localhost.example/c"), Ok(Encryption::Required));
    }

    #[test]
    fn what_is_wrong_is_told_without_user_and_password() {
        use AddressProblem::{Form, Missing, OtherPort, Signs};
        for (url, due) in [
            ("mysql://hunter2:b@c/d", Form),
            ("hunter2", Form),
            ("postgres://hunter2:hunter2@c", Missing("database")),
            ("postgres://c/d", Missing("user")),
            ("postgres://:hunter2@c/d", Missing("user")),
            ("postgres://hunter2:b@/d", Missing("host")),
            ("postgres://hunter2:b@c:0/d", OtherPort),
            ("postgres://hunter2:b@c:70000/d", OtherPort),
            ("postgres://x:p@ss/w:ord#1%@127.0.0.1:5432/postgres", Signs),
            ("postgres://x:hunter2@hunter2@c/d", Signs),
            ("postgres://x:hunter2/hunter2@c/d", Signs),
            ("postgres://x:hunter2%@c/d", Signs),
            ("postgres://x:hunter2?a=b@c/d", Signs),
            ("postgres://x:%ff@c/d", Signs),
            ("postgres://x:y@%2Ftmp%2Fz/d", Form),
        ] {
            assert_eq!(problem(url), due, "{url}");
            assert!(!problem(url).to_string().contains("hunter2"));
        }
        let unknown = problem("postgres://a:b@c/d?password=e");
        assert_eq!(unknown, AddressProblem::Parameter("password".to_owned(), "host"));
        let unequal = problem("postgres://a:b@c/d?verify-full");
        assert_eq!(unequal, AddressProblem::Parameter("verify-full".to_owned(), "host"));
        assert_eq!(problem("postgres://a@/d?host=run"), AddressProblem::Path("host"));
    }
}
