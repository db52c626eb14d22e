//! Sums that an answer tells of some of its rows. Less c times the sum of x, the sum of products of x
//! and t is a sum over the rows in which t is not c. With the most frequent value for c these rows are
//! fewest. Of a column with two values they are those with the other one, and the sum is one of x alone.
//! Of a column with more, each x has a weight of its own: only a few such rows are a matter here.

use std::collections::HashMap;

use cloister_sources::Values;

use super::told::Told;

/// So few rows are looked at even where each has a weight of its own.
const FEW: usize = 10;

/// Rows of a selection of which an answer tells sums, because a column differs there from its most
/// frequent value.
pub(super) struct Indicated {
    pub(super) identities: Vec<u64>,
    pub(super) told: Vec<Told>,
}

/// Lists the rows that columns choose in this way, of the products that an answer tells.
/// `identities` has the hash of each row.
pub(super) fn indicated(told: &[Told], columns: &[Values], identities: &[u64]) -> Vec<Indicated> {
    (0..columns.len())
        .filter_map(|by| {
            let multiplied: Vec<Told> = told.iter().filter_map(|told| told.times(by)).collect();
            let values = columns.get(by).and_then(numbers).filter(|_| !multiplied.is_empty())?;
            let counts = counted(&values);
            let usual = most_frequent(&counts)?;
            let rows = identities.iter().zip(&values).filter(|(_, value)| **value != usual);
            let identities: Vec<u64> = rows.map(|(identity, _)| *identity).collect();
            if counts.len() > 2 && identities.len() >= FEW {
                return None;
            }
            let told = std::iter::once(Told::Rows).chain(multiplied).collect();
            Some(Indicated { identities, told })
        })
        .collect()
}

/// Returns the bits of each number, where all are there. Zero has one form.
fn numbers(column: &Values) -> Option<Vec<u64>> {
    let bits = |value: f64| (value + 0.0).to_bits();
    match column {
        Values::Integers(values) => {
            values.iter().map(|value| value.map(i64::cast_unsigned)).collect()
        }
        Values::Numbers(values) => values.iter().map(|value| value.map(bits)).collect(),
        Values::Truths(values) => values.iter().map(|value| value.map(u64::from)).collect(),
        Values::Texts(_) => None,
    }
}

fn counted(values: &[u64]) -> HashMap<u64, usize> {
    let mut counts = HashMap::new();
    values.iter().for_each(|value| *counts.entry(*value).or_default() += 1);
    counts
}

/// Returns the most frequent number; of several, the same one whatever the order of rows.
fn most_frequent(counts: &HashMap<u64, usize>) -> Option<u64> {
    counts.iter().max_by_key(|(value, count)| (**count, **value)).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_a_sum_over_the_rows_that_differ_from_the_most_frequent_value() {
        let age = Values::Integers(vec![Some(40), Some(50), Some(60)]);
        let told = [Told::Rows, Told::Power(0, 1), Told::Product(0, 1)];
        let rows = |column: Values| {
            let found = indicated(&told, &[age.clone(), column], &[7, 8, 9]);
            let by_second = found.into_iter().find(|it| it.told == [Told::Rows, Told::Power(0, 1)]);
            by_second.unwrap().identities
        };
        assert_eq!(rows(Values::Numbers(vec![Some(1.0), Some(0.0), Some(1.0)])), [8]);
        assert_eq!(rows(Values::Integers(vec![Some(2), Some(1), Some(2)])), [8]);
        assert_eq!(rows(Values::Integers(vec![Some(0), Some(0), Some(7)])), [9]);
        assert_eq!(rows(Values::Truths(vec![Some(false), Some(true), Some(false)])), [8]);
        assert_eq!(rows(Values::Numbers(vec![Some(0.0), Some(-0.0), Some(3.5)])), [9]);
        assert!(rows(Values::Integers(vec![Some(5); 3])).is_empty());
        assert!(indicated(&told[..2], &[age.clone(), age.clone()], &[7, 8, 9]).is_empty());
        // With more than two values a sum over many rows has weights, and tells no plain sum.
        let (rows, many) = ((0..30).collect::<Vec<u64>>(), (0..30).map(Some).collect());
        let ages = Values::Integers(vec![Some(40); 30]);
        let by_many = indicated(&told, &[ages, Values::Integers(many)], &rows);
        assert!(by_many.iter().all(|it| it.told != [Told::Rows, Told::Power(0, 1)]));
    }
}
