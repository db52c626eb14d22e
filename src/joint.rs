//! One central client for all parties of a joint computation.
//!
//! It asks all nodes at once, waits for all, and believes a result only if all parties report the
//! same. What it hands to a node is that party's data and nobody else's.

use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use cloister_certs::{api_client_config, api_client_config_of};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::client::people::{Computation, Function, NodeFacts};
use crate::client::{CallError, Connection, Data, NodeClient, Report, Request};
use crate::folder::{ApiMember, ClientFile};
use crate::problem::{Fault, Problem};

/// How much longer than the nodes' deadline a client waits, so that they are the ones to tell why.
const BEYOND_DEADLINE: Duration = Duration::from_secs(15);

/// How long the others are awaited when a party cannot take part: there will be no result.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

/// How long a node may take to say how far it is: those that do say are not to be waited for.
const GLANCE: Duration = Duration::from_secs(2);

/// All nodes of a consortium, for one client.
pub struct Consortium {
    members: Vec<ApiMember>,
    clients: Vec<NodeClient>,
}

/// What the parties are to compute.
#[derive(Clone, Debug)]
pub struct Job {
    /// The function's name.
    pub function: String,
    /// The parameters.
    pub parameters: Map<String, Value>,
    /// The name of the computation; a fresh one if there is none.
    pub session: Option<String>,
    /// Whether the reports are to say what took how long.
    pub trace: bool,
}

/// How far a party is.
pub enum State<'a> {
    /// It has been asked.
    Asked,
    /// It has a result.
    Done(&'a Report),
    /// It has none.
    Failed(&'a CallError),
}

/// What all parties came to, in their order.
pub struct Reports {
    parties: Vec<(String, Result<Report, CallError>)>,
}

/// Why there is no joint result: what each party that failed said.
#[derive(Debug)]
pub struct Failed {
    /// Whose fault it is in the end.
    pub fault: Fault,
    /// The parties that failed, and why.
    pub parties: Vec<(String, CallError)>,
}

impl Job {
    /// The same under a name of its own, if it had none; and the name.
    #[must_use]
    pub fn named(mut self) -> (Self, String) {
        let name = self.session.take().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.session = Some(name.clone());
        (self, name)
    }

    /// A job without parameters, under a fresh name.
    #[must_use]
    pub fn new(function: &str) -> Self {
        Self { function: function.to_owned(), parameters: Map::new(), session: None, trace: false }
    }
}

impl Consortium {
    /// Clients of all members.
    ///
    /// # Errors
    /// If a file with a token or an authority cannot be used.
    pub fn new(file: ClientFile) -> Result<Self, Problem> {
        let deadline = Duration::from_secs(u64::from(file.deadline_seconds));
        let client = |member: &ApiMember| {
            Ok(NodeClient::new(&connection(member)?, deadline + BEYOND_DEADLINE))
        };
        let clients = file.member.iter().map(client).collect::<Result<_, Problem>>()?;
        Ok(Self { clients, members: file.member })
    }

    /// What each member's node says of its dataset of this name.
    ///
    /// # Errors
    /// If one has none for this client, or does not answer.
    pub async fn describe(&self, dataset: &str) -> Result<Vec<(String, Value)>, Problem> {
        let mut described = Vec::new();
        for member in &self.members {
            let description = self.describe_at(&member.name, dataset).await?;
            described.push((member.name.clone(), description));
        }
        Ok(described)
    }

    /// What one member's node says of its dataset of this name.
    ///
    /// # Errors
    /// If it has none for this client, or does not answer; or if there is no such member.
    pub async fn describe_at(&self, member: &str, dataset: &str) -> Result<Value, Problem> {
        let mut nodes = self.members.iter().zip(&self.clients);
        let Some((_, client)) = nodes.find(|(known, _)| known.name == member) else {
            return Err(Problem::usage(format!("there is no member `{member}`")));
        };
        let described = client.describe(dataset).await;
        described.map_err(|error| Problem::new(error.fault(), format!("{member}: {error}")))
    }

    /// What goes on under a network's name at each node that tells; nothing of the others.
    pub async fn running(&self, network: &str) -> Vec<(String, Computation)> {
        let asked = self.clients.iter().map(|client| timeout(GLANCE, client.running(network)));
        let told = join_all(asked).await;
        let known = self.members.iter().zip(told).filter_map(|(member, told)| {
            let last = told.ok()?.ok()?.into_iter().next()?;
            Some((member.name.clone(), last))
        });
        known.collect()
    }

    /// Has every node end what goes on under a network's name, and says what came of it.
    pub async fn cancel(&self, network: &str) -> Vec<(String, Result<(), CallError>)> {
        let asked = self.clients.iter().map(|client| cancel(client, network));
        let members = self.members.iter().map(|member| member.name.clone());
        members.zip(join_all(asked).await).collect()
    }

    /// What each node says of itself.
    pub async fn nodes(&self) -> Vec<(String, Result<NodeFacts, CallError>)> {
        let asked = self.clients.iter().map(NodeClient::node);
        let members = self.members.iter().map(|member| member.name.clone());
        members.zip(join_all(asked).await).collect()
    }

    /// The functions of the first node that tells of its own.
    ///
    /// # Errors
    /// If none does: what the first said.
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

    /// Each member, and the client of its node.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&ApiMember, &NodeClient)> {
        self.members.iter().zip(&self.clients)
    }

    /// The members in order.
    #[must_use]
    pub fn members(&self) -> &[ApiMember] {
        &self.members
    }

    /// Has all parties compute `job`, each with its item of `data`. `watch` hears of each party.
    pub async fn compute(
        &self,
        job: &Job,
        data: Vec<Data>,
        watch: impl Fn(&str, State<'_>),
    ) -> Reports {
        let session = job.session.clone();
        let session = session.unwrap_or_else(|| Uuid::new_v4().to_string());
        let nodes: Vec<String> = self.members.iter().map(|m| m.name.clone()).collect();
        let asked = data.into_iter().zip(&self.members).zip(&self.clients);
        let asked = asked.enumerate().map(|(myself, ((data, member), client))| {
            let request = Request {
                function: job.function.clone(),
                data,
                parameters: job.parameters.clone(),
                nodes: nodes.clone(),
                session: session.clone(),
                myself,
                trace: job.trace,
            };
            ask(client, member, request, &watch)
        });
        let answers = gather(asked.collect(), nodes.len()).await;
        Reports { parties: nodes.into_iter().zip(answers).collect() }
    }
}

/// How a client reaches a member's node. Its token comes from the file that client.toml names, or from
/// the environment: `CLOISTER_TOKEN_` and the member's name in capitals, or `CLOISTER_TOKEN`.
fn connection(member: &ApiMember) -> Result<Connection, Problem> {
    let tls = match (&member.fingerprint, &member.authority) {
        (Some(fingerprint), _) => {
            let name = member.name.clone();
            let fingerprints = [*fingerprint].into_iter().chain(member.next_fingerprint).collect();
            let pinned = cloister_certs::Member { name, fingerprints };
            Some(Arc::new(api_client_config(&pinned).map_err(Problem::ours)?))
        }
        (None, Some(authority)) => {
            Some(Arc::new(api_client_config_of(authority).map_err(Problem::usage)?))
        }
        (None, None) => None,
    };
    let own = format!("CLOISTER_TOKEN_{}", member.name.to_uppercase().replace('-', "_"));
    let from_environment = || env::var(own).or_else(|_| env::var("CLOISTER_TOKEN")).ok();
    let token = match &member.token_file {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| {
            Problem::usage(format!("cannot read the token in {}: {error}", path.display()))
        })?),
        None => from_environment(),
    };
    let token = token.map(|token| Zeroizing::new(token.trim().to_owned()));
    Ok(Connection { api: member.api.clone(), tls, token })
}

