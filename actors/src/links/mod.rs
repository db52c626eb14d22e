//! One link to each other member: a single mutual-TLS connection for all sessions.
//!
//! Of two members the one that stands earlier in the consortium file dials, and dials again with
//! back-off while there is no connection. The other accepts. A link that breaks is reported, and
//! every computation over it ends: frames may be lost, and a round cannot run twice. The next
//! computation finds the link up again.
//!
//! The sender of a frame is the member that the connection's certificate names. Frames from the
//! network are handed on with `send`, never with `do_send`: a slow receiver slows its sender.

mod connection;
mod cpu_time;
mod greeting;
mod listener;
mod outbox;
mod probe;
mod round_trip;
mod silence;
mod stream;
mod told;
mod trust;

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle,
    WrapFuture,
};
use bytes::Bytes;
use cloister_certs::{CertificateFacts, Fingerprint, Member};
use cloister_protocols::machine::{Outgoing, Part};
use cloister_protocols::wire::{Frame, Header, SessionId};
use tokio::time::timeout;

use self::connection::Connection;
pub use self::connection::ConnectionError;
pub use self::cpu_time::CpuTime;
pub use self::greeting::{Greeting, GreetingError, Purpose};
pub use self::listener::Listener;
use self::outbox::Outbox;
pub use self::probe::{Findings, LONGEST_IDLE, MOST_BYTES, Met, Probe};
pub use self::round_trip::RoundTrip;
use self::round_trip::Stopwatch;
use self::silence::{KEEP_ALIVE, Silence};
use self::told::Told;
pub use self::trust::{Credentials, Trust};

/// The first pause before dialling again; it doubles up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause before dialling again: a node that was restarted is found within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The time that a peer may take to read one frame: a slow line needs time for a long one.
const READING: Duration = Duration::from_secs(120);

/// The link to one member.
pub struct PeerLink {
    peer: Peer,
    trust: Trust,
    events: Events,
    state: State,
    epoch: u64,
    pause: Duration,
    problem: Option<String>,
    cpu_time: CpuTime,
    /// The last notices of ends, which the peer may not have got.
    told: Told,
}

/// The member at the other end of a link.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The position in the consortium file.
    pub position: usize,
    /// The certificates that were pinned when the node was started.
    pub member: Member,
    /// The address at which its node listens.
    pub address: String,
    /// The direction of the connection: this node dials, or the peer does.
    pub dial: bool,
}

/// The recipients of a link's events.
#[derive(Clone)]
pub struct Events {
    /// The recipient of [`LinkUp`].
    pub up: Recipient<LinkUp>,
    /// The recipient of [`LinkDown`].
    pub down: Recipient<LinkDown>,
    /// The recipient of messages for sessions.
    pub inbound: Recipient<Inbound>,
}

enum State {
    Down,
    Up { outbox: Rc<Outbox>, line: Rc<Line>, tasks: [SpawnHandle; 2] },
}

/// The state of a connection while it lasts.
struct Line {
    silence: Silence,
    stopwatch: Stopwatch,
    /// The certificate at the other end.
    shown: Option<Fingerprint>,
}

/// The event that the link came up.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkUp {
    /// The peer's position in the consortium file.
    pub position: usize,
    /// The number of the connection, counted from 1.
    pub epoch: u64,
    /// The random name of the peer's run.
    pub boot: [u8; 16],
    /// The link binding.
    pub binding: [u8; 32],
    /// The CPU time of the link.
    pub cpu_time: CpuTime,
    /// The round trip time of the link.
    pub round_trip: RoundTrip,
    /// The end of the validity of the peer's certificate, if it can be read.
    pub not_after: Option<SystemTime>,
    /// The release of the peer's software.
    pub release: String,
}

/// The event that the link went down, or that an attempt to make it failed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkDown {
    /// The peer's position in the consortium file.
    pub position: usize,
    /// The reason, with the action to take.
    pub reason: String,
}

/// A message from a member for a session.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Inbound {
    /// The sender's position in the consortium file.
    pub position: usize,
    /// The session.
    pub session: SessionId,
    /// The content.
    pub content: Content,
}

/// The content of a message for a session.
#[derive(Debug)]
pub enum Content {
    /// Part of a protocol message.
    Part(Part),
    /// The sender's encoded notice that it has ended the session.
    Stop(Bytes),
}

/// The command to send a protocol message.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Transmit {
    /// The session.
    pub session: SessionId,
    /// The connection. If it is gone, so is the computation.
    pub epoch: u64,
    /// The message.
    pub message: Outgoing,
}

