//! A node's settings, as `node.toml` holds them. Unknown entries are errors.

mod origin;
mod policies;
mod thresholds;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloister_protocols::disclosure::Profile;
use cloister_sources::{DatabaseHosts, Declaration, MESSAGE_BYTES, Source};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::origin::{Origin, OriginError};
pub use self::policies::{CurrentPolicies, DatasetPolicy, OwnRules, Policies, PolicyError};
pub use self::thresholds::{NodeThresholds, ThresholdsError};

/// The number of rows that are read at a time.
const BATCH_ROWS: usize = 16_384;

/// The settings of a node, which its operator writes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The party's name, as the consortium file has it.
    pub party: String,
    /// The address at which clients reach the node. Without tokens it must be a loopback address.
    pub api_listen: SocketAddr,
    /// The address at which other nodes reach it.
    pub peer_listen: SocketAddr,
    /// The address at which any caller sees health and metrics, without tokens. Without this entry
    /// only the API has them, and its metrics need a right.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// The time that computations under way may take when the node is told to stop, in seconds.
    #[serde(default = "default_grace")]
    pub grace_seconds: u32,
    /// The folder with the party's certificate and key; relative to the settings file.
    #[serde(default = "default_identity")]
    pub identity: PathBuf,
    /// The consortium file; relative to the settings file.
    #[serde(default = "default_consortium")]
    pub consortium: PathBuf,
    /// The disclosure profile of this node.
    #[serde(default)]
    pub profile: Profile,
    /// The profile of thresholds that this node has chosen of those in the consortium file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<String>,
    /// The deadline of a computation in seconds, from its request to its result.
    #[serde(default = "default_deadline")]
    pub deadline_seconds: u32,
    /// Origins of web pages that may use the API from a browser, such as `https://lab.example`.
    #[serde(default)]
    pub allowed_origins: Vec<Origin>,
    /// The folder of the node's state, which it must not lose; relative to the settings file.
    #[serde(default = "default_state")]
    pub state: PathBuf,
    /// The rules for calling the API.
    #[serde(default)]
    pub access: Access,
    /// The folders that data may lie in, and the longest time of reading them.
    #[serde(default)]
    pub data: DataAccess,
    /// Datasets that the node knows from its start on; the command registers others.
    #[serde(default, rename = "dataset", skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Declaration>,
    /// The decisions of the datasets' owners. Files in the folder `policy.d` beside the settings
    /// add to it.
    #[serde(default)]
    pub policy: Policies,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// The committees that this node serves in.
    #[serde(default)]
    pub committee: Committee,
    /// The preprocessing that this node does with each other member.
    #[serde(default)]
    pub pairwise: Pairwise,
    /// The collector for traces of the node's computations.
    #[serde(default)]
    pub telemetry: Telemetry,
}

/// The rules for calling the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// The need of a token. Without tokens the API listens on the loopback interface only.
    pub mode: AccessMode,
    /// The use of HTTPS by the API. Without this entry it uses HTTPS unless it listens on loopback.
    pub tls: Option<bool>,
    /// A certificate of the operator's own for HTTPS, with its chain, as PEM. The default is the
    /// party's identity. Relative to the settings file.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
    /// The number of requests a second that one principal may send over time.
    pub requests_per_second: u32,
    /// The number of requests that one principal may send at once.
    pub burst: u32,
}

/// The need of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// Any caller on this machine is served.
    #[default]
    Open,
    /// Only callers with a token are served.
    Tokens,
}

/// The folders that data may lie in, and the longest time of reading them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataAccess {
    /// The folders that files may lie in; relative to the settings file.
    pub folders: Vec<PathBuf>,
    /// The longest time that one reading of a database or a file may take, in seconds.
    pub timeout_seconds: u32,
    /// The hosts of databases that the node may connect to, beside those of datasets that the
    /// settings declare.
    pub hosts: DatabaseHosts,
    /// The most bytes that a database server may send beyond the rows that were taken.
    pub message_bytes: usize,
}

