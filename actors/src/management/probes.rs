//! Probes of the line to another member. The findings come step by step, and each failure with the
//! action to take and the party that must take it.

use std::time::Duration;

use actix_web::web::Payload;
use cloister_api::{ProbeOrder, ProbeReport, ProbeStep, STEPS};
use cloister_certs::{HandshakeProblem, Refusal};

use super::node::days_left;
use super::{Admitted, Answer, answer};
use crate::links::{
    ConnectionError, Findings, GreetingError, LONGEST_IDLE, MOST_BYTES, Met, Probe,
};
use crate::sessions::ProbeMember;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Right;
use crate::vocabulary::shown::shown;

/// The offset from which on a clock is wrong, in seconds.
const CLOCK_OFF: f64 = 30.0;

/// The offset from which on a clock needs a look, in seconds.
const CLOCK_DRIFTS: f64 = 2.0;

/// The round trip time from which on rounds are slow.
const FAR: Duration = Duration::from_millis(300);

/// The bandwidth below which a line is slow, in bytes a second.
const NARROW: f64 = 500_000.0;

/// The number of days below which a certificate is near its end.
const FEW_DAYS: i64 = 30;

/// The verdict on a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Failed,
    Skipped,
}

pub(super) async fn probe(caller: Admitted, payload: Payload) -> Answer {
    if !caller.principal.may(Right::Observe) {
        caller.principal.check(Right::Compute)?;
    }
    let ProbeOrder { member, idle_seconds, bandwidth_bytes } = caller.body(payload).await?;
    let facts = caller.state.facts();
    let (position, to) = facts.member(&member).ok_or_else(|| no_such_member(&member))?;
    if position == facts.me {
        return Err(
            no_such_member(&member).hint("name another member: a node has no line to itself")
        );
    }
    let idle = Duration::from_secs(idle_seconds).min(LONGEST_IDLE);
    let bytes = usize::try_from(bandwidth_bytes).unwrap_or(usize::MAX).min(MOST_BYTES);
    let probe = Probe { idle, bytes };
    // It goes with the probe, which goes on where its client hangs up.
    let permit = Box::new(caller.state.probes.take(caller.principal.name()).ok_or_else(too_many)?);
    let findings = caller.state.of_sessions(ProbeMember { position, probe, permit }).await?;
    let findings = findings.ok_or_else(|| ApiError::unavailable("the link"))?;
    Ok(answer(&report(&facts.party, &to.name, &findings)))
}

fn no_such_member(name: &str) -> ApiError {
    let message = format!("the consortium file has no other member `{}`", shown(name));
    ApiError::new(Code::NoSuchMember, message).hint("GET /v1/members lists them")
}

fn too_many() -> ApiError {
    let message = "this node tries as many lines as it may at a time";
    ApiError::new(Code::Unavailable, message).hint("try again")
}

