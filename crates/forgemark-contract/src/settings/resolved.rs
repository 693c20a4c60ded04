//! Values by path, each with its origin, and typed getters.

use std::collections::BTreeMap;

use super::{Key, Origin, SettingError, nearest};
use crate::json::{Json, Object};

/// What [`Resolved::get`] answers for a path that it does not hold.
static ABSENT: Json = Json::Null;

/// A configuration after all sources were applied: every key of a table with its value and its origin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resolved {
    values: BTreeMap<String, (Json, Origin)>,
}

impl Resolved {
    /// Every key of `keys` at its default.
    ///
    /// # Errors
    /// [`SettingError`] when a default is not of its key's kind, which is a fault of the table.
    pub fn defaults(keys: &[Key]) -> Result<Self, SettingError> {
        let mut resolved = Resolved::default();
        for key in keys {
            resolved.set(key.path, key.default_value()?, Origin::Default);
        }
        Ok(resolved)
    }

    /// Puts a checked value in place of what was there.
    pub fn set(&mut self, path: impl Into<String>, value: Json, origin: Origin) {
        self.values.insert(path.into(), (value, origin));
    }

    /// The value of `path`; `null` when there is none.
    pub fn get(&self, path: &str) -> &Json {
        self.values.get(path).map_or(&ABSENT, |(value, _)| value)
    }

    /// Where the value of `path` came from; the default when there is none.
    pub fn origin(&self, path: &str) -> &Origin {
        self.values
            .get(path)
            .map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// Whether something other than the default set `path`.
    pub fn is_set(&self, path: &str) -> bool {
        *self.origin(path) != Origin::Default
    }

    /// All values in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json, &Origin)> {
        self.values
            .iter()
            .map(|(path, (value, origin))| (path.as_str(), value, origin))
    }

    /// The values as nested objects, in the order of their paths.
    pub fn to_json(&self) -> Json {
        let mut root = Object::new();
        for (path, value, _) in self.iter() {
            nest(&mut root, path, value);
        }
        Json::Object(root)
    }

    /// A boolean.
    ///
    /// # Errors
    /// [`SettingError`] when the path is unknown or its value is of another kind.
    pub fn bool(&self, path: &str) -> Result<bool, SettingError> {
        self.typed(path, "true or false", Json::as_bool)
    }

    /// An integer.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn i64(&self, path: &str) -> Result<i64, SettingError> {
        self.typed(path, "an integer", Json::as_i64)
    }

    /// An integer that is not negative.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn u64(&self, path: &str) -> Result<u64, SettingError> {
        self.typed(path, "an integer of at least 0", Json::as_u64)
    }

    /// An integer that fits `usize`.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn usize(&self, path: &str) -> Result<usize, SettingError> {
        self.typed(path, "an integer of at least 0", |value| {
            value.as_u64().and_then(|n| usize::try_from(n).ok())
        })
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn f64(&self, path: &str) -> Result<f64, SettingError> {
        self.typed(path, "a number", Json::as_f64)
    }

    /// Text.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn str(&self, path: &str) -> Result<&str, SettingError> {
        self.typed(path, "text", Json::as_str)
    }

    /// An integer, or `None` for `null`.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn opt_i64(&self, path: &str) -> Result<Option<i64>, SettingError> {
        self.optional(path, Resolved::i64)
    }

    /// An integer that is not negative, or `None` for `null`.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn opt_u64(&self, path: &str) -> Result<Option<u64>, SettingError> {
        self.optional(path, Resolved::u64)
    }

    /// A number, or `None` for `null`.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn opt_f64(&self, path: &str) -> Result<Option<f64>, SettingError> {
        self.optional(path, Resolved::f64)
    }

    /// A boolean, or `None` for `null`.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn opt_bool(&self, path: &str) -> Result<Option<bool>, SettingError> {
        self.optional(path, Resolved::bool)
    }

    /// Text, or `None` for `null` and for text of white space only: in this configuration a blank is "not set".
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn opt_str(&self, path: &str) -> Result<Option<&str>, SettingError> {
        if self.get(path).is_null() && self.values.contains_key(path) {
            return Ok(None);
        }
        self.str(path)
            .map(|text| Some(text).filter(|text| !text.trim().is_empty()))
    }

    /// A list of texts.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn str_list(&self, path: &str) -> Result<Vec<String>, SettingError> {
        self.typed(path, "a list of texts", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        })
    }

    /// A list.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn list(&self, path: &str) -> Result<&[Json], SettingError> {
        self.typed(path, "a list", Json::as_array)
    }

    /// A mapping.
    ///
    /// # Errors
    /// As [`Resolved::bool`].
    pub fn map(&self, path: &str) -> Result<&Object, SettingError> {
        self.typed(path, "a mapping", Json::as_object)
    }

    fn optional<'a, T>(
        &'a self,
        path: &str,
        read: impl Fn(&'a Self, &str) -> Result<T, SettingError>,
    ) -> Result<Option<T>, SettingError> {
        if self.get(path).is_null() && self.values.contains_key(path) {
            return Ok(None);
        }
        read(self, path).map(Some)
    }

    fn typed<'a, T>(
        &'a self,
        path: &str,
        expected: &str,
        read: impl Fn(&'a Json) -> Option<T>,
    ) -> Result<T, SettingError> {
        let Some((value, _)) = self.values.get(path) else {
            let error = SettingError::new(path, "no such key");
            return Err(
                match nearest(path, self.values.keys().map(String::as_str)) {
                    Some(near) => error.with_hint(format!("did you mean '{near}'?")),
                    None => error,
                },
            );
        };
        read(value).ok_or_else(|| {
            SettingError::new(
                path,
                format!("expected {expected}, found {}", value.type_name()),
            )
        })
    }
}

fn nest(node: &mut Object, path: &str, value: &Json) {
    let Some((head, rest)) = path.split_once('.') else {
        node.insert(path, value.clone());
        return;
    };
    if !node.contains_key(head) {
        node.insert(head, Json::empty_object());
    }
    if let Some(Json::Object(child)) = node.get_mut(head) {
        nest(child, rest, value);
    }
}
