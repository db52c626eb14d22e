//! `Registry`: owners make datasets known to the node, and withdraw them.

use std::sync::Arc;

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_sources::{Declaration, register, rights_beyond_reading};
use cloister_vault::Vault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{own_description, public};
use crate::bus::Description;
use crate::log::{Kind, Log};
use crate::policy::{Policies, no_such_dataset};
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Parameter::Required;
use crate::vocabulary::object::{Call, Interface, Method, Reply, Right};

/// The actor.
pub struct Registry {
    books: Books,
}

/// The register of datasets. A clone is cheap.
#[derive(Clone)]
pub struct Books {
    vault: Vault,
    log: Log,
    access: Arc<cloister_sources::Access>,
}

/// A dataset as the state holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registered {
    /// The owner's declaration.
    pub(crate) declaration: Declaration,
    /// The dataset as it was found.
    pub(crate) dataset: cloister_sources::Dataset,
}

/// The rights, beside reading, of the user with which a dataset's database is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRights {
    /// The dataset's name.
    pub dataset: String,
    /// Rights that the node has no use for, each with its remedy.
    pub notes: Vec<String>,
    /// The reason for which the database did not tell.
    pub error: Option<String>,
}

/// The methods that clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Registry",
    right: Right::Register,
    methods: &[
        Method { name: "register", parameters: &[Required("declaration")] },
        Method { name: "withdraw", parameters: &[Required("dataset")] },
    ],
};

impl Registry {
    /// Creates the service for these books.
    #[must_use]
    pub fn new(books: Books) -> Self {
        Self { books }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        own_description("Registry")
    }
}

impl Books {
    /// Creates the books of this vault, for data within reach of `access`.
    #[must_use]
    pub fn new(vault: Vault, log: Log, access: Arc<cloister_sources::Access>) -> Self {
        Self { vault, log, access }
    }

    /// Reads and checks a dataset, and registers it. Returns the findings: counts, never a value.
    /// Blocks.
    ///
    /// # Errors
    /// If it cannot be read or is not as declared. Then it is not registered.
    pub fn register(&self, by: &str, declaration: Declaration) -> Result<Value, ApiError> {
        let declared = declaration.clone();
        let (dataset, report) = register(declaration, &self.access).map_err(unfit)?;
        let name = dataset.name.clone();
        for note in &report.notes {
            tracing::warn!(dataset = %name, "{note}");
        }
        let entry = json!({
            "dataset": name, "by": by, "columns": dataset.columns, "key": dataset.key,
            "rows": dataset.entry().rows,
            // They change the meaning of values.
            "formats": dataset.formats,
        });
        self.log.record_blocking(Kind::Registered, entry)?;
        let registered = Registered { declaration: declared, dataset };
        let document = serde_json::to_value(&registered)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        let written = self.vault.put_dataset(&name, &document).wait();
        written.map_err(|error| ApiError::state(&error))?;
        let catalogue = registered.dataset.entry();
        Ok(json!({"dataset": catalogue, "report": report}))
    }

    /// Forgets a dataset. The node still remembers the earlier requests for it. Blocks.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn withdraw(&self, by: &str, name: &str) -> Result<(), ApiError> {
        let known = self.vault.dataset(name).map_err(|error| ApiError::state(&error))?;
        known.ok_or_else(no_such_dataset)?;
        self.log.record_blocking(Kind::Withdrawn, json!({"dataset": name, "by": by}))?;
        let removed = self.vault.remove_dataset(name).wait();
        removed.map_err(|error| ApiError::state(&error)).map(drop)
    }

    /// Lists the names and descriptions of all datasets. Blocks.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn list(&self) -> Result<Value, ApiError> {
        let documents = self.vault.datasets().map_err(|error| ApiError::state(&error))?;
        let entries = documents
            .into_iter()
            .map(|(_, document)| parse(document).map(|registered| registered.dataset.entry()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(json!(entries))
    }

    /// Asks the database of each dataset that has one what its user may do there. Blocks.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn database_rights(&self) -> Result<Vec<DatabaseRights>, ApiError> {
        let documents = self.vault.datasets().map_err(|error| ApiError::state(&error))?;
        let mut all = Vec::new();
        for (dataset, document) in documents {
            let source = parse(document)?.dataset.source;
            let Some(asked) = rights_beyond_reading(&source, &self.access) else { continue };
            let (notes, error) = match asked {
                Ok(notes) => (notes, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            all.push(DatabaseRights { dataset, notes, error });
        }
        Ok(all)
    }

    /// Warns of policies of datasets that are not registered. Blocks.
    pub fn warn_of_policies(&self, policies: &Policies) {
        match self.vault.datasets() {
            Ok(datasets) => {
                let exists = |name: &str| datasets.iter().any(|(known, _)| known == name);
                for warning in policies.without_dataset(exists) {
                    tracing::warn!("{warning}");
                }
            }
            Err(error) => tracing::error!(%error, "the datasets cannot be read"),
        }
    }

    /// Warns of datasets whose servers the settings do not name, each with the entry that is missing:
    /// one that was registered before there was a list cannot be read. Blocks.
    pub fn warn_of_hosts(&self) {
        let registered = self.vault.datasets().unwrap_or_default();
        for (dataset, document) in registered {
            let Ok(known) = parse(document) else { continue };
            if let Some(entry) = self.access.hosts.lacks(&known.dataset.source) {
                tracing::warn!(
                    %dataset,
                    "its server is none of data.hosts, so it cannot be read: add {entry:?} there"
                );
            }
        }
    }

    /// Registers the datasets that the settings declare, if they are unknown or were declared
    /// otherwise. Blocks. A dataset that cannot be read is left to its owner: the node starts
    /// without it.
    pub fn adopt(&self, declarations: &[Declaration]) {
        for declaration in declarations {
            let known = self.vault.dataset(&declaration.name).ok().flatten();
            let known = known.and_then(|document| parse(document).ok());
            if known.is_some_and(|known| known.declaration == *declaration) {
                continue;
            }
            if let Err(error) = self.register("node.toml", declaration.clone()) {
                let dataset = &declaration.name;
                tracing::error!(%dataset, %error, "a dataset in the settings was not registered");
            }
        }
    }
}

/// Reads a dataset from the state.
pub(crate) fn parse(document: Value) -> Result<Registered, ApiError> {
    serde_json::from_value(document)
        .map_err(|_| ApiError::internal("a dataset in the state cannot be read"))
}

/// Tells the caller everything about the error: these are the caller's own data.
fn unfit(error: cloister_sources::SourceError) -> ApiError {
    ApiError::new(Code::DatasetUnfit, error.to_string())
        .hint("mend the declaration or the data, and register again; nothing was written down")
}

fn declaration(data: &Data) -> Result<Declaration, ApiError> {
    data.parse().map_err(|error| ApiError::argument("declaration", error))
}

impl Actor for Registry {
    type Context = Context<Self>;
}

impl Handler<Call> for Registry {
    type Result = ResponseFuture<Result<Reply, ApiError>>;

    fn handle(&mut self, call: Call, _: &mut Self::Context) -> Self::Result {
        let books = self.books.clone();
        let by = call.principal.name().to_owned();
        Box::pin(async move {
            if call.method == "withdraw" {
                let name = call.arguments.text("dataset")?;
                blocking::run(move || books.withdraw(&by, &name)).await??;
                return Ok(Reply::None);
            }
            let declaration = declaration(&*call.arguments.public("declaration")?)?;
            let found = blocking::run(move || books.register(&by, declaration)).await??;
            // The report says how many values are missing. The caller is the owner, and may know.
            public(&found)
        })
    }
}
