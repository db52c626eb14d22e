//! Whole numbers in known ranges from few sums: branch and bound. Sums of numbers of 0 or 1 solve for
//! more unknowns than there are sums.

use super::solving::Interval;

/// An equation: unknowns with their factors, and the value.
pub(super) type Equation = (Vec<(usize, i64)>, i64);

/// The most branches that are looked at in all.
const MOST_BRANCHES: usize = 100_000;

/// Unknown whole numbers, each in a range, and equations between them.
pub(super) struct WholeNumbers {
    ranges: Vec<Interval>,
    equations: Vec<Equation>,
}

/// The search was given up: nothing is known.
struct GivenUp;

impl WholeNumbers {
    pub(super) fn new(ranges: Vec<Interval>) -> Self {
        Self { ranges, equations: Vec::new() }
    }

    pub(super) fn add(&mut self, equation: Equation) {
        self.equations.push(equation);
    }

    /// Returns the unknowns that have one possible value; none if the equations contradict each
    /// other.
    pub(super) fn determined(&self) -> Vec<(usize, i64)> {
        let mut branches = MOST_BRANCHES;
        let mut ranges = self.ranges.clone();
        if !self.tighten(&mut ranges) {
            return Vec::new();
        }
        let Ok(Some(solution)) = self.search(ranges.clone(), &mut branches) else {
            // Without a solution at hand only those that are alone in their range are known.
            let alone = ranges.iter().enumerate().filter(|(_, (low, high))| low == high);
            return alone.map(|(unknown, (low, _))| (unknown, *low)).collect();
        };
        let mut is_only = |(unknown, value): &(usize, &i64)| {
            let (low, high) = ranges[*unknown];
            [(low, **value - 1), (**value + 1, high)].into_iter().all(|(low, high)| {
                let mut others = ranges.clone();
                others[*unknown] = (low, high);
                low > high || matches!(self.search(others, &mut branches), Ok(None))
            })
        };
        let all = solution.iter().enumerate();
        all.filter(&mut is_only).map(|(unknown, value)| (unknown, *value)).collect()
    }

    /// Finds a solution within these ranges; none if there is none.
    fn search(
        &self,
        mut ranges: Vec<Interval>,
        branches: &mut usize,
    ) -> Result<Option<Vec<i64>>, GivenUp> {
        *branches = branches.checked_sub(1).ok_or(GivenUp)?;
        if !self.tighten(&mut ranges) {
            return Ok(None);
        }
        let open = ranges.iter().enumerate().filter(|(_, (low, high))| low < high);
        let Some((unknown, (low, high))) = open.min_by_key(|(_, (low, high))| high - low) else {
            return Ok(Some(ranges.into_iter().map(|(low, _)| low).collect()));
        };
        let middle = low + (high - low) / 2;
        for half in [(*low, middle), (middle + 1, *high)] {
            let mut part = ranges.clone();
            part[unknown] = half;
            if let Some(found) = self.search(part, branches)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Tightens ranges until the equations say no more. Returns whether any solution may be left.
    fn tighten(&self, ranges: &mut [Interval]) -> bool {
        loop {
            let before = ranges.to_vec();
            for (terms, value) in &self.equations {
                let of = |(unknown, factor): &(usize, i64), ranges: &[Interval]| {
                    let (low, high) = ranges[*unknown];
                    if *factor < 0 {
                        (factor * high, factor * low)
                    } else {
                        (factor * low, factor * high)
                    }
                };
                let (least, most) = terms.iter().fold((0, 0), |(least, most), term| {
                    let (low, high) = of(term, ranges);
                    (least + low, most + high)
                });
                for term in terms {
                    let (low, high) = of(term, ranges);
                    // The term is what the others leave of the value.
                    let (low, high) = (value - (most - high), value - (least - low));
                    let (unknown, factor) = *term;
                    let (low, high) = if factor > 0 {
                        (-(-low).div_euclid(factor), high.div_euclid(factor))
                    } else {
                        (-high.div_euclid(-factor), (-low).div_euclid(-factor))
                    };
                    let (least, most) = ranges[unknown];
                    ranges[unknown] = (least.max(low), most.min(high));
                    if ranges[unknown].0 > ranges[unknown].1 {
                        return false;
                    }
                    if ranges[unknown] != (least, most) {
                        // The sums over the others are of before.
                        break;
                    }
                }
            }
            if *ranges == *before {
                return true;
            }
        }
    }
}

mod tests {
    use super::super::draws::Draws;
    use super::*;

    #[test]
    fn whole_numbers_are_found_by_fewer_sums_than_there_are_and_no_open_one_is_claimed() {
        let mut draws = Draws::printed();
        let planted: Vec<i64> = (0..24).map(|_| draws.below(2) as i64).collect();
        let mut unknown = WholeNumbers::new(vec![(0, 1); 24]);
        for _ in 0..18 {
            let chosen = draws.sample(24, 12);
            let sum = chosen.iter().map(|at| planted[*at]).sum();
            unknown.add((chosen.into_iter().map(|at| (at, 1)).collect(), sum));
        }
        let found = unknown.determined();
        assert!(found.iter().all(|(at, value)| planted[*at] == *value));
        assert!(found.len() > 18, "{found:?}");
    }

    #[test]
    fn factors_and_ends_of_ranges_are_used() {
        let mut unknown = WholeNumbers::new(vec![(0, 9), (0, 3), (0, 1), (0, 1)]);
        unknown.add((vec![(0, 1), (1, -2)], 9));
        assert_eq!(unknown.determined(), [(0, 9), (1, 0)]);
        unknown.add((vec![(2, 3), (3, 1)], 3));
        assert_eq!(unknown.determined(), [(0, 9), (1, 0), (2, 1), (3, 0)]);
        unknown.add((vec![(1, 1)], 1));
        assert!(unknown.determined().is_empty());
    }
}
