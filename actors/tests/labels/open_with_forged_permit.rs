use cloister_protocols::disclosure::{Opened, Permit};

fn main() {
    let permit = Permit { joint: unimplemented!(), rows: None };
    let _ = Opened::by(&permit, 3.0);
}
