//! Requests, rules and outcomes, in simulation.

use crate::kernel::reveal::Reveal;
use crate::suites::pairwise::CorrelationStore;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::algebra::layout::{Layout, Segment};
use crate::computation::{Answer, Input, KeptAnswer, Outcome, Request, compute};
use crate::engine::aggregate::Aggregate as _;
use crate::engine::openings;
use crate::functions::catalogue::{entries, find};
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::machine::{Machine, Part, Setting, Step};
use crate::kernel::party::{Parties, Party};
use crate::kernel::session::{AnswerId, AuditHead, Origin, agree};
use crate::kernel::simulation::{Ending, Link, Simulation};
use crate::kernel::wire::{MAX_PART, PartHeader, SessionId};
use crate::suites::guarantee::Suite;
use crate::suites::masked::{MaskedSums, Rounds, SUITE};
use crate::testing::names::EMPTY;
use crate::testing::{self, Run, offer, rng, seed};

fn rows(count: usize) -> Run {
    let part: &[f64] = &vec![1.0; count / 3];
    Run::numbers("SecureSum", [&vec![1.0; count - 2 * part.len()], part, part])
        .rules(Profile::Production.rules())
}

#[test]
fn an_outcome_says_what_it_assumes() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.5]]);
    let report = run.simulate(Simulation::new(seed()));
    let outcomes = report.results().unwrap();
    for outcome in &outcomes {
        assert_eq!(serde_json::to_value(&outcome.answer).unwrap(), serde_json::json!({"sum": 6.5}));
        assert_eq!((outcome.parties, outcome.security.corruptible), (3, 2));
        assert_eq!(outcome.security.suite.name(), SUITE);
        assert_eq!(outcome.security.guarantee, Suite::Masked.guarantee(3));
        assert_eq!(outcome.session, outcomes[0].session);
        assert_eq!(outcome.rules, Profile::Teaching.rules());
    }
    assert_eq!((report.rounds(), outcomes[0].security.reveals.len()), (2, 1));
}

#[test]
fn enough_rows_pass_the_gate_and_are_then_summed() {
    let report = rows(18).simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(*outcome.answer.get(), Answer::Sum { sum: 18.0 });
    assert_eq!(outcome.security.reveals.len(), 3);
    assert!(outcome.security.reveals[0].contains("at least 10 rows"));
    assert!(outcome.security.reveals[1].contains("90 percent of the sum of all magnitudes"));
    assert_eq!((outcome.security.suite.name(), outcome.security.corruptible), (SUITE, 1));
    // The weaker guarantee of the two: two of the three nodes could reconstruct the shared values
    // of the rules.
    let guarantee = serde_json::to_value(&outcome.security.guarantee).unwrap();
    let due = serde_json::json!({
        "adversary": "semi_honest",
        "corruptible": 1,
        "hardness": ["diffie_hellman_curve25519", "symmetric_primitives"],
        "output": "if_followed",
    });
    assert_eq!(guarantee, due);
    let rounds = report.meters[2].round_names();
    assert_eq!(rounds.iter().filter(|name| **name == "open").count(), 2);
    assert_eq!(rounds.split_last_chunk(), Some((&rounds[..rounds.len() - 2], &["commit", "open"])));
}

#[test]
fn too_few_rows_open_one_bit_and_nothing_else() {
    openings::take();
    let report = rows(15).simulate(Simulation::new(seed()));
    for ending in &report.endings {
        let refusal = Refusal::TooFewRows { minimum: 10, equations: 1, of: Party::new(0).unwrap() };
        assert_eq!(ending.fault(), Some(&Fault::Refused(refusal)));
    }
    let opened = openings::take();
    assert_eq!(opened.len(), 3);
    assert!(opened.iter().all(|(_, bytes)| *bytes == [1_u64, 0].map(u64::to_le_bytes).concat()));
    assert_eq!(report.meters[0].round_names().last(), Some(&"open"));
    assert!(!report.meters[0].round_names().contains(&"commit"));
}

