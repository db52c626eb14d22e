//! A task: a computation that a client prepares and starts step by step.

use std::sync::Arc;
use std::time::Instant;

use cloister_protocols::catalogue::Descriptor;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::Roles;
use serde_json::json;

use super::job::{Job, Parties};
use super::network::Network;
use crate::progress::{self, Lifecycle, Observer};
use crate::vocabulary::code::Code;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::label::{Labelled, Public, Report};
use crate::vocabulary::object::{Material, Principal, Reply};
use crate::vocabulary::room::{Room, Rooms};

/// The most inputs of one task, and the most bytes in them.
const MOST_INPUTS: usize = 1_000;
const MOST_INPUT_BYTES: usize = 256 << 20;

/// The task.
pub(super) struct Task {
    pub(super) owner: Principal,
    pub(super) id: String,
    pub(super) last_used: Instant,
    function: &'static Descriptor,
    parameters: Parameters,
    raw_parameters: Data,
    parent: Data,
    members: Vec<usize>,
    parties: Parties,
    roles: Roles,
    /// The room for its parameters, and for its result.
    room: Room,
    state: State,
}

/// Data that a client added, and the room for them.
struct Input {
    data: Material,
    flight: Flight,
    room: Room,
}

enum State {
    Collecting(Vec<Input>),
    Running(Observer),
    Finished(Result<Arc<Report>, ApiError>),
}

/// The definition of a task, which parties share.
pub(super) struct Invitation {
    pub(super) id: String,
    pub(super) function: &'static Descriptor,
    pub(super) parameters: Parameters,
    pub(super) raw_parameters: Data,
    pub(super) parent: Data,
}

impl Task {
    /// Makes a task without data.
    ///
    /// # Errors
    /// If its owner has no room for its parameters.
    pub(super) fn new(
        owner: Principal,
        invitation: Invitation,
        network: Network,
        parties: Parties,
        rooms: &Rooms,
    ) -> Result<Self, ApiError> {
        let Invitation { id, function, parameters, raw_parameters, parent } = invitation;
        // The parameters are there twice: as they came, and as the function takes them.
        let room = rooms.hold(&owner, 2 * raw_parameters.footprint() + parent.footprint())?;
        Ok(Self {
            owner,
            id,
            last_used: Instant::now(),
            function,
            parameters,
            raw_parameters,
            parent,
            members: network.members,
            parties,
            roles: network.roles,
            room,
            state: State::Collecting(Vec::new()),
        })
    }

    /// Returns the invitation, with which the other parties' clients join.
    pub(super) fn invite(&self) -> Result<Reply, ApiError> {
        public(json!({
            "task_id": self.id,
            "microprotocol": self.function.name,
            "invitation_id": null,
            "parameters": self.raw_parameters,
            "parent": self.parent,
        }))
    }

    /// Adds data, before the start.
    pub(super) fn input(
        &mut self,
        data: Material,
        flight: Flight,
        room: Room,
    ) -> Result<Reply, ApiError> {
        match &mut self.state {
            State::Collecting(inputs) => {
                let held = inputs.iter().map(|input| &input.data).chain([&data]);
                let bytes: usize = held.map(Material::footprint).sum();
                if inputs.len() >= MOST_INPUTS || bytes > MOST_INPUT_BYTES {
                    return Err(too_much());
                }
                inputs.push(Input { data, flight, room });
                Ok(Reply::None)
            }
            _ => Err(self.too_late("takes no more data")),
        }
    }

    /// Starts the task: returns the computation and its observer.
    pub(super) fn start(&mut self) -> Result<(Job, Observer), ApiError> {
        let State::Collecting(inputs) = &mut self.state else {
            return Err(self.too_late("runs already"));
        };
        let inputs = std::mem::take(inputs);
        let (reporter, observer) = progress::begin();
        self.state = State::Running(observer.clone());
        let (mut materials, mut flights, mut rooms) = (Vec::new(), Vec::new(), Vec::new());
        for Input { data, flight, room } in inputs {
            materials.push(data);
            flights.push(flight);
            rooms.push(room);
        }
        let job = Job {
            principal: self.owner.clone(),
            function: self.function,
            parameters: self.parameters.clone(),
            materials,
            members: self.members.clone(),
            parties: self.parties.clone(),
            roles: self.roles.clone(),
            network: self.id.clone(),
            reporter,
            trace: false,
            flights,
            rooms,
            began: tokio::time::Instant::now(),
        };
        Ok((job, observer))
    }

    /// Takes the end of its computation.
    pub(super) fn finish(&mut self, result: Result<Arc<Report>, ApiError>) {
        if let Ok(report) = &result {
            let (raw, parent) = (self.raw_parameters.footprint(), self.parent.footprint());
            self.room.stretch(2 * raw + parent + report.footprint());
        }
        self.state = State::Finished(result);
    }

    /// Returns the result, or nothing while there is none.
    pub(super) fn result(&self) -> Result<Reply, ApiError> {
        match &self.state {
            State::Finished(Ok(report)) => Ok(Reply::Value(Labelled::Opened(Arc::clone(report)))),
            State::Finished(Err(error)) => Err(error.clone()),
            State::Collecting(_) | State::Running(_) => Ok(Reply::None),
        }
    }

    /// Returns the state, and the parties that hold it up.
    pub(super) fn progress(&self) -> Result<Reply, ApiError> {
        let observer = match &self.state {
            State::Collecting(_) => return public(json!({"state": "collecting"})),
            State::Finished(Ok(_)) => return public(json!({"state": "done"})),
            State::Finished(Err(_)) => return public(json!({"state": "failed"})),
            State::Running(observer) => observer,
        };
        let progress = observer.look().clone();
        let names = progress.awaited.iter().filter_map(|index| self.parties.names.get(*index));
        // The task ends only when its result can be asked for: the log has it first.
        let state = if progress.lifecycle.has_ended() {
            Lifecycle::Opening.name()
        } else {
            progress.lifecycle.name()
        };
        let round = match progress.lifecycle {
            Lifecycle::Running { round } => Some(round),
            _ => None,
        };
        public(json!({
            "state": state,
            "round": round,
            "waiting_for": names.collect::<Vec<_>>(),
            "computation": observer.id().to_string(),
        }))
    }

    /// Returns whether the task has data and was not started.
    pub(super) fn holds_data(&self) -> bool {
        matches!(&self.state, State::Collecting(inputs) if !inputs.is_empty())
    }

    /// Returns whether nothing is under way in the task.
    pub(super) fn is_idle(&self) -> bool {
        !matches!(self.state, State::Running(_))
    }

    fn too_late(&self, what: &str) -> ApiError {
        ApiError::new(Code::TaskStarted, format!("the task {what}")).hint("create another task")
    }
}

fn too_much() -> ApiError {
    let message = format!("a task takes {MOST_INPUTS} inputs or {MOST_INPUT_BYTES} bytes");
    ApiError::new(Code::OverQuota, message)
        .hint("put more items into one input, or compute in several tasks")
}

/// Replies with a value that was never secret, such as an invitation or the progress.
fn public(json: serde_json::Value) -> Result<Reply, ApiError> {
    let data: Data = serde_json::from_value(json)
        .map_err(|error| ApiError::internal(format!("a public value is no data: {error}")))?;
    Ok(Reply::Value(Labelled::Public(Public::never_secret(Arc::new(data)))))
}
