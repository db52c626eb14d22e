//! Origins of web pages, as browsers write them.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::vocabulary::shown::shown;

/// The origin of a web page: scheme, host, and the port unless it is the scheme's own. Browsers
/// write each in one way (RFC 6454, section 6.2), and texts are compared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

/// An error in an origin: no browser would send it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// A pattern, or the word that pages without an origin send.
    #[error(
        "`{0}` is not one page's origin: any page could use the node with what the browser \
         remembers; name each origin, such as https://lab.example"
    )]
    Any(String),
    /// An origin in another form.
    #[error("`{given}` matches no page: browsers send `{right}`, write it so")]
    Form {
        /// The text.
        given: String,
        /// The origin that was meant.
        right: String,
    },
    /// A text that is no origin.
    #[error(
        "`{0}` is no origin of a web page: write scheme, host and, if it is not the scheme's own, \
         port, such as https://lab.example or http://localhost:8000"
    )]
    Unknown(String),
}

impl Origin {
    /// Returns the origin as browsers send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        if text.contains('*') || text == "null" {
            return Err(OriginError::Any(shown(&text)));
        }
        let unknown = || OriginError::Unknown(shown(&text));
        let right = meant(text.trim()).ok_or_else(unknown)?;
        if right == text {
            return Ok(Self(right));
        }
        Err(OriginError::Form { given: shown(&text), right })
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// Returns the origin of a page at this URL. A text without a scheme is taken for a host.
fn meant(text: &str) -> Option<String> {
    let with_scheme =
        if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&with_scheme).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    (is_web && url.has_host()).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Origin, OriginError> {
        Origin::try_from(text.to_owned())
    }

    #[test]
    fn origins_are_taken_as_browsers_send_them() {
        for right in [
            "https://lab.example",
            "http://localhost:8000",
            "http://127.0.0.1:8000",
            "https://[2001:db8::1]:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(read(right).unwrap().as_str(), right);
        }
    }

    #[test]
    fn origins_that_no_browser_sends_are_refused_with_the_right_form() {
        for (wrong, right) in [
            ("https://lab.example/", "https://lab.example"),
            ("https://lab.example/study", "https://lab.example"),
            ("lab.example", "https://lab.example"),
            ("localhost:8000", "https://localhost:8000"),
            ("https://Lab.Example", "https://lab.example"),
            ("HTTPS://lab.example", "https://lab.example"),
            ("http://lab.example:80", "http://lab.example"),
            ("https://lab.example:443", "https://lab.example"),
            (" https://lab.example", "https://lab.example"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://me:secret@lab.example", "https://lab.example"),
        ] {
            let form = OriginError::Form { given: wrong.into(), right: right.into() };
            assert_eq!(read(wrong), Err(form), "{wrong}");
            assert_eq!(read(right).unwrap().as_str(), right);
        }
    }

    #[test]
    fn texts_that_are_no_origin_are_refused() {
        for any in ["*", "https://*.lab.example", "null"] {
            assert_eq!(read(any), Err(OriginError::Any(any.into())), "{any}");
        }
        for unknown in ["", " ", "https://", "file:///home", "ftp://lab.example", "a b"] {
            assert!(matches!(read(unknown), Err(OriginError::Unknown(_))), "{unknown}");
        }
    }
}
