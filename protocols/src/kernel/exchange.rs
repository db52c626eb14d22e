//! The common state of a [`Channel`](crate::kernel::channel::Channel) and its
//! [`Machine`](crate::kernel::machine::Machine): messages to be sent, messages that have come, and
//! parties awaited.
//!
//! Early messages wait here, bounded. Repeated, missing and reordered ones are faults of their
//! sender. Tags are checked when the protocol takes a message, because a peer may have agreed on
//! the session before this party.
//!
//! While the parties agree, a tag names the session of a message and the place in it, and any party
//! can make one. It does not name the parties. They may list the members in different orders, and
//! are to be told just that. A message that is sent back is known by its nonce. After the agreement
//! each pair's tags are keyed with a key that only the two have. So the first bound message from a
//! party confirms that it holds the same session, keys and link. Every later one confirms that it
//! was made for its place. A tag does not cover the body, which the link protects.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::kernel::agreed::Agreed;
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::flow::{MESSAGES_AHEAD, Window};
use crate::kernel::message::Message;
use crate::kernel::meter::{Meter, Stage};
use crate::kernel::party::{Parties, Party};
use crate::kernel::reveal::Reveal;
use crate::kernel::trace::{Clock, Trace, Tracer};
use crate::kernel::wire::{MAX_PART, PartHeader, SessionId};

/// The bytes of a part that count against the limit whatever it carries, so that empty parts cost
/// too.
const PART_OVERHEAD: usize = 64;

/// The phase of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The exchange of the parties' proposals.
    Agreeing,
    /// The computation on masked or shared values.
    Running,
    /// The opening of the answer.
    Opening,
}

/// The messages that the protocol waits for, and the place of the wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The phase of the computation.
    pub phase: Phase,
    /// The number of rounds begun.
    pub round: usize,
    /// The name of the round, or of the phase before the first.
    pub name: &'static str,
    /// The parties whose messages are missing.
    pub parties: Vec<Party>,
}

/// The reason for which a message always gets a tag.
const HAS_KEY: &str = "each pair of parties has a key of tags";

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The receiver.
    pub to: Party,
    /// Its number among the messages from this party to the receiver.
    pub sequence: u32,
    /// The tag that binds it to its place.
    pub tag: [u8; 16],
    /// Its bytes.
    pub body: Bytes,
}

/// A message or a piece of one, as a transport carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place.
    pub header: PartHeader,
    /// Its bytes.
    pub body: Bytes,
}

pub(crate) struct Exchange {
    parties: Parties,
    link_bindings: Vec<[u8; 32]>,
    tags: Tags,
    /// The bytes that may wait from one party, beside announced and credited messages.
    limit: usize,
    /// The bytes of announced messages.
    announced: usize,
    inboxes: Vec<Inbox>,
    sent: Vec<u32>,
    /// The window of the messages to each party.
    windows: Vec<Window>,
    outbox: VecDeque<Outgoing>,
    awaited: Vec<Party>,
    phase: Phase,
    agreed: Option<Agreed>,
    meter: Meter,
    /// The entries that the function may reveal; none before it is known.
    listed: Option<&'static [Reveal]>,
    /// The entries that were revealed, each once, in the order in which they were first.
    revealed: Vec<Reveal>,
    /// The recorder of times, if a clock was lent.
    tracer: Option<Tracer>,
}

/// The key of the tags of bound messages between this party and each other one.
pub(crate) type TagKeys = BTreeMap<Party, Zeroizing<[u8; 32]>>;

/// The keys of tags.
enum Tags {
    /// Before the parties have agreed: a key that all parties know.
    Agreeing([u8; 32]),
    /// After it: a key for each pair, which only the two know.
    Bound(TagKeys),
}

#[derive(Default)]
struct Inbox {
    /// True once a message bound to this session has come.
    confirmed: bool,
    due: u32,
    due_part: u32,
    unfinished: Vec<Bytes>,
    whole: VecDeque<Whole>,
    buffered: usize,
    window: Window,
}

struct Whole {
    sequence: u32,
    tag: [u8; 16],
    message: Message,
    cost: usize,
}

impl Exchange {
    pub(crate) fn new(
        parties: Parties,
        session: SessionId,
        link_bindings: Vec<[u8; 32]>,
        limit: usize,
    ) -> Self {
        Self {
            parties,
            link_bindings,
            tags: Tags::Agreeing(blake3::derive_key(
                "cloister 1 tag of an agreeing message",
                &session.0,
            )),
            limit,
            announced: 0,
            inboxes: (0..parties.count()).map(|_| Inbox::default()).collect(),
            sent: vec![0; parties.count()],
            windows: vec![Window::default(); parties.count()],
            outbox: VecDeque::new(),
            awaited: Vec::new(),
            phase: Phase::Agreeing,
            agreed: None,
            meter: Meter::new(parties.count()),
            listed: None,
            revealed: Vec::new(),
            tracer: None,
        }
    }

