//! From a client's request to an answer that may leave the node.
//!
//! A [`Request`] is made from parameters and data. They are parsed, range-checked and added up
//! locally, so that an error that a party can find by itself costs the others no message.
//! [`compute`] then agrees with the others on the computation, checks the disclosure rules, runs
//! the function and marks its answer as opened.
//!
//! The rules on all parties' data together (number of rows, dominance, small cells of tables) are
//! decided on shares. That is before anything else is masked or opened (see the module `release`).
//! The nodes that compute on shares decide them; the parties then need these nodes for functions of
//! masked sums too. If no such rule applies, these functions need no other node.
//!
//! Each party counts its own rows, and nothing proves that it has them. A party may also count one
//! number of rows and bring data of another. Whole tables and univariate statistics detect this; sums,
//! ranks, and the mode alone do not. Bivariate statistics open the number of rows that were used, and are
//! refused if these are fewer than the rules ask.
//!
//! A question whose answer all members with data have kept is not computed: they give the answer
//! again. Each knows its own question and rows only. The members of a computation share the name of
//! its answer, so equal names say that the questions and rows of all are the same. A member that names
//! an answer falsely changes nothing that the others give: each gives what it has opened itself.
//!
//! Nothing here waits for time to pass: the driver of the machine keeps the agreed deadline.

mod backend;
#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod dropped_tests;
mod request;
#[cfg(test)]
mod rounding_tests;
mod security;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wiping_tests;

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::layout::Layout;
use crate::computation::backend::Backend;
use crate::computation::request::PREPROCESSED;
pub use crate::computation::request::Request;
pub use crate::computation::security::Security;
use crate::engine::aggregate::Aggregate as _;
use crate::engine::matching::Matching;
use crate::engine::reveals::RELEASE;
pub use crate::functions::answer::{Answer, Group, KeptAnswer, Precision};
use crate::functions::catalogue::{Needs, Prepared};
pub use crate::functions::input::{Column, Input, number_text};
use crate::functions::{FunctionContext, Rounds as RoundAnswer, SetsContext, SumsContext};
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::{JointRules, Opened, Permit, Refusal, Rounding, Rule, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::reveal::Reveal;
use crate::kernel::rules::BEYOND_ROWS;
use crate::kernel::session::{Agreed, AuditHead, Offer, Roles, Session, SessionHash, Spec, agree};
pub use crate::release::Dropped;
pub use crate::release::differences::{Earlier, Reach};
use crate::release::{self, Subject};
pub use crate::suites::guarantee::{Adversary, Assumption, Guarantee, Output, Suite};
use crate::suites::masked::{MaskedSums, Rounds};
use crate::suites::pairwise::{CorrelationStore, Pairwise, Preprocessed};
use crate::suites::replicated::{Committee, Replicated};

/// The outcome of a computation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer, which may leave the node.
    pub answer: Opened<Answer>,
    /// The assumptions of its protection, and its leakage.
    pub security: Security,
    /// The rules that held: the strictest of all parties'.
    pub rules: Rules,
    /// The name of the member whose rule held, for each rule by name.
    pub decided_by: BTreeMap<&'static str, String>,
    /// The number of parties that leave out rows of their dataset.
    pub left_out: u64,
    /// The head of each member's audit chain when it proposed, in order.
    pub audit: Vec<(Party, AuditHead)>,
    /// The number of all parties' rows that a missing value dropped. `None` if the parameters do not ask
    /// for it, and at helpers.
    pub dropped: Option<Dropped>,
    /// The number of parties.
    pub parties: usize,
    /// The hash of everything that was agreed.
    pub session: SessionHash,
    /// True if nothing was computed: all members with data had kept the answer of this question.
    pub kept: bool,
}

