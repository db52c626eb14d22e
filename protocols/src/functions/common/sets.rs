//! Parts of all functions of sets: the comparison of items, and the announced size of a set.
//!
//! Each party announces the size of its set. A declared size can hide it: then each set is padded
//! with items that no party has.

use rand_core::CryptoRng;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::functions::descriptor::ParameterEntry;
use crate::functions::parameters::{AgreedParameters, NO, refuse};
use crate::kernel::fault::InputError;
use crate::kernel::text::Case;
use crate::suites::intersection::ItemHash;
use crate::suites::intersection::items::{ITEMS, item};

/// The name of the declared size in requests.
const PAD_TO: &str = "pad_to";

/// The most items of a party.
pub(crate) const MOST_ITEMS: usize = 1 << 24;

/// The name of the comparison of categories beside ids, in requests and in the spec.
const CATEGORY_CASE_NAME: &str = "category_case";

/// The parameters of ids and items: their comparison, the padding of each party's set, and the
/// comparison of categories beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Ids {
    #[serde(default)]
    case: Case,
    pub(crate) pad_to: Option<u64>,
    #[serde(default)]
    pub(crate) category_case: Case,
}

impl Ids {
    /// The descriptors' entry for the comparison. [`Self::PADDING`] is the one for the padding.
    pub(crate) const CASE: ParameterEntry = ParameterEntry::text(
        "case",
        "of ids and items: `exact`, where upper and lower case differ (the usual one), or `lower`, where \
         they are compared in lower case",
    );
    pub(crate) const PADDING: ParameterEntry = ParameterEntry::number(
        PAD_TO,
        "to how many ids or items each party's set is filled up, which is told instead of the true number; \
         the true number where it is left out",
    );

    /// The entry of functions that take categories beside ids.
    pub(crate) const CATEGORY_CASE: ParameterEntry = ParameterEntry::text(
        CATEGORY_CASE_NAME,
        "of categories: `exact`, where upper and lower case differ (the usual one), or `lower`, where they \
         are compared and shown in lower case",
    );

    /// Returns the comparison of items and categories, and the padding of sets, as the spec has
    /// them.
    pub(crate) fn agreed(self) -> AgreedParameters {
        let size = self.pad_to.map_or_else(|| NO.to_owned(), |size| size.to_string());
        let mut agreed: AgreedParameters =
            [(ITEMS.to_owned(), self.case.rule().to_owned()), (PAD_TO.to_owned(), size)].into();
        if self.category_case != Case::Exact {
            agreed.insert(CATEGORY_CASE_NAME.to_owned(), self.category_case.rule().to_owned());
        }
        agreed
    }

    /// Returns the items that texts stand for.
    ///
    /// # Errors
    /// A blank text.
    pub(crate) fn items(self, texts: &[String]) -> Result<Zeroizing<Vec<String>>, InputError> {
        texts
            .iter()
            .enumerate()
            .map(|(index, text)| item(text, self.case).ok_or(InputError::BlankId { index }))
            .collect::<Result<_, _>>()
            .map(Zeroizing::new)
    }

    /// Returns the items that texts stand for, sorted, each once.
    ///
    /// # Errors
    /// A blank text.
    pub(crate) fn distinct_items(
        self,
        texts: &[String],
    ) -> Result<Zeroizing<Vec<String>>, InputError> {
        let mut items = self.items(texts)?;
        items.sort_unstable();
        items.dedup();
        Ok(items)
    }

    /// Refuses a set of more items than there may be, or than were declared.
    pub(crate) fn check_size(self, items: usize) -> Result<(), InputError> {
        let declared = match self.pad_to {
            None => items,
            Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
        };
        if declared > MOST_ITEMS {
            return Err(InputError::TooMuch {
                what: "items of a party",
                actual: declared,
                limit: MOST_ITEMS,
            });
        }
        if items > declared {
            return Err(refuse(PAD_TO, format!("a party has more than {declared} items")));
        }
        Ok(())
    }

    /// Returns the item hashes, and behind them random ones up to the declared size.
    pub(crate) fn padded(
        self,
        mut item_hashes: Zeroizing<Vec<ItemHash>>,
        rng: &mut impl CryptoRng,
    ) -> Zeroizing<Vec<ItemHash>> {
        let Some(size) = self.pad_to else { return item_hashes };
        let size = usize::try_from(size).expect("the declared size is within the limit of items");
        // Reserved as a whole: growing would leave copies behind.
        let mut all = Zeroizing::new(Vec::with_capacity(size.max(item_hashes.len())));
        all.append(&mut item_hashes);
        while all.len() < size {
            let [high, low] = [rng.next_u64(), rng.next_u64()];
            all.push(u128::from(high) << 64 | u128::from(low));
        }
        all
    }
}
