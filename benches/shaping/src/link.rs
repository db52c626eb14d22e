//! One connection through a relay: two sockets, and a line for each direction.
//!
//! Each direction has a thread that reads and schedules, and a thread that writes when it is due.
//! When a side ends, its bytes in flight are delivered first, and then the end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::clock::Waker;
use crate::line::{Cargo, Ending, Line};
use crate::schedule::Schedule;
use crate::shape::Shape;

/// An accepted connection, and the connection to the target for it.
pub(crate) struct Link {
    near: TcpStream,
    far: TcpStream,
    there: Line,
    back: Line,
}

impl Link {
    pub(crate) fn new(near: TcpStream, far: TcpStream) -> io::Result<Self> {
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        Ok(Self { near, far, there: Line::default(), back: Line::default() })
    }

    /// Carries bytes until both directions have ended.
    pub(crate) fn run(&self, shape: &Mutex<Shape>) {
        let Self { near, far, there, back } = self;
        thread::scope(|scope| {
            scope.spawn(|| fill(there, near, shape));
            scope.spawn(|| drain(there, far));
            scope.spawn(|| fill(back, far, shape));
            scope.spawn(|| drain(back, near));
        });
    }

    /// Ends the link at once. Everything in flight is lost.
    pub(crate) fn close(&self) {
        for (line, socket) in [(&self.there, &self.near), (&self.back, &self.far)] {
            line.close();
            // Fails if the socket is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Reads from one side, and puts the bytes on the line by the shape at that moment.
fn fill(line: &Line, mut from: &TcpStream, shape: &Mutex<Shape>) {
    crate::thread::raise_priority();
    let mut schedule = Schedule::default();
    let mut buffer = vec![0; Shape::LONGEST_READ];
    loop {
        let before = current(shape);
        if !line.wait_for_room(&before) {
            return;
        }
        let room = buffer.get_mut(..before.read()).unwrap_or_default();
        let read = read(&mut from, room);
        // The shape may have changed while the thread was reading.
        let shape = current(shape);
        let now = Instant::now();
        let bytes = match read {
            Ok(0) => return put_end(line, &mut schedule, now, &shape, Ending::Finished),
            Err(_) => return put_end(line, &mut schedule, now, &shape, Ending::Broken),
            Ok(read) => room.get(..read).unwrap_or_default(),
        };
        for piece in bytes.chunks(shape.piece()) {
            let due = schedule.arrival_of(piece.len(), now, &shape);
            line.put(due, Cargo::Bytes(piece.to_vec()));
        }
    }
}

fn current(shape: &Mutex<Shape>) -> Shape {
    *shape.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn put_end(line: &Line, schedule: &mut Schedule, now: Instant, shape: &Shape, ending: Ending) {
    line.put(schedule.arrival_of(0, now, shape), Cargo::End(ending));
}

/// Writes the arrivals to the other side when they are due.
fn drain(line: &Line, mut to: &TcpStream) {
    crate::thread::raise_priority();
    let mut waker = Waker::of_this_thread();
    while let Some(cargo) = line.take(&mut waker) {
        let written = match cargo {
            Cargo::Bytes(bytes) => to.write_all(&bytes),
            Cargo::End(Ending::Finished) => return shut_down(to, Shutdown::Write),
            Cargo::End(Ending::Broken) => return shut_down(to, Shutdown::Both),
        };
        if written.is_err() {
            // The reading thread sees the closed line at its next bytes. The other direction goes
            // on, because it may have bytes in flight.
            return line.close();
        }
    }
}

fn shut_down(socket: &TcpStream, how: Shutdown) {
    // Fails if the other side has closed the connection already.
    let _ = socket.shutdown(how);
}
