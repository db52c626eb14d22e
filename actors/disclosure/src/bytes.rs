//! The stored form of a memory, version 2: little-endian, without padding. Version 1, which has no
//! answers by name, is read, too.
//!
//! | what | bytes |
//! | --- | --- |
//! | `cloister memory` and the version | 16 |
//! | the prime; numbers of rows, classes, selections, values, questions | 28 |
//! | a row: its hash and its class | 10 |
//! | a class: a bit for each of Q selections | ⌈Q/8⌉ |
//! | a value: its length and its name | 2 + name |
//! | a question: number, selection, pending, numbers of sums and of ranks | 21 |
//! | a sum: value, bits, content, entropy | 28 |
//! | ranks of a value: value, rows, number, each rank | 14 + 2 each |
//! | the number of answers by name | 4 |
//! | an answer: name, selection, number of values, each value | 24 + 4 each |
//!
//! So n rows, C classes and Q questions with V values in all take at most
//! 48 + 10·n + C·⌈Q/8⌉ + 21·Q + 28·V bytes, with the names, 2 for each rank, and the answers by name
//! to be added. The form
//! is canonical: equal memories have equal bytes. It is not sealed and has no checksum; the caller
//! does both.

use std::collections::{BTreeMap, BTreeSet};

use crate::answered::Entry;
use crate::classes::Classes;
use crate::limits::{MAX_CLASSES, MAX_ENTRIES, MAX_QUESTIONS, MAX_RECALLED, MAX_ROWS};
use crate::memory::Memory;
use crate::meter::Cost;
use crate::modulus::Modulus;
use crate::question::{Ranks, Value};
use crate::recall::{Name, Recalled};

const NAME: &[u8; 15] = b"cloister memory";
const VERSION: u8 = 2;
const WITHOUT_ANSWERS: u8 = 1;

/// The bytes are not those of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBytes {
    /// They are of a version that this code does not know.
    #[error(
        "the memory has format {0} and this version reads formats 1 and 2; run the version that wrote it"
    )]
    Version(u8),
    /// They are cut short, altered, or of something else.
    #[error("the bytes are not those of a memory; restore the backup")]
    Malformed,
}

impl Memory {
    /// Writes the memory. Equal memories have equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let values = self.names();
        let mut to = Vec::with_capacity(44 + 10 * self.classes.hashes().len());
        to.extend_from_slice(NAME);
        to.push(VERSION);
        to.extend(self.modulus.prime().to_le_bytes());
        let counts = [
            self.classes.hashes().len(),
            self.classes.len(),
            self.classes.selections(),
            values.len(),
            self.log.len(),
        ];
        counts.into_iter().for_each(|count| put_count(&mut to, count));
        self.classes.hashes().iter().for_each(|hash| to.extend(hash.to_le_bytes()));
        self.classes.class_of().iter().for_each(|class| to.extend(class.to_le_bytes()));
        let bytes = self.classes.selections().div_ceil(8);
        for membership in self.classes.memberships() {
            let words = membership.iter().flat_map(|word| word.to_le_bytes());
            to.extend(words.take(bytes));
        }
        for value in values.keys() {
            let len = u16::try_from(value.as_str().len()).expect("a name is short");
            to.extend(len.to_le_bytes());
            to.extend(value.as_str().as_bytes());
        }
        self.log.iter().for_each(|entry| put_entry(&mut to, entry, &values));
        put_count(&mut to, self.recalled.len());
        self.recalled.iter().for_each(|answer| put_answer(&mut to, answer, &values));
        to
    }

    /// Reads a memory, and derives what is not stored. That takes time with the square of the
    /// number of questions: milliseconds for a hundred.
    ///
    /// # Errors
    ///
    /// [`BadBytes`] if the bytes are not what [`Self::to_bytes`] writes. Bytes that someone made up
    /// can pass: the caller seals them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBytes> {
        let mut from = Reader(bytes);
        if from.take(NAME.len()) != Some(NAME) {
            return Err(BadBytes::Malformed);
        }
        match from.take(1) {
            Some([version @ (VERSION | WITHOUT_ANSWERS)]) => {
                read(from, *version).ok_or(BadBytes::Malformed)
            }
            Some([version]) => Err(BadBytes::Version(*version)),
            _ => Err(BadBytes::Malformed),
        }
    }

    /// Numbers the values of all questions and answers.
    fn names(&self) -> BTreeMap<&Value, usize> {
        let sums = self.log.iter().flat_map(|entry| entry.sums.iter().map(|(value, _)| value));
        let ranks = self.log.iter().flat_map(|entry| entry.ranks.iter().map(|(value, _)| value));
        let named = self.recalled.iter().flat_map(|answer| &answer.values);
        let names: BTreeSet<&Value> = sums.chain(ranks).chain(named).collect();
        names.into_iter().enumerate().map(|(number, value)| (value, number)).collect()
    }
}

fn put_count(to: &mut Vec<u8>, count: usize) {
    to.extend(u32::try_from(count).expect("the bounds are below 2^32").to_le_bytes());
}

