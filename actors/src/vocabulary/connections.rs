//! The most connections of each kind, within the descriptors that the system gives this process.
//!
//! Each kind has its own part of the descriptors. So clients can take none from the other members'
//! nodes, and a third is left for files, databases and links.

use rustix::process::{Resource, getrlimit};

use super::connection_table::Most;

/// The most connections of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Connections in their handshake, from members' addresses. Members behind one address may
    /// restart together.
    pub of_members: Most,
    /// Connections in their handshake, from other addresses at the port for members.
    pub of_others: Most,
    /// Connections of clients that have shown no right token yet. Many may come from one address,
    /// that of a gateway.
    pub of_strangers: Most,
    /// Connections of clients that have shown a right token.
    pub of_principals: Most,
    /// Connections at the listener of health and metrics.
    pub of_watchers: Most,
}

impl Connections {
    /// Returns the bounds of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::within(usize::try_from(descriptors).unwrap_or(usize::MAX))
    }

    fn within(descriptors: usize) -> Self {
        let most = |of_one: usize, of_all: usize, part: usize| {
            let of_all = of_all.min(descriptors / part).max(1);
            Most { of_one: of_one.min(of_all), of_all }
        };
        Self {
            of_members: most(96, 512, 8),
            of_others: most(32, 192, 8),
            of_strangers: most(128, 256, 8),
            of_principals: most(2_048, 4_096, 4),
            of_watchers: most(32, 64, 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_descriptors_is_left() {
        for descriptors in [64, 256, 1_024, 4_096, 20_000, usize::MAX] {
            let bounds = Connections::within(descriptors);
            let all = [
                bounds.of_members,
                bounds.of_others,
                bounds.of_strangers,
                bounds.of_principals,
                bounds.of_watchers,
            ];
            let taken: usize = all.iter().map(|most| most.of_all).sum();
            assert!(taken <= descriptors / 3 * 2, "{taken} of {descriptors}");
            assert!(all.iter().all(|most| (1..=most.of_all).contains(&most.of_one)));
        }
    }
}
