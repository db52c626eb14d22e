//! Tokens: the credentials of principals, with their roles and an end.
//!
//! A token reads `cloister_<id>_<secret>`: a lookup id of 8 random bytes and a secret of 32, both
//! in hexadecimal. The node makes both, no person chooses them. A secret of 256 random bits cannot
//! be guessed, so its hash need not be slow: it is BLAKE3, keyed by the node's key. The file alone
//! tells nothing about a token. With the node's key it tells names and roles, and a hash that no
//! search inverts. A check takes microseconds, so wrong tokens keep no right one waiting.
//!
//! Earlier releases stored Argon2id hashes, which take tens of milliseconds and 19 MiB. Such a
//! token is accepted as before. When it comes the first time its hash is replaced by a fast one.
//! The number of these checks at a time is bounded.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::PasswordVerifier;
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
/// The most slow hashes that are computed at once: 19 MiB each.
const MAX_CHECKS: usize = 4;

/// The purpose of the key of fast hashes.
const PURPOSE: &str = "hashes of tokens";

/// The beginning of a stored fast hash. 64 hexadecimal digits follow.
const FAST: &str = "blake3:";

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

/// A stored token. The hash is a fast one, or that of an earlier release: a PHC string of Argon2id.
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

    /// Returns the fast hash, if it has one.
    fn fast_hash(&self) -> Option<blake3::Hash> {
        blake3::Hash::from_hex(self.hash.strip_prefix(FAST)?).ok()
    }

    /// Returns the token if its secret was proven and it has not expired.
    fn admit(self, proven: bool, now: u64) -> Result<Token, TokenRefusal> {
        match self.expires {
            _ if !proven => Err(TokenRefusal::Unknown),
            Some(expires) if expires <= now => Err(TokenRefusal::Expired),
            _ => Ok(self.token()),
        }
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
        match self.check_fast(presented, now) {
            Some(checked) => checked,
            None => self.check_slowly(presented, now),
        }
    }

    pub(crate) fn check_fast(
        &self,
        presented: &str,
        now: u64,
    ) -> Option<Result<Token, TokenRefusal>> {
        let (id, secret) = match parse(presented) {
            Some(parts) => parts,
            None => return Some(Err(TokenRefusal::Unknown)),
        };
        match self.record(id) {
            Err(error) => Some(Err(error.into())),
            Ok(None) => Some(Err(TokenRefusal::Unknown)),
            Ok(Some(record)) => {
                let stored = record.fast_hash()?;
                // Hashes are compared in constant time.
                let proven = stored == self.fast_hash(id, secret);
                Some(record.admit(proven, now))
            }
        }
    }

    /// Checks a token whose hash is slow, and stores its fast hash if it is right.
    fn check_slowly(&self, presented: &str, now: u64) -> Result<Token, TokenRefusal> {
        let (id, secret) = parse(presented).ok_or(TokenRefusal::Unknown)?;
        let mut record = self.record(id)?.ok_or(TokenRefusal::Unknown)?;
        let proven = is_slow_hash_of(&record.hash, secret);
        if proven {
            record.hash = stored(self.fast_hash(id, secret));
            if let Err(error) = self.replace(id, &record) {
                tracing::warn!(%error, "a token keeps its slow hash");
            }
        }
        record.admit(proven, now)
    }

    /// Replaces the record of a token, if it has not been revoked meanwhile. Blocks.
    fn replace(&self, id: &str, record: &Record) -> Result<(), VaultError> {
        let sealed = records::seal(self.0.sealer(), TABLE, id.as_bytes(), record)?;
        let id = id.to_owned();
        let written = self.0.submit(sealed.len(), move |group| {
            let mut tokens = group.transaction.open_table(TOKENS)?;
            if tokens.get(id.as_str())?.is_some() {
                tokens.insert(id.as_str(), sealed.as_slice())?;
            }
            Ok(())
        });
        written.wait()
    }

    fn fast_hash(&self, id: &str, secret: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0.key(PURPOSE));
        // Both have a fixed length.
        hasher.update(id.as_bytes()).update(secret.as_bytes()).finalize()
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
        let hash = |id: &str, secret: &str| stored(self.fast_hash(id, secret));
        let draft = Draft::new(name, roles, expires, now, hash)?;
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
        hash_of: impl Fn(&str, &str) -> String,
    ) -> Result<Self, VaultError> {
        check_name("a token's name", name)?;
        if roles.is_empty() {
            return Err(VaultError::Invalid { what: "a token's roles", rule: "at least one" });
        }
        let id = hex(&seal::random::<ID_BYTES>()?);
        let bytes = Zeroizing::new(seal::random::<SECRET_BYTES>()?);
        let secret = Zeroizing::new(hex(bytes.as_slice()));
        let text = Zeroizing::new([PREFIX, &id, "_", &secret].concat());
        let hash = hash_of(&id, &secret);
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

/// Returns Argon2id as earlier releases used it: 19 MiB, two passes and one lane.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn is_slow_hash_of(hash: &str, secret: &str) -> bool {
    let _permit = HashPermit::acquire();
    hasher().verify_password(secret.as_bytes(), hash).is_ok()
}

