//! The command `cloister`. See the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloister::cli::main()
}
