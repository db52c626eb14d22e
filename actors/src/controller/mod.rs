//! The only way in for clients. Holds their handles, and enforces the no-download rule.
//!
//! The controller never computes. It resolves handles, checks who owns them, binds arguments, and
//! passes calls on to the objects behind the handles. Only a [`Download`] leaves, which cannot be
//! made from a private value.

mod authenticator;
mod caller;
mod envelope;
mod handles;
pub mod http;
mod large_bodies;
mod origins;
mod readiness;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseActFuture,
    ResponseFuture, WrapFuture,
};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::authenticator::Authenticator;
pub(crate) use self::caller::{Caller, host_of};
pub use self::envelope::Envelope;
use self::handles::{Handles, Held};
pub use self::http::ApiState;
pub(crate) use self::http::{endpoint, healthy, ready};
pub use self::large_bodies::{LARGE_BODIES, LargeBodies};
pub use self::origins::Origins;
pub use self::readiness::Readiness;
pub(crate) use self::sending::until_sent;
use crate::bus::{Bus, DATASETS, Description, Find, List, Siblings};
use crate::services::datasets::{Content, Forget, Keep, Kept};
use crate::vocabulary::code::Code;
use crate::vocabulary::data::{Data, HANDLE};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::label::{Download, Labelled};
use crate::vocabulary::object::{Argument, Call, Method, Object, Principal, Reply, Right};
use crate::vocabulary::presence::Awaited;
use crate::vocabulary::room::{Room, Rooms};
use crate::vocabulary::settings::Limits;
use crate::vocabulary::shown::shown;

/// The interval of the search for expired handles.
const SWEEP: Duration = Duration::from_secs(5);

/// The room that is reserved for the result of a call, in bytes.
const RESULT_ROOM: usize = 64 << 10;

/// The controller. See the module.
pub struct Controller {
    bus: Addr<Bus>,
    handles: Handles,
    siblings: Siblings,
}

/// The request for the descriptions of all microservices.
#[derive(Message)]
#[rtype(result = "Result<Vec<Description>, ApiError>")]
pub struct ListServices;

/// The request for a handle of the first microservice that meets the requirements.
#[derive(Message)]
#[rtype(result = "Result<Uuid, ApiError>")]
pub struct Create {
    /// The caller.
    pub principal: Principal,
    /// The entries that its description must hold.
    pub requirements: BTreeMap<String, Data>,
}

/// The command to keep data.
#[derive(Message)]
#[rtype(result = "Result<Uuid, ApiError>")]
pub struct Upload {
    /// The owner of the data.
    pub principal: Principal,
    /// The form of the data, which was checked.
    pub content: Content,
    /// The data.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The room for their bytes.
    pub flight: Flight,
}

/// The request for a handle of an attribute.
#[derive(Message)]
#[rtype(result = "Result<Uuid, ApiError>")]
pub struct Attribute {
    /// The caller.
    pub principal: Principal,
    /// The handle of the object.
    pub uuid: String,
    /// The attribute's name.
    pub name: String,
}

/// The call of a method behind a handle.
#[derive(Message)]
#[rtype(result = "Result<Option<Uuid>, ApiError>")]
pub struct Invoke {
    /// The caller.
    pub principal: Principal,
    /// The handle of the method.
    pub uuid: String,
    /// The arguments.
    pub envelope: Envelope,
    /// The room for their bytes.
    pub flight: Flight,
    /// The client that waits for the result.
    pub awaited: Awaited,
}

/// The request for the value behind a handle.
#[derive(Message)]
#[rtype(result = "Result<Download, ApiError>")]
pub struct Fetch {
    /// The caller.
    pub principal: Principal,
    /// The handle of the value.
    pub uuid: String,
}

/// The command to release a handle.
#[derive(Message)]
#[rtype(result = "Result<(), ApiError>")]
pub struct Release {
    /// The caller.
    pub principal: Principal,
    /// The handle.
    pub uuid: String,
}

