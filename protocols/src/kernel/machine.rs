//! Drives a protocol by hand, without an executor: bytes in, bytes out, a result or a fault at the
//! end.
//!
//! The same protocol code runs here under [`crate::kernel::simulation`] and under the actor that
//! computes with real peers. The future is not `Send`: a computation lives on the thread it was
//! born on.
//!
//! It has no clock. Its driver may lend it one, and gets a trace afterwards. The protocol runs the
//! same with and without.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::kernel::agreed::Agreed;
use crate::kernel::channel::Channel;
use crate::kernel::exchange::Exchange;
pub use crate::kernel::exchange::{Awaiting, Outgoing, Part, Phase};
use crate::kernel::fault::Fault;
use crate::kernel::meter::Meter;
use crate::kernel::party::{Parties, Party};
use crate::kernel::trace::{Clock, Trace};
use crate::kernel::wire::SessionId;

/// The setting of a machine: parties, session and links.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The parties, and this party's place among them.
    pub parties: Parties,
    /// The session's name before anything is agreed.
    pub session: SessionId,
    /// A value for each party by index, bound to the link with it. This party's own is ignored.
    pub link_bindings: Vec<[u8; 32]>,
    /// The most bytes that may wait here from one party, beside the openings that a sum makes room
    /// for.
    pub limit: usize,
}

/// A protocol under way.
pub struct Machine<T> {
    future: Pin<Box<dyn Future<Output = Result<T, Fault>>>>,
    exchange: Rc<RefCell<Exchange>>,
}

/// The state of a machine after a step.
#[derive(Debug)]
pub enum Step<T> {
    /// A wait for messages.
    Waiting(Awaiting),
    /// The end. The machine must not be stepped again.
    Ended(Result<T, Fault>),
}

impl<T> Machine<T> {
    /// Creates a machine that runs `protocol` from its first [`Machine::step`] on.
    pub fn new<P, F>(setting: Setting, protocol: P) -> Self
    where
        P: FnOnce(Channel) -> F,
        F: Future<Output = Result<T, Fault>> + 'static,
    {
        let Setting { parties, session, link_bindings, limit } = setting;
        let exchange = Exchange::new(parties, session, link_bindings, limit);
        let exchange = Rc::new(RefCell::new(exchange));
        let future = Box::pin(protocol(Channel::new(parties, Rc::clone(&exchange))));
        Self { future, exchange }
    }

    /// Runs the protocol until it waits or ends.
    pub fn step(&mut self) -> Step<T> {
        let mut context = Context::from_waker(Waker::noop());
        self.exchange.borrow_mut().begin_step();
        let polled = self.future.as_mut().poll(&mut context);
        self.exchange.borrow_mut().end_step();
        match polled {
            Poll::Pending => Step::Waiting(self.awaiting()),
            Poll::Ready(result) => Step::Ended(result),
        }
    }

    /// Hands in a part of a message that `from` has sent.
    ///
    /// # Errors
    /// If the part is not the next one from `from`, or too much waits already. The computation
    /// cannot go on then.
    pub fn deliver(&mut self, from: Party, part: Part) -> Result<(), Fault> {
        self.exchange.borrow_mut().deliver(from, part)
    }

    /// Returns the messages to be sent, oldest first. Each is given out once.
    pub fn outgoing(&mut self) -> VecDeque<Outgoing> {
        self.exchange.borrow_mut().drain_outbox()
    }

    /// Gives `message`, which the simulation has changed, the tag that a cheating party would give
    /// it. Such a party knows all that honest tags are made from.
    pub(crate) fn retag(&self, message: &mut Outgoing) {
        self.exchange.borrow().retag(message);
    }

    /// Returns the parties, and this party's place among them.
    #[must_use]
    pub fn parties(&self) -> Parties {
        self.exchange.borrow().parties()
    }

    /// Returns the messages that the protocol waits for.
    #[must_use]
    pub fn awaiting(&self) -> Awaiting {
        self.exchange.borrow().awaiting()
    }

    /// Returns the agreement of the members, once all proposals fit each other; also after any end.
    #[must_use]
    pub fn agreed(&self) -> Option<Agreed> {
        self.exchange.borrow().agreed().cloned()
    }

    /// Lends the machine a clock. From here on it records the times in which it computes and waits.
    /// The protocol cannot read the clock.
    pub fn lend_clock(&self, clock: Clock) {
        self.exchange.borrow_mut().lend_clock(clock);
    }

