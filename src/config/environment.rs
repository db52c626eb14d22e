//! The middle layer: variables that begin with `CLOISTER_`.

use super::flags::value_of;
use super::{Layers, Name, Source};

/// The beginning of a setting's variable.
const PREFIX: &str = "CLOISTER_";

/// The separator between the parts of a name: a single `_` may be inside of a part.
const BETWEEN: &str = "__";

/// Variables that are no settings: the log's filter, tokens, the health check of a container,
/// tests.
const OTHERS: [&str; 5] = [
    "CLOISTER_LOG",
    "CLOISTER_TOKEN",
    "CLOISTER_HEALTH_URL",
    "CLOISTER_SEED",
    "CLOISTER_LONG_TESTS",
];

/// The beginnings of variables that are no settings: clients' tokens, variables of tests, and those
/// of Kubernetes. It sets the latter in every container if a service is called `cloister`.
const OTHER_PREFIXES: [&str; 5] =
    ["CLOISTER_TOKEN_", "CLOISTER_TEST_", "CLOISTER_VAULT_", "CLOISTER_SERVICE_", "CLOISTER_PORT"];

impl Layers {
    /// Takes in the settings of an environment, in the order of their names.
    pub(super) fn add_environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let mut variables: Vec<(String, String)> = variables.collect();
        variables.sort();
        for (variable, text) in variables {
            if let Some(name) = name_of(&variable) {
                let value = value_of(&text);
                self.set(name, value, Source::Variable { name: variable, text });
            }
        }
    }
}

/// Returns the variable of a setting.
pub(super) fn variable_of(name: &[String]) -> String {
    format!("{PREFIX}{}", name.join(BETWEEN).to_uppercase())
}

/// Returns the setting of a variable, if it is of one.
pub(super) fn name_of(variable: &str) -> Option<Name> {
    let rest = variable.strip_prefix(PREFIX)?;
    let other = OTHERS.contains(&variable)
        || OTHER_PREFIXES.iter().any(|prefix| variable.starts_with(prefix));
    (!other).then(|| rest.split(BETWEEN).map(str::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_settings_and_some_do_not() {
        let name = |parts: &[&str]| Some(parts.iter().map(|&part| part.to_owned()).collect());
        assert_eq!(name_of("CLOISTER_PARTY"), name(&["party"]));
        assert_eq!(name_of("CLOISTER_LIMITS__HELD_BYTES"), name(&["limits", "held_bytes"]));
        for other in [
            "HOME",
            "CLOISTER_LOG",
            "CLOISTER_TOKEN",
            "CLOISTER_TOKEN_CLINIC_A",
            "CLOISTER_HEALTH_URL",
            "CLOISTER_SERVICE_HOST",
            "CLOISTER_PORT_55500_TCP",
        ] {
            assert_eq!(name_of(other), None);
        }
        let parts = ["limits".to_owned(), "held_bytes".to_owned()];
        assert_eq!(variable_of(&parts), "CLOISTER_LIMITS__HELD_BYTES");
    }
}
