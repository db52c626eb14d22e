//! Data as clients send it: JSON, held compactly.
//!
//! A list of numbers is one vector of numbers, not a tree: a request of some megabytes must not
//! become gigabytes of memory. Nothing here knows which values are private; see
//! [`crate::vocabulary::label`].

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::vocabulary::error::ApiError;

/// The most memory that one value may take, in bytes. Small objects take a hundred times the room
/// of their text.
const MOST_MEMORY: usize = 512 << 20;

/// The bytes that an allocation of a text or a list takes beside its contents.
const TEXT: usize = 16;
const LIST: usize = 48;

/// The bytes that an object takes, with room for some entries from the first on, and those of an
/// entry.
const MAP: usize = 700;
const ENTRY: usize = 64;

/// The key of an object by which a client refers to a handle.
pub const HANDLE: &str = "representation_uuid";

/// A JSON value. Its `Debug` shows the kind and never the value.
#[derive(Clone, PartialEq)]
pub enum Data {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number that fits 64 bits with sign.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list of whole numbers; not empty.
    Integers(Vec<i64>),
    /// A list of numbers that are not all whole; not empty.
    Numbers(Vec<f64>),
    /// Any other list.
    List(Vec<Data>),
    /// An object.
    Map(BTreeMap<String, Data>),
}

/// Names of entries are no values, and stay.
impl Zeroize for Data {
    fn zeroize(&mut self) {
        match self {
            Self::Null => {}
            Self::Bool(value) => value.zeroize(),
            Self::Integer(value) => value.zeroize(),
            Self::Number(value) => value.zeroize(),
            Self::Text(text) => text.zeroize(),
            Self::Integers(list) => list.zeroize(),
            Self::Numbers(list) => list.zeroize(),
            Self::List(list) => list.iter_mut().for_each(Self::zeroize),
            Self::Map(map) => map.values_mut().for_each(Self::zeroize),
        }
    }
}

/// A client's values leave no copy in memory, apart from those of vectors that have grown.
impl Drop for Data {
    fn drop(&mut self) {
        // Those inside of lists and objects are dropped by themselves.
        if !matches!(self, Self::List(_) | Self::Map(_)) {
            self.zeroize();
        }
    }
}

impl ZeroizeOnDrop for Data {}

impl Data {
    /// Returns the kind of JSON value, for error messages: never the value itself.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Integers(_) | Self::Numbers(_) | Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Returns the text, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the index, if the value is a whole number from 0. R sends `1.0` for `1`.
    #[must_use]
    pub fn as_index(&self) -> Option<usize> {
        match self {
            Self::Integer(number) => usize::try_from(*number).ok(),
            Self::Number(number) if number.fract() == 0.0 && (0.0..1e9).contains(number) => {
                format!("{number:.0}").parse().ok()
            }
            _ => None,
        }
    }

