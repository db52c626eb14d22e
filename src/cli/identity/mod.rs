//! `cloister identity`: a party's own key and certificate, and the card that it hands to the
//! others. The key never leaves its folder.

mod renew;
mod show;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use cloister_certs::card::Card;
use cloister_certs::consortium::is_name;
use cloister_certs::{Identity, IdentityError, Validity};

use super::aloud;
use crate::files::write_at_once;
use crate::problem::{Outcome, Problem};

/// Make, show and renew a party's own key and certificate.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a new identity and print its fingerprint, which the other members pin.
    New(New),
    /// Make the card that the other members take in, and print it as one line.
    Card(MakeCard),
    /// Show an identity: fingerprint in words, days left, renewal, card.
    Show(show::Arguments),
    /// Renew an identity in steps, without stopping: `--prepare`, then all members take in the new
    /// card, then `--finish`, and at last `--forget`.
    Renew(renew::Arguments),
}

#[derive(Args)]
pub(super) struct New {
    /// The party's name, as the consortium file will have it.
    #[arg(long)]
    name: String,
    /// The folder for key and certificate; it must not hold an identity yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The URL at which clients will reach the party's node. With `--peer`, the card is made, too.
    #[arg(long, value_name = "URL", requires = "peer")]
    api: Option<String>,
    /// The address at which other nodes will reach it: HOST:PORT.
    #[arg(long, value_name = "HOST:PORT", requires = "api")]
    peer: Option<String>,
}

#[derive(Args)]
pub(super) struct MakeCard {
    /// The folder with key and certificate.
    dir: PathBuf,
    /// The URL at which clients reach the party's node; as in the last card, if it is left out.
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The address at which other nodes reach it; as in the last card, if it is left out.
    #[arg(long, value_name = "HOST:PORT")]
    peer: Option<String>,
}

pub(super) fn run(command: &Command) -> Outcome {
    match command {
        Command::New(new) => make(new),
        Command::Card(card) => make_card(card),
        Command::Show(arguments) => show::run(arguments),
        Command::Renew(arguments) => renew::run(arguments),
    }
}

/// Makes a new identity for a member of this name.
pub(super) fn create(name: &str) -> Outcome<Identity> {
    check_name(name)?;
    Identity::create(name, Validity::DEFAULT, SystemTime::now()).map_err(problem)
}

/// Checks a member's name.
pub(super) fn check_name(name: &str) -> Outcome {
    if is_name(name) {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "`{name}` is no party name: use 1 to 63 lower-case letters, digits and hyphens"
    )))
}

/// Sorts an error: all but a library's failure is for the operator to mend.
pub(super) fn problem(error: IdentityError) -> Problem {
    match error {
        IdentityError::Library { .. } => Problem::ours(error),
        _ => Problem::usage(error),
    }
}

fn make(new: &New) -> Outcome {
    let identity = create(&new.name)?;
    // Before anything is written: an address that is none is no reason to have half of it.
    let card = match (&new.api, &new.peer) {
        (Some(api), Some(peer)) => Some(card(&identity, api, peer)?),
        _ => None,
    };
    identity.save(&new.out).map_err(problem)?;
    let fingerprint = identity.fingerprint();
    super::print(&format!("{fingerprint}\n"))?;
    eprintln!("read it aloud to the other members:\n{}", aloud::both(fingerprint, ""));
    let Some(card) = card else {
        eprintln!(
            "make the card for them when the addresses of the node are known: \
             cloister identity card {} --api URL --peer HOST:PORT",
            new.out.display()
        );
        return Ok(());
    };
    let place = write_card(&new.out, &card)?;
    eprintln!("hand them the card {}, or this line:\n{}", place.display(), card.line());
    Ok(())
}

fn make_card(arguments: &MakeCard) -> Outcome {
    let identity = Identity::load(&arguments.dir).map_err(problem)?;
    let last = read_card(&arguments.dir, identity.name());
    let wanted = |given: &Option<String>, last: Option<&str>, flag: &str| {
        given.clone().or_else(|| last.map(str::to_owned)).ok_or_else(|| {
            Problem::usage(format!("there is no earlier card to take it from: give `{flag}`"))
        })
    };
    let api = wanted(&arguments.api, last.as_ref().map(Card::api), "--api URL")?;
    let peer = wanted(&arguments.peer, last.as_ref().map(Card::peer), "--peer HOST:PORT")?;
    let card = renew::card_of(&arguments.dir, &identity, &api, &peer)?;
    let place = write_card(&arguments.dir, &card)?;
    super::print(&format!("{}\n", card.line()))?;
    eprintln!("hand the other members this line, or the file {}", place.display());
    Ok(())
}

/// Makes the card of an identity that is not being renewed.
fn card(identity: &Identity, api: &str, peer: &str) -> Outcome<Card> {
    Card::new(identity, None, api, peer).map_err(Problem::usage)
}

/// Writes the card into the identity's folder, in the place of an earlier one.
fn write_card(folder: &Path, card: &Card) -> Outcome<PathBuf> {
    let place = Card::place(folder, card.name());
    write_at_once(&place, &card.to_string())?;
    Ok(place)
}

/// Reads the card in the identity's folder, if there is one that is whole.
fn read_card(folder: &Path, name: &str) -> Option<Card> {
    let text = fs::read_to_string(Card::place(folder, name)).ok()?;
    Card::read(&text).ok()
}
