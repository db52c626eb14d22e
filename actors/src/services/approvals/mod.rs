//! `Approvals`: requests that wait for the owner of the data to grant or refuse them.
//!
//! A grant is of exactly the question that was asked. The owner can widen it, grant a class of
//! questions beforehand, or grant all computations of a study with one decision. Each grant is told
//! in words, with its uses and its end.

mod widening;
mod words;

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_protocols::catalogue::{self, Kind as FunctionKind};
use cloister_protocols::equations::Scope;
use cloister_vault::{
    Approval, Class, Columns, Conditions, MAX_NAME_BYTES, Permission, Question, State, Vault,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::widening::{Allowed, Planned, Widening};
use super::datasets::Memories;
use super::registry::parse;
use super::{own_description, public};
use crate::bus::Description;
use crate::log::{Kind, Log};
use crate::vocabulary::blocking;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Parameter::{Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Reply, Right};
use crate::vocabulary::shown::shown;

/// The time for which an approval holds by default, in seconds: a week.
pub const USUAL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The actor.
pub struct Approvals {
    vault: Vault,
    log: Log,
    memories: Memories,
}

/// The methods that clients can call.
pub static INTERFACE: Interface = Interface {
    name: "the microservice Approvals",
    right: Right::Approve,
    methods: &[
        Method { name: "list", parameters: &[] },
        Method {
            name: "grant",
            parameters: &[Required("request"), Optional("times"), Optional("seconds")],
        },
        Method { name: "refuse", parameters: &[Required("request")] },
    ],
};

/// An owner's decision over a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The request.
    pub request: u64,
    /// The name of the principal that decides.
    pub by: String,
    /// The terms of a grant; none for a refusal.
    pub granted: Option<Terms>,
}

/// The terms of a grant of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The number of uses.
    pub times: u32,
    /// The end, in seconds since 1970.
    pub expires: u64,
    /// The allowances beside the question that was asked.
    pub widening: Widening,
}

/// A grant that no request has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beforehand {
    /// The title: that of a study, or the owner's words.
    pub title: String,
    /// The questions.
    pub classes: Vec<Class>,
    /// The name of the principal that decides.
    pub by: String,
    /// The number of uses.
    pub times: u32,
    /// The end, in seconds since 1970.
    pub expires: u64,
    /// The signatures that were checked, if it is of a study.
    pub signatures: Option<StudySignatures>,
}

/// The valid signatures of a study's file. They were checked against the consortium file where the owner
/// decided.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StudySignatures {
    /// The hash of the file.
    pub hash: String,
    /// The names of the members that have signed it.
    pub signed_by: Vec<String>,
}

impl Approvals {
    /// Creates the service for the approvals in this vault.
    #[must_use]
    pub fn new(vault: Vault, log: Log, memories: Memories) -> Self {
        Self { vault, log, memories }
    }

    /// Returns the description that the service gives of itself.
    #[must_use]
    pub fn description() -> Description {
        own_description("Approvals")
    }

    fn verdict(call: &Call) -> Result<Verdict, ApiError> {
        let number = |name| call.arguments.index(name);
        let request = number("request")?.and_then(|request| u64::try_from(request).ok());
        let request = request.ok_or_else(|| ApiError::argument("request", "missing"))?;
        let by = call.principal.name().to_owned();
        if call.method == "refuse" {
            return Ok(Verdict { request, by, granted: None });
        }
        let times = number("times")?.map_or(Some(1), |times| u32::try_from(times).ok());
        let times = times.filter(|times| *times > 0);
        let times =
            times.ok_or_else(|| ApiError::argument("times", "a number from 1 is needed"))?;
        let seconds =
            number("seconds")?.map_or(Some(USUAL_SECONDS), |seconds| u64::try_from(seconds).ok());
        let seconds = seconds
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| ApiError::argument("seconds", "a number from 1 is needed"))?;
        let expires = clock::seconds().saturating_add(seconds);
        let granted = Some(Terms { times, expires, widening: Widening::default() });
        Ok(Verdict { request, by, granted })
    }
}

