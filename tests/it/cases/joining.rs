//! Joins and sets, of ids and numbers as people have them.

use std::process::Output;

use serde_json::{Value, json};

use super::{Study, failed, succeeded};

#[test]
fn joins_answer_with_the_right_numbers_or_say_what_is_wrong() {
    let study = Study::start();
    joins_of_datasets(&study);
    large_numbers_outside_of_the_join(&study);
    blank_ids(&study);
    missing_values_are_left_out(&study);
    kinds_that_differ(&study);
}

/// Case 1.
fn joins_of_datasets(study: &Study) {
    study.register_all("m", [&["--csv", "01/ids.csv"]; 3]);
    let data = ["--data", "clinic-0=m.pid,z", "--data", "clinic-1=m.pid,z"];
    let data = [&data[..], &["--data", "clinic-2=m.pid"]].concat();
    let result = study.result(&[&["CorrelationVertical"], &data[..]].concat());
    assert_eq!(result["samples"], json!(40));
    near(&result["correlation"], &[&[1.0, 1.0], &[1.0, 1.0]]);
    let by_id = ["StatisticsRegressionOLSVertical", "--parameter", "by_id=true"];
    let result = study.result(&[&by_id, &data[..]].concat());
    assert_eq!(result["samples"], json!(40));
    near(&result["mle"], &[&[1.0]]);
}

/// Checks a matrix within the bound that the reference gives for joins.
#[track_caller]
fn near(actual: &Value, expected: &[&[f64]]) {
    let rows: Vec<Vec<f64>> = serde_json::from_value(actual.clone()).unwrap();
    assert_eq!(rows.len(), expected.len(), "{actual}");
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row.len(), expected.len(), "{actual}");
        for (a, b) in row.iter().zip(*expected) {
            assert!((a - b).abs() <= 1e-9, "{actual}");
        }
    }
}

