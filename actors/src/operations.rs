//! The operator's commands on the state of a node: tokens, datasets, approvals, the audit log.
//!
//! The state belongs to one process at a time. While the node runs, the command sends the operation
//! to it, through a socket in the state's folder ([`crate::control`]). Otherwise the command opens
//! the state and performs the operation itself. Both do the same.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloister_sources::Declaration;
use cloister_vault::{Class, Head, Role, Sighting, Token, Vault, VaultError, Witnessed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::log::{Kind, Log, document};
use crate::services::approvals::{
    self, Beforehand, Planned, StudySignatures, Terms, USUAL_SECONDS, Verdict, Widening,
};
use crate::services::datasets::Memories;
use crate::services::registry::Books;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

/// The name of the operator in the log.
const OPERATOR: &str = "the command on this machine";

/// The names that stand for the operator and the settings in the log, or for a caller without a
/// token.
const RESERVED: [&str; 3] = [OPERATOR, "node.toml", "anybody"];

const DAY: u64 = 24 * 60 * 60;

/// The most entries of the log that are read at a time.
const MOST_ENTRIES: usize = 500;

/// An operation on the state.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// A new token. The answer has the token, which is shown this once.
    NewToken {
        /// The name of the token.
        name: String,
        /// The token's roles.
        roles: BTreeSet<Role>,
        /// The number of days; without end where it is left out.
        days: Option<u32>,
    },
    /// The list of tokens: names, roles, ends.
    Tokens,
    /// The revocation of a token.
    RevokeToken {
        /// The name of the token.
        name: String,
    },
    /// The registration of a dataset.
    Register {
        /// The declaration of the dataset and its place.
        declaration: Box<Declaration>,
    },
    /// The list of datasets.
    Datasets,
    /// The rights of the databases' users, for each dataset that is read from a server.
    DatabaseRights,
    /// The withdrawal of a dataset.
    Withdraw {
        /// Its name.
        name: String,
    },
    /// The list of requests: waiting, granted and refused.
    Approvals,
    /// The grant of a request.
    Grant {
        /// Its number.
        request: u64,
        /// The number of uses.
        times: NonZeroU32,
        /// The number of days; a week where it is left out.
        days: Option<NonZeroU32>,
        /// The allowances beside the question that was asked.
        #[serde(default)]
        widening: Widening,
    },
    /// The grant of all computations of a study to a principal.
    GrantStudy {
        /// The study's title.
        title: String,
        /// The principal.
        principal: String,
        /// The study's computations on this node's datasets.
        computations: Vec<Planned>,
        /// The signatures of the study's file.
        signatures: StudySignatures,
        /// The number of uses; one for each computation where it is left out.
        times: Option<NonZeroU32>,
        /// The number of days; a week where it is left out.
        days: Option<NonZeroU32>,
    },
    /// The grant of a class of questions before any is asked.
    GrantClass {
        /// The principal.
        principal: String,
        /// The dataset.
        dataset: String,
        /// The class.
        class: Widening,
        /// The number of uses.
        times: NonZeroU32,
        /// The number of days; a week where it is left out.
        days: Option<NonZeroU32>,
    },
    /// The refusal of a request.
    Refuse {
        /// Its number.
        request: u64,
    },
    /// The part of a dataset that answers have told.
    Memory {
        /// Its name.
        dataset: String,
    },
    /// A new beginning of the memory of a dataset's answers.
    ResetMemory {
        /// Its name.
        dataset: String,
    },
    /// The opening of a dataset that was closed by a loss of the state. Its memory stays.
    OpenDataset {
        /// Its name.
        dataset: String,
    },
    /// The judgement that a member's word of a later state is unfounded.
    DropWord {
        /// The member.
        member: String,
    },
    /// The acknowledgement that the state lost its newest part.
    AcknowledgeLoss {
        /// An older state was put back on purpose, and no member may have told so yet.
        restored: bool,
    },
    /// A part of the audit log.
    Audit {
        /// The number of the first entry.
        first: u64,
    },
    /// The verification of the whole chain of the audit log.
    Verify {
        /// Logs that other members have exported: the heads of this node's chain in them must be in
        /// this node's log.
        witnesses: Vec<PathBuf>,
    },
    /// The copy of the whole state, with its key, to a folder.
    BackUp {
        /// The folder, which must not be there yet.
        to: PathBuf,
    },
    /// The export of the audit log to a file, a line an entry.
    Export {
        /// The file, which must not be there yet.
        to: PathBuf,
    },
}

