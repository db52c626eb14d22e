//! Renewal of an identity: a new key and certificate in place of the old, while the node runs. At
//! no moment does a crash leave the party without an identity that others know.
//!
//! The folder of the identity holds, beside its own two files:
//!
//! ```text
//! next/       the next identity, from `prepare` to `finish`: the other members pin it meanwhile
//! previous/   the previous identity, from `finish` to `forget`
//! ```
//!
//! `finish` copies the old identity to `previous`, then moves the two files of `next` over it, the
//! key before the certificate. A crash between the two moves leaves the new key and its certificate
//! in `next`. Then [`Identity::load`] reads the certificate there, and a second `finish` completes
//! the first. A folder gets its name only when it is complete.
//!
//! Nothing here knows whether the other members have pinned the next identity.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::fingerprint::Fingerprint;
use crate::identity::Identity;
use crate::identity_error::IdentityError;
use crate::signing::Certificate;
use crate::storage::{CERTIFICATE, KEY, NEXT, exists};
use crate::validity::Validity;

const PREVIOUS: &str = "previous";

/// The name of a folder that is not complete yet.
const UNFINISHED: &str = "unfinished";

/// The renewal of the identity in one folder.
#[derive(Debug, Clone)]
pub struct Renewal {
    dir: PathBuf,
}

/// The stage of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// There is one identity, and no renewal.
    Settled,
    /// The next identity is prepared, and not in use.
    Prepared {
        /// The next certificate.
        next: Box<Certificate>,
    },
    /// The switch to the next identity began and did not end.
    Interrupted,
    /// The next identity is in use, and the previous one is still kept.
    Finished {
        /// The fingerprint of the previous identity.
        previous: Fingerprint,
    },
}

impl Renewal {
    /// Makes the renewal of the identity in this folder. Reads nothing.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Reads the stage from the folder.
    pub fn stage(&self) -> Result<Stage, IdentityError> {
        if exists(&self.next().join(KEY)) {
            let next = Identity::load(&self.next())?.certificate();
            return Ok(Stage::Prepared { next: Box::new(next) });
        }
        if exists(&self.next()) {
            return Ok(Stage::Interrupted);
        }
        if exists(&self.previous()) {
            let previous = Identity::load(&self.previous())?.fingerprint();
            return Ok(Stage::Finished { previous });
        }
        Ok(Stage::Settled)
    }

    /// Makes the next identity, of the same name. The current one stays in use.
    pub fn prepare(&self, validity: Validity, now: SystemTime) -> Result<Identity, IdentityError> {
        match self.stage()? {
            Stage::Settled => {}
            Stage::Prepared { .. } => return Err(IdentityError::AlreadyPrepared),
            Stage::Interrupted => return Err(IdentityError::Interrupted),
            Stage::Finished { .. } => return Err(IdentityError::NotForgotten),
        }
        let current = Identity::load(&self.dir)?;
        let next = Identity::create(current.name(), validity, now)?;
        self.put(&next, &self.next())?;
        Ok(next)
    }

    /// Puts the next identity in the place of the current one, which is kept as the previous.
    pub fn finish(&self) -> Result<Identity, IdentityError> {
        match self.stage()? {
            Stage::Prepared { .. } => {
                self.keep_previous()?;
                self.switch(KEY)?;
            }
            Stage::Interrupted => {}
            Stage::Settled | Stage::Finished { .. } => return Err(IdentityError::NothingPrepared),
        }
        if exists(&self.next().join(CERTIFICATE)) {
            self.switch(CERTIFICATE)?;
        }
        remove_empty(&self.next())?;
        Identity::load(&self.dir)
    }

    /// Removes the previous identity with its key, and returns its fingerprint.
    pub fn forget(&self) -> Result<Fingerprint, IdentityError> {
        match self.stage()? {
            Stage::Finished { previous } => {
                self.remove(&self.previous())?;
                Ok(previous)
            }
            Stage::Interrupted => Err(IdentityError::Interrupted),
            Stage::Settled | Stage::Prepared { .. } => Err(IdentityError::NothingToForget),
        }
    }

    /// Removes the next identity if it is not in use yet, and returns its fingerprint.
    pub fn give_up(&self) -> Result<Fingerprint, IdentityError> {
        match self.stage()? {
            Stage::Prepared { next } => {
                self.remove(&self.next())?;
                Ok(next.fingerprint())
            }
            Stage::Interrupted => Err(IdentityError::Interrupted),
            Stage::Settled | Stage::Finished { .. } => Err(IdentityError::NothingPrepared),
        }
    }

    /// Copies the identity in use, unless an interrupted switch has left a copy of it.
    fn keep_previous(&self) -> Result<(), IdentityError> {
        if exists(&self.previous()) {
            return Ok(());
        }
        self.put(&Identity::load(&self.dir)?, &self.previous())
    }

    /// Writes a folder in full, and then renames it to its place.
    fn put(&self, identity: &Identity, place: &Path) -> Result<(), IdentityError> {
        let unfinished = self.dir.join(UNFINISHED);
        if let Err(error) = fs::remove_dir_all(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(write_error(&unfinished, error));
        }
        identity.save(&unfinished)?;
        sync(&unfinished)?;
        fs::rename(&unfinished, place).map_err(|source| write_error(place, source))?;
        sync(&self.dir)
    }

    fn remove(&self, folder: &Path) -> Result<(), IdentityError> {
        fs::remove_dir_all(folder).map_err(|source| write_error(folder, source))?;
        sync(&self.dir)
    }

