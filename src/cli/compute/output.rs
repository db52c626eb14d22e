//! The output of results: tables, JSON or CSV on standard output, and a page in a file.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use cloister_client::{CallError, Failed, Report};
use serde_json::{Value, json};

use crate::cli::moment_of;
use crate::files::write_at_once;
use crate::problem::{Fault, Outcome, Problem};
use crate::render::page::{self, Page, Section};
use crate::render::terminal::{self, Style};
use crate::render::{brief, brief_blocks, brief_rows, csv, provenance, provenance_line};

/// In which form results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// Rows of result, row, column, value.
    Csv,
}

/// The choice to draw results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Draw {
    /// On a terminal.
    Auto,
    /// Wherever they go.
    Always,
    /// Nowhere: a row for each value.
    Never,
}

#[derive(Args)]
pub(crate) struct Output {
    /// In which form to print results.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Print one JSON document on standard output: the same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Draw histograms and grids, or print a row for each value.
    #[arg(long, value_enum, default_value = "auto")]
    draw: Draw,
    /// Print all facts about security and rules below a table, not only a line of them.
    #[arg(long)]
    verbose: bool,
    /// Write a report with plots to this file, too: one page of HTML that stands alone.
    #[arg(long, value_name = "FILE.html")]
    output: Option<PathBuf>,
}

impl Output {
    /// Returns the form that was asked for.
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    /// Checks all that can be checked before anything is computed.
    pub(crate) fn check(&self) -> Outcome {
        let Some(path) = &self.output else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.unwrap_or(Path::new(".")).is_dir() && !path.is_dir() {
            Ok(())
        } else {
            Err(Problem::usage(format!(
                "the report cannot be written to {}: name a file in a folder that there is",
                path.display()
            )))
        }
    }

    /// Writes a result as text in the form that was asked for.
    pub(crate) fn text(&self, function: &str, reports: &[(String, Report)]) -> Outcome<String> {
        let Some((_, first)) = reports.first() else {
            return Err(Problem::usage("the consortium has no parties"));
        };
        match self.format() {
            Format::Json => Ok(format!("{:#}\n", document(first, reports))),
            Format::Csv => csv::text(&first.result).map_err(Problem::ours),
            Format::Table => Ok(self.table(function, first)),
        }
    }

    /// Writes the report, if one is wanted.
    pub(crate) fn write_page(
        &self,
        title: &str,
        facts: &[(String, String)],
        sections: &[Section],
    ) -> Outcome {
        let Some(path) = &self.output else { return Ok(()) };
        let made = moment_of(SystemTime::now());
        let page = Page { title, made: &made, facts, sections };
        write_at_once(path, &page::text(&page))?;
        eprintln!("report: {}", path.display());
        Ok(())
    }

    fn table(&self, function: &str, report: &Report) -> String {
        let style = Style::of_this_terminal();
        let drawn = match self.draw {
            Draw::Auto => io::stdout().is_terminal(),
            Draw::Always => true,
            Draw::Never => false,
        };
        let facts = if self.verbose {
            provenance(report)
        } else {
            let line = format!("{}; --verbose has all rules", provenance_line(report));
            vec![("computed by".to_owned(), line)]
        };
        let entries = brief::entries(function, &report.result);
        if drawn {
            let facts = terminal::rows(&facts, style);
            return format!("{}\n{facts}", terminal::text(&brief_blocks(&entries), style));
        }
        let mut rows = brief_rows(&entries);
        rows.extend(facts);
        // The reader is a program, which takes the characters that there are.
        terminal::rows(&rows, Style { unicode: true, width: usize::MAX, ..style })
    }
}

/// Makes the document of the first party's report, with the cost of each.
pub(crate) fn document(first: &Report, reports: &[(String, Report)]) -> Value {
    let costs: Vec<Value> = reports
        .iter()
        .map(|(party, report)| json!({"party": party, "cost": report.cost}))
        .collect();
    let mut document = json!(first);
    if let Some(object) = document.as_object_mut() {
        object.insert("parties".to_owned(), costs.into());
    }
    document
}

/// Returns the errors of all parties that failed, for programs.
pub(crate) fn errors(failed: &Failed) -> Value {
    let errors: Vec<Value> =
        failed.parties.iter().map(|(party, error)| error_at(party, error)).collect();
    json!({"exit_code": Fault::from(failed.blame).code(), "errors": errors})
}

fn error_at(party: &str, error: &CallError) -> Value {
    match error {
        CallError::Refused(refusal) => json!({"at": party, "error": refusal}),
        other => json!({"at": party, "error": {"code": "no_answer", "message": other.to_string()}}),
    }
}
