//! A new key and certificate in place of the old, while the node runs and without a moment at which a
//! crash would leave the party without an identity that others know.
//!
//! In the folder of the identity lie, beside its own two files:
//!
//! ```text
//! next/       the one to come, from `prepare` to `finish`: the other members pin it meanwhile
//! previous/   the one that was, from `finish` to `forget`
//! ```
//!
//! `finish` first copies the old identity to `previous`, then moves the two files of `next` over it, the
//! key before the certificate. Where it is interrupted between the two, the key is the new one and its
//! certificate still lies in `next`: [`Identity::load`] finds it there, and `finish` again ends what was
//! begun. Folders appear under their names when they are complete, and not before.
//!
//! Whether the other members have pinned what comes is not known here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::storage::{CERTIFICATE, KEY, NEXT, exists};
use crate::{Certificate, Fingerprint, Identity, IdentityError, Validity};

const PREVIOUS: &str = "previous";

/// Where a folder is made complete before it gets its name.
const UNFINISHED: &str = "unfinished";

/// The renewal of the identity in one folder.
#[derive(Debug, Clone)]
pub struct Renewal {
    dir: PathBuf,
}

/// How far a renewal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// There is one identity.
    Settled,
    /// Another is to come.
    Prepared {
        /// The one to come.
        next: Box<Certificate>,
    },
    /// The switch to the other was begun, and did not end.
    Interrupted,
    /// The other is in use; the old one is still there.
    Finished {
        /// The one that was.
        previous: Fingerprint,
    },
}

impl Renewal {
    /// Of the identity in this folder.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// How far it is.
    pub fn stage(&self) -> Result<Stage, IdentityError> {
        if exists(&self.next().join(KEY)) {
            let next = Identity::load(&self.next())?.certificate();
            return Ok(Stage::Prepared { next: Box::new(next) });
        }
        if exists(&self.next()) {
            return Ok(Stage::Interrupted);
        }
        match exists(&self.previous()) {
            true => {
                let previous = Identity::load(&self.previous())?.fingerprint();
                Ok(Stage::Finished { previous })
            }
            false => Ok(Stage::Settled),
        }
    }

    /// Makes the identity to come, of the same name. The one that there is stays in use.
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

    /// Puts the identity to come in the place of the old one, which is kept as the previous.
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

    /// Removes the previous identity: from now on nobody can be it. Gives back whose it was.
    pub fn forget(&self) -> Result<Fingerprint, IdentityError> {
        match self.stage()? {
            Stage::Finished { previous } => {
                let place = self.previous();
                fs::remove_dir_all(&place).map_err(|source| unwritten(&place, source))?;
                sync(&self.dir)?;
                Ok(previous)
            }
            Stage::Interrupted => Err(IdentityError::Interrupted),
            Stage::Settled | Stage::Prepared { .. } => Err(IdentityError::NothingToForget),
        }
    }

    /// Gives up the identity to come, where it is not in use yet.
    pub fn give_up(&self) -> Result<Fingerprint, IdentityError> {
        match self.stage()? {
            Stage::Prepared { next } => {
                let place = self.next();
                fs::remove_dir_all(&place).map_err(|source| unwritten(&place, source))?;
                sync(&self.dir)?;
                Ok(next.fingerprint())
            }
            Stage::Interrupted => Err(IdentityError::Interrupted),
            Stage::Settled | Stage::Finished { .. } => Err(IdentityError::NothingPrepared),
        }
    }

    /// Copies the identity in use; a copy that an interrupted switch has left is the same.
    fn keep_previous(&self) -> Result<(), IdentityError> {
        if exists(&self.previous()) {
            return Ok(());
        }
        self.put(&Identity::load(&self.dir)?, &self.previous())
    }

    /// Writes a folder in full, and then gives it its name.
    fn put(&self, identity: &Identity, place: &Path) -> Result<(), IdentityError> {
        let unfinished = self.dir.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unwritten(&unfinished, error));
            }
            _ => {}
        }
        identity.save(&unfinished)?;
        sync(&unfinished)?;
        fs::rename(&unfinished, place).map_err(|source| unwritten(place, source))?;
        sync(&self.dir)
    }

    /// Moves one file of the identity to come over the old one. The system does it at once or not at all.
    fn switch(&self, file: &str) -> Result<(), IdentityError> {
        let place = self.dir.join(file);
        fs::rename(self.next().join(file), &place).map_err(|source| unwritten(&place, source))?;
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
    fs::remove_dir(folder).map_err(|source| unwritten(folder, source))
}

/// Has the system write down the names in a folder.
fn sync(folder: &Path) -> Result<(), IdentityError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| unwritten(folder, source))
}

fn unwritten(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
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
        let again = |renewal: &Renewal| renewal.prepare(Validity::DEFAULT, SystemTime::now());
        let new = prepare(&renewal);
        assert!(matches!(again(&renewal), Err(IdentityError::AlreadyPrepared)));
        assert!(matches!(renewal.forget(), Err(IdentityError::NothingToForget)));
        assert_eq!(renewal.give_up().unwrap(), new);
        assert_eq!(in_use(&renewal), old);
        prepare(&renewal);
        renewal.finish().unwrap();
        assert!(matches!(again(&renewal), Err(IdentityError::NotForgotten)));
    }

    /// The folder as a crash after so many of the steps of `finish` leaves it.
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
            // What a node that starts now would use.
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

    #[test]
    fn both_keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, renewal, _) = settled();
        prepare(&renewal);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(renewal.next().join(KEY)), 0o600);
        assert_eq!(mode(renewal.next()), 0o700);
        renewal.finish().unwrap();
        assert_eq!(mode(renewal.dir.join(KEY)), 0o600);
        assert_eq!(mode(renewal.previous().join(KEY)), 0o600);
    }
}
