//! What was agreed: the spec of a computation, its comparison field by field, and its hash.
//!
//! Parties: any n ≥ 2. One message from each to each; nothing in it is private.
//!
//! Before any private value is touched, each party sends every other its proposal: the spec that
//! its client gave it, its disclosure rules, a fresh nonce, and an ephemeral X25519 public key.
//! Where the specs differ, every party stops and can say in which field and with whom. The hash of
//! all proposals in the agreed order is the session.
//!
//! Pair keys: k_ij = KDF(X25519(a_i, A_j) ‖ session ‖ i ‖ j ‖ link binding), the same at both ends
//! and known to nobody else, even if the certificates' keys leak later.
//!
//! Key confirmation: every message from here on has a tag that is keyed with a key derived from k_ij.
//! So parties that were told different things, or that have somebody between them, find out with
//! the first message, before anything is opened, and cannot talk past each other.

use std::collections::BTreeMap;
use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, ReusableSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::channel::Channel;
use crate::disclosure::{Profile, Rules};
use crate::exchange::{Phase, TagKeys};
use crate::fault::{Fault, InputError, Misbehaviour};
use crate::party::Party;
use crate::wire;

/// What all parties must want alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The function's name in the catalogue.
    pub function: String,
    /// Its parameters in canonical text, by name.
    pub parameters: BTreeMap<String, String>,
    /// Public sizes that must be equal at all parties, such as the length of a vector.
    pub shape: BTreeMap<String, u64>,
    /// The members that take part, in order: the parties that bring data, then the helpers.
    pub members: Vec<MemberId>,
    /// How many of the members, the last ones, compute on shares without data of their own.
    pub helpers: u64,
    /// The family of protocols.
    pub suite: String,
    /// The name that the clients gave to their network.
    pub network: String,
    /// Which computation under that name this is, from 0.
    pub run: u64,
}

/// A member as every party knows it: by name and pinned certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    /// Its name in the consortium file.
    pub name: String,
    /// The SHA-256 fingerprint of its first certificate in the consortium file.
    pub fingerprint: [u8; 32],
}

/// What one party brings into the agreement.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What its client wants computed.
    pub spec: Spec,
    /// Its own disclosure rules.
    pub rules: Rules,
    /// How long it is willing to wait in all, in milliseconds.
    pub deadline_ms: u64,
    /// Whether its policy lets it be one of the three nodes that compute on shares.
    pub serves: bool,
}

/// Where two specs differ first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The name of the field.
    pub field: String,
    /// What we have.
    pub ours: String,
    /// What the other has.
    pub theirs: String,
}

/// The hash of everything that was agreed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHash([u8; 32]);

/// A session that all parties agreed on.
#[derive(Debug)]
pub struct Session {
    hash: SessionHash,
    rules: Rules,
    deadline_ms: u64,
    serving: Vec<Party>,
    pair_keys: BTreeMap<Party, PairKey>,
}

/// A key that exactly two parties of a session know.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PairKey([u8; 32]);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Proposal {
    version: u8,
    spec: Spec,
    rules: Rules,
    deadline_ms: u64,
    serves: bool,
    nonce: [u8; 32],
    key: [u8; 32],
}

/// Agrees with all other parties on what is computed, or finds out where they differ.
///
/// # Errors
/// A difference in any field of the spec, or a peer that breaks the protocol.
pub async fn agree(
    channel: &Channel,
    offer: Offer,
    rng: &mut impl CryptoRng,
) -> Result<Session, Fault> {
    channel.enter(Phase::Agreeing);
    if offer.spec.members.len() != channel.parties().count() {
        return Err(InputError::Shape { expected: "one member for each party" }.into());
    }
    let secret = ReusableSecret::random_from_rng(rng);
    let ours = Proposal::new(offer, &secret, rng);
    let encoded = wire::encode(&ours).map_err(|_| InputError::TooMuch {
        what: "bytes of parameters",
        actual: wire::MAX_STRUCTURED,
        limit: wire::MAX_STRUCTURED,
    })?;
    channel.broadcast(encoded);

    let mut proposals = BTreeMap::new();
    for (from, message) in channel.gather().await? {
        let theirs = decode(from, &message.into_bytes())?;
        if !theirs.rules.are_sensible() {
            return Err(Fault::blame(from, Misbehaviour::OutOfRange));
        }
        ours.compare(from, &theirs)?;
        proposals.insert(from, theirs);
    }
    check_fresh(&ours, &proposals)?;

    let me = channel.parties().me();
    let keys: Vec<(Party, [u8; 32])> = proposals.iter().map(|(p, q)| (*p, q.key)).collect();
    proposals.insert(me, ours);
    let hash = SessionHash::of(proposals.values());
    let rules = proposals.values().map(|p| p.rules).reduce(Rules::strictest);
    let deadline_ms = proposals.values().map(|p| p.deadline_ms).min();
    let serving = proposals.iter().filter(|(_, p)| p.serves).map(|(party, _)| *party).collect();
    let inputs = proposals.get(&me).map_or(0, |ours| ours.spec.inputs());
    let mut pair_keys = BTreeMap::new();
    for (party, key) in keys {
        let link = channel.link_binding(party);
        pair_keys.insert(party, PairKey::derive(&secret, (me, party), &key, &hash, &link)?);
    }
    let session = Session {
        hash,
        rules: rules.unwrap_or_else(|| Profile::Production.rules()),
        deadline_ms: deadline_ms.unwrap_or_default(),
        serving,
        pair_keys,
    };
    session.rules.check_parties(inputs)?;
    channel.bind(session.tag_keys());
    channel.agreed_deadline(session.deadline_ms);
    channel.enter(Phase::Running);
    Ok(session)
}