/// Runs one computation as one of its members: agrees, checks the rules, computes, opens. The
/// function, its parameters, its shape and the suite in the offer's spec are taken from `request`.
/// So the parties agree on the computation that runs. `stores` have the correlations that this node
/// has preprocessed with its peers. A helper's answer is empty.
///
/// # Errors
/// If the parties want different computations, a peer breaks the protocol, the rules forbid the
/// answer, or no double can express it.
pub async fn compute(
    channel: Channel,
    mut offer: Offer,
    mut request: Request,
    stores: CorrelationStore,
    mut rng: impl CryptoRng,
) -> Result<Outcome, Fault> {
    request.check_members(&offer.spec, channel.parties().count())?;
    request.describe(&mut offer);
    request.take_place(channel.parties().me())?;
    let spec = offer.spec.clone();
    let roles = request.roles().clone();
    let backend = request.backend();
    let parties = roles.inputs().count();
    let session = agree(&channel, offer, request.function().takes_data(), &mut rng).await?;
    let round = rounding(request.rounds(session.rules().rules()), session.rules())?;
    if session.agreed().kept.is_some() {
        return give_again(&channel, &session, request, parties).await;
    }
    let (prepared, mut subject) = request.into_parts();
    channel.list(prepared.descriptor().reveals);
    subject.agreed.clone_from(&session.agreed().earlier);
    let execution =
        Execution { channel: &channel, spec: &spec, roles, joint: *session.rules(), stores };
    let agreed = session.agreed().clone();
    let rule = subject.asks(execution.joint.rules());
    let ended = match prepared.descriptor().needs {
        Needs::Preparation => execution.prepare(&session, &mut rng).await,
        Needs::Sets => execution.sets(session, prepared, subject.dropped, &mut rng).await,
        Needs::LinearSums | Needs::Counts if rule.is_none() => {
            execution.among_parties(session, prepared, &subject, &mut rng).await
        }
        _ => match backend {
            Backend::Parties => execution.by_themselves(session, prepared, subject, &mut rng).await,
            Backend::Committee => {
                let committee = execution.committee(&session, &prepared, rule)?;
                execution.with_committee(session, committee, prepared, subject, &mut rng).await
            }
        },
    };
    Ok(ended?.rounded(round)?.outcome(agreed, parties))
}

/// A rounding that the members' rules ask for, and the function that applies it.
type Round = Option<(Rounding, RoundAnswer)>;

/// Returns how the answer is rounded. Refuses, before anything of data is sent, a function that
/// cannot be where a rule asks for it.
fn rounding(rounds: Option<RoundAnswer>, joint: &JointRules) -> Result<Round, Refusal> {
    match (joint.rules().round, rounds) {
        (None, _) => Ok(None),
        (Some(rounding), Some(rounds)) => Ok(Some((rounding, rounds))),
        (Some(rounding), None) => {
            Err(Refusal::NotRounded { rounding, of: joint.decider(Rule::Round) })
        }
    }
}

/// Gives the answer again that all members with data have kept of this question. One round confirms
/// that all were told the same in the agreement.
async fn give_again(
    channel: &Channel,
    session: &Session,
    mut request: Request,
    parties: usize,
) -> Result<Outcome, Fault> {
    channel.begin_round("kept answer");
    channel.broadcast(Vec::new());
    channel.gather_exactly(0).await?;
    let permit = session.rules().permit(parties, None)?;
    let security = Security::of(request.suite(), None, parties, None, Vec::new());
    let answer = Some(request.take_kept());
    let ended = Ended { permit, answer, dropped: None, security };
    Ok(Outcome { kept: true, ..ended.outcome(session.agreed().clone(), parties) })
}

/// A computation under way, after its agreement.
pub(crate) struct Execution<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) spec: &'a Spec,
    /// The members' roles.
    pub(crate) roles: Roles,
    pub(crate) joint: JointRules,
    /// The correlations that this node has preprocessed with the others.
    pub(crate) stores: CorrelationStore,
}

/// The end of a computation; at a helper there is no answer.
pub(crate) struct Ended {
    permit: Permit,
    pub(crate) answer: Option<Answer>,
    dropped: Option<Dropped>,
    security: Security,
}

/// The protocols that an answer came from.
struct Used {
    /// The answer was computed on shares.
    on_shares: bool,
    /// Items were blinded for it.
    has_blinded: bool,
}

