//! The owner of data in charge. Data are registered in PostgreSQL, Parquet and CSV, one kind a
//! party, under the profile `production`. The tests are about approvals, small cells, differencing,
//! and the log that shows it all.
//!
//! The data are the public set `indo_rct` of `tests/data`, by clinical site.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cloister_testkit::databases::postgres::Postgres;
use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, Kind, cloister, fresh, run, run_python};
use serde_json::{Value, json};

/// The columns of the set, as SQL names them, with their types.
const SCHEMA: &str = "id integer, site text, age integer, risk double precision, gender text, rx text, \
     outcome text, outcome01 integer, rx01 integer, male integer, party integer";

const TO_PARQUET: &str = "
import sys, pyarrow.csv, pyarrow.parquet
pyarrow.parquet.write_table(pyarrow.csv.read_csv(sys.argv[1]), sys.argv[2])
";

/// Three nodes with one registered dataset each, and the tokens of their clients.
struct Trial {
    cluster: Cluster,
    tokens: Vec<String>,
    rows: Vec<BTreeMap<String, String>>,
    _postgres: Postgres,
}

impl Trial {
    /// Starts nodes under `production`. The owner of the first wants to approve. The others'
    /// policies need no approval, and `policy` adds to the second's.
    fn start(policy: &str) -> Self {
        let postgres = Postgres::start();
        let settings = "access.mode = \"tokens\"";
        let kind = Kind { profile: "production", settings, ..Kind::teaching(3) };
        let mut cluster = Cluster::stopped(kind);
        let open = "[dataset.trial]\napproval = false\n";
        for (index, policy) in [(1, format!("{open}{policy}")), (2, open.to_owned())] {
            let folder = home(&cluster, index).join("policy.d");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("trial.toml"), policy).unwrap();
        }
        (1..3).for_each(|index| fs::create_dir(home(&cluster, index).join("data")).unwrap());
        let parquet = home(&cluster, 1).join("data/trial.parquet");
        run_python(TO_PARQUET, &[&file(2), &parquet]);
        let csv = home(&cluster, 2).join("data/trial.csv");
        fs::copy(file(3), &csv).unwrap();
        fill(&postgres);
        cluster.start_all();
        let url = postgres.url();
        let postgres_words = ["--postgres", &url, "--table", "trial", "--key", "id"];
        let words = ["data", "register", "trial"];
        cluster.operate(0, &[&words[..], &postgres_words].concat());
        cluster.operate(1, &[&words[..], &["--parquet", parquet.to_str().unwrap()]].concat());
        cluster.operate(2, &[&words[..], &["--csv", csv.to_str().unwrap()]].concat());
        let tokens = (0..3).map(|index| cluster.token(index, "ada", &["researcher"])).collect();
        let rows = (1..=3).flat_map(|party| read(&file(party))).collect();
        Self { cluster, tokens, rows, _postgres: postgres }
    }

    fn api(&self, index: usize) -> Api {
        self.cluster.api(index).with_token(&self.tokens[index])
    }

    /// Selects these columns and rows at one node.
    fn select(&self, index: usize, columns: &[&str], filter: &Value) -> Answer {
        let api = self.api(index);
        let arguments = json!({"dataset": "trial", "columns": columns, "where": filter});
        api.method(&api.service("Datasets"), "select", &arguments)
    }

    /// Has all three compute on the same columns, each with its own `where`.
    fn compute(&self, function: &str, columns: &[&str], filters: &[Value; 3]) -> Vec<Answer> {
        let data = [0, 1, 2].map(|index| {
            let selection = self.select(index, columns, &filters[index]);
            json!({"representation_uuid": selection.uuid()})
        });
        self.compute_on(function, &data, &json!({}))
    }

    fn compute_on(&self, function: &str, data: &[Value; 3], parameters: &Value) -> Vec<Answer> {
        let name = fresh();
        std::thread::scope(|scope| {
            let asked = [0, 1, 2].map(|index| {
                let network = self.cluster.network(&name, index);
                let request = json!({"microprotocol": function, "data": data[index],
                    "network": network, "parameters": parameters});
                let api = self.api(index);
                scope.spawn(move || api.compute(&request))
            });
            asked.into_iter().map(|answer| answer.join().unwrap()).collect()
        })
    }

    /// Has the owner of the first node's data approve all requests.
    fn approve(&self, times: u32) {
        let listed = self.cluster.operate(0, &["approvals", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        for approval in listed.as_array().unwrap() {
            if approval["state"] == "asked" {
                let (id, times) = (approval["id"].to_string(), times.to_string());
                self.cluster.operate(0, &["approvals", "grant", &id, "--times", &times]);
            }
        }
    }

    /// Computes on all rows, after the owner's approval.
    fn approved(&self, function: &str, columns: &[&str]) -> Vec<Answer> {
        let all = [Value::Null, Value::Null, Value::Null];
        self.compute(function, columns, &all)[0].refused(403, "approval_needed");
        self.approve(20);
        self.compute(function, columns, &all)
    }

    /// Computes, with the owner's approval if it is needed.
    fn once_approved(&self, function: &str, columns: &[&str], filters: &[Value; 3]) -> Vec<Answer> {
        let answers = self.compute(function, columns, filters);
        if answers[0].code() != "approval_needed" {
            return answers;
        }
        self.approve(20);
        self.compute(function, columns, filters)
    }

    fn column(&self, name: &str) -> Vec<&str> {
        self.rows.iter().map(|row| row[name].as_str()).collect()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.column(name).iter().map(|text| text.parse().unwrap()).collect()
    }
}

fn home(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.config(index).parent().unwrap().to_owned()
}

fn file(party: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/indo_rct.party{party}.csv"))
}

fn read(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Fills a table with the first party's rows.
fn fill(postgres: &Postgres) {
    postgres.run(&format!("CREATE TABLE trial ({SCHEMA})"));
    let columns: Vec<&str> =
        SCHEMA.split(", ").map(|column| column.trim().split(' ').next().unwrap()).collect();
    let rows: Vec<String> = read(&file(1))
        .iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| format!("'{}'", row[*column]))
                .collect::<Vec<_>>()
                .join(", ")
        })
        .map(|values| format!("({values})"))
        .collect();
    postgres.run(&format!("INSERT INTO trial VALUES {}", rows.join(", ")));
}

