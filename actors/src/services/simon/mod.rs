//! `Simon`, the microservice of joint computations: in one call (`compute`), or step by step as a
//! task. Existing clients know it by this name.
//!
//! Simon makes a checked request from a client's arguments and hands it to the sessions. It opens
//! nothing: results come labelled from the computation.

mod account;
mod again;
mod committee;
mod input;
mod job;
mod material;
mod network;
mod task;
mod tasks;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture};
use cloister_protocols::catalogue::Descriptor;
use cloister_protocols::parameters::Parameters;
use uuid::Uuid;

pub use self::job::NodeHandles;
use self::job::{Job, Parties, function};
pub use self::network::Network;
use self::task::{Invitation, Task};
use self::tasks::Tasks;
use super::description;
use crate::bus::{Description, RECORDS};
use crate::progress::{self, Observer};
use crate::records::CancelOne;
use crate::vocabulary::consortium::{Consortium, Member, Renewed};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::Parameter::{Optional, Private, Required};
use crate::vocabulary::object::{
    Arguments, Call, Interface, Method, Object, Principal, Reply, Right,
};
use crate::vocabulary::settings::Limits;

/// The interval of the search for unused tasks.
const SWEEP: Duration = Duration::from_secs(30);

/// The actor.
pub struct Simon {
    consortium: Arc<Consortium>,
    me: usize,
    node: NodeHandles,
    tasks: Tasks,
}

/// The methods that clients can call on the service.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Simon",
    right: Right::Compute,
    methods: &[
        Method {
            name: "compute",
            parameters: &[
                Required("microprotocol"),
                Private("data"),
                Required("network"),
                Optional("parameters"),
                Optional("trace"),
            ],
        },
        Method {
            name: "create_task",
            parameters: &[
                Required("microprotocol"),
                Required("network"),
                Optional("parameters"),
                Optional("task_id"),
                Optional("parent"),
            ],
        },
        Method { name: "join_task", parameters: &[Required("invitation"), Required("network")] },
        Method { name: "get_task", parameters: &[Required("task_id")] },
    ],
};

/// The methods that clients can call on a task.
static TASK: Interface = Interface {
    name: "a task",
    right: Right::Compute,
    methods: &[
        Method { name: "invite", parameters: &[] },
        Method { name: "input", parameters: &[Private("data")] },
        Method { name: "start", parameters: &[] },
        Method { name: "progress", parameters: &[] },
        Method { name: "result", parameters: &[] },
    ],
};

type Answer = ResponseActFuture<Simon, Result<Reply, ApiError>>;

impl Simon {
    /// Creates the service of the node of the member at position `me`.
    #[must_use]
    pub fn new(consortium: Arc<Consortium>, me: usize, node: NodeHandles, limits: &Limits) -> Self {
        Self { consortium, me, node, tasks: Tasks::new(limits) }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        description(&[("protocol", "Simon")])
    }

    fn compute(&self, call: &Call) -> Result<(Job, Observer), ApiError> {
        let arguments = &call.arguments;
        let function = function(&arguments.text("microprotocol")?)?;
        let (_, parameters) = parameters(arguments)?;
        let function = form(function, &parameters)?;
        let mut network = self.network(arguments)?;
        committee::resolve(&parameters, &mut network, &self.consortium)?;
        let Network { members, roles, name } = network;
        let network = name.ok_or_else(|| {
            ApiError::argument("network", "`uuid` is missing")
                .hint("give all parties' requests the same `uuid`, of your own choice")
        })?;
        let (reporter, observer) = progress::begin();
        let job = Job {
            principal: call.principal.clone(),
            function,
            parameters,
            materials: vec![arguments.data("data")?],
            parties: self.parties(&members),
            members,
            roles,
            network,
            reporter,
            trace: arguments.flag("trace")?,
            flights: vec![call.flight.clone()],
            rooms: Vec::new(),
            began: tokio::time::Instant::now(),
        };
        Ok((job, observer))
    }

    fn create_task(&mut self, call: &Call, context: &Context<Self>) -> Result<Reply, ApiError> {
        let arguments = &call.arguments;
        let (raw_parameters, parameters) = parameters(arguments)?;
        let id = match arguments.get("task_id") {
            Some(_) => arguments.text("task_id")?,
            None => Uuid::new_v4().to_string(),
        };
        let parent = match arguments.get("parent") {
            Some(_) => arguments.public("parent")?.as_ref().clone(),
            None => Data::Null,
        };
        let function = form(function(&arguments.text("microprotocol")?)?, &parameters)?;
        let invitation = Invitation { id, function, parameters, raw_parameters, parent };
        let network = self.network(arguments)?;
        self.add_task(&call.principal, invitation, network, context)
    }

    fn join_task(&mut self, call: &Call, context: &Context<Self>) -> Result<Reply, ApiError> {
        let invitation = read_invitation(&*call.arguments.public("invitation")?)?;
        let network = self.network(&call.arguments)?;
        self.add_task(&call.principal, invitation, network, context)
    }

    fn add_task(
        &mut self,
        owner: &Principal,
        invitation: Invitation,
        mut network: Network,
        context: &Context<Self>,
    ) -> Result<Reply, ApiError> {
        committee::resolve(&invitation.parameters, &mut network, &self.consortium)?;
        let parties = self.parties(&network.members);
        let task = Task::new(owner.clone(), invitation, network, parties, &self.node.rooms)?;
        let key = self.tasks.add(task)?;
        Ok(self.object(key, context))
    }

