//! Hints of nodes, in the words of the command.
//!
//! Nodes advise programs: they name requests and methods of the API. A user of the command has
//! neither.

use cloister_client::{CallError, Failed};

/// The hints that are replaced, by the error's code and a part of the node's hint.
const HINTS: [(&str, &str, &str); 7] = [
    ("no_such_function", "", "`cloister functions` lists all"),
    (
        "no_such_dataset",
        "",
        "`cloister data check --consortium DIR NAME` says which members have it; the operator of a \
         node lists its datasets with `cloister data list`",
    ),
    (
        "",
        "the method `describe`",
        "the operator of a node lists its columns with `cloister data list`; `cloister data check \
         --consortium DIR DATASET` says in which the members differ",
    ),
    ("no_token", "", TOKEN),
    ("token_unknown", "", TOKEN),
    ("token_expired", "", TOKEN),
    ("stranger", "", "name members as client.toml does"),
];

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
    use cloister_client::{Blame, Refusal};
    use serde_json::json;

    use super::*;

    #[test]
    fn hints_of_requests_and_methods_become_commands() {
        let hint = |code: &str, hint: &str| {
            let refusal: Refusal =
                serde_json::from_value(json!({"code": code, "message": "x", "hint": hint}))
                    .unwrap();
            let error = CallError::Refused(Box::new(refusal));
            let failed = Failed { blame: Blame::Caller, parties: vec![("a".to_owned(), error)] };
            of_the_command(failed).parties[0].1.hint().to_owned()
        };
        assert!(hint("no_token", "send `Authorization: Bearer TOKEN`").contains("token new"));
        let columns = hint("bad_argument", "the method `describe` of Datasets lists the columns");
        assert!(columns.contains("cloister data check"), "{columns}");
        assert_eq!(hint("bad_input", "mend the data"), "mend the data");
    }
}
