//! error[E0277]: the trait bound `Download: From<cloister_actors::label::Private<Data>>` is not satisfied

use cloister_testkit::crates::cloister_actors;

use cloister_actors::data::Data;
use cloister_actors::label::{Download, Private};

fn main() {
    let _ = Download::from(Private::new(Data::Null));
}
