use cloister_protocols::disclosure::{Opened, Permit, Profile};

fn main() {
    let permit = Permit { rules: Profile::Teaching.rules() };
    let _ = Opened::by(&permit, 3.0);
}
