//! `cloister consortium show`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use cloister_certs::Fingerprint;
use cloister_certs::card::Card;
use cloister_certs::consortium::{Consortium, Member};
use cloister_certs::membership::Membership;
use serde_json::{Value, json};

use crate::cli::{aloud, columns, print};
use crate::problem::Outcome;

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The consortium file.
    #[arg(default_value = "consortium.toml")]
    file: PathBuf,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let membership = Membership::read(&arguments.file)?;
    // As the file has it, not in the order in which it would be written: nodes compare that.
    let consortium: Consortium = crate::files::read_toml(&arguments.file, "")?;
    let now = SystemTime::now();
    let members: Vec<(&Member, Option<Vec<u64>>)> = consortium
        .members()
        .iter()
        .map(|member| (member, membership.card_of(member).map(|card| days_left(&card, now))))
        .collect();
    if arguments.json {
        print(&format!("{:#}\n", document(&consortium, &members)))
    } else {
        print(&for_people(&consortium, &members))
    }
}

/// Returns the days that each certificate of a card is still valid.
fn days_left(card: &Card, now: SystemTime) -> Vec<u64> {
    card.certificates().iter().map(|certificate| certificate.facts().days_left(now)).collect()
}

/// Tells the hash of the file, and the action to take.
pub(super) fn tell_hash(consortium: &Consortium, file: &Path) {
    eprintln!(
        "{} has {} members now. Its hash, which must be the same at every member:\n{}",
        file.display(),
        consortium.members().len(),
        aloud::both(hash(consortium), "  ")
    );
}

/// Returns the hash that nodes compare. It is written and read aloud like a fingerprint.
fn hash(consortium: &Consortium) -> Fingerprint {
    Fingerprint::from_bytes(consortium.hash())
}

fn document(consortium: &Consortium, members: &[(&Member, Option<Vec<u64>>)]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|(member, days)| {
            json!({
                "name": member.name,
                "api": member.api,
                "peer": member.peer,
                "fingerprints": member.fingerprints.iter().map(both_forms).collect::<Vec<_>>(),
                "days_left": days,
            })
        })
        .collect();
    let profiles = consortium.profiles();
    json!({"hash": both_forms(&hash(consortium)), "members": members, "profiles": profiles})
}

/// Returns a fingerprint as digits and as words.
fn both_forms(fingerprint: &Fingerprint) -> Value {
    json!({"hex": fingerprint.to_string(), "words": fingerprint.words().to_string()})
}

fn for_people(consortium: &Consortium, members: &[(&Member, Option<Vec<u64>>)]) -> String {
    let rows = members
        .iter()
        .map(|(member, days)| {
            let days = days.as_ref().map_or_else(
                || "no card".to_owned(),
                |days| days.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            );
            vec![member.name.clone(), member.api.clone(), member.peer.clone(), days]
        })
        .collect();
    let mut text = columns(&["member", "API", "peer address", "days left"], rows);
    for (member, _) in members {
        for (print, which) in member.fingerprints.iter().zip(["", " (renewal)"]) {
            text += &format!("\n{}{which}\n{}\n", member.name, aloud::both(*print, "  "));
        }
    }
    for (name, thresholds) in consortium.profiles() {
        text += &format!("\nprofile {name}: {thresholds}\n");
    }
    text + &format!(
        "\nhash of the file, the same at every member\n{}\n",
        aloud::both(hash(consortium), "  ")
    )
}
