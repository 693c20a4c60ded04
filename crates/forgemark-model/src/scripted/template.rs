//! Text and JSON with placeholders.
//!
//! `{hash8}` and the other names of [`Hole`] are replaced; an unknown name is an error;
//! `{{hash8}}` is the text `{hash8}`. Any other brace, as in a JSON text, stands for itself.

use forgemark_contract::json::{self, Json};

use super::completion::escape_into;
use super::ground::Ground;

/// A placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    /// Eight hexadecimal digits of the request's hash.
    Hash8,
    /// A small integer, 0 to 9.
    Number,
    /// Id of a passage among the offered ones; empty without any.
    TopicId,
    /// Id of the first offered passage; empty without any.
    FirstTopicId,
    /// A sentence of the passage that `{topic_id}` names.
    Passage,
    /// The source of the passage that `{topic_id}` names.
    Source,
    /// The question that the prompt puts.
    Question,
}

const HOLES: [(&str, Hole); 7] = [
    ("hash8", Hole::Hash8),
    ("n", Hole::Number),
    ("topic_id", Hole::TopicId),
    ("first_topic_id", Hole::FirstTopicId),
    ("passage", Hole::Passage),
    ("source", Hole::Source),
    ("question", Hole::Question),
];

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// Replacements stand inside JSON strings.
    json: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Hole(Hole),
}

impl Template {
    /// Compiles plain text; the error names the unknown placeholder.
    pub(super) fn text(text: &str) -> Result<Self, String> {
        Ok(Self {
            pieces: split(text)?,
            json: false,
        })
    }

    /// Compiles a JSON value whose strings may hold placeholders. A string that is exactly `{n}`
    /// becomes a number.
    pub(super) fn json(value: &Json) -> Result<Self, String> {
        let mut pieces = Vec::new();
        compile(value, &mut pieces)?;
        let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match (merged.last_mut(), piece) {
                (Some(Piece::Literal(last)), Piece::Literal(next)) => last.push_str(&next),
                (_, piece) => merged.push(piece),
            }
        }
        Ok(Self {
            pieces: merged,
            json: true,
        })
    }

    /// Appends the text with its placeholders replaced.
    pub(super) fn expand(&self, ground: &Ground<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Hole(hole) => {
                    let text = fill(*hole, ground);
                    if self.json {
                        escape_into(out, text.as_bytes());
                    } else {
                        out.extend_from_slice(text.as_bytes());
                    }
                }
            }
        }
    }
}

fn fill(hole: Hole, ground: &Ground<'_>) -> String {
    match hole {
        Hole::Hash8 => ground.hash8(),
        Hole::Number => ground.number().to_string(),
        Hole::TopicId => ground.topic_id(),
        Hole::FirstTopicId => ground.first_topic_id(),
        Hole::Passage => ground.snippet(),
        Hole::Source => ground.source(),
        Hole::Question => ground.question().to_owned(),
    }
}

fn split(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(name) = rest.strip_prefix('{').and_then(name_before_brace) {
            let Some((_, hole)) = HOLES.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = HOLES.iter().map(|(name, _)| *name).collect();
                let known = known.join(", ");
                return Err(format!(
                    "unknown placeholder `{{{name}}}`; known are {known}"
                ));
            };
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.push(Piece::Hole(*hole));
            rest = &rest[name.len() + 2..];
            continue;
        }
        let doubled = rest.strip_prefix("{{").and_then(name_before_brace);
        let (kept, len) = match doubled {
            Some(name) if rest[name.len() + 3..].starts_with('}') => {
                (1..name.len() + 3, name.len() + 4)
            }
            _ => (0..1, 1),
        };
        literal.push_str(&rest[kept]);
        rest = &rest[len..];
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal));
    pieces.retain(|piece| *piece != Piece::Literal(String::new()));
    Ok(pieces)
}

/// The name that `text` starts with, if a closing brace follows it.
fn name_before_brace(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    (end > 0 && text[end..].starts_with('}')).then_some(&text[..end])
}

fn compile(value: &Json, out: &mut Vec<Piece>) -> Result<(), String> {
    match value {
        Json::Str(text) if text == "{n}" => out.push(Piece::Hole(Hole::Number)),
        Json::Str(text) => compile_string(text, out)?,
        Json::Array(items) => {
            out.push(Piece::Literal("[".to_owned()));
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(Piece::Literal(",".to_owned()));
                }
                compile(item, out)?;
            }
            out.push(Piece::Literal("]".to_owned()));
        }
        Json::Object(object) => {
            out.push(Piece::Literal("{".to_owned()));
            for (n, (key, item)) in object.iter().enumerate() {
                if n > 0 {
                    out.push(Piece::Literal(",".to_owned()));
                }
                out.push(Piece::Literal(compact(&Json::from(key)) + ":"));
                compile(item, out)?;
            }
            out.push(Piece::Literal("}".to_owned()));
        }
        scalar => out.push(Piece::Literal(compact(scalar))),
    }
    Ok(())
}

fn compile_string(text: &str, out: &mut Vec<Piece>) -> Result<(), String> {
    out.push(Piece::Literal("\"".to_owned()));
    for piece in split(text)? {
        out.push(match piece {
            Piece::Literal(text) => {
                let mut escaped = Vec::new();
                escape_into(&mut escaped, text.as_bytes());
                Piece::Literal(String::from_utf8_lossy(&escaped).into_owned())
            }
            hole @ Piece::Hole(_) => hole,
        });
    }
    out.push(Piece::Literal("\"".to_owned()));
    Ok(())
}

fn compact(value: &Json) -> String {
    String::from_utf8_lossy(&json::to_compact(value)).into_owned()
}

#[cfg(test)]
mod tests;
