//! The entries of values that are revealed beside an answer, and to whom: one for each opening.
//!
//! Every step that shows a value to another member names its [`Reveal`]. The recipients of the value
//! are those of the entry, so the two cannot differ. A function's descriptor lists its entries, and
//! the channel refuses a step whose entry is not listed there ([`crate::kernel::channel`]). The
//! entries that a run named are the ones that its result tells.

/// The recipients of an opened value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipients {
    /// The parties that bring data: for answers, and for values that answers imply.
    Parties,
    /// The helpers too: for sizes, which they need in order to compute.
    All,
    /// The members that compute: for uniform values that drive the next step.
    Computing,
}

/// An entry of the list of what is revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// The recipients.
    pub(crate) to: Recipients,
    /// The text of a result: what was revealed, and to whom.
    pub told: &'static str,
    /// The text of a function's list: the same, with the case in which it is revealed.
    pub listed: &'static str,
}

impl Reveal {
    /// The answer, and what it implies whatever the data are.
    pub(crate) const ANSWER: Self =
        Self { to: Recipients::Parties, told: "the answer", listed: "the answer" };

    /// Values that are uniform whatever the data are: the order of shuffled rows.
    pub(crate) const RANDOM: Self =
        Self { to: Recipients::Computing, told: "random values", listed: "random values" };

    /// Returns whether a function reveals it without an entry in its list.
    pub(crate) fn is_implied(self) -> bool {
        self == Self::ANSWER || self == Self::RANDOM
    }
}

/// Makes entries: the name, the recipients, the case if there is one, and what is revealed. The texts
/// end with the recipients.
macro_rules! reveals {
    ($($(#[$doc:meta])* $name:ident: $to:ident, $(if $case:literal,)? $what:literal;)*) => {
        $($(#[$doc])*
        pub(crate) const $name: $crate::kernel::reveal::Reveal = $crate::kernel::reveal::Reveal {
            to: $crate::kernel::reveal::Recipients::$to,
            told: concat!($what, $crate::kernel::reveal::to_whom!($to)),
            listed: concat!(
                $("if ", $case, ": ",)?
                $what,
                $crate::kernel::reveal::to_whom!($to)
            ),
        };)*
    };
}

macro_rules! to_whom {
    (All) => {
        ", to every party and helper"
    };
    (Parties) => {
        ", to every party"
    };
}

pub(crate) use {reveals, to_whom};

reveals! {
    /// The kinds of columns, in the proposals.
    KINDS: All, if "columns of datasets are compared as texts",
        "which kind each party's columns are of";
}
