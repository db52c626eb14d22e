//! error[E0277]: the trait bound `Download: From<Labelled>` is not satisfied

use cloister_testkit::crates::cloister_actors;

use cloister_actors::label::{Download, Labelled};

fn leave(value: Labelled) -> Download {
    value.into()
}

fn main() {}
