//! Two ends of a pair of the node's links over loopback, each on a thread of its own.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "benchmarks use parts of it")]

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use actix_rt::Arbiter;
use bytes::Bytes;
use cloister_actors::links::{
    Content, Events, Greeting, Inbound, LinkDown, LinkUp, Listener, Peer, Transmit, Trust,
};
use cloister_certs::consortium::{self, Consortium};
use cloister_certs::{Identity, Member, Roster, Validity};
use cloister_protocols::machine::Outgoing;
use cloister_protocols::party::Party;
use cloister_protocols::wire::SessionId;

const MIB: usize = 1 << 20;

fn identities() -> (Vec<Identity>, Vec<Member>, Arc<Roster>) {
    let identity = |name| Identity::create(name, Validity::DEFAULT, SystemTime::now()).unwrap();
    let identities = vec![identity("a"), identity("b")];
    let members: Vec<Member> = identities
        .iter()
        .map(|identity| Member {
            name: identity.name().into(),
            fingerprints: vec![identity.fingerprint()],
        })
        .collect();
    let roster = Arc::new(Roster::new(members.clone()).unwrap());
    (identities, members, roster)
}

/// A pair of the node's links.
pub struct Pair {
    link: Recipient<Transmit>,
    received: mpsc::Receiver<()>,
    /// Makes the other end answer.
    answer: Box<dyn Fn() + Send>,
    body: Bytes,
    sequence: u32,
}

/// Takes the messages that a link delivers.
struct Probe {
    up: mpsc::Sender<()>,
    whole: mpsc::Sender<()>,
    /// The receiver of an empty message for each message that arrives whole.
    answer: Option<Recipient<Transmit>>,
}

/// Has the probe answer each message that arrives from now on.
#[derive(Message)]
#[rtype(result = "()")]
struct Answer(Recipient<Transmit>);

impl Handler<Answer> for Probe {
    type Result = ();

    fn handle(&mut self, Answer(link): Answer, _: &mut Self::Context) {
        self.answer = Some(link);
    }
}

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<LinkUp> for Probe {
    type Result = ();

    fn handle(&mut self, _: LinkUp, _: &mut Self::Context) {
        self.up.send(()).unwrap();
    }
}

impl Handler<LinkDown> for Probe {
    type Result = ();

    fn handle(&mut self, _: LinkDown, _: &mut Self::Context) {}
}

impl Handler<Inbound> for Probe {
    type Result = ();

    fn handle(&mut self, inbound: Inbound, _: &mut Self::Context) {
        let Content::Part(part) = inbound.content else { return };
        match &self.answer {
            Some(link) => link.do_send(transmit(0, part.header.sequence, Bytes::new())),
            None if part.header.last => self.whole.send(()).unwrap(),
            None => {}
        }
    }
}

/// Makes the consortium of both ends; its addresses are never dialled.
fn consortium(members: &[Member]) -> Consortium {
    let members = members
        .iter()
        .enumerate()
        .map(|(index, member)| consortium::Member {
            name: member.name.clone(),
            api: format!("http://localhost:{}", index + 1),
            peer: format!("localhost:{}", index + 101),
            fingerprints: member.fingerprints.clone(),
        })
        .collect();
    Consortium::new(members).unwrap()
}

impl Pair {
    pub fn connect() -> Self {
        let (identities, members, roster) = identities();
        let sockets: Vec<TcpListener> =
            (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<String> =
            sockets.iter().map(|socket| socket.local_addr().unwrap().to_string()).collect();
        let (up, is_up) = mpsc::channel();
        let (whole, received) = mpsc::channel();
        let (give, links) = mpsc::channel();
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                for (me, (identity, socket)) in identities.into_iter().zip(sockets).enumerate() {
                    socket.set_nonblocking(true).unwrap();
                    let other = 1 - me;
                    let greeting = Greeting::new(&consortium(&members), [0; 16]);
                    let peer = Peer {
                        position: other,
                        member: members[other].clone(),
                        address: addresses[other].clone(),
                        dial: me == 0,
                    };
                    let (roster, give) = (Arc::clone(&roster), give.clone());
                    let (up, whole) = (up.clone(), whole.clone());
                    let arbiter = Arbiter::new();
                    arbiter.spawn_fn(move || {
                        let probe = Probe { up, whole, answer: None }.start();
                        let events = Events {
                            up: probe.clone().recipient(),
                            down: probe.clone().recipient(),
                            inbound: probe.clone().recipient(),
                        };
                        let trust = Trust::new(Arc::new(identity), roster, greeting);
                        let links = Listener::start_links(socket, &trust, vec![peer], &events);
                        let link: Recipient<Transmit> = links[&other].clone().recipient();
                        give.send((me, link, probe)).unwrap();
                    });
                }
                std::future::pending::<()>().await;
            });
        });
        let mut ends: Vec<(usize, Recipient<Transmit>, Addr<Probe>)> =
            (0..2).map(|_| links.recv().unwrap()).collect();
        ends.sort_by_key(|(me, _, _)| *me);
        (0..2).for_each(|_| is_up.recv().unwrap());
        let (_, back, probe) = ends.remove(1);
        let link = ends.remove(0).1;
        let answer = Box::new(move || probe.do_send(Answer(back.clone())));
        Self { link, received, answer, body: Bytes::from(vec![7; 64 * MIB]), sequence: 0 }
    }

    /// Measures the time of an empty message and its empty answer, on average over `times`.
    /// Consumes the pair: nothing else can be measured with it.
    pub fn round_trip(mut self, times: u32) -> Duration {
        (self.answer)();
        // The first message may arrive before the other end knows that it is to answer.
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        for _ in 0..times {
            self.link.do_send(transmit(1, self.sequence, Bytes::new()));
            self.sequence += 1;
            self.received.recv().unwrap();
        }
        start.elapsed() / times
    }

    /// Measures the time in which `bytes` bytes arrive.
    pub fn time(&mut self, bytes: usize) -> Duration {
        let message = transmit(1, self.sequence, self.body.slice(..bytes));
        self.sequence += 1;
        let start = Instant::now();
        self.link.do_send(message);
        self.received.recv().unwrap();
        start.elapsed()
    }
}

fn transmit(to: usize, sequence: u32, body: Bytes) -> Transmit {
    let message = Outgoing { to: Party::new(to).unwrap(), sequence, tag: [0; 16], body };
    Transmit { session: SessionId([0; 16]), epoch: 1, message }
}
