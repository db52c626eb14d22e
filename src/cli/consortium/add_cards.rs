//! `cloister consortium new` and `add`: takes in cards, once a person has compared their words.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use cloister_certs::Fingerprint;
use cloister_certs::card::Card;
use cloister_certs::membership::{Change, Membership};
use cloister_certs::thresholds::Profiles;
use serde::Deserialize;

use super::{Node, finish, prompt};
use crate::cli::aloud;
use crate::files::read_toml;
use crate::problem::{Fault, Outcome, Problem};

/// More bytes than any card has.
const LONGEST: u64 = 64 << 10;

/// The argument for standard input.
const STDIN: &str = "-";

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The consortium file.
    pub(super) file: PathBuf,
    /// A card: a file, a line that begins with `cloister-card:`, or `-` for standard input.
    #[arg(value_name = "CARD", required_unless_present = "profiles")]
    cards: Vec<String>,
    /// A file with profiles of thresholds, `[profile.NAME]` each, that take the place of those in the
    /// consortium file. Each member's thresholds are then those of one of them.
    #[arg(long, value_name = "FILE")]
    profiles: Option<PathBuf>,
    /// Do not ask whether the words were compared: that has been done already.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    node: Node,
}

/// A file with profiles of thresholds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    profile: Profiles,
}

impl Arguments {
    pub(super) fn run(&self, mut membership: Membership) -> Outcome {
        if self.cards.iter().filter(|card| *card == STDIN).count() > 1 {
            return Err(Problem::usage("standard input has one card: give `-` once"));
        }
        let cards = self.cards.iter().map(|card| read(card)).collect::<Outcome<Vec<_>>>()?;
        for card in cards {
            let new = introduce(&membership, &card);
            self.confirm(&card, &new)?;
            membership.add(card, SystemTime::now())?;
        }
        if let Some(file) = &self.profiles {
            let hint = "name a file with profiles of thresholds, `[profile.NAME]` each";
            let Listed { profile } = read_toml(file, hint)?;
            membership.set_profiles(profile);
        }
        finish(&membership, &self.file, &self.node)
    }

    /// Has a person compare the words of fingerprints that were not pinned before.
    fn confirm(&self, card: &Card, new: &[Fingerprint]) -> Outcome {
        if new.is_empty() || self.yes {
            return Ok(());
        }
        let name = card.name();
        if !prompt::can_ask() || self.cards.iter().any(|card| card == STDIN) {
            return Err(Problem::usage(format!(
                "there is no one to ask here whether the words of {name} were compared: run this at a \
                 terminal with the card as a file or a line, or compare them and add `--yes`"
            )));
        }
        eprintln!(
            "call {name} on a number that you did not get with the card, and compare all words."
        );
        if prompt::yes_or_no("Are they the same?")? {
            Ok(())
        } else {
            Err(Problem::new(
                Fault::Refused,
                format!(
                    "{name} is not taken in, and {} is as it was: have it send its card another way",
                    self.file.display()
                ),
            ))
        }
    }
}

/// Tells the facts of a card and its changes. Returns the fingerprints to compare.
fn introduce(membership: &Membership, card: &Card) -> Vec<Fingerprint> {
    let name = card.name();
    let new = match membership.change(card) {
        Change::Nothing => {
            eprintln!("{name}: the file says the same already");
            return Vec::new();
        }
        Change::Joins => {
            eprintln!("{name} joins");
            card.member().fingerprints
        }
        Change::Updates { new, vouched: true } => {
            eprintln!("{name} has a newer card, signed by a key that is pinned to it");
            new
        }
        Change::Updates { new, vouched: false } => {
            eprintln!(
                "{name} has ANOTHER KEY than the file pins, and nothing that it pins vouches for it"
            );
            new
        }
    };
    eprintln!("  API {}\n  peer address {}", card.api(), card.peer());
    for certificate in card.certificates() {
        let print = certificate.fingerprint();
        let days = certificate.facts().days_left(SystemTime::now());
        if new.contains(&print) {
            eprintln!("  certificate, {days} days left:\n{}", aloud::both(print, "    "))
        } else {
            eprintln!("  certificate, {days} days left, pinned already: {print}")
        }
    }
    new
}

fn read(given: &str) -> Outcome<Card> {
    let (source, text) = match given {
        STDIN => ("standard input", read_at_most(io::stdin().lock())),
        line if line.starts_with("cloister-card:") => ("the line", Ok(line.to_owned())),
        path => (path, fs::File::open(path).and_then(read_at_most)),
    };
    let text =
        text.map_err(|error| Problem::usage(format!("cannot read the card {source}: {error}")))?;
    Card::read(&text).map_err(|error| Problem::usage(format!("{source}: {error}")))
}

fn read_at_most(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}
