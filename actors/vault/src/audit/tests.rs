//! Every byte of the chain, changed one at a time beneath the vault's interface.

use serde_json::json;
use tempfile::tempdir;

use super::*;

/// Puts a stored value in place of another.
fn put(vault: &Vault, number: u64, value: Vec<u8>) {
    let written = vault.submit(0, move |group| {
        group.transaction.open_table(AUDIT)?.insert(number, value.as_slice())?;
        Ok(())
    });
    written.wait().unwrap();
}

fn values(vault: &Vault) -> Vec<(u64, Vec<u8>)> {
    let audit = vault.read().unwrap().open_table(AUDIT).unwrap();
    let entries = audit.iter().unwrap().map(|entry| {
        let (number, value) = entry.unwrap();
        (number.value(), value.value().to_vec())
    });
    entries.collect()
}

#[test]
fn no_byte_of_a_stored_entry_can_change() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    for number in 0..3 {
        let document = json!({"who": "anna", "rows": number, "rule": null});
        vault.append("computation", number, document).wait().unwrap();
    }
    let flip = 1 << (getrandom::u32().unwrap() % 8);
    println!("flipped by {flip}");
    for (number, value) in values(&vault) {
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= flip;
            put(&vault, number, changed);
            let broken = vault.verify().unwrap_err();
            assert_eq!(broken.number, number, "byte {byte}");
        }
        put(&vault, number, value);
        assert_eq!(vault.verify().unwrap().entries, 3);
    }
}

#[test]
fn no_byte_of_the_stored_head_can_change() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let head = vault.append("computation", 0, json!({})).wait().unwrap();
    for byte in 0..head.bytes().len() {
        let mut changed = head.bytes();
        changed[byte] ^= 1;
        let written = vault.submit(0, move |group| {
            group.transaction.open_table(META)?.insert(HEAD, changed.as_slice())?;
            Ok(())
        });
        written.wait().unwrap();
        assert!(matches!(vault.verify().unwrap_err().why, Why::Head), "byte {byte}");
    }
}

/// An operator who writes the whole chain anew, stored head and all, while the node runs.
#[test]
fn a_chain_written_anew_does_not_have_the_head_in_memory() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    vault.append("computation", 0, json!({"refused": true})).wait().unwrap();
    let bytes = entry::bytes(0, "computation", b"{\"refused\":false}").unwrap();
    let hash = entry::hash(&[0; 32], 1, &bytes);
    put(&vault, 1, [hash.as_slice(), &bytes].concat());
    let written = vault.submit(0, move |group| {
        let head = Head { number: 1, hash };
        group.transaction.open_table(META)?.insert(HEAD, head.bytes().as_slice())?;
        Ok(())
    });
    written.wait().unwrap();
    assert!(matches!(vault.verify().unwrap_err().why, Why::Head));
}

/// Bytes that are fixed: whoever changes what is hashed breaks every chain that exists.
#[test]
fn the_hash_of_an_entry_is_as_it_ever_was() {
    let bytes = entry::bytes(0x0102, "kind", b"{\"a\":1}").unwrap();
    assert_eq!(bytes, b"\x02\x01\0\0\0\0\0\0\x04kind{\"a\":1}");
    let hash = entry::hash(&[7; 32], 3, &bytes);
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 audit entry");
    hasher.update(&[[7; 32].as_slice(), b"\x03\0\0\0\0\0\0\0", &bytes].concat());
    assert_eq!(hash, *hasher.finalize().as_bytes());
    assert_eq!(Head { number: 3, hash }.hex(), HASH);
}

const HASH: &str = "527a38886c5752411ec681e1592929c014f9759235771a5bfe881be8959fc29a";
