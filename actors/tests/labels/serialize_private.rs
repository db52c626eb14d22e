use cloister_actors::data::Data;
use cloister_actors::label::Private;

fn main() {
    let _ = serde_json::to_string(&Private::new(Data::Null));
}
