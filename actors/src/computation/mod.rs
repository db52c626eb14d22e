//! One computation: drives a protocol machine over the links to the other parties, and owns its
//! deadline.
//!
//! Its life carries its data: the end uses up the live state, and so comes once. A small
//! computation lives on the thread of the sessions and links. A big one lives on a worker's thread,
//! so that its arithmetic holds up no other frames.

#[cfg(test)]
mod end_tests;
mod farewell;
#[cfg(test)]
mod hearing_tests;
mod live;
mod parting;
mod tracer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Context, Handler, Message, Recipient};
use cloister_protocols::computation::{Outcome, Request};
use cloister_protocols::disclosure::Rules;
use cloister_protocols::machine::{Part, Setting};
use cloister_protocols::pairwise::CorrelationStore;
use cloister_protocols::party::Party;
use cloister_protocols::session::{AnswerId, AuditHead, Offer};

#[cfg(test)]
pub(crate) use self::end_tests::plan_of_one;
pub use self::farewell::{EarlyEnd, Farewell};
use self::live::Live;
use crate::links::{CpuTime, SendStop, Transmit};
use crate::progress::Reporter;
use crate::vocabulary::failure::{Failure, StopNotice};
use crate::vocabulary::label::Report;
use crate::vocabulary::turns::Turn;

/// The target of a computation's span and its events, for subscribers that select them.
pub const TARGET: &str = "cloister_actors::computation";

/// The parts of messages that may wait while a long step of the arithmetic runs. The machine bounds
/// their bytes.
const MAILBOX: usize = 1_024;

/// The plan of a computation, ready to move to its thread.
pub struct Plan {
    /// The terms that the parties have to agree on.
    pub offer: Offer,
    /// The input and parameters of this party, checked and encoded.
    pub request: Request,
    /// The parties, and the bindings of their links.
    pub setting: Setting,
    /// The route to each other party, by party.
    pub routes: Vec<(Party, Route)>,
    /// The correlations that this node has preprocessed with others.
    pub stores: CorrelationStore,
    /// No client asked for the computation, so its log lines are of the level debug.
    pub quiet: bool,
    /// The parties' names in the agreed order.
    pub members: Vec<String>,
    /// The name of this node's disclosure profile.
    pub profile: &'static str,
    /// The time of the request.
    pub started: Instant,
    /// The duty to tell peers and client of the end.
    pub farewell: Farewell,
    /// The reporter through which clients see the progress.
    pub reporter: Reporter,
    /// The time of encoding the data, if the report is to have a trace.
    pub trace: Option<Duration>,
    /// The knowledge of the members' audit chains, this node's among them.
    pub witness: Box<dyn Witness>,
    /// The turn of its question, if members compare it with others about its source.
    pub turn: Option<Arc<Turn>>,
}

/// The end of a computation.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The result, or the reason why there is none.
    pub result: Result<Arc<Report>, Failure>,
    /// False if it ended before this node had sent anything to other members.
    pub begun: bool,
    /// The agreement of the parties, if they had come so far.
    pub agreement: Option<Agreement>,
}

/// The agreement of the parties, for the audit log.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The hash of all proposals.
    pub session: String,
    /// The name of the answer among the members.
    pub answer: AnswerId,
    /// The rules that hold.
    pub rules: Rules,
    /// The member whose rule holds, for each rule.
    pub decided_by: BTreeMap<&'static str, String>,
    /// The number of members that leave out rows of their dataset.
    pub left_out: u64,
    /// The heads of all members' audit chains, this node's among them.
    pub heads: Vec<(String, AuditHead)>,
    /// True if all members with data have kept the answer of this question, and give it again.
    pub kept: bool,
}

/// The knowledge of the members' audit chains, this node's among them.
pub trait Witness: Send {
    /// Compares what other members have seen of this node's chain with the chain. It comes before
    /// any message that depends on private data leaves. Where the computation must not go on, it
    /// returns the reason. What it finds is on disk when it returns.
    fn hear(&self, told: &[(String, AuditHead)]) -> Option<Failure>;

    /// Remembers the heads of other members' chains. They have heard in the same agreement what was
    /// remembered before.
    fn remember(&self, heads: Vec<(String, AuditHead)>);
}

/// The route to another party.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its link.
    pub link: Recipient<Transmit>,
    /// The same link, for stop notices.
    pub stop: Recipient<SendStop>,
    /// The number of the connection of that link.
    pub epoch: u64,
    /// The CPU time of the link.
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

/// The event that part of a message from a party has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The sender.
    pub from: Party,
    /// The part.
    pub part: Part,
}

/// A party's notice that it has ended the session.
#[derive(Debug)]
pub struct PeerStopped {
    /// The party.
    pub from: Party,
    /// The reason.
    pub notice: Box<StopNotice>,
}

/// A reason from outside for which the computation cannot go on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Abort {
    /// The loss of the link to a party.
    LinkLost {
        /// The party.
        party: Party,
        /// The reason of the loss.
        reason: String,
    },
    /// A party's notice that it has ended the session.
    Stopped(PeerStopped),
    /// The computation's deadline.
    TimeIsUp,
    /// The other parties were heard after the deadline.
    AllHeard,
    /// Any other reason.
    Because(Failure),
}

impl Computation {
    /// Creates a computation that begins when its actor starts. Call it on the thread that the
    /// computation lives on.
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

    /// Ends the computation once, and uses up its live state.
    fn end(&mut self, result: Result<Outcome, Failure>, context: &mut Context<Self>) {
        if let Life::Live(live) = std::mem::replace(&mut self.life, Life::Over) {
            live.end(result);
            context.stop();
        }
    }
}

impl Conclusion {
    /// Returns the end of a computation that other members have heard of, or may have.
    pub(crate) fn of_begun(failure: Failure, agreement: Option<Agreement>) -> Self {
        Self { result: Err(failure), begun: true, agreement }
    }
}

impl From<Failure> for Conclusion {
    /// Returns the end of a computation that no other member has heard of.
    fn from(failure: Failure) -> Self {
        Self { result: Err(failure), begun: false, agreement: None }
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

    /// Tells client and peers of the end of a computation that was ended by a panic or with its
    /// thread.
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
        if live.is_parting() {
            return;
        }
        match live.deliver(deliver) {
            Ok(()) => self.advance(context),
            Err(failure) => self.end(Err(failure), context),
        }
    }
}

impl Handler<Abort> for Computation {
    type Result = ();

    fn handle(&mut self, abort: Abort, context: &mut Self::Context) {
        let Life::Live(live) = &mut self.life else { return };
        let over = match abort {
            Abort::TimeIsUp => live.part(None, context).then_some(Abort::AllHeard),
            Abort::Stopped(stopped) if stopped.notice.is_of_deadline() && live.awaits_others() => {
                live.part(Some(stopped), context).then_some(Abort::AllHeard)
            }
            // Such a party says nothing more.
            Abort::LinkLost { .. } if live.is_parting() => None,
            over => Some(over),
        };
        if let Some(over) = over {
            let failure = live.failure(over);
            self.end(Err(failure), context);
        }
    }
}
