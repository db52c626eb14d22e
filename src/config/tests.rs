//! Tests: the stronger layer wins, and all errors are found at once.

use std::fs;

use tempfile::TempDir;

use super::parse::folder_of;
use super::*;

const LEAST: &str = "party = \"a\"\napi_listen = \"127.0.0.1:1\"\npeer_listen = \"127.0.0.1:2\"\n";

fn read_layers(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> (TempDir, Effective) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    let effective = read_with(&path, variables, &flags).unwrap();
    (folder, effective)
}

fn complaints(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Vec<String> {
    let (_folder, effective) = read_layers(file, variables, flags);
    effective.complaints().iter().map(ToString::to_string).collect()
}

#[test]
fn flags_are_stronger_than_the_environment_and_that_than_the_file() {
    let file = format!("{LEAST}[limits]\nrows = 1\nhandles = 1\ncomputations = 1\n");
    let variables = [("CLOISTER_LIMITS__ROWS", "2"), ("CLOISTER_LIMITS__HANDLES", "2")];
    let (_folder, effective) = read_layers(&file, &variables, &["limits.rows=3"]);
    let limits = &effective.settings().limits;
    assert_eq!((limits.rows, limits.handles, limits.computations), (3, 2, 1));
    assert_eq!(effective.complaints(), []);
    let text = effective.commented().unwrap();
    let line = |head: &str| text.lines().find(|line| line.starts_with(head)).unwrap().to_owned();
    assert!(line("rows = 3").ends_with("# flag --set limits.rows=3"), "{text}");
    assert!(line("handles = 2").ends_with("# environment CLOISTER_LIMITS__HANDLES"), "{text}");
    assert!(line("computations = 1").ends_with("node.toml:7"), "{text}");
    assert!(line("burst = ").ends_with("# default"), "{text}");
    // It is TOML, of the same settings.
    let again: Settings = toml::from_str(&text).unwrap();
    assert_eq!(again, *effective.settings());
}

#[test]
fn whole_tables_lists_and_texts_can_be_set_from_anywhere() {
    let variables = [
        ("CLOISTER_PARTY", "123"),
        ("CLOISTER_ALLOWED_ORIGINS", "[\"https://lab.example\"]"),
        ("CLOISTER_POLICY__DATASET__TRIAL__MIN_ROWS", "50"),
        ("CLOISTER_TOKEN_A", "secret"),
        ("CLOISTER_LOG", "debug"),
    ];
    let flags = ["profile=teaching", "access.tls=true", "pairwise={ahead=false, stock=1}"];
    let (_folder, effective) = read_layers(LEAST, &variables, &flags);
    assert_eq!(effective.complaints(), []);
    let settings = effective.settings();
    assert_eq!(settings.party, "123");
    assert_eq!(settings.allowed_origins[0].as_str(), "https://lab.example");
    assert_eq!(settings.policy.dataset["trial"].min_rows, Some(50));
    assert_eq!(settings.access.tls, Some(true));
    assert!(!settings.pairwise.ahead);
    assert!(!effective.commented().unwrap().contains("secret"));
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_what_was_meant() {
    let file = "party = \"a\"\npeer_listen = \"nowhere\"\nsurplus = 1\n[limits]\nrow = 1\nhandles = \"x\"\n";
    let variables = [("CLOISTER_LIMTS__ROWS", "1"), ("CLOISTER_PARTY__NAME", "x")];
    let found = complaints(file, &variables, &["profile=strict", "nothing", "limits.rows=-1"]);
    let has = |parts: &[&str]| {
        assert_eq!(
            found.iter().filter(|text| parts.iter().all(|part| text.contains(part))).count(),
            1,
            "{parts:?} in {found:#?}"
        );
    };
    has(&["node.toml:2", "`peer_listen`"]);
    has(&["node.toml:3", "no setting `surplus`"]);
    has(&["node.toml:5", "no setting `limits.row`", "`limits.rows`"]);
    has(&["node.toml:6", "`limits.handles`", "invalid type"]);
    has(&["`api_listen` is not set", "CLOISTER_API_LISTEN"]);
    has(&["environment CLOISTER_LIMTS__ROWS", "`CLOISTER_LIMITS__ROWS`"]);
    has(&["environment CLOISTER_PARTY__NAME", "`party` has no parts"]);
    has(&["flag --set profile=strict", "`profile`"]);
    has(&["`--set nothing`"]);
    has(&["flag --set limits.rows=-1", "`limits.rows`"]);
    assert_eq!(found.len(), 10, "{found:#?}");
}

#[test]
fn a_dataset_that_is_wrong_names_its_line_and_passwords_are_not_shown() {
    let dataset = "[[dataset]]\nname = \"trial\"\n";
    let found = complaints(&format!("{LEAST}{dataset}"), &[], &[]);
    assert!(found.len() == 1 && found[0].contains("node.toml:4"), "{found:?}");
    let hidden = written_password("postgres://me:pass@host/db");
    assert_eq!(hidden, "postgres://me:***@host/db");
    assert_eq!(written_password("https://lab.example/a@b"), "https://lab.example/a@b");
}

fn written_password(url: &str) -> String {
    let table = Table::from_iter([("url".to_owned(), Value::from(url))]);
    let text = super::display::text(table, &BTreeMap::new());
    let read: Table = toml::from_str(&text).unwrap();
    read["url"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_no_toml_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    fs::write(&path, "party = \n").unwrap();
    let problem = read_with(&path, std::iter::empty(), &[]).unwrap_err();
    assert!(problem.to_string().contains("line 1"), "{problem}");
    let nothing = read_with(&folder.path().join("x"), std::iter::empty(), &[]).unwrap_err();
    assert!(nothing.to_string().contains("cannot read"), "{nothing}");
}

#[test]
fn whatever_is_set_is_a_setting_or_a_complaint() {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).unwrap();
    let seed = env::var("CLOISTER_SEED").map_or(u64::from_le_bytes(seed), |s| s.parse().unwrap());
    println!("CLOISTER_SEED={seed}");
    let mut random = seed;
    let mut draw = |choices: &[&str]| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[usize::try_from(random >> 33).unwrap() % choices.len()].to_owned()
    };
    let parts =
        ["party", "limits", "rows", "access", "tls", "dataset", "policy", "x", "", "\u{e9}"];
    let values = ["1", "-1", "true", "[]", "{}", "[{}]", "{x=1}", "\"", "1e400", "2026-01-01", "a"];
    for _ in 0..200 {
        let mut name = || {
            let depth = draw(&["1", "2", "3"]).parse().unwrap();
            (0..depth).map(|_| draw(&parts)).collect::<Vec<_>>()
        };
        let names = [name(), name(), name(), name()];
        let [a, b, c, d] = names;
        let variables: Vec<(String, String)> =
            [a, b].iter().map(|name| (environment::variable_of(name), draw(&values))).collect();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let flags = [c, d].map(|name| format!("{}={}", name.join("."), draw(&values)));
        let (_folder, effective) = read_layers(LEAST, &variables, &[&flags[0], &flags[1]]);
        // A setting without a complaint holds: it is among the settings as they are shown.
        let settings: Settings = toml::from_str(&effective.commented().unwrap()).unwrap();
        assert_eq!(settings, *effective.settings(), "{variables:?} {flags:?}");
    }
}

#[test]
fn a_file_without_a_folder_is_in_this_one() {
    let here = std::env::current_dir().unwrap();
    for name in ["node.toml", "./node.toml"] {
        assert_eq!(folder_of(std::path::Path::new(name)).unwrap(), here, "{name}");
    }
    let named = std::path::Path::new("/etc/cloister/node.toml");
    assert_eq!(folder_of(named).unwrap(), named.parent().unwrap());
}

#[test]
fn a_state_without_room_for_its_socket_is_a_complaint() {
    let long = format!("{LEAST}state = \"/{}\"\n", "d".repeat(120));
    let told = complaints(&long, &[], &[]);
    assert!(matches!(told.as_slice(), [one] if one.contains("name a shorter folder")), "{told:?}");
    let short = format!("{LEAST}state = \"/{}\"\n", "d".repeat(90));
    assert_eq!(complaints(&short, &[], &[]), [""; 0]);
}
