//! The operator's socket: the command on the same machine sends operations to the running node.
//!
//! It lies in the state's folder, which only the node's own user may enter, and so needs no token.
//! One line of JSON comes, one goes back.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix::{Message, Recipient};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::operations::{Operation, Operations};
use crate::vocabulary::blocking;
use crate::vocabulary::error::ApiError;

/// The socket's name in the state's folder.
const NAME: &str = "control";

/// The longest request in bytes.
const LONGEST_REQUEST: u64 = 1 << 20;

/// The time that a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of an operation, as it goes over the socket.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The result of an operation that was done.
    Done(Value),
    /// The error of an operation that was not done.
    Failed {
        /// The HTTP status that it would have.
        status: u16,
        /// The code.
        code: String,
        /// The error in words.
        message: String,
        /// The action to take.
        hint: String,
    },
}

/// An operation of the node itself, and not of its state. It needs a running node.
#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum OfNode {
    /// A renewal: the node reads its files again.
    Reload,
}

/// The command to read the node's files again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Value, ApiError>")]
pub(crate) struct Reload;

/// Returns the path of the socket of the node with this state's folder.
#[must_use]
pub fn path(state: &Path) -> PathBuf {
    state.join(NAME)
}

/// Listens in this folder, of which this process owns the state. An existing socket is that of a
/// node that is gone.
///
/// # Errors
/// If the socket cannot be made.
pub fn listen(state: &Path) -> io::Result<UnixListener> {
    let path = path(state);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        }
    }
}

/// Answers requests until the node stops.
pub(crate) async fn serve(
    listener: UnixListener,
    operations: Operations,
    reload: Recipient<Reload>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                actix::spawn(answer(stream, operations.clone(), reload.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the operator's socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Sends an operation to the node that runs with this state's folder.
///
/// # Errors
/// If no node answers there.
pub async fn ask(state: &Path, operation: &Operation) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(path(state)).await?;
    let mut request = serde_json::to_vec(operation)?;
    request.push(b'\n');
    stream.write_all(&request).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

async fn answer(mut stream: UnixStream, operations: Operations, reload: Recipient<Reload>) {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reading.take(LONGEST_REQUEST));
    // An empty connection is not answered.
    let Ok(Ok(_)) = timeout(PATIENCE, reader.read_line(&mut line)).await else { return };
    let reply = Reply::from(perform(&line, operations, &reload).await);
    let Ok(mut text) = serde_json::to_vec(&reply) else { return };
    text.push(b'\n');
    // The command may have been interrupted.
    let _ = writing.write_all(&text).await;
}

async fn perform(
    line: &str,
    operations: Operations,
    reload: &Recipient<Reload>,
) -> Result<Value, ApiError> {
    if let Ok(OfNode::Reload) = serde_json::from_str(line) {
        let reloaded = reload.send(Reload).await;
        return reloaded.map_err(|_| ApiError::unavailable("the reloader"))?;
    }
    let operation: Operation =
        serde_json::from_str(line).map_err(|error| ApiError::malformed(error.to_string()))?;
    blocking::run(move || operations.perform(operation)).await?
}

impl From<Result<Value, ApiError>> for Reply {
    fn from(result: Result<Value, ApiError>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(error) => Self::Failed {
                status: error.code().status(),
                code: error.code().text().to_owned(),
                message: error.message().to_owned(),
                hint: error.advice().to_owned(),
            },
        }
    }
}
