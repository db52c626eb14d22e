//! A document as text becomes a [`Measurement`] here, or it is said why not.

use serde::Deserialize;
use thiserror::Error;

use crate::measurement::{Measurement, VERSION};

/// Why a text is not read as a measurement.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It has another form than this program knows.
    #[error(
        "the measurement has form {found}, and this program reads form {VERSION}; \
         measure again, or read it with the program that wrote it"
    )]
    Version {
        /// The form that it says it has.
        found: u64,
    },
    /// It is no measurement.
    #[error("this is not a whole measurement as `cloister bench rounds` writes it: {source}")]
    Malformed {
        /// What is wrong, and where.
        #[from]
        source: serde_json::Error,
    },
}

/// What is read first: the rest may look different in another version.
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
    fn what_is_written_is_read_again() {
        let measurement = testing::measurement();
        let json = serde_json::to_string(&measurement).unwrap();
        assert_eq!(Measurement::read(&json).unwrap(), measurement);
    }

    #[test]
    fn another_version_is_named_whatever_else_is_in_it() {
        let error = Measurement::read(r#"{"version": 7, "rows": []}"#).unwrap_err();
        assert!(matches!(error, ReadError::Version { found: 7 }));
        assert!(error.to_string().contains("form 7"));
        assert!(error.to_string().contains("measure again"));
    }

    #[test]
    fn what_is_malformed_is_told_with_its_place() {
        for text in ["", "[]", "{", r#"{"version": 1}"#, r#"{"version": "1"}"#] {
            let error = Measurement::read(text).unwrap_err();
            assert!(matches!(error, ReadError::Malformed { .. }), "{text}");
            assert!(error.to_string().contains("line"), "{error}");
        }
    }
}