impl Execution<'_> {
    /// Returns the number of members that bring data.
    fn parties(&self) -> usize {
        self.roles.inputs().count()
    }

    /// Returns the permit of a computation that no rule on joint data applies to.
    fn permit_without_rows(&self) -> Result<Permit, Fault> {
        Ok(self.joint.permit(self.parties(), None)?)
    }

    /// Returns the channel between the members that bring data; none at a helper.
    fn channel_of_parties(&self) -> Option<Channel> {
        self.channel.among(|party| self.roles.brings_data(party))
    }

    /// Computes with masked sums among the parties alone, if no rule on the joint data applies. A
    /// helper that was named in vain has nothing to do.
    async fn among_parties(
        &self,
        session: Session,
        prepared: Prepared,
        subject: &Subject,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let parties = self.parties();
        let permit = self.permit_without_rows()?;
        let Some(channel) = &self.channel_of_parties() else {
            let security = Security::of(Suite::Masked, None, parties, None, Vec::new());
            return Ok(Ended { permit, answer: None, dropped: None, security });
        };
        let caveats = prepared.caveats(self.joint.rules());
        let mut sums = MaskedSums::new(channel, session);
        let dropped = match subject.dropped {
            Some(dropped) => Some(sum_dropped(dropped, &mut sums, rng).await?),
            None => None,
        };
        let mut cx = SumsContext { channel, sums: &mut sums, permit: &permit, rng };
        let answer = Some(prepared.on_sums(&mut cx).await?);
        let reveals = self.revealed(caveats);
        let security = Security::of(Suite::Masked, None, parties, None, reveals);
        Ok(Ended { permit, answer, dropped, security })
    }

    /// Returns the facts that a result says were learned: these, and what was revealed. The release
    /// check's entry is not among them, because it says the same without numbers.
    fn revealed(&self, mut facts: Vec<String>) -> Vec<String> {
        let all = self.channel.revealed().into_iter();
        let revealed = all.filter(|entry| !entry.is_implied() && *entry != RELEASE);
        facts.extend(revealed.map(|entry| entry.told.to_owned()));
        facts
    }

    /// Computes with blinded items, among the parties alone.
    async fn sets(
        &self,
        session: Session,
        prepared: Prepared,
        dropped: Option<u64>,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let parties = self.parties();
        let permit = self.permit_without_rows()?;
        let caveats = prepared.caveats(self.joint.rules());
        let cx = SetsContext { channel: self.channel, session: &session, permit: &permit, rng };
        let answer = Some(prepared.on_sets(cx).await?);
        let dropped = match dropped {
            Some(dropped) => {
                let mut sums = MaskedSums::new(self.channel, session);
                Some(sum_dropped(dropped, &mut sums, rng).await?)
            }
            None => None,
        };
        let reveals = self.revealed(caveats);
        let security = Security::of(Suite::Intersection, None, parties, None, reveals);
        Ok(Ended { permit, answer, dropped, security })
    }

    /// Preprocesses the correlations that later computations of these parties use up.
    async fn prepare(&self, session: &Session, rng: &mut impl CryptoRng) -> Result<Ended, Fault> {
        let parties = self.parties();
        let permit = self.permit_without_rows()?;
        let mut engine = Pairwise::new(
            self.channel,
            session,
            self.spec,
            Preprocessed::BaseSetup,
            self.stores.clone(),
            rng,
        )
        .await?;
        engine.preprocess(session).await?;
        let security = Security::of(Suite::PAIRWISE, None, parties, None, Vec::new());
        Ok(Ended { permit, answer: None, dropped: None, security })
    }

    /// Computes with the three nodes that compute on shares, through the release check.
    pub(crate) async fn with_committee(
        &self,
        session: Session,
        committee: Committee,
        prepared: Prepared,
        subject: Subject,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let roles = self.roles.clone();
        let engine = Replicated::new(self.channel, &session, committee, roles, rng).await?;
        self.on_shares(engine, session, Some(committee.names(self.spec)), prepared, subject, rng)
            .await
    }

    /// Computes with all parties, and no other node, through the release check.
    async fn by_themselves(
        &self,
        session: Session,
        prepared: Prepared,
        subject: Subject,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let ahead = if self.spec.parameters.contains_key(PREPROCESSED) {
            Preprocessed::Nothing
        } else {
            Preprocessed::Batch
        };
        let engine =
            Pairwise::new(self.channel, &session, self.spec, ahead, self.stores.clone(), rng)
                .await?;
        self.on_shares(engine, session, None, prepared, subject, rng).await
    }

    /// Computes through the release check on shares. `committee` has the names of the nodes that
    /// hold these, if not all parties do.
    async fn on_shares<E: Matching>(
        &self,
        mut engine: E,
        session: Session,
        committee: Option<String>,
        prepared: Prepared,
        subject: Subject,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let function = prepared.descriptor();
        let channel = self.channel;
        let inputs = self.parties();
        let hash = *session.hash();
        let among_parties = self.channel_of_parties();
        let sums = among_parties.as_ref().map(|channel| MaskedSums::new(channel, session));
        let me = channel.parties().me().index();
        let passed = release::pass(&mut engine, me, inputs, &self.joint, &subject).await?;
        let rows = match &passed.rows {
            Some(rows) if function.is_on_shares() => {
                Some(release::open_rows(&mut engine, &self.joint, rows).await?)
            }
            _ => None,
        };
        let permit = self.joint.permit(inputs, rows)?;
        let dropped = match &passed.dropped {
            Some(dropped) => release::open_dropped(&mut engine, &self.joint, dropped).await?,
            None => None,
        };
        let rules = self.joint.rules();
        let mut facts = subject.reveals(rules);
        facts.extend(prepared.caveats(rules));
        let withholds = function.needs == Needs::Counts && permit.withholds();
        let mut has_blinded = false;
        let answer = if function.is_on_shares() || withholds {
            let mut cx = FunctionContext {
                engine,
                channel,
                parties: among_parties.as_ref(),
                inputs,
                session: hash,
                sums,
                permit: &permit,
                rows: rows.unwrap_or_default(),
                rng,
            };
            let answer = if withholds {
                prepared.withholding(&mut cx, passed.rows.as_ref()).await?
            } else {
                prepared.on_shares(&mut cx).await?
            };
            has_blinded = cx.engine.has_blinded();
            answer
        } else if let (Some(channel), Some(mut sums)) = (&among_parties, sums) {
            let mut cx = SumsContext { channel, sums: &mut sums, permit: &permit, rng };
            Some(prepared.on_sums(&mut cx).await?)
        } else {
            None
        };
        let on_shares = function.is_on_shares() || withholds;
        let facts = self.revealed(facts);
        let security = self.security(Used { on_shares, has_blinded }, committee.as_deref(), facts);
        Ok(Ended { permit, answer, dropped, security })
    }

    /// Returns the three nodes that compute on shares: for the function itself, or for a rule that
    /// applies.
    fn committee(
        &self,
        session: &Session,
        prepared: &Prepared,
        rule: Option<Rule>,
    ) -> Result<Committee, Fault> {
        let needs_itself = prepared.descriptor().is_on_shares();
        match (Committee::of(&self.roles, session), rule) {
            (Err(Fault::NoCommittee { serving }), Some(rule)) if !needs_itself => {
                Err(self.joint.no_committee(rule, serving).into())
            }
            (committee, _) => committee,
        }
    }

    /// Returns the assumptions of a function's protection. `committee` has the names of the nodes that
    /// hold the shares, if not all parties do.
    fn security(&self, used: Used, committee: Option<&str>, reveals: Vec<String>) -> Security {
        let engine = if committee.is_some() { Suite::REPLICATED } else { Suite::PAIRWISE };
        let (suite, before) = if used.on_shares {
            (engine, used.has_blinded.then_some(Suite::Intersection))
        } else {
            (Suite::Masked, Some(engine))
        };
        Security::of(suite, before, self.parties(), committee, reveals)
    }
}