/// The spec in a proposal that came before its session was opened here, if it is one. Says what
/// its sender wants, and proves nothing.
#[must_use]
pub fn peek(proposal: &[u8]) -> Option<Spec> {
    wire::decode::<Proposal>(proposal).ok().map(|proposal| proposal.spec)
}

fn decode(from: Party, bytes: &[u8]) -> Result<Proposal, Fault> {
    wire::decode(bytes).map_err(|_| Fault::blame(from, Misbehaviour::Malformed))
}

/// A nonce or key seen twice is an echo: one who sends it did not draw it. We know who that is only
/// if it is ours.
fn check_fresh(ours: &Proposal, others: &BTreeMap<Party, Proposal>) -> Result<(), Fault> {
    if let Some((party, _)) = others.iter().find(|(_, theirs)| theirs.repeats(ours)) {
        return Err(Fault::blame(*party, Misbehaviour::RepeatedNonce));
    }
    let mut seen: Vec<(Party, &Proposal)> = Vec::with_capacity(others.len());
    for (party, theirs) in others {
        if let Some((one, _)) = seen.iter().find(|(_, before)| theirs.repeats(before)) {
            let (one, other) = (*one, *party);
            return Err(Fault::Echo { one, other });
        }
        seen.push((*party, theirs));
    }
    Ok(())
}

impl Session {
    /// The hash of everything that was agreed.
    #[must_use]
    pub fn hash(&self) -> &SessionHash {
        &self.hash
    }

    /// A session that nobody agreed on, with these keys.
    #[cfg(test)]
    pub(crate) fn of_keys(rules: Rules, keys: BTreeMap<Party, [u8; 32]>) -> Self {
        let pair_keys = keys.into_iter().map(|(party, key)| (party, PairKey(key))).collect();
        let hash = SessionHash([0; 32]);
        Self { hash, rules, deadline_ms: 0, serving: Vec::new(), pair_keys }
    }

    /// The strictest of all parties' disclosure rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The shortest time that any party is willing to wait, in milliseconds.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// The parties, in order, whose policies let them be one of the three that compute on shares.
    #[must_use]
    pub fn serving(&self) -> &[Party] {
        &self.serving
    }

    fn tag_keys(&self) -> TagKeys {
        let tag_key = |key: &PairKey| key.for_use("cloister 1 tag of a bound message", 0);
        self.pair_keys().map(|(party, key)| (party, tag_key(key))).collect()
    }

    /// The keys shared with each other party.
    pub fn pair_keys(&self) -> impl Iterator<Item = (Party, &PairKey)> {
        self.pair_keys.iter().map(|(party, key)| (*party, key))
    }
}

impl PairKey {
    fn derive(
        secret: &ReusableSecret,
        (me, other): (Party, Party),
        key: &[u8; 32],
        session: &SessionHash,
        link: &[u8; 32],
    ) -> Result<Self, Fault> {
        let shared = secret.diffie_hellman(&PublicKey::from(*key));
        if !is_canonical(key) || !shared.was_contributory() {
            return Err(Fault::blame(other, Misbehaviour::WeakKey));
        }
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pair key");
        hasher.update(shared.as_bytes());
        hasher.update(session.as_bytes());
        hasher.update(&me.min(other).to_bytes());
        hasher.update(&me.max(other).to_bytes());
        hasher.update(link);
        let key = Self(*hasher.finalize().as_bytes());
        hasher.zeroize();
        Ok(key)
    }

