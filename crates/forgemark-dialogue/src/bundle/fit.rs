//! Making any row fit the strict schema, without losing anything of it.
//!
//! One walk over the schema's shapes: what has another type and says the same is converted and counted; what no column can
//! hold is set aside as JSON text under its path, and counted. A key that is missing, `null` and an empty text in
//! place of a list or an object say nothing, and become what stands for nothing there.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::dialogue::bundle::{LEFTOVERS, OURS, ROW};
use forgemark_contract::json::{Json, Object, python_str, to_line_text};
use forgemark_contract::shape::{FieldRule, Shape, Table};

/// Where a bare text in place of a record goes, by the record's name.
const BARE: [(&str, &str); 4] = [
    ("BundleThought", "text"),
    ("BundlePremise", "text"),
    ("BundleEvidence", "content"),
    ("BundleFact", "fact"),
];

/// Other names that models give a key, in the order in which they are tried: record, key, names.
const ALIASES: [(&str, &str, &[&str]); 2] = [
    (
        "BundleThought",
        "text",
        &[
            "assumption",
            "text_is_assumption",
            "note",
            "content",
            "thought",
        ],
    ),
    ("BundlePremise", "assumption", &["note", "text_note"]),
];

/// What was changed so that rows fit, by place; `[]` stands for every element of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Values that say the same in another type: place, what was done, how often.
    pub converted: BTreeMap<(String, &'static str), u64>,
    /// Values that no column can hold; they stand as JSON text in their row's `leftovers`.
    pub set_aside: BTreeMap<String, u64>,
}

impl Changes {
    /// All conversions.
    pub fn conversions(&self) -> u64 {
        self.converted.values().sum()
    }

    /// All values that were set aside.
    pub fn leftovers(&self) -> u64 {
        self.set_aside.values().sum()
    }
}

/// A row under default names that fits the schema. `row` has default names too; `columns` says what the reader calls
/// them, for the paths.
pub(super) fn fit(row: Object, columns: &Columns, changes: &mut Changes) -> Json {
    let mut walk = Walk {
        columns,
        path: Vec::new(),
        changes,
        leftovers: Vec::new(),
    };
    let mut row = walk.record(&ROW, row);
    let leftovers = std::mem::take(&mut walk.leftovers);
    let list = row
        .get_mut(Columns::NAMES[2])
        .and_then(|metadata| metadata.as_object_mut()?.get_mut(OURS))
        .and_then(|ours| ours.as_object_mut()?.get_mut(LEFTOVERS))
        .and_then(Json::as_array_mut);
    if let Some(list) = list {
        list.extend(leftovers);
    }
    Json::Object(row)
}

enum Step {
    Key(String),
    Index(usize),
}

struct Walk<'a> {
    columns: &'a Columns,
    path: Vec<Step>,
    changes: &'a mut Changes,
    leftovers: Vec<Json>,
}

