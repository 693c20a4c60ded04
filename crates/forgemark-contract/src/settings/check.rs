//! One value against one key, the nearest name for a misspelling, and the JSON Schema of a table.

use super::{Key, Kind, SettingError, Status};
use crate::json::{Json, Object, Style, Writer, parse_str};

impl Key {
    /// The default as a value.
    ///
    /// # Errors
    /// [`SettingError`] when the table's own text is not JSON or not of the key's kind, which is a fault of the table.
    pub fn default_value(&self) -> Result<Json, SettingError> {
        let value = parse_str(self.default).map_err(|error| {
            SettingError::new(self.path, format!("the default is not JSON: {error}"))
        })?;
        self.check(&value)
    }

    /// Whether `null` means "not set" for this key.
    pub fn is_nullable(&self) -> bool {
        self.default == "null"
    }

    /// The value in the form that typed getters expect: aliases replaced, one text split into a list where a list is wanted,
    /// integers widened where a float is wanted.
    ///
    /// # Errors
    /// [`SettingError`] that names the value and what is accepted.
    pub fn check(&self, value: &Json) -> Result<Json, SettingError> {
        if value.is_null() && self.is_nullable() {
            return Ok(Json::Null);
        }
        let fail = |expected: String| {
            Err(SettingError::new(
                self.path,
                format!("expected {expected}, found {}", describe(value)),
            ))
        };
        match self.kind {
            Kind::Bool if value.as_bool().is_none() => fail("true or false".to_owned()),
            Kind::Int { min, max } => match value.as_i64() {
                Some(number) if (min..=max).contains(&number) => Ok(Json::Int(number)),
                _ => fail(format!("an integer {}", bounds(min, max))),
            },
            Kind::Float { min, max } => match value.as_f64() {
                Some(number) if (min..=max).contains(&number) => Ok(Json::Float(number)),
                _ => fail(format!("a number {}", float_bounds(min, max))),
            },
            Kind::Str if !value.is_string() => fail("text".to_owned()),
            Kind::OneOf(words) => self.check_word(value, words),
            Kind::StrList => match value {
                Json::Str(text) => Ok(split_list(text)),
                Json::Array(items) if items.iter().all(Json::is_string) => Ok(value.clone()),
                _ => fail("a list of texts".to_owned()),
            },
            Kind::Map if value.as_object().is_none() => fail("a mapping".to_owned()),
            Kind::List if value.as_array().is_none() => fail("a list".to_owned()),
            Kind::Bool | Kind::Str | Kind::Map | Kind::List | Kind::Any => Ok(value.clone()),
        }
    }

    fn check_word(
        &self,
        value: &Json,
        words: &[(&'static str, &[&'static str])],
    ) -> Result<Json, SettingError> {
        let asked = value.as_str().map(|text| text.trim().to_lowercase());
        let found = asked.as_deref().and_then(|text| {
            words
                .iter()
                .find(|(word, aliases)| *word == text || aliases.contains(&text))
                .map(|(word, _)| *word)
        });
        if let Some(word) = found {
            return Ok(Json::from(word));
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let error = SettingError::new(
            self.path,
            format!(
                "expected one of {}, found {}",
                list.join(", "),
                describe(value)
            ),
        );
        let all = words
            .iter()
            .flat_map(|(word, aliases)| std::iter::once(word).chain(aliases.iter()))
            .copied();
        Err(match asked.as_deref().and_then(|text| nearest(text, all)) {
            Some(near) => error.with_hint(format!("did you mean '{near}'?")),
            None => error,
        })
    }

    /// Reads text from the environment or a flag as a value of this key, then checks it. Booleans follow the original: `0`,
    /// `false`, `no` and `off` are false, `1`, `true`, `yes` and `on` true. Lists and mappings are JSON text; a list of
    /// texts may also be separated by commas.
    ///
    /// # Errors
    /// [`SettingError`] that names the text and what is accepted.
    pub fn parse_text(&self, text: &str) -> Result<Json, SettingError> {
        let trimmed = text.trim();
        if self.is_nullable() && (trimmed.is_empty() || trimmed == "null") {
            return Ok(Json::Null);
        }
        let as_json = || parse_str(trimmed).unwrap_or_else(|_| Json::from(text));
        let value = match self.kind {
            Kind::Bool => match trimmed.to_lowercase().as_str() {
                "0" | "false" | "no" | "off" => Json::Bool(false),
                "1" | "true" | "yes" | "on" => Json::Bool(true),
                _ => Json::from(text),
            },
            Kind::Str | Kind::OneOf(_) => Json::from(text),
            Kind::StrList if !trimmed.starts_with('[') => Json::from(text),
            _ => as_json(),
        };
        self.check(&value)
    }

    /// The JSON Schema of this key's value, without its description.
    pub fn schema(&self) -> Json {
        let typed = |name: &str| Object::from([("type", Json::from(name))]);
        let mut schema = match self.kind {
            Kind::Bool => typed("boolean"),
            Kind::Int { min, max } => {
                let mut schema = typed("integer");
                if min > i64::MIN {
                    schema.insert("minimum", min);
                }
                if max < i64::MAX {
                    schema.insert("maximum", max);
                }
                schema
            }
            Kind::Float { min, max } => {
                let mut schema = typed("number");
                if min > f64::MIN {
                    schema.insert("minimum", min);
                }
                if max < f64::MAX {
                    schema.insert("maximum", max);
                }
                schema
            }
            Kind::Str => typed("string"),
            Kind::OneOf(words) => {
                let all = words
                    .iter()
                    .flat_map(|(word, aliases)| std::iter::once(word).chain(aliases.iter()));
                Object::from([("enum", all.map(|word| Json::from(*word)).collect())])
            }
            Kind::StrList => {
                let list = Json::object([
                    ("type", "array".into()),
                    ("items", Json::Object(typed("string"))),
                ]);
                Object::from([(
                    "anyOf",
                    Json::Array(vec![list, Json::Object(typed("string"))]),
                )])
            }
            Kind::Map => typed("object"),
            Kind::List => typed("array"),
            Kind::Any => Object::new(),
        };
        if self.is_nullable() && !schema.is_empty() {
            let choices = Json::Array(vec![Json::Object(schema), Json::Object(typed("null"))]);
            schema = Object::from([("anyOf", choices)]);
        }
        Json::Object(schema)
    }
}