impl Verdict {
    /// Writes the decision into the log, then carries it out: an approval without a proof of its
    /// origin must not hold. Returns what was granted. Blocks.
    ///
    /// # Errors
    /// If there is no such request, the widened class names columns that the dataset does not have,
    /// or the state cannot be written.
    pub fn carry_out(self, vault: &Vault, log: &Log) -> Result<Value, ApiError> {
        let Self { request, by, granted } = self;
        let approvals = vault.approvals().map_err(|error| ApiError::state(&error))?;
        let found = approvals.into_iter().find(|approval| approval.id == request);
        let approval = found.ok_or_else(|| no_such_request(request))?;
        let about = json!({
            "request": request, "by": by, "class": approval.question, "study": approval.study,
        });
        let Some(terms) = granted else {
            log.record_blocking(Kind::Denied, about)?;
            let refused = vault.refuse(request, &by).wait();
            let found = refused.map_err(|error| ApiError::state(&error))?;
            return if found { Ok(Value::Null) } else { Err(no_such_request(request)) };
        };
        let permission = permission(vault, by, terms, &approval)?;
        log.record_blocking(Kind::Granted, joined(about, &permission))?;
        let told = told(request, &permission);
        let written = vault.grant(request, permission).wait();
        if written.map_err(|error| ApiError::state(&error))? {
            Ok(told)
        } else {
            Err(no_such_request(request))
        }
    }
}

impl Beforehand {
    /// Writes the grant into the log, then carries it out. Returns what was granted. Blocks.
    ///
    /// # Errors
    /// If a class names columns that the dataset does not have, or the state cannot be written.
    pub fn carry_out(self, vault: &Vault, log: &Log) -> Result<Value, ApiError> {
        let Self { title, classes, by, times, expires, signatures } = self;
        let title = shortened(&title);
        classes.iter().try_for_each(|class| check_columns(vault, class))?;
        let about = json!({
            "by": by, "class": null, "study": title, "signatures": signatures,
        });
        let permission = Permission { by, times, expires, classes };
        log.record_blocking(Kind::Granted, joined(about, &permission))?;
        let granted = vault.grant_study(title, permission.clone(), clock::seconds()).wait();
        let id = granted.map_err(|error| ApiError::state(&error))?;
        Ok(told(id, &permission))
    }
}

/// Cuts a title to the length of a name.
fn shortened(title: &str) -> &str {
    let fits = |end: &usize| *end <= MAX_NAME_BYTES && title.is_char_boundary(*end);
    let end = (0..=title.len()).rev().find(fits).unwrap_or(0);
    title.get(..end).unwrap_or_default()
}

/// Returns what an owner permits of a request.
fn permission(
    vault: &Vault,
    by: String,
    terms: Terms,
    approval: &Approval,
) -> Result<Permission, ApiError> {
    let Terms { times, expires, widening } = terms;
    let classes = match (&approval.question, &approval.state) {
        (Some(question), _) => vec![around(vault, &widening, question)?],
        // A study is granted again as it was.
        (None, State::Granted { classes, .. }) if widening == Widening::default() => {
            classes.clone()
        }
        (None, _) => {
            let message = "what was granted without a request cannot be widened or granted again";
            return Err(ApiError::argument("request", message).hint("grant it anew"));
        }
    };
    Ok(Permission { by, times, expires, classes })
}

fn around(vault: &Vault, widening: &Widening, question: &Question) -> Result<Class, ApiError> {
    let class = widening.around(question)?;
    if !class.serves(question) {
        let message = "this class does not have the question that was asked in it";
        return Err(ApiError::argument("request", message).hint(
            "include its function, columns and condition, or grant a class without a request",
        ));
    }
    if *widening != Widening::default() {
        check_columns(vault, &class)?;
    }
    Ok(class)
}

/// Checks that a class names columns that there are: a misspelt one would serve nothing.
fn check_columns(vault: &Vault, class: &Class) -> Result<(), ApiError> {
    let Class { dataset: name, columns, conditions, .. } = class;
    let document = vault.dataset(name).map_err(|error| ApiError::state(&error))?;
    let Some(document) = document else {
        return Err(ApiError::argument(
            "dataset",
            format!("there is no dataset `{}`", shown(name)),
        ));
    };
    let dataset = parse(document)?.dataset;
    let (Columns::Exactly(used) | Columns::Among(used)) = columns;
    let on = match conditions {
        Conditions::On(on) => Some(on),
        Conditions::Exactly(_) | Conditions::Any => None,
    };
    match used.iter().chain(on.into_iter().flatten()).find(|name| dataset.column(name).is_none()) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("dataset `{name}` has no column `{}`", shown(unknown));
            Err(ApiError::argument("columns", message).hint("`cloister data check` shows them"))
        }
    }
}

