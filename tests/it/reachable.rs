//! Every function of the catalogue is computed from datasets, each member's in another kind of source,
//! and answers as it does with the same values in JSON, whatever is missing and with every parameter.
//! It answers so by the command and by the Python package, too.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;

use cloister_protocols::catalogue::{self, Behind, Descriptor, InputKind};
use cloister_testkit::databases::postgres::Postgres;
use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, Kind, cloister, fresh, run, run_python};
use serde_json::{Map, Value, json};

use crate::clients;
use crate::python_package::python_command;

const PARTIES: usize = 3;

/// The names of the columns. `id` has letters of both cases.
const COLUMNS: [&str; 7] = ["row", "id", "grp", "arm", "x", "y", "complete"];

const TO_SQLITE: &str =
    "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())";

/// The number of rows of a party. A value is missing in the last three of them.
const ROWS: usize = 12;
const COMPLETE: usize = ROWS - 3;

/// The number of rows and columns of a square matrix.
const SQUARE: usize = 2;

/// The place among others' of a number that is asked for by its rank.
const RANK: u64 = 4;

/// The nodes, with a dataset `trial` at each: a CSV file, a table of SQLite, a table of PostgreSQL.
struct Trial {
    cluster: Cluster,
    /// The questions in JSON with their answers, for the Python package.
    asked: RefCell<Vec<Value>>,
    _postgres: Postgres,
}

/// The part of a party in a question.
struct Part {
    columns: Vec<&'static str>,
    /// The number of rows, from the first one.
    rows: usize,
}

/// Returns a value of the table; null where it is missing.
fn cell(party: usize, row: usize, column: &str) -> Value {
    let is_missing = match column {
        "id" => row == ROWS - 1,
        "x" => row == ROWS - 2,
        "grp" | "y" => row == ROWS - 3,
        _ => false,
    };
    let number = |number: usize| f64::from(u32::try_from(number).unwrap()) / 4.0;
    match column {
        _ if is_missing => Value::Null,
        "row" => json!(row),
        "id" => json!(format!("P{}", row + party)),
        "grp" => json!(["north", "south"][(row + party) % 2]),
        "arm" => json!(["control", "drug", "drug"][row % 3]),
        // No two parties have a number of `x` in common, and no value is zero.
        "x" => json!(number(1 + party + 3 * ((row * 7) % 13))),
        "y" => json!(number(1 + (row * row + party) % 11)),
        "complete" => json!(i64::from(row < COMPLETE)),
        other => panic!("there is no column {other}"),
    }
}

/// Returns the statements that make the table in a database.
fn sql(party: usize) -> String {
    let mut sql =
        "CREATE TABLE trial (row integer, id text, grp text, arm text, x double precision, \
                   y double precision, complete integer);"
            .to_owned();
    for row in 0..ROWS {
        let cells = COLUMNS.map(|column| match cell(party, row, column) {
            Value::Null => "NULL".to_owned(),
            Value::String(text) => format!("'{text}'"),
            number => number.to_string(),
        });
        write!(sql, "INSERT INTO trial VALUES ({});", cells.join(", ")).unwrap();
    }
    sql
}

fn csv(party: usize) -> String {
    let mut csv = format!("{}\n", COLUMNS.join(","));
    for row in 0..ROWS {
        let cells = COLUMNS.map(|column| match cell(party, row, column) {
            Value::Null => String::new(),
            Value::String(text) => text,
            number => number.to_string(),
        });
        writeln!(csv, "{}", cells.join(",")).unwrap();
    }
    csv
}

impl Trial {
    fn start() -> Self {
        let mut cluster = Cluster::stopped(Kind::teaching(PARTIES));
        let folders: Vec<_> = (0..PARTIES)
            .map(|party| cluster.config(party).parent().unwrap().join("data"))
            .collect();
        folders.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        let postgres = Postgres::start();
        postgres.run(&sql(2));
        let (file, database) = (folders[0].join("trial.csv"), folders[1].join("trial.db"));
        fs::write(&file, csv(0)).unwrap();
        let script = folders[1].join("trial.sql");
        fs::write(&script, sql(1)).unwrap();
        run_python(TO_SQLITE, &[&database, &script]);
        cluster.start_all();
        let (file, database) = (file.to_str().unwrap(), database.to_str().unwrap());
        let register = ["data", "register", "trial"];
        let sources: [&[&str]; PARTIES] = [
            &["--csv", file],
            &["--sqlite", database, "--table", "trial"],
            &["--postgres", &postgres.url(), "--table", "trial"],
        ];
        for (party, source) in sources.iter().enumerate() {
            cluster.operate(party, &[&register[..], source].concat());
        }
        Self { cluster, asked: RefCell::default(), _postgres: postgres }
    }

