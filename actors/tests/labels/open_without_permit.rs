//! error[E0423]: cannot initialize a tuple struct which contains private fields

use cloister_testkit::crates::cloister_actors;

use cloister_actors::label::Opened;

fn main() {
    let _ = Opened(3.0);
}
