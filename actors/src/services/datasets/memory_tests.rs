use cloister_protocols::catalogue::find;
use cloister_protocols::equations::Scope;
use cloister_protocols::parameters::Parameters;
use cloister_sources::{Column, Kind as ColumnKind, Source};
use tempfile::tempdir;
use zeroize::Zeroizing;

use super::super::reserved::{Settled, Unheard};
use super::super::told::{sums_of_one, told};
use super::*;

const SUM: Asking = Asking {
    by: Asker::Principal([7; 16]),
    rules: OwnRules { min_own_rows: 3, min_rows: 10, told: 100, approved: true },
    sums: 1,
    depends_on_others: false,
    compared: None,
};

fn dataset(name: &str, path: &str) -> Dataset {
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: ColumnKind::Integer,
        unit: None,
        range: None,
        levels: None,
    };
    Dataset {
        name: name.to_owned(),
        source: Source::Csv { path: path.into(), delimiter: None },
        columns: ["id", "age"].map(column).into(),
        key: Some("id".to_owned()),
        rows: 100,
        missing: vec![0, 0],
        formats: Default::default(),
        times: Default::default(),
    }
}

fn names(function: &str, parameters: &Parameters, columns: &[&str]) -> Vec<String> {
    let function = find(function).unwrap();
    let scope = Scope { columns: 0, withholds: true };
    let equations = function.opens(parameters, scope).unwrap();
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let told = told(function, equations, columns.len(), &[]);
    told.iter()
        .map(|told| told.value(&columns, Of::Selection).unwrap().as_str().to_owned())
        .collect()
}

