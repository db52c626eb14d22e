//! `clients/ERRORS.md` has every error code that a client can see, with its HTTP status, and none that
//! the sources no longer make.
//!
//! All errors are made by one constructor, `ApiError::new`. Each of its calls is read here: a call whose
//! code cannot be found makes the test fail, so that no new way of making one goes unseen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Codes, and the statuses that each comes with. A code that only the command says has none.
type Codes = BTreeMap<String, BTreeSet<u16>>;

/// Where clients look codes up.
const PAGE: &str = "clients/ERRORS.md";

#[test]
fn every_code_is_on_the_page_with_its_status_and_no_other_is() {
    let made = made();
    let told = told();
    let missing: Vec<_> = made.iter().filter(|(code, _)| !told.contains_key(*code)).collect();
    assert!(missing.is_empty(), "{PAGE} lacks {missing:?}");
    let gone = |code: &&String| !made.contains_key(*code);
    let gone: Vec<_> = told.keys().filter(gone).collect();
    assert!(gone.is_empty(), "{PAGE} has codes that nothing makes: {gone:?}");
    for (code, statuses) in &made {
        assert_eq!(&told[code], statuses, "the status of `{code}` in {PAGE}");
    }
}

#[test]
fn every_code_says_when_it_comes_whom_it_concerns_and_what_to_do() {
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

/// What is scanned for is found: were it not, the page could lack everything and pass.
#[test]
fn codes_are_found_in_every_form_in_which_they_are_made() {
    let made = made();
    let status = |code: &str| made[code].iter().copied().collect::<Vec<_>>();
    // In one line, over several lines, by `Self::new`, by a name given before, by a match before, by the
    // table of failures, by a relayed code, and by the rest of that table.
    for (code, expected) in [
        ("no_such_task", 404),
        ("missing_values", 422),
        ("no_download", 403),
        ("dataset_unreadable", 503),
        ("token_expired", 401),
        ("deadline", 504),
        ("help_refused", 403),
        ("peer_stopped", 502),
    ] {
        assert_eq!(status(code), [expected], "{code}");
    }
    assert_eq!(status("no_answer"), [0; 0]);
    assert!(made.len() > 40, "{made:?}");
}

#[test]
fn a_code_that_cannot_be_found_is_no_code_that_is_not_there() {
    let read = |source: &str| codes_of("here", &uncommented(source));
    let literal = r#"fn a() { ApiError::new(StatusCode::NOT_FOUND, "gone_away", "x") }"#;
    assert_eq!(read(literal).unwrap(), Codes::from([("gone_away".into(), [404].into())]));
    let hidden = r"fn a(code: &'static str) { ApiError::new(StatusCode::NOT_FOUND, code, 1) }";
    assert!(read(hidden).unwrap_err().contains("here"));
    let no_status = r#"fn a() { ApiError::new(status, "gone_away", "x") }"#;
    assert!(read(no_status).is_err());
    let commented = r#"// ApiError::new(StatusCode::NOT_FOUND, "gone_away", "x")"#;
    assert!(read(commented).unwrap().is_empty());
}

/// The codes that the sources make.
fn made() -> Codes {
    let mut made = Codes::new();
    for folder in ["actors/src", "actors/vault/src", "actors/sources/src", "protocols/src", "src"] {
        for path in sources(&root().join(folder)) {
            let shown = path.strip_prefix(root()).unwrap().display().to_string();
            let text = uncommented(&fs::read_to_string(&path).unwrap());
            let found = codes_of(&shown, without_tests(&text));
            for (code, statuses) in found.unwrap_or_else(|problem| panic!("{problem}")) {
                made.entry(code).or_default().extend(statuses);
            }
        }
    }
    made
}

/// The codes that one source makes.
fn codes_of(shown: &str, text: &str) -> Result<Codes, String> {
    let mut codes = Codes::new();
    for (place, constructor) in constructions(shown, text) {
        let arguments = &text[place + constructor.len()..];
        let line = text[..place].lines().count();
        let problem = |what: &str| format!("{shown}:{line}: cannot see the {what} of this error");
        let (status, code) = two_arguments(arguments).ok_or_else(|| problem("arguments"))?;
        let found = if status == "self.status()" && code == "self.code()" {
            table_of_failures(text)
        } else {
            let status = status_of(status).ok_or_else(|| problem("status"))?;
            let named = literals(code);
            let named = if named.is_empty() { assigned(&text[..place], code) } else { named };
            named.into_iter().map(|code| (code, [status].into())).collect()
        };
        if found.is_empty() {
            return Err(problem("code"));
        }
        for (code, statuses) in found {
            codes.entry(code).or_default().extend(statuses);
        }
    }
    // What the command says of nodes that gave it no answer with a code.
    for (place, key) in text.match_indices("\"code\": \"") {
        let code = literals(&text[place + key.len() - 1..]).into_iter().next();
        codes.entry(code.ok_or(format!("{shown}: a code that is none"))?).or_default();
    }
    Ok(codes)
}

/// Where errors are made: the places of the constructor's calls.
fn constructions<'a>(shown: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let own = shown == "actors/src/vocabulary/error.rs";
    let own = own.then(|| text.match_indices("Self::new(")).into_iter().flatten();
    text.match_indices("ApiError::new(").chain(own).collect()
}

