//! Frames of members and bodies of clients as chance or an attacker writes them: nothing panics, and
//! what is held of them is in proportion to their bytes.

use bytes::BytesMut;
use cloister_actors::consortium::{Consortium, Member};
use cloister_actors::controller::Envelope;
use cloister_actors::data::Data;
use cloister_actors::links::Greeting;
use cloister_certs::Fingerprint;
use cloister_protocols::wire::{self, Frame, Header, PartHeader, SessionId};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let part = PartHeader { sequence: 1, part: 0, last: true, tag: [7; 16] };
    let id = SessionId([1; 16]);
    let headers = vec![
        Header::Hello,
        Header::Welcome,
        Header::Ping,
        Header::Pong,
        Header::Part(id, part),
        Header::Stop(id),
    ];
    let whole = select(headers).prop_map(|header| {
        let body = bytes::Bytes::from_static(b"body");
        let frame = Frame { header, body };
        [frame.header_bytes(), frame.body.to_vec()].concat()
    });
    let altered = (whole, any::<Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![altered, prop::collection::vec(any::<u8>(), 0..80)]
}

fn consortium() -> Consortium {
    let member = |name: &str, byte: u8| Member {
        name: name.to_owned(),
        api: format!("https://{name}.example:55500"),
        peer: format!("{name}.example:55600"),
        fingerprints: vec![Fingerprint::from_bytes([byte; 32])],
    };
    Consortium::new(vec![member("clinic-a", 1), member("clinic-b", 2)]).unwrap()
}

/// Makes JSON of some depth, most of it objects and lists.
fn json() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "1",
        "-0",
        "1.5",
        "9007199254740993",
        "18446744073709551616",
        "1e400",
        "true",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        "nan",
        "",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(60, 300, 6, |inner| {
        let key = select(vec!["args", "kwargs", "representation_uuid", "a", "a", ""]);
        let entry = (key, inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec(entry, 0..6).prop_map(|list| format!("{{{}}}", list.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_frame_is_one_encoding_of_what_it_says(bytes in frame()) {
        let Ok(frame) = Frame::decode(BytesMut::from(&bytes[..])) else { return Ok(()) };
        prop_assert_eq!([frame.header_bytes(), frame.body.to_vec()].concat(), bytes);
    }

    #[test]
    fn a_changed_greeting_is_refused_or_compared(
        at in any::<Index>(),
        with in prop::collection::vec(any::<u8>(), 0..12),
        lost in 0..12_usize,
    ) {
        let ours = Greeting::new(&consortium(), [3; 16]);
        let mut bytes = wire::encode_uncut(&ours).unwrap();
        let at = at.index(bytes.len());
        let end = bytes.len().min(at + lost);
        drop(bytes.splice(at..end, with));
        let Ok(theirs) = wire::decode::<Greeting>(&bytes) else { return Ok(()) };
        let again = wire::encode_uncut(&theirs).unwrap();
        prop_assert_eq!(wire::decode::<Greeting>(&again), Ok(theirs.clone()));
        if let Err(error) = ours.check(&theirs) {
            let told = error.to_string();
            prop_assert!(told.len() < 4_096 && !told.contains(char::is_control), "{:?}", told);
        }
    }

    #[test]
    fn a_body_is_refused_or_held_in_proportion(
        text in json(),
        at in any::<Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut altered = text.clone().into_bytes();
        if !altered.is_empty() {
            let at = at.index(altered.len());
            drop(altered.splice(at..at, noise));
        }
        for bytes in [text.into_bytes(), altered] {
            match Envelope::parse(&bytes) {
                Ok(envelope) => {
                    let values = envelope.args.iter().chain(envelope.kwargs.values());
                    let held: usize = values.map(Data::footprint).sum();
                    prop_assert!(held <= 1_000 * (bytes.len() + 1), "{} of {}", held, bytes.len());
                }
                Err(error) => prop_assert!(error.to_string().len() < 300),
            }
        }
    }
}
