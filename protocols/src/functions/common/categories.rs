//! Categories: the declared ones, or those of the parties' data.
//!
//! If the categories were not declared, the parties tell each other those of their data, in two
//! rounds. Each party sends all others its sorted list, at most 1 MiB. Then it sends the digests of
//! all lists as it received them. Parties with different lists would label the same counts
//! differently. **Bytes sent per party:** (n − 1)(its list + 32n).
//!
//! **Adversary:** any n − 1 may deviate. An honest party that goes on has the same lists as all
//! other honest ones.
//!
//! **Leakage:** every party learns which party's data have which category, but not the counts.
//! Declaring the categories avoids it.

use std::collections::BTreeSet;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::layout::MAX_WORDS;
use crate::kernel::channel::{Channel, Message};
use crate::kernel::echo::{Digest, Views};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::reveal::Reveal;
use crate::kernel::text::Case;
use crate::kernel::wire;

/// The most categories of one variable.
pub(crate) const MAX_CATEGORIES: usize = 100_000;

/// The longest name of a category, in bytes.
pub(crate) const MAX_NAME: usize = 1000;

/// The largest answer, in bytes of names and counts. Every node holds it several times, as a map
/// and as text. A contingency table repeats all names of y under every x. So neither the number of
/// cells nor the length of the lists bounds it.
const MAX_ANSWER: usize = 64 << 20;

/// The bytes of an entry beside its name: count, string and its place in a map.
const ENTRY: usize = 64;

/// The categories of each variable of a table, sorted, each once.
pub(crate) type Axes = Vec<Vec<String>>;

/// Unites the categories of all parties' data, which are compared in this case.
pub(crate) async fn unite(
    channel: &Channel,
    own: Axes,
    case: Case,
    shows: Reveal,
) -> Result<Axes, Fault> {
    let lists = exchange(channel, &own, Form { order: Order::Ascending, case }, shows).await?;
    let union = lists.into_iter().fold(own, merge);
    match excess(&union) {
        None => Ok(union),
        Some((what, actual, limit)) => Err(Fault::TableTooLarge { what, actual, limit }),
    }
}

/// Exchanges the categories of the parties' data. Returns those of each other party, in order.
pub(crate) async fn exchange(
    channel: &Channel,
    own: &Axes,
    form: Form,
    shows: Reveal,
) -> Result<Vec<Axes>, Fault> {
    channel.reveal(shows)?;
    let list = wire::encode(own).map_err(|_| too_long())?;
    channel.begin_round("categories");
    let digest = digest(&list);
    channel.broadcast(list);
    let lists = receive_lists(channel, own.len(), form).await?;

    channel.begin_round("categories echo");
    let digests = lists.iter().map(|list| (list.from, list.digest)).collect();
    let views = Views::of(channel.parties(), digest, digests)?;
    channel.broadcast(views.echo());
    for (witness, echo) in channel.gather_exactly(views.echo_bytes()).await? {
        views.compare(witness, &echo.into_bytes())?;
    }
    Ok(lists.into_iter().map(|list| list.axes).collect())
}

/// Refuses a table, declared or of this party's data, that is larger than an answer may be.
pub(crate) fn check_size(axes: &Axes) -> Result<(), InputError> {
    match excess(axes) {
        None => Ok(()),
        Some((what, actual, limit)) => Err(InputError::TooMuch { what, actual, limit }),
    }
}

/// Returns the bound that a table exceeds: its name, the actual amount, and the limit.
fn excess(axes: &Axes) -> Option<(&'static str, usize, usize)> {
    let cells = axes.iter().map(Vec::len).fold(1, usize::saturating_mul);
    let longest = axes.iter().map(Vec::len).max().unwrap_or_default();
    let bounds = [
        ("cells of the table", cells, MAX_WORDS),
        ("categories", longest, MAX_CATEGORIES),
        ("bytes of the answer", answer_bytes(axes), MAX_ANSWER),
    ];
    bounds.into_iter().find(|(_, actual, limit)| actual > limit)
}

/// Returns the bytes of an answer: every name that it repeats, and [`ENTRY`] beside each. The names
/// of an axis stand under every cell of the axes before it.
fn answer_bytes(axes: &Axes) -> usize {
    let mut bytes = 0_usize;
    let mut times = 1_usize;
    for axis in axes {
        let names = axis.iter().map(|name| name.len() + ENTRY).fold(0, usize::saturating_add);
        bytes = bytes.saturating_add(times.saturating_mul(names));
        times = times.saturating_mul(axis.len());
    }
    bytes
}

/// Refuses a name that is too long.
pub(crate) fn check_name(name: &str) -> Result<(), InputError> {
    check("bytes in the name of a category", name.len(), MAX_NAME)
}

/// Refuses categories that are too many for one message to the others.
pub(crate) fn check_message(own: &Axes) -> Result<(), InputError> {
    wire::encode(own).map(drop).map_err(|_| too_long())
}

/// The form of the lists that honest parties send.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// The order of names.
    pub(crate) order: Order,
    /// The case in which names are compared, and written.
    pub(crate) case: Case,
}

/// The order of names in a list, in which no name comes twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Any,
}

struct List {
    from: Party,
    axes: Axes,
    digest: Digest,
}

async fn receive_lists(channel: &Channel, axes: usize, form: Form) -> Result<Vec<List>, Fault> {
    let messages = channel.gather().await?.into_iter();
    messages.map(|(from, message)| parse(from, message, axes, form)).collect()
}

fn parse(from: Party, message: Message, axes: usize, form: Form) -> Result<List, Fault> {
    let bytes = message.into_bytes();
    let list: Option<Axes> = wire::decode(&bytes).ok();
    let valid =
        list.filter(|list| list.len() == axes && list.iter().all(|axis| is_valid(axis, form)));
    let axes = valid.ok_or_else(|| Fault::blame(from, Misbehaviour::Malformed))?;
    Ok(List { from, axes, digest: digest(&bytes) })
}

/// Returns whether a list may come from an honest party. Its names are in the form in which they are
/// compared: a dishonest party could show the same name twice else.
fn is_valid(axis: &[String], Form { order, case }: Form) -> bool {
    axis.len() <= MAX_CATEGORIES
        && axis.iter().all(|name| name.len() <= MAX_NAME && case.compared(name) == name.as_str())
        && match order {
            Order::Ascending => axis.iter().is_sorted_by(|a, b| a < b),
            Order::Any => axis.iter().collect::<BTreeSet<_>>().len() == axis.len(),
        }
}

fn digest(list: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 list of categories");
    hasher.update(list);
    Digest::from(hasher)
}

fn merge(ours: Axes, theirs: Axes) -> Axes {
    let union = |(a, b): (Vec<String>, Vec<String>)| {
        a.into_iter().chain(b).collect::<BTreeSet<_>>().into_iter().collect()
    };
    zip_exact(ours, theirs).map(union).collect()
}

fn check(what: &'static str, actual: usize, limit: usize) -> Result<(), InputError> {
    if actual > limit {
        return Err(InputError::TooMuch { what, actual, limit });
    }
    Ok(())
}

fn too_long() -> InputError {
    let limit = wire::MAX_STRUCTURED;
    InputError::TooMuch { what: "bytes in the names of all categories", actual: limit + 1, limit }
}
