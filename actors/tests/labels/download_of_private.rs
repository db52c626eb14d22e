use cloister_actors::data::Data;
use cloister_actors::label::{Download, Private};

fn main() {
    let _ = Download::from(Private::new(Data::Null));
}
