//! The chain as JSON Lines, for auditors and other members.

use std::borrow::Cow;
use std::io::{BufRead, Read as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::entry::{StoredEntry, entry_bytes};
use super::verify::{BrokenChain, BrokenReason, Chain, Verified};
use crate::limits::MAX_DOCUMENT_BYTES;

/// The longest line: a document and the fields around it.
const MAX_LINE_BYTES: usize = MAX_DOCUMENT_BYTES + 8192;

/// The most bytes that are read of a line: one more, by which it is seen to be too long.
const READ_LIMIT: u64 = MAX_LINE_BYTES as u64 + 1;

/// A line, in the order of its fields. The text of the document is kept to the byte.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    number: u64,
    #[serde(borrow)]
    previous: Cow<'a, str>,
    #[serde(borrow)]
    hash: Cow<'a, str>,
    at: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    document: &'a RawValue,
}

/// Recomputes an exported chain. Each line must equal, to the byte, the export of its entry, save
/// that the last line feed may be missing. Only the returned head can show that lines are missing at
/// the end.
///
/// # Errors
/// The first entry that is not as it was exported.
pub fn verify_lines(reader: impl BufRead) -> Result<Verified, BrokenChain> {
    verify_each(reader, |_, _| Ok(()))
}

/// Recomputes an exported chain, and calls `visit` with each valid number and document.
pub(crate) fn verify_each(
    mut reader: impl BufRead,
    mut visit: impl FnMut(u64, &str) -> Result<(), BrokenChain>,
) -> Result<Verified, BrokenChain> {
    let mut chain = Chain::default();
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.by_ref().take(READ_LIMIT).read_until(b'\n', &mut text);
        let length = read.map_err(|error| chain.broken(BrokenReason::Input(Arc::new(error))))?;
        if length == 0 {
            return Ok(chain.verified());
        }
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        if text.len() > MAX_LINE_BYTES {
            return Err(chain.broken(BrokenReason::Form));
        }
        let document = add(&mut chain, &text)?;
        visit(chain.head.number, document)?;
    }
}

/// Adds the entry of one line to the chain, and returns its document.
fn add<'a>(chain: &mut Chain, text: &'a [u8]) -> Result<&'a str, BrokenChain> {
    let parsed: Line<'_> =
        serde_json::from_slice(text).map_err(|_| chain.broken(BrokenReason::Form))?;
    let document = parsed.document.get();
    let hash = blake3::Hash::from_hex(parsed.hash.as_bytes())
        .map_err(|_| chain.broken(BrokenReason::Form))?;
    let bytes = entry_bytes(parsed.at, &parsed.kind, document.as_bytes())
        .map_err(|_| chain.broken(BrokenReason::Form))?;
    if parsed.previous != chain.head.hex() {
        return Err(chain.broken(BrokenReason::Previous));
    }
    let previous = chain.head.hash;
    let stored = StoredEntry { hash: *hash.as_bytes(), bytes: &bytes };
    chain.add(parsed.number, &stored)?;
    // JSON has many texts for one entry. Only ours is an export.
    if line(parsed.number, &previous, &stored).as_deref().map(str::as_bytes) != Some(text) {
        return Err(BrokenChain { number: parsed.number, why: BrokenReason::Form });
    }
    Ok(document)
}

/// Encodes an entry as a line with its end, or returns `None` if the entry or its document is
/// malformed.
pub(crate) fn line(number: u64, previous: &[u8; 32], stored: &StoredEntry<'_>) -> Option<String> {
    let (at, kind, document) = stored.parts()?;
    let document: &RawValue = serde_json::from_str(document).ok()?;
    let line = Line {
        number,
        previous: hex(*previous).into(),
        hash: hex(stored.hash).into(),
        at,
        kind: kind.into(),
        document,
    };
    let mut text = serde_json::to_string(&line).ok()?;
    text.push('\n');
    Some(text)
}

fn hex(hash: [u8; 32]) -> String {
    blake3::Hash::from_bytes(hash).to_hex().to_string()
}
