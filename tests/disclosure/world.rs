//! Three nodes in this program with registered data, and a researcher with a token at each.
//!
//! An attacker sees nothing of a [`World`] but the answers to its questions. The tables are there
//! for the judge, and for attackers that play with one member's own data.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use cloister_actors::node::Node;
use cloister_actors::settings::{AccessMode, DatasetPolicy, Settings};
use cloister_certs::thresholds::{Profiles, Thresholds};
use cloister_protocols::disclosure::Profile;
use cloister_testkit::fresh;
use cloister_testkit::http::{Answer, Api};
use cloister_testkit::nodes::{PATIENCE, Plan, plan};
use cloister_vault::{Role, Vault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::caller::{Caller, outcome};
use super::played::Played;
use super::tables::Table;

pub(super) const PARTIES: usize = 3;

/// The text that stands for the handle of a part's selection.
pub(super) const HANDLE: &str = "the handle";

/// The nodes' data and policies.
#[derive(Default)]
pub(super) struct Setting {
    datasets: Vec<Registered>,
    /// The owners want to approve.
    approval: bool,
    /// The time that a computation may take, in seconds; more than it needs where it is left out.
    deadline_seconds: Option<u32>,
    /// The functions that the owners name; none where they leave it to the profile.
    functions: Option<BTreeSet<String>>,
    /// The consortium file lists the thresholds of the profile, and no others.
    listed: bool,
}

/// One dataset at one party.
struct Registered {
    party: usize,
    name: String,
    table: Table,
    source: Origin,
}

/// The file that a dataset is read from.
enum Origin {
    Csv,
    /// The file of the party's first dataset.
    SameFile,
    /// A table of SQLite with `id` as its key.
    Sqlite,
}

/// A question to all three parties.
pub(super) struct Question {
    pub(super) function: &'static str,
    pub(super) parameters: Value,
    /// The parties in the order in which the function takes them.
    pub(super) order: [usize; PARTIES],
    pub(super) parts: [Part; PARTIES],
}

/// One party's part in a question.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) selection: Option<Value>,
    /// The data argument, in which [`HANDLE`] stands for the selection.
    pub(super) data: Value,
    /// A handle of its own for each place, not the same one.
    pub(super) apart: bool,
}

/// An answer to a question.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) result: Value,
    /// The number of parties whose rows are not in it.
    pub(super) left_out: u64,
}

/// A refusal, by the first party that gave a reason of its own.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

pub(super) struct World {
    profile: Profile,
    setting: Setting,
    callers: Vec<Caller>,
    urls: Vec<String>,
    states: Vec<PathBuf>,
    folder: TempDir,
    asked: AtomicUsize,
    played: Mutex<Played>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

enum Command {
    Stop(usize, oneshot::Sender<()>),
    Start(usize, oneshot::Sender<()>),
    /// Another policy of a node's dataset `trial`, with which it starts again if it can.
    Change(usize, DatasetPolicy, oneshot::Sender<bool>),
    End,
}

impl Setting {
    /// Registers each party's part of a data set as `trial`.
    pub(super) fn of(set: &str) -> Self {
        let parts = ["party1", "party2", "party3"].map(|part| Table::read(set, part));
        Self::of_tables(parts)
    }

    pub(super) fn of_tables(tables: [Table; PARTIES]) -> Self {
        let all = tables.into_iter().enumerate();
        all.fold(Self::default(), |setting, (party, table)| setting.with(party, "trial", table))
    }

    pub(super) fn with(mut self, party: usize, name: &str, table: Table) -> Self {
        let (name, source) = (name.to_owned(), Origin::Csv);
        self.datasets.push(Registered { party, name, table, source });
        self
    }

    /// Registers the file of a party's first dataset once more.
    pub(super) fn with_same_file(mut self, party: usize, name: &str) -> Self {
        let table = self.table(party, "trial").clone();
        let (name, source) = (name.to_owned(), Origin::SameFile);
        self.datasets.push(Registered { party, name, table, source });
        self
    }

    /// Adds a dataset without rows. It lies in a database, because an empty file has no columns.
    pub(super) fn with_empty(mut self, party: usize, columns: &[&str]) -> Self {
        let (name, table) = ("empty".to_owned(), Table::of_numbers(columns, &[]));
        self.datasets.push(Registered { party, name, table, source: Origin::Sqlite });
        self
    }

    /// Has a party's first dataset lie in a database.
    pub(super) fn in_database(mut self, party: usize) -> Self {
        let at = self.datasets.iter().position(|dataset| dataset.party == party).unwrap();
        self.datasets[at].source = Origin::Sqlite;
        self
    }

