//! `cloister node`: runs one node until it is told to stop.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use clap::Args;
use cloister_actors::node::{Files, Node, Parts, Reread, StartError};
use cloister_certs::consortium::Consortium;
use cloister_certs::{Expiry, Identity};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::identity;
use crate::config;
use crate::files::read_toml;
use crate::logging;
use crate::problem::{Outcome, Problem};
use crate::telemetry::Telemetry;

/// Run one node; prints `ready NAME URL` when it accepts requests.
#[derive(Args)]
pub(super) struct Arguments {
    /// The node's settings.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A setting over the file and the environment, such as `limits.rows=1000`. May be given
    /// several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Stop when standard input ends, as it does when the process that holds it is gone.
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (parts, warnings) = load(&arguments.config, &arguments.set)?;
    let telemetry = Telemetry::new(&parts.settings)?;
    let listener = telemetry.as_ref().map(Telemetry::listener);
    logging::start_with(logging::NODE, listener)?;
    warn_of_expiry(&parts.identity);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let system = actix::System::new();
    let served = system.block_on(serve(parts, arguments.exit_with_parent));
    // Dropping it would wait for threads that still read or compute. They end with the process.
    std::mem::forget(system);
    if let Some(telemetry) = telemetry {
        telemetry.stop();
    }
    served
}

/// Reads and checks the settings and the files that they name. A fault here is the command's
/// answer, not a line of the log: the log begins once its listeners are known. Returns warnings,
/// too.
fn load(config: &Path, set: &[String]) -> Outcome<(Parts, Vec<String>)> {
    let effective = config::read(config, set)?;
    let warnings = effective.warnings().to_vec();
    let settings = effective.all_right()?;
    let (consortium, identity) = read_pinned(&settings.consortium, &settings.identity)?;
    let (config, set) = (config.to_owned(), set.to_owned());
    let reread: Reread =
        Arc::new(move || reread(&config, &set).map_err(|problem| problem.to_string()));
    Ok((Parts { settings, consortium, identity, reread }, warnings))
}

/// Reads all files of a running node again.
fn reread(config: &Path, set: &[String]) -> Outcome<Files> {
    let effective = config::read(config, set)?;
    effective.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let settings = effective.all_right()?;
    let (consortium, identity) = read_pinned(&settings.consortium, &settings.identity)?;
    Ok(Files { consortium, identity, settings })
}

/// Reads the consortium's file, and those of the identity.
fn read_pinned(file: &Path, folder: &Path) -> Outcome<(Consortium, Identity)> {
    let hint = "put the consortium's file there, or mend the setting `consortium`";
    let consortium = read_toml(file, hint)?;
    let identity = Identity::load(folder).map_err(identity::problem)?;
    Ok((consortium, identity))
}

/// Warns of a certificate that expires soon. One that has expired is refused when the node starts.
fn warn_of_expiry(identity: &Identity) {
    if let Expiry::Near { days_left } = identity.expiry(SystemTime::now()) {
        tracing::warn!(
            days_left,
            "the certificate expires soon: begin with `cloister identity renew --prepare`, and have \
             all members take in the new card"
        );
    }
}

async fn serve(parts: Parts, exit_with_parent: bool) -> Outcome {
    // Before the node says that it is ready: from then on a signal must stop it in good order.
    let mut stop = Stop::new(exit_with_parent)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Problem::ours)?;
    let party = parts.settings.party.clone();
    let scheme = if parts.settings.api_tls() { "https" } else { "http" };
    let node = Node::start(parts).await.map_err(problem)?;
    let api = node.api_address();
    tracing::info!(%party, %api, peer = %node.peer_address(), "ready");
    let printed = super::announce(&format!("ready {party} {scheme}://{api}\n"));
    // A node whose parent cannot be told is of no use to it, but is stopped like any other.
    let reason = match &printed {
        Ok(()) => until_stopped(&node, &mut stop, &mut hangup).await,
        Err(_) => "standard output cannot be written",
    };
    tracing::info!(%party, reason, "stopping");
    node.stop().await;
    printed
}

/// Serves until something stops the process, and returns the reason. Hangups make the node read its
/// files again. That has no end on a file system that is gone, and must not keep the node from closing
/// its links and its state.
async fn until_stopped(node: &Node, stop: &mut Stop, hangup: &mut Signal) -> &'static str {
    loop {
        tokio::select! {
            reason = stop.wait() => return reason,
            Some(()) = hangup.recv() => {}
        }
        tokio::select! {
            reason = stop.wait() => return reason,
            () = renew(node) => {}
        }
    }
}

/// Has the node read its files again. One that cannot goes on as before.
async fn renew(node: &Node) {
    if let Err(error) = node.reload().await {
        tracing::error!(%error, hint = error.advice(), "the files were not read again");
    }
}

fn problem(error: StartError) -> Problem {
    match error {
        StartError::Randomness(_) | StartError::Actor(_) => Problem::ours(error),
        _ => Problem::usage(error),
    }
}

/// The events that stop this process.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    parent: Option<oneshot::Receiver<()>>,
}

impl Stop {
    /// Listens to signals from now on, and to the end of standard input if asked to.
    pub(super) fn new(with_parent: bool) -> Outcome<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Problem::ours)?,
            terminate: signal(SignalKind::terminate()).map_err(Problem::ours)?,
            parent: with_parent.then(parent_gone),
        })
    }

    /// Waits for a signal or the end of the parent, and returns its name.
    pub(super) async fn wait(&mut self) -> &'static str {
        let parent = async {
            match &mut self.parent {
                Some(gone) => drop(gone.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            () = parent => {
                // It ends once: a wait after that is for a signal.
                self.parent = None;
                "standard input has ended"
            }
        }
    }
}

/// Tells when standard input ends. A read of it cannot be given up, so it has a thread of its own,
/// which ends with the process.
fn parent_gone() -> oneshot::Receiver<()> {
    let (gone, told) = oneshot::channel();
    thread::spawn(move || {
        // An input that cannot be read has ended, too. Interruptions do not end it.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // The receiver is gone where the process is stopping already.
        let _ = gone.send(());
    });
    told
}
