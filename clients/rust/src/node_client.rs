//! A client of one node: the requests of the Federated Secure Computing API, typed, each with a
//! time limit.
//!
//! Those of the management API are in [`crate::management_client`].

use std::sync::Arc;
use std::time::Duration;

use awc::error::SendRequestError;
use awc::http::{Method, StatusCode};
use bytes::Bytes;
use cloister_api::Report;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::column_list::column_list;
use crate::early;
use crate::error::{CallError, Refusal};

/// The longest time that a request which computes nothing may take.
pub(crate) const QUICK: Duration = Duration::from_secs(10);

/// The longest time in which a connection must be there.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest body, in bytes, that is sent before any answer can come.
const IN_ONE_PIECE: usize = 64 << 10;

/// The longest answer in bytes.
const LONGEST_ANSWER: usize = 1 << 30;

/// A client of one node.
#[derive(Clone)]
pub struct NodeClient {
    http: awc::Client,
    api: String,
    connection: Connection,
    patience: Duration,
}

/// The address of a node, and the credentials for it.
#[derive(Clone)]
pub struct Connection {
    /// The URL of its API.
    pub api: String,
    /// The certificates that are accepted there, for HTTPS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The client's token for this node.
    pub token: Option<Zeroizing<String>>,
}

/// A party's data as a client has them: values, or columns of a dataset that its node knows.
#[derive(Clone, Debug)]
pub enum Data {
    /// Values, which the client hands in.
    Values(Value),
    /// Columns of a dataset, of which the client never sees a row.
    Selection {
        /// The dataset's name.
        dataset: String,
        /// The columns.
        columns: Vec<String>,
        /// A condition on rows; all rows where there is none.
        filter: Option<Value>,
    },
}

/// A reference to an object on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle(String);

/// One party's request for a joint computation.
#[derive(Clone, Debug)]
pub struct Request {
    /// The function's name.
    pub function: String,
    /// This party's data.
    pub data: Data,
    /// The parameters, the same at all parties.
    pub parameters: Map<String, Value>,
    /// The names or API URLs of all parties, in the same order at all.
    pub nodes: Vec<String>,
    /// The name of the computation, the same at all parties.
    pub session: String,
    /// The position of this party in `nodes`.
    pub myself: usize,
    /// Asks for a trace in the report.
    pub trace: bool,
}

/// An answer of the Federated Secure Computing API.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Answer {
    List { list: Vec<Map<String, Value>> },
    Uuid { uuid: String },
    Object { object: Value },
    None,
}

impl Data {
    /// Parses columns of a dataset, `DATASET.COLUMN[,COLUMN…]`. A column's name may stand in double
    /// quotes, in which a quote is written twice. Returns `None` for any other text, such as JSON.
    #[must_use]
    pub fn selection(text: &str, filter: Option<&Value>) -> Option<Self> {
        let (dataset, columns) = text.split_once('.')?;
        let columns = column_list(columns).filter(|_| is_word(dataset))?;
        Some(Self::Selection { dataset: dataset.to_owned(), columns, filter: filter.cloned() })
    }
}

/// Returns `true` if a text can be the name of a dataset, and not the begin of JSON.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c))
}

impl NodeClient {
    /// Makes a client over this connection. A joint computation may take as long as `patience`.
    #[must_use]
    pub fn new(connection: &Connection, patience: Duration) -> Self {
        let mut connector = awc::Connector::new().timeout(CONNECT);
        if let Some(tls) = &connection.tls {
            connector = connector.rustls_0_23(Arc::clone(tls));
        }
        let mut builder = awc::Client::builder().connector(connector);
        if let Some(token) = &connection.token {
            builder = builder.bearer_auth(token.as_str());
        }
        let api = connection.api.trim_end_matches('/').to_owned();
        Self { http: builder.finish(), api, connection: connection.clone(), patience }
    }

    /// Lists the descriptions of the node's microservices.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses; so for every request.
    pub async fn list(&self) -> Result<Vec<Map<String, Value>>, CallError> {
        match self.quick(Method::GET, "/representations", None).await? {
            Answer::List { list } => Ok(list),
            _ => Err(self.alien("no list came")),
        }
    }

