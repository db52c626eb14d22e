//! A study: several computations, and what its authors expect of the data and of the nodes, in one
//! file that can be reviewed and signed before anything runs.
//!
//! ```toml
//! title = "Age and outcome"
//! members = ["north", "south", "west"]    # exactly these; those of the client's file, if it is left out
//! profile = "production"                  # of every node
//!
//! [dataset.trial.columns]
//! age = { kind = "integer", unit = "years" }
//! outcome = { kind = "text", levels = ["no", "yes"] }
//!
//! [[computation]]
//! name = "ages"
//! function = "StatisticsUnivariate"
//! data = "trial.age"                      # or { north = "trial.age", south = "…", … }
//! where = { column = "age", op = ">=", value = 18 }
//! parameters = { digits_before = 3 }
//! ```
//!
//! Every dataset and every column that a computation uses must be described: only described columns
//! can be checked. A study holds no data. Its hash is that of the file's bytes, comments and all: a
//! person signs exactly the text that was read.

pub mod expectation;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cloister_certs::Fingerprint;
use cloister_certs::consortium::is_name;
use cloister_certs::document::Document;
use cloister_client::{Data, Job};
use cloister_protocols::catalogue;
use cloister_protocols::disclosure::Profile;
use cloister_sources::Filter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::names::no_such_function;
use crate::problem::{Outcome, Problem};

/// The longest study in bytes.
const LONGEST: usize = 1 << 20;

/// A study, as its file has it.
#[derive(Clone, Debug)]
pub struct Study {
    path: PathBuf,
    text: String,
    file: File,
}

/// The content of a study's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for those who read the file")]
    description: String,
    members: Option<Vec<String>>,
    profile: Option<Profile>,
    #[serde(default)]
    dataset: BTreeMap<String, Dataset>,
    #[serde(default)]
    computation: Vec<Computation>,
}

/// The expectations of a dataset, at every member that has a part in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// The expectations of each column.
    pub columns: BTreeMap<String, Column>,
}

/// The expectations of a column. An entry that is left out may have any value.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// `integer`, `number`, `text` or `truth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The lowest and the highest value, as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The texts, as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
}

/// One computation of a study.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computation {
    /// Its name in the results.
    pub name: String,
    /// The function.
    pub function: String,
    data: Columns,
    #[serde(rename = "where")]
    filter: Option<Value>,
    /// Its parameters.
    #[serde(default)]
    pub parameters: Map<String, Value>,
}

/// Columns of a dataset: the same at all members, or for each its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Columns {
    Same(String),
    Each(BTreeMap<String, String>),
}

impl Study {
    /// Reads a study.
    ///
    /// # Errors
    /// If the file cannot be read, or is no study.
    pub fn read(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::usage(format!("cannot read {shown}: {error}; name a study's file"))
        })?;
        Self::parse(path, text).map_err(|reason| Problem::usage(format!("{shown}: {reason}")))
    }

    fn parse(path: &Path, text: String) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a study has at most {LONGEST} bytes"));
        }
        let file: File = toml::from_str(&text).map_err(|error| error.to_string())?;
        let study = Self { path: path.to_owned(), text, file };
        let wrong = study.wrong();
        if wrong.is_empty() { Ok(study) } else { Err(wrong.join("\n  ")) }
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// Its computations in order.
    #[must_use]
    pub fn computations(&self) -> &[Computation] {
        &self.file.computation
    }

    /// Returns the document that members sign: its file.
    #[must_use]
    pub fn document(&self) -> Document<'_> {
        Document::new(&self.path, self.text.as_bytes())
    }

    /// Returns the hash of its file, which is written and read aloud like a fingerprint.
    #[must_use]
    pub fn hash(&self) -> Fingerprint {
        self.document().hash()
    }

    /// Lists the errors in it.
    fn wrong(&self) -> Vec<String> {
        let File { title, members, computation, .. } = &self.file;
        let mut wrong = Vec::new();
        if title.trim().is_empty() || title.contains(char::is_control) {
            wrong.push("its `title` is empty or has more than one line".to_owned());
        }
        if computation.is_empty() {
            wrong.push("it computes nothing: add a `[[computation]]`".to_owned());
        }
        let strange = members.iter().flatten().filter(|name| !is_name(name));
        wrong.extend(strange.map(|name| format!("`members`: `{name}` is no member name")));
        let mut names = BTreeSet::new();
        for computation in computation {
            if !names.insert(&computation.name) {
                wrong.push(format!("two computations are called `{}`", computation.name));
            }
            let about = computation.wrong(&self.file);
            wrong.extend(
                about
                    .into_iter()
                    .map(|about| format!("computation `{}`: {about}", computation.name)),
            );
        }
        wrong
    }
}

impl Computation {
    /// Returns the job for all nodes.
    #[must_use]
    pub fn job(&self) -> Job {
        Job { parameters: self.parameters.clone(), ..Job::new(&self.function) }
    }

