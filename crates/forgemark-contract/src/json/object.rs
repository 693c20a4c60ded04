//! An object that keeps its order, with the rules of a Python `dict`.

use std::collections::HashMap;

use compact_str::CompactString;

use super::Json;

/// A key. Most are so short that they stand in the entry itself: an object of ten keys is one allocation, not eleven.
pub(super) type Key = CompactString;

/// Objects up to this many entries are searched for repeated keys by comparing; larger ones by a table, so that a
/// hostile object of a million keys costs no quadratic time.
const SMALL: usize = 16;

/// An ordered map from text to values. A key is there at most once.
///
/// A key of a file can hold a lone surrogate, which a `str` cannot. Such a unit `u` is held as U+10FFFF (a
/// noncharacter that no text uses) followed by U+100000 + (`u` - 0xD800), and a real U+10FFFF is doubled; the reader and
/// the writer translate, so the bytes survive.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    entries: Vec<(Key, Json)>,
}

/// Borrowing iterator over the entries of an [`Object`].
pub type Entries<'a> = std::iter::Map<
    std::slice::Iter<'a, (CompactString, Json)>,
    fn(&'a (CompactString, Json)) -> (&'a str, &'a Json),
>;

impl Object {
    /// An empty object.
    pub const fn new() -> Self {
        Object {
            entries: Vec::new(),
        }
    }

    /// An empty object with room for `n` entries.
    pub fn with_capacity(n: usize) -> Self {
        Object {
            entries: Vec::with_capacity(n),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.entries
            .iter_mut()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Whether there is a value under `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts `value` under `key`: in place when the key is there (the old value is returned), else at the end.
    pub fn insert(&mut self, key: impl AsRef<str>, value: impl Into<Json>) -> Option<Json> {
        let (key, value) = (key.as_ref(), value.into());
        if let Some(slot) = self.get_mut(key) {
            return Some(std::mem::replace(slot, value));
        }
        self.entries.push((Key::new(key), value));
        None
    }

    /// Takes the value under `key` out; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let place = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(place).1)
    }

    /// The entries in order.
    pub fn iter(&self) -> Entries<'_> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &Json> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// An object from entries that may repeat keys: the first place and the last value win, as in Python.
    pub(super) fn from_entries(entries: Vec<(Key, Json)>) -> Self {
        let repeats = if entries.len() <= SMALL {
            (1..entries.len()).any(|i| entries[..i].iter().any(|(key, _)| *key == entries[i].0))
        } else {
            let mut seen = std::collections::HashSet::with_capacity(entries.len());
            !entries.iter().all(|(key, _)| seen.insert(key.as_str()))
        };
        if !repeats {
            return Object { entries };
        }
        let mut places: HashMap<Key, usize> = HashMap::with_capacity(entries.len());
        let mut kept: Vec<(Key, Json)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(&place) = places.get(&key) {
                kept[place].1 = value;
            } else {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
        Object { entries: kept }
    }
}

impl<K: AsRef<str>> FromIterator<(K, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, Json)>>(entries: I) -> Self {
        let keyed = entries
            .into_iter()
            .map(|(key, value)| (Key::new(key), value));
        Object::from_entries(keyed.collect())
    }
}

impl<const N: usize> From<[(&str, Json); N]> for Object {
    fn from(entries: [(&str, Json); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Object {
    type Item = (String, Json);
    type IntoIter = std::iter::Map<
        std::vec::IntoIter<(CompactString, Json)>,
        fn((CompactString, Json)) -> (String, Json),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.entries
            .into_iter()
            .map(|(key, value)| (key.into_string(), value))
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a str, &'a Json);
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
