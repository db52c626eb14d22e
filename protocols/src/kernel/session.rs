//! The agreement: the proposals of all members, compared, and their hash.
//!
//! Parties: any n ≥ 2. One message from each to each; nothing in it is private.
//!
//! Before any private value is touched, each party sends every other its proposal. The proposal has
//! the spec that its client gave it, its disclosure rules, the source of its columns, and the head
//! of its audit chain. It names the answers about the same source of rows that the party has given
//! before, and the one that it has kept of this very question about the same rows. It also has a
//! fresh nonce, and an ephemeral X25519 public key. If the specs differ, every party stops and can
//! name the field and the party. The hash of the members and of all proposals in the agreed order is
//! the session.
//!
//! Behind the proposal each receiver is told the head of its own chain that the party remembers, by
//! which it sees whether its records are older. Others are not told it.
//!
//! Pair keys: k_ij = KDF(X25519(a_i, A_j) ‖ session ‖ i ‖ j ‖ both heads told ‖ link binding), the
//! same at both ends and known to no other party, even if the certificates' keys leak later.
//!
//! **Bytes sent per party:** some 300 and the parameters, times n − 1. Members are named by
//! their places in the consortium file (see [`Roster`]), so that a proposal does not grow with their
//! number where they follow each other there.
//!
//! Key confirmation: every message from here on has a tag that is keyed with a key derived from
//! k_ij. So the first message shows that parties were told different things, or that an attacker
//! stands between them. That is before anything is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_core::CryptoRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, ReusableSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use crate::kernel::agreed::{Agreed, AnswerId, AuditHead, Origin, SessionHash};
use crate::kernel::channel::Channel;
pub use crate::kernel::column_kind::{ColumnKind, ColumnKinds, MOST_KINDS};
use crate::kernel::disclosure::{JointRules, Refusal, Rules};
use crate::kernel::exchange::{Phase, TagKeys};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::members::hash_ids;
use crate::kernel::party::Party;
use crate::kernel::reveal::KINDS;
use crate::kernel::spec::SentSpec;
pub use crate::kernel::spec::{Difference, Member, MemberId, Role, Roles, Roster, Spec};
use crate::kernel::wire;

/// The number of peers from which on all processors make the pair keys: each key takes some 40 µs.
const MANY_PEERS: usize = 32;

/// The most earlier answers that a proposal names, and that the members agree on.
pub const MAX_EARLIER: usize = 1_024;

/// One party's side of the agreement.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The spec of its client.
    pub spec: Spec,
    /// All members of the consortium, by which members of a computation are named.
    pub roster: Roster,
    /// Its own disclosure rules.
    pub rules: Rules,
    /// The thresholds that the members may have, of the profiles in the consortium file; none for
    /// any. They are not sent: all members have the same file.
    pub listed: Vec<Rules>,
    /// The time that it is willing to wait in all, in milliseconds.
    pub deadline_ms: u64,
    /// The permission of its policy to be one of the three nodes that compute on shares.
    pub serves: bool,
    /// The source of its columns.
    pub source: Origin,
    /// The kinds of its columns that are compared as texts.
    pub kinds: ColumnKinds,
    /// The head of its audit chain.
    pub audit: AuditHead,
    /// The newest head that it remembers of each member's chain, in the order of the members. Each is
    /// told its own. A member behind the end of the list has none, as has one whose head is the
    /// default.
    pub seen: Vec<AuditHead>,
    /// The answers about the same source of rows that it has given before, the newest first. Those
    /// behind the first [`MAX_EARLIER`] are not told.
    pub earlier: Vec<AnswerId>,
    /// The answer that it has kept of this question: the same function and parameters, about the same
    /// rows with the same values.
    pub kept: Option<AnswerId>,
}

/// A session that all parties agreed on.
#[derive(Debug)]
pub struct Session {
    joint: JointRules,
    agreed: Agreed,
    serving: Vec<Party>,
    pair_keys: BTreeMap<Party, PairKey>,
    /// The number of the next use that takes one (see [`Session::next_use`]).
    uses: AtomicU64,
}

