//! Programs that must not compile: ways for a private value to leave the node.
//!
//! Each program in `labels` names in its head the error that it must fail with. The compiler that
//! built this test checks it against the libraries that this test is made of, so nothing is built a
//! second time.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The program that must compile. With it a broken setup is told from a refusal.
const CONTROL: &str = "control.rs";

/// The beginning of the line that names the error.
const ERROR: &str = "//! error";

#[test]
fn private_values_have_no_way_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labels");
    let library = library(&folder.join(CONTROL));
    let mut refused = 0;
    for program in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if program.ends_with(CONTROL) {
            continue;
        }
        let text = fs::read_to_string(&program).unwrap();
        let head = text.lines().find(|line| line.starts_with(ERROR));
        let expected = head.unwrap_or_else(|| panic!("{} names no error", program.display()));
        check(&errors(&program, &library), expected.trim_start_matches("//! "), &program);
        refused += 1;
    }
    assert_eq!(refused, 6);
}

/// Checks that a program fails with the expected error only.
fn check(errors: &[String], expected: &str, program: &Path) {
    let name = program.display();
    assert!(!errors.is_empty(), "{name} compiles");
    let short = without_modules(expected);
    for error in errors {
        let fits = without_modules(error).contains(&short);
        assert!(fits, "{name} fails with\n{error}\nin place of\n{expected}");
    }
}

/// Leaves the modules out of all paths. The compiler writes them if another item of the same name
/// is in any linked crate. So they depend on the packages that were selected for this build.
fn without_modules(text: &str) -> String {
    let mut short = String::new();
    for part in text.split_inclusive("::") {
        match part.strip_suffix("::") {
            Some(head) => {
                short.push_str(head.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_'))
            }
            None => short.push_str(part),
        }
    }
    short
}

/// Returns the library that has the crates of the nodes as this test has them. It is the newest one
/// that is no newer than the test, and with which the control compiles. Builds of other selections
/// may lie there too.
fn library(control: &Path) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = modified(&test);
    let entries = fs::read_dir(test.parent().unwrap()).unwrap();
    let mut libraries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    libraries.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let is_library = name.starts_with("libcloister_testkit-") && name.ends_with(".rlib");
        is_library && modified(path) <= built
    });
    libraries.sort_by_key(|path| modified(path));
    let mut refusals = Vec::new();
    for library in libraries.into_iter().rev() {
        let errors = errors(control, &library);
        if errors.is_empty() {
            return library;
        }
        refusals.extend(errors);
    }
    panic!("the control must compile:\n{}", refusals.join("\n"));
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

/// Compiles a program as far as its types; returns its errors, a line each.
fn errors(program: &Path, library: &Path) -> Vec<String> {
    let out = tempfile::tempdir().unwrap();
    let mut dependencies = std::ffi::OsString::from("dependency=");
    dependencies.push(library.parent().unwrap());
    let output = Command::new(compiler())
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--error-format=short"])
        .arg(format!("--extern=cloister_testkit={}", library.display()))
        .arg("-L")
        .arg(dependencies)
        .arg("--out-dir")
        .arg(out.path())
        .arg(program)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let errors = text.lines().filter(|line| line.contains(": error"));
    let errors: Vec<String> = errors.map(str::to_owned).collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{text}");
    errors
}

/// Returns the compiler that cargo was told to use, or else the one beside the cargo that built
/// this test.
fn compiler() -> PathBuf {
    let told = env::var_os("RUSTC").map(PathBuf::from);
    told.unwrap_or_else(|| Path::new(env!("CARGO")).with_file_name("rustc"))
}
