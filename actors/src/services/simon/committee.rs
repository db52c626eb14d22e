//! The committee that a client names with the parameter `committee`: three members, by name or API
//! URL. Those that are no parties of the network compute as helpers, without data.

use cloister_protocols::parameters::Parameters;

use super::network::{Network, stranger};
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::shown::shown;

/// The most members of a committee. The function checks that there are enough.
const SEATS: usize = 3;

/// Gives the committee's members the names that all nodes know. Adds the helpers among them to the
/// network, in the order given.
///
/// # Errors
/// If a name is unknown or there twice, or the number of names makes no committee.
pub(super) fn resolve(
    parameters: &mut Parameters,
    network: &mut Network,
    consortium: &Consortium,
) -> Result<(), ApiError> {
    let Some(names) = &mut parameters.committee else { return Ok(()) };
    if !(1..=SEATS).contains(&names.len()) {
        return Err(misuse(format!("`committee` names {} members", names.len())));
    }
    let mut seats = Vec::with_capacity(SEATS);
    for name in names {
        let position = consortium.look_up(name).ok_or_else(|| stranger(name))?;
        if seats.contains(&position) {
            return Err(misuse(format!("`committee` names {} twice", shown(name))));
        }
        seats.push(position);
        if let Some(member) = consortium.members().get(position) {
            name.clone_from(&member.name);
        }
        network.add_helper(position);
    }
    Ok(())
}

fn misuse(message: String) -> ApiError {
    ApiError::argument("parameters", message)
        .hint("let `committee` name three different members, by name or API URL")
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::consortium;
    use super::*;
    use crate::vocabulary::code::Code;

    /// Resolves a committee for the parties p2 and p1, in this order.
    fn with(names: &[&str]) -> Result<(Parameters, Network), ApiError> {
        let committee = Some(names.iter().map(|&name| name.into()).collect());
        let mut parameters = Parameters { committee, ..Parameters::default() };
        let mut network = Network { members: vec![2, 1], helpers: 0, name: None };
        resolve(&mut parameters, &mut network, &consortium(5))?;
        Ok((parameters, network))
    }

    #[test]
    fn members_get_their_names_and_those_without_data_help() {
        let (parameters, network) = with(&["p4", "http://H1:80/", "http://h0:80"]).unwrap();
        assert_eq!(parameters.committee.unwrap(), ["p4", "p1", "p0"]);
        assert_eq!(network, Network { members: vec![2, 1, 4, 0], helpers: 2, name: None });
        assert_eq!(with(&["p1", "p2"]).unwrap().1.helpers, 0);
    }

    #[test]
    fn strangers_repetitions_and_wrong_numbers_are_refused() {
        for (names, code) in [
            (&["p0", "p1", "http://evil"][..], Code::Stranger),
            (&["p0", "p1", "http://h0:80"], Code::BadArgument),
            (&["p0", "p1", "p2", "p3"], Code::BadArgument),
            (&[], Code::BadArgument),
        ] {
            assert_eq!(with(names).unwrap_err().code(), code, "{names:?}");
        }
    }
}
