//! `cloister init`: the files of a consortium on this machine, to try things out.
//!
//! Everything that can be known to be wrong is checked before the first file is written, and
//! nothing that exists is ever written over.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cloister_certs::consortium::{Consortium, MAX_MEMBERS, Member};
use cloister_client::{ApiMember, ClientFile};
use cloister_protocols::disclosure::Profile;
use serde::Serialize;

use super::identity;
use crate::consortium_dir::ConsortiumDir;
use crate::ports;
use crate::problem::{Outcome, Problem};

/// Make the files of a consortium on this machine, to try things out.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder for the consortium; it must not hold one yet.
    dir: PathBuf,
    /// The parties' names, in order; `--party` may be given once for all or once for each.
    #[arg(long = "party", value_name = "NAME", required = true, num_args = 1..)]
    pub(super) parties: Vec<String>,
    /// The API port of the first party; those of the others count up from it. Without it, the first
    /// of 55500, 55700, … from which on all are free now.
    #[arg(long, value_name = "PORT")]
    pub(super) api_port: Option<u16>,
    /// The port for other nodes of the first party; those of the others count up from it. Without
    /// it, the first of 55600, 55800, … from which on all are free now.
    #[arg(long, value_name = "PORT")]
    pub(super) peer_port: Option<u16>,
    /// The nodes' disclosure rules: `production` asks for 3 parties, 10 rows and cells of 5;
    /// `teaching` for 2 parties and 1 row, and protects no data.
    #[arg(long, default_value = "production")]
    pub(super) profile: ProfileName,
    /// Have the nodes take calls with a token only, and over HTTPS with their own certificates;
    /// make tokens with `cloister token new`.
    #[arg(long)]
    pub(super) tokens: bool,
    /// The time limit of a computation.
    #[arg(long, default_value_t = 60, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) deadline: u32,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ProfileName {
    Production,
    Teaching,
}

/// The usual API port of the first party.
const API_PORT: u16 = 55_500;

/// The usual port for other nodes of the first party.
const PEER_PORT: u16 = 55_600;

/// The distance between the ports of two consortia.
const STEP: u16 = 200;

/// The settings that `init` writes: all others have defaults.
#[derive(Serialize)]
struct NodeFile<'a> {
    party: &'a str,
    api_listen: String,
    peer_listen: String,
    identity: &'a str,
    consortium: &'a str,
    profile: Profile,
    deadline_seconds: u32,
}

/// The entry after a node's settings. It is an entry of the whole file, not a section: entries that
/// an operator adds at the end stay outside of it.
const HELP: &str = "
# Here all nodes are on one machine, so each may compute on shares for the others, without data.
# With real parties each operator decides for whom: two of three such nodes together see all data.
committee.help = true
";

/// The entries after it where tokens are wanted.
const TOKENS: &str = "access.mode = \"tokens\"
access.tls = true
";

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let folder = ConsortiumDir::new(&arguments.dir);
    make(&folder, arguments)?;
    if let Some(warning) = too_few(arguments) {
        eprintln!("warning: {warning}");
    }
    let shown = folder.path().display();
    eprintln!(
        "made a consortium of {} parties; run it: cloister up {shown}",
        arguments.parties.len()
    );
    Ok(())
}

/// Warns of a consortium whose nodes refuse every computation.
fn too_few(arguments: &Arguments) -> Option<String> {
    let (parties, profile) = (arguments.parties.len(), arguments.profile());
    let least = profile.rules().min_parties;
    (parties < usize::from(least)).then(|| {
        format!(
            "under the profile {} a computation needs {least} parties, so these {parties} will \
             compute nothing: add a party, or try things out with `--profile teaching`",
            profile.name()
        )
    })
}

impl Arguments {
    /// Makes the arguments from within, with free ports.
    pub(super) fn of(parties: &[&str], api_port: u16, peer_port: u16) -> Self {
        Self {
            dir: PathBuf::new(),
            parties: parties.iter().map(|&name| name.to_owned()).collect(),
            api_port: Some(api_port),
            peer_port: Some(peer_port),
            profile: ProfileName::Production,
            tokens: false,
            deadline: 60,
        }
    }

    /// Sets profile and deadline.
    pub(super) fn with(self, profile: Profile, deadline: u32) -> Self {
        let profile = match profile {
            Profile::Production => ProfileName::Production,
            Profile::Teaching => ProfileName::Teaching,
        };
        Self { profile, deadline, ..self }
    }

