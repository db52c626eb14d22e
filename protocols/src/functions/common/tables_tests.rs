//! Frequency and contingency tables end to end, in simulation.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::computation::{Input, Request};
use crate::engine::reveals::DECLARED;
use crate::functions::catalogue::find;
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::Profile;
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Ending, Simulation};
use crate::kernel::text::Case;
use crate::testing::{self, Run, seed};

fn texts(items: &[&str]) -> Input {
    Input::Texts(items.iter().map(|item| (*item).to_owned()).collect())
}

fn pairs(items: &[(&str, &str)]) -> Input {
    Input::TextPairs(items.iter().map(|(x, y)| ((*x).to_owned(), (*y).to_owned())).collect())
}

fn names(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn declared(categories: Categories) -> Parameters {
    Parameters::default().with("categories", Some(categories))
}

fn json(run: &Run) -> Value {
    serde_json::to_value(run.answer()).unwrap()
}

/// Returns an answer of which nothing is withheld, with the number of its rows.
fn whole(mut answer: Value, samples: u64) -> Value {
    answer["samples"] = json!(samples);
    answer["withheld"] = json!(0);
    if answer["table"].is_object() {
        answer["withheld_rows"] = json!(0);
        answer["withheld_columns"] = json!(0);
    }
    answer
}

fn frequency() -> Run {
    let inputs = [&["b", "a", "b"][..], &["c", "b"], &["a"]].map(texts);
    Run::new("StatisticsFrequency", inputs.to_vec())
}

#[test]
fn frequencies_of_categories_from_the_data() {
    let due = json!({"histogram": {"a": 2, "b": 3, "c": 1}, "mode": "b"});
    assert_eq!(json(&frequency()), whole(due, 6));
}

#[test]
fn declared_categories_are_all_shown_and_nobody_tells_which_it_has() {
    let run = frequency().parameters(declared(Categories::One(names(&["d", "c", "b", "a"]))));
    let due = json!({"histogram": {"a": 2, "b": 3, "c": 1, "d": 0}, "mode": "b"});
    assert_eq!(json(&run), whole(due, 6));
    let report = run.simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(outcome.security.reveals, [DECLARED.told]);
    assert_eq!(report.meters[0].round_names(), ["commit", "open"]);
}

#[test]
fn categories_from_the_data_are_told_and_that_is_said() {
    let report = frequency().simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(
        outcome.security.reveals,
        ["which party's data have which category, to every party"]
    );
    let rounds = ["categories", "categories echo", "commit", "open"];
    assert_eq!(report.meters[0].round_names(), rounds);
}

#[test]
fn contingency_is_the_full_cross() {
    let inputs = [pairs(&[("m", "x"), ("f", "y")]), pairs(&[("m", "x"), ("m", "z")]), pairs(&[])];
    let run = Run::new("StatisticsContingency", inputs.to_vec());
    let table = json!({"f": {"x": 0, "y": 1, "z": 0}, "m": {"x": 2, "y": 0, "z": 1}});
    let due = whole(json!({"table": table, "mode": ["m", "x"]}), 4);
    assert_eq!(json(&run), due);
    let axes = Categories::Two([names(&["m", "f"]), names(&["z", "y", "x"])]);
    assert_eq!(json(&run.parameters(declared(axes))), due);
}

#[test]
fn a_name_written_in_two_ways_is_one_category() {
    let inputs = [&["Mu\u{308}ller", "yes "][..], &["M\u{fc}ller", "yes"], &["\tyes"]].map(texts);
    let due = json!({"histogram": {"M\u{fc}ller": 2, "yes": 3}, "mode": "yes"});
    assert_eq!(json(&Run::new("StatisticsFrequency", inputs.to_vec())), whole(due, 5));
    let axis = Categories::One(names(&[" yes", "Mu\u{308}ller"]));
    let declared = Run::new("StatisticsFrequency", inputs.to_vec()).parameters(declared(axis));
    assert_eq!(json(&declared)["histogram"]["yes"], 3);
    let twice = [pairs(&[("yes", "Yes")]), pairs(&[("yes\u{a0}", "Yes")]), pairs(&[])];
    let table = json(&Run::new("StatisticsContingency", twice.to_vec()));
    assert_eq!(table["table"], json!({"yes": {"Yes": 2}}));
    // A list with the same name twice is refused, however it is written.
    let axis = Categories::One(names(&["M\u{fc}ller", "Mu\u{308}ller"]));
    let parameters = self::declared(axis);
    let function = find("StatisticsFrequency").unwrap();
    let refused = Request::check(function, &parameters, &testing::parties(2)).unwrap_err();
    assert!(matches!(refused, InputError::Parameter { name: "categories", .. }), "{refused:?}");
}

#[test]
fn letters_of_both_cases_are_one_category_where_that_is_asked_for() {
    let lower = || Parameters::default().with("case", Some(Case::Lower));
    let inputs = || [&["Yes", "MU\u{308}LLER"][..], &["yes ", "m\u{fc}ller"], &["YES"]].map(texts);
    let run = Run::new("StatisticsFrequency", inputs().to_vec());
    let due =
        json!({"histogram": {"YES": 1, "Yes": 1, "yes": 1, "M\u{dc}LLER": 1, "m\u{fc}ller": 1}});
    assert_eq!(json(&run)["histogram"], due["histogram"], "exact is the usual one");
    let due = whole(json!({"histogram": {"m\u{fc}ller": 2, "yes": 3}, "mode": "yes"}), 5);
    assert_eq!(json(&run.parameters(lower())), due);
    let declared =
        |categories: &[&str]| lower().with("categories", Some(Categories::One(names(categories))));
    let run = Run::new("StatisticsFrequency", inputs().to_vec());
    assert_eq!(json(&run.parameters(declared(&["YES", "M\u{fc}ller"]))), due);
    let function = find("StatisticsFrequency").unwrap();
    let twice = declared(&["Yes", "yes"]);
    let refused = Request::check(function, &twice, &testing::parties(2)).unwrap_err();
    assert!(matches!(refused, InputError::Parameter { name: "categories", .. }), "{refused:?}");
    let mode = lower().with("only_mode", Some(true));
    let run = Run::new("StatisticsFrequency", inputs().to_vec()).parameters(mode);
    assert_eq!(json(&run), json!({"mode": "yes"}));
    let cells = [pairs(&[("yes", "A")]), pairs(&[("YES", "a"), ("No", "b")]), pairs(&[])];
    let run = Run::new("StatisticsContingency", cells.to_vec()).parameters(lower());
    assert_eq!(json(&run)["table"], json!({"no": {"a": 0, "b": 1}, "yes": {"a": 2, "b": 0}}));
    let counted = |rows: &[(&str, u64)]| {
        Input::CountedTexts(rows.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect())
    };
    let inputs = vec![counted(&[("Yes", 3), ("yes", 4), ("YES", 0)]), texts(&["yEs"])];
    let run = Run::new("StatisticsFrequency", inputs).parameters(lower());
    assert_eq!(json(&run)["histogram"], json!({"yes": 8}), "a database has counted");
}

/// A list with the same category twice would be shown as two.
#[test]
fn names_in_another_case_than_the_agreed_one_are_no_honest_partys() {
    let cheater = Party::new(1).unwrap();
    let list = crate::kernel::wire::encode(&vec![names(&["Yes", "yes"])]).unwrap();
    let tamper = Tamper::new(cheater, None, 1, Action::Replace(list.into())).retagging();
    let run = frequency().parameters(Parameters::default().with("case", Some(Case::Lower)));
    let report = run.simulate(Simulation::new(seed()).adversary(tamper));
    assert_eq!(report.endings[0].fault(), Some(&Fault::blame(cheater, Misbehaviour::Malformed)));
}

#[test]
fn parties_that_compare_categories_otherwise_disagree() {
    let agreed = |case| {
        let parameters = Parameters::default().with("case", Some(case));
        frequency().parameters(parameters).request(0).unwrap().parameters()
    };
    assert_ne!(agreed(Case::Exact), agreed(Case::Lower));
    assert_eq!(agreed(Case::Exact), frequency().request(0).unwrap().parameters());
}

#[test]
fn the_first_of_equal_categories_is_the_mode() {
    let run = Run::new("StatisticsFrequency", vec![texts(&["b", "a"]), texts(&["c"])]);
    assert_eq!(json(&run)["mode"], "a");
}

#[test]
fn nothing_has_no_mode() {
    let run = Run::new("StatisticsFrequency", vec![texts(&[]), Input::Integers(vec![])]);
    assert_eq!(json(&run), whole(json!({"histogram": {}, "mode": null}), 0));
    let run = Run::new("StatisticsContingency", vec![pairs(&[]), pairs(&[])]);
    assert_eq!(json(&run), whole(json!({"table": {}, "mode": null}), 0));
    let run = Run::new("StatisticsFrequency", vec![texts(&[]), texts(&[])]);
    let run = run.parameters(declared(Categories::One(names(&["a"]))));
    assert_eq!(json(&run), whole(json!({"histogram": {"a": 0}, "mode": null}), 0));
}

#[test]
fn undeclared_and_unfit_categories_are_refused() {
    let request = |categories, input| {
        let function = find("StatisticsFrequency").unwrap();
        Request::new(function, &declared(categories), input, 0, &testing::parties(2)).map(drop)
    };
    let one = |list: &[&str]| Categories::One(names(list));
    let undeclared = request(one(&["a"]), texts(&["a", "secret"])).unwrap_err();
    assert_eq!(undeclared, InputError::UndeclaredCategory { index: 1 });
    assert!(!undeclared.to_string().contains("secret"));
    let refused = [one(&["a", "a"]), one(&[]), Categories::Two([names(&["a"]), names(&["b"])])];
    for categories in refused {
        let error = request(categories, texts(&[])).unwrap_err();
        assert!(matches!(error, InputError::Parameter { name: "categories", .. }), "{error}");
    }
    let long = "x".repeat(1001);
    let error = request(one(&[&long]), texts(&[])).unwrap_err();
    assert!(matches!(error, InputError::TooMuch { actual: 1001, .. }), "{error}");
    let numbers = request(one(&["a"]), Input::Numbers(vec![1.0])).unwrap_err();
    assert_eq!(numbers, InputError::Shape { expected: "texts" });
}

#[test]
fn tables_that_are_too_large_are_refused() {
    let axis: Vec<String> = (0..4000).map(|index| index.to_string()).collect();
    let categories = Categories::Two([axis.clone(), axis.clone()]);
    let function = find("StatisticsContingency").unwrap();
    let error = Request::new(function, &declared(categories), pairs(&[]), 0, &testing::parties(2))
        .unwrap_err();
    assert!(matches!(error, InputError::TooMuch { actual: 16_000_000, .. }), "{error}");
    // Each party's own table is small, the joint one is not: all stop before counting.
    let names = || (0..4200).map(|index| index.to_string());
    let x = names().map(|name| (name, "0".to_owned())).collect();
    let y = names().map(|name| ("0".to_owned(), name)).collect();
    let inputs = vec![Input::TextPairs(x), Input::TextPairs(y)];
    let run = Run::new("StatisticsContingency", inputs);
    let report = run.simulate(Simulation::new(seed()));
    for ending in &report.endings {
        let fault = ending.fault().unwrap();
        assert!(matches!(fault, Fault::TableTooLarge { actual: 17_640_000, .. }));
    }
}

#[test]
fn answers_that_are_too_large_are_refused_before_anything_is_counted() {
    let short: Vec<String> = (0..1000).map(|index| index.to_string()).collect();
    let long: Vec<String> = (0..1000).map(|index| format!("{index:0>990}")).collect();
    let is_refused = |actual: usize, limit: usize| limit == 64 << 20 && actual > 1000 * 990_000;
    let categories = Categories::Two([short.clone(), long.clone()]);
    let function = find("StatisticsContingency").unwrap();
    let error = Request::new(function, &declared(categories), pairs(&[]), 0, &testing::parties(2))
        .unwrap_err();
    assert!(
        matches!(error, InputError::TooMuch { actual, limit, .. } if is_refused(actual, limit)),
        "{error}"
    );
    let own = Input::TextPairs(short.iter().cloned().zip(long.iter().cloned()).collect());
    let error =
        Request::new(function, &Parameters::default(), own, 0, &testing::parties(2)).unwrap_err();
    assert!(matches!(error, InputError::TooMuch { .. }), "{error}");
    // Either party's own table is small: one has the many names of x, the other the long ones of y.
    let x = short.into_iter().map(|name| (name, "y".to_owned()));
    let y = long.into_iter().map(|name| ("x".to_owned(), name));
    let inputs = vec![Input::TextPairs(x.collect()), Input::TextPairs(y.collect())];
    let run = Run::new("StatisticsContingency", inputs);
    let report = run.simulate(Simulation::new(seed()));
    for ending in &report.endings {
        let fault = ending.fault();
        assert!(
            matches!(fault, Some(Fault::TableTooLarge { actual, limit, .. }) if is_refused(*actual, *limit)),
            "{fault:?}"
        );
    }
    assert_eq!(report.meters[0].round_names(), ["categories", "categories echo"]);
}

#[test]
fn parties_that_declare_different_categories_disagree() {
    let run = frequency();
    let lists = [names(&["a", "b", "c"]), names(&["a", "b", "c", "d"]), names(&["c", "b", "a"])];
    let function = find("StatisticsFrequency").unwrap();
    let text = lists.map(|list| {
        let parameters = declared(Categories::One(list));
        Request::new(function, &parameters, texts(&[]), 0, &testing::parties(3))
            .unwrap()
            .parameters()
    });
    assert_ne!(text[0], text[1]);
    assert_eq!(text[0], text[2]);
    assert!(text[1]["categories"].starts_with("4 declared, blake3 "));
    assert_eq!(run.request(0).unwrap().parameters()["categories"], "from the data");
}

/// Replaces a list. The rounds `categories` and `categories echo` are messages 1 and 2.
#[test]
fn two_stories_about_categories_are_noticed() {
    let cheater = Party::new(1).unwrap();
    let own: Vec<Vec<&str>> = vec![vec!["c", "z"]];
    let list = crate::kernel::wire::encode(&own).unwrap();
    let tamper = Tamper::new(cheater, Party::new(0), 1, Action::Replace(list.into())).retagging();
    let report = frequency().simulate(Simulation::new(seed()).adversary(tamper));
    // The echo of party 1 shows party 0 the list that party 2 was sent.
    let false_report = Fault::blame(cheater, Misbehaviour::FalseReport);
    assert_eq!(report.endings[0].fault(), Some(&false_report));
    let two_faces = Fault::Equivocation { witness: Party::new(0).unwrap(), accused: cheater };
    assert_eq!(report.endings[2].fault(), Some(&two_faces));
}

#[test]
fn lists_that_no_honest_party_sends_are_refused() {
    let cheater = Party::new(1).unwrap();
    let lists: [Vec<Vec<String>>; 9] = [
        vec![],
        vec![names(&["a"]), names(&["b"])],
        vec![names(&["b", "a"])],
        vec![names(&["a", "a"])],
        // The same name, which people would read twice.
        vec![names(&["e\u{301}", "\u{e9}"])],
        vec![names(&["a "])],
        vec![names(&["\u{212b}"])],
        vec![vec!["x".repeat(1001)]],
        vec![(0..100_001).map(|index| format!("{index:06}")).collect()],
    ];
    let encoded = lists.iter().filter_map(|list| crate::kernel::wire::encode(list).ok());
    for body in encoded.map(Into::into).chain([bytes::Bytes::from_static(&[255; 16])]) {
        let tamper = Tamper::new(cheater, None, 1, Action::Replace(body)).retagging();
        let report = frequency().simulate(Simulation::new(seed()).adversary(tamper));
        let malformed = Fault::blame(cheater, Misbehaviour::Malformed);
        assert_eq!(report.endings[0].fault(), Some(&malformed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_list_makes_a_party_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let cheater = Party::new(1).unwrap();
        let tamper = Tamper::new(cheater, None, 1, Action::Replace(bytes.into())).retagging();
        let report = frequency().simulate(Simulation::new(1).adversary(tamper));
        prop_assert!(!matches!(report.endings[0], Ending::Done(_)));
    }
}

#[test]
fn production_rules_need_ten_rows() {
    let run = frequency().rules(Profile::Production.rules());
    let report = run.simulate(Simulation::new(seed()));
    assert!(report.endings.iter().all(|ending| matches!(ending.fault(), Some(Fault::Refused(_)))));
}

#[test]
fn the_hash_of_declared_categories_is_another_in_each_session() {
    let run = |names_of: &[&str]| {
        let categories = Categories::One(names(names_of));
        frequency().parameters(declared(categories))
    };
    let hash = |run: &Run, network: &str, number: u64| {
        let mut offer = run.offered();
        network.clone_into(&mut offer.spec.network);
        offer.spec.run = number;
        run.request(0).unwrap().describe(&mut offer);
        offer.spec.parameters["categories"].clone()
    };
    let (one, other) = (run(&["a", "b", "c"]), run(&["a", "b", "d", "c"]));
    let first = hash(&one, "study", 0);
    assert!(first.starts_with("3 declared, blake3 "));
    assert_eq!(hash(&one, "study", 0), first);
    for [network, number] in [["other", "0"], ["study", "1"]] {
        assert_ne!(hash(&one, network, number.parse().unwrap()), first);
    }
    assert_ne!(hash(&other, "study", 0).split_once("blake3"), first.split_once("blake3"));
}
