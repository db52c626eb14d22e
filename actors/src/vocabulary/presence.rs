//! The presence of a client that waits for an answer.
//!
//! A request that is given up ends what runs for it alone. Each side drops its own half.

use tokio::sync::oneshot;

/// The half of the request: it is dropped with it, when it was answered or given up.
#[derive(Debug)]
#[must_use = "the client counts as gone when it is dropped"]
pub struct Present {
    _here: oneshot::Sender<()>,
}

/// The half of what runs for the request.
#[derive(Debug, Default)]
pub struct Awaited(Option<oneshot::Receiver<()>>);

/// Creates both halves.
pub fn presence() -> (Present, Awaited) {
    let (here, gone) = oneshot::channel();
    (Present { _here: here }, Awaited(Some(gone)))
}

impl Awaited {
    /// Returns when the client has gone, and never if nothing is known of it.
    pub async fn given_up(self) {
        match self.0 {
            // Nothing is sent: the wait ends when the other half is dropped.
            Some(gone) => drop(gone.await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_client_has_gone_when_its_half_is_dropped() {
        let (present, awaited) = presence();
        let mut gone = Box::pin(awaited.given_up());
        assert!(gone.as_mut().now_or_never().is_none());
        drop(present);
        assert!(gone.as_mut().now_or_never().is_some());
        assert!(Awaited::default().given_up().now_or_never().is_none());
    }
}