    /// Returns the entry of this name, if the value is an object and has it.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Data> {
        match self {
            Self::Map(map) => map.get(name),
            _ => None,
        }
    }

    /// Returns the names of all handles inside: `{"representation_uuid": NAME}`.
    #[must_use]
    pub fn handles(&self) -> Vec<&str> {
        if let Some(name) = self.entry(HANDLE).and_then(Self::as_text) {
            return vec![name];
        }
        match self {
            Self::List(list) => list.iter().flat_map(Self::handles).collect(),
            Self::Map(map) => map.values().flat_map(Self::handles).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the data with these values in the places of the handles.
    #[must_use]
    pub fn with_handles_replaced(mut self, values: &BTreeMap<String, Self>) -> Self {
        let name = self.entry(HANDLE).and_then(Self::as_text);
        if let Some(value) = name.and_then(|name| values.get(name)) {
            return value.clone();
        }
        match &mut self {
            Self::List(list) => {
                let list = std::mem::take(list);
                Self::list(list.into_iter().map(|item| item.with_handles_replaced(values)))
            }
            Self::Map(map) => {
                let entry =
                    |(key, value): (String, Self)| (key, value.with_handles_replaced(values));
                Self::Map(std::mem::take(map).into_iter().map(entry).collect())
            }
            _ => self,
        }
    }

    /// Makes a list in the narrowest form that holds all its items.
    pub fn list(items: impl IntoIterator<Item = Data>) -> Data {
        items.into_iter().fold(Collector::Empty, Collector::push).finish()
    }

    /// Joins all items of these values into one list. A value that is no list is an item itself.
    pub fn concatenated<'a>(values: impl Iterator<Item = &'a Data>) -> Data {
        let mut list = Collector::Empty;
        for value in values {
            match value {
                Self::List(items) => list = items.iter().cloned().fold(list, Collector::push),
                Self::Integers(items) => {
                    list = items.iter().copied().map(Data::Integer).fold(list, Collector::push);
                }
                Self::Numbers(items) => {
                    list = items.iter().copied().map(Data::Number).fold(list, Collector::push);
                }
                item => list = list.push(item.clone()),
            }
        }
        list.finish()
    }

    /// Returns about how many bytes of memory the value holds.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let own = size_of::<Self>();
        own + match self {
            Self::Text(text) => TEXT + text.capacity(),
            Self::Integers(list) => LIST + list.capacity() * size_of::<i64>(),
            Self::Numbers(list) => LIST + list.capacity() * size_of::<f64>(),
            Self::List(list) => LIST + list.iter().map(Self::footprint).sum::<usize>(),
            Self::Map(map) => {
                let entry =
                    |(key, value): (&String, &Self)| ENTRY + key.capacity() + value.footprint();
                MAP + map.iter().map(entry).sum::<usize>()
            }
            _ => 0,
        }
    }

    /// Converts a value of the node's own to data.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, which is a fault of this node.
    pub fn of(value: &impl Serialize) -> Result<Self, ApiError> {
        let json = serde_json::to_value(value).and_then(serde_json::from_value);
        json.map_err(|error| ApiError::internal(format!("a value is no data: {error}")))
    }

    /// Parses the value as a `T`, for small things such as parameters.
    ///
    /// # Errors
    /// The reason why the value is no `T`.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(self)?)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({})", self.kind())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader { left: &Cell::new(MOST_MEMORY) }.deserialize(deserializer)
    }
}

/// Reads a value, and counts the memory that its containers and texts take.
#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Cell<usize>,
}

