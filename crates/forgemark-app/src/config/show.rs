//! `config show`: the resolved values and where each came from.

use std::fmt::Write as _;

use forgemark_contract::json::{Json, Object, to_line};
use forgemark_contract::settings::{Key, Origin, Resolved, Status};

use crate::escape;
use crate::printer::{DIM, paint};
use crate::secrets::{MASK, is_secret_name, mask_user_info};

/// Column at which origins begin, when the line is not longer.
const ORIGIN_COLUMN: usize = 48;

/// The rows to show: keys that have an effect here, and whatever else was set.
fn rows<'s>(
    settings: &'s Resolved,
    keys: &'s [Key],
) -> impl Iterator<Item = (&'s str, &'s Json, &'s Origin)> {
    let hidden = |path: &str| {
        keys.iter()
            .any(|key| key.path == path && key.status != Status::Honoured)
    };
    settings
        .iter()
        .filter(move |(path, ..)| settings.is_set(path) || !hidden(path))
}

/// The values as YAML that can be used as a configuration again (but for hidden secrets); with
/// `origins` each line says where its value came from.
pub fn yaml(settings: &Resolved, keys: &[Key], origins: bool) -> String {
    let mut out = String::new();
    let mut open: Vec<&str> = Vec::new();
    for (path, value, origin) in rows(settings, keys) {
        let mut parts: Vec<&str> = path.split('.').collect();
        let name = parts.pop().unwrap_or(path);
        let same = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        for (depth, part) in parts.iter().enumerate().skip(same) {
            let _ = writeln!(out, "{}{part}:", "  ".repeat(depth));
        }
        let mut line = format!(
            "{}{name}: {}",
            "  ".repeat(parts.len()),
            scalar(&hidden(name, value))
        );
        if origins {
            let _ = write!(
                line,
                "{}  {}",
                pad(&line),
                paint(DIM, format!("# {}", escape::for_line(&origin.to_string())))
            );
        }
        out.push_str(&line);
        out.push('\n');
        open = parts;
    }
    out
}

/// The values as a list of `{"key", "value", "origin"}`.
pub fn json(settings: &Resolved, keys: &[Key]) -> Json {
    let rows = rows(settings, keys).map(|(path, value, origin)| {
        let name = path.rsplit('.').next().unwrap_or(path);
        Json::object([
            ("key", path.into()),
            ("value", hidden(name, value)),
            ("origin", origin_json(origin)),
        ])
    });
    Json::object([("settings", rows.collect())])
}

fn origin_json(origin: &Origin) -> Json {
    match origin {
        Origin::Default => Json::object([("kind", "default".into())]),
        Origin::File { path, line, column } => Json::object([
            ("kind", "file".into()),
            ("path", path.as_str().into()),
            ("line", (*line).into()),
            ("column", (*column).into()),
        ]),
        Origin::Env(name) => Json::object([("kind", "env".into()), ("name", name.as_str().into())]),
        Origin::Flag(name) => {
            Json::object([("kind", "flag".into()), ("name", name.as_str().into())])
        }
    }
}

/// The value with secrets replaced, at any depth.
fn hidden(name: &str, value: &Json) -> Json {
    match value {
        Json::Object(object) => {
            let entries = object
                .iter()
                .map(|(key, value)| (key.to_owned(), hidden(key, value)));
            Json::Object(entries.collect::<Object>())
        }
        Json::Array(items) => items.iter().map(|item| hidden(name, item)).collect(),
        Json::Str(text) if is_secret_name(name) && !text.is_empty() => MASK.into(),
        Json::Str(text) => mask_user_info(text).into_owned().into(),
        _ => value.clone(),
    }
}

/// A value as YAML on one line. JSON is YAML, so only plain words are written without quotes.
pub(crate) fn scalar(value: &Json) -> String {
    match value {
        Json::Str(text) if is_plain_word(text) => text.clone(),
        _ => escape::for_json(to_line(value)),
    }
}

/// Whether the text can stand without quotes and is still this text.
fn is_plain_word(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let safe = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b'.'));
    let word = super::yaml::Scalar {
        text: text.to_owned(),
        plain: true,
    };
    let truth = ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    begins && safe && !truth && word.to_json().is_string()
}

fn pad(line: &str) -> String {
    " ".repeat(ORIGIN_COLUMN.saturating_sub(line.chars().count()))
}
