//! The documents: every link leads somewhere, the book lists its pages, and no retired word comes
//! back in prose, code, or the texts that code shows.
//!
//! The retired words stand in the glossary (`docs/src/reference/glossary.md`), with the folder in
//! which each is retired. [`HOLDS`] lists the files and folders that are free of them; it only
//! grows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The files and folders that are free of retired words.
const HOLDS: &[&str] = &[
    "README.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "docs",
    "deploy",
    "clients/api",
    "clients/python",
    "clients/rust",
    "actors",
    "benches",
    "certs",
    "protocols",
    "src",
    "tests",
];

const GLOSSARY: &str = "docs/src/reference/glossary.md";

/// The folders at the top of the repository that documents name.
const TOP: &[&str] =
    &["actors", "benches", "certs", "clients", "deploy", "docs", "protocols", "src", "tests"];

/// The largest README in bytes.
const LONGEST_README: u64 = 10 * 1024;

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut broken = Vec::new();
    for document in files("md") {
        let text = read(&document);
        for link in links(&text) {
            if let Some(reason) = broken_link(&document, &link) {
                broken.push(format!("{document}: ]({link}) {reason}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Checks paths in code spans, which begin with a folder at the top of the repository.
#[test]
fn every_path_in_a_code_span_exists() {
    let mut missing = Vec::new();
    for document in files("md") {
        for (number, line) in outside_code_blocks(&read(&document)) {
            for span in line.split('`').skip(1).step_by(2) {
                let top = span.split_once('/').map_or("", |(top, _)| top);
                let is_path = TOP.contains(&top) && !span.contains([' ', '*', '<', '{']);
                if is_path && !root().join(span).exists() {
                    missing.push(format!("{document}:{number}: {span}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_summary_lists_every_page_of_the_book() {
    let listed: BTreeSet<String> =
        links(&read("docs/src/SUMMARY.md")).iter().map(|link| format!("docs/src/{link}")).collect();
    let pages: BTreeSet<String> = files("md")
        .into_iter()
        .filter(|path| path.starts_with("docs/src/") && !path.ends_with("/SUMMARY.md"))
        .collect();
    assert_eq!(listed, pages);
}

#[test]
fn the_readme_is_short() {
    assert!(fs::metadata(root().join("README.md")).unwrap().len() <= LONGEST_README);
}

/// Prints the number of retired words that remain, by folder: `cargo test --test it documents --
/// --nocapture`.
#[test]
fn retired_words_stay_away() {
    let retired = Retired::read();
    let mut remaining: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut came_back = Vec::new();
    let all = ["rs", "md", "py", "js", "mjs"].into_iter().flat_map(files);
    for path in all {
        for found in retired.in_file(&path) {
            *remaining.entry((folder_of(&path), found.word.clone())).or_default() += 1;
            if HOLDS.iter().any(|held| is_within(&path, held)) {
                came_back.push(format!("{path}:{}: {}", found.line, found.word));
            }
        }
    }
    for ((folder, word), count) in remaining {
        println!("{folder} | {word} | {count}");
    }
    assert!(came_back.is_empty(), "{}", came_back.join("\n"));
}

#[test]
fn what_holds_exists() {
    for held in HOLDS {
        assert!(root().join(held).exists(), "{held}");
    }
}

/// The table of retired words.
struct Retired {
    /// Identifiers, with the folder in which each is retired.
    names: Vec<(String, String)>,
    /// Names of files without extension, and of folders.
    files: Vec<(String, String)>,
    /// Sequences of words in lower case.
    phrases: Vec<(Vec<String>, String)>,
    /// First words of doc comments.
    openings: Vec<(String, String)>,
}

/// One place of a retired word.
struct Found {
    line: usize,
    word: String,
}

impl Retired {
    fn read() -> Self {
        let mut retired = Self { names: vec![], files: vec![], phrases: vec![], openings: vec![] };
        let glossary = read(GLOSSARY);
        let (_, table) = glossary.split_once("| word | kind | where |").unwrap();
        for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> =
                row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let (word, folder) = (cells[1].to_owned(), cells[3].to_owned());
            match cells[2] {
                "name" => retired.names.push((word, folder)),
                "file" => retired.files.push((word, folder)),
                "phrase" => {
                    let words = word.split(' ').map(str::to_lowercase).collect();
                    retired.phrases.push((words, folder));
                }
                "opening" => retired.openings.push((word, folder)),
                other => panic!("{GLOSSARY} has no kind `{other}`"),
            }
        }
        assert!(!retired.names.is_empty() && !retired.openings.is_empty());
        retired
    }

    fn in_file(&self, path: &str) -> Vec<Found> {
        let text = match Path::new(path).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => rust(&read(path)),
            Some("md") => markdown(path),
            Some("py") => script(&read(path), "#", "\"\"\"", "\"\"\""),
            _ => script(&read(path), "//", "/**", "*/"),
        };
        let mut found = Vec::new();
        for (name, folder) in &self.names {
            let places =
                text.code.iter().filter(|token| token.word == *name && is_within(path, folder));
            found.extend(places.map(|token| Found { line: token.line, word: name.clone() }));
        }
        for (words, folder) in &self.phrases {
            let texts = text.texts.iter().filter(|_| !is_test(path)).map(Vec::as_slice);
            for tokens in std::iter::once(text.prose.as_slice()).chain(texts) {
                let places = tokens.windows(words.len()).filter(|window| {
                    is_within(path, folder)
                        && window
                            .iter()
                            .zip(words)
                            .all(|(token, word)| token.word.to_lowercase() == *word)
                });
                let places =
                    places.map(|place| Found { line: place[0].line, word: words.join(" ") });
                found.extend(places);
            }
        }
        for (opening, folder) in &self.openings {
            let places = text
                .openings
                .iter()
                .filter(|token| token.word == *opening && is_within(path, folder));
            found.extend(
                places.map(|token| Found { line: token.line, word: format!("/// {opening}") }),
            );
        }
        for (file, folder) in &self.files {
            let has_name = Path::new(path)
                .with_extension("")
                .components()
                .any(|part| part.as_os_str() == &**file);
            if path.ends_with(".rs") && is_within(path, folder) && has_name {
                found.push(Found { line: 0, word: format!("{file} (file)") });
            }
        }
        found
    }
}

/// The words of a file, by kind.
#[derive(Default)]
struct Words {
    /// Identifiers, also those in code spans.
    code: Vec<Token>,
    /// Words of comments, or of a document's text.
    prose: Vec<Token>,
    /// The words of each text literal, which clients and operators may read. In scripts, of each line of
    /// code.
    texts: Vec<Vec<Token>>,
    /// The first word of each doc comment.
    openings: Vec<Token>,
}

struct Token {
    line: usize,
    word: String,
}

impl Words {
    /// Adds the words of a line of prose; code spans are code.
    fn add_prose(&mut self, text: &str, line: usize) {
        for (index, part) in text.split('`').enumerate() {
            let tokens = if index % 2 == 0 { &mut self.prose } else { &mut self.code };
            tokens.extend(tokens_of(part, line));
        }
    }
}

/// Splits Rust source into code, comments and text literals.
fn rust(source: &str) -> Words {
    let mut words = Words::default();
    let mut rest = source;
    let mut code = String::new();
    let mut previous_doc = "";
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else {
            literal(rest).unwrap_or(first.len_utf8())
        };
        let (piece, after) = rest.split_at(length);
        if piece.starts_with("//") {
            let doc = ["///", "//!"].into_iter().find(|doc| piece.starts_with(doc)).unwrap_or("");
            let comment = piece.trim_start_matches(['/', '!']).trim_start();
            if !doc.is_empty() && doc != previous_doc {
                words.openings.extend(tokens_of(comment, line).into_iter().next());
            }
            words.add_prose(comment, line);
            previous_doc = doc;
            // The next piece is the end of this line.
        } else if piece.len() > 1 && piece.ends_with(['"', '#']) {
            words.texts.push(tokens_of_literal(piece, line));
            previous_doc = "";
        } else if length == first.len_utf8() {
            if first.is_alphanumeric() || first == '_' {
                code.push(first);
            } else if !code.is_empty() {
                words.code.push(Token { line, word: std::mem::take(&mut code) });
            }
            if !first.is_whitespace() {
                previous_doc = "";
            }
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    words
}

/// Returns the length of the text or character literal that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = 1 + hashes + 1;
            return rest[start..].find(&end).map(|length| start + length + end.len());
        }
    }
    if rest.starts_with('"') {
        return end_of_quoted(rest, '"');
    }
    // A lifetime has no closing quote.
    let character: Vec<char> = rest.chars().take(3).collect();
    if character.first() == Some(&'\'')
        && (character.get(1) == Some(&'\\') || character.get(2) == Some(&'\''))
    {
        return end_of_quoted(rest, '\'');
    }
    None
}

fn end_of_quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        if !escaped && character == quote {
            return Some(index + 1);
        }
        escaped = !escaped && character == '\\';
    }
    None
}

/// Reads the comments of a script: lines that begin with `mark`, and blocks from `open` to `close`.
fn script(source: &str, mark: &str, open: &str, close: &str) -> Words {
    let mut words = Words::default();
    let mut inside = false;
    for (index, text) in source.lines().enumerate() {
        let (line, text) = (index + 1, text.trim());
        let mut rest = text;
        if let Some(begun) = text.strip_prefix(open).filter(|_| !inside) {
            words.openings.extend(tokens_of(begun, line).into_iter().next());
            inside = true;
            rest = begun;
        }
        if inside {
            words.add_prose(rest, line);
            inside = !rest.contains(close);
        } else if text.starts_with(mark) {
            words.add_prose(text, line);
        } else {
            words.texts.push(tokens_of(text, line));
        }
    }
    words
}

/// Splits a document into prose and code spans. Code blocks, link targets and the glossary's tables
/// are left out.
fn markdown(path: &str) -> Words {
    let text = read(path);
    let mut words = Words::default();
    for (number, line) in outside_code_blocks(&text) {
        if path == GLOSSARY && line.starts_with('|') {
            continue;
        }
        let mut shown = String::new();
        for (index, part) in line.split("](").enumerate() {
            shown +=
                if index == 0 { part } else { part.split_once(')').map_or("", |(_, after)| after) };
            shown.push(' ');
        }
        words.add_prose(&shown, number);
    }
    words
}

/// Returns the lines of a document outside of its code blocks, with their numbers.
fn outside_code_blocks(text: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push((index + 1, line));
        }
    }
    lines
}

fn tokens_of(text: &str, line: usize) -> Vec<Token> {
    let words =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(|word| Token { line, word: word.to_owned() }).collect()
}

/// Returns the words of a text literal, with their lines.
fn tokens_of_literal(literal: &str, first: usize) -> Vec<Token> {
    let lines = literal.lines().zip(first..);
    lines.flat_map(|(text, line)| tokens_of(&text.replace("\\n", " "), line)).collect()
}

/// Returns `true` for the path of a test, whose texts no client reads.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs")
}

/// Returns the targets of a document's links and pictures, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for (_, line) in outside_code_blocks(text) {
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(targets.map(|(target, _)| target.to_owned()));
    }
    links
}

/// Returns the reason why a link of `document` leads nowhere.
fn broken_link(document: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(document).parent().unwrap();
    let target = if file.is_empty() { document.to_owned() } else { normal(&folder.join(file)) };
    if !root().join(&target).exists() {
        return Some(format!("{target} is missing"));
    }
    if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
        return Some(format!("{target} has no such heading"));
    }
    None
}

/// Returns the anchors of a document's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in outside_code_blocks(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let kept = heading.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    anchors
}

/// Makes a path below the repository without `..`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop().unwrap();
            }
            Component::Normal(name) => parts.push(name.to_str().unwrap()),
            _ => {}
        }
    }
    parts.join("/")
}

fn is_within(path: &str, folder: &str) -> bool {
    folder == "."
        || path == folder
        || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns the first two folders of a path, or the file at the top.
fn folder_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    parts[..parts.len().saturating_sub(1).clamp(1, 3)].join("/")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lists all files of the repository with this extension, as paths below it, in order.
fn files(extension: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if name.starts_with('.') || ["target", "node_modules"].contains(&&*name) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
