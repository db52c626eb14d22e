//! The state folder: its permissions, and the file with the node's key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::seal;

const KEY_FILE: &str = "key";
const DATABASE_FILE: &str = "state.redb";
const KEY_BYTES: usize = 32;

/// Returns whether a state was begun in a folder. Makes nothing.
pub(crate) fn has_state(path: &Path) -> bool {
    path.join(DATABASE_FILE).is_file()
}

/// A state folder that exists and that only its owner may enter.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if there is none, and removes the rights of group and others.
    pub(crate) fn prepare(path: &Path) -> Result<Self, VaultError> {
        make_folder(path)
            .and_then(|()| restrict(path, 0o700))
            .map_err(|error| VaultError::folder(path, error))?;
        Ok(Self(path.to_path_buf()))
    }

    /// Makes a folder that is not there yet, for its owner only.
    pub(crate) fn begin(path: &Path) -> Result<Self, VaultError> {
        make_one(path).map_err(|error| VaultError::folder(path, error))?;
        Ok(Self(path.to_path_buf()))
    }

    /// Returns the path of the database. Makes the file if there is none, for its owner only, and
    /// flushes its entry in the folder to disk.
    pub(crate) fn database(&self) -> Result<PathBuf, VaultError> {
        let path = self.0.join(DATABASE_FILE);
        let file = owner_only().read(true).append(true).create(true).open(&path);
        file.and_then(|_| restrict(&path, 0o600))
            .and_then(|()| self.sync())
            .map_err(|error| VaultError::folder(&path, error))?;
        Ok(path)
    }

    /// Returns the length of the database's file, in bytes; 0 if there is none.
    pub(crate) fn database_bytes(&self) -> u64 {
        fs::metadata(self.0.join(DATABASE_FILE)).map_or(0, |file| file.len())
    }

    /// Reads the key, if there is one.
    pub(crate) fn key(&self) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, VaultError> {
        let path = self.0.join(KEY_FILE);
        match read_key(&path) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError::folder(&path, error)),
        }
    }

    /// Makes the key. The caller must hold the database's lock.
    pub(crate) fn make_key(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let key = Zeroizing::new(seal::random::<KEY_BYTES>()?);
        self.put_key(&key)?;
        Ok(key)
    }

    /// Writes the key of a state. The caller must hold the database's lock, or have made the folder.
    pub(crate) fn put_key(&self, key: &[u8; KEY_BYTES]) -> Result<(), VaultError> {
        let path = self.0.join(KEY_FILE);
        let draft = self.0.join("key.new");
        write_key(&draft, key)
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| self.sync())
            .map_err(|error| VaultError::folder(&path, error))
    }

    /// Flushes the folder's entries to disk, on systems that can open folders.
    #[cfg(unix)]
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn read_key(path: &Path) -> io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    let file = File::open(path)?;
    restrict(path, 0o600)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let key: [u8; KEY_BYTES] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a key is 32 bytes long"))?;
    Ok(Zeroizing::new(key))
}

fn write_key(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    // A draft that a crash left behind was never used.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = owner_only().write(true).create_new(true).open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

/// Makes the folder and its missing parents, for the owner only from the start.
#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes one folder, which must not be there, for the owner only from the start.
#[cfg(unix)]
fn make_one(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_one(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn owner_only() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn owner_only() -> OpenOptions {
    OpenOptions::new()
}

/// Removes the rights of group and others, with a warning. A restored copy or an orchestrator that
/// mounts the folder may have granted them.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs::metadata(path)?.permissions().mode();
    if found & 0o077 == 0 {
        return Ok(());
    }
    let found = format!("{:o}", found & 0o777);
    tracing::warn!(path = %path.display(), found, "taken from group and others");
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