/// Performs operations. A clone is cheap.
#[derive(Clone)]
pub struct Operations {
    party: String,
    vault: Vault,
    log: Log,
    books: Books,
    memories: Memories,
}

impl Operations {
    /// Creates the operations on the state of this party's node, with data within reach of
    /// `access`.
    #[must_use]
    pub fn new(
        party: &str,
        vault: Vault,
        access: Arc<cloister_sources::Access>,
        memories: Memories,
    ) -> Self {
        let log = Log::new(vault.clone());
        let books = Books::new(vault.clone(), log.clone(), access);
        Self { party: party.to_owned(), vault, log, books, memories }
    }

    /// Performs an operation and returns its result. Blocks.
    ///
    /// # Errors
    /// If it cannot be done. Then the state is as before.
    pub fn perform(&self, operation: Operation) -> Result<Value, ApiError> {
        match operation {
            Operation::NewToken { name, roles, days } => self.new_token(&name, roles, days),
            Operation::Tokens => self.tokens(),
            Operation::RevokeToken { name } => self.revoke_token(&name),
            Operation::Register { declaration } => self.books.register(OPERATOR, *declaration),
            Operation::Datasets => self.books.list(),
            Operation::DatabaseRights => Ok(json!(self.books.database_rights()?)),
            Operation::Withdraw { name } => {
                self.books.withdraw(OPERATOR, &name).map(|()| Value::Null)
            }
            Operation::Approvals => approvals::list(&self.vault, &self.memories),
            Operation::Grant { request, times, days, widening } => {
                let (times, expires) = (times.get(), end(days));
                self.decide(request, Some(Terms { times, expires, widening }))
            }
            Operation::GrantStudy { title, principal, computations, signatures, times, days } => {
                let each = || u32::try_from(computations.len()).unwrap_or(u32::MAX);
                let times = times.map_or_else(each, NonZeroU32::get);
                let classes = computations.iter().map(|planned| planned.class(&principal));
                let classes = classes.collect::<Result<_, _>>()?;
                self.beforehand(title, classes, times, days, Some(signatures))
            }
            Operation::GrantClass { principal, dataset, class, times, days } => {
                let classes = vec![class.beforehand(&principal, &dataset)?];
                let title = "granted without a request".to_owned();
                self.beforehand(title, classes, times.get(), days, None)
            }
            Operation::Refuse { request } => self.decide(request, None),
            Operation::Memory { dataset } => self.memory(&dataset),
            Operation::ResetMemory { dataset } => self.reset_memory(&dataset),
            Operation::OpenDataset { dataset } => self.open_dataset(&dataset),
            Operation::DropWord { member } => self.drop_word(&member),
            Operation::AcknowledgeLoss { restored } => self.acknowledge_loss(restored),
            Operation::Audit { first } => self.audit(first),
            Operation::Verify { witnesses } => self.verify(&witnesses),
            Operation::BackUp { to } => self.back_up(&to),
            Operation::Export { to } => self.export(&to),
        }
    }

    fn new_token(
        &self,
        name: &str,
        roles: BTreeSet<Role>,
        days: Option<u32>,
    ) -> Result<Value, ApiError> {
        if RESERVED.contains(&name) {
            return Err(ApiError::argument("name", "this name is the node's own"));
        }
        if roles.is_empty() {
            return Err(ApiError::argument("role", "a token needs one role at least"));
        }
        let now = clock::seconds();
        let expires = days.map(|days| now + u64::from(days) * DAY);
        let made = self.vault.make_token(name, roles.clone(), expires, now).wait();
        let secret = made.map_err(|error| ApiError::state(&error))?;
        let entry = json!({"name": name, "roles": roles, "expires": expires, "by": OPERATOR});
        if let Err(error) = self.log.record_blocking(Kind::TokenMade, entry) {
            // A token without a proof of who made it must not be valid.
            let _ = self.vault.revoke_token(name).wait();
            return Err(error);
        }
        Ok(json!({"name": name, "token": secret.as_str(), "expires": expires}))
    }

