//! Approvals: an owner's permission for a principal to ask so many questions, until a time.
//!
//! A request is of one [`Question`], and there is at most one of each. An owner grants it, by default
//! for exactly this question, or for a [`Class`] around it. A study is granted without a request: a
//! class for each of its questions. One write finds the grant and counts a use, so concurrent callers
//! use a grant for N times exactly N times.
//!
//! Requests of older versions kept no parameters and no condition. A grant of such a request serves
//! questions about all rows, and no condition. A refusal of it holds for any condition.

use redb::{ReadableTable, ReadableTableMetadata, Table};
use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::limits::{MAX_APPROVALS, MAX_CLASSES, MAX_OPEN_REQUESTS, check_name};
use crate::questions::{Class, Question};
use crate::records;
use crate::schema::{APPROVAL_CLASSES, APPROVALS, next_approval_id};
use crate::seal::Sealer;
use crate::state;
use crate::store::Group;
use crate::writer::Written;

const TABLE: &str = "approvals";

/// A request and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id, by which owners name it.
    pub id: u64,
    /// The question that was asked. `None` for a study that was granted as a whole.
    pub question: Option<Question>,
    /// The title of the study that was granted as a whole.
    pub study: Option<String>,
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
        /// The questions that it serves: those of any of these classes.
        #[serde(default)]
        classes: Vec<Class>,
    },
    /// Refused, until an owner grants it.
    Refused {
        /// The owner who decided.
        by: String,
    },
}

/// The permission that an owner gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The owner who decides.
    pub by: String,
    /// The number of uses.
    pub times: u32,
    /// The end, in Unix seconds.
    pub expires: u64,
    /// The questions: those of any of these classes.
    pub classes: Vec<Class>,
}

/// The outcome of [`Vault::use_approval`](crate::Vault::use_approval).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Granted, and one use is counted.
    Granted {
        /// The approval.
        id: u64,
        /// The number of uses left after this one.
        left: u32,
    },
    /// Refused by an owner.
    Refused {
        /// The request.
        id: u64,
    },
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
    #[serde(rename = "class")]
    question: Option<Question>,
    #[serde(default)]
    study: Option<String>,
    asked: u64,
    state: State,
}

impl Permission {
    fn check(&self) -> Result<(), VaultError> {
        check_name("the deciding owner's name", &self.by)?;
        if self.times == 0 {
            let rule = "at least 1; to allow none, refuse the request";
            return Err(VaultError::Invalid { what: "times", rule });
        }
        if self.classes.is_empty() || self.classes.len() > MAX_CLASSES {
            let rule = "from 1 to 1,000";
            return Err(VaultError::Invalid { what: "the number of classes", rule });
        }
        self.classes.iter().try_for_each(Class::check)
    }

    fn state(self) -> State {
        let Self { by, times, expires, classes } = self;
        State::Granted { by, times_left: times, expires, classes }
    }
}

impl Record {
    /// Names the class of a grant of an older version, which names none: it is of its question,
    /// about all rows.
    fn with_classes(mut self) -> Self {
        if let (Some(question), State::Granted { classes, .. }) = (&self.question, &mut self.state)
            && classes.is_empty()
        {
            classes.push(question.class());
        }
        self
    }

    /// Reports whether the record is a refusal of the question, made by an older version of a class
    /// of computations around it.
    fn refuses(&self, question: &Question) -> bool {
        let covered = |older: &Question| older.covered_in_older_version(question);
        matches!(self.state, State::Refused { .. }) && self.question.as_ref().is_some_and(covered)
    }

    /// Reports whether the record is a grant that serves the question at `now`.
    fn serves(&self, question: &Question, now: u64) -> bool {
        let State::Granted { times_left, expires, classes, .. } = &self.state else { return false };
        *times_left > 0 && now < *expires && classes.iter().any(|class| class.serves(question))
    }
}

type ApprovalTable<'a> = Table<'a, u64, &'static [u8]>;

/// The approvals of a state.
pub(crate) struct Approvals<'a>(pub(crate) &'a state::State);

