//! error[E0277]: the trait bound `cloister_actors::label::Private<cloister_actors::data::Data>: serde::Serialize` is not satisfied

use cloister_testkit::crates::{cloister_actors, serde_json};

use cloister_actors::data::Data;
use cloister_actors::label::Private;

fn main() {
    let _ = serde_json::to_string(&Private::new(Data::Null));
}
