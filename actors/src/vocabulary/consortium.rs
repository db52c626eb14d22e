//! The consortium file, and a member as it stands in the specification of a computation.

use std::sync::Arc;

use actix::Message;
pub use cloister_certs::consortium::{
    Consortium, ConsortiumError, Difference, MAX_MEMBERS, Member, is_name,
};
pub use cloister_certs::thresholds::{MAX_PROFILES, Profiles};
use cloister_protocols::session::{MemberId, Roster};

/// The message that the members' fingerprints have changed, and nothing else of them.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct Renewed(pub Arc<Consortium>);

/// Returns all members, by whose places proposals name those of a computation.
#[must_use]
pub fn roster(consortium: &Consortium) -> Roster {
    consortium.members().iter().map(member_id).collect()
}

/// Returns a member as it stands in the specification of a computation.
#[must_use]
pub fn member_id(member: &Member) -> MemberId {
    let fingerprint = member.fingerprints.first().map_or([0; 32], |print| *print.as_bytes());
    MemberId { name: member.name.clone(), fingerprint }
}
