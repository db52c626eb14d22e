//! The list of all functions, in the order in which they are listed to clients.
//!
//! A function of several forms comes several times, under the same name. Each form but the first
//! names the parameter that asks for it. One more function is one word in this list.

use crate::engine::Engine;
use crate::engine::aggregate::Aggregate;
use crate::engine::matching::Matching;
use crate::functions::answer::Answer;
use crate::functions::bivariate::BivariateStatistics;
use crate::functions::contingency::{Contingency, ContingencyMode};
use crate::functions::contingency_vertical::ContingencyVertical;
use crate::functions::correlation::Correlation;
pub use crate::functions::descriptor::{
    Behind, Descriptor, InputKind, Kind, Needs, ParameterEntry, Pushdown,
};
use crate::functions::empty::Empty;
use crate::functions::frequency::{Frequency, FrequencyMode};
use crate::functions::input::Input;
use crate::functions::intersection_size::IntersectionSize;
use crate::functions::intersection_sum::IntersectionSum;
use crate::functions::kth_element::KthElement;
use crate::functions::mean_by_group::MeanByGroup;
use crate::functions::measure::Measure;
use crate::functions::median::Median;
use crate::functions::minimum_maximum::MinimumMaximum;
use crate::functions::ols::Regression;
use crate::functions::ols_by_id::RegressionById;
use crate::functions::parameters::{AgreedParameters, Parameters, refuse};
use crate::functions::prepare::Prepare;
use crate::functions::product::MatrixProduct;
use crate::functions::quantiles::Quantiles;
use crate::functions::set_intersection::SetIntersection;
use crate::functions::sort::Sort;
use crate::functions::sum::Sum;
use crate::functions::top_k::TopK;
use crate::functions::union_size::UnionSize;
use crate::functions::univariate::UnivariateStatistics;
use crate::functions::vector_sum::VectorSum;
use crate::functions::{
    Computed, Function, FunctionContext, OnCounts, OnSets, OnShares, OnSums, Rounds, SetsContext,
    SumsContext,
};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::reveal::KINDS;
use crate::release::terms::Magnitude;

/// A form of a function, with its check of parameters and its constructor.
struct Form {
    descriptor: &'static Descriptor,
    check: fn(&Parameters) -> Result<(), InputError>,
    opens: fn(&Parameters, Scope) -> Result<Equations, InputError>,
    permille: fn(&Parameters) -> Result<Vec<u16>, InputError>,
    make: fn(&Parameters, Option<&Input>, usize) -> Result<Prepared, InputError>,
}

/// Runs a function, if it needs the form of computation that is at hand.
macro_rules! on {
    (sums: sums, $run:expr) => {
        $run
    };
    (sums: counts, $run:expr) => {
        $run
    };
    (counts: counts, $run:expr) => {
        $run
    };
    (shares: shares, $run:expr) => {
        $run
    };
    (sets: sets, $run:expr) => {
        $run
    };
    // A function runs only on the form of computation that its descriptor names.
    ($there:ident: $needed:ident, $run:expr) => {
        Err(Fault::Internal("a function runs on what its descriptor needs"))
    };
}

