//! Links by name or by figures, as the command line has them.

use std::str::FromStr;
use std::time::Duration;

use cloister_report::measurement::Link;
use cloister_shaping::Shape;

/// A round trip, such as `28ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RoundTrip(pub(super) f64);

/// Bytes a second, such as `100mbit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bandwidth(pub(super) f64);

/// The name of a link that is neither.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum ParseError {
    /// No time.
    #[error("`{0}` is no time: write it like 28ms, 0.5ms or 1s, up to 10s")]
    Time(String),
    /// No bandwidth.
    #[error(
        "`{0}` is no bandwidth: write it like 100mbit, 1gbit or 56kbit, from 8kbit to 1000gbit"
    )]
    Bandwidth(String),
    /// No link.
    #[error("there is no link `{0}`: there are loopback, lan, wan and mobile; or give --rtt")]
    Name(String),
    /// No size.
    #[error("`{0}` is no size: write it like 100 or 1e6, from 1 to 1e9")]
    Size(String),
}

/// Returns the link that adds nothing.
pub(super) fn loopback() -> Link {
    Link { name: "loopback".to_owned(), round_trip: 0.0, bandwidth: None }
}

/// Returns the link between parties' own nodes, of which nothing is known beforehand.
pub(super) fn own() -> Link {
    Link { name: "own".to_owned(), ..loopback() }
}

/// Returns a link of one of these names: between racks, between cities, or over a mobile network.
///
/// # Errors
/// If there is none of that name.
pub(super) fn named(name: &str) -> Result<Link, ParseError> {
    let (round_trip, bits) = match name {
        "loopback" => return Ok(loopback()),
        "lan" => (0.001, 1e9),
        "wan" => (0.040, 100e6),
        "mobile" => (0.080, 20e6),
        other => return Err(ParseError::Name(other.to_owned())),
    };
    Ok(Link { name: name.to_owned(), round_trip, bandwidth: Some(bits / 8.0) })
}

/// Makes a link of these figures, which also name it.
pub(super) fn with(RoundTrip(round_trip): RoundTrip, bandwidth: Option<Bandwidth>) -> Link {
    let milliseconds = round_trip * 1e3;
    let name = match bandwidth {
        None => format!("{milliseconds} ms"),
        Some(Bandwidth(bytes)) => format!("{milliseconds} ms, {} Mbit/s", bytes * 8.0 / 1e6),
    };
    Link { name, round_trip, bandwidth: bandwidth.map(|Bandwidth(bytes)| bytes) }
}

/// Returns the shape of a relay for it; none where it adds nothing.
pub(super) fn shape(link: &Link) -> Option<Shape> {
    let adds = link.round_trip > 0.0 || link.bandwidth.is_some();
    adds.then(|| Shape {
        delay: Duration::from_secs_f64(link.round_trip / 2.0),
        bandwidth: link.bandwidth,
    })
}

/// Parses a size, such as `1e3`.
///
/// # Errors
/// If it is no whole number from 1 to 10^9.
pub(super) fn size(text: &str) -> Result<usize, ParseError> {
    let wrong = || ParseError::Size(text.to_owned());
    let digits = match text.split_once(['e', 'E']) {
        None => text.to_owned(),
        Some((leading, exponent)) => {
            let zeros: usize = exponent.parse().map_err(|_| wrong())?;
            format!("{leading}{}", "0".repeat(zeros.min(10)))
        }
    };
    let size: usize = digits.parse().map_err(|_| wrong())?;
    (1..=1_000_000_000).contains(&size).then_some(size).ok_or_else(wrong)
}

impl FromStr for RoundTrip {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let seconds = scaled(text, &[("ms", 1e-3), ("us", 1e-6), ("s", 1.0)]);
        seconds
            .filter(|seconds| (0.0..=10.0).contains(seconds))
            .map(Self)
            .ok_or_else(|| ParseError::Time(text.to_owned()))
    }
}

impl FromStr for Bandwidth {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bits = scaled(text, &[("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)]);
        bits.filter(|bits| (8e3..=1e12).contains(bits))
            .map(|bits| Self(bits / 8.0))
            .ok_or_else(|| ParseError::Bandwidth(text.to_owned()))
    }
}

/// Parses a number with one of these units behind it.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    let (number, factor) = units.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?.trim().parse::<f64>().ok()?;
        Some((number, factor))
    })?;
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_units() {
        let seconds = |text: &str| text.parse::<RoundTrip>().ok().map(|trip| trip.0);
        assert_eq!(seconds("28ms"), Some(0.028));
        assert_eq!(seconds("0.5 ms"), Some(0.0005));
        assert_eq!(seconds("1s"), Some(1.0));
        for wrong in ["28", "ms", "-1ms", "11s", "nanms", "infs", ""] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        let bytes = |text: &str| text.parse::<Bandwidth>().ok().map(|bandwidth| bandwidth.0);
        assert_eq!(bytes("100mbit"), Some(12.5e6));
        assert_eq!(bytes("1GBit"), Some(125e6));
        for wrong in ["100", "0mbit", "1bit", "infgbit", "100MB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_may_have_an_exponent() {
        assert_eq!(size("100").unwrap(), 100);
        assert_eq!(size("1e6").unwrap(), 1_000_000);
        assert_eq!(size("25e3").unwrap(), 25_000);
        for wrong in ["0", "1e10", "1e99999", "1.5", "e3", "1e", "-1", ""] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn links_are_called_by_name_or_figures() {
        assert_eq!(named("wan").unwrap().bandwidth, Some(12.5e6));
        assert!(named("moon").is_err());
        let link = with("28ms".parse().unwrap(), Some("100mbit".parse().unwrap()));
        assert_eq!(link.name, "28 ms, 100 Mbit/s");
        assert!(shape(&loopback()).is_none());
        assert_eq!(shape(&link).unwrap().delay, Duration::from_millis(14));
    }
}
