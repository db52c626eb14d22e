//! Who may depend on whom: `cloister -> actors -> {sources, vault, protocols, certs}`, and nothing back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

/// All packages that a package needs to run, itself left out.
fn needs(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    let mut names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.remove(package), "{text}");
    names
}

#[track_caller]
fn needs_none_of(package: &str, forbidden: &[&str]) {
    let needed = needs(package);
    let wrong = |name: &&String| forbidden.iter().any(|prefix| name.starts_with(prefix));
    let found: Vec<_> = needed.iter().filter(wrong).collect();
    assert!(found.is_empty(), "{package} needs {found:?}");
}

#[test]
fn protocols_know_no_actor_no_runtime_and_no_socket() {
    needs_none_of(
        "cloister-protocols",
        &[
            "cloister",
            "actix",
            "tokio",
            "futures-executor",
            "rustls",
            "socket2",
            "mio",
            "hyper",
            "h2",
        ],
    );
}

#[test]
fn certs_know_no_actor_no_runtime_and_no_protocol() {
    needs_none_of(
        "cloister-certs",
        &["cloister", "actix", "tokio", "socket2", "mio", "hyper", "h2", "bincode"],
    );
}

#[test]
fn sources_and_vault_know_no_actor_and_no_protocol() {
    for package in ["cloister-sources", "cloister-vault"] {
        needs_none_of(package, &["cloister", "actix", "clap"]);
    }
}

#[test]
fn the_rust_client_knows_no_node() {
    let forbidden =
        ["cloister-a", "cloister-p", "cloister-s", "actix_derive", "actix-web", "actix-server"];
    needs_none_of("cloister-client", &forbidden);
    needs_none_of("cloister-client", &["arrow", "parquet", "sqlx", "redb", "clap", "ring"]);
}

#[test]
fn what_measures_knows_no_node() {
    needs_none_of("cloister-report", &["cloister", "actix", "tokio", "rustls", "clap"]);
    needs_none_of("cloister-shaping", &["cloister-p", "cloister-a", "actix", "tokio", "clap"]);
}

#[test]
fn actors_know_what_is_below_and_not_the_command() {
    let needed = needs("cloister-actors");
    let ours: Vec<_> = needed.iter().filter(|name| name.starts_with("cloister")).collect();
    let below = ["cloister-certs", "cloister-protocols", "cloister-sources", "cloister-vault"];
    assert_eq!(ours, below);
    needs_none_of("cloister-actors", &["clap"]);
}
