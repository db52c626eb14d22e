//! The normal form of filters: filters that differ in their writing alone have the same.
//!
//! Negations go down to the comparisons, nested lists of one kind are joined, operands are sorted
//! and stand once, and a number has one spelling. All of it is sound in three-valued logic, too:
//! `and` is the minimum, `or` the maximum, and a negated comparison with a missing value is unknown
//! like the comparison itself. Filters that are equal for deeper reasons may have different forms.

use super::{Constant, Filter};

/// Integers of a larger magnitude are not all doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Filter {
    /// Returns the normal form.
    #[must_use]
    pub fn normal(&self) -> Self {
        self.directed(false)
    }

    /// Writes the normal form as one text.
    #[must_use]
    pub fn question(&self) -> String {
        self.normal().canonical()
    }

    /// Returns the normal form of the filter or of its negation.
    fn directed(&self, negated: bool) -> Self {
        match self {
            Self::Compare { column, op, value } => Self::Compare {
                column: column.clone(),
                op: if negated { op.negated() } else { *op },
                value: value.normal(),
            },
            Self::Not(part) => part.directed(!negated),
            Self::And(parts) if negated => any(directed(parts, true)),
            Self::And(parts) => all(directed(parts, false)),
            Self::Or(parts) if negated => all(directed(parts, true)),
            Self::Or(parts) => any(directed(parts, false)),
        }
    }
}

impl Constant {
    /// Returns an integer for a number that is one, and the constant itself otherwise.
    fn normal(&self) -> Self {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
            Self::Number(value) if value.fract() == 0.0 && value.abs() < EXACT => {
                Self::Integer(*value as i64)
            }
            other => other.clone(),
        }
    }
}

fn directed(parts: &[Filter], negated: bool) -> impl Iterator<Item = Filter> {
    parts.iter().map(move |part| part.directed(negated))
}

fn all(parts: impl Iterator<Item = Filter>) -> Filter {
    let flat = parts.flat_map(|part| match part {
        Filter::And(inner) => inner,
        other => vec![other],
    });
    one_or(sorted(flat.collect()), Filter::And)
}

fn any(parts: impl Iterator<Item = Filter>) -> Filter {
    let flat = parts.flat_map(|part| match part {
        Filter::Or(inner) => inner,
        other => vec![other],
    });
    one_or(sorted(flat.collect()), Filter::Or)
}

/// Sorts parts by their texts, and leaves each once.
fn sorted(mut parts: Vec<Filter>) -> Vec<Filter> {
    parts.sort_by_cached_key(Filter::canonical);
    parts.dedup();
    parts
}

fn one_or(mut parts: Vec<Filter>, list: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            list(parts)
        }
        None => list(parts),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Comparison;
    use super::*;
    use crate::column::{Column, Kind};
    use crate::values::{Batch, Values};

    fn text(filter: &Value) -> String {
        Filter::from_json(filter).unwrap().question()
    }

    fn is(column: &str, op: &str, value: Value) -> Value {
        json!({"column": column, "op": op, "value": value})
    }

    #[test]
    fn order_nesting_repetition_and_spelling_make_no_difference() {
        let (old, female) = (is("age", ">=", json!(40)), is("sex", "=", json!("f")));
        let expected = r#"("age" >= 40 and "sex" = "f")"#;
        let young = is("age", "<", json!(40));
        let male = is("sex", "!=", json!("f"));
        for same in [
            json!({"and": [old, female]}),
            json!({"and": [female, old]}),
            json!({"and": [female, old, female]}),
            json!({"and": [{"and": [female]}, {"or": [old]}]}),
            json!({"and": [female, is("age", ">=", json!(40.0))]}),
            json!({"not": {"or": [young, male]}}),
            json!({"not": {"not": {"and": [{"not": young}, {"not": male}]}}}),
        ] {
            assert_eq!(text(&same), expected, "{same}");
        }
        assert_eq!(text(&is("x", "=", json!(-0.0))), text(&is("x", "=", json!(0))));
    }

    #[test]
    fn another_condition_has_another_text() {
        let (old, female) = (is("age", ">=", json!(40)), is("sex", "=", json!("f")));
        let mut texts: Vec<String> = [
            json!({"and": [old, female]}),
            json!({"or": [old, female]}),
            json!({"not": {"and": [old, female]}}),
            json!({"and": [old, {"not": female}]}),
            json!({"and": [is("age", ">=", json!(40.5)), female]}),
            json!({"and": [is("age", ">=", json!(9_007_199_254_740_993_i64)), female]}),
            json!({"and": [is("age", ">=", json!(9_007_199_254_740_992.0)), female]}),
            json!({"and": [is("age", ">=", json!("40")), female]}),
            json!({"and": [old, is("sex", "=", json!("F"))]}),
            json!({"and": [old, {"or": [female, old]}]}),
        ]
        .iter()
        .map(text)
        .collect();
        let before = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), before, "{texts:?}");
    }

    /// Numbers in an order that looks random, the same in every run.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % bound
        }

        fn filter(&mut self, depth: u32) -> Filter {
            let kind = if depth == 0 { 0 } else { self.below(4) };
            let parts = |draw: &mut Self| {
                (0..=draw.below(3)).map(|_| draw.filter(depth - 1)).collect::<Vec<_>>()
            };
            match kind {
                0 => self.comparison(),
                1 => Filter::And(parts(self)),
                2 => Filter::Or(parts(self)),
                _ => Filter::Not(Box::new(self.filter(depth - 1))),
            }
        }

        fn comparison(&mut self) -> Filter {
            use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
            let ops = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
            let op = ops[usize::try_from(self.below(6)).unwrap()];
            let column = ["i", "x"][usize::try_from(self.below(2)).unwrap()].to_owned();
            let value = match self.below(3) {
                0 => Constant::Integer(1),
                1 => Constant::Number(1.0),
                _ => Constant::Number(1.5),
            };
            Filter::Compare { column, op, value }
        }
    }

    #[test]
    fn a_filter_and_its_normal_form_select_the_same_rows() {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
            unit: None,
            range: None,
            levels: None,
        };
        let columns = [column("i", Kind::Integer), column("x", Kind::Number)];
        let integers = [None, Some(0), Some(1), Some(2)];
        let numbers = [None, Some(0.5), Some(1.0), Some(1.5)];
        let rows: Vec<_> =
            integers.into_iter().flat_map(|i| numbers.map(|number| (i, number))).collect();
        let batch = Batch {
            rows: rows.len(),
            columns: vec![
                Values::Integers(rows.iter().map(|(i, _)| *i).collect()),
                Values::Numbers(rows.iter().map(|(_, x)| *x).collect()),
            ],
        };
        let mut draw = Draw(19);
        for _ in 0..2_000 {
            let filter = draw.filter(4);
            let (one, other) =
                (filter.evaluate(&columns, &batch), filter.normal().evaluate(&columns, &batch));
            assert_eq!(one.unwrap(), other.unwrap(), "{}", filter.canonical());
        }
    }

    #[test]
    fn the_normal_form_is_its_own() {
        let mixed = json!({"not": {"and": [
            {"or": [is("b", "=", json!(true)), {"or": [is("a", "<", json!(1.0))]}]},
            {"not": {"and": [is("a", "=", json!(2)), is("c", "=", json!("x"))]}},
        ]}});
        let normal = Filter::from_json(&mixed).unwrap().normal();
        assert_eq!(normal.normal().canonical(), normal.canonical());
        assert_eq!(normal.columns(), ["a", "b", "c"].into());
    }
}
