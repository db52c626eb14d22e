//! Access to files, bounded to the folders that the operator names.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{DeclarationError, SourceError, Unavailable};
use crate::hosts::DatabaseHosts;
use crate::partition::{self, DataFile};
use crate::stop::Stop;

/// The most files of one dataset, with the folders that they are in.
const MAX_FILES: usize = 10_000;

/// The usual bound of what a database server may send beyond the rows that were taken.
pub const MESSAGE_BYTES: usize = 32 << 20;

/// The bounds within which sources are read.
#[derive(Clone, Debug)]
pub struct Access {
    /// The folders in which files must lie, each as [`std::fs::canonicalize`] writes it.
    pub folders: Vec<PathBuf>,
    /// The time for a database to connect, and for one statement with all its rows.
    pub timeout: Duration,
    /// The most rows of a batch; at least 1.
    pub batch_rows: usize,
    /// The hosts of databases that may be connected to.
    pub hosts: DatabaseHosts,
    /// The most bytes that a database server may send beyond the rows that were taken.
    pub message_bytes: usize,
    /// The sign that the rows are awaited no longer. A statement ends at its server, too.
    pub stop: Option<Stop>,
}

impl Default for Access {
    /// Returns bounds for no folder, this machine's databases, and the usual sizes.
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            timeout: Duration::from_secs(60),
            batch_rows: 10_000,
            hosts: DatabaseHosts::default(),
            message_bytes: MESSAGE_BYTES,
            stop: None,
        }
    }
}

impl Access {
    /// Returns `true` if the rows are awaited no longer.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_given)
    }

    /// Lists the files of a source: the path itself, or the files with that extension, in any case,
    /// in the folder and in the partitions below it, by path. Hidden files and those with another
    /// extension are ignored.
    pub(crate) fn files(
        &self,
        path: &Path,
        extension: &'static str,
    ) -> Result<Vec<DataFile>, SourceError> {
        let real = self.resolve(path)?;
        if !real.is_dir() {
            return Ok(vec![DataFile::alone(real)]);
        }
        let mut files = Vec::new();
        let mut folders = vec![(real.clone(), Vec::new())];
        let mut seen: usize = 0;
        while let Some((folder, keys)) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|error| file_error(&folder, &error))? {
                let path = entry.map_err(|error| file_error(&folder, &error))?.path();
                if is_hidden(&path) {
                    continue;
                }
                seen = seen.saturating_add(1);
                if seen > MAX_FILES {
                    return Err(DeclarationError::TooManyFiles(file_name(&real)).into());
                }
                let ends = |ending: &OsStr| ending.eq_ignore_ascii_case(extension);
                if path.is_dir() {
                    let keys = partition::below(&keys, &path)?;
                    folders.push((self.resolve(&path)?, keys));
                } else if path.extension().is_some_and(ends) {
                    files.push(DataFile::in_partition(path, keys.clone()));
                }
            }
        }
        if files.is_empty() {
            let folder = file_name(&real);
            return Err(DeclarationError::EmptyFolder { folder, extension }.into());
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        partition::check_alike(&files)?;
        Ok(files)
    }

    /// Opens a regular file within the folders.
    ///
    /// A user who can write to a folder could replace a path by a symbolic link between its check
    /// and its opening. So the path of the opened file itself is checked.
    pub(crate) fn open(&self, path: &Path) -> Result<File, SourceError> {
        let real = self.resolve(path)?;
        // Opening a pipe would wait for its writer.
        if !real.is_file() {
            return Err(DeclarationError::NotAFile(file_name(path)).into());
        }
        let file = File::open(&real).map_err(|error| file_error(&real, &error))?;
        let opened = opened_path(&file, &real).map_err(|error| file_error(&real, &error))?;
        self.check_within(&opened)?;
        let metadata = file.metadata().map_err(|error| file_error(&real, &error))?;
        if !metadata.is_file() {
            return Err(DeclarationError::NotAFile(file_name(path)).into());
        }
        Ok(file)
    }

    /// Resolves symbolic links, and checks that the path lies within the folders.
    pub(crate) fn resolve(&self, path: &Path) -> Result<PathBuf, SourceError> {
        match fs::canonicalize(path) {
            Ok(real) => self.check_within(&real).map(|()| real),
            // An error must not reveal the existence of a file outside of the folders.
            Err(error) => {
                self.check_within(&nearest_existing(path))?;
                Err(file_error(path, &error))
            }
        }
    }

    fn check_within(&self, real: &Path) -> Result<(), SourceError> {
        if self.folders.iter().any(|folder| real.starts_with(folder)) {
            Ok(())
        } else {
            Err(DeclarationError::OutsideFolders.into())
        }
    }
}

