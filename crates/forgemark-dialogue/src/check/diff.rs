//! Where two values differ.

use std::fmt::Write as _;

use forgemark_contract::json::{Json, Style, Writer};

/// A place where a value is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) what: String,
}

/// Most differences of one value that are told apart. A value that differs in more places is another value.
const MOST: usize = 20;

/// Our object in a record: where a conversation has it, all its rows have it, and where it has not, none.
const OURS: &str = "forgemark";

/// The places where `found` is not `expected`. Keys in another order are the same, and so are `8` and `8.0`. Keys that
/// are only in `found` are none of ours, but for `forgemark`.
pub(super) fn diff(expected: &Json, found: &Json) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(expected, found, &mut String::new(), &mut differences);
    differences
}

fn compare(expected: &Json, found: &Json, path: &mut String, to: &mut Vec<Difference>) {
    if to.len() >= MOST {
        return;
    }
    let length = path.len();
    match (expected, found) {
        (Json::Object(wanted), Json::Object(there)) => {
            for (key, value) in wanted {
                push_key(path, key);
                match there.get(key) {
                    Some(other) => compare(value, other, path, to),
                    None => report(path, "missing".to_owned(), to),
                }
                path.truncate(length);
            }
            if there.contains_key(OURS) && !wanted.contains_key(OURS) {
                push_key(path, OURS);
                let what = "not expected: the row in synthetic_qa.jsonl has none here";
                report(path, what.to_owned(), to);
                path.truncate(length);
            }
        }
        (Json::Array(wanted), Json::Array(there)) => {
            if wanted.len() != there.len() {
                let what = format!("has {} items, expected {}", there.len(), wanted.len());
                return report(path, what, to);
            }
            for (place, (value, other)) in wanted.iter().zip(there).enumerate() {
                // Writing to a `String` cannot fail.
                let _ = write!(path, "[{place}]");
                compare(value, other, path, to);
                path.truncate(length);
            }
        }
        _ if same(expected, found) => {}
        _ => report(
            path,
            format!("is {}, expected {}", shown(found), shown(expected)),
            to,
        ),
    }
}

fn report(path: &str, what: String, to: &mut Vec<Difference>) {
    if to.len() < MOST {
        to.push(Difference {
            path: path.to_owned(),
            what,
        });
    }
}

fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// Equality of scalars: numbers by value, `NaN` equal to itself.
fn same(left: &Json, right: &Json) -> bool {
    if left == right {
        return true;
    }
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right).is_eq(),
        _ => false,
    }
}

/// A value in few words.
pub(super) fn shown(value: &Json) -> String {
    const MOST_CHARS: usize = 60;
    let mut bytes = Vec::new();
    match value {
        Json::Array(items) if !items.is_empty() => return format!("an array of {}", items.len()),
        Json::Object(object) if !object.is_empty() => {
            return format!("an object of {} keys", object.len());
        }
        _ => Writer::new(&mut bytes, Style::LINE).json(value),
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.char_indices().nth(MOST_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgemark_contract::json::parse_str;

    fn paths(expected: &str, found: &str) -> Vec<String> {
        let differences = diff(&parse_str(expected).unwrap(), &parse_str(found).unwrap());
        differences.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn differences_have_paths() {
        assert_eq!(
            paths(
                r#"{"a": [1, {"b": "x"}], "c": null, "d": [1]}"#,
                r#"{"d": [1, 2], "a": [1.0, {"b": "y"}]}"#
            ),
            ["a[1].b", "c", "d"]
        );
    }

    #[test]
    fn foreign_keys_are_fine_and_ours_are_not() {
        assert_eq!(
            paths(r#"{"a": 1}"#, r#"{"a": 1, "z": 2}"#),
            Vec::<String>::new()
        );
        assert_eq!(
            paths(r#"{"a": NaN}"#, r#"{"a": NaN, "forgemark": {}}"#),
            ["forgemark"]
        );
    }
}
