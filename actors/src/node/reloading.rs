//! A renewal while the node runs. All files that may change meanwhile are read again, for all
//! connections and questions from then on:
//!
//! - the party's identity, and the members' fingerprints
//! - the API's certificate
//! - the owners' policies, those in `policy.d` among them
//!
//! Existing connections stay, and the computations over them, except those to a certificate that is
//! no longer pinned. All is read and checked before anything changes. What can fail comes first: where
//! an actor does not answer, those before it are told of the old members again.
//!
//! Nothing else of the consortium can change in this way. Names, order and addresses of the members
//! decide who dials whom, and a node that changes them begins anew, as for other settings.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_certs::{ApiCertificate, Expiry, Identity, ReadCertificate, Roster};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::pinned;
use super::serving::api_certificate;
use crate::bus::{SESSIONS, SIMON, Siblings};
use crate::control::Reload;
use crate::links::{Credentials, Greeting, Trust};
use crate::management::Facts;
use crate::policy::Policies;
use crate::services::registry::Books;
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::consortium::{Consortium, Member, Renewed};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::settings::{CurrentPolicies, NodeThresholds, Settings};

/// The time in which an actor must answer. It works off its mailbox in milliseconds.
const ANSWER: Duration = Duration::from_secs(10);

/// The time that reading the files may take.
const READING: Duration = Duration::from_secs(30);

/// The files that a running node reads again.
pub struct Files {
    /// The consortium file's members.
    pub consortium: Consortium,
    /// The party's identity.
    pub identity: Identity,
    /// The settings, with the policies in `policy.d`.
    pub settings: Settings,
}

/// A function that reads the files anew, or says why it cannot. It blocks.
pub type Reread = Arc<dyn Fn() -> Result<Files, String> + Send + Sync>;

/// The actor that renews what a running node has read from files.
#[derive(Clone)]
pub(super) struct Reloader {
    pub(super) reread: Reread,
    pub(super) me: usize,
    pub(super) boot: [u8; 16],
    pub(super) trust: Trust,
    pub(super) facts: Arc<RwLock<Arc<Facts>>>,
    pub(super) siblings: Siblings,
    /// The settings that the node was started with.
    pub(super) settings: Arc<Settings>,
    pub(super) policies: CurrentPolicies,
    pub(super) books: Books,
    /// The API's certificate, if it uses TLS.
    pub(super) certificate: Option<ApiCertificate>,
    /// One reload after the other: what was read first must not hold last.
    pub(super) turn: Arc<Mutex<()>>,
}

impl Reloader {
    /// Reads the files again, and goes on with them.
    ///
    /// # Errors
    /// If they cannot be read, more of the consortium has changed than fingerprints, or an actor does
    /// not answer: then all is as before.
    async fn reload(&self) -> Result<Value, ApiError> {
        let _turn = self.turn.lock().await;
        let reread = Arc::clone(&self.reread);
        let reading = timeout(READING, blocking::run(move || read(&reread))).await;
        let (files, certificate) = reading.map_err(|_| too_slow())??.map_err(refused)?;
        let Files { consortium, identity, settings } = files;
        let facts = Arc::clone(&self.facts.read().unwrap_or_else(PoisonError::into_inner));
        check(&facts.consortium, &consortium, self.me, &identity).map_err(refused)?;
        let checked = settings.policy.check(|name| consortium.position(name).is_some());
        checked.map_err(|error| refused(error.to_string()))?;
        // The thresholds are those of the start.
        let chosen = self.settings.thresholds.as_deref();
        NodeThresholds::new(self.settings.profile, consortium.profiles(), chosen)
            .and_then(|node| node.check(&settings.policy))
            .map_err(|error| refused(error.to_string()))?;
        check_kept(&self.policies.all(), &settings.policy).map_err(refused)?;
        let roster = Roster::new(consortium.members().iter().map(pinned));
        let roster = Arc::new(roster.map_err(|error| refused(error.to_string()))?);
        let greeting = Greeting::new(&consortium, self.boot);
        let fingerprint = identity.fingerprint();
        let renewed = facts.renewed(consortium.clone(), fingerprint, identity.not_after());
        let credentials = Credentials::new(Arc::new(identity), roster, greeting);
        self.tell(&facts.consortium, consortium, credentials).await?;
        // From here on nothing fails.
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        if let Some(shown) = &self.certificate {
            shown.replace(certificate);
        }
        self.warn_of_others(&settings);
        let (books, policies) = (self.books.clone(), settings.policy.clone());
        self.policies.replace(settings.policy);
        tracing::info!(%fingerprint, "identity, fingerprints, certificate and policies were read again");
        if let Err(error) = blocking::run(move || books.warn_of_policies(&policies)).await {
            tracing::warn!(%error, "the policies were not compared with the datasets");
        }
        Ok(json!({"fingerprint": fingerprint.to_string()}))
    }

