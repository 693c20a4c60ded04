//! The strict check of one value against a shape.

use super::{Shape, ShapeFinding, Table};
use crate::json::{Json, Object, Style, Writer};
use crate::time::Timestamp;

/// Everything in `value` that is not as `shape` says, in the order of the table.
pub fn check(shape: Shape, value: &Json) -> Vec<ShapeFinding> {
    let mut walk = Walk {
        path: Vec::new(),
        findings: Vec::new(),
    };
    walk.value(shape, value);
    walk.findings
}

/// The same for a record whose keys were renamed; `also` is an optional key that must be there.
pub(super) fn check_renamed<'k>(
    table: &'static Table,
    also: Option<&'static str>,
    value: &Json,
    name: &dyn Fn(&'static str) -> &'k str,
) -> Vec<ShapeFinding> {
    let mut walk = Walk {
        path: Vec::new(),
        findings: Vec::new(),
    };
    match value.as_object() {
        Some(object) => walk.fields(table, object, name),
        None => walk.mismatch("an object", value),
    }
    if let Some(key) = also {
        walk.must_have(table, name(key), value);
    }
    walk.findings
}

enum Step {
    Key(String),
    Index(usize),
}

struct Walk {
    path: Vec<Step>,
    findings: Vec<ShapeFinding>,
}

impl Walk {
    fn report(&mut self, what: String) {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.extend([".", key]),
                Step::Index(place) => path.extend(["[", &place.to_string(), "]"]),
            }
        }
        if path.is_empty() {
            path.push('$');
        }
        self.findings.push(ShapeFinding { path, what });
    }

    fn mismatch(&mut self, expected: &str, found: &Json) {
        self.report(format!("expected {expected}, found {}", describe(found)));
    }

    fn expect(&mut self, holds: bool, expected: &str, found: &Json) {
        if !holds {
            self.mismatch(expected, found);
        }
    }

    fn value(&mut self, shape: Shape, value: &Json) {
        match shape {
            Shape::Any => {}
            Shape::Bool => self.expect(value.as_bool().is_some(), "a boolean", value),
            Shape::Integer { min } => {
                let holds = match value {
                    Json::BigInt(text) => !text.starts_with('-'),
                    _ => value.as_i64().is_some_and(|number| number >= min),
                };
                self.expect(holds, &integer(min), value);
            }
            Shape::Number => self.expect(
                value.as_f64().is_some_and(f64::is_finite),
                "a number",
                value,
            ),
            Shape::Text => self.expect(value.is_string(), "a string", value),
            Shape::Filled => {
                self.expect(
                    value.is_string() && value.is_truthy(),
                    "a string that is not empty",
                    value,
                );
            }
            Shape::QuestionHash { empty } => {
                let holds = value
                    .as_str()
                    .is_some_and(|text| is_hash(text) || (empty && text.is_empty()));
                self.expect(holds, "16 hexadecimal digits", value);
            }
            Shape::DatasetTime => {
                self.expect(
                    is_time(value, "+00:00"),
                    "a timestamp such as 2030-01-02T03:04:05.000006+00:00",
                    value,
                );
            }
            Shape::LedgerTime => {
                self.expect(
                    is_time(value, "Z"),
                    "a timestamp such as 2030-01-02T03:04:05.000006Z",
                    value,
                );
            }
            Shape::OneOf(words) => {
                let holds = value.as_str().is_some_and(|text| words.contains(&text));
                if !holds {
                    self.mismatch(&format!("one of {}", words.join(", ")), value);
                }
            }
            Shape::Object => self.expect(value.as_object().is_some(), "an object", value),
            Shape::Array(item) => match value.as_array() {
                Some(items) => self.items(*item, items),
                None => self.mismatch("an array", value),
            },
            Shape::Nullable(inner) => {
                if !value.is_null() {
                    self.value(*inner, value);
                }
            }
            Shape::Record(table) => self.record(table, value),
            Shape::EmptyOr(table) => {
                if !value.as_object().is_some_and(Object::is_empty) {
                    self.record(table, value);
                }
            }
            Shape::Closed(table) => {
                self.record(table, value);
                self.nothing_else(table, value);
            }
            Shape::Having { table, key } => {
                self.record(table, value);
                self.must_have(table, key, value);
            }
            Shape::Switch { key, with, without } => {
                self.record(
                    if value.get(key).is_some() {
                        with
                    } else {
                        without
                    },
                    value,
                );
            }
        }
    }

    fn must_have(&mut self, table: &'static Table, key: &str, value: &Json) {
        if value
            .as_object()
            .is_some_and(|object| !object.contains_key(key))
        {
            self.path.push(Step::Key(key.to_owned()));
            self.report(format!("missing; {} needs it here", table.name));
            self.path.pop();
        }
    }

    fn nothing_else(&mut self, table: &'static Table, value: &Json) {
        let keys = value.as_object().into_iter().flat_map(Object::keys);
        for key in keys {
            if table.fields.iter().all(|rule| rule.key != key) {
                self.path.push(Step::Key(key.to_owned()));
                self.report(format!("{} has no such key", table.name));
                self.path.pop();
            }
        }
    }

    fn items(&mut self, shape: Shape, items: &[Json]) {
        for (place, item) in items.iter().enumerate() {
            self.path.push(Step::Index(place));
            self.value(shape, item);
            self.path.pop();
        }
    }

    fn record(&mut self, table: &'static Table, value: &Json) {
        match value.as_object() {
            Some(object) => self.fields(table, object, &|key| key),
            None => self.mismatch("an object", value),
        }
    }

    fn fields<'k>(
        &mut self,
        table: &'static Table,
        object: &Object,
        name: &dyn Fn(&'static str) -> &'k str,
    ) {
        for rule in table.fields {
            let key = name(rule.key);
            let found = object
                .get(key)
                .or_else(|| rule.legacy.and_then(|legacy| object.get(legacy)));
            self.path.push(Step::Key(key.to_owned()));
            match found {
                Some(value) => self.value(rule.shape, value),
                None if rule.required => self.report(format!("missing; {} needs it", table.name)),
                None => {}
            }
            self.path.pop();
        }
    }
}

fn integer(min: i64) -> String {
    if min == i64::MIN {
        "an integer".to_owned()
    } else {
        format!("an integer of at least {min}")
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 16
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_time(value: &Json, suffix: &str) -> bool {
    value.as_str().is_some_and(|text| {
        text.ends_with(suffix)
            && text.as_bytes().get(10) == Some(&b'T')
            && Timestamp::parse(text).is_ok()
    })
}

/// The value as a finding shows it: short scalars in full, else its kind.
fn describe(value: &Json) -> String {
    const SHOWN: usize = 40;
    if !matches!(value, Json::Array(_) | Json::Object(_) | Json::Null) {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes, Style::LINE).json(value);
        if let Ok(text) = String::from_utf8(bytes)
            && text.chars().count() <= SHOWN
        {
            return format!("{} {text}", value.type_name());
        }
    }
    value.type_name().to_owned()
}
