//! Memory of earlier requests, against a naive computation of symmetric differences.

use std::collections::BTreeSet;

use cloister_vault::{Asked, Vault, VaultError};
use redb::{Database, ReadableTable, TableDefinition};
use tempfile::{TempDir, tempdir};

use crate::seeded::Seeded;

const ROWS: TableDefinition<'static, (&str, u64, u64), &[u8]> = TableDefinition::new("rows");

fn opened() -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    (folder, vault)
}

fn ask(vault: &Vault, columns: &[&str], rows: &[u64], minimum: u64) -> Asked {
    let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    vault.ask("trial", &columns, rows.to_vec(), minimum).wait().unwrap()
}

#[test]
fn a_difference_of_the_minimum_is_enough_and_one_less_is_not() {
    let mut random = Seeded::new();
    for minimum in [2_u64, 3, 10, 5000] {
        let (_folder, vault) = opened();
        let base: Vec<u64> = (0..6000).map(|_| random.word()).collect();
        assert_eq!(ask(&vault, &["age"], &base, minimum), Asked::Recorded);
        let fewer = |by: u64| base[usize::try_from(by).unwrap()..].to_vec();
        assert_eq!(ask(&vault, &["age"], &fewer(minimum - 1), minimum), Asked::TooClose);
        let more = |random: &mut Seeded, by: u64| {
            let added: Vec<u64> = (0..by).map(|_| random.word()).collect();
            [base.as_slice(), &added].concat()
        };
        assert_eq!(
            ask(&vault, &["age"], &more(&mut random, minimum - 1), minimum),
            Asked::TooClose
        );
        // One row exchanged for another is a difference of two.
        let mut exchanged = base.clone();
        exchanged[17] = random.word();
        let expected = if minimum > 2 { Asked::TooClose } else { Asked::Recorded };
        assert_eq!(ask(&vault, &["age"], &exchanged, minimum), expected);
        let (_folder, vault) = opened();
        ask(&vault, &["age"], &base, minimum);
        assert_eq!(ask(&vault, &["age"], &fewer(minimum), minimum), Asked::Recorded);
        assert_eq!(ask(&vault, &["age"], &more(&mut random, minimum), minimum), Asked::Recorded);
    }
}

/// The due answers of the vault, computed in the plain way.
#[derive(Default)]
struct Naive(Vec<(BTreeSet<String>, BTreeSet<u64>)>);

impl Naive {
    fn ask(&mut self, columns: &BTreeSet<String>, rows: &BTreeSet<u64>, minimum: u64) -> Asked {
        let is_close = self.0.iter().any(|(other, earlier)| {
            let difference = earlier.symmetric_difference(rows).count() as u64;
            !other.is_disjoint(columns) && difference > 0 && difference < minimum
        });
        if is_close {
            return Asked::TooClose;
        }
        match self.0.iter_mut().find(|(_, earlier)| earlier == rows) {
            Some((other, _)) => other.extend(columns.iter().cloned()),
            None => self.0.push((columns.clone(), rows.clone())),
        }
        Asked::Recorded
    }
}

