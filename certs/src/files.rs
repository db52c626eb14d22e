//! Files that other programs read while they are replaced.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Readable by all: for public documents only.
const PUBLIC_MODE: u32 = 0o644;

/// Replaces a file by a public text. A concurrent reader sees the old text or the new one.
///
/// # Errors
/// If the text cannot be written beside the file, or cannot take its name.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(PUBLIC_MODE))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
