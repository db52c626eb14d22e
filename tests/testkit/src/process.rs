//! Programs that tests run: the command, and others.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Makes a command of the program under test.
pub fn cloister() -> Command {
    Command::new(binary())
}

/// Sends a signal such as `TERM` to a process.
pub fn send_signal(signal: &str, id: u32) {
    run(Command::new("kill").args(["-s", signal, &id.to_string()]));
}

/// Returns the path of the program under test: cargo puts it beside the folder of the test
/// programs.
pub fn binary() -> PathBuf {
    profile().join(format!("cloister{}", env::consts::EXE_SUFFIX))
}

/// Returns the folder of this build's outputs, as `target/debug`: test programs are in its `deps`.
fn profile() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Returns the folder in which tests may keep files that they do not want to make again.
pub fn target() -> PathBuf {
    let profile = profile();
    profile.parent().unwrap().to_owned()
}

/// Runs a program to its end, and fails with its output if it failed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    output
}

/// Runs a program at a terminal of its own, with these variables more, and types this. Returns its
/// exit code and its output.
pub fn at_a_terminal(
    folder: &Path,
    words: &[&str],
    variables: &[(&str, &str)],
    typed: &str,
) -> (i32, String) {
    const PROGRAM: &str = "import os, pty, sys
folder, typed, *words = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.chdir(folder)
    os.execv(words[0], words)
os.write(terminal, typed.encode())
seen = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM]).arg(folder).arg(typed).args(words);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap_or_else(|| panic!("{seen}")), seen)
}