impl Reader<'_> {
    fn charge<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(bytes);
        let left = left.ok_or_else(|| E::custom("the value takes too much memory"))?;
        self.left.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Data;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Data, E> {
        match i64::try_from(value) {
            Ok(value) => Ok(Data::Integer(value)),
            // Where no double equals it, it is refused: an id would lose its last digits.
            Err(_) => double_of(value).map(Data::Number).ok_or_else(|| {
                E::custom(
                    "a whole number beyond 2^63 that no double-precision number equals; write it as \
                     a text",
                )
            }),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Data, E> {
        Ok(Data::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Data, E> {
        self.charge(TEXT + value.len())?;
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        self.charge(LIST)?;
        let mut list = Collector::Empty;
        while let Some(item) = items.next_element_seed(self)? {
            list = list.push(item);
            self.charge(list.item_memory())?;
        }
        Ok(list.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
        self.charge(MAP)?;
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.charge(ENTRY + key.len())?;
            if map.insert(key, entries.next_value_seed(self)?).is_some() {
                return Err(A::Error::custom("an object names an entry twice"));
            }
        }
        Ok(Data::Map(map))
    }
}

/// Collects a list in the narrowest form that holds all its items.
enum Collector {
    Empty,
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Mixed(Vec<Data>),
}

impl Collector {
    fn push(self, item: Data) -> Self {
        match (self, item) {
            (Self::Empty, Data::Integer(first)) => Self::Integers(vec![first]),
            (Self::Empty, Data::Number(first)) => Self::Numbers(vec![first]),
            (Self::Empty, first) => Self::Mixed(vec![first]),
            (Self::Integers(mut list), Data::Integer(next)) => {
                list.push(next);
                Self::Integers(list)
            }
            (Self::Integers(list), Data::Number(next)) if list.iter().all(is_exact) => {
                let mut numbers: Vec<f64> = list.into_iter().map(exact_double).collect();
                numbers.push(next);
                Self::Numbers(numbers)
            }
            (Self::Numbers(mut list), Data::Number(next)) => {
                list.push(next);
                Self::Numbers(list)
            }
            (Self::Numbers(mut list), Data::Integer(next)) if is_exact(&next) => {
                list.push(exact_double(next));
                Self::Numbers(list)
            }
            (list, item) => {
                let mut mixed = list.into_mixed();
                mixed.push(item);
                Self::Mixed(mixed)
            }
        }
    }

    /// Returns the most bytes that one more item takes, with the room that a growing list keeps.
    fn item_memory(&self) -> usize {
        match self {
            Self::Empty | Self::Integers(_) | Self::Numbers(_) => 2 * size_of::<f64>(),
            Self::Mixed(_) => 2 * size_of::<Data>(),
        }
    }

    fn into_mixed(self) -> Vec<Data> {
        match self {
            Self::Empty => Vec::new(),
            Self::Integers(list) => list.into_iter().map(Data::Integer).collect(),
            Self::Numbers(list) => list.into_iter().map(Data::Number).collect(),
            Self::Mixed(list) => list,
        }
    }

    fn finish(self) -> Data {
        match self {
            Self::Empty => Data::List(Vec::new()),
            Self::Integers(list) => Data::Integers(list),
            Self::Numbers(list) => Data::Numbers(list),
            Self::Mixed(list) => Data::List(list),
        }
    }
}

/// Returns whether a double holds the number exactly, as it does up to 2^53.
fn is_exact(value: &i64) -> bool {
    value.unsigned_abs() <= 1 << 53
}

#[expect(clippy::cast_precision_loss, reason = "only called for values that `is_exact` allows")]
fn exact_double(value: i64) -> f64 {
    value as f64
}

/// Returns the double that equals a number, if there is one: the number has at most 53 bits from the
/// first to the last one bit.
#[expect(clippy::cast_precision_loss, reason = "the bits that matter fit the significand")]
fn double_of(value: u64) -> Option<f64> {
    let bits = u64::BITS.saturating_sub(value.leading_zeros() + value.trailing_zeros());
    (bits <= f64::MANTISSA_DIGITS).then_some(value as f64)
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Integers(list) => list.serialize(serializer),
            Self::Numbers(list) => list.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_wiped_and_when_they_are_dropped() {
        fn wipes<T: ZeroizeOnDrop>() {
            assert!(std::mem::needs_drop::<T>());
        }
        wipes::<Data>();
        for (text, wiped) in [
            ("true", "false"),
            ("7", "0"),
            ("0.5", "0.0"),
            ("\"x\"", "\"\""),
            ("[1, 2]", "[]"),
            ("[1.5, 2.5]", "[]"),
            ("[\"x\", 3]", "[\"\",0]"),
            ("{\"a\": [5], \"b\": \"x\"}", "{\"a\":[],\"b\":\"\"}"),
        ] {
            let mut data: Data = serde_json::from_str(text).unwrap();
            data.zeroize();
            assert_eq!(serde_json::to_string(&data).unwrap(), wiped, "{text}");
        }
    }

    fn read(json: &str) -> Data {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn lists_of_numbers_are_held_as_vectors() {
        assert_eq!(read("[1,2]"), Data::Integers(vec![1, 2]));
        assert_eq!(read("[1,2.5,3]"), Data::Numbers(vec![1.0, 2.5, 3.0]));
        assert_eq!(read("[]"), Data::List(vec![]));
        assert_eq!(read("[1,\"a\"]"), Data::List(vec![Data::Integer(1), Data::Text("a".into())]));
    }

    #[test]
    fn whole_numbers_beyond_doubles_are_kept_exactly() {
        let mixed = read("[9007199254740993,0.5]");
        assert_eq!(
            mixed,
            Data::List(vec![Data::Integer(9_007_199_254_740_993), Data::Number(0.5)])
        );
    }

    #[test]
    fn whole_numbers_beyond_64_bits_with_sign_are_exact_or_refused() {
        assert_eq!(read("[9223372036854775808]"), Data::Numbers(vec![9_223_372_036_854_775_808.0]));
        for id in ["9223372036854775809", "[1,18446744073709551615]"] {
            let error = serde_json::from_str::<Data>(id).unwrap_err().to_string();
            assert!(error.contains("as a text"), "{error}");
        }
    }

    #[test]
    fn what_was_read_is_written_the_same() {
        let json = r#"{"a":[1,[0.5,2.0],"x"],"b":{"c":null},"d":true}"#;
        assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
    }

    #[test]
    fn memory_out_of_proportion_is_refused() {
        let objects = format!("[{}{{}}]", "{},".repeat(1_000_000));
        assert!(serde_json::from_str::<Data>(&objects).is_err());
        let pairs = format!("[{}[1,2]]", "[1,2],".repeat(1_000_000));
        assert!(serde_json::from_str::<Data>(&pairs).is_ok());
    }

    #[test]
    fn depth_huge_numbers_and_repeated_entries_are_refused() {
        let deep = "[".repeat(100_000);
        for bad in [deep.as_str(), "1e400", "NaN", r#"{"a":1,"a":2}"#, "[1,", ""] {
            assert!(serde_json::from_str::<Data>(bad).is_err());
        }
    }
}
