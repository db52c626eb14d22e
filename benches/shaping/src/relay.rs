//! A relay between sockets: what connects to it is connected to its target, over a link of the
//! relay's shape.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Shape;
use crate::link::Link;

/// How long the target may take to accept. It is on this machine or near it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Carries connections to a target, slowly. Ends all of them when it is dropped.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    target: SocketAddr,
    shape: Mutex<Shape>,
    closing: AtomicBool,
    links: Mutex<Vec<Weak<Link>>>,
}

impl Relay {
    /// Accepts connections from now on. A connection is made to the target for each that comes; where
    /// the target is not there, the one that came is closed.
    pub fn start(listener: TcpListener, target: SocketAddr, shape: Shape) -> io::Result<Self> {
        // The thread that accepts sleeps until somebody comes.
        listener.set_nonblocking(false)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            shape: Mutex::new(shape),
            closing: AtomicBool::new(false),
            links: Mutex::default(),
        });
        let accepting = thread::Builder::new().name("relay".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        })?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// Where it accepts connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Links have this shape from now on, those that are there too: what is read from now on is
    /// carried so. What is under way arrives as it would have, and nothing overtakes it.
    pub fn set(&self, shape: Shape) {
        *self.shared.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
    }

    /// An address at which it can be reached from this machine.
    fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.close_links();
        // The thread that accepts sleeps until somebody comes.
        let woken = TcpStream::connect_timeout(&self.reachable(), PATIENCE);
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            // A panic there has been printed, and dropping is no place for another.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    /// Accepts until the relay is dropped, and waits until all links have ended.
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            for near in listener.incoming() {
                if self.closing.load(Ordering::SeqCst) {
                    break;
                }
                match near {
                    Ok(near) => drop(scope.spawn(|| self.carry(near))),
                    // Too many open files, say: they may become fewer.
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
            self.close_links();
        });
    }

    /// One link, from its first byte to its last.
    fn carry(&self, near: TcpStream) {
        let far = TcpStream::connect_timeout(&self.target, PATIENCE);
        let Ok(link) = far.and_then(|far| Link::new(near, far)) else { return };
        let link = Arc::new(link);
        self.remember(&link);
        link.run(&self.shape);
    }

    fn remember(&self, link: &Arc<Link>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(link));
        // Who closes all has been here before it, or will find it.
        if self.closing.load(Ordering::SeqCst) {
            link.close();
        }
    }

    fn close_links(&self) {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter_map(Weak::upgrade).for_each(|link| link.close());
    }
}
