//! All parties' numbers, sorted on shares: no party learns which party a number is from.
//!
//! **Opened on the way:** the number of rows of each party.

use zeroize::Zeroizing;

use crate::algebra::exact::Grid;
use crate::algebra::order::key;
use crate::algebra::packed_bits::PackedBits;
use crate::circuits::sorting::sort;
use crate::engine::reveals::ROWS_OF_EACH;
use crate::engine::shared::Shared;
use crate::engine::{Columns, Engine};
use crate::functions::FunctionContext;
use crate::functions::common::numbers::{check_rows, doubles};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, grid_text};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::sizes;

/// The most rows that are sorted, of all parties together.
const MOST_ROWS: usize = 1 << 18;

/// The bits of a key.
pub(crate) const KEY: usize = 64;

/// One party's numbers; at a helper, none.
pub(crate) struct Unsorted {
    grid: Grid,
    pub(crate) keys: Zeroizing<Vec<u64>>,
}

impl Unsorted {
    pub(crate) fn new(digits: Digits, input: Option<&Input>) -> Result<Self, InputError> {
        let (grid, numbers) = (digits.grid()?, doubles(input)?);
        let (actual, limit) = (numbers.len(), MOST_ROWS);
        if actual > limit {
            return Err(InputError::TooMuch { what: "rows to sort", actual, limit });
        }
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
        for (index, x) in numbers.iter().enumerate() {
            grid.admit(index, *x)?;
            keys.push(key(*x));
        }
        Ok(Self { grid, keys })
    }

    pub(crate) fn agreed(&self) -> AgreedParameters {
        grid_text(&self.grid).into()
    }

    /// Returns all parties' keys in shared form, inverted bit by bit, in ascending order. So the
    /// largest number comes first.
    pub(crate) async fn sorted<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
    ) -> Result<E::Shared<PackedBits>, Fault> {
        check_rows(cx.rows)?;
        let words: Zeroizing<Vec<PackedBits>> =
            Zeroizing::new(self.keys.iter().map(|key| PackedBits(!key)).collect());
        bring_in_and_sort(cx, &words).await
    }
}

/// Shares all parties' words. Returns them in shared form, in ascending order.
async fn bring_in_and_sort<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    words: &[PackedBits],
) -> Result<E::Shared<PackedBits>, Fault> {
    let sizes =
        sizes::exchange(cx.channel, cx.inputs, [words.len() as u64], &[ROWS_OF_EACH]).await?;
    let lengths = lengths(&sizes)?;
    if lengths.iter().sum::<usize>() as u64 != cx.rows {
        return Err(Fault::InvalidOpening);
    }
    let shares = cx.engine.share(words, &lengths).await?;
    let all = E::Shared::<PackedBits>::concat(&shares.iter().collect::<Vec<_>>());
    let table = Columns { numbers: Vec::new(), words: vec![all] };
    let mut sorted = sort(&mut cx.engine, table, KEY).await?;
    sorted.words.pop().ok_or(Fault::Internal("a sorted table has the columns that it had"))
}

fn lengths(sizes: &[[u64; 1]]) -> Result<Vec<usize>, Fault> {
    let mut lengths = Vec::with_capacity(sizes.len());
    for (index, [size]) in sizes.iter().enumerate() {
        let length = usize::try_from(*size).ok().filter(|length| *length <= MOST_ROWS);
        match (length, Party::new(index)) {
            (Some(length), _) => lengths.push(length),
            (None, Some(party)) => return Err(Fault::blame(party, Misbehaviour::OutOfRange)),
            (None, None) => return Err(Fault::Internal("each party has a place")),
        }
    }
    if lengths.iter().sum::<usize>() > MOST_ROWS {
        let why =
            "all parties together have more than 2^18 rows, which is the most that are sorted";
        return Err(Fault::Undefined { why });
    }
    Ok(lengths)
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