fn report(from: &str, to: &str, findings: &Findings) -> ProbeReport {
    let mut steps = Steps { from, to, steps: Vec::new() };
    steps.all(findings);
    for step in STEPS.into_iter().skip(steps.steps.len()) {
        steps.skipped(step);
    }
    let met = findings.met.as_ref().and_then(|met| met.as_ref().ok());
    ProbeReport {
        from: from.to_owned(),
        to: to.to_owned(),
        steps: steps.steps,
        round_trip_seconds: known(findings.round_trip.as_ref()).map(Duration::as_secs_f64),
        bytes_per_second: known(findings.bandwidth.as_ref()).copied(),
        clock_offset_seconds: met.map(|met| met.clock_ahead),
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

fn known<T>(found: Option<&Result<T, String>>) -> Option<&T> {
    found?.as_ref().ok()
}

/// The steps so far, of a line from one member to another.
struct Steps<'a> {
    from: &'a str,
    to: &'a str,
    steps: Vec<ProbeStep>,
}

impl Steps<'_> {
    fn all(&mut self, findings: &Findings) {
        self.resolved(findings);
        self.connected(findings);
        match &findings.met {
            None => {}
            Some(Err(error)) => self.not_met(error),
            Some(Ok(met)) => {
                self.ok("tls", "TLS 1.3, both ends with their certificates".into());
                self.met(met);
                self.line(findings);
            }
        }
    }

    fn resolved(&mut self, findings: &Findings) {
        let address = &findings.address;
        match &findings.resolved {
            Ok(addresses) => self.ok("resolve", format!("{address} is {}", addresses.join(", "))),
            Err(error) => {
                let remedy = format!(
                    "correct `peer` of {} in the consortium file, or the name service of {}'s machine",
                    self.to, self.from
                );
                let who = self.from.to_owned();
                self.failed("resolve", format!("{address} does not resolve: {error}"), remedy, who);
            }
        }
    }

    fn connected(&mut self, findings: &Findings) {
        let address = &findings.address;
        match &findings.connected {
            None => {}
            Some(Ok(time)) => {
                let milliseconds = time.as_secs_f64() * 1_000.0;
                self.ok("tcp", format!("connected within {milliseconds:.1} ms"));
            }
            Some(Err(error)) if error.contains("refused") => {
                let remedy = format!(
                    "nothing listens there: see that the node of {0} runs, that its `peer_listen` has \
                     the port of {address}, and that this is the address of {0} in the consortium file",
                    self.to
                );
                self.failed("tcp", format!("{address}: {error}"), remedy, self.to.to_owned());
            }
            Some(Err(error)) => {
                let remedy = format!(
                    "something between the two drops the connection: have the firewall of {} let in \
                     {address} from {}, and that of {} let it out",
                    self.to, self.from, self.from
                );
                self.failed("tcp", format!("{address}: {error}"), remedy, self.to.to_owned());
            }
        }
    }

    /// Reports a failure of TLS or of the greeting.
    fn not_met(&mut self, error: &ConnectionError) {
        let text = error.to_string();
        let (what, remedy) = match text.split_once("; ") {
            Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
            None => (text, format!("see the log of {}'s node", self.to)),
        };
        let to = self.to.to_owned();
        match error {
            ConnectionError::Greeting(GreetingError::Version { theirs }) => {
                self.ok("tls", "TLS 1.3".into());
                self.ok("identity", "both certificates are pinned".into());
                let older = *theirs < cloister_protocols::wire::VERSION;
                let remedy = if older {
                    format!("update the node of {to} to the release of {}'s", self.from)
                } else {
                    format!("update the node of {} to the release of {to}'s", self.from)
                };
                let who = if older { to } else { self.from.to_owned() };
                let ours = cloister_protocols::wire::VERSION;
                let what =
                    format!("it speaks version {theirs} of the protocol, {} {ours}", self.from);
                self.failed("version", what, remedy, who);
            }
            ConnectionError::Handshake(problem) if is_of_identity(problem) => {
                self.ok("tls", "the peer speaks TLS".into());
                let who = whose(problem, self.from, self.to);
                self.failed("identity", what, remedy, who);
            }
            _ => self.failed("tls", what, remedy, to),
        }
    }

    fn met(&mut self, met: &Met) {
        self.identity(met);
        let release = &met.theirs.release;
        self.ok(
            "version",
            format!("version {} of the protocol, release {release}", met.theirs.version),
        );
        match met.ours.check(&met.theirs) {
            Ok(()) => self.ok("consortium", "both have the same file".into()),
            Err(error) => {
                let text = error.to_string();
                let what = text.rsplit_once("; ").map_or(text.as_str(), |(what, _)| what);
                let remedy = format!(
                    "give {} and {} the same consortium file (`cloister consortium diff` tells the two \
                     apart) and restart the one that was changed",
                    self.from, self.to
                );
                let who = format!("{} or {}", self.from, self.to);
                self.failed("consortium", what.to_owned(), remedy, who);
            }
        }
        self.clock(met.clock_ahead);
    }

    fn identity(&mut self, met: &Met) {
        let days = met.certificate.as_ref().map(|facts| days_left(facts.not_after()));
        match days {
            Some(days) if days < FEW_DAYS => {
                let remedy = "renew it: `cloister identity renew`".to_owned();
                let what = format!("its certificate is valid for {days} days more");
                self.push("identity", Verdict::Warning, what, Some((remedy, self.to.to_owned())));
            }
            Some(days) => {
                self.ok("identity", format!("the pinned certificate, valid for {days} days more"));
            }
            None => self.ok("identity", "the pinned certificate".into()),
        }
    }

    fn clock(&mut self, ahead: f64) {
        let side = if ahead < 0.0 { "behind" } else { "ahead of" };
        let off = ahead.abs();
        let what = format!("its clock is {} {side} that of {}", duration(off), self.from);
        let remedy = format!(
            "set the clock of {}'s machine, or of {}'s if that is the one that is wrong, and have it kept \
             (NTP): certificates, tokens and approvals end by it",
            self.to, self.from
        );
        let who = format!("{} or {}", self.to, self.from);
        match off {
            off if off > CLOCK_OFF => self.failed("clock", what, remedy, who),
            off if off > CLOCK_DRIFTS => {
                self.push("clock", Verdict::Warning, what, Some((remedy, who)));
            }
            _ => self.ok("clock", "within two seconds of each other".into()),
        }
    }

    fn line(&mut self, findings: &Findings) {
        let broken = "the line broke: see both nodes' logs and what stands between them";
        let to = self.to.to_owned();
        match &findings.round_trip {
            None => return,
            Some(Ok(time)) if *time > FAR => {
                let what = format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
                let remedy = "every round of a computation takes as long: compute with fewer rounds, or \
                              over a shorter way";
                self.push("round_trip", Verdict::Warning, what, Some((remedy.into(), to.clone())));
            }
            Some(Ok(time)) => {
                self.ok("round_trip", format!("{:.1} ms", time.as_secs_f64() * 1_000.0));
            }
            Some(Err(error)) => {
                return self.failed("round_trip", error.clone(), broken.into(), to);
            }
        }
        match &findings.bandwidth {
            None => self.skipped("bandwidth"),
            Some(Ok(rate)) if *rate < NARROW => {
                let remedy = "large computations will take long: see what the line is shared with";
                let what = format!("{:.2} MB/s", rate / 1e6);
                self.push("bandwidth", Verdict::Warning, what, Some((remedy.into(), to.clone())));
            }
            Some(Ok(rate)) => self.ok("bandwidth", format!("{:.1} MB/s", rate / 1e6)),
            Some(Err(error)) => {
                return self.failed("bandwidth", error.clone(), broken.into(), to);
            }
        }
        match &findings.idle {
            None => {}
            Some(Ok(time)) => {
                self.ok("idle", format!("it stays open without a word for {} s", time.as_secs()));
            }
            Some(Err(error)) => {
                let remedy = "something between the two cuts connections on which nothing is sent (a \
                              proxy, a firewall, a load balancer): have it pass this port through, or \
                              raise its idle timeout";
                self.failed("idle", error.clone(), remedy.into(), to);
            }
        }
    }

    fn ok(&mut self, step: &'static str, detail: String) {
        self.push(step, Verdict::Ok, detail, None);
    }

    fn skipped(&mut self, step: &'static str) {
        self.push(step, Verdict::Skipped, String::new(), None);
    }

    fn failed(&mut self, step: &'static str, detail: String, remedy: String, who: String) {
        self.push(step, Verdict::Failed, detail, Some((remedy, who)));
    }

    fn push(
        &mut self,
        step: &'static str,
        verdict: Verdict,
        detail: String,
        remedy: Option<(String, String)>,
    ) {
        let (remedy, who) = remedy.unzip();
        let (step, verdict) = (step.to_owned(), verdict.word().to_owned());
        self.steps.push(ProbeStep { step, verdict, detail, remedy, who });
    }
}

/// Returns whether the problem is a certificate, and not TLS itself.
fn is_of_identity(problem: &HandshakeProblem) -> bool {
    use HandshakeProblem::{
        NoCertificate, OursExpired, OursMissing, OursNotYetValid, OursRefused, Refused,
    };
    matches!(
        problem,
        Refused(_)
            | NoCertificate
            | OursRefused { .. }
            | OursExpired { .. }
            | OursNotYetValid { .. }
            | OursMissing
    )
}

/// Returns the party that can mend the problem.
fn whose(problem: &HandshakeProblem, from: &str, to: &str) -> String {
    use HandshakeProblem::{OursExpired, OursMissing, OursRefused, Refused};
    match problem {
        OursExpired { .. } | OursMissing => from.to_owned(),
        OursRefused { .. } => to.to_owned(),
        Refused(Refusal::NotYetValid { .. }) => format!("{from} or {to}"),
        _ => to.to_owned(),
    }
}

/// Writes seconds in words, for people who set clocks.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 5_400.0 => format!("{:.1} h", s / 3_600.0),
        s if s >= 90.0 => format!("{:.1} min", s / 60.0),
        s => format!("{s:.1} s"),
    }
}
