//! The hosts of databases that a node may connect to.
//!
//! An address comes from an owner's client. So without a list a node would connect anywhere, and
//! its answers would tell which ports of its network are open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::{Host, divided, is_host};
use crate::source::Source;

/// The word for this machine: its sockets and loopback addresses.
const HERE: &str = "localhost";

/// The word for all hosts.
const ANY: &str = "*";

/// The hosts of databases that a node may connect to. By default this machine only.
///
/// It is written as a list: names or addresses, with a port or without; `localhost` for sockets and
/// loopback addresses of this machine; the absolute path of a socket, as addresses have it, for this
/// one alone; `*` for all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct DatabaseHosts {
    any: bool,
    here: bool,
    /// Names or addresses, each with a port or for all ports.
    others: Vec<(String, Option<u16>)>,
    /// Paths of sockets on this machine.
    sockets: Vec<PathBuf>,
}

/// An entry that is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no host; write a name or address, with a port behind a colon or without, \"localhost\" \
     for this machine, the path of a socket, or \"*\" for all"
)]
pub struct NotAHost(pub String);

impl Default for DatabaseHosts {
    fn default() -> Self {
        Self { any: false, here: true, others: Vec::new(), sockets: Vec::new() }
    }
}

impl DatabaseHosts {
    /// Returns a list that holds all hosts.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Adds the host of a source that the operator has written down.
    pub fn add_host_of(&mut self, source: &Source) {
        match source.server() {
            Some((Host::Name(name), port)) => {
                self.others.push((name.to_ascii_lowercase(), Some(port)));
            }
            Some((Host::Socket(path), _)) => self.sockets.push(path),
            None => {}
        }
    }

    /// Returns the entry that a source's server needs and the list does not have.
    #[must_use]
    pub fn lacks(&self, source: &Source) -> Option<String> {
        let (host, port) = source.server()?;
        (!self.allow(&host, port)).then(|| match host {
            Host::Name(_) => format!("{host}:{port}"),
            Host::Socket(_) => host.to_string(),
        })
    }

    /// Returns `true` if a server of that host and port may be connected to.
    pub(crate) fn allow(&self, host: &Host, port: u16) -> bool {
        if self.any || (self.here && host.is_here()) {
            return true;
        }
        let name = match host {
            Host::Name(name) => name,
            Host::Socket(path) => return self.sockets.contains(path),
        };
        let is_this = |(known, of): &(String, Option<u16>)| {
            known.eq_ignore_ascii_case(name) && of.is_none_or(|of| of == port)
        };
        self.others.iter().any(is_this)
    }
}

impl TryFrom<Vec<String>> for DatabaseHosts {
    type Error = NotAHost;

    fn try_from(entries: Vec<String>) -> Result<Self, NotAHost> {
        let mut list = Self { here: false, ..Self::default() };
        for entry in entries {
            match entry.as_str() {
                ANY => list.any = true,
                HERE => list.here = true,
                path if path.starts_with('/') => list.sockets.push(path.into()),
                other => list.others.push(place(other).ok_or(NotAHost(entry))?),
            }
        }
        Ok(list)
    }
}

impl From<DatabaseHosts> for Vec<String> {
    fn from(list: DatabaseHosts) -> Self {
        let words = [(list.any, ANY), (list.here, HERE)];
        let words = words.into_iter().filter(|(is_in, _)| *is_in).map(|(_, word)| word.to_owned());
        let others = list.others.into_iter().map(|(name, port)| {
            let name = Host::Name(name);
            port.map_or_else(|| name.to_string(), |port| format!("{name}:{port}"))
        });
        let sockets = list.sockets.into_iter().map(|path| path.display().to_string());
        words.chain(others).chain(sockets).collect()
    }
}

/// Reads a name or address, with or without a port.
fn place(entry: &str) -> Option<(String, Option<u16>)> {
    let (name, port) = divided(entry).ok()?;
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
    };
    let is_name = !name.is_empty() && is_host(name);
    is_name.then(|| (name.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> DatabaseHosts {
        let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        DatabaseHosts::try_from(entries).unwrap()
    }

    fn allows(list: &DatabaseHosts, name: &str, port: u16) -> bool {
        list.allow(&Host::Name(name.to_owned()), port)
    }

    #[test]
    fn hosts_are_allowed_by_name_and_port() {
        let named = list(&["DB.example", "10.0.0.5:5432", "[fd00::1]:3306"]);
        assert!(allows(&named, "db.EXAMPLE", 1) && allows(&named, "10.0.0.5", 5432));
        assert!(allows(&named, "fd00::1", 3306));
        let written = ["db.example", "10.0.0.5:5432", "[fd00::1]:3306"];
        assert_eq!(Vec::<String>::from(named.clone()), written);
        for (name, port) in
            [("10.0.0.5", 22), ("db.example.org", 1), ("localhost", 5432), ("db.example.", 1)]
        {
            assert!(!allows(&named, name, port), "{name}:{port}");
        }
        assert!(!named.allow(&Host::Socket("/run/postgresql".into()), 5432));
        let here = DatabaseHosts::default();
        assert_eq!(here, list(&["localhost"]));
        assert!(allows(&here, "127.0.0.1", 5432) && !allows(&here, "10.0.0.5", 5432));
        assert!(here.allow(&Host::Socket("/run/postgresql".into()), 5432));
        assert!(allows(&list(&["*"]), "anywhere.example", 1));
        assert!(!allows(&list(&[]), "localhost", 5432));
    }

    #[test]
    fn sockets_are_allowed_by_their_path() {
        let socket = |path: &str| Host::Socket(path.into());
        let named = list(&["db.example", "/run/postgresql"]);
        assert_eq!(Vec::<String>::from(named.clone()), ["db.example", "/run/postgresql"]);
        assert!(named.allow(&socket("/run/postgresql"), 5432));
        assert!(!named.allow(&socket("/run/other"), 5432) && !allows(&named, "localhost", 5432));
        let source = |url: &str| Source::Postgres {
            url: url.to_owned(),
            from: crate::source::Relation::Table("t".to_owned()),
        };
        let (by_socket, by_name) =
            (source("postgres://a@/d?host=/run/other"), source("postgres://a@db.other/d"));
        let mut added = named.clone();
        assert_eq!(added.lacks(&by_socket).as_deref(), Some("/run/other"));
        assert_eq!(added.lacks(&by_name).as_deref(), Some("db.other:5432"));
        [&by_socket, &by_name].into_iter().for_each(|source| added.add_host_of(source));
        assert_eq!((added.lacks(&by_socket), added.lacks(&by_name)), (None, None));
        assert_eq!(added.lacks(&Source::Parquet { path: "a".into() }), None);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for entry in ["", "a b", "db:0", "db:70000", "db:port", "postgres://db", ":5432", "a,b"] {
            assert!(DatabaseHosts::try_from(vec![entry.to_owned()]).is_err(), "{entry}");
        }
    }
}