/// The command to tell the peer that a session has ended here without a result.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SendStop {
    /// The session.
    pub session: SessionId,
    /// The encoded reason.
    pub notice: Bytes,
}

/// A connection that the listener has accepted and greeted.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Accepted(Connection);

/// The command to end the link if its certificate is no longer pinned.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CheckPin;

/// The event that the listener has refused a connection of this link's member.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Rejected(String);

impl PeerLink {
    fn new(peer: Peer, trust: Trust, events: Events) -> Self {
        Self {
            peer,
            trust,
            events,
            state: State::Down,
            epoch: 0,
            pause: SHORTEST_PAUSE,
            problem: None,
            cpu_time: CpuTime::default(),
            told: Told::default(),
        }
    }

    fn credentials(&self) -> Credentials {
        self.trust.current()
    }

    /// Returns the peer with the certificates that are pinned now.
    fn pinned(&self) -> Member {
        let name = &self.peer.member.name;
        self.credentials().roster.member(name).unwrap_or(&self.peer.member).clone()
    }

    fn dial(&mut self, context: &mut Context<Self>) {
        let (credentials, member) = (self.credentials(), self.pinned());
        let address = self.peer.address.clone();
        let attempt = async move { credentials.dial(&member, &address).await };
        let done = attempt.into_actor(self).map(|result, link, context| match result {
            Ok(connection) => link.establish(connection, context),
            Err(error) => {
                link.report(error.to_string());
                link.dial_later(context);
            }
        });
        context.spawn(done);
    }

    fn dial_later(&mut self, context: &mut Context<Self>) {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        context.run_later(pause, |link, context| link.dial(context));
    }

    fn establish(&mut self, connection: Connection, context: &mut Context<Self>) {
        if matches!(self.state, State::Up { .. }) {
            self.drop_connection("the peer has connected anew".into(), context);
        }
        let Connection { greeting, certificate, binding, reader, writer, .. } = connection;
        self.epoch += 1;
        self.problem = None;
        let outbox = Rc::new(Outbox::default());
        for SendStop { session, notice } in self.told.again(greeting.boot, Instant::now()) {
            outbox.stop(*session, notice.clone());
        }
        let round_trip = RoundTrip::default();
        let stopwatch = Stopwatch::new(round_trip.clone());
        let shown = certificate.as_ref().map(CertificateFacts::fingerprint);
        let line = Rc::new(Line { silence: Silence::new(Instant::now()), stopwatch, shown });
        let (release, not_after) = (greeting.release, certificate.map(|facts| facts.not_after()));
        let (position, epoch, boot) = (self.peer.position, self.epoch, greeting.boot);
        tracing::info!(peer = %self.peer.member.name, epoch, "link up");
        // An event of this node, one a connection, to an actor of its own: nothing to bound or to
        // lose.
        let cpu_time = self.cpu_time.clone();
        let up =
            LinkUp { position, epoch, boot, binding, cpu_time, round_trip, not_after, release };
        self.events.up.do_send(up);
        let reading =
            read(reader, position, self.events.inbound.clone(), outbox.clone(), line.clone());
        let writing = write(writer, outbox.clone());
        let reading = self.cpu_time.clone().of(reading);
        let writing = self.cpu_time.clone().of(writing);
        let tasks = [
            context.spawn(reading.into_actor(self).map(move |reason, link, context| {
                link.ended(epoch, reason, context);
            })),
            context.spawn(writing.into_actor(self).map(move |reason, link, context| {
                link.ended(epoch, reason, context);
            })),
        ];
        self.state = State::Up { outbox, line, tasks };
        self.keep_alive(context);
    }

    fn ended(&mut self, epoch: u64, reason: String, context: &mut Context<Self>) {
        if epoch != self.epoch || matches!(self.state, State::Down) {
            return;
        }
        self.drop_connection(reason, context);
        if self.peer.dial {
            self.dial_later(context);
        }
    }

    fn drop_connection(&mut self, reason: String, context: &mut Context<Self>) {
        if let State::Up { tasks, .. } = std::mem::replace(&mut self.state, State::Down) {
            tasks.into_iter().for_each(|task| {
                context.cancel_future(task);
            });
        }
        self.report(reason);
    }

    /// Reports the state of the link, and logs a problem once, not at every attempt.
    fn report(&mut self, reason: String) {
        if self.problem.as_ref() != Some(&reason) {
            tracing::warn!(peer = %self.peer.member.name, %reason, "link down");
            self.problem = Some(reason.clone());
        }
        // An event of this node, at most one an attempt: nothing to bound or to lose.
        self.events.down.do_send(LinkDown { position: self.peer.position, reason });
    }

