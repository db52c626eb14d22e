//! Common parts of the tests of several modules: seeds, clocks, offers, and simulated computations.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rand_core::Rng;

use crate::computation::{Answer, Input, Outcome, Request, compute};
use crate::functions::catalogue::find;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{JointRules, Profile, Rules};
use crate::kernel::fault::InputError;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::{
    AuditHead, ColumnKinds, Member, MemberId, Offer, Origin, Role, Roles, Spec,
};
use crate::kernel::simulation::{Report, Simulation};
use crate::kernel::trace::Clock;
use crate::suites::pairwise::CorrelationStore;

/// Returns a random seed, or the one in CLOISTER_SEED. Prints it, so that a failed test shows it.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("CLOISTER_SEED") {
        Ok(text) => text.parse().expect("CLOISTER_SEED is a number"),
        Err(_) => random_seed(),
    };
    println!("CLOISTER_SEED={seed}");
    seed
}

#[expect(clippy::disallowed_methods, reason = "the one place of the tests where chance comes in")]
fn random_seed() -> u64 {
    getrandom::u64().expect("the operating system has randomness")
}

pub(crate) fn rng(seed: u64) -> PredictableRng {
    PredictableRng::from_predictable_seed(seed)
}

/// Draws random doubles of every size: random bits, without infinities and NaN.
pub(crate) fn any_doubles(rng: &mut PredictableRng, count: usize) -> Vec<f64> {
    let bits = std::iter::repeat_with(|| f64::from_bits(rng.next_u64()));
    bits.filter(|x| x.is_finite()).take(count).collect()
}

/// A clock that moves on when it is told to.
#[derive(Clone, Default)]
pub(crate) struct Watch(Rc<Cell<u64>>);

impl Watch {
    pub(crate) fn set(&self, seconds: u64) {
        self.0.set(seconds);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.set(self.0.get() + seconds);
    }

    pub(crate) fn clock(&self) -> Clock {
        let watch = self.clone();
        Rc::new(move || Duration::from_secs(watch.0.get()))
    }
}

pub(crate) fn offer(parties: usize, rules: Rules) -> Offer {
    let member = |index: usize| MemberId {
        name: format!("member {index}"),
        fingerprint: [u8::try_from(index).unwrap(); 32],
    };
    let spec = Spec {
        function: String::new(),
        parameters: [].into(),
        shape: [].into(),
        members: (0..parties)
            .map(|index| Member { id: member(index), role: Role::PARTY })
            .collect(),
        suite: String::new(),
        network: "network".to_owned(),
        run: 0,
    };
    Offer {
        roster: spec.ids().cloned().collect(),
        spec,
        rules,
        listed: Vec::new(),
        deadline_ms: 60_000,
        serves: true,
        source: Origin::Client,
        kinds: ColumnKinds::default(),
        audit: AuditHead::default(),
        seen: Vec::new(),
        earlier: Vec::new(),
        kept: None,
    }
}

/// Returns the roles of so many parties, all of which compute.
pub(crate) fn parties(count: usize) -> Roles {
    Roles::of_parties(count).unwrap()
}

/// Returns the roles of so many parties, and helpers behind them, of which those with `seats` compute.
pub(crate) fn roles(inputs: usize, helpers: usize, seats: &[usize]) -> Roles {
    let role = |index| {
        let compute = seats.contains(&index);
        if index < inputs {
            Role { compute, ..Role::PARTY }
        } else {
            Role { compute, ..Role::HELPER }
        }
    };
    Roles::new((0..inputs + helpers).map(role).collect()).unwrap()
}

/// Makes the last members of a spec helpers.
pub(crate) fn set_helpers(spec: &mut Spec, helpers: usize) {
    spec.members.iter_mut().rev().take(helpers).for_each(|member| member.role = Role::HELPER);
}

/// Returns rules that the first party has, and that all agree on.
pub(crate) fn joint(rules: Rules) -> JointRules {
    JointRules::of(&[(Party::new(0).unwrap(), rules)]).unwrap()
}

/// One computation in simulation.
pub(crate) struct Run {
    pub(crate) function: &'static str,
    pub(crate) parameters: Parameters,
    pub(crate) inputs: Vec<Input>,
    pub(crate) rules: Rules,
    /// The number of members without data, behind those with data.
    pub(crate) helpers: usize,
    /// The number of rows that each party has left out; 0 where none is given.
    pub(crate) dropped: Vec<u64>,
}

impl Run {
    pub(crate) fn new(function: &'static str, inputs: Vec<Input>) -> Self {
        let rules = Profile::Teaching.rules();
        let parameters = Parameters::default();
        Self { function, parameters, inputs, rules, helpers: 0, dropped: Vec::new() }
    }