    pub(super) fn with_deadline(mut self, seconds: u32) -> Self {
        self.deadline_seconds = Some(seconds);
        self
    }

    pub(super) fn with_approval(mut self) -> Self {
        self.approval = true;
        self
    }

    /// Has the owners name the only functions that may be computed. Under `production` they have to,
    /// where a function works row by row.
    pub(super) fn with_functions(mut self, names: &[&str]) -> Self {
        self.functions = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Has the consortium file list the thresholds of `production`, where that is the profile.
    pub(super) fn with_listed_thresholds(mut self) -> Self {
        self.listed = true;
        self
    }

    fn table(&self, party: usize, name: &str) -> &Table {
        let mut all = self.datasets.iter();
        &all.find(|dataset| dataset.party == party && dataset.name == name).unwrap().table
    }

    /// Writes a party's files, and adds its datasets to the node's settings.
    fn register(&self, party: usize, folder: &Path, settings: &mut Settings) {
        settings.data.folders = vec![folder.to_owned()];
        for dataset in self.datasets.iter().filter(|dataset| dataset.party == party) {
            let declaration = dataset.declare(folder);
            settings.datasets.push(serde_json::from_value(declaration).unwrap());
            settings.policy.dataset.insert(dataset.name.clone(), self.policy());
        }
    }

    fn policy(&self) -> DatasetPolicy {
        let functions = self.functions.clone();
        DatasetPolicy { approval: Some(self.approval), functions, ..DatasetPolicy::default() }
    }
}

impl Registered {
    /// Writes the file, and returns the declaration.
    fn declare(&self, folder: &Path) -> Value {
        let path = |name: &str, kind: &str| folder.join(format!("{name}-{}.{kind}", self.party));
        let source = match self.source {
            Origin::Csv => {
                fs::write(path(&self.name, "csv"), self.table.csv()).unwrap();
                json!({"kind": "csv", "path": path(&self.name, "csv")})
            }
            Origin::SameFile => json!({"kind": "csv", "path": path("trial", "csv")}),
            Origin::Sqlite => {
                super::writer::fill(&path(&self.name, "db"), &self.table);
                let table = json!({"table": "rows"});
                json!({"kind": "sqlite", "path": path(&self.name, "db"), "from": table})
            }
        };
        let key = matches!(self.source, Origin::Sqlite).then_some("id");
        json!({"name": self.name, "source": source, "key": key})
    }
}

impl Part {
    /// Selects these columns of a dataset, of all rows.
    pub(super) fn of(dataset: &str, columns: &[&str]) -> Self {
        Self::chosen(dataset, columns, &Value::Null)
    }

    /// Selects these columns of the rows for which the condition holds.
    pub(super) fn chosen(dataset: &str, columns: &[&str], condition: &Value) -> Self {
        let selection = json!({"dataset": dataset, "columns": columns, "where": condition});
        Self { selection: Some(selection), data: json!(HANDLE), apart: false }
    }

    /// Selects these columns of the rows with these ids.
    pub(super) fn with_ids(dataset: &str, columns: &[&str], ids: &[i64]) -> Self {
        Self::chosen(dataset, columns, &one_of("id", ids))
    }

    /// Brings in no rows at all.
    pub(super) fn nothing() -> Self {
        Self { selection: None, data: json!([]), apart: false }
    }

    /// Puts the handle of the selection into an argument, wherever [`HANDLE`] stands.
    pub(super) fn within(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Has a handle of its own at each place.
    pub(super) fn apart(mut self) -> Self {
        self.apart = true;
        self
    }
}

impl Question {
    pub(super) fn new(function: &'static str, parts: [Part; PARTIES]) -> Self {
        Self { function, parameters: json!({}), order: [0, 1, 2], parts }
    }

    pub(super) fn with(mut self, parameters: Value) -> Self {
        self.parameters = parameters;
        self
    }

