//! A walk over JSON text that keeps its place, for what a parsed tree no longer knows: repeated keys and lines.
//!
//! Only for text that the parser has accepted; on other text it may stop early, never fail.

use std::collections::HashSet;
use std::fmt::Write as _;

/// A key that stands twice in one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) key: String,
    /// Path of the second one.
    pub(super) path: String,
    /// Byte of the second one.
    pub(super) offset: usize,
}

enum Level {
    Object {
        keys: HashSet<String>,
        key: String,
        /// Whether a key comes next.
        at_key: bool,
    },
    Array {
        index: usize,
    },
}

/// One event of the walk: a key was read at this byte. The answer says whether to go on.
fn walk(bytes: &[u8], mut on_key: impl FnMut(&str, bool, usize, &dyn Fn() -> String) -> bool) {
    let mut levels: Vec<Level> = Vec::new();
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'{' => levels.push(Level::Object {
                keys: HashSet::new(),
                key: String::new(),
                at_key: true,
            }),
            b'[' => levels.push(Level::Array { index: 0 }),
            b'}' | b']' => {
                levels.pop();
            }
            b',' => match levels.last_mut() {
                Some(Level::Object { at_key, .. }) => *at_key = true,
                Some(Level::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let end = string_end(bytes, place);
                if let Some(Level::Object {
                    keys,
                    key: current,
                    at_key: at_key @ true,
                }) = levels.last_mut()
                {
                    *at_key = false;
                    let text = decoded(bytes.get(place..end).unwrap_or_default());
                    let fresh = keys.insert(text.clone());
                    current.clone_from(&text);
                    if !on_key(&text, !fresh, place, &|| path_of(&levels)) {
                        return;
                    }
                }
                place = end;
                continue;
            }
            _ => {}
        }
        place += 1;
    }
}

/// The byte after the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut place = start + 1;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'\\' => place += 2,
            b'"' => return place + 1,
            _ => place += 1,
        }
    }
    bytes.len()
}

fn decoded(quoted: &[u8]) -> String {
    match forgemark_contract::json::parse(quoted) {
        Ok(value) => value
            .to_text()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(quoted).into_owned(),
    }
}

fn path_of(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object { key, .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Level::Array { index } => {
                // Writing to a `String` cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
    }
    path
}

/// The first key that repeats another of its object.
pub(super) fn repeated_key(bytes: &[u8]) -> Option<Repeated> {
    let mut found = None;
    walk(bytes, |key, repeated, offset, path| {
        if repeated {
            found = Some(Repeated {
                key: key.to_owned(),
                path: path(),
                offset,
            });
        }
        !repeated
    });
    found
}

/// The line of a byte, from 1.
pub(super) fn line_of(bytes: &[u8], offset: usize) -> u64 {
    let before = bytes.get(..offset).unwrap_or(bytes);
    before.split(|byte| *byte == b'\n').count() as u64
}

/// The line of the deepest key on the way to `path`, from 1.
pub(super) fn line_of_path(bytes: &[u8], path: &str) -> u64 {
    let mut best = (0, 0);
    walk(bytes, |_, _, offset, now| {
        let now = now();
        let on_the_way = path
            .strip_prefix(now.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['));
        if on_the_way && now.len() > best.0 {
            best = (now.len(), offset);
        }
        now != path
    });
    line_of(bytes, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_is_found_with_its_path() {
        let text = br#"{"a": [{"b": "x, \"}]", "c": 1}, {"b": 2, "\u0062": 3}], "d": 4}"#;
        let found = repeated_key(text).unwrap();
        assert_eq!((found.key.as_str(), found.path.as_str()), ("b", "a[1].b"));
        assert_eq!(repeated_key(br#"{"a": {"a": {"a": ["a", "a"]}}}"#), None);
    }

    #[test]
    fn the_line_of_a_path_is_that_of_its_deepest_key() {
        let text = b"{\n  \"a\": [\n    {\n      \"b\": 1\n    },\n    {\n      \"b\": [\n        1\n      ]\n    }\n  ]\n}";
        assert_eq!(line_of_path(text, "a[0].b"), 4);
        assert_eq!(line_of_path(text, "a[1].b[0]"), 7);
        assert_eq!(line_of_path(text, "a"), 2);
        assert_eq!(line_of_path(text, "missing"), 1);
    }

    #[test]
    fn text_that_is_no_json_ends_the_walk() {
        for text in [
            &b"{\"a"[..],
            b"}}]]",
            b"{\"a\\",
            b"\"\\u12",
            b"{{{{[[\"\"\"\"",
        ] {
            assert!(repeated_key(text).is_none_or(|found| found.offset < text.len()));
            assert_eq!(line_of_path(text, "a.b"), 1);
        }
    }
}
