//! Random numbers from a seed that is printed: a failing test shows it, and
//! `CLOISTER_SEED=<seed>` repeats the run.

/// SplitMix64.
pub(crate) struct Seeded(u64);

impl Seeded {
    /// Takes the environment's seed or a new one.
    pub(crate) fn new() -> Self {
        let given = std::env::var("CLOISTER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| getrandom::u64().unwrap());
        println!("CLOISTER_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.word().to_le_bytes()[0]).collect()
    }
}
