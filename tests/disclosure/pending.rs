//! The production halves of attacks that still succeed, and of questions that are refused too often.
//! This is no module of the test program yet: each function moves to the others as soon as it holds.

use cloister_protocols::disclosure::Profile;

use super::honest::{
    QUESTIONS, RECIDIVISM, Study, TRIAL, check_a_small_site_blocks_none, refusals,
};
use super::learns_nothing;

#[test]
fn production_e11_margins() {
    learns_nothing("E11");
}

#[test]
fn production_e15_refusals() {
    learns_nothing("E15");
}

#[test]
fn production_e17_yesterday() {
    learns_nothing("E17");
}

#[test]
fn production_e19_memory_as_an_oracle() {
    learns_nothing("E19");
}

#[test]
fn production_honest_questions_about_recidivism() {
    check_few_are_refused(&RECIDIVISM);
}

#[test]
fn production_honest_questions_about_a_trial() {
    check_few_are_refused(&TRIAL);
}

#[test]
fn production_a_small_site_blocks_no_subgroup() {
    check_a_small_site_blocks_none(Profile::Production);
}

#[track_caller]
fn check_few_are_refused(study: &Study) {
    let refused = refusals(study, Profile::Production);
    assert!(refused * 50 < QUESTIONS, "{}: {refused} of {QUESTIONS}", study.set);
}
