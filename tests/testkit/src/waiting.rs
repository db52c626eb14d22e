//! Waiting for events. Nothing here depends on the speed of a machine: a wait fails only when its
//! event does not come.

use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for an event before a test fails because the event does not come. No working
/// machine comes near it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The pause between two questions whether an event has come.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer. Fails when none has come within [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(event: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "never came: {event}");
        thread::sleep(PAUSE);
    }
}

/// Asks again and again until it is so. Fails when it is not within [`PATIENCE`].
#[track_caller]
pub fn wait_until(event: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(event, || is_so().then_some(()));
}
