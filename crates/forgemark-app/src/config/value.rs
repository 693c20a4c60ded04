//! One value of a source as its key wants it.

use forgemark_contract::json::{Json, Object, to_line};
use forgemark_contract::settings::{Key, Kind, SettingError};

use super::yaml::{self, Node, Scalar, Value};
use crate::escape;

/// Most columns of a value that an error shows.
const SHOWN: usize = 60;

/// A value that its key does not accept, and the node that is to blame when it is not the whole.
pub(super) struct Rejected {
    /// The error.
    pub error: SettingError,
    /// The part of the value that is wrong.
    pub at: Option<yaml::Span>,
}

impl Rejected {
    fn whole(error: SettingError) -> Vec<Self> {
        vec![Rejected { error, at: None }]
    }
}

/// Reads a node of the file as a value of `key`.
pub(super) fn from_node(key: &Key, node: &Node) -> Result<Json, Vec<Rejected>> {
    if node.is_null() && !key.is_nullable() && key.kind != Kind::Any {
        let error = SettingError::new(key.path, "no value is given");
        let hint = format!(
            "give a value, or remove the line; the default is {}",
            key.default
        );
        return Err(Rejected::whole(error.with_hint(hint)));
    }
    if node.is_null() {
        return key.check(&Json::Null).map_err(Rejected::whole);
    }
    let candidate = match (&key.kind, &node.value) {
        (Kind::Bool, Value::Scalar(scalar)) => boolean(scalar),
        (Kind::Str, Value::Scalar(scalar)) => text(scalar),
        (Kind::OneOf(_), Value::Scalar(scalar)) => Json::from(scalar.text.as_str()),
        (Kind::StrList, Value::Scalar(scalar)) => text(scalar),
        (Kind::StrList, Value::Sequence(items)) => texts(key, items)?,
        _ => node.to_json(),
    };
    key.check(&candidate)
        .map_err(|error| Rejected::whole(with_quote_hint(key, node, error)))
}

/// Reads the text of a variable or a flag as a value of `key`: free-form values and lists in brackets are
/// YAML (or JSON), everything else is as [`Key::parse_text`] says.
pub(super) fn from_text(key: &Key, text: &str) -> Result<Json, SettingError> {
    let as_yaml = match key.kind {
        Kind::Map | Kind::List | Kind::Any => true,
        Kind::StrList => text.trim_start().starts_with('['),
        _ => false,
    };
    if !as_yaml {
        return key.parse_text(text);
    }
    let value = yaml::parse_json(text).map_err(|problem| SettingError {
        hint: problem.hint,
        ..SettingError::new(key.path, problem.what)
    })?;
    key.check(&value)
}

/// YAML 1.1 wrote truth values as `yes` and `no`; where a truth value is wanted, they still are.
fn boolean(scalar: &Scalar) -> Json {
    match scalar.text.to_ascii_lowercase().as_str() {
        "yes" | "on" if scalar.plain => Json::Bool(true),
        "no" | "off" if scalar.plain => Json::Bool(false),
        _ => scalar.to_json(),
    }
}

/// Where text is wanted a number is text, as it was written; `true` and `false` without quotes
/// are more likely a mistake.
fn text(scalar: &Scalar) -> Json {
    match scalar.to_json() {
        flag @ Json::Bool(_) => flag,
        _ => Json::from(scalar.text.as_str()),
    }
}

fn texts(key: &Key, items: &[Node]) -> Result<Json, Vec<Rejected>> {
    let mut list = Vec::with_capacity(items.len());
    let mut rejected = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let value = match &item.value {
            Value::Scalar(scalar) if !item.is_null() => text(scalar),
            _ => item.to_json(),
        };
        if !value.is_string() {
            let found = escape::for_json(to_line(&value));
            let what = format!(
                "expected text in place {}, found {}",
                index + 1,
                escape::truncate(&found, SHOWN)
            );
            let error = quote_hint(&value, SettingError::new(key.path, what));
            rejected.push(Rejected {
                error,
                at: Some(item.at),
            });
        }
        list.push(value);
    }
    if rejected.is_empty() {
        Ok(Json::Array(list))
    } else {
        Err(rejected)
    }
}

/// Adds the hint that most mistakes with quotes need.
fn with_quote_hint(key: &Key, node: &Node, error: SettingError) -> SettingError {
    let Value::Scalar(scalar) = &node.value else {
        return error;
    };
    match key.kind {
        Kind::Str | Kind::StrList => quote_hint(&scalar.to_json(), error),
        Kind::Int { .. } | Kind::Float { .. } | Kind::Bool
            if !scalar.plain && error.hint.is_none() =>
        {
            let plain = Scalar {
                plain: true,
                ..scalar.clone()
            };
            if key.check(&boolean(&plain)).is_ok() {
                error.with_hint("remove the quotes")
            } else {
                error
            }
        }
        _ => error,
    }
}

fn quote_hint(value: &Json, error: SettingError) -> SettingError {
    match value {
        Json::Bool(flag) => error.with_hint(format!("put it in quotes: \"{flag}\"")),
        _ => error,
    }
}

/// Lays `over` on `under`, object by object; anything else is replaced.
pub(super) fn merge(under: &mut Object, over: &Object) {
    for (name, value) in over {
        match (under.get_mut(name), value) {
            (Some(Json::Object(below)), Json::Object(above)) => merge(below, above),
            _ => {
                under.insert(name, value.clone());
            }
        }
    }
}
