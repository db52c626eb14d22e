//! Shuffling a table: every party puts the rows into an order that only it knows, one after the
//! other.
//!
//! After Mohassel and Sadeghian, *How to hide circuits in MPC: an efficient framework for private
//! function evaluation* (EUROCRYPT 2013), section 4: the order is set in a permutation network
//! ([`super::waksman`]) by oblivious transfers. Orders that both parties of a share chose, one
//! after the other, are as in Chase, Ghosh and Poburinnaya, *Secret-shared shuffle* (ASIACRYPT
//! 2020).
//!
//! A party takes its turn with each other party in pairs. The party of the turn, the chooser,
//! chooses the order. The other holds a share x. The other draws a mask for each row at the entry
//! of the network. There is a transfer for each switch, whose choice is the switch's setting. In it
//! the chooser gets the difference between the masks p, q at the switch's entry and r, s at its
//! exit: (r − p, s − q) if the switch is off, and (r − q, s − p) if it is on.
//!
//! The first message is the transfer's own, m_0, which makes r and s. The second is corrected by τ
//! = (r − q, s − p) − m_1. In the turn the other sends x plus the masks at the entry, and keeps the
//! negated masks at the exit. The chooser leads all through the network, and adds its own share in
//! the new order.
//!
//! All transfers of all turns are made before the first, and depend on no data. Each setting is
//! hidden in a choice of the transfers, each row in a mask.
//!
//! Rounds: n, one for each turn. A party that has not chosen an order knows nothing of the whole
//! one, so the order is uniform to any n − 1 parties.

use std::ops::Range;

use zeroize::Zeroizing;

use super::peer::{Directions, Size};
use super::waksman::{settings, switches};
use super::{AdditiveShare, Pairwise};
use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::PackedBits;
use crate::engine::Columns;
use crate::engine::shared::Shared;
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::wire;
use crate::ot::batches::{ChosenOt, OtOutputs};
use crate::ot::extension::BLOCK;

/// The invariant of a table.
const WHOLE: &str = "the columns of a table have one length";

/// The most transfers in a chunk.
const ROWS: usize = 1 << 12;

/// The width of rows: so many numbers, and so many words of bits behind them.
#[derive(Clone, Copy)]
struct Width {
    numbers: usize,
    words: usize,
}

/// Rows of words, all of one width: shares or masks, which wipe themselves.
#[derive(Clone)]
struct Rows {
    width: Width,
    words: Zeroizing<Vec<u64>>,
}

/// The masks that this party has made with one peer: for its own turn, and for the peer's.
struct Turns {
    /// The messages of each switch, as the chooser.
    chosen: Vec<u64>,
    /// The masks at the entry and at the exit, as the other.
    entry: Rows,
    exit: Rows,
}

