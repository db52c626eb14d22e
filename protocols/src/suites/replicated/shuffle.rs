//! Shuffling a table: three permutations, one after the other, each known to two seats.
//!
//! The idea is of Laur, Willemson and Zhang, *Round-efficient oblivious database manipulation* (ISC
//! 2011). Handing halves on instead of sharing anew each time is as in Araki, Furukawa, Ohara,
//! Pinkas, Rosemarin, Tsuchida, *Secure graph analysis at scale* (CCS 2021).
//!
//! x is held as two halves that add up to it, at first x_0 + x_1 at seat 0 and x_2 at seat 1. In
//! each step, the two that hold the halves permute them by the permutation that they share. They
//! move a mask r, from their PRSS stream, from one half to the other. Then one of the two hands its
//! half on.
//!
//! 1. π_01: seat 0 has A ← π_01(x_0 + x_1) + r, seat 1 has B ← π_01(x_2) − r. A goes to seat 2.
//! 2. π_12: seat 1 has B ← π_12(B) + r′, seat 2 has A ← π_12(A) − r′. B goes to seat 0.
//! 3. π_20: seat 2 has A ← π_20(A) + r″, seat 0 has B ← π_20(B) − r″. With ρ from their PRSS
//!    stream, y_0 = ρ, y_1 = B, y_2 = A − ρ; y_1 and y_2 go to seat 1.
//!
//! The seat that gets a half lacks the mask that was just moved into it. Each seat lacks one of the
//! three permutations, so the order of the rows is uniform to it.
//!
//! Two rounds: A and B are handed on at once, because seat 1 waits for no message. Elements sent
//! for each element: by seat 0 two, by seats 1 and 2 one.

use crate::algebra::elementwise::{add_assign, gather, subtract_assign, sum};
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::engine::Columns;
use crate::engine::shared::Shared;
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::prss::Prss;
use crate::kernel::wire;
use crate::suites::replicated::seat::Seat;
use crate::suites::replicated::{Replicated, ReplicatedShare};

/// A table, or one of the halves that add up to it: its columns one after the other.
struct Table {
    rows: usize,
    numbers: Vec<u64>,
    words: Vec<PackedBits>,
}

/// The number of elements of a table: of numbers and of words.
#[derive(Clone, Copy)]
struct Size {
    rows: usize,
    numbers: usize,
    words: usize,
}

/// The direction in which a step moves the mask.
#[derive(Clone, Copy)]
enum Mask {
    Plus,
    Minus,
}

impl Replicated<'_> {
    pub(super) async fn shuffled(
        &mut self,
        columns: Columns<Self>,
    ) -> Result<Columns<Self>, Fault> {
        let counts = (columns.numbers.len(), columns.words.len());
        let numbers = ReplicatedShare::concat(&columns.numbers.iter().collect::<Vec<_>>());
        let words = ReplicatedShare::concat(&columns.words.iter().collect::<Vec<_>>());
        let rows = (numbers.len() + words.len()).checked_div(counts.0 + counts.1).unwrap_or(0);
        assert_eq!(rows * (counts.0 + counts.1), numbers.len() + words.len(), "rows are whole");
        let size = Size { rows, numbers: numbers.len(), words: words.len() };
        let Some(seat) = &mut self.seat else { return Ok(columns) };
        self.channel.begin_round("shuffle 1");
        open_windows(self.channel, seat, size).await?;
        let [y, y_next] = match seat.index {
            0 => at_seat_0(self.channel, seat, size, (&numbers, &words)).await?,
            1 => at_seat_1(self.channel, seat, size, (&numbers, &words)).await?,
            _ => at_seat_2(self.channel, seat, size).await?,
        };
        Ok(Columns {
            numbers: ReplicatedShare::new([y.numbers, y_next.numbers]).split_into(counts.0),
            words: ReplicatedShare::new([y.words, y_next.words]).split_into(counts.1),
        })
    }
}

/// Opens the windows of both rounds. All tables have one size.
async fn open_windows(channel: &Channel, seat: &Seat, size: Size) -> Result<(), Fault> {
    let length = u64::BYTES * size.numbers.max(size.words);
    let [previous, next] = [(seat.previous, length), (seat.next, length)];
    match seat.index {
        0 => channel.open_windows(&[next], &[previous, next]).await,
        1 => channel.open_windows(&[previous, next], &[previous]).await,
        _ => channel.open_windows(&[next], &[previous]).await,
    }
}

