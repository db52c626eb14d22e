//! The reasons why a computation ended without a result, for clients, for peers, and for the log.
//!
//! Every failure names the party concerned and the message awaited, where there is one. None
//! carries a private value, so that each may be told to the peers.

use bytes::Bytes;
use cloister_protocols::disclosure::Refusal;
use cloister_protocols::fault::{Fault, InputError};
use cloister_protocols::machine::{Awaiting, Phase};
use cloister_protocols::party::Party;
use cloister_protocols::session::MemberId;
use serde::{Deserialize, Serialize};

use crate::vocabulary::code::Code;
use crate::vocabulary::consortium::is_name;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::shown::shown_up_to;

/// The longest reason that is taken from a peer, in characters.
const LONGEST_REASON: usize = 500;

/// The reason why a computation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A fault of the protocol, and the members of the computation in its order.
    Protocol(Fault, Vec<String>),
    /// The deadline of the computation passed.
    Deadline {
        /// The parties that gave no answer; none if others wait for each other.
        parties: Vec<String>,
        /// The message awaited, in words.
        awaited: String,
        /// The deadline in milliseconds.
        milliseconds: u64,
        /// Other facts known of the parties.
        detail: Option<String>,
    },
    /// The loss of the link to a party.
    LinkLost {
        /// The party.
        party: String,
        /// The step under way.
        during: String,
        /// The reason of the loss.
        reason: String,
    },
    /// A party's notice that it ended the computation.
    Stopped {
        /// The party.
        party: String,
        /// Its reason.
        notice: Box<StopNotice>,
    },
    /// Two sets of members under the same network name.
    OtherMembers {
        /// The party that names others.
        party: String,
        /// The members that it names.
        theirs: String,
    },
    /// Different numbers of the run under one network name.
    OtherRun {
        /// The party whose number differs.
        party: String,
        /// Our number.
        ours: u64,
        /// Its number.
        theirs: u64,
    },
    /// Two requests under one network name overlap at this node.
    Overlap {
        /// The network name.
        network: String,
    },
    /// A call of this node as helper, which its settings do not allow.
    HelpRefused {
        /// This node's member.
        member: String,
    },
    /// A call of this node as helper, with a proposal that does not tell how to compute.
    HelpImpossible {
        /// This node's member.
        member: String,
        /// The error in the proposal.
        reason: InputError,
    },
    /// A refusal by this node, whose own client asked for the computation: its policy or its data
    /// forbid it. Only its client hears more.
    Declined {
        /// This node's member.
        member: String,
    },
    /// An older state of this node: other members have seen later entries of its log.
    StateOlder {
        /// This node's member.
        member: String,
        /// The members that have seen them, each with its word, as `clinic-b has seen entry 7`.
        witnesses: String,
    },
    /// Another question about this node's data, agreed on while this one was under way.
    Overtaken {
        /// This node's member.
        member: String,
    },
    /// A cancellation by a client of this node.
    Cancelled {
        /// This node's member.
        member: String,
    },
    /// A request under the network name that nodes use by themselves.
    OwnName {
        /// The network name.
        network: String,
    },
    /// A preprocessing session with another member that this node does not take part in.
    NothingAhead {
        /// This node's member.
        member: String,
    },
    /// A fault of this node that broke off the computation.
    Broken,
    /// Too many computations under way at this node.
    Busy {
        /// The most that the node allows.
        limit: usize,
    },
    /// The stop of this node.
    Stopping,
}

/// The notice that a node sends its peers when it ends a computation without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopNotice {
    /// The network name.
    pub network: String,
    /// The number of the run under that name.
    pub run: u64,
    /// The members of the computation.
    pub members: Vec<MemberId>,
    /// The code of the failure.
    pub code: String,
    /// The failure in words.
    pub message: String,
    /// The member that the failure is about, if it is about one.
    pub about: Option<String>,
    /// The number of the sender's next computation under this name.
    pub next_run: u64,
    /// The member that ended the computation first, if the sender only relays its notice.
    pub ended_by: Option<String>,
    /// The members that the sender awaited at the end. Where its time was up, the chain of these
    /// leads to the member at fault.
    pub awaits: Vec<String>,
    /// The sender has ended the computation with its answer, and tells so a member whose time was up.
    pub finished: bool,
}

/// The longest notice in bytes. The notices of honest nodes take far less.
const LONGEST_NOTICE: usize = 64 << 10;

/// The most members that an error or notice names as witnesses of a later state.
const MOST_WITNESSES: usize = 10;