async fn ask(
    client: &NodeClient,
    member: &ApiMember,
    request: Request,
    watch: &impl Fn(&str, State<'_>),
) -> (usize, Result<Report, CallError>) {
    watch(&member.name, State::Asked);
    let answer = client.compute(&request).await;
    match &answer {
        Ok(report) => watch(&member.name, State::Done(report)),
        Err(error) => watch(&member.name, State::Failed(error)),
    }
    (request.myself, answer)
}

/// Ends all that goes on under a network's name at one node. The first that is told tells the others, so
/// what has ended meanwhile is what was wanted.
async fn cancel(client: &NodeClient, network: &str) -> Result<(), CallError> {
    for computation in client.running(network).await? {
        match client.cancel(&computation).await {
            Err(error) if !error.has_ended() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// All answers by position. Where a party cannot take part the others wait in vain until their
/// deadline, so we do not.
async fn gather<F>(mut asked: FuturesUnordered<F>, parties: usize) -> Vec<Result<Report, CallError>>
where
    F: Future<Output = (usize, Result<Report, CallError>)>,
{
    let mut answers = vec![Err(CallError::NotAwaited); parties];
    let mut in_vain = false;
    loop {
        let next = match in_vain {
            true => timeout(AFTER_REFUSAL, asked.next()).await.unwrap_or(None),
            false => asked.next().await,
        };
        let Some((position, answer)) = next else {
            return answers;
        };
        in_vain |= answer.as_ref().is_err_and(|error| error.fault() != Fault::Peer);
        if let Some(place) = answers.get_mut(position) {
            *place = answer;
        }
    }
}

impl Reports {
    /// The reports by party, if all parties have one.
    ///
    /// # Errors
    /// Who has none, and why.
    pub fn all(self) -> Result<Vec<(String, Report)>, Failed> {
        let mut reports = Vec::new();
        let mut failed = Vec::new();
        for (party, answer) in self.parties {
            match answer {
                Ok(report) => reports.push((party, report)),
                Err(error) => failed.push((party, error)),
            }
        }
        match failed.iter().map(|(_, error)| error.fault()).max() {
            None => Ok(reports),
            Some(fault) => Err(Failed { fault, parties: failed }),
        }
    }
}

/// Checks that all parties report the same result of the same session.
///
/// # Errors
/// If two differ: then none can be believed.
pub fn check_agreement(reports: &[(String, Report)]) -> Result<(), Problem> {
    let differs = |pair: &&[(String, Report)]| match pair {
        [(_, a), (_, b)] => a.result != b.result || a.session != b.session || a.inputs != b.inputs,
        _ => false,
    };
    match reports.windows(2).find(differs) {
        Some([(one, _), (other, _)]) => Err(Problem::peer(format!(
            "{one} and {other} report different results of one computation: believe none of them, \
             and have their operators compare versions and logs"
        ))),
        _ => Ok(()),
    }
}

impl CallError {
    /// Whose fault it is, as the exit codes tell it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let Self::Refused(refusal) = self else {
            return Fault::Peer;
        };
        match refusal.status {
            401 | 403 => Fault::Refused,
            409 | 502 | 504 => Fault::Peer,
            400..500 => Fault::Usage,
            _ => Fault::Ours,
        }
    }

    fn document(&self, party: &str) -> Value {
        match self {
            Self::Refused(refusal) => json!({"at": party, "error": refusal}),
            other => {
                json!({"at": party, "error": {"code": "no_answer", "message": other.to_string()}})
            }
        }
    }

    fn hint(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.hint,
            Self::Unreachable { .. } => {
                "start the party's node, and see that client.toml has its URL"
            }
            Self::Timeout { .. } => "see what the node's log says",
            Self::NotAwaited => "",
            Self::Alien { .. } => "see that client.toml has the URL of the party's node",
        }
    }
}

impl Failed {
    /// For programs.
    #[must_use]
    pub fn document(&self) -> Value {
        let errors = self.parties.iter().map(|(party, error)| error.document(party));
        json!({"exit_code": self.fault.code(), "errors": errors.collect::<Vec<_>>()})
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no joint result")?;
        for (party, error) in &self.parties {
            write!(f, "\n  {party}: {error}")?;
            if !error.hint().is_empty() {
                write!(f, "\n    hint: {}", error.hint())?;
            }
        }
        Ok(())
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        Self::new(failed.fault, &failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Cost, Refusal};

    fn refused(status: u16) -> CallError {
        let (code, message, hint, trace) = Default::default();
        CallError::Refused(Box::new(Refusal { status, code, message, hint, party: None, trace }))
    }

    fn report(result: Value) -> Report {
        let (rounds, messages_sent, bytes_sent, bytes_received) = (2, 1, 1, 1);
        let seconds = 0.1;
        let (preparation, more) = (None, Map::new());
        let cost =
            Cost { rounds, messages_sent, bytes_sent, bytes_received, seconds, preparation, more };
        let trace = None;
        let (security, disclosure, session) = (Value::Null, Value::Null, "s".to_owned());
        let (dropped, precision) = (None, None);
        Report { inputs: 2, result, security, disclosure, dropped, precision, cost, session, trace }
    }

    #[test]
    fn each_status_has_its_exit_code() {
        let code = |status| refused(status).fault().code();
        assert_eq!([400, 404, 422].map(code), [2; 3]);
        assert_eq!(code(403), 3);
        assert_eq!([409, 502, 504].map(code), [4; 3]);
        assert_eq!([500, 503].map(code), [5; 2]);
    }

    #[test]
    fn the_party_that_refuses_is_the_cause_of_its_peers_failures() {
        let failing = |status| ("x".to_owned(), Err(refused(status)));
        let reports = Reports { parties: vec![failing(502), failing(422), failing(504)] };
        assert_eq!(reports.all().err().unwrap().fault, Fault::Usage);
    }

    #[test]
    fn different_results_are_not_believed() {
        let [same, other] = [1.0, 2.0].map(|sum| json!({"sum": sum}));
        let at = |name: &str, result: &Value| (name.to_owned(), report(result.clone()));
        assert!(check_agreement(&[at("a", &same), at("b", &same)]).is_ok());
        let problem = check_agreement(&[at("a", &same), at("b", &same), at("c", &other)]);
        assert_eq!(problem.unwrap_err().fault(), Fault::Peer);
    }
}
