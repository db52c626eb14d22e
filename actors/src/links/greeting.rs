//! The first frames of a connection: do both ends speak the same version for the same consortium?
//!
//! The party that dialled says hello; the other answers. Only then is the link up. In TLS 1.3 a
//! client's handshake ends before the server has judged its certificate, so a finished handshake
//! says little.
//!
//! The first byte of a greeting is the version, in every version. The rest is read only if the
//! versions are the same. So a node can name the version of any peer. Each end sends its whole
//! consortium file, so that each can name the differences.

use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use cloister_protocols::wire::{self, Frame, Header, VERSION};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stream::{FrameReader, FrameWriter};
use crate::vocabulary::clock;
use crate::vocabulary::consortium::{
    Consortium, Difference, MAX_MEMBERS, MAX_PROFILES, Member, Profiles, is_name,
};

/// The time that a peer may take for handshake and greeting.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The most differences between two consortium files that a message lists.
const MOST_DIFFERENCES: usize = 5;

/// The longest name of a release, in characters.
const LONGEST_RELEASE: usize = 64;

/// The description that a node sends of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The version of frames and protocols that the node speaks.
    pub version: u8,
    /// The purpose of the connection.
    pub purpose: Purpose,
    /// A random name of this run of the node.
    pub boot: [u8; 16],
    /// The node's clock, in milliseconds since 1970.
    pub clock: u64,
    /// The release of the node's software.
    pub release: String,
    /// The hash of the node's consortium file.
    pub consortium: [u8; 32],
    /// The members in the node's consortium file.
    pub members: Vec<Member>,
    /// The profiles of thresholds in it.
    pub profiles: Profiles,
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A link of two members.
    Link,
    /// A probe of whether a link is possible, beside the one that may be there.
    Probe,
}

/// The reason why a peer that can be reached is no peer to compute with.
#[derive(Debug, thiserror::Error)]
pub enum GreetingError {
    /// Another version of the protocol.
    #[error(
        "it speaks version {theirs} of the protocol and this node version {VERSION}: \
         bring both nodes to the same release"
    )]
    Version {
        /// The peer's version.
        theirs: u8,
    },
    /// Another consortium file.
    #[error(
        "its consortium file differs from ours: {}; give both nodes the same file and restart the \
         one that was changed",
        told(differences)
    )]
    Consortium {
        /// The differences.
        differences: Vec<Difference>,
    },
    /// A first frame that is no greeting.
    #[error("its first frame is no greeting")]
    Senseless,
    /// A broken connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Greeting {
    /// Creates the greeting of a node with this consortium file in this run of it.
    #[must_use]
    pub fn new(consortium: &Consortium, boot: [u8; 16]) -> Self {
        Self {
            version: VERSION,
            purpose: Purpose::Link,
            boot,
            clock: 0,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            consortium: consortium.hash(),
            members: consortium.members().to_vec(),
            profiles: consortium.profiles().clone(),
        }
    }

    /// Returns whether the greeting is as short as those of honest nodes. It is kept, and shown to
    /// people.
    fn is_plausible(&self) -> bool {
        self.members.len() <= MAX_MEMBERS
            && self.profiles.len() <= MAX_PROFILES
            && self.profiles.keys().all(|name| is_name(name))
            && self.release.len() <= LONGEST_RELEASE
            && self.release.chars().all(|c| c.is_ascii_graphic())
    }

    /// Returns the greeting with this purpose and the present time.
    pub(super) fn now(&self, purpose: Purpose) -> Self {
        Self { purpose, clock: clock::milliseconds(), ..self.clone() }
    }

    /// Checks that the two nodes can compute together.
    ///
    /// # Errors
    /// If they cannot.
    pub fn check(&self, theirs: &Self) -> Result<(), GreetingError> {
        if theirs.version != self.version {
            return Err(GreetingError::Version { theirs: theirs.version });
        }
        if theirs.consortium != self.consortium {
            let mut differences = Difference::between(&self.members, &theirs.members);
            differences.extend(Difference::between_profiles(&self.profiles, &theirs.profiles));
            return Err(GreetingError::Consortium { differences });
        }
        Ok(())
    }
}

fn told(differences: &[Difference]) -> String {
    let more = differences.len().saturating_sub(MOST_DIFFERENCES);
    let mut told: Vec<String> =
        differences.iter().take(MOST_DIFFERENCES).map(ToString::to_string).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

/// Greets as the party that dialled. The caller [checks](Greeting::check) that the two fit.
pub(super) async fn greet<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    ours: &Greeting,
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
) -> Result<Greeting, GreetingError> {
    send(writer, Header::Hello, ours).await?;
    receive(reader, Header::Welcome).await
}

/// Answers the greeting of a party that dialled. The answer goes out even where the two do not fit,
/// so that the other side can name the reason. The caller [checks](Greeting::check) that they fit.
pub(super) async fn welcome<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    ours: &Greeting,
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
) -> Result<Greeting, GreetingError> {
    let theirs = receive(reader, Header::Hello).await;
    if matches!(theirs, Ok(_) | Err(GreetingError::Version { .. })) {
        send(writer, Header::Welcome, ours).await?;
    }
    theirs
}

