//! Rows that were left out because a value was missing in them, in simulation.

use crate::computation::{Answer, Input, Request};
use crate::engine::openings;
use crate::functions::catalogue::find;
use crate::functions::parameters::{Missing, Parameters};
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::simulation::Simulation;
use crate::suites::pairwise::CorrelationStore;
use crate::testing::{self, Run, offer, seed};

fn cells_from(min_cell: u64) -> Rules {
    Rules { min_cell, ..Profile::Teaching.rules() }
}

fn drop_missing(run: Run, dropped: &[u64]) -> Run {
    let parameters = Parameters { missing: Some(Missing::Drop), ..run.parameters.clone() };
    Run { dropped: dropped.to_vec(), ..run.parameters(parameters) }
}

/// Returns the number of rows left out, as each party is told; helpers are told nothing.
fn dropped(run: &Run) -> Option<Option<u64>> {
    let report = run.simulate(Simulation::new(seed()));
    let outcomes = report.results().unwrap();
    let (parties, helpers) = outcomes.split_at(run.inputs.len());
    assert!(parties.iter().all(|outcome| outcome.dropped == parties[0].dropped));
    assert!(helpers.iter().all(|outcome| outcome.dropped.is_none()));
    parties[0].dropped.map(|dropped| dropped.0)
}

fn runs() -> Vec<Run> {
    let texts = Input::Texts(vec!["a".into(); 7]);
    vec![
        Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]),
        Run::numbers("SecureSum", [&[1.0], &[2.0]]).committee(1, [1, 2, 0]),
        Run::numbers("SecureSum", [&[1.0], &[2.0], &[], &[4.0]]).committee(0, [3, 1, 0]),
        Run::new("StatisticsFrequency", vec![texts.clone(), texts.clone(), texts]),
        Run::numbers("SecureMedian", [&[1.0], &[2.0], &[3.0]]),
        Run::numbers("StatisticsUnivariate", [&[1.0], &[2.0]]).committee(1, [2, 1, 0]),
    ]
}

#[test]
fn how_many_rows_were_left_out_is_told_where_it_may_be_shown() {
    for min_cell in [0, 1, 5] {
        for total in [0, 1, 4, 5, 6, 1000] {
            for run in runs() {
                let own = [total / 2, total - total / 2];
                let run = drop_missing(run, &own).rules(cells_from(min_cell));
                let shown = min_cell <= 1 || total >= min_cell;
                let due = Some(shown.then_some(total));
                assert_eq!(dropped(&run), due, "{} {min_cell} {total}", run.function);
            }
        }
    }
    for run in runs() {
        assert_eq!(dropped(&run.rules(cells_from(5))), None);
    }
}

#[test]
fn nothing_is_left_out_where_elements_have_places() {
    for function in ["SecureVectorSum", "SecureMatrixMultiplication", "Empty"] {
        let function = find(function).unwrap();
        let parameters = Parameters { missing: Some(Missing::Drop), ..Parameters::default() };
        let refused = Request::check(function, &parameters, &testing::parties(3)).unwrap_err();
        assert!(matches!(refused, InputError::Parameter { .. }), "{}: {refused}", function.name);
    }
}

#[test]
fn numbers_that_are_not_shown_look_like_none() {
    let opened = |total: u64| {
        openings::take();
        let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]);
        let report = drop_missing(run, &[total]).rules(cells_from(5)).simulate(Simulation::new(1));
        let json = serde_json::to_value(report.results().unwrap()[0].dropped).unwrap();
        let mut opened = openings::take();
        opened.sort_by_key(|(party, _)| *party);
        (json, opened)
    };
    let none = opened(0);
    assert_eq!(none.0, serde_json::Value::Null);
    assert!(none.1.iter().all(|(_, bytes)| *bytes == [0; 8]) && none.1.len() == 3);
    (1..5).for_each(|total| assert_eq!(opened(total), none));
    assert_eq!(opened(5).0, 5);
}

#[test]
fn nothing_is_opened_of_rows_left_out_if_the_rules_are_not_met() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]);
    let rules = Rules { min_rows: 4, ..cells_from(5) };
    openings::take();
    let report = drop_missing(run, &[9, 9, 9]).rules(rules).simulate(Simulation::new(seed()));
    assert!(report.endings.iter().all(|ending| matches!(ending.fault(), Some(Fault::Refused(_)))));
    assert_eq!(openings::take().len(), 3, "one bit to each");
}

#[test]
fn where_all_is_shown_parties_need_nobody_else() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0]]);
    let run = drop_missing(run, &[0, 3]);
    let report = run.simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(*outcome.answer.get(), Answer::Sum { sum: 3.0 });
    let rounds = ["commit dropped rows", "open dropped rows", "commit", "open"];
    assert_eq!(report.meters[0].round_names(), rounds);
    // If small numbers are not shown, the two decide on shares whether this one is.
    for (least, shown) in [(2, Some(3)), (4, None)] {
        let run = Run {
            rules: cells_from(least),
            ..drop_missing(Run::numbers("SecureSum", [&[1.0], &[2.0]]), &[0, 3])
        };
        let report = run.simulate(Simulation::new(seed()));
        let outcome = report.results().unwrap()[0];
        assert_eq!(outcome.dropped, Some(crate::computation::Dropped(shown)));
        assert!(report.meters[0].round_names().contains(&"multiply"));
    }
}

#[test]
fn rows_are_left_out_only_if_all_parties_agree_on_it() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]);
    assert_eq!(run.request(0).unwrap().parameters()["missing"], "refuse");
    let other = drop_missing(Run::new("SecureSum", run.inputs.clone()), &[]);
    assert_eq!(other.request(0).unwrap().parameters()["missing"], "drop");
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let run = if party.index() == 1 { &other } else { &run };
        let request = run.request(party.index()).unwrap();
        crate::computation::compute(
            channel,
            offer(3, run.rules),
            request,
            CorrelationStore::default(),
            rng,
        )
    });
    let Some(Fault::Disagreement { difference, .. }) = report.endings[0].fault() else { panic!() };
    assert_eq!(difference.field, "parameters.missing");
}

#[test]
fn rows_that_may_not_be_left_out_are_refused() {
    let request = |missing, dropped| {
        let parameters = Parameters { missing, ..Parameters::default() };
        let input = Input::Numbers(vec![1.0]);
        Request::new(find("SecureSum").unwrap(), &parameters, input, dropped, &testing::parties(3))
            .map(drop)
    };
    let refused = request(None, 1).unwrap_err();
    assert!(matches!(refused, InputError::Parameter { name: "missing", .. }));
    assert_eq!(request(None, 0), Ok(()));
    assert_eq!(request(Some(Missing::Drop), 1 << 48), Ok(()));
    let refused = request(Some(Missing::Drop), (1 << 48) + 1).unwrap_err();
    assert!(matches!(refused, InputError::TooMuch { .. }));
    let parse = |text: &str| serde_json::from_str::<Parameters>(text).map(|p| p.missing).ok();
    assert_eq!(parse(r#"{"missing": "drop"}"#), Some(Some(Missing::Drop)));
    assert_eq!(parse("{}"), Some(None));
    assert_eq!(parse(r#"{"missing": "refuse"}"#), None);
}
