//! The typed values of the shared keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::{Resolved, SettingError, nearest};

use super::{BatchSettings, BudgetSettings, EndpointSettings, LimitSettings, PriceSettings};
use crate::config::{Leftover, Wire};

/// Fields of an endpoint; `api_key` is known so that it gets its own words.
const ENDPOINT_FIELDS: [&str; 10] = [
    "name",
    "base_url",
    "api_key",
    "api_key_env",
    "weight",
    "max_in_flight",
    "timeout",
    "timeout_s",
    "model",
    "wire",
];

/// Fields of a price.
const PRICE_FIELDS: [&str; 3] = ["input_per_mtok", "cached_input_per_mtok", "output_per_mtok"];

/// `llm.limits`.
///
/// # Errors
/// A key that the table does not have or whose value is of another kind.
pub fn limits(values: &Resolved) -> Result<LimitSettings, SettingError> {
    Ok(LimitSettings {
        requests_per_minute: values.opt_u64("llm.limits.requests_per_minute")?,
        tokens_per_minute: values.opt_u64("llm.limits.tokens_per_minute")?,
        max_in_flight: values
            .opt_u64("llm.limits.max_in_flight")?
            .map(|n| n as u32),
        deadline_s: values.f64("llm.limits.deadline_s")?,
        attempt_timeout_s: values.f64("llm.limits.attempt_timeout_s")?,
        max_attempts: values.u64("llm.limits.max_attempts")? as u32,
        give_up_after_s: values.f64("llm.limits.give_up_after_s")?,
    })
}

/// `run.budget`.
///
/// # Errors
/// As [`limits`].
pub fn budget(values: &Resolved) -> Result<BudgetSettings, SettingError> {
    Ok(BudgetSettings {
        max_cost_usd: values.opt_f64("run.budget.max_cost_usd")?,
        max_tokens: values.opt_u64("run.budget.max_tokens")?,
        max_calls: values.opt_u64("run.budget.max_calls")?,
    })
}

/// `llm.ca_file`, as configured.
///
/// # Errors
/// As [`limits`].
pub fn ca_file(values: &Resolved) -> Result<Option<PathBuf>, SettingError> {
    Ok(values.opt_str("llm.ca_file")?.map(PathBuf::from))
}

/// `llm.batch`.
///
/// # Errors
/// As [`limits`].
pub fn batch(values: &Resolved) -> Result<BatchSettings, SettingError> {
    Ok(BatchSettings {
        enabled: values.bool("llm.batch.enabled")?,
        max_calls: values.usize("llm.batch.max_calls")?.max(1),
        quiet_s: values.f64("llm.batch.quiet_s")?,
        poll_s: values.f64("llm.batch.poll_s")?,
        leftover: match values.str("llm.batch.leftover")? {
            "single" => Leftover::Single,
            _ => Leftover::Batch,
        },
        rounds: values.u64("llm.batch.rounds")? as u32,
        price_percent: values.u64("llm.batch.price_percent")? as u32,
    })
}

/// The field `wire` of an entry at `at`; a word that is none goes to `problems`.
pub fn wire(entry: &Json, at: &str, problems: &mut Vec<SettingError>) -> Option<Wire> {
    let word = entry.get("wire").filter(|word| !word.is_null())?;
    let wire = word.as_str().and_then(Wire::from_word);
    if wire.is_none() {
        problems.push(
            SettingError::new(at, "has a wire that is not known")
                .with_hint("write `wire: openai` or `wire: anthropic`"),
        );
    }
    wire
}

/// `llm.routing.endpoints`; what is wrong with single entries goes to `problems`.
///
/// # Errors
/// As [`limits`].
pub fn endpoints(
    values: &Resolved,
    problems: &mut Vec<SettingError>,
) -> Result<Vec<EndpointSettings>, SettingError> {
    let path = "llm.routing.endpoints";
    let default_key = values.opt_str("llm.api_key_env")?;
    Ok(entry_endpoints(
        values.list(path)?,
        path,
        default_key,
        problems,
    ))
}

/// A list of endpoints that stands at `path`: base URLs, or mappings. `default_key` is the variable with the key of entries
/// that name none.
pub fn entry_endpoints(
    entries: &[Json],
    path: &str,
    default_key: Option<&str>,
    problems: &mut Vec<SettingError>,
) -> Vec<EndpointSettings> {
    let mut endpoints = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = format!("{path}[{index}]");
        let bare = entry
            .as_str()
            .map(|url| Json::object([("base_url", Json::from(url))]));
        let entry = bare.as_ref().unwrap_or(entry);
        let base_url = entry.str_or("base_url", "").trim().to_owned();
        if base_url.is_empty() {
            problems.push(
                SettingError::new(at.clone(), "has no base_url")
                    .with_hint("write a URL, or a mapping with base_url"),
            );
        }
        unknown_fields(entry, &ENDPOINT_FIELDS, &at, problems);
        if entry.get("api_key").is_some() {
            problems.push(
                SettingError::new(at.clone(), "holds a key in the file").with_hint(
                    "put the key into an environment variable and name it in api_key_env",
                ),
            );
        }
        endpoints.push(EndpointSettings {
            name: entry.str_or("name", &base_url).to_owned(),
            base_url: base_url.clone(),
            api_key_env: entry
                .get("api_key_env")
                .and_then(Json::as_str)
                .or(default_key)
                .map(str::to_owned),
            weight: entry.get("weight").and_then(Json::as_f64).unwrap_or(1.0),
            max_in_flight: entry
                .get("max_in_flight")
                .and_then(Json::as_u64)
                .map(|n| n as u32),
            timeout_s: entry
                .get("timeout_s")
                .or_else(|| entry.get("timeout"))
                .and_then(Json::as_f64),
            model: entry.get("model").and_then(Json::as_str).map(str::to_owned),
            wire: wire(entry, &at, problems),
        });
    }
    endpoints
}

/// `llm.prices`; what is wrong with single entries goes to `problems`.
///
/// # Errors
/// As [`limits`].
pub fn prices(
    values: &Resolved,
    problems: &mut Vec<SettingError>,
) -> Result<BTreeMap<String, PriceSettings>, SettingError> {
    let mut prices = BTreeMap::new();
    for (model, entry) in values.map("llm.prices")? {
        unknown_fields(entry, &PRICE_FIELDS, "llm.prices", problems);
        let number = |key: &str| entry.get(key).and_then(Json::as_f64).filter(|n| *n >= 0.0);
        let (Some(input), Some(output)) = (number("input_per_mtok"), number("output_per_mtok"))
        else {
            problems.push(
                SettingError::new(
                    "llm.prices",
                    format!("the price of {model:?} is incomplete"),
                )
                .with_hint("give input_per_mtok and output_per_mtok in US dollars"),
            );
            continue;
        };
        let cached_input = number("cached_input_per_mtok");
        prices.insert(
            model.to_owned(),
            PriceSettings {
                input,
                cached_input,
                output,
            },
        );
    }
    Ok(prices)
}

/// Reports fields that an entry does not have, with the nearest that it has.
pub fn unknown_fields(entry: &Json, known: &[&str], at: &str, problems: &mut Vec<SettingError>) {
    let fields = entry.as_object().into_iter().flat_map(Object::keys);
    for field in fields.filter(|field| !known.contains(field)) {
        let error = SettingError::new(at, format!("has no field {field:?}"));
        problems.push(match nearest(field, known.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("known fields: {}", known.join(", "))),
        });
    }
}
