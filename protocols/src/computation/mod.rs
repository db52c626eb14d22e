//! From a client's request to an answer that may leave the node.
//!
//! A [`Request`] is made from parameters and data: parsed, range-checked and added up locally, so
//! that nothing which can be known to be wrong costs the other parties a message. [`compute`] then
//! agrees with them on what is computed, asks the disclosure rules, runs the function and marks its
//! answer as opened.
//!
//! What the rules ask of all parties' data together (how many rows, the largest party's share, small
//! cells of tables) is decided under sharing before anything else is masked or opened (see
//! the module `release`): by the three nodes that compute on shares, which the parties then need for
//! functions of masked sums too. Where no rule asks anything, such functions need nobody else.
//!
//! Each party counts its own rows. That it counts others than it has is not detected; that it counts
//! others than it uses is, of whole tables and univariate statistics; not of sums, ranks, and the mode
//! alone. Bivariate statistics open how many
//! rows were used, and are refused if these are fewer than the rules ask.
//!
//! Nothing here waits for time to pass: the agreed deadline is for whoever drives the machine.

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod dropped_tests;
mod request;
mod security;
mod sharing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::layout::Layout;
pub use crate::computation::request::Request;
use crate::computation::request::{Part, Ready};
pub use crate::computation::security::Security;
use crate::computation::sharing::{AHEAD, Sharing};
use crate::engine::Engine;
use crate::functions::Prepared;
pub use crate::functions::answer::{Answer, Group, Precision};
pub use crate::functions::input::{Column, Input};
use crate::functions::on_shares::{Desk, cells};
use crate::functions::set_intersection;
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::{JointRules, Opened, Permit, Rule, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::session::{Agreed, AuditHead, Offer, Session, SessionHash, Spec, agree};
pub use crate::release::Dropped;
use crate::release::{self, Subject};
use crate::suites::masked::{MaskedSums, Rounds};
use crate::suites::pairwise::{Ahead, Pairwise, Stores};
use crate::suites::replicated::{Committee, Replicated};

/// What a computation ends with.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer, which may leave the node.
    pub answer: Opened<Answer>,
    /// What its protection assumes.
    pub security: Security,
    /// The rules that held: the strictest of all parties'.
    pub rules: Rules,
    /// For each rule by name, the name of the member whose rule held.
    pub decided_by: BTreeMap<&'static str, String>,
    /// Of every member, in order, the head of its audit chain when it proposed.
    pub audit: Vec<(Party, AuditHead)>,
    /// How many rows of all parties together were left out because something was missing in them;
    /// none where the parameters do not ask for it, and at helpers.
    pub dropped: Option<Dropped>,
    /// The number of parties.
    pub parties: usize,
    /// The hash of everything that was agreed.
    pub session: SessionHash,
}

/// Runs one computation as one of its members: agrees, asks the rules, computes, opens. The
/// function, its parameters, its shape and the suite in the offer's spec are taken from `request`,
/// so that what is agreed on is what runs. `stores` have what this node has made ahead with its peers.
/// A helper's answer is empty.
///
/// # Errors
/// If the parties want different things, a peer breaks the protocol, the rules forbid the answer,
/// or no double can express it.
pub async fn compute(
    channel: Channel,
    mut offer: Offer,
    mut request: Request,
    stores: Stores,
    mut rng: impl CryptoRng,
) -> Result<Outcome, Fault> {
    request.describe(&mut offer);
    request.check_members(&offer.spec, channel.parties().count())?;
    request.take_place(channel.parties().me())?;
    let spec = offer.spec.clone();
    let session = agree(&channel, offer, request.function().has_rows(), &mut rng).await?;
    let ready = request.into_ready();
    let course = Course { channel: &channel, spec: &spec, joint: *session.rules(), stores };
    let agreed = session.agreed().clone();
    let rule = ready.subject.asks(course.joint.rules());
    let ended = match (ready.part, rule) {
        (Part::Masked(prepared), None) => {
            course.among_parties(session, prepared, &ready.subject, &mut rng).await
        }
        (Part::Prepare, _) => course.prepare(&session, &mut rng).await,
        (Part::Sets(prepared), _) => {
            course.sets(session, prepared, ready.subject.dropped, ready.reveals, &mut rng).await
        }
        (part, rule) => {
            let committee = match Sharing::agreed(&spec) {
                Sharing::Parties => None,
                Sharing::Committee => Some(course.committee(&session, &part, rule)?),
            };
            let ready = Ready { part, ..ready };
            match committee {
                None => course.by_themselves(session, ready, &mut rng).await,
                Some(committee) => course.with_committee(session, committee, ready, &mut rng).await,
            }
        }
    };
    Ok(ended?.outcome(agreed, spec.inputs()))
}

