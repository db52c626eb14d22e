//! Links of a given delay and bandwidth in user space, and what bare links can do.

mod clock;
mod line;
mod link;
mod relay;
mod schedule;
mod shape;

pub use relay::Relay;
pub use shape::Shape;
