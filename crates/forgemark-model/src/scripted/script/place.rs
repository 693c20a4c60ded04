//! A value of a script together with its path, so that every error says where it is.

use forgemark_contract::json::{Json, Object};

use super::ScriptError;

/// What reading gives.
pub(super) type Read<T> = Result<T, ScriptError>;

/// A value, and where it stands.
pub(super) struct Place<'a> {
    pub(super) value: &'a Json,
    path: String,
}

impl<'a> Place<'a> {
    pub(super) fn top(value: &'a Json) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    pub(super) fn error(&self, what: impl Into<String>) -> ScriptError {
        ScriptError::new(&self.path, what)
    }

    pub(super) fn wrong(&self, expected: &str) -> ScriptError {
        self.error(format!(
            "expected {expected}, found {}",
            self.value.type_name()
        ))
    }

    pub(super) fn object(&self) -> Read<&'a Object> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))
    }

    pub(super) fn child(&self, key: &str, value: &'a Json) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            value,
            path: format!("{}{dot}{key}", self.path),
        }
    }

    /// The value under `key`; a null counts as absent, as an empty YAML value is.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.child(key, value))
    }

    pub(super) fn entries(&self) -> Read<Vec<(&'a str, Self)>> {
        let object = self.object()?;
        Ok(object
            .iter()
            .map(|(key, value)| (key, self.child(key, value)))
            .collect())
    }

    /// Checks that this is an object with no keys but these.
    pub(super) fn only(&self, known: &[&str]) -> Read<()> {
        for key in self.object()?.keys() {
            if !known.contains(&key) {
                let path = self.child(key, self.value).path;
                let what = format!("unknown key; known are {}", known.join(", "));
                return Err(ScriptError::new(&path, what));
            }
        }
        Ok(())
    }

    pub(super) fn list(&self) -> Read<Vec<Self>> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let place = |(n, value)| Self {
            value,
            path: format!("{}[{n}]", self.path),
        };
        Ok(items.iter().enumerate().map(place).collect())
    }

    pub(super) fn strings(&self) -> Read<Vec<String>> {
        self.list()?
            .iter()
            .map(|item| item.text().map(str::to_owned))
            .collect()
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub(super) fn string(&self, key: &str) -> Read<Option<&'a str>> {
        self.get(key).map(|place| place.text()).transpose()
    }

    pub(super) fn integer(&self, key: &str, min: u64, max: u64) -> Read<Option<u64>> {
        let Some(place) = self.get(key) else {
            return Ok(None);
        };
        match place.value.as_u64() {
            Some(n) if (min..=max).contains(&n) => Ok(Some(n)),
            Some(n) => Err(place.error(format!("{n} is not from {min} to {max}"))),
            None => Err(place.wrong("a whole number of at least 0")),
        }
    }

    pub(super) fn small(&self, key: &str, min: u32, max: u32) -> Read<Option<u32>> {
        Ok(self.integer(key, min.into(), max.into())?.map(|n| n as u32))
    }

    pub(super) fn number(&self, key: &str, min: f64, max: f64) -> Read<Option<f64>> {
        let Some(place) = self.get(key) else {
            return Ok(None);
        };
        match place.value.as_f64() {
            Some(n) => place.in_range(n, min, max).map(Some),
            None => Err(place.wrong("a number")),
        }
    }

    pub(super) fn rate(&self, key: &str) -> Read<Option<f64>> {
        self.number(key, 0.0, 1.0)
    }

    pub(super) fn in_range(&self, n: f64, min: f64, max: f64) -> Read<f64> {
        // Written so that NaN fails.
        if n >= min && n <= max {
            Ok(n)
        } else {
            Err(self.error(format!("{n} is not from {min} to {max}")))
        }
    }
}