    /// Returns the trace, if a clock was lent.
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        self.exchange.borrow().trace()
    }

    /// Returns the cost of the run so far.
    #[must_use]
    pub fn meter(&self) -> Ref<'_, Meter> {
        Ref::map(self.exchange.borrow(), Exchange::meter)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::kernel::exchange::TagKeys;
    use crate::kernel::fault::Misbehaviour;

    fn machine<F>(parties: usize, me: usize, protocol: impl FnOnce(Channel) -> F) -> Machine<usize>
    where
        F: Future<Output = Result<usize, Fault>> + 'static,
    {
        Machine::new(setting(parties, me), protocol)
    }

    fn setting(parties: usize, me: usize) -> Setting {
        Setting {
            parties: Parties::new(parties, me).unwrap(),
            session: SessionId([1; 16]),
            link_bindings: vec![[0; 32]; parties],
            limit: 1 << 22,
        }
    }

    /// Returns the messages that a machine has sent since the last call, as parts.
    fn parts_of(machine: &mut Machine<usize>) -> Vec<Part> {
        let outgoing = machine.outgoing();
        outgoing.iter().flat_map(|message| message.parts().collect::<Vec<_>>()).collect()
    }

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    fn waits_for(machine: &mut Machine<usize>) -> Awaiting {
        match machine.step() {
            Step::Waiting(awaiting) => awaiting,
            Step::Ended(result) => panic!("ended with {result:?}"),
        }
    }

    /// Returns the messages from `from` to `to`, as parts.
    fn sent(from: usize, to: usize, parties: usize, messages: Vec<Vec<u8>>) -> Vec<Part> {
        let mut sender = machine(parties, from, async move |channel: Channel| {
            messages.into_iter().for_each(|message| channel.send(party(to), message));
            Ok(0)
        });
        sender.step();
        parts_of(&mut sender)
    }

    fn deliver(machine: &mut Machine<usize>, from: usize, parts: Vec<Part>) {
        parts.into_iter().for_each(|part| machine.deliver(party(from), part).unwrap());
    }

    async fn gather(channel: Channel) -> Result<usize, Fault> {
        channel.begin_round("first");
        let messages = channel.gather().await?;
        channel.begin_round("second");
        Ok(messages.iter().map(|(_, message)| message.len()).sum())
    }

    #[test]
    fn only_those_are_awaited_that_have_sent_nothing() {
        let mut machine = machine(4, 0, gather);
        assert_eq!(waits_for(&mut machine).parties, [party(1), party(2), party(3)]);
        deliver(&mut machine, 1, sent(1, 0, 4, vec![vec![1]]));
        let awaiting = waits_for(&mut machine);
        assert_eq!(awaiting.parties, [party(2), party(3)]);
        assert_eq!((awaiting.round, awaiting.name), (1, "first"));
        deliver(&mut machine, 3, sent(3, 0, 4, vec![vec![1, 2]]));
        assert_eq!(waits_for(&mut machine).parties, [party(2)]);
        deliver(&mut machine, 2, sent(2, 0, 4, vec![vec![1, 2, 3]]));
        assert!(matches!(machine.step(), Step::Ended(Ok(6))));
        assert_eq!(machine.meter().round_names(), ["first", "second"]);
        assert_eq!(machine.meter().total().bytes_received, 6);
    }

    /// Returns the fault of party 0, which runs `protocol` and gets `parts` from party 1.
    fn fault_of<F>(protocol: impl FnOnce(Channel) -> F, parts: Vec<Part>) -> Fault
    where
        F: Future<Output = Result<usize, Fault>> + 'static,
    {
        let mut machine = machine(3, 0, protocol);
        deliver(&mut machine, 1, parts);
        match machine.step() {
            Step::Ended(Err(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_for_another_session_or_place_is_refused() {
        let wrong_tag = Fault::blame(party(1), Misbehaviour::WrongTag);
        let mut changed = sent(1, 0, 3, vec![vec![1]]);
        changed[0].header.tag[0] ^= 1;
        let mut renumbered = sent(1, 0, 3, vec![vec![1], vec![2]]).split_off(1);
        renumbered[0].header.sequence = 0;
        let mut longer = sent(1, 0, 3, vec![vec![1]]);
        longer[0].body = vec![1, 2].into();
        let elsewhere = Setting { session: SessionId([2; 16]), ..setting(3, 1) };
        let mut sender = Machine::new(elsewhere, async |channel: Channel| {
            channel.send(party(0), vec![1]);
            Ok(0)
        });
        let _: Step<usize> = sender.step();
        for parts in [changed, renumbered, longer, parts_of(&mut sender)] {
            assert_eq!(fault_of(gather, parts), wrong_tag);
        }
    }

    /// Returns the same key for all parties, as no session has.
    fn keys(byte: u8) -> TagKeys {
        (0..3).map(|index| (party(index), Zeroizing::new([byte; 32]))).collect()
    }

    /// Returns the messages from party 1 to `to` under the keys `byte`.
    fn bound(to: usize, byte: u8) -> Vec<Part> {
        let mut sender = machine(3, 1, async move |channel: Channel| {
            channel.bind(keys(byte));
            channel.send(party(to), vec![1]);
            channel.send(party(to), vec![2, 3]);
            Ok(0)
        });
        sender.step();
        parts_of(&mut sender)
    }

    async fn receive_two_bound(channel: Channel) -> Result<usize, Fault> {
        channel.bind(keys(3));
        let first = channel.receive(party(1)).await?.len();
        Ok(first + channel.receive(party(1)).await?.len())
    }

    #[test]
    fn the_first_bound_message_confirms_the_key_and_the_direction() {
        let mut honest = machine(3, 0, receive_two_bound);
        deliver(&mut honest, 1, bound(0, 3));
        assert!(matches!(honest.step(), Step::Ended(Ok(3))));
        let other = Fault::DifferentSession { party: party(1) };
        assert_eq!(fault_of(receive_two_bound, bound(0, 4)), other);
        assert_eq!(fault_of(receive_two_bound, bound(2, 3)), other);
        let unbound = sent(1, 0, 3, vec![vec![1]]);
        assert_eq!(fault_of(receive_two_bound, unbound), other);
        // Party 0's own message, sent back.
        let mut echo = machine(3, 0, async |channel: Channel| {
            channel.bind(keys(3));
            channel.send(party(1), vec![1]);
            Ok(0)
        });
        echo.step();
        assert_eq!(fault_of(receive_two_bound, parts_of(&mut echo)), other);
    }

    #[test]
    fn whoever_has_our_key_and_tags_wrongly_is_to_blame() {
        let mut parts = bound(0, 3);
        parts[1].header.tag[15] ^= 1;
        let blamed = Fault::blame(party(1), Misbehaviour::WrongTag);
        assert_eq!(fault_of(receive_two_bound, parts), blamed);
    }

    #[test]
    fn messages_before_and_after_binding_do_not_mix() {
        async fn bind_later(channel: Channel) -> Result<usize, Fault> {
            let first = channel.receive(party(1)).await?.len();
            channel.bind(keys(3));
            Ok(first + channel.receive(party(1)).await?.len())
        }
        let unbound = sent(1, 0, 3, vec![vec![1], vec![2]]);
        let other = Fault::DifferentSession { party: party(1) };
        assert_eq!(fault_of(bind_later, unbound), other);
        let blamed = Fault::blame(party(1), Misbehaviour::WrongTag);
        assert_eq!(fault_of(bind_later, bound(0, 3)), blamed);
        // A peer that agreed sooner may have bound its message before this party has.
        let mut sender = machine(3, 1, async |channel: Channel| {
            channel.send(party(0), vec![1]);
            channel.bind(keys(3));
            channel.send(party(0), vec![2]);
            Ok(0)
        });
        sender.step();
        let mut receiver = machine(3, 0, bind_later);
        deliver(&mut receiver, 1, parts_of(&mut sender));
        assert!(matches!(receiver.step(), Step::Ended(Ok(2))));
    }

    #[test]
    fn announced_messages_have_room_from_then_on_and_others_have_none() {
        const LARGE: usize = 5 << 20;
        let large = || sent(1, 0, 3, vec![vec![0; LARGE]]);
        async fn announce(channel: Channel) -> Result<usize, Fault> {
            channel.make_room(&[LARGE]);
            Ok(channel.receive(party(1)).await?.len())
        }
        let take = |machine: &mut Machine<usize>| {
            let mut deliver = |part| machine.deliver(party(1), part).is_ok();
            large().into_iter().take_while(|part| deliver(part.clone())).count()
        };
        let mut waiting = machine(3, 0, gather);
        waiting.step();
        assert_eq!(take(&mut waiting), 4, "a limit of 4 MiB");
        let mut announced = machine(3, 0, announce);
        announced.step();
        assert_eq!(take(&mut announced), large().len());
        assert!(matches!(announced.step(), Step::Ended(Ok(LARGE))));
    }

    #[test]
    fn long_messages_arrive_whole_in_whole_words() {
        let long: Vec<u8> = (0..3_000_001_u32).map(|i| i.to_le_bytes()[0]).collect();
        let parts = sent(1, 0, 2, vec![long.clone(), vec![]]);
        assert_eq!(
            parts.iter().map(|part| part.header.last).collect::<Vec<_>>(),
            [false, false, true, true]
        );
        let expected = long.clone();
        let mut machine = machine(2, 0, async move |channel: Channel| {
            let message = channel.receive(party(1)).await?;
            let pieces: Vec<usize> = message.pieces().map(<[u8]>::len).collect();
            assert_eq!((pieces.len(), pieces[0] % 8, pieces[1] % 8), (3, 0, 0));
            assert_eq!(message.into_bytes(), expected);
            Ok(channel.receive_exactly(party(1), 0).await?.len())
        });
        deliver(&mut machine, 1, parts);
        assert!(matches!(machine.step(), Step::Ended(Ok(0))));
    }

    #[test]
    fn a_message_of_another_length_names_both_lengths() {
        let mut machine = machine(2, 0, async |channel: Channel| {
            Ok(channel.receive_exactly(party(1), 8).await?.len())
        });
        deliver(&mut machine, 1, sent(1, 0, 2, vec![vec![0; 7]]));
        let what = Misbehaviour::WrongLength { expected: 8, actual: 7 };
        let Step::Ended(Err(fault)) = machine.step() else { panic!() };
        assert_eq!(fault, Fault::blame(party(1), what));
    }
}