    pub(crate) fn parties(&self) -> Parties {
        self.parties
    }

    /// Lets nothing be revealed from here on but these entries.
    pub(crate) fn list(&mut self, reveals: &'static [Reveal]) {
        self.listed = Some(reveals);
    }

    /// Notes that an entry is revealed, and returns whether it may be.
    pub(crate) fn reveal(&mut self, reveal: Reveal) -> bool {
        if !self.revealed.contains(&reveal) {
            self.revealed.push(reveal);
        }
        reveal.is_implied() || self.listed.is_none_or(|listed| listed.contains(&reveal))
    }

    pub(crate) fn revealed(&self) -> &[Reveal] {
        &self.revealed
    }

    /// Keys each pair's tags with its key from here on.
    pub(crate) fn bind(&mut self, keys: TagKeys) {
        self.tags = Tags::Bound(keys);
    }

    /// Lets messages of these lengths wait here from each party, beside the usual bound. Of several
    /// announcements the largest holds.
    pub(crate) fn make_room(&mut self, lengths: &[usize]) {
        let room = lengths.iter().map(|length| cost(*length)).sum();
        self.announced = self.announced.max(room);
    }

    /// Opens the window of messages from `from`, and returns whether that party is due credit.
    pub(crate) fn open_incoming(&mut self, from: Party, length: usize) -> bool {
        let inbox = self.inboxes.get_mut(from.index());
        inbox.expect("a peer is one of the parties").window.open_for(length)
    }

    /// Opens the window of messages to `to`, and returns whether they wait for its credit.
    pub(crate) fn open_outgoing(&mut self, to: Party, length: usize) -> bool {
        self.windows.get_mut(to.index()).expect("a peer is one of the parties").open_for(length)
    }

    pub(crate) fn link_binding(&self, party: Party) -> [u8; 32] {
        *self.link_bindings.get(party.index()).expect("each party has a link binding")
    }

    pub(crate) fn begin_round(&mut self, name: &'static str, stage: Stage) {
        self.meter.count_round(name, stage);
        if let Some(tracer) = &mut self.tracer {
            tracer.begin_round(name, stage);
        }
    }

    /// Records the times of all events from here on.
    pub(crate) fn lend_clock(&mut self, clock: Clock) {
        self.tracer = Some(Tracer::new(clock, &self.meter));
    }

    pub(crate) fn begin_step(&mut self) {
        if let Some(tracer) = &mut self.tracer {
            tracer.begin_step();
        }
    }

    pub(crate) fn end_step(&mut self) {
        if let Some(tracer) = &mut self.tracer {
            tracer.end_step();
        }
    }

    pub(crate) fn trace(&self) -> Option<Trace> {
        self.tracer.as_ref().map(|tracer| tracer.trace(&self.meter))
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(crate) fn agree(&mut self, agreed: Agreed) {
        self.agreed = Some(agreed);
    }

    pub(crate) fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn send(&mut self, to: Party, body: Bytes) {
        let sequence = self.next_sequence(to);
        let tag = self.tag(self.parties.me(), to, sequence, body.len()).expect(HAS_KEY);
        self.meter.count_sent(to, body.len());
        self.outbox.push_back(Outgoing { to, sequence, tag, body });
    }

    pub(crate) fn retag(&self, message: &mut Outgoing) {
        let Outgoing { to, sequence, ref body, .. } = *message;
        message.tag = self.tag(self.parties.me(), to, sequence, body.len()).expect(HAS_KEY);
    }

    pub(crate) fn drain_outbox(&mut self) -> VecDeque<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn deliver(&mut self, from: Party, part: Part) -> Result<(), Fault> {
        let limit = self.limit.saturating_add(self.announced);
        let Some(inbox) = self.inboxes.get_mut(from.index()) else {
            return Ok(());
        };
        let limit = limit.saturating_add(inbox.credited());
        inbox.accept(part, limit).map_err(|what| Fault::blame(from, what))
    }

    /// Takes the next message from `from`, if it has come; else notes that all of `awaited` are
    /// awaited.
    pub(crate) fn take(
        &mut self,
        awaited: &[Party],
        from: Party,
    ) -> Option<Result<Message, Fault>> {
        let Some(whole) = self.inboxes.get_mut(from.index()).and_then(Inbox::pop) else {
            self.awaited = awaited.to_vec();
            return None;
        };
        self.awaited.clear();
        if let Some(tracer) = &mut self.tracer {
            tracer.wake();
        }
        let due = self.tag(from, self.parties.me(), whole.sequence, whole.message.len());
        if !due.is_some_and(|due| due.ct_eq(&whole.tag).into()) {
            return Some(Err(self.wrong_tag(from)));
        }
        self.confirm(from);
        self.meter.count_received(from, whole.message.len());
        Some(Ok(whole.message))
    }

    /// Returns the fault of a wrong tag. A party that has confirmed its key has this session;
    /// otherwise a third party may be the cause.
    fn wrong_tag(&self, from: Party) -> Fault {
        let confirmed = |inbox: &Inbox| inbox.confirmed;
        match self.tags {
            Tags::Bound(_) if !self.inboxes.get(from.index()).is_some_and(confirmed) => {
                Fault::DifferentSession { party: from }
            }
            _ => Fault::blame(from, Misbehaviour::WrongTag),
        }
    }

    fn confirm(&mut self, from: Party) {
        if let (Tags::Bound(_), Some(inbox)) = (&self.tags, self.inboxes.get_mut(from.index())) {
            inbox.confirmed = true;
        }
    }

    pub(crate) fn awaiting(&self) -> Awaiting {
        let missing = |party: &Party| {
            self.inboxes.get(party.index()).is_some_and(|inbox| inbox.whole.is_empty())
        };
        Awaiting {
            phase: self.phase,
            round: self.meter.rounds(),
            name: self.meter.current(),
            parties: self.awaited.iter().copied().filter(missing).collect(),
        }
    }

    fn next_sequence(&mut self, to: Party) -> u32 {
        let Some(next) = self.sent.get_mut(to.index()) else {
            return 0;
        };
        let sequence = *next;
        *next = next.wrapping_add(1);
        sequence
    }

    /// Returns the tag of a message; none if one of the two is no party of this session.
    fn tag(&self, from: Party, to: Party, sequence: u32, length: usize) -> Option<[u8; 16]> {
        let other = if from == self.parties.me() { to } else { from };
        let mut hasher = match &self.tags {
            Tags::Agreeing(key) => blake3::Hasher::new_keyed(key),
            Tags::Bound(keys) => bound_hasher(keys.get(&other)?, from, to),
        };
        hasher.update(&sequence.to_le_bytes());
        hasher.update(&(length as u64).to_le_bytes());
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        Some(tag)
    }
}

/// Begins the hash of a bound tag. It is keyed for the pair, and begins with the direction, because
/// both directions have the same key.
fn bound_hasher(key: &[u8; 32], from: Party, to: Party) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&from.to_bytes());
    hasher.update(&to.to_bytes());
    hasher
}

