//! Input that comes as objects with named entries: one, or a list of them.

use std::collections::BTreeMap;

use cloister_protocols::computation::Input;

use super::{exact_number, items, wrong_item, wrong_kind};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

type Entries = BTreeMap<String, Data>;

/// The numbers from `low` to `high`.
#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

/// Reads objects `{"minimum": a, "maximum": b}` as pairs.
pub(super) fn extremes(data: &Data) -> Result<Input, ApiError> {
    let mut points = Vec::new();
    for (at, item) in objects(data) {
        let map = entries(at, item, &["minimum", "maximum"])?;
        let low = require_number(at, map, "minimum")?;
        let high = require_number(at, map, "maximum")?;
        if low > high {
            return Err(wrong_order(at, "minimum", "maximum"));
        }
        points.push((low, high));
    }
    Ok(Input::Points(points))
}

/// Reads objects `{"array": […], "rank": k, "lower_bound": a, "upper_bound": b}` as one. It has the
/// arrays joined, the widest bounds, and the rank, which is the same in all.
pub(super) fn ranked(data: &Data) -> Result<Input, ApiError> {
    let mut objects = objects(data);
    let (at, first) = objects.next().ok_or_else(no_rank)?;
    let joined = objects.try_fold(Ranked::read(at, first)?, |before, (at, item)| {
        before.join(at, Ranked::read(at, item)?)
    })?;
    let Ranked { array, rank, bounds } = joined;
    let bounds = bounds.map(|Range { low, high }| (low, high));
    Ok(Input::Ranked { array, rank, bounds })
}

struct Ranked {
    array: Vec<f64>,
    rank: u64,
    bounds: Option<Range>,
}

impl Ranked {
    fn read(at: usize, item: &Data) -> Result<Self, ApiError> {
        let map = entries(at, item, &["array", "rank", "lower_bound", "upper_bound"])?;
        let mut array = Vec::new();
        for (place, element) in items(require(at, map, "array")?).enumerate() {
            let place = format_args!("item {at}, number {place} of `array`");
            array.push(exact_number(&place, &element)?);
        }
        Ok(Self { array, rank: rank(at, require(at, map, "rank")?)?, bounds: bounds(at, map)? })
    }

    fn join(mut self, at: usize, mut next: Self) -> Result<Self, ApiError> {
        if self.rank != next.rank {
            return Err(argument_error(format!("item {at} asks for another `rank` than item 0")));
        }
        self.array.append(&mut next.array);
        // Numbers of an object without bounds may lie anywhere.
        self.bounds = match (self.bounds, next.bounds) {
            (Some(own), Some(other)) => {
                Some(Range { low: own.low.min(other.low), high: own.high.max(other.high) })
            }
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
            argument_error(format!("{place} must be a whole number from 1"))
        }
        other => wrong_kind(&place, "a whole number from 1", other),
    })
}

/// Returns the bounds that an object gives. If it gives one, the other is as far as doubles reach.
fn bounds(at: usize, map: &Entries) -> Result<Option<Range>, ApiError> {
    let lower = number(at, map, "lower_bound")?;
    let upper = number(at, map, "upper_bound")?;
    if lower.is_none() && upper.is_none() {
        return Ok(None);
    }
    let range = Range { low: lower.unwrap_or(f64::MIN), high: upper.unwrap_or(f64::MAX) };
    if range.low > range.high {
        return Err(wrong_order(at, "lower_bound", "upper_bound"));
    }
    Ok(Some(range))
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
        return Err(wrong_item(at, &format!("an object with {}", quote(known)), item));
    };
    if map.keys().any(|key| !known.contains(&key.as_str())) {
        // The key may be private: a column's name, or data where a client has confused the two.
        let message = format!("item {at} has an entry that is none of {}", quote(known));
        return Err(argument_error(message));
    }
    Ok(map)
}

/// Returns the number of that name; `null` is as good as none.
fn number(at: usize, map: &Entries, name: &str) -> Result<Option<f64>, ApiError> {
    match map.get(name) {
        None | Some(Data::Null) => Ok(None),
        Some(data) => exact_number(&format_args!("item {at}, `{name}`"), data).map(Some),
    }
}

fn require_number(at: usize, map: &Entries, name: &str) -> Result<f64, ApiError> {
    exact_number(&format_args!("item {at}, `{name}`"), require(at, map, name)?)
}

fn require<'a>(at: usize, map: &'a Entries, name: &str) -> Result<&'a Data, ApiError> {
    map.get(name).ok_or_else(|| argument_error(format!("item {at} has no `{name}`")))
}

fn wrong_order(at: usize, low: &str, high: &str) -> ApiError {
    argument_error(format!("item {at}: `{low}` is above `{high}`"))
}

fn quote(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn no_rank() -> ApiError {
    argument_error("an object with `array` and `rank` is needed".into())
        .hint("without numbers of your own give {\"array\": [], \"rank\": k}")
}

fn argument_error(message: String) -> ApiError {
    ApiError::argument("data", message)
}
