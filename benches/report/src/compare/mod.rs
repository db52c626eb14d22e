//! The comparison of two measurements, which finds the lines that became worse.
//!
//! Rounds and bytes follow from the protocol, so any growth is a change of the protocol, and worse.
//! Where a change is named, such as a longer proposal, so many more bytes a line can be tolerated.
//! Times depend on the machine. So the nearness to the nearest bound of the same run is compared,
//! and only a fall by more than a tolerance is worse. If that bound is the bare round trip of this
//! machine, nothing follows: sleeping processors change it threefold from second to second.
//!
//! A move from preparation to the online stage is worse too, even with the same total, because the
//! online stage delays the result.

mod table;

use crate::cases::same;
use crate::measurement::{Case, LATENCY, Line, Measurement, Stage};
use crate::numbers::{nearest, ratio, wide};

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The cases that are in both, in the order of the new measurement.
    pub rows: Vec<Row>,
    /// The cases that only the old measurement has.
    pub missing: Vec<Case>,
    /// The cases that only the new measurement has.
    pub added: Vec<Case>,
    /// The cases of the old measurement that could not be measured any more, which is worse.
    pub lost: Vec<Case>,
}

/// A case that is in both measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// Rounds.
    pub rounds: Change,
    /// The longest chain of messages that wait for each other.
    pub depth: Change,
    /// Bytes of all nodes.
    pub bytes: Change,
    /// Messages of all nodes.
    pub messages: Change,
    /// The median time in seconds.
    pub seconds: Change,
    /// The changes of both stages. Absent if neither measurement has preparation.
    pub stages: Option<StageChanges>,
    /// The nearest bound divided by the median time; 1 is optimal. Absent if either measurement has
    /// no bound.
    pub nearness: Option<Change>,
    /// The respects in which it became worse; empty if it did not.
    pub worse: Vec<Worse>,
}

/// The changes of a case's stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageChanges {
    /// The part that can be done ahead.
    pub preparation: StageChange,
    /// The part that needs the data.
    pub online: StageChange,
}

/// The changes of one stage of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageChange {
    /// Rounds.
    pub rounds: Change,
    /// The longest chain of messages that wait for each other.
    pub depth: Change,
    /// Bytes of all nodes.
    pub bytes: Change,
    /// Messages of all nodes.
    pub messages: Change,
    /// The median time in seconds.
    pub seconds: Change,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The number in the old measurement.
    pub old: f64,
    /// The number in the new measurement.
    pub new: f64,
}

/// A respect in which a line became worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// It takes more rounds.
    Rounds,
    /// More messages wait for each other.
    Depth,
    /// It sends more bytes.
    Bytes,
    /// It takes more rounds online, though no more in all.
    OnlineRounds,
    /// More messages wait for each other online, though no more in all.
    OnlineDepth,
    /// It sends more bytes online, though no more in all.
    OnlineBytes,
    /// It is further from the nearest bound than is tolerated.
    Nearness,
}

/// The growth that is not yet worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The fraction by which the nearness to the bound may fall: with 0.2, from 0.5 to 0.4.
    pub nearness: f64,
    /// The further bytes that all nodes may send, in all and online.
    pub bytes: u64,
}

/// Compares two measurements, case by case.
#[must_use]
pub fn compare(old: &Measurement, new: &Measurement, tolerance: Tolerance) -> Comparison {
    let mut rows = Vec::new();
    for line in &new.lines {
        if let Some(before) = find(old, &line.case) {
            rows.push(Row::of(before, line, tolerance));
        }
    }
    Comparison { rows, missing: only(old, new), added: only(new, old), lost: lost(old, new) }
}

impl Comparison {
    /// Returns `true` if any line became worse or is lost. Other missing cases do not count,
    /// because the new measurement may be a smaller one.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        !self.lost.is_empty() || self.rows.iter().any(|row| !row.worse.is_empty())
    }

    /// Writes the comparison for a terminal: one row for each case, then the cases of one
    /// measurement only.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }
}

