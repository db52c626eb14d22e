//! A question to the person at the terminal.

use std::io::{self, BufRead, IsTerminal};

use crate::problem::{Outcome, Problem};

/// Returns `true` if a person can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks until the answer is yes or no. The end of the input is no.
pub(super) fn yes_or_no(question: &str) -> Outcome<bool> {
    loop {
        eprint!("{question} [yes/no] ");
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        let read =
            read.map_err(|error| Problem::usage(format!("cannot read the answer: {error}")))?;
        match answer.trim().to_lowercase().as_str() {
            "yes" => return Ok(true),
            "no" => return Ok(false),
            _ if read == 0 => return Ok(false),
            _ => eprintln!("please answer `yes` or `no`"),
        }
    }
}
