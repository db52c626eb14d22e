//! The computation of nothing, for measuring the cost of rounds. It takes two rounds of eight
//! bytes, or as many as are asked for.
//!
//! Parties: any n ≥ 2. Uses no data and no secrets. Bytes sent per party and round: 8(n − 1).

use serde::Deserialize;

use crate::engine::aggregate::Aggregate;
use crate::functions::answer::Answer;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, refuse};
use crate::functions::{Function, OnSums, Rounds, SumsContext, of_counts};
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::machine::Phase;

/// The most rounds that may be asked for.
const MOST: u32 = 100_000;

/// The rounds where the client gives no number.
const USUAL: u32 = 2;

/// The parameter's name.
const TIMES: &str = "times";

pub(crate) struct Empty {
    /// The number as the client gives it.
    rounds: Option<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    times: Option<u32>,
}

impl Function for Empty {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Empty",
        summary: "nothing, in two rounds of eight bytes, or `times`: what agreeing and rounds cost",
        asked_by: None,
        input: InputKind::Other,
        parameters: &[ParameterEntry::number(
            TIMES,
            "how many rounds, from 1 to 100,000; 2 where it is left out",
        )],
        kind: Kind::Elements,
        needs: Needs::LinearSums,
        pushdown: None,
        reveals: &[],
        result_keys: &[],
    };

    type Parameters = Parameters;

    fn opens(_: &Parameters, _: Scope) -> Equations {
        Equations::NONE
    }

    fn new(
        Parameters { times: rounds }: Parameters,
        _: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        if rounds.is_some_and(|rounds| !(1..=MOST).contains(&rounds)) {
            return Err(refuse(TIMES, format!("from 1 to {MOST} rounds")));
        }
        Ok(Self { rounds })
    }

    fn agreed(&self) -> AgreedParameters {
        let rounds = self.rounds.map(|rounds| (TIMES.to_owned(), rounds.to_string()));
        rounds.into_iter().collect()
    }

    fn words(&self) -> usize {
        0
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}

impl OnSums for Empty {
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault> {
        let rounds = self.rounds.unwrap_or(USUAL);
        for round in 1..=rounds {
            if round == rounds {
                cx.channel.enter(Phase::Opening);
            }
            cx.channel.begin_round("empty round");
            exchange(cx.channel).await?;
        }
        Ok(Answer::Empty {})
    }
}

async fn exchange(channel: &Channel) -> Result<(), Fault> {
    const MESSAGE: [u8; 8] = [0; 8];
    channel.broadcast(MESSAGE.to_vec());
    channel.gather_exactly(MESSAGE.len()).await.map(drop)
}
