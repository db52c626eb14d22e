//! The `cloister` command.

use std::process::ExitCode;

/// Gives pages back to the system late: vectors of a computation come and go, and pages that are
/// asked for anew each time cost more than what is computed on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cloister::cli::main()
}
