use actix_web::{HttpResponse, Responder};
use cloister_actors::data::Data;
use cloister_actors::label::Private;

fn respond(responder: impl Responder) -> impl Responder {
    responder
}

fn main() {
    let _: HttpResponse;
    let _ = respond(Private::new(Data::Null));
}
