//! Tokens: the credentials of principals, with their roles and an end.
//!
//! A token reads `cloister_<id>_<secret>`: a lookup id of 8 random bytes and a secret of 32, both
//! in hexadecimal. The secret is stored as an Argon2id hash with the parameters that OWASP
//! recommends, so neither the file nor the node's key reveals it. A check costs the same for known
//! and unknown ids. The number of concurrent checks is bounded, because each takes 19 MiB.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::{MAX_TOKENS, check_name};
use crate::schema::{TOKEN_NAMES, TOKENS};
use crate::state::State;
use crate::store::Group;
use crate::writer::Written;
use crate::{records, seal};

const TABLE: &str = "tokens";

const PREFIX: &str = "cloister_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// The most hashes that are computed at once: 19 MiB each.
const MAX_CHECKS: usize = 4;

/// A hash that no secret has (its output is 32 zero bytes), for checks of unknown ids.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The role of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Compute within the policies.
    Researcher,
    /// Register and upload data, decide on requests.
    Owner,
    /// Read the audit log, and nothing else.
    Auditor,
    /// Run the node.
    Operator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Researcher, Self::Owner, Self::Auditor, Self::Operator];

    /// Returns the role's name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Owner => "owner",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// There is no such role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such role; take one of researcher, owner, auditor, operator")]
pub struct RoleUnknown;

impl FromStr for Role {
    type Err = RoleUnknown;

    fn from_str(name: &str) -> Result<Self, RoleUnknown> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(RoleUnknown)
    }
}

/// A token as it can be shown: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The principal's name, unique among the tokens.
    pub name: String,
    /// The roles of the principal; at least one.
    pub roles: BTreeSet<Role>,
    /// The time at which it was made, in Unix seconds.
    pub made: u64,
    /// The time from which on it is refused, in Unix seconds.
    pub expires: Option<u64>,
}

/// Reasons to refuse a presented token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// The id is unknown or revoked, or the secret is wrong. The cases are not told apart.
    #[error("the token is not known here; ask the node's operator for one")]
    Unknown,
    /// The token is right, but has expired.
    #[error("the token has expired; ask the node's operator for a new one")]
    Expired,
    /// The tokens could not be read, which is not the caller's fault.
    #[error("the token could not be checked: {0}")]
    Unreadable(#[from] VaultError),
}

/// A stored token. The hash is a PHC string, which names algorithm and parameters.
#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    roles: BTreeSet<Role>,
    made: u64,
    expires: Option<u64>,
    hash: String,
}

impl Record {
    fn token(self) -> Token {
        Token { name: self.name, roles: self.roles, made: self.made, expires: self.expires }
    }
}

/// The tokens of a state.
pub(crate) struct Tokens<'a>(pub(crate) &'a State);