    fn keep_alive(&mut self, context: &mut Context<Self>) {
        let State::Up { outbox, line, .. } = &self.state else {
            return;
        };
        if let Some(silent) = line.silence.tick(Instant::now()) {
            let reason = format!("nothing came from it for {} s", silent.as_secs());
            self.ended(self.epoch, reason, context);
        } else {
            // Pings also while much comes: a peer that sends a long frame over a slow line hears
            // nothing else from this node. A full queue means that the link is anything but idle.
            if outbox.control(Header::Ping, Bytes::new()) {
                line.stopwatch.asked();
            }
        }
    }
}

impl Actor for PeerLink {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(KEEP_ALIVE, |link, context| link.keep_alive(context));
        if self.peer.dial {
            self.dial(context);
        }
    }
}

impl Handler<Accepted> for PeerLink {
    type Result = ();

    fn handle(&mut self, Accepted(connection): Accepted, context: &mut Self::Context) {
        self.establish(connection, context);
    }
}

impl Handler<CheckPin> for PeerLink {
    type Result = ();

    fn handle(&mut self, _: CheckPin, context: &mut Context<Self>) {
        let State::Up { line, .. } = &self.state else { return };
        let pinned = self.pinned().fingerprints;
        if !line.shown.is_some_and(|shown| pinned.contains(&shown)) {
            self.ended(self.epoch, "its certificate is no longer pinned".into(), context);
        }
    }
}

impl Handler<Rejected> for PeerLink {
    type Result = ();

    fn handle(&mut self, Rejected(reason): Rejected, _: &mut Context<Self>) {
        if matches!(self.state, State::Down) {
            self.report(reason);
        }
    }
}

impl Handler<Transmit> for PeerLink {
    type Result = ();

    fn handle(&mut self, transmit: Transmit, _: &mut Self::Context) {
        let Transmit { session, epoch, message } = transmit;
        match &self.state {
            State::Up { outbox, .. } if epoch == self.epoch => outbox.message(session, message),
            // The computation hears of the loss from the sessions and ends.
            _ => {}
        }
    }
}

impl Handler<SendStop> for PeerLink {
    type Result = ();

    fn handle(&mut self, stop: SendStop, _: &mut Self::Context) {
        if let State::Up { outbox, .. } = &self.state {
            outbox.stop(stop.session, stop.notice.clone());
        }
        // The connection may be broken already, without a sign of it.
        self.told.keep(stop, Instant::now());
    }
}

/// Hands on frames until the connection ends, and returns the reason.
async fn read<R: tokio::io::AsyncRead + Unpin>(
    mut reader: stream::FrameReader<R>,
    position: usize,
    inbound: Recipient<Inbound>,
    outbox: Rc<Outbox>,
    line: Rc<Line>,
) -> String {
    loop {
        let Frame { header, body } = match reader.next(|| line.silence.broken()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "it has closed the connection".into(),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return "it has closed the connection".into();
            }
            Err(error) => return format!("the connection broke: {}", error.kind()),
        };
        let (session, content) = match header {
            Header::Part(session, header) => (session, Content::Part(Part { header, body })),
            Header::Stop(session) => (session, Content::Stop(body)),
            Header::Ping if outbox.control(Header::Pong, Bytes::new()) => continue,
            Header::Ping => return "it asks without reading the answers".into(),
            Header::Pong => {
                line.stopwatch.answered();
                continue;
            }
            _ => return "it sent frames that have no place here".into(),
        };
        if inbound.send(Inbound { position, session, content }).await.is_err() {
            return "this node is stopping".into();
        }
    }
}

/// Writes queued frames until the connection ends, and returns the reason.
async fn write<W: tokio::io::AsyncWrite + Unpin>(
    mut writer: stream::FrameWriter<W>,
    outbox: Rc<Outbox>,
) -> String {
    loop {
        let frame = outbox.pop();
        let written = match &frame {
            Some(frame) => timeout(READING, writer.write(frame)).await,
            None => timeout(READING, writer.flush()).await,
        };
        match written {
            Err(_) => return "it does not read what it is sent".into(),
            Ok(Err(error)) => return format!("the connection broke: {}", error.kind()),
            Ok(Ok(())) if frame.is_none() => outbox.filled().await,
            Ok(Ok(())) => {}
        }
    }
}
