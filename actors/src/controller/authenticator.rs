//! Authentication of callers: tokens, the rate of calls, and the slowing of failed attempts.
//!
//! A token is checked against its argon2id hash once. Then it is remembered for some minutes, by a
//! hash under a key of this run of the node. So a client that calls a thousand times does not pay a
//! thousand times. A caller that fails waits longer each time, and is written to the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloister_vault::{Token, TokenRefusal, Vault};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::vocabulary::blocking;
use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::principal::Principal;
use crate::vocabulary::settings::{Access, AccessMode};

/// The time for which a checked token is taken for checked.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// The most tokens that are remembered; there are seldom as many.
const MOST_REMEMBERED: usize = 10_000;

/// The hashes of tokens that are computed at a time: each takes some megabytes and a processor.
const CHECKS_AT_A_TIME: usize = 2;

/// The most checks that may wait.
const MOST_PENDING: usize = 64;

/// The delay after the first failed attempt; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The time without a failed attempt after which an address begins anew.
const FORGIVEN: Duration = Duration::from_secs(10 * 60);

/// The most addresses whose failed attempts are counted.
const MOST_ADDRESSES: usize = 10_000;

/// Admits clients.
pub struct Authenticator {
    tokens: Option<Tokens>,
    requests: DefaultKeyedRateLimiter<Arc<str>>,
}

struct Tokens {
    vault: Vault,
    key: Zeroizing<[u8; 32]>,
    known: Mutex<HashMap<[u8; 32], Known>>,
    failures: Mutex<HashMap<IpAddr, Failures>>,
    checks: Arc<Semaphore>,
    /// The number of checks that wait or run.
    pending: Arc<Semaphore>,
}

/// A token that was checked.
struct Known {
    principal: Principal,
    expires: Option<u64>,
    checked: Instant,
    /// The version of all tokens at that time.
    version: u64,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Authenticator {
    /// Creates the authenticator of these settings, with the tokens in `vault`.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn new(access: &Access, vault: Vault) -> Result<Self, getrandom::Error> {
        let tokens = match access.mode {
            AccessMode::Open => None,
            AccessMode::Tokens => Some(Tokens::new(vault)?),
        };
        let least = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(least(access.requests_per_second));
        let quota = quota.allow_burst(least(access.burst));
        Ok(Self { tokens, requests: RateLimiter::keyed(quota) })
    }

    /// Returns whether any caller on this machine may come in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// Returns the principal that calls.
    ///
    /// # Errors
    /// If the caller has no token, a wrong one, or calls too often.
    pub async fn admit(&self, request: &HttpRequest) -> Result<Principal, ApiError> {
        let principal = match &self.tokens {
            None => Principal::anybody(),
            Some(tokens) => tokens.admit(request).await?,
        };
        match self.requests.check_key(&Arc::from(principal.name())) {
            Ok(()) => Ok(principal),
            Err(_) => Err(too_often()),
        }
    }

    /// Forgets entries that are no longer needed.
    pub fn sweep(&self) {
        self.requests.retain_recent();
        if let Some(tokens) = &self.tokens {
            lock(&tokens.known).retain(|_, known| known.checked.elapsed() < REMEMBERED);
            lock(&tokens.failures).retain(|_, failures| failures.last.elapsed() < FORGIVEN);
        }
    }
}