#[test]
fn the_strictest_party_decides() {
    let strict = Rules { min_rows: 5, ..Profile::Teaching.rules() };
    let run = Run::numbers("SecureSum", [&[1.0; 2], &[1.0; 2], &[]]);
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let rules = if party.index() == 1 { strict } else { run.rules };
        compute(
            channel,
            offer(3, rules),
            run.request(party.index()).unwrap(),
            CorrelationStore::default(),
            rng,
        )
    });
    let refusal = Refusal::TooFewRows { minimum: 5, equations: 1, of: Party::new(1).unwrap() };
    for ending in &report.endings {
        assert_eq!(ending.fault(), Some(&Fault::Refused(refusal.clone())));
    }
}

#[test]
fn outcomes_say_who_decided_and_carry_the_heads_of_all() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]);
    let head = |index: u8| AuditHead { losses: 0, number: u64::from(index), hash: [index; 32] };
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let mut offer = offer(3, run.rules);
        offer.audit = head(u8::try_from(party.index()).unwrap());
        offer.rules.min_cell = if party.index() == 2 { 4 } else { 1 };
        compute(
            channel,
            offer,
            run.request(party.index()).unwrap(),
            CorrelationStore::default(),
            rng,
        )
    });
    let heads: Vec<(Party, AuditHead)> =
        (0..3).map(|index| (Party::new(usize::from(index)).unwrap(), head(index))).collect();
    for outcome in report.results().unwrap() {
        assert_eq!(outcome.audit, heads);
        assert_eq!((outcome.rules.min_cell, outcome.dropped), (4, None));
        let decided: Vec<&str> = outcome.decided_by.values().map(String::as_str).collect();
        assert_eq!(
            outcome.decided_by.keys().copied().collect::<Vec<_>>(),
            ["client_columns", "max_share", "min_cell", "min_parties", "min_rows"]
        );
        assert_eq!(decided, ["member 0", "member 0", "member 2", "member 0", "member 0"]);
    }
}

#[test]
fn what_was_agreed_is_known_also_of_a_computation_that_was_refused() {
    let run = rows(9);
    let mut machines: Vec<Machine<_>> = (0..3)
        .map(|index| {
            let setting = Setting {
                parties: Parties::new(3, index).unwrap(),
                session: SessionId([1; 16]),
                link_bindings: vec![[0; 32]; 3],
                limit: 1 << 22,
            };
            let mut offer = offer(3, run.rules);
            offer.source = if index == 0 { Origin::Dataset } else { Origin::Client };
            offer.audit.number = 7 + index as u64;
            let request = run.request(index).unwrap();
            Machine::new(setting, |channel| {
                compute(channel, offer, request, CorrelationStore::default(), rng(index as u64))
            })
        })
        .collect();
    assert_eq!(machines[0].agreed(), None);
    machines.iter_mut().for_each(|machine| assert!(matches!(machine.step(), Step::Waiting(_))));
    for from in 0..3 {
        for message in machines[from].outgoing() {
            for part in message.parts() {
                machines[message.to.index()].deliver(Party::new(from).unwrap(), part).unwrap();
            }
        }
    }
    for machine in &mut machines {
        let Step::Ended(Err(Fault::Refused(refusal))) = machine.step() else { panic!() };
        let (of, whose) = (Party::new(0).unwrap(), Party::new(1).unwrap());
        assert_eq!(refusal, Refusal::ClientColumns { of, whose });
        let agreed = machine.agreed().unwrap();
        assert_eq!((agreed.rules, agreed.deadline_ms), (run.rules, 60_000));
        assert_eq!(agreed.decided_by["min_rows"], "member 0");
        assert_eq!(agreed.audit.iter().map(|(_, head)| head.number).collect::<Vec<_>>(), [7, 8, 9]);
    }
}

