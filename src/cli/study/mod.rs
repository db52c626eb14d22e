//! `cloister study`: a study is reviewed, checked against the nodes, and signed before it runs.

mod run;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use cloister_certs::Identity;
use cloister_certs::consortium::Consortium as Members;
use cloister_certs::document::{Signatures, Signed};
use cloister_client::Consortium;
use serde_json::{Value, json};

pub(super) use self::run::{Arguments as RunArguments, run as run_study};
use super::{aloud, columns, identity, print};
use crate::consortium_dir::ConsortiumDir;
use crate::files::read_toml;
use crate::problem::{Outcome, Problem};
use crate::study::{Study, expectation};

/// Check, sign and verify a study before it runs; `cloister run` runs it.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Check a study by itself, and against the nodes of a consortium.
    Check {
        /// The study.
        study: PathBuf,
        /// The folder with the consortium's client.toml: its nodes are asked for profiles and
        /// schemas.
        #[arg(long, value_name = "DIR")]
        consortium: Option<PathBuf>,
    },
    /// Sign a study with a party's identity: FILE.NAME.sig beside it.
    Sign {
        /// The study.
        study: PathBuf,
        /// The folder with the party's key and certificate.
        #[arg(long, value_name = "DIR")]
        identity: PathBuf,
    },
    /// Say who of a consortium has signed a study; all must have.
    Verify {
        /// The study.
        study: PathBuf,
        /// The folder with the consortium file.
        #[arg(long, value_name = "DIR")]
        consortium: PathBuf,
        /// Print one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> Outcome {
    match command {
        Command::Check { study, consortium } => {
            let study = Study::read(study)?;
            if let Some(folder) = consortium {
                let consortium = Consortium::new(ConsortiumDir::new(folder).read_client()?)?;
                actix::System::new().block_on(check_nodes(&study, &consortium))?;
            }
            introduce(&study);
            Ok(())
        }
        Command::Sign { study, identity: folder } => {
            let study = Study::read(study)?;
            let identity = Identity::load(folder).map_err(identity::problem)?;
            let place = study.document().sign(&identity)?;
            introduce(&study);
            eprintln!("signed by {}: {}", identity.name(), place.display());
            Ok(())
        }
        Command::Verify { study, consortium, json } => {
            let study = Study::read(study)?;
            let signatures = read_signatures(&study, &ConsortiumDir::new(consortium).consortium())?;
            let text = if *json {
                format!("{:#}\n", document(&study, Some(&signatures)))
            } else {
                table(&signatures)
            };
            print(&text)?;
            Ok(signatures.check(true)?)
        }
    }
}

/// Describes a study, for people who compare it.
fn introduce(study: &Study) {
    eprintln!(
        "\"{}\" has {} computations. Its hash:\n{}",
        study.title(),
        study.computations().len(),
        aloud::both(study.hash(), "  ")
    );
}

/// Stops where the nodes are not as the study expects.
async fn check_nodes(study: &Study, consortium: &Consortium) -> Outcome {
    let wrong = expectation::differences(study, consortium).await?;
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Problem::peer(format!(
            "the nodes are not as the study expects, so nothing was computed:\n  {}",
            wrong.join("\n  ")
        )))
    }
}

/// Reads the signatures of a study, as the members of this consortium file gave them.
pub(super) fn read_signatures(study: &Study, consortium: &Path) -> Outcome<Signatures> {
    let hint = "signatures are checked against the consortium file: put it there";
    let members: Members = read_toml(consortium, hint)?;
    Ok(study.document().signatures(&members))
}

fn document(study: &Study, signatures: Option<&Signatures>) -> Value {
    let hash = study.hash();
    let members = signatures.map(|signatures| {
        signatures
            .members()
            .iter()
            .map(|(name, signed)| {
                json!({
                    "party": name,
                    "signed": matches!(signed, Signed::Yes(_)),
                    "detail": signed.to_string(),
                })
            })
            .collect::<Vec<_>>()
    });
    json!({
        "title": study.title(),
        "hash": hash.to_string(),
        "words": hash.words().to_string(),
        "signed_by": signatures.map(|signatures| signatures.names().collect::<Vec<_>>()),
        "signed_by_all": signatures.is_some_and(Signatures::are_complete),
        "signatures": members,
    })
}

fn table(signatures: &Signatures) -> String {
    let members = signatures.members().iter();
    let rows = members.map(|(name, signed)| vec![name.clone(), signed.to_string()]).collect();
    columns(&["member", "signature"], rows)
}