    /// Computes with selections of the datasets.
    fn ask_of_datasets(&self, function: &Descriptor, parameters: &Value, all: bool) -> Vec<Answer> {
        self.compute(function, parameters, |party, part| {
            if part.columns.is_empty() {
                return json!([]);
            }
            let api = self.cluster.api(party);
            let rows = match (all, part.rows) {
                (true, COMPLETE) => Value::Null,
                (_, rows) => json!({"column": "row", "op": "<", "value": rows}),
            };
            let selection = json!({"dataset": "trial", "columns": part.columns, "where": rows});
            let selected = api.method(&api.service("Datasets"), "select", &selection);
            assert_eq!(selected.status, 200, "{}: {}", function.name, selected.body);
            let handle = json!({"representation_uuid": selected.uuid()});
            match function.input {
                InputKind::Ranked => json!({"array": handle, "rank": RANK}),
                _ => handle,
            }
        })
    }

    /// Computes with the same values in JSON.
    fn ask_in_json(&self, function: &Descriptor, parameters: &Value, all: bool) -> Vec<Answer> {
        self.compute(function, parameters, |party, part| in_json(function, party, part, all))
    }

    /// Has the command compute, as a central client does, and checks that it prints what the nodes
    /// told.
    #[track_caller]
    fn ask_by_command(
        &self,
        function: &Descriptor,
        parameters: &Value,
        data: &[String],
        told: &(Value, Value),
    ) {
        let mut command = cloister();
        command.args(["compute", function.name, "--json", "--consortium"]);
        command.arg(self.cluster.folder());
        for (name, value) in parameters.as_object().unwrap() {
            command.args(["--parameter", &format!("{name}={value}")]);
        }
        command.args(data.iter().flat_map(|data| ["--data", data]));
        if data.iter().any(|data| data.contains("=trial.")) {
            let rows = rows(function);
            let condition = json!({"column": "row", "op": "<", "value": rows});
            command.args(["--where", &condition.to_string()]);
        }
        let printed: Value = serde_json::from_slice(&run(&mut command).stdout).unwrap();
        assert_eq!((&printed["result"], &printed["dropped"]), (&told.0, &told.1), "{command:?}");
    }

    /// Checks that the command answers the same from JSON and, where every party's rows are a
    /// selection, from datasets. Keeps the question for the Python package.
    fn check_clients(
        &self,
        function: &Descriptor,
        parameters: &Value,
        told: &(Value, Value),
        all: bool,
    ) {
        let parts = [0, 1, 2].map(|party| part(function, party));
        let data: Vec<Value> = (parts.iter().enumerate())
            .map(|(party, part)| in_json(function, party, part, all))
            .collect();
        let written: Vec<String> = data.iter().map(Value::to_string).collect();
        self.ask_by_command(function, parameters, &written, told);
        self.asked.borrow_mut().push(json!({"function": function.name, "data": data,
            "parameters": parameters, "result": told.0, "dropped": told.1}));
        if all || function.input == InputKind::Ranked {
            return;
        }
        let selected = parts.iter().zip(&self.cluster.names).map(|(part, name)| {
            match part.columns.join(",") {
                none if none.is_empty() => format!("{name}=[]"),
                columns => format!("{name}=trial.{columns}"),
            }
        });
        self.ask_by_command(function, parameters, &selected.collect::<Vec<_>>(), told);
    }