impl Pairwise<'_> {
    /// Shuffles the rows: every party puts them into an order of its own, one after the other.
    pub(super) async fn shuffled(
        &mut self,
        columns: Columns<Self>,
    ) -> Result<Columns<Self>, Fault> {
        let (rows, count) = Rows::of(&columns);
        if count < 2 || rows.width.all() == 0 {
            return Ok(columns);
        }
        let origins = self.preprocessing.own_order(count);
        let choosers = self.order.clone();
        self.reordered((rows, count), &origins, &choosers).await
    }

    /// Puts the rows into the order of one of two parties: `origins` is that order at the chooser,
    /// and any order of as many rows at the other.
    pub(super) async fn reordered_by(
        &mut self,
        chooser: Party,
        columns: Columns<Self>,
        origins: &[usize],
    ) -> Result<Columns<Self>, Fault> {
        let (rows, count) = Rows::of(&columns);
        if count < 2 || rows.width.all() == 0 {
            return Ok(columns);
        }
        self.reordered((rows, count), origins, &[chooser]).await
    }

    async fn reordered(
        &mut self,
        (mut rows, count): (Rows, usize),
        origins: &[usize],
        choosers: &[Party],
    ) -> Result<Columns<Self>, Fault> {
        let width = rows.width;
        let switches = switches(count);
        let settings = settings(origins).expect("origins are a permutation");
        let turns = self.turns(&switches, &settings, width, count, choosers).await?;

        for chooser in choosers {
            self.channel.begin_round("shuffle");
            let own = self.preprocessing.peers.iter().position(|peer| peer.party == *chooser);
            match own.and_then(|index| turns.get(index)) {
                Some(Turns { entry, exit, .. }) => {
                    rows.add(entry);
                    self.channel.send(*chooser, wire::elements(std::mem::take(&mut *rows.words)));
                    rows = exit.negated();
                }
                None => {
                    let mut all = rows.in_order(origins);
                    for (index, turns) in turns.iter().enumerate() {
                        let peer = self.preprocessing.peers.get(index);
                        let peer = peer.expect("there are turns with each peer");
                        let len = count * width.all();
                        let words: Vec<u64> =
                            self.channel.receive_elements(peer.party, len).await?;
                        let mut theirs = Rows { width, words: words.into() };
                        theirs.pass(&switches, &settings, &turns.chosen);
                        all.add(&theirs);
                    }
                    rows = all;
                }
            }
        }
        Ok(rows.into_columns(count))
    }

    /// Makes the masks and messages of all turns with each peer.
    async fn turns(
        &mut self,
        switches: &[[usize; 2]],
        settings: &[bool],
        width: Width,
        count: usize,
        choosers: &[Party],
    ) -> Result<Vec<Turns>, Fault> {
        let wanted: Vec<u64> = settings.chunks(64).map(word).collect();
        let messages = 2 * width.all();
        let rows = (switches.len().div_ceil(BLOCK) * BLOCK).min(ROWS);
        let peers = self.preprocessing.peers.len();
        let chunks = vec![switches.len().div_ceil(rows); peers];
        let jobs = (0..peers).map(|_| ChosenOt::new(rows, messages, wanted.clone())).collect();
        let size = Size { rows, directions: Directions::Both };
        let made = self.preprocessing.run(self.channel, size, jobs, &chunks).await?;
        let made: Vec<_> = made.into_iter().map(|(peer, job)| (peer.party, job.outputs)).collect();

        self.channel.begin_preparation("switches");
        let corrections = 8 * switches.len() * messages;
        self.open_windows_of_turns(corrections, 8 * count * width.all(), choosers).await?;
        let mut turns = Vec::with_capacity(peers);
        for (party, OtOutputs { sent: [mut m_0, mut m_1], received: [_, mut m_c] }) in made {
            // Transfers come in whole chunks.
            let used = switches.len() * messages;
            for transfers in [&mut m_0, &mut m_1, &mut m_c] {
                assert!(transfers.len() >= used, "there is a transfer for each switch");
                transfers.truncate(used);
            }
            let words: Vec<u64> = self.preprocessing.own(count * width.all());
            let entry = Rows { width, words: words.into() };
            let mut exit = entry.clone();
            let corrections = exit.masks_behind(switches, &m_0, &m_1);
            self.channel.send(party, wire::elements(corrections));
            turns.push((party, Turns { chosen: m_c, entry, exit }));
        }
        for (party, turns) in &mut turns {
            let len = switches.len() * messages;
            let corrections = self.channel.receive_elements::<u64>(*party, len).await?;
            let pairs = zip_exact(turns.chosen.chunks_mut(messages), corrections.chunks(messages));
            for ((message, correction), on) in zip_exact(pairs, settings) {
                // Corrected whatever the setting, with zeros where it is off.
                let taken = 0_u64.wrapping_sub(u64::from(*on));
                for ((place, word), kind) in message.iter_mut().zip(correction).zip(width.kinds()) {
                    *place = kind.plus(*place, *word & taken);
                }
            }
        }
        Ok(turns.into_iter().map(|(_, turns)| turns).collect())
    }

    /// Opens the windows of all turns: corrections go to every peer, and the table to the choosers.
    async fn open_windows_of_turns(
        &self,
        corrections: usize,
        table: usize,
        choosers: &[Party],
    ) -> Result<(), Fault> {
        let longest = |chooser: Party| {
            if choosers.contains(&chooser) { corrections.max(table) } else { corrections }
        };
        let ours = longest(self.channel.parties().me());
        let others = || self.channel.parties().others();
        let incoming: Vec<_> = others().map(|party| (party, ours)).collect();
        let outgoing: Vec<_> = others().map(|party| (party, longest(party))).collect();
        self.channel.open_windows(&incoming, &outgoing).await
    }
}

/// The kind of a word, which decides how two are added.
#[derive(Clone, Copy)]
enum Word {
    Number,
    Bits,
}

impl Word {
    #[inline]
    fn plus(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Number => a.wrapping_add(b),
            Self::Bits => a ^ b,
        }
    }

    #[inline]
    fn minus(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Number => a.wrapping_sub(b),
            Self::Bits => a ^ b,
        }
    }
}

impl Width {
    fn all(self) -> usize {
        self.numbers + self.words
    }

    /// Returns the kinds of the words of a row, over and over.
    fn kinds(self) -> impl Iterator<Item = Word> + Clone {
        let numbers = std::iter::repeat_n(Word::Number, self.numbers);
        numbers.chain(std::iter::repeat_n(Word::Bits, self.words)).cycle()
    }
}

impl Rows {
    /// Returns this party's share of a table, row by row.
    fn of(columns: &Columns<Pairwise<'_>>) -> (Self, usize) {
        let Columns { numbers, words } = columns;
        let width = Width { numbers: numbers.len(), words: words.len() };
        let count = numbers.first().map(Shared::len).or(words.first().map(Shared::len));
        let numbers: Vec<&[u64]> = numbers.iter().map(|column| column.parts()[0]).collect();
        let words: Vec<&[PackedBits]> = words.iter().map(|column| column.parts()[0]).collect();
        let count = count.unwrap_or(0);
        let mut rows = Vec::with_capacity(count * width.all());
        for row in 0..count {
            rows.extend(numbers.iter().map(|column| column.get(row).expect(WHOLE)));
            rows.extend(words.iter().map(|column| column.get(row).expect(WHOLE).0));
        }
        (Self { width, words: rows.into() }, count)
    }

