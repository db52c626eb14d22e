//! The setup of a computation: members, function and rules, the same for nodes and for the
//! simulation.

use std::time::{Duration, Instant};

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::Request;
use cloister_protocols::disclosure::{Profile, Rules};
use cloister_protocols::fault::InputError;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{
    AuditHead, ColumnKinds, Member, MemberId, Offer, Origin, Role, Roles, Spec,
};
use cloister_report::measurement::Case;
use serde_json::{Map, Value, json};

use super::subject::{PAIRWISE, Subject, Workload};
use crate::problem::{Outcome, Problem};

/// A computation to be measured.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) workload: Workload,
    /// The family of protocols that is to compute it.
    pub(super) suite: String,
    /// The members' names: the parties, then who helps.
    pub(super) members: Vec<String>,
    pub(super) rules: Rules,
}

/// Names of as many members, the first `parties` of which bring data.
pub(super) fn names(parties: usize, helpers: usize) -> Vec<String> {
    let party = (1..=parties).map(|number| format!("party-{number}"));
    let helper = (1..=helpers).map(|number| format!("helper-{number}"));
    party.chain(helper).collect()
}

/// Returns the number of helpers: two parties have a third node where three compute on shares.
pub(super) fn helpers(subject: &Subject, suite: &str, parties: usize, profile: Profile) -> usize {
    let empty = subject.function.input == InputKind::Other;
    let on_shares = subject.is_on_shares() || (profile == Profile::Production && !empty);
    usize::from(on_shares && suite != PAIRWISE && parties == 2)
}

impl Setup {
    /// Makes the case's computation between these members under these rules.
    pub(super) fn new(
        case: &Case,
        subject: &'static Subject,
        members: Vec<String>,
        rules: Rules,
    ) -> Self {
        let Case { size, parties, suite, .. } = case;
        let mut workload = subject.workload(*size, *parties, suite);
        if members.len() > *parties {
            workload.parameters.insert("committee".to_owned(), json!(members));
        }
        Self { workload, suite: suite.clone(), members, rules }
    }

    pub(super) fn parties(&self) -> usize {
        self.workload.inputs.len()
    }

    /// Makes the request of each member, as its node would make it from its client's.
    pub(super) fn requests(&self) -> Outcome<Vec<Request>> {
        Ok(self.timed_requests()?.0)
    }

    /// Makes the requests, and measures the time of each.
    pub(super) fn timed_requests(&self) -> Outcome<(Vec<Request>, Vec<Duration>)> {
        let parameters = Value::Object(Map::clone(&self.workload.parameters));
        let parameters: Parameters = serde_json::from_value(parameters).map_err(Problem::ours)?;
        let function = self.function();
        let roles = self.roles().map_err(Problem::usage)?;
        let mut requests = Vec::new();
        let mut times = Vec::new();
        for index in 0..self.members.len() {
            let input = self.workload.inputs.get(index).cloned();
            let begun = Instant::now();
            let request = match (input, requests.first()) {
                (Some(input), _) => Request::new(function, &parameters, input, 0, &roles),
                (None, Some(first)) => Request::to_help(&self.proposed(first)),
                (None, None) => break,
            };
            times.push(begun.elapsed());
            let request = request.map_err(Problem::usage)?;
            self.check_suite(&request)?;
            requests.push(request);
        }
        Ok((requests, times))
    }

    /// Refuses a request that another suite than the case's would compute.
    fn check_suite(&self, request: &Request) -> Outcome {
        let (name, suite) = (self.workload.subject.name, request.suite().name());
        if suite == self.suite {
            Ok(())
        } else {
            Err(Problem::usage(format!(
                "the suite `{}` does not compute {name} here, `{suite}` does",
                self.suite
            )))
        }
    }

    /// Makes the proposal of each member; as long as those of nodes, so that it costs as many
    /// bytes.
    pub(super) fn offer(&self, request: &Request) -> Offer {
        let spec = self.spec(request);
        Offer {
            roster: spec.ids().cloned().collect(),
            spec,
            rules: self.rules,
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

    /// Returns the spec of a party's proposal, by which a helper helps.
    fn proposed(&self, request: &Request) -> Spec {
        let mut offer = self.offer(request);
        request.describe(&mut offer);
        offer.spec
    }

    fn spec(&self, request: &Request) -> Spec {
        let id = |(index, name): (usize, &String)| MemberId {
            name: name.clone(),
            fingerprint: [u8::try_from(index % 256).unwrap_or(0); 32],
        };
        let ids = self.members.iter().enumerate().map(id);
        Spec {
            function: request.function().name.to_owned(),
            parameters: request.parameters(),
            shape: request.shape(),
            members: Member::with_roles(ids.collect(), request.roles())
                .expect("a request has a role for each member"),
            suite: request.suite().name().to_owned(),
            network: uuid::Uuid::nil().to_string(),
            run: 0,
        }
    }

    /// Returns the roles: the parties bring data, the others help.
    fn roles(&self) -> Result<Roles, InputError> {
        let role = |index| if index < self.parties() { Role::PARTY } else { Role::HELPER };
        Roles::new((0..self.members.len()).map(role).collect())
    }

    fn function(&self) -> &'static Descriptor {
        self.workload.subject.function
    }
}