fn result(answers: &[Answer]) -> Value {
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["object"]["result"], answers[0].body["object"]["result"]);
    }
    answers[0].body["object"]["result"].clone()
}

/// Returns the number of parties that left out rows.
#[track_caller]
fn left_out(answer: &Answer) -> u64 {
    answer.body["object"]["disclosure"]["left_out"].as_u64().unwrap()
}

#[track_caller]
fn close(actual: &Value, expected: f64) {
    let actual = actual.as_f64().unwrap();
    assert!((actual - expected).abs() <= 1e-12 * expected.abs(), "{actual} {expected}");
}

#[test]
fn three_kinds_of_sources_give_a_regression_and_a_table_to_a_client_that_sees_no_row() {
    let mut trial = Trial::start("");
    let regression = result(&trial.approved("StatisticsBivariate", &["age", "risk"]));
    let (x, y) = (trial.numbers("age"), trial.numbers("risk"));
    let n = f64::from(u32::try_from(x.len()).unwrap());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mx, my) = (mean(&x), mean(&y));
    let products = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>();
    let slope = products / x.iter().map(|x| (x - mx).powi(2)).sum::<f64>();
    assert_eq!(regression["samples"], json!(602));
    close(&regression["regression_slope"], slope);
    close(&regression["regression_interceipt"], my - slope * mx);

    // Doubles are added exactly, not by the database.
    let sum = result(&trial.approved("SecureSum", &["risk"]));
    assert_eq!(sum, json!({"sum": y.iter().sum::<f64>()}));

    let table = result(&trial.approved("StatisticsContingency", &["gender", "outcome"]));
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (gender, outcome) in trial.column("gender").into_iter().zip(trial.column("outcome")) {
        *counts.entry(gender).or_default().entry(outcome).or_default() += 1;
    }
    assert_eq!(table["table"], json!(counts));
    // No cell is small in one, and each site's cells follow from its margins in the other.
    let sites = result(&trial.approved("StatisticsContingency", &["site", "outcome"]));
    assert_eq!(sites["table"], json!({}));

    check_the_logs(&mut trial);
}

/// Checks that the chain is unbroken at all three, that each has recorded the others' heads, and
/// that a changed byte shows.
fn check_the_logs(trial: &mut Trial) {
    let exports: Vec<PathBuf> = (0..3)
        .map(|index| {
            let path = home(&trial.cluster, index).join("audit.jsonl");
            trial.cluster.operate(index, &["audit", "export", "--out", path.to_str().unwrap()]);
            path
        })
        .collect();
    for index in 0..3 {
        let mut words = vec!["audit", "verify"];
        let others = exports.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<&str> = others.map(|(_, path)| path.to_str().unwrap()).collect();
        others.iter().for_each(|path| words.extend(["--witness", path]));
        let verified = trial.cluster.operate(index, &words);
        assert!(verified.contains("unbroken"), "{verified}");
        assert_eq!(verified.matches("all in this log").count(), 2, "{verified}");
        assert!(!verified.contains(" 0 heads"), "{verified}");
        let shown = trial.cluster.operate(index, &["audit", "show", "--json"]);
        let kinds = ["\"registered\"", "\"asked\"", "\"ended\"", "\"token made\""];
        assert!(kinds.iter().all(|kind| shown.contains(kind)), "{shown}");
        assert!(!shown.contains("not-to-be-seen") && !shown.contains(&trial.tokens[index]));
    }
    let crate_folder = home(&trial.cluster, 0).join("crate");
    let words = ["audit", "export", "--crate", "--out", crate_folder.to_str().unwrap()];
    trial.cluster.operate(0, &words);
    let metadata = fs::read_to_string(crate_folder.join("ro-crate-metadata.json")).unwrap();
    assert!(metadata.contains("#person:ada") && metadata.contains("#dataset:trial"), "{metadata}");
    (0..3).for_each(|index| tamper(trial, index));
}

