//! Python's `str()` of a JSON value, which the original writes where it makes text of something that is none.

use std::fmt::Write as _;

use super::{Json, number};

/// What Python's `str(value)` gives for the value that `json.loads` made: strings as they are, `True`, `None`, floats
/// as `repr` (`nan`, `inf`), and containers in Python's notation with single quotes. Lone surrogates become U+FFFD.
pub fn python_str(value: &Json) -> String {
    if let Some(text) = value.to_text() {
        return text.into_owned();
    }
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("None"),
        Json::Bool(true) => out.push_str("True"),
        Json::Bool(false) => out.push_str("False"),
        Json::Int(value) => out.push_str(&value.to_string()),
        Json::BigInt(text) => out.push_str(text),
        Json::Float(value) if value.is_nan() => out.push_str("nan"),
        Json::Float(value) if value.is_infinite() => {
            out.push_str(if *value < 0.0 { "-inf" } else { "inf" });
        }
        Json::Float(value) => {
            let mut digits = Vec::new();
            number::write_f64(&mut digits, *value);
            out.extend(digits.into_iter().map(char::from));
        }
        Json::Str(text) => write_quoted(out, &text.encode_utf16()),
        Json::Utf16(units) => write_quoted(out, &units.iter().copied()),
        Json::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { ", " });
                write_repr(out, item);
            }
            out.push(']');
        }
        Json::Object(object) => {
            out.push('{');
            for (place, (key, item)) in object.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { ", " });
                write_quoted(out, &key.encode_utf16());
                out.push_str(": ");
                write_repr(out, item);
            }
            out.push('}');
        }
    }
}

/// `repr(str)`: double quotes only where there is a single quote and no double one.
fn write_quoted(out: &mut String, units: &(impl Iterator<Item = u16> + Clone)) {
    let has = |c: char| units.clone().any(|unit| u32::from(unit) == u32::from(c));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.push(quote);
    for unit in char::decode_utf16(units.clone()) {
        match unit {
            Ok('\n') => out.push_str("\\n"),
            Ok('\r') => out.push_str("\\r"),
            Ok('\t') => out.push_str("\\t"),
            Ok(c) if c == quote || c == '\\' => out.extend(['\\', c]),
            Ok(c) if is_printable(c) => out.push(c),
            // Writing to a `String` cannot fail.
            Ok(c) if u32::from(c) < 0x100 => _ = write!(out, "\\x{:02x}", u32::from(c)),
            Ok(c) if u32::from(c) < 0x1_0000 => _ = write!(out, "\\u{:04x}", u32::from(c)),
            Ok(c) => _ = write!(out, "\\U{:08x}", u32::from(c)),
            Err(lone) => _ = write!(out, "\\u{:04x}", lone.unpaired_surrogate()),
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one character. The standard library keeps the same table (categories C* and Z* but the
/// space) for `escape_debug`; a letter before it keeps combining marks, which are escaped only at the start, out.
fn is_printable(c: char) -> bool {
    let mut text = [0; 5];
    text[0] = b'a';
    let length = c.encode_utf8(&mut text[1..]).len();
    let Ok(text) = std::str::from_utf8(&text[..=length]) else {
        return false;
    };
    matches!(c, '\'' | '"' | '\\') || text.escape_debug().count() == 2
}
