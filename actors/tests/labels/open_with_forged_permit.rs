//! error[E0624]: associated function `by` is private

use cloister_testkit::crates::{cloister_actors, cloister_protocols};

use cloister_protocols::disclosure::{Opened, Permit};

fn main() {
    let permit = Permit { joint: unimplemented!(), rows: None };
    let _ = Opened::by(&permit, 3.0);
}
