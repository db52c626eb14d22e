//! An independent model: whole numbers over all rows, exact, and every set of rows tried.

/// The answered 0/1 vectors over few rows.
#[derive(Clone, Default)]
pub(super) struct Model(Vec<Vec<i128>>);

impl Model {
    pub(super) fn with(&self, rows: &[u64], count: u64) -> Self {
        let vector = (0..count).map(|row| i128::from(rows.contains(&row))).collect();
        let mut vectors = self.0.clone();
        vectors.push(vector);
        Self(vectors)
    }

    pub(super) fn rank(&self) -> usize {
        rank(self.0.clone())
    }

    /// Returns the dimension of the vectors of the span that are 0 outside of these rows.
    pub(super) fn within(&self, support: u64) -> usize {
        let outside = |vector: &Vec<i128>| {
            let entries = vector.iter().enumerate();
            entries.filter(|(row, _)| support >> row & 1 == 0).map(|(_, entry)| *entry).collect()
        };
        self.rank() - rank(self.0.iter().map(outside).collect())
    }

    /// Returns `true` if `self` has a vector on fewer than `minimum` of the rows that `before` has
    /// not.
    pub(super) fn isolates_more_than(&self, before: &Self, rows: u64, minimum: u64) -> bool {
        (1..1_u64 << rows)
            .filter(|support| u64::from(support.count_ones()) < minimum)
            .any(|support| self.within(support) > before.within(support))
    }

    /// Returns `true` if `self` has a new vector on fewer than `minimum` of the rows, of which no row can
    /// be left out, and whose rows are not those of a combination that is compared: the last vector,
    /// less another, with two more of either sign, or with three of the newest four.
    pub(super) fn isolates_uncompared(&self, before: &Self, rows: u64, minimum: u64) -> bool {
        let compared = self.compared(rows);
        (1..1_u64 << rows)
            .filter(|support| u64::from(support.count_ones()) < minimum)
            .filter(|support| self.within(*support) == 1 && before.within(*support) == 0)
            .filter(|support| {
                let bits = (0..rows).map(|row| 1 << row).filter(|bit| support & bit != 0);
                { bits }.all(|bit| self.within(support & !bit) == 0)
            })
            .any(|support| !compared.contains(&support))
    }

    fn compared(&self, rows: u64) -> Vec<u64> {
        let (last, earlier) = self.0.split_last().unwrap();
        let support = |factors: &[i128]| {
            let entry = |row: usize| {
                last[row] + earlier.iter().zip(factors).map(|(it, f)| it[row] * f).sum::<i128>()
            };
            (0..rows)
                .filter(|row| entry(usize::try_from(*row).unwrap()) != 0)
                .map(|row| 1 << row)
                .sum()
        };
        // All factors of −1, 0 and 1, of which up to three are not 0, and not all of more than one are 1.
        let places = u32::try_from(earlier.len()).unwrap();
        let factors = (0..3_u64.pow(places)).map(|number| {
            (0..places)
                .map(|place| i128::from(number / 3_u64.pow(place) % 3) - 1)
                .collect::<Vec<_>>()
        });
        let is_compared = |factors: &Vec<i128>| {
            let parts = factors.iter().filter(|factor| **factor != 0).count();
            let is_sum = parts > 0 && factors.iter().all(|factor| *factor >= 0);
            let older = earlier.len().saturating_sub(4);
            let of_newest = factors.iter().take(older).all(|factor| *factor == 0);
            !is_sum && (parts <= 2 || parts == 3 && of_newest)
        };
        factors.filter(is_compared).map(|factors| support(&factors)).collect()
    }
}

/// Eliminates without fractions: after Bareiss each entry is a minor, so none grows beyond them.
fn rank(mut matrix: Vec<Vec<i128>>) -> usize {
    let columns = matrix.first().map_or(0, Vec::len);
    let (mut rank, mut divisor) = (0, 1);
    for column in 0..columns {
        let Some(pivot) = (rank..matrix.len()).find(|row| matrix[*row][column] != 0) else {
            continue;
        };
        matrix.swap(rank, pivot);
        let (above, below) = matrix.split_at_mut(rank + 1);
        let pivot = &above[rank];
        for row in below {
            let factor = row[column];
            for (entry, over) in row.iter_mut().zip(pivot) {
                *entry = (*entry * pivot[column] - factor * over) / divisor;
            }
        }
        divisor = pivot[column];
        rank += 1;
    }
    rank
}

#[test]
fn the_model_knows_a_sum_of_two_and_its_parts() {
    let pair = Model::default().with(&[0, 1], 3);
    assert_eq!((pair.rank(), pair.within(0b011), pair.within(0b001)), (1, 1, 0));
    let all = pair.with(&[1, 2], 3).with(&[0, 2], 3);
    assert_eq!((all.rank(), all.within(0b001)), (3, 1));
}
