//! The network that a client names: `{"nodes": […], "uuid": …, "myself": index}`.
//!
//! Nodes are API URLs or member names. Each is looked up in the consortium: a client cannot point a
//! node at a stranger.

use cloister_protocols::session::{Role, Roles};

use crate::sessions::LONGEST_NAME;
use crate::vocabulary::code::Code;
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::shown::shown;

/// The members of a computation, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The members by position in the consortium file, in the agreed order: the parties, then the
    /// helpers.
    pub members: Vec<usize>,
    /// Their roles.
    pub roles: Roles,
    /// The network name, if the clients gave one.
    pub name: Option<String>,
}

impl Network {
    /// Reads a client's argument, for the node of the member at position `me`.
    ///
    /// # Errors
    /// If a node is no member, named twice, or missing, or `myself` is not this node.
    pub fn parse(data: &Data, consortium: &Consortium, me: usize) -> Result<Self, ApiError> {
        let Data::Map(map) = data else {
            return Err(misuse(format!("an object is needed, not {}", data.kind())));
        };
        if let Some(unknown) =
            map.keys().find(|key| !["nodes", "uuid", "myself"].contains(&key.as_str()))
        {
            return Err(misuse(format!("there is no entry `{}`", shown(unknown))));
        }
        let members = members(map.get("nodes"), consortium)?;
        check_myself(map.get("myself"), &members, consortium, me)?;
        let roles = Roles::of_parties(members.len())?;
        Ok(Self { members, roles, name: name(map.get("uuid"))? })
    }

    /// Has the members at these positions compute, and no other. Those that are none of the
    /// network's members become helpers, in the order given.
    ///
    /// # Errors
    /// If these are too many members for one computation.
    pub(super) fn compute_at(&mut self, seats: &[usize]) -> Result<(), ApiError> {
        let parties = self.members.len();
        for seat in seats {
            if !self.members.contains(seat) {
                self.members.push(*seat);
            }
        }
        let roles = self.members.iter().enumerate().map(|(index, position)| {
            let compute = seats.contains(position);
            if index < parties { Role { compute, ..Role::PARTY } } else { Role::HELPER }
        });
        self.roles = Roles::new(roles.collect())?;
        Ok(())
    }
}

fn members(nodes: Option<&Data>, consortium: &Consortium) -> Result<Vec<usize>, ApiError> {
    let Some(Data::List(nodes)) = nodes else {
        return Err(misuse("`nodes` must be a list of API URLs or member names".into()));
    };
    let mut members = Vec::with_capacity(nodes.len().min(consortium.members().len()));
    for node in nodes {
        let node = node.as_text().ok_or_else(|| misuse("`nodes` must hold texts".into()))?;
        let position = consortium.look_up(node).ok_or_else(|| stranger(node))?;
        if members.contains(&position) {
            return Err(misuse(format!("`nodes` names {} twice", shown(node))));
        }
        members.push(position);
    }
    if members.len() < 2 {
        return Err(misuse("`nodes` must name two parties at least".into()));
    }
    Ok(members)
}

fn check_myself(
    myself: Option<&Data>,
    members: &[usize],
    consortium: &Consortium,
    me: usize,
) -> Result<(), ApiError> {
    let own = consortium.members().get(me).map_or("", |member| member.name.as_str());
    let Some(position) = members.iter().position(|member| *member == me) else {
        return Err(misuse(format!("`nodes` does not name this node, {own}")));
    };
    let myself = myself.and_then(Data::as_index).ok_or_else(|| {
        misuse("`myself` must be the index of this node in `nodes`, from 0".into())
    })?;
    if myself != position {
        return Err(misuse(format!(
            "`myself` is {myself}, but this node, {own}, is number {position} in `nodes`"
        )));
    }
    Ok(())
}

fn name(uuid: Option<&Data>) -> Result<Option<String>, ApiError> {
    let name = match uuid {
        None | Some(Data::Null) => return Ok(None),
        Some(Data::Text(name)) => name.clone(),
        Some(Data::Integer(number)) => number.to_string(),
        Some(other) => {
            return Err(misuse(format!("`uuid` must be a text, not {}", other.kind())));
        }
    };
    if name.len() > LONGEST_NAME {
        return Err(misuse(format!("`uuid` is longer than {LONGEST_NAME} bytes")));
    }
    Ok(Some(name))
}

fn misuse(message: String) -> ApiError {
    ApiError::new(Code::BadNetwork, format!("argument `network`: {message}")).hint(
        "give {\"nodes\": [API URLs or member names], \"uuid\": a text of your own, \
               \"myself\": the index of this node in `nodes`}",
    )
}

pub(super) fn stranger(node: &str) -> ApiError {
    ApiError::new(
        Code::Stranger,
        format!("`{}` is no member of this node's consortium", shown(node)),
    )
    .hint("name members by the name or the API URL that the consortium file gives them")
}

#[cfg(test)]
pub(super) mod tests {
    use cloister_certs::Fingerprint;

    use super::*;
    use crate::vocabulary::consortium::Member;

    pub(in super::super) fn consortium(members: u8) -> Consortium {
        let member = |index: u8| Member {
            name: format!("p{index}"),
            api: format!("http://h{index}:80"),
            peer: format!("h{index}:81"),
            fingerprints: vec![Fingerprint::from_bytes([index; 32])],
        };
        Consortium::new((0..members).map(member).collect()).unwrap()
    }

    fn parse(json: &str) -> Result<Network, ApiError> {
        Network::parse(&serde_json::from_str(json).unwrap(), &consortium(3), 1)
    }

    #[test]
    fn members_come_by_name_or_url_in_the_order_given() {
        let network = parse(r#"{"nodes":["p2","http://h1:80/"],"myself":1.0,"uuid":"u"}"#).unwrap();
        let name = Some("u".into());
        assert_eq!(
            network,
            Network { members: vec![2, 1], roles: Roles::of_parties(2).unwrap(), name }
        );
    }

    #[test]
    fn strangers_repetitions_and_wrong_selves_are_refused() {
        for (json, code) in [
            (r#"{"nodes":["p1","http://evil"],"myself":0}"#, Code::Stranger),
            (r#"{"nodes":["p1","p1"],"myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":["p1","http://h1:80"],"myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p2"],"myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"],"myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"],"myself":-1}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"],"myself":"1"}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"]}"#, Code::BadNetwork),
            (r#"{"nodes":["p1"],"myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":"p1","myself":0}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"],"myself":1,"uuid":[]}"#, Code::BadNetwork),
            (r#"{"nodes":["p0","p1"],"myself":1,"token":"x"}"#, Code::BadNetwork),
            ("[]", Code::BadNetwork),
        ] {
            assert_eq!(parse(json).unwrap_err().code(), code, "{json}");
        }
    }
}
