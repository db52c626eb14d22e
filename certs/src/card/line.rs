//! A card as one line: `cloister-card:v1:` and base64url of its parts, each with its length before
//! it, and four bytes of a hash at the end. The hash tells a line that was cut from one that was
//! forged.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{Card, CardError, Statement};
use crate::signing::{Certificate, Signature};

const PREFIX: &str = "cloister-card:";
const VERSION: &str = "v1";

/// Bytes of the hash: a cut line passes unnoticed with probability 2^-32.
const CHECK: usize = 4;

/// Longer than any card.
const LONGEST: usize = 64 << 10;

/// The least number of parts: name, API, peer address, one certificate and the signature.
const FEWEST_PARTS: usize = 5;

/// Returns `true` if a text is meant to be a card's line.
pub(super) fn is_line(text: &str) -> bool {
    text.trim_start().starts_with(PREFIX)
}

/// Writes the line of a card.
pub(super) fn write(statement: &Statement, signature: &Signature) -> String {
    let mut bytes = statement.encoded();
    put(&mut bytes, signature.as_bytes());
    bytes.extend(check(&bytes));
    format!("{PREFIX}{VERSION}:{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a line, with white space and marks of quotation in it, as mails add them.
pub(super) fn read(text: &str) -> Result<Card, CardError> {
    let line: String = text.chars().filter(|c| !c.is_whitespace() && *c != '>').collect();
    let rest = line.strip_prefix(PREFIX).ok_or(CardError::Damaged)?;
    let (version, body) = rest.split_once(':').ok_or(CardError::Damaged)?;
    if version != VERSION {
        return Err(CardError::Version(version.chars().take(20).collect()));
    }
    let mut parts = parts(&bytes(body)?)?;
    let signature = Signature::from_bytes(parts.pop().ok_or(CardError::Damaged)?);
    let mut parts = parts.into_iter();
    let mut text = || String::from_utf8(parts.next()?).ok();
    let (Some(name), Some(api), Some(peer)) = (text(), text(), text()) else {
        return Err(CardError::Damaged);
    };
    let certificates = parts.map(Certificate::from_der).collect::<Result<_, _>>()?;
    let statement = Statement { name, api, peer, certificates };
    Ok(Card { statement, signature })
}

/// Appends a part with its length before it.
pub(super) fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_le_bytes());
    bytes.extend(part);
}

/// Decodes the bytes of a line and checks their hash.
fn bytes(body: &str) -> Result<Vec<u8>, CardError> {
    if body.len() > LONGEST {
        return Err(CardError::Damaged);
    }
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| CardError::Damaged)?;
    let start = bytes.len().checked_sub(CHECK).ok_or(CardError::Damaged)?;
    let end = bytes.split_off(start);
    if check(&bytes)[..] != end {
        return Err(CardError::Damaged);
    }
    Ok(bytes)
}

fn parts(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, CardError> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk().ok_or(CardError::Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (part, rest) = rest.split_at_checked(length).ok_or(CardError::Damaged)?;
        parts.push(part.to_vec());
        bytes = rest;
    }
    if parts.len() < FEWEST_PARTS {
        return Err(CardError::Damaged);
    }
    Ok(parts)
}

fn check(bytes: &[u8]) -> Vec<u8> {
    blake3::hash(bytes).as_bytes().iter().take(CHECK).copied().collect()
}
