//! The folder of a consortium on one machine: which files there are, and how they are read.
//!
//! `consortium.toml` and `client.toml` lie at its top, and a folder for each party beside them.
//! Every reader says which file it could not use and why.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_actors::consortium::{Consortium, Member};
use cloister_actors::settings::Settings;
use cloister_certs::Fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::layers;
use crate::problem::{Outcome, Problem};

/// What a client has to know of a consortium: `client.toml`.
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
    /// The fingerprint of the certificate that its API shows, for HTTPS with the node's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The fingerprint that is to follow, while the certificate is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_fingerprint: Option<Fingerprint>,
    /// A file with the authority that has signed the API's certificate, for HTTPS with a certificate
    /// of the operator's own; relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// A file with the client's token for this node; relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl ApiMember {
    /// A member whose API is open to this machine.
    #[must_use]
    pub fn open(name: &str, api: &str) -> Self {
        let (fingerprint, next_fingerprint) = (None, None);
        let (authority, token_file) = (None, None);
        let (name, api) = (name.to_owned(), api.to_owned());
        Self { name, api, fingerprint, next_fingerprint, authority, token_file }
    }

    /// A member as the consortium file has it. An API over HTTPS shows the certificate that is pinned
    /// there, unless its operator has one of an authority, which only client.toml can say.
    fn of(member: &Member) -> Self {
        let mut pinned = member.fingerprints.iter().copied();
        let mut next = || pinned.next().filter(|_| member.api.starts_with("https://"));
        let (fingerprint, next_fingerprint) = (next(), next());
        Self { fingerprint, next_fingerprint, ..Self::open(&member.name, &member.api) }
    }
}

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
            let member = consortium.members().iter().map(ApiMember::of).collect();
            return Ok(ClientFile { deadline_seconds: usual_deadline(), member });
        }
        let mut file: ClientFile = read_toml(
            &path,
            "make a consortium with `cloister init` or `cloister consortium new` first",
        )?;
        if file.member.is_empty() {
            let path = path.display();
            return Err(Problem::usage(format!("{path} lists no member")));
        }
        for member in &mut file.member {
            for path in [&mut member.authority, &mut member.token_file].into_iter().flatten() {
                *path = self.0.join(&*path);
            }
        }
        Ok(file)
    }
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

fn usual_deadline() -> u32 {
    60
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