#[test]
fn nothing_is_computed_in_two_rounds() {
    let run = Run::numbers(EMPTY, [&[], &[], &[]]).rules(Profile::Production.rules());
    assert_eq!(serde_json::to_string(&run.answer()).unwrap(), "{}");
    let link = Link { latency: 0.01, bandwidth: f64::INFINITY };
    let report = run.simulate(Simulation::new(seed()).link(link));
    assert_eq!(report.rounds(), 2);
    // Agreeing and two rounds, one way each.
    assert!((report.seconds - 0.03).abs() < 1e-9, "{}", report.seconds);
}

#[test]
fn bandwidth_takes_its_time() {
    let run = Run::numbers("SecureVectorSum", [&[1.0; 1000], &[1.0; 1000]]);
    let link = Link { latency: 0.0, bandwidth: 1000.0 };
    let report = run.simulate(Simulation::new(seed()).link(link));
    let bytes = u32::try_from(report.meters[0].total().bytes_sent).unwrap();
    assert!((report.seconds - f64::from(bytes) / 1000.0).abs() < 1e-6);
    assert_eq!(report.bytes(), 2 * u64::from(bytes));
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let run = Run::numbers("SecureSum", [&[1.0], &[2.0], &[3.0]]);
    let seed = seed();
    let transcript = |seed| run.simulate(Simulation::new(seed)).transcript;
    assert_eq!(transcript(seed), transcript(seed));
    assert_ne!(transcript(seed), transcript(seed.wrapping_add(1)));
}

#[test]
fn answers_have_exactly_the_keys_of_the_catalogue() {
    let inputs = |input: Input| vec![input.clone(), input];
    for function in entries() {
        let input = match function.name {
            "SecureSum" | "SecureVectorSum" => Input::Numbers(vec![1.0]),
            "StatisticsFrequency" => Input::Texts(vec!["a".into()]),
            "StatisticsContingency" => Input::TextPairs(vec![("a".into(), "b".into())]),
            "StatisticsBivariate" => Input::Points(vec![(1.0, 2.0)]),
            EMPTY => Input::Numbers(vec![]),
            _ => continue,
        };
        let answer = Run::new(function.name, inputs(input)).answer();
        let json = serde_json::to_value(answer).unwrap();
        let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut due = function.result_keys.to_vec();
        keys.sort_unstable();
        due.sort_unstable();
        assert_eq!(keys, due, "{}", function.name);
    }
}

#[test]
fn answers_behind_the_gate_are_those_without_it() {
    let numbers: [&[f64]; 3] = [
        &[1.5, 2.0, 7.0, -3.0, 4.0, 9.0, 0.25, 8.0],
        &[2.0, 2.0, 5.0, 2.0, 3.0, 1.0, 6.0, 7.0],
        &[2.0, -1.0, 2.0, 0.5, 11.0, 12.0, 3.5, 4.5],
    ];
    let points = numbers.map(|own| Input::Points(own.iter().map(|x| (*x, x * x)).collect()));
    let moments = Parameters::default().with("statistics", ["mean", "variance"]);
    let probabilities = Some(vec![0.5]);
    let quantiles = Parameters::default().with("probabilities", probabilities);
    let runs = [
        Run::numbers("SecureSum", numbers),
        Run::numbers("SecureVectorSum", numbers),
        Run::new("StatisticsBivariate", points.to_vec()),
        Run::numbers("StatisticsUnivariate", numbers).parameters(moments),
        Run::numbers("SecureMedian", numbers),
        Run::numbers("Quantiles", numbers).parameters(quantiles),
    ];
    for run in runs {
        let without = run.answer();
        let run = run.rules(Profile::Production.rules());
        assert_eq!(run.answer(), without, "{}", run.function);
    }
}

