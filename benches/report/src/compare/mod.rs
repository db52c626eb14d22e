//! Two measurements side by side: what has become worse.
//!
//! Rounds and bytes follow from the protocol: any growth is a change of the protocol, and worse. Times
//! depend on the machine; what is compared is how near a line is to the nearest limit that was measured
//! beside it, and only a fall by more than a tolerance is worse. Where that limit is the bare round trip of
//! this machine alone, nothing follows: processors that sleep or not change it threefold from second to
//! second.
//!
//! What moves from preparation to what is online is worse, too, even if it is no more in all: it is waited
//! for when there are data.

mod table;

use crate::cases::same;
use crate::measurement::{Case, LATENCY, Line, Measurement, Stage, StageCost};
use crate::numbers::{nearest, ratio, wide};

/// What came of two measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The cases that are in both, in the order of the new measurement.
    pub rows: Vec<Row>,
    /// The cases that only the old measurement has.
    pub missing: Vec<Case>,
    /// The cases that only the new measurement has.
    pub added: Vec<Case>,
    /// The cases that the old measurement has, and that could not be measured any more: that is worse.
    pub lost: Vec<Case>,
}

/// A case that is in both measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub case: Case,
    /// Rounds.
    pub rounds: Change,
    /// Messages that wait for each other.
    pub depth: Change,
    /// Bytes of all nodes.
    pub bytes: Change,
    /// Messages of all nodes.
    pub messages: Change,
    /// The median time in seconds.
    pub seconds: Change,
    /// The parts that are preparation and online. Absent where neither measurement has preparation.
    pub stages: Option<StageChanges>,
    /// The share of the median time that the nearest bound alone would take: 1 is as fast as can be.
    /// Absent where either measurement has no bound.
    pub nearness: Option<Change>,
    /// In what it has become worse; nothing if it has not.
    pub worse: Vec<Worse>,
}

/// What has become of a case's stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageChanges {
    /// What can be done ahead.
    pub preparation: StageChange,
    /// What is left for when there are data.
    pub online: StageChange,
}

/// What has become of one stage of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageChange {
    /// Rounds.
    pub rounds: Change,
    /// Messages that wait for each other.
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
    /// In the old measurement.
    pub old: f64,
    /// In the new measurement.
    pub new: f64,
}

/// In what a line has become worse.
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

/// Compares two measurements, case by case. `tolerance` is the share by which the nearness to the bound
/// may fall: with 0.2, from 0.5 to 0.4.
#[must_use]
pub fn compare(old: &Measurement, new: &Measurement, tolerance: f64) -> Comparison {
    let pairs = new.lines.iter().filter_map(|line| Some((find(old, &line.case)?, line)));
    Comparison {
        rows: pairs.map(|(old, new)| Row::of(old, new, tolerance)).collect(),
        missing: only(old, new),
        added: only(new, old),
        lost: lost(old, new),
    }
}

impl Comparison {
    /// Whether any line has become worse, or is lost. Cases that are missing otherwise are not: the
    /// measurement may have been a smaller one.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        !self.lost.is_empty() || self.rows.iter().any(|row| !row.worse.is_empty())
    }

    /// The comparison for a terminal: one row for each case, then what is in one measurement only.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }
}

impl Change {
    /// How many times the old number is in the new one, if that is a number.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        ratio(self.old, self.new)
    }
}

impl Row {
    fn of(old: &Line, new: &Line, tolerance: f64) -> Self {
        let counts = |of: fn(&Line) -> u64| Change { old: nearest(of(old)), new: nearest(of(new)) };
        let rounds = counts(|line| wide(line.rounds));
        let bytes = counts(|line| line.bytes);
        let nearness = nearness(old).zip(nearness(new)).map(|(old, new)| Change { old, new });
        let fell = nearness.is_some_and(|share| share.new < share.old * (1.0 - tolerance));
        let fell = fell && !rests_on_processors(old) && !rests_on_processors(new);
        // Counted as they are: as doubles, the largest lose their last digits.
        let [before, after] = [old, new].map(|line| line.stage(Stage::Online));
        let grown = [
            grown(new.rounds > old.rounds, after.rounds > before.rounds, Worse::ROUNDS),
            grown(new.depth > old.depth, after.depth > before.depth, Worse::DEPTH),
            grown(new.bytes > old.bytes, after.bytes > before.bytes, Worse::BYTES),
            fell.then_some(Worse::Nearness),
        ];
        Self {
            case: new.case.clone(),
            rounds,
            depth: counts(|line| wide(line.depth)),
            bytes,
            messages: counts(|line| line.messages),
            seconds: Change { old: old.seconds.median, new: new.seconds.median },
            stages: StageChanges::of(old, new),
            nearness,
            worse: grown.into_iter().flatten().collect(),
        }
    }
}

/// What has grown: all of it, or else what of it is online.
fn grown(whole: bool, online: bool, [of_whole, of_online]: [Worse; 2]) -> Option<Worse> {
    match (whole, online) {
        (true, _) => Some(of_whole),
        (false, true) => Some(of_online),
        (false, false) => None,
    }
}

impl Worse {
    /// In all, and online.
    const ROUNDS: [Self; 2] = [Self::Rounds, Self::OnlineRounds];
    const DEPTH: [Self; 2] = [Self::Depth, Self::OnlineDepth];
    const BYTES: [Self; 2] = [Self::Bytes, Self::OnlineBytes];
}

impl StageChanges {
    fn of(old: &Line, new: &Line) -> Option<Self> {
        let change = |stage| StageChange::of(&old.stage(stage), &new.stage(stage));
        let prepares = old.stages.is_some() || new.stages.is_some();
        prepares.then(|| Self {
            preparation: change(Stage::Preparation),
            online: change(Stage::Online),
        })
    }
}

impl StageChange {
    fn of(old: &StageCost, new: &StageCost) -> Self {
        let counts =
            |of: fn(&StageCost) -> u64| Change { old: nearest(of(old)), new: nearest(of(new)) };
        Self {
            rounds: counts(|cost| wide(cost.rounds)),
            depth: counts(|cost| wide(cost.depth)),
            bytes: counts(|cost| cost.bytes),
            messages: counts(|cost| cost.messages),
            seconds: Change { old: old.seconds.median, new: new.seconds.median },
        }
    }
}

/// The share of the median time that the nearest bound would take.
fn nearness(line: &Line) -> Option<f64> {
    ratio(line.seconds.median, line.nearest()?.seconds)
}

/// Whether what the line is held against depends on whether this machine's processors sleep.
fn rests_on_processors(line: &Line) -> bool {
    let latency = line.nearest().is_some_and(|bound| bound.name == LATENCY);
    latency && line.case.link.round_trip <= 0.0
}

fn lost(old: &Measurement, new: &Measurement) -> Vec<Case> {
    let skipped = new.skipped.iter().map(|skipped| &skipped.case);
    skipped.filter(|case| find(old, case).is_some()).cloned().collect()
}

fn find<'lines>(measurement: &'lines Measurement, case: &Case) -> Option<&'lines Line> {
    measurement.lines.iter().find(|line| same(&line.case, case))
}

fn only(one: &Measurement, other: &Measurement) -> Vec<Case> {
    let cases = one.lines.iter().map(|line| &line.case);
    cases.filter(|case| find(other, case).is_none()).cloned().collect()
}

#[cfg(test)]
mod tests;
