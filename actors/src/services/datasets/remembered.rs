//! The memory of one source: the rules that are asked of it, and its stored form.

use cloister_disclosure::{Memory, Question, Verdict};
use cloister_sources::Dataset;
use zeroize::Zeroizing;

use super::askers::{Asker, Askers};
use super::memory::{
    Asked, Asking, Objection, objection, policy, question_of, questions, too_close,
};
use super::told::{Of, Told};
use crate::vocabulary::error::ApiError;

/// Marks the stored form that has the number of questions of each principal.
const WITH_ASKERS: u64 = 1 << 63;

/// The memory of one source.
pub(crate) struct Remembered {
    /// The text that rows' hashes are keyed with.
    pub(super) context: String,
    pub(super) memory: Memory,
    /// The questions of each principal that are in it.
    pub(super) asked: Askers,
    /// The number of resets since the start.
    pub(super) generation: u64,
}

impl Remembered {
    pub(super) fn new(context: String) -> Result<Self, ApiError> {
        let seed = getrandom::u64().map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Self { context, memory: Memory::new(seed), asked: Askers::default(), generation: 0 })
    }

    /// Returns the text that rows' hashes are keyed with.
    pub(super) fn context(&self) -> &str {
        &self.context
    }

    /// Counts questions that were reserved for a principal.
    ///
    /// # Errors
    /// If it may not have so many.
    pub(super) fn take_questions(&mut self, by: Asker, questions: usize) -> Result<(), ApiError> {
        self.asked.take(by, questions, self.memory.questions())
    }

    /// Returns the memory as it is now, if several questions are to be reserved together.
    pub(super) fn before(&self, questions: &[Question]) -> Option<Memory> {
        (questions.len() > 1).then(|| self.memory.clone())
    }

    /// Refuses a join of rows of which a sum of the same column was told, and the reverse. With
    /// approvals the owner decides.
    pub(super) fn check_apart(
        &self,
        asked: &Asked<'_>,
        source_rows: u64,
        asking: &Asking,
    ) -> Result<(), Objection> {
        // Nothing is told of no rows.
        if !asking.rules.ask_for_views() || asked.identities.is_empty() {
            return Ok(());
        }
        for told in Told::apart(asked.told) {
            let question = question_of(&told, asked, source_rows)?;
            let verdict = self.memory.check(&question, &policy(asking, Of::Selection));
            if matches!(verdict, Verdict::Free) {
                tracing::info!("a sum and a join of the same rows would be told");
                return Err(Objection::Rule);
            }
        }
        Ok(())
    }

    /// Applies the rules to a question.
    ///
    /// `depends_on_others` says that the answer depends on others' rows by more than a sum.
    pub(super) fn decide(
        &self,
        question: &Question,
        of: Of,
        asking: &Asking,
        depends_on_others: bool,
    ) -> Result<(), Objection> {
        let rules = &asking.rules;
        match self.memory.check(question, &policy(asking, of)) {
            // Where the answer depends on others' rows by more than a sum, the same own rows can be
            // told another equation: without approvals it is answered once.
            Verdict::Free if depends_on_others && rules.ask_for_views() => {
                tracing::info!("a join or a rank of the same rows is asked for again");
                Err(Objection::Again)
            }
            Verdict::Refused(reason) if rules.are_kept() => Err(objection(reason)),
            Verdict::Free | Verdict::Allowed(_) | Verdict::Refused(_) => Ok(()),
        }
    }

    /// Takes over a selection that an earlier version remembered.
    pub(super) fn begin_with(&mut self, dataset: &Dataset, rows: Vec<u64>) -> Result<(), ApiError> {
        let columns: Vec<String> =
            dataset.columns.iter().map(|column| column.name.clone()).collect();
        let mut told = vec![Told::Rows];
        for column in 0..columns.len() {
            told.extend((1..=6).map(|order| Told::Power(column, order)));
            told.extend([Told::Categories(vec![column])]);
        }
        let columns = columns.as_slice();
        let asked = Asked {
            told: &told,
            columns,
            identities: &rows,
            permille: &[],
            indicated: &[],
            groups: &[],
        };
        let recorded = questions(&asked, dataset.rows)?
            .iter()
            .try_for_each(|question| self.memory.record(question));
        recorded.map_err(|_| too_close())
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let memory = Zeroizing::new(self.memory.to_bytes());
        let (context, asked) = (self.context.as_bytes(), self.asked.to_bytes());
        let length = 16 + context.len() + asked.len() + memory.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(&(context.len() as u64 | WITH_ASKERS).to_le_bytes());
        bytes.extend_from_slice(context);
        bytes.extend_from_slice(&(asked.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&asked);
        bytes.extend_from_slice(&memory);
        bytes
    }

    /// Reads a memory back. Questions that were reserved when the node ended count as answered: it
    /// is not known what the other members saw.
    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, ApiError> {
        Self::read(bytes).ok_or_else(|| ApiError::internal("the memory of a source cannot be read"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = number(bytes)?;
        let (context, rest) = part(length & !WITH_ASKERS, rest)?;
        let (asked, memory) = match length & WITH_ASKERS {
            0 => (Askers::default(), rest),
            _ => {
                let (length, rest) = number(rest)?;
                let (asked, rest) = part(length, rest)?;
                (Askers::of_bytes(asked)?, rest)
            }
        };
        let context = String::from_utf8(context.to_vec()).ok()?;
        let mut memory = Memory::from_bytes(memory).ok()?;
        for reservation in memory.pending() {
            memory.confirm(reservation).ok()?;
        }
        Some(Self { context, memory, asked, generation: 0 })
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn part(length: u64, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(length).ok()?)
}