    pub(super) fn in_order(mut self, order: [usize; PARTIES]) -> Self {
        self.order = order;
        self
    }
}

impl Told {
    /// Returns the result, if all parties' rows are in it.
    fn whole(self) -> Result<Value, Refusal> {
        match self.left_out {
            0 => Ok(self.result),
            _ => Err(Refusal { code: "left_out".into(), message: "a party is left out".into() }),
        }
    }
}

impl Refusal {
    /// Returns whether the owner of data has to decide.
    pub(super) fn wants_approval(&self) -> bool {
        self.code == "approval_needed"
    }
}

impl World {
    pub(super) fn start(profile: Profile, setting: Setting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(PARTIES, setting.deadline_seconds.unwrap_or(PATIENCE));
        if setting.listed && profile == Profile::Production {
            plan.consortium = plan.consortium.with_profiles(listed()).unwrap();
        }
        let (mut tokens, mut states) = (Vec::new(), Vec::new());
        for party in 0..PARTIES {
            plan.set(party, |settings| {
                settings.profile = profile;
                settings.access.mode = AccessMode::Tokens;
                settings.access.requests_per_second = 1_000_000;
                settings.access.burst = 1_000_000;
                setting.register(party, folder.path(), settings);
                tokens.push(make_tokens(&settings.state));
                states.push(settings.state.clone());
            });
        }
        let (commands, received) = mpsc::unbounded_channel();
        let (told, hosts) = std::sync::mpsc::channel();
        let run = move || actix::System::new().block_on(serve(plan, &told, received));
        let thread = Some(thread::spawn(run));
        let hosts: Vec<String> = hosts.recv().unwrap();
        let callers = hosts.iter().zip(&tokens).map(|(host, [researcher, owner])| {
            let api = Api::new(host);
            let (researcher, owner) = (api.with_token(researcher), api.with_token(owner));
            Caller { researcher, owner, methods: Mutex::default() }
        });
        let callers = callers.collect();
        let urls = hosts.iter().map(|host| format!("http://{host}")).collect();
        let (asked, played) = (AtomicUsize::new(0), Mutex::default());
        Self { profile, setting, callers, urls, states, folder, asked, played, commands, thread }
    }

    /// Returns whether the nodes' profile protects the data.
    pub(super) fn protects(&self) -> bool {
        self.profile == Profile::Production
    }

    /// Returns the rows of a party's dataset `trial`.
    pub(super) fn table(&self, party: usize) -> &Table {
        self.setting.table(party, "trial")
    }

    /// Returns whether a condition holds for a row of a party's dataset `trial`.
    pub(super) fn holds(&self, condition: &Value, (party, row): (usize, usize)) -> bool {
        self.table(party).holds(condition, row)
    }

    /// Returns the path of a party's database.
    pub(super) fn database(&self, party: usize) -> PathBuf {
        self.folder.path().join(format!("trial-{party}.db"))
    }

    /// Returns the number of questions so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns what the attacker was told so far.
    pub(super) fn played(&self) -> Played {
        self.played.lock().unwrap().clone()
    }

    /// Asks all three parties. An answer with a party left out is an answer over the others' rows.
    pub(super) fn ask(&self, question: &Question) -> Result<Told, Refusal> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer(question);
        self.played.lock().unwrap().note(question.function, &answer);
        answer
    }

    /// Asks all three parties, and returns a result over all of them. One over fewer is none to an
    /// attacker who counts on the rows of each.
    pub(super) fn ask_whole(&self, question: &Question) -> Result<Value, Refusal> {
        self.ask(question).and_then(Told::whole)
    }

    /// Asks all three parties a question of a study that the owners have approved.
    pub(super) fn ask_approved(&self, question: &Question) -> Result<Told, Refusal> {
        let answer = self.answer(question);
        match &answer {
            Err(refusal) if refusal.wants_approval() => {
                self.approve(1);
                self.answer(question)
            }
            _ => answer,
        }
    }

