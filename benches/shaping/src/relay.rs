//! A relay between sockets: it connects each connection to its target, over a link of the relay's
//! shape.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::link::Link;
use crate::shape::Shape;

/// The time for the target to accept. It is on this machine or near it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Relays connections to a target over links of a shape. Dropping it ends all of them.
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
    /// Starts to accept connections. Each gets a connection to the target, or is closed if the
    /// target does not accept.
    pub fn start(listener: TcpListener, target: SocketAddr, shape: Shape) -> io::Result<Self> {
        // The accepting thread sleeps until a connection comes.
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

    /// Returns the address at which it accepts connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the shape of all links, for bytes that are read from now on. Bytes in flight arrive
    /// as before, and no byte overtakes them.
    pub fn set(&self, shape: Shape) {
        *self.shared.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
    }

    /// Returns an address at which this machine can reach the relay.
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
        // A connection wakes the accepting thread.
        let woken = TcpStream::connect_timeout(&self.reachable(), CONNECT_TIMEOUT);
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            // A panic of the thread has been printed, and dropping must not panic.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    /// Accepts until the relay is dropped, then waits until all links have ended.
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            for near in listener.incoming() {
                if self.closing.load(Ordering::SeqCst) {
                    break;
                }
                match near {
                    Ok(near) => drop(scope.spawn(|| self.carry(near))),
                    // For example too many open files, of which some may be closed soon.
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
            self.close_links();
        });
    }

    /// Carries one link from its first byte to its last.
    fn carry(&self, near: TcpStream) {
        let far = TcpStream::connect_timeout(&self.target, CONNECT_TIMEOUT);
        let Ok(link) = far.and_then(|far| Link::new(near, far)) else { return };
        let link = Arc::new(link);
        self.remember(&link);
        link.run(&self.shape);
    }

    fn remember(&self, link: &Arc<Link>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(link));
        // `close_links` either ran before, or finds this link.
        if self.closing.load(Ordering::SeqCst) {
            link.close();
        }
    }

    fn close_links(&self) {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter_map(Weak::upgrade).for_each(|link| link.close());
    }
}
