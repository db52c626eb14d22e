use cloister_actors::label::Opened;

fn main() {
    let _ = Opened(3.0);
}