impl Change {
    fn of_counts(old: u64, new: u64) -> Self {
        Self { old: nearest(old), new: nearest(new) }
    }

    /// Divides the new number by the old one, if the result is finite.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        ratio(self.old, self.new)
    }
}

impl Row {
    fn of(old: &Line, new: &Line, tolerance: Tolerance) -> Self {
        let nearness = nearness(old).zip(nearness(new)).map(|(old, new)| Change { old, new });
        let mut worse = grown(old, new, tolerance.bytes);
        if nearness.is_some_and(|change| change.new < change.old * (1.0 - tolerance.nearness))
            && !depends_on_processors(old)
            && !depends_on_processors(new)
        {
            worse.push(Worse::Nearness);
        }
        Self {
            case: new.case.clone(),
            rounds: Change::of_counts(wide(old.rounds), wide(new.rounds)),
            depth: Change::of_counts(wide(old.depth), wide(new.depth)),
            bytes: Change::of_counts(old.bytes, new.bytes),
            messages: Change::of_counts(old.messages, new.messages),
            seconds: Change { old: old.seconds.median, new: new.seconds.median },
            stages: StageChanges::of(old, new),
            nearness,
            worse,
        }
    }
}

/// Lists the numbers that have grown, in all or else online. So many more bytes are tolerated.
///
/// Compares the counts themselves, because doubles would lose the last digits of large ones.
fn grown(old: &Line, new: &Line, bytes: u64) -> Vec<Worse> {
    let before = old.stage(Stage::Online);
    let after = new.stage(Stage::Online);
    let mut grown = Vec::new();
    if new.rounds > old.rounds {
        grown.push(Worse::Rounds);
    } else if after.rounds > before.rounds {
        grown.push(Worse::OnlineRounds);
    }
    if new.depth > old.depth {
        grown.push(Worse::Depth);
    } else if after.depth > before.depth {
        grown.push(Worse::OnlineDepth);
    }
    if new.bytes > old.bytes.saturating_add(bytes) {
        grown.push(Worse::Bytes);
    } else if after.bytes > before.bytes.saturating_add(bytes) {
        grown.push(Worse::OnlineBytes);
    }
    grown
}

impl StageChanges {
    fn of(old: &Line, new: &Line) -> Option<Self> {
        if old.stages.is_none() && new.stages.is_none() {
            return None;
        }
        Some(Self {
            preparation: StageChange::of(old, new, Stage::Preparation),
            online: StageChange::of(old, new, Stage::Online),
        })
    }
}

impl StageChange {
    fn of(old: &Line, new: &Line, stage: Stage) -> Self {
        let old = old.stage(stage);
        let new = new.stage(stage);
        Self {
            rounds: Change::of_counts(wide(old.rounds), wide(new.rounds)),
            depth: Change::of_counts(wide(old.depth), wide(new.depth)),
            bytes: Change::of_counts(old.bytes, new.bytes),
            messages: Change::of_counts(old.messages, new.messages),
            seconds: Change { old: old.seconds.median, new: new.seconds.median },
        }
    }
}

/// Divides the nearest bound by the median time.
fn nearness(line: &Line) -> Option<f64> {
    ratio(line.seconds.median, line.nearest()?.seconds)
}

/// Returns `true` if the nearest bound depends on the sleep of this machine's processors.
fn depends_on_processors(line: &Line) -> bool {
    let latency = line.nearest().is_some_and(|bound| bound.name == LATENCY);
    latency && line.case.link.round_trip <= 0.0
}

fn lost(old: &Measurement, new: &Measurement) -> Vec<Case> {
    new.skipped
        .iter()
        .map(|skipped| &skipped.case)
        .filter(|case| find(old, case).is_some())
        .cloned()
        .collect()
}

fn find<'lines>(measurement: &'lines Measurement, case: &Case) -> Option<&'lines Line> {
    measurement.lines.iter().find(|line| same(&line.case, case))
}

fn only(one: &Measurement, other: &Measurement) -> Vec<Case> {
    one.lines
        .iter()
        .map(|line| &line.case)
        .filter(|case| find(other, case).is_none())
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
