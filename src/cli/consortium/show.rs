//! `cloister consortium show`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use cloister_certs::consortium::{Consortium, Member};
use cloister_certs::membership::Membership;
use cloister_certs::{Certificate, Fingerprint};
use serde_json::{Value, json};

use crate::cli::{aloud, columns, print};
use crate::problem::Outcome;

#[derive(Args)]
pub(super) struct Arguments {
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
    let days = |member: &Member| {
        let card = membership.card_of(member);
        let left = |certificate: &Certificate| certificate.facts().days_left(now);
        card.map(|card| card.certificates().iter().map(left).collect::<Vec<u64>>())
    };
    let members: Vec<(&Member, Option<Vec<u64>>)> =
        consortium.members().iter().map(|member| (member, days(member))).collect();
    if arguments.json {
        print(&format!("{:#}\n", document(&consortium, &members)))
    } else {
        print(&for_people(&consortium, &members))
    }
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
    let print =
        |print: &Fingerprint| json!({"hex": print.to_string(), "words": print.words().to_string()});
    let member = |(member, days): &(&Member, Option<Vec<u64>>)| {
        json!({
            "name": member.name,
            "api": member.api,
            "peer": member.peer,
            "fingerprints": member.fingerprints.iter().map(print).collect::<Vec<_>>(),
            "days_left": days,
        })
    };
    json!({
        "hash": print(&hash(consortium)),
        "members": members.iter().map(member).collect::<Vec<_>>(),
    })
}

fn for_people(consortium: &Consortium, members: &[(&Member, Option<Vec<u64>>)]) -> String {
    let row = |(member, days): &(&Member, Option<Vec<u64>>)| {
        let days = days.as_ref().map_or_else(
            || "no card".to_owned(),
            |days| days.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        );
        vec![member.name.clone(), member.api.clone(), member.peer.clone(), days]
    };
    let rows = members.iter().map(row).collect();
    let mut text = columns(&["member", "API", "peer address", "days left"], rows);
    for (member, _) in members {
        for (print, which) in member.fingerprints.iter().zip(["", " (renewal)"]) {
            text += &format!("\n{}{which}\n{}\n", member.name, aloud::both(*print, "  "));
        }
    }
    text + &format!(
        "\nhash of the file, the same at every member\n{}\n",
        aloud::both(hash(consortium), "  ")
    )
}
