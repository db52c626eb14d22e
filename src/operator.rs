//! Operations on one node from its own machine: through the running node, or, while it does not
//! run, on its state.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloister_actors::control::{self, Reply};
use cloister_actors::operations::{Operation, Operations};
use cloister_actors::services::datasets::Memories;
use cloister_actors::services::registry::DatabaseRights;
use cloister_actors::settings::Settings;
use cloister_vault::{Vault, VaultError};
use serde_json::Value;

use crate::config::read_settings;
use crate::problem::{Fault, Outcome, Problem};

/// The order to read the node's files again. It is no [`Operation`]: it is about the node and not
/// its state, so there is nothing to do while no node runs.
const RELOAD: &[u8] = b"{\"operation\":\"reload\"}\n";

/// The code with which a node answers unknown orders.
const UNKNOWN: &str = "malformed_request";

/// The time in which a node must read its files again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of the order to read the node's files again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The node has read its files again.
    Yes,
    /// No node runs.
    NotRunning,
    /// The node cannot reload: only a restart helps.
    NotAble,
    /// The node goes on with its former files, for this reason.
    Refused(String),
}

/// The operator of the node with these settings.
pub struct Operator {
    settings: Settings,
}

impl Operator {
    /// Reads the settings.
    ///
    /// # Errors
    /// If there are none, or they make no sense.
    pub fn of(config: &Path) -> Outcome<Self> {
        Ok(Self { settings: read_settings(config)? })
    }

    /// Creates the operator of the node with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Lists the names of the registered datasets.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn datasets(&self) -> Outcome<Vec<String>> {
        let listed = self.perform(Operation::Datasets)?;
        let name = |dataset: &Value| Some(dataset.get("name")?.as_str()?.to_owned());
        Ok(listed.as_array().into_iter().flatten().filter_map(name).collect())
    }

    /// Returns warnings about the owners' policies, now that this dataset is registered.
    ///
    /// # Errors
    /// If the datasets cannot be read.
    pub fn policy_warnings(&self, registered: &str) -> Outcome<Vec<String>> {
        let policies = &self.settings.policy;
        if policies.dataset.is_empty() || policies.dataset.contains_key(registered) {
            return Ok(Vec::new());
        }
        let known = self.datasets()?;
        Ok(policies.without_dataset(|name| known.iter().any(|known| known == name)))
    }

    /// Returns the path of the consortium file.
    #[must_use]
    pub fn consortium(&self) -> &Path {
        &self.settings.consortium
    }

    /// Returns the party's name.
    #[must_use]
    pub fn party(&self) -> &str {
        &self.settings.party
    }

    /// Performs an operation. Returns its result.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn perform(&self, operation: Operation) -> Outcome<Value> {
        let asked = actix::System::new().block_on(control::ask(&self.settings.state, &operation));
        let reply = match asked {
            Ok(reply) => reply,
            Err(error) if is_absent(&error) => self.perform_here(operation)?,
            Err(error) => return Err(Problem::ours(format!("the node does not answer: {error}"))),
        };
        match reply {
            Reply::Done(value) => Ok(value),
            Reply::Failed { status, message, hint, .. } => {
                Err(Problem::new(fault(status), format!("{message}\n  hint: {hint}")))
            }
        }
    }

    /// Asks the running node what its databases' users may do there. None if no node runs, or the
    /// one that runs does not know the question.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn database_rights(&self) -> Outcome<Option<Vec<DatabaseRights>>> {
        let asked = control::ask(&self.settings.state, &Operation::DatabaseRights);
        match actix::System::new().block_on(asked) {
            Ok(Reply::Done(rights)) => {
                serde_json::from_value(rights).map(Some).map_err(Problem::ours)
            }
            Ok(Reply::Failed { code, .. }) if code == UNKNOWN => Ok(None),
            Ok(Reply::Failed { status, message, .. }) => Err(Problem::new(fault(status), message)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Problem::ours(format!("the node does not answer: {error}"))),
        }
    }

    /// Has the running node read its identity and its consortium file again.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn reload(&self) -> Outcome<Reloaded> {
        match self.tell(RELOAD) {
            Ok(Reply::Done(_)) => Ok(Reloaded::Yes),
            Ok(Reply::Failed { code, .. }) if code == UNKNOWN => Ok(Reloaded::NotAble),
            Ok(Reply::Failed { message, hint, .. }) => {
                Ok(Reloaded::Refused(format!("{message}; {hint}")))
            }
            Err(error) if is_absent(&error) => Ok(Reloaded::NotRunning),
            Err(error) => Err(Problem::ours(format!("the node does not answer: {error}"))),
        }
    }

    fn tell(&self, line: &[u8]) -> io::Result<Reply> {
        let mut stream = UnixStream::connect(control::path(&self.settings.state))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(line)?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply)?;
        Ok(serde_json::from_str(&reply)?)
    }

    fn perform_here(&self, operation: Operation) -> Outcome<Reply> {
        let vault = Vault::open(&self.settings.state).map_err(|error| match error {
            VaultError::Locked => Problem::usage(format!(
                "another process has {} open: try again when it has ended",
                self.settings.state.display()
            )),
            other => Problem::usage(format!("{}: {other}", self.settings.state.display())),
        })?;
        let access = Arc::new(self.settings.sources());
        let memories = Memories::new(vault.clone());
        let operations = Operations::new(&self.settings.party, vault, access, memories);
        Ok(operations.perform(operation).into())
    }
}

/// Returns `true` if the node does not run.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn fault(status: u16) -> Fault {
    match status {
        403 => Fault::Refused,
        409 => Fault::Peer,
        400..500 => Fault::Usage,
        _ => Fault::Ours,
    }
}

/// Makes a path absolute for the node, which may have been started elsewhere.
///
/// # Errors
/// If the current folder is not known.
pub fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Problem::usage(format!("{}: {error}", path.display())))
}
