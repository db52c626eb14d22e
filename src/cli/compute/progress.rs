//! The progress of each party: moving lines on a terminal, a line for each change elsewhere. Only
//! standard error is written to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cloister_client::{Computation, LinkProblem, State, Waiting};
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::render::clean;

/// The time before which nothing is shown: most computations take less.
const PATIENT: Duration = Duration::from_secs(2);

/// The interval at which the moving lines move.
const TICK: Duration = Duration::from_millis(120);

/// Shows how far a computation is.
pub(super) struct Progress {
    lines: Lines,
    /// Since when each party tells that it waits for the same.
    waits: RefCell<BTreeMap<String, Wait>>,
}

enum Lines {
    Moving(BTreeMap<String, ProgressBar>),
    Written,
}

struct Wait {
    waiting: Waiting,
    since: Instant,
    /// The reason that was written with it, blank if there was none; none before it is written.
    told: Option<String>,
}

impl Progress {
    /// Shows the progress of a computation between these parties.
    pub(super) fn of<'a>(parties: impl Iterator<Item = &'a str>) -> Self {
        let moving = Term::stderr().is_term() && std::env::var("TERM").is_ok_and(|t| t != "dumb");
        let lines = if moving { Lines::Moving(moving_lines(parties)) } else { Lines::Written };
        Self { lines, waits: RefCell::default() }
    }

    /// Shows that a party was asked, or has answered.
    pub(super) fn show(&self, party: &str, state: State<'_>) {
        let text = match state {
            State::Asked => "asked".to_owned(),
            State::Done(report) => format!(
                "done, {} rounds, {} bytes sent, {:.1} ms",
                report.cost.rounds,
                report.cost.bytes_sent,
                report.cost.seconds * 1e3
            ),
            State::Failed(error) => format!("failed: {}", clean(&error.to_string())),
        };
        match &self.lines {
            Lines::Written => eprintln!("{party}: {text}"),
            Lines::Moving(lines) => {
                let Some(line) = lines.get(party) else { return };
                match state {
                    State::Asked => line.set_message(text),
                    _ => line.finish_with_message(text),
                }
            }
        }
    }

    /// Shows the nodes' answers while they compute, and why those that wait have no link.
    pub(super) fn update(&self, told: &[(String, Computation)], problems: &[LinkProblem]) {
        for (party, computation) in told {
            let waiting = self.waiting(party, computation);
            let reason = reason(party, computation, problems);
            match &self.lines {
                Lines::Moving(lines) => {
                    if let Some(line) = lines.get(party).filter(|line| !line.is_finished()) {
                        line.set_message(match waiting {
                            Some(waiting) => waiting + &reason,
                            None => stage(computation),
                        });
                    }
                }
                Lines::Written => {
                    if let Some(text) = self.unwritten(party, waiting, reason) {
                        eprintln!("{party}: {text}");
                    }
                }
            }
        }
    }

    /// Stops all lines that move.
    pub(super) fn end(&self) {
        if let Lines::Moving(lines) = &self.lines {
            lines.values().filter(|line| !line.is_finished()).for_each(ProgressBar::abandon);
        }
    }

    /// Writes `waiting for clinic-b since 00:12, at agreeing`, if that has lasted. The time counts
    /// from when this client first heard of it: clocks differ.
    fn waiting(&self, party: &str, computation: &Computation) -> Option<String> {
        let mut waits = self.waits.borrow_mut();
        let Some(waiting) = computation.waiting.clone().filter(|w| !w.parties.is_empty()) else {
            waits.remove(party);
            return None;
        };
        let new = Wait { waiting: waiting.clone(), since: Instant::now(), told: None };
        let wait = waits.entry(party.to_owned()).or_insert(new);
        if wait.waiting != waiting {
            *wait = Wait { waiting, since: Instant::now(), told: None };
        }
        let lasted = wait.since.elapsed();
        (lasted >= PATIENT).then(|| describe(&wait.waiting, lasted))
    }

    /// Returns the line on a party's wait that is to be written: once for each wait and reason.
    fn unwritten(&self, party: &str, waiting: Option<String>, reason: String) -> Option<String> {
        let mut waits = self.waits.borrow_mut();
        let (text, wait) = (waiting?, waits.get_mut(party)?);
        let is_new = match &wait.told {
            None => true,
            Some(told) => !reason.is_empty() && *told != reason,
        };
        is_new.then(|| {
            wait.told = Some(reason.clone());
            text + &reason
        })
    }
}

