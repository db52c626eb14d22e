//! Free ports for nodes that are started together on this machine, as demos and tests do.
//!
//! Ports are handed out in blocks. The process bound to the first port of a block owns the block,
//! so two processes never get the same. A block is free again when its owner is gone, however it
//! ended. All blocks are below 32768, where Linux takes no port for outgoing connections.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process;

/// The ports of one block: the guard, and those that it guards.
const BLOCK: u16 = 24;

const FIRST: u16 = 20_000;
const BLOCKS: u16 = 500;

/// A block of ports, for as long as it lives.
#[derive(Debug)]
pub struct Ports {
    /// Keeps the block ours.
    _guard: TcpListener,
    first: u16,
}

impl Ports {
    /// The most parties that a block has ports for.
    pub const MOST_PARTIES: u16 = (BLOCK - 1) / 2;

    /// Takes a block of which all ports are free.
    ///
    /// # Errors
    /// If there is none.
    pub fn take() -> io::Result<Self> {
        // Processes begin at different places, so that they seldom meet.
        let start = u16::try_from(process::id() % u32::from(BLOCKS)).unwrap_or(0);
        (0..BLOCKS)
            .map(|step| (start + step * 7) % BLOCKS)
            .find_map(|block| Self::claim(FIRST + block * BLOCK))
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no free block of ports"))
    }

    /// Returns the API port of the first party; those of the others follow.
    #[must_use]
    pub fn api(&self) -> u16 {
        self.first
    }

    /// Returns the peer port of the first party; those of the others follow.
    #[must_use]
    pub fn peer(&self) -> u16 {
        self.first + Self::MOST_PARTIES
    }

    fn claim(guard_port: u16) -> Option<Self> {
        let guard = bind(guard_port)?;
        let first = guard_port + 1;
        // Each is bound and let go at once: the guard keeps them for us.
        let free = (first..guard_port + BLOCK).all(|port| bind(port).is_some());
        free.then_some(Self { _guard: guard, first })
    }
}

/// Returns `true` if no program of this machine listens at a port of the loopback address.
#[must_use]
pub fn is_free(port: u16) -> bool {
    bind(port).is_some()
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blocks_do_not_overlap_and_lie_below_ephemeral_ports() {
        let (one, other) = (Ports::take().unwrap(), Ports::take().unwrap());
        assert!(one.first.abs_diff(other.first) >= BLOCK);
        for ports in [&one, &other] {
            assert!(ports.peer() + Ports::MOST_PARTIES < ports.first + BLOCK);
            assert!(ports.first + BLOCK < 32_768);
        }
    }

    #[test]
    fn a_block_is_free_again_when_its_owner_is_gone() {
        // Where those that look for a block at the same time come last, not where they begin.
        let start = u16::try_from(process::id() % u32::from(BLOCKS)).unwrap();
        let last = (1..BLOCKS).rev().map(|step| FIRST + (start + step * 7) % BLOCKS * BLOCK);
        let ports = last.filter_map(Ports::claim).next().unwrap();
        let guard = ports.first - 1;
        assert!(Ports::claim(guard).is_none());
        drop(ports);
        assert!(Ports::claim(guard).is_some());
    }
}
