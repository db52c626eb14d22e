//! The node's address book: every microservice is an actor behind a `Recipient`, registered under a
//! description. The bus finds the one that meets a client's requirements, and gives siblings each
//! other's typed addresses. It never sees a value.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use actix::{Actor, Context, Handler, Message, Recipient};
use uuid::Uuid;

use crate::vocabulary::object::Object;

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

/// The command to register a microservice for clients.
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
pub struct Offer<M: Message + Send>
where
    M::Result: Send,
{
    /// The address.
    pub address: &'static str,
    /// The actor.
    pub recipient: Recipient<M>,
}

/// The question for the sibling that takes messages of type `M` at an address.
pub struct Sibling<M> {
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
    /// Asks for the sibling at `address`.
    #[must_use]
    pub fn at(address: &'static str) -> Self {
        Self { address, message: PhantomData }
    }
}

impl Actor for Bus {
    type Context = Context<Self>;
}

impl Handler<Register> for Bus {
    type Result = ();

    fn handle(&mut self, message: Register, _: &mut Self::Context) {
        let Register { description, object } = message;
        self.services.push(Service { uuid: Uuid::new_v4(), description, object });
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
