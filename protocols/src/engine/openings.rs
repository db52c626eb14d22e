//! The values that each party has opened on this thread, for tests of its view.

use std::cell::RefCell;

use crate::kernel::party::Party;

thread_local! {
    static OPENED: RefCell<Vec<(Party, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn note(party: Party, bytes: &[u8]) {
    OPENED.with_borrow_mut(|opened| opened.push((party, bytes.to_vec())));
}

pub(crate) fn take() -> Vec<(Party, Vec<u8>)> {
    OPENED.take()
}