    /// Another key of the same two parties, for what needs a counter of its own.
    #[must_use]
    pub(crate) fn derived(&self, purpose: &'static str) -> Self {
        Self(*self.for_use(purpose, 0))
    }

    /// A key for the `counter`-th use for one purpose. `purpose` is a constant of the code; each
    /// pair of purpose and counter is to be used for one thing in a session.
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

/// Whether `key` encodes a number below p = 2^255 − 19: X25519 takes others for the same point, and
/// a key should have one form only.
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

impl SessionHash {
    fn of<'a>(proposals: impl Iterator<Item = &'a Proposal>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 session");
        for proposal in proposals {
            let bytes = wire::encode(proposal).expect("every proposal here was encoded before");
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes);
        }
        Self(*hasher.finalize().as_bytes())
    }

    #[cfg(test)]
    pub(crate) fn fixed(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, ours, theirs } = self;
        write!(f, "field `{field}` is {ours} here and {theirs} there")
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.fingerprint;
        write!(f, "{} ({a:02x}{b:02x}{c:02x}{d:02x}…)", self.name)
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHash({self})")
    }
}

impl Proposal {
    fn new(offer: Offer, secret: &ReusableSecret, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Self {
            version: wire::VERSION,
            spec: offer.spec,
            rules: offer.rules,
            deadline_ms: offer.deadline_ms,
            serves: offer.serves,
            nonce,
            key: PublicKey::from(secret).to_bytes(),
        }
    }

    fn repeats(&self, other: &Self) -> bool {
        self.nonce == other.nonce || self.key == other.key
    }

    fn compare(&self, party: Party, theirs: &Self) -> Result<(), Fault> {
        let version = (self.version != theirs.version).then(|| Difference {
            field: "version".into(),
            ours: self.version.to_string(),
            theirs: theirs.version.to_string(),
        });
        match version.or_else(|| self.spec.first_difference(&theirs.spec)) {
            None => Ok(()),
            Some(difference) => {
                Err(Fault::Disagreement { party, difference: Box::new(difference) })
            }
        }
    }
}

impl Spec {
    /// The number of parties that bring data: all members but the helpers.
    #[must_use]
    pub fn inputs(&self) -> usize {
        let helpers = usize::try_from(self.helpers).unwrap_or(usize::MAX);
        self.members.len().saturating_sub(helpers)
    }

    /// The first field in which `theirs` differs from this spec.
    #[must_use]
    pub fn first_difference(&self, theirs: &Self) -> Option<Difference> {
        let field = |name: &str, ours: &dyn fmt::Display, theirs: &dyn fmt::Display| Difference {
            field: name.to_owned(),
            ours: shorten(&ours.to_string()),
            theirs: shorten(&theirs.to_string()),
        };
        if self.network != theirs.network {
            return Some(field("network", &self.network, &theirs.network));
        }
        if self.run != theirs.run {
            return Some(field("run", &self.run, &theirs.run));
        }
        if self.function != theirs.function {
            return Some(field("function", &self.function, &theirs.function));
        }
        if self.members != theirs.members {
            return Some(field("members", &names(&self.members), &names(&theirs.members)));
        }
        if self.helpers != theirs.helpers {
            return Some(field("helpers", &self.helpers, &theirs.helpers));
        }
        if self.suite != theirs.suite {
            return Some(field("suite", &self.suite, &theirs.suite));
        }
        differing_entry(&self.parameters, &theirs.parameters)
            .map(|(name, a, b)| field(&format!("parameters.{name}"), &a, &b))
            .or_else(|| {
                differing_entry(&self.shape, &theirs.shape).map(|(name, a, b)| field(name, &a, &b))
            })
    }
}

fn names(members: &[MemberId]) -> String {
    let names: Vec<String> = members.iter().map(MemberId::to_string).collect();
    names.join(", ")
}

fn differing_entry<'a, V: PartialEq + fmt::Display>(
    ours: &'a BTreeMap<String, V>,
    theirs: &'a BTreeMap<String, V>,
) -> Option<(&'a str, String, String)> {
    let text = |value: Option<&V>| value.map_or_else(|| "not given".to_owned(), V::to_string);
    let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.into_iter()
        .find(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| (key.as_str(), text(ours.get(key)), text(theirs.get(key))))
}

/// Differences are shown to people: a list of ten thousand categories is not, nor what a peer sent
/// to end the line of a log.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    let visible = |c: char| {
        if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
    };
    let start: String = text.chars().take(SHOWN).map(visible).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{start}…") } else { start }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
