//! The normal form of a reasoning trace, in turn rows, `ShareGPT` rows and conversation slices.

use crate::json::{Json, Object, python_str};

/// The keys that can hold the assumption of a premise, in the order in which they are tried.
const ASSUMPTION_KEYS: [&str; 3] = ["assumption", "note", "text_note"];

/// A trace with `thinking` and `premises` in one fixed form:
///
/// - `thinking`: a string becomes `[{text}]`; of a list each object gets its `text` first and as a string and keeps its
///   other keys, and anything else becomes `{text}`; `null` becomes `[]`; anything else becomes `[{text}]`;
/// - `premises`: a list of exactly `{id, text, evidence_refs, assumption}`, the references a list of strings and the
///   assumption taken from `assumption`, `note` or `text_note`, booleans as `"true"` and `"false"`.
///
/// Other keys stay as they are, and keys that are missing stay missing. What is no object becomes `{}`. Applying it
/// twice changes nothing. Texts are made as Python's `str` makes them, `null` becoming `""`.
pub fn normalize_reasoning(trace: &Json) -> Json {
    let Some(trace) = trace.as_object() else {
        return Json::empty_object();
    };
    let normal = trace.iter().map(|(key, value)| {
        let value = match key {
            "thinking" => thinking(value),
            "premises" => premises(value),
            _ => value.clone(),
        };
        (key.to_owned(), value)
    });
    Json::Object(normal.collect())
}

fn thinking(value: &Json) -> Json {
    match value {
        Json::Null => Json::Array(Vec::new()),
        Json::Array(items) => items.iter().map(thought).collect(),
        other => Json::Array(vec![thought(other)]),
    }
}

fn thought(item: &Json) -> Json {
    let Some(object) = item.as_object() else {
        return Json::object([("text", text(item))]);
    };
    let mut thought = Object::from([("text", text(item.at("text")))]);
    for (key, value) in object.iter().filter(|(key, _)| *key != "text") {
        thought.insert(key, value.clone());
    }
    Json::Object(thought)
}

fn premises(value: &Json) -> Json {
    match value {
        Json::Null => Json::Array(Vec::new()),
        Json::Array(items) => items.iter().map(premise).collect(),
        other => Json::Array(vec![premise(other)]),
    }
}

fn premise(item: &Json) -> Json {
    let refs = match item.at("evidence_refs") {
        Json::Null => Vec::new(),
        Json::Array(refs) => refs.iter().map(text).collect(),
        other => vec![text(other)],
    };
    let assumption = ASSUMPTION_KEYS
        .iter()
        .map(|key| item.at(key))
        .find(|value| !value.is_null());
    let own_text = if item.as_object().is_some() {
        item.at("text")
    } else {
        item
    };
    Json::object([
        ("id", text(item.at("id"))),
        ("text", text(own_text)),
        ("evidence_refs", Json::Array(refs)),
        (
            "assumption",
            assumption.map_or_else(|| Json::from(""), text),
        ),
    ])
}

/// A value as text.
fn text(value: &Json) -> Json {
    match value {
        Json::Null => Json::from(""),
        Json::Bool(value) => Json::from(if *value { "true" } else { "false" }),
        Json::Str(_) | Json::Utf16(_) => value.clone(),
        other => Json::Str(python_str(other)),
    }
}
