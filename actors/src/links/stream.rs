//! Frames over a byte stream: reading and writing, without a look at their meaning.
//!
//! A frame is a length of four bytes (little-endian), then header and body. The length is checked
//! before anything is allocated for it.

use std::io::{self, ErrorKind};

use bytes::{Buf, Bytes, BytesMut};
use cloister_protocols::wire::{Frame, MAX_FRAME};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The bytes of the length before each frame.
const LENGTH: usize = 4;

/// The least room for a read, in bytes: many small frames come at once.
const READ_ROOM: usize = 64 << 10;

/// The largest body that is copied, so that a small message does not keep a large buffer alive. A
/// longer one keeps at most the buffer of one frame, some times its size.
const COPIED: usize = 64 << 10;

/// Reads frames from a stream.
pub(super) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
}

/// The bytes of small frames that are gathered for one write.
const TOGETHER: usize = 64 << 10;

/// Writes frames to a stream. Unusable after an error.
pub(super) struct FrameWriter<W> {
    stream: W,
    /// The bytes that wait to be written.
    small: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(READ_ROOM) }
    }

    /// Returns the next frame, or none where the stream ends between two frames. Calls `heard`
    /// whenever bytes have come.
    pub(super) async fn next(&mut self, heard: impl Fn()) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return self.ended();
            }
            heard();
        }
    }

    /// Takes the frame at the front of the buffer, if it is complete. Otherwise makes room for it.
    fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some(length) = self.buffer.first_chunk::<LENGTH>() else {
            self.buffer.reserve(READ_ROOM);
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_FRAME {
            return Err(invalid("a frame longer than any may be"));
        }
        let missing = (LENGTH + length).saturating_sub(self.buffer.len());
        if missing > 0 {
            self.buffer.reserve(missing.max(READ_ROOM));
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        let bytes = self.buffer.split_to(length);
        let mut frame =
            Frame::decode(bytes).map_err(|_| invalid("a frame that does not decode"))?;
        if frame.body.len() <= COPIED {
            frame.body = Bytes::copy_from_slice(&frame.body);
        }
        Ok(Some(frame))
    }

    fn ended(&self) -> io::Result<Option<Frame>> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection broke off within a frame"))
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(super) fn new(stream: W) -> Self {
        Self { stream, small: BytesMut::new() }
    }

    /// Writes a frame. It may stay in buffers until [`FrameWriter::flush`].
    pub(super) async fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let header = frame.header_bytes();
        let length = u32::try_from(header.len() + frame.body.len())
            .ok()
            .filter(|length| usize::try_from(*length).is_ok_and(|length| length <= MAX_FRAME))
            .ok_or_else(|| invalid("a frame of ours is too long"))?;
        self.small.extend_from_slice(&length.to_le_bytes());
        self.small.extend_from_slice(&header);
        if frame.body.len() <= COPIED {
            self.small.extend_from_slice(&frame.body);
            return if self.small.len() < TOGETHER { Ok(()) } else { self.write_small().await };
        }
        self.write_small().await?;
        self.stream.write_all(&frame.body).await
    }

    /// Hands everything to the network.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.write_small().await?;
        self.stream.flush().await
    }

    /// Writes the gathered frames at once. A write of each frame would be a record of TLS, a call
    /// of the system and perhaps a packet each.
    async fn write_small(&mut self) -> io::Result<()> {
        if self.small.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&self.small).await?;
        self.small.clear();
        Ok(())
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use cloister_protocols::wire::{Header, MAX_PART, PartHeader, SessionId};

    use super::*;

    fn frame(bytes: usize) -> Frame {
        let part = PartHeader { sequence: 1, part: 0, last: true, tag: [3; 16] };
        let body = Bytes::from(vec![7; bytes]);
        Frame { header: Header::Part(SessionId([2; 16]), part), body }
    }

    #[actix_rt::test]
    async fn frames_of_all_sizes_arrive_as_they_were_sent() {
        let (near, far) = tokio::io::duplex(1_000);
        let sizes = [0, 1, COPIED, COPIED + 1, MAX_PART];
        let sender = actix_rt::spawn(async move {
            let mut writer = FrameWriter::new(near);
            for size in sizes {
                writer.write(&frame(size)).await.unwrap();
            }
            writer.flush().await.unwrap();
        });
        let mut reader = FrameReader::new(far);
        for size in sizes {
            assert_eq!(reader.next(|| {}).await.unwrap(), Some(frame(size)));
        }
        assert_eq!(reader.next(|| {}).await.unwrap(), None);
        sender.await.unwrap();
    }

    #[actix_rt::test]
    async fn too_long_broken_off_and_senseless_frames_are_errors() {
        let long = u32::try_from(MAX_FRAME + 1).unwrap().to_le_bytes().to_vec();
        let cut = [&8u32.to_le_bytes()[..], &[0; 3]].concat();
        let senseless = [&8u32.to_le_bytes()[..], &[255; 8]].concat();
        for bytes in [long, cut, senseless, vec![1, 0]] {
            let mut reader = FrameReader::new(bytes.as_slice());
            assert!(reader.next(|| {}).await.is_err(), "{bytes:?}");
        }
    }
}
