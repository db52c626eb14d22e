//! The computations that are measured, in order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloister_protocols::algebra::layout::MAX_WORDS;
use cloister_protocols::disclosure::Profile;
use cloister_report::measurement::{Case, Link, Measurement, Way};

use super::link::{self, Bandwidth, RoundTrip};
use super::setup;
use super::subject::{self, PAIRWISE, SUBJECTS, Subject};
use crate::cli::init::ProfileName;
use crate::ports::Ports;
use crate::problem::{Outcome, Problem};

/// The measurement as the command line asks for it.
#[derive(Args)]
pub(super) struct Selection {
    /// The subjects: functions, or the operations on shares multiply, conjunction, inject,
    /// inner_product, matrix_product, compare, sort and chain (products that wait for each other).
    /// All functions where nothing is named.
    #[arg(long = "function", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    functions: Vec<String>,
    /// Only what this family of protocols computes, and by it: masked, replicated, or pairwise,
    /// which needs no nodes but the parties' own. Functions on shares by replicated where nothing
    /// is said, two parties with a helper.
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// The number of parties that bring data; 3 by default.
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    parties: Vec<usize>,
    /// The size of one party's data, such as 1e3; each function's usual size by default.
    #[arg(long, value_name = "N,…", value_delimiter = ',', num_args = 1.., value_parser = link::size)]
    size: Vec<usize>,
    /// Links by name: loopback, lan (1 ms, 1 Gbit/s), wan (40 ms, 100 Mbit/s), mobile (80 ms,
    /// 20 Mbit/s); times are round trips.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', num_args = 1.., value_parser = link::named)]
    link: Vec<Link>,
    /// A link of this round trip, such as 28ms.
    #[arg(long, value_name = "TIME")]
    rtt: Option<RoundTrip>,
    /// The link of --rtt has so much in each direction, such as 100mbit.
    #[arg(long, value_name = "RATE", requires = "rtt")]
    bandwidth: Option<Bandwidth>,
    /// Real nodes on this machine, with relays between them where the link is not loopback; or
    /// simulated in virtual time; or both, one after the other. Real, and simulated for more
    /// parties than this machine has ports for, where nothing is said.
    #[arg(long, value_name = "WAY,…", value_delimiter = ',')]
    way: Vec<WayName>,
    /// The disclosure profile of all nodes, teaching where nothing is said. Under `production` the
    /// joint rules are decided on shares before anything is opened, and cost what they cost.
    #[arg(long, value_name = "NAME")]
    profile: Option<ProfileName>,
    /// A known set of measurements: `whitepaper` is tables 8 and 9 of Ballhausen and Hinske,
    /// Federated Secure Computing (Informatics 10, 2023), for the functions that exist.
    #[arg(long, value_name = "NAME",
          conflicts_with_all = ["functions", "suite", "parties", "size", "link", "rtt", "way", "profile"])]
    preset: Option<Preset>,
    /// Measure the parties' own nodes with public test data, over the network that they have.
    #[arg(long, value_name = "DIR",
          conflicts_with_all = ["parties", "link", "rtt", "way", "profile", "preset"])]
    pub(super) consortium: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WayName {
    Real,
    Simulated,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    Whitepaper,
}

impl Selection {
    /// Returns `true` if the command line names nothing to measure.
    pub(super) fn is_silent(&self) -> bool {
        let Self { functions, suite, parties, size, link, rtt, way, profile, preset, .. } = self;
        functions.is_empty()
            && suite.is_none()
            && size.is_empty()
            && link.is_empty()
            && rtt.is_none()
            && way.is_empty()
            && parties.is_empty()
            && profile.is_none()
            && preset.is_none()
            && self.consortium.is_none()
    }

    /// Returns the cases for nodes of this machine or for simulation.
    pub(super) fn cases(&self) -> Outcome<Vec<Case>> {
        if let Some(Preset::Whitepaper) = self.preset {
            return Ok(whitepaper());
        }
        let subjects = self.subjects()?;
        let links = self.links();
        let mut cases = Vec::new();
        let usual = vec![3];
        for &parties in if self.parties.is_empty() { &usual } else { &self.parties } {
            check_parties(parties)?;
            for link in &links {
                for subject in &subjects {
                    let suite = self.suite_of(subject);
                    subject.check_parties(parties, suite)?;
                    for size in self.sizes(subject) {
                        for way in self.ways(parties, link)? {
                            let profile = self.profile();
                            cases.push(case(subject, suite, size, parties, link, way, profile));
                        }
                    }
                }
            }
        }
        dedupe(&mut cases);
        Ok(cases)
    }

    /// Returns the cases for the parties' own nodes, as far as they are known before the nodes have
    /// answered.
    pub(super) fn cases_of(&self, parties: usize) -> Outcome<Vec<Case>> {
        let subjects = self.subjects()?;
        Ok(subjects.into_iter().flat_map(|subject| self.own_cases(subject, parties)).collect())
    }