async fn at_seat_0(
    channel: &Channel,
    seat: &mut Seat,
    size: Size,
    (numbers, words): (&ReplicatedShare<u64>, &ReplicatedShare<PackedBits>),
) -> Result<[Table; 2], Fault> {
    let mut a =
        Table { rows: size.rows, numbers: both_components(numbers), words: both_components(words) };
    a.step(&mut seat.with_next.shuffle, Mask::Plus);
    a.send(channel, seat.previous);

    channel.begin_round("shuffle 2");
    let mut b = Table::receive(channel, seat.next, size).await?;
    b.step(&mut seat.with_previous.shuffle, Mask::Minus);
    let y_0 = Table::masks(&mut seat.with_previous.shuffle, size);
    b.clone_to(channel, seat.next);
    Ok([y_0, b])
}

async fn at_seat_1(
    channel: &Channel,
    seat: &mut Seat,
    size: Size,
    (numbers, words): (&ReplicatedShare<u64>, &ReplicatedShare<PackedBits>),
) -> Result<[Table; 2], Fault> {
    let ([_, numbers], [_, words]) = (numbers.parts(), words.parts());
    let mut b = Table { rows: size.rows, numbers: numbers.to_vec(), words: words.to_vec() };
    b.step(&mut seat.with_previous.shuffle, Mask::Minus);
    b.step(&mut seat.with_next.shuffle, Mask::Plus);
    b.send(channel, seat.previous);

    channel.begin_round("shuffle 2");
    let y_1 = Table::receive(channel, seat.previous, size).await?;
    let y_2 = Table::receive(channel, seat.next, size).await?;
    Ok([y_1, y_2])
}

async fn at_seat_2(channel: &Channel, seat: &mut Seat, size: Size) -> Result<[Table; 2], Fault> {
    let mut a = Table::receive(channel, seat.next, size).await?;

    channel.begin_round("shuffle 2");
    a.step(&mut seat.with_previous.shuffle, Mask::Minus);
    a.step(&mut seat.with_next.shuffle, Mask::Plus);
    let y_0 = Table::masks(&mut seat.with_next.shuffle, size);
    a.subtract(&y_0);
    a.clone_to(channel, seat.previous);
    Ok([a, y_0])
}

impl Table {
    /// Permutes the rows by the next permutation of `prss`, and adds or subtracts the next masks.
    fn step(&mut self, prss: &mut Prss, mask: Mask) {
        let places = prss.permutation(self.rows);
        permute(&mut self.numbers, &places);
        permute(&mut self.words, &places);
        apply(&mut self.numbers, prss, mask);
        apply(&mut self.words, prss, mask);
    }

    fn masks(prss: &mut Prss, size: Size) -> Self {
        let Size { rows, numbers, words } = size;
        Self { rows, numbers: prss.read(numbers), words: prss.read(words) }
    }

    fn subtract(&mut self, other: &Self) {
        subtract_assign(&mut self.numbers, &other.numbers);
        subtract_assign(&mut self.words, &other.words);
    }

    fn send(self, channel: &Channel, to: Party) {
        channel.send(to, wire::elements(self.numbers));
        channel.send(to, wire::elements(self.words));
    }

    fn clone_to(&self, channel: &Channel, to: Party) {
        channel.send(to, wire::elements(self.numbers.clone()));
        channel.send(to, wire::elements(self.words.clone()));
    }

    async fn receive(channel: &Channel, from: Party, size: Size) -> Result<Self, Fault> {
        let numbers = channel.receive_elements(from, size.numbers).await?;
        let words = channel.receive_elements(from, size.words).await?;
        Ok(Self { rows: size.rows, numbers, words })
    }
}

/// Returns x_s + x_{s+1}.
fn both_components<R: Ring>(x: &ReplicatedShare<R>) -> Vec<R> {
    let [own, shared] = x.parts();
    sum(own, shared)
}

/// Permutes each column.
fn permute<R: Ring>(columns: &mut [R], places: &[usize]) {
    for column in columns.chunks_mut(places.len().max(1)) {
        let permuted = gather(column, places);
        column.copy_from_slice(&permuted);
    }
}

fn apply<R: Ring>(elements: &mut [R], prss: &mut Prss, mask: Mask) {
    let masks = prss.read::<R>(elements.len());
    match mask {
        Mask::Plus => add_assign(elements, &masks),
        Mask::Minus => subtract_assign(elements, &masks),
    }
}
