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

    use super::*;

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
