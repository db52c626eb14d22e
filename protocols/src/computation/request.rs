//! One party's part in a computation: from parameters and data, or at a helper from the proposal.

use std::collections::BTreeMap;
use std::fmt;

use crate::algebra::elementwise::zip_exact;
use crate::computation::backend::Backend;
use crate::functions::Rounds;
use crate::functions::answer::{Answer, KeptAnswer};
use crate::functions::catalogue::{Descriptor, Kind, Needs, Prepared, find};
use crate::functions::common::tables;
use crate::functions::input::{Input, check_dropped};
use crate::functions::parameters::{MISSING, Missing, NO, Parameters, drops_missing, refuse};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Opens, Scope};
use crate::kernel::fault::InputError;
use crate::kernel::flow::{MESSAGES_AHEAD, SMALL_MESSAGE};
use crate::kernel::party::Party;
use crate::kernel::session::{AnswerId, ColumnKinds, Offer, Roles, Spec};
use crate::kernel::wire;
use crate::release::Subject;
use crate::release::differences::{self, Earlier};
use crate::suites::guarantee::Suite;
use crate::suites::replicated::SEATS;

/// The name in the spec of the public size that some functions have.
const LENGTH: &str = "length";

/// The name in the spec under which [`NO`] forbids the use of preprocessed correlations.
pub(crate) const PREPROCESSED: &str = "ahead";

/// The parameter by which clients name the members that compute on shares.
const COMMITTEE: &str = "committee";

/// One party's part in a computation, ready to run: parameters understood, data checked and added
/// up. Its data are private: it cannot be copied, sent or shown.
pub struct Request {
    function: &'static Descriptor,
    /// The members' roles.
    roles: Roles,
    /// The treatment of rows with a missing value, as the spec has it.
    missing: (String, String),
    /// The spec that the parties agreed on already, at a helper.
    helps: Option<Box<Spec>>,
    /// The back end of computations on shares.
    backend: Backend,
    /// The permission to use up preprocessed correlations.
    ahead: bool,
    /// The kinds of the columns that are compared as texts.
    kinds: ColumnKinds,
    /// The answer that this party has kept of this question.
    kept: Option<(AnswerId, KeptAnswer)>,
    subject: Subject,
    prepared: Prepared,
}

impl Request {
    /// Checks parameters and data, and adds the data up. `dropped` rows of this party were left out
    /// of `input`, because a value was missing in them. `roles` has the role of each member: where the
    /// parameters name a committee, its members compute, and no other.
    ///
    /// # Errors
    /// If the function is not available, if parameters or data do not fit it, or if no protocol
    /// serves the roles.
    pub fn new(
        function: &'static Descriptor,
        parameters: &Parameters,
        input: Input,
        dropped: u64,
        roles: &Roles,
    ) -> Result<Self, InputError> {
        let parties = roles.inputs().count();
        let rows = roles.check_served().and_then(|()| check_dropped(parameters, dropped));
        let rows = rows.and_then(|()| input.rows());
        let rows = rows?;
        let mut prepared = Prepared::new(function, parameters, &input, parties)?;
        // It wipes itself here, and not at the end of what follows.
        drop(input);
        let function = prepared.descriptor();
        check_incomplete(function, parameters)?;
        parameters.check_suite(function.suites())?;
        let backend = Backend::of(parameters.suite.as_deref().and_then(Suite::find), roles);
        check_committee(function, parameters, backend, roles)?;
        backend.check(roles)?;
        let subject = Subject {
            rows: function.has_rows().then_some(rows),
            magnitude: prepared.take_magnitude(),
            dropped: parameters.missing.map(|Missing::Drop| dropped),
            is_table: function.needs == Needs::Counts,
            opens: opens(function, parameters)?,
            earlier: None,
            agreed: Vec::new(),
        };
        Ok(Self {
            function,
            roles: roles.clone(),
            missing: parameters.missing_text(),
            helps: None,
            backend,
            ahead: parameters.ahead != Some(false),
            kinds: ColumnKinds::default(),
            kept: None,
            subject,
            prepared,
        })
    }

    /// Checks parameters by themselves, for parties with these roles. What is wrong in them is found
    /// before any data are read.
    ///
    /// # Errors
    /// As [`Self::new`], but for the data.
    pub fn check(
        function: &'static Descriptor,
        parameters: &Parameters,
        roles: &Roles,
    ) -> Result<(), InputError> {
        Self::new(function, parameters, Input::nothing(function.input), 0, roles).map(drop)
    }

