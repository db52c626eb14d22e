//! `cloister node`: runs one node until it is told to stop.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use clap::Args;
use cloister_actors::node::{Node, Parts, Reread, StartError};
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
    let parts = load(&arguments.config, &arguments.set)?;
    let telemetry = Telemetry::new(&parts.settings)?;
    let listener = telemetry.as_ref().map(Telemetry::listener);
    logging::start_with(logging::NODE, listener)?;
    warn_of_expiry(&parts.identity);
    let served = actix::System::new().block_on(serve(parts, arguments.exit_with_parent));
    if let Some(telemetry) = telemetry {
        telemetry.stop();
    }
    served
}

/// Reads and checks the settings and the files that they name. A fault here is the command's
/// answer, not a line of the log: the log begins once its listeners are known.
fn load(config: &Path, set: &[String]) -> Outcome<Parts> {
    let settings = config::read(config, set)?.all_right()?;
    let hint = "put the consortium's file there, or mend the setting `consortium`";
    let (file, folder) = (settings.consortium.clone(), settings.identity.clone());
    let reread = move || {
        let consortium: Consortium = read_toml(&file, hint)?;
        let identity = Identity::load(&folder).map_err(identity::problem)?;
        Ok::<_, Problem>((consortium, identity))
    };
    let (consortium, identity) = reread()?;
    let reread: Reread = Arc::new(move || reread().map_err(|problem| problem.to_string()));
    Ok(Parts { settings, consortium, identity, reread })
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
    let (party, tls) = (parts.settings.party.clone(), parts.settings.api_tls());
    let node = Node::start(parts).await.map_err(problem)?;
    let (api, peer) = (node.api_address(), node.peer_address());
    tracing::info!(%party, %api, %peer, "ready");
    let scheme = if tls { "https" } else { "http" };
    super::print(&format!("ready {party} {scheme}://{api}\n"))?;
    let reason = loop {
        tokio::select! {
            reason = stop.wait() => break reason,
            Some(()) = hangup.recv() => renew(&node).await,
        }
    };
    tracing::info!(%party, reason, "stopping");
    node.stop().await;
    Ok(())
}

/// Reads identity and fingerprints again. A node that cannot goes on as before.
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
        let listen = |kind| signal(kind).map_err(Problem::ours);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
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
            () = parent => "standard input has ended",
        }
    }
}

/// Tells when standard input ends. A read of it cannot be given up, so it has a thread of its own,
/// which ends with the process.
fn parent_gone() -> oneshot::Receiver<()> {
    let (gone, told) = oneshot::channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut byte = [0];
        while matches!(input.read(&mut byte), Ok(1..)) {}
        // The receiver is gone where the process is stopping already.
        let _ = gone.send(());
    });
    told
}
