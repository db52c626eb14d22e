//! Searches by rank with a party that counts differently in two queries, in simulation.

use serde_json::json;

use crate::algebra::order::key;
use crate::computation::Input;
use crate::functions::common::search::{Query, find};
use crate::functions::median::Median;
use crate::functions::minimum_maximum::MinimumMaximum;
use crate::functions::quantiles::Quantiles;
use crate::functions::{FunctionContext, OnShares};
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;
use crate::kernel::session::agree;
use crate::kernel::simulation::Simulation;
use crate::suites::replicated::{Committee, Replicated};
use crate::testing::{joint, offer, parties, seed};

/// The party that cheats. The first has the number 1, the third the number 2.
const CHEATER: usize = 1;

/// Runs a function of `rows` rows at two honest parties. The cheating one searches for two ranks,
/// for each among other numbers. Returns the faults of the honest parties.
fn cheat<F: OnShares + 'static>(
    parameters: &serde_json::Value,
    input: fn(f64) -> Input,
    rows: u64,
    queries: [(u64, &'static [f64]); 2],
) -> Vec<Option<Fault>> {
    let report = Simulation::new(seed()).run(|channel, party, mut rng| {
        let parameters = serde_json::from_value(parameters.clone()).unwrap();
        let number = if party.index() == 0 { 1.0 } else { 2.0 };
        let function = F::new(parameters, Some(&input(number)), 3).unwrap();
        async move {
            let rules = Rules { min_rows: 0, ..Profile::Teaching.rules() };
            let session = agree(&channel, offer(3, rules), false, &mut rng).await?;
            let committee = Committee::fixed([0, 1, 2]);
            let engine =
                Replicated::new(&channel, &session, committee, parties(3), &mut rng).await?;
            let session = *session.hash();
            let permit = joint(rules).permit(3, Some(rows)).unwrap();
            let mut cx = FunctionContext {
                engine,
                channel: &channel,
                parties: Some(&channel),
                inputs: 3,
                session,
                sums: None,
                permit: &permit,
                rows,
                rng: &mut rng,
            };
            if party.index() != CHEATER {
                return function.run(&mut cx).await.map(drop);
            }
            let keys = queries.map(|(_, numbers)| numbers.iter().map(|x| key(*x)).collect());
            let [first, second]: [Vec<u64>; 2] = keys;
            let [(one, _), (other, _)] = queries;
            let queries = [Query { keys: &first, rank: one }, Query { keys: &second, rank: other }];
            find(&mut cx, &queries, Reveal::ANSWER).await.map(drop)
        }
    });
    [0, 2].map(|honest| report.endings[honest].fault().cloned()).into()
}

fn numbers(number: f64) -> Input {
    Input::Numbers(vec![number])
}

/// Returns the pair of a minimum and a maximum that are the same.
fn pair(number: f64) -> Input {
    Input::Points(vec![(number, number)])
}

#[test]
fn ranks_whose_searches_cross_are_refused_and_stop_no_node() {
    let quantile = json!({ "probabilities": [0.25] });
    let refused = vec![Some(Fault::InvalidOpening); 2];
    // Among 1, 2 and the number that the cheater counts: ranks 1 and 2.
    let honest = [(1, [5.0].as_slice()), (2, [5.0].as_slice())];
    let crossed = [(1, [].as_slice()), (2, [-5.0, -5.0].as_slice())];
    assert_eq!(cheat::<Quantiles>(&quantile, numbers, 3, honest), [None, None]);
    assert_eq!(cheat::<Quantiles>(&quantile, numbers, 3, crossed), refused);
    // The median of four numbers is between ranks 2 and 3.
    let honest = [(2, [5.0, 6.0].as_slice()), (3, [5.0, 6.0].as_slice())];
    let crossed = [(2, [5.0].as_slice()), (3, [-5.0, -5.0, -5.0].as_slice())];
    assert_eq!(cheat::<Median>(&json!({}), numbers, 4, honest), [None, None]);
    assert_eq!(cheat::<Median>(&json!({}), numbers, 4, crossed), refused);
}

#[test]
fn a_minimum_above_the_maximum_is_refused() {
    let honest = [(1, [5.0].as_slice()), (3, [5.0].as_slice())];
    let crossed = [(1, [].as_slice()), (3, [-5.0, -5.0, -5.0].as_slice())];
    assert_eq!(cheat::<MinimumMaximum>(&json!({}), pair, 3, honest), [None, None]);
    let refused = vec![Some(Fault::InvalidOpening); 2];
    assert_eq!(cheat::<MinimumMaximum>(&json!({}), pair, 3, crossed), refused);
}