    fn scheme(&self) -> &'static str {
        if self.tokens { "https" } else { "http" }
    }

    fn profile(&self) -> Profile {
        match self.profile {
            ProfileName::Production => Profile::Production,
            ProfileName::Teaching => Profile::Teaching,
        }
    }
}

/// Makes all files of a consortium in `folder`.
pub(super) fn make(folder: &ConsortiumDir, arguments: &Arguments) -> Outcome {
    check_parties(&arguments.parties)?;
    let ports = Ports::check(arguments)?;
    check_unused(folder, &arguments.parties)?;
    let mut members = Vec::new();
    for ((name, api), peer) in arguments.parties.iter().zip(ports.api).zip(ports.peer) {
        let identity = identity::create(name)?;
        identity.save(&folder.identity(name)).map_err(identity::problem)?;
        write(&folder.node(name), &node_file(name, api, peer, arguments))?;
        members.push(Member {
            name: name.clone(),
            api: format!("{}://{}", arguments.scheme(), local(api)),
            peer: local(peer),
            fingerprints: vec![identity.fingerprint()],
        });
    }
    write_shared(folder, members, arguments)
}

fn check_parties(parties: &[String]) -> Outcome {
    parties.iter().try_for_each(|name| identity::check_name(name))?;
    if !(2..=MAX_MEMBERS).contains(&parties.len()) {
        return Err(Problem::usage(format!(
            "a consortium has 2 to {MAX_MEMBERS} parties, not {}: give `--party NAME` for each",
            parties.len()
        )));
    }
    let mut seen = BTreeSet::new();
    match parties.iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(Problem::usage(format!(
            "there are two parties `{twice}`: give each a name of its own"
        ))),
        None => Ok(()),
    }
}

struct Ports {
    api: Range<u16>,
    peer: Range<u16>,
}

impl Ports {
    fn check(arguments: &Arguments) -> Outcome<Self> {
        let parties = arguments.parties.len();
        let api = arguments.api_port.unwrap_or_else(|| free(API_PORT, parties));
        let peer = arguments.peer_port.unwrap_or_else(|| free(PEER_PORT, parties));
        let api = range("--api-port", api, parties)?;
        let peer = range("--peer-port", peer, parties)?;
        if api.start < peer.end && peer.start < api.end {
            return Err(Problem::usage(format!(
                "the API ports {} to {} and the peer ports {} to {} overlap: choose --api-port \
                 and --peer-port at least {parties} apart",
                api.start,
                api.end - 1,
                peer.start,
                peer.end - 1
            )));
        }
        Ok(Self { api, peer })
    }
}

/// Returns the first port in steps from `usual` on from which as many are free as there are parties,
/// so that a second consortium does not meet the ports of one that runs. Falls back to `usual`.
fn free(usual: u16, parties: usize) -> u16 {
    let mut firsts = (usual..u16::MAX).step_by(usize::from(STEP));
    let is_free = |first: &u16| (*first..=u16::MAX).take(parties).all(ports::is_free);
    firsts.find(is_free).unwrap_or(usual)
}

fn range(flag: &str, first: u16, parties: usize) -> Outcome<Range<u16>> {
    let end = u16::try_from(parties).ok().and_then(|count| first.checked_add(count));
    match end {
        Some(end) if first > 0 => Ok(first..end),
        _ => Err(Problem::usage(format!(
            "{flag} {first} leaves no room for {parties} ports: choose one from 1 to {}",
            usize::from(u16::MAX).saturating_sub(parties)
        ))),
    }
}

fn check_unused(folder: &ConsortiumDir, parties: &[String]) -> Outcome {
    let own = parties.iter().map(|name| folder.party(name));
    let mut paths = [folder.consortium(), folder.client()].into_iter().chain(own);
    match paths.find(|path| path.exists()) {
        Some(path) => Err(Problem::usage(format!(
            "{} exists already and is not overwritten: choose another folder, or remove this one",
            path.display()
        ))),
        None => Ok(()),
    }
}

