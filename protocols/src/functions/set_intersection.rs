//! `SetIntersection`: the items that all parties have. Each party announces the size of its set.

use zeroize::Zeroizing;

use crate::algebra::elementwise::gather;
use crate::engine::reveals::SET_SIZES;
use crate::functions::answer::Answer;
use crate::functions::common::sets::{Ids, MOST_ITEMS};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::AgreedParameters;
use crate::functions::{Function, OnSets, Rounds, SetsContext, of_counts};
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::prss::order_of;
use crate::kernel::sizes;
use crate::suites::intersection::items::item_hash;
use crate::suites::intersection::{ItemHash, common};

/// One party's set.
pub(crate) struct SetIntersection {
    /// The items, sorted, each once.
    items: Zeroizing<Vec<String>>,
    ids: Ids,
}

impl Function for SetIntersection {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetIntersection",
        summary: "the items that all parties have",
        asked_by: None,
        input: InputKind::Set,
        parameters: &[Ids::CASE, Ids::PADDING],
        kind: Kind::Elements,
        needs: Needs::Sets,
        pushdown: None,
        reveals: &[SET_SIZES],
        result_keys: &["intersection", "size_intersection"],
    };

    type Parameters = Ids;

    fn opens(_: &Ids, _: Scope) -> Equations {
        Equations::counts(1)
    }

    fn new(ids: Ids, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let texts = match input {
            Some(Input::Texts(texts)) => texts.as_slice(),
            Some(other) if !other.is_empty() => {
                return Err(InputError::Shape { expected: "texts" });
            }
            _ => &[],
        };
        let items = ids.distinct_items(texts)?;
        ids.check_size(items.len())?;
        Ok(Self { items, ids })
    }

    fn agreed(&self) -> AgreedParameters {
        self.ids.agreed()
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}

impl OnSets for SetIntersection {
    async fn run(self, cx: SetsContext<'_>) -> Result<Answer, Fault> {
        let SetsContext { channel, session, permit, mut rng } = cx;
        if permit.withholds() {
            return Err(permit.shows_single_rows().into());
        }
        let item_hashes: Zeroizing<Vec<ItemHash>> =
            Zeroizing::new(self.items.iter().map(|item| item_hash(session.hash(), item)).collect());
        let item_hashes = self.ids.padded(item_hashes, &mut rng);
        let counts = exchange_sizes(channel, item_hashes.len()).await?;
        if self.ids.pad_to.is_some() && permit.least_rows().is_some() {
            let why = "the rule on rows cannot be asked of sets whose size is hidden by `pad_to`";
            return Err(Fault::Undefined { why });
        }
        if permit.least_rows().is_some() {
            permit.check_rows(counts.iter().map(|count| *count as u64).sum(), Equations::NONE)?;
        }
        // The order is random, because the other party sees places.
        let order = order_of(item_hashes.len(), &mut rng);
        let sent: Zeroizing<Vec<ItemHash>> = Zeroizing::new(gather(&item_hashes, &order));
        let common = common(channel, session, &sent, &counts, &mut rng).await?;
        let places = gather(&order, &common).into_iter();
        let mut places: Vec<usize> = places.filter(|place| *place < self.items.len()).collect();
        places.sort_unstable();
        let item =
            |place: &usize| self.items.get(*place).expect("a place of our own items").clone();
        let intersection: Vec<String> = places.iter().map(item).collect();
        let size_intersection = intersection.len() as u64;
        Ok(Answer::Intersection { intersection, size_intersection, padded_to: self.ids.pad_to })
    }
}

/// Exchanges the number of items of each party.
async fn exchange_sizes(channel: &Channel, mine: usize) -> Result<Vec<usize>, Fault> {
    let parties = channel.parties();
    let told = sizes::exchange(channel, parties.count(), [mine as u64], &[SET_SIZES]).await?;
    let size = |([size], party): (&[u64; 1], Party)| match usize::try_from(*size) {
        Ok(size) if size <= MOST_ITEMS => Ok(size),
        _ => Err(Fault::blame(party, Misbehaviour::OutOfRange)),
    };
    told.iter().zip(parties.all()).map(size).collect()
}
