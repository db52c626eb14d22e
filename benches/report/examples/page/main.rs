//! Writes the page, the tables and the spans of a made-up measurement, to be looked at:
//! `cargo run -p cloister-report --example page -- <folder>`.

mod sample;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use cloister_report::{csv, html, spans, table};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("name the folder to write to")?);
    fs::create_dir_all(&folder)?;
    let measurement = sample::measurement();
    let longest = measurement.lines.iter().max_by_key(|line| line.rounds);
    fs::write(folder.join("report.html"), html::page(&measurement))?;
    fs::write(folder.join("lines.txt"), table::lines(&measurement))?;
    fs::write(folder.join("trace.txt"), longest.map(table::trace).unwrap_or_default())?;
    fs::write(folder.join("lines.md"), table::markdown(&measurement))?;
    fs::write(folder.join("lines.csv"), csv::lines(&measurement)?)?;
    fs::write(folder.join("spans.json"), spans::otlp(&measurement)?.to_string())?;
    Ok(())
}
