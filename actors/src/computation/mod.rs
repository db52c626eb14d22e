//! One computation: drives a protocol machine over the links to the other parties, and owns its
//! deadline.
//!
//! Its life carries its data: what is live is used up by the end, which so comes once. A small computation lives with the links on
//! the data plane's thread, a big one on a worker's, so that its arithmetic holds up nobody's
//! frames.

mod live;
mod tracer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Context, Handler, Message, Recipient};
use cloister_protocols::computation::{Outcome, Request};
use cloister_protocols::disclosure::Rules;
use cloister_protocols::machine::{Part, Setting};
use cloister_protocols::pairwise::Stores;
use cloister_protocols::party::Party;
use cloister_protocols::session::{AuditHead, Offer};
use tokio::sync::oneshot;

use self::live::Live;
use crate::links::{CpuTime, SendStop, Transmit};
use crate::progress::Reporter;
use crate::vocabulary::failure::{Failure, StopNotice};
use crate::vocabulary::label::Report;

/// The target of a computation's span and its events, for subscribers that select them.
pub const TARGET: &str = "cloister_actors::computation";

/// Parts of messages that may wait while a long step of the arithmetic runs; what they hold is
/// bounded by the machine.
const MAILBOX: usize = 1_024;

/// Everything that a computation needs, ready to move to its thread.
pub struct Plan {
    /// What the parties have to agree on.
    pub offer: Offer,
    /// What this party brings, checked and encoded.
    pub request: Request,
    /// Who computes, and how they know each other's links.
    pub setting: Setting,
    /// The way to each other party, by party.
    pub routes: Vec<(Party, Route)>,
    /// What this node has made ahead with others.
    pub stores: Stores,
    /// Whether no client asked for it, and nobody but who looks for it is to read of it.
    pub quiet: bool,
    /// The parties' names in the agreed order.
    pub members: Vec<String>,
    /// The name of this node's disclosure profile.
    pub profile: &'static str,
    /// When the request came.
    pub started: Instant,
    /// Where the end goes.
    pub reply: oneshot::Sender<Conclusion>,
    /// Where others can see how far it is.
    pub reporter: Reporter,
    /// How long the data took to be encoded, if the report is to say what took how long.
    pub trace: Option<Duration>,
    /// The right to compute under this network name: dropped at the end, before the client hears.
    pub guard: Box<dyn Send>,
}

/// How a computation has ended.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The result, or why there is none.
    pub result: Result<Arc<Report>, Failure>,
    /// What the parties had agreed on, if they had come so far.
    pub agreement: Option<Agreement>,
}

/// What the parties have agreed on, for the audit log.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The hash of all proposals.
    pub session: String,
    /// The rules that hold.
    pub rules: Rules,
    /// For each rule the member whose rule holds.
    pub decided_by: BTreeMap<&'static str, String>,
    /// Each member's head of its audit chain, ours among them.
    pub heads: Vec<(String, AuditHead)>,
}

/// The way to another party.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its link.
    pub link: Recipient<Transmit>,
    /// The same link, for telling that the session has ended.
    pub stop: Recipient<SendStop>,
    /// Which connection of that link.
    pub epoch: u64,
    /// The time in which the link works.
    pub cpu_time: CpuTime,
}

/// The actor.
pub struct Computation {
    life: Life,
}

/// The life of a computation, with all that it needs while it lasts.
enum Life {
    /// The protocol runs.
    Live(Box<Live>),
    /// Its client and its peers have been told of the end.
    Over,
}

/// Part of a message from a party has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// From whom.
    pub from: Party,
    /// The part.
    pub part: Part,
}

/// A party has ended the session.
#[derive(Debug)]
pub struct PeerStopped {
    /// Which party.
    pub from: Party,
    /// Why.
    pub notice: Box<StopNotice>,
}

/// The computation cannot go on, for a reason from outside.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Abort {
    /// The link to a party is lost.
    LinkLost {
        /// Which party.
        party: Party,
        /// Why.
        reason: String,
    },
    /// A party has ended the session.
    Stopped(PeerStopped),
    /// Its deadline has come.
    TimeIsUp,
    /// Any other reason.
    Because(Failure),
}

impl Computation {
    /// A computation that begins when its actor starts. Make it on the thread that it lives on.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { life: Life::Live(Box::new(Live::new(plan))) }
    }

    /// Lets the protocol go on as far as it can.
    fn advance(&mut self, context: &mut Context<Self>) {
        let Life::Live(live) = &mut self.life else { return };
        if let Some(ended) = live.advance(context) {
            self.end(ended, context);
        }
    }

    /// Ends it once: what is live is used up.
    fn end(&mut self, result: Result<Outcome, Failure>, context: &mut Context<Self>) {
        if let Life::Live(live) = std::mem::replace(&mut self.life, Life::Over) {
            live.end(result);
            context.stop();
        }
    }
}

impl From<Failure> for Conclusion {
    /// The end of what has not come to an agreement.
    fn from(failure: Failure) -> Self {
        Self { result: Err(failure), agreement: None }
    }
}

impl Actor for Computation {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
        if let Life::Live(live) = &mut self.life {
            live.arm(context);
        }
        self.advance(context);
    }

    /// A computation that did not end but was ended, by a panic or with its thread, still tells its
    /// client and its peers.
    fn stopped(&mut self, _: &mut Self::Context) {
        if let Life::Live(live) = std::mem::replace(&mut self.life, Life::Over) {
            live.break_off();
        }
    }
}

impl Handler<Deliver> for Computation {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, context: &mut Self::Context) {
        let Life::Live(live) = &mut self.life else { return };
        match live.deliver(deliver) {
            Ok(()) => self.advance(context),
            Err(failure) => self.end(Err(failure), context),
        }
    }
}

impl Handler<Abort> for Computation {
    type Result = ();

    fn handle(&mut self, abort: Abort, context: &mut Self::Context) {
        let Life::Live(live) = &self.life else { return };
        let failure = live.failure(abort);
        self.end(Err(failure), context);
    }
}
