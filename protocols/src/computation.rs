//! From a client's request to an answer that may leave the node.
//!
//! A [`Request`] is made from parameters and data: parsed, range-checked and added up locally, so
//! that nothing which can be known to be wrong costs the other parties a message. [`compute`] then
//! agrees with them on what is computed, asks the disclosure rules, runs the function and marks its
//! answer as opened.
//!
//! Where the rules ask for a minimum of rows, the number of rows over all parties is summed and
//! opened first, alone; if it is too small nothing else is masked or opened. Each party counts its
//! own rows. That it counts others than it has is not detected; that it counts others than it uses
//! is, where the function's sums tell their number (tables and bivariate statistics).
//!
//! Nothing here waits for time to pass: the agreed deadline is for whoever drives the machine.

use std::collections::BTreeMap;
use std::fmt;

use rand_core::CryptoRng;
use serde::Serialize;
use zeroize::{Zeroize, Zeroizing};

use crate::algebra::layout::Layout;
use crate::catalogue::{EMPTY, Entry, Status, VECTOR_SUM};
use crate::channel::Channel;
use crate::disclosure::{Opened, Permit, Rules};
use crate::fault::{Fault, InputError};
use crate::masked::{MaskedSums, Rounds, SUITE};
use crate::parameters::{Parameters, refuse};
use crate::session::{Offer, SessionHash, Spec, agree};
use crate::statistics::{Prepared, bivariate::Bivariate, tables::Histogram, tables::Table};
use crate::wire;

/// One party's data, as it came from its client or its datasets.
#[derive(Clone, PartialEq)]
pub enum Input {
    /// Numbers, not all whole.
    Numbers(Vec<f64>),
    /// Numbers that were all written as whole ones.
    Integers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// Pairs of texts.
    TextPairs(Vec<(String, String)>),
    /// Pairs of numbers.
    Points(Vec<(f64, f64)>),
    /// Numbers, and the rank of the one that is asked for.
    Ranked {
        /// The numbers.
        array: Vec<f64>,
        /// From 1, the smallest, to the number of all parties' numbers.
        rank: u64,
        /// The least and the largest number that `array` may have, if that was said.
        bounds: Option<(f64, f64)>,
    },
    /// A matrix.
    Matrix {
        /// The number of its rows.
        rows: usize,
        /// The number of its columns.
        columns: usize,
        /// Its elements, row by row.
        elements: Vec<f64>,
    },
}

/// One party's part in a computation, ready to run: parameters understood, data checked and added
/// up. Its data are private: it cannot be copied, sent or shown.
pub struct Request {
    function: &'static Entry,
    parties: usize,
    rows: Option<u64>,
    prepared: Prepared,
}

/// What a computation ends with.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer, which may leave the node.
    pub answer: Opened<Answer>,
    /// What its protection assumes.
    pub security: Security,
    /// The rules that held: the strictest of all parties'.
    pub rules: Rules,
    /// The number of parties.
    pub parties: usize,
    /// The hash of everything that was agreed.
    pub session: SessionHash,
}

/// What the protection of a computation assumes, and what it gives away beside the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Security {
    /// The family of protocols that ran.
    pub suite: &'static str,
    /// What corrupt parties may do without learning more.
    pub adversary: String,
    /// How many parties may be corrupt.
    pub corruptible: usize,
    /// What the parties' nodes, or more than they, get to know beside the answer.
    pub reveals: Vec<String>,
}

/// The answer of a function. Serializes to an object with the function's result keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A sum.
    Sum {
        /// The sum over all parties' numbers, rounded once.
        sum: f64,
    },
    /// A sum of vectors.
    VectorSum {
        /// The sum of each element over all parties, rounded once.
        sum: Vec<f64>,
    },
    /// A sum of vectors of whole numbers.
    IntegerVectorSum {
        /// The sum of each element over all parties.
        sum: Vec<i64>,
    },
    /// A frequency table.
    Frequency(Histogram),
    /// A contingency table.
    Contingency(Table),
    /// Statistics of two variables.
    Bivariate(Bivariate),
    /// The answer of the computation of nothing.
    Empty {},
}

/// What is revealed beside the answer where the rules ask for rows.
const ROWS: &str = "the number of rows of all parties together, to every party";

/// Runs one computation as one of its parties: agrees, asks the rules, computes, opens. The
/// function, its parameters, its shape and the suite in the offer's spec are taken from `request`,
/// so that what is agreed on is what runs.
///
/// # Errors
/// If the parties want different things, a peer breaks the protocol, the rules forbid the answer,
/// or no double can express it.
pub async fn compute(
    channel: Channel,
    mut offer: Offer,
    request: Request,
    mut rng: impl CryptoRng,
) -> Result<Outcome, Fault> {
    let parties = channel.parties().count();
    request.check_parties(parties)?;
    request.describe(&mut offer);
    let session = agree(&channel, offer, &mut rng).await?;
    let (rules, session_hash) = (*session.rules(), *session.hash());
    let mut sums = MaskedSums::new(&channel, session);

    let permit = permit(&rules, &request, &mut sums, &mut rng).await?;
    let mut reveals = Vec::new();
    if rules.ask_for_rows() && request.rows.is_some() {
        reveals.push(ROWS.to_owned());
    }
    reveals.extend(request.prepared.reveals(&rules));

    let answer = request.prepared.run(&channel, &mut sums, &permit, &mut rng).await?;
    Ok(Outcome {
        answer: Opened::by(&permit, answer),
        security: Security {
            suite: SUITE,
            adversary: adversary(parties),
            corruptible: parties - 1,
            reveals,
        },
        rules,
        parties,
        session: session_hash,
    })
}