    /// Finds the microservice whose description holds all of `requirements`.
    pub async fn create(&self, requirements: &Value) -> Result<Handle, CallError> {
        let body = json!({"args": [], "kwargs": requirements});
        let answer = self.quick(Method::POST, "/representations", Some(&body));
        self.handle(answer.await?)
    }

    /// Hands data in.
    pub async fn upload(&self, data: Value) -> Result<Handle, CallError> {
        let arguments = [("args", Value::Array(vec![data])), ("kwargs", json!({}))];
        let body = self.encode_apart(object(arguments)).await?;
        let answer = self.send(Method::PUT, "/representations", Some(body), self.patience);
        self.handle(answer.await?)
    }

    /// Finds an attribute of an object.
    pub async fn attribute(&self, of: &Handle, name: &str) -> Result<Handle, CallError> {
        let path = format!("/representation/{}/{name}", of.0);
        self.handle(self.quick(Method::GET, &path, None).await?)
    }

    /// Calls a method. Returns a handle to its result, if it has one.
    pub async fn call(&self, method: &Handle, named: &Value) -> Result<Option<Handle>, CallError> {
        self.call_with(method, self.encode(&json!({"args": [], "kwargs": named}))?).await
    }

    async fn call_with(&self, method: &Handle, body: Vec<u8>) -> Result<Option<Handle>, CallError> {
        let path = format!("/representation/{}", method.0);
        match self.send(Method::PATCH, &path, Some(body), self.patience).await? {
            Answer::None => Ok(None),
            other => self.handle(other).map(Some),
        }
    }

    /// Downloads the value behind a handle.
    pub async fn download(&self, handle: &Handle) -> Result<Value, CallError> {
        let path = format!("/representation/{}", handle.0);
        match self.send(Method::GET, &path, None, self.patience).await? {
            Answer::Object { object } => Ok(object),
            _ => Err(self.alien("no object came")),
        }
    }

    /// Gives a handle back.
    pub async fn release(&self, handle: &Handle) -> Result<(), CallError> {
        let path = format!("/representation/{}", handle.0);
        self.quick(Method::DELETE, &path, None).await.map(drop)
    }

    /// Asks for the description of a dataset.
    pub async fn describe(&self, dataset: &str) -> Result<Value, CallError> {
        let arguments = json!({"dataset": dataset});
        let description = self.on_service("Datasets", "describe", &arguments).await?;
        let shown = self.download(&description).await;
        // A handle that is not released expires on the node.
        let _ = self.release(&description).await;
        shown
    }

    /// Takes part in a joint computation, and returns when it has ended.
    pub async fn compute(&self, mut request: Request) -> Result<Report, CallError> {
        let simon = self.create(&json!({"protocol": "Simon"})).await?;
        let compute = self.attribute(&simon, "compute").await?;
        let data = std::mem::replace(&mut request.data, Data::Values(Value::Null));
        let (data, selection) = match data {
            Data::Values(values) => (values, None),
            Data::Selection { dataset, columns, filter } => {
                let arguments = json!({"dataset": dataset, "columns": columns, "where": filter});
                let selection = self.on_service("Datasets", "select", &arguments).await?;
                (json!({"representation_uuid": selection.0}), Some(selection))
            }
        };
        let arguments = [("args", json!([])), ("kwargs", request.arguments(data))];
        let called = match self.encode_apart(object(arguments)).await {
            Ok(body) => self.call_with(&compute, body).await,
            Err(error) => Err(error),
        };
        // A handle that is not released expires on the node; the computation matters more.
        let _ = self.release(&compute).await;
        if let Some(selection) = selection {
            let _ = self.release(&selection).await;
        }
        let result = called?.ok_or_else(|| self.alien("`compute` gave nothing back"))?;
        let report = self.download(&result).await?;
        let _ = self.release(&result).await;
        serde_json::from_value(report).map_err(|error| self.alien(error))
    }