#[test]
fn numbers_of_single_rows_are_not_shown_where_small_counts_are_withheld() {
    let numbers: [&[f64]; 3] = [&[1.0; 40], &[2.0; 40], &[3.0; 40]];
    let points = numbers.map(|own| Input::Points(own.iter().map(|x| (*x, x * x)).collect()));
    let ranked = |own: &[f64]| Input::Ranked { array: own.to_vec(), rank: 60, bounds: None };
    let statistics = |name: &str| Parameters::default().with("statistics", [name]);
    for run in [
        Run::new("MinimumMaximum", points.to_vec()),
        Run::new("KthElement", numbers.map(ranked).to_vec()),
        Run::numbers("StatisticsUnivariate", numbers).parameters(statistics("maximum")),
        Run::numbers("StatisticsUnivariate", numbers).parameters(statistics("harmonic_mean")),
    ] {
        let report = run.rules(Profile::Production.rules()).simulate(Simulation::new(seed()));
        let refusal = Refusal::Ranks { minimum: 10, of: Party::new(0).unwrap() };
        let due = Fault::Refused(refusal);
        assert!(report.endings.iter().all(|ending| ending.fault() == Some(&due)));
    }
}

#[test]
fn what_follows_from_number_mean_and_deviation_is_told_where_small_counts_are_withheld() {
    let numbers: [&[f64]; 3] = [&[1.0; 8], &[2.0; 8], &[3.0; 8]];
    let run = Run::numbers("StatisticsUnivariate", numbers).rules(Profile::Production.rules());
    let shown = serde_json::to_value(run.answer()).unwrap();
    assert_eq!((&shown["samples"], &shown["mean"]), (&24.into(), &2.0.into()));
    assert!(shown["standard_deviation"].is_number() && shown["root_mean_square"].is_number());
    for name in ["minimum", "maximum", "geometric_mean", "harmonic_mean", "skewness", "kurtosis"] {
        assert!(shown[name].is_null() && shown.get(name).is_some(), "{name}");
    }
    // What is named is all that there is.
    let parameters = Parameters::default().with("statistics", ["mean"]);
    let shown = serde_json::to_value(run.parameters(parameters).answer()).unwrap();
    assert_eq!(shown, serde_json::json!({"samples": 24, "mean": 2.0}));
}

#[test]
fn the_rule_on_rows_does_not_count_vectors_and_says_so() {
    let run = Run::numbers("SecureVectorSum", [&[1.0], &[2.0], &[3.0]]);
    let report = run.rules(Profile::Production.rules()).simulate(Simulation::new(seed()));
    let outcome = &report.results().unwrap()[0];
    assert_eq!(report.meters[0].round_names(), ["commit", "open"]);
    assert!(outcome.security.reveals[0].contains("does not apply to vectors"));
}

#[test]
fn the_room_that_a_request_asks_for_is_enough_and_bounded() {
    let long: &[f64] = &vec![1.0; 20_000];
    let texts = Input::Texts((0..20_000).map(|index| index.to_string()).collect());
    let runs = [
        Run::numbers("SecureVectorSum", [long, long, long]),
        Run::new("StatisticsFrequency", vec![texts.clone(), texts.clone(), texts]),
        Run::numbers("SecureSum", [&[1.0; 8], &[2.0; 8], &[3.0; 8]]),
    ];
    for run in runs.map(|run| run.rules(Profile::Production.rules())) {
        let room = run.request(0).unwrap().inbox_bytes(3);
        assert!(room < 3 << 20, "{room}");
        run.simulate(Simulation::new(seed()).limit(room)).results().unwrap();
    }
}

#[test]
fn nobody_can_make_a_party_keep_more_than_it_has_agreed_to() {
    let long = vec![1.0; 250_000];
    let run = Run::numbers("SecureVectorSum", [&long, &long]);
    let request = run.request(0).unwrap();
    let setting = Setting {
        parties: Parties::new(2, 0).unwrap(),
        session: SessionId([1; 16]),
        link_bindings: vec![[0; 32]; 2],
        limit: request.inbox_bytes(2),
    };
    let offer = offer(2, Profile::Teaching.rules());
    let mut machine = Machine::new(setting, |channel| {
        compute(channel, offer, request, CorrelationStore::default(), rng(1))
    });
    machine.step();
    let part = |number| Part {
        header: PartHeader { sequence: 0, part: number, last: false, tag: [0; 16] },
        body: vec![0; MAX_PART].into(),
    };
    let peer = Party::new(1).unwrap();
    let taken = (0..100).take_while(|number| machine.deliver(peer, part(*number)).is_ok());
    assert_eq!(taken.count(), 2, "MiB of a proposal");
}

