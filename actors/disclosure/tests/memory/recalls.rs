//! Answers by the names that members have for them, and the rows of a question beside these.

use cloister_disclosure::{MAX_RECALLED, Memory, Name, Overlap, Recall};

use super::{Draws, names, selection, sum, unmetered};

fn name(number: u64) -> [u8; 16] {
    let mut name = [3; 16];
    name[..8].copy_from_slice(&number.to_le_bytes());
    name
}

fn about(rows: impl IntoIterator<Item = u64>, values: &[&str]) -> Recall {
    Recall { selection: selection(rows), values: names(values) }
}

fn opened(memory: &mut Memory, number: u64, recall: &Recall) {
    memory.recall(name(number), recall).unwrap();
}

/// Returns the rows of each answer, of the question, and of both, by the classes' sizes.
fn sizes(overlap: &Overlap) -> Vec<(Name, u64, u64)> {
    let size = |holds: &[u64], of: fn(&(u64, u64)) -> u64| {
        let classes = overlap.classes.iter().enumerate();
        let held = classes.filter(|(class, _)| holds[class / 64] >> (class % 64) & 1 == 1);
        held.map(|(_, class)| of(class)).sum()
    };
    let sizes = |(name, selection): &(Name, usize)| {
        let holds = &overlap.selections[*selection];
        (*name, size(holds, |class| class.0), size(holds, |class| class.1))
    };
    overlap.answers.iter().map(sizes).collect()
}

#[test]
fn overlaps_are_those_of_the_rows_and_the_newest_answer_comes_first() {
    let mut draws = Draws::new();
    for _ in 0..30 {
        let mut memory = Memory::new(draws.next());
        let answers: Vec<Vec<u64>> = (0..5).map(|_| draws.half(300)).collect();
        for (number, rows) in (0..).zip(&answers) {
            // Some of them are spans of the memory, too.
            if number % 2 == 0 {
                memory.record(&sum(rows.iter().copied())).unwrap();
            }
            opened(&mut memory, number, &about(rows.iter().copied(), &["age"]));
        }
        let asked = draws.half(400);
        let overlap = memory.overlap(&about(asked.iter().copied(), &["age", "time"]));
        assert_eq!(overlap.selected, asked.len() as u64);
        let due = (0..).zip(&answers).map(|(number, rows)| {
            let both = rows.iter().filter(|row| asked.contains(row)).count();
            (name(number), rows.len() as u64, both as u64)
        });
        let mut due: Vec<_> = due.collect();
        due.reverse();
        assert_eq!(sizes(&overlap), due);
        let again = Memory::from_bytes(&memory.to_bytes()).unwrap();
        assert!(again == memory);
        assert_eq!(again.overlap(&about(asked, &["age"])), overlap);
    }
}

#[test]
fn an_answer_about_other_values_is_not_named() {
    let mut memory = Memory::new(1);
    opened(&mut memory, 1, &about(0..20, &["age"]));
    opened(&mut memory, 2, &about(0..30, &["time", "age"]));
    opened(&mut memory, 3, &about(0..40, &["time"]));
    let overlap = |values: &[&str]| memory.overlap(&about(0..10, values));
    let of_age = overlap(&["age"]);
    assert_eq!(sizes(&of_age), [(name(2), 30, 10), (name(1), 20, 10)]);
    assert_eq!(of_age.others, [(name(3), 40)]);
    assert_eq!(sizes(&overlap(&["weight"])), []);
}

#[test]
fn a_name_changes_no_decision() {
    let mut draws = Draws::new();
    for _ in 0..20 {
        let mut memory = Memory::new(7);
        memory.record(&sum(draws.half(100))).unwrap();
        let question = sum(draws.half(100));
        let decided = memory.check(&question, &unmetered(3));
        opened(&mut memory, 1, &about(draws.half(100), &["age"]));
        assert_eq!(memory.check(&question, &unmetered(3)), decided);
    }
}

#[test]
fn a_question_that_is_taken_back_leaves_the_answers_their_rows() {
    let mut memory = Memory::new(9);
    let reservation = memory.reserve(&sum(0..50)).unwrap();
    let later = memory.reserve(&sum(20..90)).unwrap();
    opened(&mut memory, 1, &about(0..50, &["age"]));
    opened(&mut memory, 2, &about(20..90, &["age"]));
    memory.withdraw(reservation).unwrap();
    memory.withdraw(later).unwrap();
    let overlap = memory.overlap(&about(0..30, &["age"]));
    let due = [(name(2), 70, 10), (name(1), 50, 30)];
    assert_eq!(sizes(&overlap), due);
}

#[test]
fn of_too_many_answers_repeated_ones_are_forgotten_first() {
    let mut memory = Memory::new(5);
    opened(&mut memory, 0, &about(0..50, &["age"]));
    for number in 1..=MAX_RECALLED as u64 + 10 {
        opened(&mut memory, number, &about(0..60, &["age"]));
    }
    let overlap = memory.overlap(&about(0..10, &["age"]));
    assert_eq!(overlap.answers.len(), MAX_RECALLED);
    let oldest = overlap.answers.last().map(|(name, _)| *name);
    assert_eq!((oldest, overlap.selections.len()), (Some(name(0)), 2));
}
