//! Links of a given delay and bandwidth in user space, and the limits of bare links.
//!
//! [`Relay`] stands between two nodes of a measurement and makes their link as slow as its
//! [`Shape`]. [`limits`] measures a bare connection, without a node around it.
//!
//! # The model
//!
//! The model is that of the protocols' simulation, so that a measurement and a simulation of one
//! protocol can be compared. Each direction of each connection is a line of its own. Bytes begin to
//! be sent when they are there and the line is free. They occupy the line for their number over the
//! bandwidth, and arrive the delay later. A message arrives with its last byte. Bytes never
//! overtake others.
//!
//! Bytes are there when the relay has read them from its socket. They are delivered in pieces that
//! occupy the line for at most a quarter of a millisecond, each when its last byte is due. So the
//! last byte of one read is exact, and a byte amid it is late by at most that time.
//!
//! # Bounds
//!
//! A direction holds the bytes of its line in the delay and 20 milliseconds more, and at most 512
//! MiB. A full direction is not read from, and the system holds the sender back once its socket
//! buffers (some MiB) are full too. The sender's wait changes no arrival, because the line is busy
//! all that time. A line without a bandwidth counts as one of 4 GB/s here, more than a relay
//! carries, so only a receiver that does not read fills it.
//!
//! # Accuracy
//!
//! These figures are of a virtual machine of two processors under other load. At the median,
//! messages were late by some 30 µs for delays up to 1 ms, and by 60 to 130 µs for delays of 14 to
//! 40 ms. A processor takes longer to wake after a longer sleep. Of the three wake-ups on the way
//! (the relay's reader, its writer, the receiver), only the writer's can begin early. No message
//! was early. A transfer of a second was late by 0.2 ms, and by 0.5 ms at 1 Gbit/s.
//!
//! If other processes want all processors, one message in a hundred is late by 1 to 4 ms at any
//! delay, and so is a transfer. So use medians. The relay's threads get priority if the process may
//! grant it (`CAP_SYS_NICE`); otherwise the medians of transfers are late by such milliseconds too.
//! `examples/figures.rs` measures all this again.
//!
//! An idle relay costs nothing. An active one uses processors that it has in common with the
//! measured nodes. It needs two system calls and a copy for each 64 KiB without a bandwidth, and
//! for each piece with one. A message after a pause costs up to 0.1 ms of spinning, mostly some 10
//! µs.
//!
//! # Not modelled
//!
//! Loss, jitter, packets and their headers, the time to connect, and cross traffic: connections
//! through one relay are independent. TCP's slow start and window over the long way are missing
//! too, because each half of a link is loopback's TCP, which acknowledges at once.

mod clock;
pub mod limits;
mod line;
mod link;
mod relay;
mod schedule;
mod shape;
mod thread;

pub use relay::Relay;
pub use shape::Shape;