impl StopNotice {
    /// Returns the notice with the members that the sender awaited.
    #[must_use]
    pub fn awaiting(self, awaits: Vec<String>) -> Self {
        Self { awaits, ..self }
    }

    /// Returns the member that ended the computation first: the sender, or the one that it names.
    fn first<'a>(&'a self, sender: &'a str) -> &'a str {
        self.ended_by.as_deref().filter(|name| self.is_of(name)).unwrap_or(sender)
    }

    /// Returns whether a name is that of a member. A peer may write any text in its place.
    fn is_of(&self, name: &str) -> bool {
        is_name(name) && self.members.iter().any(|member| member.name == name)
    }

    /// Returns the answer of a node that has ended this session with its answer, to a member whose time
    /// was up.
    #[must_use]
    pub fn answer_of_finished(self) -> Self {
        Self {
            message: "this party has its answer and waits for none".to_owned(),
            about: None,
            ended_by: None,
            next_run: self.run.saturating_add(1),
            awaits: Vec::new(),
            finished: true,
            ..self
        }
    }

    /// Returns whether the sender's time was up, or it answers one whose time was.
    #[must_use]
    pub fn is_of_deadline(&self) -> bool {
        self.code == Code::Deadline.text()
    }

    /// Encodes the notice for the wire. Returns none if it is too long, as a notice that quotes a
    /// peer's own long words can be. Its receivers then end by their deadlines.
    #[must_use]
    pub fn encoded(&self) -> Option<Bytes> {
        let encoded = cloister_protocols::wire::encode_uncut(self).ok()?;
        (encoded.len() <= LONGEST_NOTICE).then(|| Bytes::from(encoded))
    }

    /// Decodes a notice; returns none for one that is too long, or makes no sense.
    #[must_use]
    pub fn decoded(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LONGEST_NOTICE {
            return None;
        }
        cloister_protocols::wire::decode(bytes).ok()
    }
}

impl Failure {
    /// Returns the failure as the node's own client sees it.
    #[must_use]
    pub fn to_error(&self) -> ApiError {
        let error = ApiError::new(self.code(), self.message());
        match self.party() {
            Some(party) => error.party(party),
            None => error,
        }
    }

    /// Returns the failure as the peers hear of it. The notice names the session by network, run
    /// and members. `next_run` is the number of the run after it.
    #[must_use]
    pub fn to_notice(
        &self,
        network: &str,
        run: u64,
        members: Vec<MemberId>,
        next_run: u64,
    ) -> StopNotice {
        let (message, ended_by) = match self {
            Self::Protocol(Fault::Input(_), _) => {
                ("it refused its own client's input".into(), None)
            }
            // One cause, told once, and not that of each member that relays it.
            Self::Stopped { party, notice } => {
                (shown(&notice.message), Some(notice.first(party).to_owned()))
            }
            other => (shown(&other.message()), None),
        };
        StopNotice {
            network: network.to_owned(),
            run,
            members,
            code: self.code().text().into(),
            message,
            about: self.party(),
            next_run,
            ended_by,
            awaits: Vec::new(),
            finished: false,
        }
    }

