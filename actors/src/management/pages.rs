//! The dashboard and the page of the API, as they were built in.
//!
//! No other host is asked for anything, and the pages run no script but their own.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};

use crate::controller::endpoint;

/// The permissions of a page: to show and to ask its own node.
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
    ($path:literal, $media:expr, $name:literal) => {
        File { path: $path, media: $media, content: include_str!(concat!("dashboard/", $name)) }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const FILES: &[File] = &[
    file!("/", HTML, "index.html"),
    file!("/docs", HTML, "docs.html"),
    file!("/dashboard/api.js", JS, "api.js"),
    file!("/dashboard/app.js", JS, "app.js"),
    file!("/dashboard/approvals.js", JS, "approvals.js"),
    file!("/dashboard/audit.js", JS, "audit.js"),
    file!("/dashboard/computations.js", JS, "computations.js"),
    file!("/dashboard/datasets.js", JS, "datasets.js"),
    file!("/dashboard/docs.js", JS, "docs.js"),
    file!("/dashboard/dom.js", JS, "dom.js"),
    file!("/dashboard/export.js", JS, "export.js"),
    file!("/dashboard/favicon.svg", SVG, "favicon.svg"),
    file!("/dashboard/format.js", JS, "format.js"),
    file!("/dashboard/functions.js", JS, "functions.js"),
    file!("/dashboard/lanes.js", JS, "lanes.js"),
    file!("/dashboard/overview.js", JS, "overview.js"),
    file!("/dashboard/parts.js", JS, "parts.js"),
    file!("/dashboard/progress.js", JS, "progress.js"),
    file!("/dashboard/result.js", JS, "result.js"),
    file!("/dashboard/start.js", JS, "start.js"),
    file!("/dashboard/store.js", JS, "store.js"),
    file!("/dashboard/style.css", CSS, "style.css"),
    file!("/dashboard/task.js", JS, "task.js"),
    file!("/dashboard/theme.js", JS, "theme.js"),
];

pub(super) fn routes(config: &mut ServiceConfig) {
    for file in FILES {
        let get = web::get().to(move || async move { file.answer() });
        config.service(endpoint(file.path, "GET").route(get));
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
