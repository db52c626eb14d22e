//! Each node by itself, as this client reaches it, and compared with most of the others.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cloister_client::{ApiMember, CallError, Consortium, NodeClient, NodeFacts};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Check, NodeCheck, Verdict, all};

/// A clock that is so far from most others is wrong, in seconds.
const CLOCK_OFF: f64 = 30.0;

/// A clock that is so far from most others needs a look, in seconds.
const CLOCK_DRIFTS: f64 = 2.0;

/// Fewer days are near the end of a certificate.
const FEW_DAYS: i64 = 30;

/// Less is little room for a node's state, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// A node that was asked.
struct Asked<'a> {
    member: &'a ApiMember,
    answer: Result<NodeFacts, CallError>,
    /// The lead of its clock over this machine's, in seconds.
    ahead: Option<f64>,
}

pub(super) async fn examine(consortium: &Consortium) -> Vec<NodeCheck> {
    let asked = all(consortium.each().map(|(member, client)| ask(member, client))).await;
    let most = Most::of(&asked);
    asked.iter().map(|node| node.check(&most)).collect()
}

async fn ask<'a>(member: &'a ApiMember, client: &NodeClient) -> Asked<'a> {
    let before = SystemTime::now();
    let answer = client.node().await;
    let taken = before.elapsed().unwrap_or_default();
    let ahead = answer.as_ref().ok().and_then(|facts| ahead(&facts.now, before + taken / 2));
    Asked { member, answer, ahead }
}

/// Computes the lead of a clock over `now`, in seconds.
fn ahead(clock: &str, now: SystemTime) -> Option<f64> {
    let clock = OffsetDateTime::parse(clock, &Rfc3339).ok()?;
    Some((clock - OffsetDateTime::from(now)).as_seconds_f64())
}

/// The majority of the nodes' answers.
struct Most {
    consortium: Option<String>,
    protocol: Option<u64>,
    ahead: f64,
}

impl Most {
    fn of(asked: &[Asked<'_>]) -> Self {
        let facts = || asked.iter().filter_map(|node| node.answer.as_ref().ok());
        let mut clocks: Vec<f64> = asked.iter().filter_map(|node| node.ahead).collect();
        // This machine's own clock is one more witness.
        clocks.push(0.0);
        clocks.sort_by(f64::total_cmp);
        Self {
            consortium: most(facts().map(|facts| facts.consortium.clone())),
            protocol: most(facts().map(|facts| facts.protocol)),
            ahead: clocks.get(clocks.len() / 2).copied().unwrap_or_default(),
        }
    }
}

/// Returns the value that more than half of them have, if there is one.
fn most<T: Ord + Clone>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts = BTreeMap::<T, usize>::new();
    let mut all = 0;
    for value in values {
        *counts.entry(value).or_default() += 1;
        all += 1;
    }
    counts.into_iter().find(|(_, count)| 2 * count > all).map(|(value, _)| value)
}

