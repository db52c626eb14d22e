//! The outputs of a chunk of transfers, at its sender and at its receiver.

use zeroize::Zeroizing;

use super::ot_correlation::{
    Number, Pads, bits_received, bits_sent, numbers, receive, send, words, words_of,
};
use crate::algebra::elementwise::zip_exact;
use crate::ot::ccr_hash::Hash;
use crate::ot::extension::{Delta, Received};

/// A chunk at its sender.
pub(crate) struct SenderBatch<'a> {
    /// q_j; where the receiver has inverted its choice, q_j ⊕ Δ.
    pub(crate) rows: Zeroizing<Vec<u128>>,
    pub(crate) delta: &'a Delta,
    pub(crate) hash: Hash,
}

/// A chunk at its receiver.
pub(crate) struct ReceiverBatch {
    pub(crate) received: Received,
    pub(crate) hash: Hash,
}

/// The part of one end in a chunk: its input and its share.
pub(crate) type Part = [Vec<u64>; 2];

/// A use of transfers between this party and one peer. Chunks are processed in any order, and
/// absorbed in theirs.
pub(crate) trait OtCorrelation: Sync {
    /// Returns the words of corrections for each chunk, from the sender to the receiver.
    fn correction(&self) -> usize;

    /// Returns the choices that the receiver wants in a chunk, 64 in a word; none if any will do.
    fn wanted(&self, _index: usize) -> Option<Vec<u64>> {
        None
    }

    /// Processes a chunk at the sender. Returns its part, and the corrections.
    fn sent(&self, index: usize, sent: SenderBatch<'_>) -> (Part, Vec<u64>);

    /// Processes a chunk at the receiver, with the corrections.
    fn received(&self, index: usize, taken: ReceiverBatch, correction: &[u64]) -> Part;

    /// Absorbs a chunk's part at the sender, in the order of chunks.
    fn absorb_sent(&mut self, index: usize, part: Part);

    /// Absorbs a chunk's part at the receiver, in the order of chunks.
    fn absorb_received(&mut self, index: usize, part: Part);
}

/// The outputs of a run of transfers in both directions: the parts of its chunks, one after the
/// other.
#[derive(Default)]
pub(crate) struct OtOutputs {
    /// The outputs as sender: a and u.
    pub(crate) sent: Part,
    /// The outputs as receiver: b and v.
    pub(crate) received: Part,
}

impl OtOutputs {
    fn sent(&mut self, part: Part) {
        zip_exact(self.sent.iter_mut(), part).for_each(|(all, more)| all.extend(more));
    }

    fn received(&mut self, part: Part) {
        zip_exact(self.received.iter_mut(), part).for_each(|(all, more)| all.extend(more));
    }
}

/// Products of random bits.
#[derive(Default)]
pub(crate) struct Bits(pub(crate) OtOutputs);

impl OtCorrelation for Bits {
    fn correction(&self) -> usize {
        0
    }

    fn sent(&self, _: usize, sent: SenderBatch<'_>) -> (Part, Vec<u64>) {
        (bits_sent(&sent.hash, sent.rows, sent.delta), Vec::new())
    }

    fn received(&self, _: usize, taken: ReceiverBatch, _: &[u64]) -> Part {
        let Received { choices, rows } = taken.received;
        [choices, bits_received(&taken.hash, rows)]
    }

    fn absorb_sent(&mut self, _: usize, part: Part) {
        self.0.sent(part);
    }

    fn absorb_received(&mut self, _: usize, part: Part) {
        self.0.received(part);
    }
}

/// Products of a random bit and a random number.
pub(crate) struct Scaled<N> {
    pub(crate) outputs: OtOutputs,
    number: std::marker::PhantomData<N>,
}

impl<N> Default for Scaled<N> {
    fn default() -> Self {
        Self { outputs: OtOutputs::default(), number: std::marker::PhantomData }
    }
}

impl<N: Number> OtCorrelation for Scaled<N> {
    fn correction(&self) -> usize {
        0
    }

    fn sent(&self, _: usize, sent: SenderBatch<'_>) -> (Part, Vec<u64>) {
        let pads = Pads { hash: &sent.hash, width: 1 };
        let [m_0, m_1] = pads.both::<N>(sent.rows, sent.delta);
        let a: Vec<N> = zip_exact(m_1.iter(), &m_0).map(|(m_1, m_0)| m_1.minus(*m_0)).collect();
        let u: Vec<N> = m_0.iter().map(|m_0| m_0.negated()).collect();
        ([words_of(a), words_of(u)], Vec::new())
    }

