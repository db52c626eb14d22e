//! Hints of nodes, in the words of the command.
//!
//! Nodes advise programs: they name requests and methods of the API. A user of the command has
//! neither.

use cloister_client::{CallError, Failed};

/// The hints that are replaced, by the error's code and a part of the node's hint. The first that
/// fits counts.
const HINTS: [(&str, &str, &str); 21] = [
    ("no_such_function", "", "`cloister functions` lists all"),
    ("no_such_dataset", "", DATASETS),
    ("", "microservice Datasets", DATASETS),
    (
        "",
        "the method `describe`",
        "the operator of a node lists its columns with `cloister data list`; `cloister data check \
         --consortium DIR DATASET` says in which the members differ",
    ),
    ("no_token", "", TOKEN),
    ("token_unknown", "", TOKEN),
    ("token_expired", "", TOKEN),
    ("", "Authorization: Bearer", TOKEN),
    ("stranger", "", "name members as client.toml does"),
    ("", "GET /v1/members", "name members as client.toml does"),
    ("", "`uuid`", SESSION),
    ("", "\"uuid\": a text of your own", SESSION),
    ("bad_network", "", SESSION),
    (
        "",
        "uuid and number of runs",
        "start the computation alike at all parties: same function, parameters and members, \
         categories and ids of the same kind, and another `--session` if one was given",
    ),
    (
        "",
        "DELETE /representation",
        "wait until other computations with this token have ended, then try again; what programs \
         hold under it expires some hours after its last use",
    ),
    ("", "GET /v1/computations", "it has ended, or was never begun: compute again"),
    (
        "",
        "GET /v1/approvals",
        "the operator of a node lists requests with `cloister approvals list`",
    ),
    // The command makes each request as nodes of its release describe it.
    ("", "GET /representations", RELEASES),
    ("", "GET /openapi.json", RELEASES),
    ("", "method", RELEASES),
    ("", "microservice", RELEASES),
];

const RELEASES: &str =
    "bring this command and the node to the same release: it does not know the request";

const SESSION: &str = "give the computation another name with `--session`, or leave it out";

const DATASETS: &str = "`cloister data check --consortium DIR NAME` says which members have it; the \
                        operator of a node lists its datasets with `cloister data list`";

const TOKEN: &str = "have the party's operator make a token (`cloister token new`), and put it into \
                     the file that `token_file` names in client.toml, or into CLOISTER_TOKEN";

/// Replaces the hints that speak of the API.
pub(super) fn of_the_command(mut failed: Failed) -> Failed {
    for (_, error) in &mut failed.parties {
        let CallError::Refused(refusal) = error else { continue };
        let told = &mut refusal.error;
        let mut known = HINTS.iter();
        let hint = known.find(|(code, part, _)| {
            (code.is_empty() || *code == told.code) && told.hint.contains(part)
        });
        if let Some((_, _, hint)) = hint {
            (*hint).clone_into(&mut told.hint);
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use cloister_client::{Blame, Refusal};
    use serde_json::json;

    use super::*;

    /// Words of the API, which users of the command have no use for.
    const OF_PROGRAMS: [&str; 11] = [
        "GET ",
        "POST ",
        "DELETE ",
        "PUT ",
        "/v1/",
        "Authorization",
        "uuid",
        "microservice",
        "method",
        "/representation",
        "openapi",
    ];

    fn translated(code: &str, hint: &str) -> String {
        let refusal = json!({"code": code, "message": "x", "hint": hint});
        let refusal: Refusal = serde_json::from_value(refusal).unwrap();
        let error = CallError::Refused(Box::new(refusal));
        let failed = Failed { blame: Blame::Caller, parties: vec![("a".to_owned(), error)] };
        of_the_command(failed).parties[0].1.hint().to_owned()
    }

    fn is_of_programs(hint: &str) -> bool {
        OF_PROGRAMS.iter().any(|word| hint.contains(word))
    }

    #[test]
    fn the_advice_of_each_code_is_for_users_of_the_command() {
        for entry in cloister_actors::vocabulary::code::TABLE {
            let hint = translated(entry.text, entry.advice);
            assert!(!is_of_programs(&hint), "{}: {hint}", entry.text);
        }
    }

    /// Returns the texts in quotes that a file's calls of `hint` have, without its tests.
    fn hints_in(source: &str) -> Vec<String> {
        let product = source.split("#[cfg(test)]").next().unwrap_or_default();
        let calls = product.split(".hint(").skip(1);
        calls.flat_map(literals).collect()
    }

    /// Returns the texts in quotes up to the parenthesis that closes.
    fn literals(call: &str) -> Vec<String> {
        let (mut depth, mut texts, mut signs) = (1, Vec::new(), call.chars());
        while let Some(sign) = signs.next() {
            match sign {
                '(' => depth += 1,
                ')' => depth -= 1,
                '"' => {
                    let mut text = String::new();
                    while let Some(sign) = signs.next().filter(|sign| *sign != '"') {
                        text.push(if sign == '\\' { signs.next().unwrap_or(' ') } else { sign });
                    }
                    texts.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        texts
    }

    #[test]
    fn every_hint_of_a_node_that_names_a_request_is_translated() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("actors/src")];
        let mut seen = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    seen.extend(hints_in(&fs::read_to_string(path).unwrap()));
                }
            }
        }
        assert!(seen.len() > 50, "{} hints are found", seen.len());
        let of_programs: Vec<&String> = seen.iter().filter(|hint| is_of_programs(hint)).collect();
        assert!(of_programs.len() > 10, "{of_programs:?}");
        for hint in of_programs {
            let told = translated("", hint);
            assert!(!is_of_programs(&told), "{hint:?} becomes {told:?}");
        }
    }

    #[test]
    fn hints_of_requests_and_methods_become_commands() {
        let hint = translated;
        assert!(hint("no_token", "send `Authorization: Bearer TOKEN`").contains("token new"));
        let columns = hint("bad_argument", "the method `describe` of Datasets lists the columns");
        assert!(columns.contains("cloister data check"), "{columns}");
        assert_eq!(hint("bad_input", "mend the data"), "mend the data");
    }
}
