//! The bounds of a memory. What does not fit is refused; nothing is forgotten to make room.

/// The most rows of one selection, and of all remembered selections of a source together.
pub const MAX_ROWS: usize = 1 << 24;
/// The most classes of rows of a source. The number of a class fits into 16 bits.
pub const MAX_CLASSES: usize = 1 << 16;
/// The most questions that a memory holds. Questions that tell nothing new are not held.
pub const MAX_QUESTIONS: usize = 10_000;
/// The most answers that a memory names to the other members of computations. Of more the oldest are
/// not named any more; the span holds them still.
pub const MAX_RECALLED: usize = 4_096;
/// The most values in all held questions together: each is 50 bytes, in memory or stored.
pub const MAX_ENTRIES: usize = 1 << 20;
/// The most words of all echelon forms and shares together: 128 MiB.
pub const MAX_CELLS: usize = 1 << 24;
/// The longest name of a value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1_000;
/// The most multiplications of one search for supports of three classes or more: some 50 ms.
pub(crate) const MAX_SEARCH: usize = 1 << 24;