impl Tokens<'_> {
    pub(crate) fn make(
        &self,
        name: &str,
        roles: BTreeSet<Role>,
        expires: Option<u64>,
        now: u64,
    ) -> Written<Zeroizing<String>> {
        match self.draft(name, roles, expires, now) {
            Ok((draft, sealed)) => {
                self.0.submit(sealed.len(), move |group| keep(group, draft, &sealed))
            }
            Err(error) => Written::refused(error),
        }
    }

    pub(crate) fn check(&self, presented: &str, now: u64) -> Result<Token, TokenRefusal> {
        let parts = parse(presented);
        let record = match &parts {
            Some((id, _)) => self.record(id)?,
            None => None,
        };
        let hash = record.as_ref().map_or(DUMMY_HASH, |record| &record.hash);
        let secret = parts.map_or("", |(_, secret)| secret);
        let proven = is_hash_of(hash, secret);
        let record = record.filter(|_| proven).ok_or(TokenRefusal::Unknown)?;
        if record.expires.is_some_and(|expires| expires <= now) {
            return Err(TokenRefusal::Expired);
        }
        Ok(record.token())
    }

    pub(crate) fn all(&self) -> Result<Vec<Token>, VaultError> {
        let tokens = self.0.read()?.open_table(TOKENS)?;
        let mut all = Vec::new();
        for entry in tokens.iter()? {
            let (id, sealed) = entry?;
            all.push(self.open(id.value(), sealed.value())?.token());
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    pub(crate) fn revoke(&self, name: &str) -> Written<bool> {
        let name = name.to_owned();
        self.0.submit(name.len(), move |group| {
            let mut names = group.transaction.open_table(TOKEN_NAMES)?;
            let Some(id) = names.remove(name.as_str())?.map(|id| id.value().to_owned()) else {
                return Ok(false);
            };
            group.transaction.open_table(TOKENS)?.remove(id.as_str())?;
            group.tokens_changed = true;
            Ok(true)
        })
    }

    fn draft(
        &self,
        name: &str,
        roles: BTreeSet<Role>,
        expires: Option<u64>,
        now: u64,
    ) -> Result<(Draft, Vec<u8>), VaultError> {
        let draft = Draft::new(name, roles, expires, now)?;
        let sealed = records::seal(self.0.sealer(), TABLE, draft.id.as_bytes(), &draft.record)?;
        Ok((draft, sealed))
    }

    fn record(&self, id: &str) -> Result<Option<Record>, VaultError> {
        let tokens = self.0.read()?.open_table(TOKENS)?;
        match tokens.get(id)? {
            Some(sealed) => self.open(id, sealed.value()).map(Some),
            None => Ok(None),
        }
    }

    fn open(&self, id: &str, sealed: &[u8]) -> Result<Record, VaultError> {
        records::open(self.0.sealer(), TABLE, id.as_bytes(), sealed)
    }
}

/// A token that is not stored yet.
struct Draft {
    id: String,
    record: Record,
    text: Zeroizing<String>,
}

impl Draft {
    fn new(
        name: &str,
        roles: BTreeSet<Role>,
        expires: Option<u64>,
        now: u64,
    ) -> Result<Self, VaultError> {
        check_name("a token's name", name)?;
        if roles.is_empty() {
            return Err(VaultError::Invalid { what: "a token's roles", rule: "at least one" });
        }
        let id = hex(&seal::random::<ID_BYTES>()?);
        let bytes = Zeroizing::new(seal::random::<SECRET_BYTES>()?);
        let secret = Zeroizing::new(hex(bytes.as_slice()));
        let text = Zeroizing::new([PREFIX, &id, "_", &secret].concat());
        let hash = hash_of(&secret)?;
        let record = Record { name: name.to_owned(), roles, made: now, expires, hash };
        Ok(Self { id, record, text })
    }
}

fn keep(
    group: &mut Group<'_>,
    draft: Draft,
    sealed: &[u8],
) -> Result<Zeroizing<String>, VaultError> {
    let mut names = group.transaction.open_table(TOKEN_NAMES)?;
    let mut tokens = group.transaction.open_table(TOKENS)?;
    let name = draft.record.name.as_str();
    if names.get(name)?.is_some() {
        return Err(VaultError::Taken { what: "a token" });
    }
    if tokens.len()? >= MAX_TOKENS {
        let hint = "revoke those not used";
        return Err(VaultError::Limit { what: "tokens", limit: MAX_TOKENS, hint });
    }
    names.insert(name, draft.id.as_str())?;
    tokens.insert(draft.id.as_str(), sealed)?;
    group.tokens_changed = true;
    Ok(draft.text)
}

/// Splits a token's text into id and secret.
fn parse(presented: &str) -> Option<(&str, &str)> {
    let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
    let is_token = is_hex_of(id, ID_BYTES) && is_hex_of(secret, SECRET_BYTES);
    is_token.then_some((id, secret))
}

fn is_hex_of(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns Argon2id with 19 MiB, two passes and one lane: the first of OWASP's recommendations,
/// which are equal in strength.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash_of(secret: &str) -> Result<String, VaultError> {
    let _permit = HashPermit::acquire();
    // Fails only if the system has no random bytes for the salt.
    let hash = hasher().hash_password(secret.as_bytes()).map_err(|_| VaultError::Random)?;
    Ok(hash.to_string())
}

fn is_hash_of(hash: &str, secret: &str) -> bool {
    let _permit = HashPermit::acquire();
    #[cfg(test)]
    tests::CHECKED.with_borrow_mut(|checked| checked.push(hash.to_owned()));
    hasher().verify_password(secret.as_bytes(), hash).is_ok()
}

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// The permit for one of the [`MAX_CHECKS`] hashes that may be computed at once.
struct HashPermit;

impl HashPermit {
    fn acquire() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = FREED
            .wait_while(running, |running| *running >= MAX_CHECKS)
            .unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_add(1);
        Self
    }
}

impl Drop for HashPermit {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
        FREED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use argon2::password_hash::phc::PasswordHash;
    use tempfile::tempdir;

    use super::*;

    thread_local! {
        /// The hashes that this thread has checked secrets against.
        pub(super) static CHECKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Compares the work and not the time, which depends on the machine.
    #[test]
    fn known_and_unknown_ids_cost_one_hash_of_the_same_parameters() {
        let folder = tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let tokens = Tokens(&state);
        let text = tokens.make("anna", BTreeSet::from([Role::Owner]), None, 0).wait().unwrap();
        let unknown = [PREFIX, "0123456789abcdef_", &"0".repeat(64)].concat();
        let wrong = [text.rsplit_once('_').unwrap().0, "_", &"0".repeat(64)].concat();
        for presented in ["", "hello", &unknown, &wrong, &text] {
            drop(tokens.check(presented, 0));
        }
        let checked = CHECKED.take();
        assert_eq!(checked.len(), 5);
        for hash in checked {
            let parsed = PasswordHash::new(&hash).unwrap();
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "the costs");
            assert_eq!(parsed.salt.unwrap().len(), 16);
            assert_eq!(parsed.hash.unwrap().len(), 32);
        }
    }

    #[test]
    fn no_secret_has_the_hash_for_unknown_ids() {
        assert!(!is_hash_of(DUMMY_HASH, ""));
        assert!(!is_hash_of(DUMMY_HASH, &"0".repeat(64)));
    }
}
