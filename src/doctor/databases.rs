//! The rights of the users with which a node reads databases: it needs to select, and nothing else.

use cloister_actors::services::registry::DatabaseRights;

use super::Check;

/// The name of these checks.
const DATABASE: &str = "database";

/// Returns a check for each dataset that is read from a server.
pub(super) fn checks(member: &str, rights: &[DatabaseRights]) -> Vec<Check> {
    rights.iter().flat_map(|rights| of_dataset(member, rights)).collect()
}

fn of_dataset(member: &str, rights: &DatabaseRights) -> Vec<Check> {
    let DatabaseRights { dataset, notes, error } = rights;
    if let Some(error) = error {
        let remedy = "see that the database runs, and that its address in the declaration is right";
        let what = format!("dataset {dataset}: {error}");
        return vec![Check::warning(DATABASE, what, (remedy, member))];
    }
    if notes.is_empty() {
        let what = format!("dataset {dataset}: its user may only read");
        return vec![Check::ok(DATABASE, what)];
    }
    let warning = |note: &String| {
        let (what, remedy) =
            note.split_once(": ").unwrap_or((note.as_str(), "give the node another user"));
        Check::warning(DATABASE, format!("dataset {dataset}: {what}"), (remedy, member))
    };
    notes.iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Checkup, NodeCheck, Verdict};

    fn rights(notes: &[&str], error: Option<&str>) -> DatabaseRights {
        DatabaseRights {
            dataset: "visits".into(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn rights_beyond_reading_are_warned_of_with_a_remedy() {
        let note = "the database's user is a superuser: give the node a user of its own";
        let asked = [rights(&[note], None), rights(&[], None), rights(&[], Some("no answer"))];
        let checks = checks("north", &asked);
        let verdicts: Vec<Verdict> = checks.iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Verdict::Warning, Verdict::Ok, Verdict::Warning]);
        assert_eq!(checks[0].detail, "dataset visits: the database's user is a superuser");
        assert_eq!(checks[0].remedy.as_deref(), Some("give the node a user of its own"));
        assert_eq!(checks[0].who.as_deref(), Some("north"));
        assert!(checks[2].detail.contains("no answer"), "{:?}", checks[2]);
        let node = |member: &str| NodeCheck {
            member: member.into(),
            api: String::new(),
            verdict: Verdict::Ok,
            checks: Vec::new(),
        };
        let nodes = vec![node("south"), node("north")];
        let mut checkup = Checkup { verdict: Verdict::Ok, nodes, lines: Vec::new(), trial: None };
        checkup.add_database_rights("north", &asked);
        assert_eq!(
            (checkup.verdict, checkup.nodes[1].verdict),
            (Verdict::Warning, Verdict::Warning)
        );
        assert_eq!((checkup.nodes[0].checks.len(), checkup.findings().count()), (0, 2));
    }
}