/// Stops a node, changes a byte of an entry in its state, and has the chain checked.
fn tamper(trial: &mut Trial, index: usize) {
    trial.cluster.kill(index);
    let state = home(&trial.cluster, index).join("state/state.redb");
    let whole = fs::read(&state).unwrap();
    let needle = b"\"function\":\"StatisticsBivariate\"";
    let places: Vec<usize> =
        (0..whole.len() - needle.len()).filter(|at| whole[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty());
    let mut changed = whole.clone();
    places.iter().for_each(|at| changed[at + 13] ^= 1);
    fs::write(&state, changed).unwrap();
    let output = trial.cluster.operator(index, &["audit", "verify"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{message}");
    fs::write(&state, whole).unwrap();
    trial.cluster.operate(index, &["audit", "verify"]);
}

#[test]
fn of_differences_and_single_rows_nothing_is_told() {
    let trial = Trial::start("");
    let all = Value::Null;
    result(&trial.approved("SecureSum", &["age"]));
    let ages = |party: usize| {
        read(&file(party + 1)).iter().map(|row| row["age"].parse::<f64>().unwrap()).sum::<f64>()
    };
    let first_ids: Vec<u32> =
        [1, 2, 3].map(|party| read(&file(party))[0]["id"].parse().unwrap()).into();
    for (index, id) in first_ids.into_iter().enumerate() {
        // All rows but one, after all rows; and one row alone.
        let row = json!({"column": "id", "op": "=", "value": id});
        for filter in [json!({"not": row}), row] {
            let mut filters = [all.clone(), all.clone(), all.clone()];
            filters[index] = filter;
            let answers = trial.once_approved("SecureSum", &["age"], &filters);
            if index == 0 {
                // Here the column is the key, by which no rows are chosen at all.
                answers[index].refused(403, "refused_by_policy");
                continue;
            }
            let of_others: f64 = (0..3).filter(|other| *other != index).map(ages).sum();
            assert_eq!(result(&answers), json!({"sum": of_others}), "the party is left out");
            assert!(answers.iter().all(|answer| left_out(answer) == 1));
        }
    }
    // Ten rows fewer at each party are no difference that tells of single rows.
    let younger = json!({"column": "age", "op": "<", "value": 45});
    let filters = [younger.clone(), younger.clone(), younger];
    result(&trial.once_approved("SecureSum", &["age"], &filters));
}

#[test]
fn columns_made_by_a_client_do_not_meet_a_dataset() {
    let trial = Trial::start("");
    let selection =
        |index| json!({"representation_uuid": trial.select(index, &["age"], &Value::Null).uuid()});
    // One-hot columns at two parties would leave the third one's sum alone.
    let one_hot: Vec<u8> = (0..413).map(|row| u8::from(row == 17)).collect();
    let data = [selection(0), json!(one_hot), selection(2)];
    let answers = trial.compute_on("SecureSum", &data, &json!({}));
    answers[0].refused(403, "approval_needed");
    trial.approve(5);
    let answers = trial.compute_on("SecureSum", &data, &json!({}));
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.code()),
            (403, "refused_by_disclosure_rules"),
            "{}",
            answer.body
        );
        assert!(answer.message().contains("clinic-1 brings in such columns"), "{}", answer.body);
    }
}

#[test]
fn an_owner_decides_over_functions_members_and_principals() {
    let trial = Trial::start("functions = [\"SecureSum\"]\nprincipals = [\"ada\", \"eve\"]\n");
    let eve = trial.cluster.token(1, "eve", &["researcher"]);
    let bob = trial.cluster.token(1, "bob", &["researcher"]);
    let api = |token: &str| trial.cluster.api(1).with_token(token);
    let select = |api: &Api| {
        let arguments = json!({"dataset": "trial", "columns": "age"});
        api.method(&api.service("Datasets"), "select", &arguments)
    };
    select(&api(&eve)).uuid();
    // To others it looks as if there were none.
    select(&api(&bob)).refused(404, "no_such_dataset");
    let unknown = json!({"dataset": "other", "columns": "age"});
    let unknown = api(&bob).method(&api(&bob).service("Datasets"), "select", &unknown);
    assert_eq!(unknown.message(), select(&api(&bob)).message());
    let listed = api(&bob).method(&api(&bob).service("Datasets"), "list", &json!({})).uuid();
    assert_eq!(api(&bob).download(&listed).body["object"], json!([]));

    let columns = ["age", "risk"];
    let all = [Value::Null, Value::Null, Value::Null];
    let answers = trial.compute("StatisticsBivariate", &columns, &all);
    answers[1].refused(403, "refused_by_policy");
    assert!(answers[1].message().contains("StatisticsBivariate may not"), "{}", answers[1].body);
}

