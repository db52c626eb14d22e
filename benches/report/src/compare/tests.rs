use super::{Change, Comparison, Tolerance, Worse, compare};
use crate::measurement::{Bound, LATENCY, Line, Measurement, Skipped, Way};
use crate::testing;

const TOLERANCE: Tolerance = Tolerance { nearness: 0.2, bytes: 0 };

fn line() -> Line {
    testing::line("mean", Way::Real, testing::wan())
}

/// Compares the line with itself after a change.
fn after(change: impl Fn(&mut Line)) -> Comparison {
    let mut new = line();
    change(&mut new);
    compare(&testing::of(vec![line()]), &testing::of(vec![new]), TOLERANCE)
}

fn worse(comparison: &Comparison) -> Vec<Worse> {
    assert_eq!((comparison.rows.len(), comparison.missing.len()), (1, 0));
    comparison.rows[0].worse.clone()
}

#[test]
fn what_is_the_same_is_not_worse() {
    let measurement = testing::measurement();
    let comparison = compare(&measurement, &measurement, Tolerance { nearness: 0.0, bytes: 0 });
    assert!(!comparison.is_worse());
    assert_eq!(comparison.rows.len(), measurement.lines.len());
    let row = &comparison.rows[0];
    for change in [row.rounds, row.bytes, row.messages, row.seconds, row.nearness.unwrap()] {
        assert_eq!(change.ratio(), Some(1.0));
    }
    assert!((row.nearness.unwrap().old - 0.5).abs() < 1e-12);
}

#[test]
fn one_round_more_is_worse() {
    let comparison = after(|line| line.rounds += 1);
    assert_eq!(worse(&comparison), [Worse::Rounds]);
    assert!(comparison.is_worse());
    assert_eq!(comparison.rows[0].rounds, Change { old: 3.0, new: 4.0 });
}

fn with_bytes(bytes: u64) -> Measurement {
    testing::of(vec![Line { bytes, ..line() }])
}

#[test]
fn one_byte_more_is_worse_however_many_there_are() {
    assert_eq!(worse(&after(|line| line.bytes += 1)), [Worse::Bytes]);
    // As doubles they are the same.
    let comparison = compare(&with_bytes(1 << 60), &with_bytes((1 << 60) + 1), TOLERANCE);
    assert_eq!(worse(&comparison), [Worse::Bytes]);
}

#[test]
fn so_many_more_bytes_are_tolerated_and_not_one_more() {
    let tolerance = Tolerance { bytes: 100, ..TOLERANCE };
    let after = |more: u64| compare(&with_bytes(1 << 60), &with_bytes((1 << 60) + more), tolerance);
    assert!(!after(100).is_worse());
    assert_eq!(worse(&after(101)), [Worse::Bytes]);
}

#[test]
fn fewer_rounds_and_bytes_and_more_messages_are_not_worse() {
    let comparison = after(|line| {
        line.rounds -= 1;
        line.bytes -= 1;
        line.messages += 1;
    });
    assert!(!comparison.is_worse());
    assert_eq!(comparison.rows[0].messages.ratio(), Some(25.0 / 24.0));
}

#[test]
fn further_from_the_bound_than_is_tolerated_is_worse() {
    assert_eq!(worse(&after(|line| line.seconds.median *= 1.3)), [Worse::Nearness]);
    assert_eq!(worse(&after(|line| line.bounds[0].seconds *= 0.79)), [Worse::Nearness]);
}

#[test]
fn more_messages_that_wait_for_each_other_are_worse() {
    assert_eq!(worse(&after(|line| line.depth += 1)), [Worse::Depth]);
}

#[test]
fn what_cannot_be_measured_any_more_is_worse() {
    let mut new = testing::of(vec![]);
    new.skipped = vec![Skipped { case: line().case, reason: "it sends another byte".into() }];
    let comparison = compare(&testing::of(vec![line()]), &new, TOLERANCE);
    assert!(comparison.is_worse());
    assert!(comparison.table().contains("Could not be measured any more"));
    assert!(!compare(&testing::of(vec![simulated()]), &new, TOLERANCE).is_worse());
}

fn loopback(seconds: f64) -> Measurement {
    let mut line = testing::line("mean", Way::Real, testing::loopback());
    line.bounds = vec![Bound { name: LATENCY.into(), seconds }];
    testing::of(vec![line])
}

#[test]
fn the_bare_round_trip_of_one_machine_judges_nothing() {
    assert!(!compare(&loopback(0.004), &loopback(0.001), TOLERANCE).is_worse());
}

#[test]
fn what_is_tolerated_is_not_worse() {
    assert!(!after(|line| line.seconds.median *= 1.2).is_worse());
    assert!(!after(|line| line.bounds[0].seconds *= 0.81).is_worse());
    assert!(!after(|line| line.seconds.median *= 0.5).is_worse());
}

