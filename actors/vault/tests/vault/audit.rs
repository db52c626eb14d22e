//! The audit chain: group commit, exports, witnesses, and the detection of changed bytes.

use std::time::Instant;

use cloister_vault::{BrokenReason, Head, Vault, verify_lines};
use redb::{Database, ReadableTable, TableDefinition};
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::opening::change_meta;

const AUDIT: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("audit");

type Entries<'a> = redb::Table<'a, u64, &'static [u8]>;

fn opened() -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    (folder, vault)
}

fn fill(vault: &Vault, entries: u64) -> Vec<Head> {
    let written: Vec<_> = (0..entries)
        .map(|number| {
            let document = json!({"who": "anna", "number": number, "share": 0.1, "ü": "\"\n"});
            vault.append("computation", number, document)
        })
        .collect();
    written.into_iter().map(|written| written.wait().unwrap()).collect()
}

fn export(vault: &Vault) -> Vec<u8> {
    let mut lines = Vec::new();
    assert_eq!(vault.export_lines(&mut lines).unwrap(), vault.head());
    lines
}

/// Changes the closed state's table of entries.
fn change(folder: &TempDir, work: impl FnOnce(&mut Entries<'_>)) {
    let database = Database::open(folder.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    work(&mut transaction.open_table(AUDIT).unwrap());
    transaction.commit().unwrap();
}

#[test]
fn entries_form_a_chain_that_survives_a_restart() {
    let (folder, vault) = opened();
    assert_eq!(vault.head(), Head::default());
    assert_eq!(vault.verify().unwrap().head, Head::default());
    let heads = fill(&vault, 10);
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.head(), heads[9]);
    let entries = vault.entries(0, 100).unwrap();
    let mut previous = Head::default();
    for (entry, head) in entries.iter().zip(&heads) {
        assert_eq!((entry.number, entry.hash), (head.number, head.hash));
        assert_eq!((entry.previous, entry.number), (previous.hash, previous.number + 1));
        assert_eq!(entry.document["number"], entry.at);
        previous = *head;
    }
    assert_eq!(vault.entries(4, 3).unwrap(), entries[3..6]);
    assert_eq!(vault.entries(11, 3).unwrap(), []);
    assert_eq!(vault.entries(100, 3).unwrap(), []);
    assert_eq!(vault.entries(u64::MAX, 3).unwrap(), []);
    let verified = vault.verify().unwrap();
    assert_eq!((verified.entries, verified.head), (10, heads[9]));
}

#[test]
fn a_thousand_concurrent_entries_are_one_chain() {
    let (_folder, vault) = opened();
    let start = Instant::now();
    vault.append("single", 0, json!({})).wait().unwrap();
    println!("one durable write: {:?}", start.elapsed());
    let start = Instant::now();
    let threads: Vec<_> = (0..50)
        .map(|thread| {
            let vault = vault.clone();
            std::thread::spawn(move || {
                let written: Vec<_> = (0..20)
                    .map(|entry| vault.append("racing", thread, json!({ "entry": entry })))
                    .collect();
                written.into_iter().map(|one| one.wait().unwrap().number).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut numbers: Vec<u64> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    println!("1,000 concurrent writes: {:?}", start.elapsed());
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=1001).collect::<Vec<_>>());
    assert_eq!(vault.verify().unwrap().entries, 1001);
}

#[test]
fn a_refused_write_does_not_spoil_its_group() {
    let (_folder, vault) = opened();
    let written: Vec<_> = (0..300)
        .map(|number| {
            drop(vault.put_dataset("", &json!(1)));
            drop(vault.revoke_token("nobody"));
            drop(vault.refuse(77, "owner"));
            vault.append("kept", number, json!(null))
        })
        .collect();
    assert!(written.into_iter().all(|written| written.wait().is_ok()));
    assert_eq!(vault.verify().unwrap().entries, 300);
}

#[test]
fn an_entry_changed_left_out_added_or_moved_is_found() {
    let (folder, vault) = opened();
    fill(&vault, 8);
    drop(vault);
    let path = folder.path().join("state.redb");
    let whole = std::fs::read(&path).unwrap();
    let broken = |work: &dyn Fn(&mut Entries<'_>)| {
        std::fs::write(&path, &whole).unwrap();
        change(&folder, work);
        Vault::open(folder.path()).unwrap().verify().unwrap_err()
    };
    let value =
        |table: &Entries<'_>, number: u64| table.get(number).unwrap().unwrap().value().to_vec();
    let error = broken(&|table| drop(table.remove(5).unwrap()));
    assert!(matches!((error.number, error.why), (5, BrokenReason::Missing)));
    let error = broken(&|table| {
        let (one, other) = (value(table, 3), value(table, 4));
        table.insert(3, other.as_slice()).unwrap();
        table.insert(4, one.as_slice()).unwrap();
    });
    assert!(matches!((error.number, error.why), (3, BrokenReason::Hash)));
    let error = broken(&|table| {
        let last = value(table, 8);
        table.insert(9, last.as_slice()).unwrap();
    });
    assert!(matches!((error.number, error.why), (9, BrokenReason::Hash)));
    let error = broken(&|table| drop(table.insert(2, [1_u8; 20].as_slice()).unwrap()));
    assert!(matches!((error.number, error.why), (2, BrokenReason::Form)));
    let error = broken(&|table| drop(table.insert(0, [1_u8; 60].as_slice()).unwrap()));
    assert!(matches!((error.number, error.why), (1, BrokenReason::Missing)));
}

#[test]
fn entries_cut_off_the_end_are_missed_by_the_stored_head() {
    let (folder, vault) = opened();
    fill(&vault, 8);
    drop(vault);
    change(&folder, |table| {
        table.remove(8).unwrap();
        table.remove(7).unwrap();
    });
    let error = Vault::open(folder.path()).unwrap().verify().unwrap_err();
    assert!(matches!((error.number, error.why), (7, BrokenReason::Head)));
}

#[test]
fn whoever_also_cuts_the_stored_head_is_found_by_another_member() {
    let (folder, vault) = opened();
    let heads = fill(&vault, 8);
    let (_other_folder, other) = opened();
    let said =
        |head: &Head| json!({"heads": {"north": {"number": head.number, "hash": head.hex()}}});
    other.append("agreement", 1, said(&Head::default())).wait().unwrap();
    other.append("agreement", 2, said(&heads[2])).wait().unwrap();
    other.append("other", 3, json!([1, 2])).wait().unwrap();
    other.append("agreement", 4, said(&heads[6])).wait().unwrap();
    let lines = export(&other);
    let witnessed = vault.verify_against("north", lines.as_slice()).unwrap();
    assert_eq!((witnessed.heads, witnessed.until, witnessed.other.entries), (3, 7, 4));
    assert_eq!(vault.verify_against("south", lines.as_slice()).unwrap().heads, 0);
    drop(vault);
    change(&folder, |table| {
        table.remove(8).unwrap();
        table.remove(7).unwrap();
    });
    let cut = heads[5];
    change_meta(folder.path(), "head", &[&cut.number.to_le_bytes()[..], &cut.hash].concat());
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.verify().unwrap().entries, 6, "by itself it looks whole");
    let error = vault.verify_against("north", lines.as_slice()).unwrap_err();
    assert!(matches!((error.number, error.why), (7, BrokenReason::Witness)));
    fill(&vault, 5);
    let error = vault.verify_against("north", lines.as_slice()).unwrap_err();
    assert!(matches!((error.number, error.why), (7, BrokenReason::Witness)), "written anew");
}

#[test]
fn the_lines_of_a_node_that_met_another_of_our_name_are_refused_and_accuse_nothing() {
    let (_folder, vault) = opened();
    let ours = json!({"members": ["north", "south"], "certificates": ["n1", "s1"]});
    vault.append("asked", 1, ours).wait().unwrap();
    let told = |certificate: &str| {
        let (_other_folder, other) = opened();
        other.append("started", 1, json!({"party": "east", "wire": 9})).wait().unwrap();
        let head = json!({"number": 4, "hash": "00".repeat(32)});
        let theirs = json!({"members": ["east", "north"], "certificates": ["e1", certificate],
            "heads": {"north": head}});
        other.append("ended", 2, theirs).wait().unwrap();
        vault.verify_against("north", export(&other).as_slice()).unwrap_err()
    };
    let foreign = told("n2").to_string();
    assert!(foreign.contains("the lines of east") && foreign.contains("n2"), "{foreign}");
    assert!(matches!(told("n1").why, BrokenReason::Witness), "of this node it tells a loss");
}

#[test]
fn what_a_witness_says_must_be_whole_and_understood() {
    let (_folder, vault) = opened();
    let heads = fill(&vault, 2);
    for head in [json!(7), json!({"number": 1}), json!({"number": 1, "hash": "xyz"})] {
        let (_other_folder, other) = opened();
        other.append("agreement", 1, json!({"heads": {"north": head}})).wait().unwrap();
        let error = vault.verify_against("north", export(&other).as_slice()).unwrap_err();
        assert!(matches!(error.why, BrokenReason::WitnessForm));
    }
    let (_other_folder, other) = opened();
    let said = json!({"heads": {"north": {"number": 2, "hash": heads[1].hex()}}});
    other.append("agreement", 1, said).wait().unwrap();
    let mut lines = String::from_utf8(export(&other)).unwrap();
    lines = lines.replace("agreement", "agreemant");
    let error = vault.verify_against("north", lines.as_bytes()).unwrap_err();
    assert!(matches!(error.why, BrokenReason::Hash));
}

#[test]
fn exported_lines_verify_and_no_byte_of_them_can_change() {
    let (_folder, vault) = opened();
    fill(&vault, 3);
    let lines = export(&vault);
    assert_eq!(verify_lines(lines.as_slice()).unwrap(), vault.verify().unwrap());
    println!("{}", String::from_utf8_lossy(&lines));
    for byte in 0..lines.len() {
        // The end of the last line may be missing.
        for flip in [1, 2, 0x20, 0x80] {
            let mut changed = lines.clone();
            changed[byte] ^= flip;
            assert!(verify_lines(changed.as_slice()).is_err(), "byte {byte}, flipped by {flip}");
        }
    }
    let text = String::from_utf8(lines.clone()).unwrap();
    let spaced = text.replace(":", ": ");
    assert!(verify_lines(spaced.as_bytes()).is_err(), "formatted anew");
    let without: Vec<&str> = text.lines().skip(1).collect();
    let error = verify_lines(without.join("\n").as_bytes()).unwrap_err();
    assert!(matches!((error.number, error.why), (1, BrokenReason::Previous)));
    let cut = text.lines().take(2).collect::<Vec<_>>().join("\n");
    let verified = verify_lines(cut.as_bytes()).unwrap();
    assert_ne!(verified.head, vault.head(), "a cut end shows in the head");
}

#[test]
fn the_last_line_feed_of_an_export_may_be_missing_and_no_other() {
    let (_folder, vault) = opened();
    fill(&vault, 3);
    let lines = export(&vault);
    let whole = verify_lines(lines.as_slice()).unwrap();
    let (last, without) = lines.split_last().unwrap();
    assert_eq!(*last, b'\n');
    assert_eq!(verify_lines(without).unwrap(), whole);
    let first = lines.iter().position(|byte| *byte == b'\n').unwrap();
    let joined = [&lines[..first], &lines[first + 1..]].concat();
    assert!(matches!(verify_lines(joined.as_slice()).unwrap_err().why, BrokenReason::Form));
    let twice = [lines.as_slice(), b"\n"].concat();
    assert!(matches!(verify_lines(twice.as_slice()).unwrap_err().why, BrokenReason::Form));
}

#[test]
fn lines_are_read_in_bounded_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    assert!(matches!(verify_lines(endless).unwrap_err().why, BrokenReason::Form));
    let empty = b"\n\n".as_slice();
    assert!(matches!(verify_lines(empty).unwrap_err().why, BrokenReason::Form));
    assert_eq!(verify_lines(b"".as_slice()).unwrap().entries, 0);
}

#[test]
fn the_longest_document_can_be_exported_and_verified() {
    let (_folder, vault) = opened();
    let document = json!("\"".repeat((1 << 19) - 1));
    vault.append(&"\"".repeat(200), u64::MAX, document.clone()).wait().unwrap();
    let too_long = json!("x".repeat((1 << 20) - 1));
    assert!(vault.append("long", 0, too_long).wait().is_err());
    assert!(vault.append(&"k".repeat(201), 0, json!(1)).wait().is_err());
    assert_eq!(verify_lines(export(&vault).as_slice()).unwrap().entries, 1);
    assert_eq!(vault.entries(1, 1).unwrap()[0].document, document);
}

#[test]
fn no_byte_of_the_entries_in_the_closed_file_can_change() {
    let (folder, vault) = opened();
    for number in 0..3 {
        vault.append("computation", number, json!({"marked entry": number})).wait().unwrap();
    }
    drop(vault);
    let path = folder.path().join("state.redb");
    // One copy of everything: pages that are no longer in use are given up.
    Database::open(&path).unwrap().compact().unwrap();
    drop(Vault::open(folder.path()).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let entries = {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table = transaction.open_table(AUDIT).unwrap();
        (1..=3)
            .map(|number| table.get(number).unwrap().unwrap().value().to_vec())
            .collect::<Vec<_>>()
    };
    for entry in &entries {
        let mut places = whole
            .windows(entry.len())
            .enumerate()
            .filter_map(|(place, window)| (window == entry).then_some(place));
        // In the remains of earlier pages a change is not seen, and does no harm.
        let place = places.find(|&place| is_broken_by(&folder, &whole, place + 40)).unwrap();
        for byte in place..place + entry.len() {
            assert!(is_broken_by(&folder, &whole, byte), "byte {} of an entry", byte - place);
        }
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(Vault::open(folder.path()).unwrap().verify().unwrap().entries, 3);
}

fn is_broken_by(folder: &TempDir, whole: &[u8], byte: usize) -> bool {
    let mut changed = whole.to_vec();
    changed[byte] ^= 0x04;
    std::fs::write(folder.path().join("state.redb"), changed).unwrap();
    match Vault::open(folder.path()) {
        Ok(vault) => vault.verify().is_err(),
        Err(_) => true,
    }
}