/// A key that exactly two parties of a session know.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PairKey([u8; 32]);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Proposal {
    version: u8,
    spec: SentSpec,
    rules: Rules,
    #[serde(with = "wire::fixed")]
    deadline_ms: u64,
    serves: bool,
    source: Origin,
    kinds: ColumnKinds,
    audit: AuditHead,
    earlier: Vec<AnswerId>,
    kept: Option<AnswerId>,
    nonce: [u8; 32],
    key: [u8; 32],
}

/// The message of one party to another: its proposal to all, and what it tells this one alone.
#[derive(Clone, Serialize, Deserialize)]
struct Sent {
    proposal: Proposal,
    /// The newest head of the receiver's chain that the sender remembers. It always has the same
    /// length, which tells nothing of what was remembered.
    seen: AuditHead,
}

/// A member's proposal, read.
#[derive(Clone)]
struct Heard {
    proposal: Proposal,
    spec: Spec,
    /// The head of this party's chain that the member remembers.
    seen: AuditHead,
}

/// The context of the key of a pair, beside their exchange of keys.
struct PairContext<'a> {
    session: &'a SessionHash,
    link: &'a [u8; 32],
    /// The heads that the two were told of their chains: first by the earlier party.
    told: [AuditHead; 2],
}

/// Agrees with all other parties on the computation, or finds the first difference between them.
/// `takes_data` says that the function is one of the parties' data. Then the rule on parties counts
/// only those that bring some.
///
/// # Errors
/// A difference in any field of the spec, or a peer that breaks the protocol.
pub async fn agree(
    channel: &Channel,
    offer: Offer,
    takes_data: bool,
    rng: &mut impl CryptoRng,
) -> Result<Session, Fault> {
    channel.enter(Phase::Agreeing);
    if offer.spec.members.len() != channel.parties().count() {
        return Err(InputError::Shape { expected: "one member for each party" }.into());
    }
    let secret = ReusableSecret::random_from_rng(rng);
    let (listed, roster) = (offer.listed.clone(), offer.roster.clone());
    let remembered =
        |party: Party, seen: &[AuditHead]| seen.get(party.index()).copied().unwrap_or_default();
    let seen = offer.seen.clone();
    let ours = Heard::own(offer, &secret, rng)?;
    for party in channel.parties().others() {
        channel.send(party, ours.message(remembered(party, &seen))?);
    }

    let mut proposals = BTreeMap::new();
    for (from, message) in channel.gather().await? {
        let theirs = Heard::decode(&message.into_bytes(), &roster)
            .ok_or(Fault::blame(from, Misbehaviour::Malformed))?;
        if !theirs.proposal.rules.are_sensible() {
            return Err(Fault::blame(from, Misbehaviour::OutOfRange));
        }
        ours.compare(from, &theirs)?;
        if theirs.proposal.earlier.len() > MAX_EARLIER {
            return Err(Fault::blame(from, Misbehaviour::Malformed));
        }
        proposals.insert(from, theirs);
    }
    check_fresh(&ours, &proposals)?;

    let me = channel.parties().me();
    let mut others = Vec::with_capacity(proposals.len());
    for (party, theirs) in &proposals {
        let told = [remembered(*party, &seen), theirs.seen];
        others.push((*party, theirs.proposal.key, channel.link_binding(*party), told));
    }
    proposals.insert(me, ours);
    let (joint, agreed) = settle(&proposals, me)?;
    let pair_key = |(other, key, link, told): &(Party, [u8; 32], [u8; 32], [AuditHead; 2])| {
        let [to_other, to_me] = *told;
        let told = if me < *other { [to_other, to_me] } else { [to_me, to_other] };
        let context = PairContext { session: &agreed.session, link, told };
        Ok((*other, PairKey::derive(&secret, (me, *other), key, &context)?))
    };
    let pair_keys = if others.len() < MANY_PEERS {
        others.iter().map(pair_key).collect::<Result<_, Fault>>()?
    } else {
        others.par_iter().map(pair_key).collect::<Result<_, Fault>>()?
    };
    if proposals.values().any(|heard| heard.proposal.kinds != ColumnKinds::default()) {
        channel.reveal(KINDS)?;
    }
    // A refusal, too, is known to be of this session and of these rules.
    channel.agreed(agreed.clone());
    joint.check_parties(parties_that_count(&proposals, joint.rules(), takes_data))?;
    check_sources(&proposals)?;
    // Nothing of data is opened otherwise.
    if takes_data {
        check_listed(&proposals, &listed)?;
    }
    let serves = proposals.iter().filter(|(_, heard)| heard.proposal.serves);
    let serving = serves.map(|(party, _)| *party).collect();
    let session = Session { joint, agreed, serving, pair_keys, uses: AtomicU64::new(0) };
    channel.bind(session.tag_keys());
    channel.enter(Phase::Running);
    Ok(session)
}

