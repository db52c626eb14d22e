//! Answers that were opened, kept so that the same question is given the same answer again.
//!
//! An answer is found by the digest of its question and of the rows that it is about, which the caller
//! makes under a key of the node. It has the name that the members of its computation gave it.
//! Answers make room for each other: beyond a principal's part its oldest go first, then the oldest of
//! the principal that holds most. A forgotten answer is no loss, because its question can be computed again.
//!
//! Nothing here decides who may be given an answer.

use std::collections::BTreeMap;

use redb::{ReadableTable, TableError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::{
    MAX_ANSWER_BYTES, MAX_ANSWERS, MAX_ANSWERS_BYTES, MAX_PRINCIPAL_ANSWERS_BYTES, check_name,
};
use crate::records;
use crate::schema::{ANSWER_TEXTS, ANSWERS};
use crate::seal::length_prefixed;
use crate::state::State;
use crate::store::Group;
use crate::uploads::Content;
use crate::writer::Written;

const TABLE: &str = "answers";

/// An answer that is to be kept.
pub struct KeptAnswer {
    /// The digest of its question and rows.
    pub question: [u8; 32],
    /// The source of the rows.
    pub source: String,
    /// The principal who asked first.
    pub principal: String,
    /// Its name among the members of its computation.
    pub name: [u8; 16],
    /// The document that is given again.
    pub document: Content,
    /// The number of losses of the state when its question was asked.
    pub losses: u64,
}

/// The record of an answer, beside its document.
#[cfg_attr(test, derive(Clone))]
#[derive(Serialize, Deserialize)]
struct Record {
    /// Answers are numbered as they come.
    number: u64,
    source: String,
    principal: String,
    name: [u8; 16],
    bytes: u64,
}

/// The answers of a state.
pub(crate) struct Answers<'a>(pub(crate) &'a State);

impl Answers<'_> {
    /// Keeps an answer in the place of one to the same question. Answers `false` if it is too long, or
    /// if the state was lost since its question was asked.
    pub(crate) fn keep(&self, answer: KeptAnswer) -> Written<bool> {
        let checked = check_name("a source's name", &answer.source)
            .and_then(|()| check_name("a principal's name", &answer.principal));
        if let Err(error) = checked {
            return Written::refused(error);
        }
        self.0.submit(answer.document.len(), move |group| keep(group, answer))
    }

    /// Finds the answer to a question: its name and its document.
    pub(crate) fn get(
        &self,
        question: &[u8; 32],
    ) -> Result<Option<([u8; 16], Content)>, VaultError> {
        let transaction = self.0.read()?;
        let answers = match transaction.open_table(ANSWERS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            answers => answers?,
        };
        let Some(sealed) = answers.get(question)? else { return Ok(None) };
        let record: Record = records::open(self.0.sealer(), TABLE, question, sealed.value())?;
        let texts = transaction.open_table(ANSWER_TEXTS)?;
        let Some(sealed) = texts.get(question)? else { return Err(altered()) };
        let context = context(question, record.number);
        let document = self.0.sealer().open(&context, sealed.value()).ok_or_else(altered)?;
        Ok(Some((record.name, document)))
    }

    /// Forgets all answers about a source. Answers their number.
    pub(crate) fn forget(&self, source: &str) -> Written<u64> {
        let source = source.to_owned();
        self.0.submit(0, move |group| {
            let all = all(group)?;
            let of_source = all.iter().filter(|(_, record)| record.source == source);
            let mut forgotten: u64 = 0;
            for (question, _) in of_source {
                remove(group, question)?;
                forgotten = forgotten.saturating_add(1);
            }
            Ok(forgotten)
        })
    }
}

/// Forgets all answers.
pub(crate) fn forget_all(group: &Group<'_>) -> Result<(), VaultError> {
    group.transaction.delete_table(ANSWERS)?;
    group.transaction.delete_table(ANSWER_TEXTS)?;
    Ok(())
}

fn keep(group: &Group<'_>, answer: KeptAnswer) -> Result<bool, VaultError> {
    let KeptAnswer { question, source, principal, name, document, losses } = answer;
    if document.len() > MAX_ANSWER_BYTES || group.losses()? != losses {
        return Ok(false);
    }
    let mut others = all(group)?;
    // The first who asked goes on holding it: none fills another's part, or frees it.
    let known = others.iter().find(|(other, _)| *other == question);
    let principal = known.map_or(principal, |(_, record)| record.principal.clone());
    others.retain(|(other, _)| *other != question);
    let newest = others.iter().map(|(_, record)| record.number).max().unwrap_or_default();
    let (number, bytes) = (newest.saturating_add(1), document.len() as u64);
    for forgotten in without_room(others, &principal, bytes) {
        remove(group, &forgotten)?;
    }
    let record = Record { number, source, principal, name, bytes };
    let sealed = records::seal(group.sealer, TABLE, &question, &record)?;
    let text = group.sealer.seal(&context(&question, number), &document)?;
    group.transaction.open_table(ANSWERS)?.insert(&question, sealed.as_slice())?;
    group.transaction.open_table(ANSWER_TEXTS)?.insert(&question, text.as_slice())?;
    Ok(true)
}

