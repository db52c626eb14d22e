//! Tokens: who may talk to the node, in which roles, until when.
//!
//! A token reads `cloister_<id>_<secret>`: 8 random bytes that say where to look, and 32 that prove
//! it, in hexadecimal. The secret is stored as an Argon2id hash with the parameters that OWASP
//! recommends, so neither the file nor the node's key gives it away. A check costs the same whether
//! the id is known or not, and only so many run at once, because each takes 19 MiB.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limits::{MAX_TOKENS, check_name};
use crate::writer::Group;
use crate::{Vault, VaultError, Written, records, seal};

/// Id to sealed [`Record`].
const TOKENS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("tokens");
/// Name to id.
const NAMES: TableDefinition<'static, &str, &str> = TableDefinition::new("token names");
const TABLE: &str = "tokens";

const PREFIX: &str = "cloister_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// How many hashes are computed at once: 19 MiB each.
const MAX_CHECKS: usize = 4;

/// A hash that no secret has (its output is 32 zero bytes), for checks of ids that are not known.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(TOKENS)?;
    transaction.open_table(NAMES)?;
    Ok(())
}

/// What a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Compute what the policies allow.
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

    /// The role's name, in lower case.
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
    /// What the principal may do; at least one.
    pub roles: BTreeSet<Role>,
    /// When it was made, in Unix seconds.
    pub made: u64,
    /// From when on it is refused, in Unix seconds.
    pub expires: Option<u64>,
}

/// Why a presented token is not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// There is no such token, or it was revoked, or the secret is wrong: not told apart.
    #[error("the token is not known here; ask the node's operator for one")]
    Unknown,
    /// The token is right and its time is over.
    #[error("the token has expired; ask the node's operator for a new one")]
    Expired,
    /// The tokens could not be read: our fault, not the caller's.
    #[error("the token could not be checked: {0}")]
    Unreadable(#[from] VaultError),
}

/// What is stored. The hash is in the PHC form, which names algorithm and parameters.
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

impl Vault {
    /// Makes a token for the principal `name` and answers with its text, which cannot be had again.
    /// Hashes in the calling thread (tens of milliseconds).
    ///
    /// # Errors
    ///
    /// A name that another token has, or that is empty or longer than 200 bytes; no role; more than
    /// 10,000 tokens.
    pub fn make_token(
        &self,
        name: &str,
        roles: BTreeSet<Role>,
        expires: Option<u64>,
        now: u64,
    ) -> Written<Zeroizing<String>> {
        let drafted = draft(name, roles, expires, now).and_then(|draft| {
            let id = draft.id.as_bytes();
            let sealed = records::seal(&self.store().sealer, TABLE, id, &draft.record)?;
            Ok((draft, sealed))
        });
        match drafted {
            Ok((draft, sealed)) => {
                self.submit(sealed.len(), move |group| keep(group, draft, &sealed))
            }
            Err(error) => Written::refused(error),
        }
    }

    /// The token that `presented` is the text of, if it has not expired at `now` (Unix seconds).
    ///
    /// Takes tens of milliseconds of work whatever is presented: run it where blocking is allowed,
    /// keep the outcome, and drop what was kept when [`Vault::tokens_version`], read before the
    /// check, is no longer the same.
    pub fn check_token(&self, presented: &str, now: u64) -> Result<Token, TokenRefusal> {
        let parts = parse(presented);
        let record = match &parts {
            Some((id, _)) => self.token_record(id)?,
            None => None,
        };
        let hash = record.as_ref().map_or(NOBODY, |record| &record.hash);
        let secret = parts.map_or("", |(_, secret)| secret);
        let proven = is_hash_of(hash, secret);
        let record = record.filter(|_| proven).ok_or(TokenRefusal::Unknown)?;
        if record.expires.is_some_and(|expires| expires <= now) {
            return Err(TokenRefusal::Expired);
        }
        Ok(record.token())
    }