async fn send<W: AsyncWrite + Unpin>(
    writer: &mut FrameWriter<W>,
    header: Header,
    greeting: &Greeting,
) -> Result<(), GreetingError> {
    let body = wire::encode_uncut(greeting).map_err(|_| GreetingError::Senseless)?;
    writer.write(&Frame { header, body: Bytes::from(body) }).await?;
    Ok(writer.flush().await?)
}

async fn receive<R: AsyncRead + Unpin>(
    reader: &mut FrameReader<R>,
    header: Header,
) -> Result<Greeting, GreetingError> {
    let frame = reader.next(|| {}).await?;
    let frame = frame.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
    if frame.header != header {
        return Err(GreetingError::Senseless);
    }
    match frame.body.first() {
        Some(&VERSION) => match wire::decode::<Greeting>(&frame.body) {
            Ok(greeting) if greeting.is_plausible() => Ok(greeting),
            _ => Err(GreetingError::Senseless),
        },
        Some(&theirs) => Err(GreetingError::Version { theirs }),
        None => Err(GreetingError::Senseless),
    }
}

#[cfg(test)]
mod tests {
    use cloister_certs::Fingerprint;
    use cloister_certs::thresholds::Thresholds;

    use super::*;

    fn greeting(peer: &str, boot: u8) -> Greeting {
        let member = |name: &str, peer: &str, index: u8| Member {
            name: name.into(),
            api: format!("http://h{index}:80"),
            peer: peer.into(),
            fingerprints: vec![Fingerprint::from_bytes([index; 32])],
        };
        let members = vec![member("a", "h1:81", 1), member("b", peer, 2)];
        Greeting::new(&Consortium::new(members).unwrap(), [boot; 16])
    }

    async fn meet(
        ours: &Greeting,
        theirs: &Greeting,
    ) -> (Result<Greeting, GreetingError>, Result<Greeting, GreetingError>) {
        let (near, far) = tokio::io::duplex(4_096);
        let (near_in, near_out) = tokio::io::split(near);
        let (far_in, far_out) = tokio::io::split(far);
        let (mut near_in, mut near_out) = (FrameReader::new(near_in), FrameWriter::new(near_out));
        let (mut far_in, mut far_out) = (FrameReader::new(far_in), FrameWriter::new(far_out));
        tokio::join!(
            greet(ours, &mut near_in, &mut near_out),
            welcome(theirs, &mut far_in, &mut far_out)
        )
    }

    #[actix_rt::test]
    async fn two_of_a_kind_learn_each_other() {
        let (ours, theirs) = (greeting("h2:81", 2), greeting("h2:81", 3));
        let (dialled, accepted) = meet(&ours, &theirs).await;
        assert!(ours.check(dialled.as_ref().unwrap()).is_ok());
        assert_eq!(dialled.unwrap(), theirs);
        assert_eq!(accepted.unwrap(), ours);
    }

    #[actix_rt::test]
    async fn another_version_is_named_on_both_sides_whatever_follows_it() {
        let (ours, theirs) = (greeting("h2:81", 2), greeting("h2:81", 3));
        let (dialled, accepted) = meet(&ours, &Greeting { version: 99, ..theirs }).await;
        assert!(matches!(dialled, Err(GreetingError::Version { theirs: 99 })));
        assert_eq!(accepted.unwrap(), ours);
        let (mut near, far) = tokio::io::duplex(4_096);
        let mut near = FrameWriter::new(&mut near);
        let body = Bytes::from_static(&[1, 7, 7]);
        near.write(&Frame { header: Header::Hello, body }).await.unwrap();
        near.flush().await.unwrap();
        let (far_in, far_out) = tokio::io::split(far);
        let (mut far_in, mut far_out) = (FrameReader::new(far_in), FrameWriter::new(far_out));
        let met = welcome(&ours, &mut far_in, &mut far_out).await;
        assert!(matches!(met, Err(GreetingError::Version { theirs: 1 })), "{met:?}");
    }

    #[actix_rt::test]
    async fn profiles_of_thresholds_are_greeted_with_and_compared() {
        let plain = greeting("h2:81", 2);
        let thresholds = Thresholds {
            min_parties: 3,
            min_rows: 10,
            min_cell: 5,
            max_share: 90,
            min_own_rows: 3,
        };
        let consortium = Consortium::new(plain.members.clone()).unwrap();
        let profiles = Profiles::from([("clinical".to_owned(), thresholds)]);
        let listing = Greeting::new(&consortium.with_profiles(profiles).unwrap(), [3; 16]);
        let (dialled, accepted) = meet(&plain, &listing).await;
        assert_eq!((dialled.as_ref().unwrap(), accepted.unwrap()), (&listing, plain.clone()));
        let error = plain.check(&dialled.unwrap()).unwrap_err().to_string();
        let due =
            "the profiles of thresholds are none here and clinical (min_parties 3, min_rows 10";
        assert!(error.contains(due), "{error}");
    }

    #[test]
    fn where_two_files_differ_is_said() {
        let error = greeting("h2:81", 2).check(&greeting("h2:82", 3)).unwrap_err().to_string();
        assert!(error.contains("`h2:81` here and `h2:82` there"), "{error}");
    }
}
