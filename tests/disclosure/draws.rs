//! Random draws under a printed seed, so that a failure can be repeated.

use std::env;

/// A SplitMix64 generator: the same numbers everywhere.
pub(super) struct Draws(u64);

impl Draws {
    /// Starts from the seed in `CLOISTER_SEED`, or from the clock, and prints it.
    #[allow(clippy::print_stderr, reason = "the seed of a failure is wanted")]
    pub(super) fn printed() -> Self {
        let given = env::var("CLOISTER_SEED").ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| {
            let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() % 1_000_000_007;
            u64::try_from(time).unwrap()
        });
        eprintln!("CLOISTER_SEED={seed}");
        Self(seed)
    }

    /// Starts from this seed, for draws that are the same in each run.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn chance(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Draws `count` of the numbers below `bound`, each once, in random order.
    pub(super) fn sample(&mut self, bound: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..bound).collect();
        for last in (1..bound).rev() {
            all.swap(last, self.below(last + 1));
        }
        all.truncate(count);
        all
    }
}