/// Counts the parties that bring data. For a function of data these are the parties that name a
/// source of their columns. A party without data protects no other. (A false claim is not
/// detected.) Two are the least that compute at all, so that a rule of two parties asks nothing of
/// their data.
fn parties_that_count(
    proposals: &BTreeMap<Party, Heard>,
    rules: &Rules,
    takes_data: bool,
) -> usize {
    let Some(spec) = proposals.values().next().map(|heard| &heard.spec) else { return 0 };
    let must_say = takes_data && rules.min_parties > 2;
    let has_input = |party: &Party| spec.members.get(party.index()).is_some_and(|it| it.role.input);
    let brings = |heard: &Heard| !must_say || heard.proposal.source != Origin::None;
    proposals.iter().filter(|(party, heard)| has_input(party) && brings(heard)).count()
}

/// Derives joint rules and agreement from the proposals of all members, as party `me` knows them.
fn settle(proposals: &BTreeMap<Party, Heard>, me: Party) -> Result<(JointRules, Agreed), Fault> {
    let rules: Vec<(Party, Rules)> =
        proposals.iter().map(|(party, heard)| (*party, heard.proposal.asked())).collect();
    let joint = JointRules::of(&rules).expect("an agreement has members");
    let members = proposals.values().next().map_or(&[][..], |first| &first.spec.members);
    let said = || proposals.values().map(|heard| &heard.proposal);
    let agreed = Agreed {
        deadline_ms: said().map(|it| it.deadline_ms).min().unwrap_or_default(),
        session: hash_of(members, said()),
        rules: *joint.rules(),
        decided_by: joint.decided_by(members),
        left_out: said().map(|it| u64::from(it.source == Origin::LeftOut)).sum(),
        earlier: earlier(said()),
        kept: kept(proposals),
        audit: proposals.iter().map(|(party, heard)| (*party, heard.proposal.audit)).collect(),
        told: proposals
            .iter()
            .filter(|(party, _)| **party != me)
            .map(|(party, heard)| (*party, heard.seen))
            .collect(),
    };
    Ok((joint, agreed))
}

/// Returns the answer that all members with data name as kept; none if one names another, or none.
/// The others bring nothing that the answer depends on.
fn kept(proposals: &BTreeMap<Party, Heard>) -> Option<AnswerId> {
    let spec = &proposals.values().next()?.spec;
    let has_part = |party: &Party| {
        let role = spec.members.get(party.index()).map(|member| member.role);
        role.is_some_and(|role| role.input || role.output)
    };
    let mut named =
        proposals.iter().filter(|(party, _)| has_part(party)).map(|(_, it)| it.proposal.kept);
    let first = named.next()??;
    named.all(|other| other == Some(first)).then_some(first)
}

