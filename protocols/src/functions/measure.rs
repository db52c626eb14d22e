//! `Measure`: one operation of the suite on shares of random numbers that no party knows, for
//! measuring its cost. Uses no data and opens nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::algebra::digest::first_block;
use crate::algebra::packed_bits::{PackedBits, bit_slice_words};
use crate::circuits::comparison::less_than_zero;
use crate::circuits::sorting::sort;
use crate::engine::matching::Matching;
use crate::engine::reveals::{ASCENDING, JOINED, SAME_ORDER};
use crate::engine::tables::{Shape, Table};
use crate::engine::{Columns, Dimensions};
use crate::functions::answer::Answer;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, refuse};
use crate::functions::{Computed, Function, FunctionContext, OnShares, Rounds, of_counts};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::InputError;

/// The most numbers that one operation takes.
const MOST: usize = 4_000_000;

pub(crate) struct Measure {
    operation: Operation,
    size: usize,
    times: u32,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    operation: Option<Operation>,
    size: Option<usize>,
    times: Option<u32>,
}

/// An operation of a suite on shares, to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Products of 64-bit numbers, all at once.
    Multiply,
    /// Conjunctions of bits, all at once.
    Conjunction,
    /// Bits as 64-bit numbers, all at once.
    Inject,
    /// One inner product.
    InnerProduct,
    /// One product of square matrices of so many rows.
    MatrixProduct,
    /// Comparisons of 64-bit numbers, all at once.
    Compare,
    /// One sort of 64-bit numbers.
    Sort,
    /// One join of tables of so many rows of each party. Half of the rows are in the join, and
    /// there are five columns in all.
    Join,
}

impl Function for Measure {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Measure",
        summary: "nothing: one operation on shares of random numbers, for measuring what it costs",
        asked_by: None,
        input: InputKind::Other,
        parameters: &[
            ParameterEntry::text(
                "operation",
                "what is measured: `multiply`, `conjunction`, `inject`, `inner_product`, \
                 `matrix_product`, `compare`, `sort` or `join`",
            )
            .required("\"multiply\""),
            ParameterEntry::number(
                "size",
                "on how many numbers, or rows and columns of a square matrix; 1 where it is left out",
            ),
            ParameterEntry::number(
                "times",
                "how many times one after the other; once where it is left out",
            ),
        ],
        kind: Kind::Elements,
        needs: Needs::Shares,
        pushdown: None,
        reveals: &[ASCENDING, SAME_ORDER, JOINED],
        result_keys: &[],
    };

    type Parameters = Parameters;

    fn opens(_: &Parameters, _: Scope) -> Equations {
        Equations::NONE
    }

    fn new(
        Parameters { operation, size, times }: Parameters,
        _: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        let missing = || refuse("operation", "say which is to be measured".into());
        let operation = operation.ok_or_else(missing)?;
        Self { operation, size: size.unwrap_or(1), times: times.unwrap_or(1) }.checked()
    }

    fn agreed(&self) -> AgreedParameters {
        [
            ("operation".to_owned(), self.operation.to_string()),
            ("size".to_owned(), self.size.to_string()),
            ("times".to_owned(), self.times.to_string()),
        ]
        .into()
    }

    fn words(&self) -> usize {
        match self.operation {
            Operation::MatrixProduct => self.size * self.size,
            Operation::Conjunction => bit_slice_words(self.size),
            _ => self.size,
        }
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}

impl OnShares for Measure {
    async fn run<E: Matching>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let (engine, size) = (&mut cx.engine, self.size);
        match self.operation {
            Operation::Multiply => {
                let (x, y) = (engine.random::<u64>(size), engine.random(size));
                for _ in 0..self.times {
                    engine.multiply(&x, &y).await?;
                }
            }
            Operation::Conjunction => {
                let words = bit_slice_words(size);
                let (x, y) = (engine.random::<PackedBits>(words), engine.random(words));
                for _ in 0..self.times {
                    engine.multiply(&x, &y).await?;
                }
            }
            Operation::Inject => {
                let x = engine.random::<PackedBits>(bit_slice_words(size));
                for _ in 0..self.times {
                    engine.bit_to_arithmetic::<u64>(&[&x], size).await?;
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
                    less_than_zero(engine, &x, 65).await?;
                }
            }
            Operation::Sort => {
                let words = engine.random::<PackedBits>(size);
                for _ in 0..self.times {
                    let table = Columns { numbers: Vec::new(), words: vec![words.clone()] };
                    sort(engine, table, 64).await?;
                }
            }
            Operation::Join => {
                let me = cx.channel.parties().me().index();
                let shapes: Vec<Shape> = (0..cx.inputs)
                    .map(|party| Shape { rows: size, columns: columns_of(party, cx.inputs) })
                    .collect();
                let columns = shapes.get(me).map_or(0, |shape| shape.columns);
                let item_hashes =
                    (0..size).map(|row| public_item_hash(row, (row % 2 == 1).then_some(me)));
                let words = vec![vec![PackedBits(7); size]; columns];
                let table = Table { item_hashes: item_hashes.collect(), words };
                for _ in 0..self.times {
                    engine.join(&table, &shapes, 1).await?;
                }
            }
        }
        Ok(Some(Answer::Empty {}))
    }
}

impl Measure {
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
}

impl Operation {
    const NAMES: [(&'static str, Self); 8] = [
        ("multiply", Self::Multiply),
        ("conjunction", Self::Conjunction),
        ("inject", Self::Inject),
        ("inner_product", Self::InnerProduct),
        ("matrix_product", Self::MatrixProduct),
        ("compare", Self::Compare),
        ("sort", Self::Sort),
        ("join", Self::Join),
    ];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter();
        let name = names.find_map(|(name, operation)| (operation == self).then_some(*name));
        f.write_str(name.unwrap_or_default())
    }
}

/// Returns the number of this party's columns, of five in all.
fn columns_of(party: usize, parties: usize) -> usize {
    const ALL: usize = 5;
    ALL / parties + usize::from(party < ALL % parties)
}

/// Returns a public item hash for a row that all parties have, or one party alone.
fn public_item_hash(row: usize, of: Option<usize>) -> u128 {
    let text = format!("{row} of {of:?}");
    let hash = blake3::hash(text.as_bytes());
    first_block(hash.as_bytes())
}