/// The first two arguments of a call, from behind its parenthesis on.
fn two_arguments(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = argument(text)?;
    Some((first, argument(rest)?.0))
}

/// An argument that commas separate, and what follows its comma.
fn argument(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    let mut quoted = false;
    for (place, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' if depth == 0 => return None,
            ')' | '}' | ']' => depth -= 1,
            ',' if depth == 0 => return Some((text[..place].trim(), &text[place + 1..])),
            _ => {}
        }
    }
    None
}

/// The codes that were given this name before, in the same function.
fn assigned(before: &str, name: &str) -> Vec<String> {
    let function = before.rfind("fn ").map_or("", |start| &before[start..]);
    let binding = function.rfind(&format!("let {name} =")).or_else(|| {
        let tuple = function.rfind(&format!("let ({name},"));
        tuple.or_else(|| function.rfind(&format!(", {name}) =")))
    });
    literals(binding.map_or("", |start| &function[start..]))
}

/// Codes and statuses of the table by which failures of computations become errors.
fn table_of_failures(text: &str) -> Codes {
    let arms = body(text, "status");
    let (known, rest) = arms.split_once("_ =>").expect("a status for all other failures");
    let rest = status_of(rest).expect("a status for all other failures");
    let mut statuses = BTreeMap::new();
    let mut waiting = Vec::new();
    for part in known.split_inclusive("StatusCode::") {
        // A status stands behind the codes of the arm before.
        if let Some(status) = status_of(&format!("StatusCode::{part}")) {
            statuses.extend(waiting.drain(..).map(|code| (code, status)));
        }
        waiting.extend(literals(part));
    }
    let status = |code: &String| statuses.get(code).copied().unwrap_or(rest);
    let codes = called_from(text, "code").into_iter();
    codes.map(|code| (code.clone(), [status(&code)].into())).collect()
}

/// The codes in a function, and in those of the same file that it calls.
fn called_from(text: &str, function: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![function.to_owned()];
    let mut codes = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let body = body(text, &name);
        codes.extend(literals(body));
        let called = body.match_indices('(').map(|(place, _)| {
            let before = &body[..place];
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            before[before.trim_end_matches(word).len()..].to_owned()
        });
        open.extend(called.filter(|name| !name.is_empty()));
    }
    codes
}

/// The body of the function of this name; nothing where there is none.
fn body<'a>(text: &'a str, name: &str) -> &'a str {
    let Some(start) = text.find(&format!("fn {name}(")) else { return "" };
    let indent = text[..start]
        .rfind('\n')
        .map_or(0, |line| text[line + 1..].len() - text[line + 1..].trim_start_matches(' ').len());
    let end = format!("\n{}}}\n", " ".repeat(indent));
    let rest = &text[start..];
    &rest[..rest.find(&end).unwrap_or(rest.len())]
}

/// The texts in quotes that can be codes.
fn literals(text: &str) -> Vec<String> {
    let code = |text: &&str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        plain && text.len() > 3 && !text.starts_with('_') && !text.ends_with('_')
    };
    text.split('"').skip(1).step_by(2).filter(code).map(str::to_owned).collect()
}

/// The number of the first `StatusCode::…` in a text.
fn status_of(text: &str) -> Option<u16> {
    let (_, name) = text.split_once("StatusCode::")?;
    let end = name.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(name.len());
    Some(match &name[..end] {
        "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "METHOD_NOT_ALLOWED" => 405,
        "REQUEST_TIMEOUT" => 408,
        "CONFLICT" => 409,
        "GONE" => 410,
        "PAYLOAD_TOO_LARGE" => 413,
        "UNSUPPORTED_MEDIA_TYPE" => 415,
        "UNPROCESSABLE_ENTITY" => 422,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "NOT_IMPLEMENTED" => 501,
        "BAD_GATEWAY" => 502,
        "SERVICE_UNAVAILABLE" => 503,
        "GATEWAY_TIMEOUT" => 504,
        _ => return None,
    })
}

/// Sources, without those that only tests use.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}

/// A source without the tests at its end.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// A source without lines that are comments.
fn uncommented(text: &str) -> String {
    let kept = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    kept.map(|line| format!("{line}\n")).collect()
}

/// The codes that the page tells of.
fn told() -> Codes {
    let mut told = Codes::new();
    for row in rows() {
        let code = row[0].trim_matches('`').to_owned();
        let statuses = row[1].split(", ").filter(|status| *status != "–");
        let statuses = statuses.map(|status| status.parse().unwrap()).collect();
        assert!(told.insert(code.clone(), statuses).is_none(), "`{code}` is twice in {PAGE}");
    }
    told
}

/// The rows of the page's tables of codes.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_start_matches('|').trim_end_matches('|');
        line.split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