    /// All tokens, expired ones too, in the order of their names.
    pub fn tokens(&self) -> Result<Vec<Token>, VaultError> {
        let tokens = self.read()?.open_table(TOKENS)?;
        let mut all = Vec::new();
        for entry in tokens.iter()? {
            let (id, sealed) = entry?;
            let sealer = &self.store().sealer;
            let record: Record =
                records::open(sealer, TABLE, id.value().as_bytes(), sealed.value())?;
            all.push(record.token());
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Revokes the token of this name; tells whether there was one.
    pub fn revoke_token(&self, name: &str) -> Written<bool> {
        let name = name.to_owned();
        self.submit(name.len(), move |group| {
            let mut names = group.transaction.open_table(NAMES)?;
            let Some(id) = names.remove(name.as_str())?.map(|id| id.value().to_owned()) else {
                return Ok(false);
            };
            group.transaction.open_table(TOKENS)?.remove(id.as_str())?;
            group.tokens_changed = true;
            Ok(true)
        })
    }

    /// A number that changes with every change of the tokens, before the change is answered.
    pub fn tokens_version(&self) -> u64 {
        self.store().tokens_version()
    }

    fn token_record(&self, id: &str) -> Result<Option<Record>, VaultError> {
        let tokens = self.read()?.open_table(TOKENS)?;
        let Some(sealed) = tokens.get(id)? else { return Ok(None) };
        records::open(&self.store().sealer, TABLE, id.as_bytes(), sealed.value()).map(Some)
    }
}

/// A token that is not stored yet.
struct Draft {
    id: String,
    record: Record,
    text: Zeroizing<String>,
}

fn draft(
    name: &str,
    roles: BTreeSet<Role>,
    expires: Option<u64>,
    now: u64,
) -> Result<Draft, VaultError> {
    check_name("a token's name", name)?;
    if roles.is_empty() {
        return Err(VaultError::Invalid { what: "a token's roles", rule: "at least one" });
    }
    let id = hex(&seal::random::<ID_BYTES>()?);
    let secret = hex(Zeroizing::new(seal::random::<SECRET_BYTES>()?).as_slice());
    let secret = Zeroizing::new(secret);
    let text = Zeroizing::new([PREFIX, &id, "_", &secret].concat());
    let record =
        Record { name: name.to_owned(), roles, made: now, expires, hash: hash_of(&secret)? };
    Ok(Draft { id, record, text })
}

fn keep(
    group: &mut Group<'_>,
    draft: Draft,
    sealed: &[u8],
) -> Result<Zeroizing<String>, VaultError> {
    let mut names = group.transaction.open_table(NAMES)?;
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

/// The id and the secret of a token's text.
fn parse(presented: &str) -> Option<(&str, &str)> {
    let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let fits = id.len() == 2 * ID_BYTES && secret.len() == 2 * SECRET_BYTES;
    (fits && is_hex(id) && is_hex(secret)).then_some((id, secret))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Argon2id with 19 MiB, two passes and one lane: the first of OWASP's recommendations that are equal
/// in strength.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash_of(secret: &str) -> Result<String, VaultError> {
    let _turn = Turn::take();
    // Fails only when the salt's random bytes cannot be had.
    let hash = hasher().hash_password(secret.as_bytes()).map_err(|_| VaultError::Random)?;
    Ok(hash.to_string())
}

fn is_hash_of(hash: &str, secret: &str) -> bool {
    let _turn = Turn::take();
    #[cfg(test)]
    tests::CHECKED.with_borrow_mut(|checked| checked.push(hash.to_owned()));
    hasher().verify_password(secret.as_bytes(), hash).is_ok()
}

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// One of the [`MAX_CHECKS`] computations of a hash that may run at once.
struct Turn;

impl Turn {
    fn take() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = FREED
            .wait_while(running, |running| *running >= MAX_CHECKS)
            .unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_add(1);
        Self
    }
}

impl Drop for Turn {
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

    /// Times would show it, too, but not on a machine that does other things as well.
    #[test]
    fn known_and_unknown_ids_cost_one_hash_of_the_same_parameters() {
        let folder = tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let text = vault.make_token("anna", BTreeSet::from([Role::Owner]), None, 0).wait().unwrap();
        let unknown = [PREFIX, "0123456789abcdef_", &"0".repeat(64)].concat();
        let wrong = [text.rsplit_once('_').unwrap().0, "_", &"0".repeat(64)].concat();
        for presented in ["", "hello", &unknown, &wrong, &text] {
            drop(vault.check_token(presented, 0));
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
    fn nobody_has_the_hash_for_unknown_ids() {
        assert!(!is_hash_of(NOBODY, ""));
        assert!(!is_hash_of(NOBODY, &"0".repeat(64)));
    }
}
