//! Uploads: kept, counted against quotas, expired, sealed.

use cloister_vault::{Quota, Upload, Vault, VaultError};
use redb::{Database, ReadableTable, TableDefinition};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seeded::Seeded;

const CHUNKS: TableDefinition<'static, (u128, u64), &[u8]> = TableDefinition::new("upload chunks");
const UPLOADS: TableDefinition<'static, u128, &[u8]> = TableDefinition::new("uploads");
const MUCH: Quota =
    Quota { per_owner_bytes: u64::MAX, all_bytes: u64::MAX, per_owner_count: u64::MAX };

fn upload(owner: &str, expires: u64) -> Upload {
    let id = Uuid::new_v4();
    Upload { id, owner: owner.into(), media: "text/csv".into(), bytes: 0, expires }
}

fn put(vault: &Vault, upload: &Upload, content: &[u8], quota: Quota) -> Result<(), VaultError> {
    vault.put_upload(upload.clone(), Zeroizing::new(content.to_vec()), quota).wait()
}

#[test]
fn contents_of_all_lengths_come_back_after_a_restart() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let mib = 1 << 20;
    let mut kept = Vec::new();
    for length in [0, 1, mib - 1, mib, mib + 1, 3 * mib + 17] {
        let (upload, content) = (upload("anna", 5), random.bytes(length));
        put(&vault, &upload, &content, MUCH).unwrap();
        kept.push((Upload { bytes: length as u64, ..upload }, content));
    }
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    for (upload, content) in &kept {
        let (found, bytes) = vault.upload(upload.id).unwrap().unwrap();
        assert_eq!(&found, upload);
        assert!(*bytes == *content);
    }
    assert_eq!(vault.uploads().unwrap().len(), kept.len());
    assert!(vault.upload(Uuid::new_v4()).unwrap().is_none());
}

#[test]
fn uploads_expire_are_kept_longer_and_are_removed() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let [first, second, third] = [10, 20, 30].map(|expires| upload("anna", expires));
    for upload in [&first, &second, &third] {
        put(&vault, upload, b"1,2,3", MUCH).unwrap();
    }
    let again = put(&vault, &first, b"other", MUCH);
    assert!(matches!(again, Err(VaultError::Taken { .. })));
    assert!(vault.keep_upload(first.id, 100).wait().unwrap());
    assert!(!vault.keep_upload(Uuid::new_v4(), 100).wait().unwrap());
    assert!(vault.expire_uploads(19).wait().unwrap().is_empty());
    assert_eq!(vault.expire_uploads(20).wait().unwrap(), [second.id]);
    assert!(vault.upload(second.id).unwrap().is_none());
    let (kept, content) = vault.upload(first.id).unwrap().unwrap();
    assert_eq!((kept.expires, content.as_slice()), (100, b"1,2,3".as_slice()));
    assert!(vault.remove_upload(third.id).wait().unwrap());
    assert!(!vault.remove_upload(third.id).wait().unwrap());
    assert_eq!(vault.uploads().unwrap().len(), 1);
}

/// Removes uploads while a snapshot is read, which keeps the file as it is.
struct Removing<'a>(&'a Vault, &'a [Upload]);

impl std::io::Write for Removing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for upload in std::mem::take(&mut self.1) {
            assert!(self.0.remove_upload(upload.id).wait().unwrap());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_file_is_shorter_after_a_restart_where_uploads_were_removed() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let bytes = || std::fs::metadata(folder.path().join("state.redb")).unwrap().len();
    let vault = Vault::open(folder.path()).unwrap();
    let (kept, content) = (upload("anna", 5), random.bytes(1 << 20));
    let removed = [(); 5].map(|()| upload("anna", 5));
    for upload in &removed {
        put(&vault, upload, &random.bytes(8 << 20), MUCH).unwrap();
    }
    // It lies behind the others in the file, so that the end of the file is in use.
    put(&vault, &kept, &content, MUCH).unwrap();
    vault.append("kept", 1, serde_json::json!({"a": 1})).wait().unwrap();
    let before = bytes();
    assert!(before > 40 << 20, "{before}");
    // The writer may look at the file once more when the snapshot has ended. Else the start does.
    vault.export_lines(Removing(&vault, &removed)).unwrap();
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    assert!(*vault.upload(kept.id).unwrap().unwrap().1 == *content);
    assert_eq!(vault.verify().unwrap().entries, 1);
    vault.close();
    let after = bytes();
    assert!(after < before / 2, "{after} of {before}");
}