/// Writes a fast hash as it is stored.
fn stored(hash: blake3::Hash) -> String {
    format!("{FAST}{}", hash.to_hex())
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
    use argon2::password_hash::PasswordHasher;
    use tempfile::tempdir;

    use super::*;

    /// Gives a token the hash that an earlier release would have stored.
    fn make_old(tokens: &Tokens<'_>, text: &str) {
        let (id, secret) = parse(text).unwrap();
        let hash = hasher().hash_password(secret.as_bytes()).unwrap().to_string();
        let record = tokens.record(id).unwrap().unwrap();
        tokens.replace(id, &Record { hash, ..record }).unwrap();
    }

    fn wrong(text: &str) -> String {
        [text.rsplit_once('_').unwrap().0, "_", &"0".repeat(64)].concat()
    }

    #[test]
    fn no_slow_hash_is_computed_for_tokens_of_this_release_and_unknown_ones() {
        let folder = tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let tokens = Tokens(&state);
        let text = tokens.make("anna", BTreeSet::from([Role::Owner]), None, 0).wait().unwrap();
        let unknown = [PREFIX, "0123456789abcdef_", &"0".repeat(64)].concat();
        for presented in ["", "hello", &unknown, &wrong(&text)] {
            let checked = tokens.check_fast(presented, 0);
            assert!(matches!(checked, Some(Err(TokenRefusal::Unknown))), "{presented}");
        }
        assert_eq!(tokens.check_fast(&text, 0).unwrap().unwrap().name, "anna");
    }

    #[test]
    fn a_token_of_an_earlier_release_is_checked_slowly_once() {
        let folder = tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let tokens = Tokens(&state);
        let text = tokens.make("anna", BTreeSet::from([Role::Owner]), None, 0).wait().unwrap();
        make_old(&tokens, &text);
        assert!(tokens.check_fast(&text, 0).is_none());
        assert!(matches!(tokens.check(&wrong(&text), 0), Err(TokenRefusal::Unknown)));
        assert!(tokens.check_fast(&text, 0).is_none(), "a wrong secret changes nothing");
        assert_eq!(tokens.check(&text, 0).unwrap().name, "anna");
        assert_eq!(tokens.check_fast(&text, 0).unwrap().unwrap().name, "anna");
        let refused = tokens.check_fast(&wrong(&text), 0);
        assert!(matches!(refused, Some(Err(TokenRefusal::Unknown))));
    }

    #[test]
    fn a_token_that_was_revoked_meanwhile_does_not_come_back() {
        let folder = tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let tokens = Tokens(&state);
        let text = tokens.make("anna", BTreeSet::from([Role::Owner]), None, 0).wait().unwrap();
        let (id, _) = parse(&text).unwrap();
        let record = tokens.record(id).unwrap().unwrap();
        assert!(tokens.revoke("anna").wait().unwrap());
        tokens.replace(id, &record).unwrap();
        assert!(matches!(tokens.check(&text, 0), Err(TokenRefusal::Unknown)));
    }

    #[test]
    fn hashes_differ_by_node_and_by_id() {
        let [one, other] = [(); 2].map(|()| tempdir().unwrap());
        let states = [&one, &other].map(|folder| State::open(folder.path()).unwrap());
        let [first, second] = states.each_ref().map(|state| Tokens(state).fast_hash("id", "s"));
        assert_ne!(first, second);
        assert_ne!(Tokens(&states[0]).fast_hash("di", "s"), first);
    }
}
