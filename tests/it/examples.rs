//! The examples of the documents, followed as they are printed: the README's three nodes, and the study
//! of its page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use cloister::ports::Ports;
use cloister_testkit::{Cluster, Kind, Lines, binary, cloister, run, send_signal, wait_for_exit};
use serde_json::{Value, json};

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns the blocks of code in a part of a page, from one head to the next.
fn blocks(page: &str, head: &str) -> Vec<String> {
    let part = page.split(&format!("\n## {head}\n")).nth(1).unwrap();
    let part = part.split("\n## ").next().unwrap();
    part.split("```").skip(1).step_by(2).map(|block| block.trim().to_owned()).collect()
}

/// Runs lines of the README in a shell, with the command in its path.
fn shell(folder: &Path, lines: &str) -> String {
    let programs = binary().parent().unwrap().to_owned();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-e", "-c", lines]).current_dir(folder).env("PATH", path);
    String::from_utf8(run(&mut command).stdout).unwrap()
}

#[test]
fn the_readmes_three_nodes_print_what_it_says() {
    let readme = page("README.md");
    let [make, start, register, compute, printed] =
        blocks(&readme, "Three nodes of your own").try_into().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Other tests' nodes may have the usual ports.
    let ports = Ports::take().unwrap();
    let (api, peer) = (ports.api(), ports.peer());
    let make = make.replacen('\n', &format!(" --api-port {api} --peer-port {peer}\n"), 1);
    shell(folder.path(), &make);
    assert!(start.lines().all(|line| line.starts_with("cloister node --config study/")));
    let mut nodes: Vec<_> = start
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            let mut command = cloister();
            // It ends with this process, however that ends.
            command.args(words).arg("--exit-with-parent").stdin(Stdio::piped());
            command.current_dir(folder.path());
            let mut node = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let ready = Lines::of(node.stdout.take().unwrap()).next().unwrap();
            assert!(ready.starts_with("ready "), "{ready}");
            node
        })
        .collect();
    shell(folder.path(), &register);
    let told = shell(folder.path(), &compute);
    for node in &mut nodes {
        send_signal("TERM", node.id());
        assert!(wait_for_exit(node).success());
    }
    let lines = |text: &str| {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(lines(&told), lines(&printed), "{told}");
}

/// The names of the members that the documents have, and those of a test's.
const NAMES: [(&str, &str); 3] =
    [("north", "clinic-0"), ("south", "clinic-1"), ("west", "clinic-2")];

/// The ages of a member's rows; two are of children.
fn ages(index: usize) -> impl Iterator<Item = usize> {
    (0..40).map(move |row| 15 + (row * 7 + index) % 60)
}

#[test]
fn the_study_that_the_documents_show_runs_on_data_of_its_kinds() {
    let text = page("docs/src/how-to/write-a-study.md");
    let study = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let study = NAMES.iter().fold(study.to_owned(), |text, (name, own)| text.replace(name, own));
    let mut cluster = Cluster::stopped(Kind { profile: "production", ..Kind::teaching(3) });
    for index in 0..3 {
        let home = cluster.config(index).parent().unwrap().to_owned();
        fs::create_dir(home.join("data")).unwrap();
        let mut rows = "age,outcome\n".to_owned();
        for (row, age) in ages(index).enumerate() {
            writeln!(rows, "{age},{}", ["no", "yes"][row % 2]).unwrap();
        }
        fs::write(home.join("data/trial.csv"), rows).unwrap();
        let declared = "name = \"trial\"\nsource = { kind = \"csv\", path = \"data/trial.csv\" }\n\
            [[columns]]\nname = \"age\"\nkind = \"integer\"\nunit = \"years\"\n\
            [[columns]]\nname = \"outcome\"\nlevels = [\"no\", \"yes\"]\n";
        let declared =
            declared.replace("data/trial.csv", home.join("data/trial.csv").to_str().unwrap());
        fs::write(home.join("trial.toml"), declared).unwrap();
    }
    cluster.start_all();
    let file = cluster.folder().join("study.toml");
    fs::write(&file, study).unwrap();
    let file = file.to_str().unwrap();
    for index in 0..3 {
        let declared = cluster.config(index).with_file_name("trial.toml");
        let declared = declared.to_str().unwrap();
        cluster.operate(index, &["data", "register", "--declaration", declared]);
        let granted = cluster
            .operate(index, &["approvals", "grant", "--study", file, "--principal", "anybody"]);
        assert!(granted.contains("StatisticsUnivariate"), "{granted}");
    }
    let with_nodes = |words: &[&str]| {
        let mut command = cloister();
        command.args(words).arg(file).arg("--consortium").arg(cluster.folder());
        command
    };
    run(&mut with_nodes(&["study", "check"]));
    let document = run(with_nodes(&["run"]).arg("--json")).stdout;
    let document: Value = serde_json::from_slice(&document).unwrap();
    let adults: Vec<usize> = (0..3).flat_map(ages).filter(|age| *age >= 18).collect();
    let result = &document["computations"][0]["result"];
    assert_eq!(result["samples"], json!(adults.len()), "{document}");
    let whole = |number: usize| f64::from(u32::try_from(number).unwrap());
    let mean = whole(adults.iter().sum::<usize>()) / whole(adults.len());
    assert!((result["mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{result} {mean}");
}