/// Adds a permission to an entry for the log.
fn joined(mut about: Value, permission: &Permission) -> Value {
    let Permission { by: _, times, expires, classes } = permission;
    if let Some(about) = about.as_object_mut() {
        about.insert("times".to_owned(), json!(times));
        about.insert("expires".to_owned(), json!(expires));
        about.insert("classes".to_owned(), json!(classes));
    }
    about
}

/// Describes what was granted.
fn told(request: u64, permission: &Permission) -> Value {
    let Permission { times, expires, classes, .. } = permission;
    json!({
        "request": request,
        "serves": classes.iter().map(words::of).collect::<Vec<_>>(),
        "times": times,
        "expires": expires,
        "terms": words::terms(*times, *expires),
    })
}

/// Lists the requests and their states.
///
/// # Errors
/// If the state cannot be read.
pub fn list(vault: &Vault, memories: &Memories) -> Result<Value, ApiError> {
    let approvals = vault.approvals().map_err(|error| ApiError::state(&error))?;
    Ok(approvals
        .iter()
        .map(|approval| {
            let Approval { id, question, study, asked, state } = approval;
            json!({
                "id": id, "class": question.as_ref().map(|one| asked_for(one, memories)), "study": study,
                "asked": asked, "state": state_document(state),
            })
        })
        .collect())
}

fn asked_for(question: &Question, memories: &Memories) -> Value {
    let Question { principal, function, parameters, dataset, columns, condition } = question;
    let equations = equations(function, parameters.as_deref());
    // None of a dataset that is not registered any more.
    let outlook =
        equations.and_then(|equations| memories.outlook(dataset, columns, equations).ok());
    json!({
        "principal": principal,
        "function": function,
        "parameters": parameters,
        "dataset": dataset,
        "columns": columns,
        "condition": condition.as_ref().map(|condition| &condition.text),
        "equations": equations,
        "told_percent": outlook.map(|outlook| outlook.told_percent),
        "tells_percent": outlook.map(|outlook| outlook.tells_percent),
    })
}

/// Returns the equations about rows that each answer tells, where small counts are withheld; none
/// if they depend on more than the question.
fn equations(function: &str, parameters: Option<&str>) -> Option<u64> {
    let function =
        catalogue::find(function).filter(|function| function.kind == FunctionKind::Rows)?;
    let parameters = serde_json::from_str(parameters?).ok()?;
    let equations = function.opens(&parameters, Scope { columns: 0, withholds: true }).ok()?;
    Some(equations.weight())
}

fn state_document(state: &State) -> Value {
    match state {
        State::Granted { by, times_left, expires, classes } => {
            let serves: Vec<String> = classes.iter().map(words::of).collect();
            json!({"granted": {
                "by": by, "times_left": times_left, "expires": expires, "serves": serves,
            }})
        }
        State::Asked | State::Refused { .. } => json!(state),
    }
}

fn no_such_request(request: u64) -> ApiError {
    let message = format!("there is no request {request}");
    ApiError::new(Code::NoSuchRequest, message).hint("list them: `cloister approvals list`")
}

impl Actor for Approvals {
    type Context = Context<Self>;
}

impl Handler<Call> for Approvals {
    type Result = ResponseFuture<Result<Reply, ApiError>>;

    fn handle(&mut self, call: Call, _: &mut Self::Context) -> Self::Result {
        if call.method == "list" {
            let (vault, memories) = (self.vault.clone(), self.memories.clone());
            return Box::pin(async move {
                let listed = blocking::run(move || list(&vault, &memories)).await??;
                public(&listed)
            });
        }
        let (vault, log) = (self.vault.clone(), self.log.clone());
        Box::pin(async move {
            let verdict = Self::verdict(&call)?;
            blocking::run(move || verdict.carry_out(&vault, &log)).await??;
            Ok(Reply::None)
        })
    }
}
