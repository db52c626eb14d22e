//! error[E0277]: the trait bound `cloister_actors::label::Private<cloister_actors::data::Data>: Responder` is not satisfied

use cloister_testkit::crates::{actix_web, cloister_actors};

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
