//! `cloister identity`: a party's own key and certificate. The key never leaves its folder.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use cloister_certs::{Fingerprint, Identity, IdentityError, Validity};

use crate::problem::{Outcome, Problem};

/// Hex digits in a group that is read aloud.
const GROUP: usize = 4;

/// Make a party's own key and certificate.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new identity and print its fingerprint, which the other members pin.
    New(New),
}

#[derive(Args)]
struct New {
    /// The party's name, as the consortium file will have it.
    #[arg(long)]
    name: String,
    /// The folder for key and certificate; it must not hold an identity yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Command::New(new) = &arguments.command;
    let identity = create(&new.name)?;
    identity.save(&new.out).map_err(problem)?;
    let fingerprint = identity.fingerprint();
    super::print(&format!("{fingerprint}\n"))?;
    eprintln!("read it aloud to the other members:\n{}", grouped(fingerprint));
    Ok(())
}

/// A new identity for a member of this name.
pub(super) fn create(name: &str) -> Outcome<Identity> {
    super::init::check_name(name)?;
    Identity::create(name, Validity::DEFAULT, SystemTime::now()).map_err(problem)
}

/// All but a library's failure is for the operator to mend.
pub(super) fn problem(error: IdentityError) -> Problem {
    match error {
        IdentityError::Library { .. } => Problem::ours(error),
        _ => Problem::usage(error),
    }
}

fn grouped(fingerprint: Fingerprint) -> String {
    let mut text = String::new();
    for (index, digit) in fingerprint.to_string().chars().enumerate() {
        match index {
            0 => {}
            // Two lines are easier to keep one's place in than one.
            index if index % (8 * GROUP) == 0 => text.push('\n'),
            index if index % GROUP == 0 => text.push(' '),
            _ => {}
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_aloud_is_the_fingerprint() {
        let fingerprint = Fingerprint::from_bytes([0xab; 32]);
        let text = grouped(fingerprint);
        assert!(text.starts_with("abab abab "), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint);
    }
}