impl Approvals<'_> {
    pub(crate) fn use_once(&self, question: Question, now: u64) -> Written<Decision> {
        match question.checked() {
            Ok(question) => self.0.submit(0, move |group| use_once(group, question, now)),
            Err(error) => Written::refused(error),
        }
    }

    pub(crate) fn all(&self) -> Result<Vec<Approval>, VaultError> {
        let approvals = self.0.read()?.open_table(APPROVALS)?;
        let mut all = Vec::new();
        for entry in approvals.iter()? {
            let (id, sealed) = entry?;
            let Record { question, study, asked, state } =
                open_record(self.0.sealer(), id.value(), sealed.value())?;
            all.push(Approval { id: id.value(), question, study, asked, state });
        }
        Ok(all)
    }

    pub(crate) fn grant(&self, id: u64, permission: Permission) -> Written<bool> {
        if let Err(error) = permission.check() {
            return Written::refused(error);
        }
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            let asked = record.question.as_ref();
            let served =
                |asked: &Question| permission.classes.iter().any(|class| class.serves(asked));
            if !asked.is_none_or(served) {
                let rule = "such that it serves the question that was asked";
                return Err(VaultError::Invalid { what: "the granted class", rule });
            }
            store(group, &mut approvals, id, &Record { state: permission.state(), ..record })?;
            Ok(true)
        })
    }

    pub(crate) fn grant_study(
        &self,
        title: &str,
        permission: Permission,
        now: u64,
    ) -> Written<u64> {
        let checked = check_name("a study's title", title).and_then(|()| permission.check());
        if let Err(error) = checked {
            return Written::refused(error);
        }
        let study = Some(title.to_owned());
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            check_room(&approvals)?;
            let id = next_approval_id(group.transaction)?;
            let state = permission.state();
            let record = Record { question: None, study, asked: now, state };
            store(group, &mut approvals, id, &record)?;
            Ok(id)
        })
    }

    pub(crate) fn give_back(&self, id: u64, losses: u64) -> Written<bool> {
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(mut record) = stored(group, &approvals, id)? else { return Ok(false) };
            let State::Granted { times_left, .. } = &mut record.state else { return Ok(false) };
            if group.losses()? != losses {
                return Ok(false);
            }
            *times_left = times_left.saturating_add(1);
            store(group, &mut approvals, id, &record)?;
            Ok(true)
        })
    }

    pub(crate) fn refuse(&self, id: u64, by: &str) -> Written<bool> {
        if let Err(error) = check_name("the deciding owner's name", by) {
            return Written::refused(error);
        }
        let by = by.to_owned();
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            let Some(record) = stored(group, &approvals, id)? else { return Ok(false) };
            let state = State::Refused { by };
            store(group, &mut approvals, id, &Record { state, ..record })?;
            Ok(true)
        })
    }

    pub(crate) fn forget(&self, id: u64) -> Written<bool> {
        self.0.submit(0, move |group| {
            let mut approvals = group.transaction.open_table(APPROVALS)?;
            if stored(group, &approvals, id)?.is_none() {
                return Ok(false);
            }
            let mut classes = group.transaction.open_table(APPROVAL_CLASSES)?;
            classes.retain(|_, of| of != id)?;
            approvals.remove(id)?;
            Ok(true)
        })
    }
}

/// Uses up all grants. The next question that one served is a request again.
pub(crate) fn use_up_all(group: &Group<'_>) -> Result<(), VaultError> {
    let mut approvals = group.transaction.open_table(APPROVALS)?;
    let mut granted = Vec::new();
    for entry in approvals.iter()? {
        let (id, sealed) = entry?;
        let mut record = open_record(group.sealer, id.value(), sealed.value())?;
        if let State::Granted { times_left, .. } = &mut record.state {
            *times_left = 0;
            granted.push((id.value(), record));
        }
    }
    granted.iter().try_for_each(|(id, record)| store(group, &mut approvals, *id, record))
}

fn use_once(group: &mut Group<'_>, question: Question, now: u64) -> Result<Decision, VaultError> {
    let digest = question.digest();
    let classes = group.transaction.open_table(APPROVAL_CLASSES)?;
    let known = classes.get(&digest)?.map(|id| id.value());
    drop(classes);
    let mut approvals = group.transaction.open_table(APPROVALS)?;
    let own = match known {
        None => None,
        Some(id) => Some((id, asked_before(group, &approvals, id, &question)?)),
    };
    match own {
        Some((id, Record { state: State::Refused { .. }, .. })) => {
            return Ok(Decision::Refused { id });
        }
        Some((id, record)) if record.serves(&question, now) => {
            return count_use(group, &mut approvals, id, record);
        }
        _ => {}
    }
    match decided(group, &approvals, &question, now)? {
        Some((id, record)) if record.refuses(&question) => return Ok(Decision::Refused { id }),
        Some((id, record)) => return count_use(group, &mut approvals, id, record),
        None => {}
    }
    match own {
        None => request(group, &mut approvals, question, &digest, now),
        Some((id, Record { state: State::Asked, .. })) => Ok(Decision::Asked { id }),
        Some((id, _)) => {
            check_open_requests(group, &approvals, &question.principal)?;
            let again =
                Record { question: Some(question), study: None, asked: now, state: State::Asked };
            store(group, &mut approvals, id, &again)?;
            Ok(Decision::Expired { id })
        }
    }
}

