//! The meaning of a filter: its evaluation on a batch.

use std::cmp::Ordering;

use super::{Comparison, Constant, Filter};
use crate::column::Column;
use crate::date;
use crate::error::SelectionError;
use crate::number;
use crate::values::{Batch, Values};

/// The truth of a condition on a row. In this order `and` is the minimum, `or` the maximum.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    False,
    Unknown,
    True,
}

impl Verdict {
    fn negated(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }

    fn of(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Filter {
    /// Evaluates the filter for each row of the batch. `columns` describe those of the batch, in
    /// the same order.
    ///
    /// # Errors
    ///
    /// A filter that does not pass [`Filter::check`] on these columns.
    pub fn evaluate(&self, columns: &[Column], batch: &Batch) -> Result<Vec<bool>, SelectionError> {
        self.check(columns)?;
        let verdicts = self.verdicts(columns, batch)?;
        Ok(verdicts.into_iter().map(|verdict| verdict == Verdict::True).collect())
    }

    fn verdicts(&self, columns: &[Column], batch: &Batch) -> Result<Vec<Verdict>, SelectionError> {
        match self {
            Self::Compare { column, op, value } => {
                let (described, values) = columns
                    .iter()
                    .zip(&batch.columns)
                    .find(|(described, _)| described.name == *column)
                    .ok_or_else(|| SelectionError::UnknownColumn(column.clone()))?;
                compare(values, *op, value).ok_or_else(|| SelectionError::Mismatch {
                    column: column.clone(),
                    kind: described.kind,
                })
            }
            Self::And(parts) => fold(parts, Verdict::True, Verdict::min, columns, batch),
            Self::Or(parts) => fold(parts, Verdict::False, Verdict::max, columns, batch),
            Self::Not(part) => {
                let verdicts = part.verdicts(columns, batch)?;
                Ok(verdicts.into_iter().map(Verdict::negated).collect())
            }
        }
    }
}

fn fold(
    parts: &[Filter],
    neutral: Verdict,
    join: fn(Verdict, Verdict) -> Verdict,
    columns: &[Column],
    batch: &Batch,
) -> Result<Vec<Verdict>, SelectionError> {
    let mut joined = vec![neutral; batch.rows];
    for part in parts {
        let verdicts = part.verdicts(columns, batch)?;
        joined.iter_mut().zip(verdicts).for_each(|(all, one)| *all = join(*all, one));
    }
    Ok(joined)
}

/// Compares each value with the constant, or returns `None` if their types do not match. A column
/// without values matches every constant.
fn compare(values: &Values, op: Comparison, constant: &Constant) -> Option<Vec<Verdict>> {
    let verdicts = match (values, constant) {
        (values, _) if values.missing() == values.len() => vec![Verdict::Unknown; values.len()],
        (Values::Integers(values), Constant::Integer(constant)) => {
            each(values, op, |value| value.cmp(constant))
        }
        (Values::Integers(values), Constant::Number(constant)) => {
            each(values, op, |value| number::compare(*value, *constant))
        }
        (Values::Numbers(values), Constant::Integer(constant)) => {
            each(values, op, |value| number::compare(*constant, *value).reverse())
        }
        (Values::Numbers(values), Constant::Number(constant)) => {
            // Neither is NaN: columns hold finite numbers, and constants are checked. Unlike
            // `total_cmp`, this makes zero equal to its negative.
            each(values, op, |value| value.partial_cmp(constant).unwrap_or(Ordering::Equal))
        }
        (Values::Texts(values), Constant::Text(constant)) => match date::instant(constant) {
            Some(instant) => each(values, op, |value| match date::instant(value) {
                Some(value) => value.cmp(instant),
                None => value.as_str().cmp(constant),
            }),
            None => each(values, op, |value| value.as_str().cmp(constant)),
        },
        (Values::Truths(values), Constant::Truth(constant)) => {
            each(values, op, |value| value.cmp(constant))
        }
        _ => return None,
    };
    Some(verdicts)
}

fn each<T>(values: &[Option<T>], op: Comparison, order: impl Fn(&T) -> Ordering) -> Vec<Verdict> {
    values
        .iter()
        .map(|value| match value {
            None => Verdict::Unknown,
            Some(value) => Verdict::of(op.holds(order(value))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::column::Kind;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.into(), kind, unit: None, range: None, levels: None }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn selected(filter: Value) -> Vec<bool> {
        let columns = [
            column("i", Kind::Integer),
            column("x", Kind::Number),
            column("t", Kind::Text),
            column("b", Kind::Truth),
        ];
        let batch = Batch {
            rows: 3,
            columns: vec![
                Values::Integers(vec![Some(1), None, Some((1 << 53) + 1)]),
                Values::Numbers(vec![Some(-0.0), Some(2.5), None]),
                Values::Texts(vec![text("a"), text("a "), text("Z")]),
                Values::Truths(vec![Some(true), Some(false), None]),
            ],
        };
        Filter::from_json(&filter).unwrap().evaluate(&columns, &batch).unwrap()
    }

    fn is(column: &str, op: &str, value: Value) -> Value {
        json!({"column": column, "op": op, "value": value})
    }

    #[test]
    fn a_missing_value_is_neither_in_nor_out() {
        assert_eq!(selected(is("i", "=", json!(1))), [true, false, false]);
        assert_eq!(selected(is("i", "!=", json!(1))), [false, false, true]);
        assert_eq!(selected(json!({"not": is("i", "=", json!(1))})), [false, false, true]);
        let either = json!({"or": [is("b", "=", json!(true)), is("b", "!=", json!(true))]});
        assert_eq!(selected(either), [true, true, false]);
        let known = json!({"or": [is("b", "=", json!(true)), is("t", "=", json!("Z"))]});
        assert_eq!(selected(known), [true, false, true]);
        let both = json!({"not": {"and": [is("b", "=", json!(true)), is("t", "=", json!("a"))]}});
        assert_eq!(selected(both), [false, true, true]);
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_by_code_points() {
        assert_eq!(selected(is("x", "=", json!(0))), [true, false, false]);
        assert_eq!(selected(is("x", ">", json!(2))), [false, true, false]);
        let next = is("i", ">", json!(9_007_199_254_740_992.0));
        assert_eq!(selected(next), [false, false, true]);
        assert_eq!(selected(is("i", "<", json!(1.5))), [true, false, false]);
        assert_eq!(selected(is("t", "=", json!("a"))), [true, false, false]);
        assert_eq!(selected(is("t", "<", json!("a"))), [false, false, true]);
        assert_eq!(selected(is("t", ">", json!("a"))), [false, true, false]);
    }

    #[test]
    fn instants_are_compared_as_times() {
        let columns = [column("z", Kind::Text)];
        let times = ["08:00:00Z", "08:00:00.5Z", "08:00:00.250Z", "09:00:00Z"];
        let times = times.map(|time| Some(format!("2024-01-31T{time}")));
        let batch = Batch { rows: 4, columns: vec![Values::Texts(times.to_vec())] };
        let selected = |op: &str, time: &str| {
            let filter = is("z", op, json!(format!("2024-01-31T{time}")));
            Filter::from_json(&filter).unwrap().evaluate(&columns, &batch).unwrap()
        };
        assert_eq!(selected(">", "08:00:00Z"), [false, true, true, true]);
        assert_eq!(selected("<=", "08:00:00.000Z"), [true, false, false, false]);
        assert_eq!(selected("=", "08:00:00.25Z"), [false, false, true, false]);
        assert_eq!(selected("<", "08:00:00.3Z"), [true, false, true, false]);
    }
}
