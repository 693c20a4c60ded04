//! JSON out of a model's reply, which is often wrapped in talk.

use super::parse::{Dialect, Parser};
use super::{Json, parse_str};

/// How many opening braces are tried as the start of the object.
const MAX_STARTS: usize = 32;

/// The value that a reply means, or `None`.
///
/// Tried in order, first on what follows the last `</think>`, then on the whole text: the text as strict JSON; the
/// content of the first fenced code block; from the first `{` to the last `}`; the longest object that starts at
/// one of the first braces. All but the first way also accept raw line breaks in strings and a comma before a closing
/// bracket. Only the first way can give something other than an object or an array.
pub fn parse_lenient(text: &str) -> Option<Json> {
    if let Ok(value) = parse_str(text) {
        return Some(value);
    }
    if let Some((_, answer)) = text.rsplit_once("</think>")
        && let Some(value) = in_talk(answer)
    {
        return Some(value);
    }
    in_talk(text)
}

fn in_talk(text: &str) -> Option<Json> {
    whole(text)
        .or_else(|| fenced(text).and_then(whole))
        .or_else(|| outermost(text).and_then(whole))
        .or_else(|| embedded(text))
}

/// The whole text as a relaxed object or array.
fn whole(text: &str) -> Option<Json> {
    let value = Parser::new(text, Dialect::Relaxed).whole().ok()?;
    matches!(value, Json::Object(_) | Json::Array(_)).then_some(value)
}

/// The content of the first fenced code block; one that is never closed reaches to the end.
fn fenced(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("```")?;
    let (_, body) = after.split_once('\n')?;
    Some(body.split_once("```").map_or(body, |(inside, _)| inside))
}

fn outermost(text: &str) -> Option<&str> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    text.get(start..=end)
}

/// The longest object that starts at one of the first braces, so that `{x} means {"a": 1}` gives the second.
fn embedded(text: &str) -> Option<Json> {
    let starts = memchr::memchr_iter(b'{', text.as_bytes()).take(MAX_STARTS);
    let objects = starts.filter_map(|start| {
        let mut parser = Parser::new(text.get(start..)?, Dialect::Relaxed);
        let value = parser.value().ok()?;
        Some((parser.place(), value))
    });
    objects
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, value)| value)
}