    fn into_columns<'a>(self, count: usize) -> Columns<Pairwise<'a>> {
        let Width { numbers, words } = self.width;
        let column = |column: usize| {
            self.words.iter().skip(column).step_by(self.width.all().max(1)).copied()
        };
        let all_numbers = AdditiveShare::new([(0..numbers).flat_map(column).collect()]);
        let all_words = (numbers..numbers + words).flat_map(column).map(PackedBits);
        let all_words = AdditiveShare::new([all_words.collect()]);
        let (numbers, words) = (all_numbers.split_into(numbers), all_words.split_into(words));
        assert!(numbers.iter().all(|column| column.len() == count), "a table keeps its rows");
        Columns { numbers, words }
    }

    fn add(&mut self, other: &Self) {
        let words = zip_exact(self.words.iter_mut(), other.words.iter()).zip(self.width.kinds());
        words.for_each(|((a, b), kind)| *a = kind.plus(*a, *b));
    }

    fn negated(&self) -> Self {
        let words = self.words.iter().zip(self.width.kinds());
        let words: Vec<u64> = words.map(|(word, kind)| kind.minus(0, *word)).collect();
        Self { width: self.width, words: words.into() }
    }

    fn in_order(&self, origins: &[usize]) -> Self {
        let row = |origin: &usize| {
            self.words.get(self.row(*origin)).expect("an origin is a row of the table")
        };
        let words: Vec<u64> = origins.iter().flat_map(row).copied().collect();
        Self { width: self.width, words: words.into() }
    }

    fn row(&self, row: usize) -> Range<usize> {
        row * self.width.all()..(row + 1) * self.width.all()
    }

    /// Returns the rows at two places, the first before the second.
    fn pair(&mut self, [a, b]: [usize; 2]) -> Option<(&mut [u64], &mut [u64])> {
        let width = self.width.all();
        let (before, from) = self.words.split_at_mut_checked(b * width)?;
        Some((before.get_mut(a * width..(a + 1) * width)?, from.get_mut(..width)?))
    }

    /// Turns the masks at the entry into those at the exit, as the other. Returns the corrections.
    fn masks_behind(&mut self, switches: &[[usize; 2]], m_0: &[u64], m_1: &[u64]) -> Vec<u64> {
        let (width, kinds) = (self.width.all(), self.width.kinds());
        let mut corrections = Vec::with_capacity(m_0.len());
        let messages = zip_exact(m_0.chunks(2 * width), m_1.chunks(2 * width));
        for (switch, (m_0, m_1)) in zip_exact(switches.iter(), messages) {
            let (p, q) = self.pair(*switch).expect("a switch is between two rows");
            let ((up_0, down_0), (up_1, down_1)) = (m_0.split_at(width), m_1.split_at(width));
            let both = zip_exact(p.iter_mut(), q.iter_mut());
            let straight = zip_exact(up_0, down_0);
            let crossed = zip_exact(up_1, down_1);
            let words = zip_exact(both, zip_exact(straight, crossed)).zip(kinds.clone());
            let mut down = Vec::with_capacity(width);
            for (((p, q), ((up_0, down_0), (up_1, down_1))), kind) in words {
                let (r, s) = (kind.plus(*p, *up_0), kind.plus(*q, *down_0));
                corrections.push(kind.minus(kind.minus(r, *q), *up_1));
                down.push(kind.minus(kind.minus(s, *p), *down_1));
                (*p, *q) = (r, s);
            }
            corrections.extend(down);
        }
        corrections
    }

    /// Leads masked rows through the network, as the chooser.
    fn pass(&mut self, switches: &[[usize; 2]], settings: &[bool], messages: &[u64]) {
        let (width, kinds) = (self.width.all(), self.width.kinds());
        let messages = messages.chunks(2 * width);
        for ((switch, on), message) in zip_exact(zip_exact(switches.iter(), settings), messages) {
            let (a, b) = self.pair(*switch).expect("a switch is between two rows");
            let mask = 0_u64.wrapping_sub(u64::from(*on));
            for (a, b) in zip_exact(a.iter_mut(), &mut *b) {
                let differing = (*a ^ *b) & mask;
                (*a, *b) = (*a ^ differing, *b ^ differing);
            }
            let (up, down) = message.split_at(width);
            for (row, message) in [(a, up), (b, down)] {
                let words = row.iter_mut().zip(message).zip(kinds.clone());
                words.for_each(|((word, message), kind)| *word = kind.plus(*word, *message));
            }
        }
    }
}

fn word(bits: &[bool]) -> u64 {
    bits.iter().rev().fold(0, |word, bit| (word << 1) | u64::from(*bit))
}
