//! Approvals: what an owner allows a principal to compute, how often, until when.
//!
//! A request is about a [`Class`]: this function on these columns of this dataset by this principal.
//! There is at most one approval of a class. Looking it up and counting a use down is one write, so
//! a grant for N times is used N times, however many ask at once.

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_APPROVALS, MAX_OPEN_REQUESTS, check_name, checked_columns};
use crate::seal::place;
use crate::vault::META;
use crate::writer::Group;
use crate::{Vault, VaultError, Written, records};

/// Id to sealed [`Record`].
const APPROVALS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("approvals");
/// Digest of a class to id.
const CLASSES: TableDefinition<'static, &[u8; 32], u64> = TableDefinition::new("approval classes");
const TABLE: &str = "approvals";
/// The entry of [`META`] with the id given last, little-endian. Ids are not given twice.
const LAST_ID: &str = "approvals";

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(APPROVALS)?;
    transaction.open_table(CLASSES)?;
    Ok(())
}

/// What is approved or not: who, which function, which dataset, which columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The name of the principal who computes.
    pub principal: String,
    /// The function.
    pub function: String,
    /// The dataset.
    pub dataset: String,
    /// Its columns, sorted and each once; the vault puts them so.
    pub columns: Vec<String>,
}

impl Class {
    /// The class with its columns as a set, or why it is none.
    fn checked(self) -> Result<Self, VaultError> {
        check_name("a principal's name", &self.principal)?;
        check_name("a function's name", &self.function)?;
        check_name("a dataset's name", &self.dataset)?;
        let columns = checked_columns(&self.columns)?;
        Ok(Self { columns, ..self })
    }

    fn digest(&self) -> [u8; 32] {
        let head = [&self.principal, &self.function, &self.dataset];
        let parts: Vec<&[u8]> =
            head.into_iter().chain(&self.columns).map(|part| part.as_bytes()).collect();
        blake3::derive_key("cloister 1 class of approvals", &place(&parts))
    }
}

/// A request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// What the owner names it by.
    pub id: u64,
    /// What was asked for.
    pub class: Class,
    /// When it was asked for last, in Unix seconds.
    pub asked: u64,
    /// What became of it.
    pub state: State,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not decided.
    Asked,
    /// Allowed.
    Granted {
        /// The owner who decided.
        by: String,
        /// How many more times.
        times_left: u32,
        /// From when on no more, in Unix seconds.
        expires: u64,
    },
    /// Not allowed, until somebody grants it.
    Refused {
        /// The owner who decided.
        by: String,
    },
}

/// What [`Vault::use_approval`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, and one use is counted.
    Granted {
        /// How many uses are left after this one.
        left: u32,
    },
    /// Refused by an owner.
    Refused,
    /// An owner has to decide; the request is made, or was made before.
    Asked {
        /// The request.
        id: u64,
    },
    /// There was a grant, and its time or its uses are over. The request is open again.
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

type Approvals<'a> = Table<'a, u64, &'static [u8]>;

impl Vault {
    /// Uses an approval of `class` once, at `now` (Unix seconds), or asks for one.
    ///
    /// # Errors
    ///
    /// Names that are empty or longer than 200 bytes, more than 1,000 columns, more than 100
    /// requests of the principal that nobody has decided, or 10,000 approvals in all.
    pub fn use_approval(&self, class: Class, now: u64) -> Written<Decision> {
        match class.checked() {
            Ok(class) => self.submit(0, move |group| use_approval(group, class, now)),
            Err(error) => Written::refused(error),
        }
    }

    /// All approvals and requests, in the order in which they were first asked for.
    pub fn approvals(&self) -> Result<Vec<Approval>, VaultError> {
        let approvals = self.read()?.open_table(APPROVALS)?;
        let mut all = Vec::new();
        for entry in approvals.iter()? {
            let (id, sealed) = entry?;
            let id = id.value();
            let sealer = &self.store().sealer;
            let record: Record = records::open(sealer, TABLE, &id.to_le_bytes(), sealed.value())?;
            let Record { class, asked, state } = record;
            all.push(Approval { id, class, asked, state });
        }
        Ok(all)
    }

