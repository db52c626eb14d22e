//! The heads of MySQL's packets, as far as the driver could be misled by them.
//!
//! An answer with rows begins with the number of its columns, as an integer of 1, 3, 4 or 9 bytes.
//! A server has at most 4096 columns, so it needs no more than 3. The two longer forms begin with
//! `0xfd` and `0xfe`. After the login no other packet that a driver without the session's state
//! gets begins so, save the end of the rows: `0xfe` and fewer than 8 bytes more. Rows of prepared
//! statements begin with 0, and a text begins so only if it has 64 KiB.

/// The bytes of a packet's head: its length, and its number.
pub(super) const HEAD: usize = 4;

/// The length of a packet that goes on in the next.
const FULL: usize = 0xff_ff_ff;

/// Forms of integers with 3 and 8 bytes.
const LONG: u8 = 0xfd;
const LONGEST: u8 = 0xfe;

/// The shortest packet that holds an integer of 8 bytes.
const WITH_LONGEST: usize = 9;

/// A packet that no server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// The place in a stream of packets that begins behind the greeting.
#[derive(Default)]
pub(super) struct Packets {
    head: Vec<u8>,
    /// The bytes of the packet that are still to come.
    left: usize,
    length: usize,
    is_at_first: bool,
    goes_on: bool,
    /// `true` behind the packet that ends the login.
    logged_in: bool,
}

impl Packets {
    /// Follows the next bytes, in pieces of any size.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Misfit> {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.head.push(*byte);
                bytes = rest;
                if self.head.len() == HEAD {
                    self.begin();
                }
                continue;
            }
            if self.is_at_first {
                self.check(*byte)?;
                self.is_at_first = false;
            }
            let passed = self.left.min(bytes.len());
            self.left = self.left.saturating_sub(passed);
            bytes = bytes.get(passed..).unwrap_or_default();
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.length = length(&self.head);
        self.head.clear();
        self.left = self.length;
        self.is_at_first = !self.goes_on;
        self.goes_on = self.length == FULL;
    }

    fn check(&mut self, first: u8) -> Result<(), Misfit> {
        if !self.logged_in {
            self.logged_in = first == 0;
            return Ok(());
        }
        let is_long = first == LONG || (first == LONGEST && self.length >= WITH_LONGEST);
        if is_long { Err(Misfit) } else { Ok(()) }
    }
}

/// Returns the length that a head says, without the head.
pub(super) fn length(head: &[u8]) -> usize {
    let byte = |at: usize| usize::from(head.get(at).copied().unwrap_or_default());
    byte(0) | (byte(1) << 8) | (byte(2) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..3], &[0], payload].concat()
    }

    /// Feeds packets after a login, in pieces of that size.
    fn feed(payloads: &[&[u8]], size: usize) -> Result<(), Misfit> {
        let login: [&[u8]; 2] = [b"\xfecaching_sha2_password\0", b"\0\0\0\x02\0\0\0"];
        let all: Vec<u8> = login.iter().chain(payloads).flat_map(|it| packet(it)).collect();
        let mut packets = Packets::default();
        all.chunks(size).try_for_each(|piece| packets.feed(piece))
    }

    #[test]
    fn a_number_of_columns_has_at_most_two_bytes() {
        for size in [1, 3, 7, 100_000] {
            let usual: [&[u8]; 6] =
                [b"\x01", b"\xfc\0\x10", b"\x03def", b"\0\0row", b"\xfe\0\0\x02\0\0\0", b"\xfb"];
            assert_eq!(feed(&usual, size), Ok(()));
            assert_eq!(feed(&[b"\xfe\0\0\0\0\x10\0\0\0"], size), Err(Misfit));
            assert_eq!(
                feed(&[b"\x01", b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f more"], size),
                Err(Misfit)
            );
            assert_eq!(feed(&[b"\xfd\xff\xff\xff"], size), Err(Misfit));
        }
    }

    #[test]
    fn a_packet_of_full_length_goes_on_in_the_next() {
        let mut full = vec![0; FULL];
        full[0] = 0;
        assert_eq!(feed(&[&full, b"\xfd a value goes on", b"\0"], CHUNK), Ok(()));
        assert_eq!(feed(&[&full, b"", b"\xfd\0\0\x01"], CHUNK), Err(Misfit));
    }

    const CHUNK: usize = 16 << 10;
}
