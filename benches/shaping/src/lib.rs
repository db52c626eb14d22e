//! Links of a given delay and bandwidth in user space, and what bare links can do.
//!
//! [`Relay`] stands between two nodes of a measurement and makes their link as slow as its [`Shape`]
//! says. [`limits`] measures what a connection does with nothing of a node around it.
//!
//! # The model
//!
//! That of the protocols' simulation, so that a measurement and a simulation of one protocol can be set
//! side by side. Each direction of each connection is a line of its own: bytes begin to be sent when
//! they are there and the line is free, keep it busy for their number over the bandwidth, and arrive
//! the delay later. A message has arrived when its last byte has. Bytes never overtake others.
//!
//! Bytes are there when the relay has read them from its socket. They are delivered in pieces for which
//! the line takes at most a quarter of a millisecond, each piece when its last byte is due: so the last
//! byte of what was read at once comes exactly when it is due, one in its midst up to that much later.
//!
//! # Bounds
//!
//! A direction holds what its line carries in the delay and 20 milliseconds, and at the most 512 MiB;
//! then it is not read from, and the sender is held back as the system does it, once its socket buffers
//! (some MiB) are full too. That the sender waits changes no arrival: the line is busy all that time. A
//! line without a bandwidth counts as one of 4 GB/s here, more than a relay carries: so only a receiver
//! that does not read fills it.
//!
//! # How exact it is
//!
//! On a virtual machine of two processors that others used too, messages came late by some 30 µs at the
//! median where the delay was 1 ms or less, and by 60 to 130 µs where it was 14 to 40 ms: a processor
//! that has slept for longer takes longer to wake, and of three wake-ups on the way (the relay's reader,
//! its writer, the receiver) only the writer's can be begun early. Nothing came early. A transfer of a
//! second came late by 0.2 ms, at 1 Gbit/s by 0.5 ms.
//!
//! Where others want all processors a message in a hundred is late by 1 to 4 ms, whatever the delay, and
//! so is a transfer: a sender and a receiver wait for their turn. So take medians. The relay's own
//! threads go first where the process may say so (`CAP_SYS_NICE`); where it may not, the medians of
//! transfers are late by such milliseconds as well. `examples/figures.rs` measures all this anew; the
//! tests hold 0.3 ms at the median of messages, and 5 % of transfers.
//!
//! A relay costs nothing while nothing comes. What it carries costs the processors that it shares with
//! those whom it measures: two system calls and a copy for each 64 KiB without a bandwidth, and for each
//! piece with one; and up to 0.1 ms of spinning, mostly some 10 µs, for a message after a pause.
//!
//! # What is not modelled
//!
//! Loss, jitter, packets and their headers, TCP's slow start and window over the long way (each half of
//! a link is loopback's TCP, and acknowledges at once), the time to connect, and cross traffic: two
//! connections through one relay share nothing.

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
