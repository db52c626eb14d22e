//! `cloister identity show`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use cloister_certs::card::Card;
use cloister_certs::{Identity, Renewal, Stage};
use serde_json::{Value, json};

use super::{problem, read_card};
use crate::cli::{aloud, moment_of};
use crate::problem::Outcome;

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The folder with key and certificate.
    dir: PathBuf,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let identity = Identity::load(&arguments.dir).map_err(problem)?;
    let stage = Renewal::of(&arguments.dir).stage().map_err(problem)?;
    let card = read_card(&arguments.dir, identity.name());
    let text = if arguments.json {
        format!("{:#}\n", document(&identity, &stage, card.as_ref()))
    } else {
        for_people(&identity, &stage, card.as_ref())
    };
    crate::cli::print(&text)
}

fn document(identity: &Identity, stage: &Stage, card: Option<&Card>) -> Value {
    let fingerprint = identity.fingerprint();
    let (renewal, other) = match stage {
        Stage::Settled => ("settled", None),
        Stage::Prepared { next } => ("prepared", Some(next.fingerprint())),
        Stage::Interrupted => ("interrupted", None),
        Stage::Finished { previous } => ("finished", Some(*previous)),
    };
    json!({
        "name": identity.name(),
        "fingerprint": fingerprint.to_string(),
        "words": fingerprint.words().to_string(),
        "valid_until": moment_of(identity.not_after()),
        "days_left": identity.facts().days_left(SystemTime::now()),
        "renewal": {"stage": renewal, "other_fingerprint": other.map(|print| print.to_string())},
        "card": card.map(|card| json!({
            "api": card.api(), "peer": card.peer(), "line": card.line(),
        })),
    })
}

fn for_people(identity: &Identity, stage: &Stage, card: Option<&Card>) -> String {
    let fingerprint = identity.fingerprint();
    let mut text = format!(
        "{}\n{}\n\nvalid until {}, {} days left\n",
        identity.name(),
        aloud::both(fingerprint, "  "),
        moment_of(identity.not_after()),
        identity.facts().days_left(SystemTime::now())
    );
    text += &match stage {
        Stage::Settled => String::new(),
        Stage::Prepared { next } => format!(
            "\na renewal is prepared; the next certificate is\n{}\n",
            aloud::both(next.fingerprint(), "  ")
        ),
        Stage::Interrupted => {
            "\na renewal was interrupted: `cloister identity renew --finish`\n".into()
        }
        Stage::Finished { previous } => {
            format!("\na renewal is finished; the previous certificate is kept: {previous}\n")
        }
    };
    match card {
        Some(card) => {
            text += &format!(
                "\ncard for the other members: API {}, peer address {}\n{}\n",
                card.api(),
                card.peer(),
                card.line()
            );
        }
        None => text += "\nno card yet: make it with `cloister identity card`\n",
    }
    text
}
