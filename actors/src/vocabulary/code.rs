//! Codes of errors: one table of all of them.
//!
//! A code has one text, one HTTP status, and one advice. `clients/ERRORS.md` and the list of codes
//! in the API's description are made from this table. A code that was given out once keeps its
//! text.

use std::fmt;

use serde::{Serialize, Serializer};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// The text that programs read.
    pub text: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The part of a node that the code is about.
    pub group: Group,
    /// The rule for passing the code on when a peer ends a computation with it.
    pub relay: Relay,
    /// The condition under which the code comes.
    pub when: &'static str,
    /// The member that the code names.
    pub party: &'static str,
    /// The remedy, for the page of all codes.
    pub remedy: &'static str,
    /// The hint of an error that has no more precise one.
    pub advice: &'static str,
}

/// The part of a node that an error is about, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The request itself.
    Request,
    /// The caller.
    Access,
    /// Data, and the rules of their owners.
    Data,
    /// Joint computations.
    Computation,
    /// Watching computations, and ending them.
    Watching,
    /// The node.
    Node,
    /// The operator's command.
    Command,
}

/// The rule for passing a peer's code on to the node's own client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// The code says the same to all clients, and is passed on.
    Relayed,
    /// Only the client of the node that raised it gets this code. Others get [`Code::PeerStopped`].
    Own,
}

macro_rules! codes {
    (@advice $remedy:literal $advice:literal) => { $advice };
    (@advice $remedy:literal) => { $remedy };
    ($(
        $code:ident = $text:literal, $status:literal, $group:ident, $relay:ident,
        when $when:literal, party $party:literal, remedy $remedy:literal $(, advice $advice:literal)?;
    )*) => {
        /// Code of an error, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $when] $code,)*
        }

        /// All codes, in the order of the page.
        pub const TABLE: &[Entry] = &[$(Entry {
            code: Code::$code,
            text: $text,
            status: $status,
            group: Group::$group,
            relay: Relay::$relay,
            when: $when,
            party: $party,
            remedy: $remedy,
            advice: codes!(@advice $remedy $($advice)?),
        },)*];
    };
}

