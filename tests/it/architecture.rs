//! The order of crates, `cloister -> actors -> {sources, vault, protocols, certs}`, and the order
//! of modules inside of them: the floors that ARCHITECTURE.md lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lists all packages that a package needs to run, itself left out.
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
    let found: Vec<_> = needed
        .iter()
        .filter(|name| forbidden.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
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
fn disclosure_knows_no_crate_of_ours_and_nothing_outside_of_itself() {
    let forbidden = ["cloister", "actix", "tokio", "redb", "getrandom", "rand", "time", "socket2"];
    needs_none_of("cloister-disclosure", &forbidden);
}

#[test]
fn the_rust_client_knows_no_node() {
    let forbidden =
        ["cloister-ac", "cloister-p", "cloister-s", "actix_derive", "actix-web", "actix-server"];
    needs_none_of("cloister-client", &forbidden);
    needs_none_of("cloister-api", &["cloister", "actix", "tokio", "rustls"]);
    needs_none_of("cloister-client", &["arrow", "parquet", "sqlx", "redb", "clap", "ring"]);
}

#[test]
fn what_measures_knows_no_node() {
    let forbidden = ["cloister-ac", "cloister-c", "cloister-p", "cloister-s", "cloister-v"];
    needs_none_of("cloister-report", &forbidden);
    needs_none_of("cloister-report", &["actix", "tokio", "rustls", "clap"]);
    needs_none_of("cloister-shaping", &["cloister-p", "cloister-a", "actix", "tokio", "clap"]);
}

#[test]
fn actors_know_what_is_below_and_not_the_command() {
    let needed = needs("cloister-actors");
    let ours: Vec<_> = needed.iter().filter(|name| name.starts_with("cloister")).collect();
    let below = [
        "cloister-api",
        "cloister-certs",
        "cloister-disclosure",
        "cloister-protocols",
        "cloister-sources",
        "cloister-vault",
    ];
    assert_eq!(ours, below);
    needs_none_of("cloister-actors", &["clap"]);
}

#[test]
fn modules_import_from_their_own_floor_or_below() {
    for folder in [
        "protocols/src",
        "actors/src",
        "actors/disclosure/src",
        "actors/sources/src",
        "actors/vault/src",
        "certs/src",
        "benches/report/src",
        "benches/shaping/src",
    ] {
        keep_the_floors(folder);
    }
}

/// Compares the modules below a crate's source folder with its list in ARCHITECTURE.md. Each top
/// module has one place in the list, and imports nothing from a later place. Modules of one place
/// form no circle.
#[track_caller]
fn keep_the_floors(folder: &str) {
    let floors = floors(folder);
    let floor = |module: &str| floors.iter().position(|floor| floor.iter().any(|m| m == module));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut wrong = Vec::new();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&root) {
        let path = module_path(&root, &file);
        let Some(module) = path.first().cloned() else { continue };
        for import in imported(&fs::read_to_string(&file).unwrap(), &path) {
            match (floor(&module), floor(&import)) {
                (Some(here), Some(there)) if there <= here => (),
                _ => wrong.push(format!("{} imports from `{import}`", file.display())),
            }
            imports.entry(module.clone()).or_default().insert(import);
        }
        imports.entry(module).or_default();
    }
    let listed: BTreeSet<String> = floors.concat().into_iter().collect();
    assert_eq!(floors.concat().len(), listed.len(), "a module is listed twice");
    assert_eq!(listed, imports.keys().cloned().collect(), "the list of floors of {folder}");
    assert!(wrong.is_empty(), "from above:\n{}", wrong.join("\n"));
    for floor in floors {
        // Modules that import nothing of the rest are taken away, until no module is left.
        let mut left = floor;
        while !left.is_empty() {
            let leads_on = |module: &String| {
                left.iter().any(|other| other != module && imports[module].contains(other))
            };
            let circle: Vec<String> = left.iter().filter(|m| leads_on(m)).cloned().collect();
            assert!(circle.len() < left.len(), "a circle of {folder}: {circle:?}");
            left = circle;
        }
    }
}

