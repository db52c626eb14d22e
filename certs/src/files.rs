//! Files that other programs read while they are replaced.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Readable by all: for public documents only.
const PUBLIC_MODE: u32 = 0o644;

/// The failure to write a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// The system's error.
    pub error: io::Error,
}

/// Replaces a file by a public text. A concurrent reader sees the old text or the new one, and so
/// does a reader after a crash; once this returns, the new one. A symbolic link stays, and the file
/// that it names is replaced. The file is then this process's own, and readable by all.
///
/// # Errors
/// If the text cannot be written beside the file, or cannot take its name.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A file that is not there yet has no other name.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(PUBLIC_MODE))?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    // The name is the folder's.
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_behind_the_link_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("consortium-2.toml");
        let link = folder.path().join("consortium.toml");
        replace(&file, "old").unwrap();
        symlink("consortium-2.toml", &link).unwrap();
        replace(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, PUBLIC_MODE);
    }
}