impl Controller {
    /// Creates a controller for the microservices on this bus.
    ///
    /// `kept` has the uploads from before the node was started, with the names of their handles.
    #[must_use]
    pub fn new(bus: Addr<Bus>, kept: Vec<Kept>, limits: &Limits, rooms: Rooms) -> Self {
        let mut handles = Handles::new(limits, rooms);
        kept.into_iter().for_each(|upload| handles.restore(upload));
        Self { siblings: Siblings::new(bus.clone()), bus, handles }
    }

    /// Resolves an argument. Handles of private data may stand inside of one too, each once: a value
    /// that stood there a thousand times would be held a thousand times, and its rows counted so.
    fn resolve(&mut self, principal: &Principal, data: Data) -> Result<Argument, ApiError> {
        if let Some(uuid) = data.entry(HANDLE).and_then(Data::as_text) {
            return self.held(principal, uuid).map(Argument::Held);
        }
        let mut held = BTreeMap::new();
        for uuid in data.handles() {
            if let Labelled::Private(stored) = self.held(principal, uuid)?
                && held.insert(uuid.to_owned(), stored).is_some()
            {
                return Err(twice());
            }
        }
        let data = Arc::new(data);
        Ok(if held.is_empty() { Argument::Inline(data) } else { Argument::Nested(data, held) })
    }

    fn held(&mut self, principal: &Principal, uuid: &str) -> Result<Labelled, ApiError> {
        match self.handles.find(principal, uuid)? {
            Held::Value(value) => Ok(value.clone()),
            Held::Object(_) | Held::Method(..) => Err(ApiError::argument(
                HANDLE,
                "the handle is of a service or a method, not of a value",
            )),
        }
    }

    fn prepare(&mut self, invoke: Invoke) -> Result<(Object, Call, Room), ApiError> {
        let Invoke { principal, uuid, envelope, flight, awaited } = invoke;
        let (object, method) = self.callable(&principal, &uuid)?;
        let positional = envelope
            .args
            .into_iter()
            .map(|data| self.resolve(&principal, data))
            .collect::<Result<_, _>>()?;
        let named = envelope
            .kwargs
            .into_iter()
            .map(|(name, data)| Ok((name, self.resolve(&principal, data)?)))
            .collect::<Result<_, ApiError>>()?;
        let arguments = method.bind(positional, named)?;
        // A result without room would have been computed, and opened, for nothing.
        let room = self.handles.reserve(&principal, RESULT_ROOM)?;
        let (key, method) = (object.key, method.name);
        let call = Call { principal, key, method, arguments, flight, awaited };
        Ok((object, call, room))
    }

    fn callable(
        &mut self,
        principal: &Principal,
        uuid: &str,
    ) -> Result<(Object, &'static Method), ApiError> {
        match self.handles.find(principal, uuid)? {
            Held::Method(object, method) => {
                principal.check(object.interface.right)?;
                Ok((object.clone(), method))
            }
            Held::Object(object) => Err(not_callable(object.interface.name)
                .hint(format!("call one of its methods: {}", object.interface.method_names()))),
            Held::Value(_) => {
                Err(not_callable("a value").hint("values are not called; methods are"))
            }
        }
    }

    fn keep(&mut self, room: Room, reply: Reply) -> Result<Option<Uuid>, ApiError> {
        let held = match reply {
            Reply::None => return Ok(None),
            Reply::Value(value) => Held::Value(value),
            Reply::Object(object) => Held::Object(object),
        };
        self.handles.keep(room, held).map(Some)
    }
}

fn twice() -> ApiError {
    ApiError::argument(HANDLE, "a handle of private data stands twice in one value")
        .hint("name each handle once: its rows count once")
}

impl Actor for Controller {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SWEEP, |controller, _| controller.handles.expire(Instant::now()));
    }
}

impl Handler<ListServices> for Controller {
    type Result = ResponseFuture<Result<Vec<Description>, ApiError>>;