    /// Returns the code of the failure.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Protocol(fault, _) => fault_code(fault),
            Self::Deadline { .. } => Code::Deadline,
            Self::LinkLost { .. } => Code::PeerLost,
            Self::Stopped { notice, .. } => Code::relayed(&notice.code),
            Self::OtherMembers { .. } | Self::OtherRun { .. } | Self::Overlap { .. } => {
                Code::Disagreement
            }
            Self::HelpRefused { .. } => Code::HelpRefused,
            Self::HelpImpossible { .. } => Code::HelpImpossible,
            Self::Declined { .. } | Self::NothingAhead { .. } => Code::Declined,
            Self::StateOlder { .. } => Code::StateOlder,
            Self::Overtaken { .. } => Code::Overtaken,
            Self::Cancelled { .. } => Code::Cancelled,
            Self::OwnName { .. } => Code::BadNetwork,
            Self::Broken => Code::Internal,
            Self::Busy { .. } => Code::TooManyComputations,
            Self::Stopping => Code::NodeStopping,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Protocol(fault, members) => fault_message(fault, members),
            Self::Deadline { parties, awaited, milliseconds, detail } => {
                let seconds = format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
                let detail = detail.as_ref().map_or(String::new(), |known| format!(" ({known})"));
                let from = if parties.is_empty() {
                    String::new()
                } else {
                    format!(" from {}", parties.join(", "))
                };
                format!("no answer{from} within {seconds} s: awaited {awaited}{detail}")
            }
            Self::LinkLost { party, during, reason } => {
                format!("the link to {party} was lost while {during} was awaited: {reason}")
            }
            Self::Stopped { party, notice } => {
                let first = notice.first(party);
                format!("{first} has ended the computation: {}", shown(&notice.message))
            }
            Self::OtherMembers { party, theirs } => {
                format!("field `members`: {party} wants to compute with {}", shown(theirs))
            }
            Self::OtherRun { party, ours, theirs } => format!(
                "field `run`: {party} is at computation {theirs} under this network name, this \
                 party at {ours}; the next ones meet again"
            ),
            Self::Overlap { network } => format!(
                "field `network`: two computations under the name `{}` overlap at this node; \
                 both are ended, because the other parties could not tell them apart",
                shown(network)
            ),
            Self::HelpRefused { member } => format!(
                "{member} does not compute on shares for other members: its settings do not allow it"
            ),
            Self::HelpImpossible { member, reason } => {
                format!("{member} cannot help with this computation: {reason}")
            }
            Self::Declined { member } => {
                format!("{member} does not take part: its own client has been told why")
            }
            Self::StateOlder { member, witnesses } => older(member, witnesses),
            Self::Overtaken { member } => format!(
                "another question about the same data of {member} was agreed on while this one was \
                 under way; nothing was opened"
            ),
            Self::Cancelled { member } => format!("it was cancelled at {member}"),
            Self::OwnName { network } => {
                format!("field `network`: `{network}` is a name of what nodes do by themselves")
            }
            Self::NothingAhead { member } => {
                format!("{member} makes nothing ahead with this party now")
            }
            Self::Broken => "the computation broke off by a fault of this node".into(),
            Self::Busy { limit } => format!("{limit} computations are under way already"),
            Self::Stopping => "this node is stopping".into(),
        }
    }

    fn party(&self) -> Option<String> {
        match self {
            Self::Protocol(fault, members) => culprit(fault).map(|party| name(members, party)),
            Self::Deadline { parties, .. } => parties.first().cloned(),
            Self::Stopped { party, notice } => {
                let about = notice.about.as_ref().filter(|name| notice.is_of(name));
                Some(about.map_or_else(|| notice.first(party).to_owned(), Clone::clone))
            }
            Self::LinkLost { party, .. }
            | Self::OtherMembers { party, .. }
            | Self::OtherRun { party, .. } => Some(party.clone()),
            Self::HelpRefused { member }
            | Self::HelpImpossible { member, .. }
            | Self::Declined { member }
            | Self::StateOlder { member, .. }
            | Self::Overtaken { member }
            | Self::Cancelled { member }
            | Self::NothingAhead { member } => Some(member.clone()),
            Self::Overlap { .. }
            | Self::OwnName { .. }
            | Self::Broken
            | Self::Busy { .. }
            | Self::Stopping => None,
        }
    }
}

/// Lists members with the number of the entry that each has seen: the first ten, so that a notice
/// stays short.
#[must_use]
pub fn words_of_witnesses<'a>(seen: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut words: Vec<String> =
        seen.map(|(member, number)| format!("{member} has seen entry {number}")).collect();
    let more = words.len().saturating_sub(MOST_WITNESSES);
    words.truncate(MOST_WITNESSES);
    if more > 0 {
        words.push(format!("{more} more have seen others"));
    }
    format!("{} of its audit log, which is not there", words.join(", "))
}

/// Says that a member's state is older than others have seen.
#[must_use]
pub fn older(member: &str, witnesses: &str) -> String {
    format!("the state of {member} is older than other members have seen: {witnesses}")
}

/// Describes the awaited message in words.
#[must_use]
pub fn describe(awaiting: &Awaiting) -> String {
    match awaiting.phase {
        Phase::Agreeing => "its proposal (agreeing)".into(),
        Phase::Running => format!("its message of round {} ({})", awaiting.round, awaiting.name),
        Phase::Opening => format!("its opening (round {}, {})", awaiting.round, awaiting.name),
    }
}

/// Makes text from a peer or a client fit for messages: of bounded length, and visible.
fn shown(text: &str) -> String {
    shown_up_to(text, LONGEST_REASON)
}

