//! Inputs that once failed, through the command on real nodes, as their users would have it. The files
//! are in `tests/data/cases`, in a folder for each case; its number stands in the test's comments.
//!
//! Checks of a library's own tests are not repeated here: columns with the names that people gave them
//! (case 15) are in `command.rs`, databases (cases 20 and 29) in `actors/sources/tests/it/databases`.

mod counting;
mod joining;
mod production;
mod python;
mod registering;
mod studies;

use std::path::{Path, PathBuf};
use std::process::Output;

use cloister_testkit::{Cluster, Kind, cloister};
use serde_json::Value;

/// Lets nodes read the files of the cases, and files of their own.
const FOLDERS: &str =
    concat!("data.folders = [\"data\", \"", env!("CARGO_MANIFEST_DIR"), "/tests/data/cases\"]");

/// Returns the folder of the cases.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases")
}

/// Three nodes under the profile `teaching`, which may read the cases.
struct Study {
    cluster: Cluster,
}

/// A joint result as a script reads it.
struct Computed {
    result: Value,
    /// The number of rows with missing values that were left out.
    dropped: Value,
}

impl Study {
    fn start() -> Self {
        Self { cluster: Cluster::start(Kind { settings: FOLDERS, ..Kind::teaching(3) }) }
    }

    /// Registers a dataset at one node, in place of one of that name.
    fn register(&self, party: usize, name: &str, words: &[&str]) -> Output {
        // There may be none of that name.
        let _ = self.cluster.operator(party, &["data", "withdraw", name]).output().unwrap();
        let words = [&["data", "register", name], words].concat();
        self.cluster.operator(party, &words).current_dir(folder()).output().unwrap()
    }

    /// Registers a dataset at all nodes from these files.
    #[track_caller]
    fn register_all(&self, name: &str, files: [&[&str]; 3]) {
        for (party, words) in files.iter().enumerate() {
            succeeded(&self.register(party, name, words));
        }
    }

    /// Computes as a central client does, from the folder of the cases.
    fn compute(&self, words: &[&str]) -> Output {
        let mut command = cloister();
        command.args(["compute", "--consortium"]).arg(self.cluster.folder()).args(words);
        command.current_dir(folder()).output().unwrap()
    }

    #[track_caller]
    fn computed(&self, words: &[&str]) -> Computed {
        let output = self.compute(&[words, &["--json"]].concat());
        let document: Value = serde_json::from_str(&succeeded(&output)).unwrap();
        Computed { result: document["result"].clone(), dropped: document["dropped"].clone() }
    }

    #[track_caller]
    fn result(&self, words: &[&str]) -> Value {
        self.computed(words).result
    }
}

/// Returns the standard output of a command that succeeded.
#[track_caller]
fn succeeded(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Checks that a command failed with this exit code and all of these words.
#[track_caller]
fn failed(output: &Output, code: i32, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    words.iter().for_each(|word| assert!(error.contains(word), "{word}: {error}"));
}
