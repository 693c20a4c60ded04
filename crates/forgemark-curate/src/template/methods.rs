//! The methods of Python's strings and dictionaries that chat templates call.

use minijinja::value::from_args;
use minijinja::{Error, ErrorKind, State, Value};

/// Calls `value.method(args)`.
pub(super) fn call(
    _: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let unknown = || {
        Error::new(
            ErrorKind::UnknownMethod,
            format!("a template here has no method {method}"),
        )
    };
    if let Some(text) = value.as_str() {
        return string(text, method, args)?.ok_or_else(unknown);
    }
    match method {
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(args)?;
            let found = value.get_item(key)?;
            Ok(if found.is_undefined() {
                default.unwrap_or_else(|| Value::from(()))
            } else {
                found
            })
        }
        "items" => {
            let pairs = value
                .try_iter()?
                .map(|key| Ok(Value::from(vec![key.clone(), value.get_item(&key)?])));
            pairs
                .collect::<Result<Vec<Value>, Error>>()
                .map(Value::from)
        }
        _ => Err(unknown()),
    }
}

fn string(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let strip = |start: bool, end: bool| -> Result<Value, Error> {
        let (set,): (Option<&str>,) = from_args(args)?;
        let is_stripped = |c: char| set.map_or(c.is_whitespace(), |set| set.contains(c));
        let mut rest = text;
        if start {
            rest = rest.trim_start_matches(is_stripped);
        }
        if end {
            rest = rest.trim_end_matches(is_stripped);
        }
        Ok(rest.into())
    };
    let found = match method {
        "strip" => strip(true, true)?,
        "lstrip" => strip(true, false)?,
        "rstrip" => strip(false, true)?,
        "upper" => text.to_uppercase().into(),
        "lower" => text.to_lowercase().into(),
        "startswith" => {
            let (part,): (&str,) = from_args(args)?;
            text.starts_with(part).into()
        }
        "endswith" => {
            let (part,): (&str,) = from_args(args)?;
            text.ends_with(part).into()
        }
        "replace" => {
            let (from, to): (&str, &str) = from_args(args)?;
            text.replace(from, to).into()
        }
        "split" => {
            let (at,): (Option<&str>,) = from_args(args)?;
            let parts: Vec<&str> = match at {
                Some(at) if !at.is_empty() => text.split(at).collect(),
                _ => text.split_whitespace().collect(),
            };
            Value::from_iter(parts)
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}