    fn handle(&mut self, _: ListServices, _: &mut Self::Context) -> Self::Result {
        let answer = self.bus.send(List);
        Box::pin(async { answer.await.map_err(|_| ApiError::unavailable("the bus")) })
    }
}

impl Handler<Create> for Controller {
    type Result = ResponseActFuture<Self, Result<Uuid, ApiError>>;

    fn handle(&mut self, create: Create, _: &mut Self::Context) -> Self::Result {
        let mut requirements = BTreeMap::new();
        for (key, value) in create.requirements {
            let Some(text) = value.as_text() else {
                let error = ApiError::argument(&key, format!("a text, not {}", value.kind()));
                return Box::pin(std::future::ready(Err(error)).into_actor(self));
            };
            requirements.insert(key, text.to_owned());
        }
        let found = self.bus.send(Find(requirements)).into_actor(self);
        Box::pin(found.map(|found, controller, _| {
            let found = found.map_err(|_| ApiError::unavailable("the bus"))?;
            let (uuid, object) = found.ok_or_else(no_such_service)?;
            Ok(controller.handles.share(uuid, object))
        }))
    }
}

impl Handler<Upload> for Controller {
    type Result = ResponseActFuture<Self, Result<Uuid, ApiError>>;

    fn handle(&mut self, upload: Upload, _: &mut Self::Context) -> Self::Result {
        let Upload { principal, content, bytes, flight } = upload;
        let allowed = principal.check(Right::Upload);
        let room = match allowed.and_then(|()| self.handles.reserve(&principal, 0)) {
            Ok(room) => room,
            Err(error) => return Box::pin(std::future::ready(Err(error)).into_actor(self)),
        };
        let keep = Keep { principal, content, bytes };
        let siblings = self.siblings.clone();
        let kept = async move { siblings.ask(DATASETS, keep).await }.into_actor(self);
        Box::pin(kept.map(move |kept, controller, _| {
            drop(flight);
            let upload = kept??;
            Ok(controller.handles.keep_upload(room, upload))
        }))
    }
}

impl Handler<Attribute> for Controller {
    type Result = Result<Uuid, ApiError>;

    fn handle(&mut self, attribute: Attribute, _: &mut Self::Context) -> Self::Result {
        let Attribute { principal, uuid, name } = attribute;
        let Held::Object(object) = self.handles.find(&principal, &uuid)? else {
            return Err(no_such_attribute("a value or a method", &name)
                .hint("only services, and what they make, have attributes"));
        };
        let Some(method) = object.interface.method(&name) else {
            return Err(no_such_attribute(object.interface.name, &name)
                .hint(format!("it has: {}", object.interface.method_names())));
        };
        let held = Held::Method(object.clone(), method);
        self.handles.insert(&principal, held)
    }
}

impl Handler<Invoke> for Controller {
    type Result = ResponseActFuture<Self, Result<Option<Uuid>, ApiError>>;

    fn handle(&mut self, invoke: Invoke, _: &mut Self::Context) -> Self::Result {
        let (object, call, room) = match self.prepare(invoke) {
            Ok(prepared) => prepared,
            Err(error) => return Box::pin(std::future::ready(Err(error)).into_actor(self)),
        };
        let flight = call.flight.clone();
        let reply = object.recipient.send(call).into_actor(self);
        Box::pin(reply.map(move |reply, controller, _| {
            drop(flight);
            let reply = reply.map_err(|_| ApiError::unavailable(object.interface.name))??;
            controller.keep(room, reply)
        }))
    }
}

impl Handler<Fetch> for Controller {
    type Result = Result<Download, ApiError>;

