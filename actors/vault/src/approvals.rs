//! Approvals: an owner's permission for a principal to compute a function so often, until a time.
//!
//! An approval is for a [`Class`]: a function on columns of a dataset by a principal. There is at
//! most one approval of a class. One write looks it up and counts a use, so concurrent callers use
//! a grant for N times exactly N times.

use redb::{ReadableTable, ReadableTableMetadata, Table};
use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::limits::{MAX_APPROVALS, MAX_OPEN_REQUESTS, check_name, checked_columns};
use crate::records;
use crate::schema::{APPROVAL_CLASSES, APPROVALS, next_approval_id};
use crate::seal::{Sealer, length_prefixed};
use crate::state;
use crate::store::Group;
use crate::writer::Written;

const TABLE: &str = "approvals";

/// The subject of an approval: principal, function, dataset and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The name of the principal who computes.
    pub principal: String,
    /// The function.
    pub function: String,
    /// The dataset.
    pub dataset: String,
    /// Its columns. The vault sorts them and removes repetitions.
    pub columns: Vec<String>,
}

impl Class {
    /// Checks the class, and makes its columns a set.
    fn checked(self) -> Result<Self, VaultError> {
        check_name("a principal's name", &self.principal)?;
        check_name("a function's name", &self.function)?;
        check_name("a dataset's name", &self.dataset)?;
        let columns = checked_columns(&self.columns)?;
        Ok(Self { columns, ..self })
    }

    fn digest(&self) -> [u8; 32] {
        let mut parts =
            vec![self.principal.as_bytes(), self.function.as_bytes(), self.dataset.as_bytes()];
        parts.extend(self.columns.iter().map(|column| column.as_bytes()));
        blake3::derive_key("cloister 1 class of approvals", &length_prefixed(&parts))
    }
}

/// A request and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id, by which owners name it.
    pub id: u64,
    /// The subject of the request.
    pub class: Class,
    /// The time of the last request, in Unix seconds.
    pub asked: u64,
    /// Its state.
    pub state: State,
}

/// The state of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Undecided.
    Asked,
    /// Granted.
    Granted {
        /// The owner who decided.
        by: String,
        /// The number of uses left.
        times_left: u32,
        /// The end of the grant, in Unix seconds.
        expires: u64,
    },
    /// Refused, until an owner grants it.
    Refused {
        /// The owner who decided.
        by: String,
    },
}

/// The outcome of [`Vault::use_approval`](crate::Vault::use_approval).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Granted, and one use is counted.
    Granted {
        /// The number of uses left after this one.
        left: u32,
    },
    /// Refused by an owner.
    Refused,
    /// Undecided. The request is made now, or was made before.
    Asked {
        /// The request.
        id: u64,
    },
    /// The time or the uses of the grant are over. The request is open again.
    Expired {
        /// The request.
        id: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Record {
    class: Class,
    asked: u64,
    state: State,
}

type ApprovalTable<'a> = Table<'a, u64, &'static [u8]>;

/// The approvals of a state.
pub(crate) struct Approvals<'a>(pub(crate) &'a state::State);

impl Approvals<'_> {
    pub(crate) fn use_once(&self, class: Class, now: u64) -> Written<Decision> {
        match class.checked() {
            Ok(class) => self.0.submit(0, move |group| use_once(group, class, now)),
            Err(error) => Written::refused(error),
        }
    }

    pub(crate) fn all(&self) -> Result<Vec<Approval>, VaultError> {
        let approvals = self.0.read()?.open_table(APPROVALS)?;
        let mut all = Vec::new();
        for entry in approvals.iter()? {
            let (id, sealed) = entry?;
            let Record { class, asked, state } =
                open_record(self.0.sealer(), id.value(), sealed.value())?;
            all.push(Approval { id: id.value(), class, asked, state });
        }
        Ok(all)
    }

    pub(crate) fn grant(&self, id: u64, by: &str, times: u32, expires: u64) -> Written<bool> {
        if times == 0 {
            let rule = "at least 1; to allow none, refuse the request";
            return Written::refused(VaultError::Invalid { what: "times", rule });
        }
        let by = by.to_owned();
        self.decide(id, State::Granted { by, times_left: times, expires })
    }

    pub(crate) fn refuse(&self, id: u64, by: &str) -> Written<bool> {
        self.decide(id, State::Refused { by: by.to_owned() })
    }

    pub(crate) fn forget(&self, id: u64) -> Written<bool> {
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            group.transaction.open_table(APPROVAL_CLASSES)?.remove(&record.class.digest())?;
            approvals.remove(id)?;
            Ok(true)
        })
    }

    fn decide(&self, id: u64, state: State) -> Written<bool> {
        if let State::Granted { by, .. } | State::Refused { by } = &state
            && let Err(error) = check_name("the deciding owner's name", by)
        {
            return Written::refused(error);
        }
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            store(group, &mut approvals, id, &Record { state, ..record })?;
            Ok(true)
        })
    }
}

