//! The two messages of TLS 1.2 that a test needs, made by hand. With TLS 1.2 switched on in the TLS
//! library, the tests would test another library than the one that nodes run.

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const VERSION: [u8; 2] = [3, 3];
const ECDHE_ECDSA_AES_128_GCM_SHA256: [u8; 2] = [0xc0, 0x2b];

/// Makes the first message of a client that knows nothing newer (RFC 5246, 7.4.1.2).
pub(crate) fn client_hello() -> Vec<u8> {
    let extensions = [
        extension(10, &[0, 2, 0, 23]), // groups: secp256r1
        extension(11, &[1, 0]),        // points: uncompressed
        extension(13, &[0, 2, 4, 3]),  // signatures: ecdsa_secp256r1_sha256
        extension(0xff01, &[0]),       // renegotiation: none
    ]
    .concat();
    let body = [
        VERSION.to_vec(),
        vec![7; 32], // random
        vec![0],     // session: none
        sized(&ECDHE_ECDSA_AES_128_GCM_SHA256),
        vec![1, 0], // compression: none
        sized(&extensions),
    ];
    handshake(1, &body.concat())
}

/// Makes the answer of a server that knows nothing newer (RFC 5246, 7.4.1.3).
pub(crate) fn server_hello() -> Vec<u8> {
    let body = [
        VERSION.to_vec(),
        vec![9; 32], // random
        vec![0],     // session: none
        ECDHE_ECDSA_AES_128_GCM_SHA256.to_vec(),
        vec![0], // compression: none
        sized(&extension(0xff01, &[0])),
    ];
    handshake(2, &body.concat())
}

/// Makes the fatal alert "protocol_version", which either end sends to one that it shares no
/// version with.
pub(crate) fn protocol_version_alert() -> Vec<u8> {
    vec![ALERT, 3, 3, 0, 2, 2, 70]
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind, 0][..], &sized(body)].concat();
    [&[HANDSHAKE, 3, 3][..], &sized(&message)].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(body)].concat()
}

/// Bytes after their length in two bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}
