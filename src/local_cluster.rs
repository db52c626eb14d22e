//! Nodes of one consortium as child processes of this one.
//!
//! A node of a cluster ends when its standard input does. So closing it stops the node in good
//! order, and no node outlives this process, however this one ends.

use std::env;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::consortium_dir::ConsortiumDir;
use crate::logging;

/// The time in which a node must stop before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// Running nodes.
pub struct LocalCluster {
    /// The pipes that keep the nodes alive.
    lifelines: Vec<ChildStdin>,
    /// The name of each party, and the number of its process.
    processes: Vec<(String, u32)>,
    events: mpsc::UnboundedReceiver<Event>,
    running: usize,
}

/// An event of a node's life.
#[derive(Debug)]
pub enum Event {
    /// It accepts requests.
    Ready {
        /// The party.
        name: String,
        /// The URL of its API.
        url: String,
    },
    /// It has ended.
    Ended {
        /// The party.
        name: String,
        /// Its exit status.
        status: io::Result<ExitStatus>,
    },
}

impl LocalCluster {
    /// Starts the nodes of these parties, which log from `level` on where the environment does not
    /// say otherwise. Call it inside an actix system.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub fn start<'a>(
        folder: &ConsortiumDir,
        names: impl Iterator<Item = &'a str>,
        level: &str,
    ) -> io::Result<Self> {
        // Two events a node: the channel cannot grow.
        let (report, events) = mpsc::unbounded_channel();
        let mut cluster = Self { lifelines: Vec::new(), processes: Vec::new(), events, running: 0 };
        for name in names {
            let (child, lifeline, output) = spawn(folder, name, level)?;
            cluster.lifelines.push(lifeline);
            cluster.running += 1;
            cluster.processes.extend(child.id().map(|id| (name.to_owned(), id)));
            actix_rt::spawn(watch(name.to_owned(), child, output, report.clone()));
        }
        Ok(cluster)
    }

    /// Returns the name of each party, and the number of its node's process.
    #[must_use]
    pub fn processes(&self) -> &[(String, u32)] {
        &self.processes
    }

    /// Returns the next event; none when all nodes have ended.
    pub async fn event(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        if matches!(event, Some(Event::Ended { .. })) {
            self.running = self.running.saturating_sub(1);
        }
        event
    }

    /// Stops all nodes and waits for them. Those that take too long are killed when the system
    /// ends.
    pub async fn stop(mut self) {
        self.lifelines.clear();
        let ended = timeout(GRACE, async { while self.event().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!(nodes = self.running, "nodes did not stop in time and are killed");
        }
    }
}

fn spawn(
    folder: &ConsortiumDir,
    name: &str,
    level: &str,
) -> io::Result<(Child, ChildStdin, ChildStdout)> {
    let mut command = Command::new(env::current_exe()?);
    if !logging::is_chosen() {
        command.env(logging::VARIABLE, level);
    }
    let mut child = command
        .args(["node", "--exit-with-parent", "--config"])
        .arg(folder.node(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C at the terminal is for us; we tell the nodes.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let lifeline = child.stdin.take().ok_or_else(no_pipe)?;
    let output = child.stdout.take().ok_or_else(no_pipe)?;
    Ok((child, lifeline, output))
}

fn no_pipe() -> io::Error {
    io::Error::other("a node has no pipes")
}

async fn watch(
    name: String,
    mut child: Child,
    output: ChildStdout,
    report: mpsc::UnboundedSender<Event>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(url) = line.strip_prefix(&format!("ready {name} ")) {
            let (name, url) = (name.clone(), url.to_owned());
            // The receiver is gone while the command itself is ending.
            let _ = report.send(Event::Ready { name, url });
        }
    }
    let status = child.wait().await;
    let _ = report.send(Event::Ended { name, status });
}