/// Returns the longest existing part of the path, without symbolic links.
fn nearest_existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_default();
    absolute.ancestors().skip(1).find_map(|part| fs::canonicalize(part).ok()).unwrap_or_default()
}

/// Returns the path of an open file. A file that was removed meanwhile is in no folder.
#[cfg(target_os = "linux")]
fn opened_path(file: &File, _: &Path) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;

    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Returns the path of an open file, if the file is still the one of that path.
#[cfg(all(unix, not(target_os = "linux")))]
fn opened_path(file: &File, real: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt;

    let (opened, named) = (file.metadata()?, fs::symlink_metadata(real)?);
    let same = opened.dev() == named.dev() && opened.ino() == named.ino();
    if !same {
        return Err(io::ErrorKind::NotFound.into());
    }
    fs::canonicalize(real)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Returns the last part of a path, the only part that messages show.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(crate) fn file_error(path: &Path, error: &io::Error) -> SourceError {
    Unavailable::File { name: file_name(path), reason: error.kind() }.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes a temporary folder, with one folder in it that may be read and one that may not.
    fn folders() -> (tempfile::TempDir, Access, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        let (inside, outside) = (real.join("inside"), real.join("outside"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret.csv"), "a\n1\n").unwrap();
        let access = Access { folders: vec![inside], batch_rows: 10, ..Access::default() };
        (root, access, outside)
    }

    #[track_caller]
    fn is_outside(result: Result<impl Sized, SourceError>) {
        let Err(error) = result else { panic!("opened") };
        let outside = SourceError::Declaration(DeclarationError::OutsideFolders).to_string();
        assert_eq!(error.to_string(), outside);
    }

    #[test]
    fn files_outside_are_not_opened_by_any_way() {
        let (_root, access, outside) = folders();
        let inside = access.folders[0].clone();
        is_outside(access.open(&outside.join("secret.csv")));
        is_outside(access.open(&inside.join("../outside/secret.csv")));
        is_outside(access.open(&outside.join("nothing.csv")));
        is_outside(access.open(&inside.join("../outside/nothing.csv")));
        is_outside(access.open(Path::new("/etc/passwd")));
        symlink(outside.join("secret.csv"), inside.join("link.csv")).unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        is_outside(access.open(&inside.join("link.csv")));
        is_outside(access.open(&inside.join("folder/secret.csv")));
        is_outside(access.files(&inside.join("folder"), "csv"));
        // A sibling whose name begins alike.
        fs::create_dir(inside.with_file_name("inside2")).unwrap();
        fs::write(inside.with_file_name("inside2").join("a.csv"), "a\n").unwrap();
        is_outside(access.open(&inside.with_file_name("inside2").join("a.csv")));
    }

    #[test]
    fn links_within_the_folders_are_followed() {
        let (_root, access, _) = folders();
        let inside = &access.folders[0];
        fs::write(inside.join("a.csv"), "a\n").unwrap();
        symlink(inside.join("a.csv"), inside.join("b.csv")).unwrap();
        assert!(access.open(&inside.join("b.csv")).is_ok());
        let missing = access.open(&inside.join("c.csv")).unwrap_err();
        assert!(missing.to_string().contains("\"c.csv\" cannot be read"), "{missing}");
    }

    #[test]
    fn a_folders_files_are_listed_by_name() {
        let (_root, access, _) = folders();
        let inside = &access.folders[0];
        assert!(access.files(inside, "csv").unwrap_err().to_string().contains("no file"));
        for name in ["b.CSV", "a.csv", "notes.txt", ".c.csv"] {
            fs::write(inside.join(name), "a\n").unwrap();
        }
        let files = access.files(inside, "csv").unwrap();
        let files: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
        assert_eq!(files, [inside.join("a.csv"), inside.join("b.CSV")]);
        fs::create_dir(inside.join("more")).unwrap();
        let folder = access.files(inside, "csv").unwrap_err().to_string();
        assert!(folder.contains("\"more\"") && folder.contains("move"), "{folder}");
    }

    #[test]
    fn a_file_that_is_swapped_for_a_link_outside_is_noticed() {
        let (_root, access, outside) = folders();
        let file = File::open(outside.join("secret.csv")).unwrap();
        let pretended = access.folders[0].join("a.csv");
        fs::write(&pretended, "a\n").unwrap();
        let opened = opened_path(&file, &pretended);
        assert!(opened.is_err() || access.check_within(&opened.unwrap()).is_err());
    }

    #[test]
    fn pipes_and_folders_are_not_files() {
        let (_root, access, _) = folders();
        let pipe = access.folders[0].join("pipe.csv");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            assert!(access.open(&pipe).is_err());
        }
        assert!(access.open(&access.folders[0]).is_err());
    }
}