    fn handle(&mut self, fetch: Fetch, _: &mut Self::Context) -> Self::Result {
        match self.handles.find(&fetch.principal, &fetch.uuid)? {
            Held::Value(Labelled::Public(value)) => Ok(Download::from(value.clone())),
            Held::Value(Labelled::Opened(report)) => Ok(Download::from(Arc::clone(report))),
            Held::Value(Labelled::Private(_)) => {
                Err(ApiError::no_download("this is data, and data is never downloaded"))
            }
            Held::Object(object) => Err(ApiError::no_download(format!(
                "this is {}, which lives on the node and is not downloaded",
                object.interface.name
            ))),
            Held::Method(_, method) => {
                Err(ApiError::no_download(format!("this is the method `{}`", method.name)))
            }
        }
    }
}

impl Handler<Release> for Controller {
    type Result = ResponseFuture<Result<(), ApiError>>;

    fn handle(&mut self, release: Release, _: &mut Self::Context) -> Self::Result {
        let released = self.handles.release(&release.principal, &release.uuid);
        let siblings = self.siblings.clone();
        Box::pin(async move {
            if let Some(upload) = released? {
                siblings.ask(DATASETS, Forget(upload.id)).await?;
            }
            Ok(())
        })
    }
}

fn no_such_service() -> ApiError {
    ApiError::new(Code::NoSuchService, "no microservice of this node meets these requirements")
        .hint("GET /representations lists the descriptions of all")
}

fn no_such_attribute(what: &str, name: &str) -> ApiError {
    ApiError::new(Code::NoSuchAttribute, format!("{what} has no attribute `{}`", shown(name)))
}

fn not_callable(what: &str) -> ApiError {
    ApiError::new(Code::NotCallable, format!("{what} cannot be called"))
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;
    use crate::vocabulary::label::Public;
    use crate::vocabulary::object::Interface;

    static INTERFACE: Interface = Interface {
        name: "a service that waits",
        right: Right::Compute,
        methods: &[Method { name: "wait", parameters: &[] }],
    };

    /// Answers calls only when it is told to.
    struct Waiting(Arc<Notify>);

    impl Actor for Waiting {
        type Context = Context<Self>;
    }

    impl Handler<Call> for Waiting {
        type Result = ResponseFuture<Result<Reply, ApiError>>;

        fn handle(&mut self, _: Call, _: &mut Self::Context) -> Self::Result {
            let told = Arc::clone(&self.0);
            Box::pin(async move {
                told.notified().await;
                let value = Public::never_secret(Arc::new(Data::Bool(true)));
                Ok(Reply::Value(Labelled::Public(value)))
            })
        }
    }

    #[actix_rt::test]
    async fn of_two_requests_for_the_last_room_one_is_refused_at_once() {
        let told = Arc::new(Notify::new());
        let service = Waiting(Arc::clone(&told)).start();
        // One handle is the method's. The other one is the last.
        let limits = Limits { handles: 2, ..Limits::default() };
        let rooms = Rooms::new(limits.handles, limits.held_bytes);
        let bus = Bus::default().start();
        let mut controller = Controller::new(bus, Vec::new(), &limits, rooms);
        let principal = Principal::anybody();
        let object = Object { interface: &INTERFACE, recipient: service.recipient(), key: 0 };
        let method = Held::Method(object, &INTERFACE.methods[0]);
        let uuid = controller.handles.insert(&principal, method).unwrap().to_string();
        let controller = controller.start();
        let invoke = || Invoke {
            principal: principal.clone(),
            uuid: uuid.clone(),
            envelope: Envelope::default(),
            flight: Flight::default(),
            awaited: Awaited::default(),
        };
        let first = controller.send(invoke());
        // The first call has not been answered, and its answer will need the room.
        let refused = controller.send(invoke()).await.unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::OverQuota);
        told.notify_one();
        let kept = first.await.unwrap().unwrap().unwrap().to_string();
        let release = Release { principal: principal.clone(), uuid: kept };
        controller.send(release).await.unwrap().unwrap();
        told.notify_one();
        assert!(controller.send(invoke()).await.unwrap().unwrap().is_some());
    }
}
