//! Every byte of the chain, changed one at a time beneath the interface.

use redb::ReadTransaction;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::schema::{HEAD_ENTRY, META};

fn open() -> (TempDir, State) {
    let folder = tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    (folder, state)
}

/// Puts a stored value in place of another.
fn put(state: &State, number: u64, value: Vec<u8>) {
    let written = state.submit(0, move |group| {
        group.transaction.open_table(AUDIT)?.insert(number, value.as_slice())?;
        Ok(())
    });
    written.wait().unwrap();
}

fn values(transaction: &ReadTransaction) -> Vec<(u64, Vec<u8>)> {
    let mut values = Vec::new();
    for entry in transaction.open_table(AUDIT).unwrap().iter().unwrap() {
        let (number, value) = entry.unwrap();
        values.push((number.value(), value.value().to_vec()));
    }
    values
}

#[test]
fn no_byte_of_a_stored_entry_can_change() {
    let (_folder, state) = open();
    for number in 0..3 {
        let document = json!({"who": "anna", "rows": number, "rule": null});
        Audit(&state).append("computation", number, &document).wait().unwrap();
    }
    let flip = 1 << (getrandom::u32().unwrap() % 8);
    println!("flipped by {flip}");
    for (number, value) in values(&state.read().unwrap()) {
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= flip;
            put(&state, number, changed);
            let broken = Audit(&state).verify().unwrap_err();
            assert_eq!(broken.number, number, "byte {byte}");
        }
        put(&state, number, value);
        assert_eq!(Audit(&state).verify().unwrap().entries, 3);
    }
}

#[test]
fn no_byte_of_the_stored_head_can_change() {
    let (_folder, state) = open();
    let head = Audit(&state).append("computation", 0, &json!({})).wait().unwrap();
    for byte in 0..head.bytes().len() {
        let mut changed = head.bytes();
        changed[byte] ^= 1;
        let written = state.submit(0, move |group| {
            group.transaction.open_table(META)?.insert(HEAD_ENTRY, changed.as_slice())?;
            Ok(())
        });
        written.wait().unwrap();
        assert!(
            matches!(Audit(&state).verify().unwrap_err().why, BrokenReason::Head),
            "byte {byte}"
        );
    }
}

/// Has an operator rewrite the whole chain and the stored head while the node runs.
#[test]
fn a_rewritten_chain_does_not_have_the_head_in_memory() {
    let (_folder, state) = open();
    Audit(&state).append("computation", 0, &json!({"refused": true})).wait().unwrap();
    let bytes = entry_bytes(0, "computation", b"{\"refused\":false}").unwrap();
    let hash = entry_hash(&[0; 32], 1, &bytes);
    put(&state, 1, [hash.as_slice(), &bytes].concat());
    let written =
        state.submit(0, move |group| store_head(group.transaction, Head { number: 1, hash }));
    written.wait().unwrap();
    assert!(matches!(Audit(&state).verify().unwrap_err().why, BrokenReason::Head));
}
