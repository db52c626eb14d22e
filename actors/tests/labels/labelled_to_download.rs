use cloister_actors::label::{Download, Labelled};

fn leave(value: Labelled) -> Download {
    value.into()
}

fn main() {}
