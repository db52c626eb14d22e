//! A node's settings, as `node.toml` holds them. Unknown entries are errors.

mod policies;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloister_protocols::disclosure::Profile;
use cloister_sources::{Declaration, Source};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::policies::{DatasetPolicy, Policies, PolicyError};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 16_384;

/// What an operator sets for a node.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The party's name, as the consortium file has it.
    pub party: String,
    /// Where clients reach the node. Without tokens it must be a loopback address.
    pub api_listen: SocketAddr,
    /// Where other nodes reach it.
    pub peer_listen: SocketAddr,
    /// Where health and metrics are told to whoever reaches it, without tokens; only on the API where it is
    /// left out, the metrics there to those who may see them.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// How long computations that are under way may go on when the node is told to stop, in seconds.
    #[serde(default = "default_grace")]
    pub grace_seconds: u32,
    /// The folder with the party's certificate and key; relative to the settings file.
    #[serde(default = "default_identity")]
    pub identity: PathBuf,
    /// The consortium file; relative to the settings file.
    #[serde(default = "default_consortium")]
    pub consortium: PathBuf,
    /// Whose disclosure rules hold on this node.
    #[serde(default)]
    pub profile: Profile,
    /// How long a computation may take in all, in seconds, from its request to its result.
    #[serde(default = "default_deadline")]
    pub deadline_seconds: u32,
    /// Origins of web pages that may use the API from a browser, such as `https://lab.example`.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The folder with what the node must not forget; relative to the settings file.
    #[serde(default = "default_state")]
    pub state: PathBuf,
    /// Who may call the API, and how.
    #[serde(default)]
    pub access: Access,
    /// Where data may lie, and how long reading them may take.
    #[serde(default)]
    pub data: DataAccess,
    /// Datasets that the node knows from its start on; the command registers others.
    #[serde(default, rename = "dataset", skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Declaration>,
    /// What the owners of datasets decide. Files in the folder `policy.d` beside the settings add to it.
    #[serde(default)]
    pub policy: Policies,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// For whom this node computes on shares.
    #[serde(default)]
    pub committee: Committee,
    /// What this node makes ahead with each other member.
    #[serde(default)]
    pub pairwise: Pairwise,
    /// Where the node sends traces of its computations.
    #[serde(default)]
    pub telemetry: Telemetry,
}

/// Who may call the API, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Whether a token is needed. Without, the API listens on the loopback interface only.
    pub mode: AccessMode,
    /// Whether the API speaks HTTPS; where it is left out: unless it listens on loopback.
    pub tls: Option<bool>,
    /// A certificate of the operator's own for HTTPS, with its chain, as PEM; the party's identity
    /// where it is left out. Relative to the settings file.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
    /// How many requests a second one principal may send over time.
    pub requests_per_second: u32,
    /// How many it may send at once.
    pub burst: u32,
}

/// Whether a token is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// Everybody on this machine may call.
    #[default]
    Open,
    /// Whoever has a token may call.
    Tokens,
}

/// Where data may lie.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataAccess {
    /// The folders that files may lie in; relative to the settings file.
    pub folders: Vec<PathBuf>,
    /// How long a database or a file may take for one reading, in seconds.
    pub timeout_seconds: u32,
}

/// For whom a node computes on shares, as one of the three of a committee. Two of the three that
/// collude see everybody's data: who sits there is a question of trust, and so the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Committee {
    /// In computations that this node's own client has asked for.
    pub serve: bool,
    /// In computations of other members, without data of its own and without seeing the answer.
    pub help: bool,
}

/// What a node makes ahead with each other member that it computes with on shares alone, and keeps in
/// memory until it is used up or their link is lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pairwise {
    /// Whether it makes anything ahead; else all is made when it is needed.
    pub ahead: bool,
    /// The most that it keeps with each member, in MiB.
    pub stock: usize,
}

/// Where a node sends traces of its computations; nowhere, unless it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// A collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`.
    pub endpoint: Option<Endpoint>,
}

/// The URL of a collector, which the paths of OTLP are appended to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Url);