/// Returns the part of the limit that a message of so many bytes takes, if its sender cuts it as
/// little as possible.
fn cost(length: usize) -> usize {
    length + PART_OVERHEAD * length.div_ceil(MAX_PART).max(1)
}

impl Inbox {
    /// Returns the bytes of credited messages that may wait here.
    fn credited(&self) -> usize {
        self.window.credited().map_or(0, |length| MESSAGES_AHEAD.saturating_mul(cost(length)))
    }

    fn accept(&mut self, part: Part, limit: usize) -> Result<(), Misbehaviour> {
        let PartHeader { sequence, part: number, last, tag } = part.header;
        if sequence != self.due || number != self.due_part {
            return Err(Misbehaviour::OutOfOrder { expected: self.due, actual: sequence });
        }
        if part.body.len() > MAX_PART || (!last && !part.body.len().is_multiple_of(8)) {
            return Err(Misbehaviour::Malformed);
        }
        let cost = part.body.len() + PART_OVERHEAD;
        if self.buffered + cost > limit {
            return Err(Misbehaviour::TooLong { limit });
        }
        self.buffered += cost;
        self.unfinished.push(part.body);
        self.due_part += 1;
        if last {
            self.finish(tag);
        }
        Ok(())
    }

    fn finish(&mut self, tag: [u8; 16]) {
        let pieces = std::mem::take(&mut self.unfinished);
        let cost = pieces.iter().map(|piece| piece.len() + PART_OVERHEAD).sum();
        let message = Message::new(pieces);
        self.whole.push_back(Whole { sequence: self.due, tag, message, cost });
        self.due = self.due.wrapping_add(1);
        self.due_part = 0;
    }

    fn pop(&mut self) -> Option<Whole> {
        let whole = self.whole.pop_front()?;
        self.buffered -= whole.cost;
        Some(whole)
    }
}

impl Outgoing {
    /// Cuts the message into parts of at most [`MAX_PART`] bytes; an empty message is one part.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        (0..self.count()).map(|index| self.part(index))
    }

    /// Returns the part of this number, from 0; an empty and last part if there are not so many.
    #[must_use]
    pub fn part(&self, index: usize) -> Part {
        let index = index.min(self.count());
        let start = (index * MAX_PART).min(self.body.len());
        let end = (start + MAX_PART).min(self.body.len());
        let header = PartHeader {
            sequence: self.sequence,
            part: u32::try_from(index).unwrap_or(u32::MAX),
            last: index + 1 >= self.count(),
            tag: self.tag,
        };
        Part { header, body: self.body.slice(start..end) }
    }

    fn count(&self) -> usize {
        self.body.len().div_ceil(MAX_PART).max(1)
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
