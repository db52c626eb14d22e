//! Bytes on the wire. The only file that names bincode.
//!
//! Integers are fixed-width and little-endian: variable-length integers would make random 64-bit
//! shares longer. Every decode has a limit, counts trailing bytes as an error, and allocates
//! nothing before the announced bytes are there. Bulk vectors of ring elements travel as they lie
//! in memory, little-endian.
//!
//! A frame is `header ‖ body`; the transport delimits it by a length of four bytes. No frame names
//! its sender: the transport knows it.

use std::sync::Arc;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::algebra::ring::Ring;
use crate::algebra::secret_elements::SecretElements;

/// The version of frames and protocols. Nodes of different versions refuse each other at the
/// greeting. The number 1 in the domain strings of hashes is another one, and stays.
pub const VERSION: u8 = 11;

/// The longest frame in bytes, header and body together. Longer messages are cut into parts, so
/// that sessions divide a link fairly.
pub const MAX_FRAME: usize = 1 << 20;

/// The longest body of a part: below [`MAX_FRAME`] by more than a header, and whole 64-bit words.
pub const MAX_PART: usize = MAX_FRAME - 1024;

/// The longest structured message (a proposal, a list of categories) in bytes. It is cut into parts.
pub const MAX_STRUCTURED: usize = 1 << 20;

/// The longest structured message that is not cut (a greeting, a stop notice) in bytes: it goes in
/// one frame with its header.
pub const MAX_UNCUT: usize = MAX_PART;

type Config = Configuration<LittleEndian, Fixint, Limit<MAX_STRUCTURED>>;
const CONFIG: Config = bincode::config::legacy().with_limit::<MAX_STRUCTURED>();

/// The name of a session on a link, before and after its spec is agreed. All parties derive the 16
/// bytes from their clients' requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 16]);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The encoding of keys, hashes and fingerprints as two numbers: the same bytes as one by one, in a
/// sixteenth of the steps. A proposal lists every member, and every member gets every other's.
pub(crate) mod digest {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::algebra::digest;

    pub(crate) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        digest::halves(bytes).map(u128::from_le_bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        Ok(bytemuck::cast(<[u128; 2]>::deserialize(deserializer)?.map(u128::to_le_bytes)))
    }
}

/// An error in bytes from a peer, or in a value for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Bytes that are no encoding of the value that was due.
    #[error("the bytes do not decode")]
    Malformed,
    /// Bytes behind the end.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// A value that is too long to be encoded.
    #[error("the message is longer than any may be")]
    TooLong,
    /// A value that has no encoding.
    #[error("the value cannot be encoded")]
    Unencodable,
}

/// One frame as it goes over a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its kind and its session.
    pub header: Header,
    /// Its content.
    pub body: Bytes,
}

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Header {
    /// The first frame of the party that dialled. The body is a structured greeting, whose first
    /// byte is the version in every version.
    Hello,
    /// The answer to it.
    Welcome,
    /// A question that the peer's node answers at once. Its body is empty, unless it probes the
    /// line.
    Ping,
    /// The answer to it, without a body.
    Pong,
    /// A part of a protocol message.
    Part(SessionId, PartHeader),
    /// The notice that the sender has ended the session without a result. The body is a structured
    /// reason.
    Stop(SessionId),
}

/// The place of a part in the messages from one party to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHeader {
    /// The message's number, from 0, for each direction of each pair of parties.
    pub sequence: u32,
    /// The part's number within the message, from 0.
    pub part: u32,
    /// True if no further part of this message follows.
    pub last: bool,
    /// The tag of the message: a MAC of its session, number and length. Once the parties have
    /// agreed, it also covers sender and receiver, by a key that only the two have. It covers
    /// neither `part` and `last` nor the body: these have the link's protection alone.
    pub tag: [u8; 16],
}

impl Frame {
    /// Returns the bytes of the header, which follow the length that the transport puts before
    /// them.
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        encode(&self.header).expect("a header is short and has no fallible parts")
    }

    /// Takes a frame apart without copying its body.
    ///
    /// # Errors
    /// If the header does not decode.
    pub fn decode(mut bytes: BytesMut) -> Result<Self, WireError> {
        let (header, used) = decode_front::<Header>(&bytes)?;
        let body = bytes.split_off(used).freeze();
        Ok(Self { header, body })
    }
}

/// Encodes a structured message that is cut into parts.
///
/// # Errors
/// If it is longer than [`MAX_STRUCTURED`], or has no encoding.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    encode_up_to(MAX_STRUCTURED, value)
}

/// Encodes a structured message that goes in one frame.
///
/// # Errors
/// If it is longer than [`MAX_UNCUT`], or has no encoding.
pub fn encode_uncut<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    encode_up_to(MAX_UNCUT, value)
}

fn encode_up_to<T: Serialize>(most: usize, value: &T) -> Result<Vec<u8>, WireError> {
    let bytes = bincode::serde::encode_to_vec(value, CONFIG).map_err(|_| WireError::Unencodable)?;
    if bytes.len() > most {
        return Err(WireError::TooLong);
    }
    Ok(bytes)
}

/// Decodes the structured message that `bytes` are the whole encoding of.
///
/// # Errors
/// If they do not decode, or more bytes follow.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let (value, used) = decode_front(bytes)?;
    match bytes.len().saturating_sub(used) {
        0 => Ok(value),
        trailing => Err(WireError::Trailing(trailing)),
    }
}