    fn received(&self, _: usize, taken: ReceiverBatch, _: &[u64]) -> Part {
        let Received { choices, rows } = taken.received;
        let pads = Pads { hash: &taken.hash, width: 1 };
        let bits: Vec<N> = (0..rows.len()).map(|row| bit(&choices, row)).collect();
        [words_of(bits), words_of(pads.of::<N>(rows))]
    }

    fn absorb_sent(&mut self, _: usize, part: Part) {
        self.outputs.sent(part);
    }

    fn absorb_received(&mut self, _: usize, part: Part) {
        self.outputs.received(part);
    }
}

/// Products of numbers with rows of numbers. The receiver's number n is multiplied with the
/// sender's row n modulo the number of rows.
pub(crate) struct Products<N> {
    /// The numbers of the receiver in a chunk.
    in_chunk: usize,
    /// The sender's rows, one after the other.
    factors: Vec<N>,
    width: usize,
    /// The number of neighbouring products that are added up.
    terms: usize,
    /// The numbers that the receiver wants, as words.
    wanted: Option<Vec<u64>>,
    /// The receiver's numbers, as words.
    pub(crate) chosen: Vec<u64>,
    /// This party's shares: of the products in which it is the sender, and of those in which it
    /// receives.
    pub(crate) shares: [Vec<N>; 2],
}

impl<N: Number> Products<N> {
    /// Creates products of single numbers, each with one of `factors`; `rows` transfers are in a
    /// chunk.
    pub(crate) fn single(rows: usize, factors: Vec<N>) -> Self {
        Self::new(rows, factors, 1, 1)
    }

    /// Creates products of numbers with rows of `width` of `factors`. As many neighbouring products
    /// are added up as there are rows.
    pub(crate) fn of_rows(rows: usize, factors: Vec<N>, width: usize) -> Self {
        let terms = factors.len().checked_div(width).unwrap_or(0).max(1);
        Self::new(rows, factors, width, terms)
    }

    fn new(rows: usize, factors: Vec<N>, width: usize, terms: usize) -> Self {
        let (chosen, shares) = Default::default();
        let (in_chunk, wanted) = (rows / N::BITS, None);
        Self { in_chunk, factors, width, terms, wanted, chosen, shares }
    }

    /// Sets the numbers that the receiver wants, if any, as words.
    pub(crate) fn wanting(self, wanted: Option<Vec<u64>>) -> Self {
        Self { wanted, ..self }
    }

    /// Returns the receiver's numbers, and this party's shares of all products.
    pub(crate) fn finish(self) -> (Vec<N>, Vec<N>) {
        let [sent, received] = self.shares;
        let sums = zip_exact(sent.iter(), &received).map(|(u, v)| u.plus(*v)).collect();
        (numbers(&self.chosen), sums)
    }

    fn factor(&self, number: usize) -> &[N] {
        let rows = self.factors.len().checked_div(self.width).unwrap_or(0).max(1);
        let row = number % rows;
        slice(&self.factors, row, self.width)
    }

    /// Returns the first sum that a chunk adds to, and the number of sums that it adds to.
    fn sums(&self, index: usize) -> (usize, usize) {
        let first = index * self.in_chunk;
        let last = first + self.in_chunk - 1;
        (first / self.terms, last / self.terms - first / self.terms + 1)
    }

    /// Returns this party's shares of the sums of a chunk: each number, by its place among all,
    /// adds to its own.
    fn add_up(&self, index: usize, mut add: impl FnMut(usize, usize, &mut [N])) -> Vec<u64> {
        let (first, count) = self.sums(index);
        let mut shares = vec![N::ZERO; count * self.width];
        for in_chunk in 0..self.in_chunk {
            let number = index * self.in_chunk + in_chunk;
            let place = (number / self.terms - first) * self.width;
            let share = shares.get_mut(place..place + self.width);
            let share = share.expect("a chunk has a place for each of its sums");
            add(number, in_chunk, share);
        }
        words_of(shares)
    }

    fn absorb(&mut self, index: usize, side: usize, part: &[u64]) {
        let (first, count) = self.sums(index);
        let Some(all) = self.shares.get_mut(side) else { return };
        all.resize(((first + count) * self.width).max(all.len()), N::ZERO);
        let places = all.iter_mut().skip(first * self.width);
        places.zip(numbers::<N>(part)).for_each(|(sum, term)| *sum = sum.plus(term));
    }
}

impl<N: Number> OtCorrelation for Products<N> {
    fn correction(&self) -> usize {
        self.in_chunk * words(N::BITS, self.width) * N::BYTES / 8
    }

