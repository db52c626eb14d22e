//! Allowed uses compile. So the other programs do not fail because of a broken setup.

use cloister_testkit::crates::{actix_web, cloister_actors, cloister_protocols, serde_json};

use std::sync::Arc;

use actix_web::{HttpResponse, Responder};
use cloister_actors::data::Data;
use cloister_actors::label::{Download, Opened, Private, Public};
use cloister_protocols::disclosure::Opened as OpenedByProtocol;

fn respond(responder: impl Responder) -> impl Responder {
    responder
}

fn serialize(opened: &OpenedByProtocol<f64>) -> String {
    serde_json::to_string(opened).unwrap()
}

fn main() {
    let _ = Private::new(Data::Null);
    let _ = Download::from(Public::never_secret(Arc::new(Data::Null)));
    let _: fn(&Opened<f64>) -> String = serialize;
    let _ = respond(HttpResponse::Ok());
}
