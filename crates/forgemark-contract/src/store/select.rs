//! Which rows of a snapshot are seen at all: lifecycle and filters.

use std::collections::HashSet;

use crate::json::{Json, Object};
use crate::store::{ContextRecord, lifecycle};
use crate::time::Timestamp;

mod expression;
mod filter;

#[cfg(test)]
mod tests;

pub use expression::{ExpressionError, filter_from_expression};
pub use filter::{Condition, Filter, FilterError, Path, TEXT_COLUMNS};

/// Which lifecycles are visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visibility {
    /// Whether rows past their `expires_at` are visible.
    pub include_expired: bool,
    /// Whether retired, superseded and otherwise hidden rows are visible.
    pub include_retired: bool,
    /// The instant at which `expires_at` is judged.
    pub reference_time: Timestamp,
}

impl Visibility {
    /// Only what is in use at `reference_time`.
    pub fn at(reference_time: Timestamp) -> Self {
        Visibility {
            include_expired: false,
            include_retired: false,
            reference_time,
        }
    }

    /// Whether `row` is visible. `superseded` answers for an id whether any row of the snapshot hides it
    /// (see [`superseded_by`]).
    pub fn shows(self, row: &ContextRecord, superseded: impl FnOnce(&str) -> bool) -> bool {
        if row.is_tombstone() {
            return false;
        }
        let expired = row
            .expires_at
            .is_some_and(|instant| instant <= self.reference_time);
        let hidden = || {
            !matches!(
                row.lifecycle_status.as_str(),
                lifecycle::ACTIVE | lifecycle::CONTRADICTED
            ) || row.retired_at.is_some()
                || row.superseded_by_id.is_some()
                || superseded(&row.id)
        };
        (self.include_expired || !expired) && (self.include_retired || !hidden())
    }
}

/// The rows of a snapshot that are visible and pass the filter, in their order.
///
/// `rows` are all rows, one for each id: a row that is hidden or filtered out may still supersede another. Tombstones are
/// never visible. Rows that were listed before under the same options come out unchanged.
pub fn list(
    rows: impl IntoIterator<Item = ContextRecord>,
    visibility: Visibility,
    filter: &Filter,
) -> Vec<ContextRecord> {
    let sifted = sift(rows, visibility, filter).into_iter();
    let listed = sifted.filter(|(_, hidden)| hidden.is_none());
    listed.map(|(row, _)| row).collect()
}

/// All rows in their order, each that is not to be seen with the reason.
pub fn sift(
    rows: impl IntoIterator<Item = ContextRecord>,
    visibility: Visibility,
    filter: &Filter,
) -> Vec<(ContextRecord, Option<&'static str>)> {
    let rows: Vec<ContextRecord> = rows.into_iter().collect();
    let superseded: HashSet<String> = rows
        .iter()
        .filter_map(|row| superseded_by(row).map(str::to_owned))
        .collect();
    let reason = |row: &ContextRecord| {
        if visibility.shows(row, |id| superseded.contains(id)) {
            (!filter.matches(row)).then_some("filter")
        } else {
            Some("lifecycle")
        }
    };
    let sifted = rows.into_iter().map(|row| {
        let reason = reason(&row);
        (row, reason)
    });
    sifted.collect()
}

/// The id of the record that `row` hides by naming it, whatever the lifecycle of `row`; itself it cannot hide.
pub fn superseded_by(row: &ContextRecord) -> Option<&str> {
    row.supersedes_id.as_deref().filter(|id| *id != row.id)
}

/// Reads the original's filter object: `bot_id`, `session_id`, `tenant`, `source`, `role` and `content_type` as exact texts,
/// `created_at` with its bounds and their aliases, every other key as a key of the metadata, `{"contains": x}` as a test
/// for a part. A `null` for a text is no filter.
///
/// # Errors
/// [`FilterError`] names the key and what is wrong.
pub fn filter_from_original(object: &Object) -> Result<Filter, FilterError> {
    let mut all = Vec::new();
    for (key, value) in object {
        match key {
            "bot_id" | "session_id" | "tenant" | "source" | "role" | "content_type" => {
                match value {
                    Json::Null => {}
                    Json::Str(text) => all.push(Filter::column_equals(key, text)),
                    _ => return Err(FilterError::new(key, "expected a text or null")),
                }
            }
            "created_at" => {
                let bounds = value
                    .as_object()
                    .ok_or_else(|| FilterError::new(key, "expected an object with bounds"))?;
                for (bound, instant) in bounds {
                    all.push(filter::created_at(bound, instant, key)?);
                }
            }
            "created_at_start" | "created_after" | "created_at_gte" => {
                all.push(filter::created_at("gte", value, key)?);
            }
            "created_at_end" | "created_before" | "created_at_lte" => {
                all.push(filter::created_at("lte", value, key)?);
            }
            _ => {
                let part = value
                    .as_object()
                    .filter(|object| object.len() == 1)
                    .and_then(|object| object.get("contains"));
                let condition = match part {
                    Some(part) => Condition::Contains(part.clone()),
                    None => Condition::Equals(value.clone()),
                };
                all.push(Filter::Field(Path::metadata([key]), condition));
            }
        }
    }
    Ok(Filter::All(all))
}
