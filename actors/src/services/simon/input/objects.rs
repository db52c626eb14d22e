//! Input that comes as objects with named entries: one, or a list of them.

use std::collections::BTreeMap;

use cloister_protocols::computation::Input;

use super::{exact_number, items, misfit};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

type Entries = BTreeMap<String, Data>;

/// Reads objects `{"minimum": a, "maximum": b}` as pairs.
pub(super) fn extremes(data: &Data) -> Result<Input, ApiError> {
    let pairs = objects(data).map(|(at, item)| {
        let map = entries(at, item, &["minimum", "maximum"])?;
        let [minimum, maximum] = ["minimum", "maximum"].map(|name| needed_number(at, map, name));
        ordered(at, "minimum", "maximum", (minimum?, maximum?))
    });
    pairs.collect::<Result<_, _>>().map(Input::Points)
}

/// Reads objects `{"array": […], "rank": k, "lower_bound": a, "upper_bound": b}` as one. It has the
/// arrays joined, the widest bounds, and the rank, which is the same in all.
pub(super) fn ranked(data: &Data) -> Result<Input, ApiError> {
    let mut joined: Option<Ranked> = None;
    for (at, item) in objects(data) {
        let next = Ranked::read(at, item)?;
        joined = Some(match joined {
            None => next,
            Some(before) => before.join(at, next)?,
        });
    }
    let Ranked { array, rank, bounds } = joined.ok_or_else(no_rank)?;
    Ok(Input::Ranked { array, rank, bounds })
}

struct Ranked {
    array: Vec<f64>,
    rank: u64,
    bounds: Option<(f64, f64)>,
}

impl Ranked {
    fn read(at: usize, item: &Data) -> Result<Self, ApiError> {
        let map = entries(at, item, &["array", "rank", "lower_bound", "upper_bound"])?;
        let array = needed(at, map, "array")?;
        let element = |(place, element): (usize, Data)| {
            exact_number(&format_args!("item {at}, number {place} of `array`"), &element)
        };
        Ok(Self {
            array: items(array).enumerate().map(element).collect::<Result<_, _>>()?,
            rank: rank(at, needed(at, map, "rank")?)?,
            bounds: bounds(at, map)?,
        })
    }

    fn join(mut self, at: usize, mut next: Self) -> Result<Self, ApiError> {
        if self.rank != next.rank {
            return Err(argument(format!("item {at} asks for another `rank` than item 0")));
        }
        self.array.append(&mut next.array);
        // Numbers of an object without bounds may lie anywhere.
        self.bounds = match (self.bounds, next.bounds) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            _ => None,
        };
        Ok(self)
    }
}

fn rank(at: usize, data: &Data) -> Result<u64, ApiError> {
    let place = format_args!("item {at}, `rank`");
    let rank = data.as_index().and_then(|index| u64::try_from(index).ok());
    rank.filter(|rank| *rank > 0).ok_or_else(|| match data {
        Data::Integer(_) | Data::Number(_) => {
            argument(format!("{place} must be a whole number from 1"))
        }
        other => misfit(&place, "a whole number from 1", other),
    })
}

/// Returns the bounds that an object gives. If it gives one, the other is as far as doubles reach.
fn bounds(at: usize, map: &Entries) -> Result<Option<(f64, f64)>, ApiError> {
    match (number(at, map, "lower_bound")?, number(at, map, "upper_bound")?) {
        (None, None) => Ok(None),
        (lower, upper) => {
            let bounds = (lower.unwrap_or(f64::MIN), upper.unwrap_or(f64::MAX));
            ordered(at, "lower_bound", "upper_bound", bounds).map(Some)
        }
    }
}

/// Returns the objects with their places. One alone is the same as a list of it.
fn objects(data: &Data) -> impl Iterator<Item = (usize, &Data)> {
    let list = match data {
        Data::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter().enumerate()
}

fn entries<'a>(at: usize, item: &'a Data, known: &[&str]) -> Result<&'a Entries, ApiError> {
    let Data::Map(map) = item else {
        let place = format_args!("item {at}");
        return Err(misfit(&place, &format!("an object with {}", quoted(known)), item));
    };
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        // The key may be private: a column's name, or data where a client has confused the two.
        Some(_) => {
            Err(argument(format!("item {at} has an entry that is none of {}", quoted(known))))
        }
        None => Ok(map),
    }
}

/// Returns the number of that name; `null` is as good as none.
fn number(at: usize, map: &Entries, name: &str) -> Result<Option<f64>, ApiError> {
    match map.get(name) {
        None | Some(Data::Null) => Ok(None),
        Some(data) => exact_number(&format_args!("item {at}, `{name}`"), data).map(Some),
    }
}

fn needed_number(at: usize, map: &Entries, name: &str) -> Result<f64, ApiError> {
    exact_number(&format_args!("item {at}, `{name}`"), needed(at, map, name)?)
}

fn needed<'a>(at: usize, map: &'a Entries, name: &str) -> Result<&'a Data, ApiError> {
    map.get(name).ok_or_else(|| argument(format!("item {at} has no `{name}`")))
}

fn ordered(at: usize, low: &str, high: &str, pair: (f64, f64)) -> Result<(f64, f64), ApiError> {
    if pair.0 > pair.1 {
        return Err(argument(format!("item {at}: `{low}` is above `{high}`")));
    }
    Ok(pair)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn no_rank() -> ApiError {
    argument("an object with `array` and `rank` is needed".into())
        .hint("without numbers of your own give {\"array\": [], \"rank\": k}")
}

fn argument(message: String) -> ApiError {
    ApiError::argument("data", message)
}