fn fault_code(fault: &Fault) -> Code {
    match fault {
        Fault::Disagreement { .. } => Code::Disagreement,
        Fault::Misbehaviour { .. }
        | Fault::Equivocation { .. }
        | Fault::OtherViews { .. }
        | Fault::Echo { .. }
        | Fault::DifferentSession { .. }
        | Fault::InconsistentShares { .. }
        | Fault::InvalidOpening => Code::ProtocolViolation,
        Fault::Internal(_) => Code::Internal,
        Fault::Input(_) | Fault::TableTooLarge { .. } => Code::BadInput,
        Fault::Refused(_) => Code::RefusedByDisclosureRules,
        Fault::NoCommittee { .. } => Code::NoCommittee,
        Fault::Undefined { .. } | Fault::Imprecise { .. } => Code::Undefined,
        Fault::ResultOutOfRange => Code::ResultOutOfRange,
    }
}

fn fault_message(fault: &Fault, members: &[String]) -> String {
    match fault {
        Fault::Disagreement { party, difference } => {
            let party = name(members, *party);
            format!("{party} and this party disagree: {difference} ({party})")
        }
        Fault::Misbehaviour { party, what } => {
            format!("{} broke the protocol: {what}", name(members, *party))
        }
        Fault::Equivocation { witness, accused } => {
            let (witness, accused) = (name(members, *witness), name(members, *accused));
            format!(
                "{witness} says that {accused} sent it something else than it sent this party: \
                 one of the two is lying"
            )
        }
        Fault::OtherViews { witness } => format!(
            "{} says that a party sent it something else than that party sent this one: one of the \
             two is lying",
            name(members, *witness)
        ),
        Fault::Echo { one, other } => {
            let (one, other) = (name(members, *one), name(members, *other));
            format!("{one} and {other} sent the same nonce or key: one copied the other's")
        }
        Fault::InconsistentShares { one, other } => {
            let (one, other) = (name(members, *one), name(members, *other));
            format!("the shares that {one} and {other} opened do not fit: one of the two is lying")
        }
        Fault::DifferentSession { party } => format!(
            "{} holds another session than this party: it, or a third party that told the two \
             different things, broke the protocol",
            name(members, *party)
        ),
        Fault::Refused(refusal) => refusal.told(|party| name(members, party)),
        other => other.to_string(),
    }
}

fn culprit(fault: &Fault) -> Option<Party> {
    match fault {
        Fault::Disagreement { party, .. } | Fault::Misbehaviour { party, .. } => Some(*party),
        // The member whose rule refused.
        Fault::Refused(
            Refusal::TooFewParties { of, .. }
            | Refusal::ClientColumns { of, .. }
            | Refusal::Unlisted { of }
            | Refusal::SingleRows { of }
            | Refusal::Ranks { of, .. }
            | Refusal::TooFewRows { of, .. }
            | Refusal::Isolates { of, .. }
            | Refusal::SinglesOut { of, .. }
            | Refusal::Dominated { of, .. }
            | Refusal::NotRounded { of, .. }
            | Refusal::NoCommittee { of, .. },
        ) => Some(*of),
        // One of two parties lies, and the other parties cannot tell which: the message names both.
        Fault::Equivocation { .. }
        | Fault::OtherViews { .. }
        | Fault::Echo { .. }
        | Fault::InconsistentShares { .. }
        | Fault::DifferentSession { .. } => None,
        Fault::TableTooLarge { .. }
        | Fault::Input(_)
        | Fault::NoCommittee { .. }
        | Fault::Undefined { .. }
        | Fault::Imprecise { .. }
        | Fault::ResultOutOfRange
        | Fault::InvalidOpening
        | Fault::Internal(_) => None,
    }
}

