//! The end of readings whose rows are awaited no longer.

use tokio::sync::watch;

/// The sign that a reading is to end. It is given by dropping the [`Stopper`].
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<()>);

/// The hand that ends readings, by being dropped.
#[derive(Debug)]
pub struct Stopper {
    _sender: watch::Sender<()>,
}

impl Stop {
    /// Returns a sign that was not given, and the hand that gives it.
    #[must_use]
    pub fn pair() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(());
        (Stopper { _sender: sender }, Self(receiver))
    }

    /// Returns `true` once the sign was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits until the sign is given, on any runtime.
    pub(crate) async fn given(&self) {
        let mut receiver = self.0.clone();
        while receiver.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_given_when_its_hand_is_gone() {
        let (stopper, stop) = Stop::pair();
        let other = stop.clone();
        assert!(!stop.is_given() && !other.is_given());
        drop(stopper);
        assert!(stop.is_given() && other.is_given());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(other.given());
    }
}
