//! An identity on disk: `certificate.pem`, readable for all, and `key.pem`, readable for its owner
//! alone.
//!
//! The key file has its mode before its first byte, and an existing file is never written to. A key
//! that others can read is refused. This module needs Unix file modes; there is no weaker way for
//! other systems. It does not encrypt the key, because a node starts without a person.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::identity::Identity;
use crate::identity_error::{AssembleError, IdentityError};
use crate::pem_text;

/// The certificate's file in an identity's folder.
pub(crate) const CERTIFICATE: &str = "certificate.pem";
/// The private key's file in an identity's folder.
pub(crate) const KEY: &str = "key.pem";
/// The folder with the next identity, during a renewal.
pub(crate) const NEXT: &str = "next";

const FOLDER_MODE: u32 = 0o700;
const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// All permission bits, without the file's type.
const PERMISSIONS: u32 = 0o7777;

/// More than any certificate or key of ours as text: an ECDSA key with one name is below 2 KiB. Memory
/// for it is reserved before reading.
const MAX_FILE_LENGTH: u16 = 32 * 1024;

impl Identity {
    /// Writes the identity into a folder, which is made (for its owner alone) if need be. Refuses a
    /// folder that holds an identity or part of one.
    pub fn save(&self, dir: &Path) -> Result<(), IdentityError> {
        let (certificate, key) = paths(dir);
        refuse_existing(&certificate)?;
        refuse_existing(&key)?;
        make_folder(dir)?;
        write_new(&key, KEY_MODE, self.key_pem().as_bytes())?;
        let written = write_new(&certificate, CERTIFICATE_MODE, self.certificate_pem().as_bytes());
        if written.is_err() {
            // Half an identity would block the next attempt. This key was made a moment ago and
            // no other party knows of it; the error to report is the first one.
            let _ = fs::remove_file(&key);
        }
        written
    }

    /// Reads an identity from its folder. After a renewal that was interrupted between key and
    /// certificate, this is the identity of the key.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let (certificate, key) = paths(dir);
        let next = dir.join(NEXT).join(CERTIFICATE);
        let loaded = Self::load_from(&certificate, &key);
        if !matches!(loaded, Err(IdentityError::Mismatch { .. })) || !exists(&next) {
            return loaded;
        }
        Self::load_from(&next, &key).map_err(|error| match error {
            IdentityError::Mismatch { key, .. } => IdentityError::Mismatch { key, certificate },
            other => other,
        })
    }

    fn load_from(certificate_path: &Path, key_path: &Path) -> Result<Self, IdentityError> {
        let (certificate_text, _) = read_bounded(certificate_path)?;
        let (key_text, mode) = read_bounded(key_path)?;
        if mode & OTHERS != 0 {
            return Err(IdentityError::Exposed { path: key_path.to_owned(), mode });
        }
        let certificate = pem_text::certificate(&certificate_text)
            .map_err(|fault| IdentityError::Pem { path: certificate_path.to_owned(), fault })?;
        let key = pem_text::private_key(&key_text)
            .map_err(|fault| IdentityError::Pem { path: key_path.to_owned(), fault })?;
        Self::assemble(certificate, key)
            .map_err(|error| name_files(error, certificate_path.to_owned(), key_path.to_owned()))
    }
}

/// Returns `true` if the path exists, even as a link to nothing.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn paths(dir: &Path) -> (PathBuf, PathBuf) {
    (dir.join(CERTIFICATE), dir.join(KEY))
}

fn refuse_existing(path: &Path) -> Result<(), IdentityError> {
    // Not `Path::exists`, which follows a link and finds a dangling one absent; nor `exists`, which
    // takes an error for absence.
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(IdentityError::Write { path: path.to_owned(), source }),
        Ok(_) => Err(IdentityError::Exists { path: path.to_owned() }),
    }
}

fn make_folder(dir: &Path) -> Result<(), IdentityError> {
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(dir)
        .map_err(|source| IdentityError::Write { path: dir.to_owned(), source })
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), IdentityError> {
    create_and_fill(path, mode, bytes).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists { path: path.to_owned() },
        _ => IdentityError::Write { path: path.to_owned(), source },
    })
}

fn create_and_fill(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let filled = fill(file, mode, bytes);
    if filled.is_err() {
        // A part of a file would block the next attempt. The error to report is the first one.
        let _ = fs::remove_file(path);
    }
    filled
}