/// Lists the answers that one more of so many bytes, of this principal, has no room beside. Those of
/// the principal go first, beyond its part; then the oldest of the principal that holds most.
fn without_room(mut others: Vec<([u8; 32], Record)>, principal: &str, bytes: u64) -> Vec<[u8; 32]> {
    others.sort_by_key(|(_, record)| record.number);
    let mut forgotten = Vec::new();
    loop {
        let mut held: BTreeMap<&str, Held> = BTreeMap::new();
        held.entry(principal).or_default().add(bytes);
        for (_, record) in &others {
            held.entry(&record.principal).or_default().add(record.bytes);
        }
        let own = held.get(principal).copied().unwrap_or_default();
        let all = held.values().fold(Held::default(), |all, held| all.and(*held));
        let holder = if own.bytes > MAX_PRINCIPAL_ANSWERS_BYTES || own.answers > MAX_ANSWERS / 4 {
            principal.to_owned()
        } else if all.bytes > MAX_ANSWERS_BYTES {
            most(&others, |record| held.get(record.principal.as_str()).map(|held| held.bytes))
        } else if all.answers > MAX_ANSWERS {
            most(&others, |record| held.get(record.principal.as_str()).map(|held| held.answers))
        } else {
            return forgotten;
        };
        let Some(place) = others.iter().position(|(_, record)| record.principal == holder) else {
            return forgotten;
        };
        forgotten.push(others.remove(place).0);
    }
}

/// Returns the principal that holds most; of several the one of the oldest answer.
fn most(answers: &[([u8; 32], Record)], held: impl Fn(&Record) -> Option<u64>) -> String {
    let oldest_last = answers.iter().rev();
    let holder = oldest_last.max_by_key(|(_, record)| held(record));
    holder.map_or_else(String::new, |(_, record)| record.principal.clone())
}

/// The answers that a principal holds.
#[derive(Clone, Copy, Default)]
struct Held {
    answers: u64,
    bytes: u64,
}

impl Held {
    fn add(&mut self, bytes: u64) {
        *self = self.and(Self { answers: 1, bytes });
    }

    fn and(self, other: Self) -> Self {
        Self {
            answers: self.answers.saturating_add(other.answers),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

fn all(group: &Group<'_>) -> Result<Vec<([u8; 32], Record)>, VaultError> {
    let answers = group.transaction.open_table(ANSWERS)?;
    let mut all = Vec::new();
    for entry in answers.iter()? {
        let (question, sealed) = entry?;
        let question = *question.value();
        all.push((question, records::open(group.sealer, TABLE, &question, sealed.value())?));
    }
    Ok(all)
}

fn remove(group: &Group<'_>, question: &[u8; 32]) -> Result<(), VaultError> {
    group.transaction.open_table(ANSWERS)?.remove(question)?;
    group.transaction.open_table(ANSWER_TEXTS)?.remove(question)?;
    Ok(())
}

fn context(question: &[u8; 32], number: u64) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(length_prefixed(&[b"answer texts", question, &number.to_le_bytes()]))
}

fn altered() -> VaultError {
    VaultError::Altered { table: TABLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64, principal: &str, bytes: u64) -> ([u8; 32], Record) {
        let question = [u8::try_from(number).unwrap(); 32];
        let (source, principal) = ("s".to_owned(), principal.to_owned());
        (question, Record { number, source, principal, name: [0; 16], bytes })
    }

    #[test]
    fn answers_of_the_same_principal_give_way_first_and_the_oldest_of_them() {
        let most = MAX_PRINCIPAL_ANSWERS_BYTES;
        let others = vec![
            record(4, "ada", most / 2),
            record(1, "bob", most / 2),
            record(2, "ada", most / 4),
            record(3, "ada", most / 4),
        ];
        assert_eq!(without_room(others, "ada", most / 4), [[2; 32]]);
    }

    #[test]
    fn many_answers_of_one_principal_give_way_before_the_oldest_of_another() {
        let question = |number: u64| {
            let mut question = [0; 32];
            question[..8].copy_from_slice(&number.to_le_bytes());
            question
        };
        let mut others = vec![(question(0), record(0, "bob", 100).1)];
        let of_ada = MAX_ANSWERS / 4;
        others.extend((1..=of_ada).map(|number| (question(number), record(0, "ada", 1).1)));
        others.iter_mut().zip(0..).for_each(|((_, record), number)| record.number = number);
        assert_eq!(without_room(others.clone(), "ada", 1), [question(1)]);
        assert!(without_room(others, "eve", 1).is_empty());
    }

    #[test]
    fn the_oldest_of_all_give_way_where_all_together_are_too_many_or_too_long() {
        let each = MAX_PRINCIPAL_ANSWERS_BYTES;
        let full = MAX_ANSWERS_BYTES / each;
        let principal = |number: u64| format!("p{number}");
        let others = |count: u64, bytes| -> Vec<_> {
            (1..=count).rev().map(|number| record(number, &principal(number), bytes)).collect()
        };
        assert!(without_room(others(full - 1, each), "ada", each).is_empty());
        assert_eq!(without_room(others(full, each), "ada", each), [[1; 32]]);
    }
}