impl Asked<'_> {
    fn check(&self, most: &Most) -> NodeCheck {
        let checks = match &self.answer {
            Ok(facts) => self.examine(facts, most),
            Err(error) => vec![self.unanswered(error)],
        };
        let (member, api) = (self.member.name.clone(), self.member.api.clone());
        NodeCheck { member, api, verdict: Verdict::worst(&checks), checks }
    }

    fn unanswered(&self, error: &CallError) -> Check {
        let name = self.member.name.as_str();
        match error {
            CallError::Refused(refusal) if refusal.status == 401 => {
                let remedy = format!(
                    "have the operator of {name} make a token (`cloister token new`), and put it into \
                     the file that `token_file` names in client.toml, or into CLOISTER_TOKEN"
                );
                Check::failed("token", refusal.error.message.clone(), (&remedy, name))
            }
            CallError::Refused(refusal) if refusal.error.code == "no_such_path" => {
                let remedy = "bring this node to the same release as the others";
                Check::failed("api", "it does not know this request", (remedy, name))
            }
            CallError::Refused(refusal) => {
                Check::failed("api", error.to_string(), (&refusal.error.hint, name))
            }
            CallError::Unreachable { .. } | CallError::Timeout { .. } => {
                let remedy = format!(
                    "see that the node of {name} runs, that `api` in client.toml is its address \
                     ({}), and that nothing between here and there stops it",
                    self.member.api
                );
                Check::failed("api", error.to_string(), (&remedy, name))
            }
            CallError::Alien { .. } | CallError::NotAwaited => {
                let remedy = "see what answers there: the address may be that of another program, or of \
                              the node's port for other nodes";
                Check::failed("api", error.to_string(), (remedy, name))
            }
        }
    }

    fn examine(&self, facts: &NodeFacts, most: &Most) -> Vec<Check> {
        vec![
            self.party(facts),
            self.caller(facts),
            self.release(facts, most),
            self.file(facts, most),
            self.certificate(facts),
            self.clock(most),
            self.room(facts),
        ]
    }

    fn party(&self, facts: &NodeFacts) -> Check {
        let name = self.member.name.as_str();
        if facts.party == name {
            return Check::ok("api", format!("it answers at {}", self.member.api));
        }
        let what = format!("at {} answers the node of {}", self.member.api, facts.party);
        let remedy = format!("correct `api` of {name} in client.toml");
        Check::failed("api", what, (&remedy, "you"))
    }

    fn caller(&self, facts: &NodeFacts) -> Check {
        let Some(caller) = &facts.principal else {
            return Check::skipped("token", "it does not say who calls");
        };
        let rights = caller.rights.join(", ");
        if caller.rights.iter().any(|right| right == "compute") {
            return Check::ok("token", format!("you are {}: {rights}", caller.name));
        }
        let what = format!("you are {} and may not compute, only {rights}", caller.name);
        let remedy = "ask for a token with the role researcher, if you are to compute";
        Check::warning("token", what, (remedy, &self.member.name))
    }

    fn release(&self, facts: &NodeFacts, most: &Most) -> Check {
        let what = format!("release {}, version {} of the protocol", facts.version, facts.protocol);
        match most.protocol {
            Some(usual) if usual != facts.protocol => {
                let remedy = format!(
                    "bring the node of {} to the release of the others, which speak version {usual}",
                    self.member.name
                );
                Check::failed("version", what, (&remedy, &self.member.name))
            }
            _ => Check::ok("version", what),
        }
    }

    fn file(&self, facts: &NodeFacts, most: &Most) -> Check {
        let short: String = facts.consortium.chars().take(12).collect();
        match &most.consortium {
            Some(usual) if *usual != facts.consortium => {
                let what = format!("its consortium file ({short}…) is not that of most others");
                let remedy = format!(
                    "give {} the file of the others (`cloister consortium diff` tells two apart), and \
                     restart its node",
                    self.member.name
                );
                Check::failed("consortium", what, (&remedy, &self.member.name))
            }
            Some(_) => Check::ok("consortium", format!("the file of most ({short}…)")),
            None => Check::ok("consortium", format!("file {short}…")),
        }
    }

    fn certificate(&self, facts: &NodeFacts) -> Check {
        let name = self.member.name.as_str();
        let Some(certificate) = &facts.certificate else {
            return Check::skipped("certificate", "it does not tell of it");
        };
        let days = certificate.days_left;
        match days {
            days if days < 0 => {
                let remedy =
                    "renew it (`cloister identity renew`) and send the new card to all members";
                Check::failed("certificate", "it has expired", (remedy, name))
            }
            days if days < FEW_DAYS => {
                let remedy =
                    "renew it in time (`cloister identity renew`): every member needs the new card";
                let what = format!("valid for {days} days more");
                Check::warning("certificate", what, (remedy, name))
            }
            days => Check::ok("certificate", format!("valid for {days} days more")),
        }
    }

    fn clock(&self, most: &Most) -> Check {
        let name = self.member.name.as_str();
        let Some(ahead) = self.ahead else {
            return Check::skipped("clock", "it does not tell the time");
        };
        let off = ahead - most.ahead;
        let side = if off < 0.0 { "behind" } else { "ahead of" };
        let what = format!("{} {side} most others", duration(off.abs()));
        let remedy = format!("set the clock of {name}'s machine, and have it kept (NTP)");
        match off.abs() {
            far if far > CLOCK_OFF => Check::failed("clock", what, (&remedy, name)),
            far if far > CLOCK_DRIFTS => Check::warning("clock", what, (&remedy, name)),
            _ => Check::ok("clock", "as most others"),
        }
    }

    fn room(&self, facts: &NodeFacts) -> Check {
        let memory = facts.memory_bytes.map(gigabytes);
        let memory = memory.map_or(String::new(), |held| format!(", {held} held in memory"));
        match facts.disk_free_bytes {
            Some(free) if free < LITTLE_ROOM => {
                let what = format!("{} free on the disk with its state{memory}", gigabytes(free));
                let remedy = "make room: a node that cannot write its audit log computes nothing";
                Check::warning("disk", what, (remedy, &self.member.name))
            }
            Some(free) => Check::ok("disk", format!("{} free{memory}", gigabytes(free))),
            None => Check::skipped("disk", "it does not tell"),
        }
    }
}

/// Writes bytes in GiB, to whole MiB.
fn gigabytes(bytes: u64) -> String {
    let megabytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    format!("{:.1} GiB", f64::from(megabytes) / 1024.0)
}

/// Seconds in words, for people who set clocks.
fn duration(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs() {
        0..90 => format!("{seconds:.1} s"),
        90..5_400 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_is_more_than_half() {
        assert_eq!(most([1, 2, 1].into_iter()), Some(1));
        assert_eq!(most([1, 2].into_iter()), None);
        assert_eq!(most::<u8>([].into_iter()), None);
    }

    #[test]
    fn clocks_are_read_and_told_in_words() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let two_hours = ahead("2023-11-15T00:13:20.000Z", now).unwrap();
        assert_eq!(duration(two_hours), "2.0 h");
        assert_eq!(duration(ahead("2023-11-14T22:13:21.500Z", now).unwrap()), "1.5 s");
        assert!(ahead("yesterday", now).is_none());
    }
}
