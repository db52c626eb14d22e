//! Certificates, consortium files and fingerprints as chance or an attacker writes them: nothing
//! panics, and nothing is taken for what it is not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, also where it is outside of a test function"
)]

use std::sync::LazyLock;
use std::time::SystemTime;

use cloister_certs::consortium::{Consortium, Difference};
use cloister_certs::{Certificate, Fingerprint, Identity, Purpose, Signature, Validity};
use proptest::prelude::*;
use proptest::sample::{Index, select};

static IDENTITY: LazyLock<Identity> =
    LazyLock::new(|| Identity::create("clinic-a", Validity::DEFAULT, SystemTime::now()).unwrap());

/// A change at a place of a text or of bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = prop::collection::vec(any::<u8>(), 1..5);
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (any::<Index>(), 1..200_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        if bytes.is_empty() {
            return bytes;
        }
        let whole = bytes.len();
        match change {
            Change::Set(at, byte) => bytes[at.index(whole)] = *byte,
            Change::Remove(at, length) => {
                let at = at.index(whole);
                drop(bytes.drain(at..whole.min(at + length)));
            }
            Change::Insert(at, more) => {
                let at = at.index(whole);
                drop(bytes.splice(at..at, more.iter().copied()));
            }
            Change::Repeat(at, length) => {
                let at = at.index(whole);
                let twice = bytes[at..whole.min(at + length)].to_vec();
                drop(bytes.splice(at..at, twice));
            }
            Change::Cut(at) => bytes.truncate(at.index(whole)),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_changed_certificate_is_another_one(changes in changes()) {
        let whole = IDENTITY.certificate();
        let signature = IDENTITY.sign(Purpose::Card, b"text").unwrap();
        let altered = changed(whole.der(), &changes);
        if let Ok(read) = Certificate::from_der(altered.clone()) {
            prop_assert_eq!(read.der() == whole.der(), read.fingerprint() == whole.fingerprint());
            prop_assert!(read.facts().name().chars().all(|c| !c.is_control()));
            // The key is still the same, or no key at all.
            let _ = read.verify(Purpose::Card, b"text", &signature);
            prop_assert!(read.verify(Purpose::Study, b"text", &signature).is_err());
            prop_assert_eq!(Certificate::from_pem(&read.pem()), Ok(read));
        }
        let text = String::from_utf8_lossy(&changed(whole.pem().as_bytes(), &changes)).into_owned();
        if let Ok(read) = Certificate::from_pem(&text) {
            prop_assert_eq!(read.der() == whole.der(), read.fingerprint() == whole.fingerprint());
        }
    }

    #[test]
    fn a_changed_signature_is_none(changes in changes(), noise in prop::collection::vec(any::<u8>(), 0..90)) {
        let signature = IDENTITY.sign(Purpose::Study, b"text").unwrap();
        let altered = changed(signature.as_bytes(), &changes);
        for bytes in [altered, noise] {
            let is_same = bytes == signature.as_bytes();
            let checked = IDENTITY.certificate();
            let checked = checked.verify(Purpose::Study, b"text", &Signature::from_bytes(bytes));
            prop_assert_eq!(checked.is_ok(), is_same);
        }
    }

    #[test]
    fn a_changed_consortium_file_is_refused_or_differs(changes in changes()) {
        let text = consortium();
        let whole: Consortium = toml::from_str(&text).unwrap();
        let altered = String::from_utf8_lossy(&changed(text.as_bytes(), &changes)).into_owned();
        let Ok(read) = toml::from_str::<Consortium>(&altered) else { return Ok(()) };
        let differences = Difference::between(whole.members(), read.members());
        prop_assert_eq!(differences.is_empty(), whole.hash() == read.hash());
        for difference in differences {
            prop_assert!(difference.to_string().chars().all(|c| !c.is_control()));
        }
        for member in read.members() {
            prop_assert!(read.look_up(&member.name).is_some());
            let _ = (read.look_up(&member.api), member.api_host());
        }
    }

    #[test]
    fn a_text_is_a_fingerprint_if_it_is_written_as_one(
        parts in prop::collection::vec(select(vec!["a", "0f", ":", " ", "\n", "é", "zoo", "abandon", "-"]), 0..90),
        bytes in any::<[u8; 32]>(),
        changes in changes(),
    ) {
        let _ = parts.concat().parse::<Fingerprint>();
        let print = Fingerprint::from_bytes(bytes);
        let words = print.words().iter().collect::<Vec<_>>().join(" ");
        for text in [print.to_string(), words] {
            prop_assert_eq!(text.parse::<Fingerprint>().ok(), Some(print));
            let altered = String::from_utf8_lossy(&changed(text.as_bytes(), &changes)).into_owned();
            let _ = altered.parse::<Fingerprint>();
        }
    }
}

/// Returns a file of three members, of which one is renewed.
fn consortium() -> String {
    let print = |byte: u8| Fingerprint::from_bytes([byte; 32]).to_string();
    let member = |name: &str, port: u16, prints: Vec<String>| {
        format!(
            "[[member]]\nname = \"{name}\"\napi = \"https://{name}.example:{port}\"\n\
             peer = \"{name}.example:{}\"\nfingerprints = {prints:?}\n",
            port + 1
        )
    };
    [
        member("clinic-a", 55_500, vec![print(1)]),
        member("clinic-b", 55_500, vec![print(2), print(3)]),
        member("clinic-c", 55_500, vec![print(4)]),
    ]
    .concat()
}