/// A computation that was agreed on.
pub(crate) struct Course<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) spec: &'a Spec,
    pub(crate) joint: JointRules,
    /// What this node has made ahead with the others.
    pub(crate) stores: Stores,
}

/// What a computation ended with; at a helper there is no answer.
pub(crate) struct Ended {
    permit: Permit,
    pub(crate) answer: Option<Answer>,
    dropped: Option<Dropped>,
    security: Security,
}

impl Course<'_> {
    /// With masked sums among the parties alone, where no rule asks anything of the joint data. A
    /// helper that was named in vain has nothing to do.
    async fn among_parties(
        &self,
        session: Session,
        prepared: Option<Prepared>,
        subject: &Subject,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let parties = self.spec.inputs();
        let permit = self.joint.permit(parties, None)?;
        let reveals = prepared.as_ref().map(|prepared| prepared.reveals(self.joint.rules()));
        let security = Security::masked(parties, reveals.unwrap_or_default());
        let among_parties = self.channel.among_first(parties);
        let Some((channel, prepared)) = among_parties.as_ref().zip(prepared) else {
            return Ok(Ended { permit, answer: None, dropped: None, security });
        };
        let mut sums = MaskedSums::new(channel, session);
        let dropped = match subject.dropped {
            Some(dropped) => Some(sum_dropped(dropped, &mut sums, rng).await?),
            None => None,
        };
        let answer = Some(prepared.run(channel, &mut sums, &permit, rng).await?);
        Ok(Ended { permit, answer, dropped, security })
    }

    /// With masked items, among the parties alone.
    async fn sets(
        &self,
        session: Session,
        prepared: set_intersection::Prepared,
        dropped: Option<u64>,
        reveals: Vec<String>,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let parties = self.spec.inputs();
        let permit = self.joint.permit(parties, None)?;
        let security = Security::intersection(parties, reveals);
        let answer = Some(prepared.run(self.channel, &session, &permit, rng).await?);
        let dropped = match dropped {
            Some(dropped) => {
                let mut sums = MaskedSums::new(self.channel, session);
                Some(sum_dropped(dropped, &mut sums, rng).await?)
            }
            None => None,
        };
        Ok(Ended { permit, answer, dropped, security })
    }

    /// Makes ahead what later computations of these parties use up.
    async fn prepare(&self, session: &Session, rng: &mut impl CryptoRng) -> Result<Ended, Fault> {
        let parties = self.spec.inputs();
        let permit = self.joint.permit(parties, None)?;
        let mut engine =
            Pairwise::new(self.channel, session, self.spec, Ahead::Base, self.stores.clone(), rng)
                .await?;
        engine.stock_up(session).await?;
        let security = Security::pairwise(parties, Vec::new());
        Ok(Ended { permit, answer: None, dropped: None, security })
    }

    /// With the three nodes that compute on shares, through the release check.
    pub(crate) async fn with_committee(
        &self,
        session: Session,
        committee: Committee,
        ready: Ready,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let inputs = self.spec.inputs();
        let engine = Replicated::new(self.channel, &session, committee, inputs, rng).await?;
        self.on_shares(engine, session, Some(committee.names(self.spec)), ready, rng).await
    }

    /// By all parties, and nobody else, through the release check.
    async fn by_themselves(
        &self,
        session: Session,
        ready: Ready,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let ahead = match self.spec.parameters.contains_key(AHEAD) {
            true => Ahead::Nothing,
            false => Ahead::Lot,
        };
        let engine =
            Pairwise::new(self.channel, &session, self.spec, ahead, self.stores.clone(), rng)
                .await?;
        self.on_shares(engine, session, None, ready, rng).await
    }

    /// Through the release check on shares; `committee` has the names of the nodes that hold these, if not all
    /// parties do.
    async fn on_shares<E: Engine>(
        &self,
        engine: E,
        session: Session,
        committee: Option<String>,
        ready: Ready,
        rng: &mut impl CryptoRng,
    ) -> Result<Ended, Fault> {
        let Ready { part, subject, reveals } = ready;
        let (channel, inputs, hash) = (self.channel, self.spec.inputs(), *session.hash());
        let among_parties = channel.among_first(inputs);
        let sums = among_parties.as_ref().map(|channel| MaskedSums::new(channel, session));
        let parties = among_parties.as_ref();
        let mut desk = Desk { engine, channel, parties, inputs, session: hash, sums };

        let me = channel.parties().me().index();
        let passed = release::pass(&mut desk.engine, (me, inputs), &self.joint, &subject).await?;
        let rows = match (&part, &passed.rows) {
            (Part::OnShares(_), Some(rows)) => {
                Some(release::open_rows(&mut desk.engine, &self.joint, rows).await?)
            }
            _ => None,
        };
        let permit = self.joint.permit(inputs, rows)?;
        let dropped = match &passed.dropped {
            Some(dropped) => release::open_dropped(&mut desk.engine, &self.joint, dropped).await?,
            None => None,
        };
        let reveals = [subject.reveals(self.joint.rules()), reveals].concat();
        let on_shares = subject.is_table && permit.withholds();
        let security = self.security(&part, on_shares, committee.as_deref(), reveals);
        let answer = match part {
            Part::OnShares(prepared) => {
                prepared.run(&mut desk, &permit, rows.unwrap_or_default(), rng).await?
            }
            Part::Masked(prepared) if on_shares => {
                let table = prepared.and_then(Prepared::into_table);
                cells::table(&mut desk, table, &permit, passed.rows.as_ref()).await?
            }
            Part::Masked(prepared) => masked(&mut desk, prepared, &permit, rng).await?,
            Part::Sets(_) | Part::Prepare => None,
        };
        Ok(Ended { permit, answer, dropped, security })
    }

    /// The three nodes that compute on shares: for the function itself, or for a rule that asks.
    fn committee(
        &self,
        session: &Session,
        part: &Part,
        rule: Option<Rule>,
    ) -> Result<Committee, Fault> {
        let needs_itself = matches!(part, Part::OnShares(_));
        match (Committee::of(self.spec, session), rule) {
            (Err(Fault::NoCommittee { serving }), Some(rule)) if !needs_itself => {
                Err(self.joint.no_committee(rule, serving).into())
            }
            (committee, _) => committee,
        }
    }

    fn security(
        &self,
        part: &Part,
        on_shares: bool,
        committee: Option<&str>,
        mut reveals: Vec<String>,
    ) -> Security {
        let parties = self.spec.inputs();
        let computed = |reveals| match committee {
            Some(names) => Security::replicated(names, reveals),
            None => Security::pairwise(parties, reveals),
        };
        match part {
            Part::OnShares(prepared) => {
                reveals.extend(prepared.reveals());
                let security = computed(reveals);
                match committee.is_none() && parties == 2 && prepared.matches_ids() {
                    true => security.with_masked_ids(),
                    false => security,
                }
            }
            Part::Sets(_) | Part::Prepare => computed(reveals),
            Part::Masked(prepared) => {
                let own = prepared.as_ref().map(|prepared| prepared.reveals(self.joint.rules()));
                reveals.extend(own.into_iter().flatten());
                match (on_shares, committee) {
                    (true, _) => computed(reveals),
                    (false, Some(names)) => {
                        Security::masked_behind_release_check(parties, names, reveals)
                    }
                    (false, None) => Security::masked_behind_own_release_check(parties, reveals),
                }
            }
        }
    }
}

