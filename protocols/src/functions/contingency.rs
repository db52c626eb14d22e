//! `StatisticsContingency`: the number of rows with each pair of categories, or the most frequent
//! pair.

use crate::functions::common::counting::{COUNTED_ROWS, Counting, ModeAlone, WholeTable};
use crate::functions::common::tables::{
    CASE_ENTRY, CountedRows, ONLY_MODE_ENTRY, Rows, TableParameters,
};
use crate::functions::descriptor::{Descriptor, InputKind, ParameterEntry};
use crate::functions::input::Input;
use crate::kernel::fault::InputError;

/// Counts pairs of categories.
pub(crate) struct PairsOfCategories;

/// The form that opens the whole table.
pub(crate) type Contingency = WholeTable<PairsOfCategories>;

/// The form that opens the mode alone.
pub(crate) type ContingencyMode = ModeAlone<PairsOfCategories>;

impl Counting for PairsOfCategories {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsContingency",
        summary: "how often each pair of categories occurs",
        input: InputKind::TextPairs,
        parameters: &[
            ParameterEntry::list(
                "categories",
                "the categories that there may be, as two lists of texts, so that no party learns which of \
                 them another has; from all parties' data where it is left out",
            ),
            CASE_ENTRY,
            ONLY_MODE_ENTRY,
        ],
        result_keys: &["table", "mode", "samples", "withheld", "withheld_rows", "withheld_columns"],
        ..COUNTED_ROWS
    };

    fn counted(parameters: TableParameters, input: &Input) -> Result<CountedRows, InputError> {
        let case = parameters.case;
        let rows = match input {
            Input::TextPairs(items) => {
                Rows::single(items.iter().map(|(x, y)| [x.as_str(), y.as_str()]), case)
            }
            Input::CountedPairs(items) => Rows::counted(
                items.iter().map(|((x, y), times)| ([x.as_str(), y.as_str()], *times)),
                case,
            ),
            other if other.is_empty() => Rows::none(),
            _ => return Err(InputError::Shape { expected: "pairs of texts" }),
        };
        CountedRows::new(parameters.axes(2)?, rows, case)
    }
}
