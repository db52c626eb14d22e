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

/// The version of frames and protocols. Nodes of different versions refuse each other at the
/// greeting.
pub const VERSION: u8 = 4;

/// The longest frame in bytes, header and body together. Longer messages are cut into parts, so
/// that sessions divide a link fairly.
pub const MAX_FRAME: usize = 1 << 20;

/// The longest body of a part: below [`MAX_FRAME`] by more than a header, and whole 64-bit words.
pub const MAX_PART: usize = MAX_FRAME - 1024;

/// The longest structured message (a proposal, a greeting, a stop notice) in bytes.
pub const MAX_STRUCTURED: usize = 1 << 20;

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

    pub(crate) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (halves, _) = bytes.as_chunks::<16>();
        let [low, high] = [0, 1].map(|half| halves.get(half).copied().unwrap_or_default());
        [low, high].map(u128::from_le_bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let halves = <[u128; 2]>::deserialize(deserializer)?.map(u128::to_le_bytes);
        let mut bytes = [0; 32];
        let (places, _) = bytes.as_chunks_mut::<16>();
        places.iter_mut().zip(halves).for_each(|(place, half)| *place = half);
        Ok(bytes)
    }
}

/// An error in bytes from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Bytes that are no encoding of the value that was due.
    #[error("the bytes do not decode")]
    Malformed,
    /// Bytes behind the end.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// A value that is too long to be encoded.
    #[error("the message is longer than {MAX_STRUCTURED} bytes")]
    TooLong,
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
    /// A question for a sign of life. It has no body, unless it tries the line; the answer has
    /// none.
    Ping,
    /// The answer to it.
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
    /// The tag that binds the message to session and number. Once the parties have agreed, it also
    /// binds it to sender and receiver, by a key that only the two have.
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

/// Encodes a structured message.
///
/// # Errors
/// If it is longer than [`MAX_STRUCTURED`].
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    let bytes = bincode::serde::encode_to_vec(value, CONFIG).map_err(|_| WireError::Malformed)?;
    if bytes.len() > MAX_STRUCTURED {
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
pub(crate) fn shared_elements<R: Ring>(shared: &Arc<Vec<R>>) -> Bytes {
    if cfg!(target_endian = "big") {
        return elements(shared.to_vec());
    }
    Bytes::from_owner(SharedElements(Arc::clone(shared)))
}

/// Reads the elements that `pieces` of a message hold together; zeros where they end early.
pub(crate) fn read_elements<'a, R: Ring>(
    count: usize,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<R> {
    let mut elements = vec![R::ZERO; count];
    let mut rest: &mut [u8] = bytemuck::cast_slice_mut(&mut elements);
    for piece in pieces {
        let (now, later) = rest.split_at_mut(piece.len().min(rest.len()));
        now.copy_from_slice(piece.split_at(now.len()).0);
        rest = later;
    }
    elements.iter_mut().for_each(|element| *element = element.little_endian());
    elements
}

struct Elements<R>(Vec<R>);

struct SharedElements<R>(Arc<Vec<R>>);

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