    fn own_cases(&self, subject: &'static Subject, parties: usize) -> Vec<Case> {
        // There is no helper that a client of two parties could name.
        let alone = parties == 2 && self.suite.is_none() && subject.is_on_shares();
        let suite = if alone { PAIRWISE } else { self.suite_of(subject) };
        let (own, way, profile) = (link::own(), Way::Consortium, Profile::Teaching);
        let sizes = self.sizes(subject).into_iter();
        sizes
            .map(|size| Case {
                helpers: 0,
                ..case(subject, suite, size, parties, &own, way, profile)
            })
            .collect()
    }

    fn subjects(&self) -> Outcome<Vec<&'static Subject>> {
        let named: Vec<&'static Subject> = if self.functions.is_empty() {
            SUBJECTS.iter().filter(|subject| subject.name == subject.function.name).collect()
        } else {
            self.functions.iter().map(|name| find(name)).collect::<Outcome<_>>()?
        };
        let Some(suite) = &self.suite else { return Ok(named) };
        let of_suite: Vec<_> =
            named.into_iter().filter(|s| s.suites().contains(&suite.as_str())).collect();
        if of_suite.is_empty() {
            Err(Problem::usage(format!(
                "the suite `{suite}` computes nothing of this: there are masked, replicated and \
                 pairwise"
            )))
        } else {
            Ok(of_suite)
        }
    }

    /// Returns the suite that was asked for if it computes the subject, or the usual one.
    fn suite_of(&self, subject: &Subject) -> &'static str {
        let mut suites = subject.suites().into_iter();
        let asked = suites.find(|suite| self.suite.as_deref() == Some(*suite));
        asked.unwrap_or_else(|| subject.usual_suite())
    }

    fn sizes(&self, subject: &Subject) -> Vec<usize> {
        if self.size.is_empty() { vec![subject.usual_size] } else { self.size.clone() }
    }

    fn links(&self) -> Vec<Link> {
        let of_figures = self.rtt.map(|rtt| link::with(rtt, self.bandwidth));
        let links: Vec<Link> = self.link.iter().cloned().chain(of_figures).collect();
        if links.is_empty() { vec![link::loopback()] } else { links }
    }

    fn ways(&self, parties: usize, link: &Link) -> Outcome<Vec<Way>> {
        let most = usize::from(Ports::MOST_PARTIES) - 1;
        let real = if link::shape(link).is_some() { Way::Shaped } else { Way::Real };
        if self.way.is_empty() {
            return Ok(vec![if parties > most { Way::Simulated } else { real }]);
        }
        if parties > most && self.way.contains(&WayName::Real) {
            return Err(Problem::usage(format!(
                "this machine runs nodes for up to {most} parties: use --way simulated for {parties}"
            )));
        }
        Ok(self
            .way
            .iter()
            .map(|name| match name {
                WayName::Real => real,
                WayName::Simulated => Way::Simulated,
            })
            .collect())
    }

    fn profile(&self) -> Profile {
        match self.profile {
            Some(ProfileName::Production) => Profile::Production,
            Some(ProfileName::Teaching) | None => Profile::Teaching,
        }
    }
}

/// Returns the cases of an earlier measurement, to measure them again.
pub(super) fn again(old: &Measurement) -> Outcome<Vec<Case>> {
    for line in &old.lines {
        if line.case.way == Way::Consortium {
            return Err(Problem::usage(
                "the earlier measurement is of parties' own nodes: say --consortium DIR beside it",
            ));
        }
        find(&line.case.function)?;
    }
    Ok(old.lines.iter().map(|line| line.case.clone()).collect())
}

/// Returns the cases of tables 8 and 9, on one machine and over round trips of 2 and 28 ms. The
/// data are horizontally partitioned, 100 samples a party; sums are of three parties and everything
/// else of two. Empty computations are among them. A subject on shares has both suites: two parties
/// compute with a helper, and by themselves.
fn whitepaper() -> Vec<Case> {
    let rows = [
        ("Empty", 2, 3),
        ("SecureSum", 100, 3),
        ("SecureMatrixMultiplication", 10, 2),
        ("StatisticsFrequency", 100, 2),
        ("StatisticsContingency", 100, 2),
        ("StatisticsUnivariate", 100, 2),
        ("StatisticsBivariate", 100, 2),
    ];
    let links = [link::loopback(), of_ms(2.0), of_ms(28.0)];
    let mut cases = Vec::new();
    for link in &links {
        let real = if link::shape(link).is_some() { Way::Shaped } else { Way::Real };
        for (name, size, parties) in rows {
            let Some(subject) = subject::find(name) else { continue };
            for suite in subject.suites() {
                for way in [real, Way::Simulated] {
                    cases.push(case(subject, suite, size, parties, link, way, Profile::Teaching));
                }
            }
        }
    }
    dedupe(&mut cases);
    cases
}

fn of_ms(milliseconds: f64) -> Link {
    link::with(RoundTrip(milliseconds / 1e3), None)
}

