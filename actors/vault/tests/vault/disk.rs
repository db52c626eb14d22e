//! A disk that is full: a real one, made by a limit on the size of files.
#![cfg(target_os = "linux")]

use std::process::Command;

use cloister_vault::{Vault, VaultError};
use serde_json::json;
use tempfile::tempdir;

const FOLDER: &str = "CLOISTER_VAULT_FULL_DISK";

#[test]
fn writes_to_a_full_disk_fail_and_what_was_acknowledged_stays() {
    let folder = tempdir().unwrap();
    drop(Vault::open(folder.path()).unwrap());
    // Without the signal a write over the limit fails, as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["disk::writes_until_the_disk_is_full", "--exact", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged: u64 =
        text.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap().parse().unwrap();
    println!("{acknowledged} entries on a small disk");
    assert!(acknowledged > 0);
    let vault = Vault::open(folder.path()).unwrap();
    assert!(vault.verify().unwrap().entries >= acknowledged);
    vault.append("after", 0, json!(null)).wait().unwrap();
}

/// Runs as the child of the test above; by itself it does nothing.
#[test]
fn writes_until_the_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let vault = Vault::open(folder.as_ref()).unwrap();
    let document = json!("x".repeat(20_000));
    let error = loop {
        let group: Vec<_> = (0..3).map(|_| vault.append("fill", 0, document.clone())).collect();
        let answers: Vec<_> = group.into_iter().map(|written| written.wait()).collect();
        if let Some(error) = answers.into_iter().find_map(Result::err) {
            break error;
        }
    };
    assert!(matches!(error, VaultError::Disk(_)), "{error}");
    println!("\nacknowledged {}", vault.head().number);
    // Still full; still told, still readable.
    let big = json!("x".repeat(1_000_000));
    for _ in 0..3 {
        let error = vault.append("fill", 0, big.clone()).wait().unwrap_err();
        assert!(matches!(error, VaultError::Disk(_)), "{error}");
        assert!(vault.verify().unwrap().entries > 0);
        assert_eq!(vault.dataset("trial").unwrap(), None);
    }
}
