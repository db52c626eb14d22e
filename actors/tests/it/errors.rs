//! `clients/ERRORS.md` has the codes of the node's one table, and no others.
//! `clients/openapi.json` is the description that nodes serve.
//!
//! With `CLOISTER_REWRITE=1` in the environment both files are written.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_actors::code::{Entry, Group, TABLE};
use cloister_actors::management::description;

/// The page for people who look codes up.
const PAGE: &str = "clients/ERRORS.md";

/// The API's description, for those who write clients.
const OPENAPI: &str = "clients/openapi.json";

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
fn the_file_of_the_api_description_is_what_nodes_serve() {
    let due = serde_json::to_string_pretty(&description::document()).unwrap();
    is_or_becomes(OPENAPI, &format!("{due}\n"));
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
    assert!(now == due, "{file} is not what it is made from: {differing:#?}");
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