#[test]
fn a_request_is_for_the_number_of_parties_that_it_was_made_for() {
    let run = Run::numbers("SecureVectorSum", [&[1.0], &[2.0]]);
    let report = Simulation::new(seed()).parties(4).run(|channel, _, rng| {
        let offer = offer(4, Profile::Teaching.rules());
        compute(channel, offer, run.request(0).unwrap(), CorrelationStore::default(), rng)
    });
    let refused = InputError::OtherParties { made_for: 2, actual: 4 };
    for ending in &report.endings {
        assert_eq!(ending.fault(), Some(&Fault::Input(refused.clone())));
    }
    assert!(report.transcript.is_empty());
}

/// Returns the faults of the two honest of three parties. The third agrees to `run` as they do, and
/// then adds words of its own to each sum, in cells of these limbs.
fn against(run: &Run, sums: &[(&[Segment], &[u64])]) -> [Option<Fault>; 2] {
    let report = Simulation::new(seed()).run(|channel, party, mut rng| {
        let request = run.request(party.index()).unwrap();
        let mut offer = offer(3, run.rules);
        let sums: Vec<_> = sums.iter().map(|(cells, words)| padded(cells, words)).collect();
        async move {
            if party.index() != 2 {
                return compute(channel, offer, request, CorrelationStore::default(), rng)
                    .await
                    .map(drop);
            }
            request.describe(&mut offer);
            let session = agree(&channel, offer, false, &mut rng).await?;
            let mut own = MaskedSums::new(&channel, session);
            for (layout, words) in sums {
                own.sum(Rounds::showing(Reveal::ANSWER), &layout, words, &mut rng).await?;
            }
            Ok(())
        }
    });
    [0, 1].map(|index| report.endings[index].fault().cloned())
}

/// Returns `words` and then zeros, in cells of these limbs.
fn padded(cells: &[Segment], words: &[u64]) -> (Layout, Zeroizing<Vec<u64>>) {
    let layout = Layout::new(cells).unwrap();
    let mut words = words.to_vec();
    words.resize(layout.words(), 0);
    (layout, Zeroizing::new(words))
}

const TWO_CELLS: &[Segment] = &[Segment { limbs: 1, cells: 2 }];
const SUMS: &[Segment] = &[
    Segment { limbs: 1, cells: 1 },
    Segment { limbs: 34, cells: 2 },
    Segment { limbs: 67, cells: 3 },
];

fn points() -> Run {
    let points: Vec<(f64, f64)> = (0..5_u32).map(|i| (f64::from(i), f64::from(i * i))).collect();
    let inputs = [points.clone(), points, vec![]].map(Input::Points);
    Run::new("StatisticsBivariate", inputs.to_vec())
}

fn two_categories() -> Run {
    let texts = |items: &[&str]| Input::Texts(items.iter().map(|i| (*i).to_owned()).collect());
    let inputs = vec![texts(&["a", "b", "b"]), texts(&["a"]), texts(&[])];
    let categories = Categories::One(vec!["a".into(), "b".into()]);
    Run::new("StatisticsFrequency", inputs)
        .parameters(Parameters::default().with("categories", Some(categories)))
}