/// Returns the record of exactly this question.
fn asked_before(
    group: &Group<'_>,
    approvals: &ApprovalTable<'_>,
    id: u64,
    question: &Question,
) -> Result<Record, VaultError> {
    stored(group, approvals, id)?
        .filter(|record| record.question.as_ref() == Some(question))
        .ok_or(VaultError::Altered { table: TABLE })
}

/// Finds a refusal of an older version that is about the question, or else the first grant that
/// serves it.
fn decided(
    group: &Group<'_>,
    approvals: &ApprovalTable<'_>,
    question: &Question,
    now: u64,
) -> Result<Option<(u64, Record)>, VaultError> {
    let mut granted = None;
    for entry in approvals.iter()? {
        let (id, sealed) = entry?;
        let record = open_record(group.sealer, id.value(), sealed.value())?;
        if record.refuses(question) {
            return Ok(Some((id.value(), record)));
        }
        if granted.is_none() && record.serves(question, now) {
            granted = Some((id.value(), record));
        }
    }
    Ok(granted)
}

/// Counts a use of a grant.
fn count_use(
    group: &Group<'_>,
    approvals: &mut ApprovalTable<'_>,
    id: u64,
    mut record: Record,
) -> Result<Decision, VaultError> {
    let State::Granted { times_left, .. } = &mut record.state else {
        return Err(VaultError::Altered { table: TABLE });
    };
    *times_left = times_left.saturating_sub(1);
    let left = *times_left;
    store(group, approvals, id, &record)?;
    Ok(Decision::Granted { id, left })
}

/// Makes the first request of a question.
fn request(
    group: &mut Group<'_>,
    approvals: &mut ApprovalTable<'_>,
    question: Question,
    digest: &[u8; 32],
    now: u64,
) -> Result<Decision, VaultError> {
    check_open_requests(group, approvals, &question.principal)?;
    check_room(approvals)?;
    let id = next_approval_id(group.transaction)?;
    let question = Some(question);
    let record = Record { question, study: None, asked: now, state: State::Asked };
    store(group, approvals, id, &record)?;
    group.transaction.open_table(APPROVAL_CLASSES)?.insert(digest, id)?;
    Ok(Decision::Asked { id })
}

fn check_room(approvals: &ApprovalTable<'_>) -> Result<(), VaultError> {
    if approvals.len()? >= MAX_APPROVALS {
        let hint = "ask an owner to remove those no longer needed";
        return Err(VaultError::Limit { what: "approvals", limit: MAX_APPROVALS, hint });
    }
    Ok(())
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
        let by = record.question.as_ref().map(|question| question.principal.as_str());
        if record.state == State::Asked && by == Some(principal) {
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
    records::open(sealer, TABLE, &id.to_le_bytes(), sealed).map(Record::with_classes)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::questions::Condition;

    /// Reads a record as older versions stored it.
    fn older(columns: &[&str], state: Value) -> Record {
        let class = json!({"principal": "ada", "function": "SecureSum", "dataset": "trial",
            "columns": columns});
        let record = json!({"class": class, "asked": 1, "state": state});
        serde_json::from_value::<Record>(record).unwrap().with_classes()
    }

    fn question(parameters: &str, condition: Option<&str>) -> Question {
        let condition = condition.map(|column| Condition {
            text: format!("{column} > 1"),
            columns: BTreeSet::from([column.to_owned()]),
        });
        Question {
            principal: "ada".into(),
            function: "SecureSum".into(),
            parameters: Some(parameters.into()),
            dataset: "trial".into(),
            columns: vec!["time".into()],
            condition,
        }
    }

    #[test]
    fn a_grant_of_an_older_version_serves_no_condition() {
        let granted = json!({"granted": {"by": "owner", "times_left": 10, "expires": 100}});
        let grant = older(&["time"], granted.clone());
        assert!(grant.serves(&question("{}", None), 2));
        assert!(grant.serves(&question(r#"{"digits_before":3}"#, None), 2));
        assert!(!grant.serves(&question("{}", Some("time")), 2));
        assert!(!grant.serves(&question("{}", Some("age")), 2));
        assert!(!older(&["age", "time"], granted).serves(&question("{}", Some("age")), 2));
    }

    #[test]
    fn a_refusal_of_an_older_version_holds_for_every_condition() {
        let refused = json!({"refused": {"by": "owner"}});
        assert!(older(&["time"], refused.clone()).refuses(&question("{}", None)));
        assert!(older(&["time"], refused.clone()).refuses(&question("{}", Some("time"))));
        assert!(older(&["age", "time"], refused.clone()).refuses(&question("{}", Some("age"))));
        assert!(!older(&["time"], refused).refuses(&question("{}", Some("age"))));
    }
}
