//! Names that a user may have meant by a misspelt one.

/// The least likeness of a name that is suggested, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Says that there is no function of this name, with the nearest of the known ones.
#[must_use]
pub fn no_such_function<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let hint = match nearest(name, known) {
        Some(near) => format!("; did you mean {near}?"),
        None => ":".to_owned(),
    };
    format!("there is no function `{name}`{hint} `cloister functions` lists all")
}

/// Returns the known name that is most like `name`, if one is like it.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let alike = known.into_iter().map(|known| {
        let likeness = strsim::jaro_winkler(&known.to_lowercase(), &name);
        (likeness, known)
    });
    let nearest = alike.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_one_is_near() {
        let known = ["SecureSum", "SecureMedian", "StatisticsUnivariate"];
        let said = |name| no_such_function(name, known);
        assert!(said("securesum").contains("`securesum`; did you mean SecureSum? `cloister"));
        assert!(said("UnivariateStatistics").contains("lists all"));
        assert_eq!(said("Xyzzy"), "there is no function `Xyzzy`: `cloister functions` lists all");
    }
}