#[test]
fn counts_that_nobody_can_have_are_implausible() {
    let implausible = [Some(Fault::InvalidOpening), Some(Fault::InvalidOpening)];
    assert_eq!(against(&points(), &[(SUMS, &[1 << 63])]), implausible);
    for cells in [[1 << 63, 0], [0, 1 << 63], [1 << 62, 1 << 62], [0, u64::MAX - 2]] {
        assert_eq!(against(&two_categories(), &[(TWO_CELLS, &cells)]), implausible);
    }
    // The function `against` by itself does no harm.
    assert_eq!(against(&points(), &[(SUMS, &[1])]), [None, None]);
    assert_eq!(against(&two_categories(), &[(TWO_CELLS, &[7])]), [None, None]);
}

/// Returns the faults of the honest two of three parties. The third tells the release check another
/// number of rows than it uses.
fn against_claims(run: &Run, rows: u64) -> [Option<Fault>; 2] {
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let request = run.request(party.index()).unwrap();
        let request = if party.index() == 2 { request.claiming(rows) } else { request };
        compute(channel, offer(3, run.rules), request, CorrelationStore::default(), rng)
    });
    [0, 1].map(|index| report.endings[index].fault().cloned())
}

#[test]
fn rows_that_are_counted_but_not_used_help_no_party() {
    // A party's own rows do not count for it, so what it claims does not lift the others.
    let implausible = [Some(Fault::InvalidOpening), Some(Fault::InvalidOpening)];
    let numbers = Run::numbers("StatisticsUnivariate", [&[1.0; 5], &[2.0; 5], &[]]);
    let median = Run::numbers("SecureMedian", [&[1.0; 5], &[2.0; 5], &[]]);
    let of_rows = |run: Run, min_rows| run.rules(Rules { min_rows, ..Profile::Teaching.rules() });
    for (run, min_rows) in [(points(), 11), (two_categories(), 5), (numbers, 11)] {
        let run = of_rows(run, min_rows);
        for claimed in [0, 7, 1 << 40] {
            let refused = against_claims(&run, claimed);
            let few = |fault: &Option<Fault>| {
                matches!(fault, Some(Fault::Refused(Refusal::TooFewRows { .. })))
            };
            assert!(refused.iter().all(few), "{} {claimed} {refused:?}", run.function);
        }
    }
    // In a table with small cells that are not opened, a party is held to exactly the rows that it
    // uses.
    let rules = Rules { min_cell: 2, ..Profile::Teaching.rules() };
    let run = two_categories().rules(rules);
    assert_eq!(against_claims(&run, 0), [None, None]);
    assert_eq!(against_claims(&run, 1), implausible);
    assert_eq!(against_claims(&run, u64::MAX), implausible);
    // Numbers of rows that no party can have.
    assert_eq!(against_claims(&of_rows(median, 2), (1 << 62) - 5), implausible);
}

