//! One party's numbers as doubles.

use zeroize::Zeroizing;

use crate::algebra::rounding::nearest_double;
use crate::functions::input::Input;
use crate::kernel::fault::{Fault, InputError};

/// The fault of functions that need at least one number.
pub(crate) const NO_NUMBERS: Fault = Fault::Undefined { why: "the parties have no numbers" };

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
