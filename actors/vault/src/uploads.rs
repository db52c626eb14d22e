//! Uploads: what clients pushed, sealed, until it expires.
//!
//! A content is cut into chunks of 1 MiB. Chunks are sealed under a key of their own for every
//! upload, and bound to id, owner, media type, their place and their number, so none can be swapped,
//! left out or added. The description (owner, length, expiry) is a sealed record beside them.

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::limits::{MAX_UPLOAD_BYTES, MAX_UPLOADS, check_name};
use crate::seal::{Chunks, Salt, Sealer, place, random};
use crate::{Vault, VaultError, Written, records};

/// Id to sealed [`Record`].
const UPLOADS: TableDefinition<'static, u128, &[u8]> = TableDefinition::new("uploads");
/// Id and number of the chunk to sealed bytes.
const CHUNKS: TableDefinition<'static, (u128, u64), &[u8]> = TableDefinition::new("upload chunks");
const TABLE: &str = "uploads";

const CHUNK_BYTES: usize = 1 << 20;

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(UPLOADS)?;
    transaction.open_table(CHUNKS)?;
    Ok(())
}

/// Bytes of an upload in the clear, wiped when they are dropped.
pub type Content = Zeroizing<Vec<u8>>;

/// What is known of an upload beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id that handles name it by.
    pub id: Uuid,
    /// The principal who pushed it.
    pub owner: String,
    /// The media type of the content.
    pub media: String,
    /// The content's length; [`Vault::put_upload`] sets it.
    pub bytes: u64,
    /// From when on [`Vault::expire_uploads`] removes it, in Unix seconds.
    pub expires: u64,
}

/// How much may be kept at once. All uploads count that are not removed yet, expired or not.
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

    fn chunks(&self, sealer: &Sealer, id: Uuid) -> Chunks {
        let bound = place(&[
            b"upload chunks",
            id.as_bytes(),
            self.owner.as_bytes(),
            self.media.as_bytes(),
            &self.bytes.to_le_bytes(),
        ]);
        sealer.chunks(&self.salt, &bound, self.chunks)
    }
}

impl Vault {
    /// Keeps `content` under `upload.id`; `upload.bytes` is set to its length. Seals in the calling
    /// thread.
    ///
    /// # Errors
    ///
    /// [`VaultError::Quota`] if it would exceed `quota`, [`VaultError::Taken`] if there is the id,
    /// [`VaultError::TooBig`] above 1 GiB, [`VaultError::Limit`] above 10,000 uploads of all owners.
    pub fn put_upload(&self, upload: Upload, content: Content, quota: Quota) -> Written<()> {
        let length = content.len();
        let sealed = match SealedUpload::new(&self.store().sealer, upload, &content) {
            Ok(sealed) => sealed,
            Err(error) => return Written::refused(error),
        };
        drop(content);
        self.submit(length, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            sealed.check(&uploads, group.sealer, quota)?;
            let mut chunks = group.transaction.open_table(CHUNKS)?;
            let id = sealed.id.as_u128();
            for (number, chunk) in (0..).zip(&sealed.chunks) {
                chunks.insert((id, number), chunk.as_slice())?;
            }
            uploads.insert(id, sealed.record.as_slice())?;
            Ok(())
        })
    }

    /// The upload and its content, if there is one of this id.
    pub fn upload(&self, id: Uuid) -> Result<Option<(Upload, Content)>, VaultError> {
        let transaction = self.read()?;
        let uploads = transaction.open_table(UPLOADS)?;
        let Some(sealed) = uploads.get(id.as_u128())? else { return Ok(None) };
        let sealer = &self.store().sealer;
        let record = open_record(sealer, id, sealed.value())?;
        let chunks = transaction.open_table(CHUNKS)?;
        let content = open_content(sealer, id, &record, &chunks)?;
        Ok(Some((record.upload(id), content)))
    }

    /// All uploads, in the order of their ids.
    pub fn uploads(&self) -> Result<Vec<Upload>, VaultError> {
        let uploads = self.read()?.open_table(UPLOADS)?;
        let records = all_records(&uploads, &self.store().sealer)?;
        Ok(records.into_iter().map(|(id, record)| record.upload(id)).collect())
    }

    /// Removes the upload; tells whether there was one.
    pub fn remove_upload(&self, id: Uuid) -> Written<bool> {
        self.submit(0, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            let mut chunks = group.transaction.open_table(CHUNKS)?;
            remove(&mut uploads, &mut chunks, id)
        })
    }

    /// Removes every upload whose time is over at `now` (Unix seconds); answers with their ids.
    pub fn expire_uploads(&self, now: u64) -> Written<Vec<Uuid>> {
        self.submit(0, move |group| {
            let mut uploads = group.transaction.open_table(UPLOADS)?;
            let mut chunks = group.transaction.open_table(CHUNKS)?;
            let mut expired = Vec::new();
            for (id, record) in all_records(&uploads, group.sealer)? {
                if record.expires <= now {
                    expired.push(id);
                }
            }
            for id in &expired {
                remove(&mut uploads, &mut chunks, *id)?;
            }
            Ok(expired)
        })
    }

    /// Sets until when the upload is kept (Unix seconds); tells whether there is one.
    pub fn keep_upload(&self, id: Uuid, expires: u64) -> Written<bool> {
        self.submit(0, move |group| {
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
        let place = record.chunks(sealer, id);
        let chunks = (0..)
            .zip(content.chunks(CHUNK_BYTES))
            .map(|(number, chunk)| place.seal(number, chunk))
            .collect::<Result<_, _>>()?;
        let record = records::seal(sealer, TABLE, id.as_bytes(), &record)?;
        Ok(Self { id, owner, bytes, record, chunks })
    }

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
        let exceeded = |what| Err(VaultError::Quota { what });
        match () {
            () if own_count > quota.per_owner_count => exceeded("uploads of one owner"),
            () if own_bytes > quota.per_owner_bytes => exceeded("bytes of one owner"),
            () if all_bytes > quota.all_bytes => exceeded("bytes of all owners"),
            () => Ok(()),
        }
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
    let altered = || VaultError::Altered { table: "upload chunks" };
    let place = record.chunks(sealer, id);
    let length = usize::try_from(record.bytes).map_err(|_| altered())?;
    // Of its full length from the start: a vector that grows leaves copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(length.min(MAX_UPLOAD_BYTES)));
    for number in 0..record.chunks {
        let sealed = chunks.get((id.as_u128(), number))?.ok_or_else(altered)?;
        content.extend_from_slice(&place.open(number, sealed.value()).ok_or_else(altered)?);
    }
    if content.len() != length {
        return Err(altered());
    }
    Ok(content)
}

fn remove(
    uploads: &mut Table<'_, u128, &'static [u8]>,
    chunks: &mut Table<'_, (u128, u64), &'static [u8]>,
    id: Uuid,
) -> Result<bool, VaultError> {
    let id = id.as_u128();
    let existed = uploads.remove(id)?.is_some();
    // Without asking the record how many there are: it may be the record that was altered.
    chunks.retain_in((id, 0)..=(id, u64::MAX), |_, _| false)?;
    Ok(existed)
}