    /// Allows `times` uses until `expires` (Unix seconds), whatever was decided before; tells whether
    /// there is such a request.
    pub fn grant(&self, id: u64, by: &str, times: u32, expires: u64) -> Written<bool> {
        if times == 0 {
            let rule = "at least 1; to allow none, refuse the request";
            return Written::refused(VaultError::Invalid { what: "times", rule });
        }
        self.decide(id, by, move |by| State::Granted { by, times_left: times, expires })
    }

    /// Refuses the request, or takes a grant back; tells whether there is such a request.
    pub fn refuse(&self, id: u64, by: &str) -> Written<bool> {
        self.decide(id, by, |by| State::Refused { by })
    }

    /// Removes an approval in whatever state, so that the class can be asked for as if for the first
    /// time; tells whether there was one.
    pub fn forget_approval(&self, id: u64) -> Written<bool> {
        self.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            group.transaction.open_table(CLASSES)?.remove(&record.class.digest())?;
            approvals.remove(id)?;
            Ok(true)
        })
    }

    fn decide(
        &self,
        id: u64,
        by: &str,
        state: impl FnOnce(String) -> State + Send + 'static,
    ) -> Written<bool> {
        if let Err(error) = check_name("the deciding owner's name", by) {
            return Written::refused(error);
        }
        let by = by.to_owned();
        self.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            let record = Record { state: state(by), ..record };
            store(group, &mut approvals, id, &record)?;
            Ok(true)
        })
    }
}

fn use_approval(group: &mut Group<'_>, class: Class, now: u64) -> Result<Decision, VaultError> {
    let digest = class.digest();
    let classes = group.transaction.open_table(CLASSES)?;
    let known = classes.get(&digest)?.map(|id| id.value());
    drop(classes);
    let mut approvals = group.transaction.open_table(APPROVALS)?;
    let Some(id) = known else { return ask(group, &mut approvals, class, &digest, now) };
    let altered = VaultError::Altered { table: TABLE };
    let record = stored(group, &approvals, id)?.filter(|record| record.class == class);
    let record = record.ok_or(altered)?;
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
fn ask(
    group: &mut Group<'_>,
    approvals: &mut Approvals<'_>,
    class: Class,
    digest: &[u8; 32],
    now: u64,
) -> Result<Decision, VaultError> {
    check_open_requests(group, approvals, &class.principal)?;
    if approvals.len()? >= MAX_APPROVALS {
        let hint = "ask an owner to remove those no longer needed";
        return Err(VaultError::Limit { what: "approvals", limit: MAX_APPROVALS, hint });
    }
    let id = next_id(group)?;
    store(group, approvals, id, &Record { class, asked: now, state: State::Asked })?;
    group.transaction.open_table(CLASSES)?.insert(digest, id)?;
    Ok(Decision::Asked { id })
}

fn check_open_requests(
    group: &Group<'_>,
    approvals: &Approvals<'_>,
    principal: &str,
) -> Result<(), VaultError> {
    let mut open = 0_usize;
    for entry in approvals.iter()? {
        let (id, sealed) = entry?;
        let key = id.value().to_le_bytes();
        let record: Record = records::open(group.sealer, TABLE, &key, sealed.value())?;
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

/// Gives an id. What calls this can no longer refuse.
fn next_id(group: &Group<'_>) -> Result<u64, VaultError> {
    let altered = || VaultError::Altered { table: "meta" };
    let mut meta = group.transaction.open_table(META)?;
    let last = match meta.get(LAST_ID)? {
        Some(bytes) => bytes.value().try_into().map(u64::from_le_bytes).map_err(|_| altered())?,
        None => 0,
    };
    let id = last.checked_add(1).ok_or_else(altered)?;
    meta.insert(LAST_ID, id.to_le_bytes().as_slice())?;
    Ok(id)
}

fn stored(
    group: &Group<'_>,
    approvals: &Approvals<'_>,
    id: u64,
) -> Result<Option<Record>, VaultError> {
    let Some(sealed) = approvals.get(id)? else { return Ok(None) };
    records::open(group.sealer, TABLE, &id.to_le_bytes(), sealed.value()).map(Some)
}

fn store(
    group: &Group<'_>,
    approvals: &mut Approvals<'_>,
    id: u64,
    record: &Record,
) -> Result<(), VaultError> {
    let sealed = records::seal(group.sealer, TABLE, &id.to_le_bytes(), record)?;
    approvals.insert(id, sealed.as_slice())?;
    Ok(())
}
