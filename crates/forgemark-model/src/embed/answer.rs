//! Reads the vectors out of the body of a success.

use bytes::Bytes;
use forgemark_contract::json::{Json, parse};

use super::Wrong;
use crate::chat::reply::not_json;

/// A body that is a list of vectors, or means to be one.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) vectors: Result<Vec<Vec<f32>>, Wrong>,
    /// Tokens that the endpoint counted.
    pub(super) tokens: Option<u64>,
}

/// A body that is none.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Something else, or an answer that was cut off.
    NoAnswer(String),
    /// An error object.
    Error(Json),
}

/// Reads `body` as the answer to `texts` texts.
pub(super) fn read(body: &Bytes, texts: usize) -> Result<Answered, Unreadable> {
    let tree =
        parse(body).map_err(|error| Unreadable::NoAnswer(not_json(body, &error.to_string())))?;
    let error = tree.at("error");
    if error.is_truthy() {
        return Err(Unreadable::Error(error.clone()));
    }
    let Some(items) = tree.at("data").as_array() else {
        return Err(Unreadable::NoAnswer(
            "the body has no list `data`".to_owned(),
        ));
    };
    let usage = tree.at("usage");
    let tokens = usage.at("prompt_tokens").as_u64();
    Ok(Answered {
        vectors: ordered(items, texts),
        tokens: tokens.or_else(|| usage.at("total_tokens").as_u64()),
    })
}

/// The vectors in the order of the texts.
pub(crate) fn ordered(items: &[Json], texts: usize) -> Result<Vec<Vec<f32>>, Wrong> {
    if items.len() != texts {
        return Err(Wrong::Count { found: items.len() });
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (number, item) in items.iter().enumerate() {
        // Without an index the order is that of the texts.
        let index = match item.get("index") {
            None | Some(Json::Null) => number as i64,
            Some(index) => index.as_i64().unwrap_or(-1),
        };
        let place = usize::try_from(index).ok();
        let free = place.and_then(|place| vectors.get_mut(place));
        let Some(free) = free.filter(|vector| vector.is_none()) else {
            return Err(Wrong::Index {
                item: number,
                index,
            });
        };
        *free = Some(vector(item.at("embedding"), index as usize)?);
    }
    Ok(vectors.into_iter().flatten().collect())
}

fn vector(value: &Json, text: usize) -> Result<Vec<f32>, Wrong> {
    let wrong = |what: String| Wrong::Value { text, what };
    let Some(values) = value.as_array() else {
        let found = value.type_name();
        return Err(wrong(format!("is a {found} and no list of numbers")));
    };
    if values.is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    let values = values.iter().enumerate().map(|(place, value)| {
        let Some(number) = value.as_f64() else {
            let found = value.type_name();
            return Err(wrong(format!("has a {found} at {place}")));
        };
        let number = number as f32;
        if number.is_finite() {
            Ok(number)
        } else {
            Err(wrong(format!("has {number} at {place}")))
        }
    });
    values.collect()
}
