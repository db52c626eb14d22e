//! Sums, tables and quantiles of values as people write them.

use serde_json::{Value, json};

use super::{Study, failed, succeeded};

#[test]
fn values_are_counted_as_what_they_mean() {
    let study = Study::start();
    sites_without_values(&study);
    files_of_a_client(&study);
    dates(&study);
    whole_numbers_beside_fractions(&study);
    names_of_categories(&study);
    one_value_for_a_list(&study);
}

/// Case 5.
fn sites_without_values(study: &Study) {
    let [a, b] = ["05/hascrp.csv", "05/intcrp.csv"].map(|file| ["--csv", file]);
    let sum = ["SecureSum", "--data", "k.crp", "--parameter", "missing=drop"];
    let due = 1.5 + 2.5 + 9.0 + 1.0 + 2.0 + 9.0;
    study.register_all("k", [&a, &b, &["--csv", "05/empty_rows.csv"]]);
    assert_eq!(study.result(&sum[..3]), json!({"sum": due}));
    study.register_all("k", [&a, &b, &["--csv", "05/allna.csv", "--column", "crp:number"]]);
    let told = study.computed(&sum);
    assert_eq!((told.result, told.dropped), (json!({"sum": due}), json!(3)));
}

/// Case 16.
fn files_of_a_client(study: &Study) {
    let of = |function: &'static str, files: [&'static str; 3]| {
        let files = files.iter().flat_map(|file| ["--data-file", file]);
        [function].into_iter().chain(files).collect::<Vec<&str>>()
    };
    let drop = ["--parameter", "missing=drop"];
    let frequency = of("StatisticsFrequency", ["16/gna2.csv:g"; 3]);
    failed(&study.compute(&frequency), 2, &["item 1 must be a text, not null", "`missing`"]);
    let told = study.computed(&[&frequency[..], &drop].concat());
    assert_eq!((&told.result["histogram"], told.dropped), (&json!({"a": 3, "b": 3}), json!(3)));
    let crp = "05/hascrp.csv:crp";
    let nan = of("SecureSum", ["04/missing_nan.csv:x", crp, crp]);
    let told = study.computed(&[&nan[..], &drop].concat());
    assert_eq!((told.result, told.dropped), (json!({"sum": 1.5 + 2.5 + 26.0}), json!(3)));
    let semicolons = of("SecureSum", ["16/semi1.csv:weight"; 3]);
    failed(&study.compute(&semicolons), 2, &["declare the `delimiter`"]);
    let declared = [&semicolons[..], &["--delimiter", ";"]].concat();
    assert_eq!(study.result(&declared), json!({"sum": 3.0 * (70.0 + 82.0 + 65.0)}));
    let parquet = of("SecureSum", ["10/pq_v2.parquet:x", crp, crp]);
    assert_eq!(study.result(&parquet), json!({"sum": 100.0 * 1.5 + 26.0}));
}

/// Case 21.
fn dates(study: &Study) {
    let words = ["--csv", "21/dates.csv"];
    let noted = succeeded(&study.register(0, "d", &words));
    assert!(
        noted.contains("born: dates: declare the column as date, with `date = \"DD.MM.YYYY\"`")
    );
    let born = ["--column", "born:date", "--date", "DD.MM.YYYY"];
    succeeded(&study.register(0, "d", &[&words[..], &born].concat()));
    let later = |day: &str| {
        let condition = format!(r#"{{"column": "born", "op": ">=", "value": "{day}"}}"#);
        let data = ["--data", "clinic-0=d.born", "--data", "clinic-1=[]", "--data", "clinic-2=[]"];
        study.compute(
            &[&["StatisticsFrequency", "--json", "--where", &condition], &data[..]].concat(),
        )
    };
    let told: Value = serde_json::from_str(&succeeded(&later("1980-01-01"))).unwrap();
    assert_eq!(told["result"]["histogram"], json!({"1980-12-31": 1, "1990-07-15": 1}));
    failed(&later("01.01.1980"), 2, &["\"born\" is of kind date", "a day such as \"1980-01-31\""]);
}

/// Case 24, of values in JSON; of files in `registering.rs`.
fn whole_numbers_beside_fractions(study: &Study) {
    let with = |a: &str, b: &str| {
        study.compute(&["SecureSum", "--json", "--data", a, "--data", b, "--data", "[]"])
    };
    let beside = with("[9007199254740993,0.25]", "[]");
    failed(&beside, 2, &["item 0 is a whole number that no double-precision number equals"]);
    // 2^53 + 1 and a quarter is nearest to 2^53 + 2.
    let told: Value = serde_json::from_slice(&with("[9007199254740993]", "[0.25]").stdout).unwrap();
    assert_eq!(told["result"], json!({"sum": 9_007_199_254_740_994.0}));
}

/// Case 25: normal forms and blanks. Letters of both cases are one category where that is asked for.
fn names_of_categories(study: &Study) {
    let files = ["25/u1.json", "25/u2.json", "25/u3.json"];
    let words: Vec<&str> = files.iter().flat_map(|file| ["--data-file", file]).collect();
    let told = study.result(&[&["StatisticsFrequency"], &words[..]].concat());
    let histogram = told["histogram"].as_object().unwrap();
    assert_eq!((&histogram["M\u{fc}ller"], &told["samples"]), (&json!(3), &json!(15)));
    assert_eq!(histogram.keys().filter(|name| name.contains("ller")).count(), 1);
    let answers = [r#"["Yes"]"#, r#"["yes "]"#, r#"[" yes"]"#];
    let words: Vec<&str> = answers.iter().flat_map(|answer| ["--data", answer]).collect();
    let told = study.result(&[&["StatisticsFrequency"], &words[..]].concat());
    assert_eq!(told["histogram"], json!({"Yes": 1, "yes": 2}));
    let lower = ["StatisticsFrequency", "--parameter", "case=lower"];
    let told = study.result(&[&lower[..], &words].concat());
    assert_eq!(told["histogram"], json!({"yes": 3}));
}

/// Case 26.
fn one_value_for_a_list(study: &Study) {
    let data = ["--data", "[1]", "--data", "[2]", "--data", "[3]"];
    let quantiles = ["Quantiles", "--parameter", "probabilities=0.5"];
    let told = study.result(&[&quantiles, &data[..]].concat());
    assert_eq!(told, json!({"quantiles": [2.0], "samples": 3}));
    let data = ["--data", "[\"a\"]", "--data", "[\"a\"]", "--data", "[]"];
    let frequency = ["StatisticsFrequency", "--parameter", "categories=a"];
    let told = study.result(&[&frequency, &data[..]].concat());
    assert_eq!(told["histogram"], json!({"a": 2}));
    let wrong = ["Quantiles", "--parameter", "probabilities={}"];
    let data = ["--data", "[1]", "--data", "[2]", "--data", "[3]"];
    let refused = study.compute(&[&wrong, &data[..]].concat());
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("`probabilities`") && !error.contains("sequence"), "{error}");
}
