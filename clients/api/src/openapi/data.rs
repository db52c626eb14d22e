//! The datasets of a node, and the functions on them.

use super::operation::{Operation, schema};
use super::responses::{FORBIDDEN, FOREIGN_HOST, TOO_OFTEN, UNAUTHORIZED, UNAVAILABLE};
use crate::{Datasets, Functions};

const TAG: &str = "data";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![datasets(), functions()]
}

fn datasets() -> Operation {
    Operation::new("get", "/v1/datasets", "datasets")
        .tag(TAG)
        .says(
            "The datasets that this principal may see",
            "As their owners declared them; how many rows there are and how many values are \
             missing is told in bands. Takes the right `compute`.",
        )
        .answers("The datasets.", schema::<Datasets>())
        .refuses(&[UNAUTHORIZED, FORBIDDEN, TOO_OFTEN, UNAVAILABLE])
}

fn functions() -> Operation {
    Operation::new("get", "/v1/functions", "functions")
        .tag(TAG)
        .says(
            "What can be computed",
            "The catalogue: what each function takes, answers and reveals, and which parameters \
             it has.",
        )
        .answers("The functions.", schema::<Functions>())
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}
