//! Reading a [`Measurement`] from its JSON text.

use serde::Deserialize;
use thiserror::Error;

use crate::measurement::{Measurement, VERSION};

/// Reasons why a text is no readable measurement.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The text has a form of another version.
    #[error(
        "the measurement has form {found}, and this program reads form {VERSION}; \
         measure again, or read it with the program that wrote it"
    )]
    Version {
        /// The declared version.
        found: u64,
    },
    /// The text is malformed.
    #[error("this is not a whole measurement as `cloister bench rounds` writes it: {source}")]
    Malformed {
        /// The error and its place.
        #[from]
        source: serde_json::Error,
    },
}

/// The version alone, which is read first, because the rest depends on it.
#[derive(Deserialize)]
struct Form {
    version: u64,
}

impl Measurement {
    /// Reads the document from JSON.
    ///
    /// # Errors
    ///
    /// If it has another version than [`VERSION`], or is malformed.
    pub fn read(json: &str) -> Result<Self, ReadError> {
        let Form { version } = serde_json::from_str(json)?;
        if version != u64::from(VERSION) {
            return Err(ReadError::Version { found: version });
        }
        Ok(serde_json::from_str(json)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_written_measurement_is_read_again() {
        let measurement = testing::measurement();
        let json = serde_json::to_string(&measurement).unwrap();
        assert_eq!(Measurement::read(&json).unwrap(), measurement);
    }

    #[test]
    fn another_version_is_named_for_any_content() {
        let error = Measurement::read(r#"{"version": 7, "rows": []}"#).unwrap_err();
        assert!(matches!(error, ReadError::Version { found: 7 }));
        assert!(error.to_string().contains("form 7"));
        assert!(error.to_string().contains("measure again"));
    }

    #[test]
    fn malformed_text_is_an_error_with_its_place() {
        for text in ["", "[]", "{", r#"{"version": 1}"#, r#"{"version": "1"}"#] {
            let error = Measurement::read(text).unwrap_err();
            assert!(matches!(error, ReadError::Malformed { .. }), "{text}");
            assert!(error.to_string().contains("line"), "{error}");
        }
    }
}