/// What is wrong with the URL of a collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL, of something else, or of more than a collector.
    #[error("`{0}` is no collector's URL: write it as http://host:4318 or https://host:4318")]
    Url(String),
    /// It has a login, which would be shown wherever the URL is.
    #[error(
        "a collector's URL has no login: give its token in the environment as \
         OTEL_EXPORTER_OTLP_HEADERS"
    )]
    Login,
    /// It is that of traces already.
    #[error("`{0}` is where traces go: leave `{TRACES}` out, it is appended")]
    Path(String),
}

/// The path that takes traces at a collector.
const TRACES: &str = "/v1/traces";

/// Bounds of a node. Each has a default that suits a small server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest body of a request in bytes.
    pub body_bytes: usize,
    /// How many bytes of requests may be in flight, from before a body is read until the call and the
    /// computation that it began have ended. Bodies of more than 64 KiB count. It is at least
    /// `body_bytes`.
    pub flight_bytes: usize,
    /// How many handles one principal may hold.
    pub handles: usize,
    /// How many bytes of values one principal may hold.
    pub held_bytes: usize,
    /// How long a handle lives after its last use, in seconds.
    pub handle_seconds: u32,
    /// How many computations may be under way.
    pub computations: usize,
    /// How many bytes of uploads one principal may keep on the node.
    pub upload_bytes: u64,
    /// How many bytes of uploads the node keeps in all.
    pub all_upload_bytes: u64,
    /// How long an upload lives after it was pushed, in seconds, used or not.
    pub upload_seconds: u32,
    /// The most rows of a dataset that one computation may take.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            flight_bytes: 1 << 30,
            handles: 10_000,
            held_bytes: 1 << 30,
            handle_seconds: 4 * 60 * 60,
            computations: 4_096,
            upload_bytes: 1 << 30,
            all_upload_bytes: 8 << 30,
            upload_seconds: 30 * 24 * 60 * 60,
            rows: 10_000_000,
        }
    }
}

impl Default for DataAccess {
    fn default() -> Self {
        Self { folders: vec![PathBuf::from("data")], timeout_seconds: 60 }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self {
            mode: AccessMode::Open,
            tls: None,
            certificate: None,
            key: None,
            requests_per_second: 2_000,
            burst: 20_000,
        }
    }
}

impl Default for Committee {
    fn default() -> Self {
        Self { serve: true, help: false }
    }
}

impl Default for Pairwise {
    fn default() -> Self {
        Self { ahead: true, stock: 8 }
    }
}

impl Pairwise {
    /// The most that is kept with each member, in bytes.
    #[must_use]
    pub fn stock_bytes(&self) -> usize {
        self.stock.saturating_mul(1 << 20)
    }
}

impl Endpoint {
    /// Where traces go.
    #[must_use]
    pub fn traces(&self) -> String {
        format!("{}{TRACES}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether what is sent there goes through TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        let Ok(url) = Url::parse(&text) else { return Err(EndpointError::Url(text)) };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Login);
        }
        let plain = url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(EndpointError::Url(text));
        }
        match url.path().trim_end_matches('/').ends_with(TRACES) {
            true => Err(EndpointError::Path(text)),
            false => Ok(Self(url)),
        }
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0.into()
    }
}

impl Settings {
    /// The deadline of a computation.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.deadline_seconds))
    }

    /// How long computations may go on when the node stops.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.grace_seconds))
    }

    /// Whether the API speaks HTTPS.
    #[must_use]
    pub fn api_tls(&self) -> bool {
        self.access.tls.unwrap_or_else(|| !self.api_listen.ip().is_loopback())
    }

    /// How data are read.
    #[must_use]
    pub fn sources(&self) -> cloister_sources::Access {
        cloister_sources::Access {
            folders: self.data.folders.iter().map(|folder| real(folder)).collect(),
            timeout: Duration::from_secs(u64::from(self.data.timeout_seconds)),
            batch_rows: BATCH_ROWS,
        }
    }

    /// These settings with paths that no longer depend on where the file was.
    #[must_use]
    pub fn resolved(mut self, folder: &Path) -> Self {
        self.identity = folder.join(&self.identity);
        self.consortium = folder.join(&self.consortium);
        self.state = folder.join(&self.state);
        for path in &mut self.data.folders {
            *path = folder.join(&*path);
        }
        for path in self.datasets.iter_mut().filter_map(path_of) {
            *path = folder.join(&*path);
        }
        for path in [&mut self.access.certificate, &mut self.access.key].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        self
    }
}