    /// Moves one file of the next identity over the current one. The move is atomic.
    fn switch(&self, file: &str) -> Result<(), IdentityError> {
        let place = self.dir.join(file);
        fs::rename(self.next().join(file), &place).map_err(|source| write_error(&place, source))?;
        sync(&self.dir)
    }

    fn next(&self) -> PathBuf {
        self.dir.join(NEXT)
    }

    fn previous(&self) -> PathBuf {
        self.dir.join(PREVIOUS)
    }
}

fn remove_empty(folder: &Path) -> Result<(), IdentityError> {
    fs::remove_dir(folder).map_err(|source| write_error(folder, source))
}

/// Flushes the names in a folder to disk.
fn sync(folder: &Path) -> Result<(), IdentityError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|source| write_error(folder, source))
}

fn write_error(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn settled() -> (TempDir, Renewal, Fingerprint) {
        let dir = TempDir::new().unwrap();
        let place = dir.path().join("identity");
        let identity = Identity::create("alice", Validity::days(90), SystemTime::now()).unwrap();
        identity.save(&place).unwrap();
        (dir, Renewal::of(&place), identity.fingerprint())
    }

    fn prepare(renewal: &Renewal) -> Fingerprint {
        renewal.prepare(Validity::DEFAULT, SystemTime::now()).unwrap().fingerprint()
    }

    fn refusal_to_prepare(renewal: &Renewal) -> IdentityError {
        renewal.prepare(Validity::DEFAULT, SystemTime::now()).unwrap_err()
    }

    fn in_use(renewal: &Renewal) -> Fingerprint {
        Identity::load(&renewal.dir).unwrap().fingerprint()
    }

    #[test]
    fn a_renewal_goes_from_one_identity_to_another_by_two() {
        let (_dir, renewal, old) = settled();
        assert_eq!(renewal.stage().unwrap(), Stage::Settled);
        let new = prepare(&renewal);
        assert_ne!(new, old);
        assert_eq!(in_use(&renewal), old);
        let Stage::Prepared { next } = renewal.stage().unwrap() else { panic!() };
        assert_eq!((next.fingerprint(), next.facts().name()), (new, "alice"));

        assert_eq!(renewal.finish().unwrap().fingerprint(), new);
        assert_eq!(in_use(&renewal), new);
        assert_eq!(renewal.stage().unwrap(), Stage::Finished { previous: old });
        assert_eq!(renewal.forget().unwrap(), old);
        assert_eq!(renewal.stage().unwrap(), Stage::Settled);
        assert_eq!(fs::read_dir(&renewal.dir).unwrap().count(), 2);
    }

    #[test]
    fn steps_out_of_order_change_nothing() {
        let (_dir, renewal, old) = settled();
        assert!(matches!(renewal.finish(), Err(IdentityError::NothingPrepared)));
        assert!(matches!(renewal.forget(), Err(IdentityError::NothingToForget)));
        assert!(matches!(renewal.give_up(), Err(IdentityError::NothingPrepared)));
        let new = prepare(&renewal);
        assert!(matches!(refusal_to_prepare(&renewal), IdentityError::AlreadyPrepared));
        assert!(matches!(renewal.forget(), Err(IdentityError::NothingToForget)));
        assert_eq!(renewal.give_up().unwrap(), new);
        assert_eq!(in_use(&renewal), old);
        prepare(&renewal);
        renewal.finish().unwrap();
        assert!(matches!(refusal_to_prepare(&renewal), IdentityError::NotForgotten));
    }

    /// Does the first steps of `finish`, as a crash after them would leave the folder.
    fn crash(renewal: &Renewal, steps: usize) {
        let all: [&dyn Fn(); 4] = [
            &|| renewal.keep_previous().unwrap(),
            &|| renewal.switch(KEY).unwrap(),
            &|| renewal.switch(CERTIFICATE).unwrap(),
            &|| remove_empty(&renewal.next()).unwrap(),
        ];
        all.iter().take(steps).for_each(|step| step());
    }

    #[test]
    fn after_a_crash_an_identity_is_there_and_the_old_key_is_not_lost() {
        for steps in 0..=3 {
            let (_dir, renewal, old) = settled();
            let new = prepare(&renewal);
            crash(&renewal, steps);
            // A node that starts now would use it.
            assert_eq!(in_use(&renewal), if steps < 2 { old } else { new }, "{steps}");
            assert_eq!(renewal.finish().unwrap().fingerprint(), new, "{steps}");
            assert_eq!(renewal.stage().unwrap(), Stage::Finished { previous: old }, "{steps}");
        }
    }

    #[test]
    fn a_crash_while_preparing_leaves_what_was() {
        let (_dir, renewal, old) = settled();
        let unfinished = renewal.dir.join(UNFINISHED);
        fs::create_dir(&unfinished).unwrap();
        fs::write(unfinished.join(KEY), "half a key").unwrap();
        assert_eq!(renewal.stage().unwrap(), Stage::Settled);
        let new = prepare(&renewal);
        assert_eq!(in_use(&renewal), old);
        assert_eq!(renewal.finish().unwrap().fingerprint(), new);
    }

    fn mode(path: PathBuf) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn both_keys_are_for_their_owner_alone() {
        let (_dir, renewal, _) = settled();
        prepare(&renewal);
        assert_eq!(mode(renewal.next().join(KEY)), 0o600);
        assert_eq!(mode(renewal.next()), 0o700);
        renewal.finish().unwrap();
        assert_eq!(mode(renewal.dir.join(KEY)), 0o600);
        assert_eq!(mode(renewal.previous().join(KEY)), 0o600);
    }
}