impl Code {
    /// Returns the code's row of the table.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        let row = TABLE.iter().find(|entry| entry.code == self);
        row.expect("the macro makes code and row together")
    }

    /// Returns the text that programs read.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.entry().text
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.entry().status
    }

    /// Returns the hint of an error that has no more precise one.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.entry().advice
    }

    /// Returns the code under which a node's own client hears of a peer's code. Peers send text of
    /// any content.
    #[must_use]
    pub fn relayed(text: &str) -> Self {
        let known = TABLE.iter().find(|entry| entry.text == text && entry.relay == Relay::Relayed);
        known.map_or(Self::PeerStopped, |entry| entry.code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

codes! {
// The request.
MalformedRequest = "malformed_request", 400, Request, Own,
    when "the body is not JSON, or no object with `args` and `kwargs`; or it broke off",
    party "none",
    remedy "send what the function's description asks for";
BadArgument = "bad_argument", 400, Request, Own,
    when "an argument is missing, unknown, of the wrong kind or out of its bounds; the \
        message names it",
    party "none",
    remedy "mend this argument";
BadNetwork = "bad_network", 400, Request, Own,
    when "`network` has not the form that it must have, or a name that nodes use by \
        themselves",
    party "none",
    remedy "give `nodes`, `uuid` and `myself` as the hint says; where the name is the \
        reason, another `uuid`",
    advice "give the network another `uuid`";
Stranger = "stranger", 403, Request, Own,
    when "`network` or `committee` names a party that is no member of this node's consortium",
    party "none",
    remedy "use the names or API URLs of the consortium file, as `GET /v1/members` has them";
NoSuchFunction = "no_such_function", 404, Request, Own,
    when "there is no function of this name",
    party "none",
    remedy "take one of those that the hint lists";
NoSuchService = "no_such_service", 404, Request, Own,
    when "no microservice meets the requirements",
    party "none",
    remedy "see `GET /representations`";
NoSuchRepresentation = "no_such_representation", 404, Request, Own,
    when "the handle was released, has expired, or belongs to another client",
    party "none",
    remedy "create it again; handles expire some hours after their last use";
NoSuchAttribute = "no_such_attribute", 404, Request, Own,
    when "the object has no method or attribute of this name",
    party "none",
    remedy "see the microservice's description";
NotCallable = "not_callable", 400, Request, Own,
    when "what the handle stands for is no method",
    party "none",
    remedy "get the method by its name first";
NoSuchPath = "no_such_path", 404, Request, Own,
    when "there is nothing at this path",
    party "none",
    remedy "see the API's description";
MethodNotAllowed = "method_not_allowed", 405, Request, Own,
    when "the path takes other HTTP methods",
    party "none",
    remedy "use those in the hint";
NotFound = "not_found", 404, Request, Own,
    when "a barrier, a broadcast or a stored value of this name is not there",
    party "none",
    remedy "it was never made or was deleted; make it, or look for the right name";
NotYours = "not_yours", 403, Request, Own,
    when "a barrier, a broadcast, a storage or a stored value of this name is another caller's, and only \
        its owner or the operator may delete or replace it",
    party "none",
    remedy "take another name, or have its owner delete it";
NoSuchTask = "no_such_task", 404, Request, Own,
    when "the task has expired, or belongs to another client",
    party "none",
    remedy "create it again";
TaskStarted = "task_started", 409, Request, Own,
    when "a task is under way or has ended, and takes no more inputs; or its id is in use",
    party "none",
    remedy "wait for its result, or create another";
BodyTooLarge = "body_too_large", 413, Request, Own,
    when "the body is longer than `limits.body_bytes`",
    party "none",
    remedy "send less at once, as columns or as Arrow; the operator can raise the limit";
BodyTooSlow = "body_too_slow", 408, Request, Own,
    when "the body did not arrive in time",
    party "none",
    remedy "send it faster, or less at once";
// The caller.
NoToken = "no_token", 401, Access, Own,
    when "the node takes calls with a token only, and there is none",
    party "none",
    remedy "send `Authorization: Bearer TOKEN`, or the token as the password in the URL";
TokenUnknown = "token_unknown", 401, Access, Own,
    when "the token was never given out here, or was taken back. Each wrong attempt waits \
        longer",
    party "none",
    remedy "do not try again with this token; ask the node's operator for another. Each node \
        has its own tokens";
TokenExpired = "token_expired", 401, Access, Own,
    when "the token's time is over",
    party "none",
    remedy "ask the node's operator for a new one";
WrongRole = "wrong_role", 403, Access, Own,
    when "the token's roles do not allow this",
    party "none",
    remedy "use a token with the role that the hint names";
ForeignHost = "foreign_host", 403, Access, Own,
    when "a node without tokens was called by another name than its own",
    party "none",
    remedy "use the API URL of the consortium file, or `localhost`";
ForeignOrigin = "foreign_origin", 403, Access, Own,
    when "a web page of another origin has sent the request",
    party "none",
    remedy "have the operator add the page's origin to `allowed_origins`";
TooManyRequests = "too_many_requests", 429, Access, Own,
    when "this principal calls more often than `access.requests_per_second` allows",
    party "none",
    remedy "wait a second; again later";
// Data, and their owners' rules.
NoDownload = "no_download", 403, Data, Own,
    when "data, or what is not a result, was to be downloaded",
    party "none",
    remedy "download results of joint computations only: nothing else leaves a node";
NoSuchDataset = "no_such_dataset", 404, Data, Own,
    when "there is no dataset of this name, or none for this principal",
    party "none",
    remedy "see which there are: `GET /v1/datasets`, or `list` of the microservice Datasets";
DatasetUnreadable = "dataset_unreadable", 503, Data, Own,
    when "the file or database behind a dataset cannot be read now",
    party "none",
    remedy "again later; the data's owner finds the reason in the node's log";
DatasetUnfit = "dataset_unfit", 422, Data, Own,
    when "a dataset to be registered does not fit its declaration",
    party "none",
    remedy "mend the declaration or the data, and register again";
MissingValues = "missing_values", 422, Data, Own,
    when "values are missing in the selected rows and columns of pushed data. Of a dataset it is \
        `refused_by_disclosure_rules`",
    party "none",
    remedy "set the parameter `missing` to `drop` at all parties";
TooManyRows = "too_many_rows", 422, Data, Own,
    when "the selection has more rows than `limits.rows`",
    party "none",
    remedy "choose fewer rows";
BadInput = "bad_input", 422, Data, Own,
    when "values do not fit the function, its declared range or its categories, or a \
        parameter does not. Nothing was sent to anybody",
    party "none",
    remedy "mend the data or the parameter that the message names",
    advice "mend the data or the parameters and start again at all parties";
RefusedByPolicy = "refused_by_policy", 403, Data, Own,
    when "the policy of the dataset's owner does not allow this function, these members, \
        such a choice of rows, or more refused requests",
    party "member, where the refusal is about one that takes part; else none",
    remedy "ask the data's owner";
ApprovalNeeded = "approval_needed", 403, Data, Own,
    when "the owner has to approve this question: function, parameters, columns and condition; the \
        message has the number of the request",
    party "none",
    remedy "ask the owner to grant the request, then compute the same again";
RefusedByDisclosureRules = "refused_by_disclosure_rules", 403, Data, Relayed,
    when "too few parties or rows, one party with too much of the whole, single rows in the \
        answer, columns made by a client beside a dataset; or a rule of this node about the \
        selected data of its dataset: too few rows, nearly those of an earlier request, values that \
        are missing or do not fit. Which of these it was is not told",
    party "member whose rule it is; none where it is a rule of this node about its dataset",
    remedy "compute over more parties or more rows. Trying variants makes the node refuse \
        more",
    advice "compute over more parties or more rows. A node leaves out its rows where few or none \
        are selected, or where with earlier answers this one would tell of a few rows or too much \
        of a column: choose rows by wider conditions or exactly those of an earlier request, or \
        have the owners approve the study. The joint rules are in the settings and the policy of \
        the node that the message names";
StateOlder = "state_older", 503, Data, Relayed,
    when "another member has seen entries of the node's audit log that are not in it: its state \
        was replaced by an older one. It answers no question about a dataset that has rules",
    party "member whose state it is",
    remedy "ask its operator to find out why, and then to run `cloister memory acknowledge`",
    advice "ask the operator of the node that the message names to find out why its state is \
        older, and then to run `cloister memory acknowledge`";
Overtaken = "overtaken", 409, Data, Relayed,
    when "another question about the same data was agreed on while this one was under way. The \
        members compare each question with the answers before it",
    party "member whose data it is",
    remedy "ask again; ask about the same data one question after the other",
    advice "ask again; ask about the same data one question after the other";
AnswersForgotten = "answers_forgotten", 403, Data, Own,
    when "the node lost its newest state, and with it what it had answered about this dataset. \
        Until its owner opens it again, only questions that the owner approves are answered",
    party "none",
    remedy "ask the owner to approve the questions, or to run `cloister memory open`",
    advice "ask the owner of the dataset to have each question approved, or, where what was \
        answered in the lost time does not matter, to run `cloister memory open DATASET`";
NoTrace = "no_trace", 403, Data, Own,
    when "`trace` was asked for with a dataset: times would tell how many rows there are",
    party "none",
    remedy "leave `trace` out, or use test data";
// Joint computations.
Disagreement = "disagreement", 409, Computation, Relayed,
    when "the parties do not want the same: function, parameters, members, roles, order, or \
        number of the run, or kind of categories or ids; or two computations under one name \
        overlap. The message names the field",
    party "member that differs from this node; none for an overlap",
    remedy "start it alike at all parties. After two runs out of step the next ones meet \
        again",
    advice "start the computation alike at all parties: same function, parameters, nodes in \
        the same order, uuid and number of runs under it, categories and ids of the same kind";
Deadline = "deadline", 504, Computation, Relayed,
    when "a party did not answer within `deadline_seconds`. The message says what was awaited",
    party "first member that gave no answer: those that waited for others are not named. None if \
        others wait for each other, which the message says",
    remedy "see that its node runs and its client has started the same computation; start \
        again",
    advice "see that the named party's node runs and that its client has started the same \
        computation, then start again at all parties";
PeerLost = "peer_lost", 502, Computation, Own,
    when "the link to a member broke during the computation",
    party "member at the other end",
    remedy "see that its node runs and can be reached; start again. `POST /v1/probes` tells \
        what is wrong with a link",
    advice "see that the named party's node runs, then start again at all parties";
PeerStopped = "peer_stopped", 502, Computation, Own,
    when "a member ended the computation for a reason that only its own client hears, or \
        that this version does not know",
    party "member that ended it, or that it was about",
    remedy "ask its client or its operator",
    advice "ask the named party; its node's log has the reason";
Declined = "declined", 409, Computation, Relayed,
    when "a member's own client was told why its node does not take part: policy, approval \
        or data",
    party "member that does not take part",
    remedy "see what that party's client was told",
    advice "ask the named party's client or the owner of its data";
Cancelled = "cancelled", 409, Computation, Relayed,
    when "a client of a member, this one or another, has cancelled it",
    party "member at whose node it was cancelled",
    remedy "start again at all parties, if the result is still wanted",
    advice "start again at all parties if you still want the result";
NoCommittee = "no_committee", 409, Computation, Relayed,
    when "fewer than three of the members' nodes compute on shares",
    party "none",
    remedy "name three in `committee` whose operators allow it, or set `suite` to `pairwise`",
    advice "with the parameter `committee` name three members whose nodes compute on shares: \
        their operators allow it with `serve = true` (for parties) and `help = true` (for \
        members without data) under `[committee]` in node.toml; or let all parties compute \
        by themselves, with the parameter `suite` set to `pairwise`";
HelpRefused = "help_refused", 403, Computation, Relayed,
    when "a member named in `committee` does not compute for others",
    party "member",
    remedy "have its operator set `committee.help`, or name another",
    advice "have the named party's operator set `help = true` under `[committee]` in its \
        node.toml and start the node again, or name another member in the parameter \
        `committee`";
HelpImpossible = "help_impossible", 422, Computation, Relayed,
    when "a helper cannot tell from the proposal how to help",
    party "member that cannot help",
    remedy "name parties of the network only, or bring all nodes to one version",
    advice "let the parameter `committee` name only the network's `nodes`, or use \
        the same version at all nodes";
Undefined = "undefined", 422, Computation, Relayed,
    when "the parties' data together have no such answer: no rows, no variance, a rank that \
        is not there",
    party "none",
    remedy "compute over more data, or other data",
    advice "compute over more data, or other data";
ResultOutOfRange = "result_out_of_range", 422, Computation, Relayed,
    when "the exact result is beyond all double-precision numbers",
    party "none",
    remedy "scale the data",
    advice "scale the data";
ProtocolViolation = "protocol_violation", 502, Computation, Own,
    when "a node broke the protocol, or two tell different stories. Nothing was opened that \
        can be trusted",
    party "member that did it, where that is certain; else none, and the message names those \
        concerned",
    remedy "believe no result; have the operators compare versions and logs before computing \
        with them again",
    advice "trust no node that the message names before it was examined";
TooManyComputations = "too_many_computations", 503, Computation, Relayed,
    when "a node has as many computations under way as it may have",
    party "member whose node it is; none for this node",
    remedy "again later",
    advice "try again later";
NodeStopping = "node_stopping", 503, Computation, Relayed,
    when "a node is stopping, for an update or for good",
    party "member whose node it is; none for this node",
    remedy "again later",
    advice "try again later";
// Watching and steering.
NoSuchComputation = "no_such_computation", 404, Watching, Own,
    when "the node knows no computation of this id, has forgotten it, or it belongs to \
        another client",
    party "none",
    remedy "see `GET /v1/computations`; ids are each node's own, find it at other nodes by \
        its network";
AlreadyEnded = "already_ended", 409, Watching, Own,
    when "what was to be cancelled has ended",
    party "none",
    remedy "nothing: see its state for how it ended";
NoSuchMember = "no_such_member", 404, Watching, Own,
    when "a probe was asked for of a name that no member has, or of the node itself",
    party "none",
    remedy "take a name from `GET /v1/members`";
TooManySubscribers = "too_many_subscribers", 503, Watching, Own,
    when "as many clients listen to `GET /events` as may",
    party "none",
    remedy "close one that is not needed, or ask `GET /v1/computations` from time to time; \
        again later";
NoSuchRequest = "no_such_request", 404, Watching, Own,
    when "there is no request for an approval of this number",
    party "none",
    remedy "see `GET /v1/approvals`";
// The node.
OverQuota = "over_quota", 429, Node, Own,
    when "this principal holds as many handles, uploads, tasks or named values, or as many \
        bytes of them, as it may",
    party "none",
    remedy "release what is no longer needed; uploads and handles also expire";
StateFull = "state_full", 409, Node, Own,
    when "the node keeps as many datasets, uploads, approvals or tokens as it may. It forgets none \
        to make room",
    party "none",
    remedy "do what the hint says: release, remove or decide over what is no longer needed";
Unavailable = "unavailable", 503, Node, Own,
    when "a part of the node does not answer: it is stopping or overloaded",
    party "none",
    remedy "again later";
StateUnavailable = "state_unavailable", 503, Node, Own,
    when "the node cannot read or write its state, such as when its disk is full. Nothing \
        was decided or done",
    party "none",
    remedy "the operator finds the reason in the log; again later";
Internal = "internal", 500, Node, Own,
    when "something in a node failed that should not",
    party "none",
    remedy "give the trace to the operator",
    advice "ask the named party; its node's log has the reason";
NotReloaded = "not_reloaded", 409, Node, Own,
    when "a node was told to read its identity and the members' fingerprints again, and they \
        cannot be used or more has changed",
    party "none",
    remedy "mend the files; for other changes start the node again";
// The operator's command.
NoSuchToken = "no_such_token", 404, Command, Own,
    when "there is no token of this name",
    party "none",
    remedy "see `cloister token list`";
NothingLost = "nothing_lost", 409, Command, Own,
    when "a loss of the state is to be acknowledged, and no member has told of one",
    party "none",
    remedy "nothing; after a backup was put back, say so with `--restored`";
BadFile = "bad_file", 400, Command, Own,
    when "a file named to the command cannot be read or written",
    party "none",
    remedy "name another";
AuditBroken = "audit_broken", 409, Command, Own,
    when "the audit log is not what was written",
    party "none",
    remedy "keep the state as it is, and compare with the other members' logs";}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_text_is_of_one_code_and_is_read_back_where_peers_may_say_it() {
        let texts: BTreeSet<&str> = TABLE.iter().map(|entry| entry.text).collect();
        assert_eq!(texts.len(), TABLE.len());
        for entry in TABLE {
            let relayed = Code::relayed(entry.text);
            match entry.relay {
                Relay::Relayed => assert_eq!(relayed, entry.code),
                Relay::Own => assert_eq!(relayed, Code::PeerStopped),
            }
        }
        assert_eq!(Code::relayed("../../etc"), Code::PeerStopped);
    }

    #[test]
    fn rows_are_whole() {
        for entry in TABLE {
            let cells = [entry.text, entry.when, entry.party, entry.remedy, entry.advice];
            assert!(cells.iter().all(|cell| !cell.is_empty() && !cell.contains('|')), "{entry:?}");
            assert!((400..600).contains(&entry.status), "{entry:?}");
        }
    }
}
