//! The first frames of a connection: do both ends speak the same version for the same consortium?
//!
//! The party that dialled says hello; the other answers. Only then is the link up: in TLS 1.3 a
//! client's handshake ends before the server has judged its certificate, so a finished handshake
//! says little.

use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use cloister_protocols::wire::{self, Frame, Header, VERSION};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stream::{FrameReader, FrameWriter};

/// How long a peer may take for handshake and greeting.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The version of frames and protocols that it speaks.
    pub version: u8,
    /// The hash of its consortium file.
    pub consortium: [u8; 32],
    /// A random name of this run of the node.
    pub boot: [u8; 16],
}

/// Why a peer that we could reach is no peer to compute with.
#[derive(Debug, thiserror::Error)]
pub(super) enum GreetingError {
    #[error(
        "it speaks version {theirs} of the protocol and this node version {VERSION}: \
         bring both nodes to the same release"
    )]
    Version { theirs: u8 },
    #[error(
        "its consortium file differs from ours: give both nodes the same file and restart the \
         one that was changed"
    )]
    Consortium,
    #[error("its first frame is no greeting")]
    Senseless,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Greeting {
    /// Whether the two can compute together.
    fn check(&self, theirs: &Self) -> Result<(), GreetingError> {
        if theirs.version != self.version {
            return Err(GreetingError::Version { theirs: theirs.version });
        }
        if theirs.consortium != self.consortium {
            return Err(GreetingError::Consortium);
        }
        Ok(())
    }
}

/// Greets as the party that dialled.
pub(super) async fn greet<R, W>(
    ours: &Greeting,
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
) -> Result<Greeting, GreetingError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    send(writer, Header::Hello, ours).await?;
    let theirs = receive(reader, Header::Welcome).await?;
    ours.check(&theirs)?;
    Ok(theirs)
}

/// Answers the greeting of a party that dialled. The answer goes out even where the two do not
/// fit, so that the other side can say why.
pub(super) async fn welcome<R, W>(
    ours: &Greeting,
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
) -> Result<Greeting, GreetingError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let theirs = receive(reader, Header::Hello).await?;
    send(writer, Header::Welcome, ours).await?;
    ours.check(&theirs)?;
    Ok(theirs)
}

async fn send<W: AsyncWrite + Unpin>(
    writer: &mut FrameWriter<W>,
    header: Header,
    greeting: &Greeting,
) -> Result<(), GreetingError> {
    let body = wire::encode(greeting).map_err(|_| GreetingError::Senseless)?;
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
    wire::decode(&frame.body).map_err(|_| GreetingError::Senseless)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Greeting = Greeting { version: VERSION, consortium: [1; 32], boot: [2; 16] };

    async fn meet(
        theirs: Greeting,
    ) -> (Result<Greeting, GreetingError>, Result<Greeting, GreetingError>) {
        let (near, far) = tokio::io::duplex(4_096);
        let (near_in, near_out) = tokio::io::split(near);
        let (far_in, far_out) = tokio::io::split(far);
        let (mut near_in, mut near_out) = (FrameReader::new(near_in), FrameWriter::new(near_out));
        let (mut far_in, mut far_out) = (FrameReader::new(far_in), FrameWriter::new(far_out));
        tokio::join!(
            greet(&OURS, &mut near_in, &mut near_out),
            welcome(&theirs, &mut far_in, &mut far_out)
        )
    }

    #[actix_rt::test]
    async fn two_of_a_kind_learn_each_other() {
        let theirs = Greeting { boot: [3; 16], ..OURS };
        let (dialled, accepted) = meet(theirs).await;
        assert_eq!(dialled.unwrap(), theirs);
        assert_eq!(accepted.unwrap(), OURS);
    }

    #[actix_rt::test]
    async fn other_versions_and_consortia_are_refused_on_both_sides() {
        let (dialled, accepted) = meet(Greeting { version: 99, ..OURS }).await;
        assert!(matches!(dialled, Err(GreetingError::Version { theirs: 99 })));
        assert!(matches!(accepted, Err(GreetingError::Version { theirs: VERSION })));
        let (dialled, accepted) = meet(Greeting { consortium: [9; 32], ..OURS }).await;
        assert!(matches!(dialled, Err(GreetingError::Consortium)));
        assert!(matches!(accepted, Err(GreetingError::Consortium)));
    }
}
