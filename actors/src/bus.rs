//! The node's address book: every microservice is an actor behind a `Recipient`, registered under a
//! description. The bus finds the one that meets a client's requirements, and gives siblings each
//! other's typed addresses. It never sees a value.
//!
//! Siblings keep no addresses of each other: they look them up in [`Siblings`] when they send. So an
//! actor can be replaced while the node runs. The next message goes to the one offered last.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use uuid::Uuid;

use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Object;

/// The address at which joint computations run.
pub const SESSIONS: &str = "sessions";

/// The address at which the policy decides on requests.
pub const POLICY: &str = "policy";

/// The address of the party's data.
pub const DATASETS: &str = "datasets";

/// The address of the records of computations.
pub const RECORDS: &str = "records";

/// The address at which clients ask for joint computations.
pub const SIMON: &str = "simon";

/// The address of the requests that wait for an owner's approval.
pub const APPROVALS: &str = "approvals";

/// The address of the audit log's microservice.
pub const AUDIT: &str = "audit";

/// The description that a microservice gives of itself, as clients read it.
pub type Description = BTreeMap<&'static str, &'static str>;

/// The address book.
#[derive(Default)]
pub struct Bus {
    services: Vec<Service>,
    siblings: HashMap<(&'static str, TypeId), Box<dyn Any + Send>>,
}

#[derive(Clone)]
struct Service {
    uuid: Uuid,
    description: Description,
    object: Object,
}

/// The siblings of an actor, which it looks up on the bus when it sends them something. A clone is
/// cheap.
#[derive(Clone)]
pub struct Siblings(Addr<Bus>);

/// The command to register a microservice for clients. It takes the place of the one with the same
/// description, and its uuid.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Register {
    /// The description.
    pub description: Description,
    /// The microservice.
    pub object: Object,
}

/// The command to register an actor for its siblings, under an address and the type of message that
/// it takes.
struct Offer<M: Message + Send>
where
    M::Result: Send,
{
    address: &'static str,
    recipient: Recipient<M>,
}

/// The question for the sibling that takes messages of type `M` at an address.
struct Sibling<M> {
    address: &'static str,
    message: PhantomData<fn(M)>,
}

/// The question for the descriptions of all microservices, in the order of registration.
#[derive(Message)]
#[rtype(result = "Vec<Description>")]
pub struct List;

/// The question for the first microservice whose description holds all of these.
#[derive(Message)]
#[rtype(result = "Option<(Uuid, Object)>")]
pub struct Find(pub BTreeMap<String, String>);

impl<M> Sibling<M> {
    fn at(address: &'static str) -> Self {
        Self { address, message: PhantomData }
    }
}

impl Siblings {
    /// Returns the siblings on this bus.
    #[must_use]
    pub fn new(bus: Addr<Bus>) -> Self {
        Self(bus)
    }

    /// Offers an actor to its siblings, in place of the one that takes such messages at this
    /// address.
    ///
    /// # Errors
    /// If the node is stopping.
    pub async fn offer<M>(
        &self,
        address: &'static str,
        recipient: Recipient<M>,
    ) -> Result<(), ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.0
            .send(Offer { address, recipient })
            .await
            .map_err(|_| ApiError::unavailable("the bus"))
    }

    /// Finds the actor that takes such messages at this address now.
    ///
    /// # Errors
    /// If there is none.
    pub async fn find<M>(&self, address: &'static str) -> Result<Recipient<M>, ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let found = self.0.send(Sibling::at(address)).await;
        found.ok().flatten().ok_or_else(|| gone(address))
    }

    /// Sends a message to the actor that takes it at this address now, and returns the answer.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub async fn ask<M>(&self, address: &'static str, message: M) -> Result<M::Result, ApiError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.find::<M>(address).await?.send(message).await.map_err(|_| gone(address))
    }
}

fn gone(address: &'static str) -> ApiError {
    ApiError::unavailable(&format!("the actor `{address}`"))
}

impl Actor for Bus {
    type Context = Context<Self>;
}

impl Handler<Register> for Bus {
    type Result = ();

    fn handle(&mut self, message: Register, _: &mut Self::Context) {
        let Register { description, object } = message;
        match self.services.iter_mut().find(|service| service.description == description) {
            Some(service) => service.object = object,
            None => self.services.push(Service { uuid: Uuid::new_v4(), description, object }),
        }
    }
}

impl Handler<List> for Bus {
    type Result = Vec<Description>;

    fn handle(&mut self, _: List, _: &mut Self::Context) -> Self::Result {
        self.services.iter().map(|service| service.description.clone()).collect()
    }
}

impl Handler<Find> for Bus {
    type Result = Option<(Uuid, Object)>;

    fn handle(&mut self, Find(requirements): Find, _: &mut Self::Context) -> Self::Result {
        let found = self.services.iter().find(|service| service.meets(&requirements))?;
        Some((found.uuid, found.object.clone()))
    }
}

impl Service {
    fn meets(&self, requirements: &BTreeMap<String, String>) -> bool {
        requirements
            .iter()
            .all(|(key, value)| self.description.get(key.as_str()).is_some_and(|own| own == value))
    }
}

impl<M: Message + Send + 'static> Message for Offer<M>
where
    M::Result: Send,
{
    type Result = ();
}

impl<M: Message + Send + 'static> Message for Sibling<M>
where
    M::Result: Send,
{
    type Result = Option<Recipient<M>>;
}

impl<M: Message + Send + 'static> Handler<Offer<M>> for Bus
where
    M::Result: Send,
{
    type Result = ();

    fn handle(&mut self, offer: Offer<M>, _: &mut Self::Context) {
        self.siblings.insert((offer.address, TypeId::of::<M>()), Box::new(offer.recipient));
    }
}

impl<M: Message + Send + 'static> Handler<Sibling<M>> for Bus
where
    M::Result: Send,
{
    type Result = Option<Recipient<M>>;

    fn handle(&mut self, sibling: Sibling<M>, _: &mut Self::Context) -> Self::Result {
        let found = self.siblings.get(&(sibling.address, TypeId::of::<M>()))?;
        found.downcast_ref::<Recipient<M>>().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Message)]
    #[rtype(result = "String")]
    struct Name;

    struct Named(&'static str);

    impl Actor for Named {
        type Context = Context<Self>;
    }

    impl Handler<Name> for Named {
        type Result = String;

        fn handle(&mut self, _: Name, _: &mut Self::Context) -> String {
            self.0.to_owned()
        }
    }

    #[actix_rt::test]
    async fn a_message_goes_to_the_sibling_that_was_offered_last() {
        let siblings = Siblings::new(Bus::default().start());
        assert!(siblings.ask(POLICY, Name).await.is_err());
        for name in ["first", "second"] {
            siblings.offer(POLICY, Named(name).start().recipient::<Name>()).await.unwrap();
            assert_eq!(siblings.ask(POLICY, Name).await.unwrap(), name);
        }
        assert!(siblings.ask(DATASETS, Name).await.is_err());
    }
}