    /// Creates the part of a helper, from the parties' proposals and without data. In functions of
    /// masked sums helpers take part in the release check only, and in tables with small cells that
    /// are not opened. If no rule asks for these, they have nothing to do.
    ///
    /// # Errors
    /// If the function has no use for helpers, or the proposal makes no sense.
    pub fn to_help(spec: &Spec) -> Result<Self, InputError> {
        let unknown = || InputError::Shape { expected: "a function that this version has" };
        let function = find(&spec.function).ok_or_else(unknown)?;
        if !function.takes_helpers() {
            let reason = "this function needs no helpers";
            return Err(refuse(COMMITTEE, reason.into()));
        }
        let roles = spec.roles()?;
        roles.check_served()?;
        let backend = Backend::Committee;
        backend.check(&roles)?;
        let parties = roles.inputs().count();
        let mut prepared = Prepared::to_help(function, &spec.parameters, parties)?;
        let function = prepared.descriptor();
        if spec.suite != suite(function, backend).name()
            || prepared.length().is_some() == spec.shape.is_empty()
        {
            let reason = "nodes without data help two parties or more to compute on shares";
            return Err(refuse(COMMITTEE, reason.into()));
        }
        let subject = Subject {
            rows: function.has_rows().then_some(0),
            magnitude: prepared.take_magnitude(),
            dropped: drops_missing(&spec.parameters)?.then_some(0),
            is_table: function.needs == Needs::Counts,
            opens: opens(function, &function.read_agreed(&spec.parameters))?,
            earlier: None,
            agreed: Vec::new(),
        };
        Ok(Self {
            function,
            roles,
            missing: Parameters::default().missing_text(),
            helps: Some(Box::new(spec.clone())),
            backend,
            ahead: false,
            kinds: ColumnKinds::default(),
            kept: None,
            subject,
            prepared,
        })
    }

    /// Adds the kinds of the columns that are compared as texts: of categories in order, or of ids.
    #[must_use]
    pub fn of_kinds(mut self, kinds: ColumnKinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Adds the answer of this name, which this party has kept of the same question about the same rows.
    /// Where all members have kept it, it is given again, and nothing is computed.
    #[must_use]
    pub fn having_kept(mut self, name: AnswerId, answer: KeptAnswer) -> Self {
        self.kept = Some((name, answer));
        self
    }

    /// Adds this party's rows as earlier answers tell them apart. The release check then compares the
    /// question with these answers.
    #[must_use]
    pub fn beside(mut self, earlier: Earlier) -> Self {
        self.subject.earlier = Some(earlier);
        self
    }

    /// Returns the function, in the form that the parameters ask for.
    #[must_use]
    pub fn function(&self) -> &'static Descriptor {
        self.function
    }

    /// Returns the members' roles.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Returns every parameter that changes the result, in canonical text, defaults filled in.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        if let Some(spec) = &self.helps {
            return spec.parameters.clone();
        }
        let mut parameters = self.prepared.agreed();
        let not_ahead = (!self.ahead).then(|| (PREPROCESSED.to_owned(), NO.to_owned()));
        parameters.extend(not_ahead);
        parameters.extend([self.missing.clone()]);
        parameters
    }

    /// Returns the public sizes that must be equal at all parties, by name.
    #[must_use]
    pub fn shape(&self) -> BTreeMap<String, u64> {
        match &self.helps {
            Some(spec) => spec.shape.clone(),
            None => self
                .prepared
                .length()
                .map(|length| (LENGTH.to_owned(), length))
                .into_iter()
                .collect(),
        }
    }

    /// Returns the suite that serves the function. Rules on the joint data, and tables with small
    /// cells that may not be opened, run on the suite for shares in any case. The members' rules
    /// are not known before they agree.
    #[must_use]
    pub fn suite(&self) -> Suite {
        suite(self.function, self.backend)
    }

    /// Returns the number of 64-bit words that will be masked or shared, as far as it is known
    /// beforehand. If all parties compute by themselves, it is the largest number. Oblivious
    /// transfers take a processor for tens of milliseconds, however few words are shared. And
    /// another party's set may be large where this party's is small.
    #[must_use]
    pub fn words(&self) -> usize {
        let by_themselves = self.function.is_on_shares() && self.backend == Backend::Parties;
        match (&self.helps, self.function.needs) {
            (Some(_), Needs::LinearSums | Needs::Counts) => 0,
            _ if by_themselves => usize::MAX,
            _ => self.prepared.words().saturating_add(self.comparisons()),
        }
    }

    /// Returns the number of comparisons with the earlier answers that this party names. Others may
    /// name more.
    fn comparisons(&self) -> usize {
        let Some(earlier) = &self.subject.earlier else { return 0 };
        differences::comparisons(earlier.named().len(), self.roles.inputs().count())
    }

    /// Returns the bytes that one honest peer may have on its way to this party before any are
    /// read. It is the limit that a machine starts with for a computation of so many parties. A sum
    /// makes room for its openings itself, when their length is known and before any can be on
    /// their way.
    #[must_use]
    pub fn inbox_bytes(&self, parties: usize) -> usize {
        // A proposal, a list of categories, and per sum a commitment and an echo.
        let structured = 2 * wire::MAX_STRUCTURED;
        let echoes = 4 * (2 + parties) * 32;
        let parts = 12;
        // The release check needs them too.
        let shares = MESSAGES_AHEAD * (SMALL_MESSAGE + 64);
        structured + echoes + 64 * parts + shares
    }

    /// Checks the number of parties: the range of numbers that may be added depends on it.
    pub(crate) fn check_members(&self, spec: &Spec, members: usize) -> Result<(), InputError> {
        let (made_for, actual) = (self.roles.count(), spec.members.len());
        if made_for != actual || actual != members {
            return Err(InputError::OtherParties { made_for, actual });
        }
        Ok(())
    }

    /// Prepares the data that depend on the member's place, before any message.
    pub(crate) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        self.prepared.take_place(me)
    }

    /// Returns how the answer is rounded under these rules; none if it cannot be.
    pub(crate) fn rounds(&self, rules: &Rules) -> Option<Rounds> {
        self.prepared.rounds(rules)
    }

    /// Writes the request into the proposal that its party makes of it.
    pub fn describe(&self, offer: &mut Offer) {
        offer.kinds = self.kinds;
        offer.kept = self.kept.as_ref().map(|(name, _)| *name);
        if let Some(earlier) = &self.subject.earlier {
            offer.earlier = earlier.named();
        }
        if let Some(spec) = &self.helps {
            offer.spec = Spec::clone(spec);
            return;
        }
        for (member, role) in zip_exact(&mut offer.spec.members, self.roles.iter()) {
            member.role = role;
        }
        self.function.name.clone_into(&mut offer.spec.function);
        self.suite().name().clone_into(&mut offer.spec.suite);
        offer.spec.parameters = self.parameters();
        offer.spec.shape = self.shape();
        tables::key_declared(&mut offer.spec);
    }

    /// Returns the part of a party that tells the release check another number of rows than it
    /// uses.
    #[cfg(test)]
    pub(crate) fn claiming(mut self, rows: u64) -> Self {
        self.subject.rows = Some(rows);
        self
    }

    /// Takes out the answer that is to be given again; an empty one at a helper, which has none.
    pub(crate) fn take_kept(&mut self) -> Answer {
        self.kept.take().map_or(Answer::Empty {}, |(_, answer)| Answer::Kept(answer))
    }

    /// Returns the back end of computations on shares.
    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the function with this party's data in it, and the party's part in the checks of the
    /// rules.
    pub(crate) fn into_parts(self) -> (Prepared, Subject) {
        (self.prepared, self.subject)
    }
}

