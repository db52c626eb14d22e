//! Combinations of a new vector with few earlier ones: what is looked for where a full search is
//! too long.
//!
//! A combination c of 0/1 vectors has whole numbers in it. So its support has at most cᵀGc rows,
//! where G holds the sizes of the intersections. This finds the combinations of the new vector with
//! up to three of the [`MAX_EARLIER`] nearest earlier ones for which cᵀGc is below the minimum.
//! Coefficients are 1 or −1. It does not find longer ones, or greater coefficients.

/// The most earlier vectors that are combined: some 5·10^6 sums.
const MAX_EARLIER: usize = 200;

/// Returns `true` if such a combination has cᵀGc below the minimum.
pub(crate) fn isolates(added: &[bool], earlier: &[Vec<bool>], sizes: &[u64], minimum: u64) -> bool {
    let minimum = i128::from(minimum);
    let gram = Gram::new(added, earlier, sizes);
    let signs = [1, -1];
    for (i, first) in gram.rows.iter().enumerate() {
        for a in signs {
            let one = gram.square + first.square + 2 * a * first.with_added;
            if is_below(one, minimum) {
                return true;
            }
            for (j, second) in gram.rows.iter().enumerate().take(i) {
                for b in signs {
                    let cross = 2 * b * (second.with_added + a * first.with(j));
                    let two = one + second.square + cross;
                    if is_below(two, minimum) {
                        return true;
                    }
                    for (k, third) in gram.rows.iter().enumerate().take(j) {
                        let product = third.with_added + a * first.with(k) + b * second.with(k);
                        // The sign that gives the smaller square. If that is 0, the other combination
                        // is twice an earlier vector, and tells nothing new.
                        let three = two + third.square - 2 * product.abs();
                        if is_below(three, minimum) {
                            return true;
                        }
                    }
                }
            }
        }
    }
    false
}

/// Returns `true` for a square that shows a small support. A combination of 0 says that the new
/// vector depends on the earlier ones: it isolates nothing.
fn is_below(square: i128, minimum: i128) -> bool {
    (1..minimum).contains(&square)
}

struct Gram {
    /// The size of the new selection.
    square: i128,
    rows: Vec<Row>,
}

struct Row {
    square: i128,
    with_added: i128,
    /// The intersections with the rows before.
    with: Vec<i128>,
}

impl Row {
    fn with(&self, other: usize) -> i128 {
        self.with.get(other).copied().unwrap_or_default()
    }
}

impl Gram {
    fn new(added: &[bool], earlier: &[Vec<bool>], sizes: &[u64]) -> Self {
        let square = intersection(added, added, sizes);
        let mut nearest: Vec<&Vec<bool>> = earlier.iter().collect();
        nearest.sort_by_cached_key(|vector| {
            square + intersection(vector, vector, sizes) - 2 * intersection(vector, added, sizes)
        });
        nearest.truncate(MAX_EARLIER);
        let rows = nearest.iter().enumerate().map(|(place, vector)| Row {
            square: intersection(vector, vector, sizes),
            with_added: intersection(vector, added, sizes),
            with: nearest
                .iter()
                .take(place)
                .map(|other| intersection(vector, other, sizes))
                .collect(),
        });
        Self { square, rows: rows.collect() }
    }
}

/// Returns the number of rows that two vectors have in common. `sizes` has the rows of each column.
fn intersection(one: &[bool], other: &[bool], sizes: &[u64]) -> i128 {
    assert!(one.len() == other.len() && one.len() == sizes.len(), "vectors have the same columns");
    let both = one.iter().zip(other).zip(sizes).filter(|((one, other), _)| **one && **other);
    both.map(|(_, size)| i128::from(*size)).sum()
}
