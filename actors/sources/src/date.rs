//! Days and times as people write them, and as ISO 8601 writes them.
//!
//! Nothing here reads a clock, and no two digits stand for a year.

/// The months with fewer than 31 days, except February.
const SHORT_MONTHS: [u32; 4] = [4, 6, 9, 11];

/// The forms that are tried to advise the owner.
pub(crate) const USUAL_FORMS: [&str; 5] =
    ["YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "YYYY/MM/DD"];

/// The form of ISO 8601. Dates in conditions are written in it alone.
pub(crate) const ISO: &str = "YYYY-MM-DD";

/// A part of a date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Year,
    Month,
    Day,
}

/// Returns `true` for a form with year, month and day once each, such as `DD.MM.YYYY`, which other
/// signs than letters and digits may part.
pub(crate) fn is_form(form: &str) -> bool {
    let mut rest = form;
    let mut seen = Vec::new();
    while let Some(first) = rest.chars().next() {
        match part(rest) {
            Some((_, part, _)) if seen.contains(&part) => return false,
            Some((_, part, behind)) => {
                seen.push(part);
                rest = behind;
            }
            None if first.is_alphanumeric() => return false,
            None => rest = rest.strip_prefix(first).unwrap_or_default(),
        }
    }
    seen.len() == 3
}

/// Takes a part off the front of a form, with its length.
fn part(form: &str) -> Option<(usize, Part, &str)> {
    let parts = [("YYYY", Part::Year), ("MM", Part::Month), ("DD", Part::Day)];
    parts.into_iter().find_map(|(word, part)| Some((word.len(), part, form.strip_prefix(word)?)))
}

/// Returns the date in the form of ISO 8601, if the text is a day of the calendar in that form.
/// A day or month may have one digit where a sign or an end of the form is on each side of it.
pub(crate) fn parse(text: &str, form: &str) -> Option<String> {
    let mut text = text;
    let mut form = form;
    let mut sign_before = true;
    let mut year = 0;
    let mut month = 0;
    let mut day = 0;
    while let Some(sign) = form.chars().next() {
        let Some((length, part, behind)) = part(form) else {
            text = text.strip_prefix(sign)?;
            form = form.strip_prefix(sign)?;
            sign_before = true;
            continue;
        };
        form = behind;
        let parted = sign_before && self::part(form).is_none();
        sign_before = false;
        let digits = text.bytes().take(length).take_while(u8::is_ascii_digit).count();
        if digits < length && (part == Part::Year || !parted) {
            return None;
        }
        let (number, rest) = text.split_at_checked(digits)?;
        text = rest;
        let number: u32 = number.parse().ok()?;
        match part {
            Part::Year => year = number,
            Part::Month => month = number,
            Part::Day => day = number,
        }
    }
    let is_day = text.is_empty() && year > 0 && (1..=days(year, month)?).contains(&day);
    is_day.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Returns a time without the zeros at the end of its fraction of a second. So one time has one text,
/// for each precision of a column.
pub(crate) fn plain_time(text: &str) -> String {
    let (local, zone) = text.strip_suffix('Z').map_or((text, ""), |local| (local, "Z"));
    format!("{}{zone}", without_zeros(local))
}

fn without_zeros(local: &str) -> &str {
    match local.rsplit_once('.') {
        Some((_, digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            local.trim_end_matches('0').trim_end_matches('.')
        }
        _ => local,
    }
}

/// Returns an instant in UTC, such as `2024-01-31T08:00:00.5Z`, without its `Z` and the zeros at its
/// end. The order of these texts is that of time; with the `Z` the half second is before the whole.
pub(crate) fn instant(text: &str) -> Option<&str> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let local = text.strip_suffix('Z')?;
    let (seconds, fraction) = local.split_at_checked(SHAPE.len())?;
    let fits = seconds.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        sign => byte == *sign,
    });
    let digits = fraction.strip_prefix('.').unwrap_or("0");
    let fraction_is_well_formed =
        fraction.is_empty() || fraction.starts_with('.') && !digits.is_empty();
    let is_instant =
        fits && fraction_is_well_formed && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_instant.then(|| without_zeros(local))
}