    /// Has the Python package ask the same, and compare the answers.
    fn check_python(&self) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asked.json");
        fs::write(&path, json!(*self.asked.borrow()).to_string()).unwrap();
        let mut program = python_command(&[]);
        program.arg(clients().join("every_function.py"));
        run(program.arg(self.cluster.folder().join("client.toml")).arg(&path));
    }

    fn compute(
        &self,
        function: &Descriptor,
        parameters: &Value,
        data: impl Fn(usize, &Part) -> Value,
    ) -> Vec<Answer> {
        let name = fresh();
        let request = |party| {
            json!({"microprotocol": function.name, "data": data(party, &part(function, party)),
                "network": self.cluster.network(&name, party), "parameters": parameters})
        };
        self.cluster.compute_with(&(0..PARTIES).map(request).collect::<Vec<_>>())
    }
}

/// Returns the data of a party in JSON; all rows where `all` is set.
fn in_json(function: &Descriptor, party: usize, part: &Part, all: bool) -> Value {
    let rows = if all && part.rows == COMPLETE { ROWS } else { part.rows };
    let cells = |row| {
        let cells = part.columns.iter().map(move |column| cell(party, row, column));
        cells.collect::<Vec<Value>>()
    };
    let single = |row| cells(row).remove(0);
    match function.input {
        _ if part.columns.is_empty() => json!([]),
        InputKind::Extremes => {
            let range = |x: Value| json!({"minimum": x.clone(), "maximum": x});
            (0..rows).map(single).map(range).collect()
        }
        InputKind::Ranked => {
            json!({"array": (0..rows).map(single).collect::<Value>(), "rank": RANK})
        }
        _ if part.columns.len() == 1 => (0..rows).map(single).collect(),
        _ => (0..rows).map(cells).collect(),
    }
}

/// Returns the number of rows of each party that brings some.
fn rows(function: &Descriptor) -> usize {
    part(function, 0).rows
}

/// Returns the part of a party in a question to this function.
fn part(function: &Descriptor, party: usize) -> Part {
    let behind = |behind: &[Behind; 2]| match behind.get(party) {
        None | Some(Behind::Nothing) => vec!["id"],
        Some(Behind::Category) => vec!["id", "grp"],
        Some(Behind::Number) => vec!["id", "x"],
        Some(Behind::Numbers) => vec!["id", "x", "y"],
    };
    let (columns, rows) = match (&function.input, party) {
        (InputKind::Numbers | InputKind::Vector, _) => (vec!["x"], COMPLETE),
        (InputKind::Extremes | InputKind::Ranked, _) => (vec!["x"], COMPLETE),
        (InputKind::Texts, _) => (vec!["grp"], COMPLETE),
        (InputKind::TextPairs, _) => (vec!["grp", "arm"], COMPLETE),
        (InputKind::Points, _) => (vec!["x", "y"], COMPLETE),
        (InputKind::Set, _) => (vec!["id"], COMPLETE),
        (InputKind::Keyed(columns), _) => (behind(columns), COMPLETE),
        (InputKind::Matrix, 0 | 1) => (vec!["x", "y"], SQUARE),
        (InputKind::Regressors, 0) => (vec!["x", "y"], COMPLETE - 1),
        (InputKind::Regressors, 1) => (vec!["x"], COMPLETE - 1),
        (InputKind::Matrix | InputKind::Regressors | InputKind::Other, _) => (vec![], 0),
    };
    Part { columns, rows }
}

/// Returns a value for a parameter of any function.
fn value(function: &Descriptor, parameter: &str, names: &[String]) -> Value {
    let groups = json!(["east", "north", "south"]);
    match parameter {
        "ahead" | "by_id" | "intercept" | "only_mode" => json!(true),
        "case" | "category_case" => json!("lower"),
        "categories" if function.input == InputKind::TextPairs => {
            json!([groups, ["control", "drug"]])
        }
        "categories" => groups,
        "committee" => json!(names),
        "digits_after" | "digits_before" => json!(6),
        "encoding" => json!("fixed"),
        "fraction_bits" => json!(20),
        "k" => json!(2),
        "missing" => json!("drop"),
        "operation" => json!("multiply"),
        "pad_to" => json!(40),
        "probabilities" => json!([0.25, 0.5]),
        "size" | "times" => json!(3),
        "statistics" => json!(["mean", "standard_deviation"]),
        "suite" => json!(function.suites()[0].name()),
        other => panic!("`{other}` is a parameter of {} without a value here", function.name),
    }
}

