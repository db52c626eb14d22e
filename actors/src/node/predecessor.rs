//! The node before this one, which may still be stopping at the same addresses and with the same
//! state. A restart waits for its end.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cloister_vault::{Vault, VaultError};
use tokio::time::sleep;

use super::StartError;

/// The time that a node waits for the end of another one at its addresses and its state: as long as
/// one with the usual `grace_seconds` may take to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// The interval of looks for the end of the other node.
const GLANCE: Duration = Duration::from_millis(100);

/// Binds a listener. A node that is stopping may still have the address: its end is waited for.
pub(super) async fn bind(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Bind { setting, address, error };
    let began = Instant::now();
    let mut told = false;
    let socket = loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%address, setting, "in use: waiting for another node to stop");
                }
                sleep(GLANCE).await;
            }
            bound => break bound.map_err(failed)?,
        }
    };
    socket.set_nonblocking(true).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}

/// Opens the vault. A node that is stopping may still have it: its end is waited for. Blocks.
pub(super) fn open_vault(folder: &Path) -> Result<Vault, VaultError> {
    let began = Instant::now();
    loop {
        match Vault::open(folder) {
            Err(VaultError::Locked) if began.elapsed() < PATIENCE => {
                thread::sleep(GLANCE);
            }
            opened => return opened,
        }
    }
}
