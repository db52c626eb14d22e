//! Uploads: data that clients pushed, sealed, until it expires.
//!
//! A content is cut into chunks of 1 MiB, sealed under a key of the upload's own. Each chunk is
//! bound to the upload's id, owner and media type, and to its number and the number of chunks. So
//! no chunk can be exchanged, left out or added. A sealed record beside them holds owner, length
//! and expiry.

use redb::{ReadableTable, ReadableTableMetadata, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::{MAX_UPLOAD_BYTES, MAX_UPLOADS, check_name};
use crate::records;
use crate::schema::{UPLOAD_CHUNKS, UPLOADS, change_freed};
use crate::seal::{ChunkSealer, Salt, Sealer, length_prefixed, random};
use crate::state::State;
use crate::writer::Written;

const TABLE: &str = "uploads";

const CHUNK_BYTES: usize = 1 << 20;

/// Bytes of an upload in the clear, wiped when they are dropped.
pub type Content = Zeroizing<Vec<u8>>;

/// The description of an upload, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id by which handles name it.
    pub id: Uuid,
    /// The principal who pushed it.
    pub owner: String,
    /// The media type of the content.
    pub media: String,
    /// The content's length; [`Vault::put_upload`](crate::Vault::put_upload) sets it.
    pub bytes: u64,
    /// The time from which on [`Vault::expire_uploads`](crate::Vault::expire_uploads) removes it,
    /// in Unix seconds.
    pub expires: u64,
}

/// The bounds on stored uploads. Expired uploads count until they are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of one owner's uploads.
    pub per_owner_bytes: u64,
    /// Bytes of all uploads.
    pub all_bytes: u64,
    /// Number of one owner's uploads.
    pub per_owner_count: u64,
}

#[derive(Serialize, Deserialize)]
struct Record {
    owner: String,
    media: String,
    bytes: u64,
    expires: u64,
    salt: Salt,
    chunks: u64,
}

impl Record {
    fn upload(self, id: Uuid) -> Upload {
        let Self { owner, media, bytes, expires, .. } = self;
        Upload { id, owner, media, bytes, expires }
    }

    fn chunk_sealer(&self, sealer: &Sealer, id: Uuid) -> ChunkSealer {
        let context = length_prefixed(&[
            b"upload chunks",
            id.as_bytes(),
            self.owner.as_bytes(),
            self.media.as_bytes(),
            &self.bytes.to_le_bytes(),
        ]);
        sealer.chunks(&self.salt, &context, self.chunks)
    }
}

/// The uploads of a state.
pub(crate) struct Uploads<'a>(pub(crate) &'a State);

impl Uploads<'_> {
    pub(crate) fn put(&self, upload: Upload, content: Content, quota: Quota) -> Written<()> {
        let length = content.len();
        let sealed = match SealedUpload::new(self.0.sealer(), upload, &content) {
            Ok(sealed) => sealed,
            Err(error) => return Written::refused(error),
        };
        drop(content);
        self.0.submit(length, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            sealed.check(&uploads, group.sealer, quota)?;
            let mut chunks = group.transaction.open_table(UPLOAD_CHUNKS)?;
            let id = sealed.id.as_u128();
            for (number, chunk) in (0..).zip(&sealed.chunks) {
                chunks.insert((id, number), chunk.as_slice())?;
            }
            change_freed(group.transaction, |freed| freed.saturating_sub(sealed.bytes))?;
            uploads.insert(id, sealed.record.as_slice())?;
            Ok(())
        })
    }

    pub(crate) fn get(&self, id: Uuid) -> Result<Option<(Upload, Content)>, VaultError> {
        let transaction = self.0.read()?;
        let uploads = transaction.open_table(UPLOADS)?;
        let Some(sealed) = uploads.get(id.as_u128())? else { return Ok(None) };
        let record = open_record(self.0.sealer(), id, sealed.value())?;
        let chunks = transaction.open_table(UPLOAD_CHUNKS)?;
        let content = open_content(self.0.sealer(), id, &record, &chunks)?;
        Ok(Some((record.upload(id), content)))
    }

    pub(crate) fn all(&self) -> Result<Vec<Upload>, VaultError> {
        let uploads = self.0.read()?.open_table(UPLOADS)?;
        let records = all_records(&uploads, self.0.sealer())?;
        Ok(records.into_iter().map(|(id, record)| record.upload(id)).collect())
    }

    pub(crate) fn remove(&self, id: Uuid) -> Written<bool> {
        self.0.submit(0, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            let mut chunks = group.transaction.open_table(UPLOAD_CHUNKS)?;
            let (existed, bytes) = remove(&mut uploads, &mut chunks, id)?;
            change_freed(group.transaction, |freed| freed.saturating_add(bytes))?;
            Ok(existed)
        })
    }

    pub(crate) fn expire(&self, now: u64) -> Written<Vec<Uuid>> {
        self.0.submit(0, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            let mut chunks = group.transaction.open_table(UPLOAD_CHUNKS)?;
            let (mut expired, mut bytes) = (Vec::new(), 0_u64);
            for (id, record) in all_records(&uploads, group.sealer)? {
                if record.expires <= now {
                    let (_, removed) = remove(&mut uploads, &mut chunks, id)?;
                    bytes = bytes.saturating_add(removed);
                    expired.push(id);
                }
            }
            change_freed(group.transaction, |freed| freed.saturating_add(bytes))?;
            Ok(expired)
        })
    }

    pub(crate) fn keep(&self, id: Uuid, expires: u64) -> Written<bool> {
        self.0.submit(0, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            let found = match uploads.get(id.as_u128())? {
                Some(sealed) => open_record(group.sealer, id, sealed.value())?,
                None => return Ok(false),
            };
            let record = Record { expires, ..found };
            let sealed = records::seal(group.sealer, TABLE, id.as_bytes(), &record)?;
            uploads.insert(id.as_u128(), sealed.as_slice())?;
            Ok(true)
        })
    }
}