/// Returns the forms of a question, each as a function with parameters of its own.
fn forms(names: &[String]) -> Vec<(&'static Descriptor, Map<String, Value>)> {
    let mut forms = Vec::new();
    for entry in catalogue::entries().filter(|entry| entry.name != "Prepare") {
        let required = entry.all_parameters().into_iter().filter(|parameter| parameter.required);
        let required: Map<String, Value> = required
            .map(|parameter| (parameter.name.to_owned(), value(entry, parameter.name, names)))
            .collect();
        forms.push((entry, required));
    }
    let by_id = catalogue::entries()
        .find_map(|entry| entry.forms().find(|form| form.asked_by == Some("by_id")));
    forms.push((by_id.unwrap(), Map::from_iter([("by_id".to_owned(), json!(true))])));
    forms
}

/// Returns the result, the number of rows that were left out with it.
#[track_caller]
fn told(function: &Descriptor, parameters: &Value, answers: &[Answer]) -> Vec<(Value, Value)> {
    let told = answers.iter().map(|answer| {
        assert_eq!(answer.status, 200, "{} {parameters}: {}", function.name, answer.body);
        let report = &answer.body["object"];
        (report["result"].clone(), report["dropped"].clone())
    });
    told.collect()
}

/// Checks one form, without and with what is missing, and with all of its parameters at once.
fn check(trial: &Trial, function: &'static Descriptor, own: &Map<String, Value>, first: bool) {
    let parameters = Value::Object(own.clone());
    let complete = trial.ask_of_datasets(function, &parameters, false);
    let complete = told(function, &parameters, &complete);
    let same = told(function, &parameters, &trial.ask_in_json(function, &parameters, false));
    assert_eq!(complete, same, "{}", function.name);
    trial.check_clients(function, &parameters, &complete[0], false);
    let mut with_all = own.clone();
    for parameter in function.all_parameters() {
        // Those of the form itself, and those that say how any function is computed.
        let lists = |form: &Descriptor| form.parameters.iter().any(|it| it.name == parameter.name);
        let is_of_form = lists(function) || !function.forms().any(lists);
        let asks_for_other = matches!(parameter.name, "only_mode" | "by_id");
        if is_of_form && !asks_for_other && !with_all.contains_key(parameter.name) {
            let set = value(function, parameter.name, &trial.cluster.names);
            with_all.insert(parameter.name.to_owned(), set);
        }
    }
    assert_eq!(own.contains_key("by_id"), with_all.contains_key("by_id"));
    if function.input.has_rows() {
        if first {
            let refused = trial.ask_of_datasets(function, &parameters, true);
            let hint = refused.iter().find_map(|answer| answer.body["hint"].as_str());
            let hint = hint.unwrap_or_else(|| panic!("{}: {:?}", function.name, refused[0].body));
            let names_it = hint.contains("`missing`") && hint.contains("`drop`");
            assert!(names_it, "{}: {hint}", function.name);
        }
        // The remedy is followed.
        let mut remedied = own.clone();
        remedied.insert("missing".to_owned(), json!("drop"));
        let remedied = Value::Object(remedied);
        let dropped = trial.ask_of_datasets(function, &remedied, true);
        let dropped = told(function, &remedied, &dropped);
        let same = told(function, &remedied, &trial.ask_in_json(function, &remedied, true));
        assert_eq!(dropped, same, "{}", function.name);
        assert!(dropped.iter().any(|(_, dropped)| *dropped != json!(0)), "{dropped:?}");
        trial.check_clients(function, &remedied, &dropped[0], true);
    } else {
        with_all.remove("missing");
    }
    let with_all = Value::Object(with_all);
    told(function, &with_all, &trial.ask_of_datasets(function, &with_all, false));
}

#[test]
fn every_function_answers_from_datasets_as_from_json_with_every_parameter() {
    let trial = Trial::start();
    let mut kinds = Vec::new();
    for (function, own) in forms(&trial.cluster.names) {
        // A dataset asks its owner after sixteen refusals: one for each kind of input is enough.
        let kind = std::mem::discriminant(&function.input);
        let first = !kinds.contains(&kind);
        kinds.push(kind);
        check(&trial, function, &own, first);
    }
    trial.check_python();
}
