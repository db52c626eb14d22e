//! One party's part in a computation: from parameters and data, or from what it helps with.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize;

use crate::computation::sharing::{AHEAD, NO, Sharing};
use crate::engine::SMALL_MESSAGE;
use crate::functions::catalogue::{
    EMPTY, Entry, GATE, INTERSECTION, PREPARE, SUM, VECTOR_SUM, find,
};
use crate::functions::input::{Input, check_dropped};
use crate::functions::on_shares::{self, ONLY_MODE};
use crate::functions::parameters::{Missing, Parameters, agreed_grid, drops_missing, refuse};
use crate::functions::set_intersection;
use crate::functions::{Prepared, is_table};
use crate::kernel::fault::InputError;
use crate::kernel::party::Party;
use crate::kernel::session::{Offer, Spec};
use crate::kernel::wire;
use crate::release::Subject;
use crate::release::terms::Magnitude;
use crate::suites::replicated::{self, MESSAGES_AHEAD};
use crate::suites::{intersection, masked, pairwise};

/// One party's part in a computation, ready to run: parameters understood, data checked and added
/// up. Its data are private: it cannot be copied, sent or shown.
pub struct Request {
    function: &'static Entry,
    /// How many parties bring data.
    parties: usize,
    /// What is done with rows in which something is missing, as the spec has it.
    missing: (String, String),
    /// What the parties agreed on already, if we help.
    helps: Option<Box<Spec>>,
    /// Who computes on shares, if anybody does.
    sharing: Sharing,
    /// The names of the committee that was asked for, as the spec has them.
    committee: Option<String>,
    /// Whether what was made ahead may be used up.
    ahead: bool,
    subject: Subject,
    part: Part,
}

/// A function with one party's data in it, by the suite that serves it.
pub(crate) enum Part {
    /// None at a helper.
    Masked(Option<Prepared>),
    OnShares(on_shares::Prepared),
    Sets(set_intersection::Prepared),
    /// Makes ahead what others use up.
    Prepare,
}

/// What runs once the members have agreed.
pub(crate) struct Ready {
    pub(crate) part: Part,
    pub(crate) subject: Subject,
    /// What the function reveals, where that does not depend on the request.
    pub(crate) reveals: Vec<String>,
}

impl Request {
    /// Checks parameters and data, and adds the data up; `parties` bring data. `dropped` rows of ours
    /// were left out of `input`, because something was missing in them.
    ///
    /// # Errors
    /// If the function is not available, or parameters or data do not fit it.
    pub fn new(
        function: &'static Entry,
        parameters: &Parameters,
        mut input: Input,
        dropped: u64,
        parties: usize,
    ) -> Result<Self, InputError> {
        let rows = check_dropped(parameters, dropped).and_then(|()| input.rows());
        let part =
            rows.and_then(|rows| Ok((rows, Part::new(function, parameters, &input, parties)?)));
        input.zeroize();
        let (rows, mut part) = part?;
        parameters.check_suite(part.suites(function))?;
        let sharing = Sharing::asked(parameters, parties)?;
        let committee = part.committee(sharing, function, parameters, parties)?;
        let ahead = parameters.ahead != Some(false);
        let subject = Subject {
            rows: function.has_rows().then_some(rows),
            magnitude: part.take_magnitude(),
            dropped: parameters.missing.map(|Missing::Drop| dropped),
            is_table: is_table(function) && matches!(part, Part::Masked(_)),
        };
        let missing = parameters.missing_text();
        Ok(Self {
            function,
            parties,
            missing,
            helps: None,
            sharing,
            committee,
            ahead,
            subject,
            part,
        })
    }

