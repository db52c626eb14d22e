//! A measurement as one page that stands alone: no script, and nothing from elsewhere.

use crate::measurement::Measurement;

/// The page.
#[must_use]
pub fn page(measurement: &Measurement) -> String {
    let text = crate::table::lines(measurement);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<!doctype html>\n<title>Rounds</title>\n<pre>{text}</pre>\n")
}
