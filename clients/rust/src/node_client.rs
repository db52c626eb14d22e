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
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::column_list::column_list;
use crate::early;
use crate::error::{CallError, Refusal};

/// The longest time that a request which computes nothing may take.
pub(crate) const QUICK: Duration = Duration::from_secs(10);

/// The longest time in which a connection must be there.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest body, in bytes, that is sent before any answer can come. Longer ones are written and
/// read on a thread of their own.
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

/// The body of a call of `compute`.
#[derive(Serialize)]
struct ComputeCall<'a> {
    args: [(); 0],
    kwargs: ComputeArguments<'a>,
}

#[derive(Serialize)]
struct ComputeArguments<'a> {
    microprotocol: &'a str,
    data: &'a Value,
    network: Network<'a>,
    parameters: &'a Map<String, Value>,
    /// Other implementations of the API do not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<bool>,
}

#[derive(Serialize)]
struct Network<'a> {
    nodes: &'a [String],
    uuid: &'a str,
    myself: usize,
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
    pub async fn upload(&self, data: &Value) -> Result<Handle, CallError> {
        let body = json!({"args": [data], "kwargs": {}});
        let answer = self.send(Method::PUT, "/representations", Some(&body), self.patience);
        self.handle(answer.await?)
    }

    /// Finds an attribute of an object.
    pub async fn attribute(&self, of: &Handle, name: &str) -> Result<Handle, CallError> {
        let path = format!("/representation/{}/{name}", of.0);
        self.handle(self.quick(Method::GET, &path, None).await?)
    }

    /// Calls a method. Returns a handle to its result, if it has one.
    pub async fn call(&self, method: &Handle, named: &Value) -> Result<Option<Handle>, CallError> {
        let body = json!({"args": [], "kwargs": named});
        let body = serde_json::to_vec(&body).map_err(|error| self.alien(error))?;
        self.call_with(method, body).await
    }

    async fn call_with(&self, method: &Handle, body: Vec<u8>) -> Result<Option<Handle>, CallError> {
        let path = format!("/representation/{}", method.0);
        let answer = self.exchange_bytes(Method::PATCH, &path, Some(body), self.patience);
        match self.read(answer.await?).await? {
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
        let data = std::mem::replace(&mut request.data, Data::Values(Value::Null));
        let (data, selection) = match data {
            Data::Values(values) => (values, None),
            Data::Selection { dataset, columns, filter } => {
                let arguments = json!({"dataset": dataset, "columns": columns, "where": filter});
                let selection = self.on_service("Datasets", "select", &arguments).await?;
                (json!({"representation_uuid": selection.0}), Some(selection))
            }
        };
        let body = apart(move || request.body(&data)).await.map_err(|error| self.alien(error))?;
        let simon = self.create(&json!({"protocol": "Simon"})).await?;
        let compute = self.attribute(&simon, "compute").await?;
        let called = self.call_with(&compute, body).await;
        // A handle that is not released expires on the node; the computation matters more.
        let _ = self.release(&compute).await;
        if let Some(selection) = selection {
            let _ = self.release(&selection).await;
        }
        let result = called?.ok_or_else(|| self.alien("`compute` gave nothing back"))?;
        let report = self.download(&result).await?;
        let _ = self.release(&result).await;
        let report = apart(move || serde_json::from_value(report)).await;
        report.map_err(|error| self.alien(error))
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
        self.send(method, path, body, QUICK).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Answer, CallError> {
        let answer = self.exchange(method, path, body, within).await?;
        self.read(answer).await
    }

    async fn read(&self, answer: Bytes) -> Result<Answer, CallError> {
        let read = if answer.len() <= IN_ONE_PIECE {
            serde_json::from_slice(&answer)
        } else {
            apart(move || serde_json::from_slice(&answer)).await
        };
        read.map_err(|error| self.alien(error))
    }

    /// Returns the body of the node's answer, if it is no refusal.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| self.alien(error))?;
        self.exchange_bytes(method, path, body, within).await
    }

    async fn exchange_bytes(
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
    /// Returns the body of the call that has the node compute with these data.
    fn body(&self, data: &Value) -> serde_json::Result<Vec<u8>> {
        let network = Network { nodes: &self.nodes, uuid: &self.session, myself: self.myself };
        let kwargs = ComputeArguments {
            microprotocol: &self.function,
            data,
            network,
            parameters: &self.parameters,
            trace: self.trace.then_some(true),
        };
        serde_json::to_vec(&ComputeCall { args: [], kwargs })
    }
}

/// Works on a thread of its own. Long work must not keep the connections of other parties waiting:
/// a node ends one on which nothing comes for a few seconds.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> serde_json::Result<T> + Send + 'static,
) -> serde_json::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(serde::ser::Error::custom(error)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use futures_util::FutureExt;
    use tokio::runtime;
    use tokio::task::{self, LocalSet};

    use super::*;

    fn request(data: Value) -> Request {
        Request {
            function: "SecureVectorSum".to_owned(),
            data: Data::Values(data),
            parameters: Map::from_iter([("encoding".to_owned(), json!("integer"))]),
            nodes: vec!["a".to_owned(), "b".to_owned()],
            session: "s".to_owned(),
            myself: 1,
            trace: false,
        }
    }

    #[test]
    fn a_call_has_its_arguments_and_a_trace_where_it_is_asked_for() {
        let data = json!([[1, -9_223_372_036_854_775_808_i64, 0.1, null]]);
        let mut kwargs = json!({
            "microprotocol": "SecureVectorSum",
            "data": data,
            "network": {"nodes": ["a", "b"], "uuid": "s", "myself": 1},
            "parameters": {"encoding": "integer"},
        });
        let read = |request: Request| {
            serde_json::from_slice::<Value>(&request.body(&data).unwrap()).unwrap()
        };
        assert_eq!(read(request(Value::Null)), json!({"args": [], "kwargs": kwargs}));
        kwargs["trace"] = true.into();
        let traced = Request { trace: true, ..request(Value::Null) };
        assert_eq!(read(traced), json!({"args": [], "kwargs": kwargs}));
    }

    #[test]
    fn no_connection_waits_while_a_body_is_written() {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        LocalSet::new().block_on(&runtime, async {
            let (go_on, told) = mpsc::channel::<()>();
            // The one thread for long work is busy.
            let busy = task::spawn_blocking(move || told.recv());
            let client =
                NodeClient::new(&Connection { api, tls: None, token: None }, Duration::MAX);
            let mut computing = Box::pin(client.compute(request(json!([[1, 2]]))));
            for _ in 0..100 {
                assert!(computing.as_mut().now_or_never().is_none());
                task::yield_now().await;
            }
            assert!(listener.accept().is_err(), "a connection was there before the body");
            go_on.send(()).unwrap();
            busy.await.unwrap().unwrap();
            while listener.accept().is_err() {
                assert!(computing.as_mut().now_or_never().is_none());
                task::yield_now().await;
            }
        });
    }
}