/// Lists the earlier answers that members name, each once: first those that two name or more, then
/// the others, which one member may have made up. Of each kind the newest come first.
fn earlier<'a>(proposals: impl Iterator<Item = &'a Proposal>) -> Vec<AnswerId> {
    /// The members that name an answer, and its place in the list where it is newest.
    struct Named {
        members: usize,
        place: usize,
    }
    let mut named: BTreeMap<AnswerId, Named> = BTreeMap::new();
    for proposal in proposals {
        // The first place of an answer that is named twice comes last, and holds.
        let places: BTreeMap<_, _> = proposal
            .earlier
            .iter()
            .enumerate()
            .map(|(place, answer)| (answer, place))
            .rev()
            .collect();
        for (answer, place) in places {
            let known = named.entry(*answer).or_insert(Named { members: 0, place });
            known.members += 1;
            known.place = known.place.min(place);
        }
    }
    let mut all: Vec<(AnswerId, Named)> = named.into_iter().collect();
    all.sort_by_key(|(answer, named)| (named.members < 2, named.place, *answer));
    all.into_iter().map(|(answer, _)| answer).take(MAX_EARLIER).collect()
}

/// Refuses columns that a client has made beside the dataset of a party whose rules forbid that.
fn check_sources(proposals: &BTreeMap<Party, Heard>) -> Result<(), Refusal> {
    let strict = |it: &Proposal| it.source.is_dataset() && !it.rules.client_columns;
    let first = |which: &dyn Fn(&Proposal) -> bool| {
        proposals.iter().find(|(_, heard)| which(&heard.proposal)).map(|(party, _)| *party)
    };
    let (of, whose) = (first(&strict), first(&|it| it.source == Origin::Client));
    match of.zip(whose) {
        None => Ok(()),
        Some((of, whose)) => Err(Refusal::ClientColumns { of, whose }),
    }
}

/// Refuses thresholds that are of no profile of the consortium file, where that has any.
fn check_listed(proposals: &BTreeMap<Party, Heard>, listed: &[Rules]) -> Result<(), Refusal> {
    let is_listed =
        |rules: &Rules| listed.is_empty() || listed.iter().any(|one| rules.has_thresholds_of(one));
    match proposals.iter().find(|(_, heard)| !is_listed(&heard.proposal.rules)) {
        Some((of, _)) => Err(Refusal::Unlisted { of: *of }),
        None => Ok(()),
    }
}

/// Reads the spec in a proposal that came before its session was opened here; none if it is no
/// proposal. The spec tells its sender's wish, and proves nothing. Its members are those of this
/// party's own consortium file.
#[must_use]
pub fn peek(proposal: &[u8], roster: &Roster) -> Option<Spec> {
    Heard::decode(proposal, roster).map(|heard| heard.spec)
}

/// Refuses a nonce or key that comes twice: a party that sends it did not draw it. The culprit is
/// known only if the nonce or key is this party's own.
fn check_fresh(ours: &Heard, others: &BTreeMap<Party, Heard>) -> Result<(), Fault> {
    if let Some((party, _)) =
        others.iter().find(|(_, theirs)| theirs.proposal.repeats(&ours.proposal))
    {
        return Err(Fault::blame(*party, Misbehaviour::RepeatedNonce));
    }
    let mut seen: Vec<(Party, &Heard)> = Vec::with_capacity(others.len());
    for (party, theirs) in others {
        if let Some((one, _)) =
            seen.iter().find(|(_, before)| theirs.proposal.repeats(&before.proposal))
        {
            let (one, other) = (*one, *party);
            return Err(Fault::Echo { one, other });
        }
        seen.push((*party, theirs));
    }
    Ok(())
}

impl Session {
    /// Returns the hash of everything that was agreed.
    #[must_use]
    pub fn hash(&self) -> &SessionHash {
        &self.agreed.session
    }

