//! The Python package below `clients/python`: installed as its users do, and tested against real
//! nodes, in a notebook, and against the API's description.
//!
//! Its own tests, which lie beside it, check its behaviour.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use cloister_testkit::{Cluster, Kind, python_with, run, target};

use crate::clients;

/// The packages that the package and its tests need. The package itself is not among them: it
/// changes.
const PACKAGES: [&str; 15] = [
    "hatchling>=1.26,<2",
    "httpx==0.28.1",
    "cryptography>=42",
    "ipykernel>=6.29,<8",
    "jsonschema>=4.20,<5",
    "nbclient>=0.10,<1",
    "nbformat>=5.10,<6",
    "pandas>=2,<4",
    "pandas-stubs",
    "polars>=1,<2",
    "pyarrow>=14",
    "pytest>=8,<10",
    "tqdm>=4.60,<5",
    "mypy>=1.11,<3",
    "types-jsonschema",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn package() -> PathBuf {
    root().join("clients/python")
}

/// Returns a Python that has the package as it is now.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let python = python_with("python-package", &PACKAGES);
        let install = ["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"];
        run(Command::new(&python).args(install).arg("--no-build-isolation").arg(package()));
        python
    })
}

/// Makes a command of the Python, in the package's folder, where it leaves nothing behind.
pub(crate) fn python_command(words: &[&str]) -> Command {
    let mut command = Command::new(python());
    command.current_dir(package()).env("PYTHONDONTWRITEBYTECODE", "1").args(words);
    command
}

/// Starts three nodes, each with a dataset `trial`.
fn with_datasets() -> Cluster {
    let mut cluster = Cluster::stopped(Kind::teaching(3));
    let paths: Vec<PathBuf> = (0..3).map(|index| write_trial(&cluster, index)).collect();
    cluster.start_all();
    for (index, path) in paths.iter().enumerate() {
        cluster.operate(index, &["data", "register", "trial", "--csv", path.to_str().unwrap()]);
    }
    cluster
}

/// Writes thirty rows of a party's own, below its node's folder for data.
fn write_trial(cluster: &Cluster, index: usize) -> PathBuf {
    let folder = cluster.config(index).parent().unwrap().join("data");
    fs::create_dir_all(&folder).unwrap();
    let rows = (0..30).map(|row| format!("{},{}.5\n", 20 + 2 * row, (7 * row + index) % 10));
    let path = folder.join("trial.csv");
    fs::write(&path, format!("age,risk\n{}", rows.collect::<String>())).unwrap();
    path
}

#[test]
fn the_packages_own_tests_pass_against_real_nodes() {
    let cluster = with_datasets();
    let mut tests = python_command(&["-m", "pytest", "-p", "no:cacheprovider", "-rs"]);
    tests.env("CLOISTER_TEST_CLIENT", cluster.folder().join("client.toml"));
    tests.env("CLOISTER_TEST_OPENAPI", root().join("clients/openapi.json"));
    let output = run(&mut tests);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(" passed") && !said.contains("SKIPPED"), "{said}");
    cluster.check_health();
}

#[test]
fn the_packages_types_are_right() {
    let cache = target().join("python-package/mypy");
    run(python_command(&["-m", "mypy", "--cache-dir"]).arg(cache));
}

#[test]
fn the_package_computes_over_https_with_tokens() {
    let cluster = Cluster::start(Kind { tokens: true, ..Kind::teaching(3) });
    let mut program = python_command(&[]);
    program.arg(clients().join("package_https.py")).arg(cluster.folder().join("client.toml"));
    for (index, name) in cluster.names.iter().enumerate() {
        let variable = format!("CLOISTER_TOKEN_{}", name.to_uppercase().replace('-', "_"));
        program.env(variable, cluster.token(index, "ada", &["researcher", "owner"]));
    }
    run(&mut program);
}