#[test]
fn a_refusal_by_the_owner_holds_and_approvals_run_out() {
    let trial = Trial::start("");
    let all = [Value::Null, Value::Null, Value::Null];
    let sum = || trial.compute("SecureSum", &["age"], &all);
    sum()[0].refused(403, "approval_needed");
    trial.approve(1);
    result(&sum());
    sum()[0].refused(403, "approval_needed");
    let listed: Value =
        serde_json::from_str(&trial.cluster.operate(0, &["approvals", "list", "--json"])).unwrap();
    let id = listed[0]["id"].to_string();
    trial.cluster.operate(0, &["approvals", "refuse", &id]);
    sum()[0].refused(403, "refused_by_policy");
    // An approval for one function is none for another.
    trial.compute("SecureMedian", &["age"], &all)[0].refused(403, "approval_needed");
}

#[test]
fn an_approval_of_one_question_serves_no_other_condition_or_parameter() {
    let trial = Trial::start("");
    let all = [Value::Null, Value::Null, Value::Null];
    // Ten uses of the sum over all rows. The attack: use them with other conditions.
    trial.compute("SecureSum", &["age"], &all)[0].refused(403, "approval_needed");
    trial.approve(10);
    result(&trial.compute("SecureSum", &["age"], &all));
    let is =
        |column: &str, op: &str, value: Value| json!({"column": column, "op": op, "value": value});
    let adult = is("age", ">=", json!(30));
    let risky = is("risk", ">", json!(1));
    let both = json!({"and": [adult, risky]});
    let refused =
        &trial.compute("SecureSum", &["age"], &[both.clone(), Value::Null, Value::Null])[0];
    refused.refused(403, "approval_needed");
    for says in ["owner of dataset `trial`", "SecureSum of age", r#"("age" >= 30 and "risk" > 1)"#]
    {
        assert!(refused.message().contains(says), "{says}: {}", refused.body);
    }
    let data = [0, 1, 2].map(
        |index| json!({"representation_uuid": trial.select(index, &["age"], &Value::Null).uuid()}),
    );
    let parameters = json!({"digits_before": 6});
    trial.compute_on("SecureSum", &data, &parameters)[0].refused(403, "approval_needed");
    // Granted with this condition, it is served in another order and spelling, and nothing else is.
    trial.approve(10);
    let reordered = json!({"not": {"or": [
        {"not": is("risk", ">", json!(1.0))}, is("age", "<", json!(30)), is("age", "<", json!(30.0))]}});
    result(&trial.compute("SecureSum", &["age"], &[reordered, Value::Null, Value::Null]));
    let other = json!({"and": [is("age", ">=", json!(31)), risky]});
    trial.compute("SecureSum", &["age"], &[other, Value::Null, Value::Null])[0]
        .refused(403, "approval_needed");
    result(&trial.compute_on("SecureSum", &data, &parameters));
    let listed = trial.cluster.operate(0, &["approvals", "list"]);
    for says in
        ["condition", "all rows", r#"("age" >= 30 and "risk" > 1)"#, r#"{"digits_before":6}"#]
    {
        assert!(listed.contains(says), "{says} in {listed}");
    }
}

/// The owner sees how much was told of the columns, and how much a request would tell, before she
/// decides: the figures of the memory, and of the meter's rule for a sum over n rows of one bit.
#[test]
fn an_owner_sees_what_was_told_and_what_a_request_would_tell() {
    let trial = Trial::start("");
    let all = [Value::Null, Value::Null, Value::Null];
    let percents = |request: u64| {
        let listed = trial.cluster.operate(0, &["approvals", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let one = listed.as_array().unwrap().iter().find(|one| one["id"] == request).unwrap();
        ["told_percent", "tells_percent"].map(|name| one["class"][name].as_f64().unwrap())
    };
    trial.compute("SecureSum", &["age"], &all)[0].refused(403, "approval_needed");
    let rows = f64::from(u32::try_from(read(&file(1)).len()).unwrap());
    let deviation =
        (std::f64::consts::TAU * std::f64::consts::E * (rows / 4.0 + 1.0 / 12.0)).sqrt();
    let due = 100.0 * deviation.log2().min((rows + 1.0).log2()) / rows;
    let [told, tells] = percents(1);
    assert_eq!(told, 0.0);
    assert!((tells - due).abs() < 1e-9, "{tells} {due}");
    let shown = trial.cluster.operate(0, &["approvals", "show", "1"]);
    assert!(shown.contains("0.0 % of a column's content is told so far"), "{shown}");

    trial.cluster.operate(0, &["approvals", "grant", "1"]);
    result(&trial.compute("SecureSum", &["age"], &all));
    let condition = json!({"column": "male", "op": "=", "value": 1});
    let filters = [condition, Value::Null, Value::Null];
    trial.compute("SecureSum", &["age"], &filters)[0].refused(403, "approval_needed");
    let memory = trial.cluster.operate(0, &["memory", "show", "trial", "--json"]);
    let memory: Value = serde_json::from_str(&memory).unwrap();
    let of_age = memory["values"].as_array().unwrap().iter();
    let of_age = of_age.filter(|value| value["value"].as_str().unwrap().contains("\"age\""));
    let most = of_age.map(|value| value["told_percent"].as_f64().unwrap()).fold(0.0, f64::max);
    let [told, _] = percents(2);
    assert!(told > 0.0 && (told - most).abs() < 1e-9, "{told} {most}");
}

/// The second member's policy needs no approval. Its table in lower case and the exact one could tell a
/// withheld count together.
#[test]
fn categories_in_lower_case_need_an_owner_where_small_counts_are_withheld() {
    let trial = Trial::start("");
    let data = [0, 1, 2].map(|index| {
        let selection = trial.select(index, &["rx"], &Value::Null);
        json!({"representation_uuid": selection.uuid()})
    });
    let answers = trial.compute_on("StatisticsFrequency", &data, &json!({"case": "lower"}));
    let told = answers[1].body.to_string();
    assert!(told.contains("could tell counts that are withheld"), "{told}");
}

#[test]
fn an_owner_grants_a_class_and_is_told_what_it_serves() {
    let trial = Trial::start("");
    let all = [Value::Null, Value::Null, Value::Null];
    let at_first = |filter: &Value| [filter.clone(), Value::Null, Value::Null];
    trial.compute("SecureSum", &["age"], &all)[0].refused(403, "approval_needed");
    let told = trial.cluster.operate(0, &["approvals", "grant", "1"]);
    for says in ["request 1 is granted, once, until 20", "over all rows and under no condition"] {
        assert!(told.contains(says), "{says} in {told}");
    }
    let words = [
        "approvals",
        "grant",
        "1",
        "--times",
        "5",
        "--functions",
        "describe",
        "--columns",
        "age,gender",
        "--condition-columns",
        "age,gender",
    ];
    let told = trial.cluster.operate(0, &words);
    assert!(told.contains("5 times in all") && told.contains("age and gender only"), "{told}");
    let older = json!({"column": "age", "op": ">=", "value": 35});
    result(&trial.compute("SecureSum", &["age"], &at_first(&older)));
    result(&trial.compute("StatisticsFrequency", &["gender"], &all));
    trial.compute("SecureMedian", &["age"], &all)[0].refused(403, "approval_needed");
    let risky = json!({"column": "risk", "op": ">", "value": 1});
    trial.compute("SecureSum", &["age"], &at_first(&risky))[0].refused(403, "approval_needed");
    let shown = trial.cluster.operate(0, &["approvals", "show", "1"]);
    assert!(shown.contains("granted, 3 times left") && shown.contains("serves"), "{shown}");
    let words = ["approvals", "grant", "1", "--columns", "age,gendre"];
    let output = trial.cluster.operator(0, &words).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("no column `gendre`"), "{message}");
}

#[test]
fn a_study_is_granted_with_one_decision_and_nothing_beside_it() {
    let trial = Trial::start("");
    let study = home(&trial.cluster, 0).join("study.toml");
    let text = "title = \"Ages\"\n[dataset.trial.columns]\nage = {}\ngender = {}\n\
        [[computation]]\nname = \"sum\"\nfunction = \"SecureSum\"\ndata = \"trial.age\"\n\
        where = { column = \"age\", op = \">=\", value = 35 }\n\
        [[computation]]\nname = \"genders\"\nfunction = \"StatisticsFrequency\"\n\
        data = \"trial.gender\"\n";
    fs::write(&study, text).unwrap();
    let study = study.to_str().unwrap();
    let words = ["approvals", "grant", "--study", study, "--principal", "ada"];
    let told = trial.cluster.operate(0, &words);
    assert!(
        told.contains("2 times in all") && told.matches("ada may compute").count() == 2,
        "{told}"
    );
    assert!(told.contains("no member has signed"), "{told}");
    let older = json!({"column": "age", "op": ">=", "value": 35});
    let filters = [older, Value::Null, Value::Null];
    trial.compute("StatisticsFrequency", &["gender"], &filters)[0].refused(403, "approval_needed");
    result(&trial.compute("SecureSum", &["age"], &filters));
    let all = [Value::Null, Value::Null, Value::Null];
    result(&trial.compute("StatisticsFrequency", &["gender"], &all));
    trial.compute("StatisticsFrequency", &["gender"], &all)[0].refused(403, "approval_needed");
}

/// The owner of one node grants only what all members have signed.
#[test]
fn a_study_is_granted_once_all_members_have_signed_it() {
    let trial = Trial::start("");
    let study = home(&trial.cluster, 0).join("study.toml");
    let text = "title = \"Ages\"\n[dataset.trial.columns]\nage = {}\n\
        [[computation]]\nname = \"sum\"\nfunction = \"SecureSum\"\ndata = \"trial.age\"\n";
    fs::write(&study, text).unwrap();
    let path = study.to_str().unwrap();
    let words =
        ["approvals", "grant", "--study", path, "--principal", "ada", "--require-signatures"];
    let refused = |reason: &str| {
        let output = trial.cluster.operator(0, &words).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(reason), "{told}");
    };
    let sign = |index: usize| {
        let identity = home(&trial.cluster, index).join("identity");
        let mut command = cloister();
        command.args(["study", "sign", path, "--identity"]).arg(identity);
        run(&mut command);
    };
    (0..2).for_each(sign);
    refused("clinic-2: not signed");
    let all = [Value::Null, Value::Null, Value::Null];
    trial.compute("SecureSum", &["age"], &all)[0].refused(403, "approval_needed");
    sign(2);
    // One comment more is another study.
    fs::write(&study, format!("{text}# later\n")).unwrap();
    refused("another version of the study");
    fs::write(&study, text).unwrap();
    let told = trial.cluster.operate(0, &words);
    assert!(told.contains("signed by clinic-0, clinic-1, clinic-2"), "{told}");
    result(&trial.compute("SecureSum", &["age"], &all));
    let log = trial.cluster.operate(0, &["audit", "show", "--json"]);
    let granted = log.lines().find(|line| line.contains("\"granted\"")).unwrap();
    assert!(granted.contains(r#""signed_by":["clinic-0","clinic-1","clinic-2"]"#), "{granted}");
}

#[test]
fn members_compare_what_they_have_before_they_compute() {
    let trial = Trial::start("");
    let check = |folder: &Path| {
        let mut command = cloister();
        command.args(["data", "check", "trial", "--json", "--consortium"]).arg(folder);
        (0..3).for_each(|index| {
            command.env(format!("CLOISTER_TOKEN_CLINIC_{index}"), &trial.tokens[index]);
        });
        command
    };
    let output = run(&mut check(&trial.cluster.folder()));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["fits"], json!(true), "{found}");
    // The third party's data come anew, with an age that is a text.
    let csv = home(&trial.cluster, 2).join("data/trial.csv");
    let text = fs::read_to_string(&csv).unwrap();
    let age = format!(",{},", read(&csv)[0]["age"]);
    fs::write(&csv, text.replacen(&age, ",thirty,", 1)).unwrap();
    let words = ["data", "register", "trial", "--csv", csv.to_str().unwrap()];
    trial.cluster.operate(2, &words);
    let output = check(&trial.cluster.folder()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kind = found["differences"].as_array().unwrap().iter().find(|d| d["what"] == "kind");
    assert_eq!(kind.unwrap()["members"]["clinic-2"], json!("text"), "{found}");
}

#[test]
fn the_command_computes_on_datasets_of_all_nodes() {
    let trial = Trial::start("");
    let compute = || {
        let mut command = cloister();
        command.args(["compute", "StatisticsFrequency", "--data", "trial.gender", "--json"]);
        command.args(["--where", r#"{"column": "age", "op": ">=", "value": 18}"#]);
        command.arg("--consortium").arg(trial.cluster.folder());
        (0..3).for_each(|index| {
            command.env(format!("CLOISTER_TOKEN_CLINIC_{index}"), &trial.tokens[index]);
        });
        command
    };
    let refused = compute().output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    trial.approve(1);
    let output = run(&mut compute());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let adults = |gender: &str| {
        let rows = trial.rows.iter().filter(|row| row["gender"] == gender);
        rows.filter(|row| row["age"].parse::<f64>().unwrap() >= 18.0).count()
    };
    let expected = json!({"1_female": adults("1_female"), "2_male": adults("2_male")});
    assert_eq!(report["result"]["histogram"], expected);
}

#[test]
fn whose_rule_decided_is_said_in_results_and_refusals() {
    let trial = Trial::start("min_rows = 180\n");
    let answers = trial.approved("SecureSum", &["age"]);
    result(&answers);
    let disclosure = &answers[0].body["object"]["disclosure"];
    assert_eq!(disclosure["rules"]["min_rows"], json!(180));
    assert_eq!(disclosure["decided_by"]["min_rows"], json!("clinic-1"));
    assert_eq!(disclosure["decided_by"]["min_cell"], json!("clinic-0"));
    // 602 rows less those of the youngest.
    let older = json!({"column": "age", "op": ">=", "value": 45});
    let filters = [older.clone(), Value::Null, Value::Null];
    let answers = trial.once_approved("SecureSum", &["age"], &filters);
    for answer in &answers {
        answer.refused(403, "refused_by_disclosure_rules");
        let told = answer.message();
        assert!(told.contains("the rules of clinic-1 ask for 180 rows"), "{told}");
        assert!(!told.contains("531"), "{told}");
    }
}

#[test]
fn an_owners_client_registers_and_approves_over_the_api() {
    let trial = Trial::start("");
    let owner = trial.cluster.api(0).with_token(&trial.cluster.token(0, "grace", &["owner"]));
    let all = [Value::Null, Value::Null, Value::Null];
    trial.compute("SecureSum", &["age"], &all)[0].refused(403, "approval_needed");
    let approvals = owner.service("Approvals");
    let listed = owner.method(&approvals, "list", &json!({})).uuid();
    let listed = owner.download(&listed).body["object"].clone();
    assert_eq!(listed[0]["class"]["principal"], json!("ada"), "{listed}");
    let path = format!("/v1/approvals/{}", listed[0]["id"]);
    for decision in [
        json!({"decision": "refuse", "times": 5}),
        json!({"decision": "refuse", "days": 3}),
        json!({"decision": "grant", "days": 0}),
        json!({"decision": "grant", "times": 0}),
    ] {
        owner.send("POST", &path, &decision.to_string()).refused(400, "bad_argument");
    }
    let at_once = json!({"request": listed[0]["id"], "seconds": 0});
    owner.method(&approvals, "grant", &at_once).refused(400, "bad_argument");
    let grant = json!({"request": listed[0]["id"], "times": 1, "seconds": 60});
    let granted = owner.method(&approvals, "grant", &grant);
    assert_eq!(granted.body, json!({"type": "none"}), "{}", granted.body);
    result(&trial.compute("SecureSum", &["age"], &all));
    owner.method(&approvals, "grant", &json!({"request": 99})).refused(404, "no_such_request");
    // Calls with the researcher's own token are refused.
    let mine = trial.api(0);
    mine.method(&mine.service("Approvals"), "list", &json!({})).refused(403, "wrong_role");

    let registry = owner.service("Registry");
    let declare = |path: &str| json!({"declaration": {"name": "other", "source": {"kind": "csv", "path": path}}});
    let outside = owner.method(&registry, "register", &declare("/etc/passwd"));
    outside.refused(422, "dataset_unfit");
    assert!(!outside.body.to_string().contains("root:"), "{}", outside.body);
    let data = home(&trial.cluster, 0).join("data");
    fs::create_dir_all(&data).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", data.join("link.csv")).unwrap();
    let link = declare(data.join("link.csv").to_str().unwrap());
    owner.method(&registry, "register", &link).refused(422, "dataset_unfit");
    let none = owner.method(&registry, "withdraw", &json!({"dataset": "other"}));
    none.refused(404, "no_such_dataset");
    let gone = owner.method(&registry, "withdraw", &json!({"dataset": "trial"}));
    assert_eq!(gone.body, json!({"type": "none"}));
    trial.select(0, &["age"], &Value::Null).refused(404, "no_such_dataset");
}

#[test]
fn a_database_that_is_down_is_said_without_its_address() {
    let mut trial = Trial::start("");
    result(&trial.approved("SecureSum", &["age"]));
    trial._postgres = Postgres::start();
    let all = [Value::Null, Value::Null, Value::Null];
    let answer = &trial.compute("SecureSum", &["age"], &all)[0];
    answer.refused(503, "dataset_unreadable");
    for hidden in ["127.0.0.1", "postgres", cloister_testkit::databases::postgres::PASSWORD] {
        assert!(!answer.body.to_string().contains(hidden), "{}", answer.body);
    }
    let log = trial.cluster.log(0);
    assert!(log.contains("a dataset cannot be read"), "{log}");
    assert!(!log.contains(cloister_testkit::databases::postgres::PASSWORD), "{log}");
}

#[test]
fn datasets_and_policies_stand_in_the_settings_too() {
    let settings = "[[dataset]]\nname = \"trial\"\nsource = { kind = \"csv\", path = \"data/trial.csv\" }\n\
                    [policy.dataset.trial]\nfunctions = [\"SecureSum\"]";
    let mut cluster = Cluster::stopped(Kind { settings, ..Kind::teaching(2) });
    for index in 0..2 {
        let data = home(&cluster, index).join("data");
        fs::create_dir(&data).unwrap();
        fs::copy(file(index + 1), data.join("trial.csv")).unwrap();
    }
    cluster.start_all();
    let name = fresh();
    let requests: Vec<Value> = (0..2)
        .map(|index| {
            let api = cluster.api(index);
            let arguments = json!({"dataset": "trial", "columns": "age"});
            let ages = api.method(&api.service("Datasets"), "select", &arguments).uuid();
            json!({"microprotocol": "SecureSum", "data": {"representation_uuid": ages},
                "network": cluster.network(&name, index)})
        })
        .collect();
    let sum: f64 = (1..=2)
        .flat_map(|party| read(&file(party)))
        .map(|row| row["age"].parse::<f64>().unwrap())
        .sum();
    assert_eq!(result(&cluster.compute_with(&requests)), json!({"sum": sum}));

    // A rule that is misspelt is no rule that does not hold.
    cluster.kill(0);
    let folder = home(&cluster, 0).join("policy.d");
    fs::create_dir(&folder).unwrap();
    for (policy, reason) in [
        ("[dataset.other]\nmin_row = 5\n", "min_row"),
        ("[dataset.trial]\n", "two policies"),
        ("[dataset.other]\nfunctions = [\"Sum\"]\n", "`Sum`"),
    ] {
        fs::write(folder.join("other.toml"), policy).unwrap();
        let config = cluster.config(0);
        let output = cloister().args(["node", "--config"]).arg(config).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn rows_do_not_show_in_errors_in_vectors_or_between_columns() {
    let trial = Trial::start("");
    let at = |index: usize, columns: &[&str], filter: &Value| json!({"representation_uuid": trial.select(index, columns, filter).uuid()});
    let all = |columns: &[&str]| [0, 1, 2].map(|index| at(index, columns, &Value::Null));
    let compute = |function, data: &[Value; 3], parameters: &Value| {
        let answers = trial.compute_on(function, data, parameters);
        if answers.iter().all(|answer| answer.code() != "approval_needed") {
            return answers;
        }
        trial.approve(20);
        trial.compute_on(function, data, parameters)
    };
    // Element by element there is no rule on rows.
    let vectors = compute("SecureVectorSum", &all(&["age"]), &json!({}));
    vectors[0].refused(403, "refused_by_policy");
    // A category that only some row has, a bound that only some row breaks.
    let categories = json!({"categories": ["1_female"]});
    let probes = [
        compute("StatisticsFrequency", &all(&["gender"]), &categories),
        compute("SecureSum", &all(&["age"]), &json!({"digits_before": 1, "digits_after": 0})),
    ];
    for answers in &probes {
        answers[0].refused(403, "refused_by_disclosure_rules");
        let (one, other) = (answers[0].message(), probes[0][0].message());
        assert_eq!(one, other);
        assert!(!one.contains("item"), "{one}");
    }
    // Few rows are left out. Of the rest one party has too much, and the client is told of both.
    let one_age = json!({"column": "age", "op": "=", "value": 45});
    let mut few = all(&["age"]);
    few[0] = at(0, &["age"], &one_age);
    let few = compute("SecureSum", &few, &json!({}));
    few[0].refused(403, "refused_by_disclosure_rules");
    assert!(few[0].message().contains("90 percent"), "{}", few[0].body);
    assert!(few[0].body["hint"].as_str().unwrap().contains("leaves out its rows"));
    // A value beside a selection is a column that a client made.
    let mut ranked =
        [0, 1, 2].map(|i| json!([{"array": at(i, &["age"], &Value::Null), "rank": 1}]));
    // The smallest number is refused by the joint rules, or before by a node whose rows it told.
    let kth = compute("KthElement", &ranked, &json!({}));
    let codes: Vec<&str> = kth.iter().map(Answer::code).collect();
    let refused = |code: &&str| ["refused_by_disclosure_rules", "declined"].contains(code);
    assert!(codes.iter().all(refused) && codes.contains(&"refused_by_disclosure_rules"));
    ranked[1].as_array_mut().unwrap().push(json!({"array": -7, "rank": 1}));
    compute("KthElement", &ranked, &json!({}))[1].refused(403, "refused_by_policy");
    // Two selections at once would be remembered apart and opened as one.
    let half = |op| json!({"column": "age", "op": op, "value": 45});
    let two = json!([at(1, &["age"], &half("<")), at(1, &["age"], &half(">="))]);
    let [first, _, third] = all(&["age"]);
    compute("SecureSum", &[first, two, third], &json!({}))[1].refused(400, "bad_argument");
    // The number of rows is opened whatever the columns.
    let age = read(&file(2))[0]["age"].clone();
    let but_few = json!({"not": {"and": [
        {"column": "age", "op": "=", "value": age.parse::<f64>().unwrap()},
        {"column": "id", "op": "=", "value": read(&file(2))[0]["id"].parse::<u32>().unwrap()}]}});
    let mut other = all(&["risk"]);
    other[1] = at(1, &["risk"], &but_few);
    let answers = compute("SecureSum", &other, &json!({}));
    assert_eq!((answers[1].status, left_out(&answers[1])), (200, 1), "{}", answers[1].body);
}

#[test]
fn many_refusals_make_the_owner_asked_also_after_a_restart() {
    let mut trial = Trial::start("");
    result(&trial.approved("SecureSum", &["age"]));
    let one_age = |trial: &Trial, age: u32| {
        let few = json!({"column": "age", "op": "=", "value": age});
        trial.once_approved("SecureSum", &["age"], &[Value::Null, Value::Null, few])
    };
    for age in 0..16 {
        let answers = one_age(&trial, age);
        assert_eq!((answers[2].status, left_out(&answers[2])), (200, 1), "{}", answers[2].body);
    }
    trial.cluster.kill(2);
    trial.cluster.restart(2);
    one_age(&trial, 16)[2].refused(403, "approval_needed");
    let listed = trial.cluster.operate(2, &["approvals", "list"]);
    assert!(listed.contains("after many refusals"), "{listed}");
    let listed = trial.cluster.operate(2, &["approvals", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    trial.cluster.operate(2, &["approvals", "grant", &listed[0]["id"].to_string()]);
    assert_eq!(left_out(&one_age(&trial, 17)[2]), 1);
}
