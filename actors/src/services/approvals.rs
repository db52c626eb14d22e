//! `Approvals`: requests that wait for the owner of the data to grant or refuse them.

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_vault::{Approval, Vault};
use serde_json::{Value, json};

use super::{own_description, public};
use crate::bus::Description;
use crate::log::{Kind, Log};
use crate::vocabulary::blocking;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Parameter::{Optional, Required};
use crate::vocabulary::object::{Call, Interface, Method, Reply, Right};

/// The time for which an approval holds by default, in seconds: a week.
pub const USUAL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The actor.
pub struct Approvals {
    vault: Vault,
    log: Log,
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
    /// The number of uses, and the expiry in seconds since 1970; none for a refusal.
    pub granted: Option<(u32, u64)>,
}

impl Approvals {
    /// Creates the service for the approvals in this vault.
    #[must_use]
    pub fn new(vault: Vault, log: Log) -> Self {
        Self { vault, log }
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
        Ok(Verdict { request, by, granted: Some((times, expires)) })
    }
}

impl Verdict {
    /// Writes the decision into the log, then carries it out: an approval without a proof of its
    /// origin must not hold. Blocks.
    ///
    /// # Errors
    /// If there is no such request, or the state cannot be written.
    pub fn carry_out(self, vault: &Vault, log: &Log) -> Result<(), ApiError> {
        let Self { request, by, granted } = self;
        let approvals = vault.approvals().map_err(|error| ApiError::state(&error))?;
        let found = approvals.into_iter().find(|approval| approval.id == request);
        let class = found.ok_or_else(|| no_such_request(request))?.class;
        let document = json!({
            "request": request,
            "by": by,
            "class": class,
            "times": granted.map(|(times, _)| times),
            "expires": granted.map(|(_, expires)| expires),
        });
        let kind = if granted.is_some() { Kind::Granted } else { Kind::Denied };
        log.record_blocking(kind, document)?;
        let written = match granted {
            Some((times, expires)) => vault.grant(request, &by, times, expires).wait(),
            None => vault.refuse(request, &by).wait(),
        };
        if written.map_err(|error| ApiError::state(&error))? {
            Ok(())
        } else {
            Err(no_such_request(request))
        }
    }
}

/// Lists the requests and their states.
///
/// # Errors
/// If the state cannot be read.
pub fn list(vault: &Vault) -> Result<Value, ApiError> {
    let approvals = vault.approvals().map_err(|error| ApiError::state(&error))?;
    Ok(approvals
        .iter()
        .map(|approval| {
            let Approval { id, class, asked, state } = approval;
            json!({"id": id, "class": class, "asked": asked, "state": state})
        })
        .collect())
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
            let listed = list(&self.vault).and_then(|approvals| public(&approvals));
            return Box::pin(std::future::ready(listed));
        }
        let (vault, log) = (self.vault.clone(), self.log.clone());
        Box::pin(async move {
            let verdict = Self::verdict(&call)?;
            blocking::run(move || verdict.carry_out(&vault, &log)).await??;
            Ok(Reply::None)
        })
    }
}