#[test]
fn the_file_of_an_open_state_is_shorter_once_uploads_are_removed_and_no_snapshot_is_read() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let bytes = || std::fs::metadata(folder.path().join("state.redb")).unwrap().len();
    let vault = Vault::open(folder.path()).unwrap();
    let (kept, content) = (upload("anna", 5), random.bytes(1 << 20));
    let removed = [(); 5].map(|()| upload("anna", 5));
    for upload in &removed {
        put(&vault, upload, &random.bytes(8 << 20), MUCH).unwrap();
    }
    put(&vault, &kept, &content, MUCH).unwrap();
    let before = bytes();
    for upload in &removed {
        assert!(vault.remove_upload(upload.id).wait().unwrap());
    }
    // One thread writes: it comes to this after it has made the file shorter.
    vault.append("kept", 1, serde_json::json!({"a": 1})).wait().unwrap();
    let after = bytes();
    assert!(after < before / 2, "{after} of {before}");
    assert!(*vault.upload(kept.id).unwrap().unwrap().1 == *content);
    assert_eq!(vault.verify().unwrap().entries, 1);
    vault.append("kept", 2, serde_json::json!({"a": 2})).wait().unwrap();
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert!(*vault.upload(kept.id).unwrap().unwrap().1 == *content);
    assert_eq!(vault.verify().unwrap().entries, 2);
}

/// The check whether the file can be shorter, and what makes it shorter, keep no node from its start.
#[test]
fn a_damaged_page_of_an_upload_keeps_nothing_else_from_being_used() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let vault = Vault::open(folder.path()).unwrap();
    let removed = [(); 5].map(|()| upload("anna", 5));
    for upload in &removed {
        put(&vault, upload, &random.bytes(8 << 20), MUCH).unwrap();
    }
    vault.append("kept", 1, serde_json::json!({"a": 1})).wait().unwrap();
    let before = std::fs::read(&path).unwrap();
    put(&vault, &upload("bob", 5), &random.bytes(8 << 20), MUCH).unwrap();
    for upload in &removed {
        assert!(vault.remove_upload(upload.id).wait().unwrap());
    }
    vault.close();
    // The new upload lies where much has changed.
    let mut whole = std::fs::read(&path).unwrap();
    let is_other = |at: &usize| before.get(*at) != whole.get(*at);
    let block = 64 << 10;
    let is_new = |at: &usize| (*at..at + block).step_by(64).filter(is_other).count() > 900;
    let found = (0..whole.len() - block).step_by(4_096).find(is_new).unwrap();
    whole[found + block / 2..found + block / 2 + 4_096].fill(0xaa);
    std::fs::write(&path, &whole).unwrap();
    for entries in 1..3 {
        let vault = Vault::open(folder.path()).unwrap();
        assert_eq!(vault.verify().unwrap().entries, entries);
        vault.append("after", 2, serde_json::json!({})).wait().unwrap();
        vault.close();
    }
}

/// Returns the quota that refuses the upload, or `kept`.
fn what(result: Result<(), VaultError>) -> &'static str {
    match result {
        Ok(()) => "kept",
        Err(VaultError::Quota { what }) => what,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn quotas_hold_at_the_byte_and_also_within_a_group() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let quota = Quota { per_owner_bytes: 100, all_bytes: 150, per_owner_count: 3 };
    let (big, small) = (upload("anna", 5), upload("anna", 5));
    assert_eq!(what(put(&vault, &upload("anna", 5), &[1; 101], quota)), "bytes of one owner");
    assert_eq!(what(put(&vault, &big, &[1; 99], quota)), "kept");
    assert_eq!(what(put(&vault, &upload("anna", 5), &[1; 2], quota)), "bytes of one owner");
    assert_eq!(what(put(&vault, &small, &[1; 1], quota)), "kept");
    assert_eq!(what(put(&vault, &upload("bob", 5), &[1; 51], quota)), "bytes of all owners");
    assert_eq!(what(put(&vault, &upload("bob", 5), &[1; 50], quota)), "kept");
    assert_eq!(what(put(&vault, &upload("anna", 5), &[], quota)), "kept");
    assert_eq!(what(put(&vault, &upload("anna", 5), &[], quota)), "uploads of one owner");
    vault.remove_upload(big.id).wait().unwrap();
    let many: Vec<_> = (0..20)
        .map(|_| vault.put_upload(upload("anna", 5), Zeroizing::new(vec![2; 60]), quota))
        .collect();
    let kept = many.into_iter().map(|written| what(written.wait()));
    assert_eq!(kept.filter(|what| *what == "kept").count(), 1);
    let sum: u64 = vault.uploads().unwrap().iter().map(|upload| upload.bytes).sum();
    assert_eq!(sum, 1 + 50 + 60);
}

