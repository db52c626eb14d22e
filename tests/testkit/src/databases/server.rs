//! A server process that never outlives its test.
//!
//! A shell starts it, waits until its own standard input ends, stops it and removes its folder.
//! The other end of that pipe is the test's: it closes on drop, and when the test is killed.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::waiting::Lines;

/// The shell script; `$0` is the folder, `$1` the signal; the rest is the server's command line.
const KEEPER: &str = r#"
folder=$0; signal=$1; shift
"$@" </dev/null &
server=$!
(cat; kill "-$signal" "$server") 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

/// The user and group `nobody`, the same number on every system.
const NOBODY: &str = "65534";

pub(super) struct Server {
    keeper: Child,
    /// The pipe that keeps the server alive.
    input: Option<ChildStdin>,
}

impl Server {
    /// Starts a server that owns `folder`, and waits until it writes `ready` to its log.
    pub(super) fn start(folder: &Path, signal: &str, ready: &str, command: &mut Command) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(folder)
            .arg(signal)
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = keeper.stdin.take();
        wait_for(Lines::of(keeper.stderr.take().unwrap()), ready);
        Self { keeper, input }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.keeper.wait();
    }
}

fn wait_for(log: Lines, ready: &str) {
    let mut seen = Vec::new();
    for line in log {
        if line.contains(ready) {
            return;
        }
        seen.push(line);
    }
    panic!("the server ended before it was ready:\n{}", seen.join("\n"));
}

/// Makes a fresh folder below `target/`, of the user that servers run as.
pub(super) fn folder(name: &str) -> PathBuf {
    let tmp = crate::process::target().join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    let folder = tempfile::Builder::new().prefix(name).tempdir_in(tmp).unwrap().keep();
    if is_root() {
        crate::process::run(Command::new("chown").arg(format!("{NOBODY}:{NOBODY}")).arg(&folder));
    }
    folder
}

/// Makes a command as a user that is not root, which servers refuse to be.
///
/// The one capability that is kept lets it read a checkout in root's own folder.
pub(super) fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}")]);
    command.args(["--clear-groups", "--inh-caps=-all,+dac_override"]);
    command.args(["--ambient-caps=-all,+dac_override", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // The effective user is the second number.
    user.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}

/// Returns a port of this machine that is free now.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
