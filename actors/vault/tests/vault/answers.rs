//! Answers that are kept: found by their question, forgotten for others, at a word, and with a loss.

use cloister_vault::{KeptAnswer, Vault};
use tempfile::tempdir;
use zeroize::Zeroizing;

fn answer(question: u8, source: &str, principal: &str, bytes: usize) -> KeptAnswer {
    KeptAnswer {
        question: [question; 32],
        source: source.to_owned(),
        principal: principal.to_owned(),
        name: [question; 16],
        document: Zeroizing::new(vec![question; bytes]),
        losses: 0,
    }
}

fn length(vault: &Vault, question: u8) -> Option<usize> {
    let kept = vault.kept_answer(&[question; 32]).unwrap()?;
    assert_eq!(kept.0, [question; 16]);
    assert!(kept.1.iter().all(|byte| *byte == question));
    Some(kept.1.len())
}

#[test]
fn an_answer_is_found_by_its_question_also_after_a_restart() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(length(&vault, 1), None);
    assert!(vault.keep_answer(answer(1, "trial", "ada", 10)).wait().unwrap());
    assert!(vault.keep_answer(answer(2, "trial", "ada", 0)).wait().unwrap());
    assert!(vault.keep_answer(answer(1, "trial", "bob", 20)).wait().unwrap());
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!([1, 2, 3].map(|question| length(&vault, question)), [Some(20), Some(0), None]);
}

#[test]
fn a_source_forgets_its_own_answers_and_a_loss_those_of_all() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    for (question, source) in [(1, "trial"), (2, "other"), (3, "trial")] {
        vault.keep_answer(answer(question, source, "ada", 5)).wait().unwrap();
    }
    assert_eq!(vault.forget_answers("trial").wait().unwrap(), 2);
    assert_eq!([1, 2, 3].map(|question| length(&vault, question)), [None, Some(5), None]);
    vault.acknowledge_loss(7).wait().unwrap();
    assert_eq!(length(&vault, 2), None);
    // The answer of a question of before the loss is not kept.
    assert!(!vault.keep_answer(answer(4, "trial", "ada", 5)).wait().unwrap());
    let after = KeptAnswer { losses: vault.losses().unwrap(), ..answer(5, "trial", "ada", 5) };
    assert!(vault.keep_answer(after).wait().unwrap());
    assert_eq!([4, 5].map(|question| length(&vault, question)), [None, Some(5)]);
}

#[test]
fn the_oldest_answers_of_a_principal_give_way_to_its_new_ones_and_to_no_others() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let mebibyte = 1 << 20;
    vault.keep_answer(answer(100, "trial", "bob", mebibyte)).wait().unwrap();
    for question in 1..=9 {
        assert!(vault.keep_answer(answer(question, "trial", "ada", mebibyte)).wait().unwrap());
    }
    assert_eq!(length(&vault, 1), None);
    assert!((2..=9).chain([100]).all(|question| length(&vault, question) == Some(mebibyte)));
    // One that is too long takes no other's room.
    assert!(!vault.keep_answer(answer(50, "trial", "ada", mebibyte + 1)).wait().unwrap());
    assert_eq!(length(&vault, 2), Some(mebibyte));
    assert_eq!(length(&vault, 50), None);
}
