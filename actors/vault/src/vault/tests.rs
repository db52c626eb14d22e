//! Closing, and faults of the disk at every point of a commit.

use std::fs::OpenOptions;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};
use serde_json::json;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::folder::Folder;

/// A disk that fails from the n-th change on, until it is repaired.
#[derive(Debug, Clone, Default)]
struct Disk {
    fails: Arc<AtomicBool>,
    changes_left: Arc<AtomicI64>,
}

impl Disk {
    fn fail_after(&self, changes: i64) {
        self.changes_left.store(changes, Ordering::SeqCst);
        self.fails.store(true, Ordering::SeqCst);
    }

    fn repair(&self) {
        self.fails.store(false, Ordering::SeqCst);
    }

    fn change(&self) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst)
            && self.changes_left.fetch_sub(1, Ordering::SeqCst) <= 0
        {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Faulty(FileBackend, Disk);

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.change().and_then(|()| self.0.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.1.change().and_then(|()| self.0.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.1.change().and_then(|()| self.0.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

fn opened() -> (TempDir, Vault, Disk) {
    let folder = tempdir().unwrap();
    let disk = Disk::default();
    let prepared = Folder::prepare(folder.path()).unwrap();
    let (path, own) = (prepared.database().unwrap(), disk.clone());
    let state = State::open_with(prepared, move || {
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|error| VaultError::folder(&path, error))?;
        let backend = Faulty(FileBackend::new(file)?, own.clone());
        Ok(Builder::new().create_with_backend(backend)?)
    })
    .unwrap();
    (folder, Vault { state: Arc::new(state) }, disk)
}

#[test]
fn a_fault_at_any_point_of_a_commit_loses_nothing_acknowledged() {
    let (folder, vault, disk) = opened();
    let mut acknowledged: Vec<Head> = Vec::new();
    let (mut faults, mut passed) = (0, 0);
    for changes in 0..60 {
        disk.fail_after(changes);
        let group: Vec<_> =
            (0..4).map(|entry| vault.append("group", entry, json!({ "n": changes }))).collect();
        let mut failed = 0;
        for written in group {
            match written.wait() {
                Ok(head) => acknowledged.push(head),
                Err(VaultError::Disk(_)) => failed += 1,
                Err(error) => panic!("{error}"),
            }
        }
        disk.repair();
        faults += usize::from(failed > 0);
        passed += usize::from(failed == 0);
        acknowledged.push(vault.append("mended", 0, json!(null)).wait().unwrap());
        let verified = vault.verify().unwrap();
        assert_eq!(verified.head, vault.head());
        assert_eq!(Some(&vault.head()), acknowledged.last());
    }
    println!("{faults} faults, {passed} without");
    assert!(faults >= 5 && passed >= 5);
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    vault.verify().unwrap();
    for head in acknowledged {
        assert_eq!(vault.entries(head.number, 1).unwrap()[0].hash, head.hash);
    }
}

#[test]
fn while_the_disk_fails_every_write_is_answered_so_and_reads_go_on() {
    let (_folder, vault, disk) = opened();
    vault.put_dataset("trial", &json!(1)).wait().unwrap();
    disk.fail_after(0);
    for _ in 0..3 {
        let entry = vault.append("lost", 0, json!(null));
        let dataset = vault.put_dataset("trial", &json!(2));
        // A refusal, too, may depend on writes that were lost.
        let refused = vault.remove_dataset("nothing");
        assert!(matches!(entry.wait(), Err(VaultError::Disk(_))));
        assert!(matches!(dataset.wait(), Err(VaultError::Disk(_))));
        assert!(matches!(refused.wait(), Err(VaultError::Disk(_))));
        assert_eq!(vault.head(), Head::default());
    }
    disk.repair();
    assert_eq!(vault.dataset("trial").unwrap(), Some(json!(1)));
    assert_eq!(vault.append("kept", 0, json!(null)).wait().unwrap().number, 1);
}

#[test]
fn a_probe_finds_out_whether_the_state_can_be_written() {
    let (_folder, vault, disk) = opened();
    let head = vault.append("first", 0, json!(null)).wait().unwrap();
    vault.probe().wait().unwrap();
    disk.fail_after(0);
    assert!(matches!(vault.probe().wait(), Err(VaultError::Disk(_))));
    disk.repair();
    vault.probe().wait().unwrap();
    assert_eq!(vault.head(), head, "the log has no entry of it");
    vault.verify().unwrap();
    vault.close();
    assert!(matches!(vault.probe().wait(), Err(VaultError::Closed)));
}

#[test]
fn an_older_copy_is_not_taken_for_the_state_after_a_fault() {
    let (folder, vault, disk) = opened();
    vault.append("old", 0, json!(null)).wait().unwrap();
    let path = folder.path().join("state.redb");
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::copy(&path, &old).unwrap();
    let head = vault.append("new", 0, json!(null)).wait().unwrap();
    std::fs::rename(&path, &new).unwrap();
    std::fs::rename(&old, &path).unwrap();
    disk.fail_after(0);
    assert!(vault.append("lost", 0, json!(null)).wait().is_err());
    disk.repair();
    for _ in 0..2 {
        assert!(matches!(vault.append("lost", 0, json!(null)).wait(), Err(VaultError::Older)));
    }
    std::fs::rename(&new, &path).unwrap();
    assert_eq!(vault.append("kept", 0, json!(null)).wait().unwrap().number, head.number + 1);
}

#[test]
fn a_closed_vault_has_written_its_queue_and_takes_no_more() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let other = vault.clone();
    let written = vault.append("started", 1, json!({}));
    vault.close();
    assert_eq!(written.wait().unwrap().number, 1);
    assert!(matches!(other.append("late", 2, json!({})).wait(), Err(VaultError::Closed)));
    assert!(matches!(other.entries(1, 10), Err(VaultError::Closed)));
    assert_eq!(Vault::open(folder.path()).unwrap().head().number, 1);
}