    /// The part of a node that helps: as the parties' proposals say, and without data. Of functions of
    /// masked sums helpers see the release check only, and tables of which small cells are not opened; where no
    /// rule asks for these, they have nothing to do.
    ///
    /// # Errors
    /// If the function has no use for helpers, or the proposal makes no sense.
    pub fn to_help(spec: &Spec) -> Result<Self, InputError> {
        let unknown = || InputError::Shape { expected: "a function that this version has" };
        let function = find(&spec.function).ok_or_else(unknown)?;
        let part = Part::to_help(function, spec)?;
        let parties = spec.inputs();
        let has_shape = function.name == VECTOR_SUM;
        if parties < 2
            || spec.suite != part.suite(Sharing::Committee)
            || has_shape == spec.shape.is_empty()
        {
            let reason = "nodes without data help two parties or more to compute on shares";
            return Err(refuse(replicated::PARAMETER, reason.into()));
        }
        let magnitude = match function.name {
            SUM => Some(Magnitude::absent(&agreed_grid(&spec.parameters)?)),
            _ => None,
        };
        let subject = Subject {
            rows: function.has_rows().then_some(0),
            magnitude,
            dropped: drops_missing(&spec.parameters)?.then_some(0),
            is_table: is_table(function) && matches!(part, Part::Masked(_)),
        };
        let helps = Some(Box::new(spec.clone()));
        let missing = Parameters::default().missing_text();
        Ok(Self {
            function,
            parties,
            missing,
            helps,
            sharing: Sharing::Committee,
            committee: None,
            ahead: false,
            subject,
            part,
        })
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
            Part::Masked(prepared) => {
                prepared.as_ref().map(Prepared::parameters).unwrap_or_default()
            }
            Part::OnShares(prepared) => prepared.parameters(),
            Part::Sets(prepared) => prepared.parameters(),
            Part::Prepare => BTreeMap::new(),
        };
        let committee = self.committee.clone().map(|names| (replicated::PARAMETER.into(), names));
        parameters.extend(committee);
        let not_ahead = (!self.ahead).then(|| (AHEAD.to_owned(), NO.to_owned()));
        parameters.extend(not_ahead);
        parameters.extend([self.missing.clone()]);
        parameters
    }

    /// The public sizes that must be equal at all parties, by name.
    #[must_use]
    pub fn shape(&self) -> BTreeMap<String, u64> {
        match (&self.helps, &self.part) {
            (Some(spec), _) => spec.shape.clone(),
            (None, Part::Masked(Some(prepared))) => prepared.shape(),
            (None, _) => BTreeMap::new(),
        }
    }

    /// The family of protocols that serves the function. Rules on the joint data, and tables of which
    /// small cells may not be opened, run on the suite for shares whatever stands here: the members'
    /// rules are not known before they agree.
    #[must_use]
    pub fn suite(&self) -> &'static str {
        self.part.suite(self.sharing)
    }

    /// The number of 64-bit words that will be masked or shared, as far as it is known beforehand. Where all
    /// parties compute by themselves it is more than anybody counts: transfers take a processor for tens of
    /// milliseconds, however few words are shared, and another party's set may be large where ours is small.
    #[must_use]
    pub fn words(&self) -> usize {
        match &self.part {
            Part::Masked(prepared) => prepared.as_ref().map_or(0, Prepared::words),
            Part::OnShares(prepared) if self.sharing == Sharing::Committee => prepared.words(),
            Part::OnShares(_) | Part::Sets(_) | Part::Prepare => usize::MAX,
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
        // The release check needs them too.
        let shares = MESSAGES_AHEAD * (SMALL_MESSAGE + 64);
        structured + echoes + 64 * parts + shares
    }

    /// The range of numbers that may be added depends on how many parties add theirs.
    pub(crate) fn check_members(&self, spec: &Spec, members: usize) -> Result<(), InputError> {
        let (made_for, actual) = (self.parties, spec.inputs());
        if made_for != actual || actual < 2 || spec.members.len() != members {
            return Err(InputError::OtherParties { made_for, actual });
        }
        Ok(())
    }

    /// Makes what depends on which of the members we are, before any message.
    pub(crate) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        match &mut self.part {
            Part::OnShares(prepared) => prepared.take_place(me),
            Part::Masked(_) | Part::Sets(_) | Part::Prepare => Ok(()),
        }
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

    /// The same of a party that tells the release check another number of rows than it uses.
    #[cfg(test)]
    pub(crate) fn claiming(mut self, rows: u64) -> Self {
        self.subject.rows = Some(rows);
        self
    }

    pub(crate) fn into_ready(self) -> Ready {
        let Self { function, subject, part, .. } = self;
        // What the catalogue says of a function of another suite is of that one; and what the release check
        // reveals depends on the rules.
        let is_of_suite = match part {
            Part::OnShares(_) => function.suite == replicated::SUITE,
            Part::Sets(_) => true,
            Part::Masked(_) | Part::Prepare => false,
        };
        let replaced = match &part {
            Part::OnShares(prepared) => prepared.replaces_reveals(),
            _ => None,
        };
        let reveals = match replaced {
            Some(reveals) => reveals.iter(),
            None => function.reveals.iter(),
        };
        let reveals = reveals.filter(|text| is_of_suite && **text != GATE);
        let reveals = reveals.map(|text| (*text).to_owned()).collect();
        Ready { part, subject, reveals }
    }
}

