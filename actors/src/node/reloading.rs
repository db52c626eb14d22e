//! A renewal while the node runs: the identity and the members' fingerprints are read again, for
//! all connections from then on. Existing connections stay, and the computations over them, except
//! those to a certificate that is no longer pinned.
//!
//! Nothing else of the consortium can change in this way. Names, order and addresses of the members
//! decide who dials whom, and a node that changes them begins anew.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_certs::{Expiry, Identity, Roster};
use serde_json::{Value, json};

use super::pinned;
use crate::bus::{SESSIONS, SIMON, Siblings};
use crate::control::Reload;
use crate::links::{Greeting, Trust};
use crate::management::Facts;
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::consortium::{Consortium, Member, Renewed};
use crate::vocabulary::error::ApiError;

/// A function that reads the consortium file and the identity anew, or says why it cannot. It
/// blocks.
pub type Reread = Arc<dyn Fn() -> Result<(Consortium, Identity), String> + Send + Sync>;

/// The actor that renews identity and fingerprints.
#[derive(Clone)]
pub(super) struct Reloader {
    pub(super) reread: Reread,
    pub(super) me: usize,
    pub(super) boot: [u8; 16],
    pub(super) trust: Trust,
    pub(super) facts: Arc<RwLock<Arc<Facts>>>,
    pub(super) siblings: Siblings,
}

impl Reloader {
    /// Reads identity and consortium file again, and goes on with them.
    ///
    /// # Errors
    /// If they cannot be read, or more has changed than fingerprints: then nothing was done.
    async fn reload(&self) -> Result<Value, ApiError> {
        let reread = Arc::clone(&self.reread);
        let read = blocking::run(move || reread()).await?;
        let (consortium, identity) = read.map_err(refused)?;
        let facts = Arc::clone(&self.facts.read().unwrap_or_else(PoisonError::into_inner));
        check(&facts.consortium, &consortium, self.me, &identity).map_err(refused)?;
        let roster = Roster::new(consortium.members().iter().map(pinned));
        let roster = Arc::new(roster.map_err(|error| refused(error.to_string()))?);
        let greeting = Greeting::new(&consortium, self.boot);
        let fingerprint = identity.fingerprint();
        let renewed = facts.renewed(consortium.clone(), fingerprint, identity.not_after());
        self.trust.renew(Arc::new(identity), roster, greeting);
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        let renewed = Renewed(Arc::new(consortium));
        self.siblings.ask(SESSIONS, renewed.clone()).await?;
        self.siblings.ask(SIMON, renewed).await?;
        tracing::info!(%fingerprint, "identity and fingerprints were read again");
        Ok(json!({"fingerprint": fingerprint.to_string()}))
    }
}

impl Actor for Reloader {
    type Context = Context<Self>;
}

impl Handler<Reload> for Reloader {
    type Result = ResponseFuture<Result<Value, ApiError>>;

    fn handle(&mut self, _: Reload, _: &mut Self::Context) -> Self::Result {
        let reloader = self.clone();
        Box::pin(async move { reloader.reload().await })
    }
}

/// Checks that nothing but fingerprints has changed, and that this node's is among them.
fn check(
    before: &Consortium,
    after: &Consortium,
    me: usize,
    identity: &Identity,
) -> Result<(), String> {
    let place = |member: &Member| (member.name.clone(), member.api.clone(), member.peer.clone());
    if !before.members().iter().map(place).eq(after.members().iter().map(place)) {
        return Err("the consortium file has other members, addresses or another order".into());
    }
    let ours = identity.fingerprint();
    if !after.members().get(me).is_some_and(|member| member.fingerprints.contains(&ours)) {
        return Err(format!("the consortium file does not pin our fingerprint {ours}"));
    }
    match identity.expiry(SystemTime::now()) {
        Expiry::Fresh | Expiry::Near { .. } => Ok(()),
        Expiry::Expired { .. } | Expiry::NotYetValid { .. } => {
            Err(format!("the certificate {ours} has expired or is not yet valid"))
        }
    }
}

fn refused(reason: String) -> ApiError {
    ApiError::new(Code::NotReloaded, format!("nothing was changed: {reason}")).hint(
        "mend the files and try again; for other changes than fingerprints start the node again",
    )
}