#[test]
fn each_sum_that_an_answer_tells_is_a_value() {
    let usual = Parameters::default();
    let statistics = |name: &str| Parameters::default().with("statistics", [name]);
    assert_eq!(names("SecureSum", &usual, &["age"]), ["rows", r#"sum of "age""#]);
    let univariate = |parameters: &Parameters| names("StatisticsUnivariate", parameters, &["age"]);
    assert_eq!(univariate(&usual).last().unwrap(), r#"power 2 of "age""#);
    assert_eq!(univariate(&statistics("mean")).len(), 2);
    assert_eq!(univariate(&statistics("skewness")).last().unwrap(), r#"power 6 of "age""#);
    let bivariate = names("StatisticsBivariate", &usual, &["time", "age"]);
    assert_eq!(bivariate.len(), 6);
    assert_eq!(bivariate.last().unwrap(), r#"product of "age" and "time""#);
    let table = names("StatisticsContingency", &usual, &["sex", "arm"]);
    assert_eq!(table, ["rows", r#"categories of ["arm", "sex"]"#]);
    assert_eq!(names("SecureMedian", &usual, &["age"]), ["rows", r#"sum of "age""#]);
}

#[test]
fn so_many_sums_of_one_column_need_so_many_more_rows() {
    let sums = |function: &str, columns: usize| {
        let function = find(function).unwrap();
        let scope = Scope { columns: 0, withholds: true };
        let equations = function.opens(&Parameters::default(), scope).unwrap();
        sums_of_one(&told(function, equations, columns, &["sex".to_owned()]), columns)
    };
    assert_eq!(sums("SecureSum", 1), 1);
    assert_eq!(sums("StatisticsUnivariate", 1), 2);
    assert_eq!(sums("StatisticsBivariate", 2), 3);
    assert_eq!(sums("StatisticsFrequency", 1), 1);
}

#[test]
fn values_have_different_names_whatever_columns_are_called() {
    let columns = ["rows", "age", "age^2", "a\" and \"b", "b"].map(str::to_owned);
    let mut all = vec![Told::Rows, Told::Condition(vec!["age".into()])];
    all.extend(columns.iter().cloned().map(Told::Column));
    for one in 0..columns.len() {
        all.extend([Told::Power(one, 1), Told::Power(one, 2), Told::Logarithm(one)]);
        all.push(Told::Categories(vec![one]));
        all.extend((0..one).map(|other| Told::Product(other, one)));
    }
    let names: BTreeSet<cloister_disclosure::Value> =
        all.iter().map(|told| told.value(&columns, Of::Selection).unwrap()).collect();
    assert_eq!(names.len(), all.len());
}

/// Asks for the sum of these rows' ages.
fn reserve(
    memories: &Memories,
    dataset: &Dataset,
    rows: std::ops::Range<u64>,
    asking: &Asking,
) -> Result<Option<Reserved>, Objection> {
    in_views(memories, dataset, (rows, &[]), asking)
}

/// Makes a group of rows in a view that hides these columns.
fn hiding(rows: std::ops::Range<u64>, hidden: &[&str]) -> Group {
    Group {
        rows: Zeroizing::new(rows.collect()),
        hidden: hidden.iter().map(|column| (*column).to_owned()).collect(),
    }
}

fn in_views(
    memories: &Memories,
    dataset: &Dataset,
    (rows, groups): (std::ops::Range<u64>, &[Group]),
    asking: &Asking,
) -> Result<Option<Reserved>, Objection> {
    let identities: Vec<u64> = rows.collect();
    let (told, columns) = ([Told::Rows, Told::Power(0, 1)], ["age".to_owned()]);
    let (told, columns, permille) = (told.as_slice(), columns.as_slice(), [].as_slice());
    let asked = Asked { told, columns, identities: &identities, permille, indicated: &[], groups };
    memories.reserve(dataset, &asked, asking)
}

#[test]
fn two_names_of_one_source_share_a_memory_that_survives_a_restart() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let (trial, copy) = (dataset("trial", "/data/t.csv"), dataset("copy", "/data/t.csv"));
    let ask = |vault: &Vault, dataset: &Dataset, rows| {
        let memories = Memories::new(vault.clone());
        reserve(&memories, dataset, rows, &SUM).map(|_| ())
    };
    ask(&vault, &trial, 0..50).unwrap();
    ask(&vault, &trial, 0..50).unwrap();
    assert!(ask(&vault, &copy, 0..49).is_err());
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    assert!(ask(&vault, &copy, 0..49).is_err());
    ask(&vault, &dataset("other", "/data/o.csv"), 0..49).unwrap();
}

#[test]
fn a_question_that_is_taken_back_was_never_asked() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let memories = Memories::new(vault);
    let trial = dataset("trial", "/data/t.csv");
    let ask = |rows| reserve(&memories, &trial, rows, &SUM);
    let reserved = ask(0..50).unwrap().unwrap();
    assert!(ask(0..49).is_err(), "a reserved question counts as answered");
    memories.settle(reserved, Settled::TakenBack).unwrap();
    let reserved = ask(0..49).unwrap().unwrap();
    memories.settle(reserved, Settled::Heard).unwrap();
    assert!(ask(0..50).is_err());
    assert!(ask(0..49).unwrap().is_none(), "the same question is free");
}

#[test]
fn a_join_or_a_rank_is_told_once_of_the_same_rows_without_approval() {
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let trial = dataset("trial", "/data/t.csv");
    let ask = |told: u8| {
        let rules = OwnRules { told, approved: told == 100, ..SUM.rules };
        let asking = Asking { rules, depends_on_others: true, ..SUM };
        reserve(&memories, &trial, 0..50, &asking).map(drop)
    };
    ask(25).unwrap();
    assert!(ask(25).is_err());
    ask(100).unwrap();
}

#[test]
fn a_memory_begins_anew_at_its_owners_word_and_forgets_what_was_reserved() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let trial = dataset("trial", "/data/t.csv");
    let memories = Memories::new(vault);
    let ask = |rows| reserve(&memories, &trial, rows, &SUM);
    let before = ask(0..50).unwrap().unwrap();
    let remembered = memories.of(&trial).unwrap();
    {
        let mut remembered = remembered.lock().unwrap();
        remembered.generation += 1;
        remembered.memory.reset();
    }
    let after = ask(0..49).unwrap().unwrap();
    memories.settle(before, Settled::TakenBack).unwrap();
    assert!(ask(0..50).is_err(), "the old question takes nothing back");
    memories.settle(after, Settled::Heard).unwrap();
}

#[test]
fn a_group_that_isolates_a_row_is_refused_though_the_selection_is_an_earlier_one() {
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let trial = dataset("trial", "/data/t.csv");
    let group = |rows: std::ops::Range<u64>| hiding(rows, &["week"]);
    let ask = |groups: &[Group]| in_views(&memories, &trial, (0..50, groups), &SUM).map(drop);
    ask(&[]).unwrap();
    // All rows but x, if x is below a threshold: x alone decides.
    assert!(matches!(ask(&[group(7..8)]), Err(Objection::Rule)));
    ask(&[group(0..20)]).unwrap();
    ask(&[group(0..20)]).unwrap();
    assert!(matches!(ask(&[group(0..19)]), Err(Objection::Rule)), "under any threshold");
}

#[test]
fn a_rank_is_told_after_a_mean_of_the_same_rows() {
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let trial = dataset("trial", "/data/t.csv");
    let groups = [hiding(0..80, &["week"])];
    in_views(&memories, &trial, (0..50, &groups), &SUM).unwrap();
    let rules = OwnRules { told: 25, approved: false, ..SUM.rules };
    let asking = Asking { rules, depends_on_others: true, ..SUM };
    let (told, columns) = ([Told::Rows, Told::Power(0, 1)], ["age".to_owned()]);
    let (told, columns, permille) = (told.as_slice(), columns.as_slice(), [500].as_slice());
    let identities: Vec<u64> = (0..50).collect();
    let asked =
        Asked { told, columns, identities: &identities, permille, indicated: &[], groups: &groups };
    assert!(memories.reserve(&trial, &asked, &asking).is_ok());
    assert!(matches!(memories.reserve(&trial, &asked, &asking), Err(Objection::Again)));
}

#[test]
fn two_groups_of_one_question_isolate_no_row_together() {
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let trial = dataset("trial", "/data/t.csv");
    let group = |rows: std::ops::Range<u64>| hiding(rows, &["week"]);
    let ask = |groups: &[Group]| in_views(&memories, &trial, (0..50, groups), &SUM).map(drop);
    assert!(matches!(ask(&[group(0..80), group(0..79)]), Err(Objection::Rule)));
    // Nothing is left of it.
    ask(&[group(0..79)]).unwrap();
}

/// The number of rows of a condition "arrest is 1" is the sum of arrest over all rows.
#[test]
fn a_count_by_a_condition_and_a_sum_are_of_one_column() {
    let ask = |memories: &Memories, told: &[Told], rows: std::ops::Range<u64>, groups: &[Group]| {
        let identities: Vec<u64> = rows.collect();
        let columns = ["arrest".to_owned()];
        let (columns, permille, indicated) = (columns.as_slice(), [].as_slice(), [].as_slice());
        let asked = Asked { told, columns, identities: &identities, permille, indicated, groups };
        memories.reserve(&dataset("trial", "/data/t.csv"), &asked, &SUM).map(drop)
    };
    let count = [Told::Rows, Told::Condition(vec!["arrest".to_owned()])];
    let sum = [Told::Rows, Told::Power(0, 1)];
    let table = [Told::Rows, Told::Categories(vec![0])];
    for told in [&sum[..], &table[..]] {
        for x in [0, 29, 30, 99] {
            let folder = tempdir().unwrap();
            let memories = Memories::new(Vault::open(folder.path()).unwrap());
            // The first thirty of a hundred rows have a 1.
            ask(&memories, &count, 0..30, &[hiding(0..100, &["arrest"])]).unwrap();
            let all_but_x = |rows: std::ops::Range<u64>| match x {
                0 => 1..rows.end,
                _ => rows.start..rows.end - 1,
            };
            assert!(matches!(ask(&memories, told, all_but_x(0..100), &[]), Err(Objection::Rule)));
            ask(&memories, told, 0..100, &[]).unwrap();
            ask(&memories, told, 0..50, &[]).unwrap();
            assert!(matches!(ask(&memories, told, all_but_x(0..50), &[]), Err(Objection::Rule)));
        }
    }
}

/// Asks for what a function tells of these columns over the first fifty rows.
fn ask_for(
    memories: &Memories,
    function: &str,
    columns: &[&str],
    approved: bool,
) -> Result<(), Objection> {
    let function = find(function).unwrap();
    let scope = Scope { columns: 0, withholds: true };
    let equations = function.opens(&Parameters::default(), scope).unwrap();
    let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let (told, identities) =
        (told(function, equations, names.len(), &[]), (0..50).collect::<Vec<_>>());
    let asked = Asked {
        told: &told,
        columns: &names,
        identities: &identities,
        permille: &[],
        indicated: &[],
        groups: &[],
    };
    let rules = OwnRules { approved, ..SUM.rules };
    let depends_on_others = columns.first() == Some(&"id");
    let asking = Asking { rules, depends_on_others, ..SUM };
    memories.reserve(&dataset("trial", "/data/t.csv"), &asked, &asking).map(drop)
}

/// Another party chooses which of the rows a join has: all but one, for example.
#[test]
fn no_join_is_told_beside_a_sum_of_its_column_over_the_same_rows() {
    let (sum, join) =
        (("SecureSum", ["age"].as_slice()), ("SetIntersectionSum", ["id", "age"].as_slice()));
    let wider = ("CorrelationVertical", ["id", "age", "weight"].as_slice());
    let other = ("SetIntersectionSum", ["id", "weight"].as_slice());
    for (first, second) in [(sum, join), (join, sum), (join, wider), (join, join)] {
        let told_beside = |approved| {
            let folder = tempdir().unwrap();
            let memories = Memories::new(Vault::open(folder.path()).unwrap());
            ask_for(&memories, first.0, first.1, approved).unwrap();
            let second = ask_for(&memories, second.0, second.1, approved);
            // Of another column nothing was told.
            ask_for(&memories, other.0, other.1, approved).unwrap();
            second
        };
        assert!(told_beside(false).is_err(), "{} and {}", first.0, second.0);
        assert!(told_beside(true).is_ok(), "{} and {}", first.0, second.0);
    }
    // Of no rows there is nothing to tell.
    let memories = Memories::new(Vault::open(tempdir().unwrap().path()).unwrap());
    let unapproved = Asking { rules: OwnRules { approved: false, ..SUM.rules }, ..SUM };
    assert!(reserve(&memories, &dataset("trial", "/data/t.csv"), 0..0, &unapproved).is_ok());
    // A sum that was told is told again.
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    for _ in 0..2 {
        ask_for(&memories, sum.0, sum.1, false).unwrap();
    }
}

#[test]
fn one_principal_leaves_room_for_the_questions_of_others() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let trial = dataset("trial", "/data/t.csv");
    let kept = Asking { rules: OwnRules { approved: false, ..SUM.rules }, ..SUM };
    let other = Asking { by: Asker::Principal([8; 16]), ..kept };
    {
        let memories = Memories::new(vault.clone());
        reserve(&memories, &trial, 0..50, &kept).unwrap();
        let remembered = memories.of(&trial).unwrap();
        // All but one of the rest, and so many of others that less than a quarter is free.
        let most = cloister_disclosure::MAX_QUESTIONS / 4;
        let mut filled = remembered.lock().unwrap();
        filled.asked.take(kept.by, most - 2, 0).unwrap();
        for number in 0..3 * most {
            let value = cloister_disclosure::Value::new(&format!("value {number}")).unwrap();
            let sums = BTreeMap::from([(value, Profile::of_numbers(&[0.0, 1.0]))]);
            let selection = Selection::new((1_000..1_100).collect()).unwrap();
            let question = Question { selection, source_rows: 2_000, sums, ranks: BTreeMap::new() };
            filled.memory.record(&question).unwrap();
        }
        drop(filled);
        let taken_back = reserve(&memories, &trial, 0..40, &kept).unwrap().unwrap();
        memories.settle(taken_back, Settled::TakenBack).unwrap();
        reserve(&memories, &trial, 0..40, &kept).unwrap();
    }
    vault.close();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let refused = reserve(&memories, &trial, 0..20, &kept).map(drop).unwrap_err();
    assert!(
        matches!(&refused, Objection::Failed(error) if error.code() == Code::OverQuota),
        "{refused:?}"
    );
    // An earlier question is free, and another principal has room.
    reserve(&memories, &trial, 0..50, &kept).unwrap();
    reserve(&memories, &trial, 0..20, &other).unwrap();
}

#[test]
fn a_question_that_ends_while_it_is_read_is_taken_back() {
    let folder = tempdir().unwrap();
    let memories = Memories::new(Vault::open(folder.path()).unwrap());
    let trial = dataset("trial", "/data/t.csv");
    let ask = |rows| reserve(&memories, &trial, rows, &SUM);
    let asked = || memories.of(&trial).unwrap().lock().unwrap().asked.clone();
    ask(0..50).unwrap();
    let before = asked();
    let reserved = ask(0..20).unwrap().unwrap();
    assert_ne!(asked(), before);
    drop(Unheard::new(reserved, memories.clone()));
    assert_eq!(asked(), before);
    // One of which members hear is not taken back when it is dropped.
    let reserved = ask(0..20).unwrap().unwrap();
    drop(Unheard::new(reserved, memories.clone()).heard());
    assert_ne!(asked(), before);
}
