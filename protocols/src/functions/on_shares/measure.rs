//! `Measure`: one operation of the suite on shares of random numbers that nobody knows, for
//! measuring what it costs. Uses no data and opens nothing.

use std::collections::BTreeMap;

use super::Desk;
use crate::algebra::packed_bits::{Lanes, plane_words};
use crate::circuits::comparison::negative;
use crate::circuits::sorting::sort;
use crate::engine::tables::{Shape, Table};
use crate::engine::{Columns, Dimensions, Engine};
use crate::functions::answer::Answer;
use crate::functions::parameters::{Operation, Parameters, refuse};
use crate::kernel::fault::{Fault, InputError};

/// The most numbers that one operation takes.
const MOST: usize = 4_000_000;

pub(crate) struct Prepared {
    operation: Operation,
    size: usize,
    times: u32,
}

impl Prepared {
    pub(super) fn new(parameters: &Parameters) -> Result<Self, InputError> {
        let missing = || refuse("operation", "say which is to be measured".into());
        let operation = parameters.operation.ok_or_else(missing)?;
        let (size, times) = (parameters.size.unwrap_or(1), parameters.times.unwrap_or(1));
        Self { operation, size, times }.checked()
    }

    fn checked(self) -> Result<Self, InputError> {
        let (limit, most_times) = match self.operation {
            Operation::MatrixProduct => (2_000, 1_000),
            Operation::Sort | Operation::Join => (1 << 18, 100),
            Operation::Compare => (MOST / 4, 10_000),
            Operation::Multiply | Operation::InnerProduct | Operation::Inject => (MOST, 100_000),
            Operation::Conjunction => (64 * MOST, 100_000),
        };
        if self.size == 0 || self.size > limit {
            return Err(refuse("size", format!("from 1 to {limit} for this operation")));
        }
        if self.times == 0 || self.times > most_times {
            return Err(refuse("times", format!("from 1 to {most_times} for this operation")));
        }
        Ok(self)
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        [
            ("operation".to_owned(), self.operation.to_string()),
            ("size".to_owned(), self.size.to_string()),
            ("times".to_owned(), self.times.to_string()),
        ]
        .into()
    }

    pub(super) fn words(&self) -> usize {
        match self.operation {
            Operation::MatrixProduct => self.size * self.size,
            Operation::Conjunction => plane_words(self.size),
            _ => self.size,
        }
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
    ) -> Result<Option<Answer>, Fault> {
        let (engine, size) = (&mut desk.engine, self.size);
        engine.prepare(8 * self.words()).await?;
        match self.operation {
            Operation::Multiply => {
                let (x, y) = (engine.random::<u64>(size), engine.random(size));
                for _ in 0..self.times {
                    engine.multiply(&x, &y).await?;
                }
            }
            Operation::Conjunction => {
                let words = plane_words(size);
                let (x, y) = (engine.random::<Lanes>(words), engine.random(words));
                for _ in 0..self.times {
                    engine.multiply(&x, &y).await?;
                }
            }
            Operation::Inject => {
                let x = engine.random::<Lanes>(plane_words(size));
                for _ in 0..self.times {
                    engine.inject::<u64>(&[&x], size).await?;
                }
            }
            Operation::InnerProduct => {
                let (x, y) = (engine.random::<u64>(size), engine.random(size));
                for _ in 0..self.times {
                    engine.dot(&x, &y, size).await?;
                }
            }
            Operation::MatrixProduct => {
                let (x, y) = (engine.random::<u64>(size * size), engine.random(size * size));
                let dimensions = Dimensions { rows: size, inner: size, columns: size };
                for _ in 0..self.times {
                    engine.matrix_product(&x, &y, dimensions).await?;
                }
            }
            Operation::Compare => {
                let x = engine.random::<u128>(size);
                for _ in 0..self.times {
                    negative(engine, &x, 65).await?;
                }
            }
            Operation::Sort => {
                let words = engine.random::<Lanes>(size);
                for _ in 0..self.times {
                    let table = Columns { numbers: Vec::new(), words: vec![words.clone()] };
                    sort(engine, table, 64).await?;
                }
            }
            Operation::Join => {
                let me = desk.channel.parties().me().index();
                let shapes: Vec<Shape> = (0..desk.inputs)
                    .map(|party| Shape { rows: size, columns: columns_of(party, desk.inputs) })
                    .collect();
                let columns = shapes.get(me).map_or(0, |shape| shape.columns);
                let tags = (0..size).map(|row| public_tag(row, (row % 2 == 1).then_some(me)));
                let words = vec![vec![Lanes(7); size]; columns];
                let table = Table { tags: tags.collect(), words };
                for _ in 0..self.times {
                    engine.join(&table, &shapes).await?;
                }
            }
        }
        Ok(Some(Answer::Empty {}))
    }
}

/// Of five columns, those of this party.
fn columns_of(party: usize, parties: usize) -> usize {
    const ALL: usize = 5;
    ALL / parties + usize::from(party < ALL % parties)
}

/// What stands for a row that all have, or this party alone.
fn public_tag(row: usize, of: Option<usize>) -> u128 {
    let text = format!("{row} of {of:?}");
    let hash = blake3::hash(text.as_bytes());
    let (halves, _) = hash.as_bytes().as_chunks::<16>();
    halves.first().map_or(0, |half| u128::from_le_bytes(*half))
}