    /// Returns the facts that all members know from here on.
    #[must_use]
    pub fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Creates a session without an agreement, with these keys.
    #[cfg(test)]
    pub(crate) fn of_keys(rules: Rules, keys: BTreeMap<Party, [u8; 32]>) -> Self {
        let pair_keys = keys.into_iter().map(|(party, key)| (party, PairKey(key))).collect();
        let first = Party::new(0).expect("a computation has a party");
        let joint = JointRules::of(&[(first, rules)]).expect("of one party");
        let agreed = Agreed {
            deadline_ms: 0,
            session: SessionHash::fixed([0; 32]),
            rules,
            decided_by: BTreeMap::new(),
            left_out: 0,
            earlier: Vec::new(),
            kept: None,
            audit: Vec::new(),
            told: Vec::new(),
        };
        Self { joint, agreed, serving: Vec::new(), pair_keys, uses: AtomicU64::new(0) }
    }

    /// Returns the strictest of all parties' disclosure rules, and the member that decides each.
    #[must_use]
    pub fn rules(&self) -> &JointRules {
        &self.joint
    }

    /// Returns the shortest time that any party is willing to wait, in milliseconds.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.agreed.deadline_ms
    }

    /// Lists the parties, in order, whose policies let them be one of the three that compute on
    /// shares.
    #[must_use]
    pub fn serving(&self) -> &[Party] {
        &self.serving
    }

    fn tag_keys(&self) -> TagKeys {
        let tag_key = |key: &PairKey| key.for_use("cloister 1 tag of a bound message", 0);
        self.pair_keys().map(|(party, key)| (party, tag_key(key))).collect()
    }

    /// Returns a number that no other use in this session gets, from 0 on: a counter for
    /// [`PairKey::for_use`]. All parties use it in the same order, so that they get the same ones.
    pub(crate) fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    /// Lists the pair keys with each other party.
    pub fn pair_keys(&self) -> impl Iterator<Item = (Party, &PairKey)> {
        self.pair_keys.iter().map(|(party, key)| (*party, key))
    }
}

impl PairKey {
    fn derive(
        secret: &ReusableSecret,
        (me, other): (Party, Party),
        key: &[u8; 32],
        context: &PairContext<'_>,
    ) -> Result<Self, Fault> {
        let shared = secret.diffie_hellman(&PublicKey::from(*key));
        if !is_canonical(key) || !shared.was_contributory() {
            return Err(Fault::blame(other, Misbehaviour::WeakKey));
        }
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pair key");
        hasher.update(shared.as_bytes());
        let PairContext { session, link, told } = context;
        hasher.update(session.as_bytes());
        hasher.update(&me.min(other).to_bytes());
        hasher.update(&me.max(other).to_bytes());
        for AuditHead { losses, number, hash } in told {
            hasher.update(&losses.to_le_bytes());
            hasher.update(&number.to_le_bytes());
            hasher.update(hash);
        }
        hasher.update(link.as_slice());
        let key = Self(*hasher.finalize().as_bytes());
        hasher.zeroize();
        Ok(key)
    }

    /// Derives another key of the same two parties, for a use that needs a counter of its own.
    #[must_use]
    pub(crate) fn derived(&self, purpose: &'static str) -> Self {
        Self(*self.for_use(purpose, 0))
    }

    /// Derives a key for the `counter`-th use for one purpose. `purpose` is a constant of the code;
    /// each pair of purpose and counter is to be used for one thing in a session.
    #[must_use]
    pub fn for_use(&self, purpose: &'static str, counter: u64) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(&self.0);
        hasher.update(&counter.to_le_bytes());
        let key = Zeroizing::new(*hasher.finalize().as_bytes());
        hasher.zeroize();
        key
    }
}

/// Returns whether `key` encodes a number below p = 2^255 − 19. X25519 takes others for the same
/// point, and a key should have one form only.
fn is_canonical(key: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = key;
    let beyond = *lowest >= 0xed && middle.iter().all(|byte| *byte == 0xff) && *highest == 0x7f;
    *highest < 0x80 && !beyond
}

impl fmt::Debug for PairKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairKey(..)")
    }
}

