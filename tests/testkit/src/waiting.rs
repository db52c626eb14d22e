//! Waiting for events. Nothing here depends on the speed of a machine: a wait fails only when its
//! event does not come.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
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

/// Waits for the end of a process. Fails when it has not ended within [`PATIENCE`].
#[track_caller]
pub fn wait_for_exit(process: &mut Child) -> ExitStatus {
    wait_for("the end of a process", || process.try_wait().unwrap())
}

/// The lines that a process writes, as they come. Fails when none comes within [`PATIENCE`], and
/// shows those before.
pub struct Lines {
    receiver: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    /// Reads to the end of the output, so that the process never waits for a reader.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                // The test may have read enough.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { receiver, seen: Vec::new() }
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("no more lines came, and no end, after {:#?}", self.seen)
            }
        }
    }
}