/// Returns a vector of ring elements as it travels: little-endian, and not copied.
pub(crate) fn elements<R: Ring>(mut elements: Vec<R>) -> Bytes {
    // Only big-endian machines change a byte here.
    elements.iter_mut().for_each(|element| *element = element.little_endian());
    Bytes::from_owner(Elements(elements))
}

/// Returns a vector that is still in use as [`elements`] does.
pub(crate) fn shared_elements<R: Ring>(shared: &Arc<SecretElements<R>>) -> Bytes {
    if cfg!(target_endian = "big") {
        return elements(shared.to_vec());
    }
    Bytes::from_owner(SharedElements(Arc::clone(shared)))
}

/// Reads the elements that `pieces` of a message hold together.
///
/// # Panics
/// If the pieces are not of exactly `count` elements. A short message would be a share of zeros, so
/// the caller checks the length where the message comes in.
pub(crate) fn read_elements<'a, R: Ring>(
    count: usize,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<R> {
    let mut elements = vec![R::ZERO; count];
    let mut rest: &mut [u8] = bytemuck::cast_slice_mut(&mut elements);
    for piece in pieces {
        let (now, later) = rest.split_at_mut_checked(piece.len()).expect("no byte is too many");
        now.copy_from_slice(piece);
        rest = later;
    }
    assert!(rest.is_empty(), "no byte is missing");
    elements.iter_mut().for_each(|element| *element = element.little_endian());
    elements
}

struct Elements<R>(Vec<R>);

struct SharedElements<R: Ring>(Arc<SecretElements<R>>);

impl<R: Ring> AsRef<[u8]> for SharedElements<R> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl<R: Ring> AsRef<[u8]> for Elements<R> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn decode_front<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), WireError> {
    bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|_| WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> Frame {
        let header = PartHeader { sequence: 7, part: 2, last: true, tag: [9; 16] };
        Frame {
            header: Header::Part(SessionId([1; 16]), header),
            body: Bytes::from_static(b"share"),
        }
    }

    #[test]
    fn digests_are_the_bytes_that_they_are() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Digest(#[serde(with = "digest")] [u8; 32]);
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 7 + 3).unwrap());
        let encoded = encode(&Digest(bytes)).unwrap();
        assert_eq!(encoded, encode(&bytes).unwrap());
        assert_eq!(encoded, bytes);
        assert_eq!(decode::<Digest>(&encoded), Ok(Digest(bytes)));
        assert!(decode::<Digest>(&bytes[1..]).is_err());
    }

    #[test]
    fn messages_that_are_not_cut_fit_their_frame() {
        let text = |length: usize| "x".repeat(length - 8);
        let longest = encode_uncut(&text(MAX_UNCUT)).unwrap();
        assert_eq!(longest.len(), MAX_UNCUT);
        for header in [Header::Hello, Header::Stop(SessionId([1; 16])), part().header] {
            let frame = Frame { header, body: longest.clone().into() };
            assert!(frame.header_bytes().len() + frame.body.len() <= MAX_FRAME);
        }
        assert_eq!(encode_uncut(&text(MAX_UNCUT + 1)), Err(WireError::TooLong));
        assert_eq!(encode(&text(MAX_STRUCTURED + 1)), Err(WireError::TooLong));
    }

    #[test]
    fn elements_are_read_across_pieces() {
        let bytes = [1_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat();
        let pieces = [&bytes[..8], &bytes[8..]];
        assert_eq!(read_elements::<u64>(2, pieces.into_iter()), [1, 2]);
        assert_eq!(read_elements::<u128>(1, pieces.into_iter()), [1 | 2 << 64]);
    }

    #[test]
    #[should_panic(expected = "no byte is missing")]
    fn a_short_message_is_no_share_of_zeros() {
        let _ = read_elements::<u64>(2, std::iter::once([0; 15].as_slice()));
    }

    #[test]
    #[should_panic(expected = "no byte is too many")]
    fn a_long_message_is_not_cut() {
        let _ = read_elements::<u64>(2, std::iter::once([0; 17].as_slice()));
    }

    #[test]
    fn a_part_is_header_then_raw_body() {
        let frame = part();
        let bytes = [frame.header_bytes(), frame.body.to_vec()].concat();
        let mut expected = vec![4, 0, 0, 0];
        expected.extend([1; 16]);
        expected.extend([7, 0, 0, 0, 2, 0, 0, 0, 1]);
        expected.extend([9; 16]);
        expected.extend(b"share");
        assert_eq!(bytes, expected);
        assert_eq!(Frame::decode(BytesMut::from(&bytes[..])), Ok(frame));
    }

    #[test]
    fn cut_headers_and_unknown_kinds_are_refused() {
        let bytes = part().header_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(Frame::decode(BytesMut::from(&bytes[..cut])), Err(WireError::Malformed));
        }
        assert!(Frame::decode(BytesMut::from(&[250, 0, 0, 0][..])).is_err());
    }

    #[test]
    fn trailing_bytes_and_huge_lengths_are_refused() {
        let mut bytes = encode(&"text").unwrap();
        bytes.push(0);
        assert_eq!(decode::<String>(&bytes), Err(WireError::Trailing(1)));
        let promise = u64::MAX.to_le_bytes();
        assert_eq!(decode::<String>(&promise), Err(WireError::Malformed));
        assert_eq!(decode::<Vec<u64>>(&promise), Err(WireError::Malformed));
    }
}
