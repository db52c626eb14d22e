//! Complementary suppression against an asker that solves exactly: for each withheld cell, all
//! values that some table of whole numbers from 0 on has there, with the shown cells and sums.

use std::collections::VecDeque;

use rand_core::Rng;

use crate::functions::common::suppression::{Class, Size, withheld};
use crate::kernel::random::PredictableRng;
use crate::testing::{rng, seed};

/// More than any count.
const ANY: u64 = 1 << 20;

/// One party's counts, or all parties' together, row by row.
type Counts = Vec<u64>;

fn below(rng: &mut PredictableRng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

/// Returns the class of a count, of which each party has a part.
fn class(parts: &[u64], least: u64) -> Class {
    let total: u64 = parts.iter().sum();
    let rests = || parts.iter().map(|part| total - part);
    if total < least || rests().any(|rest| (1..least).contains(&rest)) {
        Class::Primary
    } else if rests().all(|rest| rest >= least) {
        Class::Cover
    } else {
        Class::Plain
    }
}

fn row_sums(size: Size, cells: &[u64]) -> Counts {
    (0..size.rows).map(|i| (0..size.columns).map(|j| cells[i * size.columns + j]).sum()).collect()
}

fn column_sums(size: Size, cells: &[u64]) -> Counts {
    (0..size.columns).map(|j| (0..size.rows).map(|i| cells[i * size.columns + j]).sum()).collect()
}

fn classes(parties: &[Counts], least: u64) -> Vec<Class> {
    let parts = |cell: usize| parties.iter().map(|own| own[cell]).collect::<Vec<_>>();
    (0..parties[0].len()).map(|cell| class(&parts(cell), least)).collect()
}

/// Turns a table's rows into columns.
fn transposed<T: Copy>(size: Size, cells: &[T]) -> (Size, Vec<T>) {
    let column = |column: usize| cells.iter().skip(column).step_by(size.columns).copied();
    let turned = Size { rows: size.columns, columns: size.rows };
    (turned, (0..size.columns).flat_map(column).collect())
}

/// The answers to a contingency table, to its transpose, and to the frequencies of both variables.
struct Answers {
    size: Size,
    cells: Vec<bool>,
    /// The cells that the transpose withholds, in the places of the table itself.
    turned: Vec<bool>,
    rows: Vec<bool>,
    columns: Vec<bool>,
    /// The bounds of each cell that the asker takes for granted.
    bounds: Vec<(u64, u64)>,
}

fn answers(size: Size, parties: &[Counts], least: u64) -> Answers {
    let with_sums: Vec<Counts> = parties.iter().map(|own| size.with_sums(own)).collect();
    let line = |sums: fn(Size, &[u64]) -> Counts| {
        let sums: Vec<Counts> = parties.iter().map(|own| sums(size, own)).collect();
        withheld(Size { rows: 1, columns: sums[0].len() }, &classes(&sums, least))
    };
    Answers {
        size,
        cells: withheld(size, &classes(&with_sums, least)),
        turned: withheld_of_transpose(size, parties, least),
        rows: line(row_sums),
        columns: line(column_sums),
        bounds: vec![(0, ANY); size.cells()],
    }
}

/// Returns which cells are withheld where the variables are asked for in the other order.
fn withheld_of_transpose(size: Size, parties: &[Counts], least: u64) -> Vec<bool> {
    let turned: Vec<_> = parties.iter().map(|own| transposed(size, own)).collect();
    let turned_size = turned[0].0;
    let with_sums: Vec<Counts> = turned.iter().map(|(_, own)| turned_size.with_sums(own)).collect();
    transposed(turned_size, &withheld(turned_size, &classes(&with_sums, least))).1
}

/// Returns the bounds of the cells for an asker that knows their classes, and no party's part.
fn class_bounds(parties: &[Counts], total: &[u64], least: u64) -> Vec<(u64, u64)> {
    let classes = classes(parties, least).into_iter();
    let bounds = classes.zip(total).map(|(class, count)| match class {
        Class::Primary if *count < least => (0, least - 1),
        Class::Primary => (0, ANY),
        Class::Cover | Class::Plain => (least, ANY),
    });
    bounds.collect()
}

impl Answers {
    /// Returns the number of values that cell (i, j) can have for an asker that sees what is shown
    /// of these counts. Withheld cells carry a flow from their rows to their columns, and withheld
    /// sums one from a node of all rows and to a node of all columns. The cell can take as much more
    /// as can flow back, and the other way round.
    fn values(&self, counts: &[u64], (i, j): (usize, usize)) -> u64 {
        let Size { rows, columns } = self.size;
        let (all_rows, all_columns) = (rows + columns, rows + columns + 1);
        let mut capacity = vec![vec![0_u64; rows + columns + 2]; rows + columns + 2];
        let mut carry = |from: usize, to: usize, flow: u64, (low, high): (u64, u64)| {
            capacity[from][to] = high - flow;
            capacity[to][from] = flow - low;
        };
        let hidden = |cell: &usize| self.cells[*cell] && self.turned[*cell];
        for cell in (0..counts.len()).filter(hidden) {
            let (row, column) = (cell / columns, cell % columns);
            if (row, column) != (i, j) {
                carry(row, rows + column, counts[cell], self.bounds[cell]);
            }
        }
        let any = (0, ANY);
        let sums = row_sums(self.size, counts);
        (0..rows)
            .filter(|row| self.rows[*row])
            .for_each(|row| carry(all_rows, row, sums[row], any));
        let sums = column_sums(self.size, counts);
        let hidden = (0..columns).filter(|column| self.columns[*column]);
        hidden.for_each(|column| carry(rows + column, all_columns, sums[column], any));
        let (count, (low, high)) = (counts[i * columns + j], self.bounds[i * columns + j]);
        let more = largest_flow(capacity.clone(), rows + j, i).min(high - count);
        let less = largest_flow(capacity, i, rows + j).min(count - low);
        less + more + 1
    }
}

/// Finds the largest flow, by shortest augmenting paths.
fn largest_flow(mut capacity: Vec<Vec<u64>>, from: usize, to: usize) -> u64 {
    let mut flow = 0;
    loop {
        let mut before = vec![None; capacity.len()];
        let mut next = VecDeque::from([from]);
        while let Some(node) = next.pop_front() {
            for other in 0..capacity.len() {
                if capacity[node][other] > 0 && before[other].is_none() && other != from {
                    before[other] = Some(node);
                    next.push_back(other);
                }
            }
        }
        let mut path = Vec::new();
        let mut node = to;
        while let Some(other) = before[node] {
            path.push((other, node));
            node = other;
        }
        let Some(least) = path.iter().map(|(from, to)| capacity[*from][*to]).min() else {
            return flow;
        };
        for (from, to) in path {
            capacity[from][to] -= least;
            capacity[to][from] += least;
        }
        flow += least;
    }
}

/// Draws a table of each party: few of some cells, and many of most.
fn draw(rng: &mut PredictableRng, size: Size, least: u64) -> Vec<Counts> {
    let parties = 1 + below(rng, 4);
    let few_in = 1 + below(rng, 12);
    let small: Vec<bool> = (0..size.cells()).map(|_| below(rng, few_in) == 0).collect();
    let mut count = |is_small: &bool| {
        if *is_small { below(rng, 2) * below(rng, least) } else { below(rng, 3 * least) }
    };
    (0..parties).map(|_| small.iter().map(&mut count).collect()).collect()
}

/// Returns the counts as each asker sees them: of all parties, and without each.
fn views(parties: &[Counts]) -> Vec<Counts> {
    let total: Counts =
        (0..parties[0].len()).map(|cell| parties.iter().map(|own| own[cell]).sum()).collect();
    let rest = |own: &Counts| total.iter().zip(own).map(|(all, own)| all - own).collect();
    let rests: Vec<Counts> = parties.iter().map(rest).collect();
    std::iter::once(total.clone()).chain(rests).collect()
}

#[test]
fn no_small_cell_has_fewer_values_than_the_smallest_count() {
    let mut rng = rng(seed());
    let (mut examined, mut shown, mut narrow) = (0, 0, 0);
    let mut for_all = Vec::new();
    for _ in 0..6_000 {
        let least = 2 + below(&mut rng, 4);
        let [rows, columns] =
            [5, 6].map(|most| 1 + usize::try_from(below(&mut rng, most)).unwrap());
        let size = Size { rows, columns };
        let parties = draw(&mut rng, size, least);
        let answers = answers(size, &parties, least);
        let views = views(&parties);
        // The release check lets no computation of fewer rows begin.
        if views.iter().skip(usize::from(parties.len() == 1)).any(|v| v.iter().sum::<u64>() < least)
        {
            continue;
        }
        shown += answers.cells.iter().filter(|is_withheld| !**is_withheld).count();
        assert_eq!(answers.cells, answers.turned, "{size:?} {parties:?}: the transpose differs");
        let primary: Vec<bool> =
            classes(&parties, least).iter().map(|class| *class == Class::Primary).collect();
        let unprotected = Answers {
            cells: primary.clone(),
            turned: primary,
            rows: vec![false; rows],
            columns: vec![false; columns],
            bounds: vec![(0, ANY); size.cells()],
            size,
        };
        let bounds = class_bounds(&parties, &views[0], least);
        let with_classes = Answers { bounds, ..self::answers(size, &parties, least) };
        for cell in (0..size.cells()).filter(|cell| (1..least).contains(&views[0][*cell])) {
            for_all.push(with_classes.values(&views[0], (cell / columns, cell % columns)) >= least);
        }
        for view in &views {
            for cell in (0..size.cells()).filter(|cell| (1..least).contains(&view[*cell])) {
                assert!(answers.cells[cell], "{size:?} {parties:?}: cell {cell} is shown");
                let place = (cell / columns, cell % columns);
                let values = answers.values(view, place);
                assert!(values >= least, "{size:?} {parties:?}: {values} values of cell {cell}");
                examined += 1;
                narrow += usize::from(unprotected.values(view, place) < least);
            }
        }
    }
    let kept = for_all.iter().filter(|has_enough| **has_enough).count();
    println!("to an onlooker that knows all classes, {kept} of {} keep as many", for_all.len());
    println!("{examined} small cells, {narrow} of them narrow by themselves, {shown} cells shown");
    assert!(examined > 5_000 && narrow > 500 && shown > 5_000);
}

#[test]
fn the_transpose_withholds_the_same_cells() {
    // Withheld by one order and shown by the other, 90 and 32 or 104 and 67 would leave 100 − 32 − 67.
    let size = Size { rows: 3, columns: 3 };
    let parts = [1, 17, 34, 6, 5, 30, 10, 22, 0];
    let all = [3, 52, 104, 20, 16, 90, 32, 67, 1];
    let rest: Counts = all.iter().zip(parts).map(|(all, part)| all - 2 * part).collect();
    let parties = [parts.to_vec(), parts.to_vec(), rest];
    let answers = answers(size, &parties, 5);
    assert_eq!(answers.cells, answers.turned);
    let small = [(0, 0), (2, 2)];
    assert!(small.into_iter().all(|place| answers.values(&all, place) >= 5));
}

#[test]
fn the_asker_of_these_tests_solves_what_it_can() {
    // 1 of 1 + 5 and 1 + 6: with its row, its column and the rest withheld it is 0 to 6.
    let size = Size { rows: 2, columns: 2 };
    let all = |is_withheld: bool| vec![is_withheld; 2];
    let asked = |cells: [bool; 4], rows: bool| Answers {
        size,
        cells: cells.to_vec(),
        turned: cells.to_vec(),
        rows: all(rows),
        columns: all(false),
        bounds: vec![(0, ANY); 4],
    };
    let counts = [1, 5, 6, 9];
    assert_eq!(asked([true; 4], false).values(&counts, (0, 0)), 1 + 5 + 1);
    assert_eq!(asked([true, true, true, false], false).values(&counts, (0, 0)), 1);
    // With both rows' sums withheld, the column's 7 are left.
    assert_eq!(asked([true, false, true, false], true).values(&counts, (0, 0)), 8);
    assert_eq!(asked([true, false, true, false], false).values(&counts, (0, 0)), 1);
}

/// Inserts categories that do not occur.
fn with_empty(
    size: Size,
    own: &[u64],
    row: Option<usize>,
    column: Option<usize>,
) -> (Size, Counts) {
    let width = size.columns;
    let mut rows: Vec<Counts> = own.chunks(width).map(<[u64]>::to_vec).collect();
    column.into_iter().for_each(|at| rows.iter_mut().for_each(|row| row.insert(at, 0)));
    let width = width + usize::from(column.is_some());
    row.into_iter().for_each(|at| rows.insert(at, vec![0; width]));
    (Size { rows: rows.len(), columns: width }, rows.concat())
}

#[test]
fn declared_categories_that_do_not_occur_show_no_cell_more() {
    let mut rng = rng(seed());
    for _ in 0..2_000 {
        let least = 2 + below(&mut rng, 4);
        let [rows, columns] =
            [4, 5].map(|most| 1 + usize::try_from(below(&mut rng, most)).unwrap());
        let size = Size { rows, columns };
        let parties = draw(&mut rng, size, least);
        let one = answers(size, &parties, least);
        let place = |rng: &mut PredictableRng, places: usize| {
            let place = usize::try_from(below(rng, 1 + places as u64)).unwrap();
            (below(rng, 3) > 0).then_some(place)
        };
        let (row, column) = (place(&mut rng, rows), place(&mut rng, columns));
        let more: Vec<(Size, Counts)> =
            parties.iter().map(|own| with_empty(size, own, row, column)).collect();
        let larger = more[0].0;
        let parties: Vec<Counts> = more.into_iter().map(|(_, own)| own).collect();
        let other = answers(larger, &parties, least);
        let old = |cell: usize| {
            let (i, j) = (cell / columns, cell % columns);
            let i = i + usize::from(row.is_some_and(|row| row <= i));
            let j = j + usize::from(column.is_some_and(|column| column <= j));
            i * larger.columns + j
        };
        for cell in (0..size.cells()).filter(|cell| one.cells[*cell]) {
            assert!(other.cells[old(cell)], "{size:?} {parties:?} {row:?} {column:?}: {cell}");
        }
    }
}

const P: Class = Class::Primary;
const C: Class = Class::Cover;
const O: Class = Class::Plain;

fn places(size: Size, classes: &[Class]) -> Vec<usize> {
    let withheld = withheld(size, classes);
    (0..withheld.len()).filter(|cell| withheld[*cell]).collect()
}

#[test]
fn the_first_cover_protects_a_category() {
    let line = |classes: &[Class]| places(Size { rows: 1, columns: classes.len() }, classes);
    assert_eq!(line(&[C, O, C]), [0_usize; 0]);
    assert_eq!(line(&[O, C, C, P]), [1, 3]);
    assert_eq!(line(&[P, O, C, P, C]), [0, 2, 3]);
    assert_eq!(line(&[P, O, O]), [0, 1, 2], "without a cover all are withheld");
    assert_eq!(line(&[]), [0_usize; 0]);
    assert_eq!(places(Size { rows: 3, columns: 1 }, &[C, P, C]), [0, 1]);
}

#[test]
fn three_covers_protect_a_cell() {
    let size = Size { rows: 3, columns: 3 };
    let table = |cells: [Class; 9], rows: [Class; 3], columns: [Class; 3]| {
        places(size, &[&cells[..], &rows, &columns].concat())
    };
    assert_eq!(table([P, C, C, C, C, C, C, C, C], [C; 3], [C; 3]), [0, 1, 3, 4]);
    assert_eq!(table([C, C, C, C, P, C, C, C, C], [C; 3], [C; 3]), [0, 1, 3, 4]);
    assert_eq!(table([P, O, C, C, C, O, C, C, C], [C; 3], [C; 3]), [0, 2, 6, 8]);
    let all: Vec<usize> = (0..9).collect();
    assert_eq!(table([P, O, O, C, C, C, C, C, C], [C; 3], [C; 3]), all);
    // A small row is withheld with the first row, which covers it in every column.
    assert_eq!(table([C, C, C, C, C, C, P, P, P], [C, C, P], [C; 3]), [0, 1, 2, 6, 7, 8]);
    // It does not cover the second column, and another row does: with a cell of its own for it.
    let cells = [C, O, C, C, C, C, P, P, P];
    assert_eq!(table(cells, [C, C, P], [C; 3]), [0, 1, 2, 3, 4, 6, 7, 8]);
    assert_eq!(table([C, C, C, C, C, C, P, P, P], [O, O, P], [C; 3]), all);
    // A small row and a small column.
    let cells = [C, C, P, C, C, P, P, P, P];
    assert_eq!(table(cells, [C, C, P], [C, C, P]), [0, 1, 2, 3, 5, 6, 7, 8]);
    assert_eq!(places(Size { rows: 2, columns: 2 }, &[C, C, P, C]), [0, 1, 2, 3]);
    assert_eq!(places(Size { rows: 2, columns: 2 }, &[C, C, O, C]), [0_usize; 0]);
}

#[test]
fn wide_tables_are_decided_quickly() {
    // Only the last column has covers beside those of the small cells, word by word.
    let size = Size { rows: 64, columns: 4_096 };
    let class = |cell: usize| match (cell / 4_096, cell % 4_096) {
        (row, column) if column == 4_095 || row == 63 => C,
        (_, column) if column % 2 == 0 => P,
        _ => O,
    };
    let cells = (0..size.cells()).map(class);
    let classes: Vec<Class> = cells.chain(vec![C; 64 + 4_096]).collect();
    let withheld = withheld(size, &classes);
    assert!(withheld[62 * 4_096] && withheld[63 * 4_096] && withheld[63 * 4_096 + 4_095]);
    assert!(!withheld[1] && !withheld[63 * 4_096 + 1]);
}

#[test]
fn long_tables_are_decided_quickly() {
    // Each row has a small cell of its own, and covers beside it only in the last row.
    let size = Size { rows: 100_000, columns: 5 };
    let class = |cell: usize| match (cell / 5, cell % 5) {
        (99_999, _) => C,
        (_, 0) => P,
        (row, column) if row % 4 == column - 1 => C,
        _ => O,
    };
    let cells: Vec<Class> = (0..size.cells()).map(class).collect();
    let (wide, turned) = transposed(size, &cells);
    let sums = vec![C; size.rows + size.columns];
    let long = withheld(size, &[&cells[..], &sums].concat());
    for cell in (0..size.cells()).filter(|cell| cell / 5 < 99_999) {
        assert_eq!(long[cell], cells[cell] != O, "{cell}");
    }
    assert!(long[99_999 * 5..].iter().all(|is_withheld| *is_withheld));
    assert_eq!(transposed(size, &long).1, withheld(wide, &[&turned[..], &sums].concat()));
}

#[test]
#[should_panic(expected = "each count has a class")]
fn classes_without_those_of_the_sums_are_no_table() {
    let _ = withheld(Size { rows: 3, columns: 3 }, &[C; 9]);
}
