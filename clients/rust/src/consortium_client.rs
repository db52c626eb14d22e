//! One central client of all parties of a joint computation.
//!
//! It asks all nodes at once, waits for all, and accepts a result only if all parties report the
//! same. Each node is handed its own party's data and no other's. A party that fails ends the
//! computation at the others, as in the Python client.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use cloister_api::{Computation, Function, Node, Report};
use cloister_certs::{api_client_config, api_client_config_of};
use futures_util::future::{join, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::ClientConfig;
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::config::{ApiMember, ClientFile};
use crate::error::{Blame, CallError, ClientError};
use crate::node_client::{Connection, Data, NodeClient, Request};

/// The time that a client waits beyond the nodes' deadline, so that the nodes tell the reason.
const BEYOND_DEADLINE: Duration = Duration::from_secs(15);

/// The time for the others to give their own reason when a party has failed, and again when the
/// computation has been ended at their nodes.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// The pause before a node that ran nothing is told again: a call may have been on its way.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// The time in which a node must tell its progress. Slower nodes are passed over.
const GLANCE: Duration = Duration::from_secs(2);

/// A client of all nodes of a consortium.
pub struct Consortium {
    members: Vec<ApiMember>,
    clients: Vec<NodeClient>,
}

/// A computation that all parties are asked for.
#[derive(Clone, Debug)]
pub struct Job {
    /// The function's name.
    pub function: String,
    /// The parameters.
    pub parameters: Map<String, Value>,
    /// The name of the computation; a fresh one if there is none.
    pub session: Option<String>,
    /// Asks for a trace in each report.
    pub trace: bool,
}

/// The progress of a party.
pub enum State<'a> {
    /// It has been asked.
    Asked,
    /// It has a result.
    Done(&'a Report),
    /// It has none.
    Failed(&'a CallError),
}

/// The reason for which a member's node has no link to another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkProblem {
    /// The member whose node tells.
    pub from: String,
    /// The member at the other end.
    pub to: String,
    /// The problem and its remedy.
    pub problem: String,
}

/// The outcome at all parties, in their order.
pub struct Reports {
    parties: Vec<(String, Result<Report, CallError>)>,
}

/// The reason for which there is no joint result: the errors of all parties that failed.
#[derive(Debug)]
pub struct Failed {
    /// The part of the system to blame in the end.
    pub blame: Blame,
    /// The parties that failed, and why.
    pub parties: Vec<(String, CallError)>,
}

impl Job {
    /// Gives the job a fresh name, if it has none. Returns it with its name.
    #[must_use]
    pub fn named(mut self) -> (Self, String) {
        let name = self.session.take().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.session = Some(name.clone());
        (self, name)
    }

    /// Makes a job without parameters, under a fresh name.
    #[must_use]
    pub fn new(function: &str) -> Self {
        Self { function: function.to_owned(), parameters: Map::new(), session: None, trace: false }
    }
}

impl Consortium {
    /// Makes a client of all members.
    ///
    /// # Errors
    /// If a file with a token or an authority cannot be used.
    pub fn new(file: ClientFile) -> Result<Self, ClientError> {
        let deadline = Duration::from_secs(u64::from(file.deadline_seconds));
        let mut clients = Vec::new();
        for member in &file.member {
            clients.push(NodeClient::new(&connection(member)?, deadline + BEYOND_DEADLINE));
        }
        Ok(Self { clients, members: file.member })
    }

    /// Asks each member's node for the description of its dataset of this name.
    ///
    /// # Errors
    /// If one has none for this client, or does not answer.
    pub async fn describe(&self, dataset: &str) -> Result<Vec<(String, Value)>, ClientError> {
        let mut described = Vec::new();
        for member in &self.members {
            let description = self.describe_at(&member.name, dataset).await?;
            described.push((member.name.clone(), description));
        }
        Ok(described)
    }

    /// Asks one member's node for the description of its dataset of this name.
    ///
    /// # Errors
    /// If it has none for this client, or does not answer; or if there is no such member.
    pub async fn describe_at(&self, member: &str, dataset: &str) -> Result<Value, ClientError> {
        let mut nodes = self.members.iter().zip(&self.clients);
        let Some((_, client)) = nodes.find(|(known, _)| known.name == member) else {
            return Err(ClientError::NoSuchMember(member.to_owned()));
        };
        let described = client.describe(dataset).await;
        described.map_err(|error| ClientError::Call { member: member.to_owned(), error })
    }

    /// Asks for the computation under a network's name. Nodes that do not tell are left out.
    pub async fn running(&self, network: &str) -> Vec<(String, Computation)> {
        let asked = self.clients.iter().map(|client| timeout(GLANCE, client.running(network)));
        let told = join_all(asked).await;
        let known = self.members.iter().zip(told).filter_map(|(member, told)| {
            let last = told.ok()?.ok()?.into_iter().next()?;
            Some((member.name.clone(), last))
        });
        known.collect()
    }

    /// Asks the nodes of these members for the problems of their links. Nodes that do not tell are
    /// left out.
    pub async fn link_problems(&self, at: &[&str]) -> Vec<LinkProblem> {
        let nodes = self.each().filter(|(member, _)| at.contains(&member.name.as_str()));
        let asked = nodes.map(|(member, client)| async {
            let told = timeout(GLANCE, client.members()).await.ok()?.ok()?;
            Some((member.name.clone(), told))
        });
        let told = join_all(asked.collect::<Vec<_>>()).await.into_iter().flatten();
        told.flat_map(|(from, members)| {
            members.into_iter().filter_map(move |member| {
                let problem = member.link?.problem?;
                Some(LinkProblem { from: from.clone(), to: member.name, problem })
            })
        })
        .collect()
    }

    /// Has every node end the computations under a network's name. Returns the outcome at each.
    pub async fn cancel(&self, network: &str) -> Vec<(String, Result<(), CallError>)> {
        let asked = self.clients.iter().map(|client| cancel(client, network));
        let members = self.members.iter().map(|member| member.name.clone());
        let ended = join_all(asked).await.into_iter().map(|ended| ended.map(drop));
        members.zip(ended).collect()
    }

    /// Asks each node for facts about itself.
    pub async fn nodes(&self) -> Vec<(String, Result<Node, CallError>)> {
        let asked = self.clients.iter().map(NodeClient::node);
        let members = self.members.iter().map(|member| member.name.clone());
        members.zip(join_all(asked).await).collect()
    }

    /// Lists the functions of the first node that tells its own.
    ///
    /// # Errors
    /// The first node's, if none tells.
    pub async fn functions(&self) -> Result<Vec<Function>, CallError> {
        let mut first = None;
        for client in &self.clients {
            match client.functions().await {
                Ok(functions) => return Ok(functions),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(CallError::NotAwaited))
    }

    /// Iterates over the members, each with the client of its node.
    pub fn each(&self) -> impl Iterator<Item = (&ApiMember, &NodeClient)> {
        self.members.iter().zip(&self.clients)
    }

    /// Returns the members in order.
    #[must_use]
    pub fn members(&self) -> &[ApiMember] {
        &self.members
    }

    /// Has all parties compute `job`, each with its item of `data`. Tells `watch` the progress of
    /// each.
    pub async fn compute(
        &self,
        job: &Job,
        data: Vec<Data>,
        watch: impl Fn(&str, State<'_>),
    ) -> Reports {
        let session = job.session.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let nodes: Vec<String> = self.members.iter().map(|m| m.name.clone()).collect();
        let ended_here = Cell::new(false);
        let asked = FuturesUnordered::new();
        for (myself, (data, (member, client))) in data.into_iter().zip(self.each()).enumerate() {
            let request = Request {
                function: job.function.clone(),
                data,
                parameters: job.parameters.clone(),
                nodes: nodes.clone(),
                session: session.clone(),
                myself,
                trace: job.trace,
            };
            asked.push(ask(client, member, request, &ended_here, &watch));
        }
        let mut answers = Answers::of(asked, nodes.len());
        answers.until_failure().await;
        if answers.has_failure() {
            self.end_the_others(&mut answers, &session, &ended_here).await;
        }
        let told = answers.told.into_iter().map(|told| told.unwrap_or(Err(CallError::NotAwaited)));
        Reports { parties: nodes.into_iter().zip(told).collect() }
    }

    /// Ends a computation of which a party has failed. The others have a moment to give their own
    /// reason; then it is cancelled at each node that may still run it.
    async fn end_the_others<F>(
        &self,
        answers: &mut Answers<F>,
        network: &str,
        ended_here: &Cell<bool>,
    ) where
        F: Future<Output = (usize, Told)>,
    {
        // A party that is late has none.
        let _ = timeout(AFTER_FAILURE, answers.rest()).await;
        let told = self.clients.iter().zip(&answers.told);
        let open = told.filter(|(_, told)| may_run(told.as_ref())).map(|(client, _)| client);
        let ending = join_all(open.map(|client| end(client, network)).collect::<Vec<_>>());
        ended_here.set(true);
        // A node that cannot be told ends it by its deadline.
        let _ = join(timeout(AFTER_FAILURE, ending), timeout(AFTER_FAILURE, answers.rest())).await;
    }
}

/// The answer of one party.
type Told = Result<Report, CallError>;

/// The answers of all parties by position, and the requests that are still open.
struct Answers<F> {
    asked: FuturesUnordered<F>,
    told: Vec<Option<Told>>,
}

impl<F: Future<Output = (usize, Told)>> Answers<F> {
    fn of(asked: FuturesUnordered<F>, parties: usize) -> Self {
        Self { asked, told: vec![None; parties] }
    }

    /// Waits until all parties have answered, or one has failed.
    async fn until_failure(&mut self) {
        while !self.has_failure() && self.next().await {}
    }

    /// Waits until all parties have answered.
    async fn rest(&mut self) {
        while self.next().await {}
    }

    /// Waits for one more answer. Returns `false` if none is open.
    async fn next(&mut self) -> bool {
        let Some((position, told)) = self.asked.next().await else { return false };
        if let Some(place) = self.told.get_mut(position) {
            *place = Some(told);
        }
        true
    }

    fn has_failure(&self) -> bool {
        self.told.iter().flatten().any(Result::is_err)
    }
}

/// Returns whether a node may still compute: it has not answered, or its answer was lost.
fn may_run(told: Option<&Told>) -> bool {
    use CallError::{Timeout, Unreachable};
    matches!(told, None | Some(Err(Unreachable { .. } | Timeout { .. })))
}

/// Ends the computation under a network's name at one node.
async fn end(client: &NodeClient, network: &str) {
    // A node that cannot be told ends it by its deadline.
    if !matches!(cancel(client, network).await, Ok(1..)) {
        sleep(SECOND_LOOK).await;
        let _ = cancel(client, network).await;
    }
}

/// Returns the connection to a member's node.
fn connection(member: &ApiMember) -> Result<Connection, ClientError> {
    Ok(Connection { api: member.api.clone(), tls: tls(member)?, token: token(member)? })
}

/// Returns the TLS settings of a member: its pinned certificate, or the authority of its operator.
fn tls(member: &ApiMember) -> Result<Option<Arc<ClientConfig>>, ClientError> {
    if let Some(fingerprint) = member.fingerprint {
        let name = member.name.clone();
        let fingerprints = [fingerprint].into_iter().chain(member.next_fingerprint).collect();
        let pinned = cloister_certs::Member { name, fingerprints };
        return Ok(Some(Arc::new(api_client_config(&pinned)?)));
    }
    match &member.authority {
        Some(authority) => Ok(Some(Arc::new(api_client_config_of(authority)?))),
        None => Ok(None),
    }
}

/// Returns the token for a member's node. It comes from the file that client.toml names, or from
/// the environment: `CLOISTER_TOKEN_` and the member's name in capitals, or `CLOISTER_TOKEN`.
fn token(member: &ApiMember) -> Result<Option<Zeroizing<String>>, ClientError> {
    let token = match &member.token_file {
        Some(path) => {
            let read = fs::read_to_string(path);
            Some(read.map_err(|error| ClientError::Token { path: path.clone(), error })?)
        }
        None => {
            let own = format!("CLOISTER_TOKEN_{}", member.name.to_uppercase().replace('-', "_"));
            env::var(own).or_else(|_| env::var("CLOISTER_TOKEN")).ok()
        }
    };
    Ok(token.map(|token| Zeroizing::new(token.trim().to_owned())))
}

async fn ask(
    client: &NodeClient,
    member: &ApiMember,
    request: Request,
    ended_here: &Cell<bool>,
    watch: &impl Fn(&str, State<'_>),
) -> (usize, Told) {
    watch(&member.name, State::Asked);
    let myself = request.myself;
    let mut answer = client.compute(request).await;
    if ended_here.get() && answer.as_ref().is_err_and(CallError::is_cancelled) {
        // This client has cancelled it, so that the cause is the failure of another party.
        answer = Err(CallError::NotAwaited);
    }
    match &answer {
        Ok(report) => watch(&member.name, State::Done(report)),
        Err(error) => watch(&member.name, State::Failed(error)),
    }
    (myself, answer)
}

/// Ends all computations under a network's name at one node. Returns their number. The first node
/// that is told tells the others, so a computation that has ended meanwhile is no error.
async fn cancel(client: &NodeClient, network: &str) -> Result<usize, CallError> {
    let running = client.running(network).await?;
    for computation in &running {
        match client.cancel(computation).await {
            Err(error) if !error.has_ended() => return Err(error),
            _ => {}
        }
    }
    Ok(running.len())
}

impl Reports {
    /// Returns the reports by party, if all parties have one.
    ///
    /// # Errors
    /// The parties that have none, each with its error.
    pub fn all(self) -> Result<Vec<(String, Report)>, Failed> {
        let mut reports = Vec::new();
        let mut failed = Vec::new();
        for (party, answer) in self.parties {
            match answer {
                Ok(report) => reports.push((party, report)),
                Err(error) => failed.push((party, error)),
            }
        }
        match failed.iter().map(|(_, error)| error.blame()).max() {
            None => Ok(reports),
            Some(blame) => Err(Failed { blame, parties: failed }),
        }
    }
}

/// Checks that all parties report the same result of the same session.
///
/// # Errors
/// If two differ: then no result can be accepted.
pub fn check_agreement(reports: &[(String, Report)]) -> Result<(), ClientError> {
    for pair in reports.windows(2) {
        if let [(one, a), (other, b)] = pair
            && (a.result != b.result || a.session != b.session || a.inputs != b.inputs)
        {
            return Err(ClientError::Disagreement { one: one.clone(), other: other.clone() });
        }
    }
    Ok(())
}

impl std::error::Error for Failed {}

/// The cause comes first. What several parties say alike stands once.
impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no joint result")?;
        let nearest = self.parties.iter().map(|(_, error)| error.distance()).min();
        for (message, error, parties) in self.by_message() {
            write!(f, "\n  {}: {message}", parties.join(", "))?;
            let is_cause = Some(error.distance()) == nearest;
            if is_cause && !error.hint().is_empty() {
                write!(f, "\n    hint: {}", error.hint())?;
            }
        }
        Ok(())
    }
}

impl Failed {
    /// Groups the parties by their words, those nearest to the cause first.
    fn by_message(&self) -> Vec<(String, &CallError, Vec<&str>)> {
        let mut groups: Vec<(String, &CallError, Vec<&str>)> = Vec::new();
        for (party, error) in &self.parties {
            let message = error.to_string();
            let known = groups
                .iter_mut()
                .find(|(known, other, _)| *known == message && other.hint() == error.hint());
            match known {
                Some((_, _, parties)) => parties.push(party),
                None => groups.push((message, error, vec![party])),
            }
        }
        groups.sort_by_key(|(_, error, _)| error.distance());
        groups
    }
}

#[cfg(test)]
mod tests {
    use cloister_api::{ErrorDocument, ReportCost};
    use serde_json::json;

    use super::*;
    use crate::error::Refusal;

    fn refused(status: u16) -> CallError {
        CallError::Refused(Box::new(Refusal { status, ..Refusal::default() }))
    }

    fn report(result: Value) -> Report {
        Report {
            inputs: 2,
            result,
            security: Value::Null,
            disclosure: Value::Null,
            dropped: None,
            precision: None,
            cost: ReportCost {
                rounds: 2,
                messages_sent: 1,
                bytes_sent: 1,
                bytes_received: 1,
                seconds: 0.1,
                preparation: None,
                more: Map::new(),
            },
            session: "s".to_owned(),
            kept: false,
            trace: None,
        }
    }

    #[test]
    fn the_party_that_refuses_is_the_cause_of_its_peers_failures() {
        let failing = |status| ("x".to_owned(), Err(refused(status)));
        let reports = Reports { parties: vec![failing(502), failing(422), failing(504)] };
        assert_eq!(reports.all().err().unwrap().blame, Blame::Caller);
    }

    #[test]
    fn the_cause_is_said_first_and_the_same_words_once() {
        let told = |code: &str, message: &str, hint: &str| {
            let error = ErrorDocument {
                code: code.to_owned(),
                message: message.to_owned(),
                hint: hint.to_owned(),
                ..ErrorDocument::default()
            };
            CallError::Refused(Box::new(Refusal { status: 409, error }))
        };
        let parties = [
            ("a", told("declined", "c does not take part", "ask c")),
            ("b", CallError::NotAwaited),
            ("c", told("bad_input", "no such function", "see which there are")),
            ("d", told("bad_input", "no such function", "see which there are")),
            ("e", CallError::NotAwaited),
        ];
        let parties = parties.map(|(party, error)| (party.to_owned(), error)).into();
        let text = Failed { blame: Blame::Caller, parties }.to_string();
        assert_eq!(
            text,
            "there is no joint result\n  c, d: no such function (bad_input)\n    \
             hint: see which there are\n  a: c does not take part (declined)\n  b, e: ended, \
             because another party cannot take part"
        );
    }

    #[test]
    fn different_results_are_not_believed() {
        let [same, other] = [1.0, 2.0].map(|sum| json!({"sum": sum}));
        let at = |name: &str, result: &Value| (name.to_owned(), report(result.clone()));
        assert!(check_agreement(&[at("a", &same), at("b", &same)]).is_ok());
        let error = check_agreement(&[at("a", &same), at("b", &same), at("c", &other)]);
        assert_eq!(error.unwrap_err().blame(), Blame::Peer);
    }
}