/// Reads the floors of a crate from ARCHITECTURE.md, from the bottom up. A floor has the modules
/// that an item of the list names at its beginning.
fn floors(folder: &str) -> Vec<Vec<String>> {
    let text = include_str!("../../ARCHITECTURE.md");
    let heading = format!("### Floors of `{folder}`\n");
    let (_, list) = text.split_once(&heading).expect("ARCHITECTURE.md has a list of these floors");
    let section = list.split("\n#").next().unwrap();
    let items = section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let names = items.map(|item| item.split_once(": ").expect("an item names its modules first").0);
    names.map(|names| names.split('`').skip(1).step_by(2).map(str::to_owned).collect()).collect()
}

/// Finds all source files below a folder that run in nodes: not those of tests.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name == "tests" || name == "testing" || name.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Returns the modules from the crate's root down to the one in `file`; none for the root itself.
fn module_path(root: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let names = relative.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| !["mod", "lib", "main"].contains(&name.as_str())).collect()
}

/// Names the top modules that a file's code refers to, comments and tests aside.
fn imported(text: &str, path: &[String]) -> BTreeSet<String> {
    let code = without_tests(text);
    let root = format!("{}::", vec!["super"; path.len()].join("::"));
    let mut found = BTreeSet::new();
    for start in ["crate::", root.as_str()] {
        for (place, _) in code.match_indices(start) {
            if code[..place].ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c)) {
                continue;
            }
            found.extend(heads(&code[place + start.len()..]));
        }
    }
    found
}

/// Returns the first name of each path in `{a::b, c}`, or of the one path that `text` begins with.
fn heads(text: &str) -> Vec<String> {
    let Some(list) = text.strip_prefix('{') else { return vec![first_name(text)] };
    let mut heads = vec![first_name(list)];
    let mut depth = 1;
    for (place, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(first_name(&list[place + 1..])),
            _ => (),
        }
        if depth == 0 {
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns the code of a file without comments, and without the item after each `#[cfg(test)]`.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim_start() != "#[cfg(test)]" {
            code.push_str(line);
            code.push('\n');
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if lines.next().is_some_and(|item| item.ends_with('{')) {
            let end = format!("{}}}", " ".repeat(indent));
            lines.by_ref().find(|line| *line == end);
        }
    }
    code
}

/// Programs that ask for functions as any client does.
const ASKING: [&str; 3] = ["src/cli/demo/", "src/cli/bench/plan.rs", "src/doctor/trial.rs"];

#[test]
fn no_function_is_named_outside_of_its_own_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let functions = files(&root.join("protocols/src/functions"));
    let names: BTreeSet<String> = functions.iter().flat_map(|file| names_given(file)).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut wrong = Vec::new();
    for folder in ["protocols/src", "actors/src", "src"] {
        for file in files(&root.join(folder)) {
            let shown = file.strip_prefix(root).unwrap().to_str().unwrap();
            let code = without_tests(&fs::read_to_string(&file).unwrap());
            let own = names_given(&file);
            let named = names.difference(&own).filter(|name| code.contains(&format!("\"{name}\"")));
            if !ASKING.iter().any(|asking| shown.starts_with(asking)) {
                wrong.extend(named.map(|name| format!("{shown} names {name}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lists the names that a file gives to functions.
fn names_given(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = without_tests(&text);
    if !code.contains("const DESCRIPTOR: Descriptor") {
        return BTreeSet::new();
    }
    let starts = ["        name: \"", "const NAME: &str = \""];
    let given = code.lines().flat_map(|line| {
        starts.iter().filter_map(move |start| line.split_once(start)?.1.split('"').next())
    });
    given.map(str::to_owned).collect()
}

/// The file that names the suites.
const SUITES: &str = "protocols/src/suites/guarantee.rs";

#[test]
fn no_suite_is_named_by_a_string() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // One of the names is also the key of an answer.
    let code = |path: &Path| -> String {
        let code = without_tests(&fs::read_to_string(path).unwrap());
        let lines = code.lines().filter(|line| !line.contains("result_keys: "));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let names = code(&root.join(SUITES));
    let names: Vec<&str> =
        names.lines().filter_map(|line| line.split_once("=> \"")?.1.split('"').next()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let mut wrong = Vec::new();
    for folder in ["protocols/src", "actors/src", "src"] {
        for file in files(&root.join(folder)) {
            let shown = file.strip_prefix(root).unwrap().to_str().unwrap();
            let named = names.iter().filter(|name| code(&file).contains(&format!("\"{name}\"")));
            if shown != SUITES {
                wrong.extend(named.map(|name| format!("{shown} names {name}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