fn moving_lines<'a>(parties: impl Iterator<Item = &'a str>) -> BTreeMap<String, ProgressBar> {
    let all = MultiProgress::new();
    let names: Vec<&str> = parties.collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("|/-\\*");
    names
        .iter()
        .map(|name| {
            let line = all.add(ProgressBar::new_spinner().with_style(style.clone()));
            line.set_prefix(format!("{name:width$}"));
            line.enable_steady_tick(TICK);
            ((*name).to_owned(), line)
        })
        .collect()
}

fn stage(computation: &Computation) -> String {
    let Computation { state, round, step, .. } = computation;
    let at = match round {
        0 => String::new(),
        round => format!(", round {round}"),
    };
    let step = match step.as_str() {
        "" => String::new(),
        step if step == state => String::new(),
        step => format!(", {step}"),
    };
    clean(&format!("{state}{at}{step}"))
}

fn describe(waiting: &Waiting, lasted: Duration) -> String {
    let seconds = lasted.as_secs();
    let at = match waiting.what.as_str() {
        "" => String::new(),
        what => format!(", at {what}"),
    };
    let (parties, minutes) = (waiting.parties.join(", "), seconds / 60);
    clean(&format!("waiting for {parties} since {minutes:02}:{:02}{at}", seconds % 60))
}

/// Writes why this party has no link to those that it waits for, as its node tells; blank if it
/// does not.
fn reason(party: &str, computation: &Computation, problems: &[LinkProblem]) -> String {
    let Some(waiting) = &computation.waiting else { return String::new() };
    let of_waiting =
        |problem: &&LinkProblem| problem.from == party && waiting.parties.contains(&problem.to);
    let told = problems.iter().filter(of_waiting);
    clean(
        &told
            .map(|LinkProblem { to, problem, .. }| format!("; {to}: {problem}"))
            .collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn computation(waiting: serde_json::Value) -> Computation {
        let document = json!({
            "id": "1", "network": "n", "state": "running", "round": 2, "step": "opening",
            "waiting": waiting,
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_wait_says_for_whom_and_at_what_when_it_has_lasted() {
        let agreeing = json!({"parties": ["b", "c"], "for": "agreeing", "since": "x"});
        let waiting = computation(agreeing).waiting.unwrap();
        let text = describe(&waiting, Duration::from_secs(72));
        assert_eq!(text, "waiting for b, c since 01:12, at agreeing");
        let progress = Progress { lines: Lines::Written, waits: RefCell::default() };
        let told = computation(json!({"parties": ["b"], "for": "agreeing", "since": "x"}));
        assert_eq!(progress.waiting("a", &told), None, "it has only begun");
        let long = Instant::now().checked_sub(PATIENT).unwrap();
        progress.waits.borrow_mut().get_mut("a").unwrap().since = long;
        assert!(progress.waiting("a", &told).unwrap().starts_with("waiting for b since 00:"));
        let other = computation(json!({"parties": ["c"], "for": "agreeing", "since": "y"}));
        assert_eq!(progress.waiting("a", &other), None, "another wait begins anew");
    }

    #[test]
    fn the_reason_of_a_failed_line_stands_beside_the_wait() {
        let problem = |from: &str, to: &str, problem: &str| LinkProblem {
            from: from.into(),
            to: to.into(),
            problem: problem.into(),
        };
        let told = computation(json!({"parties": ["b"], "for": "a connection", "since": "x"}));
        let problems = [
            problem("a", "b", "no route\u{1b}[2J"),
            problem("a", "c", "another"),
            problem("b", "a", "its own"),
        ];
        let first = reason("a", &told, &problems);
        assert_eq!(first.replace(char::is_control, "?"), first, "control characters are cleaned");
        assert!(first.starts_with("; b: no route") && !first.contains("another"), "{first}");
        assert_eq!(reason("a", &computation(json!(null)), &problems), "");
        let progress = Progress { lines: Lines::Written, waits: RefCell::default() };
        let unwritten = |reason: &str| {
            progress.waiting("a", &told);
            let long = Instant::now().checked_sub(PATIENT).unwrap();
            progress.waits.borrow_mut().get_mut("a").unwrap().since = long;
            progress.unwritten("a", progress.waiting("a", &told), reason.to_owned())
        };
        assert!(unwritten("").unwrap().ends_with("at a connection"));
        assert_eq!(unwritten(""), None, "a wait is written once");
        assert!(unwritten("; b: refused").unwrap().ends_with("at a connection; b: refused"));
        assert_eq!(unwritten("; b: refused"), None);
        assert_eq!(unwritten(""), None);
        assert!(unwritten("; b: unknown").is_some(), "another reason is told");
    }

    #[test]
    fn stages_are_written_in_a_line() {
        assert_eq!(stage(&computation(json!(null))), "running, round 2, opening");
        let early = Computation { round: 0, step: "running".into(), ..computation(json!(null)) };
        assert_eq!(stage(&early), "running");
    }
}