    pub(crate) fn numbers<const N: usize>(function: &'static str, inputs: [&[f64]; N]) -> Self {
        Self::new(function, inputs.iter().map(|input| Input::Numbers(input.to_vec())).collect())
    }

    pub(crate) fn parameters(self, parameters: Parameters) -> Self {
        Self { parameters, ..self }
    }

    pub(crate) fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Adds so many helpers, and makes these three members the committee.
    pub(crate) fn committee(mut self, helpers: usize, seats: [usize; 3]) -> Self {
        self.parameters.committee = Some(seats.map(|seat| format!("member {seat}")).to_vec());
        Self { helpers, ..self }
    }

    /// Returns the members' roles, by the committee that the parameters name.
    pub(crate) fn roles(&self) -> Roles {
        let Some(names) = &self.parameters.committee else {
            assert_eq!(self.helpers, 0, "helpers are named");
            return parties(self.inputs.len());
        };
        let seat = |name: &String| name.strip_prefix("member ").unwrap().parse().unwrap();
        let seats: Vec<usize> = names.iter().map(seat).collect();
        roles(self.inputs.len(), self.helpers, &seats)
    }

    /// Returns the offer of each member, without a spec.
    pub(crate) fn offered(&self) -> Offer {
        offer(self.inputs.len() + self.helpers, self.rules)
    }

    /// Returns the spec that the parties agree on.
    pub(crate) fn spec(&self) -> Spec {
        let mut offer = self.offered();
        self.request(0).unwrap().describe(&mut offer);
        offer.spec
    }

    /// Returns the part of any member. A helper reads its own from the first party's proposal.
    pub(crate) fn part(&self, index: usize) -> Request {
        if index < self.inputs.len() {
            return self.request(index).unwrap();
        }
        Request::to_help(&self.spec()).unwrap()
    }

    pub(crate) fn request(&self, index: usize) -> Result<Request, InputError> {
        let function = find(self.function).unwrap();
        let input = self.inputs[index].clone();
        let dropped = self.dropped.get(index).copied().unwrap_or(0);
        Request::new(function, &self.parameters, input, dropped, &self.roles())
    }

    pub(crate) fn simulate(&self, simulation: Simulation) -> Report<Outcome> {
        self.simulate_with(simulation, &[])
    }

    /// Simulates with the correlations that each party has preprocessed with the others, by index.
    pub(crate) fn simulate_with(
        &self,
        simulation: Simulation,
        stores: &[CorrelationStore],
    ) -> Report<Outcome> {
        let members = self.inputs.len() + self.helpers;
        simulation.parties(members).run(|channel, party, rng| {
            let stores = stores.get(party.index()).cloned().unwrap_or_default();
            compute(channel, self.offered(), self.part(party.index()), stores, rng)
        })
    }

    /// Returns the answer, which must be the same at all parties.
    pub(crate) fn answer(&self) -> Answer {
        let report = self.simulate(Simulation::new(seed()));
        let outcomes = report.results().unwrap();
        let answer = outcomes[0].answer.get().clone();
        let (parties, helpers) = outcomes.split_at(self.inputs.len());
        assert!(parties.iter().all(|outcome| *outcome.answer.get() == answer));
        assert!(helpers.iter().all(|outcome| *outcome.answer.get() == Answer::Empty {}));
        answer
    }

    pub(crate) fn sum(&self) -> f64 {
        match self.answer() {
            Answer::Sum { sum } => sum,
            other => panic!("not a sum: {other:?}"),
        }
    }
}

/// Names of functions that tests ask for.
pub(crate) mod names {
    pub(crate) const CONTINGENCY_VERTICAL: &str = "StatisticsContingencyVertical";
    pub(crate) const CORRELATION: &str = "CorrelationVertical";
    pub(crate) const EMPTY: &str = "Empty";
    pub(crate) const INTERSECTION: &str = "SetIntersection";
    pub(crate) const INTERSECTION_SIZE: &str = "SetIntersectionSize";
    pub(crate) const INTERSECTION_SUM: &str = "SetIntersectionSum";
    pub(crate) const MATRIX_PRODUCT: &str = "SecureMatrixMultiplication";
    pub(crate) const MEAN_BY_GROUP: &str = "MeanByGroupVertical";
    pub(crate) const MEASURE: &str = "Measure";
    pub(crate) const PREPARE: &str = "Prepare";
    pub(crate) const REGRESSION: &str = "StatisticsRegressionOLSVertical";
    pub(crate) const UNION_SIZE: &str = "SetUnionSize";
    pub(crate) const VECTOR_SUM: &str = "SecureVectorSum";
}
