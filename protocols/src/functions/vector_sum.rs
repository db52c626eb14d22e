//! `SecureVectorSum`: the sum of all parties' vectors, element by element.
//!
//! All vectors have the same length, which is part of the agreement. By default every element is
//! exact: whatever doubles come, no bit is lost. It takes 34 words an element, or as many as the
//! declared digits need. `integer` and `fixed` take one word. `fixed` is the one encoding here that
//! rounds inputs, each once, to the nearest multiple of 2^-`fraction_bits` (ties to even). The
//! range of both is |m| ≤ (2^63 − 1)/n for the encoded integer m and n parties, so that no sum can wrap.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::exact::Grid;
use crate::algebra::layout::{Layout, MAX_WORDS, PARALLEL_WORDS};
use crate::algebra::rounding::nearest_double;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::{EXACT_SUMS, WHOLE_SUMS};
use crate::functions::answer::Answer;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, grid_text, refuse};
use crate::functions::{Function, OnSums, SumsContext};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

const DEFAULT_FRACTION_BITS: u32 = 32;
const MAX_FRACTION_BITS: u32 = 62;

/// 2^63, the first double that no i64 reaches.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

const UNCOUNTED: &str = "how few people the vectors stand for, and how much of a sum is one party's, is \
     not checked: the rule on rows does not apply to vectors, nor do the dominance rule and the one on small cells";

pub(crate) struct VectorSum {
    encoding: ElementEncoding,
    length: usize,
    layout: Layout,
    words: Zeroizing<Vec<u64>>,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    digits: Digits,
    #[serde(default)]
    encoding: Encoding,
    fraction_bits: Option<u32>,
}

/// The encoding of a vector's elements as integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// Any double, exactly, in as many 64-bit words as the declared digits take: 34 without any.
    #[default]
    Exact,
    /// Whole numbers below 2^63 / n in magnitude, exactly, 8 bytes an element.
    Integer,
    /// Each element rounded to the nearest multiple of 2^-`fraction_bits`, 8 bytes an element: the
    /// one encoding that is not exact.
    Fixed,
}

/// The encoding of an element as an integer, with its parameters.
#[derive(Clone, Copy)]
enum ElementEncoding {
    Exact(Grid),
    Integer,
    Fixed { fraction_bits: u32 },
}

impl Function for VectorSum {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SecureVectorSum",
        summary: "the sum of all parties' vectors, element by element",
        asked_by: None,
        input: InputKind::Vector,
        parameters: &[
            ParameterEntry::text(
                "encoding",
                "how elements become integers: `exact` (any double, the usual one), `integer` (whole \
                 numbers, 8 bytes an element), or `fixed` (rounded to `fraction_bits`, 8 bytes an \
                 element)",
            ),
            ParameterEntry::number(
                "fraction_bits",
                "bits after the point, from 0 to 62, with the encoding `fixed`; 32 where it \
                 is left out",
            ),
            Digits::BEFORE,
            Digits::AFTER,
        ],
        kind: Kind::Elements,
        needs: Needs::LinearSums,
        pushdown: None,
        reveals: &[EXACT_SUMS, WHOLE_SUMS],
        result_keys: &["sum"],
    };

    type Parameters = Parameters;

    fn opens(_: &Parameters, _: Scope) -> Equations {
        Equations::NONE
    }

    fn new(
        parameters: Parameters,
        input: Option<&Input>,
        parties: usize,
    ) -> Result<Self, InputError> {
        let encoding = ElementEncoding::new(&parameters)?;
        let length = input.map_or(0, Input::len);
        let words = encoding.limbs();
        let limit = MAX_WORDS / words.max(1);
        if words > 1 && length > limit {
            return Err(InputError::TooWideForSoMany { actual: length, limit, words });
        }
        let layout = Layout::uniform(words, length)?;
        let words = match (encoding, input) {
            (_, None) => Zeroizing::default(),
            (ElementEncoding::Exact(grid), Some(input)) => exact_words(&grid, &layout, input)?,
            (ElementEncoding::Integer | ElementEncoding::Fixed { .. }, Some(input)) => {
                short_words(encoding, input, parties)?
            }
        };
        Ok(Self { encoding, length, layout, words })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed = AgreedParameters::new();
        let name = match self.encoding {
            ElementEncoding::Exact(grid) => {
                agreed.extend(grid_text(&grid));
                "exact"
            }
            ElementEncoding::Integer => "integer",
            ElementEncoding::Fixed { fraction_bits } => {
                agreed.insert("fraction_bits".to_owned(), fraction_bits.to_string());
                "fixed"
            }
        };
        agreed.insert("encoding".to_owned(), name.to_owned());
        agreed
    }

    fn length(&self) -> Option<u64> {
        Some(self.length as u64)
    }

    fn words(&self) -> usize {
        self.layout.words()
    }

    fn caveats(&self, rules: &Rules) -> Vec<String> {
        let asks = rules.ask_for_rows() || rules.ask_for_dominance() || rules.ask_for_cells();
        asks.then(|| UNCOUNTED.to_owned()).into_iter().collect()
    }
}

impl OnSums for VectorSum {
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault> {
        let shows = match self.encoding {
            ElementEncoding::Exact(_) => EXACT_SUMS,
            ElementEncoding::Fixed { .. } => WHOLE_SUMS,
            ElementEncoding::Integer => Reveal::ANSWER,
        };
        let rounds = Rounds::showing(shows);
        let words = cx.sums.sum(rounds, &self.layout, self.words, &mut cx.rng).await?;
        match self.encoding {
            ElementEncoding::Exact(grid) => decode_exact(&grid, words),
            ElementEncoding::Integer => Ok(Answer::IntegerVectorSum {
                sum: words.into_iter().map(u64::cast_signed).collect(),
            }),
            ElementEncoding::Fixed { fraction_bits } => decode_fixed(fraction_bits, &words),
        }
    }
}

