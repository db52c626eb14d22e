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
pub use crate::answer::{Answer, Precision};
use crate::catalogue::{EMPTY, Entry, Status, VECTOR_SUM, find};
use crate::channel::Channel;
use crate::disclosure::{Opened, Permit, Rules};
use crate::fault::{Fault, InputError};
use crate::masked::{self, MaskedSums, Rounds};
use crate::parameters::{Parameters, refuse};
use crate::replicated::{self, Committee, MESSAGES_AHEAD, Replicated, SMALL_MESSAGE};
use crate::session::{Offer, Session, SessionHash, Spec, agree};
use crate::statistics::Prepared;
use crate::statistics::on_shares::{self, Desk, count_rows_on_shares};
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
    /// How many parties bring data.
    parties: usize,
    /// What the parties agreed on already, if we help.
    helps: Option<Box<Spec>>,
    /// The names of the committee that was asked for, as the spec has them.
    committee: Option<String>,
    part: Part,
}

/// A function with one party's data in it, by the suite that it runs on.
enum Part {
    Masked { prepared: Prepared, rows: Option<u64> },
    OnShares(on_shares::Prepared),
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

/// What is revealed beside the answer where the rules ask for rows.
const ROWS: &str = "the number of rows of all parties together, to every party";

/// Runs one computation as one of its members: agrees, asks the rules, computes, opens. The
/// function, its parameters, its shape and the suite in the offer's spec are taken from `request`,
/// so that what is agreed on is what runs. A helper's answer is empty.
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
    request.describe(&mut offer);
    request.check_members(&offer.spec, channel.parties().count())?;
    let spec = offer.spec.clone();
    let session = agree(&channel, offer, &mut rng).await?;
    match request.part {
        Part::Masked { prepared, rows } => {
            compute_masked(&channel, session, request.parties, prepared, rows, &mut rng).await
        }
        Part::OnShares(prepared) => {
            // What the catalogue says of a function of another suite is of that one.
            let on_shares = request.function.suite == replicated::SUITE;
            let reveals = if on_shares { request.function.reveals } else { &[] };
            compute_on_shares(&channel, &spec, session, prepared, reveals, &mut rng).await
        }
    }
}

async fn compute_masked(
    channel: &Channel,
    session: Session,
    parties: usize,
    prepared: Prepared,
    rows: Option<u64>,
    rng: &mut impl CryptoRng,
) -> Result<Outcome, Fault> {
    let (rules, session_hash) = (*session.rules(), *session.hash());
    let mut sums = MaskedSums::new(channel, session);
    let permit = permit(&rules, parties, rows, &mut sums, rng).await?;
    let mut reveals = Vec::new();
    if rules.ask_for_rows() && rows.is_some() {
        reveals.push(ROWS.to_owned());
    }
    reveals.extend(prepared.reveals(&rules));

    let answer = prepared.run(channel, &mut sums, &permit, rng).await?;
    Ok(Outcome {
        answer: Opened::by(&permit, answer),
        security: Security {
            suite: masked::SUITE,
            adversary: masked_adversary(parties),
            corruptible: parties - 1,
            reveals,
        },
        rules,
        parties,
        session: session_hash,
    })
}