    /// Tells the links and the actors of new members. If one does not answer, all are told of those
    /// before.
    async fn tell(
        &self,
        before: &Consortium,
        after: Consortium,
        credentials: Credentials,
    ) -> Result<(), ApiError> {
        let (before, after) = (Renewed(Arc::new(before.clone())), Renewed(Arc::new(after)));
        let mut actors = Vec::new();
        for name in [SESSIONS, SIMON] {
            let actor = self.siblings.find::<Renewed>(name).await;
            actors.push((name, actor.map_err(|_| silent(name))?));
        }
        // The sessions have the links compare their certificates with these.
        let old = self.trust.replace(credentials);
        for (told, (name, actor)) in actors.iter().enumerate() {
            if !matches!(timeout(ANSWER, actor.send(after.clone())).await, Ok(Ok(()))) {
                let _ = self.trust.replace(old);
                // One message each. The one that is late reads it behind the first.
                actors.iter().take(told + 1).for_each(|(_, actor)| actor.do_send(before.clone()));
                return Err(silent(name));
            }
        }
        Ok(())
    }

    /// Warns if other settings have changed: they hold from the next start on.
    fn warn_of_others(&self, settings: &Settings) {
        if others(settings) != others(&self.settings) {
            tracing::warn!(
                "other settings have changed, too: they hold when the node starts again"
            );
        }
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

/// Refuses to drop the policy of a dataset: its file may be on the way to another place, and without
/// one its dataset would be open to more than before.
fn check_kept(before: &Policies, after: &Policies) -> Result<(), String> {
    let mut names = before.dataset.keys();
    match names.find(|name| !after.dataset.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(format!(
            "the policy of the dataset `{name}` is gone: put it back, or start the node again to do without it"
        )),
    }
}

/// Reads all files, and the API's certificate among them.
fn read(reread: &Reread) -> Result<(Files, ReadCertificate), String> {
    let files = reread()?;
    let certificate = api_certificate(&files.settings.access, &files.identity);
    let certificate = certificate.map_err(|error| error.to_string())?;
    Ok((files, certificate))
}

/// Returns the settings without those that are read again.
fn others(settings: &Settings) -> Settings {
    let mut others = settings.clone();
    others.policy = Policies::default();
    (others.access.certificate, others.access.key) = (None, None);
    others
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
    if before.profiles() != after.profiles() {
        return Err("the consortium file has other profiles of thresholds".into());
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

fn silent(actor: &str) -> ApiError {
    let message = format!("nothing was changed: the actor `{actor}` does not answer");
    ApiError::new(Code::NotReloaded, message)
        .hint("try again; if it stays so, start the node again")
}

fn too_slow() -> ApiError {
    let seconds = READING.as_secs();
    let message = format!("nothing was changed: the files were not read within {seconds} s");
    ApiError::new(Code::NotReloaded, message)
        .hint("look for a file that is a pipe, or on a disk that does not answer; then try again")
}

fn refused(reason: String) -> ApiError {
    ApiError::new(Code::NotReloaded, format!("nothing was changed: {reason}")).hint(
        "mend the files and try again; for other changes of the consortium start the node again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_gone_is_no_new_policy() {
        let of = |names: &[&str]| Policies {
            dataset: names.iter().map(|name| ((*name).to_owned(), Default::default())).collect(),
        };
        assert_eq!(check_kept(&of(&["trial"]), &of(&["cohort", "trial"])), Ok(()));
        assert_eq!(check_kept(&of(&[]), &of(&[])), Ok(()));
        let refused = check_kept(&of(&["cohort", "trial"]), &of(&["cohort"])).unwrap_err();
        assert!(refused.contains("`trial`"), "{refused}");
    }
}