#[test]
fn content_owner_and_media_type_are_not_in_the_file() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let line = b"Jane Doe;1970-01-01;diabetes\n";
    let upload = Upload { owner: "very special owner".into(), ..upload("", 5) };
    put(&vault, &upload, &line.repeat(100_000), MUCH).unwrap();
    drop(vault);
    let file = std::fs::read(folder.path().join("state.redb")).unwrap();
    assert!(file.len() > 2_000_000);
    for clear in [b"Jane".as_slice(), b"diabetes", b"special owner", b"text/csv"] {
        assert!(!file.windows(clear.len()).any(|window| window == clear));
    }
}

/// Stores two uploads of three chunks each, and closes the vault.
fn two_uploads() -> (TempDir, [Upload; 2], Vec<u8>) {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let content = Seeded::new().bytes((2 << 20) + 1000);
    let uploads = [upload("anna", 5), upload("anna", 5)];
    uploads.iter().for_each(|upload| put(&vault, upload, &content, MUCH).unwrap());
    (folder, uploads, content)
}

fn refuses_after(folder: &TempDir, id: Uuid, change: impl FnOnce(&redb::WriteTransaction)) {
    let path = folder.path().join("state.redb");
    let before = std::fs::read(&path).unwrap();
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop(database);
    let vault = Vault::open(folder.path()).unwrap();
    assert!(matches!(vault.upload(id), Err(VaultError::Altered { .. })));
    drop(vault);
    std::fs::write(&path, before).unwrap();
}

/// Copies one sealed chunk over another.
fn copy(transaction: &redb::WriteTransaction, from: (u128, u64), to: (u128, u64)) {
    let mut chunks = transaction.open_table(CHUNKS).unwrap();
    let chunk = chunks.get(from).unwrap().unwrap().value().to_vec();
    chunks.insert(to, chunk.as_slice()).unwrap();
}

#[test]
fn swapped_cut_lost_and_flipped_chunks_are_refused() {
    let (folder, [one, two], content) = two_uploads();
    let (a, b) = (one.id.as_u128(), two.id.as_u128());
    refuses_after(&folder, one.id, |transaction| copy(transaction, (a, 1), (a, 0)));
    refuses_after(&folder, one.id, |transaction| copy(transaction, (b, 0), (a, 0)));
    refuses_after(&folder, one.id, |transaction| {
        transaction.open_table(CHUNKS).unwrap().remove((a, 2)).unwrap();
    });
    for byte in [0, 1, 1000, 1 << 20, (1 << 20) + 15] {
        refuses_after(&folder, one.id, |transaction| {
            let mut chunks = transaction.open_table(CHUNKS).unwrap();
            let mut chunk = chunks.get((a, 1)).unwrap().unwrap().value().to_vec();
            chunk[byte] ^= 1;
            chunks.insert((a, 1), chunk.as_slice()).unwrap();
        });
    }
    refuses_after(&folder, one.id, |transaction| {
        let mut chunks = transaction.open_table(CHUNKS).unwrap();
        let mut chunk = chunks.get((a, 2)).unwrap().unwrap().value().to_vec();
        chunk.pop();
        chunks.insert((a, 2), chunk.as_slice()).unwrap();
    });
    let vault = Vault::open(folder.path()).unwrap();
    assert!(*vault.upload(one.id).unwrap().unwrap().1 == content, "restored");
}

#[test]
fn a_description_of_another_upload_is_refused() {
    let (folder, [one, two], _) = two_uploads();
    let (a, b) = (one.id.as_u128(), two.id.as_u128());
    refuses_after(&folder, one.id, |transaction| {
        let mut uploads = transaction.open_table(UPLOADS).unwrap();
        let record = uploads.get(b).unwrap().unwrap().value().to_vec();
        uploads.insert(a, record.as_slice()).unwrap();
        (0..3).for_each(|chunk| copy(transaction, (b, chunk), (a, chunk)));
    });
}

#[test]
fn chunks_of_an_earlier_upload_of_the_same_id_are_refused() {
    let (folder, [one, two], content) = two_uploads();
    let path = folder.path().join("state.redb");
    let read = || {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let chunks = transaction.open_table(CHUNKS).unwrap();
        chunks.get((one.id.as_u128(), 0)).unwrap().unwrap().value().to_vec()
    };
    let earlier = read();
    let vault = Vault::open(folder.path()).unwrap();
    vault.remove_upload(one.id).wait().unwrap();
    put(&vault, &one, &content, MUCH).unwrap();
    drop(vault);
    assert_ne!(earlier, read(), "sealed under another key");
    refuses_after(&folder, one.id, |transaction| {
        let mut chunks = transaction.open_table(CHUNKS).unwrap();
        chunks.insert((one.id.as_u128(), 0), earlier.as_slice()).unwrap();
    });
    assert!(Vault::open(folder.path()).unwrap().upload(two.id).unwrap().is_some());
}