#[test]
fn a_slower_machine_is_not_worse() {
    let comparison = after(|line| {
        line.seconds.median *= 3.0;
        line.bounds[0].seconds *= 3.0;
    });
    assert!(!comparison.is_worse());
    assert!((comparison.rows[0].seconds.ratio().unwrap() - 3.0).abs() < 1e-12);
}

#[test]
fn cases_in_one_measurement_only_are_listed() {
    let other = testing::line("sort", Way::Real, testing::wan());
    let old = testing::of(vec![line(), other.clone()]);
    let new = testing::of(vec![Line { case: other.case.clone(), ..line() }, simulated()]);
    let comparison = compare(&old, &new, TOLERANCE);
    assert_eq!(comparison.missing, [line().case]);
    assert_eq!(comparison.added, [simulated().case]);
    assert_eq!(comparison.rows.len(), 1);
    let table = comparison.table();
    assert!(table.contains("Only in the old measurement:\n  mean, replicated"), "{table}");
    assert!(table.contains("Only in the new measurement:\n  mean, replicated"), "{table}");
}

fn simulated() -> Line {
    testing::line("mean", Way::Simulated, testing::wan())
}

#[test]
fn links_are_the_same_if_their_numbers_are_near() {
    let near = after(|line| line.case.link.round_trip *= 1.0 + 1e-12);
    assert_eq!(near.rows.len(), 1);
    let far = after(|line| line.case.link.round_trip *= 1.01);
    assert_eq!((far.rows.len(), far.missing.len(), far.added.len()), (0, 1, 1));
    let unbounded = after(|line| line.case.link.bandwidth = None);
    assert_eq!(unbounded.rows.len(), 0);
}

#[test]
fn the_table_says_what_is_worse() {
    let table = after(|line| {
        line.rounds *= 2;
        line.seconds.median *= 2.0;
    })
    .table();
    let row = table.lines().last().unwrap();
    assert!(row.starts_with("mean, replicated, teaching, 2 + 1 parties, 10 k rows, wan, real"));
    assert!(row.ends_with("rounds, nearness to the bound"), "{row}");
    for cell in ["2.00×", "=", "8.20 ms", "16.4 ms", "50.0 %", "25.0 %"] {
        assert!(row.contains(cell), "{cell} is not in {row}");
    }
}

/// Compares the line of which a part is preprocessing with itself after a change.
fn staged_after(change: impl Fn(&mut Line)) -> Comparison {
    let old = testing::staged().lines.remove(1);
    let mut new = old.clone();
    change(&mut new);
    compare(&testing::of(vec![old]), &testing::of(vec![new]), TOLERANCE)
}

#[test]
fn stages_are_compared_where_there_is_preparation() {
    assert!(after(|_| {}).rows[0].stages.is_none());
    let same = staged_after(|_| {});
    assert!(!same.is_worse());
    assert_eq!(same.rows[0].stages.unwrap().online.rounds, Change { old: 2.0, new: 2.0 });
    let table = staged_after(|line| {
        line.stages.as_mut().unwrap().preparation.seconds.median = 0.001;
    })
    .table();
    let preparation = table.lines().find(|row| row.contains("  preparation  ")).unwrap();
    assert!(preparation.starts_with("sort, replicated"), "{table}");
    assert!(preparation.ends_with("2.00 ms  1.00 ms   0.50×"), "{table}");
    assert!(table.contains("  online  ") && !after(|_| {}).table().contains("online"), "{table}");
}

#[test]
fn what_moves_from_preparation_to_online_is_worse_and_not_the_other_way() {
    let moved = staged_after(|line| {
        let stages = line.stages.as_mut().unwrap();
        stages.preparation.bytes -= 1;
        stages.online.bytes += 1;
        stages.online.rounds += 1;
    });
    assert_eq!(worse(&moved), [Worse::OnlineRounds, Worse::OnlineBytes]);
    assert!(moved.table().contains("rounds online, bytes online"));
    let back = staged_after(|line| {
        let stages = line.stages.as_mut().unwrap();
        stages.preparation.bytes += 1;
        stages.online.bytes -= 1;
    });
    assert!(!back.is_worse());
    // Growth of the whole is reported once.
    let more = staged_after(|line| {
        line.bytes += 1;
        line.stages.as_mut().unwrap().online.bytes += 1;
    });
    assert_eq!(worse(&more), [Worse::Bytes]);
    // An earlier program knew no stages: all was online.
    let older = staged_after(|line| line.stages = None);
    assert!(older.rows[0].stages.unwrap().preparation.bytes.new.abs() < 1e-12);
    assert_eq!(worse(&older), [Worse::OnlineRounds, Worse::OnlineDepth, Worse::OnlineBytes]);
}

#[test]
fn what_is_no_number_is_neither_worse_nor_shown() {
    let hollow = testing::hollow();
    let comparison = compare(&hollow, &hollow, TOLERANCE);
    assert!(!comparison.is_worse());
    let table = comparison.table();
    assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");
}
