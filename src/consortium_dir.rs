//! The folder of a consortium on one machine.
//!
//! `consortium.toml` and `client.toml` lie at its top, and a folder for each party beside them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cloister_certs::consortium::{Consortium, Member};
use cloister_client::{ApiMember, ClientError, ClientFile, USUAL_DEADLINE_SECONDS};

use crate::files::read_toml;
use crate::problem::{Outcome, Problem};

/// The permissions of others than a file's owner.
const OTHERS: u32 = 0o077;

/// The paths of a consortium's files.
#[derive(Clone, Debug)]
pub struct ConsortiumDir(PathBuf);

impl ConsortiumDir {
    /// Names the folder at this path, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of the consortium file.
    #[must_use]
    pub fn consortium(&self) -> PathBuf {
        self.0.join("consortium.toml")
    }

    /// Returns the path of the file for clients.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.0.join("client.toml")
    }

    /// Returns a party's own folder.
    #[must_use]
    pub fn party(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Returns the folder with a party's identity.
    #[must_use]
    pub fn identity(&self, name: &str) -> PathBuf {
        self.party(name).join("identity")
    }

    /// Returns the path of the settings of a party's node.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        self.party(name).join("node.toml")
    }

    /// Reads the file for clients. Without one, the client's facts are taken from the consortium
    /// file.
    ///
    /// # Errors
    /// If there is neither, or it lists no member.
    pub fn read_client(&self) -> Outcome<ClientFile> {
        let path = self.client();
        if !path.exists() && self.consortium().exists() {
            let consortium: Consortium = read_toml(&self.consortium(), "")?;
            return Ok(client_of(&consortium));
        }
        let client = ClientFile::read(&path).map_err(|error| match error {
            ClientError::Unreadable { .. } => Problem::usage(format!(
                "{error}; make a consortium with `cloister init` or `cloister consortium new` first"
            )),
            other => other.into(),
        })?;
        for token in open_tokens(&client) {
            let token = token.display();
            eprintln!(
                "warning: others on this machine may read the token in {token}: chmod 600 {token}"
            );
        }
        Ok(client)
    }
}

/// Lists the files with tokens that others than their owner may read.
fn open_tokens(client: &ClientFile) -> Vec<&Path> {
    let files = client.member.iter().filter_map(|member| member.token_file.as_deref());
    let is_open = |file: &&Path| {
        fs::metadata(file).is_ok_and(|facts| facts.permissions().mode() & OTHERS != 0)
    };
    files.filter(is_open).collect()
}

/// Returns what the consortium file tells clients.
#[must_use]
pub fn client_of(consortium: &Consortium) -> ClientFile {
    let member = consortium.members().iter().map(api_member).collect();
    ClientFile { deadline_seconds: USUAL_DEADLINE_SECONDS, member }
}

/// Returns a member of the consortium file as clients know it. An API over HTTPS shows the
/// certificate that is pinned there, unless its operator has one of an authority, which only
/// client.toml can say.
fn api_member(member: &Member) -> ApiMember {
    let mut pinned = member.fingerprints.iter().copied();
    let mut next = || pinned.next().filter(|_| member.api.starts_with("https://"));
    let (fingerprint, next_fingerprint) = (next(), next());
    ApiMember { fingerprint, next_fingerprint, ..ApiMember::open(&member.name, &member.api) }
}

#[cfg(test)]
mod tests {
    use cloister_certs::Fingerprint;

    use super::*;

    #[test]
    fn tokens_that_others_may_read_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let token = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "secret").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            ApiMember { token_file: Some(path), ..ApiMember::open(name, "http://a") }
        };
        let member = vec![token("open", 0o644), token("closed", 0o600), ApiMember::open("c", "c")];
        let client = ClientFile { deadline_seconds: 60, member };
        assert_eq!(open_tokens(&client), [folder.path().join("open")]);
    }

    #[test]
    fn the_consortium_file_is_enough_for_a_client() {
        let folder = tempfile::tempdir().unwrap();
        let member = |name: &str, api: &str, prints: &[u8]| {
            let prints = prints.iter().map(|byte| Fingerprint::from_bytes([*byte; 32]).to_string());
            let prints = prints.map(|print| format!("\"{print}\"")).collect::<Vec<_>>().join(", ");
            format!(
                "[[member]]\nname = \"{name}\"\napi = \"{api}\"\npeer = \"{name}:1\"\n\
                 fingerprints = [{prints}]\n"
            )
        };
        let text = member("a", "https://a", &[1, 2]) + &member("b", "http://b", &[3]);
        let folder = ConsortiumDir::new(folder.path());
        fs::write(folder.consortium(), text).unwrap();
        let client = folder.read_client().unwrap();
        let [a, b] = &client.member[..] else { panic!() };
        let print = |byte| Some(Fingerprint::from_bytes([byte; 32]));
        assert_eq!((a.fingerprint, a.next_fingerprint), (print(1), print(2)));
        assert_eq!((b.fingerprint, b.next_fingerprint), (None, None));
    }
}