macro_rules! functions {
    ($($function:ident: $needs:ident,)*) => {
        static FORMS: &[Form] = &[$(Form {
            descriptor: &$function::DESCRIPTOR,
            check: |parameters| {
                parameters
                    .read::<<$function as Function>::Parameters>(entries_of::<$function>())
                    .map(drop)
            },
            opens: |parameters, scope| {
                parameters.read(entries_of::<$function>()).map(|own| <$function as Function>::opens(&own, scope))
            },
            permille: |parameters| {
                parameters.read(entries_of::<$function>()).map(|own| <$function as Function>::permille(&own))
            },
            make: |parameters, input, parties| {
                let own = parameters.read(entries_of::<$function>())?;
                $function::new(own, input, parties).map(Prepared::$function)
            },
        }),*];

        /// A function with its parameters and one party's data in it; at a helper, without data.
        pub(crate) enum Prepared {
            $($function($function),)*
        }

        impl Prepared {
            /// Returns the function's descriptor.
            pub(crate) fn descriptor(&self) -> &'static Descriptor {
                match self { $(Self::$function(_) => &$function::DESCRIPTOR,)* }
            }

            /// Delegates to [`Function::agreed`].
            pub(crate) fn agreed(&self) -> AgreedParameters {
                match self { $(Self::$function(function) => function.agreed(),)* }
            }

            /// Delegates to [`Function::length`].
            pub(crate) fn length(&self) -> Option<u64> {
                match self { $(Self::$function(function) => function.length(),)* }
            }

            /// Delegates to [`Function::words`].
            pub(crate) fn words(&self) -> usize {
                match self { $(Self::$function(function) => function.words(),)* }
            }

            /// Delegates to [`Function::caveats`].
            pub(crate) fn caveats(&self, rules: &Rules) -> Vec<String> {
                match self { $(Self::$function(function) => function.caveats(rules),)* }
            }

            /// Delegates to [`Function::rounds`].
            pub(crate) fn rounds(&self, rules: &Rules) -> Option<Rounds> {
                match self { $(Self::$function(function) => function.rounds(rules),)* }
            }

            /// Delegates to [`Function::take_magnitude`].
            pub(crate) fn take_magnitude(&mut self) -> Option<Magnitude> {
                match self { $(Self::$function(function) => function.take_magnitude(),)* }
            }

            /// Delegates to [`Function::take_place`].
            pub(crate) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
                match self { $(Self::$function(function) => function.take_place(me),)* }
            }

            /// Runs a function of sums: see [`OnSums::run`].
            #[allow(unused_variables, reason = "most functions do not run on it")]
            pub(crate) async fn on_sums<A: Aggregate>(
                self,
                cx: &mut SumsContext<'_, A>,
            ) -> Result<Answer, Fault> {
                match self {
                    $(Self::$function(function) => {
                        on!(sums: $needs, OnSums::run(function, cx).await)
                    })*
                }
            }

            /// Runs a function of counts on shares: see [`OnCounts::run_withholding`].
            #[allow(unused_variables, reason = "most functions do not run on it")]
            pub(crate) async fn withholding<E: Engine>(
                self,
                cx: &mut FunctionContext<'_, E>,
                rows: Option<&E::Shared<u64>>,
            ) -> Computed {
                match self {
                    $(Self::$function(function) => {
                        on!(counts: $needs, function.run_withholding(cx, rows).await)
                    })*
                }
            }

            /// Runs a function of shared values: see [`OnShares::run`].
            #[allow(unused_variables, reason = "most functions do not run on it")]
            pub(crate) async fn on_shares<E: Matching>(
                self,
                cx: &mut FunctionContext<'_, E>,
            ) -> Computed {
                match self {
                    $(Self::$function(function) => {
                        on!(shares: $needs, OnShares::run(function, cx).await)
                    })*
                }
            }

            /// Runs a function of sets: see [`OnSets::run`].
            #[allow(unused_variables, reason = "most functions do not run on it")]
            pub(crate) async fn on_sets(self, cx: SetsContext<'_>) -> Result<Answer, Fault> {
                match self {
                    $(Self::$function(function) => {
                        on!(sets: $needs, OnSets::run(function, cx).await)
                    })*
                }
            }
        }
    };
}

functions! {
    Sum: sums,
    VectorSum: sums,
    Frequency: counts,
    FrequencyMode: shares,
    Contingency: counts,
    ContingencyMode: shares,
    BivariateStatistics: sums,
    UnivariateStatistics: shares,
    MinimumMaximum: shares,
    KthElement: shares,
    Median: shares,
    MatrixProduct: shares,
    Quantiles: shares,
    TopK: shares,
    Sort: shares,
    Regression: shares,
    RegressionById: shares,
    SetIntersection: sets,
    IntersectionSize: shares,
    UnionSize: shares,
    IntersectionSum: shares,
    ContingencyVertical: shares,
    MeanByGroup: shares,
    Correlation: shares,
    Measure: shares,
    Prepare: preparation,
    Empty: sums,
}

/// Returns the parameters of a function's own.
fn entries_of<F: Function>() -> &'static [ParameterEntry] {
    F::DESCRIPTOR.parameters
}

/// The parameter for the treatment of rows with a missing value.
const MISSING: ParameterEntry = ParameterEntry::text(
    "missing",
    "`drop`: rows in which a value is missing are left out, and the result says how many; refused where it \
     is left out, and always where rows or elements belong together by their places",
);
const SUITE: ParameterEntry = ParameterEntry::text(
    "suite",
    "who computes on shares: `replicated` (three nodes, of which any one may be semi-honest) or `pairwise` (all \
     parties, of which all but one may collude); where it is left out two parties do so by themselves, and \
     more have three nodes",
);
const COMMITTEE: ParameterEntry = ParameterEntry::list(
    "committee",
    "the names of the three members whose nodes compute on shares, where something is; those that bring no \
     data help, if their operators let them",
);
const AHEAD: ParameterEntry = ParameterEntry::boolean(
    "ahead",
    "whether parties that compute on shares by themselves may use up what their nodes have preprocessed; they \
     do where it is left out",
);

/// Lists all functions, each in its first form, in the order in which they are listed to clients.
pub fn entries() -> impl Iterator<Item = &'static Descriptor> {
    FORMS.iter().map(|form| form.descriptor).filter(|descriptor| descriptor.asked_by.is_none())
}

/// Finds the function of that name, in its first form.
#[must_use]
pub fn find(name: &str) -> Option<&'static Descriptor> {
    entries().find(|entry| entry.name == name)
}

/// Returns the preprocessing function. Later computations between parties alone use up its
/// correlations.
#[must_use]
pub fn preparation() -> &'static Descriptor {
    &Prepare::DESCRIPTOR
}

