//! `cloister run`: a whole study, checked first, and its results in one document.

use std::path::PathBuf;

use clap::Args;
use cloister_certs::document::Signatures;
use cloister_client::Consortium;
use serde_json::{Map, Value, json};

use super::{check_nodes, introduce, read_signatures};
use crate::cli::compute::{Format, NoResult, Output, document, drive, errors};
use crate::cli::print;
use crate::consortium_dir::ConsortiumDir;
use crate::problem::{Fault, Outcome, Problem};
use crate::render::csv;
use crate::render::page::Section;
use crate::study::Study;

/// Run a study: several computations, after everything that it expects was found to be so.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The study.
    study: PathBuf,
    /// The folder with the consortium's client.toml, and for signatures its consortium file.
    #[arg(long, value_name = "DIR")]
    consortium: PathBuf,
    /// Run it only if all members have signed it.
    #[arg(long)]
    require_signatures: bool,
    #[command(flatten)]
    output: Output,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Outcome {
    let study = Study::read(&arguments.study)?;
    arguments.output.check()?;
    let folder = ConsortiumDir::new(&arguments.consortium);
    let consortium = Consortium::new(folder.read_client()?)?;
    let signatures = arguments.signatures(&study, &folder)?;
    introduce(&study);
    let done = actix::System::new().block_on(arguments.compute(&study, &consortium))?;
    let results = Results { study, signatures, done };
    print(&results.text(&arguments.output)?)?;
    arguments.output.write_page(results.study.title(), &results.facts(), &results.done)
}

/// The results of a study.
struct Results {
    study: Study,
    signatures: Option<Signatures>,
    done: Vec<Section>,
}

impl Arguments {
    /// Reads the signatures; they are unknown where a client has no consortium file.
    fn signatures(&self, study: &Study, folder: &ConsortiumDir) -> Outcome<Option<Signatures>> {
        if !folder.consortium().exists() && !self.require_signatures {
            return Ok(None);
        }
        let signatures = read_signatures(study, &folder.consortium())?;
        signatures.check(self.require_signatures)?;
        Ok(Some(signatures))
    }

    /// Runs all computations, one after the other. A computation that fails ends the study.
    async fn compute(&self, study: &Study, consortium: &Consortium) -> Outcome<Vec<Section>> {
        check_nodes(study, consortium).await?;
        let mut done = Vec::new();
        for computation in study.computations() {
            eprintln!("{}", computation.name);
            let names = consortium.members().iter().map(|member| member.name.as_str());
            let data = computation.data(names)?;
            let reports = match drive(consortium, computation.job(), data).await {
                Ok(reports) => reports,
                Err(none) => return Err(self.stopped(&computation.name, none)),
            };
            done.push(Section {
                title: computation.name.clone(),
                function: computation.function.clone(),
                parameters: computation.parameters.clone(),
                reports,
            });
        }
        Ok(done)
    }

    fn stopped(&self, computation: &str, none: NoResult) -> Problem {
        if let (NoResult::Failed(failed), Format::Json) = (&none, self.output.format()) {
            let document = json!({"computation": computation, "failed": errors(failed)});
            if let Err(problem) = print(&format!("{document:#}\n")) {
                return problem;
            }
        }
        let problem = Problem::from(none);
        match problem.fault() {
            Fault::Interrupted => problem,
            fault => Problem::new(fault, format!("computation `{computation}`: {problem}")),
        }
    }
}

impl Results {
    fn text(&self, output: &Output) -> Outcome<String> {
        match output.format() {
            Format::Json => Ok(format!("{:#}\n", self.document())),
            Format::Csv => {
                let results = self.done.iter().filter_map(|section| {
                    let (_, first) = section.reports.first()?;
                    Some((section.title.as_str(), &first.result))
                });
                csv::texts(results).map_err(Problem::ours)
            }
            Format::Table => {
                let sections = self.done.iter().map(|section| {
                    Ok(format!(
                        "{} ({})\n{}",
                        section.title,
                        section.function,
                        output.text(&section.function, &section.reports)?
                    ))
                });
                let sections = sections.collect::<Outcome<Vec<_>>>()?;
                let facts =
                    self.facts().into_iter().map(|(name, fact)| format!("{name}: {fact}\n"));
                Ok(format!("{}\n{}", sections.join("\n"), facts.collect::<String>()))
            }
        }
    }

    fn document(&self) -> Value {
        json!({
            "study": super::document(&self.study, self.signatures.as_ref()),
            "computations": self.done.iter().filter_map(computation).collect::<Vec<_>>(),
        })
    }

    /// Lists the facts about the study.
    fn facts(&self) -> Vec<(String, String)> {
        let signed = match &self.signatures {
            Some(signatures) if signatures.are_complete() => {
                format!("all members: {}", signatures.names().collect::<Vec<_>>().join(", "))
            }
            Some(signatures) => match signatures.names().collect::<Vec<_>>() {
                names if names.is_empty() => "no member".to_owned(),
                names => format!("{}, not by all members", names.join(", ")),
            },
            None => "not known: there is no consortium file".to_owned(),
        };
        let hash = self.study.hash();
        [
            ("study", self.study.title().to_owned()),
            ("hash", hash.to_string()),
            ("in words", hash.words().to_string()),
            ("signed by", signed),
        ]
        .map(|(name, fact)| (name.to_owned(), fact))
        .into()
    }
}

/// Makes the document of a computation; none if it has no reports.
fn computation(section: &Section) -> Option<Value> {
    let (_, first) = section.reports.first()?;
    let mut entry = Map::new();
    entry.insert("name".to_owned(), section.title.clone().into());
    entry.insert("function".to_owned(), section.function.clone().into());
    entry.insert("parameters".to_owned(), section.parameters.clone().into());
    if let Value::Object(report) = document(first, &section.reports) {
        entry.extend(report);
    }
    Some(Value::Object(entry))
}