    fn answer(&self, question: &Question) -> Result<Told, Refusal> {
        let mut data = Vec::new();
        for (party, part) in question.parts.iter().enumerate() {
            data.push(self.callers[party].data(part)?);
        }
        let name = fresh();
        let answers: Vec<Answer> = thread::scope(|scope| {
            let asked: Vec<_> = self
                .callers
                .iter()
                .zip(&data)
                .enumerate()
                .map(|(party, (caller, data))| {
                    let request = self.request(question, party, &data.argument, &name);
                    scope.spawn(move || caller.compute(&request))
                })
                .collect();
            asked.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        self.callers.iter().zip(&data).for_each(|(caller, data)| caller.release(&data.handles));
        outcome(&answers)
    }

    /// Adds a column over the chosen rows of all parties.
    pub(super) fn sum(&self, parts: [Part; PARTIES]) -> Result<f64, Refusal> {
        let result = self.ask_whole(&Question::new("SecureSum", parts))?;
        Ok(result["sum"].as_f64().unwrap())
    }

    /// Adds a column over the chosen rows of the parties that do not leave them out, and returns the
    /// number of those that do.
    pub(super) fn sum_over_others(&self, parts: [Part; PARTIES]) -> Result<(f64, u64), Refusal> {
        let told = self.ask(&Question::new("SecureSum", parts))?;
        Ok((told.result["sum"].as_f64().unwrap(), told.left_out))
    }

    fn request(&self, question: &Question, party: usize, data: &Value, name: &str) -> Value {
        let nodes: Vec<&String> = question.order.iter().map(|party| &self.urls[*party]).collect();
        let myself = question.order.iter().position(|other| *other == party);
        json!({"microprotocol": question.function, "data": data,
            "network": {"nodes": nodes, "uuid": name, "myself": myself},
            "parameters": question.parameters})
    }

    /// Has all owners approve all requests that wait, as often as the attacker likes.
    pub(super) fn approve(&self, times: u32) {
        for caller in &self.callers {
            let listed = caller.owner.send("GET", "/v1/approvals", "").body;
            for approval in listed["approvals"].as_array().unwrap_or(&Vec::new()) {
                if approval["state"] == "asked" {
                    let path = format!("/v1/approvals/{}", approval["id"]);
                    let grant = json!({"decision": "grant", "times": times}).to_string();
                    let granted = caller.owner.send("POST", &path, &grant);
                    assert_eq!(granted.status, 200, "{}", granted.body);
                }
            }
        }
    }

    /// Stops a node, does this with the folder of its state, and starts it again.
    pub(super) fn with_state_of(&self, party: usize, change: impl FnOnce(&Path)) {
        self.command(|done| Command::Stop(party, done));
        change(&self.states[party]);
        self.command(|done| Command::Start(party, done));
        *self.callers[party].methods.lock().unwrap() = None;
    }

    /// Starts a node again with this smallest count in its policy. Returns whether it can start with
    /// it; it goes on as before if not.
    pub(super) fn has_smallest_count(&self, party: usize, min_cell: u64) -> bool {
        let policy = self.setting.policy();
        let policy = DatasetPolicy { min_cell: Some(min_cell), ..policy };
        let has_started = self.command(|done| Command::Change(party, policy, done));
        *self.callers[party].methods.lock().unwrap() = None;
        has_started
    }

    fn command<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (done, finished) = oneshot::channel();
        self.commands.send(command(done)).unwrap();
        finished.blocking_recv().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the condition that a column has one of these numbers.
pub(super) fn one_of(column: &str, numbers: &[i64]) -> Value {
    let equal = |number| json!({"column": column, "op": "=", "value": number});
    json!({"or": numbers.iter().map(equal).collect::<Vec<_>>()})
}

/// Returns the thresholds of `production`, as a profile of the consortium file.
fn listed() -> Profiles {
    let rules = Profile::Production.rules();
    let thresholds = Thresholds {
        min_parties: rules.min_parties,
        min_rows: rules.min_rows,
        min_cell: rules.min_cell,
        max_share: rules.max_share,
        min_own_rows: 3,
    };
    Profiles::from([("usual".to_owned(), thresholds)])
}

/// Makes a token of a researcher and one of an owner in a state that no node has open.
fn make_tokens(state: &Path) -> [String; 2] {
    let vault = Vault::open(state).unwrap();
    let tokens = [("ada", Role::Researcher), ("grace", Role::Owner)].map(|(name, role)| {
        let made = vault.make_token(name, [role].into(), None, 0).wait().unwrap();
        made.as_str().to_owned()
    });
    vault.close();
    tokens
}

/// Runs the nodes, and stops and starts them as commands say.
async fn serve(
    mut plan: Plan,
    told: &std::sync::mpsc::Sender<Vec<String>>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let started = plan.start_all().await;
    let hosts = started.iter().map(|node| node.api_address().to_string()).collect();
    let mut nodes: Vec<Option<Node>> = started.into_iter().map(Some).collect();
    told.send(hosts).unwrap();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Stop(party, done) => {
                nodes[party].take().unwrap().stop().await;
                done.send(()).unwrap();
            }
            Command::Start(party, done) => {
                nodes[party] = Some(plan.start(party).await);
                done.send(()).unwrap();
            }
            Command::Change(party, policy, done) => {
                nodes[party].take().unwrap().stop().await;
                let mut before = None;
                plan.set(party, |settings| {
                    before = settings.policy.dataset.insert("trial".to_owned(), policy);
                });
                let started = Node::start(plan.parts(party)).await;
                let has_started = started.is_ok();
                nodes[party] = started.ok();
                if !has_started {
                    let before = before.unwrap();
                    plan.set(party, |settings| {
                        settings.policy.dataset.insert("trial".to_owned(), before);
                    });
                    nodes[party] = Some(plan.start(party).await);
                }
                done.send(has_started).unwrap();
            }
            Command::End => break,
        }
    }
    for node in nodes.into_iter().flatten() {
        node.stop().await;
    }
}