impl Ended {
    fn outcome(self, agreed: Agreed, parties: usize) -> Outcome {
        let Self { permit, answer, dropped, security } = self;
        Outcome {
            answer: Opened::by(&permit, answer.unwrap_or(Answer::Empty {})),
            security,
            rules: agreed.rules,
            decided_by: agreed.decided_by,
            audit: agreed.audit,
            dropped,
            parties,
            session: agreed.session,
        }
    }
}

/// The answer of masked sums of who has passed the release check; none at a helper.
async fn masked<E: Engine>(
    desk: &mut Desk<'_, E>,
    prepared: Option<Prepared>,
    permit: &Permit,
    rng: &mut impl CryptoRng,
) -> Result<Option<Answer>, Fault> {
    match (prepared, desk.parties, &mut desk.sums) {
        (Some(prepared), Some(channel), Some(sums)) => {
            prepared.run(channel, sums, permit, rng).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// How many rows of all parties were left out, where any number may be shown.
async fn sum_dropped(
    dropped: u64,
    sums: &mut MaskedSums<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Dropped, Fault> {
    let rounds = Rounds { commit: "commit dropped rows", open: "open dropped rows" };
    let layout = Layout::uniform(1, 1)?;
    let sum = sums.sum(rounds, &layout, Zeroizing::new(vec![dropped]), rng).await?;
    let rows = sum.first().copied().filter(|rows| *rows < 1 << 62);
    rows.map(|rows| Dropped(Some(rows))).ok_or(Fault::Implausible)
}
