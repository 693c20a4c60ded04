//! What a record must be before a store takes it, and what a patch makes of one.

use crate::json::{Json, Object};
use crate::shape::Record as _;
use crate::store::{ContextRecord, StateMetadata, StoreError, TOMBSTONE_CONTENT_TYPE};

/// An error about one field of one record.
pub(super) fn invalid(record: &str, field: &str, what: impl Into<String>) -> StoreError {
    StoreError::Invalid {
        record: record.to_owned(),
        field: field.to_owned(),
        what: what.into(),
    }
}

/// Spells in one way what a table cannot hold in two.
pub(super) fn normalize(record: &mut ContextRecord) {
    if record.metadata.as_ref().is_some_and(Json::is_null) {
        record.metadata = None;
    }
    if record.state_metadata == Some(StateMetadata::default()) {
        record.state_metadata = None;
    }
}

/// Checks a record by itself and its vector against the store's; answers the length of the store's vectors with it.
pub(super) fn check(
    record: &ContextRecord,
    dimensions: Option<u32>,
) -> Result<Option<u32>, StoreError> {
    let fail = |field: &str, what: &str| Err(invalid(&record.id, field, what));
    if record.id.is_empty() {
        return fail("id", "it is empty; give each record its own");
    }
    if record.external_id.as_deref() == Some("") {
        return fail("external_id", "it is empty; leave it out");
    }
    if record.content_type == TOMBSTONE_CONTENT_TYPE {
        return fail(
            "content_type",
            "this type marks deleted records; delete the record",
        );
    }
    let extra = record.extra.keys().next().map(str::to_owned);
    let state = record.state_metadata.as_ref();
    let extra = extra.or_else(|| {
        let key = state?.extra.keys().next()?;
        Some(format!("state_metadata.{key}"))
    });
    let extra = extra.or_else(|| {
        let edges = record.relationships.iter();
        let mut keys = edges.filter_map(|edge| edge.extra.keys().next());
        Some(format!("relationships.{}", keys.next()?))
    });
    if let Some(key) = extra {
        return fail(&key, "there is no such column; put it under `metadata`");
    }
    let too_large = |value: Option<i64>| value.is_some_and(|value| i32::try_from(value).is_err());
    if let Some(state) = state {
        for (field, value) in [("step", state.step), ("tokens_used", state.tokens_used)] {
            if too_large(value) {
                return fail(
                    &format!("state_metadata.{field}"),
                    "it does not fit the column, which has 32 bits",
                );
            }
        }
    }
    if record.metadata.as_ref().is_some_and(has_non_finite) {
        return fail("metadata", "NaN and infinities are no JSON; use null");
    }
    let weights = record.relationships.iter().filter_map(|edge| edge.weight);
    if weights.into_iter().any(|weight| !weight.is_finite()) {
        return fail("relationships", "a weight is no finite number");
    }
    let Some(vector) = &record.embedding else {
        return Ok(dimensions);
    };
    if vector.is_empty() {
        return fail("embedding", "the vector is empty; leave it out");
    }
    if let Some(place) = vector.iter().position(|value| !value.is_finite()) {
        let what = format!("value {place} is no finite number");
        return fail("embedding", &what);
    }
    match dimensions {
        Some(expected) if expected as usize != vector.len() => Err(StoreError::Dimensions {
            record: record.id.clone(),
            found: vector.len(),
            expected,
        }),
        Some(expected) => Ok(Some(expected)),
        None => match i32::try_from(vector.len()) {
            Ok(length) => Ok(Some(length.unsigned_abs())),
            Err(_) => fail("embedding", "the vector is too long for a table"),
        },
    }
}

fn has_non_finite(value: &Json) -> bool {
    match value {
        Json::Float(value) => !value.is_finite(),
        Json::Array(items) => items.iter().any(has_non_finite),
        Json::Object(object) => object.values().any(has_non_finite),
        _ => false,
    }
}

/// `record` with the new values of `fields`, through its JSON form, so that a value is judged as one that is read.
pub(super) fn patched(
    record: &ContextRecord,
    fields: &Object,
) -> Result<ContextRecord, StoreError> {
    let fail = |field: &str, what: &str| Err(invalid(&record.id, field, what));
    // Vectors and media are long in JSON: they take the way through it only when they are what changes.
    let mut slim = record.clone();
    let vector = slim.embedding.take();
    let media = slim.binary_payload.take();
    let mut object = slim.to_json().into_object();
    for (key, value) in fields {
        match key {
            "id" | "created_at" | "seq" => {
                return fail(key, "it cannot be changed: the position of a record stays");
            }
            "updated_at" => return fail(key, "the store sets it"),
            _ => {}
        }
        if let Some(path) = key.strip_prefix("metadata.") {
            let metadata = object.get("metadata").cloned().unwrap_or_default();
            match with_value(metadata, path, value) {
                Ok(metadata) => object.insert("metadata", metadata),
                Err(what) => return fail(key, what),
            };
            continue;
        }
        let columns = ContextRecord::TABLE.fields;
        if !columns.iter().any(|column| column.key == key) {
            return fail(
                key,
                "there is no such column; fields are columns and `metadata.KEY`",
            );
        }
        if value.is_null() {
            object.remove(key);
        } else {
            object.insert(key, value.clone());
        }
    }
    let mut changed = ContextRecord::from_json(&Json::Object(object))
        .map_err(|error| invalid(&record.id, &error.path, error.what))?;
    if !fields.contains_key("embedding") {
        changed.embedding = vector;
    }
    if !fields.contains_key("binary_payload") {
        changed.binary_payload = media;
    }
    Ok(changed)
}

/// `value` under the keys of `path`, whose parts are separated by dots; `null` takes the key away.
fn with_value(metadata: Json, path: &str, value: &Json) -> Result<Json, &'static str> {
    if metadata.is_null() && value.is_null() {
        return Ok(Json::Null);
    }
    let mut object = match metadata {
        Json::Object(object) => object,
        Json::Null => Object::new(),
        _ => return Err("what holds the key is no object"),
    };
    let (key, rest) = path
        .split_once('.')
        .map_or((path, None), |(key, rest)| (key, Some(rest)));
    if key.is_empty() {
        return Err("a part of the path is empty");
    }
    let inner = match rest {
        Some(rest) => with_value(object.get(key).cloned().unwrap_or_default(), rest, value)?,
        None => value.clone(),
    };
    if inner.is_null() {
        object.remove(key);
    } else {
        object.insert(key, inner);
    }
    Ok(Json::Object(object))
}