fn use_once(group: &mut Group<'_>, class: Class, now: u64) -> Result<Decision, VaultError> {
    let digest = class.digest();
    let classes = group.transaction.open_table(APPROVAL_CLASSES)?;
    let known = classes.get(&digest)?.map(|id| id.value());
    drop(classes);
    let mut approvals = group.transaction.open_table(APPROVALS)?;
    let Some(id) = known else { return request(group, &mut approvals, class, &digest, now) };
    let record = stored(group, &approvals, id)?
        .filter(|record| record.class == class)
        .ok_or(VaultError::Altered { table: TABLE })?;
    match record.state {
        State::Asked => Ok(Decision::Asked { id }),
        State::Refused { .. } => Ok(Decision::Refused),
        State::Granted { by, times_left, expires } if times_left > 0 && now < expires => {
            let left = times_left.saturating_sub(1);
            let state = State::Granted { by, times_left: left, expires };
            store(group, &mut approvals, id, &Record { state, ..record })?;
            Ok(Decision::Granted { left })
        }
        State::Granted { .. } => {
            check_open_requests(group, &approvals, &class.principal)?;
            let again = Record { class, asked: now, state: State::Asked };
            store(group, &mut approvals, id, &again)?;
            Ok(Decision::Expired { id })
        }
    }
}

/// Makes the first request of a class.
fn request(
    group: &mut Group<'_>,
    approvals: &mut ApprovalTable<'_>,
    class: Class,
    digest: &[u8; 32],
    now: u64,
) -> Result<Decision, VaultError> {
    check_open_requests(group, approvals, &class.principal)?;
    if approvals.len()? >= MAX_APPROVALS {
        let hint = "ask an owner to remove those no longer needed";
        return Err(VaultError::Limit { what: "approvals", limit: MAX_APPROVALS, hint });
    }
    let id = next_approval_id(group.transaction)?;
    store(group, approvals, id, &Record { class, asked: now, state: State::Asked })?;
    group.transaction.open_table(APPROVAL_CLASSES)?.insert(digest, id)?;
    Ok(Decision::Asked { id })
}

fn check_open_requests(
    group: &Group<'_>,
    approvals: &ApprovalTable<'_>,
    principal: &str,
) -> Result<(), VaultError> {
    let mut open = 0_usize;
    for entry in approvals.iter()? {
        let (id, sealed) = entry?;
        let record = open_record(group.sealer, id.value(), sealed.value())?;
        if record.state == State::Asked && record.class.principal == principal {
            open = open.saturating_add(1);
        }
    }
    if open >= MAX_OPEN_REQUESTS {
        let hint = "wait until an owner has decided some";
        let limit = MAX_OPEN_REQUESTS as u64;
        return Err(VaultError::Limit { what: "undecided requests of the principal", limit, hint });
    }
    Ok(())
}

fn stored(
    group: &Group<'_>,
    approvals: &ApprovalTable<'_>,
    id: u64,
) -> Result<Option<Record>, VaultError> {
    match approvals.get(id)? {
        Some(sealed) => open_record(group.sealer, id, sealed.value()).map(Some),
        None => Ok(None),
    }
}

fn open_record(sealer: &Sealer, id: u64, sealed: &[u8]) -> Result<Record, VaultError> {
    records::open(sealer, TABLE, &id.to_le_bytes(), sealed)
}

fn store(
    group: &Group<'_>,
    approvals: &mut ApprovalTable<'_>,
    id: u64,
    record: &Record,
) -> Result<(), VaultError> {
    let sealed = records::seal(group.sealer, TABLE, &id.to_le_bytes(), record)?;
    approvals.insert(id, sealed.as_slice())?;
    Ok(())
}
