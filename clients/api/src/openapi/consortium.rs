//! This node, the other members, and the lines between them.

use super::operation::{Operation, schema};
use super::responses::{FOREIGN_HOST, TOO_LARGE, TOO_OFTEN, TOO_SLOW, UNAUTHORIZED, UNAVAILABLE};
use crate::{Members, Node, ProbeOrder, ProbeReport};

const TAG: &str = "consortium";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![node(), members(), probe()]
}

fn node() -> Operation {
    Operation::new("get", "/v1/node", "node")
        .tag(TAG)
        .says(
            "What this node is",
            "Whose it is, its release and rules, and what the caller may do.",
        )
        .answers("The node.", schema::<Node>())
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}

fn members() -> Operation {
    Operation::new("get", "/v1/members", "members")
        .tag(TAG)
        .says(
            "All members, and the lines to them",
            "As the consortium file names them and this node sees them.",
        )
        .answers("The members, in the file's order.", schema::<Members>())
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}

fn probe() -> Operation {
    Operation::new("post", "/v1/probes", "probe")
        .tag(TAG)
        .says(
            "Try the line to a member",
            "By a connection of its own, step by step, and for each failure what to do and who \
             must do it. Answers when it is done: where an idle line is tried, that takes as long. \
             Four lines are tried at a time.",
        )
        .takes(schema::<ProbeOrder>(), true, None)
        .answers("The result of each step.", schema::<ProbeReport>())
        .refuses_with(
            400,
            "The body is not a JSON object of this form, or ended early.",
            &["bad_body", "broke_off"],
        )
        .refuses_with(404, "There is no other member of this name.", &["no_such_member"])
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, TOO_SLOW, TOO_LARGE, TOO_OFTEN, UNAVAILABLE])
}
