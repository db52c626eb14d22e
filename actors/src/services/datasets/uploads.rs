//! Uploads: kept in the node's state under encryption, until they are released or expire.

use std::time::Duration;

use actix::{Handler, Message, ResponseFuture};
use cloister_sources::{Batch, Column, parse_arrow_stream, parse_csv};
use cloister_vault::Quota;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Datasets, Store};
use crate::log::Kind;
use crate::vocabulary::blocking;
use crate::vocabulary::clock;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Private;
use crate::vocabulary::principal::Principal;
use crate::vocabulary::selection::Upload;

/// The interval of the search for expired uploads.
pub(super) const SWEEP: Duration = Duration::from_secs(60);

/// The form of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A JSON value.
    Json,
    /// Columns as CSV, with a line of names.
    Csv,
    /// Columns as a stream of Arrow record batches.
    Arrow,
}

/// The command to keep data that a client pushed.
#[derive(Message)]
#[rtype(result = "Result<Upload, ApiError>")]
pub struct Keep {
    /// The owner.
    pub principal: Principal,
    /// The form, which was checked.
    pub content: Content,
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The command to forget an upload.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub Uuid);

/// The question for the uploads that are kept.
#[derive(Message)]
#[rtype(result = "Result<Vec<Kept>, ApiError>")]
pub struct Restore;

/// An upload that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The owner.
    pub owner: String,
    /// The name.
    pub id: Uuid,
    /// The length in bytes.
    pub bytes: u64,
    /// The time for which it is kept, in seconds from now.
    pub seconds: u64,
}

impl Content {
    /// Returns the content type of HTTP.
    #[must_use]
    pub fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Returns the form of a content type; JSON for an unknown one.
    #[must_use]
    pub fn of_media(media: &str) -> Self {
        let media = media.split(';').next().unwrap_or_default().trim();
        let known = [Self::Csv, Self::Arrow];
        known.into_iter().find(|c| c.media().eq_ignore_ascii_case(media)).unwrap_or(Self::Json)
    }

    /// Parses columns in this form.
    ///
    /// # Errors
    /// If the bytes are no columns of this form.
    pub fn columns(self, bytes: &[u8]) -> Result<(Vec<Column>, Batch), ApiError> {
        let parsed = match self {
            Self::Json => return Err(not_columns()),
            Self::Csv => parse_csv(bytes, delimiter(bytes)),
            Self::Arrow => parse_arrow_stream(bytes),
        };
        // The client that pushed the data may know the error: these are its data.
        parsed.map_err(|error| {
            ApiError::malformed(error.to_string())
                .hint("send columns as CSV with a line of names first, or as an Arrow stream")
        })
    }
}

impl Store {
    async fn keep(self, keep: Keep) -> Result<Upload, ApiError> {
        let Keep { principal, content, bytes } = keep;
        let upload = Upload { id: Uuid::new_v4(), bytes: bytes.len() as u64 };
        let expires = clock::seconds() + u64::from(self.limits.upload_seconds);
        let record = cloister_vault::Upload {
            id: upload.id,
            owner: principal.name().to_owned(),
            media: content.media().to_owned(),
            bytes: upload.bytes,
            expires,
        };
        let quota = Quota {
            per_owner_bytes: self.limits.upload_bytes,
            all_bytes: self.limits.all_upload_bytes,
            per_owner_count: self.limits.handles as u64,
        };
        let vault = self.vault.clone();
        let kept = blocking::run(move || vault.put_upload(record, bytes, quota).wait()).await?;
        kept.map_err(|error| ApiError::state(&error))?;
        let document = json!({
            "principal": principal.name(), "upload": upload.id.to_string(), "bytes": upload.bytes,
            "media": content.media(), "expires": expires,
        });
        match self.log.record(Kind::Uploaded, document).await {
            Ok(_) => Ok(upload),
            Err(error) => {
                // Data without a proof of who pushed them are not kept.
                let _ = self.vault.remove_upload(upload.id).await;
                Err(error)
            }
        }
    }

    /// Returns the bytes of an upload, and their form.
    pub(super) fn content(
        &self,
        upload: Upload,
    ) -> Result<(Content, Zeroizing<Vec<u8>>), ApiError> {
        let found = self.vault.upload(upload.id).map_err(|error| ApiError::state(&error))?;
        let (record, bytes) = found.ok_or_else(ApiError::no_such_handle)?;
        Ok((Content::of_media(&record.media), bytes))
    }

    /// Returns the columns of an upload.
    pub(super) fn pushed(&self, upload: Upload) -> Result<(Vec<Column>, Batch), ApiError> {
        let (content, bytes) = self.content(upload)?;
        content.columns(&bytes)
    }

    fn kept(&self) -> Result<Vec<Kept>, ApiError> {
        let uploads = self.vault.uploads().map_err(|error| ApiError::state(&error))?;
        let now = clock::seconds();
        Ok(uploads
            .into_iter()
            .map(|upload| Kept {
                owner: upload.owner,
                id: upload.id,
                bytes: upload.bytes,
                seconds: upload.expires.saturating_sub(now),
            })
            .collect())
    }
}

/// Forgets the uploads that have expired.
pub(super) async fn sweep(store: Store) {
    if let Err(error) = store.vault.expire_uploads(clock::seconds()).await {
        tracing::warn!(%error, "uploads that have expired could not be forgotten");
    }
}

/// Finds the delimiter of fields in the line of names: a comma where there is one.
fn delimiter(bytes: &[u8]) -> Option<char> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let others = [(b';', ';'), (b'\t', '\t')];
    let found = others.into_iter().find(|(byte, _)| line.contains(byte));
    found.filter(|_| !line.contains(&b',')).map(|(_, delimiter)| delimiter)
}

/// Parses the JSON value of an upload.
pub(super) fn json(bytes: &[u8]) -> Result<Private<Data>, ApiError> {
    let data = serde_json::from_slice(bytes);
    data.map(Private::new).map_err(|_| ApiError::internal("an upload cannot be read again"))
}

fn not_columns() -> ApiError {
    ApiError::argument("dataset", "a JSON value has no columns")
        .hint("push columns as CSV or as an Arrow stream, with that content type")
}

impl Handler<Keep> for Datasets {
    type Result = ResponseFuture<Result<Upload, ApiError>>;

    fn handle(&mut self, keep: Keep, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.store.clone().keep(keep))
    }
}

impl Handler<Forget> for Datasets {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Forget(id): Forget, _: &mut Self::Context) -> Self::Result {
        let forgotten = self.store.vault.remove_upload(id);
        Box::pin(async move {
            if let Err(error) = forgotten.await {
                tracing::warn!(%error, "an upload could not be forgotten");
            }
        })
    }
}

impl Handler<Restore> for Datasets {
    type Result = Result<Vec<Kept>, ApiError>;

    fn handle(&mut self, _: Restore, _: &mut Self::Context) -> Self::Result {
        self.store.kept()
    }
}