impl Ended {
    /// Rounds the answer. A helper has none.
    fn rounded(self, round: Round) -> Result<Self, Fault> {
        let answer = match (self.answer, round) {
            (Some(answer), Some((rounding, rounds))) => Some(rounds(answer, rounding)?),
            (answer, _) => answer,
        };
        Ok(Self { answer, ..self })
    }

    fn outcome(self, agreed: Agreed, parties: usize) -> Outcome {
        let Self { permit, answer, dropped, security } = self;
        Outcome {
            answer: Opened::by(&permit, answer.unwrap_or(Answer::Empty {})),
            security,
            rules: agreed.rules,
            decided_by: agreed.decided_by,
            left_out: agreed.left_out,
            audit: agreed.audit,
            dropped,
            parties,
            session: agreed.session,
            kept: false,
        }
    }
}

/// Opens the number of rows that missing values dropped at all parties. Only for computations without a
/// rule on joint data: there any number may be shown.
async fn sum_dropped(
    dropped: u64,
    sums: &mut MaskedSums<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Dropped, Fault> {
    let shows = Reveal::ANSWER;
    let rounds = Rounds { commit: "commit dropped rows", open: "open dropped rows", shows };
    let layout = Layout::uniform(1, 1)?;
    let sum = sums.sum(rounds, &layout, Zeroizing::new(vec![dropped]), rng).await?;
    let rows = sum.first().copied().filter(|rows| *rows < BEYOND_ROWS);
    rows.map(|rows| Dropped(Some(rows))).ok_or(Fault::InvalidOpening)
}
