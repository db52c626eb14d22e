//! `StatisticsFrequency`: the number of rows with each category, or the most frequent category.

use crate::functions::common::counting::{COUNTED_ROWS, Counting, ModeAlone, WholeTable};
use crate::functions::common::tables::{
    CASE_ENTRY, CountedRows, ONLY_MODE_ENTRY, Rows, TableParameters,
};
use crate::functions::descriptor::{Descriptor, InputKind, ParameterEntry};
use crate::functions::input::Input;
use crate::kernel::fault::InputError;

/// Counts categories.
pub(crate) struct OneCategory;

/// The form that opens the whole table.
pub(crate) type Frequency = WholeTable<OneCategory>;

/// The form that opens the mode alone.
pub(crate) type FrequencyMode = ModeAlone<OneCategory>;

impl Counting for OneCategory {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsFrequency",
        summary: "how often each category occurs",
        input: InputKind::Texts,
        parameters: &[
            ParameterEntry::list(
                "categories",
                "the categories that there may be, as texts, so that no party learns which of them \
                 another has; from all parties' data where it is left out",
            ),
            CASE_ENTRY,
            ONLY_MODE_ENTRY,
        ],
        result_keys: &["histogram", "mode", "samples", "withheld"],
        ..COUNTED_ROWS
    };

    fn counted(parameters: TableParameters, input: &Input) -> Result<CountedRows, InputError> {
        let case = parameters.case;
        let rows = match input {
            Input::Texts(items) => Rows::single(items.iter().map(|item| [item.as_str()]), case),
            Input::CountedTexts(items) => {
                Rows::counted(items.iter().map(|(item, times)| ([item.as_str()], *times)), case)
            }
            other if other.is_empty() => Rows::none(),
            _ => return Err(InputError::Shape { expected: "texts" }),
        };
        CountedRows::new(parameters.axes(1)?, rows, case)
    }
}
