//! Principals: the callers of the API, by name and rights.
//!
//! Actions belong to the name. Rights follow from the roles of its token. Each microservice asks
//! for one right, and the controller checks it before a call reaches the service.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cloister_vault::Role;

use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

/// A caller of the API. Two principals of one name are equal, whatever their rights.
#[derive(Clone)]
pub struct Principal {
    name: Arc<str>,
    rights: Arc<BTreeSet<Right>>,
}

/// A right of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Compute within the policies, and coordinate computations with others.
    Compute,
    /// Push data.
    Upload,
    /// Make datasets known to the node.
    Register,
    /// Grant and deny requests of others.
    Approve,
    /// Read the audit log.
    ReadAudit,
    /// See the computations of others, and their progress.
    Observe,
    /// End computations of others.
    Steer,
}

impl Principal {
    /// Creates the principal of a token with this name and these roles.
    #[must_use]
    pub fn of_token(name: &str, roles: &BTreeSet<Role>) -> Self {
        let rights = roles.iter().flat_map(|role| rights(*role)).copied().collect();
        Self { name: Arc::from(name), rights: Arc::new(rights) }
    }

    /// Creates the owner of an object, by name and without rights.
    #[must_use]
    pub fn owner(name: &str) -> Self {
        Self { name: Arc::from(name), rights: Arc::default() }
    }

    /// Creates the caller of a node without tokens: it computes and pushes data. Decisions over
    /// others' data need a name, or the command on the node's own machine.
    #[must_use]
    pub fn anybody() -> Self {
        let rights = BTreeSet::from([Right::Compute, Right::Upload]);
        Self { name: Arc::from("anybody"), rights: Arc::new(rights) }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the principal has this right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Returns the rights by name.
    #[must_use]
    pub fn rights(&self) -> Vec<&'static str> {
        self.rights.iter().map(|right| right.name()).collect()
    }

    /// Checks that the principal has this right.
    ///
    /// # Errors
    /// If it does not have it.
    pub fn check(&self, right: Right) -> Result<(), ApiError> {
        if self.may(right) {
            return Ok(());
        }
        let message = format!("{} may not {}", self.name, right.describe());
        Err(ApiError::new(Code::WrongRole, message).hint(format!(
            "this takes a token with the role {}: `cloister token new --name NAME --role {}`",
            right.role(),
            right.role()
        )))
    }
}

impl Right {
    /// Returns the name of the right, for programs.
    fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Upload => "upload",
            Self::Register => "register",
            Self::Approve => "approve",
            Self::ReadAudit => "audit",
            Self::Observe => "observe",
            Self::Steer => "steer",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Upload => "push data",
            Self::Register => "register data",
            Self::Approve => "decide over others' requests",
            Self::ReadAudit => "read the audit log",
            Self::Observe => "see others' computations",
            Self::Steer => "end others' computations",
        }
    }

    /// Returns the role that is made for this right.
    fn role(self) -> Role {
        match self {
            Self::Compute => Role::Researcher,
            Self::Upload | Self::Register | Self::Approve => Role::Owner,
            Self::ReadAudit | Self::Observe => Role::Auditor,
            Self::Steer => Role::Operator,
        }
    }
}

/// Returns the rights of a role.
fn rights(role: Role) -> &'static [Right] {
    match role {
        Role::Researcher => &[Right::Compute],
        Role::Owner => {
            &[Right::Upload, Right::Register, Right::Approve, Right::Observe, Right::Steer]
        }
        Role::Auditor => &[Right::ReadAudit, Right::Observe],
        Role::Operator => &[Right::Register, Right::ReadAudit, Right::Observe, Right::Steer],
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Principal {}

impl PartialOrd for Principal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Principal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(roles: &[Role]) -> Principal {
        Principal::of_token("ada", &roles.iter().copied().collect())
    }

    #[test]
    fn each_role_may_do_its_own_and_no_more() {
        let auditor = with(&[Role::Auditor]);
        assert!(auditor.check(Right::ReadAudit).is_ok());
        let refused = auditor.check(Right::Compute).unwrap_err();
        assert_eq!((refused.code().status(), refused.code()), (403, Code::WrongRole));
        let both = with(&[Role::Researcher, Role::Owner]);
        assert!([Right::Compute, Right::Approve].iter().all(|right| both.check(*right).is_ok()));
        assert!(both.check(Right::ReadAudit).is_err());
    }

    #[test]
    fn nobody_in_particular_decides_nothing() {
        let anybody = Principal::anybody();
        assert!(anybody.check(Right::Compute).is_ok());
        for right in [Right::Approve, Right::Register, Right::ReadAudit] {
            assert!(anybody.check(right).is_err());
        }
    }

    #[test]
    fn what_is_done_belongs_to_the_name() {
        assert_eq!(with(&[Role::Owner]), with(&[Role::Researcher]));
        assert_ne!(with(&[]), Principal::anybody());
    }
}