/// Case 2. The numbers of the joined rows are 0.1, 0.2, 0.7 and 0.4.
fn large_numbers_outside_of_the_join(study: &Study) {
    let ids = r#"["a","b","c","d","e"]"#;
    let groups = r#"[["a","x"],["b","x"],["c","y"],["d","y"]]"#;
    let other = r#"[["a",1],["b",2],["c",3],["d",7],["e",8]]"#;
    let code = r#"[["a",0.1],["b",0.2],["c",0.7],["zz",9.99e99]]"#;
    let says = ["column 0 behind the ids", "too far apart for an exact sum", "declare it as one"];
    failed(&ask(study, "SetIntersectionSum", [code, ids, ids]), 2, &says);
    for large in ["1", "1e9", "1e18"] {
        let three = format!(r#"[["a",0.1],["b",0.2],["c",0.7],["zz",{large}]]"#);
        let sum = result(study, "SetIntersectionSum", [&three, ids, ids]);
        assert_eq!(sum["sum"], json!(1.0), "{large}");
        let four = format!(r#"[["a",0.1],["b",0.2],["c",0.7],["d",0.4],["zz",{large}]]"#);
        let means = result(study, "MeanByGroupVertical", [groups, &four, ids]);
        let due = json!({"x": {"count": 2, "mean": (0.1 + 0.2) / 2.0},
            "y": {"count": 2, "mean": (0.7 + 0.4) / 2.0}});
        assert_eq!(means["groups"], due, "{large}");
        let correlation = ask(study, "CorrelationVertical", [&four, other, ids]);
        if large == "1" {
            let (x, y) = ([0.1, 0.2, 0.7, 0.4], [1.0, 2.0, 3.0, 7.0]);
            let r = pearson(&x, &y);
            let document: Value = serde_json::from_slice(&correlation.stdout).unwrap();
            near(&document["result"]["correlation"], &[&[1.0, r], &[r, 1.0]]);
        } else {
            // A correlation of a column that was rounded to nothing would be a wrong one.
            let says = ["column 0 of all parties' columns was rounded", "codes for missing values"];
            failed(&correlation, 2, &says);
        }
    }
    let wide = r#"[["a",1e-3],["b",3e-3],["c",1e15],["d",3e15]]"#;
    let means = result(study, "MeanByGroupVertical", [groups, wide, r#"["a","b","c","d"]"#]);
    assert_eq!([&means["groups"]["x"]["mean"], &means["groups"]["y"]["mean"]], [0.002, 2e15]);
}

/// Has the parties compute with these data in JSON, for a script.
fn ask(study: &Study, function: &str, data: [&str; 3]) -> Output {
    let words: Vec<&str> = data.iter().flat_map(|data| ["--data", data]).collect();
    study.compute(&[&[function, "--json"], &words[..]].concat())
}

#[track_caller]
fn result(study: &Study, function: &str, data: [&str; 3]) -> Value {
    let document: Value = serde_json::from_str(&succeeded(&ask(study, function, data))).unwrap();
    document["result"].clone()
}

fn pearson(x: &[f64; 4], y: &[f64; 4]) -> f64 {
    let mean = |values: &[f64; 4]| values.iter().sum::<f64>() / 4.0;
    let (mx, my) = (mean(x), mean(y));
    let products = |a: &[f64; 4], ma: f64, b: &[f64; 4], mb: f64| {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>()
    };
    products(x, mx, y, my) / (products(x, mx, x, mx) * products(y, my, y, my)).sqrt()
}

/// Case 3.
fn blank_ids(study: &Study) {
    for (function, data) in [
        ("SetIntersectionSum", [r#"[["",5],["a",1]]"#, r#"["","a"]"#, r#"["  ","a"]"#]),
        ("SetIntersectionSize", [r#"["","a"]"#, r#"["  ","b"]"#, r#"["","c"]"#]),
    ] {
        let words: Vec<&str> = data.iter().flat_map(|data| ["--data", data]).collect();
        let output = study.compute(&[&[function], &words[..]].concat());
        failed(&output, 2, &["item 0 has no id: the text is blank", "people without an id"]);
    }
}

/// Case 4.
fn missing_values_are_left_out(study: &Study) {
    let drop = ["--parameter", "missing=drop"];
    study.register_all("i", [&["--csv", "04/idna.csv"]; 3]);
    let size = study.computed(&[&["SetIntersectionSize", "--data", "i.pid"], &drop[..]].concat());
    assert_eq!((size.result, size.dropped), (json!({"size_intersection": 3}), json!(3)));
    let numbers = r#"[["a",null],["b",0.2],["c",0.3],["d",0.5]]"#;
    let ids = r#"["a","b","c","d"]"#;
    let words = ["SetIntersectionSum", "--data", numbers, "--data", ids, "--data", ids];
    let sum = study.computed(&[&words[..], &drop].concat());
    assert_eq!((&sum.result["sum"], sum.dropped), (&json!(1.0), json!(1)));
    study.register_all("j", [&["--csv", "04/missing_nan.csv"]; 3]);
    let extremes = study.computed(&[&["MinimumMaximum", "--data", "j.x"], &drop[..]].concat());
    let due = json!({"minimum": 1.5, "maximum": 2.5, "samples": 6});
    assert_eq!((extremes.result, extremes.dropped), (due, json!(9)));
    // Without the parameter the message says to set it.
    let refused = study.compute(&["MinimumMaximum", "--data", "j.x"]);
    failed(&refused, 3, &["`missing` is `drop`"]);
}

/// Case 13.
fn kinds_that_differ(study: &Study) {
    let frequency = ["StatisticsFrequency", "--data", "k.dead"];
    let (whole, letters) = (["--csv", "13/whole.csv"], ["--csv", "13/letters.csv"]);
    study.register_all("k", [&["--csv", "13/words.csv"], &whole, &letters]);
    let says = ["kind of the values in column 1", "truth values", "whole numbers"];
    failed(&study.compute(&frequency), 4, &says);
    // The same columns, declared to mean the same.
    let truth = ["--column", "dead:truth"];
    let whole = [&whole[..], &truth, &["--true-word", "1", "--false-word", "0"]].concat();
    let letters = [&letters[..], &truth, &["--true-word", "T", "--false-word", "F"]].concat();
    study.register_all("k", [&["--csv", "13/words.csv"], &whole, &letters]);
    assert_eq!(study.result(&frequency)["histogram"], json!({"false": 6, "true": 3}));

    let ids = ["SetIntersectionSize", "--data", "n.pid"];
    let [a, b, c] = ["13/ids1.csv", "13/ids2.csv", "13/ids3.csv"].map(|file| ["--csv", file]);
    study.register_all("n", [&a, &b, &c]);
    failed(&study.compute(&ids), 4, &["kind of the values in column 1", "texts", "numbers"]);
    study.register_all("n", [&b, &b, &c]);
    assert_eq!(study.result(&ids), json!({"size_intersection": 40}));
}
