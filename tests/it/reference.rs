//! The reference pages are what the programs take: each setting has its row, and each condition that
//! is shown is one.

use std::fs;
use std::path::Path;

use cloister_sources::Filter;
use cloister_testkit::{Cluster, Kind, cloister, run};

fn page(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Returns the blocks of code of a page in this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.split(fence.as_str()).skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn every_setting_stands_in_the_reference() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let output = run(cloister().args(["config", "check", "--settings"]).arg(cluster.config(0)));
    let shown = String::from_utf8(output.stdout).unwrap();
    let page = page("settings.md");
    let mut section = String::new();
    let mut missing = Vec::new();
    for line in shown.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.split(']').next().unwrap());
        } else if let Some((key, _)) = line.split_once(" = ") {
            let key = format!("`{section}{}`", key.trim_start_matches("# ").trim());
            if !page.contains(&key) {
                missing.push(key);
            }
        }
    }
    assert!(missing.is_empty(), "settings.md has no {missing:?}:\n{shown}");
    for key in ["`allowed_origins`", "`access.tls`", "`data.hosts`"] {
        assert!(page.contains(key), "{key}");
    }
}

#[test]
fn the_conditions_of_the_reference_are_conditions() {
    let page = page("conditions.md");
    let shown: Vec<&str> = blocks(&page, "json").into_iter().flat_map(str::lines).collect();
    assert!(shown.len() >= 5, "{shown:?}");
    let command = page.lines().find(|line| line.starts_with("cloister compute")).unwrap();
    let given = command.split('\'').nth(1).unwrap();
    for text in shown.into_iter().chain([given]) {
        let filter: Filter =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!filter.columns().is_empty(), "{text}");
    }
    let written = blocks(&page, "toml").concat();
    let table: toml::Table = toml::from_str(&written).unwrap();
    let filter: Filter = table["where"].clone().try_into().unwrap();
    assert_eq!(filter.columns().into_iter().collect::<Vec<_>>(), ["age"]);
    // A refused form is refused: a condition on what is missing.
    let missing = r#"{"column": "age", "op": "=", "value": null}"#;
    assert!(serde_json::from_str::<Filter>(missing).is_err());
}
