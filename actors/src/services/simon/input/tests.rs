use cloister_protocols::catalogue::Behind;
use cloister_protocols::computation::Column;
use cloister_sources::Values;

use super::columns::of_columns;
use super::*;
use crate::vocabulary::code::Code;
use crate::vocabulary::label::Private;

fn from(json: &str, kind: InputKind) -> Result<Input, ApiError> {
    read(&serde_json::from_str(json).unwrap(), kind)
}

const BEHIND: [Behind; 2] = [Behind::Numbers; 2];

#[test]
fn truth_values_are_numbers_where_numbers_are_taken() {
    let input = from("[true,false,2]", InputKind::Numbers).unwrap();
    assert_eq!(input, Input::Numbers(vec![1.0, 0.0, 2.0]));
}

#[test]
fn each_kind_is_read_as_clients_write_it() {
    let is = |json, kind, input| assert_eq!(from(json, kind).unwrap(), input, "{json}");
    is("5", InputKind::Numbers, Input::Integers(vec![5]));
    is("[1.5,2]", InputKind::Numbers, Input::Numbers(vec![1.5, 2.0]));
    is("[]", InputKind::Numbers, Input::Integers(vec![]));
    is("[[1,2]]", InputKind::Vector, Input::Integers(vec![1, 2]));
    is("[1,2]", InputKind::Vector, Input::Integers(vec![1, 2]));
    is(
        r#"["a",1,true]"#,
        InputKind::Texts,
        Input::Texts(vec!["a".into(), "1".into(), "true".into()]),
    );
    is(r#"[["a",1]]"#, InputKind::TextPairs, Input::TextPairs(vec![("a".into(), "1".into())]));
    is("[[1,2],[3,4.5]]", InputKind::Points, Input::Points(vec![(1.0, 2.0), (3.0, 4.5)]));
}

#[test]
fn sets_and_rows_with_ids_may_come_inside_one_more_list() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    for (json, items) in [
        (r#"[["a","b"]]"#, &["a", "b"][..]),
        (r#"["a","b"]"#, &["a", "b"]),
        ("[[1,2]]", &["1", "2"]),
        ("[[]]", &[]),
        ("[]", &[]),
    ] {
        assert_eq!(from(json, InputKind::Set).unwrap(), Input::Texts(texts(items)), "{json}");
    }
    let keyed = |ids: &[&str], columns| Input::Keyed { ids: texts(ids), columns };
    let numbers = |numbers: &[f64]| Column::Numbers(numbers.to_vec());
    for (json, rows) in [
        (r#"[["a",1],["b",2.5]]"#, keyed(&["a", "b"], vec![numbers(&[1.0, 2.5])])),
        (r#"[[["a",1],["b",2.5]]]"#, keyed(&["a", "b"], vec![numbers(&[1.0, 2.5])])),
        ("[[7,1],[8,2]]", keyed(&["7", "8"], vec![numbers(&[1.0, 2.0])])),
        (r#"[["a","x"],["b",3]]"#, keyed(&["a", "b"], vec![Column::Texts(texts(&["x", "3"]))])),
        (r#"["a","b"]"#, keyed(&["a", "b"], vec![])),
        (r#"[["a"],["b"]]"#, keyed(&["a", "b"], vec![])),
        ("[1,2]", keyed(&["1", "2"], vec![])),
        ("[]", keyed(&[], vec![])),
    ] {
        assert_eq!(from(json, InputKind::Keyed(BEHIND)).unwrap(), rows, "{json}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (json, kind) in [
        (r#"[1,"a"]"#, InputKind::Numbers),
        ("[[1],[2]]", InputKind::Vector),
        ("[null]", InputKind::Texts),
        ("[[1,2,3]]", InputKind::Points),
        ("[1,2]", InputKind::Points),
        (r#"{"a":1}"#, InputKind::TextPairs),
        (r#"[["a"],["b"]]"#, InputKind::Set),
        (r#"[["a",1],["b"]]"#, InputKind::Keyed(BEHIND)),
        (r#"[["a"],["b",1]]"#, InputKind::Keyed(BEHIND)),
        (r#"[[null,1]]"#, InputKind::Keyed(BEHIND)),
        (r#"[["a",null]]"#, InputKind::Keyed(BEHIND)),
    ] {
        assert_eq!(from(json, kind).unwrap_err().code(), Code::BadArgument, "{json}");
    }
}

fn ranked(array: &[f64], rank: u64, bounds: Option<(f64, f64)>) -> Input {
    Input::Ranked { array: array.to_vec(), rank, bounds }
}

fn matrix(rows: usize, columns: usize, elements: &[f64]) -> Input {
    Input::Matrix { rows, columns, elements: elements.to_vec() }
}

#[test]
fn extremes_come_as_objects() {
    let is = |json, points: &[(f64, f64)]| {
        let input = from(json, InputKind::Extremes).unwrap();
        assert_eq!(input, Input::Points(points.to_vec()), "{json}");
    };
    is(r#"{"minimum":1,"maximum":2.5}"#, &[(1.0, 2.5)]);
    is(r#"[{"minimum":1,"maximum":1},{"maximum":4,"minimum":-3}]"#, &[(1.0, 1.0), (-3.0, 4.0)]);
    is("[]", &[]);
}

#[test]
fn ranked_objects_are_joined() {
    let is =
        |json: &str, input| assert_eq!(from(json, InputKind::Ranked).unwrap(), input, "{json}");
    is(r#"{"array":5,"rank":1.0}"#, ranked(&[5.0], 1, None));
    is(r#"[{"array":[],"rank":2,"lower_bound":null}]"#, ranked(&[], 2, None));
    let bounded = r#"{"array":[1,2.5],"rank":2,"lower_bound":0,"upper_bound":9}"#;
    is(bounded, ranked(&[1.0, 2.5], 2, Some((0.0, 9.0))));
    let below = r#"{"array":[-4],"rank":2,"upper_bound":3}"#;
    is(below, ranked(&[-4.0], 2, Some((f64::MIN, 3.0))));
    let anywhere = r#"{"array":[7],"rank":2}"#;
    let joined = [(below, Some((f64::MIN, 9.0)), -4.0), (anywhere, None, 7.0)];
    for (other, bounds, last) in joined {
        is(&format!("[{bounded},{other}]"), ranked(&[1.0, 2.5, last], 2, bounds));
    }
}

#[test]
fn a_matrix_is_a_list_of_rows_perhaps_in_one_more_list() {
    let is = |json, input| assert_eq!(from(json, InputKind::Matrix).unwrap(), input, "{json}");
    for json in ["[[1,2],[3,4.5]]", "[[[1,2],[3,4.5]]]"] {
        is(json, matrix(2, 2, &[1.0, 2.0, 3.0, 4.5]));
    }
    for json in ["[[1,2]]", "[[[1,2]]]"] {
        is(json, matrix(1, 2, &[1.0, 2.0]));
    }
    for json in ["[[1],[2]]", "[[[1],[2]]]"] {
        is(json, matrix(2, 1, &[1.0, 2.0]));
    }
    for json in ["5", "[5]", "[[5]]", "[[[5]]]"] {
        is(json, matrix(1, 1, &[5.0]));
    }
    for json in ["[]", "[[]]", "[[[]]]"] {
        is(json, matrix(0, 0, &[]));
    }
}

#[test]
fn numbers_are_a_column_in_a_regression_only() {
    let read = |json, kind| read(&serde_json::from_str(json).unwrap(), kind);
    for json in ["[1,2.5]", "[[1,2.5]]", "[[1],[2.5]]"] {
        assert!(!read(json, InputKind::Regressors).unwrap().is_empty(), "{json}");
    }
    assert_eq!(read("[1,2.5]", InputKind::Regressors).unwrap(), Input::Numbers(vec![1.0, 2.5]));
    assert_eq!(read("[1,2.5]", InputKind::Matrix).unwrap_err().code(), Code::BadArgument);
}

#[test]
fn what_the_new_kinds_do_not_take_is_refused_with_its_place() {
    use InputKind::{Extremes, Matrix, Ranked};
    for (kind, json, place) in [
        (Extremes, r#"[{"minimum":1,"maximum":2},{"minimum":2,"maximum":1}]"#, "item 1"),
        (Extremes, r#"{"minimum":1}"#, "no `maximum`"),
        (Extremes, r#"{"minimum":1,"maximum":"x"}"#, "item 0, `maximum`"),
        (Extremes, r#"{"minimum":1,"maximum":2,"secret":3}"#, "`minimum`, `maximum`"),
        (Extremes, "[1,2]", "item 0"),
        (Ranked, "[]", "`rank` is needed"),
        (Ranked, r#"{"array":[1,"a"],"rank":1}"#, "number 1 of `array`"),
        (Ranked, r#"{"array":[1],"rank":0}"#, "`rank`"),
        (Ranked, r#"{"array":[1],"rank":[1]}"#, "`rank`"),
        (Ranked, r#"[{"array":[1],"rank":1},{"array":[1],"rank":2}]"#, "item 1"),
        (Ranked, r#"{"array":[1],"rank":1,"lower_bound":2,"upper_bound":1}"#, "item 0"),
        (Ranked, r#"{"array":[1],"rank":1,"bound":2}"#, "item 0"),
        (Matrix, "[[1,2],[3]]", "row 1"),
        (Matrix, "[[1,2],3]", "row 1"),
        (Matrix, r#"[[1,2],[3,"x"]]"#, "row 1, column 1"),
        (Matrix, "[1,2]", "a row or a column"),
        (Matrix, "[[[1]],[[2]]]", "not several"),
        (Matrix, "[[],[1]]", "row 1"),
        (Matrix, "null", "row 0, column 0"),
    ] {
        let error = from(json, kind).unwrap_err();
        assert_eq!(error.code(), Code::BadArgument, "{json}");
        assert!(error.to_string().contains(place), "{json}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn whole_numbers_that_no_double_equals_are_refused() {
    use InputKind::{Extremes, Keyed, Matrix, Numbers, Points, Ranked, Vector};
    let kinds = |number: i64| {
        [
            (Numbers, format!("[{number},0.5]")),
            (Vector, format!("[[0.5,{number}]]")),
            (Points, format!("[[1,{number}]]")),
            (Keyed(BEHIND), format!(r#"[["a",{number}]]"#)),
            (Extremes, format!(r#"{{"minimum":0,"maximum":{number}}}"#)),
            (Ranked, format!(r#"{{"array":[0.5,{number}],"rank":1}}"#)),
            (Ranked, format!(r#"{{"array":[],"rank":1,"upper_bound":{number}}}"#)),
            (Matrix, format!("[[1,{number}]]")),
        ]
    };
    for (kind, json) in kinds((1 << 53) + 1).iter().chain(&kinds(i64::MAX)) {
        let error = from(json, *kind).unwrap_err().to_string();
        assert!(error.contains("double") && !error.contains("90071"), "{json}: {error}");
    }
    for (kind, json) in kinds((1 << 53) + 2).iter().chain(&kinds(1 << 62)) {
        assert!(from(json, *kind).is_ok(), "{json}");
    }
}

#[test]
fn functions_without_data_take_none() {
    for json in ["[]", "null", "[null]", "[null,null]"] {
        assert_eq!(from(json, InputKind::Other).unwrap(), Input::Numbers(vec![]), "{json}");
    }
    for json in ["[1]", "[null,5]"] {
        assert_eq!(from(json, InputKind::Other).unwrap_err().code(), Code::BadArgument, "{json}");
    }
}

#[test]
fn pairs_are_asked_for_where_numbers_come() {
    for (json, reason) in [("[1,2]", "items must be pairs"), ("5", "a list of pairs, not a number")]
    {
        let error = from(json, InputKind::Points).unwrap_err().to_string();
        assert!(error.contains(reason), "{json}: {error}");
    }
}

fn function(name: &str) -> &'static Descriptor {
    cloister_protocols::catalogue::find(name).unwrap()
}

fn integers(values: &[i64]) -> Values {
    Values::Integers(values.iter().copied().map(Some).collect())
}

#[test]
fn columns_are_never_rounded() {
    let ids = Values::Texts(["a", "b"].map(|id| Some(id.to_owned())).into());
    let selections = |number: i64| {
        let column = integers(&[1, number]);
        [
            ("MinimumMaximum", vec![column.clone()]),
            ("SecureMatrixMultiplication", vec![column.clone(), column.clone()]),
            ("StatisticsBivariate", vec![column.clone(), column.clone()]),
            ("SetIntersectionSum", vec![ids.clone(), column]),
        ]
    };
    for number in [(1 << 53) + 1, i64::MAX] {
        for (name, columns) in selections(number) {
            let error = of_columns(&columns, function(name)).unwrap_err().to_string();
            assert!(error.contains("no double") && !error.contains("90071"), "{name}: {error}");
        }
    }
    for number in [1 << 53, -(1 << 62)] {
        for (name, columns) in selections(number) {
            assert!(of_columns(&columns, function(name)).is_ok(), "{name}");
        }
    }
    let sum = of_columns(&[integers(&[i64::MAX])], function("SecureSum"));
    assert_eq!(sum.unwrap(), Input::Integers(vec![i64::MAX]));
}

#[test]
fn columns_beside_other_inputs_are_read_as_alone() {
    let truths = Values::Truths(vec![Some(true), Some(false)]);
    let ids = Values::Texts(["a", "b"].map(|id| Some(id.to_owned())).into());
    for (name, columns) in [
        ("SecureSum", vec![truths.clone()]),
        ("SecureSum", vec![integers(&[1, 2])]),
        ("MinimumMaximum", vec![truths.clone()]),
        ("StatisticsBivariate", vec![truths.clone(), integers(&[1, 2])]),
        ("StatisticsFrequency", vec![truths.clone()]),
        ("StatisticsContingency", vec![truths.clone(), integers(&[1, 2])]),
        ("SecureMatrixMultiplication", vec![truths.clone(), integers(&[1, 2])]),
        ("SetIntersectionSum", vec![ids.clone(), truths.clone()]),
    ] {
        let function = function(name);
        let contents = Contents::Columns(Private::new(columns));
        let alone = of(&contents, function).unwrap();
        let part = as_data(&contents, function.input).unwrap();
        let none = Data::List(Vec::new());
        let both = Contents::Json(Private::new(Data::concatenated([&part, &none].into_iter())));
        assert_eq!(of(&both, function).unwrap(), alone, "{name}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let one = integers(&[1, 2]);
    let shorter = integers(&[1]);
    for (name, columns, reason) in [
        ("SecureSum", vec![one.clone(), one.clone()], "takes one column, not 2"),
        ("StatisticsBivariate", vec![one.clone()], "takes two columns, not 1"),
        ("Empty", vec![one.clone()], "takes no selection"),
        ("StatisticsBivariate", vec![one, shorter], "differ in length"),
    ] {
        let error = of_columns(&columns, function(name)).unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}

#[test]
fn a_data_frame_by_columns_is_told_how_to_be_written() {
    let frame = r#"{"x":[1,2],"y":[3,4]}"#;
    let rows = r#"[{"x":1,"y":3},{"x":2,"y":4}]"#;
    for kind in [InputKind::Numbers, InputKind::Points, InputKind::Matrix, InputKind::Regressors] {
        for json in [frame, rows] {
            let error = from(json, kind).unwrap_err();
            assert!(error.advice().contains("dataframe = \"values\""), "{kind:?} {json}");
        }
    }
}
