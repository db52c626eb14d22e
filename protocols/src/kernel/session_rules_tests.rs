//! Joint rules, sources of columns, and the heads of audit chains, in simulation.

use super::*;
use crate::kernel::disclosure::Rule;

fn head(number: u64) -> AuditHead {
    AuditHead { losses: 0, number, hash: [number.to_le_bytes()[0]; 32] }
}

#[test]
fn each_is_told_what_the_others_remember_of_its_chain() {
    let mut offers = offers(3);
    // The last remembers nothing, and its list is short.
    offers[0].seen = vec![head(0), head(10), head(20)];
    offers[1].seen = vec![head(1), head(0), head(21)];
    let report = Simulation::new(testing::seed()).run(|channel, party, mut rng| {
        let offer = offers[party.index()].clone();
        async move {
            let session = agree(&channel, offer, false, &mut rng).await?;
            Ok(session.agreed().told.clone())
        }
    });
    let none = AuditHead::default();
    let due = [
        [(party(1), head(1)), (party(2), none)],
        [(party(0), head(10)), (party(2), none)],
        [(party(0), head(20)), (party(1), head(21))],
    ];
    report.results().unwrap().iter().zip(due).for_each(|(told, due)| assert_eq!(told[..], due));
}

#[test]
fn the_first_with_the_strictest_rule_decides_and_all_know_all_heads() {
    let mut offers = offers(3);
    for (index, offer) in offers.iter_mut().enumerate() {
        offer.audit = head(index as u64);
    }
    for strict in [1, 2] {
        offers[strict].rules = Rules { min_cell: 7, ..offers[strict].rules };
    }
    let report = Simulation::new(testing::seed()).run(|channel, party, mut rng| {
        let offer = offers[party.index()].clone();
        async move {
            let session = agree(&channel, offer, false, &mut rng).await?;
            Ok((session.agreed().clone(), session.rules().decider(Rule::MinCell)))
        }
    });
    for (agreed, decider) in report.results().unwrap() {
        assert_eq!((*decider, agreed.rules.min_cell), (party(1), 7));
        assert_eq!(agreed.decided_by["min_cell"], "member 1");
        assert_eq!(agreed.decided_by["min_rows"], "member 0");
        let due: Vec<_> = (0..3).map(|index| (party(index), offers[index].audit)).collect();
        assert_eq!(agreed.audit, due);
    }
}

#[test]
fn a_head_and_a_source_are_part_of_the_session() {
    let hash = |change: fn(&mut Offer)| {
        let mut offers = offers(3);
        change(&mut offers[1]);
        simulate(Simulation::new(1), &offers).results().unwrap()[0].0
    };
    let hashes = [
        hash(|_| ()),
        hash(|offer| offer.audit.number = 1),
        hash(|offer| offer.audit.hash[31] = 1),
        hash(|offer| offer.source = Origin::Dataset),
        hash(|offer| offer.rules.max_share = 99),
    ];
    let different: std::collections::BTreeSet<_> =
        hashes.iter().map(SessionHash::as_bytes).collect();
    assert_eq!(different.len(), hashes.len());
}

/// Runs the agreement of three parties with columns from `sources`; those that are `strict` allow
/// no columns of clients beside a dataset.
fn of_sources(sources: [Origin; 3], strict: [bool; 3]) -> Option<Refusal> {
    let mut offers = offers(3);
    for ((offer, source), strict) in offers.iter_mut().zip(sources).zip(strict) {
        offer.source = source;
        offer.rules.client_columns = !strict;
    }
    let report = simulate(Simulation::new(testing::seed()), &offers);
    let refusal = |ending: &Ending<Settled>| match ending {
        Ending::Stopped(Fault::Refused(refusal)) => Some(refusal.clone()),
        Ending::Done(_) => None,
        other => panic!("{other:?}"),
    };
    let refusals: Vec<_> = report.endings.iter().map(refusal).collect();
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]));
    refusals[0].clone()
}

#[test]
fn a_dataset_is_not_combined_with_columns_of_clients_against_its_own_rules() {
    let (client, dataset) = (Origin::Client, Origin::Dataset);
    let refused = |of, whose| Some(Refusal::ClientColumns { of: party(of), whose: party(whose) });
    assert_eq!(of_sources([dataset, dataset, client], [false, true, false]), refused(1, 2));
    assert_eq!(of_sources([client, client, dataset], [false, false, true]), refused(2, 0));
    // A member with columns of a client cannot ask that others have none.
    assert_eq!(of_sources([dataset, dataset, client], [false, false, true]), None);
    assert_eq!(of_sources([dataset; 3], [true; 3]), None);
    assert_eq!(of_sources([client; 3], [true; 3]), None);
    assert_eq!(of_sources([dataset, dataset, Origin::None], [true; 3]), None);
}

#[test]
fn thresholds_that_the_consortium_file_does_not_list_are_refused_by_the_members_name() {
    let listed =
        [Profile::Production.rules(), Rules { min_rows: 30, ..Profile::Production.rules() }];
    let ends = |takes_data: bool, min_rows: [u64; 3], listed: &[Rules]| -> Vec<Option<Refusal>> {
        let offers = min_rows.map(|min_rows| {
            let rules = Rules { min_rows, ..Profile::Production.rules() };
            Offer { listed: listed.to_vec(), ..testing::offer(3, rules) }
        });
        let report = Simulation::new(testing::seed()).run(|channel, party, mut rng| {
            let offer = offers[party.index()].clone();
            async move { agree(&channel, offer, takes_data, &mut rng).await.map(|_| ()) }
        });
        let refusal = |ending: &Ending<_>| match ending.fault() {
            Some(Fault::Refused(refusal)) => Some(refusal.clone()),
            None => None,
            Some(other) => panic!("{other}"),
        };
        report.endings.iter().map(refusal).collect()
    };
    let none = [None, None, None];
    assert_eq!(ends(true, [10, 30, 10], &listed), none);
    let refused = Some(Refusal::Unlisted { of: party(1) });
    assert_eq!(ends(true, [10, 11, 30], &listed), vec![refused; 3]);
    // Nothing of data is opened, and thresholds are of no use.
    assert_eq!(ends(false, [10, 11, 30], &listed), none);
    // A file without profiles lists none, and any are allowed.
    assert_eq!(ends(true, [10, 11, 30], &[]), none);
}