#[test]
fn parameters_are_parsed_strictly() {
    let parse = |text: &str| serde_json::from_str::<Parameters>(text).ok();
    assert_eq!(parse("{}"), Some(Parameters::default()));
    assert_eq!(parse("[1]"), None);
    let refused = |function: &str, text: &str| {
        let parameters = parse(text).unwrap();
        find(function).unwrap().form(&parameters).err().map(|error| error.to_string())
    };
    assert_eq!(refused("StatisticsFrequency", r#"{"categories": ["a", "b"]}"#), None);
    assert_eq!(refused("StatisticsContingency", r#"{"categories": [["a"], ["b", "c"]]}"#), None);
    for text in [r#"{"encoding": "Exact"}"#, r#"{"digits_after": -1}"#, r#"{"digits_before": "3"}"#]
    {
        let refusal = refused("SecureVectorSum", text).unwrap();
        assert!(refusal.starts_with("the parameters cannot be read"), "{text} {refusal}");
    }
    let only_mode = refused("StatisticsFrequency", r#"{"only_mode": 1}"#).unwrap();
    assert!(only_mode.contains("`only_mode` is true or false"), "{only_mode}");
    for (function, text, refusal) in [
        (
            "SecureMedian",
            r#"{"k": 3}"#,
            "`SecureMedian` has no parameter `k`; it has: digits_before, digits_after",
        ),
        ("Prepare", r#"{"k": 3}"#, "`Prepare` has no parameter `k`; it has: none"),
        (
            "KthElement",
            r#"{"rank": 3}"#,
            "`KthElement` has no parameter `rank`; it has: digits_before, digits_after",
        ),
        (
            "StatisticsRegressionOLSVertical",
            r#"{"intercept": true}"#,
            "`StatisticsRegressionOLSVertical` has no parameter `intercept`; it has: by_id",
        ),
    ] {
        assert_eq!(refused(function, text).as_deref(), Some(refusal));
        let request = Request::new(
            find(function).unwrap(),
            &parse(text).unwrap(),
            Input::Ranked { array: Vec::new(), rank: 1, bounds: None },
            0,
            &testing::parties(3),
        );
        assert_eq!(request.unwrap_err().to_string(), refusal);
    }
}

#[test]
fn nothing_private_is_shown() {
    let input = Input::Numbers(vec![123.25]);
    assert_eq!(format!("{input:?}"), "Input(..)");
    let function = find("SecureSum").unwrap();
    let request =
        Request::new(function, &Parameters::default(), input, 0, &testing::parties(2)).unwrap();
    assert_eq!(format!("{request:?}"), "Request(SecureSum, ..)");
    let wrong = Request::new(
        function,
        &Parameters::default(),
        Input::Texts(vec!["x".into()]),
        0,
        &testing::parties(2),
    );
    assert_eq!(wrong.unwrap_err(), InputError::Shape { expected: "numbers" });
}

#[test]
fn parties_that_run_different_functions_disagree() {
    let functions = ["SecureSum", "SecureVectorSum"];
    let report = Simulation::new(seed()).parties(2).run(|channel, party, rng| {
        let run = Run::numbers(functions[party.index()], [&[1.0], &[1.0]]);
        let offer = crate::testing::offer(2, Profile::Teaching.rules());
        crate::computation::compute(
            channel,
            offer,
            run.request(0).unwrap(),
            CorrelationStore::default(),
            rng,
        )
    });
    for ending in &report.endings {
        let Ending::Stopped(Fault::Disagreement { difference, .. }) = ending else { panic!() };
        assert_eq!(difference.field, "function");
    }
}

/// Runs a sum of three parties, of which each has kept an answer of this name or none.
fn having_kept(names: [Option<u8>; 3]) -> Vec<Ending<Outcome>> {
    let run = rows(18);
    let text = |text: &str| KeptAnswer::new(RawValue::from_string(text.to_owned()).unwrap());
    let simulation = Simulation::new(seed());
    let report = simulation.run(|channel, party, rng| {
        let request = run.request(party.index()).unwrap();
        let request = match names[party.index()] {
            Some(name) => request.having_kept(AnswerId([name; 16]), text(r#"{"sum": 3.10}"#)),
            None => request,
        };
        compute(channel, offer(3, run.rules), request, CorrelationStore::default(), rng)
    });
    report.endings
}

#[test]
fn an_answer_that_all_have_kept_is_given_again_to_the_byte_and_nothing_is_computed() {
    openings::take();
    for ending in having_kept([Some(1); 3]) {
        let Ending::Done(outcome) = ending else { panic!("{:?}", ending.fault()) };
        assert!(outcome.kept);
        assert_eq!(serde_json::to_string(&outcome.answer).unwrap(), r#"{"sum": 3.10}"#);
    }
    assert!(openings::take().is_empty());
}

#[test]
fn an_answer_that_one_has_not_kept_is_computed() {
    for names in [[Some(1), Some(1), None], [Some(1), Some(1), Some(2)], [Some(1), None, None]] {
        for ending in having_kept(names) {
            let Ending::Done(outcome) = ending else { panic!("{:?}", ending.fault()) };
            assert!(!outcome.kept);
            assert_eq!(*outcome.answer.get(), Answer::Sum { sum: 18.0 });
        }
    }
}