fn name(members: &[String], party: Party) -> String {
    members.get(party.index()).cloned().unwrap_or_else(|| party.to_string())
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Failure::Protocol(Fault::Input(error), Vec::new()).to_error()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Failure::Protocol(Fault::Refused(refusal), Vec::new()).to_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(failure: &Failure) -> StopNotice {
        let member = |name: &str| MemberId { name: name.into(), fingerprint: [0; 32] };
        let members = ["clinic-a", "clinic-b", "clinic-c"].map(member).into();
        failure.to_notice("n", 0, members, 1)
    }

    fn absent() -> Failure {
        Failure::Deadline {
            parties: vec!["clinic-c".into()],
            awaited: "its proposal (agreeing)".into(),
            milliseconds: 3_000,
            detail: None,
        }
    }

    fn document(failure: &Failure) -> serde_json::Value {
        serde_json::to_value(failure.to_error().document("t".into())).unwrap()
    }

    #[test]
    fn notices_are_short_or_not_sent() {
        let long = StopNotice { network: "n".repeat(LONGEST_NOTICE), ..notice(&absent()) };
        assert_eq!(long.encoded(), None);
        let long = cloister_protocols::wire::encode(&long).unwrap();
        assert_eq!(StopNotice::decoded(&long), None, "nor taken from others");
        assert!(notice(&absent()).encoded().is_some_and(|bytes| bytes.len() < 1_000));
    }

    #[test]
    fn a_deadline_names_who_and_what_was_awaited() {
        let error = document(&absent());
        assert_eq!((&error["code"], &error["party"]), (&"deadline".into(), &"clinic-c".into()));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("clinic-c") && message.contains("proposal"), "{message}");
    }

    #[test]
    fn a_relayed_failure_is_about_whom_it_was_about() {
        let notice = notice(&absent());
        let relayed = |notice| {
            document(&Failure::Stopped { party: "clinic-a".into(), notice: Box::new(notice) })
        };
        assert_eq!(relayed(notice.clone())["party"], "clinic-c");
        let framed = StopNotice { about: Some("unknown".into()), ..notice };
        assert_eq!(relayed(framed)["party"], "clinic-a");
    }

    /// A notice goes from member to member: each may hear of it from another before it hears of the
    /// first.
    #[test]
    fn a_failure_that_is_relayed_again_and_again_has_one_cause_and_one_culprit() {
        let (lost, busy) = (absent(), Failure::Busy { limit: 7 });
        for (failure, culprit, cause) in
            [(lost, "clinic-c", "no answer from clinic-c"), (busy, "clinic-b", "7 computations")]
        {
            let mut told = notice(&failure);
            let mut sender = "clinic-b";
            for relay in ["clinic-a", "clinic-c", "clinic-a", "clinic-c"] {
                let heard =
                    Failure::Stopped { party: sender.into(), notice: Box::new(told.clone()) };
                let error = document(&heard);
                assert_eq!((&error["party"], heard.code()), (&culprit.into(), failure.code()));
                let message = error["message"].as_str().unwrap();
                let begin = format!("clinic-b has ended the computation: {cause}");
                assert!(message.starts_with(&begin), "{message}");
                assert_eq!(message.matches("ended").count(), 1, "{message}");
                (told, sender) = (notice(&heard), relay);
            }
        }
        let framed = StopNotice { ended_by: Some("another".into()), ..notice(&Failure::Stopping) };
        let heard = Failure::Stopped { party: "clinic-a".into(), notice: Box::new(framed) };
        assert_eq!(document(&heard)["party"], "clinic-a");
    }

    #[test]
    fn whoever_cannot_help_is_named_with_what_its_operator_can_do() {
        let refused = Failure::HelpRefused { member: "clinic-c".into() };
        let notice = notice(&refused);
        for party in ["clinic-c", "clinic-b"] {
            let notice = Box::new(notice.clone());
            let error = document(&Failure::Stopped { party: party.into(), notice });
            assert_eq!(
                (&error["code"], &error["party"]),
                (&"help_refused".into(), &"clinic-c".into())
            );
            assert!(error["message"].as_str().unwrap().contains("clinic-c does not compute"));
            assert!(error["hint"].as_str().unwrap().contains("`help = true` under `[committee]`"));
        }
    }

    #[test]
    fn what_peers_say_is_cut_cleaned_and_its_code_is_checked() {
        let mut notice = notice(&absent());
        notice.message = "\u{1b}[2J".repeat(LONGEST_REASON);
        notice.code = "../../etc".into();
        let failure = Failure::Stopped { party: "clinic-a".into(), notice: Box::new(notice) };
        assert_eq!(failure.code(), Code::PeerStopped);
        let message = failure.message();
        assert!(message.len() < 4 * LONGEST_REASON && !message.contains('\u{1b}'));
    }

    #[test]
    fn a_notice_is_short_whatever_a_peer_called_its_members() {
        let theirs = "x".repeat(1 << 20);
        let failure = Failure::OtherMembers { party: "clinic-b".into(), theirs };
        assert!(notice(&failure).message.len() < 2 * LONGEST_REASON);
    }

    #[test]
    fn peers_do_not_hear_what_was_wrong_with_the_input() {
        let failure =
            Failure::Protocol(Fault::Input(InputError::NotFinite { index: 17 }), Vec::new());
        assert!(!notice(&failure).message.contains("17"));
    }
}