/// Returns `true` for a day with a time of day behind it, in the forms of ISO 8601 or with a blank.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let Some((day, time)) = text.split_at_checked(ISO.len()) else { return false };
    let minutes = time.strip_prefix(['T', ' ']).and_then(|time| time.as_bytes().get(..5));
    let has_minutes = minutes.is_some_and(|minutes| {
        minutes.iter().zip(b"00:00").all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            sign => byte == sign,
        })
    });
    has_minutes && parse(day, ISO).is_some()
}

/// Returns the day of a time at midnight without a zone, as programs write days in columns of times.
pub(crate) fn day_of_midnight(text: &str) -> Option<&str> {
    text.strip_suffix("T00:00:00").or_else(|| text.strip_suffix(" 00:00:00"))
}

/// Returns the days of a month in the Gregorian calendar.
fn days(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => Some(29),
        2 => Some(28),
        month if SHORT_MONTHS.contains(&month) => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar_are_read_in_their_form() {
        let cases = [
            ("31.12.1980", "DD.MM.YYYY", Some("1980-12-31")),
            ("1.2.1975", "DD.MM.YYYY", Some("1975-02-01")),
            ("12/31/1980", "MM/DD/YYYY", Some("1980-12-31")),
            ("31/12/1980", "MM/DD/YYYY", None),
            ("19801231", "YYYYMMDD", Some("1980-12-31")),
            ("1980123", "YYYYMMDD", None),
            ("1980-0123", "YYYY-MMDD", Some("1980-01-23")),
            ("1980-123", "YYYY-MMDD", None),
            ("1980-012", "YYYY-MMDD", None),
            ("198001-3", "YYYYMM-DD", Some("1980-01-03")),
            ("19801-03", "YYYYMM-DD", None),
            ("3.011980", "DD.MMYYYY", Some("1980-01-03")),
            ("3.11980", "DD.MMYYYY", None),
            ("30. 1. 1980", "DD. MM. YYYY", Some("1980-01-30")),
            ("2000-02-29", ISO, Some("2000-02-29")),
            ("1900-02-29", ISO, None),
            ("2023-04-31", ISO, None),
            ("2023-13-01", ISO, None),
            ("0000-00-00", ISO, None),
            ("2023-01-01T10:00", ISO, None),
            ("80-01-01", ISO, None),
            ("2023-01-1 ", ISO, None),
            ("", ISO, None),
        ];
        for (text, form, expected) in cases {
            assert_eq!(parse(text, form).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn times_have_one_text_each() {
        for (text, expected) in [
            ("2024-01-31T08:00:00.500Z", "2024-01-31T08:00:00.5Z"),
            ("2024-01-31T08:00:00.000", "2024-01-31T08:00:00"),
            ("2024-01-31T08:00:10Z", "2024-01-31T08:00:10Z"),
            ("08:30:00.250", "08:30:00.25"),
            ("10:20:00", "10:20:00"),
        ] {
            assert_eq!(plain_time(text), expected);
        }
    }

    #[test]
    fn instants_are_ordered_as_time_is() {
        let instants = [
            "2024-01-31T07:59:59.999999Z",
            "2024-01-31T08:00:00Z",
            "2024-01-31T08:00:00.25Z",
            "2024-01-31T08:00:00.255Z",
            "2024-01-31T08:00:00.5Z",
            "2024-01-31T08:00:01Z",
        ];
        assert!(instants.map(|text| instant(text).unwrap()).is_sorted());
        assert_eq!(instant("2024-01-31T08:00:00.500Z"), instant("2024-01-31T08:00:00.5Z"));
        for other in ["2024-01-31T08:00:00", "2024-01-31T08:00:00.Z", "2024-01-31Z", "Zürich Z", ""]
        {
            assert_eq!(instant(other), None, "{other}");
        }
    }

    #[test]
    fn forms_have_year_month_and_day_once() {
        for form in USUAL_FORMS.into_iter().chain(["YYYYMMDD", "DD. MM. YYYY"]) {
            assert!(is_form(form), "{form}");
        }
        for form in ["", "DD.MM.YY", "DD.DD.YYYY", "YYYY-MM", "d.m.Y", "YYYY-MM-DD hh"] {
            assert!(!is_form(form), "{form}");
        }
    }
}
