//! The answers that this node names to other members, so that all together compare a question with
//! them (`protocols/src/release/differences.rs`).

use cloister_disclosure::{Memory, Overlap, Recall, Selection};
use cloister_protocols::computation::Earlier;
use cloister_protocols::session::AnswerId;

use super::memory::{Asked, too_many_rows};
use super::told::{Of, Told};
use crate::vocabulary::error::ApiError;

/// Returns the rows and values of a question, as far as its answer is a sum of them.
pub(super) fn recall(asked: &Asked<'_>) -> Result<Recall, ApiError> {
    let selection = Selection::new(asked.identities.to_vec()).map_err(too_many_rows)?;
    // The number of rows is told by nearly every answer. Each node looks at its own alone.
    let of_columns = asked.told.iter().filter(|told| told.is_of_columns()).cloned();
    let by_themselves = Told::by_themselves(asked.told, asked.columns);
    let values = of_columns.chain(by_themselves);
    let values = values.map(|told| told.value(asked.columns, Of::Selection));
    Ok(Recall { selection, values: values.collect::<Result<_, _>>()? })
}

/// Returns the part of this node in the comparison of a question with earlier answers.
pub(super) fn earlier(memory: &Memory, recall: &Recall) -> Earlier {
    let Overlap { selected, classes, selections, answers, others } = memory.overlap(recall);
    let answers = answers.into_iter().map(|(name, selection)| (AnswerId(name), selection));
    let others = others.into_iter().map(|(name, rows)| (AnswerId(name), rows));
    Earlier::new(selected, classes, selections)
        .with_answers(answers.collect())
        .with_others(others.collect())
}
