//! Filters over columns and metadata.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::json::Json;
use crate::shape::Field as _;
use crate::store::{ContextRecord, Parts};
use crate::time::Timestamp;

/// What a record must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every one of these; with none, any record.
    All(Vec<Filter>),
    /// At least one of these; with none, no record.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A value of the record.
    Field(Path, Condition),
}

/// What a value must be. A value that is not there meets none of them but [`Condition::Missing`].
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Deeply equal; numbers by value.
    Equals(Json),
    /// An array that has the element, or a text that has the text as a part.
    Contains(Json),
    /// Within bounds, each included: numbers by value, texts and instants by their order. `null` is no bound.
    Between(Json, Json),
    /// One of these.
    OneOf(Vec<Json>),
    /// Not there, or `null`.
    Missing,
}

/// The place of a value in a record: a column, and for a column that is an object the keys below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

/// A filter or path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter {key}: {what}")]
pub struct FilterError {
    /// The key.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
}

impl FilterError {
    /// An error about `key`.
    pub fn new(key: &str, what: impl Into<String>) -> Self {
        FilterError {
            key: key.to_owned(),
            what: what.into(),
        }
    }
}

/// The text columns that a path may name.
pub const TEXT_COLUMNS: [&str; 15] = [
    "id",
    "external_id",
    "run_id",
    "bot_id",
    "session_id",
    "tenant",
    "source",
    "role",
    "retention_policy",
    "lifecycle_status",
    "content_type",
    "parent_id",
    "branch_id",
    "candidate_group",
    "text_payload",
];

impl Path {
    /// A path below the metadata.
    pub fn metadata<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        let keys = keys.into_iter().map(str::to_owned);
        Path(std::iter::once("metadata".to_owned()).chain(keys).collect())
    }

    /// A column by its name, which is not looked up: see [`Path::parse`].
    pub fn column(name: &str) -> Self {
        Path(vec![name.to_owned()])
    }

    /// Reads `session_id`, `created_at`, `metadata.judge.score` and so on.
    ///
    /// # Errors
    /// [`FilterError`] when the first part is no column that can be compared.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let column = parts.first().map_or("", String::as_str);
        let known = match parts.len() {
            1 => {
                TEXT_COLUMNS.contains(&column)
                    || matches!(column, "created_at" | "updated_at" | "seq")
            }
            _ => {
                matches!(column, "metadata" | "state_metadata")
                    && parts.iter().all(|part| !part.is_empty())
            }
        };
        if known {
            Ok(Path(parts))
        } else {
            let what = "no such column; a path is a column, metadata.KEY or state_metadata.KEY";
            Err(FilterError::new(text, what))
        }
    }

    /// The column and the keys below it.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The value of `record` at this place. `tenant` and `source` fall back to the metadata where the column is empty, as
    /// older tables have no such columns.
    pub fn value<'r>(&self, record: &'r ContextRecord) -> Option<Cow<'r, Json>> {
        let (column, keys) = self.0.split_first()?;
        match (column.as_str(), keys) {
            ("metadata", keys) => descend(record.metadata.as_ref()?, keys).map(Cow::Borrowed),
            ("state_metadata", keys) => {
                let state = record.state_metadata.as_ref()?.to_json();
                descend(&state, keys).cloned().map(Cow::Owned)
            }
            ("created_at", _) => Some(Cow::Owned(record.created_at.to_field())),
            ("updated_at", _) => record.updated_at.map(|at| Cow::Owned(at.to_field())),
            ("seq", _) => record.seq.map(|seq| Cow::Owned(seq.into())),
            (column, _) => match text_column(record, column) {
                Some(text) => Some(Cow::Owned(text.into())),
                None if matches!(column, "tenant" | "source") => {
                    record.metadata_field(column).map(Cow::Borrowed)
                }
                None => None,
            },
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

fn descend<'j>(value: &'j Json, keys: &[String]) -> Option<&'j Json> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn text_column<'r>(record: &'r ContextRecord, column: &str) -> Option<&'r str> {
    let optional = |text: &'r Option<String>| text.as_deref();
    match column {
        "id" => Some(&record.id),
        "external_id" => optional(&record.external_id),
        "run_id" => Some(&record.run_id),
        "bot_id" => optional(&record.bot_id),
        "session_id" => optional(&record.session_id),
        "tenant" => optional(&record.tenant),
        "source" => optional(&record.source),
        "role" => Some(&record.role),
        "retention_policy" => optional(&record.retention_policy),
        "lifecycle_status" => Some(&record.lifecycle_status),
        "content_type" => Some(&record.content_type),
        "parent_id" => optional(&record.parent_id),
        "branch_id" => optional(&record.branch_id),
        "candidate_group" => optional(&record.candidate_group),
        "text_payload" => optional(&record.text_payload),
        _ => None,
    }
}

impl Filter {
    /// Lets every record pass.
    pub fn none() -> Self {
        Filter::All(Vec::new())
    }

    /// Lets the records pass whose column holds this text.
    pub fn column_equals(column: &str, text: &str) -> Self {
        Filter::Field(
            Path(vec![column.to_owned()]),
            Condition::Equals(text.into()),
        )
    }

    /// The large columns that the filter looks at: what must be read before it can tell.
    pub fn parts(&self) -> Parts {
        match self {
            Filter::All(filters) | Filter::Any(filters) => filters
                .iter()
                .fold(Parts::KEYS, |parts, filter| parts.union(filter.parts())),
            Filter::Not(filter) => filter.parts(),
            Filter::Field(path, _) => {
                let column = path.0.first().map_or("", String::as_str);
                Parts {
                    text: column == "text_payload",
                    // The typed columns fall back to the metadata: see [`Path::value`].
                    metadata: matches!(column, "metadata" | "state_metadata" | "tenant" | "source"),
                    ..Parts::KEYS
                }
            }
        }
    }

    /// Whether `record` passes.
    pub fn matches(&self, record: &ContextRecord) -> bool {
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.matches(record)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.matches(record)),
            Filter::Not(filter) => !filter.matches(record),
            Filter::Field(path, condition) => {
                let found = path.value(record);
                condition.holds(found.as_deref().filter(|value| !value.is_null()))
            }
        }
    }
}