fn case(
    subject: &Subject,
    suite: &str,
    size: usize,
    parties: usize,
    link: &Link,
    way: Way,
    profile: Profile,
) -> Case {
    Case {
        function: subject.name.to_owned(),
        suite: suite.to_owned(),
        parties,
        helpers: setup::helpers(subject, suite, parties, profile),
        size,
        unit: subject.unit.to_owned(),
        profile: profile.name().to_owned(),
        way,
        link: link.clone(),
    }
}

/// Returns the subject of this name.
pub(super) fn find(name: &str) -> Outcome<&'static Subject> {
    subject::find(name).ok_or_else(|| {
        let names: Vec<&str> = SUBJECTS.iter().map(|subject| subject.name).collect();
        Problem::usage(format!("`{name}` cannot be measured: there are {}", names.join(", ")))
    })
}

fn check_parties(parties: usize) -> Outcome {
    if (2..=250).contains(&parties) {
        Ok(())
    } else {
        Err(Problem::usage(format!("2 to 250 parties compute together, not {parties}")))
    }
}

/// Refuses sizes that no node computes, and test data that would not fit: they are made here, for
/// all parties.
pub(super) fn check_sizes(cases: &[Case]) -> Outcome {
    const MOST: usize = 50_000_000;
    for Case { function, size, parties, unit, .. } in cases {
        let subject = find(function)?;
        if subject.words(*size) > MAX_WORDS {
            return Err(Problem::usage(format!(
                "{function}: {size} {unit} are more than the limit of {MAX_WORDS} 64-bit words to be \
                 added; choose a smaller --size"
            )));
        }
        let of_one = subject.items_of_a_party(*size);
        if of_one.saturating_mul(*parties) > MOST {
            return Err(Problem::usage(format!(
                "{function}: {size} {unit} at each of {parties} parties are more than this command \
                 makes data for; choose a smaller --size"
            )));
        }
    }
    Ok(())
}

/// Removes repeated cases.
fn dedupe(cases: &mut Vec<Case>) {
    let mut seen = BTreeSet::new();
    cases.retain(|case| {
        let link = (case.link.name.clone(), case.way);
        let function = (case.function.clone(), case.suite.clone());
        seen.insert((function, case.size, case.parties, link))
    });
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        selection: Selection,
    }

    fn selection(arguments: &str) -> Selection {
        let words = std::iter::once("bench").chain(arguments.split_whitespace());
        Command::try_parse_from(words).unwrap().selection
    }

    /// Returns the function, the suite and the helpers of each case.
    fn told(cases: &[Case]) -> Vec<(&str, &str, usize)> {
        let cases = cases.iter();
        cases.map(|case| (case.function.as_str(), case.suite.as_str(), case.helpers)).collect()
    }

    #[test]
    fn two_parties_have_a_helper_unless_they_are_to_compute_alone() {
        let functions = "--parties 2 --function SecureSum,SecureMedian,mode";
        let cases = selection(functions).cases().unwrap();
        let due = [("SecureSum", "masked", 0), ("SecureMedian", "replicated", 1)];
        assert_eq!(told(&cases)[..2], due);
        assert_eq!(told(&cases)[2], ("mode", "replicated", 1));
        let alone = selection(&format!("{functions} --suite pairwise")).cases().unwrap();
        assert_eq!(told(&alone), [("SecureMedian", "pairwise", 0), ("mode", "pairwise", 0)]);
        let strict = format!("{functions} --suite pairwise --profile production");
        assert!(selection(&strict).cases().unwrap().iter().all(|case| case.helpers == 0));
    }

    #[test]
    fn the_known_set_has_what_two_compute_on_shares_with_a_helper_and_without() {
        let cases = selection("--preset whitepaper").cases().unwrap();
        for name in ["SecureMatrixMultiplication", "StatisticsUnivariate"] {
            let of = |suite, helpers| {
                let due = (name, suite, helpers);
                told(&cases).into_iter().filter(|case| *case == due).count()
            };
            // On three links, by nodes and simulated.
            assert_eq!([of("replicated", 1), of("pairwise", 0)], [6, 6]);
        }
        assert_eq!(cases.len(), 54);
    }

    #[test]
    fn operations_of_two_parties_have_a_suite() {
        assert!(selection("--parties 2 --function compare").cases().is_err());
        let cases = selection("--parties 2,3 --function compare --suite pairwise").cases();
        assert_eq!(told(&cases.unwrap()), [("compare", "pairwise", 0); 2]);
    }

    #[test]
    fn two_nodes_of_their_own_compute_alone_unless_another_suite_is_asked_for() {
        let suites = |arguments, parties| {
            let cases = selection(arguments).cases_of(parties).unwrap();
            cases.into_iter().map(|case| case.suite).collect::<Vec<_>>()
        };
        let functions = "--consortium study --function SecureSum,SecureMedian";
        assert_eq!(suites(functions, 2), ["masked", "pairwise"]);
        assert_eq!(suites(functions, 3), ["masked", "replicated"]);
        let replicated = format!("{functions} --suite replicated");
        assert_eq!(suites(&replicated, 2), ["replicated"]);
    }
}