impl Tokens {
    fn new(vault: Vault) -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice())?;
        let (known, failures) = Default::default();
        let checks = Arc::new(Semaphore::new(CHECKS_AT_A_TIME));
        let pending = Arc::new(Semaphore::new(MOST_PENDING));
        Ok(Self { vault, key, known, failures, checks, pending })
    }

    async fn admit(&self, request: &HttpRequest) -> Result<Principal, ApiError> {
        let presented = presented(request).ok_or_else(no_token)?;
        let fingerprint = *blake3::keyed_hash(&self.key, presented.as_bytes()).as_bytes();
        if let Some(principal) = self.known(&fingerprint) {
            return Ok(principal);
        }
        let address = request.peer_addr().map(|address| address.ip());
        if let Some(delay) = self.delay(address) {
            tokio::time::sleep(delay).await;
        }
        let version = self.vault.tokens_version();
        match self.check(presented).await? {
            Ok(token) => Ok(self.remember(fingerprint, &token, version)),
            Err(refusal) => {
                self.failed(address);
                Err(refused(&refusal))
            }
        }
    }

    fn known(&self, fingerprint: &[u8; 32]) -> Option<Principal> {
        let known = lock(&self.known);
        let known = known.get(fingerprint)?;
        let fresh = known.checked.elapsed() < REMEMBERED;
        let current = known.version == self.vault.tokens_version();
        let expired = known.expires.is_some_and(|expires| expires <= clock::seconds());
        (fresh && current && !expired).then(|| known.principal.clone())
    }

    async fn check(
        &self,
        presented: Zeroizing<String>,
    ) -> Result<Result<Token, TokenRefusal>, ApiError> {
        // Many wrong tokens at once must not make right ones wait for long.
        let pending = Arc::clone(&self.pending).try_acquire_owned().map_err(|_| too_often())?;
        let turn = Arc::clone(&self.checks).acquire_owned().await;
        let turn = turn.map_err(|_| ApiError::unavailable("the authenticator"))?;
        let vault = self.vault.clone();
        blocking::run(move || {
            // The client may have gone meanwhile: the turn ends with the work.
            let _turn = (turn, pending);
            vault.check_token(&presented, clock::seconds())
        })
        .await
    }

    fn remember(&self, fingerprint: [u8; 32], token: &Token, version: u64) -> Principal {
        let principal = Principal::of_token(&token.name, &token.roles);
        let mut all = lock(&self.known);
        if all.len() < MOST_REMEMBERED {
            let (expires, checked) = (token.expires, Instant::now());
            let known = Known { principal: principal.clone(), expires, checked, version };
            all.insert(fingerprint, known);
        }
        principal
    }

    /// Returns the time that an address has to wait for its next attempt.
    fn delay(&self, address: Option<IpAddr>) -> Option<Duration> {
        let failures = *lock(&self.failures).get(&address?)?;
        if failures.last.elapsed() >= FORGIVEN {
            return None;
        }
        Some(delay(failures.count))
    }

    fn failed(&self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let mut all = lock(&self.failures);
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&address) {
            all.clear();
        }
        let failures = all.entry(address).or_insert(Failures { count: 0, last: Instant::now() });
        failures.count = failures.count.saturating_add(1);
        failures.last = Instant::now();
        let count = failures.count;
        tracing::warn!(%address, count, "a token was not accepted");
    }
}

/// Returns the delay of the next attempt after so many failures.
fn delay(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_DELAY.saturating_mul(doubled).min(LONGEST_DELAY)
}

/// Returns the token in a request: as bearer, or as the password of HTTP Basic with any user name.
/// Existing clients can write the latter into the URL.
fn presented(request: &HttpRequest) -> Option<Zeroizing<String>> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Zeroizing::new(value.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(value.trim()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    text.split_once(':').map(|(_, password)| Zeroizing::new(password.to_owned()))
}

fn no_token() -> ApiError {
    ApiError::new(Code::NoToken, "this node takes calls with a token only").hint(
        "send `Authorization: Bearer TOKEN`, or write the token into the API URL as the \
             password: https://any:TOKEN@host:port",
    )
}

/// Reports a refused token. An unknown one and a revoked one look the same.
fn refused(refusal: &TokenRefusal) -> ApiError {
    let (code, message) = match refusal {
        TokenRefusal::Expired => (Code::TokenExpired, "this token has expired"),
        TokenRefusal::Unreadable(error) => return ApiError::state(error),
        _ => (Code::TokenUnknown, "this node does not know this token"),
    };
    ApiError::new(code, message)
        .hint("have the node's operator make a new one: `cloister token new`")
}

fn too_often() -> ApiError {
    ApiError::new(Code::TooManyRequests, "you call too often")
        .hint("wait a second, or have the operator raise `access.requests_per_second`")
}

/// Locks a mutex. No holder of these locks panics; even after a panic, the guarded data are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn token_in(value: &str) -> Option<String> {
        let request = TestRequest::default().insert_header((header::AUTHORIZATION, value));
        presented(&request.to_http_request()).map(|token| token.to_string())
    }

    #[test]
    fn tokens_come_as_bearer_or_as_password() {
        assert_eq!(token_in("Bearer abc").as_deref(), Some("abc"));
        // any:abc
        assert_eq!(token_in("Basic YW55OmFiYw==").as_deref(), Some("abc"));
        for nonsense in ["", "Bearer", "Basic ???", "Digest abc", "Basic YWJj"] {
            assert_eq!(token_in(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn delays_grow_and_have_an_end() {
        let delays: Vec<Duration> = [1, 2, 3, 40].map(delay).into();
        let expected = [200, 400, 800, 5_000].map(Duration::from_millis);
        assert_eq!(delays, expected);
    }

    #[actix_rt::test]
    async fn clients_that_hang_up_do_not_keep_others_out() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let roles = [cloister_vault::Role::Researcher].into();
        let token = vault.make_token("ada", roles, None, clock::seconds()).await.unwrap();
        let access = Access { mode: AccessMode::Tokens, ..Access::default() };
        let authenticator = Authenticator::new(&access, vault).unwrap();
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", token.as_str()));
        let request = TestRequest::default().insert_header(bearer).to_http_request();
        for _ in 0..2 * MOST_PENDING {
            let admitted = authenticator.admit(&request);
            assert!(tokio::time::timeout(Duration::ZERO, admitted).await.is_err());
        }
        assert_eq!(authenticator.admit(&request).await.unwrap().name(), "ada");
    }
}
