//! Combinations of a new vector with few earlier ones: what is looked for where a full search is
//! too long.
//!
//! A combination c of 0/1 vectors has whole numbers in it, so its support has at most cᵀGc rows,
//! where G holds the sizes of the intersections. Found are all combinations of the new vector with
//! up to three of the [`MANY`] nearest earlier ones, each with 1 or −1, for which cᵀGc is below the
//! minimum. Not found are longer ones, and those with greater coefficients.

/// The most earlier vectors that are combined: some 10^7 sums.
const MANY: usize = 200;

/// Returns `true` if such a combination has a square below the minimum.
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
                    let thirds = gram.rows.iter().enumerate().take(j);
                    for (k, third) in thirds {
                        let product = third.with_added + a * first.with(k) + b * second.with(k);
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

/// A vector of 0 is a dependence of the earlier vectors, and isolates nothing.
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
        let product = |one: &[bool], other: &[bool]| -> i128 {
            let both =
                one.iter().zip(other).zip(sizes).filter(|((one, other), _)| **one && **other);
            both.map(|(_, size)| i128::from(*size)).sum()
        };
        let square = product(added, added);
        let distance =
            |vector: &&Vec<bool>| square + product(vector, vector) - 2 * product(vector, added);
        let mut nearest: Vec<&Vec<bool>> = earlier.iter().collect();
        nearest.sort_by_cached_key(distance);
        nearest.truncate(MANY);
        let rows = nearest.iter().enumerate().map(|(place, vector)| Row {
            square: product(vector, vector),
            with_added: product(vector, added),
            with: nearest.iter().take(place).map(|other| product(vector, other)).collect(),
        });
        Self { square, rows: rows.collect() }
    }
}