#[test]
fn random_questions_are_answered_as_the_plain_way_answers() {
    let mut random = Seeded::new();
    let (_folder, vault) = opened();
    let mut naive = Naive::default();
    let mut counts = [0; 2];
    for _ in 0..400 {
        // Few rows and columns, so that selections are often near each other or equal.
        let rows: BTreeSet<u64> = (0..12_u64)
            .filter(|_| random.below(2) == 0)
            .map(|row| (row * 7919).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        let columns: BTreeSet<String> =
            (0..=random.below(2)).map(|_| format!("c{}", random.below(12))).collect();
        let minimum = random.below(5);
        let shuffled: Vec<u64> = rows.iter().rev().copied().collect();
        let list: Vec<String> = columns.iter().cloned().collect();
        let answer = vault.ask("trial", &list, shuffled, minimum).wait().unwrap();
        assert_eq!(answer, naive.ask(&columns, &rows, minimum));
        counts[usize::from(answer == Asked::TooClose)] += 1;
    }
    println!("recorded and refused: {counts:?}");
    assert!(counts.iter().all(|&count| count > 30));
}

#[test]
fn long_selections_near_each_other_are_told_apart_wherever_they_differ() {
    let mut random = Seeded::new();
    let (_folder, vault) = opened();
    let mut base: Vec<u64> = (0..10_000).map(|_| random.word()).collect();
    base.sort_unstable();
    ask(&vault, &["age"], &base, 10);
    for place in [0, 1, 2047, 2048, 2049, 4096, 9998, 9999] {
        let mut without = base.clone();
        without.remove(place);
        assert_eq!(ask(&vault, &["age"], &without, 10), Asked::TooClose, "without {place}");
        let mut with = base.clone();
        with.push(base[place] ^ 1);
        assert_eq!(ask(&vault, &["age"], &with, 10), Asked::TooClose, "with one near {place}");
        let mut both = with;
        both.remove(place);
        assert_eq!(ask(&vault, &["age"], &both, 10), Asked::TooClose, "exchanged {place}");
    }
}

#[test]
fn only_columns_in_common_of_the_same_dataset_count() {
    let (folder, vault) = opened();
    let (all, fewer) = ([1, 2, 3, 4], [1, 2, 3]);
    assert_eq!(ask(&vault, &["age"], &all, 3), Asked::Recorded);
    assert_eq!(ask(&vault, &["bmi"], &fewer, 3), Asked::Recorded);
    assert_eq!(ask(&vault, &["bmi", "age"], &fewer, 3), Asked::TooClose);
    assert_eq!(ask(&vault, &["bmi"], &all, 3), Asked::TooClose, "equal to one, close to another");
    assert_eq!(ask(&vault, &["age", "sex"], &all, 3), Asked::Recorded, "columns are added");
    assert_eq!(ask(&vault, &["sex"], &fewer, 3), Asked::TooClose, "and count from then on");
    let other = vault.ask("other", &["age".into()], fewer.to_vec(), 3).wait().unwrap();
    assert_eq!(other, Asked::Recorded);
    let longer = vault.ask("trial2", &["age".into()], fewer.to_vec(), 3).wait().unwrap();
    assert_eq!(longer, Asked::Recorded, "a name that begins the same is another dataset");
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(ask(&vault, &["age"], &fewer, 3), Asked::TooClose, "after a restart");
    assert_eq!(ask(&vault, &["age"], &fewer, 1), Asked::Recorded, "nothing is closer than 1");
}

#[test]
fn empty_selections_and_rows_that_come_several_times_count() {
    let (_folder, vault) = opened();
    assert_eq!(ask(&vault, &["age"], &[], 3), Asked::Recorded);
    assert_eq!(ask(&vault, &["age"], &[7, 7], 3), Asked::TooClose);
    assert_eq!(ask(&vault, &["age"], &[7, 7, 7], 3), Asked::Recorded);
    assert_eq!(ask(&vault, &["age"], &[7, 7, 7, 7], 3), Asked::TooClose);
    assert_eq!(ask(&vault, &["age"], &[7, 7, 7], 3), Asked::Recorded, "the same again");
}

#[test]
fn the_same_group_sees_its_own_questions() {
    let (_folder, vault) = opened();
    let asked: Vec<_> = (0..50_u64)
        .map(|last| vault.ask("trial", &["age".into()], vec![1, 2, 3, 100 + last], 3))
        .collect();
    let answers: Vec<_> = asked.into_iter().map(|written| written.wait().unwrap()).collect();
    assert_eq!(answers.iter().filter(|&&answer| answer == Asked::Recorded).count(), 1);
    assert_eq!(answers[0], Asked::Recorded);
}

#[test]
fn questions_without_columns_are_refused() {
    let (_folder, vault) = opened();
    let none = vault.ask("trial", &[], vec![1], 3).wait();
    assert!(matches!(none, Err(VaultError::Invalid { .. })));
    let many: Vec<String> = (0..1001).map(|column| format!("c{column}")).collect();
    assert!(matches!(vault.ask("trial", &many, vec![1], 3).wait(), Err(VaultError::TooBig { .. })));
}

#[test]
fn altered_rows_refuse_the_question() {
    let (folder, vault) = opened();
    let rows: Vec<u64> = (0..5000).collect();
    ask(&vault, &["age"], &rows, 3);
    drop(vault);
    let database = Database::open(folder.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(ROWS).unwrap();
        let first = table.get(("trial", 0, 0)).unwrap().unwrap().value().to_vec();
        assert!(!first.windows(8).any(|window| window == 77_u64.to_le_bytes()), "sealed");
        table.insert(("trial", 0, 1), first.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let vault = Vault::open(folder.path()).unwrap();
    let asked = vault.ask("trial", &["age".into()], (0..4999).collect(), 3).wait();
    assert!(matches!(asked, Err(VaultError::Altered { table: "rows" })));
}