/// A folder without links on the way to it; it may be made later.
fn real(folder: &Path) -> PathBuf {
    let parent = || Some(folder.parent()?.canonicalize().ok()?.join(folder.file_name()?));
    folder.canonicalize().ok().or_else(parent).unwrap_or_else(|| folder.to_owned())
}

/// The file or folder that a declared dataset lies in, if it lies in one.
fn path_of(declaration: &mut Declaration) -> Option<&mut PathBuf> {
    match &mut declaration.source {
        Source::Csv { path, .. } | Source::Parquet { path } | Source::Sqlite { path, .. } => {
            Some(path)
        }
        Source::Postgres { .. } | Source::Mysql { .. } => None,
    }
}

fn default_identity() -> PathBuf {
    PathBuf::from("identity")
}

fn default_consortium() -> PathBuf {
    PathBuf::from("../consortium.toml")
}

fn default_state() -> PathBuf {
    PathBuf::from("state")
}

fn default_grace() -> u32 {
    5
}

fn default_deadline() -> u32 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Settings, serde_json::Error> {
        let least = r#""party":"a","api_listen":"127.0.0.1:1","peer_listen":"127.0.0.1:2""#;
        serde_json::from_str(&format!("{{{least}{more}}}"))
    }

    #[test]
    fn a_node_serves_its_own_client_and_helps_nobody_unless_it_is_told() {
        let committee = |more| read(more).unwrap().committee;
        assert_eq!(committee(""), Committee { serve: true, help: false });
        assert_eq!(committee(r#","committee":{}"#), Committee::default());
        let turned = Committee { serve: false, help: true };
        assert_eq!(committee(r#","committee":{"serve":false,"help":true}"#), turned);
    }

    #[test]
    fn a_node_makes_ahead_what_fits_into_its_stock_unless_it_is_told() {
        let pairwise = |more| read(more).unwrap().pairwise;
        assert_eq!(pairwise(""), Pairwise { ahead: true, stock: 8 });
        let turned = pairwise(r#","pairwise":{"ahead":false,"stock":3}"#);
        assert_eq!((turned.ahead, turned.stock_bytes()), (false, 3 << 20));
        let endless = Pairwise { stock: usize::MAX, ..turned };
        assert_eq!(endless.stock_bytes(), usize::MAX);
    }

    #[test]
    fn traces_go_nowhere_unless_there_is_a_collector() {
        assert_eq!(read("").unwrap().telemetry, Telemetry { endpoint: None });
        let traces = |url: &str| {
            let read = read(&format!(r#","telemetry":{{"endpoint":"{url}"}}"#)).unwrap();
            let endpoint = read.telemetry.endpoint.unwrap();
            (endpoint.traces(), endpoint.tls())
        };
        assert_eq!(traces("http://[::1]:4318"), ("http://[::1]:4318/v1/traces".into(), false));
        let proxied = "https://proxy.example/otlp/";
        assert_eq!(traces(proxied), ("https://proxy.example/otlp/v1/traces".into(), true));
    }

    #[test]
    fn what_is_no_collectors_url_is_refused_with_the_way_to_write_it() {
        for (url, says) in [
            ("127.0.0.1:4318", "http://host:4318"),
            ("collector", "http://host:4318"),
            ("grpc://collector:4317", "http://host:4318"),
            ("http://", "http://host:4318"),
            ("http://host:99999", "http://host:4318"),
            ("http://host?key=secret", "http://host:4318"),
            ("https://me:secret@host", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("http://host:4318/v1/traces/", "leave `/v1/traces` out"),
        ] {
            let error = Endpoint::try_from(url.to_owned()).unwrap_err().to_string();
            assert!(error.contains(says), "{url}: {error}");
        }
    }

    #[test]
    fn entries_that_do_not_exist_are_refused() {
        for unknown in [
            r#","committee":{"helps":true}"#,
            r#","help":true"#,
            r#","pairwise":{"stock_bytes":1}"#,
            r#","telemetry":{"endpoints":[]}"#,
        ] {
            assert!(read(unknown).unwrap_err().to_string().contains("unknown field"), "{unknown}");
        }
    }
}