impl Condition {
    /// Whether a value meets it; `None` is a value that is not there, as `null` is.
    pub fn holds(&self, found: Option<&Json>) -> bool {
        let Some(found) = found else {
            // The original compares with `null` too, and there a missing key never equals.
            return matches!(self, Condition::Missing);
        };
        match self {
            Condition::Missing => false,
            Condition::Equals(value) => same(found, value),
            Condition::OneOf(values) => values.iter().any(|value| same(found, value)),
            Condition::Contains(part) => match (found, part) {
                (Json::Array(items), part) => items.iter().any(|item| same(item, part)),
                (Json::Str(text), Json::Str(part)) => text.contains(part.as_str()),
                _ => false,
            },
            Condition::Between(low, high) => {
                let above = low.is_null() || order(found, low).is_some_and(Ordering::is_ge);
                let below = high.is_null() || order(found, high).is_some_and(Ordering::is_le);
                above && below
            }
        }
    }
}

/// Deep equality where `1` and `1.0` are one number and the order of keys does not matter.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::Float(_), _) | (_, Json::Float(_)) => {
            a.as_f64().is_some() && a.as_f64() == b.as_f64()
        }
        _ => a == b,
    }
}

fn order(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::Str(a), Json::Str(b)) => match (Timestamp::parse(a), Timestamp::parse(b)) {
            (Ok(a), Ok(b)) => Some(a.cmp(&b)),
            _ => Some(a.cmp(b)),
        },
        (Json::Int(a), Json::Int(b)) => Some(a.cmp(b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// A bound on `created_at` as the original spells it.
pub(super) fn created_at(bound: &str, instant: &Json, key: &str) -> Result<Filter, FilterError> {
    let text = instant
        .as_str()
        .filter(|text| Timestamp::parse(text).is_ok())
        .ok_or_else(|| FilterError::new(key, "expected an instant such as 2030-01-02T03:04:05Z"))?;
    let (low, high) = match bound {
        "gte" | "start" | "after" => (text.into(), Json::Null),
        "lte" | "end" | "before" => (Json::Null, text.into()),
        _ => return Err(FilterError::new(key, format!("no such bound: {bound}"))),
    };
    Ok(Filter::Field(
        Path(vec!["created_at".to_owned()]),
        Condition::Between(low, high),
    ))
}