impl Walk<'_> {
    /// The value in the shape; `None` when it does not fit and was set aside.
    fn value(&mut self, shape: Shape, value: Json) -> Option<Json> {
        match shape {
            Shape::Nullable(_) if value.is_null() => Some(Json::Null),
            Shape::Nullable(inner) => self.value(*inner, value),
            Shape::Array(item) => self.list(*item, value),
            Shape::Closed(table) => self.object(table, value),
            Shape::Text => Some(self.text(value)),
            Shape::Bool => self.bool(value),
            Shape::Integer { min } => self.integer(min, value),
            Shape::Number => self.number(value),
            // The schema of rows has no other shape.
            _ => Some(value),
        }
    }

    fn list(&mut self, item: Shape, value: Json) -> Option<Json> {
        let items = match value {
            Json::Null => Vec::new(),
            Json::Array(items) => items,
            value if says_nothing(&value) => {
                self.converted("empty text became an empty list");
                Vec::new()
            }
            value => {
                let only = self.value(item, value)?;
                self.converted("a single value became a list");
                return Some(Json::Array(vec![only]));
            }
        };
        let mut fitted = Vec::with_capacity(items.len());
        for (place, value) in items.into_iter().enumerate() {
            self.path.push(Step::Index(place));
            if value.is_null() {
                self.converted("null was left out of a list");
            } else {
                fitted.extend(self.value(item, value));
            }
            self.path.pop();
        }
        Some(Json::Array(fitted))
    }

    fn object(&mut self, table: &'static Table, value: Json) -> Option<Json> {
        match value {
            Json::Object(object) => Some(Json::Object(self.record(table, object))),
            Json::Null => Some(empty(Shape::Closed(table))),
            value if says_nothing(&value) => {
                self.converted("empty text became an empty object");
                Some(empty(Shape::Closed(table)))
            }
            value => {
                let bare = BARE.iter().find(|(name, _)| *name == table.name);
                match bare {
                    Some((_, key)) if !matches!(value, Json::Array(_)) => {
                        self.converted("a bare value became an object");
                        let text = self.text(value);
                        Some(Json::Object(self.record(table, [(*key, text)].into())))
                    }
                    _ => {
                        self.set_aside(&value);
                        None
                    }
                }
            }
        }
    }

    /// The record with all of its keys; the others are set aside.
    fn record(&mut self, table: &'static Table, mut object: Object) -> Object {
        let mut fitted = Object::with_capacity(table.fields.len());
        for rule in table.fields {
            let value = self.take(table, rule, &mut object);
            self.path.push(Step::Key(rule.key.to_owned()));
            let value = value.and_then(|value| self.value(rule.shape, value));
            self.path.pop();
            fitted.insert(rule.key, value.unwrap_or_else(|| empty(rule.shape)));
        }
        for (key, value) in object {
            self.path.push(Step::Key(key));
            if value.is_null() {
                self.converted("null under an unknown key was left out");
            } else {
                self.set_aside(&value);
            }
            self.path.pop();
        }
        fitted
    }

    /// Takes the value of a key, or of another name for it, out of an object.
    fn take(&mut self, table: &Table, rule: &FieldRule, object: &mut Object) -> Option<Json> {
        let own = object.remove(rule.key).filter(|value| !value.is_null());
        if own.is_some() {
            return own;
        }
        let (.., names) = ALIASES
            .iter()
            .find(|(name, key, _)| *name == table.name && *key == rule.key)?;
        let found = |name: &&&str| object.get(name).is_some_and(|value| !value.is_null());
        let name = names.iter().find(found)?;
        self.path.push(Step::Key((*name).to_owned()));
        self.converted("another name of a key was taken for it");
        self.path.pop();
        object.remove(name)
    }

    fn text(&mut self, value: Json) -> Json {
        match value {
            Json::Str(_) => value,
            Json::Utf16(_) => {
                // The value itself stays readable as an escaped JSON text.
                self.set_aside(&value);
                self.converted("half characters (lone surrogates) were replaced");
                Json::Str(value.to_text().unwrap_or_default().into_owned())
            }
            Json::Bool(value) => {
                self.converted("a boolean became text");
                Json::from(if value { "true" } else { "false" })
            }
            Json::Array(_) | Json::Object(_) => {
                self.converted("a list or an object became JSON text");
                Json::Str(to_line_text(&value))
            }
            value => {
                self.converted("a number became text");
                Json::Str(python_str(&value))
            }
        }
    }

    fn bool(&mut self, value: Json) -> Option<Json> {
        if value.as_bool().is_some() {
            return Some(value);
        }
        let read = match value.as_str().map(str::trim) {
            Some(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        self.read(&value, read.map(Json::Bool), "text became a boolean")
    }

    fn integer(&mut self, min: i64, value: Json) -> Option<Json> {
        /// From here on not every whole number is a float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let in_range = |number: &i64| *number >= min;
        let read = match &value {
            Json::Int(number) if in_range(number) => return Some(value),
            Json::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
                Some(*number as i64)
            }
            Json::Str(text) => text.trim().parse().ok(),
            _ => None,
        };
        let what = "text or a float became a whole number";
        self.read(&value, read.filter(in_range).map(Json::Int), what)
    }

    fn number(&mut self, value: Json) -> Option<Json> {
        let read = match &value {
            Json::Float(number) if number.is_finite() => return Some(value),
            // Both spell the same number; larger ones than a float holds exactly do not.
            Json::Int(number) if (*number as f64) as i64 == *number => {
                return Some(Json::Float(*number as f64));
            }
            Json::Str(text) => text.trim().parse().ok(),
            _ => None,
        };
        let read = read.filter(|number: &f64| number.is_finite());
        self.read(&value, read.map(Json::Float), "text became a number")
    }

    fn read(&mut self, value: &Json, read: Option<Json>, what: &'static str) -> Option<Json> {
        if read.is_some() {
            self.converted(what);
        } else {
            self.set_aside(value);
        }
        read
    }

    fn converted(&mut self, what: &'static str) {
        let place = (self.place(true), what);
        *self.changes.converted.entry(place).or_default() += 1;
    }

    fn set_aside(&mut self, value: &Json) {
        *self.changes.set_aside.entry(self.place(true)).or_default() += 1;
        self.leftovers.push(Json::object([
            ("path", Json::Str(self.place(false))),
            ("value", Json::Str(to_line_text(value))),
        ]));
    }

    /// The path in the reader's names; with `[]` for every place of a list when it is a pattern.
    fn place(&self, pattern: bool) -> String {
        let mut path = String::new();
        for (depth, step) in self.path.iter().enumerate() {
            // Writing to a `String` cannot fail.
            let _ = match step {
                Step::Key(key) if depth == 0 => write!(path, "{}", self.columns.name(key)),
                Step::Key(key) => write!(path, ".{key}"),
                Step::Index(_) if pattern => write!(path, "[]"),
                Step::Index(place) => write!(path, "[{place}]"),
            };
        }
        path
    }
}

fn says_nothing(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What stands for nothing.
fn empty(shape: Shape) -> Json {
    match shape {
        Shape::Array(_) => Json::Array(Vec::new()),
        Shape::Closed(table) => {
            let fields = table.fields.iter();
            let entries = fields.map(|rule| (rule.key, empty(rule.shape)));
            Json::Object(entries.collect())
        }
        _ => Json::Null,
    }
}