/// The computations in whose committee the node serves. Two committee members that collude see all
/// parties' data. So the choice of the committee is a question of trust, and the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Committee {
    /// Service in computations that this node's own client has asked for.
    pub serve: bool,
    /// Service in computations of other members, without data of its own and without the answer.
    pub help: bool,
}

/// The preprocessing with each other member that the node computes with on shares alone. Its
/// correlations stay in memory until they are used up or the link is lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pairwise {
    /// Preprocessing before computations. Without it correlations are made when they are needed.
    pub ahead: bool,
    /// The most correlations that are kept with each member, in MiB.
    pub stock: usize,
}

/// The collector for traces of the node's computations. Without this entry no traces are sent.
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

/// An error in the URL of a collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A text that is no URL of HTTP or HTTPS, or has more than a collector's address.
    #[error("`{0}` is no collector's URL: write it as http://host:4318 or https://host:4318")]
    Url(String),
    /// A URL with a login, which would be shown wherever the URL is.
    #[error(
        "a collector's URL has no login: give its token in the environment as \
         OTEL_EXPORTER_OTLP_HEADERS"
    )]
    Login,
    /// A URL that ends with the path of traces already.
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
    /// The bytes of requests that may be in flight. A request counts as its body arrives, until its
    /// call, and the computation that it began, have ended. Bodies of more than 64 KiB
    /// count. The bound is at least `body_bytes`.
    pub flight_bytes: usize,
    /// The number of handles that one principal may hold.
    pub handles: usize,
    /// The bytes of values that one principal may hold.
    pub held_bytes: usize,
    /// The life of a handle after its last use, in seconds.
    pub handle_seconds: u32,
    /// The number of computations that may be under way.
    pub computations: usize,
    /// The bytes of uploads that one principal may keep on the node.
    pub upload_bytes: u64,
    /// The bytes of uploads that the node keeps in all.
    pub all_upload_bytes: u64,
    /// The life of an upload after it was pushed, in seconds, used or not.
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
        Self {
            folders: vec![PathBuf::from("data")],
            timeout_seconds: 60,
            hosts: DatabaseHosts::default(),
            message_bytes: MESSAGE_BYTES,
        }
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
    /// Returns the most bytes of correlations that are kept with each member.
    #[must_use]
    pub fn stock_bytes(&self) -> usize {
        self.stock.saturating_mul(1 << 20)
    }
}

impl Endpoint {
    /// Returns the URL for traces.
    #[must_use]
    pub fn traces(&self) -> String {
        format!("{}{TRACES}", self.0.as_str().trim_end_matches('/'))
    }

    /// Returns whether the collector is reached through TLS.
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
        if url.path().trim_end_matches('/').ends_with(TRACES) {
            Err(EndpointError::Path(text))
        } else {
            Ok(Self(url))
        }
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0.into()
    }
}

impl Settings {
    /// Returns the deadline of a computation.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.deadline_seconds))
    }

    /// Returns the time that computations may go on when the node stops.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.grace_seconds))
    }

    /// Returns whether the API speaks HTTPS.
    #[must_use]
    pub fn api_tls(&self) -> bool {
        self.access.tls.unwrap_or_else(|| !self.api_listen.ip().is_loopback())
    }

    /// Returns the rules for reading data.
    #[must_use]
    pub fn sources(&self) -> cloister_sources::Access {
        let mut hosts = self.data.hosts.clone();
        for declaration in &self.datasets {
            hosts.add_host_of(&declaration.source);
        }
        cloister_sources::Access {
            folders: self.data.folders.iter().map(|folder| real(folder)).collect(),
            timeout: Duration::from_secs(u64::from(self.data.timeout_seconds)),
            batch_rows: BATCH_ROWS,
            hosts,
            message_bytes: self.data.message_bytes,
            stop: None,
        }
    }

    /// Returns these settings with paths that no longer depend on the folder of the file.
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

/// Returns a folder without links on the way to it. The folder may be made later.
fn real(folder: &Path) -> PathBuf {
    let parent = || Some(folder.parent()?.canonicalize().ok()?.join(folder.file_name()?));
    folder.canonicalize().ok().or_else(parent).unwrap_or_else(|| folder.to_owned())
}

/// Returns the file or folder of a declared dataset, if it has one.
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