/// The JSON Schema (draft 2020-12) of a whole table: nested objects that accept no other key, with default and description.
pub fn settings_schema(keys: &[Key], title: &str) -> Json {
    let mut root = Object::from([
        (
            "$schema",
            "https://json-schema.org/draft/2020-12/schema".into(),
        ),
        ("title", title.into()),
        ("type", "object".into()),
        ("properties", Json::empty_object()),
        ("additionalProperties", false.into()),
    ]);
    for key in keys
        .iter()
        .filter(|key| !matches!(key.status, Status::Refused(_)))
    {
        let mut leaf = key.schema().into_object();
        leaf.insert("default", parse_str(key.default).unwrap_or_default());
        let description = match key.status {
            Status::Honoured | Status::Refused(_) => key.doc.to_owned(),
            Status::Replaced(by) => format!("{} Replaced: {by}.", key.doc),
            Status::Inert(why) => format!("{} No effect: {why}.", key.doc),
            Status::Renamed(to) => format!("{} Now `{to}`.", key.doc),
        };
        leaf.insert("description", description);
        if key.status != Status::Honoured {
            leaf.insert("deprecated", true);
        }
        insert_leaf(&mut root, key.path, leaf);
    }
    Json::Object(root)
}

fn insert_leaf(node: &mut Object, path: &str, leaf: Object) {
    if node.get("properties").is_none() {
        node.insert("properties", Json::empty_object());
        node.insert("additionalProperties", false);
    }
    let Some(Json::Object(properties)) = node.get_mut("properties") else {
        return;
    };
    let Some((head, rest)) = path.split_once('.') else {
        properties.insert(path, leaf);
        return;
    };
    if !properties.contains_key(head) {
        properties.insert(head, Json::object([("type", "object".into())]));
    }
    if let Some(Json::Object(child)) = properties.get_mut(head) {
        insert_leaf(child, rest, leaf);
    }
}

/// The candidate that `name` most likely misspells, or `None` when none is near. Ties go to the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| {
        (
            strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
            candidate,
        )
    });
    let best = scored.reduce(|best, next| if next.0 < best.0 { next } else { best })?;
    // A third of the letters may differ, at least one.
    (best.0 <= (lower.chars().count() / 3).max(1)).then_some(best.1)
}

fn bounds(min: i64, max: i64) -> String {
    match (min, max) {
        (i64::MIN, i64::MAX) => "within 64 bits".to_owned(),
        (min, i64::MAX) => format!("of at least {min}"),
        (i64::MIN, max) => format!("of at most {max}"),
        (min, max) => format!("from {min} to {max}"),
    }
}

fn float_bounds(min: f64, max: f64) -> String {
    match (min <= f64::MIN, max >= f64::MAX) {
        (true, true) => "that is finite".to_owned(),
        (false, true) => format!("of at least {min}"),
        (true, false) => format!("of at most {max}"),
        (false, false) => format!("from {min} to {max}"),
    }
}

/// The value as an error shows it: short JSON, or what kind it is.
fn describe(value: &Json) -> String {
    const SHOWN: usize = 60;
    let mut bytes = Vec::new();
    Writer::new(&mut bytes, Style::LINE).json(value);
    match String::from_utf8(bytes) {
        Ok(text) if text.chars().count() <= SHOWN => text,
        _ => format!("a long {}", value.type_name()),
    }
}

/// Texts between commas, white space around them and empty ones left out.
fn split_list(text: &str) -> Json {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(Json::from)
        .collect()
}