    fn wanted(&self, index: usize) -> Option<Vec<u64>> {
        let words = self.in_chunk * N::BYTES / 8;
        self.wanted.as_ref().map(|wanted| piece(wanted, index, words))
    }

    fn sent(&self, index: usize, sent: SenderBatch<'_>) -> (Part, Vec<u64>) {
        let pads = Pads { hash: &sent.hash, width: self.width };
        let [m_0, m_1] = pads.both::<N>(sent.rows, sent.delta);
        let mut message = Vec::with_capacity(self.in_chunk * words(N::BITS, self.width));
        let pads = N::BITS * self.width;
        let share = self.add_up(index, |number, in_chunk, share| {
            let pads = [slice(&m_0, in_chunk, pads), slice(&m_1, in_chunk, pads)];
            send(pads, self.factor(number), share, &mut message);
        });
        ([Vec::new(), share], words_of(message))
    }

    fn received(&self, index: usize, taken: ReceiverBatch, correction: &[u64]) -> Part {
        let Received { choices, rows } = taken.received;
        let pads = Pads { hash: &taken.hash, width: self.width };
        let m_c: Vec<N> = pads.of(rows);
        let chosen: Vec<N> = numbers(&choices);
        let (pads, words) = (N::BITS * self.width, words(N::BITS, self.width));
        let corrections: Vec<N> = numbers(correction);
        let share = self.add_up(index, |_, in_chunk, share| {
            let chosen = chosen.get(in_chunk).expect("a chunk has a choice for each number");
            receive(
                *chosen,
                slice(&m_c, in_chunk, pads),
                slice(&corrections, in_chunk, words),
                share,
            );
        });
        [choices, share]
    }

    fn absorb_sent(&mut self, index: usize, [_, share]: Part) {
        self.absorb(index, 0, &share);
    }

    fn absorb_received(&mut self, index: usize, [choices, share]: Part) {
        self.chosen.extend(choices);
        self.absorb(index, 1, &share);
    }
}

/// Messages of `width` words for choices that the receiver wants.
pub(crate) struct ChosenOt {
    width: usize,
    rows: usize,
    wanted: Vec<u64>,
    pub(crate) outputs: OtOutputs,
}

impl ChosenOt {
    /// Creates transfers for these choices, 64 in a word.
    pub(crate) fn new(rows: usize, width: usize, wanted: Vec<u64>) -> Self {
        Self { width, rows, wanted, outputs: OtOutputs::default() }
    }
}

impl OtCorrelation for ChosenOt {
    fn correction(&self) -> usize {
        0
    }

    fn wanted(&self, index: usize) -> Option<Vec<u64>> {
        Some(piece(&self.wanted, index, self.rows / 64))
    }

    fn sent(&self, _: usize, sent: SenderBatch<'_>) -> (Part, Vec<u64>) {
        let pads = Pads { hash: &sent.hash, width: self.width };
        (pads.both::<u64>(sent.rows, sent.delta), Vec::new())
    }

    fn received(&self, _: usize, taken: ReceiverBatch, _: &[u64]) -> Part {
        let pads = Pads { hash: &taken.hash, width: self.width };
        [Vec::new(), pads.of::<u64>(taken.received.rows)]
    }

    fn absorb_sent(&mut self, _: usize, part: Part) {
        self.outputs.sent(part);
    }

    fn absorb_received(&mut self, _: usize, part: Part) {
        self.outputs.received(part);
    }
}

fn bit<N: Number>(words: &[u64], place: usize) -> N {
    let word = words.get(place / 64).expect("a chunk has a choice for each row");
    N::from_word((word >> (place % 64)) & 1)
}

/// Returns the piece of this number, of pieces of `len` elements.
fn slice<N>(of: &[N], index: usize, len: usize) -> &[N] {
    of.get(index * len..(index + 1) * len).expect("a chunk has the pieces that it was made with")
}

/// Returns the piece of this number, of pieces of `len` words, with zeros behind the last.
fn piece(words: &[u64], index: usize, len: usize) -> Vec<u64> {
    words.iter().skip(index * len).chain(std::iter::repeat(&0)).take(len).copied().collect()
}
