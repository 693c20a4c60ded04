//! JSON as Python's `json` module reads and writes it.
//!
//! The contracts are files that Python programs wrote, so a reader here accepts what Python accepts (`NaN`, integers of
//! any size, lone surrogates, duplicate keys) and a writer here produces the bytes that Python produces (separators,
//! float notation, escapes). Objects keep their order. [`Writer`] needs no tree: typed records stream themselves.
//!
//! ```text
//! bytes --parse--> Json --get/as_*--> records --WriteJson--> Writer --Style--> bytes
//! ```
//!
//! Nothing recurses deeper than [`MAX_DEPTH`] on foreign input, so no input can exhaust the stack, neither while it is
//! read nor while the value is dropped.

mod escape;
mod lenient;
mod memo;
mod number;
mod object;
mod parse;
mod python;
mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use lenient::parse_lenient;
pub use memo::{Known, Memo};
pub use number::shortest_f32;
pub use object::{Entries, Object};
pub use parse::{JsonError, MAX_DEPTH, parse, parse_items, parse_str};
pub use python::python_str;
pub use write::{
    Numbers, Style, WriteJson, Writer, to_compact, to_line, to_line_text, to_pretty, write_line,
};

/// One JSON value.
///
/// Equality is that of the written form: objects with the same entries in another order differ, and `NaN` differs from
/// itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer beyond 64 bits, as canonical decimal text. Make it with [`Json::integer`], which picks the variant.
    BigInt(Box<str>),
    /// A number with a fraction or an exponent; `NaN` and the infinities are allowed, as in Python.
    Float(f64),
    /// A string.
    Str(String),
    /// A string with at least one lone surrogate, which a `str` cannot hold. Make it with [`Json::from_utf16`].
    Utf16(Vec<u16>),
    /// An array.
    Array(Vec<Json>),
    /// An object in insertion order.
    Object(Object),
}

/// What [`Json::at`] answers where there is nothing.
static NULL: Json = Json::Null;

impl Json {
    /// An object from its entries in order; a repeated key keeps its first place and its last value.
    pub fn object<const N: usize>(entries: [(&str, Json); N]) -> Self {
        Json::Object(Object::from(entries))
    }

    /// An empty object, the `{}` that the contracts write where there is nothing.
    pub fn empty_object() -> Self {
        Json::Object(Object::new())
    }

    /// An integer from canonical decimal text (optional minus, no leading zeros), or `None` when it is something else.
    pub fn integer(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let canonical = digits == "0" || !digits.starts_with('0');
        if digits.is_empty() || !canonical || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(match text.parse::<i64>() {
            Ok(small) => Json::Int(small),
            Err(_) => Json::BigInt(text.into()),
        })
    }

    /// A string from UTF-16 code units: [`Json::Str`] when it is well formed, else [`Json::Utf16`].
    pub fn from_utf16(units: Vec<u16>) -> Self {
        match String::from_utf16(&units) {
            Ok(text) => Json::Str(text),
            Err(_) => Json::Utf16(units),
        }
    }

    /// The value under `key`, or `None` when this is no object or has no such key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object().and_then(|object| object.get(key))
    }

    /// The value under `key`, or `null` when there is none.
    pub fn at(&self, key: &str) -> &Json {
        self.get(key).unwrap_or(&NULL)
    }

    /// The text of a string. A string with lone surrogates answers `None`; [`Json::to_text`] reads both.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string, lone surrogates replaced by U+FFFD.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Json::Str(text) => Some(Cow::Borrowed(text)),
            Json::Utf16(units) => Some(Cow::Owned(String::from_utf16_lossy(units))),
            _ => None,
        }
    }

    /// An integer that fits `i64`. Floats are not integers here, whatever their value.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A non-negative integer that fits `u64`.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Int(value) => u64::try_from(*value).ok(),
            Json::BigInt(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Any number as the nearest double.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Int(value) => Some(*value as f64),
            Json::BigInt(text) => text.parse().ok(),
            Json::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items of an array, to change.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Json>> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// An object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// An object, to change.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object itself; anything else becomes an empty one.
    pub fn into_object(self) -> Object {
        match self {
            Json::Object(object) => object,
            _ => Object::new(),
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// Whether this is a string, lone surrogates included.
    pub fn is_string(&self) -> bool {
        matches!(self, Json::Str(_) | Json::Utf16(_))
    }

    /// Python's truth: `null`, `false`, zero, and empty strings, arrays and objects are false.
    pub fn is_truthy(&self) -> bool {
        match self {
            Json::Null => false,
            Json::Bool(value) => *value,
            Json::Int(value) => *value != 0,
            Json::BigInt(_) | Json::Utf16(_) => true,
            Json::Float(value) => *value != 0.0,
            Json::Str(text) => !text.is_empty(),
            Json::Array(items) => !items.is_empty(),
            Json::Object(object) => !object.is_empty(),
        }
    }

    /// The text under `key`, or `default` when it is missing or no string.
    pub fn str_or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.at(key).as_str().unwrap_or(default)
    }

    /// The integer under `key`, or `default` when it is missing or no integer.
    pub fn i64_or(&self, key: &str, default: i64) -> i64 {
        self.at(key).as_i64().unwrap_or(default)
    }

    /// The boolean under `key`, or `default` when it is missing or no boolean.
    pub fn bool_or(&self, key: &str, default: bool) -> bool {
        self.at(key).as_bool().unwrap_or(default)
    }

    /// The items under `key`, or none when it is missing or no array.
    pub fn items(&self, key: &str) -> &[Json] {
        self.at(key).as_array().unwrap_or(&[])
    }

    /// The name of the kind of value, as findings and errors say it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Int(_) | Json::BigInt(_) => "integer",
            Json::Float(_) => "number",
            Json::Str(_) | Json::Utf16(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::Str(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::Str(text)
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Json::Str(text.clone())
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Json::Int(value)
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Self {
        Json::Int(value.into())
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Json::Int(value.into())
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(small) => Json::Int(small),
            Err(_) => Json::BigInt(value.to_string().into()),
        }
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Json::from(value as u64)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Json::Float(value)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Json::Array(items.into_iter().map(Into::into).collect())
    }
}

impl From<&[String]> for Json {
    fn from(items: &[String]) -> Self {
        Json::Array(items.iter().map(Json::from).collect())
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Json::Object(object)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl<T: Into<Json>> From<BTreeMap<String, T>> for Json {
    fn from(map: BTreeMap<String, T>) -> Self {
        Json::Object(
            map.into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect(),
        )
    }
}

impl<const N: usize> From<[(&str, Json); N]> for Json {
    fn from(entries: [(&str, Json); N]) -> Self {
        Json::object(entries)
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(items: I) -> Self {
        Json::Array(items.into_iter().collect())
    }
}