    /// Calls a method of a microservice that has a result.
    async fn on_service(
        &self,
        service: &str,
        method: &str,
        arguments: &Value,
    ) -> Result<Handle, CallError> {
        let service = self.create(&json!({"microservice": service})).await?;
        let method = self.attribute(&service, method).await?;
        let called = self.call(&method, arguments).await;
        let _ = self.release(&method).await;
        called?.ok_or_else(|| self.alien("a method gave nothing back"))
    }

    async fn quick(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let body = body.map(|body| self.encode(body)).transpose()?;
        self.send(method, path, body, QUICK).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        within: Duration,
    ) -> Result<Answer, CallError> {
        let answer = self.exchange(method, path, body, within).await?;
        let parse = move || serde_json::from_slice(&answer);
        self.apart(parse).await?.map_err(|error| self.alien(error))
    }

    pub(crate) fn encode(&self, body: &Value) -> Result<Vec<u8>, CallError> {
        serde_json::to_vec(body).map_err(|error| self.alien(error))
    }

    async fn encode_apart(&self, body: Value) -> Result<Vec<u8>, CallError> {
        self.apart(move || serde_json::to_vec(&body)).await?.map_err(|error| self.alien(error))
    }

    /// Does what may take seconds on a thread that may block. Requests to other nodes share this
    /// thread: a node closes a connection over which nothing comes for so long.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CallError> {
        tokio::task::spawn_blocking(work).await.map_err(|error| self.alien(error))
    }

    /// Returns the body of the node's answer, if it is no refusal.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let request = self.http.request(method.clone(), format!("{}{path}", self.api));
        let request = request.timeout(within);
        let length = body.as_ref().map_or(0, Vec::len);
        let sent = match body {
            Some(body) => request.content_type("application/json").send_body(body).await,
            None => request.send().await,
        };
        let mut response = match sent {
            Ok(response) => response,
            Err(SendRequestError::Timeout) => {
                return Err(self.unsent(&SendRequestError::Timeout, within));
            }
            Err(error) if length <= IN_ONE_PIECE => return Err(self.unsent(&error, within)),
            Err(error) => {
                let early = early::refusal(&self.connection, &method, path, length).await;
                let early = early.ok_or_else(|| self.unsent(&error, within))?;
                return Err(self.refused(early.status, &early.body));
            }
        };
        let status = response.status();
        let body = response.body().limit(LONGEST_ANSWER).await;
        let body = body.map_err(|error| self.alien(error))?;
        if status == StatusCode::OK { Ok(body) } else { Err(self.refused(status, &body)) }
    }

    /// Reads the refusal in an answer.
    fn refused(&self, status: StatusCode, body: &[u8]) -> CallError {
        match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) => {
                CallError::Refused(Box::new(Refusal { status: status.as_u16(), ..refusal }))
            }
            Err(error) => self.alien(format!("{status}: {error}")),
        }
    }

    fn handle(&self, answer: Answer) -> Result<Handle, CallError> {
        match answer {
            Answer::Uuid { uuid } => Ok(Handle(uuid)),
            _ => Err(self.alien("no handle came")),
        }
    }

    fn unsent(&self, error: &SendRequestError, within: Duration) -> CallError {
        let api = self.api.clone();
        match error {
            SendRequestError::Timeout => CallError::Timeout { api, seconds: within.as_secs() },
            other => CallError::Unreachable { api, reason: other.to_string() },
        }
    }

    pub(crate) fn alien(&self, reason: impl std::fmt::Display) -> CallError {
        CallError::Alien { api: self.api.clone(), reason: reason.to_string() }
    }
}

impl Request {
    /// Returns the arguments of `compute`. The data are moved: they can be millions of numbers.
    fn arguments(self, data: Value) -> Value {
        let Self { function, parameters, nodes, session, myself, trace, data: _ } = self;
        let network = json!({"nodes": nodes, "uuid": session, "myself": myself});
        // Other implementations of the API do not know the trace.
        let trace = trace.then_some(("trace", true.into()));
        let arguments = [
            ("microprotocol", function.into()),
            ("data", data),
            ("network", network),
            ("parameters", parameters.into()),
        ];
        object(arguments.into_iter().chain(trace))
    }
}

/// Makes an object of these members, without copying one.
fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
