//! One party's numbers as doubles, and what functions of all parties' numbers have in common.

use zeroize::Zeroizing;

use crate::algebra::rounding::nearest_double;
use crate::engine::reveals::{RELEASE, ROWS};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::Digits;
use crate::kernel::fault::{Fault, InputError};

/// The part of the descriptor that functions of the order of all parties' numbers have in common.
/// Each sets its own name, summary and result keys.
pub(crate) const ORDERED_NUMBERS: Descriptor = Descriptor {
    name: "",
    summary: "",
    asked_by: None,
    input: InputKind::Numbers,
    parameters: &[Digits::BEFORE, Digits::AFTER],
    kind: Kind::Rows,
    needs: Needs::Shares,
    pushdown: None,
    reveals: &[RELEASE, ROWS],
    result_keys: &[],
};

/// Refuses to compute on no numbers. `rows` is the number of all parties' numbers.
pub(crate) fn check_rows(rows: u64) -> Result<(), Fault> {
    if rows == 0 {
        return Err(Fault::Undefined { why: "the parties have no numbers" });
    }
    Ok(())
}

/// Returns one party's numbers as doubles; none at a helper.
///
/// # Errors
/// If they are none, or whole numbers that no double equals.
pub(crate) fn doubles(input: Option<&Input>) -> Result<Zeroizing<Vec<f64>>, InputError> {
    let Some(input) = input else { return Ok(Zeroizing::default()) };
    match input {
        Input::Numbers(items) => Ok(Zeroizing::new(items.clone())),
        Input::Integers(items) => {
            let mut doubles = Zeroizing::new(Vec::with_capacity(items.len()));
            for (index, item) in items.iter().enumerate() {
                doubles.push(equal_double(*item).ok_or(InputError::NotADouble { index })?);
            }
            Ok(doubles)
        }
        other if other.is_empty() => Ok(Zeroizing::default()),
        _ => Err(InputError::Shape { expected: "numbers" }),
    }
}

/// Returns the double that equals `value`, if there is one.
fn equal_double(value: i64) -> Option<f64> {
    let magnitude = value.unsigned_abs();
    let significant = u64::BITS - magnitude.leading_zeros() - magnitude.trailing_zeros() % 64;
    if significant > f64::MANTISSA_DIGITS {
        return None;
    }
    nearest_double(value < 0, &[magnitude], false, 0)
}