fn put_entry(to: &mut Vec<u8>, entry: &Entry, values: &BTreeMap<&Value, usize>) {
    let number = |value: &Value| values.get(value).copied().expect("each value has a number");
    to.extend(entry.number.to_le_bytes());
    put_count(to, entry.selection);
    to.push(u8::from(entry.pending));
    put_count(to, entry.sums.len());
    put_count(to, entry.ranks.len());
    for (value, cost) in &entry.sums {
        put_count(to, number(value));
        for real in [cost.bits, cost.content, cost.entropy] {
            to.extend(real.to_le_bytes());
        }
    }
    for (value, ranks) in &entry.ranks {
        put_count(to, number(value));
        to.extend(ranks.of_rows.to_le_bytes());
        let count = u16::try_from(ranks.permille.len()).unwrap_or(u16::MAX);
        to.extend(count.to_le_bytes());
        let shown = ranks.permille.iter().take(usize::from(count));
        shown.for_each(|rank| to.extend(rank.to_le_bytes()));
    }
}

fn put_answer(to: &mut Vec<u8>, answer: &Recalled, values: &BTreeMap<&Value, usize>) {
    to.extend(answer.name);
    put_count(to, answer.selection);
    put_count(to, answer.values.len());
    for value in &answer.values {
        put_count(to, values.get(value).copied().expect("each value has a number"));
    }
}

fn read(mut from: Reader<'_>, version: u8) -> Option<Memory> {
    let modulus = Modulus::from_prime(from.word()?)?;
    let rows = from.count(MAX_ROWS)?;
    let classes = from.count(MAX_CLASSES)?;
    let selections = from.count(MAX_QUESTIONS)?;
    let values = from.count(MAX_ENTRIES)?;
    let questions = from.count(MAX_QUESTIONS)?;
    let hashes = from.take(rows.checked_mul(8)?)?;
    let hashes = hashes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let class_of = from.take(rows.checked_mul(2)?)?;
    let class_of = class_of.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
    let memberships = (0..classes).map(|_| from.membership(selections)).collect::<Option<_>>()?;
    let classes = Classes::from_parts(hashes, class_of, memberships, selections)?;
    let values: Vec<Value> = (0..values).map(|_| from.value()).collect::<Option<_>>()?;
    let log: Vec<Entry> =
        (0..questions).map(|_| from.entry(selections, &values)).collect::<Option<_>>()?;
    let answers = if version == WITHOUT_ANSWERS { 0 } else { from.count(MAX_RECALLED)? };
    let recalled: Vec<Recalled> =
        (0..answers).map(|_| from.answer(selections, &values)).collect::<Option<_>>()?;
    let of_answers = recalled.iter().map(|answer| answer.selection);
    let used: BTreeSet<usize> = log.iter().map(|entry| entry.selection).chain(of_answers).collect();
    let is_ascending = log.is_sorted_by(|one, next| one.number < next.number);
    let entries: usize = log.iter().map(Entry::len).sum();
    let memory = (from.0.is_empty()
        && used.len() == selections
        && is_ascending
        && values.is_sorted_by(|one, next| one < next)
        && entries <= MAX_ENTRIES)
        .then(|| Memory::from_parts(modulus, classes, log, recalled))?;
    (memory.names().len() == values.len()).then_some(memory)
}

/// Bytes that are still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn count(&mut self, most: usize) -> Option<usize> {
        let count = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        (count <= most).then_some(count)
    }

    /// Reads a number of bits or of rows: finite and not negative.
    fn real(&mut self) -> Option<f64> {
        let real = f64::from_le_bytes(self.array()?);
        (real.is_finite() && real >= 0.0).then_some(real)
    }

    fn membership(&mut self, selections: usize) -> Option<Vec<u64>> {
        let bytes = self.take(selections.div_ceil(8))?;
        let word = |chunk: &[u8]| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(word)
        };
        Some(bytes.chunks(8).map(word).collect())
    }

    fn value(&mut self) -> Option<Value> {
        let len = usize::from(self.short()?);
        Value::new(std::str::from_utf8(self.take(len)?).ok()?).ok()
    }

    fn entry(&mut self, selections: usize, values: &[Value]) -> Option<Entry> {
        let number = self.word()?;
        let selection = self.count(selections.checked_sub(1)?)?;
        let pending = match self.take(1)? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let (sums, ranks) = (self.count(MAX_ENTRIES)?, self.count(MAX_ENTRIES)?);
        let sums = (0..sums).map(|_| self.sum(values)).collect::<Option<_>>()?;
        let ranks = (0..ranks).map(|_| self.ranks(values)).collect::<Option<_>>()?;
        Some(Entry { number, selection, pending, sums, ranks })
    }

    fn answer(&mut self, selections: usize, values: &[Value]) -> Option<Recalled> {
        let name: Name = self.array()?;
        let selection = self.count(selections.checked_sub(1)?)?;
        let count = self.count(values.len())?;
        let named = (0..count).map(|_| values.get(self.count(values.len())?).cloned());
        let values: BTreeSet<Value> = named.collect::<Option<_>>()?;
        (values.len() == count).then_some(Recalled { name, selection, values })
    }

    fn sum(&mut self, values: &[Value]) -> Option<(Value, Cost)> {
        let value = values.get(self.count(values.len())?)?.clone();
        let (bits, content, entropy) = (self.real()?, self.real()?, self.real()?);
        Some((value, Cost { bits, content, entropy }))
    }

    fn ranks(&mut self, values: &[Value]) -> Option<(Value, Ranks)> {
        let value = values.get(self.count(values.len())?)?.clone();
        let of_rows = self.word()?;
        let count = usize::from(self.short()?);
        let permille: Vec<u16> = (0..count).map(|_| self.short()).collect::<Option<_>>()?;
        let is_set = permille.is_sorted_by(|one, next| one < next);
        is_set.then(|| (value, Ranks { permille: permille.into_iter().collect(), of_rows }))
    }
}