fn node_file(name: &str, api: u16, peer: u16, arguments: &Arguments) -> Outcome<String> {
    let settings = to_toml(&NodeFile {
        party: name,
        api_listen: local(api),
        peer_listen: local(peer),
        identity: "identity",
        consortium: "../consortium.toml",
        profile: arguments.profile(),
        deadline_seconds: arguments.deadline,
    })?;
    Ok(settings + HELP + if arguments.tokens { TOKENS } else { "" })
}

fn write_shared(folder: &ConsortiumDir, members: Vec<Member>, arguments: &Arguments) -> Outcome {
    let consortium = Consortium::new(members).map_err(Problem::ours)?;
    let members = consortium.members().iter().map(|member| ApiMember {
        fingerprint: member.fingerprints.first().copied().filter(|_| arguments.tokens),
        ..ApiMember::open(&member.name, &member.api)
    });
    let client = ClientFile { deadline_seconds: arguments.deadline, member: members.collect() };
    write(&folder.consortium(), &to_toml(&consortium))?;
    write(&folder.client(), &to_toml(&client))
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn to_toml(file: &impl Serialize) -> Outcome<String> {
    toml::to_string(file).map_err(Problem::ours)
}

fn write(path: &Path, text: &Outcome<String>) -> Outcome {
    let text = text.as_ref().map_err(Problem::ours)?;
    fs::write(path, text)
        .map_err(|error| Problem::usage(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use cloister_actors::settings::Settings;

    use super::*;
    use crate::files::read_toml;

    fn arguments(parties: &[&str], api_port: u16, peer_port: u16) -> Arguments {
        Arguments::of(parties, api_port, peer_port)
    }

    fn refusal(arguments: &Arguments) -> String {
        let folder = tempfile::tempdir().unwrap();
        let problem = make(&ConsortiumDir::new(folder.path()), arguments).unwrap_err();
        assert_eq!(problem.fault().code(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{problem}");
        problem.to_string()
    }

    #[test]
    fn every_file_that_is_written_can_be_read() {
        let parent = tempfile::tempdir().unwrap();
        let folder = ConsortiumDir::new(parent.path().join("c"));
        make(&folder, &arguments(&["a", "b"], 1000, 2000)).unwrap();
        let consortium: Consortium = read_toml(&folder.consortium(), "").unwrap();
        assert_eq!(consortium.members().last().unwrap().peer, "127.0.0.1:2001");
        let settings: Settings = read_toml(&folder.node("b"), "").unwrap();
        assert_eq!(settings.api_listen.port(), 1001);
        assert_eq!(settings.profile, Profile::Production);
        assert!(settings.committee.serve && settings.committee.help);
        assert_eq!(folder.read_client().unwrap().member.len(), 2);
        let again = make(&folder, &arguments(&["c", "d"], 1000, 2000)).unwrap_err();
        assert!(again.to_string().contains("exists already"), "{again}");
    }

    #[test]
    fn parties_that_can_never_compute_are_warned() {
        let production = arguments(&["a", "b"], 1000, 2000);
        assert!(too_few(&production).unwrap().contains("needs 3 parties"));
        assert_eq!(too_few(&arguments(&["a", "b", "c"], 1000, 2000)), None);
        assert_eq!(too_few(&production.with(Profile::Teaching, 60)), None);
    }

    #[test]
    fn a_second_consortium_gets_other_ports() {
        let block = ports::Ports::take().unwrap();
        let first = block.api();
        assert_eq!(free(first, 2), first);
        let _running = std::net::TcpListener::bind(("127.0.0.1", first + 1)).unwrap();
        let next = free(first, 2);
        assert!(next > first && (next - first).is_multiple_of(STEP), "{next}");
    }

    #[test]
    fn what_cannot_be_a_consortium_leaves_no_file() {
        for (wrong, reason) in [
            (arguments(&["a"], 1000, 2000), "2 to 256"),
            (arguments(&["a", "a"], 1000, 2000), "two parties"),
            (arguments(&["a", "../b"], 1000, 2000), "no party name"),
            (arguments(&["a", "B"], 1000, 2000), "no party name"),
            (arguments(&["a", "b"], 65_534, 2000), "no room"),
            (arguments(&["a", "b"], 0, 2000), "no room"),
            (arguments(&["a", "b", "c"], 1000, 1002), "overlap"),
            (arguments(&["a", "b", "c"], 1000, 998), "overlap"),
        ] {
            let message = refusal(&wrong);
            assert!(message.contains(reason), "{message}");
        }
    }
}
