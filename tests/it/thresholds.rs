//! Profiles of thresholds in the consortium file: the command that puts them there, and nodes whose
//! thresholds are of none.

use std::fs;
use std::process::Output;

use cloister_testkit::{Cluster, Kind, cloister, run};

const PROFILES: &str = "
[profile.clinical]
min_parties = 3
min_rows = 10
min_cell = 5
max_share = 90
min_own_rows = 3

[profile.strict]
min_parties = 3
min_rows = 50
min_cell = 10
max_share = 70
min_own_rows = 5
";

/// Checks the settings of the first node, with these set beside.
fn checked(cluster: &Cluster, set: &[&str]) -> Output {
    let mut words = vec!["config", "check"];
    set.iter().for_each(|set| words.extend(["--set", set]));
    cluster.operator(0, &words).output().unwrap()
}

#[track_caller]
fn is_told(output: &Output, says: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(says), "{told}");
}

#[test]
fn members_thresholds_are_of_the_profiles_in_the_consortium_file() {
    let mut cluster = Cluster::stopped(Kind { profile: "production", ..Kind::teaching(3) });
    let (file, profiles) =
        (cluster.folder().join("consortium.toml"), cluster.folder().join("profiles.toml"));
    is_told(&checked(&cluster, &["thresholds=clinical"]), "it has none");
    fs::write(&profiles, PROFILES).unwrap();
    let mut add = cloister();
    run(add.args(["consortium", "add"]).arg(&file).arg("--profiles").arg(&profiles));
    let shown = run(cloister().args(["consortium", "show"]).arg(&file));
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("profile strict: min_parties 3, min_rows 50"), "{shown}");

    assert!(checked(&cluster, &[]).status.success());
    assert!(checked(&cluster, &["thresholds=strict"]).status.success());
    is_told(&checked(&cluster, &["thresholds=loose"]), "it has clinical, strict");
    is_told(&checked(&cluster, &["profile=teaching"]), "those of this node are of none");
    assert!(checked(&cluster, &["profile=teaching", "thresholds=clinical"]).status.success());
    is_told(&checked(&cluster, &["policy.dataset.trial.min_rows=11"]), "dataset `trial`");
    assert!(checked(&cluster, &["policy.dataset.trial.approval=false"]).status.success());

    // A file without them is another file.
    let plain = cluster.folder().join("plain.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&plain, text.split("[profile").next().unwrap()).unwrap();
    let differs = cloister().args(["consortium", "diff"]).args([&file, &plain]).output().unwrap();
    let told = String::from_utf8_lossy(&differs.stdout).into_owned();
    assert!(!differs.status.success() && told.contains("profiles"), "{told}");

    cluster.start_all();
    let rows = serde_json::json!(vec![1.0; 20]);
    let answers = cluster.compute("SecureSum", &[rows.clone(), rows.clone(), rows], "listed");
    assert!(answers.iter().all(|answer| answer.status == 200), "{}", answers[0].body);
}