impl Part {
    fn new(
        function: &'static Entry,
        parameters: &Parameters,
        input: &Input,
        parties: usize,
    ) -> Result<Self, InputError> {
        if function.name == PREPARE {
            return match input.is_empty() {
                true => Ok(Self::Prepare),
                false => Err(InputError::Shape { expected: "no data" }),
            };
        }
        if function.name == INTERSECTION {
            return set_intersection::Prepared::new(parameters, input).map(Self::Sets);
        }
        match on_shares::Prepared::new(function, parameters, input) {
            Some(prepared) => prepared.map(Self::OnShares),
            None => {
                Prepared::new(function, parameters, input, parties).map(|p| Self::Masked(Some(p)))
            }
        }
    }

    fn to_help(function: &'static Entry, spec: &Spec) -> Result<Self, InputError> {
        if function.name == INTERSECTION {
            return Err(refuse(replicated::PARAMETER, "this function needs no helpers".into()));
        }
        let only_mode = spec.parameters.contains_key(ONLY_MODE);
        if function.suite == masked::SUITE && function.name != EMPTY && !only_mode {
            return Ok(Self::Masked(None));
        }
        on_shares::Prepared::to_help(function, &spec.parameters).map(Self::OnShares)
    }

    fn suite(&self, sharing: Sharing) -> &'static str {
        match self {
            Self::Masked(_) => masked::SUITE,
            Self::OnShares(_) => sharing.suite(),
            Self::Sets(_) => intersection::SUITE,
            Self::Prepare => pairwise::SUITE,
        }
    }

    /// The suites that can be asked for. Tables of masked sums have another where their mode alone is
    /// wanted.
    fn suites(&self, function: &Entry) -> &'static [&'static str] {
        match self {
            Self::OnShares(_) => &[replicated::SUITE, pairwise::SUITE],
            Self::Masked(_) | Self::Sets(_) | Self::Prepare => function.suites(),
        }
    }

    fn take_magnitude(&mut self) -> Option<Magnitude> {
        match self {
            Self::Masked(prepared) => prepared.as_mut().and_then(Prepared::take_magnitude),
            Self::OnShares(_) | Self::Sets(_) | Self::Prepare => None,
        }
    }

    /// The committee as the spec names it. Functions of masked sums need one if the members' rules ask
    /// something of the joint data, which is not known yet.
    fn committee(
        &self,
        sharing: Sharing,
        function: &Entry,
        parameters: &Parameters,
        parties: usize,
    ) -> Result<Option<String>, InputError> {
        match (self, parameters.committee.as_deref()) {
            (Self::OnShares(_), None) if sharing == Sharing::Parties => Ok(None),
            (Self::Masked(_) | Self::Sets(_) | Self::Prepare, Some(_))
                if matches!(function.name, EMPTY | PREPARE | INTERSECTION) =>
            {
                Err(refuse(replicated::PARAMETER, "this function needs none".into()))
            }
            (_, Some(names)) => replicated::canonical(names).map(Some),
            (Self::Masked(_) | Self::Sets(_) | Self::Prepare, None) => Ok(None),
            (Self::OnShares(_), None) if parties < 3 => Err(refuse(
                replicated::PARAMETER,
                "the suite `replicated` needs three nodes that compute on shares, and there are two \
                 parties: name the two and a third member of the consortium, whose node then \
                 helps without data; or leave the suite out, and the two compute by themselves"
                    .into(),
            )),
            (Self::OnShares(_), None) => Ok(Some(replicated::ANY.to_owned())),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, ..)", self.function.name)
    }
}