/// An upload that is sealed and not stored yet.
struct SealedUpload {
    id: Uuid,
    owner: String,
    bytes: u64,
    record: Vec<u8>,
    chunks: Vec<Vec<u8>>,
}

impl SealedUpload {
    fn new(sealer: &Sealer, upload: Upload, content: &[u8]) -> Result<Self, VaultError> {
        check_name("an upload's owner", &upload.owner)?;
        check_name("an upload's media type", &upload.media)?;
        if content.len() > MAX_UPLOAD_BYTES {
            return Err(VaultError::TooBig { what: "an upload's bytes", limit: 1 << 30 });
        }
        let Upload { id, owner, media, expires, .. } = upload;
        let bytes = content.len() as u64;
        let chunks = content.len().div_ceil(CHUNK_BYTES) as u64;
        let salt = random()?;
        let record = Record { owner: owner.clone(), media, bytes, expires, salt, chunks };
        let chunk_sealer = record.chunk_sealer(sealer, id);
        let chunks = (0..)
            .zip(content.chunks(CHUNK_BYTES))
            .map(|(number, chunk)| chunk_sealer.seal(number, chunk))
            .collect::<Result<_, _>>()?;
        let record = records::seal(sealer, TABLE, id.as_bytes(), &record)?;
        Ok(Self { id, owner, bytes, record, chunks })
    }

    /// Refuses an id that is taken, and an upload that exceeds a quota or the bound on all.
    fn check(
        &self,
        uploads: &Table<'_, u128, &'static [u8]>,
        sealer: &Sealer,
        quota: Quota,
    ) -> Result<(), VaultError> {
        if uploads.get(self.id.as_u128())?.is_some() {
            return Err(VaultError::Taken { what: "an upload" });
        }
        if uploads.len()? >= MAX_UPLOADS {
            let hint = "remove those not used";
            return Err(VaultError::Limit { what: "uploads", limit: MAX_UPLOADS, hint });
        }
        let (mut all_bytes, mut own_bytes, mut own_count) = (self.bytes, self.bytes, 1_u64);
        for (_, record) in all_records(uploads, sealer)? {
            all_bytes = all_bytes.saturating_add(record.bytes);
            if record.owner == self.owner {
                own_bytes = own_bytes.saturating_add(record.bytes);
                own_count = own_count.saturating_add(1);
            }
        }
        if own_count > quota.per_owner_count {
            return Err(VaultError::Quota { what: "uploads of one owner" });
        }
        if own_bytes > quota.per_owner_bytes {
            return Err(VaultError::Quota { what: "bytes of one owner" });
        }
        if all_bytes > quota.all_bytes {
            return Err(VaultError::Quota { what: "bytes of all owners" });
        }
        Ok(())
    }
}

fn open_record(sealer: &Sealer, id: Uuid, sealed: &[u8]) -> Result<Record, VaultError> {
    records::open(sealer, TABLE, id.as_bytes(), sealed)
}

fn all_records(
    uploads: &impl ReadableTable<u128, &'static [u8]>,
    sealer: &Sealer,
) -> Result<Vec<(Uuid, Record)>, VaultError> {
    let mut all = Vec::new();
    for entry in uploads.iter()? {
        let (id, sealed) = entry?;
        let id = Uuid::from_u128(id.value());
        all.push((id, open_record(sealer, id, sealed.value())?));
    }
    Ok(all)
}

fn open_content(
    sealer: &Sealer,
    id: Uuid,
    record: &Record,
    chunks: &impl ReadableTable<(u128, u64), &'static [u8]>,
) -> Result<Content, VaultError> {
    let chunk_sealer = record.chunk_sealer(sealer, id);
    let length = usize::try_from(record.bytes).map_err(|_| altered_chunks())?;
    // Reserves the full length at once: a growing vector would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(length.min(MAX_UPLOAD_BYTES)));
    for number in 0..record.chunks {
        let sealed = chunks.get((id.as_u128(), number))?.ok_or_else(altered_chunks)?;
        let chunk = chunk_sealer.open(number, sealed.value()).ok_or_else(altered_chunks)?;
        content.extend_from_slice(&chunk);
    }
    if content.len() != length {
        return Err(altered_chunks());
    }
    Ok(content)
}

fn altered_chunks() -> VaultError {
    VaultError::Altered { table: "upload chunks" }
}

/// Removes an upload. Returns whether there was one, and the bytes that it leaves free.
fn remove(
    uploads: &mut Table<'_, u128, &'static [u8]>,
    chunks: &mut Table<'_, (u128, u64), &'static [u8]>,
    id: Uuid,
) -> Result<(bool, u64), VaultError> {
    let id = id.as_u128();
    let existed = uploads.remove(id)?.is_some();
    let mut bytes = 0_u64;
    // Does not trust the number of chunks in the record, which may have been altered.
    chunks.retain_in((id, 0)..=(id, u64::MAX), |_, chunk| {
        bytes = bytes.saturating_add(chunk.len() as u64);
        false
    })?;
    Ok((existed, bytes))
}
