//! The committee that a client names with the parameter `committee`: three members, by name or API
//! URL. Those that are no parties of the network compute as helpers, without data.

use cloister_protocols::parameters::Parameters;

use super::network::{Network, stranger};
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::shown::shown;

/// The most members of a committee. The function checks that there are enough.
const SEATS: usize = 3;

/// Turns the committee into roles: its members compute, and no other. Adds those that are no parties
/// to the network as helpers, in the order given.
///
/// # Errors
/// If a name is no member's or comes twice, or if the number of names makes no committee.
pub(super) fn resolve(
    parameters: &Parameters,
    network: &mut Network,
    consortium: &Consortium,
) -> Result<(), ApiError> {
    let Some(names) = &parameters.committee else { return Ok(()) };
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
    }
    network.compute_at(&seats)
}

fn misuse(message: String) -> ApiError {
    ApiError::argument("parameters", message)
        .hint("let `committee` name three different members, by name or API URL")
}

#[cfg(test)]
mod tests {
    use cloister_protocols::session::{Role, Roles};

    use super::super::network::tests::consortium;
    use super::*;
    use crate::vocabulary::code::Code;

    /// Resolves a committee for the parties p2 and p1, in this order.
    fn with(names: &[&str]) -> Result<Network, ApiError> {
        let committee = Some(names.iter().map(|&name| name.into()).collect());
        let parameters = Parameters { committee, ..Parameters::default() };
        let roles = Roles::of_parties(2).unwrap();
        let mut network = Network { members: vec![2, 1], roles, name: None };
        resolve(&parameters, &mut network, &consortium(5))?;
        Ok(network)
    }

    #[test]
    fn members_of_the_committee_compute_and_those_without_data_help() {
        let (party, helper) = (Role::PARTY, Role::HELPER);
        for (names, members, roles) in [
            (
                &["p4", "http://H1:80/", "http://h0:80"][..],
                vec![2, 1, 4, 0],
                vec![Role::OUTSIDE_COMMITTEE, party, helper, helper],
            ),
            (&["p1", "p2", "p3"], vec![2, 1, 3], vec![party, party, helper]),
            (&["p1", "p2"], vec![2, 1], vec![party, party]),
        ] {
            let network = with(names).unwrap();
            assert_eq!((network.members, network.roles), (members, Roles::new(roles).unwrap()));
        }
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