    /// Returns the data of each of these members, in their order.
    ///
    /// # Errors
    /// If it names others.
    pub fn data<'a>(&self, members: impl Iterator<Item = &'a str>) -> Outcome<Vec<Data>> {
        members.map(|member| self.data_of(member)).collect()
    }

    fn data_of(&self, member: &str) -> Outcome<Data> {
        let text = match &self.data {
            Columns::Same(text) => Some(text),
            Columns::Each(texts) => texts.get(member),
        };
        let selected = text.and_then(|text| Data::selection(text, self.filter.as_ref()));
        selected.ok_or_else(|| {
            let name = &self.name;
            Problem::usage(format!(
                "computation `{name}` has no data for {member}: name columns for it"
            ))
        })
    }

    fn wrong(&self, file: &File) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.name.is_empty() || self.name.contains(char::is_control) {
            wrong.push("its `name` is empty or has more than one line".to_owned());
        }
        if catalogue::find(&self.function).is_none() {
            let known = catalogue::entries().map(|entry| entry.name);
            wrong.push(no_such_function(&self.function, known));
        }
        if let Some(Err(error)) = self.filter.as_ref().map(Filter::from_json) {
            wrong.push(format!("`where`: {error}"));
        }
        let texts: Vec<&String> = match &self.data {
            Columns::Same(text) => vec![text],
            Columns::Each(texts) => texts.values().collect(),
        };
        for text in texts {
            wrong.extend(self.wrong_columns(text, &file.dataset));
        }
        if let (Columns::Each(texts), Some(members)) = (&self.data, &file.members) {
            let missing = members.iter().filter(|member| !texts.contains_key(*member));
            wrong.extend(missing.map(|member| format!("it has no data for {member}")));
            let strange = texts.keys().filter(|name| !members.contains(name));
            wrong.extend(strange.map(|name| format!("`data` names {name}, who is no member")));
        }
        wrong
    }

    fn wrong_columns(&self, text: &str, described: &BTreeMap<String, Dataset>) -> Vec<String> {
        let Some(Data::Selection { dataset, columns, .. }) = Data::selection(text, None) else {
            return vec![format!("`{text}` names no columns: write DATASET.COLUMN[,COLUMN…]")];
        };
        let Some(expected) = described.get(&dataset) else {
            return vec![format!("describe what is expected: `[dataset.{dataset}.columns]`")];
        };
        let mut used = columns;
        self.filter.iter().for_each(|filter| filtered(filter, &mut used));
        let unknown = used.iter().filter(|column| !expected.columns.contains_key(*column));
        unknown
            .map(|column| format!("describe column `{column}` in `[dataset.{dataset}.columns]`"))
            .collect()
    }
}

/// Collects the columns that a condition is about.
fn filtered(filter: &Value, columns: &mut Vec<String>) {
    match filter {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("column", Value::String(name)) => columns.push(name.clone()),
                    ("value", _) => {}
                    (_, inside) => filtered(inside, columns),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| filtered(item, columns)),
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const STUDY: &str = "title = \"Age and outcome\"\nmembers = [\"a\", \"b\"]\n\
        [dataset.trial.columns]\nage = { kind = \"integer\", unit = \"years\" }\nrisk = {}\n\
        [[computation]]\nname = \"ages\"\nfunction = \"StatisticsUnivariate\"\ndata = \"trial.age\"\n\
        where = { or = [{ column = \"risk\", op = \">=\", value = 1 }] }\n\
        [[computation]]\nname = \"both\"\nfunction = \"SecureSum\"\n\
        data = { a = \"trial.age\", b = \"trial.risk\" }\nparameters = { digits_before = 3 }\n";

    pub(crate) fn study(text: &str) -> Result<Study, String> {
        Study::parse(Path::new("study.toml"), text.to_owned())
    }

    #[test]
    fn a_study_says_who_brings_what() {
        let study = study(STUDY).unwrap();
        let [ages, both] = study.computations() else { panic!() };
        let data = |computation: &Computation| {
            let data = computation.data(["a", "b"].into_iter()).unwrap();
            data.iter()
                .map(|data| match data {
                    Data::Selection { columns, filter, .. } => {
                        (columns.join(","), filter.is_some())
                    }
                    Data::Values(_) => panic!(),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(data(ages), [("age".to_owned(), true), ("age".to_owned(), true)]);
        assert_eq!(data(both), [("age".to_owned(), false), ("risk".to_owned(), false)]);
        assert!(both.data(["c"].into_iter()).is_err());
        assert_eq!(both.job().parameters["digits_before"], 3);
    }

    #[test]
    fn the_study_that_the_documents_show_is_one() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/how-to/write-a-study.md");
        let page = std::fs::read_to_string(page).unwrap();
        let blocks = page.split("```toml\n").skip(1);
        let texts = blocks.filter_map(|block| block.split("```").next());
        let studies: Vec<&str> = texts.filter(|text| text.contains("[[computation]]")).collect();
        let [text] = studies[..] else { panic!("{studies:?}") };
        assert_eq!(study(text).unwrap().computations().len(), 1);
    }

    #[test]
    fn every_byte_of_a_study_counts() {
        let hash = |text: &str| study(text).unwrap().hash();
        assert_eq!(hash(STUDY), hash(STUDY));
        assert_ne!(hash(STUDY), hash(&format!("{STUDY}# reviewed\n")));
    }

    #[test]
    fn all_that_cannot_be_meant_is_said_at_once() {
        let wrong = STUDY
            .replace("title = \"Age and outcome\"", "title = \" \"")
            .replace("name = \"both\"", "name = \"ages\"")
            .replace("SecureSum", "securesum")
            .replace("b = \"trial.risk\"", "c = \"other.x\"")
            .replace("op = \">=\"", "op = \"in\"")
            .replace("risk = {}\n", "");
        let message = study(&wrong).unwrap_err();
        for says in [
            "`title`",
            "two computations are called `ages`",
            "no function `securesum`; did you mean SecureSum?",
            "an unknown op",
            "[dataset.other.columns]",
            "no data for b",
            "c, who is no member",
            "describe column `risk`",
        ] {
            assert!(message.contains(says), "{says} in {message}");
        }
        assert!(study("title = \"x\"\n").unwrap_err().contains("computes nothing"));
        assert!(study(&format!("surplus = 1\n{STUDY}")).unwrap_err().contains("surplus"));
        assert!(study(&STUDY.replace("\"trial.age\"\nwhere", "\"trial\"\nwhere")).is_err());
    }
}