impl ElementEncoding {
    fn new(parameters: &Parameters) -> Result<Self, InputError> {
        match parameters.encoding {
            Encoding::Fixed => Self::fixed(parameters),
            _ if parameters.fraction_bits.is_some() => {
                Err(refuse("fraction_bits", "only the encoding `fixed` has them".into()))
            }
            Encoding::Exact => Ok(Self::Exact(parameters.digits.grid()?)),
            Encoding::Integer => Ok(Self::Integer),
        }
    }

    fn fixed(parameters: &Parameters) -> Result<Self, InputError> {
        let fraction_bits = parameters.fraction_bits.unwrap_or(DEFAULT_FRACTION_BITS);
        if fraction_bits > MAX_FRACTION_BITS {
            let reason = format!("{fraction_bits} is more than {MAX_FRACTION_BITS}");
            return Err(refuse("fraction_bits", reason));
        }
        Ok(Self::Fixed { fraction_bits })
    }

    fn limbs(self) -> usize {
        match self {
            Self::Exact(grid) => grid.limbs(1),
            Self::Integer | Self::Fixed { .. } => 1,
        }
    }

    /// Encodes a double as an integer in one word.
    fn encode(self, index: usize, x: f64, limit: i64) -> Result<i64, InputError> {
        if !x.is_finite() {
            return Err(InputError::NotFinite { index });
        }
        let scaled = match self {
            Self::Fixed { fraction_bits } => (x * scale(fraction_bits)).round_ties_even(),
            _ if x.fract() != 0.0 => return Err(InputError::NotWhole { index }),
            _ => x,
        };
        to_whole(scaled)
            .filter(|value| is_within(*value, limit))
            .ok_or_else(|| self.refusal(index, limit))
    }

    /// Encodes a whole number as an integer in one word.
    fn encode_whole(self, index: usize, value: i64, limit: i64) -> Result<i64, InputError> {
        let shifted = match self {
            Self::Fixed { fraction_bits } => value.checked_mul(1 << fraction_bits),
            _ => Some(value),
        };
        shifted.filter(|value| is_within(*value, limit)).ok_or_else(|| self.refusal(index, limit))
    }

    fn refusal(self, index: usize, limit: i64) -> InputError {
        let range = match self {
            Self::Fixed { fraction_bits } => format!("up to {limit}/2^{fraction_bits}"),
            _ => format!("up to {limit}"),
        };
        InputError::OutOfRange { index, range }
    }
}

fn exact_words(
    grid: &Grid,
    layout: &Layout,
    input: &Input,
) -> Result<Zeroizing<Vec<u64>>, InputError> {
    let mut words = Zeroizing::new(vec![0; layout.words()]);
    let cells = words.chunks_exact_mut(grid.limbs(1));
    match input {
        Input::Numbers(items) => {
            for (index, (cell, x)) in zip_exact(cells, items).enumerate() {
                grid.encode(grid.admit(index, *x)?, cell);
            }
        }
        Input::Integers(items) => {
            for (index, (cell, x)) in zip_exact(cells, items).enumerate() {
                grid.encode(grid.admit_whole(index, *x)?, cell);
            }
        }
        other if other.is_empty() => {}
        _ => {
            return Err(InputError::Shape { expected: "numbers" });
        }
    }
    Ok(words)
}

fn short_words(
    encoding: ElementEncoding,
    input: &Input,
    parties: usize,
) -> Result<Zeroizing<Vec<u64>>, InputError> {
    let limit = i64::MAX / i64::try_from(parties.max(1)).unwrap_or(i64::MAX);
    let mut words = Zeroizing::new(Vec::with_capacity(input.len()));
    match input {
        Input::Numbers(items) => {
            for (index, x) in items.iter().enumerate() {
                words.push(encoding.encode(index, *x, limit)?.cast_unsigned());
            }
        }
        Input::Integers(items) => {
            for (index, x) in items.iter().enumerate() {
                words.push(encoding.encode_whole(index, *x, limit)?.cast_unsigned());
            }
        }
        other if other.is_empty() => {}
        _ => {
            return Err(InputError::Shape { expected: "numbers" });
        }
    }
    Ok(words)
}

fn decode_exact(grid: &Grid, mut words: Vec<u64>) -> Result<Answer, Fault> {
    let limbs = grid.limbs(1);
    let decode = |cell: &mut [u64]| grid.decode(1, cell).ok_or(Fault::ResultOutOfRange);
    let sum = if words.len() < PARALLEL_WORDS {
        words.chunks_exact_mut(limbs).map(decode).collect::<Result<_, _>>()
    } else {
        words.par_chunks_exact_mut(limbs).map(decode).collect()
    };
    Ok(Answer::VectorSum { sum: sum? })
}

fn decode_fixed(fraction_bits: u32, words: &[u64]) -> Result<Answer, Fault> {
    let sum: Option<Vec<f64>> = words
        .iter()
        .map(|word| {
            let value = word.cast_signed();
            nearest_double(value < 0, &[value.unsigned_abs()], false, -i64::from(fraction_bits))
        })
        .collect();
    Ok(Answer::VectorSum { sum: sum.ok_or(Fault::ResultOutOfRange)? })
}

fn scale(fraction_bits: u32) -> f64 {
    2_f64.powi(fraction_bits.cast_signed())
}

fn is_within(value: i64, limit: i64) -> bool {
    value.unsigned_abs() <= limit.unsigned_abs()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "exact for whole numbers in the range of i64, and unused for others"
)]
fn to_whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && (-BEYOND_I64..BEYOND_I64).contains(&x)).then_some(x as i64)
}
