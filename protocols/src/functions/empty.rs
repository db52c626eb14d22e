//! The computation of nothing: two rounds of eight bytes, or as many as are asked for, for measuring what
//! rounds cost.
//!
//! Parties: any n ≥ 2. Uses no data and no secrets. Bytes sent per party and round: 8(n − 1).

use std::collections::BTreeMap;

use crate::functions::answer::Answer;
use crate::functions::parameters::{Parameters, refuse};
use crate::kernel::channel::Channel;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::machine::Phase;

/// The most rounds that may be asked for.
const MOST: u32 = 100_000;

/// The rounds where nothing is said.
const USUAL: u32 = 2;

/// The parameter's name.
const TIMES: &str = "times";

pub(crate) struct Prepared {
    /// As the client has it.
    rounds: Option<u32>,
}

impl Prepared {
    pub(super) fn new(parameters: &Parameters) -> Result<Self, InputError> {
        match parameters.times {
            Some(rounds) if !(1..=MOST).contains(&rounds) => {
                Err(refuse(TIMES, format!("from 1 to {MOST} rounds")))
            }
            rounds => Ok(Self { rounds }),
        }
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let rounds = self.rounds.map(|rounds| (TIMES.to_owned(), rounds.to_string()));
        rounds.into_iter().collect()
    }

    pub(super) async fn run(&self, channel: &Channel) -> Result<Answer, Fault> {
        let rounds = self.rounds.unwrap_or(USUAL);
        for round in 1..=rounds {
            if round == rounds {
                channel.enter(Phase::Opening);
            }
            channel.begin_round("empty round");
            exchange(channel).await?;
        }
        Ok(Answer::Empty {})
    }
}

async fn exchange(channel: &Channel) -> Result<(), Fault> {
    const MESSAGE: [u8; 8] = [0; 8];
    channel.broadcast(MESSAGE.to_vec());
    channel.gather_exactly(MESSAGE.len()).await.map(drop)
}
