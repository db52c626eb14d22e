//! The `cloister` command.

use std::process::ExitCode;

/// The allocator. It gives pages back to the system late. Vectors of a computation come and go, and
/// new pages each time cost more than the computation on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cloister::cli::main()
}