    fn tokens(&self) -> Result<Value, ApiError> {
        let tokens = self.vault.tokens().map_err(|error| ApiError::state(&error))?;
        Ok(tokens
            .iter()
            .map(|token| {
                let Token { name, roles, made, expires } = token;
                json!({"name": name, "roles": roles, "made": made, "expires": expires})
            })
            .collect())
    }

    fn revoke_token(&self, name: &str) -> Result<Value, ApiError> {
        let revoked = self.vault.revoke_token(name).wait();
        if !revoked.map_err(|error| ApiError::state(&error))? {
            let message = format!("there is no token `{name}`");
            return Err(
                ApiError::new(Code::NoSuchToken, message).hint("`cloister token list` lists them")
            );
        }
        let entry = json!({"name": name, "by": OPERATOR});
        self.log.record_blocking(Kind::TokenRevoked, entry).map(|_| Value::Null)
    }

    fn memory(&self, dataset: &str) -> Result<Value, ApiError> {
        let mut shown = self.memories.show(dataset)?;
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("closed".into(), json!(self.memories.is_closed(dataset)?));
        }
        Ok(shown)
    }

    /// Acknowledges that the state lost its newest part. All sources are closed, since it is not
    /// known what was answered about them. The log has what members had told.
    fn acknowledge_loss(&self, restored: bool) -> Result<Value, ApiError> {
        let told = self.vault.contradictions().map_err(|error| ApiError::state(&error))?;
        if told.is_empty() && !restored {
            let message = "no member has told this node that its state is older";
            return Err(ApiError::new(Code::NothingLost, message));
        }
        let told: Value = told.iter().map(|(member, seen)| word(member, seen)).collect();
        let entry = json!({"told": told, "by": OPERATOR});
        self.log.record_blocking(Kind::LossAcknowledged, entry)?;
        let losses = self.vault.acknowledge_loss(clock::milliseconds()).wait();
        let losses = losses.map_err(|error| ApiError::state(&error))?;
        Ok(json!({"losses": losses, "told": told}))
    }

    /// Drops a member's word that this node's state is older. Nothing is closed or used up. The log
    /// has what the member had told.
    fn drop_word(&self, member: &str) -> Result<Value, ApiError> {
        let state = |error| ApiError::state(&error);
        let told = self.vault.contradictions().map_err(state)?;
        let missing = || {
            let message = format!("{member} has not told this node that its state is older");
            ApiError::new(Code::NothingLost, message)
        };
        let judged = *told.get(member).ok_or_else(missing)?;
        let entry = json!({"told": word(member, &judged), "by": OPERATOR});
        self.log.record_blocking(Kind::WordDropped, entry)?;
        if !self.vault.find_unfounded(member, judged).wait().map_err(state)? {
            let message = format!("{member} has just told another entry: look at it first");
            return Err(ApiError::new(Code::NothingLost, message));
        }
        Ok(word(member, &judged))
    }

    /// Opens a dataset that a loss has closed, at its owner's word. Nothing is forgotten.
    fn open_dataset(&self, dataset: &str) -> Result<Value, ApiError> {
        if !self.memories.is_closed(dataset)? {
            return Ok(json!({"was_closed": false}));
        }
        let entry = json!({"dataset": dataset, "by": OPERATOR});
        self.log.record_blocking(Kind::DatasetOpened, entry)?;
        self.memories.open(dataset)?;
        Ok(json!({"was_closed": true}))
    }

    /// Begins the memory of a dataset's answers anew. The log has what had been told until then.
    fn reset_memory(&self, dataset: &str) -> Result<Value, ApiError> {
        let told = self.memories.show(dataset)?;
        let entry = json!({"dataset": dataset, "told": told, "by": OPERATOR});
        self.log.record_blocking(Kind::MemoryReset, entry)?;
        self.memories.reset(dataset)?;
        Ok(told)
    }

    fn decide(&self, request: u64, granted: Option<Terms>) -> Result<Value, ApiError> {
        let verdict = Verdict { request, by: OPERATOR.to_owned(), granted };
        verdict.carry_out(&self.vault, &self.log)
    }

    fn beforehand(
        &self,
        title: String,
        classes: Vec<Class>,
        times: u32,
        days: Option<NonZeroU32>,
        signatures: Option<StudySignatures>,
    ) -> Result<Value, ApiError> {
        if classes.is_empty() {
            let message = "it computes nothing on a dataset of this node";
            return Err(ApiError::argument("study", message));
        }
        let (by, expires) = (OPERATOR.to_owned(), end(days));
        Beforehand { title, classes, by, times, expires, signatures }
            .carry_out(&self.vault, &self.log)
    }

    fn audit(&self, first: u64) -> Result<Value, ApiError> {
        let entries = self.vault.entries(first, MOST_ENTRIES);
        let entries = entries.map_err(|error| ApiError::state(&error))?;
        Ok(entries.iter().map(document).collect())
    }

    fn verify(&self, witnesses: &[PathBuf]) -> Result<Value, ApiError> {
        let own = self.vault.verify().map_err(|broken| broken_chain(&broken))?;
        let mut seen = Vec::new();
        for path in witnesses {
            let file = File::open(path).map_err(|error| file_problem(path, &error))?;
            let witnessed = self.vault.verify_against(&self.party, BufReader::new(file));
            let witnessed = witnessed.map_err(|broken| broken_chain(&broken))?;
            let Witnessed { heads, until, skipped, .. } = witnessed;
            seen.push(json!({"log": path, "heads": heads, "until": until, "skipped": skipped}));
        }
        let Head { number, .. } = own.head;
        let head = json!({"number": number, "hash": own.head.hex()});
        Ok(json!({"entries": own.entries, "head": head, "witnesses": seen}))
    }

    /// Copies the state. The log has it first, and so has the log of the copy.
    fn back_up(&self, to: &Path) -> Result<Value, ApiError> {
        if to.exists() {
            let message = format!("{} is there already", to.display());
            return Err(ApiError::new(Code::BadFile, message).hint("name another folder"));
        }
        self.log.record_blocking(Kind::BackedUp, json!({"to": to, "by": OPERATOR}))?;
        let head = self.vault.back_up(to).map_err(|error| match &error {
            VaultError::Folder { .. } => {
                ApiError::new(Code::BadFile, error.to_string()).hint("name another folder")
            }
            _ => ApiError::state(&error),
        })?;
        Ok(json!({"entries": head.number, "head": head.hex()}))
    }

    fn export(&self, to: &Path) -> Result<Value, ApiError> {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(to).map_err(|error| file_problem(to, &error))?;
        let head = self.vault.export_lines(std::io::BufWriter::new(file));
        let head = head.map_err(|error| ApiError::state(&error))?;
        Ok(json!({"entries": head.number, "head": head.hex()}))
    }
}

/// Describes what a member has told of this node's log.
fn word(member: &str, seen: &Sighting) -> Value {
    let (number, hash) = (seen.head.number, seen.head.hex());
    json!({"member": member, "losses": seen.losses, "number": number, "hash": hash})
}

/// Returns the end of a grant, in seconds since 1970.
fn end(days: Option<NonZeroU32>) -> u64 {
    clock::seconds() + days.map_or(USUAL_SECONDS, |days| u64::from(days.get()) * DAY)
}

fn broken_chain(broken: &cloister_vault::BrokenChain) -> ApiError {
    let message = format!("the audit log is not what was written: {broken}");
    ApiError::new(Code::AuditBroken, message).hint(
        "the state was changed outside of the node: keep it as it is, and compare with the other \
         members' logs",
    )
}

fn file_problem(path: &Path, error: &std::io::Error) -> ApiError {
    let message = format!("{}: {error}", path.display());
    ApiError::new(Code::BadFile, message).hint("name another file")
}
