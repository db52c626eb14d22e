//! A reduced row echelon form modulo a prime, to which vectors are added and whose columns split.

use crate::modulus::Modulus;

/// A matrix in reduced row echelon form: each row has a pivot, a column with 1 in it and 0 in all
/// other rows. Pivots stand in no particular order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Echelon {
    columns: usize,
    rows: Vec<Vec<u64>>,
    /// The column of each row's pivot.
    pivots: Vec<usize>,
}

impl Echelon {
    pub(crate) fn rank(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Lists each row with the column of its pivot.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (usize, &[u64])> {
        self.pivots.iter().copied().zip(self.rows.iter().map(Vec::as_slice))
    }

    /// Lists the columns without a pivot, ascending.
    pub(crate) fn free_columns(&self) -> Vec<usize> {
        let mut is_free = vec![true; self.columns];
        for pivot in &self.pivots {
            if let Some(free) = is_free.get_mut(*pivot) {
                *free = false;
            }
        }
        (0..self.columns).filter(|column| is_free.get(*column) == Some(&true)).collect()
    }

    /// Returns the same vectors over other columns. Each new column repeats that of its origin, or is 0
    /// without one. Every old column with a pivot must be an origin.
    pub(crate) fn over(&self, origins: &[Option<usize>]) -> Self {
        let rows = self.rows.iter().map(|row| {
            let entries = origins.iter().map(|origin| {
                origin.and_then(|column| row.get(column).copied()).unwrap_or_default()
            });
            entries.collect()
        });
        let mut first: Vec<Option<usize>> = vec![None; self.columns];
        for (column, origin) in origins.iter().enumerate().rev() {
            if let Some(place) = origin.and_then(|origin| first.get_mut(origin)) {
                *place = Some(column);
            }
        }
        let pivots = self.pivots.iter().map(|pivot| {
            let place = first.get(*pivot).copied().flatten();
            place.expect("the column of each pivot is an origin")
        });
        Self { columns: origins.len(), rows: rows.collect(), pivots: pivots.collect() }
    }

    /// Takes from a vector what lies in the span. It is 0 afterwards if it lay there as a whole.
    pub(crate) fn reduce(&self, modulus: Modulus, vector: &mut [u64]) {
        for (pivot, row) in self.rows() {
            let factor = vector.get(pivot).copied().unwrap_or_default();
            if factor != 0 {
                modulus.subtract_multiple(vector, factor, row);
            }
        }
    }

    /// Adds a vector that [`Self::reduce`] has reduced and that is not 0. Its pivot is the column
    /// of the most rows, among those where it is not 0, so that few pivots are in small columns.
    /// `sizes` has the rows of each column.
    pub(crate) fn add_reduced(&mut self, modulus: Modulus, mut vector: Vec<u64>, sizes: &[u64]) {
        assert_eq!(vector.len(), sizes.len(), "each column has its size");
        let entries = vector.iter().zip(sizes).enumerate().filter(|(_, (entry, _))| **entry != 0);
        let largest = entries.max_by_key(|(_, (_, size))| **size);
        let (pivot, (entry, _)) = largest.expect("a vector that is added is not 0");
        let inverse = modulus.invert(*entry);
        vector.iter_mut().for_each(|entry| *entry = modulus.multiply(*entry, inverse));
        for row in &mut self.rows {
            let factor = row.get(pivot).copied().unwrap_or_default();
            if factor != 0 {
                modulus.subtract_multiple(row, factor, &vector);
            }
        }
        self.rows.push(vector);
        self.pivots.push(pivot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items x_i, y_i and z_i for i < 61, and 0/1 vectors that say z_i = −x_(i+1), y_(i+1) = −z_i and
    /// x_i + y_i + z_i = 0: together x_(i+1) = 2·x_i, all around. The determinant is ±(2^61 − 1).
    fn doublings() -> Vec<Vec<usize>> {
        let next = |i: usize| (i + 1) % 61;
        let (y, z) = (|i: usize| 61 + i, |i: usize| 122 + i);
        let rows =
            (0..61).map(|i| [vec![z(i), next(i)], vec![y(next(i)), z(i)], vec![i, y(i), z(i)]]);
        rows.flatten().collect()
    }

    fn rank(modulus: Modulus, vectors: &[Vec<usize>], columns: usize) -> usize {
        let mut span = Echelon::default().over(&vec![None; columns]);
        for support in vectors {
            let mut vector = vec![0; columns];
            support.iter().for_each(|column| vector[*column] = modulus.one());
            span.reduce(modulus, &mut vector);
            if vector.iter().any(|entry| *entry != 0) {
                span.add_reduced(modulus, vector, &vec![1; columns]);
            }
        }
        span.rank()
    }

    #[test]
    fn a_known_prime_can_be_made_a_divisor_and_a_secret_one_not() {
        let known = Modulus::from_prime((1 << 61) - 1).unwrap();
        assert_eq!(rank(known, &doublings(), 183), 182);
        for seed in [1, 2, u64::MAX / 3] {
            assert_eq!(rank(Modulus::from_seed(seed), &doublings(), 183), 183);
        }
    }

    #[test]
    fn a_form_stays_reduced_when_columns_split() {
        let modulus = Modulus::from_seed(5);
        let one = modulus.one();
        let mut span = Echelon::default().over(&[None, None]);
        span.add_reduced(modulus, vec![one, one], &[1, 9]);
        assert_eq!(span.rows().map(|(pivot, _)| pivot).collect::<Vec<_>>(), [1]);
        let mut split = span.over(&[Some(0), Some(0), Some(1), Some(1), None]);
        let mut vector = vec![one, 0, one, 0, one];
        split.reduce(modulus, &mut vector);
        split.add_reduced(modulus, vector, &[1, 1, 4, 5, 7]);
        for (row, (pivot, entries)) in split.rows().enumerate() {
            assert_eq!(entries[pivot], one);
            let others = split.rows().enumerate().filter(|(other, _)| *other != row);
            others.for_each(|(_, (_, entries))| assert_eq!(entries[pivot], 0));
        }
        assert_eq!(split.free_columns().len(), 3);
    }
}
