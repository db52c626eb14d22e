//! `cloister identity renew`: another key and certificate, while the node runs.
//!
//! The order keeps all members connected: first all members pin both certificates, then the node
//! switches, then they pin the new one alone. Each step refuses to come before the one before it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{ArgGroup, Args};
use cloister_actors::settings::Settings;
use cloister_certs::card::Card;
use cloister_certs::consortium::{Consortium, Member};
use cloister_certs::{Fingerprint, Identity, Renewal, Stage, Validity};

use super::{problem, write_card};
use crate::cli::{aloud, print};
use crate::config::read_settings;
use crate::files::read_toml;
use crate::operator::{Operator, Reloaded};
use crate::problem::{Outcome, Problem};

#[derive(Args)]
#[command(group = ArgGroup::new("step").required(true).args(["prepare", "finish", "forget", "give_up"]))]
pub(in crate::cli) struct Arguments {
    /// The node's settings.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Make the certificate to come, and a card with both for the other members.
    #[arg(long)]
    prepare: bool,
    /// Switch the node over, when all members have taken in that card.
    #[arg(long)]
    finish: bool,
    /// Remove the previous key, when all members have taken in the card of `--finish`.
    #[arg(long)]
    forget: bool,
    /// Give up a certificate that was prepared and is not in use.
    #[arg(long)]
    give_up: bool,
    /// For how many days the certificate to come is valid.
    #[arg(long, requires = "prepare", value_parser = clap::value_parser!(u16).range(1..=i64::from(Validity::MAX_DAYS)))]
    days: Option<u16>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let step = Step::of(&arguments.config)?;
    if arguments.prepare {
        return step.prepare(arguments.days.map_or(Validity::DEFAULT, Validity::days));
    }
    if arguments.finish {
        return step.finish();
    }
    if arguments.forget {
        return step.forget();
    }
    step.give_up()
}

/// Makes the card of an identity, with the prepared certificate if there is one.
pub(super) fn card_of(folder: &Path, identity: &Identity, api: &str, peer: &str) -> Outcome<Card> {
    let next = match Renewal::of(folder).stage().map_err(problem)? {
        Stage::Prepared { next } => Some(*next),
        _ => None,
    };
    Card::new(identity, next, api, peer).map_err(Problem::usage)
}

/// The facts that every step needs.
struct Step {
    config: PathBuf,
    settings: Settings,
    /// The party as the consortium file has it.
    own: Member,
    renewal: Renewal,
}

impl Step {
    fn of(config: &Path) -> Outcome<Self> {
        let settings = read_settings(config)?;
        let hint = "put the consortium's file there, or mend the setting `consortium`";
        let consortium: Consortium = read_toml(&settings.consortium, hint)?;
        let own = consortium.members().iter().find(|member| member.name == settings.party);
        let own = own.cloned().ok_or_else(|| {
            Problem::usage(format!(
                "{} has no member `{}`: give this node the file that names it",
                settings.consortium.display(),
                settings.party
            ))
        })?;
        let renewal = Renewal::of(&settings.identity);
        Ok(Self { config: config.to_owned(), settings, own, renewal })
    }

    fn prepare(&self, validity: Validity) -> Outcome {
        let next = self.renewal.prepare(validity, SystemTime::now()).map_err(problem)?;
        let current = Identity::load(&self.settings.identity).map_err(problem)?;
        self.hand_out(&current)?;
        eprintln!(
            "the certificate to come; the node keeps using the other until `--finish`:\n{}",
            aloud::both(next.fingerprint(), "  ")
        );
        eprintln!(
            "now every member, this one too: cloister consortium add {} CARD, and its node has the \
             new file; then `cloister identity renew --config {} --finish`",
            self.settings.consortium.display(),
            self.config.display()
        );
        Ok(())
    }

    fn finish(&self) -> Outcome {
        if let Stage::Prepared { next } = self.renewal.stage().map_err(problem)? {
            self.check_pinned(next.fingerprint())?;
        }
        let identity = self.renewal.finish().map_err(problem)?;
        self.hand_out(&identity)?;
        eprintln!("the identity is now {}", identity.facts());
        match Operator::of(&self.config)?.reload()? {
            Reloaded::Yes => eprintln!("the running node uses it from now on"),
            Reloaded::NotRunning => {
                eprintln!("the node does not run; it will use it when it starts")
            }
            Reloaded::Refused(reason) => {
                return Err(Problem::usage(format!(
                    "the files are renewed, but the running node goes on with the old ones: {reason}"
                )));
            }
            Reloaded::NotAble => eprintln!("restart the node: it uses it from its next start on"),
        }
        eprintln!(
            "when every member has taken in this card: cloister identity renew --config {} --forget",
            self.config.display()
        );
        Ok(())
    }

    fn forget(&self) -> Outcome {
        if let Stage::Finished { previous } = self.renewal.stage().map_err(problem)?
            && self.own.fingerprints.contains(&previous)
        {
            return Err(Problem::usage(format!(
                "{} still pins the previous certificate {previous}: take in the card of `--finish` \
                 first, here and at all members",
                self.settings.consortium.display()
            )));
        }
        let gone = self.renewal.forget().map_err(problem)?;
        eprintln!("the key of {gone} is removed");
        Ok(())
    }

    fn give_up(&self) -> Outcome {
        let gone = self.renewal.give_up().map_err(problem)?;
        self.hand_out(&Identity::load(&self.settings.identity).map_err(problem)?)?;
        eprintln!("{gone} is given up; members that pin it already take in this card again");
        Ok(())
    }

    /// Checks that the certificate is pinned. A node without a pinned one does not start, and no
    /// member lets it in.
    fn check_pinned(&self, next: Fingerprint) -> Outcome {
        if self.own.fingerprints.contains(&next) {
            return Ok(());
        }
        Err(Problem::usage(format!(
            "{} does not pin the certificate to come, {next}: have every member take in the card \
             that `--prepare` made (cloister consortium add), and give this node the new file",
            self.settings.consortium.display()
        )))
    }

    /// Writes the card for the other members, and prints it.
    fn hand_out(&self, identity: &Identity) -> Outcome {
        let folder = &self.settings.identity;
        let card = card_of(folder, identity, &self.own.api, &self.own.peer)?;
        let place = write_card(folder, &card)?;
        print(&format!("{}\n", card.line()))?;
        eprintln!("hand the other members this line, or the file {}", place.display());
        Ok(())
    }
}
