//! `cloister bench rounds`: the cost of a function in rounds, bytes and time, on these machines and
//! over the network that the parties have.
//!
//! The same protocols run in three ways: as nodes over loopback mutual TLS, as nodes with slow
//! relays between them, and in virtual time. Rounds and bytes must be the same in all; a run in
//! which they are not is an error.

mod limits;
mod link;
mod memory;
mod nodes;
mod plan;
mod protocol_cost;
mod runner;
mod setup;
mod simulated;
mod subject;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_report::compare::{Tolerance, compare};
use cloister_report::measurement::Measurement;
use cloister_report::{csv, html, spans, table};

use self::nodes::Driver;
use self::plan::Selection;
use self::runner::{Finished, Runner};
use super::node::Stop;
use crate::consortium_dir::ConsortiumDir;
use crate::logging;
use crate::problem::{Fault, Outcome, Problem};

/// Measure what computations cost.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Rounds(Box<Rounds>),
}

/// Measure protocol rounds: what a function costs in rounds, bytes and time, beside what the
/// machine and the link can do at best.
///
/// With --compare, ends with exit code 1 where something grew worse.
#[derive(Args)]
struct Rounds {
    #[command(flatten)]
    selection: Selection,
    /// The number of runs of each; nodes run once before, which does not count.
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    repeat: u16,
    /// Write one JSON document to FILE, or to standard output instead of the table.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// Write a report to look at, with plots and swim lanes, which needs no network.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write the table as comma-separated values.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write each computation's rounds as OpenTelemetry spans (OTLP in JSON).
    #[arg(long, value_name = "FILE")]
    spans: Option<PathBuf>,
    /// Print each computation's rounds, too.
    #[arg(long)]
    trace: bool,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Compare with an earlier JSON document. Where nothing says what to measure, that is measured
    /// again.
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// By how much a computation may fall back against what the machine can do, with --compare:
    /// 0.25 for a quarter.
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, requires = "compare",
          value_parser = share)]
    tolerance: f64,
    /// The further bytes that a computation may send in all, with --compare: for a named change of
    /// messages.
    #[arg(long, value_name = "BYTES", default_value_t = 0, requires = "compare")]
    more_bytes: u64,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let What::Rounds(rounds) = arguments.what;
    logging::start("error")?;
    rounds.check_files()?;
    let old = rounds.compare.as_deref().map(read).transpose()?;
    actix::System::new().block_on(rounds.measure(old))
}

impl Rounds {
    async fn measure(&self, old: Option<Measurement>) -> Outcome {
        let runner = self.runner(old.as_ref())?;
        let mut stop = Stop::new(false)?;
        let Finished { measurement, ours } = runner.run(&mut stop).await;
        if !measurement.complete {
            eprintln!("interrupted: this is what was measured until then");
        }
        let written = self.write(&measurement);
        for skipped in &measurement.skipped {
            let case = &skipped.case;
            eprintln!(
                "not measured: {} over {}: {}",
                case.function, case.link.name, skipped.reason
            );
        }
        let compared = old.map_or(Ok(()), |old| self.compare(&old, &measurement));
        // The first of these is the cause of the others.
        ours.map_or(Ok(()), Err).and(written).and(compared)?;
        if measurement.lines.is_empty() && measurement.complete {
            Err(Problem::peer("nothing could be measured"))
        } else {
            Ok(())
        }
    }

    fn compare(&self, old: &Measurement, new: &Measurement) -> Outcome {
        let tolerance = Tolerance { nearness: self.tolerance, bytes: self.more_bytes };
        let comparison = compare(old, new, tolerance);
        // Standard output is the document's, where that goes there.
        if self.is_json_printed() {
            eprint!("{}", comparison.table())
        } else {
            super::print(&comparison.table())?
        }
        if comparison.is_worse() {
            Err(Problem::new(Fault::Worse, "the measurement is worse than the earlier one"))
        } else if !new.complete {
            Err(Problem::new(Fault::Worse, "not all was measured that was to be compared"))
        } else {
            Ok(())
        }
    }

    fn runner(&self, old: Option<&Measurement>) -> Outcome<Runner> {
        let repeat = usize::from(self.repeat);
        if let Some(folder) = &self.selection.consortium {
            let file = ConsortiumDir::new(folder).read_client()?;
            let members: Vec<String> = file.member.iter().map(|m| m.name.clone()).collect();
            let cases = self.selection.cases_of(members.len())?;
            plan::check_sizes(&cases)?;
            return Ok(Runner { cases, repeat, own: Some((Driver::of(file)?, members)) });
        }
        let cases = match old {
            Some(old) if self.selection.is_silent() => plan::again(old)?,
            _ => self.selection.cases()?,
        };
        plan::check_sizes(&cases)?;
        Ok(Runner { cases, repeat, own: None })
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.json, &self.report, &self.csv, &self.spans].into_iter().flatten();
        files.map(PathBuf::as_path).filter(|path| !is_standard_output(path))
    }

    /// Checks before the measurement that the document can be written.
    fn check_files(&self) -> Outcome {
        self.files().try_for_each(|path| {
            let opened = fs::OpenOptions::new().append(true).create(true).open(path);
            opened.map(drop).map_err(|error| cannot_write(path, &error))
        })
    }

    /// Prints, and writes all files that can be written.
    fn write(&self, measurement: &Measurement) -> Outcome {
        let json = serde_json::to_string_pretty(measurement).map_err(Problem::ours)? + "\n";
        let printed = if self.is_json_printed() {
            super::print(&json)
        } else {
            self.print_table(measurement)
        };
        let json = self.json.as_deref().filter(|path| !is_standard_output(path)).map(|p| (p, json));
        let report = self.report.as_deref().map(|path| (path, html::page(measurement)));
        let csv = match &self.csv {
            Some(path) => Some((&**path, csv::lines(measurement).map_err(Problem::ours)?)),
            None => None,
        };
        let spans = match &self.spans {
            Some(path) => {
                let spans = spans::otlp(measurement).map_err(Problem::ours)?;
                Some((&**path, format!("{spans:#}\n")))
            }
            None => None,
        };
        let files = [json, report, csv, spans].into_iter().flatten();
        files.fold(printed, |before, (path, text)| before.and(write(path, &text)))
    }

    fn print_table(&self, measurement: &Measurement) -> Outcome {
        super::print(&if self.markdown {
            table::markdown(measurement)
        } else {
            table::lines(measurement)
        })?;
        let mut traced = measurement.lines.iter().filter(|_| self.trace);
        traced.try_for_each(|line| super::print(&format!("\n{}", table::trace(line))))
    }

    fn is_json_printed(&self) -> bool {
        self.json.as_deref().is_some_and(is_standard_output)
    }
}

fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read(path: &Path) -> Outcome<Measurement> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::usage(format!("cannot read {shown}: {error}")))?;
    Measurement::read(&text).map_err(|error| Problem::usage(format!("{shown}: {error}")))
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> Problem {
    Problem::usage(format!("cannot write {}: {error}", path.display()))
}

/// A share, from 0 to less than 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to less than 1, such as 0.25".to_owned())
}
