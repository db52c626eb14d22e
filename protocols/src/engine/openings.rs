//! The values that each party has opened on this thread, for tests of its view.
//!
//! Compiled for tests only. The suites `replicated` and `pairwise` note their openings. Masked sums
//! are not noted.

use std::cell::RefCell;

use crate::kernel::party::Party;

thread_local! {
    static OPENED: RefCell<Vec<(Party, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
}

/// Notes a value that a party has opened. It must run on the thread of the test: what another
/// thread notes is missed.
pub(crate) fn note(party: Party, bytes: &[u8]) {
    OPENED.with_borrow_mut(|opened| opened.push((party, bytes.to_vec())));
}

/// Takes out all values that were noted on this thread.
pub(crate) fn take() -> Vec<(Party, Vec<u8>)> {
    OPENED.take()
}