/// Hashes the members, and the proposals of all, in the agreed order.
fn hash_of<'a>(members: &[Member], proposals: impl Iterator<Item = &'a Proposal>) -> SessionHash {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 session");
    hash_ids(&mut hasher, members.iter().map(|member| &member.id));
    for proposal in proposals {
        let bytes = wire::encode(proposal).expect("every proposal here was encoded before");
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    SessionHash::of_bytes(*hasher.finalize().as_bytes())
}

impl Proposal {
    /// Returns the rules that its member asks of the others. The columns of clients are its
    /// business only beside a dataset of its own.
    fn asked(&self) -> Rules {
        let client_columns = self.rules.client_columns || !self.source.is_dataset();
        Rules { client_columns, ..self.rules }
    }

    fn repeats(&self, other: &Self) -> bool {
        self.nonce == other.nonce || self.key == other.key
    }

    /// Returns the first column whose kinds cannot mean the same.
    fn first_other_kind(&self, theirs: &Self) -> Option<Difference> {
        let both = self.kinds.iter().zip(&theirs.kinds).enumerate();
        let (column, (ours, theirs)) = { both }.find(|(_, (ours, theirs))| !ours.fits(**theirs))?;
        let field = format!("kind of the values in column {}", column + 1);
        Some(Difference { field, ours: ours.to_string(), theirs: theirs.to_string() })
    }
}

impl Heard {
    /// Makes this party's own proposal.
    ///
    /// # Errors
    /// If a member is none of the consortium.
    fn own(
        offer: Offer,
        secret: &ReusableSecret,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, InputError> {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let mut earlier = offer.earlier;
        earlier.truncate(MAX_EARLIER);
        let proposal = Proposal {
            version: wire::VERSION,
            spec: SentSpec::new(&offer.spec, &offer.roster)?,
            rules: offer.rules,
            deadline_ms: offer.deadline_ms,
            serves: offer.serves,
            source: offer.source,
            kinds: offer.kinds,
            audit: offer.audit,
            earlier,
            kept: offer.kept,
            nonce,
            key: PublicKey::from(secret).to_bytes(),
        };
        Ok(Self { proposal, spec: offer.spec, seen: AuditHead::default() })
    }

    /// Encodes this party's proposal for a party of whose chain it remembers this head.
    ///
    /// # Errors
    /// If the parameters are too long.
    fn message(&self, seen: AuditHead) -> Result<Vec<u8>, InputError> {
        let too_long = |_| InputError::TooMuch {
            what: "bytes of parameters",
            actual: wire::MAX_STRUCTURED,
            limit: wire::MAX_STRUCTURED,
        };
        wire::encode(&Sent { proposal: self.proposal.clone(), seen }).map_err(too_long)
    }

    /// Reads another party's message; none if it is no proposal, or names no members.
    fn decode(message: &[u8], roster: &Roster) -> Option<Self> {
        let Sent { proposal, seen } = wire::decode(message).ok()?;
        let spec = proposal.spec.clone().read(roster)?;
        Some(Self { proposal, spec, seen })
    }

    fn compare(&self, party: Party, theirs: &Self) -> Result<(), Fault> {
        let (ours, other) = (&self.proposal, &theirs.proposal);
        let version = (ours.version != other.version).then(|| Difference {
            field: "version".into(),
            ours: ours.version.to_string(),
            theirs: other.version.to_string(),
        });
        let difference = version
            .or_else(|| self.spec.first_difference(&theirs.spec))
            .or_else(|| self.first_other_file(other))
            .or_else(|| ours.first_other_kind(other));
        match difference {
            None => Ok(()),
            Some(difference) => {
                Err(Fault::Disagreement { party, difference: Box::new(difference) })
            }
        }
    }

    /// Finds out whether the same places are other members' in the sender's consortium file.
    fn first_other_file(&self, theirs: &Proposal) -> Option<Difference> {
        (!theirs.spec.is_of(&self.spec.members)).then(|| Difference {
            field: "members".into(),
            ours: self.spec.members_text(),
            theirs: "those of another consortium file".into(),
        })
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
