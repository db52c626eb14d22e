//! The heads of PostgreSQL's messages, as far as the driver could be misled by them.
//!
//! A message is a byte for its type, its length in 4 bytes, which counts itself, and its payload.
//! The driver makes room for the length that is announced, so it is bounded here before the driver
//! sees it. Notices are left out: their text is of the database's functions, may hold values, and
//! the driver would write it into the log.

use super::Fault;

/// The bytes of a head: the type, and the length.
const HEAD: usize = 5;

/// The bytes that a length counts for itself.
const OF_LENGTH: u32 = 4;

/// The types of messages that a server sends before it is ready for statements.
const BEFORE_READY: &[u8] = b"RSKNEvZ";

const NOTICE: u8 = b'N';
const KEY: u8 = b'K';
const READY: u8 = b'Z';

/// The most bytes of a key that ends the session's statements: it has 8 in version 3.0 of the
/// protocol, and at most 260 since 3.2.
const MAX_KEY: u32 = 260;

/// The place in a server's stream of messages, behind the agreement on encryption.
pub(super) struct Messages {
    /// The longest payload.
    limit: usize,
    head: Vec<u8>,
    /// The bytes of the payload that are still to come.
    left: usize,
    is_notice: bool,
    is_key: bool,
    /// `true` once the server was ready for a statement.
    is_ready: bool,
    /// The number and the secret of the session, as the server sends them.
    key: Vec<u8>,
}

impl Messages {
    pub(super) fn new(limit: usize) -> Self {
        let head = Vec::with_capacity(HEAD);
        let (is_notice, is_key, is_ready) = (false, false, false);
        Self { limit, head, left: 0, is_notice, is_key, is_ready, key: Vec::new() }
    }

    /// Follows the next bytes, in pieces of any size, and writes those for the driver to `passed`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], passed: &mut Vec<u8>) -> Result<(), Fault> {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.head.push(*byte);
                bytes = rest;
                if self.head.len() == HEAD {
                    self.begin(passed)?;
                }
                continue;
            }
            let (payload, behind) = bytes.split_at(self.left.min(bytes.len()));
            self.left = self.left.saturating_sub(payload.len());
            if self.is_key {
                self.key.extend_from_slice(payload);
            }
            if !self.is_notice {
                passed.extend_from_slice(payload);
            }
            bytes = behind;
        }
        Ok(())
    }

    /// Returns the session's number and secret, once the server has sent them.
    pub(super) fn key(&self) -> Option<&[u8]> {
        (self.is_ready && !self.key.is_empty()).then_some(&self.key)
    }

    /// Checks a head, and passes it on.
    fn begin(&mut self, passed: &mut Vec<u8>) -> Result<(), Fault> {
        let kind = self.head.first().copied().unwrap_or_default();
        let length = self.head.get(1..).and_then(<[u8]>::first_chunk).copied();
        let length = u32::from_be_bytes(length.unwrap_or_default());
        // A length is signed; a negative one is none.
        let Some(payload) = length.checked_sub(OF_LENGTH).filter(|_| i32::try_from(length).is_ok())
        else {
            return Err(Fault::Protocol);
        };
        if !self.is_ready && !BEFORE_READY.contains(&kind) {
            return Err(Fault::Protocol);
        }
        self.left = usize::try_from(payload).unwrap_or(usize::MAX);
        if self.left > self.limit {
            return Err(Fault::TooMuch);
        }
        (self.is_notice, self.is_key) = (kind == NOTICE, kind == KEY && self.key.is_empty());
        if self.is_key && payload > MAX_KEY {
            return Err(Fault::Protocol);
        }
        self.is_ready |= kind == READY;
        if !self.is_notice {
            passed.extend_from_slice(&self.head);
        }
        self.head.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 4).unwrap().to_be_bytes();
        [&[kind], &length[..], payload].concat()
    }

    /// Feeds bytes in pieces of that size, and returns what is passed on and the key.
    fn feed(bytes: &[u8], size: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), Fault> {
        let mut messages = Messages::new(1000);
        let mut passed = Vec::new();
        for piece in bytes.chunks(size) {
            messages.feed(piece, &mut passed)?;
        }
        Ok((passed, messages.key().map(<[u8]>::to_vec)))
    }

    #[test]
    fn all_messages_but_notices_are_passed_on() {
        let login = [message(b'R', &[0; 4]), message(b'K', b"\0\0\0\x07seed"), message(b'Z', b"I")];
        let rows = [message(b'D', &[1; 900]), message(b'C', b"SELECT 1\0")];
        let notice = message(b'N', b"SNOTICE\0Mhidden\0\0");
        let sent = [&login.concat(), &notice, &rows.concat(), &notice].map(|it| &it[..]).concat();
        for size in [1, 3, 5, 64, 10_000] {
            let (passed, key) = feed(&sent, size).unwrap();
            assert_eq!(passed, [login.concat(), rows.concat()].concat(), "{size}");
            assert_eq!(key.as_deref(), Some(&b"\0\0\0\x07seed"[..]), "{size}");
        }
    }

    #[test]
    fn no_head_announces_more_than_there_is_room_for() {
        for size in [1, 4, 100] {
            let is = |bytes: &[u8]| feed(bytes, size).err();
            assert_eq!(is(b"R\xff\xff\xff\xff"), Some(Fault::Protocol));
            assert_eq!(is(b"R\0\0\0\x03"), Some(Fault::Protocol));
            assert_eq!(is(b"R\x7f\xff\xff\xff"), Some(Fault::TooMuch));
            assert_eq!(is(b"HTTP/1.1 400"), Some(Fault::Protocol));
            assert_eq!(is(&message(b'K', &[0; 300])), Some(Fault::Protocol));
            let ready = [message(b'Z', b"I"), b"D\0\0\x03\xed".to_vec()].concat();
            assert_eq!(is(&ready), Some(Fault::TooMuch));
            assert_eq!(is(&message(b'Z', b"I")), None);
        }
    }
}