/// Returns the suite that serves a function, with this back end of computations on shares.
fn suite(function: &Descriptor, backend: Backend) -> Suite {
    match function.needs {
        Needs::LinearSums | Needs::Counts => Suite::Masked,
        Needs::Shares | Needs::SharesWithJoin => backend.suite(),
        Needs::Sets => Suite::Intersection,
        Needs::Preparation => Suite::PAIRWISE,
    }
}

/// Refuses to leave out rows where what is left would stand in other places.
fn check_incomplete(
    function: &'static Descriptor,
    parameters: &Parameters,
) -> Result<(), InputError> {
    if parameters.missing.is_none() || function.input.has_rows() {
        return Ok(());
    }
    let reason = match function.kind {
        Kind::Aligned => {
            "the first row of one party belongs to the first of the other, and so on: leave out the \
             same rows at both before"
        }
        _ => {
            "each element has its place, which it would lose if one before it were left out: choose or \
             make data without missing values"
        }
    };
    Err(refuse(MISSING, reason.into()))
}

/// Refuses a committee that a client names in vain, or leaves out where one is needed. Functions of
/// masked sums need one if the members' rules apply to the joint data, which is not known yet.
fn check_committee(
    function: &Descriptor,
    parameters: &Parameters,
    backend: Backend,
    roles: &Roles,
) -> Result<(), InputError> {
    let computing = roles.computing().count();
    let by_themselves = !function.is_on_shares() || backend == Backend::Parties;
    let reason = match parameters.committee {
        Some(_) if !function.takes_committee() => "this function needs none",
        Some(_) if computing != SEATS => "three different members are needed",
        Some(_) if backend == Backend::Parties => {
            "with the suite `pairwise` all parties compute, and no other node: leave it out"
        }
        None if !by_themselves && computing < SEATS => {
            "the suite `replicated` needs three nodes that compute on shares, and there are two \
             parties: name the two and a third member of the consortium, whose node then \
             helps without data; or leave the suite out, and the two compute by themselves"
        }
        Some(_) | None => return Ok(()),
    };
    Err(refuse(COMMITTEE, reason.into()))
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, ..)", self.function.name)
    }
}

/// Returns the equations about rows that the answer tells, with and without a rule on small counts.
fn opens(function: &Descriptor, parameters: &Parameters) -> Result<Opens, InputError> {
    let under = |withholds| function.opens(parameters, Scope { columns: 0, withholds });
    Ok(Opens { withholding: under(true)?, everything: under(false)? })
}