impl Descriptor {
    /// Returns the form of this function that parameters ask for.
    ///
    /// # Errors
    /// If this form cannot read them, or if they have names that it does not have.
    pub fn form(&self, parameters: &Parameters) -> Result<&'static Self, InputError> {
        let form = self.find_form(parameters)?;
        parameters.check_names(form.descriptor)?;
        (form.check)(parameters)?;
        Ok(form.descriptor)
    }

    /// Returns the equations about rows that the answer to these parameters tells.
    ///
    /// # Errors
    /// If the function cannot read them.
    pub fn opens(&self, parameters: &Parameters, scope: Scope) -> Result<Equations, InputError> {
        (self.find_form(parameters)?.opens)(parameters, scope)
    }

    /// Returns the places of the numbers by rank that the answer to these parameters shows, in
    /// thousandths of the rows.
    ///
    /// # Errors
    /// If the function cannot read them.
    pub fn permille(&self, parameters: &Parameters) -> Result<Vec<u16>, InputError> {
        (self.find_form(parameters)?.permille)(parameters)
    }

    /// Returns the parameters that a client may set in any form, the function's own first.
    #[must_use]
    pub fn all_parameters(&self) -> Vec<ParameterEntry> {
        let mut parameters = self.merged(|form| form.parameters);
        if self.forms().any(|form| form.input.has_rows()) {
            parameters.push(MISSING);
        }
        if self.forms().any(Self::is_on_shares) {
            parameters.push(SUITE);
        }
        if self.forms().any(|form| form.is_on_shares() || form.has_rows()) {
            parameters.extend([COMMITTEE, AHEAD]);
        }
        parameters
    }

    /// Reads the function's parameters from the agreement.
    pub(crate) fn read_agreed(&self, agreed: &AgreedParameters) -> Parameters {
        let entries = self.all_parameters();
        let lists = entries.iter().filter(|entry| entry.r#type == "list");
        let lists: Vec<&str> = lists.map(|entry| entry.name).collect();
        Parameters::of_agreed(agreed, &lists)
    }

    /// Returns the leakage that any form may have.
    #[must_use]
    pub fn all_reveals(&self) -> Vec<&'static str> {
        let kinds = self.takes_data().then_some(KINDS);
        let all = self.merged(|form| form.reveals).into_iter().chain(kinds);
        all.map(|reveal| reveal.listed).collect()
    }

    /// Returns the keys of the answers of all forms.
    #[must_use]
    pub fn all_result_keys(&self) -> Vec<&'static str> {
        self.merged(|form| form.result_keys)
    }

    fn merged<T: Copy + PartialEq>(&self, list: fn(&'static Self) -> &'static [T]) -> Vec<T> {
        let mut merged = Vec::new();
        for item in self.forms().flat_map(list) {
            if !merged.contains(item) {
                merged.push(*item);
            }
        }
        merged
    }

    /// Returns the descriptors of its forms: its own, and those that a parameter asks for.
    pub fn forms(&self) -> impl Iterator<Item = &'static Self> {
        FORMS.iter().map(|form| form.descriptor).filter(|form| form.name == self.name)
    }

    fn find_form(&self, parameters: &Parameters) -> Result<&'static Form, InputError> {
        let mut found = None;
        for form in FORMS.iter().filter(|form| form.descriptor.name == self.name) {
            let is_asked_for = match form.descriptor.asked_by {
                None => found.is_none(),
                Some(parameter) => parameters.asks_for(parameter)?,
            };
            if is_asked_for {
                found = Some(form);
            }
        }
        found.ok_or(InputError::Shape { expected: "a function that this version has" })
    }
}

impl Prepared {
    /// Checks parameters and data of one party, and encodes the data. `parties` is the number of
    /// parties with data.
    pub(crate) fn new(
        function: &Descriptor,
        parameters: &Parameters,
        input: &Input,
        parties: usize,
    ) -> Result<Self, InputError> {
        let form = function.find_form(parameters)?;
        parameters.check_names(form.descriptor)?;
        (form.make)(parameters, Some(input), parties)
    }

    /// Creates the function at a helper, from the agreed parameters. They have to be in canonical
    /// text.
    pub(crate) fn to_help(
        function: &Descriptor,
        agreed: &AgreedParameters,
        parties: usize,
    ) -> Result<Self, InputError> {
        let parameters = function.read_agreed(agreed);
        let form = function.find_form(&parameters)?;
        let prepared = (form.make)(&parameters, None, parties)?;
        let canonical = prepared.agreed();
        let differs = |entry: &&ParameterEntry| {
            canonical.get(entry.name).is_some_and(|text| agreed.get(entry.name) != Some(text))
        };
        match form.descriptor.parameters.iter().find(differs) {
            None => Ok(prepared),
            Some(entry) => Err(refuse(entry.name, "the parties' proposal does not have it".into())),
        }
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
