//! The end of a client's connection, for requests that run for the client alone.
//!
//! A client that ends its own direction only may still wait for an answer. Nothing tells it from one
//! that has closed the connection as a whole. So short requests are answered, and one that runs for the
//! client alone is given up after a moment.

use std::time::Duration;

use tokio::sync::watch;

/// The time for which a client that has ended its own direction may wait for a long answer.
const MOMENT: Duration = Duration::from_secs(1);

/// The side of the connection. Dropping it says that there is no connection any more.
#[derive(Debug)]
pub struct ConnectionEnd(watch::Sender<State>);

/// The side of requests.
#[derive(Clone, Debug)]
pub struct ClientGone(watch::Receiver<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The client sends nothing more.
    HalfClosed,
    /// The connection is broken.
    Broken,
}

impl Default for ConnectionEnd {
    fn default() -> Self {
        Self(watch::Sender::new(State::Open))
    }
}

impl ConnectionEnd {
    /// Notes that the client sends nothing more.
    pub fn half_closed(&self) {
        self.0.send_if_modified(|state| {
            let is_open = *state == State::Open;
            if is_open {
                *state = State::HalfClosed;
            }
            is_open
        });
    }

    /// Notes that the connection is broken.
    pub fn broken(&self) {
        self.0.send_replace(State::Broken);
    }

    /// Returns the side of requests.
    #[must_use]
    pub fn watched(&self) -> ClientGone {
        ClientGone(self.0.subscribe())
    }
}

impl ClientGone {
    /// Returns when the client has gone, or has sent nothing more for a moment.
    pub async fn gone(mut self) {
        let ended = self.0.wait_for(|state| *state != State::Open).await.map(|state| *state);
        if matches!(ended, Ok(State::HalfClosed)) {
            let broken = self.0.wait_for(|state| *state == State::Broken);
            // The time is up, or it is broken meanwhile.
            let _ = tokio::time::timeout(MOMENT, broken).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix_rt::test]
    async fn a_client_has_gone_when_its_connection_is_broken_or_dropped() {
        let end = ConnectionEnd::default();
        assert!(end.watched().gone().now_or_never().is_none());
        let (one, other) = (end.watched(), end.watched());
        end.broken();
        assert!(one.gone().now_or_never().is_some());
        drop(end);
        assert!(other.gone().now_or_never().is_some());
        let dropped = ConnectionEnd::default().watched();
        assert!(dropped.gone().now_or_never().is_some());
    }

    #[actix_rt::test]
    async fn a_client_that_ends_its_own_direction_is_waited_for_a_moment() {
        let end = ConnectionEnd::default();
        let mut gone = Box::pin(end.watched().gone());
        end.half_closed();
        assert!(gone.as_mut().now_or_never().is_none());
        end.broken();
        assert!(gone.as_mut().now_or_never().is_some());
        end.half_closed();
        assert!(end.watched().gone().now_or_never().is_some(), "it stays broken");
    }
}