impl Request {
    /// Checks parameters and data, and adds the data up; `parties` bring data.
    ///
    /// # Errors
    /// If the function is not available, or parameters or data do not fit it.
    pub fn new(
        function: &'static Entry,
        parameters: &Parameters,
        mut input: Input,
        parties: usize,
    ) -> Result<Self, InputError> {
        if let Status::Awaits { suite } = function.status {
            let reason = format!("{} needs `{suite}`, which this version has not", function.name);
            return Err(refuse("suite", reason));
        }
        parameters.check_suite()?;
        let rows = input.rows(function);
        let prepared = Prepared::new(function, parameters, &input, parties);
        input.zeroize();
        Ok(Self { function, parties, rows, prepared: prepared? })
    }

    /// The part of a node that helps: as the parties' proposals say, and without data.
    ///
    /// # Errors
    /// If the function has no use for helpers, or the proposal makes no sense.
    pub fn to_help(spec: &Spec) -> Result<Self, InputError> {
        let reason = format!("{} needs no nodes without data", spec.function);
        Err(refuse("committee", reason))
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Entry {
        self.function
    }

    /// Every parameter that changes the result, in canonical text, defaults filled in.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        self.prepared.parameters()
    }

    /// The public sizes that must be equal at all parties, by name.
    #[must_use]
    pub fn shape(&self) -> BTreeMap<String, u64> {
        self.prepared.shape()
    }

    /// The family of protocols that will run.
    #[must_use]
    pub fn suite(&self) -> &'static str {
        self.function.suite
    }

    /// The number of 64-bit words that will be masked and sent, as far as it is known beforehand.
    #[must_use]
    pub fn words(&self) -> usize {
        self.prepared.words()
    }

    /// Bytes that one honest peer may have on its way to us before we read any: the limit that a
    /// machine starts with for a computation of so many parties. A sum makes room for its openings
    /// itself, when it is known how long they are and before any can be on their way.
    #[must_use]
    pub fn inbox_bytes(&self, parties: usize) -> usize {
        // Proposal, list of categories, and per sum a commitment and an echo.
        let structured = 2 * wire::MAX_STRUCTURED;
        let echoes = 4 * (2 + parties) * 32;
        let parts = 12;
        structured + echoes + 64 * parts
    }

    /// The range of numbers that may be added depends on how many parties add theirs.
    fn check_parties(&self, actual: usize) -> Result<(), InputError> {
        let made_for = self.parties;
        if made_for != actual {
            return Err(InputError::OtherParties { made_for, actual });
        }
        Ok(())
    }

    pub(crate) fn describe(&self, offer: &mut Offer) {
        self.function.name.clone_into(&mut offer.spec.function);
        self.suite().clone_into(&mut offer.spec.suite);
        offer.spec.parameters = self.parameters();
        offer.spec.shape = self.shape();
    }
}

impl Input {
    /// How many there are of whatever it is.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(items) => items.len(),
            Self::Integers(items) => items.len(),
            Self::Texts(items) => items.len(),
            Self::TextPairs(items) => items.len(),
            Self::Points(items) => items.len(),
            Self::Ranked { array, .. } => array.len(),
            Self::Matrix { elements, .. } => elements.len(),
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows of data this is. None for vectors, which are tables or models that each stand
    /// for any number of people, and for nothing at all.
    fn rows(&self, function: &Entry) -> Option<u64> {
        match function.name {
            VECTOR_SUM | EMPTY => None,
            _ => Some(self.len() as u64),
        }
    }
}

/// Leave to open the answer; learns the number of rows first, if the rules ask for it.
async fn permit(
    rules: &Rules,
    request: &Request,
    sums: &mut MaskedSums<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Permit, Fault> {
    match request.rows {
        Some(rows) if rules.ask_for_rows() => {
            let rows = count_rows(rows, sums, rng).await?;
            Ok(rules.permit(request.parties, rows)?)
        }
        _ => Ok(rules.permit_whatever_the_rows(request.parties)?),
    }
}

async fn count_rows(
    rows: u64,
    sums: &mut MaskedSums<'_>,
    rng: &mut impl CryptoRng,
) -> Result<u64, Fault> {
    let rounds = Rounds { commit: "commit rows", open: "open rows" };
    let layout = Layout::uniform(1, 1)?;
    let sum = sums.sum(rounds, &layout, Zeroizing::new(vec![rows]), rng).await?;
    sum.first().copied().filter(|rows| *rows < 1 << 63).ok_or(Fault::Implausible)
}

fn adversary(parties: usize) -> String {
    format!(
        "any {} of the {parties} parties may collude and deviate: they learn nothing but the answer, \
         what is listed under reveals, and what follows from these and their own data; in each sum \
         all inputs are committed to before any is opened, but a number of rows is opened before, \
         lists of categories are not committed to, and who has seen a sum and breaks off can choose \
         anew if it is repeated; whoever leaves or cheats can keep others from the answer; nobody \
         proves that its data or its number of rows are true",
        parties - 1
    )
}

impl Zeroize for Input {
    fn zeroize(&mut self) {
        match self {
            Self::Numbers(items) => items.zeroize(),
            Self::Integers(items) => items.zeroize(),
            Self::Texts(items) => items.zeroize(),
            Self::TextPairs(items) => items.zeroize(),
            Self::Points(items) => items.zeroize(),
            Self::Ranked { array, .. } => array.zeroize(),
            Self::Matrix { elements, .. } => elements.zeroize(),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input(..)")
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, ..)", self.function.name)
    }
}
