//! The file `client.toml`: the members of a consortium as clients know them.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_certs::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;

/// The deadline of nodes where nothing is said, in seconds.
pub const USUAL_DEADLINE_SECONDS: u32 = 60;

/// The facts that a client has to know of a consortium.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// The longest deadline of the members' nodes: how long a client waits for a result.
    #[serde(default = "usual_deadline")]
    pub deadline_seconds: u32,
    /// The members, in the order of the consortium file.
    pub member: Vec<ApiMember>,
}

/// A member as clients know it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApiMember {
    /// Its name.
    pub name: String,
    /// The URL of its API.
    pub api: String,
    /// The fingerprint of the certificate that its API shows, for HTTPS with the node's own
    /// identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The fingerprint that is to follow, while the certificate is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_fingerprint: Option<Fingerprint>,
    /// A file with the authority that has signed the API's certificate, for HTTPS with a
    /// certificate of the operator's own; relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// A file with the client's token for this node; relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl ClientFile {
    /// Reads a file, and resolves the paths in it.
    ///
    /// # Errors
    /// If it cannot be read, or lists no member.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ClientError::Unreadable { path: path.to_owned(), error })?;
        let mut file: Self = toml::from_str(&text)
            .map_err(|error| ClientError::Malformed { path: path.to_owned(), error })?;
        if file.member.is_empty() {
            return Err(ClientError::NoMembers(path.to_owned()));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for member in &mut file.member {
            for path in [&mut member.authority, &mut member.token_file].into_iter().flatten() {
                *path = folder.join(&*path);
            }
        }
        Ok(file)
    }
}

impl ApiMember {
    /// Creates a member whose API is open to this machine.
    #[must_use]
    pub fn open(name: &str, api: &str) -> Self {
        Self {
            name: name.to_owned(),
            api: api.to_owned(),
            fingerprint: None,
            next_fingerprint: None,
            authority: None,
            token_file: None,
        }
    }
}

fn usual_deadline() -> u32 {
    USUAL_DEADLINE_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_file_with_unknown_entries_is_refused() {
        let text = "[[member]]\nname = \"a\"\napi = \"http://127.0.0.1:1\"\n";
        let file: ClientFile = toml::from_str(text).unwrap();
        assert_eq!(file.deadline_seconds, 60);
        assert!(toml::from_str::<ClientFile>(&format!("{text}token = \"x\"\n")).is_err());
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.toml");
        let text = "[[member]]\nname = \"a\"\napi = \"http://a\"\ntoken_file = \"token\"\n";
        fs::write(&path, text).unwrap();
        let file = ClientFile::read(&path).unwrap();
        assert_eq!(file.member[0].token_file, Some(folder.path().join("token")));
        fs::write(&path, "member = []\n").unwrap();
        assert!(matches!(ClientFile::read(&path), Err(ClientError::NoMembers(_))));
    }
}