    fn get_task(&self, call: &Call, context: &Context<Self>) -> Result<Reply, ApiError> {
        let key = self.tasks.key(&call.principal, call.arguments.text("task_id")?)?;
        Ok(self.object(key, context))
    }

    fn object(&self, key: u64, context: &Context<Self>) -> Reply {
        Reply::Object(Object { interface: &TASK, recipient: context.address().recipient(), key })
    }

    fn parties(&self, members: &[usize]) -> Parties {
        Parties {
            me: self.of_each(&[self.me], |member| member.name.clone()).concat(),
            names: self.of_each(members, |member| member.name.clone()),
            certificates: self.of_each(members, certificate),
        }
    }

    /// Returns a text of each member, in order.
    fn of_each(&self, members: &[usize], what: impl Fn(&Member) -> String) -> Vec<String> {
        let member = |position: &usize| self.consortium.members().get(*position);
        members.iter().filter_map(member).map(what).collect()
    }

    fn network(&self, arguments: &Arguments) -> Result<Network, ApiError> {
        Network::parse(&*arguments.public("network")?, &self.consortium, self.me)
    }

    fn on_task(&mut self, call: &Call, context: &mut Context<Self>) -> Result<Reply, ApiError> {
        let task = self.tasks.of(&call.principal, call.key)?;
        match call.method {
            "invite" => task.invite(),
            "input" => {
                let data = call.arguments.data("data")?;
                let room = self.node.rooms.hold(&call.principal, data.footprint())?;
                task.input(data, call.flight.clone(), room)
            }
            "progress" => task.progress(),
            "result" => task.result(),
            "start" => {
                let (job, observer) = task.start()?;
                let running = job.run(observer, self.node.clone()).into_actor(self);
                let key = call.key;
                context.spawn(running.map(move |result, simon, _| {
                    if let Some(task) = simon.tasks.get_mut(key) {
                        task.finish(result);
                    }
                }));
                Ok(Reply::None)
            }
            other => Err(ApiError::internal(format!("a task cannot {other}"))),
        }
    }
}

/// Returns the fingerprint of a member's first certificate.
fn certificate(member: &Member) -> String {
    member.fingerprints.first().map(ToString::to_string).unwrap_or_default()
}

fn parameters(arguments: &Arguments) -> Result<(Data, Parameters), ApiError> {
    if arguments.get("parameters").is_none() {
        return Ok((Data::Map(BTreeMap::new()), Parameters::default()));
    }
    let data = arguments.public("parameters")?;
    let parsed = parse_parameters(&data)?;
    Ok((data.as_ref().clone(), parsed))
}

fn parse_parameters(data: &Data) -> Result<Parameters, ApiError> {
    match data {
        Data::Null => Ok(Parameters::default()),
        // R writes an empty object as an empty list.
        Data::List(list) if list.is_empty() => Ok(Parameters::default()),
        data => data.parse().map_err(|error| ApiError::argument("parameters", error)),
    }
}

/// Returns the form of the function that the parameters ask for.
fn form(
    function: &'static Descriptor,
    parameters: &Parameters,
) -> Result<&'static Descriptor, ApiError> {
    function.form(parameters).map_err(|error| ApiError::argument("parameters", error))
}

fn read_invitation(data: &Data) -> Result<Invitation, ApiError> {
    let text = |entry: &str| {
        data.entry(entry).and_then(Data::as_text).ok_or_else(|| {
            ApiError::argument("invitation", format!("`{entry}` is missing or no text"))
                .hint("pass on what the other party's `invite` gave, as a whole")
        })
    };
    let raw_parameters = data.entry("parameters").cloned().unwrap_or(Data::Null);
    let parameters = parse_parameters(&raw_parameters)?;
    Ok(Invitation {
        id: text("task_id")?.to_owned(),
        function: form(function(text("microprotocol")?)?, &parameters)?,
        parameters,
        raw_parameters,
        parent: data.entry("parent").cloned().unwrap_or(Data::Null),
    })
}

impl Actor for Simon {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SWEEP, |simon, _| simon.tasks.expire(Instant::now()));
    }
}

impl Handler<Renewed> for Simon {
    type Result = ();

    fn handle(&mut self, Renewed(consortium): Renewed, _: &mut Self::Context) {
        self.consortium = consortium;
    }
}

impl Handler<Call> for Simon {
    type Result = Answer;

    fn handle(&mut self, call: Call, context: &mut Self::Context) -> Self::Result {
        if (call.key, call.method) == (0, "compute") {
            let (job, observer) = match self.compute(&call) {
                Ok(begun) => begun,
                Err(error) => return Box::pin(std::future::ready(Err(error)).into_actor(self)),
            };
            let Call { principal, awaited, .. } = call;
            let cancel = CancelOne { principal, id: observer.id() };
            let siblings = self.node.siblings.clone();
            let running = job.run(observer, self.node.clone());
            let labelled = async move {
                let mut running = pin!(running);
                let done = tokio::select! {
                    done = &mut running => done,
                    () = awaited.given_up() => {
                        // It may have ended just now.
                        let _ = siblings.ask(RECORDS, cancel).await;
                        running.await
                    }
                };
                Ok(Reply::Value(Labelled::Opened(done?)))
            };
            return Box::pin(labelled.into_actor(self));
        }
        let reply = match (call.key, call.method) {
            (0, "create_task") => self.create_task(&call, context),
            (0, "join_task") => self.join_task(&call, context),
            (0, "get_task") => self.get_task(&call, context),
            _ => self.on_task(&call, context),
        };
        Box::pin(std::future::ready(reply).into_actor(self))
    }
}
