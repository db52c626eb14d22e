//! The dashboard and the description of the API, as they were built in: no other host is asked for
//! anything, and the pages run no script but their own.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};

use crate::controller::endpoint;

/// What a page may do: show and ask its own node.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A file that was built in.
struct File {
    path: &'static str,
    media: &'static str,
    content: &'static str,
}

macro_rules! file {
    ($path:literal, $media:literal, $name:literal) => {
        File { path: $path, media: $media, content: include_str!(concat!("dashboard/", $name)) }
    };
}

const FILES: &[File] = &[
    file!("/", "text/html; charset=utf-8", "index.html"),
    File {
        path: "/openapi.json",
        media: "application/json",
        content: include_str!("openapi.json"),
    },
];

pub(super) fn routes(config: &mut ServiceConfig) {
    for file in FILES {
        let get = web::get().to(move || async move { file.answer() });
        config.service(endpoint(file.path).route(get));
    }
}

impl File {
    fn answer(&'static self) -> impl Responder {
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, self.media))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .body(self.content)
    }
}
