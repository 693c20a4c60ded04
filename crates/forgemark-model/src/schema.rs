//! The parts of JSON Schemas for replies, in the subset that strict structured output accepts everywhere: every property
//! required, no further ones.

use forgemark_contract::json::Json;

/// A value of a type by its name.
pub fn of_type(name: &str) -> Json {
    Json::object([("type", Json::from(name))])
}

/// Text.
pub fn text() -> Json {
    of_type("string")
}

/// One of a closed set of words.
pub fn one_of(words: &[&str]) -> Json {
    let words = words.iter().map(|word| Json::from(*word)).collect();
    Json::object([("type", Json::from("string")), ("enum", Json::Array(words))])
}

/// A list.
pub fn list(items: Json) -> Json {
    Json::object([("type", Json::from("array")), ("items", items)])
}

/// A number of a type (`integer`, `number`) within bounds, both included.
pub fn within(name: &str, min: i64, max: i64) -> Json {
    Json::object([
        ("type", Json::from(name)),
        ("minimum", Json::from(min)),
        ("maximum", Json::from(max)),
    ])
}

/// An object with exactly these properties, in the order in which a model writes them.
pub fn object<const N: usize>(properties: [(&str, Json); N]) -> Json {
    let required = properties
        .iter()
        .map(|(name, _)| Json::from(*name))
        .collect();
    Json::object([
        ("type", Json::from("object")),
        ("properties", Json::object(properties)),
        ("required", Json::Array(required)),
        ("additionalProperties", Json::from(false)),
    ])
}