async fn compute_on_shares(
    channel: &Channel,
    spec: &Spec,
    session: Session,
    prepared: on_shares::Prepared,
    reveals: &[&str],
    rng: &mut impl CryptoRng,
) -> Result<Outcome, Fault> {
    let (rules, session_hash, parties) = (*session.rules(), *session.hash(), spec.inputs());
    let committee = Committee::of(spec, &session)?;
    let engine = Replicated::new(channel, &session, committee, parties, rng).await?;
    let among_parties = channel.among_first(parties);
    let sums = among_parties.as_ref().map(|channel| MaskedSums::new(channel, session));
    let among_parties = among_parties.as_ref();
    let mut desk = Desk { engine, channel, parties: among_parties, inputs: parties, sums };

    let (permit, rows) = count_rows_on_shares(&mut desk, &rules, prepared.rows()).await?;
    let mut reveals: Vec<String> = reveals.iter().map(|text| (*text).to_owned()).collect();
    reveals.extend(prepared.reveals());
    let answer = prepared.run(&mut desk, &permit, rows, rng).await?;
    Ok(Outcome {
        answer: Opened::by(&permit, answer.unwrap_or(Answer::Empty {})),
        security: Security {
            suite: replicated::SUITE,
            adversary: replicated_adversary(&committee.names(spec)),
            corruptible: 1,
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
        let part = Part::new(function, parameters, &input, parties);
        input.zeroize();
        let (part, helps) = (part?, None);
        parameters.check_suite(part.suite())?;
        let committee = part.committee(parameters, parties)?;
        Ok(Self { function, parties, helps, committee, part })
    }

    /// The part of a node that helps: as the parties' proposals say, and without data.
    ///
    /// # Errors
    /// If the function has no use for helpers, or the proposal makes no sense.
    pub fn to_help(spec: &Spec) -> Result<Self, InputError> {
        let unknown = || InputError::Shape { expected: "a function that this version has" };
        let function = find(&spec.function).ok_or_else(unknown)?;
        let part = Part::OnShares(on_shares::Prepared::to_help(function, &spec.parameters)?);
        let (helps, parties) = (Some(Box::new(spec.clone())), spec.inputs());
        if parties < 2 || spec.suite != replicated::SUITE || !spec.shape.is_empty() {
            let reason = "nodes without data help two parties or more to compute on shares";
            return Err(refuse(replicated::PARAMETER, reason.into()));
        }
        Ok(Self { function, parties, helps, committee: None, part })
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Entry {
        self.function
    }

    /// Every parameter that changes the result, in canonical text, defaults filled in.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        if let Some(spec) = &self.helps {
            return spec.parameters.clone();
        }
        let mut parameters = match &self.part {
            Part::Masked { prepared, .. } => prepared.parameters(),
            Part::OnShares(prepared) => prepared.parameters(),
        };
        let committee = self.committee.clone().map(|names| (replicated::PARAMETER.into(), names));
        parameters.extend(committee);
        parameters
    }

    /// The public sizes that must be equal at all parties, by name.
    #[must_use]
    pub fn shape(&self) -> BTreeMap<String, u64> {
        match (&self.helps, &self.part) {
            (Some(spec), _) => spec.shape.clone(),
            (None, Part::Masked { prepared, .. }) => prepared.shape(),
            (None, Part::OnShares(_)) => BTreeMap::new(),
        }
    }

    /// The family of protocols that will run.
    #[must_use]
    pub fn suite(&self) -> &'static str {
        self.part.suite()
    }

    /// The number of 64-bit words that will be masked or shared, as far as it is known beforehand.
    #[must_use]
    pub fn words(&self) -> usize {
        match &self.part {
            Part::Masked { prepared, .. } => prepared.words(),
            Part::OnShares(prepared) => prepared.words(),
        }
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
        let shares = match self.part {
            Part::Masked { .. } => 0,
            Part::OnShares(_) => MESSAGES_AHEAD * (SMALL_MESSAGE + 64),
        };
        structured + echoes + 64 * parts + shares
    }

    /// The range of numbers that may be added depends on how many parties add theirs.
    fn check_members(&self, spec: &Spec, members: usize) -> Result<(), InputError> {
        let (made_for, actual) = (self.parties, spec.inputs());
        if made_for != actual || actual < 2 || spec.members.len() != members {
            return Err(InputError::OtherParties { made_for, actual });
        }
        Ok(())
    }

    pub(crate) fn describe(&self, offer: &mut Offer) {
        if let Some(spec) = &self.helps {
            offer.spec = Spec::clone(spec);
            return;
        }
        self.function.name.clone_into(&mut offer.spec.function);
        self.suite().clone_into(&mut offer.spec.suite);
        offer.spec.parameters = self.parameters();
        offer.spec.shape = self.shape();
    }
}

impl Part {
    fn new(
        function: &'static Entry,
        parameters: &Parameters,
        input: &Input,
        parties: usize,
    ) -> Result<Self, InputError> {
        if let Some(prepared) = on_shares::Prepared::new(function, parameters, input) {
            return prepared.map(Self::OnShares);
        }
        let prepared = Prepared::new(function, parameters, input, parties)?;
        Ok(Self::Masked { prepared, rows: input.rows(function) })
    }

    fn suite(&self) -> &'static str {
        match self {
            Self::Masked { .. } => masked::SUITE,
            Self::OnShares(_) => replicated::SUITE,
        }
    }

    /// The committee as the spec names it.
    fn committee(
        &self,
        parameters: &Parameters,
        parties: usize,
    ) -> Result<Option<String>, InputError> {
        match (self, parameters.committee.as_deref()) {
            (Self::Masked { .. }, None) => Ok(None),
            (Self::Masked { .. }, Some(_)) => {
                Err(refuse(replicated::PARAMETER, "this function needs none".into()))
            }
            (Self::OnShares(_), Some(names)) => replicated::canonical(names).map(Some),
            (Self::OnShares(_), None) if parties < 3 => Err(refuse(
                replicated::PARAMETER,
                "this function needs three nodes that compute on shares, and there are two \
                 parties: name the two and a third member of the consortium, whose node then \
                 helps without data"
                    .into(),
            )),
            (Self::OnShares(_), None) => Ok(Some(replicated::ANY.to_owned())),
        }
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
    parties: usize,
    rows: Option<u64>,
    sums: &mut MaskedSums<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Permit, Fault> {
    match rows {
        Some(rows) if rules.ask_for_rows() => {
            let rows = count_rows(rows, sums, rng).await?;
            Ok(rules.permit(parties, rows)?)
        }
        _ => Ok(rules.permit_whatever_the_rows(parties)?),
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

fn replicated_adversary(committee: &str) -> String {
    format!(
        "the nodes of {committee} compute on shares: any one of them, and any parties that do not \
         compute, may be curious; they learn nothing but the answer, what is listed under reveals, \
         and what follows from these and their own data; they must follow the protocol, or results \
         can be wrong and what wrong results lead to be opened; shares that are opened wrongly are \
         noticed; nobody proves that its data are true"
    )
}

fn masked_adversary(parties: usize) -> String {
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
