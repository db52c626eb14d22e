//! Memory and data that do not belong together: a state of yesterday (E17), and a writer beside the
//! question (E18).

use std::fs;
use std::path::Path;

use super::super::Attack;
use super::super::known::{Claim, Known};
use super::super::world::{Part, Refusal, Setting, World};
use super::super::writer::Writer;

/// E17: what was asked today is forgotten with the copy of yesterday's state.
pub(in super::super) struct Yesterday;

impl Attack for Yesterday {
    fn name(&self) -> &'static str {
        "E17: the state of yesterday put back"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let copy = tempfile::tempdir().unwrap();
        world.with_state_of(0, |state| copy_files(state, copy.path()));
        let ids = world.table(0).ids();
        let with_rest = |first: Part| {
            world.sum([first, Part::of("trial", &["age"]), Part::of("trial", &["age"])])
        };
        let claims = || {
            let all = with_rest(Part::of("trial", &["age"]))?;
            world.with_state_of(0, |state| copy_files(copy.path(), state));
            let value = all - with_rest(Part::with_ids("trial", &["age"], &ids[1..]))?;
            Ok::<_, Refusal>(vec![Claim::Value { row: (0, 0), column: "age", value }])
        };
        world.judge(&claims().unwrap_or_default())
    }
}

/// Copies the files of a folder; a socket is none.
pub(in super::super) fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// E18: a row comes and goes while the same question is asked again and again. Its rows are checked
/// in one state and added in another, so that answers differ by the row.
pub(in super::super) struct BesideAWriter;

/// The most questions until two answers differ.
const MOST_QUESTIONS: usize = 100;

impl Attack for BesideAWriter {
    fn name(&self) -> &'static str {
        "E18: a writer beside the question"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi").in_database(0)
    }

    fn play(&self, world: &World) -> Known {
        let _writer = Writer::start(&world.database(0), world.table(0).ids()[0]);
        let mut sums: Vec<f64> = Vec::new();
        while world.asked() < MOST_QUESTIONS && sums.len() < 2 {
            match world.sum([0, 1, 2].map(|_| Part::of("trial", &["age"]))) {
                Ok(sum) if !sums.contains(&sum) => sums.push(sum),
                Ok(_) => (),
                Err(refusal) if refusal.wants_approval() => break,
                Err(_) => (),
            }
        }
        let [one, other] = sums.as_slice() else { return world.judge(&[]) };
        let value = (one - other).abs();
        world.judge(&[Claim::Value { row: (0, 0), column: "age", value }])
    }
}
