//! The folder of a consortium on one machine: which files there are, and how they are read.
//!
//! `consortium.toml` and `client.toml` lie at its top, and a folder for each party beside them.
//! Every reader says which file it could not use and why.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_actors::consortium::{Consortium, Member};
use cloister_actors::settings::Settings;
use cloister_client::{ApiMember, ClientError, ClientFile, USUAL_DEADLINE_SECONDS};
use serde::de::DeserializeOwned;

use crate::layers;
use crate::problem::{Outcome, Problem};

/// Where the files of a consortium lie.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The consortium file.
    #[must_use]
    pub fn consortium(&self) -> PathBuf {
        self.0.join("consortium.toml")
    }

    /// The file for clients.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.0.join("client.toml")
    }

    /// A party's own folder.
    #[must_use]
    pub fn party(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder with a party's identity.
    #[must_use]
    pub fn identity(&self, name: &str) -> PathBuf {
        self.party(name).join("identity")
    }

    /// The settings of a party's node.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        self.party(name).join("node.toml")
    }

    /// Reads the file for clients. Where there is none, the consortium file says what a client must know.
    ///
    /// # Errors
    /// If there is neither, or it names nobody.
    pub fn read_client(&self) -> Outcome<ClientFile> {
        let path = self.client();
        if !path.exists() && self.consortium().exists() {
            let consortium: Consortium = read_toml(&self.consortium(), "")?;
            let member = consortium.members().iter().map(api_member).collect();
            return Ok(ClientFile { deadline_seconds: USUAL_DEADLINE_SECONDS, member });
        }
        ClientFile::read(&path).map_err(|error| match error {
            ClientError::Unreadable { .. } => Problem::usage(format!(
                "{error}; make a consortium with `cloister init` or `cloister consortium new` first"
            )),
            other => other.into(),
        })
    }
}

/// Returns a member of the consortium file as clients know it. An API over HTTPS shows the certificate that is
/// pinned there, unless its operator has one of an authority, which only client.toml can say.
fn api_member(member: &Member) -> ApiMember {
    let mut pinned = member.fingerprints.iter().copied();
    let mut next = || pinned.next().filter(|_| member.api.starts_with("https://"));
    let (fingerprint, next_fingerprint) = (next(), next());
    ApiMember { fingerprint, next_fingerprint, ..ApiMember::open(&member.name, &member.api) }
}

/// Reads a TOML file. `hint` says what to do if there is none.
///
/// # Errors
/// If it cannot be read or does not hold a `T`.
pub fn read_toml<T: DeserializeOwned>(path: &Path, hint: &str) -> Outcome<T> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::usage(format!("cannot read {shown}: {error}; {hint}")))?;
    toml::from_str(&text).map_err(|error| Problem::usage(format!("{shown}: {error}")))
}

/// Reads a node's settings: its file, the environment over it, and the policies in the folder `policy.d`
/// beside the file. Their paths are resolved.
///
/// # Errors
/// All that is wrong in them.
pub fn read_settings(config: &Path) -> Outcome<Settings> {
    layers::read(config, &[])?.all_right()
}

/// The TOML files of a folder in the order of their names; none where there is no folder.
pub(crate) fn policy_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed =
        |error| Problem::usage(format!("cannot read the folder {}: {error}", folder.display()));
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use cloister_certs::Fingerprint;

    use super::*;

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
        let folder = Folder::new(folder.path());
        fs::write(folder.consortium(), text).unwrap();
        let client = folder.read_client().unwrap();
        let [a, b] = &client.member[..] else { panic!() };
        let print = |byte| Some(Fingerprint::from_bytes([byte; 32]));
        assert_eq!((a.fingerprint, a.next_fingerprint), (print(1), print(2)));
        assert_eq!((b.fingerprint, b.next_fingerprint), (None, None));
    }
}
