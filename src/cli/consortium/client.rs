//! `cloister consortium client`: the file for a client that runs on a machine of its own.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cloister_certs::consortium::Consortium;
use cloister_client::{ApiMember, ClientFile};

use crate::consortium_dir::client_of;
use crate::files::{read_toml, write_at_once};
use crate::problem::{Outcome, Problem};

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The consortium file.
    file: PathBuf,
    /// The file with the client's token for a member's node, as MEMBER=FILE; relative to the file
    /// that is made. Give it for each member whose node asks for a token.
    #[arg(long, value_name = "MEMBER=FILE", value_parser = parse_member_file)]
    token_file: Vec<(String, PathBuf)>,
    /// The file with the authority that has signed the certificate of a member's API, as
    /// MEMBER=FILE, where it is not the node's own.
    #[arg(long, value_name = "MEMBER=FILE", value_parser = parse_member_file)]
    authority: Vec<(String, PathBuf)>,
    /// The longest deadline of the members' nodes, in seconds; 60 where it is left out.
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u32>,
    /// The file that is made; client.toml beside the consortium file where it is left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Bring a file that is there up to date with the consortium file, as after a certificate was
    /// renewed: members, addresses and fingerprints. Tokens, authorities and deadline stay.
    #[arg(long)]
    refresh: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let consortium: Consortium =
        read_toml(&arguments.file, "make it with `cloister consortium new`")?;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => arguments.file.with_file_name("client.toml"),
    };
    let shown = out.display();
    if arguments.refresh {
        let before: ClientFile = read_toml(&out, "make it first, without --refresh")?;
        let client = arguments.completed(refreshed(&before, &consortium))?;
        write_at_once(&out, &toml::to_string(&client).map_err(Problem::ours)?)?;
        eprintln!("{shown} has the members of {} now", arguments.file.display());
        return Ok(());
    }
    let client = arguments.completed(client_of(&consortium))?;
    let text = toml::to_string(&client).map_err(Problem::ours)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&out).map_err(|error| {
        Problem::usage(format!("cannot make {shown}: {error}; name another file with --out"))
    })?;
    file.write_all(text.as_bytes())
        .map_err(|error| Problem::usage(format!("cannot write {shown}: {error}")))?;
    eprintln!("made {shown}: hand it, with the tokens that it names, to the client");
    Ok(())
}

impl Arguments {
    /// Adds what the consortium file does not say.
    fn completed(&self, mut client: ClientFile) -> Outcome<ClientFile> {
        client.deadline_seconds = self.deadline.unwrap_or(client.deadline_seconds);
        for (name, file) in &self.token_file {
            member(&mut client, name)?.token_file = Some(file.clone());
        }
        for (name, file) in &self.authority {
            let member = member(&mut client, name)?;
            // A member has fingerprints or an authority, never both.
            member.fingerprint = None;
            member.next_fingerprint = None;
            member.authority = Some(file.clone());
        }
        Ok(client)
    }
}

/// Returns the members of the consortium file, with what a client's file says of them beside.
fn refreshed(before: &ClientFile, consortium: &Consortium) -> ClientFile {
    let mut client = client_of(consortium);
    client.deadline_seconds = before.deadline_seconds;
    for member in &mut client.member {
        let Some(known) = before.member.iter().find(|known| known.name == member.name) else {
            continue;
        };
        member.token_file.clone_from(&known.token_file);
        if known.authority.is_some() {
            member.authority.clone_from(&known.authority);
            member.fingerprint = None;
            member.next_fingerprint = None;
        }
    }
    client
}

fn member<'a>(client: &'a mut ClientFile, name: &str) -> Outcome<&'a mut ApiMember> {
    let names: Vec<_> = client.member.iter().map(|member| member.name.clone()).collect();
    let found = client.member.iter_mut().find(|member| member.name == name);
    found.ok_or_else(|| {
        Problem::usage(format!("there is no member `{name}`; there are {}", names.join(", ")))
    })
}

fn parse_member_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err(format!("`{text}` is not of the form MEMBER=FILE")),
    }
}

#[cfg(test)]
mod tests {
    use cloister_certs::Fingerprint;

    use super::*;

    #[test]
    fn a_client_file_is_made_that_clients_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("consortium.toml");
        let members = ["a", "b"].map(|name| {
            let print = Fingerprint::from_bytes([name.as_bytes()[0]; 32]);
            format!(
                "[[member]]\nname = \"{name}\"\napi = \"https://{name}\"\npeer = \"{name}:1\"\n\
                 fingerprints = [\"{print}\"]\n"
            )
        });
        std::fs::write(&file, members.concat()).unwrap();
        let arguments = |name: &str| Arguments {
            file: file.clone(),
            token_file: vec![(name.to_owned(), "token".into())],
            authority: vec![("b".to_owned(), "ca.pem".into())],
            deadline: Some(120),
            out: None,
            refresh: false,
        };
        assert!(run(&arguments("c")).is_err_and(|error| error.to_string().contains("a, b")));
        run(&arguments("a")).unwrap();
        let client = ClientFile::read(&folder.path().join("client.toml")).unwrap();
        assert_eq!(client.deadline_seconds, 120);
        let [a, b] = &client.member[..] else { panic!() };
        assert!(a.fingerprint.is_some() && a.authority.is_none());
        assert_eq!(a.token_file.as_deref(), Some(folder.path().join("token").as_path()));
        assert!(b.fingerprint.is_none() && b.authority.is_some() && b.token_file.is_none());
        // A file that is there may have been edited.
        assert!(run(&arguments("a")).is_err());
        // A member has renewed its certificate, and another has joined.
        let renewed = Fingerprint::from_bytes([7; 32]);
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text
            .replace(&Fingerprint::from_bytes([b'a'; 32]).to_string(), &renewed.to_string())
            + &members[0]
                .replace("\"a\"", "\"c\"")
                .replace("https://a", "https://c")
                .replace("a:1", "c:1");
        std::fs::write(&file, text).unwrap();
        let refresh = Arguments {
            token_file: vec![("c".to_owned(), "other".into())],
            authority: Vec::new(),
            deadline: None,
            refresh: true,
            ..arguments("a")
        };
        run(&refresh).unwrap();
        let client = ClientFile::read(&folder.path().join("client.toml")).unwrap();
        let [a, b, c] = &client.member[..] else { panic!() };
        assert_eq!((client.deadline_seconds, a.fingerprint), (120, Some(renewed)));
        assert_eq!(a.token_file.as_deref(), Some(folder.path().join("token").as_path()));
        assert!(b.fingerprint.is_none() && b.authority.is_some());
        assert_eq!(c.token_file.as_deref(), Some(folder.path().join("other").as_path()));
        assert!(parse_member_file("a").is_err() && parse_member_file("=b").is_err());
    }
}
