//! Authentication of callers: tokens, the rate of calls, and the slowing of failed attempts.
//!
//! A token is checked in microseconds, on the thread of its request: nothing waits for another
//! caller's token. Only a token of an earlier release is hashed slowly, on a thread for blocking
//! work, until it was right once. A caller that fails waits longer for each answer, and is written
//! to the log.

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

/// The slow hashes of tokens that are computed at a time: each takes some megabytes and a processor.
const CHECKS_AT_A_TIME: usize = 2;

/// The most slow checks that may wait.
const MOST_PENDING: usize = 64;

/// The delay of the answer to the second failed attempt; each further one doubles it.
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
    failures: Mutex<HashMap<IpAddr, Failures>>,
    checks: Arc<Semaphore>,
    /// The number of slow checks that wait or run.
    pending: Arc<Semaphore>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Authenticator {
    /// Creates the authenticator of these settings, with the tokens in `vault`.
    #[must_use]
    pub fn new(access: &Access, vault: Vault) -> Self {
        let tokens = match access.mode {
            AccessMode::Open => None,
            AccessMode::Tokens => Some(Tokens::new(vault)),
        };
        let least = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(least(access.requests_per_second));
        let quota = quota.allow_burst(least(access.burst));
        Self { tokens, requests: RateLimiter::keyed(quota) }
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
            lock(&tokens.failures).retain(|_, failures| failures.last.elapsed() < FORGIVEN);
        }
    }
}

impl Tokens {
    fn new(vault: Vault) -> Self {
        let checks = Arc::new(Semaphore::new(CHECKS_AT_A_TIME));
        let pending = Arc::new(Semaphore::new(MOST_PENDING));
        Self { vault, failures: Mutex::default(), checks, pending }
    }

    async fn admit(&self, request: &HttpRequest) -> Result<Principal, ApiError> {
        let presented = presented(request).ok_or_else(no_token)?;
        let checked = match self.vault.check_token_fast(&presented, clock::seconds()) {
            Some(checked) => checked,
            None => self.check_slowly(presented).await?,
        };
        match checked {
            Ok(token) => Ok(Principal::of_token(&token.name, &token.roles)),
            Err(refusal) => {
                // The answer is late, and no right token waits for it.
                if let Some(delay) = self.failed(request.peer_addr().map(|from| from.ip())) {
                    tokio::time::sleep(delay).await;
                }
                Err(refused(&refusal))
            }
        }
    }

    /// Checks a token of an earlier release.
    async fn check_slowly(
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

    /// Counts a failed attempt of an address. Returns the time that its answer has to wait.
    fn failed(&self, address: Option<IpAddr>) -> Option<Duration> {
        let address = address?;
        let mut all = lock(&self.failures);
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&address) {
            all.clear();
        }
        let failures = all.entry(address).or_insert(Failures { count: 0, last: Instant::now() });
        if failures.last.elapsed() >= FORGIVEN {
            failures.count = 0;
        }
        let before = failures.count;
        failures.count = before.saturating_add(1);
        failures.last = Instant::now();
        let count = failures.count;
        drop(all);
        // A flood writes a few lines only.
        if count.is_power_of_two() {
            tracing::warn!(%address, count, "a token was not accepted");
        }
        (before > 0).then(|| delay(before))
    }
}

/// Returns the delay of an answer after so many earlier failures.
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
    use futures_util::FutureExt;

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

    /// Makes an authenticator that knows one token. Returns the token, too.
    async fn one_token(folder: &tempfile::TempDir) -> (Authenticator, String) {
        let vault = Vault::open(folder.path()).unwrap();
        let roles = [cloister_vault::Role::Researcher].into();
        let token = vault.make_token("ada", roles, None, clock::seconds()).await.unwrap();
        let access = Access { mode: AccessMode::Tokens, ..Access::default() };
        (Authenticator::new(&access, vault), token.to_string())
    }

    fn request(token: &str, from: [u8; 4]) -> HttpRequest {
        let bearer = (header::AUTHORIZATION, format!("Bearer {token}"));
        let request = TestRequest::default().peer_addr((from, 1).into());
        request.insert_header(bearer).to_http_request()
    }

    /// Each attempt is under way while the right token comes, which was never seen before.
    #[actix_rt::test]
    async fn random_tokens_keep_no_right_one_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let (authenticator, token) = one_token(&folder).await;
        let right = request(&token, [192, 0, 2, 1]);
        for from in [[192, 0, 2, 2], [192, 0, 2, 1]] {
            let wrong = (0..900).map(|number: u64| {
                let text = format!("cloister_{number:016x}_{number:064x}");
                let request = request(&text, from);
                let authenticator = &authenticator;
                Box::pin(async move { authenticator.admit(&request).await })
            });
            let mut wrong: Vec<_> = wrong.collect();
            for attempt in &mut wrong {
                drop(attempt.now_or_never());
            }
            let admitted = authenticator.admit(&right).now_or_never();
            assert_eq!(admitted.unwrap().unwrap().name(), "ada");
        }
    }

    #[actix_rt::test]
    async fn the_first_failure_of_an_address_is_told_at_once_and_later_ones_are_late() {
        let folder = tempfile::tempdir().unwrap();
        let (authenticator, _) = one_token(&folder).await;
        let attempt = |from| {
            let (request, authenticator) = (request("cloister_wrong", from), &authenticator);
            async move { authenticator.admit(&request).await }
        };
        for from in [[192, 0, 2, 1], [192, 0, 2, 2]] {
            let first = attempt(from).now_or_never().unwrap();
            assert_eq!(first.unwrap_err().code(), Code::TokenUnknown);
            assert!(attempt(from).now_or_never().is_none());
        }
    }
}