fn fill(mut file: File, mode: u32, bytes: &[u8]) -> io::Result<()> {
    // The umask may have removed bits; it cannot add any.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads a file's bytes and permission bits, both of the opened file, so that it cannot be exchanged
/// between two looks at it.
fn read_bounded(path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), IdentityError> {
    match open_and_read(path) {
        Ok(None) => Err(IdentityError::NotAFile { path: path.to_owned() }),
        Ok(Some((bytes, _))) if bytes.len() > usize::from(MAX_FILE_LENGTH) => {
            let limit = u64::from(MAX_FILE_LENGTH);
            Err(IdentityError::TooLarge { path: path.to_owned(), limit })
        }
        Ok(Some(read)) => Ok(read),
        Err(source) => Err(IdentityError::Read { path: path.to_owned(), source }),
    }
}

/// Reads up to one byte more than the limit. Returns `None` if the path is not a file.
fn open_and_read(path: &Path) -> io::Result<Option<(Zeroizing<Vec<u8>>, u32)>> {
    // Before opening, because opening a pipe waits for a writer.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & PERMISSIONS;
    Ok(Some((read_at_most(file, MAX_FILE_LENGTH)?, mode)))
}

/// Reads up to one byte more than `limit`, into memory that is never moved. A growing buffer would
/// leave copies of a key behind.
fn read_at_most(file: File, limit: u16) -> io::Result<Zeroizing<Vec<u8>>> {
    // More room than is read, so that `read_to_end` never finds the buffer full, and never grows it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::from(limit) + 64));
    file.take(u64::from(limit) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name_files(error: AssembleError, certificate: PathBuf, key: PathBuf) -> IdentityError {
    match error {
        AssembleError::Certificate(fault) => {
            IdentityError::Certificate { path: certificate, fault }
        }
        AssembleError::Key => IdentityError::Key { path: key },
        AssembleError::Mismatch => IdentityError::Mismatch { key, certificate },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::SystemTime;

    use tempfile::TempDir;

    use super::*;
    use crate::certificate::CertificateFault;
    use crate::pem_text::PemFault;
    use crate::validity::Validity;

    fn identity(name: &str) -> Identity {
        Identity::create(name, Validity::days(90), SystemTime::now()).unwrap()
    }

    fn saved(name: &str) -> TempDir {
        let dir = TempDir::new().unwrap();
        identity(name).save(dir.path()).unwrap();
        dir
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & PERMISSIONS
    }

    fn refusal(dir: &TempDir) -> IdentityError {
        Identity::load(dir.path()).unwrap_err()
    }

    /// Checks that a refusal names the file and the action to take.
    fn assert_says(error: &IdentityError, path: &Path, advice: &str) {
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains(advice), "{text}");
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let dir = TempDir::new().unwrap();
        let made = identity("alice");
        made.save(dir.path()).unwrap();
        let loaded = Identity::load(dir.path()).unwrap();
        assert_eq!(loaded.facts(), made.facts());
        assert_eq!(loaded.certificate_pem(), made.certificate_pem());
        assert_eq!(loaded.key_pem(), made.key_pem());
    }

    #[test]
    fn the_key_and_its_folder_are_for_their_owner_alone() {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("identity");
        identity("alice").save(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(KEY)), 0o600);
        assert_eq!(mode(&folder.join(CERTIFICATE)), 0o644);
    }

    #[test]
    fn never_overwrites_any_part_of_an_identity() {
        for name in [CERTIFICATE, KEY] {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join(name);
            fs::write(&path, "precious").unwrap();
            let error = identity("alice").save(dir.path()).unwrap_err();
            assert!(matches!(error, IdentityError::Exists { .. }), "{error}");
            assert_says(&error, &path, "another folder");
            assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside it");
        }
    }

    #[test]
    fn does_not_write_through_a_dangling_link() {
        let dir = TempDir::new().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        symlink(&elsewhere, dir.path().join(KEY)).unwrap();
        let error = identity("alice").save(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Exists { .. }), "{error}");
        assert!(!elsewhere.exists());
    }

    #[test]
    fn says_which_folder_can_not_be_made() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = identity("alice").save(&file.join("identity")).unwrap_err();
        assert!(matches!(error, IdentityError::Write { .. }), "{error}");
        assert_says(&error, &file, "can't write");
    }

    #[test]
    fn refuses_a_key_that_others_can_read() {
        let dir = saved("alice");
        let key = dir.path().join(KEY);
        for others in [0o640, 0o604, 0o660, 0o601, 0o644] {
            fs::set_permissions(&key, Permissions::from_mode(others)).unwrap();
            let error = refusal(&dir);
            assert!(matches!(error, IdentityError::Exposed { .. }), "{error}");
            assert_says(&error, &key, &format!("chmod 600 {}", key.display()));
        }
        fs::set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
        Identity::load(dir.path()).unwrap();
    }

    #[test]
    fn refuses_the_key_of_another_identity() {
        let (alice, bob) = (saved("alice"), saved("bob"));
        let key = alice.path().join(KEY);
        fs::copy(bob.path().join(KEY), &key).unwrap();
        let error = refusal(&alice);
        assert!(matches!(error, IdentityError::Mismatch { .. }), "{error}");
        assert_says(&error, &key, "restore the two files of one identity");
        assert_says(&error, &alice.path().join(CERTIFICATE), "restore");
    }

    #[test]
    fn refuses_damaged_text_and_more_than_one_certificate() {
        let dir = saved("alice");
        for (name, fault) in [
            (CERTIFICATE, PemFault::Several { found: 2 }),
            (KEY, PemFault::Several { found: 2 }),
            (CERTIFICATE, PemFault::Damaged),
            (KEY, PemFault::Damaged),
            (CERTIFICATE, PemFault::Empty),
            (KEY, PemFault::Empty),
        ] {
            let path = dir.path().join(name);
            let original = fs::read_to_string(&path).unwrap();
            fs::write(&path, damage(&original, &fault)).unwrap();
            match refusal(&dir) {
                IdentityError::Pem { fault: found, .. } => assert_eq!(found, fault, "{name}"),
                other => panic!("{other}"),
            }
            assert_says(&refusal(&dir), &path, "restore the original");
            fs::write(&path, original).unwrap();
        }
        Identity::load(dir.path()).unwrap();
    }

    fn damage(text: &str, fault: &PemFault) -> String {
        match fault {
            PemFault::Several { found } => text.repeat(*found),
            PemFault::Damaged => text.replacen("\nM", "\n?", 1),
            _ => String::new(),
        }
    }

    #[test]
    fn refuses_pem_around_garbage() {
        let dir = saved("alice");
        let certificate = dir.path().join(CERTIFICATE);
        let original = fs::read(&certificate).unwrap();
        let garbage = pem_text::of_certificate(&b"garbage".to_vec().into());
        fs::write(&certificate, garbage).unwrap();
        let error = refusal(&dir);
        let fault = CertificateFault::Encoding;
        assert!(matches!(&error, IdentityError::Certificate { fault: f, .. } if *f == fault));
        assert_says(&error, &certificate, "restore the original");

        fs::write(&certificate, original).unwrap();
        let key = dir.path().join(KEY);
        fs::write(&key, &*pem_text::of_private_key(&b"garbage".to_vec().into())).unwrap();
        let error = refusal(&dir);
        assert!(matches!(error, IdentityError::Key { .. }), "{error}");
        assert_says(&error, &key, "restore the original");
    }

    #[test]
    fn refuses_what_is_too_large() {
        let dir = saved("alice");
        for name in [KEY, CERTIFICATE] {
            let path = dir.path().join(name);
            let mut text = fs::read(&path).unwrap();
            text.resize(usize::from(MAX_FILE_LENGTH) + 1, b'\n');
            fs::write(&path, &text).unwrap();
            let error = refusal(&dir);
            assert!(matches!(error, IdentityError::TooLarge { .. }), "{error}");
            assert_says(&error, &path, "32768 bytes");
            fs::write(&path, &text[..usize::from(MAX_FILE_LENGTH)]).unwrap();
            Identity::load(dir.path()).unwrap();
        }
    }

    #[test]
    fn refuses_what_is_no_file_and_what_is_missing() {
        let dir = TempDir::new().unwrap();
        let certificate = dir.path().join(CERTIFICATE);
        let error = refusal(&dir);
        assert!(matches!(error, IdentityError::Read { .. }), "{error}");
        assert_says(&error, &certificate, "cloister identity new");
        fs::create_dir(&certificate).unwrap();
        let error = refusal(&dir);
        assert!(matches!(error, IdentityError::NotAFile { .. }), "{error}");
        assert_says(&error, &certificate, "not a file");
    }

    #[test]
    fn no_refusal_shows_the_key() {
        let dir = saved("alice");
        let key = dir.path().join(KEY);
        let secret = fs::read_to_string(&key).unwrap();
        let line = secret.lines().nth(1).unwrap();
        fs::write(&key, secret.replacen("-----END", "-----BEGIN", 1)).unwrap();
        let error = refusal(&dir);
        assert!(!format!("{error} {error:?}").contains(line));
    }
}
