//! Attackers that ask only what a node answers, and solve the answers as equations.
//!
//! Each [`Attack`] plays with a researcher's token at all nodes, some with one member's own data
//! too. The data are real, split over three parties. It asks until it is refused for good or has
//! enough, then solves, and reports the single values of others' rows that it knows to 1 %.
//!
//! Under `teaching` each must succeed, so that its test can fail. Under `production`, with no
//! approval asked for, it must know none. The attack on approvals (E10) has owners who approve.
//!
//! E16 is not here: it needs derived columns, which do not exist. E19 and E20 ask whether decisions
//! tell of values, though no answer does.
//!
//! The long form, with thousands of questions: `CLOISTER_LONG=1`. Random draws print their seed,
//! and `CLOISTER_SEED=…` repeats them.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "attackers compute with small whole numbers as doubles"
)]

mod attacks;
mod draws;
mod honest;
mod known;
mod older;
mod production;
mod random;
mod solving;
mod tables;
mod world;
mod writer;

use std::collections::BTreeMap;
use std::env;

use cloister_protocols::disclosure::Profile;

use self::known::Known;
use self::world::{Setting, World};

/// An attacker as a program.
trait Attack {
    fn name(&self) -> &'static str;

    /// Returns the data and policies that the attack plays on.
    fn setting(&self) -> Setting;

    /// Asks, solves, and has the judge count.
    fn play(&self, world: &World) -> Known;
}

/// All attacks, in the order of their numbers.
fn all() -> Vec<Box<dyn Attack>> {
    use self::attacks::{few_rows, joins, ranks, refusals, states, sums, suppressed};
    vec![
        Box::new(sums::OnePerson),
        Box::new(sums::WholeColumn),
        Box::new(sums::Bits),
        Box::new(ranks::EveryRank),
        Box::new(few_rows::PowerSums),
        Box::new(few_rows::NineAndOne),
        Box::new(joins::ManyColumns),
        Box::new(joins::OneHot),
        Box::new(joins::OneLess),
        Box::new(sums::AnyCondition),
        Box::new(suppressed::Margins),
        Box::new(few_rows::SeveralTimes),
        Box::new(sums::SecondName),
        Box::new(suppressed::EmptySet),
        Box::new(refusals::Categories),
        Box::new(states::Yesterday),
        Box::new(states::BesideAWriter),
        Box::new(refusals::Thresholds),
        Box::new(refusals::Partners),
        Box::new(sums::FewTogether),
        Box::new(sums::Product),
        Box::new(joins::TwoColumns),
    ]
}

fn is_long() -> bool {
    env::var("CLOISTER_LONG").is_ok_and(|on| on == "1")
}

/// The codes of refusals by the rules; of one use of a value, the words.
const RULES: [&str; 7] = [
    "one selection of a dataset is computed with at a time",
    "a handle of private data stands twice in one value",
    " refused_by_disclosure_rules: ",
    " approval_needed: ",
    " refused_by_policy: ",
    " state_older: ",
    " answers_forgotten: ",
];

/// Plays one attack, by its number, on nodes of this profile.
/// Returns what it knows, and how it was refused.
#[allow(clippy::print_stderr, reason = "what an attack has learnt is wanted where it fails")]
fn known(number: &str, profile: Profile) -> (Known, BTreeMap<String, usize>) {
    let all = all();
    let attack = all.iter().find(|attack| attack.name().starts_with(&format!("{number}: ")));
    let attack = attack.expect("each attack has a number");
    let world = World::start(profile, attack.setting());
    let known = attack.play(&world);
    let refused = world.refused();
    eprintln!("{}, {}: {known:?} {refused:#?}", attack.name(), profile.name());
    assert!(world.asked() > 0, "{number} has asked nothing");
    (known, refused)
}

/// Checks that an attack succeeds where nothing is protected.
#[track_caller]
fn succeeds(number: &str, at_least: usize) {
    let (known, _) = known(number, Profile::Teaching);
    assert!(known.values >= at_least && known.wrong == 0, "{number}: {known:?}");
}

/// Checks that an attack learns nothing where data are protected.
#[track_caller]
fn learns_nothing(number: &str) {
    let (known, refused) = known(number, Profile::Production);
    assert_eq!(known.values, 0, "{number}: {known:?}");
    // A question that is refused as senseless is no attack that a rule has ended.
    let is_of_rules = |reason: &String| RULES.iter().any(|code| reason.contains(code));
    assert!(refused.keys().all(is_of_rules), "{number}: {refused:#?}");
}

#[test]
fn teaching_e1_one_person() {
    succeeds("E1", 1);
}

#[test]
fn teaching_e2_whole_column() {
    succeeds("E2", 89);
}

#[test]
fn teaching_e3_bits() {
    succeeds("E3", 192);
}

#[test]
fn teaching_e4_every_rank() {
    succeeds("E4", 442);
}

#[test]
fn teaching_e5_power_sums() {
    succeeds("E5", 6);
}

#[test]
fn teaching_e6_nine_and_one() {
    succeeds("E6", 5);
}

#[test]
fn teaching_e7_many_columns() {
    succeeds("E7", 36);
}

#[test]
fn teaching_e8_one_hot() {
    succeeds("E8", 60);
}

#[test]
fn teaching_e9_one_less() {
    succeeds("E9", 3);
}

#[test]
fn teaching_e10_any_condition() {
    succeeds("E10", 1);
}

#[test]
fn teaching_e11_margins() {
    succeeds("E11", 5);
}

#[test]
fn teaching_e12_several_times() {
    succeeds("E12", 2);
}

#[test]
fn teaching_e13_second_name() {
    succeeds("E13", 1);
}

#[test]
fn teaching_e14_empty_set() {
    succeeds("E14", 1);
}

#[test]
fn teaching_e15_refusals() {
    succeeds("E15", 40);
}

#[test]
fn teaching_e17_yesterday() {
    succeeds("E17", 1);
}

#[test]
fn teaching_e18_beside_a_writer() {
    succeeds("E18", 1);
}

#[test]
fn teaching_e19_memory_as_an_oracle() {
    succeeds("E19", 12);
}

#[test]
fn teaching_e20_partners() {
    succeeds("E20", 6);
}

#[test]
fn teaching_e21_few_together() {
    succeeds("E21", 5);
}

#[test]
fn teaching_e22_product() {
    succeeds("E22", 1);
}

#[test]
fn teaching_e23_two_columns() {
    succeeds("E23", 1);
}

#[test]
fn production_e12_several_times() {
    learns_nothing("E12");
}
