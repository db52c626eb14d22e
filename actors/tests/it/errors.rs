//! `clients/ERRORS.md` and the API's description have the codes of the node's one table, and no
//! others.
//!
//! With `CLOISTER_REWRITE=1` in the environment both files are written from the table.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_actors::code::{Entry, Group, TABLE};

/// The page for people who look codes up.
const PAGE: &str = "clients/ERRORS.md";

/// The API's description.
const OPENAPI: &str = "actors/src/management/openapi.json";

/// The sections of the page that have a table of codes.
const SECTIONS: [(&str, Group); 7] = [
    ("The request", Group::Request),
    ("Who calls", Group::Access),
    ("Data, and what their owners allow", Group::Data),
    ("Joint computations", Group::Computation),
    ("Watching and steering", Group::Watching),
    ("The node", Group::Node),
    ("The operator's command", Group::Command),
];

/// The only code that no node sends: a client's own, written by hand.
const CLIENTS_OWN: [&str; 1] = ["no_answer"];

#[test]
fn the_page_of_errors_is_made_from_the_table() {
    let page = read(PAGE);
    let due = SECTIONS.iter().fold(page, |page, (title, group)| with_table(&page, title, *group));
    is_or_becomes(PAGE, &due);
}

#[test]
fn the_page_has_no_code_beside_the_table() {
    let page = read(PAGE);
    let told = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let due = TABLE.iter().map(|entry| entry.text).chain(CLIENTS_OWN);
    assert_eq!(told.collect::<Vec<_>>(), due.collect::<Vec<_>>());
}

#[test]
fn the_api_description_lists_the_codes_of_the_table() {
    let description = read(OPENAPI);
    let start =
        "\"description\": \"What to act on. New codes may be added.\",\n            \"enum\": [";
    let (before, rest) = description.split_once(start).unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let codes = TABLE.iter().filter(|entry| entry.group != Group::Command);
    let codes: Vec<String> =
        codes.map(|entry| format!("\n              \"{}\"", entry.text)).collect();
    let due = format!("{before}{start}{}\n            ]{after}", codes.join(","));
    is_or_becomes(OPENAPI, &due);
}

/// Puts the codes of `group` in the place of the table of the section with this title.
fn with_table(page: &str, title: &str, group: Group) -> String {
    let heading = format!("## {title}\n");
    let (before, section) = page.split_once(&heading).unwrap();
    let start = section.find("\n|").unwrap() + 1;
    let end = start + section[start..].find("\n\n").map_or(section.len() - start, |at| at + 1);
    let table = table(group);
    format!("{before}{heading}{}{table}{}", &section[..start], &section[end..])
}

fn table(group: Group) -> String {
    let mut table = "| code | HTTP | when it comes | `party` | what to do |\n".to_owned();
    table.push_str("| --- | --- | --- | --- | --- |\n");
    for entry in TABLE.iter().filter(|entry| entry.group == group) {
        let Entry { text, status, when, party, remedy, .. } = entry;
        table.push_str(&format!("| `{text}` | {status} | {when} | {party} | {remedy} |\n"));
    }
    table
}

/// Compares a file with its due content, or writes it where the environment asks for that.
fn is_or_becomes(file: &str, due: &str) {
    if std::env::var_os("CLOISTER_REWRITE").is_some() {
        fs::write(root().join(file), due).unwrap();
    }
    let now = read(file);
    let differing = now.lines().zip(due.lines()).find(|(now, due)| now != due);
    assert!(now == due, "{file} is not made from the table: {differing:#?}");
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
